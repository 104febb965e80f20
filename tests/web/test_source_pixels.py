"""Statistics, series and crops use the pixels of the files on any grid.

The oracles are exactextract and rasterio on the files, and areas on the ellipsoid.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio.features
import shapely
from affine import Affine
from pyproj import CRS, Geod
from rasterio.io import MemoryFile

from scog.products.areas import sampling_grid
from scog.settings import Settings
from tests.doubles.orthophotos import Ortho, write_collection
from tests.doubles.zonal import exact_statistics
from tests.web.conftest import Served, served

RNG = np.random.default_rng(6)
ALBERS = (
    'PROJCS["custom",GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563]],'
    'PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]],PROJECTION["Albers_Conic_Equal_Area"],'
    'PARAMETER["latitude_of_center",46],PARAMETER["longitude_of_center",10.5],PARAMETER["standard_parallel_1",44],'
    'PARAMETER["standard_parallel_2",48],PARAMETER["false_easting",0],PARAMETER["false_northing",0],UNIT["metre",1]]'
)


def ortho(crs: str, transform: Affine, width: int = 260, height: int = 220) -> Ortho:
    return Ortho(crs, transform, RNG.integers(1, 3000, (height, width)).astype(np.uint16))


GRIDS = {
    "half-metre": ortho("EPSG:32632", Affine(0.5, 0, 577_430, 0, -0.5, 5_094_910)),
    "off-phase": ortho("EPSG:32632", Affine(0.5, 0, 577_430.3, 0, -0.5, 5_094_910.15)),
    "thirty-centimetres": ortho("EPSG:32632", Affine(0.3, 0, 577_431.7, 0, -0.3, 5_094_911.1)),
    "thirty-metres": ortho("EPSG:32632", Affine(30, 0, 577_425, 0, -30, 5_094_915)),
    "oblong": ortho("EPSG:32632", Affine(2, 0, 577_430, 0, -5, 5_094_910)),
    "degrees": ortho("EPSG:4326", Affine(1 / 3600, 0, 10.02, 0, -1 / 3600, 46.03)),
    "oblong-degrees": ortho("EPSG:4326", Affine(1.5 / 3600, 0, 10.02, 0, -1 / 3600, 60.03)),
    "mercator": ortho("EPSG:3857", Affine(1.2, 0, 1_113_200, 0, -1.2, 5_780_350)),
    "laea": ortho("EPSG:3035", Affine(10, 0, 4_320_000, 0, -10, 2_560_000)),
    "of-no-number": ortho(ALBERS, Affine(4, 0, 1002, 0, -4, 3003)),
    "feet": ortho("EPSG:2263", Affine(3, 0, 985_002, 0, -3, 205_001)),
    "south": ortho("EPSG:32733", Affine(1.5, 0, 500_000, 0, -1.5, 6_200_000)),
}
"""Collections of one file each, on grids that no Sentinel-2 band has."""
TRIANGLE = (20.3, 10.7), (240.2, 60.1), (101.9, 199.4)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("orthophotos")
    for name, raster in GRIDS.items():
        write_collection(folder, name, {"red": raster, "rededge1": raster}, OVERVIEWS="NONE")
    with served(Settings(catalog=str(folder), cache_dir=tmp_path_factory.mktemp("cache"))) as running:
        yield running


def properties_of(server: Served, name: str, geometry: Any, band: str = "red", **query: str) -> dict[str, Any]:
    parameters = {"bands": band, "mask": "none", "datetime": "../..", "collection": name} | query
    response = server.client.post("/statistics", params=parameters, json=geometry)
    assert response.status_code == 200, response.text
    result: dict[str, Any] = response.json()["properties"]
    return result


@pytest.mark.parametrize("band", ["red", "rededge1"])
@pytest.mark.parametrize("name", GRIDS)
def test_statistics_equal_exactextract_on_the_file(server: Served, name: str, band: str) -> None:
    raster = GRIDS[name]
    geometry = raster.polygon(*TRIANGLE)
    shape = raster.projected(geometry)
    expected = exact_statistics(
        raster.numbers.astype(np.float32), raster.grid, shape, ["mean", "count", "stdev", "min", "max"]
    )
    properties = properties_of(server, name, geometry, band)
    (result,) = properties["statistics"].values()
    scale = expected["mean"] / result["mean"]
    assert scale == pytest.approx(round(scale), rel=1e-5)
    assert result["count"] == pytest.approx(expected["count"], rel=1e-5)
    assert result["std"] * scale == pytest.approx(expected["stdev"], rel=1e-5)
    assert result["min"] * scale == pytest.approx(expected["min"], rel=1e-5)
    assert result["max"] * scale == pytest.approx(expected["max"], rel=1e-5)
    grid = properties["measured"]["grid"]
    assert CRS.from_user_input(grid["crs"]) == CRS.from_user_input(raster.crs)
    assert (grid["resolution"], grid["coarser"]) == (pytest.approx(raster.grid.resolution), False)


@pytest.mark.parametrize("name", GRIDS)
def test_areas_are_on_the_ellipsoid(server: Served, name: str) -> None:
    geometry = GRIDS[name].polygon(*TRIANGLE)
    dense = shapely.segmentize(shapely.geometry.shape(geometry), 0.0005)
    expected = abs(Geod(ellps="WGS84").geometry_area_perimeter(dense)[0]) / 10_000
    measured = properties_of(server, name, geometry)["measured"]
    assert measured["area_ha"] == pytest.approx(expected, rel=2e-5)
    assert measured["valid_area_ha"] == pytest.approx(expected, rel=2e-5)


@pytest.mark.parametrize("name", GRIDS)
def test_series_equal_the_means_of_statistics(server: Served, name: str) -> None:
    geometry = GRIDS[name].polygon(*TRIANGLE)
    query = {"bands": "red", "mask": "none", "datetime": "../..", "collection": name}
    series = server.client.post("/timeseries", params=query, json=geometry).json()
    (row,) = series["observations"]
    properties = properties_of(server, name, geometry)
    (expected,) = properties["statistics"].values()
    assert row["values"][0] == pytest.approx(expected["mean"], rel=1e-6)
    assert row["statistics"][0]["count"] == pytest.approx(expected["count"], rel=1e-6)
    assert series["grid"] == properties["measured"]["grid"]
    point = server.client.get("/timeseries/{},{}".format(*GRIDS[name].lonlat(60.5, 40.5)), params=query).json()
    assert point["observations"][0]["values"][0] == pytest.approx(_value(series, name, 60, 40), rel=1e-5)
    assert point["grid"]["resolution"] == pytest.approx(GRIDS[name].grid.resolution)


def _value(series: dict[str, Any], name: str, col: int, row: int) -> float:
    """The value of a pixel as scaled by the server."""
    mean = series["observations"][0]["values"][0]
    shape = GRIDS[name].projected(GRIDS[name].polygon(*TRIANGLE))
    exact = exact_statistics(GRIDS[name].numbers.astype(np.float32), GRIDS[name].grid, shape, ["mean"])["mean"]
    return float(GRIDS[name].numbers[row, col]) * float(mean) / exact


def cropped(server: Served, name: str, box: tuple[float, ...], query: str) -> tuple[Any, Any, Any]:
    """Values, transform and CRS of a GeoTIFF crop."""
    west, south, east, north = box
    address = f"/bbox/{west!r},{south!r},{east!r},{north!r}.tif"
    response = server.client.get(f"{address}?bands=red&mask=none&datetime=../..&collection={name}{query}")
    assert response.status_code == 200, response.text
    with MemoryFile(response.content) as memory, memory.open() as source:
        return source.read(1), source.transform, source.crs


@pytest.mark.parametrize("name", [name for name, raster in GRIDS.items() if raster.crs.startswith("EPSG")])
def test_crops_in_the_files_crs_equal_its_pixels(server: Served, name: str) -> None:
    raster = GRIDS[name]
    left, top = raster.grid.at(30.25, 40.5)
    right, bottom = raster.grid.at(130.75, 120.5)
    values, transform, crs = cropped(server, name, (left, bottom, right, top), f"&coord_crs={raster.crs}")
    assert crs.to_epsg() == int(raster.crs.removeprefix("EPSG:"))
    expected = raster.numbers[40:121, 30:131].astype(np.float64)
    assert values.shape == expected.shape
    np.testing.assert_allclose(values, expected * (values[0, 0] / expected[0, 0]), rtol=1e-5)
    assert transform.almost_equals(raster.transform @ Affine.translation(30, 40), 1e-6 * raster.grid.resolution)


def test_crops_in_another_crs_keep_the_pixel_size(server: Served) -> None:
    raster = GRIDS["laea"]
    lon, lat = raster.lonlat(130, 110)
    box = (lon - 0.004, lat - 0.003, lon + 0.004, lat + 0.003)
    _, transform, crs = cropped(server, "laea", box, "&dst_crs=utm")
    assert (crs.to_epsg(), transform.a, transform.e) == (32632, 10, -10)
    lon, lat = GRIDS["half-metre"].lonlat(130, 110)
    box = (lon - 0.0004, lat - 0.0003, lon + 0.0004, lat + 0.0003)
    values, _, _ = cropped(server, "half-metre", box, "")
    metres = 0.0006 * 111_320
    assert values.shape[0] == pytest.approx(metres / 0.5, abs=2)


def test_a_polygon_is_cropped_on_the_files_pixels(server: Served) -> None:
    raster = GRIDS["off-phase"]
    geometry = raster.polygon(*TRIANGLE)
    query = "bands=red&mask=none&datetime=../..&collection=off-phase&dst_crs=utm"
    response = server.client.post(f"/feature.tif?{query}", json=geometry)
    with MemoryFile(response.content) as memory, memory.open() as source:
        values, transform = source.read(1), source.transform
    col, row = ~raster.transform @ (transform.c, transform.f)
    assert (col, row) == (pytest.approx(round(col), abs=1e-6), pytest.approx(round(row), abs=1e-6))
    height, width = values.shape
    expected = raster.numbers[round(row) : round(row) + height, round(col) : round(col) + width]
    valid = np.isfinite(values)
    ratio = values[valid] / expected[valid]
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-5)
    inside = rasterio.features.geometry_mask([raster.projected(geometry)], values.shape, transform, invert=True)
    assert np.count_nonzero(inside != valid) <= 4


# Rotated files


@pytest.mark.parametrize(
    "transform",
    [
        Affine.translation(577_430, 5_094_910) @ Affine.rotation(17) @ Affine.scale(0.8, -0.8),
        Affine(0.8, 0, 577_430, 0, 0.8, 5_094_810),
    ],
    ids=["rotated", "from the south"],
)
def test_rotated_files(tmp_path: Path, transform: Affine) -> None:
    raster = ortho("EPSG:32632", transform)
    write_collection(tmp_path, "askew", {"red": raster})
    geometry = raster.polygon(*TRIANGLE)
    # exactextract needs a north-up grid, so coverage is computed in columns and rows of the file.
    local = shapely.transform(
        raster.projected(geometry), lambda places: np.stack(~transform @ places.T, axis=1) * (1, -1)
    )
    plain = ortho("EPSG:32632", Affine(1, 0, 0, 0, -1, 0)).grid
    expected = exact_statistics(raster.numbers.astype(np.float32), plain, local, ["mean", "count"])
    with served(Settings(catalog=str(tmp_path))) as running:
        (result,) = properties_of(running, "askew", geometry)["statistics"].values()
    scale = expected["mean"] / result["mean"]
    assert result["count"] == pytest.approx(expected["count"], rel=1e-5)
    assert scale == pytest.approx(round(scale), rel=1e-4)


# Several grids


def test_the_grid_is_that_of_the_finest_band(tmp_path: Path) -> None:
    fine, coarse = GRIDS["half-metre"], ortho("EPSG:32632", Affine(2, 0, 577_430, 0, -2, 5_094_910), 65, 55)
    write_collection(tmp_path, "both", {"red": coarse, "nir": fine})
    geometry = fine.polygon(*TRIANGLE)
    with served(Settings(catalog=str(tmp_path))) as running:
        for query, resolution in (("red", 2), ("nir", 0.5)):
            assert properties_of(running, "both", geometry, query)["measured"]["grid"]["resolution"] == resolution
        response = running.client.post("/statistics?index=ndvi&mask=none&datetime=../..&collection=both", json=geometry)
    properties = response.json()["properties"]
    assert properties["measured"]["grid"]["resolution"] == 0.5
    red = np.kron(coarse.numbers, np.ones((4, 4)))[: fine.numbers.shape[0], : fine.numbers.shape[1]]
    nir = fine.numbers.astype(float)
    expected = exact_statistics((nir - red) / (nir + red), fine.grid, fine.projected(geometry), ["mean", "count"])
    assert properties["statistics"]["NDVI"]["mean"] == pytest.approx(expected["mean"], abs=1e-6)
    assert properties["statistics"]["NDVI"]["count"] == pytest.approx(expected["count"], rel=1e-6)


def test_the_grid_is_that_of_the_newest_scene(tmp_path: Path) -> None:
    old, new = ortho("EPSG:32632", Affine(2, 0, 577_430, 0, -2, 5_094_910), 65, 55), GRIDS["half-metre"]
    write_collection(tmp_path, "years", {"red": old}, "2020-06-12")
    write_collection(tmp_path, "years", {"red": new}, "2024-06-12")
    geometry = new.polygon(*TRIANGLE)
    with served(Settings(catalog=str(tmp_path))) as running:
        query = {"bands": "red", "mask": "none", "collection": "years"}
        series = running.client.post("/timeseries", params=query | {"datetime": "../.."}, json=geometry).json()
        assert series["grid"]["resolution"] == 0.5
        first, second = series["observations"]
        assert (
            properties_of(running, "years", geometry, datetime="../2022-01-01")["measured"]["grid"]["resolution"] == 2
        )
    for row, raster in ((first, old), (second, new)):
        fine = np.kron(raster.numbers, np.ones((4, 4))) if raster is old else raster.numbers
        fine = fine[: new.numbers.shape[0], : new.numbers.shape[1]].astype(np.float32)
        expected = exact_statistics(fine, new.grid, new.projected(geometry), ["mean"])["mean"]
        scale = expected / row["values"][0]
        assert scale == pytest.approx(round(scale), rel=1e-5)


def test_the_grid_is_that_of_the_header_not_the_item(tmp_path: Path) -> None:
    raster = GRIDS["half-metre"]
    wrong_metadata = {
        "gsd": 10,
        "proj:transform": [10, 0, 577_430, 0, -10, 5_094_910],
        "proj:shape": [11, 13],
        "proj:epsg": 3857,
    }
    write_collection(tmp_path, "lies", {"red": raster}, more=wrong_metadata)
    with served(Settings(catalog=str(tmp_path))) as running:
        grid = properties_of(running, "lies", raster.polygon(*TRIANGLE))["measured"]["grid"]
    assert grid == {"crs": "EPSG:32632", "resolution": 0.5, "coarser": False}


def test_the_grid_of_an_unreadable_file_is_not_used(tmp_path: Path) -> None:
    raster = GRIDS["half-metre"]
    write_collection(tmp_path, "broken", {"red": raster}, "2023-06-12")
    write_collection(tmp_path, "broken", {"red": raster}, "2024-06-12")
    (tmp_path / "broken-2024-06-12-red.tif").write_bytes(b"no TIFF at all" * 100)
    with served(Settings(catalog=str(tmp_path))) as running:
        measured = properties_of(running, "broken", raster.polygon(*TRIANGLE))["measured"]
    assert measured["grid"]["resolution"] == 0.5
    assert [error["scene"] for error in measured["errors"]] == ["broken-2024-06-12"]


# Limits


@pytest.mark.parametrize("overviews", ["AUTO", "NONE"])
def test_large_areas_are_averaged_not_sampled(tmp_path: Path, overviews: str) -> None:
    """Rows of vines: one pixel of four is 3000, the others 100. Subsampling would return only one of the values."""
    numbers = np.full((512, 512), 100, np.uint16)
    numbers[:, ::4] = 3000
    raster = Ortho("EPSG:32632", Affine(0.5, 0, 577_430, 0, -0.5, 5_094_910), numbers)
    options = {"OVERVIEWS": overviews} | ({"OVERVIEW_RESAMPLING": "AVERAGE"} if overviews == "AUTO" else {})
    write_collection(tmp_path, "vines", {"red": raster}, **options)
    geometry = raster.polygon((8, 8), (504, 8), (504, 504), (8, 504))
    query = {"bands": "red", "mask": "none", "datetime": "../..", "collection": "vines"}
    with served(Settings(catalog=str(tmp_path), area_pixels=5000)) as running:
        properties = properties_of(running, "vines", geometry)
        series = running.client.post("/timeseries", params=query, json=geometry).json()
        whole = properties_of(running, "vines", raster.polygon((8, 8), (40, 8), (40, 40), (8, 40)))
    assert properties["measured"]["grid"] == {"crs": "EPSG:32632", "resolution": 4.0, "coarser": True}
    (result,) = properties["statistics"].values()
    (exact,) = whole["statistics"].values()
    assert result["mean"] == pytest.approx(exact["mean"], rel=1e-3)
    assert result["std"] < 0.01 * exact["std"]
    assert series["observations"][0]["values"][0] == pytest.approx(exact["mean"], rel=1e-3)
    assert series["grid"]["coarser"] is True


def test_reads_of_files_without_overviews_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pixels read for a part are bounded, not only its output."""
    raster = ortho("EPSG:32632", Affine(0.5, 0, 577_430, 0, -0.5, 5_094_910), 1024, 1024)
    geometry = raster.polygon((8, 8), (1016, 8), (1016, 1016), (8, 1016))
    monkeypatch.setattr("scog.products.areas.sampling_grid.MAX_SOURCE_SIDE", 256)
    sides: dict[str, set[int]] = {}
    parts_of = sampling_grid.parts_of

    def recorded_parts(measured: sampling_grid.SamplingGrid) -> tuple[sampling_grid.Part, ...]:
        parts = parts_of(measured)
        sides[name] = {max(part.grid.shape) for part in parts}
        return parts

    monkeypatch.setattr("scog.products.zonal.zonal.parts_of", recorded_parts)
    result = {}
    for name in ("AUTO", "NONE"):
        folder = tmp_path / name
        folder.mkdir()
        write_collection(folder, "large", {"red": raster}, OVERVIEWS=name, OVERVIEW_RESAMPLING="AVERAGE")
        with served(Settings(catalog=str(folder), area_pixels=5000)) as running:
            (result[name],) = properties_of(running, "large", geometry)["statistics"].values()
    assert max(sides["NONE"]) == 16
    assert max(sides["AUTO"]) > 32
    assert result["NONE"]["count"] == pytest.approx(result["AUTO"]["count"], rel=1e-6)
    assert result["NONE"]["mean"] == pytest.approx(result["AUTO"]["mean"], rel=1e-3)


def test_over_the_antimeridian_in_degrees(tmp_path: Path) -> None:
    west = ortho("EPSG:4326", Affine(0.001, 0, 179.8, 0, -0.001, -16.9), 200, 200)
    write_collection(tmp_path, "fiji", {"red": west})
    ring = [[179.95, -17], [-179.95, -17], [-179.95, -16.95], [179.95, -16.95], [179.95, -17]]
    with served(Settings(catalog=str(tmp_path))) as running:
        properties = properties_of(running, "fiji", {"type": "Polygon", "coordinates": [ring]})
    (result,) = properties["statistics"].values()
    assert result["count"] == pytest.approx(50 * 50, rel=1e-6)
    assert result["valid_percent"] == pytest.approx(50, abs=0.01)
    assert properties["measured"]["grid"]["resolution"] == 0.001
