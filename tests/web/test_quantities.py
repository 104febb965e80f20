"""Quantities other than reflectance, through a server: backscatter in decibels, temperature, elevation, slope.

The oracles are NumPy on the numbers in the files, and exactextract.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

import numpy as np
import pytest
from numpy.typing import NDArray
from rasterio.io import MemoryFile

from scog.settings import Settings
from tests.doubles.quantities import DAYS, DEM_SHAPE, SIDE, STATES, Quantities
from tests.doubles.terrain import hillshade, slope
from tests.doubles.zonal import exact_statistics
from tests.web.conftest import Served, served, tile_at

Floats = NDArray[np.floating[Any]]
ALL = "../.."


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Quantities:
    quantities = Quantities(tmp_path_factory.mktemp("quantities"))
    quantities.write()
    return quantities


@pytest.fixture(scope="module")
def server(made: Quantities, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(Settings(catalog=str(made.folder), cache_dir=tmp_path_factory.mktemp("cache"))) as running:
        yield running


def decibels(power: Floats) -> Floats:
    with np.errstate(all="ignore"):
        return np.where(power > 0, 10 * np.log10(power, dtype=np.float64), np.nan)


def on_files(server: Served, made: Quantities, collection: str, query: str) -> tuple[Floats, tuple[Any, Any]]:
    """Values `(output, y, x)` on all of the files' pixels, and the GeoTIFF's units and names.

    The period is that of the query, else all.
    """
    raster = made.dem if collection == "dem" else made.scene
    height, width = raster.numbers.shape
    west, north = raster.grid.at(0, 0)
    east, south = raster.grid.at(width, height)
    parameters = {"datetime": ALL, "collection": collection, "coord_crs": raster.crs} | dict(parse_qsl(query))
    response = server.get(f"/bbox/{west!r},{south!r},{east!r},{north!r}.tif", params=parameters)
    assert response.status_code == 200, response.text
    with MemoryFile(response.content) as memory, memory.open() as source:
        return source.read(), (source.units, source.descriptions)


def days_since_1970() -> Floats:
    return np.array([datetime.fromisoformat(f"{day}T05:30:00+00:00").timestamp() / 86400 for day in DAYS])


def composite(name: str, power: Floats) -> Floats:
    """The composite of power `(day, y, x)` in dB: averages of power, and spreads and trends of decibels."""
    with np.errstate(all="ignore"):
        each = decibels(power)
        if name in ("newest", "oldest"):
            ordered = each[::-1] if name == "newest" else each
            first = np.isfinite(ordered).argmax(axis=0)
            return np.take_along_axis(ordered, first[np.newaxis], axis=0)[0]
        reducers = {"mean": np.nanmean, "median": np.nanmedian, "min": np.nanmin, "max": np.nanmax,
                    "p90": lambda values, axis: np.nanpercentile(values, 90, axis=axis)}  # fmt: skip
        if name in reducers:
            return decibels(reducers[name](power.astype(np.float64), axis=0))
        if name == "std":
            return np.nanstd(each, axis=0)
        if name == "range":
            return np.nanmax(each, axis=0) - np.nanmin(each, axis=0)
        assert name == "slope"
        days = days_since_1970()[:, np.newaxis, np.newaxis] + np.where(np.isfinite(each), 0, np.nan)
        day_off, off = days - np.nanmean(days, axis=0), each - np.nanmean(each, axis=0)
        return np.nansum(day_off * off, axis=0) / np.nansum(day_off**2, axis=0) * 365.25


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    "name", ["newest", "oldest", "mean", "median", "min", "max", "p90", "std", "range", "slope", "count"]
)
def test_composites_average_power(server: Served, made: Quantities, name: str) -> None:
    values, (units, _) = on_files(server, made, "radar", f"index=vv-db&composite={name}")
    power = made.power["vv"]
    if name == "count":
        np.testing.assert_array_equal(values[0], np.isfinite(power).sum(axis=0))
        assert units == (None,)
        return
    expected = composite(name, power)
    if name == "slope":
        expected = np.where(np.isfinite(decibels(power)).sum(axis=0) > 1, expected, np.nan)
    assert np.isfinite(expected).mean() > 0.7
    np.testing.assert_allclose(values[0], expected, rtol=2e-6, atol=1e-3 if name == "slope" else 1e-5)
    assert units[0] == ("dB per year" if name == "slope" else "dB")


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_mean_is_not_the_mean_of_decibels(server: Served, made: Quantities) -> None:
    values, _ = on_files(server, made, "radar", "index=vv-db&composite=mean")
    every = (made.power["vv"] > 0).all(axis=0)
    wrong = decibels(made.power["vv"][:, every]).mean(axis=0)
    assert every.mean() > 0.4
    assert (values[0, every] > wrong).all(), "the mean of powers exceeds that of their decibels (Jensen)"
    assert (values[0, every] - wrong).mean() > 0.4


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_linear_power_is_unchanged(server: Served, made: Quantities) -> None:
    values, (units, names) = on_files(server, made, "radar", "expression=vv&composite=mean")
    with np.errstate(all="ignore"):
        expected = np.nanmean(made.power["vv"].astype(np.float64), axis=0)
    np.testing.assert_allclose(values[0], expected, rtol=2e-6)
    assert (units, names) == ((None,), ("vv",))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_preset_of_formulas_in_decibels(server: Served, made: Quantities) -> None:
    values, (units, names) = on_files(server, made, "radar", "bands=dual&composite=median")
    vv, vh = made.power["vv"].astype(np.float64), made.power["vh"].astype(np.float64)
    with np.errstate(all="ignore"):
        ratio = made.power["vv"] / made.power["vh"]
    shown = np.isfinite(vv) & np.isfinite(vh) & np.isfinite(ratio)
    with np.errstate(all="ignore"):
        expected = np.stack([decibels(np.nanmedian(np.where(shown, each, np.nan), axis=0)) for each in (vv, vh, ratio)])
    expected[:, ~np.isfinite(expected).all(axis=0)] = np.nan
    np.testing.assert_allclose(values, expected, rtol=2e-6, atol=2e-6)
    assert units == ("dB",) * 3
    assert names == ("decibel of vv", "decibel of vh", "decibel of vv / vh")


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_difference_of_decibels_is_a_ratio_of_power(server: Served, made: Quantities) -> None:
    query = "index=vv-db&composite=mean&datetime=2024-06-01/2024-06-30&compare=2024-05-01/2024-05-31"
    values, (units, names) = on_files(server, made, "radar", query)
    means = [np.nanmean(made.power["vv"][part].astype(np.float64), axis=0) for part in (slice(3, None), slice(3))]
    expected = decibels(means[0]) - decibels(means[1])
    np.testing.assert_allclose(values[0], expected, atol=1e-5)
    both = (means[0] > 0) & (means[1] > 0)
    np.testing.assert_allclose(expected[both], decibels(means[0] / means[1])[both], atol=1e-9)
    assert (units, names) == (("dB",), ("change of vv-db",))


def test_a_point_in_decibels(server: Served, made: Quantities) -> None:
    lon, lat = made.scene.lonlat(33.5, 44.5)
    body = server.get(f"/point/{lon},{lat}?collection=radar&datetime={ALL}&composite=mean").json()
    (value,) = body["values"]
    expected = decibels(np.nanmean(made.power["vv"][:, 44, 33].astype(np.float64)))
    assert value == pytest.approx(float(expected), abs=1e-5)
    assert (body["band_names"], body["units"]) == (["vv-db"], ["dB"])


RECTANGLE = (12.3, 8.6), (47.2, 9.1), (47.7, 52.4), (11.8, 51.3)


def statistics(server: Served, made: Quantities, query: str, geometry: Any) -> dict[str, Any]:
    parameters = {"datetime": ALL} | dict(parse_qsl(query))
    response = server.client.post("/statistics", params=parameters, json=geometry)
    assert response.status_code == 200, response.text
    (result,) = response.json()["properties"]["statistics"].values()
    return dict(result)


def test_statistics_average_power(server: Served, made: Quantities) -> None:
    geometry = made.scene.polygon(*RECTANGLE)
    result = statistics(server, made, "collection=radar&datetime=2024-05-01", geometry)
    power = made.power["vv"][0]
    power = np.where(power > 0, power, np.float32(np.nan))
    names = ["mean", "min", "max", "count", "stdev", "median"]
    shape = made.scene.projected(geometry)
    linear = exact_statistics(power, made.scene.grid, shape, names)
    shown = exact_statistics(decibels(power).astype(np.float32), made.scene.grid, shape, names)
    for name in ("mean", "min", "max", "median"):
        tolerance = 0.01 if name == "median" else 1e-4  # exactextract interpolates weighted medians otherwise
        assert result[name] == pytest.approx(float(decibels(np.array(linear[name]))), abs=tolerance), name
    assert result["mean"] > shown["mean"] + 0.5, "the mean of decibels"
    assert result["std"] == pytest.approx(shown["stdev"], rel=1e-4)
    assert result["count"] == pytest.approx(shown["count"], rel=1e-4)
    assert result["sum"] is None
    counts, edges = result["histogram"]
    assert sum(counts) == pytest.approx(result["count"])
    assert (edges[0], edges[-1]) == (pytest.approx(result["min"]), pytest.approx(result["max"]))


def test_statistics_of_spreads_and_changes_are_plain(server: Served, made: Quantities) -> None:
    """Differences of decibels are averaged as they are."""
    geometry = made.scene.polygon(*RECTANGLE)
    for query in ("composite=std", "compare=2024-05-01/2024-05-31&composite=mean"):
        result = statistics(server, made, f"collection=radar&{query}", geometry)
        values, _ = on_files(server, made, "radar", query)
        expected = exact_statistics(
            values[0].astype(np.float32), made.scene.grid, made.scene.projected(geometry), ["mean"]
        )
        assert result["mean"] == pytest.approx(expected["mean"], rel=1e-4, abs=1e-5)
        assert result["sum"] is not None


def test_series_average_power_in_space_and_time(server: Served, made: Quantities) -> None:
    geometry = made.scene.polygon(*RECTANGLE)
    shape = made.scene.projected(geometry)
    power = np.where(made.power["vv"] > 0, made.power["vv"], np.float32(np.nan))
    means = [exact_statistics(each, made.scene.grid, shape, ["mean"])["mean"] for each in power]
    url = f"/timeseries?collection=radar&datetime={ALL}"
    body = server.client.post(url, json=geometry).json()
    assert (body["band_names"], body["units"]) == (["vv-db"], ["dB"])
    values = [row["values"][0] for row in body["observations"]]
    assert values == pytest.approx([float(decibels(np.array(mean))) for mean in means], abs=1e-4)
    periods = slice(3), slice(3, None)
    for aggregate, reduce in (("mean", np.mean), ("median", np.median), ("max", np.max)):
        months = server.client.post(f"{url}&interval=P1M&aggregate={aggregate}", json=geometry).json()["observations"]
        expected = [float(decibels(np.array(reduce(means[part])))) for part in periods]
        assert [row["values"][0] for row in months] == pytest.approx(expected, abs=1e-4)
        assert [row["statistics"][0]["mean"] for row in months] == pytest.approx(expected, abs=1e-4)
        stds = [
            [row["statistics"][0]["std"] for row in body["observations"][part]] for part in (slice(3), slice(3, None))
        ]
        assert [row["statistics"][0]["std"] for row in months] == pytest.approx([reduce(part) for part in stds])


def test_series_may_mix_scales(server: Served, made: Quantities) -> None:
    lon, lat = made.scene.lonlat(45.5, 30.5)
    url = f"/timeseries/{lon},{lat}?collection=radar&datetime={ALL}&format=csv"
    mixed = list(csv.DictReader(io.StringIO(server.get(f"{url}&index=vv-db,vvvhs,vh-db").text)))
    vv, vh = (made.power[key][:, 30, 45] for key in ("vv", "vh"))
    names = [name for name in mixed[0] if name.lower() in ("vv-db", "vvvhs", "vh-db")]
    for number, row in enumerate(mixed):
        if vv[number] > 0 and vh[number] > 0:
            expected = (decibels(vv[number]), vv[number] + vh[number], decibels(vh[number]))
            assert [float(row[name]) for name in names] == pytest.approx([float(each) for each in expected], rel=1e-5)
        else:
            assert row[names[0]] == ""


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_orbits_select_scenes(server: Served, made: Quantities) -> None:
    """Scenes without a direction match neither."""
    lon, lat = made.scene.lonlat(30.5, 50.5)
    for orbit in ("ascending", "descending"):
        days = {day for day, state in zip(DAYS, STATES, strict=True) if state == orbit}
        box = f"{lon},{lat},{lon + 0.001},{lat + 0.001}"
        listed = server.get(f"/scenes?bbox={box}&collection=radar&datetime={ALL}&orbit={orbit}").json()["features"]
        assert {feature["id"] for feature in listed} == {f"radar-{day}" for day in days}
        values, _ = on_files(server, made, "radar", f"index=vv-db&composite=mean&orbit={orbit}")
        power = made.power["vv"][[state == orbit for state in STATES]]
        np.testing.assert_allclose(values[0], decibels(np.nanmean(power.astype(np.float64), axis=0)), atol=1e-5)
        series = server.get(f"/timeseries/{lon},{lat}?collection=radar&datetime={ALL}&orbit={orbit}").json()[
            "observations"
        ]
        assert {row["datetime"][:10] for row in series} == days
    response = server.get(f"/point/{lon},{lat}?collection=radar&orbit=up")
    assert (response.status_code, response.json()["parameter"]) == (400, "orbit")


def test_a_cube_keeps_its_orbit(server: Served, made: Quantities) -> None:
    west, south = made.scene.lonlat(0, SIDE)
    east, north = made.scene.lonlat(SIDE, 0)
    definition = {"collection": "radar", "index": "vv-db", "datetime": "2024-05-01/2024-06-30", "scenes": "pinned",
                  "bbox": [west, south, east, north], "composite": "mean", "orbit": "descending"}  # fmt: skip
    cube = server.client.post("/cubes", json=definition).json()
    other = server.client.post("/cubes", json=definition | {"orbit": "ascending"}).json()
    assert cube["id"] != other["id"]
    assert cube["definition"]["orbit"] == "descending"
    tile = tile_at(*made.scene.lonlat(30, 30), 14)
    query = "collection=radar&index=vv-db&datetime=2024-05-01/2024-06-30&composite=mean"
    drawn = np.load(io.BytesIO(server.get(f"/cubes/{cube['id']}/tiles/{tile}.npy").content))
    expected = np.load(io.BytesIO(server.get(f"/tiles/{tile}.npy?{query}&orbit=descending").content))
    inside = np.isfinite(drawn)
    assert inside.any()
    np.testing.assert_array_equal(drawn[inside], expected[inside])
    every = np.load(io.BytesIO(server.get(f"/tiles/{tile}.npy?{query}").content))
    assert not np.array_equal(drawn[inside], every[inside])


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("collection=radar&compare=2024-05-01/2024-05-31&compare_as=ratio", "compare_as"),
        ("collection=radar&composite=best", "composite"),
        ("collection=dem&index=slope&composite=std", "composite"),
        ("collection=dem&index=hillshade&composite=slope", "composite"),
        ("collection=dem&index=hillshade&composite=count", "composite"),
    ],
)
def test_what_has_no_meaning_is_refused(server: Served, made: Quantities, query: str, parameter: str) -> None:
    lon, lat = made.scene.lonlat(30, 30)
    response = server.get(f"/point/{lon},{lat}?datetime={ALL}&{query}")
    assert response.status_code == 400
    assert response.json()["parameter"] == parameter
    assert response.json()["valid"]


def test_there_is_no_series_of_a_surface(server: Served) -> None:
    response = server.get("/timeseries/11.001,46.68?collection=dem&index=slope")
    assert (response.status_code, response.json()["parameter"]) == (400, "index")


def test_temperature_in_kelvin_and_celsius(server: Served, made: Quantities) -> None:
    numbers = made.kelvin_numbers
    kelvin = np.where(numbers > 0, numbers * 0.00341802 + 149, np.nan)
    for query, expected, unit in (("bands=lwir11", kelvin, "K"), ("", kelvin - 273.15, "°C")):
        values, (units, _) = on_files(server, made, "thermal", query)
        np.testing.assert_allclose(values[0], expected, rtol=2e-7, atol=4e-5)
        assert units == (unit,)
        legend = server.get(f"/legend.json?collection=thermal&{query}").json()
        assert legend["unit"] == unit
        assert f"({unit})" in server.get(f"/legend.svg?collection=thermal&{query}").text
    assert server.get("/legend.json?collection=thermal&composite=std").json()["unit"] == "°C"
    assert server.get("/legend.json?collection=thermal&composite=count").json()["unit"] is None


def test_elevations_and_their_surfaces_on_the_files_pixels(server: Served, made: Quantities) -> None:
    """Over the seam of two files; only the outermost pixels have no neighbours."""
    values, _ = on_files(server, made, "dem", "index=elevation")
    np.testing.assert_array_equal(values[0], made.elevations)
    for name, oracle, tolerance in (("slope", slope, 2e-3), ("hillshade", hillshade, 2e-2)):
        values, (units, names) = on_files(server, made, "dem", f"index={name}")
        assert values.shape[1:] == DEM_SHAPE
        outermost = np.ones(DEM_SHAPE, bool)
        outermost[1:-1, 1:-1] = False
        assert np.array_equal(np.isnan(values[0]), outermost)
        np.testing.assert_allclose(values[0, 1:-1, 1:-1], oracle(made.dem), atol=tolerance)
        assert (units, names) == (("°" if name == "slope" else None,), (name,))


def test_points_and_statistics_of_slopes(server: Served, made: Quantities) -> None:
    expected = np.pad(slope(made.dem).astype(np.float32), 1, constant_values=np.nan)
    for col, row in ((40, 30), (129, 100), (130, 100), (201, 150)):
        lon, lat = made.dem.lonlat(col + 0.3, row + 0.7)
        body = server.get(f"/point/{lon},{lat}?collection=dem&index=slope").json()
        assert body["values"][0] == pytest.approx(float(expected[row, col]), abs=2e-3)
        assert body["units"] == ["°"]
    geometry = made.dem.polygon((90.3, 30.7), (190.2, 60.1), (101.9, 170.4))
    result = statistics(server, made, "collection=dem&index=slope", geometry)
    exact = exact_statistics(expected, made.dem.grid, made.dem.projected(geometry), ["mean", "max", "min", "count"])
    for name, value in exact.items():
        assert result[name] == pytest.approx(value, rel=1e-3), name


def test_indices_of_backscatter_are_offered(server: Served) -> None:
    names = {index["name"] for index in server.get("/indices?collection=radar").json()["indices"]}
    assert {"dprvivv", "vhvvr", "vvvhs"} <= names
    assert not names & {"ndvi", "rfdi"}
    assert not {index["name"] for index in server.get("/indices?collection=dem").json()["indices"]}
