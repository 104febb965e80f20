"""`bands=visual`: the true-colour asset, three bands of one file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from scog.errors import NothingReadable
from scog.render.layer import LayerOptions
from scog.warp.resample import Resampling
from tests.doubles.archives import MadeScene, Square, constant, pixel_centres
from tests.doubles.drawing import draw_one, tile_over
from tests.profiles import image_request, layer_of

SQUARE = Square("32TQS", 32632, 727000, 5150000, 512)


@pytest.fixture(scope="module", params=["pixel", "band"])
def archive(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray]:
    folder = tmp_path_factory.mktemp("visual")
    bands = {"red": constant(SQUARE, 900), "scl": constant(SQUARE, 4, 20, np.uint8)}
    scene = MadeScene("A", SQUARE, "2022-06-05T10:20:39Z", bands).write(folder)
    scene_folder = scene.files["red"].parent
    image = np.random.default_rng(1).integers(1, 256, (3, 512, 512)).astype(np.uint8)
    image[:, :100, :100] = 0  # nodata
    profile = {
        "driver": "GTiff", "count": 3, "height": 512, "width": 512, "dtype": "uint8", "nodata": 0, "crs": SQUARE.crs,
        "transform": Affine(10, 0, SQUARE.left, 0, -10, SQUARE.top), "tiled": True, "blockxsize": 256,
        "blockysize": 256, "compress": "deflate", "predictor": 2, "interleave": request.param, "photometric": "RGB",
    }  # fmt: skip
    with rasterio.open(scene_folder / "visual.tif", "w", **profile) as target:
        target.write(image)
    item = scene.item()
    item["assets"]["visual"] = {"href": "visual.tif", "type": "image/tiff; application=geotiff"}
    (scene_folder / "A.json").write_text(json.dumps(item))
    return folder, image


def test_visual_has_the_colours_of_the_file(archive: tuple[Path, np.ndarray]) -> None:
    folder, image = archive
    layer = layer_of(LayerOptions(bands=("visual",)))
    grid = tile_over(SQUARE, 14, 0.2, 0.2)
    request = image_request(layer.expression, cloud_cover=100.0)
    drawing = draw_one(folder, grid, request)
    x, y = pixel_centres(grid, SQUARE.crs)
    col, row = (x - SQUARE.left) / 10, (SQUARE.top - y) / 10
    inside = (col >= 0) & (col < 512) & (row >= 0) & (row < 512)
    expected = np.zeros((3, *grid.shape), np.uint8)
    expected[:, inside] = image[:, row[inside].astype(int), col[inside].astype(int)]
    expected_valid = inside & (expected != 0).all(axis=0)
    assert 0.2 < expected_valid.mean() < 1
    assert (drawing.valid == expected_valid).all()
    rgba = layer.style.image(drawing.values, drawing.valid).rgba
    assert (np.moveaxis(rgba[..., :3], -1, 0)[:, expected_valid] == expected[:, expected_valid]).all()
    smooth = draw_one(folder, grid, replace(request, resampling=Resampling.BILINEAR))
    assert smooth.valid.any()
    assert not np.array_equal(smooth.values, drawing.values, equal_nan=True)


def test_a_scene_without_visual_is_reported(tmp_path: Path) -> None:
    MadeScene("B", SQUARE, "2022-06-05T10:20:39Z", {"scl": constant(SQUARE, 4, 20, np.uint8)}).write(tmp_path)
    layer = layer_of(LayerOptions(bands=("visual",)))
    with pytest.raises(NothingReadable) as refused:
        draw_one(
            tmp_path,
            tile_over(SQUARE, 14),
            image_request(layer.expression, cloud_cover=100.0),
        )
    assert refused.value.skipped == (("B", "no-band-visual_red"),)
