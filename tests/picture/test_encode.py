"""Bytes that go out, read back by others."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from PIL import Image

from scog.picture.colormap import color_table
from scog.picture.encode import npy, palette_png, rgba_png
from scog.picture.stretch import TRANSPARENT

sides = st.sampled_from([(1, 1), (1, 7), (64, 64), (256, 256)])


@settings(max_examples=40)
@given(sides.flatmap(lambda shape: hnp.arrays(np.uint8, shape)), st.sampled_from(["rdylgn", "viridis", "greys_r"]))
def test_a_palette_png_decodes_to_its_colours(numbers: NDArray[np.uint8], name: str) -> None:
    table = color_table(name)
    with Image.open(io.BytesIO(palette_png(numbers, table))) as image:
        assert image.format == "PNG"
        assert image.mode == "P"
        rgba = np.asarray(image.convert("RGBA"))
    shown = numbers != TRANSPARENT
    assert (rgba[shown, :3] == table[numbers[shown]]).all()
    assert (rgba[shown, 3] == 255).all()
    assert (rgba[~shown, 3] == 0).all()


@pytest.mark.parametrize("number", [0, 1, 254, 255])
def test_a_picture_of_one_colour(number: int) -> None:
    # An encoder that shortens palettes or bit depths would show here.
    numbers = np.full((256, 256), number, np.uint8)
    with Image.open(io.BytesIO(palette_png(numbers, color_table("viridis")))) as image:
        rgba = np.asarray(image.convert("RGBA"))
    expected = [*color_table("viridis")[number], 255] if number < TRANSPARENT else [0, 0, 0, 0]
    assert (rgba == expected).all()


@settings(max_examples=20)
@given(hnp.arrays(np.uint8, (8, 5, 4)))
def test_an_rgba_png_decodes_to_its_colours(colours: NDArray[np.uint8]) -> None:
    with Image.open(io.BytesIO(rgba_png(colours))) as image:
        assert image.mode == "RGBA"
        assert (np.asarray(image) == colours).all()


@given(hnp.arrays(np.float32, (2, 3, 4), elements=st.floats(width=32)))
def test_values_come_back_from_npy(values: NDArray[np.float32]) -> None:
    back = np.load(io.BytesIO(npy(values)), allow_pickle=False)
    assert back.dtype == np.float32
    assert back.shape == values.shape
    assert np.array_equal(back, values, equal_nan=True)
