"""Bytes that go out, read back by others."""

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

from scog.picture import encoders
from scog.picture.colormap import color_table
from scog.picture.image import TRANSPARENT, Image, palette_of
from scog.picture.ramp import Ramp

sides = st.sampled_from([(1, 1), (1, 7), (64, 64), (256, 256)])
PALETTES = {name: Ramp((0, 1), color_table(name)).palette for name in ("rdylgn", "viridis", "greys_r")}
PALETTES["translucent"] = palette_of(np.random.default_rng(0).integers(0, 256, (255, 4), np.uint8))
numbered = st.builds(
    Image, sides.flatmap(lambda shape: hnp.arrays(np.uint8, shape)), st.sampled_from(list(PALETTES.values()))
)


def opened(body: bytes, kind: str) -> PILImage.Image:
    image = PILImage.open(io.BytesIO(body))
    assert image.format == kind
    image.load()
    return image


def rgba(image: PILImage.Image) -> NDArray[np.uint8]:
    return np.asarray(image.convert("RGBA"))


def smooth(opacity: NDArray[np.uint8] | int = 255) -> Image:
    """Colours that change slowly, as in photographs."""
    y, x = np.mgrid[:64, :48]
    colors = np.stack((x * 4, y * 3, 200 - x - y, np.broadcast_to(opacity, x.shape)), axis=2).astype(np.uint8)
    colors[colors[..., 3] == 0] = 0
    return Image(colors)


@settings(max_examples=40)
@given(numbered)
def test_a_palette_png_decodes_to_its_colours(picture: Image) -> None:
    image = opened(encoders.png(picture), "PNG")
    assert image.mode == "P"
    assert (np.asarray(image) == picture.pixels).all()
    assert (rgba(image) == picture.rgba).all()


@pytest.mark.parametrize("number", [0, 1, 252, 253, 254, TRANSPARENT])
def test_a_picture_of_one_colour(number: int) -> None:
    # An encoder that shortens palettes or bit depths would show here.
    picture = Image(np.full((256, 256), number, np.uint8), PALETTES["viridis"])
    expected = [*color_table("viridis")[min(number, 252)]] if number < 253 else picture.rgba[0, 0]
    for body in (encoders.png(picture), encoders.png32(picture)):
        assert (rgba(opened(body, "PNG")) == expected).all()
    assert (rgba(opened(encoders.webp(picture), "WEBP")) == expected).all()


@settings(max_examples=20)
@given(hnp.arrays(np.uint8, (8, 5, 4)))
def test_a_png_of_three_channels_decodes_to_its_colours(colours: NDArray[np.uint8]) -> None:
    image = opened(encoders.png(Image(colours)), "PNG")
    assert image.mode == ("RGB" if (colours[..., 3] == 255).all() else "RGBA")
    assert (rgba(image) == colours).all()


@settings(max_examples=20)
@given(hnp.arrays(np.uint8, (8, 5, 3)))
def test_a_png_of_three_channels_without_holes_needs_no_opacity(colours: NDArray[np.uint8]) -> None:
    opaque = np.dstack((colours, np.full((8, 5), 255, np.uint8)))
    image = opened(encoders.png(Image(opaque)), "PNG")
    assert image.mode == "RGB"
    assert (np.asarray(image) == colours).all()


@settings(max_examples=20)
@given(numbered | st.builds(Image, hnp.arrays(np.uint8, (8, 5, 4))))
def test_png32_always_has_four_channels(picture: Image) -> None:
    image = opened(encoders.png32(picture), "PNG")
    assert image.mode == "RGBA"
    assert (np.asarray(image) == picture.rgba).all()


@settings(max_examples=20)
@given(hnp.arrays(np.uint16, st.sampled_from([(1, 1), (5, 8), (64, 64)])))
def test_png16_holds_its_numbers(numbers: NDArray[np.uint16]) -> None:
    body = encoders.png16(numbers)
    image = opened(body, "PNG")
    assert image.mode == "I;16"
    assert image.info["transparency"] == 0
    assert (np.asarray(image) == numbers).all()
    with MemoryFile(body) as memory, memory.open(driver="PNG") as source:
        assert source.dtypes == ("uint16",)
        assert (source.read(1) == numbers).all()
        assert ((source.dataset_mask() == 0) == (numbers == 0)).all()


