"""Hillshade and slope have no seams: not between tiles, not between files, at any zoom; and no steps zoomed in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from scog.bandmath.expression import parse
from scog.bandmath.terrain import Surface
from scog.collections.band_names import ANY_NAMES
from scog.composite.mask import parse_mask
from scog.composite.methods import MEDIAN, NEWEST, Composite
from scog.geo.grid import Grid, Window, tile_grid, transformer
from scog.imaging.clip import ClipArea
from scog.imaging.draw import draw
from scog.imaging.engine import Engine, open_engine
from scog.imaging.request import ImageData, ImageRequest
from scog.settings import Settings
from scog.warp.resample import Resampling
from tests.doubles.orthophotos import Ortho
from tests.doubles.quantities import DEM_STEP, SEAM, Quantities
from tests.doubles.terrain import METRES_PER_DEGREE, slope

Array = NDArray[np.float64]
DEM_PROFILE = """
name = "dem"
collections = ["dem"]
static = true
cloud_filter = false
[[bands]]
name = "elevation"
asset = "data"
"""
SOFT = (Resampling.BILINEAR, Resampling.CUBIC, Resampling.AVERAGE)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Quantities:
    quantities = Quantities(tmp_path_factory.mktemp("two-files"))
    quantities.write()
    return quantities


@pytest.fixture(scope="module")
def whole(made: Quantities, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same elevation model in one file."""
    folder = tmp_path_factory.mktemp("one-file")
    for path in made.folder.glob("profile*.toml"):
        (folder / path.name).write_bytes(path.read_bytes())
    Quantities(folder).write_item("dem", "2021-01-01", {"data": made.dem}, {})
    return folder


def draw_on(folder: Path, grids: list[Grid], cache: Path, **options: object) -> list[ImageData]:
    """The surfaces on some grids, drawn concurrently by one engine."""

    async def work() -> list[ImageData]:
        async with open_engine(Settings(catalog=str(folder), cache_dir=cache)) as engine:
            request = await surface_request(engine, **options)
            return await asyncio.gather(*(draw(engine, grid, request) for grid in grids))

    return asyncio.run(work())


async def surface_request(
    engine: Engine,
    surface: Surface = Surface.SLOPE,
    resampling: Resampling = Resampling.NEAREST,
    composite: Composite = NEWEST,
    area: ClipArea | None = None,
) -> ImageRequest:
    profile = await engine.profile("dem")
    return ImageRequest(
        collection="dem",
        expression=parse("elevation", ANY_NAMES),
        mask=parse_mask("none", 0.0, profile),
        profile=profile,
        surface=surface,
        resampling=resampling,
        composite=composite,
        area=area,
    )


