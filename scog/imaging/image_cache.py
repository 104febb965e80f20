"""Cache of computed images and their encoded files. Repeated requests and new styles need no reads.

The key is the grid and the request. An entry is valid while a search selects the scenes that the image was made of: a
new or reprocessed scene invalidates it.
"""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Hashable, Mapping
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
from scog.imaging.scene_offsets import UsedOffset
from scog.runtime.byte_cache import ByteCache

MAX_AGE = 3600.0
"""Maximum age of a cached image in seconds, as in browsers, in case a file is replaced without a new item."""
OVERHEAD = 2_000
"""Bytes of an entry besides its arrays."""


class Replayable:
    """An iterator of observations that can be rewound at any time."""

    def __init__(self, observations: AsyncIterator[Observation]) -> None:
        self._observations = observations
        self._replay: deque[Observation] = deque()
        self.seen: list[Observation] = []
        self.ended = False
        """Whether `seen` contains all observations."""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Observation:
        if self._replay:
            return self._replay.popleft()
        try:
            observation = await anext(self._observations)
        except StopAsyncIteration:
            self.ended = True
            raise
        self.seen.append(observation)
        return observation

    def rewind(self) -> None:
        """Start again at the first observation."""
        self._replay = deque(self.seen)


@dataclass(frozen=True)
class EncodedImage:
    """The bytes of a file and their ETag."""

    body: bytes
    etag: str


def encoded_image(body: bytes) -> EncodedImage:
    """Bytes with their ETag."""
    return EncodedImage(body, f'"{blake2b(body, digest_size=12).hexdigest()}"')


@dataclass(frozen=True, eq=False)
class _Entry:
    """An image, and the observations that were read for it.

    used      the scenes that the image shows
    unmasked  scenes to which a part of the mask does not apply, with what is missing
    guessed   guessed reflectance offsets by scene id
    remarks   further notes of the report
    seen      all observations read, in order
    ended     whether `seen` contains all selected observations
    since     when the image was computed, by the cache's clock
    """

    values: NDArray[np.float32]
    valid: NDArray[np.bool_]
    used: tuple[Scene, ...]
    unmasked: Mapping[str, tuple[str, ...]]
    guessed: Mapping[str, UsedOffset]
    remarks: tuple[str, ...]
    seen: tuple[Observation, ...]
    ended: bool
    since: float
    cache_id: int = field(default_factory=itertools.count(1).__next__)


class ImageCache:
    """LRU cache of images and encoded images, bounded in bytes.

    Partial images are not cached, since a retry may complete them. Previews are not cached either.
    """

    def __init__(self, capacity: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._entries: ByteCache[Hashable, _Entry] = ByteCache(capacity)
        self._encoded: ByteCache[Hashable, EncodedImage] = ByteCache(capacity // 4)
        self._clock = clock

    async def get(self, grid: Grid, request: ImageRequest, selected: Replayable, report: Report) -> ImageData | None:
        """The cached image of a request if it was made of the observations that are now `selected`, else None.

        On a hit, the scenes are added to `report`, which becomes the image's report. On a miss, `selected` is rewound.
        """
        entry = self._entries.get((grid, request))
        if entry is None:
            return None
        if self._clock() - entry.since > MAX_AGE or not await _is_current(entry, selected):
            self._entries.drop((grid, request))
            selected.rewind()
            return None
        report.used = list(entry.used)
        report.unmasked = dict(entry.unmasked)
        report.guessed_offsets = dict(entry.guessed)
        report.remarks = list(dict.fromkeys((*report.remarks, *entry.remarks)))
        return ImageData(entry.values, entry.valid, report, entry.cache_id)

    def put(self, grid: Grid, request: ImageRequest, selected: Replayable, data: ImageData) -> ImageData:
        """Cache an image, and return it with its cache id. Its arrays become read-only.

        Partial images and previews are returned without being cached.
        """
        if data.report.partial or data.report.is_preview:
            return data
        for array in (data.values, data.valid):
            array.flags.writeable = False  # shared between requests from now on
        entry = _Entry(
            data.values, data.valid, tuple(data.report.used), dict(data.report.unmasked),
            dict(data.report.guessed_offsets), tuple(data.report.remarks), tuple(selected.seen), selected.ended,
            self._clock(),
        )  # fmt: skip
        self._entries.put((grid, request), entry, data.values.nbytes + data.valid.nbytes + OVERHEAD)
        return ImageData(data.values, data.valid, data.report, entry.cache_id)

    def get_encoded(self, data: ImageData, encoding: Hashable) -> EncodedImage | None:
        """The cached file of an image in an encoding (format and style), else None."""
        return self._encoded.get((data.cache_id, encoding)) if data.cache_id else None

    def put_encoded(self, data: ImageData, encoding: Hashable, encoded_image: EncodedImage) -> None:
        """Cache the file of an image, if the image is cached."""
        if data.cache_id:
            self._encoded.put((data.cache_id, encoding), encoded_image, len(encoded_image.body) + OVERHEAD)


async def _is_current(entry: _Entry, selected: Replayable) -> bool:
    """Whether the selection starts with the entry's observations, and no others if the entry used all of its own."""
    for observation in entry.seen:
        current = await anext(selected, None)
        if current is None or not _same_files(current, observation):
            return False
    return not entry.ended or await anext(selected, None) is None


def _same_files(one: Observation, other: Observation) -> bool:
    """Whether two observations have the same scenes and files. Each search creates its own Scene objects."""
    if one is other:
        return True
    return len(one.scenes) == len(other.scenes) and all(
        a is b or (a.id, a.collection, a.processed_at, a.assets) == (b.id, b.collection, b.processed_at, b.assets)
        for a, b in zip(one.scenes, other.scenes, strict=True)
    )
