"""All routes of a running server: status, headers, content."""

from __future__ import annotations

import io
import re

import httpx
import numpy as np
import pytest
from PIL import Image

from scog.web.http.response_headers import EXPOSED_HEADERS
from scog.web.http.responses import COMPLETE
from tests.web.conftest import C1, EAST, L2A, WEST, Served, is_problem, tile_at

NEW, OLD, OTHER = "S2A_32TQK_20240612_0_L2A", "S2A_32TQK_20240602_0_L2A", "S2B_T32TQL_20240607T101031_L2A"
EMPTY = "12/100/100"


def decoded_image(response: httpx.Response) -> Image.Image:
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == "image/png"
    return Image.open(io.BytesIO(response.content))


def values(response: httpx.Response) -> np.ndarray:
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == "application/x-npy"
    array: np.ndarray = np.load(io.BytesIO(response.content), allow_pickle=False)
    assert array.dtype == np.float32
    return array


# Tiles


def test_a_tile_is_a_png(server: Served, west: str) -> None:
    response = server.get(f"/tiles/{west}")
    image = decoded_image(response)
    assert (image.mode, image.size) == ("P", (256, 256))
    alpha = np.asarray(image.convert("RGBA"))[..., 3]
    assert set(np.unique(alpha)) == {0, 255}
    assert decoded_image(server.get(f"/tiles/{west}.png")).tobytes() == image.tobytes()


def test_a_tile_of_three_bands_is_in_colour(server: Served, west: str) -> None:
    image = decoded_image(server.get(f"/tiles/{west}?bands=red,green,blue&rescale=0,0.1&datetime=2024-06-02"))
    assert image.mode == "RGBA"
    colours = np.asarray(image).reshape(-1, 4)
    distinct = {tuple(colour) for colour in np.unique(colours, axis=0).tolist()}
    assert distinct == {(0, 0, 0, 0), (255, 179, 153, 255)}


@pytest.mark.parametrize("name", ["{}@2x", "{}@2x.png"])
def test_retina_tiles(name: str, server: Served, west: str) -> None:
    assert decoded_image(server.get(f"/tiles/{name.format(west)}")).size == (512, 512)


def test_a_tile_of_values(server: Served, west: str) -> None:
    array = values(server.get(f"/tiles/{west}.npy"))
    assert array.shape == (1, 256, 256)
    # NDVI of the newer scene where it is clear, else of the older one; beside them the eastern scene.
    clear, cloudy, eastern = (4500 - 500) / 5000, (3000 - 1000) / 4000, (2500 - 2000 + 0) / (2500 + 2000 - 2000)
    distinct = np.unique(array[np.isfinite(array)].round(5))
    assert set(distinct.tolist()) == {np.float32(value).round(5) for value in (clear, cloudy, eastern)}
    assert values(server.get(f"/tiles/{west}@2x.npy")).shape == (1, 512, 512)
    assert values(server.get(f"/tiles/{west}.npy?bands=red,green,blue")).shape == (3, 256, 256)
    assert values(server.get(f"/tiles/{west}.npy?expression=red")).shape == (1, 256, 256)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("datetime=2024-06-12&collection=sentinel-2-l2a", {0.8}),
        ("datetime=2024-06-12T10:00:00Z/2024-06-12T11:00:00Z", {0.8}),
        ("datetime=2024-06-02", {0.5}),
        ("cloud_cover=10&collection=sentinel-2-l2a", {0.5}),
        ("cloud_cover=0", set()),
        ("mask=none&collection=sentinel-2-l2a", {0.8}),
        ("mask=4&datetime=2024-06-02", set()),
        ("mask=4,9&datetime=2024-06-12", set()),
        ("collection=sentinel-2-c1-l2a&expression=nir-red", {0.05}),
        ("collection=sentinel-2-c1-l2a&expression=red", {0.1}),
        ("index=ndvi&datetime=2024-06-02", {0.5}),
        ("expression=(B08-B04)/(B08%2BB04)&datetime=2024-06-02", {0.5}),
        ("bands=B04&datetime=2024-06-02", {0.1}),
        ("assets=red&datetime=2024-06-02", {0.1}),
        ("expression=1/(red-red)&datetime=2024-06-02", set()),
        ("expression=(red-red)/(red-red)&datetime=2024-06-02", set()),
        ("expression=(red*1e30)*(red*1e30)&datetime=2024-06-02", set()),
        ("datetime=2020-01-01", set()),
        ("datetime=../..&collection=sentinel-2-c1-l2a&expression=nir%2Bred", {0.25}),
    ],
)
def test_parameters_apply(query: str, expected: set[float], server: Served) -> None:
    tile = tile_at(*(EAST if "c1" in query else WEST).lonlat(), zoom=12)
    array = values(server.get(f"/tiles/{tile}.npy?{query}"))
    assert {round(float(value), 4) for value in np.unique(array[np.isfinite(array)])} == expected


