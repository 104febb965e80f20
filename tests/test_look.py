"""Which look some parameters stand for."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from scog.draw import Drawing
from scog.errors import InvalidInput
from scog.look import REFLECTANCE, UNKNOWN, look_of
from scog.maths import indices
from scog.report import Report


@pytest.mark.parametrize(
    ("asked", "formula", "ranges", "colormap"),
    [
        ({}, indices.get("ndvi").formula, (indices.get("ndvi").rescale,), indices.get("ndvi").colormap),
        ({"index": "ndwi"}, indices.get("ndwi").formula, (indices.get("ndwi").rescale,), "rdbu"),
        ({"expression": "B08 / B04"}, "nir / red", (UNKNOWN,), "viridis"),
        ({"expression": "B08 / B04", "rescale": [(0, 5)]}, "nir / red", ((0, 5),), "viridis"),
        ({"bands": ["B08"]}, "nir", (REFLECTANCE,), "greys_r"),
        ({"bands": ["red", "B03", "b2"]}, "red; green; blue", (REFLECTANCE,) * 3, None),
        ({"bands": ["red", "green", "blue"], "rescale": [(0, 1)]}, "red; green; blue", ((0, 1),) * 3, None),
        ({"expression": "red;green;blue", "rescale": [(0, 1), (0, 2), (0, 3)]}, "red; green; blue",
         ((0, 1), (0, 2), (0, 3)), None),
        ({"index": "ndvi", "colormap": "magma", "rescale": [(0, 1)]}, indices.get("ndvi").formula, ((0, 1),), "magma"),
    ],
)  # fmt: skip
def test_looks(asked: dict[str, Any], formula: str, ranges: Any, colormap: str | None) -> None:
    look = look_of(**asked)
    assert look.expression.text == formula
    assert look.ranges == ranges
    assert look.colormap == colormap


@pytest.mark.parametrize(
    ("asked", "parameter"),
    [
        ({"index": "ndvi", "bands": ["red"]}, "index"),
        ({"index": "ndvi", "expression": "red"}, "index"),
        ({"index": "nosuch"}, "index"),
        ({"bands": ["red", "green"]}, "bands"),
        ({"bands": ["red", "green", "blue", "nir"]}, "bands"),
        ({"bands": ["pink"]}, "bands"),
        ({"expression": "red; green"}, "expression"),
        ({"expression": "red +"}, "expression"),
        ({"rescale": [(0, 1), (0, 1)]}, "rescale"),
        ({"bands": ["red", "green", "blue"], "rescale": [(0, 1), (0, 1)]}, "rescale"),
        ({"rescale": [(1, 1)]}, "rescale"),
        ({"rescale": [(2, 1)]}, "rescale"),
        ({"rescale": [(float("nan"), 1)]}, "rescale"),
        ({"bands": ["red", "green", "blue"], "colormap": "viridis"}, "colormap_name"),
        ({"colormap": "nosuch"}, "colormap_name"),
    ],
)
def test_what_cannot_be_shown(asked: dict[str, Any], parameter: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        look_of(**asked)
    assert refused.value.parameter == parameter
    assert refused.value.valid


@pytest.mark.parametrize("asked", [{}, {"bands": ["red", "green", "blue"]}])
def test_a_valid_drawing_is_opaque_and_an_invalid_one_transparent(asked: dict[str, Any]) -> None:
    look = look_of(**asked)
    for valid, alpha in ((True, 255), (False, 0)):
        values = np.full((look.expression.outputs, 4, 4), 0.1 if valid else np.nan, np.float32)
        drawing = Drawing(values, np.full((4, 4), valid), Report())
        with Image.open(io.BytesIO(look.png(drawing))) as image:
            assert (np.asarray(image.convert("RGBA"))[..., 3] == alpha).all()
