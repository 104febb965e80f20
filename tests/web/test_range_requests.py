"""Range requests: RFC 9110, and GDAL reading by URL."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rasterio.io import MemoryFile

from scog.web.http.byte_ranges import parse_range
from tests.doubles.range_server import status
from tests.web.conftest import WEST, RemoteServer, Served, is_problem

LON, LAT = WEST.lonlat()
BOX = f"{LON - 0.01:.4f},{LAT - 0.007:.4f},{LON + 0.01:.4f},{LAT + 0.007:.4f}"
BINARY = (
    "/tiles/{west}.tif?index=ndvi", "/tiles/{west}.npy", "/tiles/{west}.png", "/tiles/WorldCRS84Quad/{west84}.tif",
    f"/bbox/{BOX}.tif?bands=red", f"/bbox/{BOX}/64x48.tif", f"/bbox/{BOX}.npy", f"/bbox/{BOX}", f"/animation/{BOX}.gif",
    f"/animation/{BOX}.webp", "/legend.png", f"/timeseries/{LON},{LAT}?format=png",
    "/cubes/{cube}/tiles/{west}.tif", f"/cubes/{{cube}}/bbox/{BOX}.tif", f"/cubes/{{cube}}/animation/{BOX}.gif",
    "/static/leaflet/images/layers.png",
)  # fmt: skip
READ = """
import sys, rasterio
with rasterio.open(sys.argv[1]) as source:
    sys.stdout.buffer.write(repr(tuple(source.transform)).encode() + b"\\n" + source.read().tobytes())
