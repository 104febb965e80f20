"""Hostile requests are rejected quickly, with the right status and a problem that reveals no internals."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import time
from urllib.parse import quote, urlsplit

import pytest

from scog.settings import Settings
from scog.web.http.request_limits import MAX_HEADERS, MAX_QUERY
from tests.web.conftest import Served, is_problem, served

HUGE = "9" * 400


def refused(server: Served, path: str, *statuses: int, within: float = 0.5, **options: object) -> dict[str, object]:
    """Check that the response to a path is a problem with one of these statuses, and arrives quickly."""
    seconds = []
    for _ in range(2):
        since = time.perf_counter()
        response = server.get(path, **options)
        seconds.append(time.perf_counter() - since)
    assert response.status_code in statuses, (path[:80], response.status_code, response.text[:200])
    assert min(seconds) < within
    return is_problem(response, response.status_code)


# Addresses

NO_NUMBERS = [
    "-1", "+1", "1.0", "1.5", "1e1", "abc", "NaN", "inf", "1_2", "0x1", " 1", "1 ", "１", "٣", "²", "", "1;2", "1'",
    "%00", "%0a", "1%0a", "%ff", "..", "%2e%2e", "1%2f2", "<script>", "{z}", "true", "null", HUGE, "1" * 10_000,
]  # fmt: skip


@pytest.mark.parametrize("text", NO_NUMBERS, ids=[text[:12] or "empty" for text in NO_NUMBERS])
@pytest.mark.parametrize("place", ["{}/0/0", "3/{}/0", "3/0/{}", "3/0/{}.png", "3/0/{}@2x.npy", "3/{}/0/scenes"])
def test_addresses_that_are_not_numbers(text: str, place: str, server: Served) -> None:
    text = text if text.startswith(("%", "1%")) else quote(text)
    refused(server, f"/tiles/{place.format(text)}", 400, 404)


@pytest.mark.parametrize(
    "address",
    ["25/0/0", "30/0/0", "99/0/0", "999999999/0/0", "0/1/0", "0/0/1", "12/4096/0", "12/0/4096", "24/16777216/0"],
)
def test_tiles_that_do_not_exist(address: str, server: Served) -> None:
    for ending in ("", ".png", "@2x.npy", "/scenes"):
        problem = refused(server, f"/tiles/{address}{ending}", 404)
        assert problem["parameter"] in ("z", "x", "y")
        assert re.fullmatch(r"0 to \d+", str(problem["valid"]))


def test_a_tile_of_the_whole_world_is_fast(server: Served) -> None:
    since = time.perf_counter()
    assert server.get("/tiles/0/0/0").status_code == 200
    assert time.perf_counter() - since < 2


@pytest.mark.parametrize("name", ["0.PNG", "0.gif", "0.json", "0.exe", "0@2x.jp2", "0.npyx"])
def test_unknown_formats(name: str, server: Served) -> None:
    problem = refused(server, f"/tiles/3/0/{name}", 400)
    assert problem["parameter"] == "format"
    assert "png" in str(problem["valid"])


@pytest.mark.parametrize("name", ["0@3x", "0@2x@2x", "0@2X", "0.png.png", "@2x", ".png", "0@2x.", "0."])
def test_invalid_rows(name: str, server: Served) -> None:
    refused(server, f"/tiles/3/0/{name}", 400, 404)


@pytest.mark.parametrize("address", ["0/0", "0/0/0/0", "0/0/0/scene", "WebMercatorQuad/0/0", "//", ""])
def test_unknown_paths(address: str, server: Served) -> None:
    refused(server, f"/tiles/{address}", 404)


PLACES = [
    "nan,0", "0,nan", "inf,0", "-inf,0", "1e400,0", "1_2,0", "１,5", "0x1,0", "abc,0", ",", "0,", ",0", "180.0001,0",
    "0,90.01", "-180.1,0", "1e3,0", f"{HUGE},0", "0,0,0", "0;0", " 1,0", "1,0%0a", "%00,0", "true,0",
]  # fmt: skip


@pytest.mark.parametrize("place", PLACES, ids=[place[:12] for place in PLACES])
def test_places_that_do_not_exist(place: str, server: Served) -> None:
    refused(server, f"/point/{place if '%' in place else quote(place, safe=',')}", 404)


BOXES = [
    "", "1", "1,2,3", "1,2,3,4,5", "a,b,c,d", "nan,nan,nan,nan", "0,0,inf,1", "-inf,0,1,1", "1e400,0,1e401,1",
    "1,1,1,2,2,2,2", "1,1,5,2,2,4", "1,2,2,1", "-181,0,0,1", "0,-91,1,1", "0,0,181,1", "0,0,1,91", "1_0,0,20,1",
    "１,1,2,2", ",,,", "0,0,1," + HUGE,
]  # fmt: skip


@pytest.mark.parametrize("box", BOXES, ids=[box[:12] or "empty" for box in BOXES])
def test_invalid_boxes(box: str, server: Served) -> None:
    problem = refused(server, f"/scenes?bbox={quote(box)}", 400)
    assert problem["parameter"] == "bbox"
    assert problem["valid"]


def test_bbox_is_required(server: Served) -> None:
    assert refused(server, "/scenes", 400)["parameter"] == "bbox"


# Parameters

EXPRESSIONS = [
    "9**9**9**9", "nir**9**9", "'a'*999999999", "nir*'x'", HUGE + "*nir", "1e999*nir", "-" * 5000 + "nir",
    "+".join(["nir"] * 600), "(" * 2500 + "nir" + ")" * 2500, "__import__('os').system('id')", "nir.__class__",
    "lambda: nir", "f'{nir}'", "1j*nir", "nirr", "B10", "nir[0]", "[nir]", "nir;" * 2000, "", ";", "1+1",
    "nir if 1 else 2", "exec('1')", "nir\x00", "nir # red", "nir,red", "nir and red", "%", "<script>alert(1)</script>",
    "ｎｉｒ", "nir;red",
]  # fmt: skip


@pytest.mark.parametrize("expression", EXPRESSIONS, ids=[text[:16] or "empty" for text in EXPRESSIONS])
def test_expressions(expression: str, server: Served, west: str) -> None:
    problem = refused(server, f"/tiles/{west}?expression={quote(expression)}", 400, within=0.05)
    assert problem["parameter"] == "expression"
    assert problem["valid"]


VALUES = [
    # parameter, values
    ("rescale", ["nan,1", "0,nan", "0,inf", "-inf,inf", "0,1e400", "1,0", "1,1", "a,b", "0", "0,1,2", "", ",", "0;1",
                 "1_0,20", "１,2", "0,1e31", "0x0,1", "0, 1, ", "0,1,2,3", "9" * 500 + ",1"]),
    ("index", ["nix", "NDVI2", "../etc/passwd", "ndvi;rm", "x" * 512, "x" * 513, "<b>"]),
    ("colormap_name", ["nix", "../x", "x" * 65, "x" * 513, "viridis;", "{}", "5", "__class__", "<b>", "é",
                       "viridis_r_r_r"]),
    ("mask", ["nix", "12", "-1", "1,,2", "1.5", "", ",", "3;8", "１", "1" * 512, "3, x", "clouds,none"]),
    ("composite", ["mediam", "bset", "", "newest ", "p0", "p100", "p5.5", "p05", "Median", "mode", "x" * 513]),
    ("mask_dilate", ["-1", "1000.1", "nan", "inf", "abc", ""]),
    ("cloud_cover", ["nan", "inf", "-1", "101", "100.0001", "", "abc", "1e400", "６０", "0x10", "9" * 5000]),
    ("datetime", ["", "yesterday", "2024-13-01", "2024-06-12/2024-06-01", "2024", "9" * 512, "9" * 513, "a/b/c"]),
    ("compare", ["", "yesterday", "2024-06-12/2024-06-01", "9" * 513, "a/b/c"]),
    ("compare_as", ["", "ratio", "difference", "log", "x" * 9999]),
    ("collection", ["nix", "x" * 512, "x" * 513, "'; DROP TABLE items; --", "<b>"]),
    ("bands", ["nix", "red,green", "red,green,blue,nir", "", ",", "red,,blue", "x" * 513, "red;nir",
               ",".join(["red"] * 200)]),
    ("assets", ["nix", "red,green"]),
    ("strict", ["2", "yes please", "-1", "null"]),
    ("empty", ["404", "2040", "", "1"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name, values in VALUES for value in values],
    ids=[f"{name}={value[:16]}" for name, values in VALUES for value in values],
)
def test_invalid_values(name: str, value: str, server: Served, west: str) -> None:
    problem = refused(server, f"/tiles/{west}?{name}={quote(value)}", 400)
    assert problem["parameter"] in (name, "bands" if name == "assets" else name)
    assert problem["valid"]
    if name not in ("strict", "empty", "rescale", "colormap_name", "collection"):
        lon_lat = "11.5,45.1"
        refused(server, f"/point/{lon_lat}?{name}={quote(value)}", 400)
    if name != "collection":  # unknown collections are not an error of a tile
        refused(server, f"/tilejson.json?{name}={quote(value)}", 400)


@pytest.mark.parametrize(
    "query",
    [
        "&".join(["rescale=0,1"] * 1000),
        "&".join(["bands=red"] * 1000),
        "&".join(["bands=red"] * 17),
        "&".join(["rescale=0,1"] * 2),
        "bands=red,green,blue&rescale=0,1&rescale=0,1",
        "bands=red,green,blue&colormap_name=viridis",
        "index=ndvi&expression=nir",
        "index=ndvi&bands=red",
        "expression=nir&assets=red",
        "tilesize=16384",
        "buffer=20000",
        "colormap=" + "[" * 5000,
        "colormap=5",
    ],
)
def test_invalid_queries(query: str, server: Served, west: str) -> None:
    assert refused(server, f"/tiles/{west}?{query}", 400)["parameter"]


ROUTES = [
    "/tiles/{west}",
    "/tiles/{west}.npy",
    "/tiles/{west}/scenes",
    "/scenes?bbox=1,1,2,2",
    "/point/1,1",
    "/tilejson.json",
    "/bbox/1,1,2,2.png",
    "/WMTSCapabilities.xml",
]


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("name", ["foo", "Datetime", "datetime ", "_", "", "x" * 500, "<script>", "utm_source", "é"])
def test_unknown_parameters(name: str, route: str, server: Served, west: str) -> None:
    path = route.format(west=west)
    problem = refused(server, f"{path}{'&' if '?' in path else '?'}{quote(name)}=1", 400)
    known = "WMTS" in route and name == "Datetime"  # OGC parameter names are case-insensitive
    assert problem["parameter"] == (name.lower() if known else name[:64])
    assert ("a date" if known else "datetime") in str(problem["valid"])


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("name", ["datetime", "cloud_cover", "collection", "foo"])
def test_repeated_parameters(name: str, route: str, server: Served, west: str) -> None:
    path = route.format(west=west)
    problem = refused(server, f"{path}{'&' if '?' in path else '?'}{name}=1&{name}=1", 400)
    assert problem["parameter"] == name


def test_repeatable_parameters(server: Served, west: str) -> None:
    query = "bands=red&bands=green&bands=blue&rescale=0,1&rescale=0,1&rescale=0,1"
    assert server.get(f"/tiles/{west}?{query}").status_code == 200


MARKUP = "<img src=x onerror=alert(1)>"


@pytest.mark.parametrize(
    "path",
    [
        f"/tiles/{MARKUP}/0/0",
        f"/tiles/3/0/0?{MARKUP}=1",
        f"/tiles/3/0/0?index={MARKUP}",
        f"/tiles/3/0/0?expression={MARKUP}",
        f"/tiles/3/0/0?collection={MARKUP}",
        f"/scenes?bbox={MARKUP}",
        f"/{MARKUP}",
    ],
)
def test_markup_is_returned_as_json_only(path: str, server: Served) -> None:
    response = server.get(quote(path, safe="/?="), headers={"Accept": "text/html"})
    is_problem(response, response.status_code)
    assert response.status_code in (400, 404)
    assert json.loads(response.content)


def test_a_problem_has_the_position_of_the_error(server: Served, west: str) -> None:
    assert refused(server, f"/tiles/{west}?expression=*nir", 400)["position"] == 0
    assert refused(server, f"/tiles/{west}?expression=nir%2Bnirr", 400)["position"] == 4


# Size


def raw(server: Served, request: bytes) -> bytes:
    """The server's response to raw bytes."""
    address = urlsplit(server.url)
    with socket.create_connection((str(address.hostname), address.port or 80), timeout=10) as connection:
        response_bytes = b""
        with contextlib.suppress(OSError):  # the server may have responded and closed already
            connection.sendall(request)
        with contextlib.suppress(OSError):
            while chunk := connection.recv(65536):
                response_bytes += chunk
        return response_bytes