def test_headers_of_a_tile(server: Served, west: str) -> None:
    headers = server.get(f"/tiles/{west}?collection={L2A}").headers
    assert headers["Cache-Control"] == COMPLETE
    assert headers["X-Scog-Scenes"] == "used=2; skipped=0"
    assert headers["X-Scog-Used"] == f"{NEW}, {OLD}"
    assert "X-Scog-Skipped" not in headers
    assert re.fullmatch(r"requests=\d+; bytes=\d+; searches=\d+", headers["X-Scog-Upstream"])
    assert re.fullmatch(r"(\w+;dur=\d+\.\d, )*\w+;dur=\d+\.\d", headers["Server-Timing"])
    assert {"search", "encode"} < {entry.split(";")[0] for entry in headers["Server-Timing"].split(", ")}


def test_a_matching_etag_is_answered_with_304(server: Served, west: str) -> None:
    first = server.get(f"/tiles/{west}")
    etag = first.headers["ETag"]
    assert re.fullmatch(r'"[0-9a-f]{24}"', etag)
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = server.get(f"/tiles/{west}", headers={"If-None-Match": known})
        assert again.status_code == 304
        assert again.content == b""
        assert again.headers["ETag"] == etag
        assert again.headers["Cache-Control"] == COMPLETE
        assert "Content-Type" not in again.headers
    for other in ('"other"', "", etag.strip('"'), etag[:-2] + '"'):
        assert server.get(f"/tiles/{west}", headers={"If-None-Match": other}).status_code == 200
    assert server.get(f"/tiles/{west}?rescale=0,1").headers["ETag"] != etag


def test_a_tile_without_data(server: Served) -> None:
    image = decoded_image(server.get(f"/tiles/{EMPTY}"))
    assert not np.asarray(image.convert("RGBA"))[..., 3].any()
    for form in ("", ".png", ".npy"):
        response = server.get(f"/tiles/{EMPTY}{form}?empty=204")
        assert (response.status_code, response.content) == (204, b"")
        assert response.headers["X-Scog-Scenes"] == "used=0; skipped=0"
        assert response.headers["Cache-Control"] == COMPLETE
    assert server.get(f"/tiles/{EMPTY}?empty=200").status_code == 200
    assert not np.isfinite(values(server.get(f"/tiles/{EMPTY}.npy"))).any()


def test_strict_accepts_complete_images(server: Served, west: str) -> None:
    for strict in ("1", "true", "0", "false"):
        assert server.get(f"/tiles/{west}?strict={strict}").status_code == 200


@pytest.mark.parametrize("zoom", [0, 5, 7, 11, 14, 16, 20, 24])
def test_any_zoom(zoom: int, server: Served) -> None:
    array = values(server.get(f"/tiles/{tile_at(*WEST.lonlat(0.6, 0.6), zoom)}.npy"))
    assert array.shape == (1, 256, 256)
    assert zoom < 7 or np.isfinite(array).any()


# Points and scenes


def test_a_point(server: Served) -> None:
    lon, lat = WEST.lonlat(0.75, 0.5)
    response = server.get(f"/point/{lon},{lat}?bands=red,nir,green")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Cache-Control"] == COMPLETE
    assert response.json() == {
        "coordinates": [pytest.approx(lon), pytest.approx(lat)],
        "values": [pytest.approx(0.05), pytest.approx(0.45), pytest.approx(0.07)],
        "band_names": ["red", "nir", "green"],
        "units": [None, None, None],
        "datetime": "2024-06-12T10:10:31Z",
        "scene": NEW,
        "collection": L2A,
    }


def test_a_point_under_clouds_uses_an_older_scene(server: Served) -> None:
    lon, lat = WEST.lonlat(0.25, 0.5)
    body = server.get(f"/point/{lon},{lat}").json()
    assert body["values"] == [pytest.approx(0.5)]
    assert (body["scene"], body["datetime"]) == (OLD, "2024-06-02T10:10:31Z")
    assert server.get(f"/point/{lon},{lat}?mask=none").json()["scene"] == NEW


@pytest.mark.parametrize("place", ["0,0", "-180,0", "180,0", "11.5,84", "-0.0,-0", "+5,.5", "1e1,4.5E1"])
def test_points_without_observations(place: str, server: Served) -> None:
    body = server.get(f"/point/{place}").json()
    assert body["coordinates"] == [float(number) for number in place.split(",")]
    assert (body["values"], body["datetime"], body["scene"], body["collection"]) == ([None], None, None, None)


