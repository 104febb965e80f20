"""GeoTIFFs of every kind, read tile by tile: stored numbers and validity match rasterio."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from affine import Affine

from scog.catalog.assets import Asset
from scog.geo.grid import Grid
from scog.imaging.band_reader import BandData, BandReader, BandRequest
from scog.net.policy import UpstreamStats
from scog.runtime.memory_budget import MemoryBudget
from scog.warp.workbench import Workbench
from tests.doubles.geotiffs import FLOATS, INTEGERS, WITH_PREDICTOR, Choice, choice_of, truth, write
from tests.doubles.range_server import RangeServer
from tests.doubles.reading import reading, run

pytestmark = [
    pytest.mark.usefixtures("transport_slowly"),
    pytest.mark.filterwarnings("ignore::rasterio.errors.NodataShadowWarning"),  # nodata goes before alpha, as in GDAL
]

TILE = 90
FEW, MANY = 24, 400
SEEDS = [pytest.param(seed, marks=[] if seed < FEW else [pytest.mark.acceptance]) for seed in range(MANY)]
STORED = [
    pytest.param(codec, predictor, dtype, marks=[] if codec == "OLD DEFLATE" else [pytest.mark.acceptance])
    for codec in ("NONE", *WITH_PREDICTOR)
    for predictor in ((1,) if codec == "NONE" else (1, 2, 3))
    for dtype in (FLOATS if predictor == 3 else (*INTEGERS, *FLOATS))
]
"""Valid combinations of codec, predictor and type. Old Deflate, of which GDAL reports least, is always tested."""


def part_of(grid: Grid, row: int, col: int) -> Grid:
    """A tile of a level's own pixels, which may extend over its edges."""
    return Grid(grid.crs, grid.transform @ Affine.translation(col, row), TILE, TILE)


async def compare(path: Path, url: str, reader: Any, layers: BandReader) -> None:
    """Compare every tile of every band and level with rasterio, with and without nodata in the item."""
    description = await reader.read_metadata(url, UpstreamStats())
    for level, band in product(range(len(description.levels)), range(1, description.count + 1)):
        grid = description.levels[level].grid
        numbers, valid = truth(path, level, band)
        if numbers.dtype.kind == "f":
            valid &= np.isfinite(numbers)
        assert numbers.shape == grid.shape
        item_value = float(numbers[valid][0]) if valid.any() else None
        for row, col in product(range(-20, grid.height, TILE), range(-20, grid.width, TILE)):
            where = part_of(grid, row, col)
            assert description.level_for(where) == level
            for nodata in (None, item_value):
                scene: Any = SimpleNamespace(id="", assets={"red": Asset(url, nodata=nodata, band=band)})
                request = BandRequest(scene, ["red"], where)
                found: BandData = await layers.compute(request, lambda layers: layers["red"], UpstreamStats())
                top, left = max(0, -row), max(0, -col)
                inside = slice(row + top, row + TILE), slice(col + left, col + TILE)
                expected = np.zeros((TILE, TILE), bool)
                shown, known = numbers[inside], valid[inside].copy()
                if nodata is not None and not description.masked:
                    known &= shown != nodata
                place = slice(top, top + shown.shape[0]), slice(left, left + shown.shape[1])
                expected[place] = known
                np.testing.assert_array_equal(found.valid, expected)
                assert found.numbers.dtype == numbers.dtype
                np.testing.assert_array_equal(found.numbers[place][known], shown[known])


def hold_against_rasterio(choice: Choice, folder: Path, *, local: bool) -> None:
    path = folder / "a.tif"
    write(choice, path)

    async def work(host: str, url: str) -> None:
        with ThreadPoolExecutor(2) as cpu:
            async with reading(host, folder=folder) as reader:
                await compare(path, url, reader, BandReader(reader, Workbench(cpu), MemoryBudget(100_000_000), None))

    if local or choice.validity == "mask file":
        run(work("nowhere", path.resolve().as_uri()), within=60)
    else:
        with RangeServer() as server:
            run(work(server.host, server.put("/a.tif", path.read_bytes())), within=60)


@pytest.mark.parametrize("seed", SEEDS)
def test_any_geotiff(seed: int, tmp_path: Path) -> None:
    hold_against_rasterio(choice_of(seed), tmp_path, local=seed % 3 == 0)


@pytest.mark.parametrize(("codec", "predictor", "dtype"), STORED)
def test_every_codec_predictor_and_type(codec: str, predictor: int, dtype: str, tmp_path: Path) -> None:
    hold_against_rasterio(Choice(dtype, codec, predictor), tmp_path, local=True)
