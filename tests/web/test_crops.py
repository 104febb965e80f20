"""Crops from a running server: georeferencing, values, errors and load."""

from __future__ import annotations

import asyncio
import io
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import morecantile
import numpy as np
import pytest
import rasterio
import rasterio.transform
import rasterio.warp
import shapely
from numpy.typing import NDArray
from PIL import Image
from rasterio.io import MemoryFile

from scog.imaging.draw import draw
from scog.imaging.formats import FORMATS_BY_NAME
from scog.products import attempts, crop
from scog.settings import Settings
from scog.web.http.responses import IMMUTABLE, PARTIAL
from tests.doubles.archives import MadeScene, Square, constant, positions
from tests.doubles.range_server import status
from tests.web.conftest import RemoteServer, Served, is_problem, served

SQUARE = Square("32TQK", 32632, 700_000, 5_000_040, 300)
NEW, OLD = "S2A_32TQK_20240612_0_L2A", "S2A_32TQK_20240602_0_L2A"
CLOUD = slice(60, 85), slice(60, 90)
"""The cloud of the newer scene, in pixels of 20 m."""
LON, LAT = SQUARE.lonlat()
BOX = f"{LON - 0.008:.4f},{LAT - 0.007:.4f},{LON + 0.009:.4f},{LAT + 0.006:.4f}"
STAR = {
    "type": "Polygon",
    "coordinates": [
        [[LON, LAT + 0.009], [LON - 0.011, LAT - 0.009], [LON + 0.012, LAT + 0.004], [LON, LAT + 0.009]],
        [[LON, LAT + 0.002], [LON - 0.002, LAT], [LON + 0.002, LAT], [LON, LAT + 0.002]],
    ],
}  # fmt: skip
FEATURE = {"type": "Feature", "properties": {"name": "<b>"}, "geometry": STAR}
VALUES = "expression=red"
Floats = NDArray[np.float32]


def scenes() -> list[MadeScene]:
    """Two passes whose red encodes the column, plus 100 in the newer, which has a cloud; nir encodes the row."""
    clouds = constant(SQUARE, 4, 20, np.uint8)
    clouds[CLOUD] = 9
    made = []
    for name, day, scl, added in ((NEW, "12", clouds, 100), (OLD, "02", constant(SQUARE, 4, 20, np.uint8), 0)):
        bands = {"red": positions(SQUARE, across=True) + np.uint16(added), "nir": positions(SQUARE, across=False)}
        bands |= {"green": constant(SQUARE, 700), "blue": constant(SQUARE, 600), "scl": scl}
        made.append(MadeScene(name, SQUARE, f"2024-06-{day}T10:10:31Z", bands))
    return made


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive of `scenes`, whose files `remote_server` serves too."""
    folder = tmp_path_factory.mktemp("crops")
    for scene in scenes():
        scene.write(folder)
    return folder


@pytest.fixture(scope="module")
def server(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(Settings(catalog=str(archive), cache_dir=tmp_path_factory.mktemp("cache"))) as running:
        yield running


def expected_red() -> NDArray[np.uint16]:
    """The newest clear pixels, on the grid of the MGRS tile."""
    red = positions(SQUARE, across=True)
    cloudy = np.zeros((150, 150), bool)
    cloudy[CLOUD] = True
    return np.where(np.kron(cloudy, np.ones((2, 2), bool)), red, red + np.uint16(100))


def read_tif(response: httpx.Response) -> tuple[Floats, Any]:
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == "image/tiff"
    with MemoryFile(response.content) as memory, memory.open() as source:
        return source.read(), {"crs": source.crs, "transform": source.transform, "bounds": source.bounds,
                               "tags": source.tags(), "names": source.descriptions}  # fmt: skip


def values(response: httpx.Response) -> Floats:
    assert response.status_code == 200, response.text
    data: Floats = np.load(io.BytesIO(response.content), allow_pickle=False)
    return data


def pixels(response: httpx.Response) -> NDArray[np.uint8]:
    assert response.status_code == 200, response.text
    with Image.open(io.BytesIO(response.content)) as image:
        return np.array(image.convert("RGBA"))


# Georeferencing


def test_a_utm_geotiff_equals_the_scenes_pixels(server: Served) -> None:
    response = server.get(f"/bbox/{BOX}.tif?{VALUES}&dst_crs=utm&resolution=10")
    data, metadata = read_tif(response)
    assert metadata["crs"].to_epsg() == 32632
    assert (metadata["transform"].a, metadata["transform"].e) == (10, -10)
    assert metadata["names"] == ("red",)
    assert metadata["tags"]["SCENES"].split() == [OLD, NEW]
    left, top = round((metadata["transform"].c - SQUARE.left) / 10), round((SQUARE.top - metadata["transform"].f) / 10)
    expected = expected_red()[top : top + data.shape[1], left : left + data.shape[2]]
    assert np.array_equal(np.round(data[0] * 10000), expected)
    west, south, east, north = rasterio.warp.transform_bounds("EPSG:4326", "EPSG:32632", *map(float, BOX.split(",")))
    bounds = metadata["bounds"]
    assert 0 <= west - bounds.left < 10
    assert 0 <= south - bounds.bottom < 10
    assert 0 <= bounds.right - east < 10
    assert 0 <= bounds.top - north < 10
    assert response.headers["Content-Bbox"] == ",".join(map(str, bounds))
    assert response.headers["Content-Crs"] == "<http://www.opengis.net/def/crs/EPSG/0/32632>"


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3857", "EPSG:3035", "EPSG:2056"])
def test_geotiffs_in_any_crs_are_georeferenced(crs: str, server: Served) -> None:
    """Points transformed by GDAL from the file's CRS to that of the MGRS tile have the same values in both."""
    data, metadata = read_tif(server.get(f"/bbox/{BOX}.tif?{VALUES}&dst_crs={crs}"))
    assert metadata["crs"].to_string() == crs
    rows, cols = (part.ravel() for part in np.mgrid[: data.shape[1] : 3, : data.shape[2] : 3])
    x, y = rasterio.transform.xy(metadata["transform"], rows, cols)
    x, y = map(np.array, rasterio.warp.transform(crs, SQUARE.crs, list(x), list(y)))
    col, row = (x - SQUARE.left) / 10, (SQUARE.top - y) / 10
    sure = (abs(col - np.round(col)) > 1e-3) & (abs(row - np.round(row)) > 1e-3)
    expected = expected_red()[row[sure].astype(int), col[sure].astype(int)]
    assert np.array_equal(np.round(data[0][rows, cols][sure] * 10000), expected)
    assert np.count_nonzero(sure) > 100


