"""Encode animations of equally sized images as endlessly looping GIF or WebP.

Frames do not blend: transparent pixels never show the previous frame. Both encoders yield the file in parts, so that
the caller can cancel between two parts.
Formats: https://www.w3.org/Graphics/GIF/spec-gif89a.txt, https://developers.google.com/speed/webp/docs/riff_container
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import GifImagePlugin
from PIL import Image as PILImage

from scog.render.encoders import webp_of
from scog.render.image import TRANSPARENT, Image
from scog.render.label import INK, OUTLINE, Label, label

COLORS = 255
"""Maximum number of colours of a GIF. The last of the 256 entries of its palette is transparent."""
SAMPLES = 400_000
"""Number of pixels sampled over all frames to choose the palette of a true-colour GIF."""
HALF = 128
"""Alpha threshold of GIF, which has no partial transparency: pixels below it become transparent."""
_DISPOSE_TO_BACKGROUND = 2
"""GIF's disposal method: restore to background."""
_NO_BLEND = 0b10
"""Bit of the blending method in WebP's ANMF chunk: do not blend."""
_ALPHA, _ANIMATED = 0b10000, 0b10
"""Flags of WebP's VP8X chunk."""
_EMPTY_PALETTE = np.zeros((1, 3), np.uint8)
"""Palette of a GIF without any opaque pixel."""


@dataclass(frozen=True, eq=False)
class Frame:
    """An image and the text of its label; no label if the text is empty."""

    image: Image
    text: str = ""

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        height, width = self.image.pixels.shape[:2]
        return height, width

    @property
    def label(self) -> Label | None:
        """Pixel masks of the label, or None."""
        return label(self.text, self.shape) if self.text else None


def gif(frames: Sequence[Frame], duration: int) -> Iterator[bytes]:
    """Yield the parts of a GIF with one global palette; each frame lasts `duration` ms, which GIF rounds down to 10 ms.

    Colours are exact if the frames have a palette and use at most COLORS of its colours. Otherwise a common palette is
    chosen for all frames and each pixel takes the nearest colour.
    """
    height, width = frames[0].shape
    table = _SharedPalette.of(frames)
    header = struct.pack("<6sHHBBB", b"GIF89a", width, height, 0b11110111, TRANSPARENT, 0)
    loop_forever = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"
    yield header + table.colors.tobytes() + loop_forever
    for frame in frames:
        image = PILImage.fromarray(table.indices(frame))
        options = {"duration": duration, "transparency": TRANSPARENT, "disposal": _DISPOSE_TO_BACKGROUND}
        yield b"".join(GifImagePlugin.getdata(image, (0, 0), **options))
    yield b";"


def webp(frames: Sequence[Frame], duration: int) -> Iterator[bytes]:
    """Yield the ANMF chunks for `webp_file`; frames with a palette are lossless. `duration` in milliseconds."""
    for frame in frames:
        height, width = frame.shape
        still = webp_of(_labelled(frame), lossless=frame.image.palette is not None)
        image = b"".join(_image_chunks(still))
        header = _uint24(0) + _uint24(0) + _uint24(width - 1) + _uint24(height - 1) + _uint24(duration)
        yield _chunk(b"ANMF", header + bytes([_NO_BLEND]) + image)


def webp_file(frames: Sequence[Frame], parts: Sequence[bytes]) -> bytes:
    """WebP file of the chunks that `webp` yielded for the frames."""
    height, width = frames[0].shape
    canvas = _chunk(b"VP8X", bytes([_ALPHA | _ANIMATED, 0, 0, 0]) + _uint24(width - 1) + _uint24(height - 1))
    loop_forever = _chunk(b"ANIM", bytes(4) + struct.pack("<H", 0))
    return _chunk(b"RIFF", b"".join((b"WEBP", canvas, loop_forever, *parts)))