def test_scenes_of_a_tile(server: Served, west: str) -> None:
    response = server.get(f"/tiles/{west}/scenes")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/geo+json"
    assert response.headers["Cache-Control"] == "public, max-age=60"
    body = response.json()
    assert body["type"] == "FeatureCollection"
    assert [feature["id"] for feature in body["features"]] == [NEW, OTHER, OLD]
    first = body["features"][0]
    assert first["type"] == "Feature"
    assert first["geometry"] == {"type": "Polygon", "coordinates": [WEST.ring()]}
    assert first["properties"] == {
        "datetime": "2024-06-12T10:10:31Z",
        "observation": "2024-06-12T10:10:31Z",
        "collection": L2A,
        "platform": "sentinel-2a",
        "mgrs_tile": "32TQK",
        "cloud_cover": 50.0,
    }


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [NEW, OTHER, OLD]),
        ("&cloud_cover=10", [OTHER, OLD]),
        ("&cloud_cover=5", [OLD]),
        (f"&collection={C1}", [OTHER]),
        ("&datetime=2024-06-03/..", [NEW, OTHER]),
        ("&datetime=../2024-06-07", [OTHER, OLD]),
        ("&datetime=2020-01-01", []),
    ],
)
def test_scenes_of_a_box(query: str, expected: list[str], server: Served) -> None:
    (west, north), (east, south) = WEST.lonlat(0.9, 0.1), EAST.lonlat(0.1, 0.9)
    body = server.get(f"/scenes?bbox={west},{south},{east},{north}{query}").json()
    assert [feature["id"] for feature in body["features"]] == expected


# Map clients


def test_tilejson(server: Served, archive: object) -> None:
    response = server.get("/tilejson.json")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Cache-Control"] == "public, max-age=60"
    body = response.json()
    assert body["tilejson"] == "3.0.0"
    assert body["scheme"] == "xyz"
    assert (body["minzoom"], body["maxzoom"]) == (12, 13)  # two scenes of 3 km fill a tile; 10 m pixels at 45 degrees
    assert body["attribution"] == "Contains modified Copernicus Sentinel data"
    west, south, east, north = body["bounds"]
    assert -180 <= west < east <= 180
    assert -85.06 <= south < north <= 85.06
    for lon, lat in (WEST.lonlat(0.1, 0.1), EAST.lonlat(0.9, 0.9)):
        assert west < lon < east
        assert south < lat < north
    lon, lat, zoom = body["center"]
    assert west < lon < east
    assert south < lat < north
    assert 12 <= zoom <= 13
    assert body["tiles"] == [f"{server.url}/tiles/{{z}}/{{x}}/{{y}}"]


def test_tilejsons_template_works_and_has_the_query(server: Served, west: str) -> None:
    query = "expression=%28nir-red%29%2F%28nir%2Bred%29&rescale=-0.2%2C0.9&datetime=2024-06-02&colormap_name=viridis"
    (template,) = server.get(f"/tilejson.json?{query}").json()["tiles"]
    z, x, y = west.split("/")
    tile_url = template.replace("{z}", z).replace("{x}", x).replace("{y}", y)
    assert "{" not in tile_url
    by_template, direct = httpx.get(tile_url, trust_env=False), server.get(f"/tiles/{west}?{query}")
    assert by_template.status_code == 200
    assert by_template.content == direct.content
    (repeated,) = server.get("/tilejson.json?bands=red&bands=green&bands=blue&rescale=0,1").json()["tiles"]
    assert repeated.endswith("?bands=red&bands=green&bands=blue&rescale=0%2C1")


# HEAD, CORS, documentation


PATHS = [
    "/",
    "/healthz",
    "/tilejson.json",
    "/tiles/{west}",
    "/tiles/{west}.npy",
    "/tiles/{west}/scenes",
    "/scenes?bbox=11,45,12,46",
    "/point/11.5,45.1",
    "/docs",
    "/openapi.json",
    "/tiles/99/0/0",
    "/nowhere",
    "/tiles/{west}?foo=1",
]


@pytest.mark.parametrize("path", PATHS)
def test_head_is_get_without_the_body(path: str, server: Served, west: str) -> None:
    path = path.format(west=west)
    head, get = server.client.head(path), server.get(path)
    assert head.status_code == get.status_code
    assert head.content == b""
    for name in ("Content-Type", "Content-Length", "ETag", "Cache-Control"):
        assert head.headers.get(name) == get.headers.get(name), name


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND"])
@pytest.mark.parametrize("path", ["/tiles/{west}", "/tilejson.json", "/point/1,1", "/scenes", "/healthz"])
def test_other_methods(method: str, path: str, server: Served, west: str) -> None:
    response = server.client.request(method, path.format(west=west))
    is_problem(response, 405)
    assert response.headers["Allow"] == "GET"