@pytest.mark.parametrize("path", ["/healthz", "/tiles/3/0/0", "/tilejson.json", "/nowhere"])
@pytest.mark.parametrize("size", [MAX_QUERY + 1, 60_000, 1_000_000])
def test_a_long_query(size: int, path: str, server: Served) -> None:
    since = time.perf_counter()
    head, _, body = raw(
        server, b"GET %b?%b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % (path.encode(), b"a&" * (size // 2 + 1))
    ).partition(b"\r\n\r\n")
    assert time.perf_counter() - since < 1
    if size == 1_000_000:  # rejected by uvicorn before the app
        assert re.match(rb"HTTP/1.1 4\d\d ", head)
    else:
        assert head.startswith(b"HTTP/1.1 414 ")
        assert json.loads(body)["status"] == 414


@pytest.mark.parametrize("size", [MAX_HEADERS + 1, 1_000_000])
def test_large_headers(size: int, server: Served) -> None:
    since = time.perf_counter()
    for request in (
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Large: %b\r\n\r\n" % (b"a" * size),
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%b\r\n" % (b"X-A: b\r\n" * (size // 4 + 1)),
    ):
        assert re.match(rb"HTTP/1.1 4\d\d ", raw(server, request))
    assert time.perf_counter() - since < 2
    assert server.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /tiles/\xff/0/0 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /tiles/3/0/0 HTTP/9.9\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"nonsense\r\n\r\n",
    ],
)
def test_malformed_http(request_bytes: bytes, server: Served) -> None:
    address = urlsplit(server.url)
    with socket.create_connection((str(address.hostname), address.port or 80), timeout=5) as connection:
        connection.sendall(request_bytes)
        connection.shutdown(socket.SHUT_WR)
        response_bytes = connection.recv(65536)
    assert response_bytes == b"" or re.match(rb"HTTP/1.1 4\d\d ", response_bytes)
    assert server.get("/healthz").status_code == 200


