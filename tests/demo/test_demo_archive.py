"""The demo archive on disk: layout and metadata like Earth Search's, and consistent content."""

from __future__ import annotations

import hashlib
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from pyproj import Transformer
from rasterio.io import MemoryFile

from scog.demo import make
from scog.demo.acquire import acquire
from scog.demo.landscape import landscape
from scog.demo.mgrs import EAST, WEST
from scog.demo.overpasses import OVERPASSES

Item = dict[str, Any]
WEST_NAME, EAST_NAME = "sentinel-2-l2a", "sentinel-2-c1-l2a"
PIXELS = {"B02": 1098, "B03": 1098, "B04": 1098, "B08": 1098, "B01": 183, "B09": 183}  # a side; all others 549
BLOCKS = {
    "B02": 1024, "B03": 1024, "B04": 1024, "B08": 1024, "B11": 1024, "B05": 512, "B06": 512, "B07": 512, "B8A": 512,
    "B12": 512, "SCL": 512, "B01": 256, "B09": 256,
}  # fmt: skip


@pytest.fixture(scope="module")
def items(demo_archive: Path) -> list[tuple[Path, Item]]:
    """All items with their folders, oldest first."""
    items_by_folder = [(path.parent, json.loads(path.read_text())) for path in sorted(demo_archive.glob("*/*/*.json"))]
    return sorted(items_by_folder, key=lambda entry: (entry[1]["properties"]["datetime"], entry[1]["id"]))


def of(items: list[tuple[Path, Item]], collection: str, day: str) -> list[tuple[Path, Item]]:
    return [(p, i) for p, i in items if i["collection"] == collection and i["properties"]["datetime"][:10] == day]


def read(folder: Path, name: str) -> np.ndarray:
    with rasterio.open(folder / f"{name}.tif") as dataset:
        return dataset.read(1)


def test_the_archive_contains_no_other_files(demo_archive: Path, items: list[tuple[Path, Item]]):
    expected = {demo_archive / "archive.json"}
    for folder, item in items:
        assert folder.name == item["id"]
        assert folder.parent.name == item["collection"]
        expected |= {folder.parent / "collection.json", folder / f"{item['id']}.json"}
        expected |= {folder / f"{name}.tif" for name in BLOCKS}
    present = {path for path in demo_archive.rglob("*") if path.is_file()}
    assert {path for path in present if not path.name.startswith(make.INDEX_PREFIX)} == expected
    assert sum(path.stat().st_size for path in expected) < 240e6


def test_all_metadata_states_that_it_is_made_up(demo_archive: Path, items: list[tuple[Path, Item]]):
    assert "Made-up" in json.loads((demo_archive / "archive.json").read_text())["description"]
    for _, item in items:
        assert item["properties"]["scog:made_up"] is True
        assert "made up" in item["properties"]["title"]
        assert "made-up" in item["properties"]["description"]