def test_sizes(server: Served) -> None:
    shape = lambda query, path="": values(server.get(f"/bbox/{BOX}{path}.npy?{VALUES}{query}")).shape  # noqa: E731
    assert shape("", "/300x200") == (1, 200, 300)
    assert shape("&width=150") == (1, 115, 150)
    assert shape("&height=115") == (1, 115, 150)
    assert shape("&width=30&height=20") == (1, 20, 30)
    assert shape("&max_size=100") == (1, 76, 100)
    assert shape("&resolution=100")[2] == 19
    assert shape("", "/1x1") == (1, 1, 1)
    assert shape("&coord_crs=EPSG:4326&dst_crs=EPSG:4326", "/7x9") == (1, 9, 7)
    metric = f"{SQUARE.left + 500},{SQUARE.top - 900},{SQUARE.left + 800},{SQUARE.top - 400}"
    expected = values(server.get(f"/bbox/{metric}.npy?{VALUES}&coord_crs=EPSG:32632"))
    assert np.array_equal(np.round(expected[0] * 10000), expected_red()[40:90, 50:80])


@pytest.mark.parametrize("form", FORMATS_BY_NAME)
def test_every_format(form: str, server: Served) -> None:
    response = server.get(f"/bbox/{BOX}/64x48.{form}?bands=red&rescale=0,1")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == FORMATS_BY_NAME[form].media_type
    if form == "npy":
        assert values(response).shape == (1, 48, 64)
    elif form.startswith("tif"):
        assert read_tif(response)[0].shape == (1, 48, 64)
    else:
        assert pixels(response).shape == (48, 64, 4)