def mercator(lon: float, lat: float, zoom: float, width: int, height: int) -> Grid:
    """A Web Mercator grid around a point, with the pixel size of a zoom."""
    x, y = transformer("EPSG:4326", "EPSG:3857").transform(lon, lat)
    pixel = 2 * np.pi * 6378137 / 256 / 2**zoom
    return Grid("EPSG:3857", Affine(pixel, 0, x - width / 2 * pixel, 0, -pixel, y + height / 2 * pixel), width, height)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    zoom=st.integers(8, 16),
    across=st.floats(-0.004, 0.004),
    down=st.floats(0.01, 0.045),
    surface=st.sampled_from(list(Surface)),
    resampling=st.sampled_from([Resampling.NEAREST, *SOFT]),
)
def test_four_tiles_equal_one_image(
    made: Quantities, tmp_path: Path, zoom: int, across: float, down: float, surface: Surface, resampling: Resampling
) -> None:
    """The tiles around the corner that is nearest to a point beside the seam of two files."""
    lon, lat = SEAM + across, 46.7 - down
    x, y = transformer("EPSG:4326", "EPSG:3857").transform(lon, lat)
    side = 2 * np.pi * 6378137 / 2**zoom
    column, row = round((x + np.pi * 6378137) / side), round((np.pi * 6378137 - y) / side)
    size = 64
    tiles = [tile_grid(zoom, column - 1 + col, row - 1 + line, size) for line in (0, 1) for col in (0, 1)]
    first = tiles[0]
    image = Grid(first.crs, first.transform, 2 * size, 2 * size)
    drawn, *parts = draw_on(made.folder, [image, *tiles], tmp_path, surface=surface, resampling=resampling)
    for number, part in enumerate(parts):
        top, left = size * (number // 2), size * (number % 2)
        window = np.s_[top : top + size, left : left + size]
        assert np.array_equal(part.valid, drawn.valid[window])
        # Pixels in the middle of two others may be of either, by the last bit of the tile's corner.
        expected = drawn.values[0][window]
        same = np.isclose(part.values[0], expected, rtol=1e-4, atol=2e-3, equal_nan=True)
        assert same.mean() > (0.99 if resampling is Resampling.NEAREST else 0.9999)


@pytest.mark.parametrize("zoom", [9, 11, 12, 13, 15])
@pytest.mark.parametrize("resampling", [Resampling.NEAREST, *SOFT])
def test_two_files_equal_one(made: Quantities, whole: Path, tmp_path: Path, zoom: int, resampling: Resampling) -> None:
    """Exactly where the image is as fine as the files. In overviews each file's pixels have a place of their own."""
    grid = mercator(SEAM, 46.67, zoom, 80, 40)
    (two,) = draw_on(made.folder, [grid], tmp_path / "two", resampling=resampling)
    (one,) = draw_on(whole, [grid], tmp_path / "one", resampling=resampling)
    assert np.array_equal(two.valid, one.valid) or zoom < 12
    both = two.valid & one.valid
    assert both.any()
    difference = np.abs(two.values[0] - one.values[0])[both]
    if zoom >= 12:
        assert difference.max() < 2e-3
    else:
        assert np.median(difference) < 0.5


def test_an_image_finer_than_the_files_shows_the_files_slopes(made: Quantities, tmp_path: Path) -> None:
    """Each pixel of a nearest-resampled image is that of the file, over the seam too."""
    expected = np.pad(slope(made.dem), 1, constant_values=np.nan)
    grid = mercator(SEAM, 46.67, 15, 120, 60)
    (image,) = draw_on(made.folder, [grid], tmp_path)
    cols, rows = np.meshgrid(np.arange(120) + 0.5, np.arange(60) + 0.5)
    lon, lat = transformer("EPSG:3857", "EPSG:4326").transform(*grid.xy(cols, rows))
    col, row = made.dem.grid.colrow(lon, lat)
    inside = (np.abs(col % 1 - 0.5) < 0.49) & (np.abs(row % 1 - 0.5) < 0.49)  # not between two pixels
    found = expected[np.floor(row).astype(int), np.floor(col).astype(int)]
    assert image.valid.all()
    np.testing.assert_allclose(image.values[0][inside], found[inside], atol=2e-3)


def test_a_coarse_image_has_slopes_of_its_own_pixels(made: Quantities, tmp_path: Path) -> None:
    """They are gentler than those of the files, because the elevations are averages."""
    fine = np.nanmean(slope(made.dem))
    grid = mercator(SEAM, 46.672, 9, 12, 10)
    (image,) = draw_on(made.folder, [grid], tmp_path)
    assert image.valid.any()
    assert np.nanmean(image.values) < fine


def test_a_clipped_image_keeps_its_edge(made: Quantities, tmp_path: Path) -> None:
    """Elevations beyond the area are read, so that pixels at its edge have slopes."""
    area = ClipArea(shapely.box(SEAM - 0.01, 46.66, SEAM + 0.01, 46.68))
    grid = mercator(SEAM, 46.67, 14, 300, 400)
    (plain,) = draw_on(made.folder, [grid], tmp_path / "plain")
    (clipped,) = draw_on(made.folder, [grid], tmp_path / "clipped", area=area)
    inside = area.inside(grid)
    assert 0 < inside.mean() < 1
    assert np.array_equal(clipped.valid, plain.valid & inside)
    np.testing.assert_array_equal(clipped.values[:, inside], plain.values[:, inside])


def test_elevations_are_composited_before_the_slope(made: Quantities, tmp_path: Path) -> None:
    """The slope of a median is not the median of slopes; over one date both are the slope."""
    grid = Grid("EPSG:4326", made.dem.transform @ Affine.translation(100, 60), 60, 40)
    (newest,) = draw_on(made.folder, [grid], tmp_path / "newest")
    (median,) = draw_on(made.folder, [grid], tmp_path / "median", composite=MEDIAN)
    assert newest.valid.all()
    np.testing.assert_allclose(median.values, newest.values, atol=1e-5)


@pytest.mark.parametrize("crs", ["EPSG:32632", "EPSG:3035"])
def test_grids_in_metres(made: Quantities, tmp_path: Path, crs: str) -> None:
    """A crop in another CRS shows the slopes of the file's pixels, which do not depend on the crop's CRS."""
    x, y = transformer("EPSG:4326", crs).transform(SEAM, 46.67)
    grid = Grid(crs, Affine(10, 0, x - 400, 0, -10, y + 300), 80, 60)
    (image,) = draw_on(made.folder, [grid], tmp_path)
    cols, rows = np.meshgrid(np.arange(80) + 0.5, np.arange(60) + 0.5)
    lon, lat = transformer(crs, "EPSG:4326").transform(*grid.xy(cols, rows))
    col, row = made.dem.grid.colrow(lon, lat)
    expected = np.pad(slope(made.dem), 1, constant_values=np.nan)[np.floor(row).astype(int), np.floor(col).astype(int)]
    assert image.valid.all()
    assert np.isclose(image.values[0], expected, atol=2e-3).mean() > 0.99


def test_pixels_beside_missing_elevations_are_invalid(tmp_path: Path) -> None:
    """A file with a hole, and the sea beside its only file."""
    quantities = Quantities(tmp_path)
    (tmp_path / "profile.toml").write_text(DEM_PROFILE)
    heights = np.full((40, 50), 100.0, np.float32)
    heights[20, 30] = np.nan
    raster = Ortho("EPSG:4326", Affine(DEM_STEP, 0, 11, 0, -DEM_STEP, 46.7), heights)
    quantities.write_item("dem", "2021-01-01", {"data": raster}, {})
    (image,) = draw_on(tmp_path, [raster.grid], tmp_path / "cache")
    expected = np.zeros((40, 50), bool)
    expected[1:-1, 1:-1] = True
    expected[19:22, 29:32] = False
    assert np.array_equal(image.valid, expected)
    assert (image.values[0, expected] == 0).all()


# Files with different pixels


PARALLEL = 50.0
"""Latitude from which pixels are half as wide again, as in the Copernicus DEM."""
WEST = 9.0


def hills(lon: Array, lat: Array) -> Array:
    return 500 + 400 * np.sin(lon * 150) * np.cos(lat * 120)


def plane(lon: Array, lat: Array) -> Array:
    return 1000 + 20_000 * (lat - PARALLEL) + 10_000 * (lon - WEST)


class Parallel:
    """An archive of two files that meet at a parallel: narrower pixels to the south of it, wider ones to the north."""

    def __init__(self, folder: Path, height: Callable[[Array, Array], Array]) -> None:
        self.folder = folder
        (folder / "profile.toml").write_text(DEM_PROFILE)
        self.north = self._file(height, PARALLEL + 150 * DEM_STEP, 1.5 * DEM_STEP, 200, "2021-01-01")
        self.south = self._file(height, PARALLEL, DEM_STEP, 300, "2021-01-02")

    def _file(self, height: Callable[[Array, Array], Array], top: float, step: float, width: int, day: str) -> Ortho:
        transform = Affine(step, 0, WEST, 0, -DEM_STEP, top)
        lon, lat = WEST + (np.arange(width) + 0.5) * step, top - (np.arange(150) + 0.5) * DEM_STEP
        ortho = Ortho("EPSG:4326", transform, height(lon[np.newaxis], lat[:, np.newaxis]).astype(np.float32))
        Quantities(self.folder).write_item("dem", day, {"data": ortho}, {})
        return ortho


@pytest.fixture(scope="module")
def hilly(tmp_path_factory: pytest.TempPathFactory) -> Parallel:
    return Parallel(tmp_path_factory.mktemp("hilly"), hills)


def lonlat_of(grid: Grid) -> tuple[Array, Array]:
    cols, rows = np.meshgrid(np.arange(grid.width) + 0.5, np.arange(grid.height) + 0.5)
    lon, lat = transformer(grid.crs, "EPSG:4326").transform(*grid.xy(cols, rows))
    return lon, lat


@pytest.mark.parametrize("side", ["north", "south", "both"])
def test_each_pixel_has_the_slope_of_its_own_file(hilly: Parallel, tmp_path: Path, side: str) -> None:
    """Whether the image shows one file or both."""
    lat = PARALLEL + {"north": 70, "south": -70, "both": 0}[side] * DEM_STEP
    grid = mercator(WEST + 150 * DEM_STEP, lat, 15, 240, 240)
    (image,) = draw_on(hilly.folder, [grid], tmp_path)
    assert image.valid.all()
    lon, lat = lonlat_of(grid)
    for file, here in ((hilly.north, lat > PARALLEL), (hilly.south, lat < PARALLEL)):
        col, row = file.grid.colrow(lon, lat)
        # Neither between two pixels nor in the file's outermost ones, whose neighbours are in the other file.
        here = here & (np.abs(col % 1 - 0.5) < 0.49) & (np.abs(row % 1 - 0.5) < 0.49) & (row > 1) & (row < 149)
        expected = np.pad(slope(file), 1, constant_values=np.nan)
        found = expected[np.floor(row[here]).astype(int), np.floor(col[here]).astype(int)]
        assert here.any() == (side in ("both", "north" if file is hilly.north else "south"))
        np.testing.assert_allclose(image.values[0][here], found, atol=3e-3)


@pytest.mark.parametrize("zoom", [10, 12, 13, 14])
@pytest.mark.parametrize("resampling", [Resampling.NEAREST, *SOFT])
@pytest.mark.parametrize("surface", list(Surface))
def test_tiles_agree_where_files_with_different_pixels_meet(
    hilly: Parallel, tmp_path: Path, zoom: int, resampling: Resampling, surface: Surface
) -> None:
    """Tiles with a common margin, and one image of both: above the parallel, below it and over it."""
    x, y = transformer("EPSG:4326", "EPSG:3857").transform(WEST + 150 * DEM_STEP, PARALLEL)
    pixel = 2 * np.pi * 6378137 / 256 / 2**zoom
    size, margin = 24, 4
    top = y + (1.5 * size + 1) * pixel

    def part(first: int, rows: int) -> Grid:
        return Grid("EPSG:3857", Affine(pixel, 0, x - 16 * pixel, 0, -pixel, top - first * pixel), 32, rows)

    firsts = [0, size - margin, 2 * size - margin]
    grids = [part(0, 3 * size), *(part(first, size + margin) for first in firsts)]
    whole, *tiles = draw_on(hilly.folder, grids, tmp_path, surface=surface, resampling=resampling)
    assert whole.valid.any()
    for first, tile in zip(firsts, tiles, strict=True):
        window = np.s_[first : first + size + margin]
        assert np.array_equal(tile.valid, whole.valid[window])
        same = np.isclose(tile.values[0], whole.values[0][window], rtol=1e-4, atol=3e-3, equal_nan=True)
        assert same.mean() > (0.99 if resampling is Resampling.NEAREST else 0.9999)


@pytest.mark.parametrize("composite", [NEWEST, MEDIAN])
@pytest.mark.parametrize("resampling", [Resampling.NEAREST, *SOFT])
def test_a_plane_has_one_slope_across_files_with_different_pixels(
    tmp_path: Path, resampling: Resampling, composite: Composite
) -> None:
    made = Parallel(tmp_path, plane)
    grid = mercator(WEST + 150 * DEM_STEP, PARALLEL, 14, 120, 120)
    (image,) = draw_on(made.folder, [grid], tmp_path / "cache", resampling=resampling, composite=composite)
    assert image.valid.all()
    _, lat = lonlat_of(grid)
    east = 10_000 / METRES_PER_DEGREE / np.cos(np.radians(lat))
    expected = np.degrees(np.arctan(np.hypot(east, 20_000 / METRES_PER_DEGREE)))
    np.testing.assert_allclose(image.values[0], expected, atol=0.01)
    assert {scene.time.day for scene in image.report.used} == {1, 2}


def test_files_of_two_zones_meet_without_a_step_between_tiles(tmp_path: Path) -> None:
    """Their pixels differ in direction, too."""
    (tmp_path / "profile.toml").write_text(DEM_PROFILE)
    for day, zone in enumerate((32, 33), start=1):
        x, y = transformer("EPSG:4326", f"EPSG:326{zone}").transform(12.0, 46.0)
        transform = Affine(30, 0, round(x) - (150 if zone == 32 else 5) * 30, 0, -30, round(y) + 100 * 30)
        grid = Grid(f"EPSG:326{zone}", transform, 180, 200)
        heights = hills(*lonlat_of(grid)).astype(np.float32)
        Quantities(tmp_path).write_item("dem", f"2021-01-0{day}", {"data": Ortho(grid.crs, transform, heights)}, {})
    whole = mercator(12.0, 46.0, 13, 120, 60)
    tiles = [whole.part(Window(0, left, 60, left + 40)) for left in (0, 40, 80)]
    image, *parts = draw_on(tmp_path, [whole, *tiles], tmp_path / "cache")
    assert image.valid.all()
    joined = np.concatenate([part.values[0] for part in parts], axis=1)
    assert np.isclose(joined, image.values[0], rtol=1e-4, atol=3e-3).mean() > 0.99
