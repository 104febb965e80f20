"""`POST /statistics` from a running server, compared with exactextract on the rasters and with geodesic areas."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from numpy.typing import NDArray
from pyproj import Geod, Transformer
from shapely.geometry.polygon import orient

from scog.geo.grid import Grid
from scog.imaging.draw import draw
from scog.products import attempts
from scog.settings import Settings
from scog.web.http.responses import PARTIAL
from tests.doubles.range_server import status
from tests.doubles.zonal import coverage, exact_statistics
from tests.web.conftest import RemoteServer, Served, is_problem, served
from tests.web.test_crops import BODIES, CLOUD, FEATURE, LAT, LON, NEW, OLD, SQUARE, STAR, expected_red, ring, scenes

GRID = Grid(SQUARE.crs, Affine(10, 0, SQUARE.left, 0, -10, SQUARE.top), SQUARE.size, SQUARE.size)
COARSE = Grid(SQUARE.crs, Affine(20, 0, SQUARE.left, 0, -20, SQUARE.top), SQUARE.size // 2, SQUARE.size // 2)
HUT = {"type": "Polygon", "coordinates": [[[LON + 0.005 + dx * 1e-5, LAT + dy * 1e-5] for dx, dy in
                                           ((3, 2), (19, 4), (15, 17), (3, 2))]]}  # fmt: skip
"""A polygon of a few pixels."""
ISLANDS = {"type": "MultiPolygon", "coordinates": [STAR["coordinates"], [[[LON + 0.011, LAT - 0.008],
           [LON + 0.013, LAT - 0.008], [LON + 0.013, LAT - 0.006], [LON + 0.011, LAT - 0.008]]]]}  # fmt: skip
OPERATIONS = {
    "min": "min", "max": "max", "mean": "mean", "count": "count", "sum": "sum", "std": "stdev", "unique": "variety",
}  # fmt: skip


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scenes of the crop tests, whose files `remote_server` serves too."""
    folder = tmp_path_factory.mktemp("statistics")
    for scene in scenes():
        scene.write(folder)
    return folder