@pytest.mark.parametrize(
    "query",
    ["", "index=scl&mask=none", "composite=median", "bands=red,nir,green", "composite=count&mask=clouds",
     "classes=" + quote("low:tan,0.2,high"), "compare=2024-06-02&datetime=2024-06-12", "mask_dilate=50",
     "colormap_name=viridis&rescale=0,1", "resampling=bilinear"],
)  # fmt: skip
def test_a_box_equals_the_tile_with_the_same_bounds(query: str, server: Served) -> None:

    tms = morecantile.tms.get("WebMercatorQuad")
    tile = tms.tile(LON, LAT, 14)
    box = ",".join(map(repr, tms.xy_bounds(tile)))
    for form in ("png", "npy"):
        crop_response = server.get(f"/bbox/{box}/256x256.{form}?coord_crs=EPSG:3857&{query}")
        tile_response = server.get(f"/tiles/14/{tile.x}/{tile.y}.{form}?{query}")
        if form == "png":
            assert np.array_equal(pixels(crop_response), pixels(tile_response))
            assert (pixels(crop_response)[..., 3] > 0).any()
        else:
            assert np.allclose(values(crop_response), values(tile_response), atol=1e-6, equal_nan=True)


# Polygons


@pytest.mark.parametrize("body", [FEATURE, STAR, {"type": "MultiPolygon", "coordinates": [STAR["coordinates"]]}])
def test_a_polygon_masks_pixels_outside(body: dict[str, Any], server: Served) -> None:
    response = server.client.post(f"/feature.tif?{VALUES}&dst_crs=utm", json=body)
    data, metadata = read_tif(response)
    rows, cols = (part.ravel() for part in np.mgrid[: data.shape[1], : data.shape[2]])
    x, y = rasterio.transform.xy(metadata["transform"], rows, cols)
    lon, lat = rasterio.warp.transform(metadata["crs"], "EPSG:4326", list(x), list(y))
    inside = shapely.intersects_xy(shapely.geometry.shape(STAR), lon, lat).reshape(data.shape[1:])
    left, top = round((metadata["transform"].c - SQUARE.left) / 10), round((SQUARE.top - metadata["transform"].f) / 10)
    expected = expected_red()[top : top + data.shape[1], left : left + data.shape[2]]
    assert np.array_equal(np.round(data[0][inside] * 10000), expected[inside])
    assert np.isnan(data[0][~inside]).all()
    assert 0.2 < inside.mean() < 0.6
    for path in ("/feature/90x80.png", "/feature/90x80", "/feature/90x80?format=png", "/feature?width=90&height=80"):
        image = pixels(server.client.post(f"{path}{'&' if '?' in path else '?'}bands=red,nir,green", json=body))
        assert image.shape == (80, 90, 4)
        assert 0.2 < (image[..., 3] == 255).mean() < 0.6
        assert set(np.unique(image[..., 3])) == {0, 255}


def test_polygons_can_be_downloaded(server: Served) -> None:
    path = f"/bbox/{BOX}.png?download=1"
    name = "scog_" + "_".join(f"{float(edge):.6g}" for edge in BOX.split(","))
    assert server.get(path).headers["Content-Disposition"] == f'attachment; filename="{name}.png"'
    assert "Content-Disposition" not in server.get(f"/bbox/{BOX}.png").headers
    response = server.client.post("/feature.webp?download=true", json=FEATURE)
    assert response.headers["Content-Disposition"].endswith('.webp"')
    assert response.headers["Access-Control-Expose-Headers"] if "Origin" in response.request.headers else True


