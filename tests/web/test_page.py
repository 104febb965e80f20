"""The page at `/` and its files, without a browser."""

from __future__ import annotations

import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from pydantic import ValidationError

import scog.web
from scog.settings import Settings
from tests.web.conftest import Served, is_problem, served

STATIC = Path(scog.web.__file__).parent / "static"
HTML = {"Accept": "text/html"}


def test_html_or_json_by_accept_header(server: Served) -> None:
    page = server.get("/", headers=HTML)
    assert page.headers["Content-Type"].startswith("text/html")
    assert server.get("/").json()["tiles"] == "/tiles/{z}/{x}/{y}"
    again = server.get("/", headers=HTML | {"If-None-Match": page.headers["ETag"]})
    assert again.status_code == 304
    modules = set(re.findall(r'rel="modulepreload" href="static/([^"]+)"', page.text))
    assert modules == {path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*.js")}


def test_files_are_served_unchanged(server: Served) -> None:
    for path in (each for each in STATIC.rglob("*") if each.is_file()):
        url = f"/static/{path.relative_to(STATIC).as_posix()}"
        answer = server.get(url)
        assert answer.content == path.read_bytes()
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert server.get(url, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
    assert server.get("/static/leaflet/leaflet.js").headers["Content-Type"].startswith("text/javascript")
    assert server.get("/static/leaflet/images/layers.png").content.startswith(b"\x89PNG")


def test_modules_import_existing_files_without_cycles() -> None:
    imports = {
        path: [
            (path.parent / name).resolve() for name in re.findall(r'^import .* from "([^"]+)"', path.read_text(), re.M)
        ]
        for path in (each.resolve() for each in STATIC.rglob("*.js"))
    }
    assert {file for files in imports.values() for file in files} <= set(imports)
    TopologicalSorter(imports).prepare()  # raises CycleError


@pytest.mark.parametrize(
    "path",
    ["nothing.js", "map/", "map/nothing.js", "map/..%2f..%2fviewer.py", "%2e%2e/viewer.py", "/etc/passwd", "leaflet/"],
)
def test_other_files_are_not_served(server: Served, path: str) -> None:
    is_problem(server.get(f"/static/{path}"), 404)


def test_the_page_is_small() -> None:
    scripts = [path.read_text() for path in STATIC.rglob("*.js")]
    code = [re.sub(r"^ *(//|/\*\*|\*).*\n", "", script, flags=re.M) for script in scripts]
    assert (STATIC / "map" / "land.json").stat().st_size < 150_000
    assert sum(map(len, scripts)) < 195_000
    assert sum(map(len, code)) < 170_000  # without comments


def test_without_a_basemap_no_other_host_is_allowed(server: Served) -> None:
    page = server.get("/", headers=HTML)
    policy = page.headers["Content-Security-Policy"]
    assert "img-src 'self' blob: data:;" in policy
    assert "unsafe" not in policy
    assert '<meta name="scog-basemap" content="">' in page.text


@pytest.mark.parametrize(
    ("template", "host"),
    [
        ("https://tile.example.org/{z}/{x}/{y}.png", "https://tile.example.org"),
        ("https://{s}.tile.example.org:8443/{z}/{x}/{y}.png?a=1&b=2", "https://*.tile.example.org:8443"),
    ],
)
def test_a_basemap_allows_its_host_only(archive: Path, template: str, host: str) -> None:
    attribution = '&copy; <a href="https://example.org">People & "others"</a>'
    with served(Settings(catalog=str(archive), basemap=template, basemap_attribution=attribution)) as running:
        page = running.get("/", headers=HTML)
    assert f"img-src 'self' blob: data: {host};" in page.headers["Content-Security-Policy"]
    assert f'content="{template.replace("&", "&amp;")}"' in page.text
    assert 'content="&amp;copy; &lt;a href=&quot;https://example.org&quot;&gt;' in page.text
    assert '<a href="https://example.org">' not in page.text


@pytest.mark.parametrize(
    "template",
    [
        "tile.example.org/{z}/{x}/{y}.png",
        "https://tile.example.org/{z}/{x}.png",
        "https://tile.example.org;script-src */{z}/{x}/{y}",
        "https://a b/{z}/{x}/{y}",
        "javascript:alert(1)/{z}/{x}/{y}",
        "https://example.org/{z}/{x}/{y}\nX: y",
    ],
)
def test_invalid_basemaps(template: str) -> None:
    with pytest.raises(ValidationError):
        Settings(basemap=template)