"""
TEXT = ("/tilejson.json", "/legend.svg", "/legend.json", "/indices", "/WMTSCapabilities.xml", "/static/shell/viewer.js")


@pytest.fixture(scope="module")
def filled(server: Served, west: str) -> Callable[[str], str]:
    """Fills the placeholders in a path."""
    cube = server.client.post("/cubes", json={"index": "ndvi"}).json()["id"]
    placeholders = {"west": west, "west84": "12/4359/1021", "cube": cube}
    return lambda path: path.format(**placeholders)


@pytest.mark.parametrize("path", BINARY)
def test_binary_responses_support_range_requests(path: str, server: Served, filled: Callable[[str], str]) -> None:
    path = filled(path)
    whole = server.get(path)
    body, etag = whole.content, whole.headers["ETag"]
    assert whole.status_code == 200, whole.text[:200]
    assert whole.headers["Accept-Ranges"] == "bytes"
    size = len(body)
    head = server.client.head(path, headers={"Range": "bytes=0-9"})
    assert (head.status_code, int(head.headers["Content-Length"]), head.headers["ETag"]) == (200, size, etag)
    parts = {"bytes=0-9": slice(0, 10), "bytes=10-": slice(10, None), "bytes=-7": slice(size - 7, None),
             f"bytes=5-{size + 99}": slice(5, None), f"bytes=-{size + 5}": slice(0, None)}  # fmt: skip
    for range_header, place in parts.items():
        part = server.get(path, headers={"Range": range_header})
        assert (part.status_code, part.content) == (206, body[place]), range_header
        start, stop, _ = place.indices(size)
        assert part.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{size}"
        assert part.headers["Content-Length"] == str(stop - start)
        for name in ("ETag", "Content-Type", "Cache-Control", "Content-Bbox", "Content-Crs"):
            assert part.headers.get(name) == whole.headers.get(name), name
    for range_header in (f"bytes={size}-", "bytes=-0"):
        beyond = server.get(path, headers={"Range": range_header})
        assert is_problem(beyond, 416)["detail"]
        assert beyond.headers["Content-Range"] == f"bytes */{size}"
    for range_header in ("bytes=9-3", "lines=0-1", "bytes=0-1,4-5", "bytes=", "bytes=-", "bytes=a-b", "0-5"):
        assert server.get(path, headers={"Range": range_header}).content == body, range_header
    same, other = {"If-Range": etag}, {"If-Range": '"another"'}
    assert server.get(path, headers={"Range": "bytes=0-3"} | same).status_code == 206
    for condition in (other, {"If-Range": f"W/{etag}"}, {"If-Range": "Sat, 01 Jun 2024 00:00:00 GMT"}):
        assert server.get(path, headers={"Range": "bytes=0-3"} | condition).status_code == 200
    assert server.get(path, headers={"Range": "bytes=0-3", "If-None-Match": etag}).status_code == 304


@pytest.mark.parametrize("path", TEXT)
def test_text_responses_ignore_range_requests(path: str, server: Served) -> None:
    response = server.get(path, headers={"Range": "bytes=0-3"})
    assert response.status_code == 200
    assert "Accept-Ranges" not in response.headers


def test_post_responses_ignore_range_requests(server: Served) -> None:
    shape = {"type": "Polygon", "coordinates": [[[LON, LAT], [LON + 0.01, LAT], [LON, LAT + 0.01], [LON, LAT]]]}
    response = server.client.post("/feature.tif", json=shape, headers={"Range": "bytes=0-3"})
    assert response.status_code == 200
    assert len(response.content) > 4


@pytest.mark.parametrize(
    "path", [f"/bbox/{BOX}.tif?bands=red&dst_crs=utm&resolution=10", "/tiles/{west}.tif?index=ndvi"]
)
@pytest.mark.parametrize("driver", ["", "/vsicurl/", "/vsicurl_streaming/"])
def test_gdal_opens_a_geotiff_by_url(driver: str, path: str, server: Served, filled: Callable[[str], str]) -> None:
    path = filled(path)
    with MemoryFile(server.get(path).content) as file, file.open() as source:
        exact, transform = source.read(), source.transform
    command = [
        sys.executable,
        "-c",
        READ,
        f"{driver}{server.url}{path}",
    ]  # in a process, since GDAL holds the GIL while it waits
    process = subprocess.run(command, capture_output=True, check=True, timeout=60)
    transform_text, _, values = process.stdout.partition(b"\n")
    assert transform_text.decode() == repr(tuple(transform))
    assert np.array_equal(np.frombuffer(values, np.float32).reshape(exact.shape), exact, equal_nan=True)


def test_ranges_are_of_one_file_even_if_it_is_redrawn(
    remote_server: Callable[..., RemoteServer],
) -> None:
    """A partial image is not in the image cache: the next one may differ."""
    running = remote_server(retries=0)
    running.origin.fail("/S2A_32TQK_20240612_0_L2A/red.tif", always=status(500))
    path = f"/bbox/{BOX}.tif?bands=red&mask=none&dst_crs=utm&resolution=10"
    head = running.served.client.head(path)
    assert "X-Scog-Skipped" in head.headers
    size, etag = int(head.headers["Content-Length"]), head.headers["ETag"]
    running.origin.fail("/S2A_32TQK_20240612_0_L2A/red.tif")
    half = size // 2
    parts = [running.served.get(path, headers={"Range": f"bytes={a}-{b}"}) for a, b in ((0, half - 1), (half, size))]
    assert {part.headers["ETag"] for part in parts} == {etag}
    assert {part.headers["X-Scog-Skipped"] for part in parts} == {head.headers["X-Scog-Skipped"]}
    with MemoryFile(b"".join(part.content for part in parts)) as file, file.open() as source:
        source.read()
    assert running.served.get(path).headers["ETag"] != etag  # a request for the whole file draws it again


def test_concurrent_range_requests_draw_once(server: Served) -> None:
    path = f"/bbox/{BOX}.tif?expression=nir-red&dst_crs=utm&resolution=10&cloud_cover=59"

    def get_byte(place: int) -> httpx.Response:
        return httpx.get(server.url + path, headers={"Range": f"bytes={place}-{place}"}, trust_env=False)

    with ThreadPoolExecutor(8) as threads:
        responses = list(threads.map(get_byte, range(8)))
    assert {response.status_code for response in responses} == {206}
    timings = {re.sub(r"\s", "", response.headers["Server-Timing"]) for response in responses}
    assert len(timings) == 1


@given(st.integers(0, 50), st.integers(0, 60), st.integers(0, 60))
def test_ranges_equal_slices(size: int, start: int, last: int) -> None:
    body = bytes(range(size))
    part = parse_range(f"bytes={start}-{last}", size)
    assert part is None if last < start else body[slice(*part or ())] == body[start : last + 1]
    tail = parse_range(f"bytes=-{last}", size)
    assert tail is not None
    assert body[slice(*tail)] == (body[-last:] if last else b"")
