"""The "Export" tab: its code runs unmodified."""

from __future__ import annotations

import importlib.util
import io
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
import rasterio
from PIL import Image

from tests.browser.conftest import QUIET, find_chromium, visiting

pytestmark = pytest.mark.acceptance

LAYER = (
    "/#12/40.2017/12.0001?expression=(nir-red)/(nir%2Bred)&time=2022-04-01/2022-08-20&composite=median&rescale=-0.2,0.9"
)
LIBRARIES = ("leaflet@1.9.4", "ol@10.7.0", "maplibre-gl@5.6.0")


@pytest.fixture(scope="module")
def snippets(chromium: Any, server: str) -> dict[str, str]:
    """The code to copy, by program."""
    with visiting(chromium, server) as visit:
        visit.open(LAYER)
        page = visit.page
        page.click("#tab-export")
        visit.until("document.querySelector('#client').options.length > 0")
        names = page.locator("#client option").all_inner_texts()
        texts = {}
        for name in names:
            page.select_option("#client", name)
            page.click("[data-copies=snippet]")
            texts[name] = str(page.evaluate("navigator.clipboard.readText()"))
            assert texts[name] == page.evaluate("document.querySelector('#snippet').textContent")
    return texts


def test_snippets_for_all_programs(snippets: dict[str, str]) -> None:
    assert list(snippets) == ["Leaflet", "OpenLayers", "MapLibre", "QGIS", "folium", "leafmap", "Python", "curl"]


def test_python_reads_the_values(snippets: dict[str, str], tmp_path: Path) -> None:
    process = subprocess.run([sys.executable, "-c", snippets["Python"]], capture_output=True, text=True, timeout=30)
    assert process.returncode == 0, process.stderr
    assert re.fullmatch(r"\(1, 256, 256\) \[-?0\.\d+\]", process.stdout.strip())


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_curl_saves_a_png_and_a_geotiff(snippets: dict[str, str], tmp_path: Path) -> None:
    subprocess.run(["sh", "-e", "-c", snippets["curl"]], cwd=tmp_path, check=True, capture_output=True, timeout=30)
    assert (tmp_path / "tile.png").read_bytes().startswith(b"\x89PNG")
    with rasterio.open(tmp_path / "tile.tif") as written:
        assert (written.count, written.shape) == (1, (256, 256))
        assert -1 <= np.nanmean(written.read(1)) <= 1


def test_qgis_code_adds_the_tiles(snippets: dict[str, str], server: str) -> None:
    """The code runs with a test double of QGIS's `iface` that records its arguments."""
    calls: list[tuple[str, ...]] = []

    class Interface:
        def addRasterLayer(self, *arguments: str) -> None:
            calls.append(arguments)

    exec(snippets["QGIS"], {"iface": Interface()})
    ((source, name, provider),) = calls
    assert (name, provider) == ("scog: Custom expression", "wms")
    parts = dict(part.split("=", 1) for part in source.split("&"))
    assert (parts["type"], parts["zmin"], parts["zmax"]) == ("xyz", "10", "14")  # of the island's files
    assert unquote(parts["url"]).startswith(
        f"{server}/tiles/{{z}}/{{x}}/{{y}}?expression=(nir-red)%2F(nir%2Bred)".replace("%2F", "/")
    )


@pytest.mark.parametrize("name", ["folium", "leafmap"])
def test_notebooks_show_the_tiles(snippets: dict[str, str], server: str, name: str, tmp_path: Path) -> None:
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    code = (
        snippets[name].rstrip().removesuffix("\nm")
        + "\nm.save('map.html') if hasattr(m, 'save') else m.to_html('map.html')\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, timeout=60)
    assert f"{server}/tiles/" in (tmp_path / "map.html").read_text()


@pytest.fixture(scope="module")
def libraries() -> Path:
    """A folder with the map libraries from npm, cached between runs."""
    if not shutil.which("npm"):
        pytest.skip("the libraries come from npm, which is not installed")
    folder = Path(tempfile.gettempdir()) / "scog-tests-npm" / "-".join(LIBRARIES)
    if not (folder / "done").exists():
        folder.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--prefix", str(folder), "--ignore-scripts", "--no-audit", "--no-fund", *LIBRARIES]
        process = subprocess.run(command, capture_output=True, text=True, timeout=120)
        if process.returncode:
            pytest.skip(f"npm could not install the libraries: {process.stderr[-300:]}")
        (folder / "done").touch()
    return folder / "node_modules"


@pytest.fixture(scope="module")
def webgl_chromium(chromium: Any) -> Iterator[Any]:
    """A Chromium with WebGL in software."""
    arguments = [each for each in QUIET if each != "--disable-gpu"]
    browser = chromium.browser_type.launch(
        executable_path=find_chromium(chromium.browser_type.executable_path),
        args=[*arguments, "--use-angle=swiftshader", "--enable-unsafe-swiftshader"],
    )
    yield browser
    browser.close()


@pytest.mark.parametrize("name", ["Leaflet", "OpenLayers", "MapLibre"])
def test_maps_show_the_tiles(
    snippets: dict[str, str], libraries: Path, webgl_chromium: Any, server: str, name: str, tmp_path: Path
) -> None:
    def from_npm(route: Any) -> None:
        package, _, path = route.request.url.removeprefix("https://unpkg.com/").partition("/")
        assert package in LIBRARIES
        route.fulfill(path=libraries / package.rpartition("@")[0] / path)

    errors: list[str] = []
    with webgl_chromium.new_context(viewport={"width": 700, "height": 500}) as context:
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.route("https://unpkg.com/**", from_npm)
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        (tmp_path / "map.html").write_text(snippets[name])
        with page.expect_response(lambda response: "/tiles/" in response.url) as response:
            page.goto((tmp_path / "map.html").as_uri())
        assert response.value.ok
        assert response.value.url.startswith(f"{server}/tiles/")
        assert "composite=median" in response.value.url
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(300)
        screenshot = page.screenshot()
        colors = _colors(screenshot)
    assert errors == []
    assert colors > 100  # an image, not an empty page


def _colors(png: bytes) -> int:
    colours = Image.open(io.BytesIO(png)).convert("RGB").getcolors(1_000_000)
    return len(colours or [])
