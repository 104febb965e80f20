"""Synthetic scenes cost as much to decode as real ones, and the oracle agrees with GDAL's exact warp."""

from __future__ import annotations

from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import rasterio
from affine import Affine
from pyproj import Transformer
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT

from benchmarks.bench import TMS
from benchmarks.contenders.work import Work
from benchmarks.data import MAIN, SKIES, MgrsTile, classes, numbers, stac_item, write_cog
from benchmarks.exact import levels, own_level, stored, unlike
from benchmarks.floor import HEADER, floor, line_floor, pieces
from tests.profiles import parse_item

SIDE = 2048
SMALL = MgrsTile("32TQS", 32632, 750_000, 5_150_000)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scene")
    for number, band in enumerate(("red", "nir")):
        write_cog(
            folder / f"{band}.tif", numbers(np.random.default_rng(number), 2000, SIDE), SMALL, pixel=10, block=1024
        )
    return folder


def tile_in(zoom: int) -> tuple[int, int, int]:
    lons, lats = zip(*SMALL.corners(), strict=True)
    tile = TMS.tile(min(lons) + 0.13, max(lats) - 0.09, zoom)
    return tile.z, tile.x, tile.y


@pytest.mark.parametrize("mean", [600, 3000])
def test_blocks_are_as_large_as_real_ones(mean: int) -> None:
    full = numbers(np.random.default_rng(mean), mean, 2048)
    block = full[:1024, :1024]
    assert 1.2e6 < stored_size(block) < 1.6e6
    overview = full.reshape(1024, 2, 1024, 2).mean((1, 3)).astype(np.uint16)[:512, :512]
    assert 0.3e6 < stored_size(overview) < 0.4e6
    assert full.min() > 0


def stored_size(block: np.ndarray) -> int:
    return len(imagecodecs.deflate_encode(imagecodecs.delta_encode(block, axis=-1).tobytes(), level=6))


def test_skies_differ_in_cloud_cover() -> None:
    cover = [np.isin(classes(np.random.default_rng(1), sky, 1024), (3, 8, 9)).mean() for sky in range(SKIES)]
    assert cover == sorted(cover)
    assert cover[0] < 0.25
    assert cover[-1] > 0.6


def test_files_have_the_layout_of_earth_searchs(scene: Path) -> None:
    with rasterio.open(scene / "red.tif") as dataset:
        assert dataset.profile["blockxsize"] == 1024
        assert dataset.profile["compress"] == "deflate"
        assert dataset.overviews(1) == [2, 4, 8, 16]
        assert dataset.tags(ns="IMAGE_STRUCTURE")["PREDICTOR"] == "2"
        assert int(dataset.get_tag_item("IFD_OFFSET", "TIFF", bidx=1, ovr=3)) < 16_384
    with rasterio.open(scene / "red.tif", overview_level=0) as overview:
        assert overview.block_shapes == [(512, 512)]


@pytest.mark.parametrize("zoom", [10, 12, 14])
@pytest.mark.parametrize("level", [0, 1, 3])
def test_the_oracle_is_gdals_exact_warp(scene: Path, zoom: int, level: int) -> None:
    z, x, y = tile_in(zoom)
    work = Work(z, x, y, "ndvi", ())
    west, _, _, north = work.bounds
    step = work.resolution
    options = {"overview_level": level - 1} if level else {}
    view = {
        "crs": "EPSG:3857", "transform": Affine(step, 0, west, 0, -step, north), "width": 256, "height": 256,
        "resampling": Resampling.nearest, "tolerance": 1e-9,
    }  # fmt: skip
    with rasterio.open(scene / "red.tif", **options) as dataset, WarpedVRT(dataset, **view) as warped:
        assert np.array_equal(stored(scene / "red.tif", level, z, x, y), warped.read(1))


def test_the_level_is_the_coarsest_that_is_not_coarser_than_a_target_pixel(scene: Path) -> None:
    path = scene / "red.tif"
    assert [level.resolution for level in levels(path)] == pytest.approx([10, 20, 40, 80, 160])
    assert [own_level(path, zoom) for zoom in (8, 10, 11, 12, 13, 14)] == [4, 3, 2, 1, 0, 0]


