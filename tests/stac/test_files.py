"""Range requests to the archive's files; other files are not served."""

from __future__ import annotations

from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import httpx
import pytest

from tests.stac.synthetic_items import L2A, OUTSIDE, Item

DATA = bytes(range(256)) * 4


@pytest.fixture
def assets(http: httpx.Client, items: list[Item]) -> dict[str, Any]:
    """Assets of the first item."""
    item_assets = http.get(f"/collections/{L2A}/items/{items[0]['id']}").json()["assets"]
    assert isinstance(item_assets, dict)
    return item_assets


def test_asset_links_are_absolute(assets: dict[str, Any], server: str) -> None:
    assert set(assets) == {"red", "scl", "web", "bucket"}, "assets outside the archive are omitted"
    assert assets["web"]["href"] == "https://example.org/a.tif"
    assert assets["bucket"]["href"] == "s3://bucket/a.tif"
    assert assets["red"]["href"].startswith(f"{server}/stac/files/{L2A}/")
    assert assets["red"]["title"] == "Red"


def test_a_file_is_read_in_ranges_as_gdal_does(assets: dict[str, Any]) -> None:
    href = assets["red"]["href"]
    head = httpx.head(href)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(DATA))
    assert head.headers["accept-ranges"] == "bytes"
    first = httpx.get(href, headers={"Range": "bytes=0-99"})
    assert (first.status_code, first.content) == (206, DATA[:100])
    assert first.headers["content-range"] == f"bytes 0-99/{len(DATA)}"
    assert first.headers["etag"] == head.headers["etag"]
    assert httpx.get(href, headers={"Range": "bytes=1000-5000"}).content == DATA[1000:]
    assert httpx.get(href, headers={"Range": "bytes=-10"}).content == DATA[-10:]
    assert httpx.get(href, headers={"Range": "bytes=9999-"}).status_code == 416
    assert httpx.get(href).content == DATA


def _get(server: str, path: str) -> tuple[int, str | None]:
    """Status and media type of an unmodified path: httpx would normalise its dots."""
    connection = HTTPConnection(urlsplit(server).netloc)
    connection.request("GET", path)
    response = connection.getresponse()
    response.read()
    connection.close()
    return response.status, response.getheader("content-type")


def test_no_other_file_is_read(server: str, assets: dict[str, Any], archive_folder: Path) -> None:
    folder = unquote(urlsplit(assets["red"]["href"]).path).rpartition("/")[0]
    other_paths = [
        f"{folder}/notes.txt",
        f"{folder}/item.json",
        f"{folder}",
        f"{folder}/SCL.tif",  # an asset, but a link to the outside
        f"{folder}/../{Path(folder).name}/B04 é.tif",
        f"{folder}//B04 é.tif",
        "/stac/files/scog-index.sqlite",
        "/stac/files/",
        "/stac/files/../../outside.tif",
        "/stac/files/%2e%2e/outside.tif",
        "/stac/files//etc/passwd",
        "/stac/files/%00",
        f"/stac/files/{archive_folder}/{L2A}",
    ]
    assert (archive_folder.parent / "outside.tif").read_bytes() == OUTSIDE
    for path in other_paths:
        status, media = _get(server, quote(path, safe="/%."))
        assert status == 404, path
        assert media == "application/problem+json"
    assert httpx.get(assets["red"]["href"]).status_code == 200


def test_a_deleted_file_is_not_found(http: httpx.Client, items: list[Item]) -> None:
    item_assets = http.get(f"/collections/{items[2]['collection']}/items/{items[2]['id']}").json()["assets"]
    assert httpx.get(item_assets["scl"]["href"]).status_code == 404
