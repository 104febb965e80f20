"""Encoded images, decoded again by Pillow, GDAL and numpy."""

from __future__ import annotations

import io

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from PIL import Image as PILImage
from rasterio.io import MemoryFile

from scog.render import encoders
from scog.render.colormap import color_table
from scog.render.image import TRANSPARENT, Image, palette_of
from scog.render.ramp import Ramp

sides = st.sampled_from([(1, 1), (1, 7), (64, 64), (256, 256)])
PALETTES = {name: Ramp((0, 1), color_table(name)).palette for name in ("rdylgn", "viridis", "greys_r")}
PALETTES["translucent"] = palette_of(np.random.default_rng(0).integers(0, 256, (255, 4), np.uint8))
indexed = st.builds(
    Image, sides.flatmap(lambda shape: hnp.arrays(np.uint8, shape)), st.sampled_from(list(PALETTES.values()))
)


def opened(body: bytes, kind: str) -> PILImage.Image:
    decoded = PILImage.open(io.BytesIO(body))
    assert decoded.format == kind
    decoded.load()
    return decoded


def rgba(decoded: PILImage.Image) -> NDArray[np.uint8]:
    return np.asarray(decoded.convert("RGBA"))


def gradient(opacity: NDArray[np.uint8] | int = 255) -> Image:
    """A smooth colour gradient `(64, 48, 4)`, as in photographs."""
    y, x = np.mgrid[:64, :48]
    colors = np.stack((x * 4, y * 3, 200 - x - y, np.broadcast_to(opacity, x.shape)), axis=2).astype(np.uint8)
    colors[colors[..., 3] == 0] = 0
    return Image(colors)


@settings(max_examples=40)
@given(indexed)
def test_indexed_png_round_trip(image: Image) -> None:
    decoded = opened(encoders.png(image), "PNG")
    assert decoded.mode == "P"
    assert (np.asarray(decoded) == image.pixels).all()
    assert (rgba(decoded) == image.rgba).all()


@pytest.mark.parametrize("number", [0, 1, 252, 253, 254, TRANSPARENT])
def test_single_colour_images_round_trip(number: int) -> None:
    # Catches encoders that truncate palettes or reduce the bit depth.
    image = Image(np.full((256, 256), number, np.uint8), PALETTES["viridis"])
    expected = [*color_table("viridis")[min(number, 252)]] if number < 253 else image.rgba[0, 0]
    for body in (encoders.png(image), encoders.png32(image)):
        assert (rgba(opened(body, "PNG")) == expected).all()
    assert (rgba(opened(encoders.webp(image), "WEBP")) == expected).all()


@settings(max_examples=20)
@given(hnp.arrays(np.uint8, (8, 5, 4)))
def test_true_colour_png_round_trip(colours: NDArray[np.uint8]) -> None:
    decoded = opened(encoders.png(Image(colours)), "PNG")
    assert decoded.mode == ("RGB" if (colours[..., 3] == 255).all() else "RGBA")
    assert (rgba(decoded) == colours).all()


@settings(max_examples=20)
@given(hnp.arrays(np.uint8, (8, 5, 3)))
def test_opaque_true_colour_png_is_rgb(colours: NDArray[np.uint8]) -> None:
    opaque = np.dstack((colours, np.full((8, 5), 255, np.uint8)))
    decoded = opened(encoders.png(Image(opaque)), "PNG")
    assert decoded.mode == "RGB"
    assert (np.asarray(decoded) == colours).all()


@settings(max_examples=20)
@given(indexed | st.builds(Image, hnp.arrays(np.uint8, (8, 5, 4))))
def test_png32_always_has_four_channels(image: Image) -> None:
    decoded = opened(encoders.png32(image), "PNG")
    assert decoded.mode == "RGBA"
    assert (np.asarray(decoded) == image.rgba).all()