def test_posted_images_are_never_answered_with_304(server: Served) -> None:
    first = server.client.post("/feature.png", json=FEATURE)
    again = server.client.post("/feature.png", json=FEATURE, headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 200
    assert again.content == first.content
    plain = server.get(f"/bbox/{BOX}.png")
    assert server.get(f"/bbox/{BOX}.png", headers={"If-None-Match": plain.headers["ETag"]}).status_code == 304


def test_boxes_outside_all_scenes(server: Served) -> None:
    assert (pixels(server.get("/bbox/20,20,20.01,20.01.png"))[..., 3] == 0).all()
    assert server.get("/bbox/20,20,20.01,20.01.png?empty=204").status_code == 204
    assert np.isnan(values(server.get("/bbox/179.99,20,-179.99,20.01.npy"))).all()


def test_openapi_describes_the_route(server: Served) -> None:
    paths = server.get("/openapi.json").json()["paths"]
    box = "/bbox/{minx},{miny},{maxx},{maxy}"
    for below in ("", "/cubes/{id}"):
        for path, method in (
            (box, "get"), (f"{box}/{{width}}x{{height}}", "get"), ("/feature", "post"),
            ("/feature.{format}", "post"), ("/feature/{width}x{height}", "post"),
        ):  # fmt: skip
            operation = paths[below + path][method]
            names = {parameter["name"] for parameter in operation["parameters"]}
            assert {"dst_crs", "max_size", "resolution", "width", "height", "format"} <= names
            assert all(parameter.get("description") for parameter in operation["parameters"])
            assert ("requestBody" in operation) == (method == "post")


# Errors

REFUSED = [
    # path, parameter (None: no route matches)
    ("/bbox/1,2,3.png", None), ("/bbox/1,2,3,4.exe", "format"), ("/bbox/1,2,3,4?format=exe", "format"),
    ("/bbox/1,2,x,4.png", "bbox"), ("/bbox/nan,2,3,4.png", "bbox"), ("/bbox/1,2,inf,4.png", "bbox"),
    ("/bbox/1,4,3,2.png", "bbox"), ("/bbox/1,2,1,4.png", "bbox"), ("/bbox/-181,2,1,4.png", "bbox"),
    ("/bbox/1,2,3,1e400.png", "bbox"), ("/bbox/１,2,3,4.png", "bbox"), ("/bbox/1_0,2,30,4.png", "bbox"),
    ("/bbox/" + "9" * 400 + ",2,3,4.png", "bbox"), ("/bbox/3,2,1,4.png?coord_crs=EPSG:32632", "bbox"),
    (f"/bbox/{BOX}/30000x30000.png", "width"), (f"/bbox/{BOX}/4097x10.tif", "width"),
    (f"/bbox/{BOX}/0x10.png", "width"),
    (f"/bbox/{BOX}/-5x10.png", "width"), (f"/bbox/{BOX}/5x9999999.png", "width"), (f"/bbox/{BOX}/5.5x9.png", "width"),
    (f"/bbox/{BOX}/axb.png", "width"), (f"/bbox/{BOX}/4096x4096.tif?bands=red,nir,green", "width"),
    (f"/bbox/{BOX}/4096x4096.tif?composite=slope", "width"), (f"/bbox/{BOX}/64x64.png?width=65", "width"),
    (f"/bbox/{BOX}.png?max_size=4097&width=1", "max_size"), (f"/bbox/{BOX}.png?max_size=0", "max_size"),
    (f"/bbox/{BOX}.png?max_size=10&resolution=10", "resolution"), (f"/bbox/{BOX}.png?width=99999999", "width"),
    (f"/bbox/{BOX}.png?width=10&max_size=10", "max_size"), (f"/bbox/{BOX}.tif?resolution=0.1", "resolution"),
    (f"/bbox/{BOX}.tif?resolution=0", "resolution"), (f"/bbox/{BOX}.tif?resolution=nan", "resolution"),
    (f"/bbox/{BOX}.tif?resolution=inf", "resolution"), (f"/bbox/{BOX}.tif?resolution=-10", "resolution"),
    ("/bbox/-180,-90,180,90.tif?resolution=10", "resolution"), ("/bbox/-180,-90,180,90.tif?height=4096", "width"),
    (f"/bbox/{BOX}.png?dst_crs=EPSG:1", "dst_crs"), (f"/bbox/{BOX}.png?dst_crs=mars", "dst_crs"),
    (f"/bbox/{BOX}.png?dst_crs=EPSG:4978", "dst_crs"), (f"/bbox/{BOX}.png?dst_crs=%2Bproj%3Dmerc", "dst_crs"),
    (f"/bbox/{BOX}.png?dst_crs=" + "9" * 513, "dst_crs"), (f"/bbox/{BOX}.png?coord_crs=utm", "coord_crs"),
    (f"/bbox/{BOX}.png?coord_crs=EPSG:99999", "coord_crs"), (f"/bbox/{BOX}.png?coord_crs=", "coord_crs"),
    (f"/bbox/{BOX}.png?tilesize=256", "tilesize"), (f"/bbox/{BOX}.png?buffer=1", "buffer"),
    (f"/bbox/{BOX}.png?format=tif", "format"), (f"/bbox/{BOX}.png?dst_crs=utm&dst_crs=utm", "dst_crs"),
    (f"/bbox/{BOX}.png?max_size=5&max_size=5", "max_size"), (f"/bbox/{BOX}.png?foo=1", "foo"),
    (f"/bbox/{BOX}.png?index=nix", "index"), (f"/bbox/{BOX}.png16?bands=red,nir,green", "format"),
    (f"/bbox/{BOX}.png?download=maybe", "download"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "parameter"), REFUSED, ids=[row[0].replace(BOX, "B")[:60] for row in REFUSED])
def test_invalid_requests(path: str, parameter: str | None, server: Served) -> None:
    since = time.perf_counter()
    problem = is_problem(server.get(quote(path, safe="/?&=%,:.")), 404 if parameter is None else 400)
    assert time.perf_counter() - since < 3
    assert problem.get("parameter") == parameter
    assert parameter is None or problem["valid"]


def ring(count: int) -> dict[str, Any]:
    """A polygon with a number of vertices."""
    angle = np.linspace(0, 2 * np.pi, count)
    corners = np.stack((LON + 0.01 * np.cos(angle), LAT + 0.01 * np.sin(angle)), axis=1).tolist()
    return {"type": "Polygon", "coordinates": [[*corners[:-1], corners[0]]]}


BODIES = [
    # name, body, status, parameter
    ("empty", b"", 400, "body"), ("no json", b"{", 400, "body"), ("nan", b'{"a":NaN}', 400, "body"),
    ("a list", b"[]", 400, "body"), ("null", b"null", 400, "body"),
    ("nested", b"[" * 100_000, 400, "body"), ("not utf-8", b'{"type":"\xff"}', 400, "body"),
    ("huge", b'{"type":"' + b"x" * 1_100_000 + b'"}', 413, "body"),
    ("a point", {"type": "Point", "coordinates": [LON, LAT]}, 400, "geometry"),
    ("a line", {"type": "LineString", "coordinates": [[0, 0], [1, 1]]}, 400, "geometry"),
    ("an empty feature", {"type": "Feature", "properties": {}, "geometry": None}, 400, "geometry"),
    ("many corners", ring(20_000), 400, "geometry"),
    ("no extent", {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [2, 2], [0, 0]]]}, 400, "geometry"),
    ("off the world", {"type": "Polygon", "coordinates": [[[0, 0], [600, 0], [600, 9], [0, 0]]]}, 400, "geometry"),
    ("a null among features", {"type": "FeatureCollection", "features": [FEATURE, {**FEATURE, "geometry": None}]}, 400,
     "features[1]"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "body", "code", "parameter"), BODIES, ids=[row[0] for row in BODIES])