def test_unlike_counts_pixels_not_bands() -> None:
    exact = np.zeros((3, 10, 10), np.float32)
    values = exact.copy()
    values[:, 0, 0] = 1
    values[1, 5, 5] = np.nan
    assert unlike(values, exact) == pytest.approx(0.02)
    assert unlike(exact, exact) == 0
    assert unlike(exact[:1], exact) == 1


def test_the_floor_has_the_bytes_of_the_blocks(scene: Path) -> None:
    """A tile in the north-east corner: the block in row 0 and column 1."""
    path = (scene / "red.tif").resolve()
    with rasterio.open(path) as dataset:
        _, _, right, top = dataset.bounds
        expected = dataset.read(1, window=dataset.block_window(1, 0, 1))
    lon, lat = Transformer.from_crs(SMALL.epsg, 4326, always_xy=True).transform(right - 5000, top - 5000)
    tile = TMS.tile(lon, lat, 14)
    (piece,) = pieces(path, tile.z, tile.x, tile.y)
    data = path.read_bytes()[piece.start : piece.start + piece.size]
    block = np.frombuffer(imagecodecs.deflate_decode(data, out=piece.bytes), "<u2").reshape(1024, 1024)
    assert np.array_equal(imagecodecs.delta_decode(block, axis=-1), expected)
    assert 0 < piece.needed < piece.bytes


def test_the_floor_is_the_sum_of_round_trips_bytes_and_decoding(scene: Path) -> None:
    z, x, y = tile_in(13)
    assets = {"assets": {"red": "red.tif", "nir": "nir.tif"}}
    least = floor(Work(z, x, y, "ndvi", (assets,)), scene, first_byte=0.5, bandwidth=1e6)
    known = floor(Work(z, x, y, "ndvi", (assets,)), scene, first_byte=0.5, bandwidth=1e6, header_known=True)
    assert least.requests == known.requests + 2
    assert least.bytes == known.bytes + 2 * 16_384
    largest = max(piece.size for band in ("red", "nir") for piece in pieces(scene / f"{band}.tif", z, x, y))
    assert least.line == pytest.approx(2 * 0.5 + (16_384 + largest) / 1e6)
    assert least.line - known.line == pytest.approx(0.5 + 0.016384)
    assert 0 < least.decoding <= least.cpu


def test_scog_parses_the_items_of_the_benchmark() -> None:
    ring = [list(corner) for corner in MAIN.corners()]
    item = {
        "id": "a", "datetime": "2022-09-29T10:20:31Z", "mgrs_tile": "32TQS", "epsg": 32632, "bbox": [11, 45, 13, 47],
        "footprint": {"type": "Polygon", "coordinates": [ring]},
        "assets": {"red": "http://x/red.tif", "scl": "http://x/scl.tif"},
    }  # fmt: skip
    scene = parse_item(stac_item(item))
    assert (scene.assets["red"].scale, scene.assets["red"].offset, scene.assets["red"].nodata) == (0.0001, 0.0, 0.0)
    assert (scene.mgrs_tile, scene.collection) == ("32TQS", "benchmark")


def test_the_floor_of_a_line_counts_each_block_of_each_url_once(scene: Path, tmp_path: Path) -> None:
    link = tmp_path / "another.tif"
    link.symlink_to(scene / "red.tif")
    z, x, y = tile_in(14)
    tiles = [(z, x, y), (z, x + 1, y)]
    blocks = {piece.start: piece.size for tile in tiles for piece in pieces(scene / "red.tif", *tile)}
    once = line_floor([scene / "red.tif"], tiles, link=1e5, round_trip=0.1)
    assert once.bytes == HEADER + sum(blocks.values())
    assert once.requests == 1 + len(blocks)
    twice = line_floor([scene / "red.tif", link], tiles, link=1e5, round_trip=0.1)
    assert twice.bytes == 2 * once.bytes
    assert once.line == pytest.approx(once.bytes / 1e5 + 4 * 0.1)
    assert 0 < once.decoding <= once.cpu


def test_the_floor_includes_the_time_to_connect(scene: Path) -> None:
    z, x, y = tile_in(14)
    work = Work(z, x, y, "ndvi", ({"assets": {"red": "red.tif", "nir": "nir.tif"}},))
    new, known = (floor(work, scene, first_byte=0.5, bandwidth=1e6, connecting=seconds) for seconds in (3.0, 0.0))
    assert new.line - known.line == pytest.approx(3)
