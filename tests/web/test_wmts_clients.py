"""WMTS clients: each reads the capabilities and draws a tile, which must equal the server's pixel by pixel.

OWSLib is a development dependency. QGIS is Debian's (`apt-get install python3-qgis`), OpenLayers is from npm
(`npm install --prefix FOLDER ol`, and `SCOG_TEST_OPENLAYERS=FOLDER`). Tests whose client is missing are skipped.
"""

from __future__ import annotations

import base64
import io
import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree

import morecantile
import numpy as np
import pytest
from numpy.typing import NDArray
from owslib.wmts import WebMapTileService
from PIL import Image
from playwright.sync_api import sync_playwright

from tests.browser.conftest import QUIET
from tests.web.conftest import WEST, Served, is_problem

SCRIPT = Path(__file__).parent / "qgis_wmts.py"
DEBIAN = "/usr/bin/python3"
TMS = morecantile.tms.get("WebMercatorQuad")
QUERY = "bands=red&mask=none&rescale=0,0.2"
OWS = {"o": "http://www.opengis.net/ows/1.1"}


def colours(data: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(data)) as image:
        return np.array(image.convert("RGBA"))


def address(server: Served) -> str:
    return f"{server.url}/WMTSCapabilities.xml?{QUERY}"


@pytest.fixture(scope="module")
def tile(server: Served) -> morecantile.Tile:
    """The tile of the maximum zoom at the centre of the western MGRS tile."""
    return TMS.tile(*WEST.lonlat(), server.get(f"/tilejson.json?{QUERY}").json()["maxzoom"])


@pytest.fixture(scope="module")
def server_pixels(server: Served, tile: morecantile.Tile) -> NDArray[np.uint8]:
    pixels = colours(server.get(f"/tiles/{tile.z}/{tile.x}/{tile.y}.png?{QUERY}").content)
    assert (pixels[..., 3] > 0).mean() > 0
    return pixels


@pytest.mark.parametrize("keys", ["", "&service=WMTS&request=GetCapabilities&version=1.0.0",
                                  "&SERVICE=WMTS&REQUEST=GetCapabilities&ACCEPTVERSIONS=1.0.0"])  # fmt: skip
def test_owslib(keys: str, server: Served, tile: morecantile.Tile, server_pixels: NDArray[np.uint8]) -> None:
    service = WebMapTileService(address(server) + keys)
    assert list(service.contents) == ["scog"]
    assert service.tilematrixsets["WebMercatorQuad"].crs == "urn:ogc:def:crs:EPSG::3857"
    link = service.contents["scog"].resourceURLs[0]["template"]
    for name, value in (("TileMatrix", tile.z), ("TileCol", tile.x), ("TileRow", tile.y)):
        link = link.replace(f"{{{name}}}", str(value))
    assert np.array_equal(colours(server.get(link).content), server_pixels)


@pytest.mark.skipif(not Path("/usr/lib/python3/dist-packages/qgis").is_dir(), reason="apt-get install python3-qgis")
def test_qgis(server: Served, tile: morecantile.Tile, server_pixels: NDArray[np.uint8], tmp_path: Path) -> None:
    bounds, png = TMS.xy_bounds(tile), tmp_path / "qgis.png"
    environment = os.environ | {"QT_QPA_PLATFORM": "offscreen", "HOME": str(tmp_path)}
    process = subprocess.run(
        [DEBIAN, str(SCRIPT), quote(address(server), safe=":/?"), "WebMercatorQuad", *map(repr, bounds), str(png)],
        env=environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr[-2000:]
    assert process.stdout.split() == ["EPSG:3857"]
    qgis_pixels = colours(png.read_bytes())
    difference = np.abs(qgis_pixels.astype(int) - server_pixels).max(axis=-1)
    assert (difference <= 1).mean() > 0.999  # QGIS premultiplies by alpha


OPENLAYERS = Path(os.environ.get("SCOG_TEST_OPENLAYERS", "")) / "node_modules/ol/dist/ol.js"
PAINT = """
async ([address, x, y, z]) => {
  const text = await (await fetch(address)).text();
  const read = new ol.format.WMTSCapabilities().read(text);
  const options = ol.source.WMTS.optionsFromCapabilities(read, { layer: "scog", matrixSet: "WebMercatorQuad" });
  if (!options) throw new Error("no options");
  const source = new ol.source.WMTS({ ...options, crossOrigin: "anonymous" });
  const level = options.tileGrid.getMatrixIds().indexOf(String(z));
  const tile = source.getTile(level, x, y, 1, source.getProjection());
  await new Promise((done, fail) => {
    tile.addEventListener("change", () => (tile.getState() === 2 ? done() : tile.getState() === 3 && fail("error")));
    tile.load();
  });
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 256;
  canvas.getContext("2d").drawImage(tile.getImage(), 0, 0);
  return [source.getProjection().getCode(), canvas.toDataURL("image/png").split(",")[1]];
}
"""


@pytest.mark.skipif(not OPENLAYERS.is_file(), reason="SCOG_TEST_OPENLAYERS: a folder with npm's ol")
@pytest.mark.skipif(shutil.which("chromium") is None, reason="apt-get install chromium")
def test_openlayers(server: Served, tile: morecantile.Tile, server_pixels: NDArray[np.uint8]) -> None:
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=shutil.which("chromium"), args=list(QUIET))
        page = browser.new_page()
        page.goto(f"{server.url}/healthz")
        page.add_script_tag(path=OPENLAYERS)
        crs, png = page.evaluate(PAINT, [address(server), tile.x, tile.y, tile.z])
        browser.close()
    assert crs == "EPSG:3857"
    assert np.array_equal(colours(base64.b64decode(png)), server_pixels)