# Links

HEADERS = [
    ({"Host": "evil.example"}, ""),
    ({"Host": "evil.example:80"}, ""),
    ({"Host": "127.0.0.1.evil.example"}, ""),
    ({"Host": "localhost@evil.example"}, ""),
    ({"Host": "localhost:80@evil.example"}, ""),
    ({"Host": "localhost:999999"}, ""),
    ({"Host": "localhost:８０"}, ""),
    ({"Host": "localhost:/evil.example"}, ""),
    ({"Host": "[::1].evil.example"}, ""),
    ({"Host": ""}, ""),
    ({"X-Forwarded-Host": "evil.example"}, ""),
    ({"X-Forwarded-Proto": "https"}, ""),
    ({"X-Forwarded-Proto": "javascript"}, ""),
    ({"X-Forwarded-For": "10.0.0.1"}, ""),
    ({"Forwarded": "host=evil.example;proto=https"}, ""),
    ({"Host": "localhost:8000"}, "http://localhost:8000"),
    ({"Host": "LOCALHOST"}, "http://LOCALHOST"),
    ({"Host": "[::1]:8000"}, "http://[::1]:8000"),
    ({"Host": "[::1]"}, "http://[::1]"),
]


@pytest.mark.parametrize(("headers", "base"), HEADERS, ids=[str(headers) for headers, _ in HEADERS])
def test_links_never_have_a_host_from_a_header(headers: dict[str, str], base: str, server: Served) -> None:
    sent = {name: value.encode() for name, value in headers.items()}
    response = server.get("/tilejson.json?index=ndvi", headers=sent)
    assert response.json()["tiles"] == [f"{base}/tiles/{{z}}/{{x}}/{{y}}?index=ndvi"]
    assert "evil" not in response.text + str(response.headers)
    assert "Host" in response.headers["Vary"]


def test_links_as_configured(server: Served, archive: object) -> None:
    with served(Settings(catalog=str(archive), public_url="https://maps.example.org/scog/")) as behind:
        for headers in ({}, {"Host": "evil.example"}, {"X-Forwarded-Host": "evil.example"}):
            (template,) = behind.get("/tilejson.json", headers=headers).json()["tiles"]
            assert template == "https://maps.example.org/scog/tiles/{z}/{x}/{y}"


@pytest.mark.parametrize(
    "path", ["//evil.example/%2e%2e", "/\\evil.example", "/tiles/3/0/0/", "/healthz/", "/tilejson.json/"]
)
def test_no_redirects_to_other_hosts(path: str, server: Served) -> None:
    response = server.get(server.url + path, headers={"Host": "evil.example"})
    assert "evil" not in response.headers.get("Location", "")