def test_invalid_bodies(name: str, body: Any, code: int, parameter: str, server: Served) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    since = time.perf_counter()
    problem = is_problem(server.client.post("/feature", content=content), code)
    assert time.perf_counter() - since < 4
    assert problem["parameter"] == parameter
    assert problem["valid"]


def test_parameters_of_polygons_are_validated(server: Served) -> None:
    for query, parameter in (("coord_crs=EPSG:4326", "coord_crs"), ("foo=1", "foo"), ("resolution=0.1", "resolution"),
                             ("dst_crs=1", "dst_crs"), ("index=nix", "index"), ("format=exe", "format")):  # fmt: skip
        assert is_problem(server.client.post(f"/feature?{query}", json=FEATURE), 400)["parameter"] == parameter
    assert is_problem(server.client.post("/feature.png?format=tif", json=FEATURE), 400)["parameter"] == "format"
    is_problem(server.get("/feature"), 405)


# Cubes


def test_crops_of_a_cube_are_clipped_to_its_area(server: Served) -> None:
    west, south, east, north = map(float, BOX.split(","))
    body = {"bbox": [west, south, LON, north], "index": "ndvi", "scenes": "pinned", "datetime": "2024-06-01/2024-06-30"}
    cube_path = f"/cubes/{server.client.post('/cubes', json=body).json()['id']}"
    response = server.get(f"{cube_path}/bbox/{BOX}/170x130.png")
    assert response.headers["Cache-Control"] == IMMUTABLE
    centre = round((LON - west) / (east - west) * 170)
    image = pixels(response)
    assert (image[:, : centre - 1, 3] == 255).all()
    assert (image[:, centre + 1 :, 3] == 0).all()
    both = values(server.client.post(f"{cube_path}/feature/170x130.npy", json=FEATURE))
    alone = values(server.client.post("/feature/170x130.npy?datetime=2024-06-01/2024-06-30", json=FEATURE))
    valid = ~np.isnan(both)
    assert np.array_equal(both[valid], alone[valid])
    assert 0 < np.count_nonzero(valid) < 0.8 * np.count_nonzero(~np.isnan(alone))
    assert np.isnan(both[0][:, 82:]).all()
    assert pixels(server.client.post(f"{cube_path}/feature", json=FEATURE)).any()
    assert pixels(server.client.post(f"{cube_path}/feature.png", json=FEATURE)).any()
    assert pixels(server.client.post(f"{cube_path}/feature/64x64", json=FEATURE)).shape == (64, 64, 4)
    assert pixels(server.get(f"{cube_path}/bbox/{BOX}.png?dst_crs=utm")).any()
    outside = {"type": "Polygon", "coordinates": [[[1, 1], [2, 1], [2, 2], [1, 1]]]}
    assert is_problem(server.client.post(f"{cube_path}/feature", json=outside), 400)["parameter"] == "body"
    assert is_problem(server.get(f"{cube_path}/bbox/{BOX}.png?index=ndvi"), 400)["parameter"] == "index"
    is_problem(server.get(f"/cubes/nix/bbox/{BOX}.png"), 404)