# Exception reports and versions


@pytest.mark.parametrize(
    ("query", "status", "code", "locator"),
    [
        ("SERVICE=WMS", 400, "InvalidParameterValue", "SERVICE"),
        ("service=WMTS&request=GetTile", 501, "OperationNotSupported", "REQUEST"),
        ("request=DescribeLayer", 400, "InvalidParameterValue", "REQUEST"),
        ("service=WMTS&acceptversions=2.0.0,1.1.0", 400, "VersionNegotiationFailed", "AcceptVersions"),
        ("service=WMTS&version=x", 400, "InvalidParameterValue", "VERSION"),
        ("service=WMTS&index=nix", 400, "InvalidParameterValue", "index"),
        ("service=WMTS&foo=1", 400, "InvalidParameterValue", "foo"),
        ("service=WMTS&SERVICE=WMTS", 400, "InvalidParameterValue", "SERVICE"),
    ],
)
@pytest.mark.parametrize("path", ["/WMTSCapabilities.xml", "/cubes/{cube}/WMTSCapabilities.xml"])
def test_ogc_clients_get_exception_reports(
    path: str, query: str, status: int, code: str, locator: str, server: Served
) -> None:
    cube = server.client.post("/cubes", json={"index": "ndvi"}).json()["id"]
    answer = server.get(f"{path.format(cube=cube)}?{query}")
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/xml"
    root = ElementTree.fromstring(answer.content)
    assert root.tag == f"{{{OWS['o']}}}ExceptionReport"
    exception = root.find("o:Exception", OWS)
    assert exception is not None
    assert (exception.attrib["exceptionCode"], exception.attrib["locator"]) == (code, locator)
    text = exception.findtext("o:ExceptionText", namespaces=OWS)
    assert text
    assert not text.endswith("..")


def test_other_clients_get_problems(server: Served) -> None:
    assert is_problem(server.get("/WMTSCapabilities.xml?index=nix"), 400)["parameter"] == "index"


@pytest.mark.parametrize(
    "query",
    ["service=wmts&request=getcapabilities", "Service=WMTS&Request=GetCapabilities&Version=1.1.0",
     "SERVICE=WMTS&REQUEST=GetCapabilities&AcceptVersions=2.0.0,1.0.0&Sections=Contents&UpdateSequence=3",
     "service=WMTS&request=GetCapabilities&ACCEPTFORMATS=application/xml,text/xml", "INDEX=ndvi&TILESIZE=512"],
)  # fmt: skip
def test_names_in_any_case(query: str, server: Served) -> None:
    answer = server.get(f"/WMTSCapabilities.xml?{query}")
    assert answer.status_code == 200, answer.text
    assert 'version="1.0.0"' in answer.text
    assert "service" not in answer.text.split("template=")[1].split('"')[1].lower()
    assert ("<TileWidth>512" in answer.text) == ("512" in query)


def test_text_xml_if_requested(server: Served) -> None:
    answer = server.get("/WMTSCapabilities.xml?service=WMTS&acceptFormats=text/xml")
    assert answer.headers["Content-Type"].startswith("text/xml")
