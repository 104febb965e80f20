"""Images and statistics of a real scene equal a direct computation.

The recording is not part of the project: it is in the folder SCOG_TEST_DATA, or in `shared/data` beside the project.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import morecantile
import numpy as np
import pytest
import rasterio
import rasterio.warp
import shapely
from numpy.typing import NDArray

from scog.geo.grid import Grid, tile_grid
from scog.imaging.engine import open_engine
from scog.imaging.options import StyledRequest
from scog.products.areas.area_of_interest import parse_areas
from scog.products.zonal.summary import StatisticsOptions
from scog.products.zonal.zonal import Zonal, zonal
from scog.render.layer import LayerOptions
from scog.settings import Settings
from tests.doubles.archives import CLOUDY, MadeScene, Square, newest_clear, sample, write_cog
from tests.doubles.drawing import draw_all, image_request
from tests.doubles.zonal import coverage
from tests.profiles import layer_of

NAME = "bolzano-2022-06-12-l2a.tif"
BANDS = ("red", "green", "blue", "nir", "scl")
NDVI = "(nir - red) / (nir + red)"
TMS = morecantile.tms.get("WebMercatorQuad")


def recording() -> Path:
    folder = Path(os.environ.get("SCOG_TEST_DATA") or Path(__file__).parents[2] / "shared" / "data")
    paths = [path for path in (folder / "sentinel-2" / NAME, folder / NAME) if path.is_file()]
    if not paths:
        pytest.skip(f"the recording {NAME} is missing: set SCOG_TEST_DATA to its folder")
    return paths[0]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, MadeScene]:
    """The recording as an archive: a COG per band, and an item as Earth Search writes it."""
    path = recording()
    folder = tmp_path_factory.mktemp("real")
    scene = make_archive(path, folder)
    return folder, scene


def make_archive(recorded: Path, folder: Path) -> MadeScene:
    with rasterio.open(recorded) as source:
        left, top, pixel, crs = source.transform.c, source.transform.f, source.transform.a, str(source.crs)
        bands = dict(zip(BANDS, source.read(), strict=True))
        mgrs_tile = Square("32TPS", int(crs.removeprefix("EPSG:")), left, top, max(source.shape))
    assert set(np.unique(bands["scl"])) == {2, 4, 5, 6, 7}
    bands["scl"] = bands["scl"].astype(np.uint8)
    scene = MadeScene(
        "S2A_32TPS_20220612_0_L2A",
        mgrs_tile,
        "2022-06-12T10:20:31Z",
        {},
        applied=True,
        baseline="04.00",
        cloud_cover=0.1,
    )
    scene.bands = bands
    files_folder = folder / "files"
    files_folder.mkdir()
    for band, numbers in bands.items():
        scene.files[band] = files_folder / f"{band}.tif"
        write_cog(scene.files[band], numbers, crs, left, top, pixel, "mode" if band == "scl" else "average")
    scene.write_item(files_folder)
    return scene


def tiles_over(archive: tuple[Path, MadeScene], z: int) -> list[Grid]:
    with rasterio.open(archive[1].files["red"]) as source:
        west, south, east, north = rasterio.warp.transform_bounds(source.crs, "EPSG:4326", *source.bounds)
    return [tile_grid(tile.z, tile.x, tile.y) for tile in TMS.tiles(west, south, east, north, [z])]


def ndvi(red: NDArray[np.uint16], nir: NDArray[np.uint16]) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):
        return (nir.astype(float) - red) / (nir.astype(float) + red)


@pytest.mark.parametrize(
    ("z", "mask"), [(12, "clouds"), (13, "clouds"), (14, "clouds"), (12, "6,7"), (12, "none"), (13, "6,7")]
)
def test_ndvi_equals_a_direct_computation(archive: tuple[Path, MadeScene], z: int, mask: str) -> None:
    folder, scene = archive
    grids = tiles_over(archive, z)
    masked = {"clouds": CLOUDY, "6,7": (0, 6, 7), "none": None}[mask]
    count = 0
    for grid, image in zip(grids, draw_all(folder, [(grid, image_request(NDVI, mask)) for grid in grids]), strict=True):
        numbers, valid, on_edge = newest_clear([scene], ("red", "nir"), grid, masked)
        expected = ndvi(numbers["red"], numbers["nir"])
        assert (image.valid == valid)[~on_edge].all()
        compared = valid & ~on_edge
        assert abs(image.values[0][compared] - expected[compared]).max(initial=0) <= 1e-6
        count += int(np.count_nonzero(compared))
    assert count > 40_000


def test_values_are_plausible_for_the_land_cover(archive: tuple[Path, MadeScene]) -> None:
    # In June the valley of Bolzano is orchards, forest and town: NDVI is high over vegetation and low over water.
    grids = tiles_over(archive, 12)
    images = draw_all(archive[0], [(grid, image_request(f"{NDVI}; scl")) for grid in grids])
    values = np.concatenate([image.values[:, image.valid] for image in images], axis=1)
    index, scl = values
    assert index.min() >= -1
    assert index.max() <= 1
    assert 0.6 < np.median(index[scl == 4]) < 0.95
    assert np.median(index[scl == 5]) < 0.4
    assert np.median(index[scl == 6]) < 0.2


def test_true_colour_equals_the_stored_reflectance(archive: tuple[Path, MadeScene]) -> None:
    folder, scene = archive
    grid = tiles_over(archive, 14)[5]
    image = draw_all(folder, [(grid, image_request("red; green; blue"))])[0]
    assert image.valid.any()
    for output, band in zip(image.values, ("red", "green", "blue"), strict=True):
        truth = sample(scene.files[band], grid)
        compared = image.valid & ~truth.on_edge
        assert np.allclose(output[compared], truth.numbers[compared] / 10000, atol=1e-7)


TOWN = [[11.325, 46.493], [11.343, 46.495], [11.342, 46.503], [11.332, 46.503], [11.325, 46.493]]
ORCHARDS = [[11.283, 46.499], [11.296, 46.497], [11.295, 46.503], [11.284, 46.505], [11.283, 46.499]]
SLOPE = [[11.36, 46.468], [11.395, 46.466], [11.39, 46.488], [11.36, 46.468]]


@pytest.mark.parametrize("ring", [TOWN, ORCHARDS, SLOPE], ids=["town", "orchards", "slope"])
def test_statistics_of_a_polygon_equal_a_direct_computation(
    ring: list[list[float]], archive: tuple[Path, MadeScene], tmp_path: Path
) -> None:
    folder, scene = archive
    geometry = {"type": "Polygon", "coordinates": [ring]}
    layer = layer_of(LayerOptions(index="ndvi"))
    options = StatisticsOptions((10, 90))

    async def work() -> Zonal:
        async with open_engine(Settings(catalog=str(folder), cache_dir=tmp_path)) as engine:
            fields = parse_areas(geometry, 1, 100).areas
            (result,) = await zonal(engine, fields, StyledRequest(image_request(NDVI), layer.style), options)
            assert result is not None
            return result

    result = asyncio.run(work())
    with rasterio.open(scene.files["red"]) as source:
        red, dataset = source.read(1), source
        grid = Grid(str(dataset.crs), dataset.transform, dataset.width, dataset.height)
    with rasterio.open(scene.files["nir"]) as source:
        nir = source.read(1)
    dense = shapely.segmentize(shapely.geometry.shape(geometry), 1e-4)
    projected = rasterio.warp.transform_geom("EPSG:4326", grid.crs, shapely.geometry.mapping(dense))
    shares = coverage(grid, shapely.geometry.shape(projected))
    valid = (red > 0) & (nir > 0) & (shares > 0)
    values, weights = ndvi(red, nir)[valid], shares[valid]
    summary = result.summaries[0]
    mean = np.average(values, weights=weights)
    assert summary.count == pytest.approx(weights.sum(), rel=1e-5)
    assert summary.mean == pytest.approx(mean, abs=1e-6)
    assert summary.std == pytest.approx(np.sqrt(np.average((values - mean) ** 2, weights=weights)), abs=1e-6)
    assert (summary.min, summary.max) == pytest.approx((values.min(), values.max()), abs=1e-6)
    order = np.argsort(values)
    below = np.cumsum(weights[order]) / weights.sum()
    for percent, value in (*summary.percentiles.items(), (50, summary.median)):
        assert value == pytest.approx(values[order][np.searchsorted(below, percent / 100)], abs=2e-3)
    assert result.valid_hectares == pytest.approx(weights.sum() / 100, rel=1e-3)
    assert result.hectares == pytest.approx(shares.sum() / 100, rel=1e-3)
    assert (result.sampling_grid.grid.crs, result.sampling_grid.resolution) == (grid.crs, 10)


def test_statistics_differ_between_a_town_and_orchards(archive: tuple[Path, MadeScene], tmp_path: Path) -> None:
    collection = {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
            for ring in (TOWN, ORCHARDS)
        ],
    }

    async def work() -> list[Zonal | None]:
        async with open_engine(Settings(catalog=str(archive[0]), cache_dir=tmp_path)) as engine:
            fields = parse_areas(collection, 2, 100).areas
            image = StyledRequest(image_request(NDVI), layer_of(LayerOptions(index="ndvi")).style)
            return await zonal(engine, fields, image, StatisticsOptions())

    town, orchards = asyncio.run(work())
    assert town is not None
    assert orchards is not None
    assert town.summaries[0].median < orchards.summaries[0].median - 0.2
