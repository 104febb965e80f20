"""Animations: pictures of one size, one after the other for ever, as GIF and as WebP.

Each frame stands for itself, so that what is transparent in it shows nothing of the frame before. Both formats are
written part by part: between two parts the work can be given up.
https://www.w3.org/Graphics/GIF/spec-gif89a.txt, https://developers.google.com/speed/webp/docs/riff_container
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import GifImagePlugin
from PIL import Image as PILImage

from scog.picture.encoders import webp_of
from scog.picture.image import TRANSPARENT, Image
from scog.picture.label import INK, OUTLINE, Label, label

COLORS = 255
"""Of a GIF: its palette holds 256, one of which is transparent, the last."""
SAMPLES = 400_000
"""Pixels, of all frames together, by which the colours of a GIF in true colour are chosen."""
HALF = 128
"""GIF knows no half opacity: less than this is transparent, more is opaque."""
_CLEARED, _ALONE = 2, 0b10
"""GIF: a frame is cleared away before the next; WebP: it is not blended with the one before."""
_ALPHA, _ANIMATED = 0b10000, 0b10
_NONE = np.zeros((1, 3), np.uint8)
"""The colours of a GIF in which all is transparent."""


@dataclass(frozen=True, eq=False)
class Frame:
    """A picture, and what is written on it; nothing where `text` is empty."""

    image: Image
    text: str = ""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        height, width = self.image.pixels.shape[:2]
        return height, width

    @property
    def label(self) -> Label | None:
        """What is written on it, as pixels."""
        return label(self.text, self.shape) if self.text else None


def gif(frames: Sequence[Frame], duration: int) -> Iterator[bytes]:
    """The parts of a GIF with one palette for all frames, each shown for `duration` milliseconds (tens of them count).

    Exact where the frames have palettes of their own and no more than COLORS colours are seen; else the nearest of
    COLORS colours that suit all frames together.
    """
    height, width = frames[0].shape
    table = _SharedPalette.of(frames)
    header = struct.pack("<6sHHBBB", b"GIF89a", width, height, 0b11110111, TRANSPARENT, 0)
    for_ever = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"
    yield header + table.colors.tobytes() + for_ever
    for frame in frames:
        image = PILImage.fromarray(table.numbers(frame))
        options = {"duration": duration, "transparency": TRANSPARENT, "disposal": _CLEARED}
        yield b"".join(GifImagePlugin.getdata(image, (0, 0), **options))
    yield b";"


def webp(frames: Sequence[Frame], duration: int) -> Iterator[bytes]:
    """The frames of a WebP, for `webp_file`: each as a picture by itself, without loss where it has a palette."""
    for frame in frames:
        height, width = frame.shape
        still = webp_of(_written_on(frame), lossless=frame.image.palette is not None)
        image = b"".join(_image_chunks(still))
        place = _int24(0) + _int24(0) + _int24(width - 1) + _int24(height - 1) + _int24(duration)
        yield _chunk(b"ANMF", place + bytes([_ALONE]) + image)


def webp_file(frames: Sequence[Frame], parts: Sequence[bytes]) -> bytes:
    """A WebP of frames and what `webp` made of them."""
    height, width = frames[0].shape
    canvas = _chunk(b"VP8X", bytes([_ALPHA | _ANIMATED, 0, 0, 0]) + _int24(width - 1) + _int24(height - 1))
    for_ever = _chunk(b"ANIM", bytes(4) + struct.pack("<H", 0))
    return _chunk(b"RIFF", b"".join((b"WEBP", canvas, for_ever, *parts)))


@dataclass(frozen=True, eq=False)
class _SharedPalette:
    """Colours `(256, 3)` of all frames, the last transparent; the numbers of ink and outline among them.

    `places` `(256,)` leads from the frames' own colour numbers to these; without it the nearest colour is taken.
    """

    colors: NDArray[np.uint8]
    ink: int
    outline: int
    places: NDArray[np.uint8] | None

    @classmethod
    def of(cls, frames: Sequence[Frame]) -> _SharedPalette:
        """The palette for frames, of which all have the same palette or none has one."""
        written = [INK[:3], OUTLINE[:3]] if any(frame.text for frame in frames) else []
        palette = frames[0].image.palette
        if palette is None:
            colors = _chosen([frame.image.pixels for frame in frames], COLORS - len(written))
            colors = np.concatenate((colors, np.array(written, np.uint8).reshape(-1, 3)))
            return cls._made(colors, None)
        counts = [np.bincount(frame.image.pixels.ravel(), minlength=256) for frame in frames]
        seen = np.sum(counts, axis=0).nonzero()[0]
        opaque = seen[palette[seen, 3] >= HALF]
        colors = np.unique(palette[opaque, :3], axis=0)
        with_ink = np.unique(np.concatenate((colors, np.array(written, np.uint8).reshape(-1, 3))), axis=0)
        if len(with_ink) <= COLORS:
            colors = with_ink if len(with_ink) else _NONE
        places = np.full(256, TRANSPARENT, np.uint8)
        same = (palette[opaque, np.newaxis, :3] == colors[np.newaxis]).all(axis=2)
        places[opaque] = same.argmax(axis=1)
        return cls._made(colors, places)

    @classmethod
    def _made(cls, colors: NDArray[np.uint8], places: NDArray[np.uint8] | None) -> _SharedPalette:
        """With the lightest colour as ink and the darkest as outline."""
        table = np.zeros((256, 3), np.uint8)
        table[: len(colors)] = colors
        light = colors.sum(axis=1, dtype=int)
        return cls(table, int(light.argmax()), int(light.argmin()), places)

    def numbers(self, frame: Frame) -> NDArray[np.uint8]:
        """A frame's colour numbers `(y, x)`, with what is written on it."""
        pixels = frame.image.pixels
        if self.places is not None:
            numbers = self.places[pixels]
        else:
            numbers = self._nearest(pixels[..., :3])
            numbers[pixels[..., 3] < HALF] = TRANSPARENT
        if frame.label is not None:
            numbers[frame.label.ink], numbers[frame.label.outline] = self.ink, self.outline
        return numbers

    def _nearest(self, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Numbers `(y, x)` of the nearest colours. Without dithering, which would flicker from frame to frame."""
        palette = PILImage.new("P", (1, 1))
        # The place of the transparent one is taken by the first colour once more, which comes out as the first.
        palette.putpalette(np.concatenate((self.colors[:COLORS], self.colors[:1])).tobytes())
        image = PILImage.fromarray(np.ascontiguousarray(rgb)).quantize(palette=palette, dither=PILImage.Dither.NONE)
        numbers = np.array(image)
        numbers[numbers == TRANSPARENT] = 0
        return numbers


def _chosen(pictures: Sequence[NDArray[np.uint8]], most: int) -> NDArray[np.uint8]:
    """Colours `(n, 3)`, at most so many, that suit pictures `(y, x, 4)` together."""
    stride = max(1, sum(pixels[..., 0].size for pixels in pictures) // SAMPLES)
    sample = np.concatenate([pixels.reshape(-1, 4)[::stride] for pixels in pictures])
    sample = sample[sample[:, 3] >= HALF]
    if not len(sample):
        return _NONE
    line = PILImage.fromarray(np.ascontiguousarray(sample[np.newaxis, :, :3]))
    palette = line.quantize(most, PILImage.Quantize.MEDIANCUT).getpalette() or []
    return np.unique(np.array(palette, np.uint8).reshape(-1, 3)[:most], axis=0)


def _written_on(frame: Frame) -> NDArray[np.uint8]:
    """A frame's colours `(y, x, 4)` with what is written on it."""
    if frame.label is None:
        return frame.image.rgba
    rgba = frame.image.rgba.copy()
    rgba[frame.label.ink], rgba[frame.label.outline] = INK, OUTLINE
    return rgba


def _image_chunks(file: bytes) -> Iterator[bytes]:
    """The chunks of a WebP with one picture that hold its pixels."""
    place = 12
    while place < len(file):
        kind, length = struct.unpack_from("<4sI", file, place)
        end = place + 8 + length + length % 2
        if kind in (b"ALPH", b"VP8 ", b"VP8L"):
            yield file[place:end]
        place = end


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack("<4sI", kind, len(data)) + data + bytes(len(data) % 2)


def _int24(number: int) -> bytes:
    return number.to_bytes(3, "little")
