"""Text is compressed, everything else is not."""

from __future__ import annotations

import gzip

import httpx
import pytest

from scog.web.http.compression import MIN_SIZE, accepts_gzip, is_text, with_vary
from tests.web.conftest import WEST, Served

LON, LAT = WEST.lonlat()
BOX = f"{LON - 0.01:.4f},{LAT - 0.007:.4f},{LON + 0.01:.4f},{LAT + 0.007:.4f}"
TEXT = (
    "/indices",
    "/bands",
    "/openapi.json",
    "/static/shell/viewer.js",
    "/static/shell/style.css",
    "/legend.svg",
    "/stac/collections",
    "/WMTSCapabilities.xml",
    "/scenes?bbox=11,45,12,46",
    "/docs",
    f"/timeseries/{LON},{LAT}?format=csv&datetime=../..&index=ndvi,evi",
)
OTHER = (
    "/tiles/{west}",
    "/tiles/{west}.npy",
    "/tiles/{west}.tif",
    f"/bbox/{BOX}.webp",
    f"/animation/{BOX}.gif",
    "/static/leaflet/images/layers.png",
)


def raw(server: Served, path: str, accepted: str | None, **headers: str) -> tuple[httpx.Response, bytes]:
    """A response, and its body before decompression."""
    request_headers = {"Accept-Encoding": accepted or "identity", **headers}
    with server.client.stream("GET", path, headers=request_headers) as response:
        return response, b"".join(response.iter_raw())


@pytest.mark.parametrize("path", TEXT)
def test_text_is_compressed_if_the_client_accepts_it(path: str, server: Served) -> None:
    plain, body = raw(server, path, None)
    gzipped, compressed = raw(server, path, "br, gzip;q=0.8")
    assert plain.status_code == gzipped.status_code == 200
    for response in (plain, gzipped):
        assert "Accept-Encoding" in response.headers["Vary"]
    assert "Content-Encoding" not in plain.headers
    if len(body) < MIN_SIZE:
        assert compressed == body
        return
    assert gzipped.headers["Content-Encoding"] == "gzip"
    assert gzipped.headers["Content-Length"] == str(len(compressed))
    assert gzip.decompress(compressed) == body
    assert len(compressed) < 0.75 * len(body)
    etag = plain.headers.get("ETag")
    if etag is not None:  # equivalent, but not byte for byte
        assert gzipped.headers["ETag"] == f"W/{etag}"
        for known in (etag, f"W/{etag}"):
            again, empty_body = raw(server, path, "gzip", **{"If-None-Match": known})
            assert (again.status_code, empty_body) == (304, b"")
            assert "Accept-Encoding" in again.headers["Vary"]
    head = server.client.head(path, headers={"Accept-Encoding": "gzip"})
    assert head.headers["Content-Length"] == str(len(compressed))


@pytest.mark.parametrize("path", OTHER)
def test_images_and_arrays_are_not_compressed(path: str, server: Served, west: str) -> None:
    response, body = raw(server, path.format(west=west), "gzip")
    assert "Content-Encoding" not in response.headers
    assert "Accept-Encoding" not in response.headers.get("Vary", "")
    assert response.headers["Content-Length"] == str(len(body))


def test_server_sent_events_are_not_compressed(server: Served) -> None:
    response, body = raw(server, f"/timeseries/{LON},{LAT}?format=sse&datetime=../..", "gzip")
    assert response.headers["Content-Type"].startswith("text/event-stream")
    assert "Content-Encoding" not in response.headers
    assert body.startswith(b"event: start")


def test_problems_are_readable_if_gzip_is_accepted(server: Served) -> None:
    response, body = raw(server, "/tiles/99/0/0", "gzip")
    assert response.status_code == 404
    assert body.startswith(b"{")


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        ("gzip", True),
        ("GZIP", True),
        ("br, gzip", True),
        ("gzip;q=0", False),
        ("gzip;q=0.0", False),
        ("*", True),
        ("gzip;q=0, *", False),
        ("gzip; q=0.5", True),
        ("*;q=0", False),
        ("identity", False),
        ("", False),
        ("gzipped", False),
        ("x-gzip", True),
    ],
)
def test_accept_encoding(accepted: str, expected: bool) -> None:
    assert accepts_gzip(accepted) is expected


@pytest.mark.parametrize(
    ("media_type", "text"),
    [
        ("application/json", True),
        ("application/geo+json", True),
        ("application/problem+json", True),
        ("text/html; charset=utf-8", True),
        ("text/csv; charset=utf-8", True),
        ("image/svg+xml", True),
        ("application/xml", True),
        ("text/javascript", True),
        ("application/vnd.oai.openapi+json;version=3.0", True),
        ("text/event-stream", False),
        ("image/png", False),
        ("image/tiff", False),
        ("application/x-npy", False),
        ("application/octet-stream", False),
        ("image/gif", False),
    ],
)
def test_text_media_types(media_type: str, text: bool) -> None:
    assert is_text(media_type) is text


def test_vary_has_accept_encoding_once() -> None:
    assert with_vary("") == "Accept-Encoding"
    assert with_vary("Host") == "Host, Accept-Encoding"
    assert with_vary("Host, accept-encoding") == "Host, accept-encoding"
