"""Imperfect polygons on all routes: repaired and reported; unusable ones are reported and do not affect others."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from affine import Affine
from pyproj import Geod
from rasterio.io import MemoryFile

from scog.settings import Settings
from tests.cli.test_commands import run
from tests.cubes.test_polygons import USUAL
from tests.doubles.orthophotos import Ortho, write_collection
from tests.web.conftest import Served, served

NUMBERS = np.random.default_rng(3).integers(1, 3000, (260, 260)).astype(np.uint16)
MADE = Ortho("EPSG:32632", Affine(5, 0, 676_000, 0, -5, 5_153_000), NUMBERS)
"""A raster that covers the polygons, with a margin of more than one unit."""
QUERY = "bands=red&mask=none&datetime=../..&collection=fields"
PLAIN = USUAL["a square"][0]
BOW_TIE = USUAL["a bow tie"][0]
WIDE = {"type": "Polygon", "coordinates": [[[0, 40], [20, 40], [20, 41], [0, 40]]]}
METRES = {"type": "Polygon", "coordinates": [[[676e3, 5152e3], [677e3, 5152e3], [677e3, 5153e3], [676e3, 5152e3]]]}


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fields")
    write_collection(folder, "fields", {"red": MADE})
    return folder


@pytest.fixture(scope="module")
def server(archive: Path) -> Iterator[Served]:
    with served(Settings(catalog=str(archive))) as running:
        yield running


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("SCOG_"):
            monkeypatch.delenv(name)


def feature(geometry: object, **members: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": {}, "geometry": geometry} | members


def collection(*features: object) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": list(features)}


MIXED = collection(
    feature(PLAIN, id="north", properties={"name": "Hof, oben", "crop": "=1+1", "n": 7, "tags": ["a"]}),
    feature(None, id=12, properties={"name": "lost\nfield"}),
    feature(BOW_TIE, properties={"organic": True}),
    feature(METRES, id="m"),
    feature(WIDE, id="w"),
    feature({"type": "Point", "coordinates": [11.3005, 46.5005]}, id="p"),
)
"""Features of which only the first and the third are usable areas."""


def hectares(units: float) -> float:
    """Hectares of a number of squares with sides of 0.001 degrees."""
    square = shapely.box(11.3, 46.5, 11.301, 46.501)
    return units * abs(Geod(ellps="WGS84").geometry_area_perimeter(square)[0]) / 10_000


@pytest.mark.parametrize(("geometry", "area", "message"), USUAL.values(), ids=USUAL)
def test_statistics(server: Served, geometry: dict[str, Any], area: float, message: str | None) -> None:
    response = server.client.post(f"/statistics?{QUERY}", json=geometry)
    assert response.status_code == 200, response.text
    returned = response.json()
    assert returned["geometry"] == geometry
    measured = returned["properties"]["measured"]
    assert measured["area_ha"] == pytest.approx(hectares(area), rel=2e-3)
    assert measured.get("repaired") is None if message is None else message in measured["repaired"]
    (result,) = returned["properties"]["statistics"].values()
    assert result["count"] * 25 / 10_000 == pytest.approx(hectares(area), rel=3e-3)


@pytest.mark.parametrize(("geometry", "area", "message"), USUAL.values(), ids=USUAL)
def test_series_crops_and_cubes(server: Served, geometry: dict[str, Any], area: float, message: str | None) -> None:
    series = server.client.post(f"/timeseries?{QUERY}", json=geometry)
    assert series.status_code == 200, series.text
    count = series.json()["observations"][0]["statistics"][0]["count"]
    assert count * 25 / 10_000 == pytest.approx(hectares(area), rel=3e-3)
    assert series.json().get("repaired") is None if message is None else message in series.json()["repaired"]
    crop = server.client.post(f"/feature.tif?{QUERY}&dst_crs=utm", json=geometry)
    assert crop.status_code == 200, crop.text
    with MemoryFile(crop.content) as memory, memory.open() as source:
        valid = np.count_nonzero(np.isfinite(source.read(1)))
        assert source.res == (5, 5)
    assert valid == pytest.approx(count, abs=30)
    assert (
        crop.headers.get("X-Scog-Repaired") is None if message is None else message in crop.headers["X-Scog-Repaired"]
    )
    cube = server.client.post("/cubes", json={"bands": "red", "mask": "none", "area": geometry})
    assert cube.status_code in (200, 201), cube.text
    repaired = cube.headers.get("X-Scog-Repaired")
    assert repaired is None if message is None else repaired is not None and message in repaired


def test_an_unusable_feature_does_not_affect_other_statistics(server: Served) -> None:
    response = server.client.post(f"/statistics?{QUERY}", json=MIXED)
    assert response.status_code == 200, response.text
    features = response.json()["features"]
    assert [each.get("id") for each in features] == ["north", 12, None, "m", "w", "p"]
    assert [each["geometry"] for each in features] == [each["geometry"] for each in MIXED["features"]]
    measured = [each["properties"]["statistics"] is not None for each in features]
    assert measured == [True, False, True, False, False, False]
    errors = [each["properties"]["measured"].get("error") for each in features]
    for error, fragment in zip(errors, (None, "null", None, "projected", "1000 km", "no area"), strict=True):
        assert (error is None) == (fragment is None)
        assert fragment is None or fragment in error
    alone = server.client.post(f"/statistics?{QUERY}", json=PLAIN).json()["properties"]
    assert features[0]["properties"]["statistics"] == alone["statistics"]
    assert features[0]["properties"]["name"] == "Hof, oben"


def test_an_unusable_feature_does_not_affect_other_series(server: Served) -> None:
    response = server.client.post(f"/timeseries?{QUERY}", json=MIXED)
    assert response.status_code == 200, response.text
    features = [each["properties"]["timeseries"] for each in response.json()["features"]]
    assert [len(each["observations"]) for each in features] == [1, 0, 1, 0, 0, 1]
    assert ["error" in each for each in features] == [False, True, False, True, True, False]
    rows = list(csv.DictReader(io.StringIO(server.client.post(f"/timeseries?{QUERY}&format=csv", json=MIXED).text)))
    assert [row["feature"] for row in rows] == ["north", "12", "2", "m", "w", "p"]
    assert [bool(row["reason"]) for row in rows] == [False, True, False, True, True, False]
    assert rows[0]["name"] == "Hof, oben"
    events = server.client.post(f"/timeseries?{QUERY}&format=sse", json=MIXED).text
    assert '"feature":5' in events.replace(" ", "")
    end = json.loads(events.split("event: end")[1].split("data: ")[1].splitlines()[0])
    assert ["error" in each for each in end["features"]] == [False, True, False, True, True, False]
    chart = server.client.post(f"/timeseries?{QUERY}&format=svg", json=MIXED)
    assert chart.status_code == 200, chart.text


@pytest.mark.parametrize("route", ["/statistics", "/timeseries", "/feature.png"])
def test_a_single_unusable_polygon_is_an_error(server: Served, route: str) -> None:
    for body, where in (
        (METRES, "geometry"),
        (feature(METRES), "geometry"),
        (collection(feature(METRES)), "features[0]"),
    ):
        response = server.client.post(f"{route}?{QUERY}", json=body)
        assert response.status_code == 400
        problem = response.json()
        assert "ring 0" in problem["detail"]
        assert "projected" in problem["detail"]
        assert problem["parameter"] == where
        assert "degrees" in problem["valid"]


def test_all_features_make_one_image(server: Served) -> None:
    both = collection(feature(PLAIN), feature(USUAL["parts that overlap"][0]))
    both_response = server.client.post(f"/feature.npy?{QUERY}&dst_crs=utm", json=both)
    merged_response = server.client.post(f"/feature.npy?{QUERY}&dst_crs=utm", json=USUAL["parts that overlap"][0])
    assert both_response.status_code == 200, both_response.text
    assert both_response.content == merged_response.content
    assert both_response.headers["X-Scog-Repaired"].startswith("features[1]: made valid")


OTHERS = {
    "KML": (b'<?xml version="1.0"?><kml/>', "KML"),
    "KML with a byte order mark": (b"\xef\xbb\xbf<kml/>", "KML"),
    "a shapefile": (b"\x00\x00\x27\x0a" + bytes(96), "shapefile"),
    "a zipped shapefile": (b"PK\x03\x04" + bytes(96), "ZIP"),
    "a GeoPackage": (b"SQLite format 3\x00", "GeoPackage"),
    "text": (b"POLYGON ((1 2, 3 4))", "not JSON"),
}


@pytest.mark.parametrize("route", ["/statistics", "/timeseries", "/feature.png"])
@pytest.mark.parametrize(("body", "name"), OTHERS.values(), ids=OTHERS)
def test_other_file_formats_are_named_in_errors(server: Served, route: str, body: bytes, name: str) -> None:
    response = server.client.post(f"{route}?{QUERY}", content=body)
    assert response.status_code == 400
    assert name in response.json()["detail"]


def test_a_byte_order_mark_is_skipped(server: Served) -> None:
    for encoding in ("utf-8-sig", "utf-16"):
        response = server.client.post(f"/statistics?{QUERY}", content=json.dumps(PLAIN).encode(encoding))
        assert response.status_code == 200, response.text


# Command line


def write_geojson(folder: Path, document: Any) -> str:
    path = folder / "fields.geojson"
    path.write_bytes(document if isinstance(document, bytes) else json.dumps(document).encode())
    return str(path)


def test_stats_command_keeps_names(archive: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    options = ("--bands", "red", "--mask", "none", "--datetime", "../..", "--catalog", str(archive))
    code, out, error_output = run(capfd, "stats", write_geojson(tmp_path, MIXED), *options, "--csv")
    assert code == 0, error_output
    rows = list(csv.DictReader(io.StringIO(out)))
    assert list(rows[0])[:5] == ["feature", "name", "crop", "n", "organic"]
    assert [row["feature"] for row in rows] == ["north", "12", "2", "m", "w", "p"]
    assert [row["name"] for row in rows] == ["Hof, oben", "lost\nfield", "", "", "", ""]
    assert (rows[0]["crop"], rows[0]["n"], rows[2]["organic"]) == ("'=1+1", "7", "true")
    assert "made valid" in rows[2]["repaired"]
    assert [bool(row["reason"]) for row in rows] == [False, True, False, True, True, True]
    assert "feature Hof, oben" not in error_output
    assert "feature 3: made valid" in error_output
    code, out, _ = run(capfd, "stats", write_geojson(tmp_path, MIXED), *options)
    assert code == 0
    assert "Hof, oben" in out
    assert "not measured: " in out
    alone = feature(PLAIN, id="f7", properties={"name": "alone"})
    _, out, _ = run(capfd, "stats", write_geojson(tmp_path, alone), *options, "--csv")
    (row,) = csv.DictReader(io.StringIO(out))
    assert (row["feature"], row["name"]) == ("f7", "alone")


def test_series_and_crop_commands_accept_collections(
    archive: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    fields = collection(feature(PLAIN, properties={"name": "a"}), feature(None), feature(BOW_TIE))
    path = write_geojson(tmp_path, fields)
    common = ("--bands", "red", "--mask", "none", "--datetime", "../..", "--catalog", str(archive))
    code, out, error_output = run(capfd, "series", "--area", path, *common, "--csv")
    assert code == 0, error_output
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [(row["feature"], row["name"]) for row in rows] == [("0", "a"), ("1", ""), ("2", "")]
    output = tmp_path / "crop.tif"
    code, _, error_output = run(capfd, "crop", "--area", path, "-o", str(output), *common)
    assert code == 0, error_output
    assert "feature 2 is skipped" in error_output
    assert output.exists()


@pytest.mark.parametrize(("body", "name"), OTHERS.values(), ids=OTHERS)
def test_other_files_are_named_in_errors(
    archive: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], body: bytes, name: str
) -> None:
    for command in (("stats",), ("series", "--area"), ("crop", "-o", str(tmp_path / "t.png"), "--area")):
        code, _, error_output = run(capfd, *command, write_geojson(tmp_path, body), "--catalog", str(archive))
        assert code == 2
        assert name in error_output
