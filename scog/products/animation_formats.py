"""File formats and frame rates of animations."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from scog.errors import InvalidInput
from scog.products.animation import Animation
from scog.render import frames
from scog.render.frames import Frame
from scog.suggest import did_you_mean, quoted

FPS_RANGE = (0.1, 50.0)
"""Minimum and maximum frames per second."""
DURATION_RANGE = (20, 10_000)
"""Minimum and maximum milliseconds per frame."""
SIZE_RANGE = (64, 1024)
"""Minimum and maximum pixels of the longer side."""
DEFAULT_DURATION, DEFAULT_SIZE = 500, 512


@dataclass(frozen=True)
class Format:
    """A file format of animations.

    parts  encodes frames, each of a duration in milliseconds, into parts
    whole  joins the parts to a file
    """

    name: str
    media_type: str
    description: str
    parts: Callable[[Sequence[Frame], int], Iterator[bytes]]
    whole: Callable[[Sequence[Frame], Sequence[bytes]], bytes]


FORMATS: tuple[Format, ...] = (
    Format(
        "gif",
        "image/gif",
        "one palette for all frames, exact if there is one output; invalid pixels are transparent (palette index 255)",
        frames.gif,
        lambda _, parts: b"".join(parts),
    ),
    Format(
        "webp",
        "image/webp",
        "lossless if there is one output; in true colour better and smaller than GIF",
        frames.webp,
        frames.webp_file,
    ),
)
NAMED: Mapping[str, Format] = MappingProxyType({each.name: each for each in FORMATS})


def format_of(name: str) -> Format:
    """The format with that name. Raises InvalidInput for an unknown name."""
    result = NAMED.get(name)
    if result is None:
        message = f"there is no animation format {quoted(name)}{did_you_mean(name, NAMED)}"
        raise InvalidInput(message, parameter="format", valid=", ".join(NAMED))
    return result


def duration_of(fps: float | None, duration: int | None) -> int:
    """Duration of a frame in milliseconds. Raises InvalidInput if both are given, or one is out of range."""
    if fps is not None and duration is not None:
        raise InvalidInput("fps and duration exclude each other.", parameter="fps", valid="only one of the two")
    if fps is not None:
        if not FPS_RANGE[0] <= fps <= FPS_RANGE[1]:
            valid = "{:g} to {:g} frames per second".format(*FPS_RANGE)
            raise InvalidInput(f"fps of {fps:g} is out of range.", parameter="fps", valid=valid)
        return max(DURATION_RANGE[0], round(1000 / fps))
    if duration is not None and not DURATION_RANGE[0] <= duration <= DURATION_RANGE[1]:
        valid = "{} to {} milliseconds".format(*DURATION_RANGE)
        raise InvalidInput(f"duration of {duration} is out of range.", parameter="duration", valid=valid)
    return DEFAULT_DURATION if duration is None else duration


async def encode(animation: Animation, animation_format: Format, duration: int, labelled: bool = True) -> bytes:
    """Encode an animation with `duration` milliseconds per frame; `labelled` draws the dates of frames.

    Each part is encoded by a separate call in a thread, so that encoding can be cancelled between two parts.
    """
    labelled_frames = [Frame(image, frame_time.text if labelled else "") for frame_time, image in animation.frames]
    encoder = animation_format.parts(labelled_frames, duration)
    parts: list[bytes] = []
    while (part := await asyncio.to_thread(next, encoder, None)) is not None:
        parts.append(part)
    return await asyncio.to_thread(animation_format.whole, labelled_frames, parts)
