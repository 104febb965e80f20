"""Every index of Sentinel-2, drawn over the demo archive, against its published formula evaluated by numpy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from scog.bandmath.indices import INDICES, get
from scog.geo.grid import Grid, tile_grid
from scog.imaging.draw import ImageData
from scog.render.layer import LayerOptions
from scog.temporal.intervals import parse_interval
from tests.bandmath import test_indices
from tests.bandmath.test_indices import CONSTANTS, CORRECTED_FORMULAS, EXTRA_CONSTANTS
from tests.doubles.archives import sample
from tests.doubles.drawing import draw_all, image_request
from tests.profiles import BY_NAME, layer_of

PUBLISHED_BANDS = {symbol: band for symbol, band in test_indices.PUBLISHED_BANDS.items() if band in BY_NAME}
TABLE = {
    name: entry
    for name, entry in test_indices.TABLE.items()
    if not (test_indices.PUBLISHED_BANDS.keys() - PUBLISHED_BANDS.keys()) & set(entry["bands"])
}
DAY = "2022-06-07"
PLACES = {
    # A tile within one square of the demo, and how its numbers become reflectance (see its collection's rules).
    "32TQK": (tile_grid(13, 4367, 3094, 128), "sentinel-2-l2a/S2A_32TQK_20220607_0_L2A", 0.0),
    "33TTE": (tile_grid(13, 4370, 3094, 128), "sentinel-2-c1-l2a/S2A_T33TTE_20220607T101306_L2A", -0.1),
}


def reflectance(archive: Path, item: str, grid: Grid, offset: float) -> tuple[dict[str, Any], NDArray[np.bool_]]:
    """Values of each band by its symbol, each pixel transformed separately; and which pixels are not on an edge."""
    folder = archive / item
    assets = json.loads((folder / f"{folder.name}.json").read_text())["assets"]
    arrays, certain = {}, np.ones(grid.shape, bool)
    for symbol, band in PUBLISHED_BANDS.items():
        layer = sample(folder / assets[band]["href"], grid)
        arrays[symbol] = np.maximum(layer.numbers * np.float64(0.0001) + offset, 0.0)
        certain &= layer.valid & ~layer.on_edge
    return arrays, certain


@pytest.fixture(scope="module", params=PLACES)
def drawn(request: pytest.FixtureRequest, demo_archive: Path) -> tuple[dict[str, ImageData], dict[str, Any], Any]:
    grid, item, offset = PLACES[request.param]
    layers = {
        name: layer_of(LayerOptions(index=name))
        for name, index in INDICES.items()
        if BY_NAME.keys() >= set(index.bands)
    }
    requests = [
        (grid, image_request(layer.expression.text, "none", interval=parse_interval(DAY))) for layer in layers.values()
    ]
    drawings = dict(zip(layers, draw_all(demo_archive, requests), strict=True))
    assert {scene.id for drawing in drawings.values() for scene in drawing.report.used} == {item.partition("/")[2]}
    return drawings, *reflectance(demo_archive, item, grid, offset)


def test_every_index_matches_its_published_formula(drawn: tuple[dict[str, ImageData], dict[str, Any], Any]) -> None:
    drawings, symbols, certain = drawn
    assert certain.mean() > 0.95
    assert len(drawings) == len(TABLE) == 233
    for name in TABLE:
        drawing = drawings[get(name).name]
        scope = {"__builtins__": {}} | CONSTANTS | EXTRA_CONSTANTS.get(name, {}) | symbols
        with np.errstate(all="ignore"):
            expected = np.broadcast_to(eval(CORRECTED_FORMULAS.get(name, TABLE[name]["formula"]), scope), certain.shape)
        finite = np.isfinite(expected) & certain
        # Where terms cancel out, 32 bits keep fewer digits than this: that is rare.
        agree = np.isclose(drawing.values[0], expected, rtol=1e-3, atol=1e-4)
        assert finite.mean() > 0.3, name
        assert agree[finite].mean() > 0.97, name
        assert (drawing.valid == np.isfinite(expected))[certain].mean() > 0.99, name


def test_every_index_is_valid_and_varied(drawn: tuple[dict[str, ImageData], dict[str, Any], Any]) -> None:
    """At least a third of land and sea is valid, in several colours."""
    drawings, _, certain = drawn
    for name, drawing in drawings.items():
        image = layer_of(LayerOptions(index=name)).style.image(drawing.values, drawing.valid)
        assert (image.rgba[..., 3] == 255)[certain].mean() > 0.33, name
        assert len(np.unique(image.pixels[drawing.valid])) > 8, name
