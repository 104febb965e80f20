"""Tiles of every tile matrix set, against GDAL's warp at the overview level and pyproj for each pixel."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import morecantile
import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT

from scog.geo.grid import Grid, equivalent_zoom, tile_grid, transformer
from tests.doubles.archives import MadeScene, Square, constant, expected_level, newest_clear, positions
from tests.doubles.drawing import draw_all, draw_one, image_request

SQUARES = {
    "the Alps": Square("32TPS", 32632, 690000, 5150000),
    "82 N": Square("33XWM", 32633, 520000, 9150000),
    "80 S": Square("33CWM", 32733, 520000, 1150000),
    "west of the antimeridian": Square("60WWU", 32660, 634500, 7300000),  # it goes on to the east of it
    "east of the antimeridian": Square("01WCP", 32601, 363500, 7300000),
    "New Zealand": Square("59GMK", 32759, 520000, 5150000),
}
NAMES = morecantile.tms.list()
REGIONAL = {
    "CanadianNAD83_LCC", "EuropeanETRS89_LAEAQuad", "LINZAntarticaMapTilegrid", "NZTM2000Quad", "UPSArcticWGS84Quad",
    "UPSAntarcticWGS84Quad", "UTM31WGS84Quad",
}  # fmt: skip


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, MadeScene]]:
    """One scene for each source grid, whose red is the column and nir the row; the last is newest."""
    folder = tmp_path_factory.mktemp("grids")
    scenes = {}
    for day, (place, square) in enumerate(SQUARES.items(), start=1):
        bands = {
            "red": positions(square, across=True),
            "nir": positions(square, across=False),
            "scl": constant(square, 4, 20, np.uint8),
        }
        scenes[place] = MadeScene(f"S_{square.name}", square, f"2022-06-{day:02}T10:00:00Z", bands).write(folder)
    return folder, scenes


def tile_of(name: str, zoom: int, square: Square, buffer: float = 0.0, size: int = 256) -> Grid | None:
    """The tile at a scene's centre, at the zoom that corresponds to a Web Mercator one; None if outside the map."""
    tms, z = morecantile.tms.get(name), equivalent_zoom(name, zoom)
    x, y = transformer("EPSG:4326", tile_grid(tms.minzoom, 0, 0, tms=name).crs).transform(*square.lonlat())
    matrix, box = tms.matrix(z), tms.xy_bbox
    if not (box.left < x < box.right and box.bottom < y < box.top):
        return None
    row = int((box.top - y) / (matrix.cellSize * matrix.tileHeight))
    joined = matrix.get_coalesce_factor(row) if matrix.variableMatrixWidths else 1
    col = int((x - box.left) / (matrix.cellSize * matrix.tileWidth * joined)) * joined
    return tile_grid(z, col, row, size, name, buffer)


def warped(path: Path, grid: Grid) -> NDArray[np.uint16]:
    """A file warped by GDAL to a grid: nearest, at an overview level, without approximation."""
    level = expected_level(path, grid)
    place: dict[str, Any] = {"crs": grid.crs, "transform": grid.transform, "width": grid.width, "height": grid.height}
    place |= {"resampling": Resampling.nearest, "tolerance": 1e-9}
    overview = {} if level == 0 else {"overview_level": level - 1}
    with rasterio.open(path, **overview) as source, WarpedVRT(source, **place) as view:
        numbers: NDArray[np.uint16] = view.read(1)
        return numbers


IN_SHORT = {"NZTM2000Quad", "UPSAntarcticWGS84Quad"}
"""A southern map with its y axis first, and a pole: the others take as long together as all other tests."""