@settings(max_examples=20)
@given(hnp.arrays(np.uint16, st.sampled_from([(1, 1), (5, 8), (64, 64)])))
def test_png16_round_trip(numbers: NDArray[np.uint16]) -> None:
    body = encoders.png16(numbers)
    decoded = opened(body, "PNG")
    assert decoded.mode == "I;16"
    assert decoded.info["transparency"] == 0
    assert (np.asarray(decoded) == numbers).all()
    with MemoryFile(body) as memory, memory.open(driver="PNG") as source:
        assert source.dtypes == ("uint16",)
        assert (source.read(1) == numbers).all()
        assert ((source.dataset_mask() == 0) == (numbers == 0)).all()


@settings(max_examples=20)
@given(indexed)
def test_indexed_webp_is_lossless(image: Image) -> None:
    assert (rgba(opened(encoders.webp(image), "WEBP")) == image.rgba).all()


def test_true_colour_webp_is_lossy_and_smaller_than_png() -> None:
    image = gradient()
    image.pixels[..., :3] += np.random.default_rng(0).integers(0, 8, (64, 48, 3), np.uint8)
    body = encoders.webp(image)
    result = rgba(opened(body, "WEBP"))
    assert (result[..., 3] == 255).all()
    assert abs(result.astype(int) - image.rgba).max() < 24
    assert abs(result.astype(int) - image.rgba).mean() < 4
    assert not (result == image.rgba).all()
    assert len(body) < len(encoders.png(image)) / 2


def test_webp_preserves_transparency_exactly() -> None:
    opacity = np.where(np.mgrid[:64, :48][1] < 20, 0, 255).astype(np.uint8)
    result = rgba(opened(encoders.webp(gradient(opacity)), "WEBP"))
    assert (result[..., 3] == opacity).all()


def test_jpeg_flattens_transparent_pixels_onto_white() -> None:
    opacity = np.where(np.mgrid[:64, :48][1] < 16, 0, 255).astype(np.uint8)
    image = gradient(opacity)
    decoded = opened(encoders.jpeg(image), "JPEG")
    assert decoded.mode == "RGB"
    result = np.asarray(decoded).astype(int)
    assert abs(result[:, :16] - 255).max() <= 2  # the edge lies between two blocks of 8 pixels
    assert abs(result[:, 16:] - image.rgba[:, 16:, :3]).max() < 16
    black = np.asarray(opened(encoders.jpeg(image, (0, 0, 0, 255)), "JPEG")).astype(int)
    assert black[:, :16].max() <= 2


def test_jpeg_blends_translucent_pixels_with_white() -> None:
    image = Image(np.full((16, 16, 4), (255, 0, 0, 128), np.uint8))
    result = np.asarray(opened(encoders.jpeg(image), "JPEG")).astype(int)
    assert abs(result - [255, 127, 127]).max() <= 3


def test_an_indexed_image_can_be_encoded_as_jpeg() -> None:
    image = Image(np.full((16, 24), 200, np.uint8), PALETTES["rdylgn"])
    decoded = opened(encoders.jpeg(image), "JPEG")
    assert decoded.size == (24, 16)
    assert abs(np.asarray(decoded).astype(int) - image.rgba[..., :3]).max() <= 3


@given(hnp.arrays(np.float32, (2, 3, 4), elements=st.floats(width=32)))
def test_npy_round_trip(values: NDArray[np.float32]) -> None:
    back = np.load(io.BytesIO(encoders.npy(values)), allow_pickle=False)
    assert back.dtype == np.float32
    assert back.shape == values.shape
    assert np.array_equal(back, values, equal_nan=True)


@pytest.mark.parametrize("form", ["png", "png32"])
def test_gdal_reads_the_same_colours(form: str) -> None:
    image = Image(np.arange(256, dtype=np.uint8).reshape(16, 16), PALETTES["viridis"])
    with MemoryFile(getattr(encoders, form)(image)) as memory, memory.open(driver="PNG") as source:
        if form == "png":
            assert source.colorinterp == (rasterio.enums.ColorInterp.palette,)
            table = np.array([source.colormap(1)[number] for number in range(256)], np.uint8)
            assert (table == PALETTES["viridis"]).all()
            assert (source.read(1) == image.pixels).all()
        else:
            assert (np.moveaxis(source.read(), 0, -1) == image.rgba).all()