# Load and failures


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crop, "MAX_WHOLE_SIDE", 60)
    monkeypatch.setattr(crop, "PART_SIDE", 40)


def send_and_disconnect(running: Served, path: str, after: float) -> None:
    """Send a request and disconnect."""
    with httpx.Client(base_url=running.url, trust_env=False) as client, pytest.raises(httpx.TimeoutException):
        client.get(path, timeout=httpx.Timeout(5, read=after))


LARGE = f"/bbox/{BOX}/120x100"


def test_unreadable_parts_are_reported(remote_server: Callable[..., RemoteServer], small_parts: None) -> None:
    running = remote_server(retries=0)
    running.origin.fail(f"/{NEW}/red.tif", always=status(404))
    response = running.served.get(f"{LARGE}.npy?{VALUES}")
    assert response.headers["X-Scog-Skipped"] == f"{NEW};http-404"
    assert response.headers["Cache-Control"] == PARTIAL
    assert np.round(np.nanmax(values(response)) * 10000) <= 1299
    assert is_problem(running.served.get(f"{LARGE}.npy?{VALUES}&strict=1"), 502)["skipped"]
    running.origin.fail(f"/{OLD}/nir.tif", always=status(404))
    running.origin.fail(f"/{NEW}/nir.tif", always=status(404))
    problem = is_problem(running.served.get(f"{LARGE}.png?expression=nir"), 502)
    assert {entry["scene"] for entry in problem["skipped"]} == {NEW, OLD}


def test_at_the_deadline_the_finished_parts_are_returned(
    archive: Path, small_parts: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def slow(*arguments: Any) -> Any:
        await asyncio.sleep(0.3)
        return await draw(*arguments)

    monkeypatch.setattr(attempts, "draw", slow)
    with served(Settings(catalog=str(archive), crop_at_once=1, crop_deadline=1.0)) as running:
        response = running.get(f"{LARGE}.npy?{VALUES}")
        assert 0 < np.isnan(values(response)).mean() < 1
        assert response.headers["X-Scog-Incomplete"] == "deadline"
        assert response.headers["Cache-Control"] == PARTIAL
        is_problem(running.get(f"{LARGE}.npy?{VALUES}&strict=1"), 502)
    with served(Settings(catalog=str(archive), crop_deadline=0.1)) as running:
        is_problem(running.get(f"{LARGE}.npy?{VALUES}"), 504)


@pytest.mark.acceptance
def test_concurrent_large_crops_are_limited_and_tiles_are_not_blocked(
    remote_server: Callable[..., RemoteServer], small_parts: None
) -> None:
    running = remote_server(crops=1)
    running.origin.latency = 0.3
    with ThreadPoolExecutor(1) as thread:
        first = thread.submit(running.served.get, f"{LARGE}.npy?{VALUES}")
        time.sleep(0.2)
        is_problem(running.served.get(f"{LARGE}.npy?index=ndvi"), 503)
        assert running.served.get(f"/bbox/{BOX}/50x50.png").status_code == 200
        assert values(first.result()).shape == (1, 100, 120)
    assert values(running.served.get(f"{LARGE}.npy?index=ndvi")).shape == (1, 100, 120)


@pytest.mark.acceptance
def test_a_disconnect_stops_reading(remote_server: Callable[..., RemoteServer], small_parts: None) -> None:
    running = remote_server(crop_at_once=1, crops=1)
    running.origin.latency = 0.2
    send_and_disconnect(running.served, f"{LARGE}.npy?index=ndvi&composite=median", after=0.3)
    time.sleep(0.3)
    before = len(running.origin.requests)
    time.sleep(0.5)
    assert len(running.origin.requests) == before, "no requests after the disconnect"
    running.origin.latency = 0
    assert values(running.served.get(f"{LARGE}.npy?index=ndvi&composite=median")).any(), "the slot is free again"