@pytest.fixture(scope="module")
def server(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(Settings(catalog=str(archive), cache_dir=tmp_path_factory.mktemp("cache"))) as running:
        yield running


def post_statistics(server: Served, body: Any, query: str = "", prefix: str = "") -> Any:
    response = server.client.post(f"{prefix}/statistics?{query}", json=body)
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == "application/geo+json"
    return response.json()


def statistics_of(
    server: Served, body: Any, query: str = "", prefix: str = ""
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The statistics of the only output, and `measured`."""
    properties = post_statistics(server, body, query, prefix)["properties"]
    (statistics,) = properties["statistics"].values()
    return statistics, properties["measured"]


def projected(geometry: dict[str, Any]) -> Any:
    """A geometry in the CRS of the MGRS tile, transformed to degrees with dense edges."""
    there = Transformer.from_crs("EPSG:4326", SQUARE.crs, always_xy=True)
    shape = shapely.segmentize(shapely.geometry.shape(geometry), 1e-4)
    return shapely.transform(shape, lambda corners: np.stack(there.transform(*corners.T), axis=1))


def geodesic(geometry: dict[str, Any]) -> float:
    """Hectares on the ellipsoid of a geometry with edges straight in degrees."""
    shape = shapely.segmentize(shapely.geometry.shape(geometry), 1e-3)
    parts = [orient(part) for part in shapely.get_parts(shape)]
    return sum(Geod(ellps="WGS84").geometry_area_perimeter(part)[0] for part in parts) / 10_000


def ndvi() -> NDArray[np.float64]:
    """NDVI of the newer scene, NaN in its cloud."""
    files = {scene.id: scene.bands for scene in scenes()}[NEW]
    red, nir = files["red"].astype(float), files["nir"].astype(float)
    cloudy = np.zeros((150, 150), bool)
    cloudy[CLOUD] = True
    return np.where(np.kron(cloudy, np.ones((2, 2), bool)), np.nan, (nir - red) / (nir + red))


# Values


@pytest.mark.parametrize("geometry", [STAR, HUT, ISLANDS], ids=["star", "hut", "islands"])
@pytest.mark.parametrize("layer", ["red", "ndvi with a cloud"])
def test_statistics_equal_exactextract_on_the_rasters(geometry: dict[str, Any], layer: str, server: Served) -> None:
    values = expected_red() / 10_000 if layer == "red" else ndvi()
    result, measured = statistics_of(
        server, geometry, "expression=red" if layer == "red" else "datetime=2024-06-12&p=10&p=50"
    )
    shape = projected(geometry)
    expected = exact_statistics(values, GRID, shape, [*OPERATIONS.values(), "median", "quantile(q=0.1)", "majority"])
    for name, key in OPERATIONS.items():
        if name != "unique" or layer == "red":  # distinct NDVI values differ between float64 and float32
            assert result[name] == pytest.approx(expected[key], rel=2e-5, abs=1e-6), name
    shares, valid = coverage(GRID, shape), np.isfinite(values)
    assert result["valid_pixels"] == result["count"] == pytest.approx(shares[valid].sum(), rel=1e-5)
    assert result["masked_pixels"] == pytest.approx(shares[~valid].sum(), rel=1e-5, abs=1e-5)
    assert result["valid_percent"] == pytest.approx(100 * shares[valid].sum() / shares.sum(), abs=0.01)
    if layer != "red":  # many pixels are equal, and exactextract counts equal values once
        assert result["median"] == result["percentile_50"] == pytest.approx(expected["median"], abs=3e-3)
        assert result["percentile_10"] == pytest.approx(expected["quantile_10"], abs=3e-3)
    amounts = np.bincount(expected_red()[valid], shares[valid]) if layer == "red" else None
    if amounts is not None:
        assert amounts[round(result["majority"] * 10_000)] == pytest.approx(amounts.max(), rel=1e-5)
    counts, edges = result["histogram"]
    exact, _ = np.histogram(values[valid], edges, weights=shares[valid])
    assert sum(counts) == pytest.approx(result["count"])
    assert np.abs(np.array(counts) - exact).max() <= 0.01 * sum(counts) + 1  # pixels on a bin's edge
    assert measured["grid"] == {"crs": SQUARE.crs, "resolution": 10, "coarser": False}
    assert measured["errors"] == []


@pytest.mark.parametrize("geometry", [STAR, HUT, ISLANDS], ids=["star", "hut", "islands"])
def test_areas_are_geodesic(geometry: dict[str, Any], server: Served) -> None:
    _, measured = statistics_of(server, geometry, "datetime=2024-06-12")
    assert measured["area_ha"] == pytest.approx(geodesic(geometry), rel=1e-3)
    assert measured["area_ha"] == pytest.approx(geodesic(geometry), rel=2e-5, abs=2e-4), "measured accuracy"
    shares = coverage(GRID, projected(geometry))
    valid = np.isfinite(ndvi())
    assert measured["valid_area_ha"] / measured["area_ha"] == pytest.approx(
        shares[valid].sum() / shares.sum(), abs=1e-4
    )


def test_classes_have_fractions_and_hectares(server: Served) -> None:
    result, measured = statistics_of(server, STAR, "index=scl&datetime=2024-06-12")
    shares = coverage(COARSE, projected(STAR))
    classes = {entry["value"]: entry for entry in measured["classes"]}
    cloud = np.zeros(COARSE.shape, bool)
    cloud[CLOUD] = True
    assert measured["grid"]["resolution"] == 20
    assert classes[9]["name"] == "cloud, high probability"
    assert classes[9]["color"] == "#ffffff"
    assert classes[9]["share"] == pytest.approx(shares[cloud].sum() / shares.sum(), abs=1e-5)
    assert classes[9]["area_ha"] == pytest.approx(classes[9]["share"] * geodesic(STAR), rel=1e-4)
    assert classes[4]["share"] == pytest.approx(1 - classes[9]["share"], abs=1e-5)
    assert sum(entry["area_ha"] for entry in measured["classes"]) == pytest.approx(measured["area_ha"], rel=1e-6)
    assert len(classes) == 12
    assert result["majority"] == 4
    assert result["unique"] == 2


def test_thresholds_add_classes_without_changing_values(server: Served) -> None:
    query = "datetime=2024-06-12&classes=low:tan,0,middle,0.03,high:006400"
    result, measured = statistics_of(server, STAR, query)
    plain, bare = statistics_of(server, STAR, "datetime=2024-06-12")
    assert result == plain
    assert "classes" not in bare
    values, shares = ndvi(), coverage(GRID, projected(STAR))
    low, middle, high = measured["classes"]
    assert [entry["name"] for entry in (low, middle, high)] == ["low", "middle", "high"]
    valid = np.isfinite(values)
    total = shares[valid].sum()
    for entry, where in ((low, values < 0), (middle, (values >= 0) & (values < 0.03)), (high, values >= 0.03)):
        assert entry["share"] == pytest.approx(shares[where].sum() / total, abs=1e-3)
    assert sum(entry["area_ha"] for entry in measured["classes"]) == pytest.approx(measured["valid_area_ha"], rel=1e-6)
    assert low["color"] == "#d2b48c"


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["NDVI"]), ("index=ndwi", ["NDWI"]), ("bands=red,nir,green", ["red", "nir", "green"]),
        ("expression=red;nir;green", ["red", "nir", "green"]), ("composite=median", ["NDVI"]),
        ("composite=slope&datetime=2024-06-01/2024-06-30", ["NDVI", "p-value of NDVI"]), ("composite=count", ["count"]),
        ("compare=2024-06-02&datetime=2024-06-12", ["change of NDVI"]), ("index=scl", ["scl"]),
        ("mask_dilate=60", ["NDVI"]), ("resampling=bilinear", ["NDVI"]), ("mask=none", ["NDVI"]),
    ],
)  # fmt: skip
def test_all_value_parameters_apply(query: str, names: list[str], server: Served) -> None:
    """Statistics equal those of the GeoTIFF with the same parameters."""
    statistics = post_statistics(server, STAR, query)["properties"]["statistics"]
    assert list(statistics) == names
    step = 20 if "scl" in query else 10
    box = ",".join(f"{edge:.0f}" for edge in projected(STAR).buffer(40).bounds)
    box = f"/bbox/{box}.tif?coord_crs={SQUARE.crs}&resolution={step}&{query}"
    with rasterio.MemoryFile(server.get(box).content) as memory, memory.open() as source:
        values, transform = source.read(), source.transform
    grid = Grid(SQUARE.crs, transform, values.shape[2], values.shape[1])
    for result, output in zip(statistics.values(), values, strict=True):
        if np.isnan(output).all():
            assert result["mean"] is None
            continue
        expected = exact_statistics(
            output.astype(float), grid, projected(STAR), ["mean", "stdev", "count", "min", "max"]
        )
        for name, key in (("mean", "mean"), ("std", "stdev"), ("count", "count"), ("min", "min"), ("max", "max")):
            assert result[name] == pytest.approx(expected[key], rel=3e-5, abs=1e-6), name


def test_large_areas_are_sampled_coarser_and_reported(archive: Path) -> None:
    with served(Settings(catalog=str(archive), area_pixels=2000)) as running:
        result, measured = statistics_of(running, STAR, "expression=nir&mask=none&datetime=2024-06-12")
    assert measured["grid"]["coarser"] is True
    assert measured["grid"]["resolution"] == 80
    exact = exact_statistics(scenes()[0].bands["nir"] / 10_000, GRID, projected(STAR), ["mean"])["mean"]
    assert result["mean"] == pytest.approx(exact, rel=4e-3)  # the overviews of these files are subsampled
    assert measured["area_ha"] == pytest.approx(geodesic(STAR), rel=1e-4)


# Requests and responses


def test_features_keep_their_members(server: Served) -> None:
    feature = FEATURE | {"id": "f1", "bbox": [1, 2, 3, 4], "properties": {"name": "<b>", "statistics": 5, "n": None}}
    result = post_statistics(server, feature)
    assert {name: result[name] for name in ("type", "id", "bbox", "geometry")} == {
        name: feature[name] for name in ("type", "id", "bbox", "geometry")
    }
    assert result["properties"]["name"] == "<b>"
    assert result["properties"]["n"] is None
    assert set(result["properties"]["statistics"]) == {"NDVI"}
    assert post_statistics(server, STAR)["geometry"] == STAR
    assert post_statistics(server, FEATURE | {"properties": None})["properties"]["statistics"]
    several = {"type": "FeatureCollection", "features": [feature, {**FEATURE, "geometry": HUT, "id": 7}]}
    collection = post_statistics(server, several)
    assert collection["type"] == "FeatureCollection"
    assert [each["id"] for each in collection["features"]] == ["f1", 7]
    assert collection["features"][0] == result
    assert (
        collection["features"][1]["properties"]["statistics"]
        == post_statistics(server, HUT)["properties"]["statistics"]
    )
    assert post_statistics(server, {**several, "features": [feature]})["features"] == [result]


def test_percentiles_and_histograms(server: Served) -> None:
    result, _ = statistics_of(server, STAR, "p=5&p=50&p=99.5&histogram_bins=4&histogram_range=-0.5,0.5")
    assert [name for name in result if name.startswith("percentile")] == [
        "percentile_5", "percentile_50", "percentile_99.5"
    ]  # fmt: skip
    assert result["percentile_50"] == result["median"]
    assert result["histogram"][1] == [-0.5, -0.25, 0, 0.25, 0.5]
    assert len(result["histogram"][0]) == 4
    edged, _ = statistics_of(server, STAR, "histogram_bins=-1,0,1")
    assert sum(edged["histogram"][0]) == pytest.approx(result["count"])
    assert [name for name in edged if name.startswith("percentile")] == ["percentile_2", "percentile_98"]
    assert len(statistics_of(server, STAR)[0]["histogram"][0]) == 10


def test_areas_without_valid_pixels(server: Served) -> None:
    there = {"type": "Polygon", "coordinates": [[[20, 20], [20.001, 20], [20.001, 20.001], [20, 20]]]}
    result, measured = statistics_of(server, there)
    assert result["mean"] is result["histogram"] is result["percentile_2"] is None
    assert (result["count"], result["valid_percent"], measured["valid_area_ha"]) == (0, 0, 0)
    assert result["masked_pixels"] == pytest.approx(measured["area_ha"] * 100, rel=2e-3)
    counted, _ = statistics_of(server, there, "composite=count")
    assert (counted["mean"], counted["valid_percent"]) == (0, 100)


def test_a_polygon_over_the_antimeridian_is_one_area(server: Served) -> None:
    parts = [[[[179.99, -17], [180, -17], [180, -16.99], [179.99, -16.99], [179.99, -17]]],
             [[[-180, -17], [-179.99, -17], [-179.99, -16.99], [-180, -16.99], [-180, -17]]]]  # fmt: skip
    both = {"type": "MultiPolygon", "coordinates": parts}
    _, measured = statistics_of(server, both)
    assert measured["area_ha"] == pytest.approx(geodesic(both), rel=1e-4)


def test_statistics_of_a_cube_are_clipped_to_its_area(server: Served) -> None:
    box = [LON - 0.1, LAT - 0.1, LON, LAT + 0.1]
    body = {"bbox": box, "index": "ndvi", "datetime": "2024-06-12", "scenes": "pinned"}
    there = f"/cubes/{server.client.post('/cubes', json=body).json()['id']}"
    result, measured = statistics_of(server, STAR, prefix=there)
    half = shapely.geometry.mapping(shapely.intersection(shapely.geometry.shape(STAR), shapely.box(*box)))
    exact, _ = statistics_of(server, half, "datetime=2024-06-12")
    assert result["count"] == pytest.approx(exact["count"], rel=0.01)  # a cube's area is clipped by pixel centres
    assert result["mean"] == pytest.approx(exact["mean"], abs=2e-3)
    assert measured["area_ha"] == pytest.approx(geodesic(half), rel=0.01)
    outside = {"type": "Polygon", "coordinates": [[[1, 1], [1.01, 1], [1.01, 1.01], [1, 1]]]}
    for response, parameter in (
        (server.client.post(f"{there}/statistics", json=outside), "geometry"),
        (server.client.post(f"{there}/statistics?index=ndvi", json=STAR), "index"),
    ):
        assert is_problem(response, 400)["parameter"] == parameter


def test_openapi_describes_the_route(server: Served) -> None:
    paths = server.get("/openapi.json").json()["paths"]
    for path in ("/statistics", "/cubes/{id}/statistics"):
        operation = paths[path]["post"]
        names = {parameter["name"] for parameter in operation["parameters"]}
        assert {"p", "histogram_bins", "histogram_range", "strict"} <= names
        assert ("composite" in names) == ("cubes" not in path)
        assert all(parameter.get("description") for parameter in operation["parameters"])
        assert operation["requestBody"]["required"]


# Errors


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("p=-1", "p"), ("p=101", "p"), ("p=nan", "p"), ("p=x", "p"), ("&".join(["p=5"] * 17), "p"), ("p=", "p"),
        ("histogram_bins=0", "histogram_bins"), ("histogram_bins=99999999", "histogram_bins"),
        ("histogram_bins=1,0", "histogram_bins"), ("histogram_bins=auto", "histogram_bins"),
        ("histogram_range=nan,1", "histogram_range"), ("histogram_range=1,0", "histogram_range"),
        ("histogram_bins=5&histogram_bins=5", "histogram_bins"), ("index=nix", "index"), ("foo=1", "foo"),
        ("rescale=0,1", "rescale"), ("tilesize=256", "tilesize"), ("coord_crs=EPSG:4326", "coord_crs"),
        ("dst_crs=EPSG:3857", "dst_crs"), ("max_size=100", "max_size"), ("datetime=x", "datetime"),
        ("expression=" + "-" * 500 + "nir", "expression"), ("datetime=2024&datetime=2024", "datetime"),
        ("composite=mode", "composite"), ("strict=2", "strict"), ("format=csv", "format"),
    ],
)  # fmt: skip
def test_invalid_queries(query: str, parameter: str, server: Served) -> None:
    since = time.perf_counter()
    problem = is_problem(server.client.post(f"/statistics?{query}", json=STAR), 400)
    assert time.perf_counter() - since < 3
    assert problem["parameter"] == parameter
    assert problem["valid"]


def collection(count: int, geometry: Any = HUT) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": [{**FEATURE, "geometry": geometry} for _ in range(count)]}


@pytest.mark.parametrize(
    ("name", "body", "code", "parameter"),
    [row for row in BODIES if row[0] in ("no json", "huge", "a point", "many corners")]
    + [
        ("no features", collection(0), 400, "features"), ("too many features", collection(101), 400, "features"),
        ("many corners together", collection(60, ring(200)), 400, "features[50]"),
        ("as wide as a continent", {"type": "Polygon", "coordinates": [[[0, 40], [20, 40], [20, 41], [0, 40]]]}, 400,
         "geometry"),
        ("wider than a pass", {"type": "Polygon", "coordinates": [[[5, 44], [9, 44], [9, 46], [5, 44]]]}, 400,
         "geometry"),
        ("the world", {"type": "Polygon", "coordinates": [[[-180, -90], [180, -90], [180, 90], [-180, 90],
         [-180, -90]]]}, 400, "geometry"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_invalid_bodies(name: str, body: Any, code: int, parameter: str, server: Served) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    since = time.perf_counter()
    problem = is_problem(server.client.post("/statistics", content=content), code)
    assert time.perf_counter() - since < 4
    assert problem["parameter"] == parameter
    assert problem["valid"]
    is_problem(server.get("/statistics"), 405)


# Load and failures


def test_unreadable_scenes_are_reported(remote_server: Callable[..., RemoteServer]) -> None:
    running = remote_server(retries=0)
    running.origin.fail(f"/{NEW}/red.tif", always=status(404))
    response = running.served.client.post("/statistics?expression=red", json=STAR)
    assert response.headers["X-Scog-Skipped"] == f"{NEW};http-404"
    assert response.headers["Cache-Control"] == PARTIAL
    properties = response.json()["properties"]
    (error,) = properties["measured"]["errors"]
    assert (error["scene"], error["reason"]) == (NEW, "http-404")
    assert re.match(rf"red \(.*/{NEW}/red.tif\): The server answered 404", error["detail"])
    exact = exact_statistics(scenes()[1].bands["red"] / 10_000, GRID, projected(STAR), ["mean"])["mean"]
    assert properties["statistics"]["red"]["mean"] == pytest.approx(exact, rel=1e-5)
    problem = is_problem(running.served.client.post("/statistics?expression=red&strict=1", json=STAR), 502)
    assert problem["skipped"] == [error]
    for name in (NEW, OLD):
        running.origin.fail(f"/{name}/nir.tif", always=status(404))
    problem = is_problem(running.served.client.post("/statistics?expression=nir", json=STAR), 502)
    assert {entry["scene"] for entry in problem["skipped"]} == {NEW, OLD}


def test_at_the_deadline_remaining_features_have_no_statistics(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def slow(*arguments: Any) -> Any:
        await asyncio.sleep(0.3)
        return await draw(*arguments)

    monkeypatch.setattr(attempts, "draw", slow)
    several = collection(12, STAR)
    with served(Settings(catalog=str(archive), statistics_deadline=1.0)) as running:
        response = running.client.post("/statistics", json=several)
        assert response.status_code == 200, response.text
        properties = [feature["properties"] for feature in response.json()["features"]]
        valid = [each["statistics"] for each in properties if each["statistics"]]
        assert 1 <= len(valid) < 10
        assert all(each == valid[0] for each in valid if each["NDVI"]["count"])
        assert properties[-1] == {"name": "<b>", "statistics": None, "measured": {"incomplete": "deadline"}}
        assert response.headers["X-Scog-Incomplete"] == "deadline"
        assert response.headers["Cache-Control"] == PARTIAL
        assert running.client.post("/statistics?strict=1", json=several).status_code == 502
    with served(Settings(catalog=str(archive), statistics_deadline=0.1)) as running:
        is_problem(running.client.post("/statistics", json=STAR), 504)


@pytest.mark.acceptance
def test_concurrency_is_limited_and_tiles_are_not_blocked(remote_server: Callable[..., RemoteServer]) -> None:
    running = remote_server(statistics=1)
    running.origin.latency = 0.3
    with ThreadPoolExecutor(1) as thread:
        first = thread.submit(post_statistics, running.served, STAR)
        time.sleep(0.2)
        is_problem(running.served.client.post("/statistics?index=ndwi", json=STAR), 503)
        assert running.served.get("/healthz").status_code == 200
        assert first.result()["properties"]["statistics"]["NDVI"]["count"] > 0
    assert post_statistics(running.served, STAR, "index=ndwi")


@pytest.mark.acceptance
def test_a_disconnect_stops_reading(remote_server: Callable[..., RemoteServer]) -> None:
    running = remote_server(statistics=1)
    running.origin.latency = 0.25
    with httpx.Client(base_url=running.served.url, trust_env=False) as client, pytest.raises(httpx.TimeoutException):
        client.post("/statistics", json=STAR, timeout=httpx.Timeout(5, read=0.3))
    time.sleep(0.3)
    before = len(running.origin.requests)
    time.sleep(0.5)
    assert len(running.origin.requests) == before, "no requests after the disconnect"
    running.origin.latency = 0
    assert post_statistics(running.served, STAR), "the slot is free again"
