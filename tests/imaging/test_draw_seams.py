"""Tiles have no seams: each equals its part of one large image, pixel by pixel."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import morecantile
import numpy as np
import pytest
from affine import Affine

from scog.composite.change import Change
from scog.composite.methods import METHODS, NEWEST
from scog.geo.grid import Grid, tile_grid
from scog.imaging.draw import ImageRequest, draw
from scog.imaging.engine import Engine, open_engine
from scog.imaging.request import Comparison
from scog.settings import Settings
from scog.temporal.intervals import parse_interval
from tests.doubles.drawing import image_request
from tests.profiles import parse_mask

NDVI = "(nir - red) / (nir + red)"
TMS = morecantile.tms.get("WebMercatorQuad")


async def bounds(engine: Engine) -> tuple[float, float, float, float]:
    box = await engine.catalogs.first.catalog.bounds()
    assert box is not None
    return box


async def compare(engine: Engine, z: int, request: ImageRequest) -> tuple[int, float]:
    """Draw all tiles and the large image. Returns the number of tiles, and the share of valid pixels."""
    west, south, east, north = await bounds(engine)
    first, last = TMS.tile(west, north, z), TMS.tile(east, south, z)
    columns, rows = last.x - first.x + 1, last.y - first.y + 1
    corner = tile_grid(z, first.x, first.y)
    pixel = corner.transform.a
    large = Grid(corner.crs, Affine(pixel, 0, corner.bounds[0], 0, -pixel, corner.bounds[3]), 256 * columns, 256 * rows)
    whole = await draw(engine, large, request)
    places = [(x, y) for y in range(rows) for x in range(columns)]
    tiles = await asyncio.gather(*(draw(engine, tile_grid(z, first.x + x, first.y + y), request) for x, y in places))
    for (x, y), tile in zip(places, tiles, strict=True):
        part = np.s_[256 * y : 256 * (y + 1), 256 * x : 256 * (x + 1)]
        assert np.array_equal(tile.valid, whole.valid[part]), f"tile {z}/{first.x + x}/{first.y + y}"
        assert np.array_equal(tile.values, whole.values[:, *part], equal_nan=True), f"{z}/{first.x + x}/{first.y + y}"
        assert not tile.report.skipped
    mgrs_tiles = {scene.mgrs_tile for scene in whole.report.used}
    assert len(mgrs_tiles) == 2
    return len(tiles), float(whole.valid.mean())


def split_day(archive: Path) -> str:
    """A day with one overpass in two datastrips."""
    items = [json.loads(path.read_bytes()) for path in archive.glob("*/*/*.json")]
    counts = Counter((item["properties"]["grid:code"], item["properties"]["datetime"][:10]) for item in items)
    return max(str(day) for (_, day), count in counts.items() if count == 2)


@pytest.mark.parametrize(
    "name", ["oldest", "clearest", "best", "geomedian", "std", "slope", "max_doy", "p30", "count", "dilated", "change"]
)
def test_tiles_of_composites_equal_parts_of_a_large_image(demo_archive: Path, name: str) -> None:
    """Also where an observation intersects one tile and not the next."""
    request = image_request(NDVI, composite=METHODS.get(name, NEWEST))
    if name == "dilated":
        request = replace(request, mask=parse_mask("clouds", 220))
    if name == "change":
        spring, autumn = parse_interval("2022-03-01/2022-05-31"), parse_interval("2022-09-01/2022-11-30")
        request = replace(request, interval=spring, compare=Comparison(autumn, Change.RATIO))

    async def work() -> None:
        async with open_engine(Settings(catalog=str(demo_archive))) as engine:
            tiles, valid = await compare(engine, 12, request)
            assert tiles > 4
            assert valid > 0.05

    asyncio.run(work())


@pytest.mark.parametrize("case", ["newest", "unmasked", "split"])
def test_tiles_equal_parts_of_a_large_image(demo_archive: Path, case: str) -> None:
    request = {
        "newest": lambda: image_request(NDVI),
        "unmasked": lambda: image_request("swir16", "none"),
        "split": lambda: image_request("red; nir; scl", interval=parse_interval(split_day(demo_archive))),
    }[case]()

    async def work() -> None:
        async with open_engine(Settings(catalog=str(demo_archive))) as engine:
            for z in (11, 13, 14):
                tiles, valid = await compare(engine, z, request)
                assert tiles >= 2
                assert valid > 0.05

    asyncio.run(work())


def test_both_datastrips_of_an_overpass_are_drawn(demo_archive: Path) -> None:
    request = image_request("red", "none", interval=parse_interval(split_day(demo_archive)))

    async def work() -> set[str]:
        async with open_engine(Settings(catalog=str(demo_archive))) as engine:
            west, south, east, north = await bounds(engine)
            step = (east - west) / 300
            grid = Grid("EPSG:4326", Affine(step, 0, west, 0, -step, north), 300, round((north - south) / step))
            return {scene.id for scene in (await draw(engine, grid, request)).report.used}

    assert len(asyncio.run(work())) == 4