@pytest.mark.parametrize(
    "name", [name if name in IN_SHORT else pytest.param(name, marks=pytest.mark.acceptance) for name in NAMES]
)
def test_tiles_match_gdal(
    archive: tuple[Path, dict[str, MadeScene]], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, scenes = archive
    if name == "EuropeanETRS89_LAEAQuad":  # half a millimetre lies between pyproj's and rasterio's versions of PROJ
        monkeypatch.setattr("tests.doubles.archives.NEAR_EDGE", 2e-4)
    wanted = [
        (place, grid)
        for place, square in SQUARES.items()
        for zoom, buffer in ((9, 0.0), (12, 3.0), (14, 0.0), (15, 0.5))
        if (grid := tile_of(name, zoom, square, buffer)) is not None
    ]
    assert len(wanted) >= (4 if name in REGIONAL else 20)
    drawings = draw_all(folder, [(grid, image_request("red; nir")) for _, grid in wanted])
    for (place, grid), drawing in zip(wanted, drawings, strict=True):
        newest = list(scenes.values())[::-1]
        numbers, valid, on_edge = newest_clear(newest, ("red", "nir"), grid)
        sure = ~on_edge
        drawn = np.where(drawing.valid, np.round(np.nan_to_num(drawing.values).astype(np.float64) * 10000), 0)
        assert np.array_equal(drawing.valid[sure], valid[sure]), (place, grid)
        by_gdal = np.zeros((2, *grid.shape), np.uint16)
        for scene in newest:
            one = np.stack([warped(scene.files[band], grid) for band in ("red", "nir")])
            by_gdal = np.where(by_gdal > 0, by_gdal, one)
        for band, own, gdals in zip(("red", "nir"), drawn, by_gdal, strict=True):
            assert np.array_equal(own[sure], numbers[band][sure]), (place, grid)
            assert np.array_equal(own[sure], gdals[sure]), (place, grid)
        assert np.count_nonzero(on_edge) < 0.01 * on_edge.size
        assert drawing.valid.any(), (place, grid)
        assert not drawing.report.skipped


@pytest.mark.parametrize("name", ["UPSArcticWGS84Quad", "WGS1984Quad", "WebMercatorQuad", "GNOSISGlobalGrid"])
def test_scenes_on_both_sides_of_the_antimeridian_are_selected(
    archive: tuple[Path, dict[str, MadeScene]], name: str
) -> None:
    z = equivalent_zoom(name, 11)
    tms = morecantile.tms.get(name)
    if name == "UPSArcticWGS84Quad":
        grids = [tile_of(name, 10, SQUARES["west of the antimeridian"])]
    else:
        row, last = tms.tile(179.99, SQUARES["west of the antimeridian"].lonlat()[1], z).y, tms.matrix(z).matrixWidth
        grids = [tile_grid(z, x, row, 256, name, 64) for x in (0, last - 1)]
    for grid in grids:
        assert grid
        used = {scene.mgrs_tile for scene in draw_one(archive[0], grid, image_request("red")).report.used}
        assert used == {"60WWU", "01WCP"}, grid


def test_adjacent_tiles_over_the_antimeridian_equal_one_image(
    archive: tuple[Path, dict[str, MadeScene]],
) -> None:
    row = morecantile.tms.get("WebMercatorQuad").tile(179.99, SQUARES["west of the antimeridian"].lonlat()[1], 12).y
    east, west = tile_grid(12, 0, row), tile_grid(12, 4095, row)
    both = Grid(west.crs, west.transform, 512, 256)
    request = image_request("red; nir")
    whole, right, left = draw_all(archive[0], [(both, request), (east, request), (west, request)])
    assert np.array_equal(whole.values, np.concatenate((left.values, right.values), axis=2), equal_nan=True)
    assert left.valid[:, -1].any()
    assert right.valid[:, 0].any()


@pytest.mark.parametrize(
    ("name", "tile"),
    [
        ("UTM31WGS84Quad", (1, 0, 1)), ("UTM31WGS84Quad", (3, 0, 7)), ("UTM31WGS84Quad", (12, 0, 4000)),
        ("UPSArcticWGS84Quad", (3, 0, 0)), ("UPSAntarcticWGS84Quad", (0, 0, 0)), ("CanadianNAD83_LCC", (0, 4, 0)),
        ("CanadianNAD83_LCC", (9, 500, 10)), ("LINZAntarticaMapTilegrid", (0, 0, 0)), ("NZTM2000Quad", (0, 0, 0)),
        ("CDB1GlobalGrid", (-10, 0, 0)), ("CDB1GlobalGrid", (21, 0, 0)), ("GNOSISGlobalGrid", (28, 0, 0)),
        ("WGS1984Quad", (0, 0, 0)), ("EuropeanETRS89_LAEAQuad", (15, 0, 0)), ("WorldCRS84Quad", (23, 0, 0)),
    ],
)  # fmt: skip
@pytest.mark.parametrize("buffer", [0, 32])
def test_tiles_at_the_ends_of_the_maps_are_fast(
    archive: tuple[Path, dict[str, MadeScene]], name: str, tile: tuple[int, int, int], buffer: float
) -> None:
    grid = tile_grid(*tile, 256, name, buffer)
    since = time.perf_counter()
    drawing = draw_one(archive[0], grid, image_request("red"))
    assert time.perf_counter() - since < 3
    assert drawing.valid.shape == grid.shape
    assert not drawing.report.skipped