@dataclass(frozen=True, eq=False)
class _SharedPalette:
    """GIF palette shared by all frames.

    colors   uint8 `(256, 3)`; the last entry is the transparent one
    ink      index of the label's text colour
    outline  index of the label's outline colour
    lookup   uint8 `(256,)` from the frames' palette indices to indices of `colors`; None for true-colour frames: their
             pixels take the nearest colour
    """

    colors: NDArray[np.uint8]
    ink: int
    outline: int
    lookup: NDArray[np.uint8] | None

    @classmethod
    def of(cls, frames: Sequence[Frame]) -> _SharedPalette:
        """Build the palette for frames that all have the same palette, or that are all true colour."""
        label_colors = [INK[:3], OUTLINE[:3]] if any(frame.text for frame in frames) else []
        palette = frames[0].image.palette
        if palette is None:
            colors = _median_cut([frame.image.pixels for frame in frames], COLORS - len(label_colors))
            colors = np.concatenate((colors, np.array(label_colors, np.uint8).reshape(-1, 3)))
            return cls._from_colors(colors, None)
        counts = [np.bincount(frame.image.pixels.ravel(), minlength=256) for frame in frames]
        used = np.sum(counts, axis=0).nonzero()[0]
        opaque = used[palette[used, 3] >= HALF]
        colors = np.unique(palette[opaque, :3], axis=0)
        with_label = np.unique(np.concatenate((colors, np.array(label_colors, np.uint8).reshape(-1, 3))), axis=0)
        if len(with_label) <= COLORS:
            colors = with_label if len(with_label) else _EMPTY_PALETTE
        lookup = np.full(256, TRANSPARENT, np.uint8)
        same = (palette[opaque, np.newaxis, :3] == colors[np.newaxis]).all(axis=2)
        lookup[opaque] = same.argmax(axis=1)
        return cls._from_colors(colors, lookup)

    @classmethod
    def _from_colors(cls, colors: NDArray[np.uint8], lookup: NDArray[np.uint8] | None) -> _SharedPalette:
        """Palette of at most 255 colours `(n, 3)`; the lightest becomes the ink, the darkest the outline."""
        table = np.zeros((256, 3), np.uint8)
        table[: len(colors)] = colors
        lightness = colors.sum(axis=1, dtype=int)
        return cls(table, int(lightness.argmax()), int(lightness.argmin()), lookup)

    def indices(self, frame: Frame) -> NDArray[np.uint8]:
        """Palette indices of a frame and its label, uint8 `(y, x)`."""
        pixels = frame.image.pixels
        if self.lookup is not None:
            indices = self.lookup[pixels]
        else:
            indices = self._nearest(pixels[..., :3])
            indices[pixels[..., 3] < HALF] = TRANSPARENT
        if frame.label is not None:
            indices[frame.label.ink], indices[frame.label.outline] = self.ink, self.outline
        return indices

    def _nearest(self, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Indices `(y, x)` of the nearest colours, without dithering, which would flicker between frames."""
        palette = PILImage.new("P", (1, 1))
        # The transparent entry repeats the first colour; pixels that match it are mapped to index 0 below.
        palette.putpalette(np.concatenate((self.colors[:COLORS], self.colors[:1])).tobytes())
        image = PILImage.fromarray(np.ascontiguousarray(rgb)).quantize(palette=palette, dither=PILImage.Dither.NONE)
        indices = np.array(image)
        indices[indices == TRANSPARENT] = 0
        return indices


def _median_cut(images: Sequence[NDArray[np.uint8]], max_colors: int) -> NDArray[np.uint8]:
    """At most `max_colors` colours, uint8 `(n, 3)`, that represent the opaque pixels of all RGBA images `(y, x, 4)`."""
    stride = max(1, sum(pixels[..., 0].size for pixels in images) // SAMPLES)
    sample = np.concatenate([pixels.reshape(-1, 4)[::stride] for pixels in images])
    sample = sample[sample[:, 3] >= HALF]
    if not len(sample):
        return _EMPTY_PALETTE
    line = PILImage.fromarray(np.ascontiguousarray(sample[np.newaxis, :, :3]))
    palette = line.quantize(max_colors, PILImage.Quantize.MEDIANCUT).getpalette() or []
    return np.unique(np.array(palette, np.uint8).reshape(-1, 3)[:max_colors], axis=0)


def _labelled(frame: Frame) -> NDArray[np.uint8]:
    """RGBA uint8 `(y, x, 4)` of a frame with its label drawn."""
    if frame.label is None:
        return frame.image.rgba
    rgba = frame.image.rgba.copy()
    rgba[frame.label.ink], rgba[frame.label.outline] = INK, OUTLINE
    return rgba


def _image_chunks(file: bytes) -> Iterator[bytes]:
    """The chunks of a still WebP that hold pixels: ALPH, VP8 and VP8L."""
    offset = 12
    while offset < len(file):
        kind, length = struct.unpack_from("<4sI", file, offset)
        end = offset + 8 + length + length % 2
        if kind in (b"ALPH", b"VP8 ", b"VP8L"):
            yield file[offset:end]
        offset = end


def _chunk(kind: bytes, data: bytes) -> bytes:
    """One RIFF chunk: FourCC, length, data, padding to an even length."""
    return struct.pack("<4sI", kind, len(data)) + data + bytes(len(data) % 2)


def _uint24(number: int) -> bytes:
    return number.to_bytes(3, "little")
