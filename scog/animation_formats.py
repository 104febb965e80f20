"""File formats of animations, and how fast they are shown."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from scog.animation import Animation
from scog.errors import InvalidInput
from scog.picture import frames
from scog.picture.frames import Frame
from scog.suggest import did_you_mean, quoted

FPS, DURATION, SIZE = (0.1, 50.0), (20, 10_000), (64, 1024)
"""Frames a second, milliseconds a frame, pixels of the longer side: the least and the most."""
DEFAULT_DURATION, DEFAULT_SIZE = 500, 512


@dataclass(frozen=True)
class Format:
    """A file format: its name, its media type, how frames become parts and these a file."""

    name: str
    media_type: str
    description: str
    parts: Callable[[Sequence[Frame], int], Iterator[bytes]]
    whole: Callable[[Sequence[Frame], Sequence[bytes]], bytes]


FORMATS: tuple[Format, ...] = (
    Format(
        "gif",
        "image/gif",
        "one palette for all frames, exact where there is one output; what is not known is transparent, the colour 255",
        frames.gif,
        lambda _, parts: b"".join(parts),
    ),
    Format(
        "webp",
        "image/webp",
        "without loss where there is one output; in true colour better and smaller than GIF",
        frames.webp,
        frames.webp_file,
    ),
)
NAMED: Mapping[str, Format] = MappingProxyType({each.name: each for each in FORMATS})


def format_of(name: str) -> Format:
    """The format of that name. Raises InvalidInput where there is none."""
    found = NAMED.get(name)
    if found is None:
        near = did_you_mean(name, NAMED)
        what = f"there is no format of animations {quoted(name)}{near}"
        raise InvalidInput(what, parameter="format", valid=", ".join(NAMED))
    return found


def duration_of(fps: float | None, duration: int | None) -> int:
    """Milliseconds a frame. Raises InvalidInput where both are given, or one is out of bounds."""
    if fps is not None and duration is not None:
        raise InvalidInput("fps and duration say the same.", parameter="fps", valid="one of the two")
    if fps is not None:
        if not FPS[0] <= fps <= FPS[1]:
            raise InvalidInput(
                f"Nobody sees {fps:g} frames a second.", parameter="fps", valid="{:g} to {:g}".format(*FPS)
            )
        return max(DURATION[0], round(1000 / fps))
    if duration is not None and not DURATION[0] <= duration <= DURATION[1]:
        what = f"Nobody waits {duration} ms for a frame."
        raise InvalidInput(what, parameter="duration", valid="{} to {}".format(*DURATION))
    return DEFAULT_DURATION if duration is None else duration


async def encode(animation: Animation, form: Format, duration: int, labelled: bool = True) -> bytes:
    """The file, each frame `duration` milliseconds long; made in a thread part by part, so that it can be given up."""
    shown = [Frame(picture, moment.text if labelled else "") for moment, picture in animation.frames]
    making = form.parts(shown, duration)
    parts: list[bytes] = []
    while (part := await asyncio.to_thread(next, making, None)) is not None:
        parts.append(part)
    return await asyncio.to_thread(form.whole, shown, parts)