@settings(max_examples=20)
@given(numbered)
def test_webp_of_values_is_without_loss(picture: Image) -> None:
    assert (rgba(opened(encoders.webp(picture), "WEBP")) == picture.rgba).all()


def test_webp_of_a_photograph_is_nearly_the_same_and_smaller() -> None:
    picture = smooth()
    picture.pixels[..., :3] += np.random.default_rng(0).integers(0, 8, (64, 48, 3), np.uint8)
    body = encoders.webp(picture)
    found = rgba(opened(body, "WEBP"))
    assert (found[..., 3] == 255).all()
    assert abs(found.astype(int) - picture.rgba).max() < 24
    assert abs(found.astype(int) - picture.rgba).mean() < 4
    assert not (found == picture.rgba).all()
    assert len(body) < len(encoders.png(picture)) / 2


def test_webp_keeps_transparency_exactly() -> None:
    opacity = np.where(np.mgrid[:64, :48][1] < 20, 0, 255).astype(np.uint8)
    found = rgba(opened(encoders.webp(smooth(opacity)), "WEBP"))
    assert (found[..., 3] == opacity).all()


def test_jpeg_lays_what_is_transparent_upon_white() -> None:
    opacity = np.where(np.mgrid[:64, :48][1] < 16, 0, 255).astype(np.uint8)
    picture = smooth(opacity)
    image = opened(encoders.jpeg(picture), "JPEG")
    assert image.mode == "RGB"
    found = np.asarray(image).astype(int)
    assert abs(found[:, :16] - 255).max() <= 2  # blocks of 8 pixels: the edge does not reach across
    assert abs(found[:, 16:] - picture.rgba[:, 16:, :3]).max() < 16
    black = np.asarray(opened(encoders.jpeg(picture, (0, 0, 0, 255)), "JPEG")).astype(int)
    assert black[:, :16].max() <= 2


def test_jpeg_mixes_what_is_translucent_with_white() -> None:
    picture = Image(np.full((16, 16, 4), (255, 0, 0, 128), np.uint8))
    found = np.asarray(opened(encoders.jpeg(picture), "JPEG")).astype(int)
    assert abs(found - [255, 127, 127]).max() <= 3


def test_jpeg_of_a_palette_shows_its_colours() -> None:
    picture = Image(np.full((16, 24), 200, np.uint8), PALETTES["rdylgn"])
    image = opened(encoders.jpeg(picture), "JPEG")
    assert image.size == (24, 16)
    assert abs(np.asarray(image).astype(int) - picture.rgba[..., :3]).max() <= 3


@given(hnp.arrays(np.float32, (2, 3, 4), elements=st.floats(width=32)))
def test_values_come_back_from_npy(values: NDArray[np.float32]) -> None:
    back = np.load(io.BytesIO(encoders.npy(values)), allow_pickle=False)
    assert back.dtype == np.float32
    assert back.shape == values.shape
    assert np.array_equal(back, values, equal_nan=True)


@pytest.mark.parametrize("form", ["png", "png32"])
def test_gdal_reads_the_colours_too(form: str) -> None:
    picture = Image(np.arange(256, dtype=np.uint8).reshape(16, 16), PALETTES["viridis"])
    with MemoryFile(getattr(encoders, form)(picture)) as memory, memory.open(driver="PNG") as source:
        if form == "png":
            assert source.colorinterp == (rasterio.enums.ColorInterp.palette,)
            table = np.array([source.colormap(1)[number] for number in range(256)], np.uint8)
            assert (table == PALETTES["viridis"]).all()
            assert (source.read(1) == picture.pixels).all()
        else:
            assert (np.moveaxis(source.read(), 0, -1) == picture.rgba).all()
