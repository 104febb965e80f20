"""Crops in many CRSs equal GDAL's warp and pyproj for each pixel; parts equal the whole."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scog.composite.methods import parse_composite
from scog.errors import CatalogUnavailable, NothingReadable, ScogError
from scog.geo.crop_grid import Box, CropSize, crop_grid
from scog.geo.grid import Grid
from scog.imaging.clip import parse_clip_area
from scog.imaging.draw import draw
from scog.imaging.engine import open_engine
from scog.imaging.request import Comparison, ImageData
from scog.products import attempts, crop
from scog.products.crop import draw_crop, parts_of
from scog.settings import Settings
from scog.temporal.intervals import parse_interval
from scog.warp.resample import Resampling
from tests.doubles.archives import MadeScene, Square, constant, newest_clear, positions
from tests.doubles.drawing import draw_all, draw_one, image_request
from tests.imaging.test_grids import warped
from tests.profiles import parse_mask

DEGREES = "EPSG:4326"
SQUARES = {
    "the Alps": Square("32TPS", 32632, 690000, 5150000),
    "the Alps, to the east": Square("33TTM", 32633, 230030, 5150010),  # 12 km away, in the next zone
    "82 N": Square("33XWM", 32633, 520000, 9150000),
    "west of the antimeridian": Square("60WWU", 32660, 634500, 7300000),  # extends across it
    "east of the antimeridian": Square("01WCP", 32601, 363500, 7300000),
    "New Zealand": Square("59GMK", 32759, 520000, 5150000),
}


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, MadeScene]]:
    """A scene for each source grid, with columns in red, rows in nir, and some clouds; the last is the newest."""
    folder = tmp_path_factory.mktemp("cuts")
    scenes = {}
    for day, (place, square) in enumerate(SQUARES.items(), start=1):
        scl = constant(square, 4, 20, np.uint8)
        scl[40:60, 100:180] = 9
        bands = {"red": positions(square, across=True), "nir": positions(square, across=False), "scl": scl}
        scenes[place] = MadeScene(f"S_{square.name}", square, f"2022-06-{day:02}T10:00:00Z", bands).write(folder)
    return folder, scenes


def box_over(place: str, side: float = 0.03) -> Box:
    """A box in degrees around a scene's centre, across the antimeridian if that is near."""
    lon, lat = SQUARES[place].lonlat(0.45, 0.55)
    half = side / 2 / np.cos(np.radians(lat))
    west, east = ((edge + 180) % 360 - 180 for edge in (lon - half, lon + half))
    return float(west), lat - side / 2, float(east), lat + side / 2


def near(square: Square, place: tuple[float, float]) -> bool:
    """Whether a scene is within 3 degrees of a place, also across the antimeridian."""
    lon, lat = square.lonlat()
    return abs((lon - place[0] + 180) % 360 - 180) < 3 and abs(lat - place[1]) < 3


CROPS = [
    # place, side of the box, CRS, size
    ("the Alps", 0.015, "utm", CropSize()),
    ("the Alps", 0.015, "EPSG:32633", CropSize(resolution=7.5)),
    ("the Alps", 0.015, DEGREES, CropSize()),
    ("the Alps", 0.03, DEGREES, CropSize(150, 100)),
    ("the Alps", 0.015, "EPSG:3857", CropSize(max_size=150)),
    ("the Alps", 0.02, "EPSG:3035", CropSize(resolution=20)),
    ("the Alps", 0.015, "EPSG:2056", CropSize(height=111)),
    ("the Alps", 0.015, "EPSG:25832", CropSize(resolution=33)),
    ("the Alps, to the east", 0.03, "EPSG:32632", CropSize(max_size=150)),
    ("82 N", 0.02, "EPSG:3995", CropSize()),
    ("82 N", 0.02, DEGREES, CropSize(max_size=150)),
    ("west of the antimeridian", 0.03, DEGREES, CropSize(max_size=150)),
    ("west of the antimeridian", 0.03, "EPSG:3857", CropSize(max_size=150)),
    ("west of the antimeridian", 0.03, "utm", CropSize(resolution=20)),
    ("east of the antimeridian", 0.03, "EPSG:3995", CropSize(resolution=30)),
    ("New Zealand", 0.015, "EPSG:2193", CropSize()),
    ("New Zealand", 0.015, "EPSG:3031", CropSize(resolution=25)),
]


QUICK_CROPS = [CROPS[number] for number in (2, 5, 9, 11)]
"""The whole list takes four times as long."""