@pytest.mark.parametrize("name", BLOCKS)
def test_the_file_layout_is_earth_searchs(items: list[tuple[Path, Item]], name: str):
    for folder, item in (items[0], items[-1], of(items, EAST_NAME, "2022-02-17")[0]):
        spectral = name != "SCL"
        with rasterio.open(folder / f"{name}.tif") as dataset:
            full = PIXELS.get(name, 549)
            assert dataset.shape == (full, full)
            assert dataset.block_shapes == [(BLOCKS[name], BLOCKS[name])]
            # 183 pixels become 12, which GDAL reports as a factor of 15.
            assert dataset.overviews(1) == [2, 4, 8, 15 if full == 183 else 16]
            assert dataset.nodata == 0
            assert dataset.dtypes == ("uint16" if spectral else "uint8",)
            structure = dataset.tags(ns="IMAGE_STRUCTURE")
            assert (structure["LAYOUT"], structure["COMPRESSION"]) == ("COG", "DEFLATE")
            assert structure.get("PREDICTOR") == ("2" if spectral else None)
            tagged = spectral and item["collection"] == EAST_NAME
            assert (dataset.scales, dataset.offsets) == (((0.0001,), (-0.1,)) if tagged else ((1.0,), (0.0,)))
        for level in range(4):
            with rasterio.open(folder / f"{name}.tif", overview_level=level) as overview:
                full = -(-full // 2)
                assert overview.shape == (full, full)
                assert overview.block_shapes == [(BLOCKS[name] // 2, BLOCKS[name] // 2)]


def test_the_first_16_kilobytes_describe_every_file(items: list[tuple[Path, Item]]):
    for folder, _ in items[::9]:
        for path in folder.glob("*.tif"):
            head = path.read_bytes()[:16384]
            rest = b"\0" * (path.stat().st_size - len(head))
            with MemoryFile(head + rest) as memory, memory.open() as dataset:
                assert len(dataset.overviews(1)) == 4
                first = dataset.get_tag_item("BLOCK_OFFSET_0_0", "TIFF", bidx=1, ovr=3)
                assert 0 < int(first) < path.stat().st_size


def test_items_agree_with_their_files(items: list[tuple[Path, Item]]):
    for folder, item in items[::7]:
        for asset in item["assets"].values():
            path = folder / asset["href"]
            with rasterio.open(path) as dataset:
                assert list(dataset.shape) == asset["proj:shape"]
                assert list(dataset.transform)[:6] == asset["proj:transform"]
                assert dataset.crs.to_epsg() == item["properties"]["proj:epsg"]
            assert asset.get("file:size", path.stat().st_size) == path.stat().st_size
            assert ("file:size" in asset) == (item["collection"] == EAST_NAME)


def test_cloud_cover_agrees_with_the_classification(items: list[tuple[Path, Item]]):
    for folder, item in items:
        classes = read(folder, "SCL")
        valid = np.count_nonzero(classes)
        cloudy = np.isin(classes, (8, 9, 10)).sum()
        properties = item["properties"]
        assert properties["eo:cloud_cover"] == pytest.approx(100 * cloudy / valid, abs=1e-5)
        assert properties["s2:nodata_pixel_percentage"] == pytest.approx(100 - 100 * valid / 549**2, abs=1e-5)
        assert set(np.unique(classes)) <= {0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}


def test_the_weather_varies(items: list[tuple[Path, Item]]):
    covers = [item["properties"]["eo:cloud_cover"] for _, item in items if item["collection"] == WEST_NAME]
    assert min(covers) == 0
    assert max(covers) > 90
    assert 0.4 < np.mean(np.array(covers) < 20) < 0.65
    assert covers[-3] == 0
    assert 20 < covers[-1] < 50
    assert max(item["properties"]["s2:snow_ice_percentage"] for _, item in items) > 3
    assert max(item["properties"]["s2:thin_cirrus_percentage"] for _, item in items) > 15


def test_offsets_are_stated_as_in_both_collections(items: list[tuple[Path, Item]]):
    for _, item in items:
        properties, written = item["properties"], item["assets"]["red"]["raster:bands"][0]["offset"]
        if item["collection"] == EAST_NAME:
            assert "earthsearch:boa_offset_applied" not in properties
            assert (properties["s2:processing_baseline"], written) == ("05.00", -0.1)
        elif properties["datetime"] < "2022-01-25":
            assert properties["earthsearch:boa_offset_applied"] is False
            assert properties["s2:processing_baseline"] < "04.00"
            assert written == 0
        else:
            assert properties["earthsearch:boa_offset_applied"] is True
            assert properties["s2:processing_baseline"] == "04.00"
            assert written == -0.1  # although the numbers have no offset


def overlap(step: int) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Rows and columns of the same positions in both tiles, for pixels of `step` metres."""
    size = 10980 // step
    rows, columns = (index.ravel() for index in np.mgrid[0:size, 0:size])
    move = Transformer.from_crs(WEST.epsg, EAST.epsg, always_xy=True)
    x, y = move.transform(WEST.left + (columns + 0.5) * step, WEST.top - (rows + 0.5) * step)
    there_columns = np.floor((x - EAST.left) / step).astype(int)
    there_rows = np.floor((EAST.top - y) / step).astype(int)
    both = (there_columns >= 0) & (there_columns < size) & (there_rows >= 0) & (there_rows < size)
    return (rows[both], columns[both]), (there_rows[both], there_columns[both])


AGREE = (  # larger pixels overlap less with those of the other zone
    (10, ("B04", "B08"), 1, 0.97),
    (20, ("B06", "B07", "B12"), 1, 0.97),
    (60, ("B01", "B09"), 4, 0.93),
)


@pytest.mark.parametrize("day", ["2021-06-02", "2021-10-10", "2022-10-25"])
def test_tiles_agree_where_they_overlap(items: list[tuple[Path, Item]], day: str):
    [(west, _)], [(east, _)] = of(items, WEST_NAME, day), of(items, EAST_NAME, day)
    assert overlap(10)[0][0].size > 150_000
    for step, bands, apart, alike in AGREE:
        in_west, in_east = overlap(step)
        for band in bands:
            a, b = (
                read(west, band)[in_west].astype(int),
                read(east, band)[in_east].astype(int) - 1000,
            )
            assert abs(np.median(a - b)) <= apart
            assert np.corrcoef(a, b)[0, 1] > alike
    in_west, in_east = overlap(20)
    assert np.mean(read(west, "SCL")[in_west] == read(east, "SCL")[in_east]) > 0.93


def test_an_overpass_is_one_observation_of_both_tiles(items: list[tuple[Path, Item]]):
    by_day: dict[str, list[Item]] = {}
    for _, item in items:
        by_day.setdefault(item["properties"]["datetime"][:10], []).append(item["properties"])
    for overpass in by_day.values():
        assert len({(p["platform"], p["s2:datatake_id"].split("_")[2]) for p in overpass}) == 1
        assert {p["grid:code"] for p in overpass} == {"MGRS-32TQK", "MGRS-33TTE"}


def test_one_overpass_has_two_datastrips(items: list[tuple[Path, Item]]):
    (north, a), (south, b) = of(items, WEST_NAME, "2022-02-17")
    assert (a["id"], b["id"]) == ("S2A_32TQK_20220217_0_L2A", "S2A_32TQK_20220217_1_L2A")
    assert a["properties"]["s2:datatake_id"] == b["properties"]["s2:datatake_id"]
    strips = {item["properties"]["s2:datastrip_id"].split("_S2")[-1] for item in (a, b)}
    assert len(strips) == 2
    observed = [read(folder, "SCL") > 0 for folder in (north, south)]
    assert (observed[0] | observed[1]).all()
    assert 0 < np.mean(observed[0] & observed[1]) < 0.1


def inside(ring: np.ndarray, lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """Point in polygon by ray casting to the east."""
    crossings = np.zeros(lon.shape, int)
    for (ax, ay), (bx, by) in pairwise(ring):
        if ay != by:
            crossings += ((ay > lat) != (by > lat)) & (lon < ax + (bx - ax) * (lat - ay) / (by - ay))
    return crossings % 2 == 1


def test_footprints_contain_every_valid_pixel(items: list[tuple[Path, Item]]):
    partial = 0
    for folder, item in items:
        ring = np.array(item["geometry"]["coordinates"][0])
        assert item["bbox"] == [*ring.min(axis=0), *ring.max(axis=0)]
        valid = read(folder, "B04") > 0
        partial += bool(valid.mean() < 0.99)
        tile = WEST if item["collection"] == WEST_NAME else EAST
        rows, columns = np.nonzero(valid & ~(np.roll(valid, 1, 0) & np.roll(valid, -1, 0) & np.roll(valid, 1, 1)))
        every = np.concatenate([np.stack([rows, columns]), np.argwhere(valid)[::997].T], axis=1)
        to_degrees = Transformer.from_crs(tile.epsg, 4326, always_xy=True)
        lon, lat = to_degrees.transform(tile.left + every[1] * 10 + 5, tile.top - every[0] * 10 - 5)
        assert inside(ring, lon, lat).all()
    assert partial >= 4


def test_vegetation_changes_over_the_year(items: list[tuple[Path, Item]]):
    def greenness(day: str) -> np.ndarray:
        [(folder, _)] = of(items, EAST_NAME, day)
        red, nir = (read(folder, band).astype(float) - 1000 for band in ("B04", "B08"))
        return (nir - red) / (nir + red)

    april, august = greenness("2022-04-08"), greenness("2022-09-05")
    [(folder, _)] = of(items, EAST_NAME, "2022-04-08")
    land = (read(folder, "SCL") != 6).repeat(2, 0).repeat(2, 1)
    assert np.median(april[land]) > np.median(august[land]) + 0.1
    assert np.mean(np.abs(april - august)[land] > 0.3) > 0.1
    assert np.mean(august[land] - april[land] > 0.2) > 0.01  # maize has the opposite cycle
    assert np.median(april[~land]) < 0


def test_drawing_is_deterministic(items: list[tuple[Path, Item]]):
    overpass = next(overpass for overpass in OVERPASSES if overpass.day.isoformat() == "2021-09-15")
    [(folder, _)] = of(items, WEST_NAME, "2021-09-15")
    for name, numbers in acquire(landscape(WEST), overpass, overpass.strips[0], 0).items():
        stored = read(folder, name)
        assert hashlib.sha256(stored.tobytes()).digest() == hashlib.sha256(numbers.tobytes()).digest(), name


def test_a_complete_archive_is_not_created_again(demo_archive: Path):
    assert make.is_complete(demo_archive)
    assert not make.ensure_archive(demo_archive)
