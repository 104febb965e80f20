"""GeoTIFFs, read back by rasterio."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from rasterio.io import MemoryFile

from scog.geo.grid import tile_grid
from scog.render.geotiff import BLOCK, geotiff

GRID = tile_grid(12, 2170, 1450)
TAGS = {"TIFFTAG_SOFTWARE": "scog 1", "SCENES": "S2A_32TQK S2B_32TQL", "FIRST_DATETIME": "2024-06-02T10:10:31Z"}


@contextmanager
def opened(body: bytes) -> Iterator[Any]:
    with MemoryFile(body) as memory, memory.open(driver="GTiff") as source:
        yield source


def written(values: NDArray[np.float32], names: list[str] | None = None) -> bytes:
    return geotiff(values, GRID.crs, GRID.transform, names or [str(n) for n in range(len(values))], TAGS)


@settings(max_examples=25)
@given(hnp.arrays(np.float32, st.sampled_from([(1, 1, 1), (1, 5, 9), (3, 16, 16)]), elements=st.floats(width=32)))
def test_values_round_trip_exactly(values: NDArray[np.float32]) -> None:
    with opened(written(values)) as source:
        result = source.read()
    assert result.dtype == np.float32
    assert np.array_equal(result, values, equal_nan=True)


@pytest.mark.parametrize("shape", [(1, 256, 256), (3, 512, 512), (1, 300, 700), (1, 1024, 1024)])
def test_the_layout_is_cog(shape: tuple[int, int, int]) -> None:
    values = np.random.default_rng(0).random(shape, np.float32)
    with opened(written(values)) as source:
        structure = source.tags(ns="IMAGE_STRUCTURE")
        assert structure["LAYOUT"] == "COG"
        assert structure["COMPRESSION"] == "DEFLATE"
        assert structure["PREDICTOR"] == "3"
        assert set(source.block_shapes) == {(BLOCK, BLOCK)}
        larger = max(shape[1:]) > BLOCK
        assert bool(source.overviews(1)) == larger
        if larger:
            small = source.read(1, out_shape=(shape[1] // 2, shape[2] // 2))
            assert np.isin(small, values[0]).all()  # nearest: overviews contain only original values
        assert np.array_equal(source.read(), values)


def test_crs_and_transform_are_written() -> None:
    with opened(written(np.zeros((1, 256, 256), np.float32))) as source:
        assert source.crs.to_epsg() == 3857
        assert source.transform.almost_equals(GRID.transform, 1e-9)
        assert (source.width, source.height) == (256, 256)
    placed = Affine(10, 0, 7e5, 0, -20, 5e6)
    with opened(geotiff(np.zeros((1, 2, 3), np.float32), "EPSG:32632", placed, ["a"], {})) as utm:
        assert utm.crs.to_epsg() == 32632
        assert utm.bounds == (7e5, 5e6 - 40, 7e5 + 30, 5e6)


def test_nodata_is_nan() -> None:
    values = np.full((2, 8, 8), 0.5, np.float32)
    values[:, 2:5] = np.nan
    with opened(written(values)) as source:
        assert all(np.isnan(nodata) for nodata in source.nodatavals)
        assert ((source.dataset_mask() == 0) == np.isnan(values[0])).all()
        assert (source.read(masked=True).mask == np.isnan(values)).all()


def test_band_descriptions_and_tags_are_written() -> None:
    names = ["(nir - red) / (nir + red)", "Wälder < 森 & \"'"]
    with opened(written(np.zeros((2, 4, 4), np.float32), names)) as source:
        assert source.descriptions == tuple(names)
        assert source.tags().items() >= TAGS.items()


def test_encoding_is_deterministic() -> None:
    values = np.random.default_rng(3).random((2, 64, 64), np.float32)
    assert written(values) == written(values)  # ETags depend on it