@pytest.mark.parametrize("path", [p for p in PATHS if p not in ("/docs", "/openapi.json")])
def test_cors_allows_any_origin_without_credentials(path: str, server: Served, west: str) -> None:
    request_headers = {"Origin": "https://evil.example", "Cookie": "session=1", "Authorization": "Basic YTpi"}
    headers = server.get(path.format(west=west), headers=request_headers).headers
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in headers
    assert "evil" not in str(headers.raw)
    assert set(headers["Access-Control-Expose-Headers"].split(", ")) == set(EXPOSED_HEADERS)
    assert "Set-Cookie" not in headers


def test_a_preflight(server: Served, west: str) -> None:
    request_headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"}
    response = server.client.options(f"/tiles/{west}", headers=request_headers)
    assert response.status_code == 200
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in response.headers
    assert "DELETE" not in response.headers["Access-Control-Allow-Methods"]
    refused = server.client.options(
        f"/tiles/{west}", headers=request_headers | {"Access-Control-Request-Method": "DELETE"}
    )
    assert refused.status_code == 400


def test_health(server: Served) -> None:
    response = server.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})
    assert response.headers["Cache-Control"] == "no-store"


def test_the_url_templates_of_the_root_work(server: Served, west: str) -> None:
    response = server.get("/", headers={"Accept": "application/json"})
    assert response.headers["Content-Type"] == "application/json"
    assert "Accept" in response.headers["Vary"]
    body = response.json()
    z, x, y = west.split("/")
    assert server.get(body["tiles"].format(z=z, x=x, y=y)).status_code == 200
    assert server.get(body["tilejson"]).status_code == 200
    assert server.get(body["documentation"]).status_code == 200
    browser = server.get("/", headers={"Accept": "text/html,*/*;q=0.8"})
    assert browser.headers["Content-Type"].startswith("text/html")


def test_openapi_lists_all_routes_parameters_and_problems(server: Served) -> None:
    assert server.get("/docs").headers["Content-Type"].startswith("text/html")
    document = server.get("/openapi.json").json()
    paths = document["paths"]
    assert {
        "/tiles/{z}/{x}/{y}",
        "/tiles/{z}/{x}/{y}/scenes",
        "/scenes",
        "/point/{lon},{lat}",
        "/tilejson.json",
        "/healthz",
    } <= set(paths)
    scenes = {"datetime", "cloud_cover", "collection"}
    value_names = scenes | {"index", "expression", "bands", "assets", "mask", "composite"}
    image_names = value_names | {"rescale", "colormap_name", "strict", "empty"}
    for path, names in {
        "/tiles/{z}/{x}/{y}": image_names,
        "/tilejson.json": image_names,
        "/point/{lon},{lat}": value_names,
        "/scenes": scenes | {"bbox", "limit", "token"},
        "/tiles/{z}/{x}/{y}/scenes": scenes | {"limit", "token"},
    }.items():
        operation = paths[path]["get"]
        in_query = [parameter for parameter in operation["parameters"] if parameter["in"] == "query"]
        assert {parameter["name"] for parameter in in_query} >= names, path
        assert all(parameter.get("description") for parameter in in_query), path
        assert operation["summary"]
        assert "422" not in operation["responses"]
        expected = {"400", "404", "4XX"} | (set() if path == "/tilejson.json" else {"502", "503", "504"})
        assert set(operation["responses"]) >= expected, path
        for status in expected:
            schema = operation["responses"][status]["content"]["application/problem+json"]["schema"]
            assert schema["required"] == ["type", "title", "status", "detail"]
    assert set(paths["/tiles/{z}/{x}/{y}"]["get"]["responses"]["200"]["content"]) >= {"image/png", "application/x-npy"}


def test_problems_match_their_documented_schema(server: Served, west: str) -> None:
    document = server.get("/openapi.json").json()
    responses = document["paths"]["/tiles/{z}/{x}/{y}"]["get"]["responses"]
    known = responses["400"]["content"]["application/problem+json"]["schema"]["properties"]
    kinds = {"string": str, "integer": int, "array": list}
    for query in ("foo=1", "expression=*nir", "cloud_cover=x", "expression=nir+*+*"):
        problem = is_problem(server.get(f"/tiles/{west}?{query}"), 400)
        assert all(isinstance(value, kinds[known[name]["type"]]) for name, value in problem.items())
