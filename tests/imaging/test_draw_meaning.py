"""Images of local files with several bands, longitudes from 0 to 360, or no georeference."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.warp import reproject

from scog.bandmath.expression import parse
from scog.errors import NothingReadable
from scog.geo.grid import Grid, point_grid, tile_grid
from tests.doubles.drawing import draw_all, draw_one, image_request
from tests.doubles.item_folder import CRS, SIDE, TRANSFORM, write_file, write_item
from tests.profiles import PROFILES

NAMES = ("blue", "green", "red", "nir")
CODES = ("B2", "B3", "B4", "B8")
NUMBERS = np.stack([np.full((SIDE, SIDE), number, np.uint16) for number in (200, 300, 400, 3000)])
GRID = Grid(CRS, TRANSFORM, SIDE, SIDE)


LISTS = {
    "1.0": {"eo:bands": [{"name": f"b{k}", "common_name": name} for k, name in enumerate(NAMES)]},
    "1.1": {"bands": [{"name": code, "eo:common_name": name} for code, name in zip(CODES, NAMES, strict=True)]},
    "names": {"bands": [{"name": name} for name in NAMES]},
}


@pytest.mark.parametrize("version", LISTS)
def test_an_index_may_use_two_bands_of_one_file(version: str, tmp_path: Path) -> None:
    write_file(tmp_path, "image", NUMBERS)
    write_item(tmp_path, {"image": {"file": "image"} | LISTS[version]})
    ndvi, *bands = draw_all(tmp_path, [(GRID, image_request(text)) for text in ("(nir - red) / (nir + red)", *NAMES)])
    assert ndvi.valid.all()
    np.testing.assert_allclose(ndvi.values, 2600 / 3400, rtol=1e-6)
    assert [float(band.values.max()) for band in bands] == [200.0, 300.0, 400.0, 3000.0]
    assert [float(band.values.min()) for band in bands] == [200.0, 300.0, 400.0, 3000.0]


def test_codes_name_the_bands_of_their_own_sensor_only(tmp_path: Path) -> None:
    """Band 4 is red for one sensor and near infrared for another: codes of any collection are no colours."""
    write_file(tmp_path, "image", NUMBERS)
    write_item(tmp_path, {"image": {"file": "image", "bands": [{"name": code} for code in CODES]}})
    options = {"profile": PROFILES.of("mine"), "expression": parse("b8 - image_b3", PROFILES.of("mine").names)}
    assert float(draw_one(tmp_path, GRID, replace(image_request("red", "none"), **options)).values.min()) == 2600.0
    with pytest.raises(NothingReadable, match="has no band 'red'; it has b2, b3, b4, b8") as error:
        draw_one(tmp_path, GRID, image_request("red", "none"))
    assert error.value.skipped == (("one", "no-band-red"),)


def test_a_classification_in_the_same_file_masks_it_in_any_data_type(tmp_path: Path) -> None:
    classes = np.full((SIDE, SIDE), 4, np.int16)
    classes[:50], classes[50:100], classes[100:150] = 9, 265, -1  # the low byte of 265 is 9, that of -1 is 255
    write_file(tmp_path, "image", np.stack([*NUMBERS.astype(np.int16), classes]))
    write_item(tmp_path, {"image": {"file": "image", "bands": [{"name": name} for name in (*NAMES, "SCL")]}})
    drawn, unmasked = draw_all(tmp_path, [(GRID, image_request("red")), (GRID, image_request("scl", "none"))])
    assert not drawn.valid[:50].any()
    assert drawn.valid[50:].all()
    np.testing.assert_array_equal(unmasked.values[0], classes)


def test_a_file_with_an_ambiguous_band_is_skipped(tmp_path: Path) -> None:
    write_file(tmp_path, "image", NUMBERS)
    write_item(tmp_path, {"red": {"file": "image"}})
    message = r"red \(image\.tif\): The file has 4 bands \(1, 2, 3, 4\), and the item does not say which"
    with pytest.raises(NothingReadable, match=message) as error:
        draw_one(tmp_path, GRID, image_request("red"))
    assert error.value.skipped == (("one", "several-bands"),)
    write_file(tmp_path, "image", NUMBERS, descriptions=NAMES)
    assert float(draw_one(tmp_path, GRID, image_request("red")).values.max()) == 400.0


def test_scale_tags_of_each_band_apply(tmp_path: Path) -> None:
    write_file(tmp_path, "image", NUMBERS)
    with rasterio.open(tmp_path / "image.tif", "r+") as dataset:
        dataset.scales, dataset.offsets = (1e-4, 1e-4, 1e-3, 0.1), (0.0, -0.01, 0.0, 5.0)
    write_item(tmp_path, {"image": {"file": "image"} | LISTS["1.1"]})
    drawn = draw_all(tmp_path, [(GRID, image_request(name)) for name in NAMES])
    assert [float(each.values.max()) for each in drawn] == pytest.approx([0.02, 0.02, 0.4, 305.0])


@pytest.mark.parametrize("where", ["asset", "item"])
def test_a_file_may_be_georeferenced_by_its_item(where: str, tmp_path: Path) -> None:
    numbers = np.arange(SIDE * SIDE, dtype=np.uint32).reshape(1, SIDE, SIDE)
    write_file(tmp_path, "aot", numbers, crs=None, transform=None)
    place = {"proj:code": CRS, "proj:transform": list(TRANSFORM)[:6], "proj:shape": [SIDE, SIDE]}
    asset = {"file": "aot"} | (place if where == "asset" else {})
    write_item(tmp_path, {"aot": asset}, **(place if where == "item" else {}))
    drawn = draw_one(tmp_path, GRID, image_request("aot", "none"))
    np.testing.assert_array_equal(drawn.values, numbers)


def around(west: float, east: float) -> list[list[float]]:
    return [[west, -30], [east, -30], [east, 10], [west, 10], [west, -30]]


@pytest.mark.parametrize(
    ("first", "wide", "footprints"),
    [
        (170, 20, [(170, 190)]),
        (-190, 20, [(-190, -170)]),
        (255, 10, [(-105, -95)]),
        (0, 360, [(170, 190), (-100, -90)]),
    ],
)
def test_rasters_beyond_180_degrees_are_drawn(
    first: float, wide: float, footprints: list[tuple[float, float]], tmp_path: Path
) -> None:
    """The oracle is GDAL's warper, which uses the coordinates of such rasters unchanged."""
    pixel = 0.1
    numbers = np.random.default_rng(1).integers(1, 60_000, (1, 400, round(wide / pixel))).astype(np.uint16)
    place = Affine(pixel, 0, first, 0, -pixel, 10)
    write_file(tmp_path, "aot", numbers, crs="EPSG:4326", transform=place, nodata=0)
    for west, east in footprints:
        write_item(tmp_path, {"aot": {"file": "aot"}}, around(west, east))
        for lon in (west + 2.03, (west + east) / 2 + 0.01, east - 2.03):
            lon = (lon + 180) % 360 - 180
            col = int((lon + 180) / 360 * 2**7)
            grids = [tile_grid(7, col, 66), point_grid(lon, -5.04)]
            tile, point = draw_all(tmp_path, [(grid, image_request("aot", "none")) for grid in grids])
            column = int(((lon - first) % 360) / pixel)
            assert point.values.ravel() == [numbers[0, int((10 + 5.04) / pixel), column]]
            expected = warped(tmp_path / "aot.tif", grids[0])
            np.testing.assert_array_equal(np.where(tile.valid, tile.values[0], 0), expected)


def warped(path: Path, grid: Grid) -> NDArray[Any]:
    with rasterio.open(path) as dataset:
        result: NDArray[Any] = np.zeros(grid.shape, np.uint16)
        place = {"src_crs": dataset.crs, "src_transform": dataset.transform, "tolerance": 0}
        reproject(dataset.read(1), result, dst_crs=grid.crs, dst_transform=grid.transform, **place)
        return result
