"""All twelve bands: plausible spectra, 60 m pixels that are means, and every index computable."""

from __future__ import annotations

import json
import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st

from scog.bandmath.indices import INDICES
from scog.demo.mgrs import SIZE, downsample
from scog.demo.spectra import BANDS, VARIANTS, Kind, table
from tests.profiles import BANDS as KNOWN
from tests.profiles import SENTINEL_2, parse_item

RECORDED = {  # one of each collection, and one of before the offset
    "sentinel-2-l2a/S2A_32TQK_20221005_0_L2A": "sentinel-2-l2a__S2A_13TDE_20231008_0_L2A",
    "sentinel-2-l2a/S2A_32TQK_20210602_0_L2A": "sentinel-2-l2a__S2A_29RKH_20200219_0_L2A",
    "sentinel-2-c1-l2a/*20221005*": "sentinel-2-c1-l2a__S2A_T13TDE_20240402T174230_L2A",
}
WATERS = (Kind.SEA, Kind.FRESH_WATER, Kind.SURF)


def folder(archive: Path, pattern: str) -> Path:
    [folder] = archive.glob(pattern)
    return folder


def read(path: Path) -> np.ndarray:
    with rasterio.open(path) as dataset:
        return dataset.read(1)


def spectra(day: int) -> dict[str, np.ndarray]:
    """Reflectance by band, `(kind, variant)`."""
    return {name: row.reshape(len(Kind), VARIANTS) for name, row in zip(BANDS, table(day), strict=True)}


def test_all_bands_are_in_order_of_wavelength():
    assert [band.aliases[0] for band in KNOWN if band.spectral] == list(BANDS)


@given(st.integers(1, 366))
def test_green_vegetation_has_a_red_edge_and_absorbs_shortwave_infrared(day: int):
    band = spectra(day)
    green = (band["B08"] - band["B04"]) / (band["B08"] + band["B04"]) > 0.7
    edge = [band[name][green] for name in ("B04", "B05", "B06", "B07")]
    assert all((low < high).all() for low, high in pairwise(edge))
    assert (band["B07"] / band["B08"])[green] == pytest.approx(0.95, abs=0.03)
    assert (band["B8A"] / band["B08"])[green] == pytest.approx(1.05, abs=0.03)
    assert ((band["B12"] < 0.7 * band["B11"]) & (band["B11"] < 0.6 * band["B08"]))[green].all()


@given(st.integers(1, 366))
def test_spectra_of_land_and_water_differ(day: int):
    band = spectra(day)
    water = np.isin(np.arange(len(Kind)), WATERS)
    assert (band["B01"] < band["B02"])[~water].all()
    assert (band["B01"] > band["B02"])[water].all()
    assert (band["B12"] < 0.7 * band["B11"])[water].all()
    assert (band["B12"] < band["B11"]).all()
    for name in ("ROCK", "BEACH", "TRACK", "CONCRETE", "ASPHALT"):  # dry and bare: no water absorption
        assert (band["B12"] > 0.9 * band["B11"])[Kind[name]].all()
    assert (band["B09"] / band["B8A"])[~water] == pytest.approx(1, abs=0.04)
    assert all(values.min() > 0 and values.max() < 0.7 for values in band.values())


def test_downsampling_averages():
    full = np.random.default_rng(1).random((SIZE, SIZE), np.float32)
    for factor in (2, 3, 6):
        side = SIZE // factor
        mean = full.astype(float).reshape(side, factor, side, factor).mean(axis=(1, 3))
        assert np.allclose(downsample(full, factor), mean, atol=1e-6)


def test_60_m_pixels_are_means(demo_archive: Path):
    home = folder(demo_archive, "sentinel-2-l2a/*_20221005_*")
    water_vapour, narrow = (read(home / f"{name}.tif").astype(np.float32) for name in ("B09", "B8A"))
    mean = downsample(narrow, 3)
    land = mean > 1000
    assert np.median(np.abs(water_vapour / mean - 1)[land]) < 0.02
    alike = {
        shift: np.corrcoef(np.roll(mean, shift, (0, 1)).ravel(), water_vapour.ravel())[0, 1]
        for shift in ((0, 0), (0, 1), (1, 0), (0, -1), (-1, 0))
    }
    assert alike[0, 0] > 0.998
    assert alike[0, 0] == max(alike.values())


