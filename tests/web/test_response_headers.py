"""The table of response headers: every header that the code sets, and every header that the server sends."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from scog.web.http.response_headers import EXPOSED_HEADERS, HEADERS, IMAGE_HEADERS
from tests.web.conftest import Served

ROOT = Path(__file__).parents[2]
SET_BY_SERVER = {"date", "server", "content-type", "content-length", "connection", "transfer-encoding", "last-modified"}
"""Headers of uvicorn and Starlette, and those of every HTTP message."""
REQUEST_HEADERS = {"If-None-Match", "If-Range", "Accept-Encoding", "Content-Length"}
HEADER = re.compile(r"[A-Z][A-Za-z]*(-[A-Z][A-Za-z]*)+|ETag|Vary|Location|Allow")


def header_names(source: str) -> set[str]:
    """Text constants of a module that have the form of a header's name."""
    constants = (node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant))
    return {text for text in constants if isinstance(text, str) and HEADER.fullmatch(text)}


def test_the_table_has_every_header_that_the_code_names() -> None:
    modules = [path for path in ROOT.glob("scog/web/**/*.py") if path.name != "response_headers.py"]
    named = set().union(*(header_names(path.read_text()) for path in modules))
    assert named - REQUEST_HEADERS == set(HEADERS) - {"Allow"}


@pytest.mark.parametrize(
    "path",
    [
        "/", "/docs", "/healthz", "/tiles/{west}", "/tiles/{west}.jpg", "/tiles/{west}.tif", "/point/1,1",
        "/scenes?bbox=1,1,2,2", "/tilejson.json", "/WMTSCapabilities.xml", "/legend.svg", "/indices", "/stac",
        "/nothing", "/tiles/1/2/3?bands=x", "/static/map/map.css",
    ],
)  # fmt: skip
@pytest.mark.parametrize("accept", ["text/html", "*/*"])
def test_the_table_has_every_header_that_is_sent(path: str, accept: str, server: Served, west: str) -> None:
    response = server.get(path.format(west=west), headers={"Accept": accept})
    declared = {name.lower() for name in HEADERS}
    sent = {name.lower() for name in response.headers}
    assert not {name for name in sent - declared - SET_BY_SERVER if not name.startswith("access-control-")}


def test_descriptions_are_sentences() -> None:
    for name, header in HEADERS.items():
        assert header.example, name
        assert header.description[0].isupper(), name
        assert header.description.endswith("."), name


def test_images_document_exposed_headers() -> None:
    assert set(IMAGE_HEADERS) <= set(EXPOSED_HEADERS)
