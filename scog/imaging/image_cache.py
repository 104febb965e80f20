"""What was drawn lately: who looks at the same place again, or only changes colours, need not wait for it anew.

A picture is known again by what was asked and by the very scenes it was made of, as a search finds them now: when a new
scene arrives, or one is processed again, it is drawn anew.
"""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Hashable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Self

import numpy as np
from numpy.typing import NDArray

from scog.catalog.observation import Observation
from scog.catalog.scene import Scene
from scog.geo.grid import Grid
from scog.imaging.report import Report
from scog.imaging.request import ImageData, ImageRequest
from scog.runtime.byte_cache import ByteCache

MAX_AGE = 3600.0
"""Seconds that a picture is kept at most: as long as browsers may keep it, should a file be replaced unnoticed."""
OVERHEAD = 2_000
"""Bytes that an entry takes beside its arrays."""


class Replayable:
    """Observations as they are asked for, which can be gone through once more from the beginning."""

    def __init__(self, found: AsyncIterator[Observation]) -> None:
        self._found = found
        self._again: deque[Observation] = deque()
        self.seen: list[Observation] = []
        self.ended = False
        """Whether there are no more than those seen."""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Observation:
        if self._again:
            return self._again.popleft()
        try:
            observation = await anext(self._found)
        except StopAsyncIteration:
            self.ended = True
            raise
        self.seen.append(observation)
        return observation

    def rewind(self) -> None:
        """Begin anew with what was seen."""
        self._again = deque(self.seen)


@dataclass(frozen=True)
class EncodedImage:
    """A picture's bytes, and the tag by which clients know it again."""

    body: bytes
    etag: str


def encoded(body: bytes) -> EncodedImage:
    """Bytes with their tag."""
    return EncodedImage(body, f'"{blake2b(body, digest_size=12).hexdigest()}"')


@dataclass(frozen=True, eq=False)
class _Entry:
    """Values, and what they came of."""

    values: NDArray[np.float32]
    valid: NDArray[np.bool_]
    used: tuple[Scene, ...]
    unmasked: tuple[str, ...]
    seen: tuple[Observation, ...]
    ended: bool
    since: float
    number: int = field(default_factory=itertools.count(1).__next__)


class ImageCache:
    """Drawings, and pictures made of them, within one bound of bytes; those used longest ago go first.

    Drawings from which scenes are missing are not kept, as another try may bring them; nor are previews.
    """

    def __init__(self, capacity: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._entries: ByteCache[Hashable, _Entry] = ByteCache(capacity)
        self._pictures: ByteCache[Hashable, EncodedImage] = ByteCache(capacity // 4)
        self._clock = clock

    async def get(self, grid: Grid, request: ImageRequest, found: Replayable, report: Report) -> ImageData | None:
        """The drawing, if it is kept and made of what is found now; `found` may then be gone on with all the same."""
        entry = self._entries.get((grid, request))
        if entry is None:
            return None
        if self._clock() - entry.since > MAX_AGE or not await _still(entry, found):
            self._entries.drop((grid, request))
            found.rewind()
            return None
        report.used = list(entry.used)
        report.unmasked = list(entry.unmasked)
        return ImageData(entry.values, entry.valid, report, entry.number)

    def put(self, grid: Grid, request: ImageRequest, found: Replayable, drawing: ImageData) -> ImageData:
        """Keep a drawing; the same, from now on known by a number."""
        if drawing.report.partial or drawing.report.is_preview:
            return drawing
        for array in (drawing.values, drawing.valid):
            array.flags.writeable = False  # many may look at it from now on
        entry = _Entry(
            drawing.values, drawing.valid, tuple(drawing.report.used), tuple(drawing.report.unmasked),
            tuple(found.seen), found.ended, self._clock(),
        )  # fmt: skip
        self._entries.put((grid, request), entry, drawing.values.nbytes + drawing.valid.nbytes + OVERHEAD)
        return ImageData(drawing.values, drawing.valid, drawing.report, entry.number)

    def get_encoded(self, drawing: ImageData, form: Hashable) -> EncodedImage | None:
        """The picture made of a drawing in some form, if it is kept."""
        return self._pictures.get((drawing.number, form)) if drawing.number else None

    def put_encoded(self, drawing: ImageData, form: Hashable, picture: EncodedImage) -> None:
        """Keep a picture, if its drawing is kept."""
        if drawing.number:
            self._pictures.put((drawing.number, form), picture, len(picture.body) + OVERHEAD)


async def _still(entry: _Entry, found: Replayable) -> bool:
    """Whether an entry's observations are still those that are found, and it saw all there are if it did then."""
    for observation in entry.seen:
        now = await anext(found, None)
        if now is None or not _same(now, observation):
            return False
    return not entry.ended or await anext(found, None) is None


def _same(one: Observation, other: Observation) -> bool:
    """Whether two observations show the same; after a new search they are not the same objects."""
    if one is other:
        return True
    return len(one.scenes) == len(other.scenes) and all(
        a is b or (a.id, a.collection, a.generated, a.assets) == (b.id, b.collection, b.generated, b.assets)
        for a, b in zip(one.scenes, other.scenes, strict=True)
    )