@pytest.mark.parametrize("day", ["20210915", "20220727", "20220217"])  # the swath ends within the tile; two strips
def test_coarse_pixels_are_valid_where_all_their_10_m_pixels_are(demo_archive: Path, day: str):
    homes = list(demo_archive.glob(f"*/*_{day}*"))
    assert len(homes) >= 2
    for home in homes:
        fine = read(home / "B04.tif") > 0
        for name in BANDS:
            observed = read(home / f"{name}.tif") > 0
            factor = SIZE // observed.shape[0]
            assert np.array_equal(observed, fine.reshape(len(observed), factor, -1, factor).all(axis=(1, 3))), name


def test_clouds_are_bright_and_shadows_dark_in_every_band(demo_archive: Path):
    home = folder(demo_archive, "sentinel-2-l2a/*_20220314_*")
    classes = read(home / "SCL.tif")
    for name in ("B06", "B07", "B11", "B12"):
        values = read(home / f"{name}.tif")
        cloud, shadow, green = (np.median(values[classes == number]) for number in (9, 3, 4))
        assert shadow < green < cloud, name


def assets(archive: Path, pattern: str) -> dict[str, Any]:
    home = folder(archive, pattern)
    return json.loads((home / f"{home.name}.json").read_text())["assets"]


@pytest.mark.parametrize("pattern", RECORDED)
def test_asset_metadata_is_earth_searchs(demo_archive: Path, pattern: str):
    root = Path(__file__).parents[2]
    data = Path(os.environ.get("SCOG_TEST_DATA") or root.parent / "shared" / "data")
    recording = data / "earth-search" / "items" / f"{RECORDED[pattern]}.json"
    if not recording.is_file():
        pytest.skip("no recordings of Earth Search: set SCOG_TEST_DATA to their folder")
    actual, expected = assets(demo_archive, pattern), json.loads(recording.read_text())["assets"]
    assert set(actual) == {band.name for band in KNOWN if band.spectral} | {"scl"}
    for key, asset in actual.items():
        location_members = {"href", "proj:shape", "proj:transform", "file:size"}  # they depend on the location
        assert {k: v for k, v in asset.items() if k not in location_members} == {
            k: v for k, v in expected[key].items() if k not in {*location_members, "file:checksum"}
        }
        assert asset["href"].removeprefix("./") == expected[key]["href"].rpartition("/")[2]
        assert [10 * side for side in asset["proj:shape"]] == expected[key]["proj:shape"]
        assert asset["proj:transform"][0::4] == expected[key]["proj:transform"][0::4]


@pytest.fixture(scope="module")
def reflectances(demo_archive: Path) -> dict[str, np.ndarray]:
    """Reflectance by band at 60 m on a clear day in spring."""
    home = folder(demo_archive, "sentinel-2-l2a/*_20220408_*")
    scene = parse_item(json.loads((home / f"{home.name}.json").read_text()), f"{home}/")
    reflectances_60 = {}
    for band in (band for band in KNOWN if band.spectral):
        values = read(home / Path(scene.assets[band.name].url).name).astype(np.float32) / 10000
        reflectances_60[band.name] = downsample(values, len(values) // 183)
    return reflectances_60


@pytest.mark.parametrize("name", [name for name, index in INDICES.items() if SENTINEL_2.has_bands(index.bands)])
def test_every_index_can_be_computed(reflectances: dict[str, np.ndarray], name: str):
    values, valid = INDICES[name].expression.evaluate(reflectances)
    land = reflectances["nir"] > 0.1  # some take the square root of nir - red, which is negative over water
    assert valid[land].mean() > 0.95
    assert np.ptp(values[0][valid]) > 0