@pytest.mark.parametrize("crops", [QUICK_CROPS, pytest.param(CROPS, marks=pytest.mark.acceptance)], ids=["some", "all"])
def test_crops_match_gdal(
    crops: list[tuple[str, float, str, CropSize]],
    archive: tuple[Path, dict[str, MadeScene]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # In some CRSs, the PROJ versions of pyproj and rasterio differ by half a millimetre.
    monkeypatch.setattr("tests.doubles.archives.NEAR_EDGE", 2e-4)
    folder, scenes = archive
    grids = [crop_grid(box_over(place, side), DEGREES, crs, size) for place, side, crs, size in crops]
    drawings = draw_all(folder, [(grid, image_request("red; nir")) for grid in grids])
    for (place, _, crs, _), grid, drawing in zip(crops, grids, drawings, strict=True):
        centre = SQUARES[place].lonlat()
        newest = [scene for scene in list(scenes.values())[::-1] if near(scene.square, centre)]
        numbers, valid, on_edge = newest_clear(newest, ("red", "nir"), grid)
        certain = ~on_edge
        drawn = np.where(drawing.valid, np.round(np.nan_to_num(drawing.values).astype(np.float64) * 10000), 0)
        assert np.array_equal(drawing.valid[certain], valid[certain]), (place, crs)
        gdal_numbers, gdal_valid = np.zeros((2, *grid.shape), np.uint16), np.zeros(grid.shape, bool)
        for scene in newest if "antimeridian" not in place or crs not in (DEGREES, "EPSG:3857") else ():
            clear = ~np.isin(warped(scene.files["scl"], grid), (0, 9)) & ~gdal_valid
            gdal_numbers[:, clear] = np.stack([warped(scene.files[band], grid) for band in ("red", "nir")])[:, clear]
            gdal_valid |= clear
        for band, scog_band, gdal_band in zip(("red", "nir"), drawn, gdal_numbers, strict=True):
            assert np.array_equal(scog_band[certain], np.where(valid, numbers[band], 0)[certain]), (place, crs)
            if gdal_valid.any():
                assert np.array_equal(scog_band[certain & gdal_valid], gdal_band[certain & gdal_valid]), (place, crs)
        assert np.count_nonzero(on_edge) < 0.02 * on_edge.size or crs == "utm"
        assert drawing.valid.mean() > 0.4
        assert not drawing.report.skipped


def test_crops_in_utm_have_the_pixels_of_the_scene(archive: tuple[Path, dict[str, MadeScene]]) -> None:
    square = SQUARES["the Alps"]
    grid = crop_grid(box_over("the Alps"), DEGREES, "utm", CropSize(resolution=10))
    when = parse_interval("2022-06-01")
    drawing = draw_one(archive[0], grid, image_request("red; nir", mask="none", interval=when))
    col, row = (grid.transform.c - square.left) / 10, (square.top - grid.transform.f) / 10
    expected = np.meshgrid(1000 + col + np.arange(grid.width), 1000 + row + np.arange(grid.height))
    assert np.array_equal(np.round(drawing.values * 10000), np.stack(expected))


def test_both_sides_of_the_antimeridian_are_drawn(archive: tuple[Path, dict[str, MadeScene]]) -> None:
    for crs in (DEGREES, "EPSG:3857"):
        box = box_over("west of the antimeridian", 0.05)
        assert box[0] > box[2]
        grid = crop_grid(box, DEGREES, crs, CropSize(max_size=300))
        drawing = draw_one(archive[0], grid, image_request("red"))
        seam = round((180 - box[0]) / (360 + box[2] - box[0]) * grid.width)
        assert drawing.valid[:, :seam].mean() > 0.4
        assert drawing.valid[:, seam:].mean() > 0.4
        assert {scene.mgrs_tile for scene in drawing.report.used} == {"60WWU", "01WCP"}


# Parts


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crop, "MAX_WHOLE_SIDE", 150)
    monkeypatch.setattr(crop, "PART_SIDE", 64)


def test_parts_cover_a_grid_once() -> None:
    for width, height in ((1, 1), (1280, 5), (1281, 1281), (4096, 3000), (512, 40_000)):
        grid = Grid(DEGREES, crop_grid((0, 0, 1, 1), DEGREES).transform, width, height)
        parts = parts_of(grid)
        count = np.zeros((height, width), np.uint8)
        for part in parts:
            count[part.top : part.bottom, part.left : part.right] += 1
            assert max(part.shape) <= crop.PART_SIDE
        assert (count == 1).all()
        assert max(part.shape[0] for part in parts) - min(part.shape[0] for part in parts) <= 1


AREA = parse_clip_area(
    None, {"type": "Polygon", "coordinates": [[[11.48, 46.44], [11.52, 46.45], [11.5, 46.48], [11.48, 46.44]]]}
)
REQUESTS = {
    "newest": image_request("red; nir"),
    "median": image_request("(nir - red) / (nir + red)", composite=parse_composite("median")),
    "count": image_request("red", composite=parse_composite("count")),
    "slope": image_request("red", composite=parse_composite("slope")),
    "cubic": image_request("red", resampling=Resampling.CUBIC),
    "average": image_request("red", resampling=Resampling.AVERAGE),
    "dilated mask": replace(image_request("red"), mask=parse_mask("clouds", 120.0)),
    "two periods": image_request("red", compare=Comparison(parse_interval("2022-06-01/2022-06-30"))),
}


def test_parts_equal_the_whole(archive: tuple[Path, dict[str, MadeScene]], small_parts: None, tmp_path: Path) -> None:
    grids = [
        crop_grid(box_over("the Alps", 0.045), DEGREES, crs, CropSize(max_size=160)) for crs in ("EPSG:3035", "utm")
    ]
    requests = [replace(request, interval=parse_interval("2022-06-01/2022-06-30")) for request in REQUESTS.values()]
    cases = [(grid, request, area) for request in requests for grid in grids for area in (None, AREA)]

    async def work() -> list[tuple[ImageData, ImageData]]:
        async with open_engine(Settings(catalog=str(archive[0]), cache_dir=tmp_path)) as engine:
            return [
                (await draw(engine, grid, request), await draw_crop(engine, grid, replace(request, area=area)))
                for grid, request, area in cases
            ]

    for (grid, request, area), (whole, cropped) in zip(cases, asyncio.run(work()), strict=True):
        inside = np.ones(grid.shape, bool) if area is None else area.inside(grid)
        assert whole.valid.any(), request
        assert np.array_equal(cropped.valid, whole.valid & inside), request
        assert np.allclose(cropped.values[:, inside], whole.values[:, inside], rtol=1e-5, atol=1e-6, equal_nan=True), (
            request
        )
        assert np.isnan(cropped.values[:, ~inside]).all(), request
        assert {scene.id for scene in cropped.report.used} <= {scene.id for scene in whole.report.used}
        assert not cropped.report.partial


def test_progress_is_reported(archive: tuple[Path, dict[str, MadeScene]], small_parts: None, tmp_path: Path) -> None:
    progress: list[tuple[int, int]] = []

    async def work() -> None:
        async with open_engine(Settings(catalog=str(archive[0]), cache_dir=tmp_path)) as engine:
            grid = crop_grid(box_over("the Alps"), DEGREES, DEGREES, CropSize(200, 160))
            await draw_crop(engine, grid, image_request("red"), lambda done, total: progress.append((done, total)))

    asyncio.run(work())
    assert progress == [(number, 12) for number in range(1, 13)]


def test_failed_parts_are_missing_and_reported(
    archive: tuple[Path, dict[str, MadeScene]], small_parts: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors: list[ScogError] = [NothingReadable("x", skipped=(("A", "http-404"),)), CatalogUnavailable("x")]
    grid = crop_grid(box_over("the Alps"), DEGREES, DEGREES, CropSize(200, 160))
    missing, pending = parts_of(grid)[:2], list(errors)

    async def failing(*arguments: Any) -> ImageData:
        if pending:
            raise pending.pop(0)
        return await draw(*arguments)

    async def work() -> ImageData:
        async with open_engine(Settings(catalog=str(archive[0]), cache_dir=tmp_path, crop_at_once=1)) as engine:
            monkeypatch.setattr(attempts, "draw", failing)
            cropped = await draw_crop(engine, grid, image_request("nir", mask="none"))
            pending.extend(errors * 6)  # one for each part
            with pytest.raises(NothingReadable):
                await draw_crop(engine, grid, image_request("nir", mask="none"))
            return cropped

    cropped = asyncio.run(work())
    expected = np.ones(grid.shape, bool)
    for window in missing:
        expected[window.top : window.bottom, window.left : window.right] = False
    assert np.array_equal(cropped.valid, expected)
    assert np.array_equal(np.isfinite(cropped.values[0]), expected)
    assert (cropped.report.skipped, cropped.report.incomplete) == ({"A": "http-404"}, "catalogue")
    assert cropped.report.partial
