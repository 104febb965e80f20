"""WMTS capabilities: required elements in the required order, and GDAL reads the tiles."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import morecantile
import numpy as np
import pytest
import rasterio
from PIL import Image

from scog.geo.grid import tile_matrix_set_crs
from scog.settings import Settings
from tests.web.conftest import WEST, Served, is_problem, served

NAMES = {"w": "http://www.opengis.net/wmts/1.0", "o": "http://www.opengis.net/ows/1.1"}
XLINK = "{http://www.w3.org/1999/xlink}"
REGULAR = [name for name in morecantile.tms.list() if name not in ("CDB1GlobalGrid", "GNOSISGlobalGrid")]
ZOOM = 12
LAYER_ORDER = ["Title", "WGS84BoundingBox", "Identifier", "Style", "Format", "TileMatrixSetLink", "ResourceURL"]
MATRIX_ORDER = [
    "Identifier", "ScaleDenominator", "TopLeftCorner", "TileWidth", "TileHeight", "MatrixWidth", "MatrixHeight",
]  # fmt: skip


@pytest.fixture(scope="module")
def server(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(Settings(catalog=str(archive), cache_dir=tmp_path_factory.mktemp("cache"))) as running:
        yield running


def capabilities(server: Served, path: str) -> ElementTree.Element:
    response = server.get(path)
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == "application/xml"
    return ElementTree.fromstring(response.content)


def text(node: ElementTree.Element, path: str) -> str:
    element = node.find(path, NAMES)
    assert element is not None, path
    assert element.text
    return element.text


def order(node: ElementTree.Element) -> list[str]:
    return [child.tag.rpartition("}")[2] for child in node]


@pytest.mark.parametrize("name", REGULAR)
def test_capabilities_follow_the_standard(name: str, server: Served) -> None:
    root = capabilities(server, f"/{name}/WMTSCapabilities.xml?index=ndvi&rescale=0,1")
    assert root.tag == f"{{{NAMES['w']}}}Capabilities"
    assert root.attrib["version"] == "1.0.0"
    assert order(root) == ["ServiceIdentification", "Contents", "ServiceMetadataURL"]
    assert text(root, "o:ServiceIdentification/o:ServiceType") == "OGC WMTS"
    (layer,), (matrices,) = root.findall("w:Contents/w:Layer", NAMES), root.findall("w:Contents/w:TileMatrixSet", NAMES)
    assert order(layer) == LAYER_ORDER
    assert text(layer, "w:TileMatrixSetLink/w:TileMatrixSet") == text(matrices, "o:Identifier") == name
    tms = morecantile.tms.get(name)
    authority, code = tile_matrix_set_crs(name).split(":")
    assert text(matrices, "o:SupportedCRS").startswith(f"urn:ogc:def:crs:{authority}:")
    assert text(matrices, "o:SupportedCRS").endswith(f":{code}")
    for matrix in matrices.findall("w:TileMatrix", NAMES):
        assert order(matrix) == MATRIX_ORDER
        expected_matrix = tms.matrix(int(text(matrix, "o:Identifier")))
        assert float(text(matrix, "w:ScaleDenominator")) == expected_matrix.scaleDenominator
        assert tuple(map(float, text(matrix, "w:TopLeftCorner").split())) == tuple(expected_matrix.pointOfOrigin)
        assert int(text(matrix, "w:MatrixWidth")) == expected_matrix.matrixWidth


def test_the_query_is_copied_to_tile_urls(server: Served) -> None:
    query = "bands=red&bands=green&bands=blue&datetime=2024-06-01/2024-06-30&SERVICE=WMTS&REQUEST=GetCapabilities"
    layer = capabilities(server, f"/WMTSCapabilities.xml?{query}&tilesize=512&format=webp").find(".//w:Layer", NAMES)
    assert layer is not None
    resource, legend = layer.find("w:ResourceURL", NAMES), layer.find("w:Style/w:LegendURL", NAMES)
    assert resource is not None
    assert legend is not None
    template = resource.attrib["template"]
    assert resource.attrib["format"] == text(layer, "w:Format") == "image/webp"
    assert template.startswith(f"{server.url}/tiles/WebMercatorQuad/{{TileMatrix}}/{{TileCol}}/{{TileRow}}.webp?")
    in_template = parse_qs(urlsplit(template).query)
    assert in_template == {
        "bands": ["red", "green", "blue"],
        "datetime": ["2024-06-01/2024-06-30"],
        "tilesize": ["512"],
    }
    tile = morecantile.tms.get("WebMercatorQuad").tile(*WEST.lonlat(), ZOOM)
    address = template
    for part, value in (("TileMatrix", ZOOM), ("TileCol", tile.x), ("TileRow", tile.y)):
        address = address.replace(f"{{{part}}}", str(value))
    with Image.open(io.BytesIO(server.get(address).content)) as image:
        assert image.size == (512, 512)
    assert server.get(legend.attrib[f"{XLINK}href"]).headers["Content-Type"] == "image/png"


@pytest.mark.parametrize(("name", "size"), [("WebMercatorQuad", 256), ("WorldCRS84Quad", 512), ("WGS1984Quad", 256),
                                            ("EuropeanETRS89_LAEAQuad", 256), ("UTM31WGS84Quad", 256)])  # fmt: skip
def test_gdal_reads_the_tiles(name: str, size: int, server: Served) -> None:
    tms, address = morecantile.tms.get(name), f"{server.url}/{name}/WMTSCapabilities.xml?index=ndvi&tilesize={size}"
    zoom = int(text(capabilities(server, address), ".//w:TileMatrix/o:Identifier"))
    tile = tms.tile(*WEST.lonlat(), zoom)
    with rasterio.open(f"WMTS:{address},layer=scog,tilematrix={zoom}") as source:
        assert source.crs.to_string() == tile_matrix_set_crs(name)
        bounds = tms.xy_bounds(tile)
        assert bounds.right - bounds.left == pytest.approx(size * source.res[0])
        left, top = source.transform.c, source.transform.f
        col, row = round((bounds.left - left) / source.res[0]), round((top - bounds.top) / source.res[1])
        padded = np.pad(source.read(), ((0, 0), (size, size), (size, size)))  # the tile may extend beyond the layer
        drawn = padded[:, row + size : row + 2 * size, col + size : col + 2 * size]
    response = server.get(f"/tiles/{name}/{zoom}/{tile.x}/{tile.y}.png?index=ndvi&tilesize={size}")
    with Image.open(io.BytesIO(response.content)) as image:
        exact = np.moveaxis(np.array(image.convert("RGBA")), 2, 0)
    visible = (drawn[3] > 0) & (exact[3] > 0)
    assert visible.mean() > 0.02
    assert np.array_equal(drawn[:, visible], exact[:, visible])


def test_capabilities_of_a_cube_have_its_bounds(server: Served) -> None:
    lon, lat = WEST.lonlat()
    box = [lon - 0.01, lat - 0.01, lon + 0.01, lat + 0.01]
    cube = server.client.post("/cubes", json={"bbox": box, "index": "ndwi"}).json()["id"]
    for path in ("", "/WorldCRS84Quad"):
        root = capabilities(server, f"/cubes/{cube}{path}/WMTSCapabilities.xml?tilesize=512")
        corners = [float(part) for name in ("LowerCorner", "UpperCorner")
                   for part in text(root, f".//o:WGS84BoundingBox/o:{name}").split()]  # fmt: skip
        assert corners == pytest.approx(box)
        resource, legend = root.find(".//w:ResourceURL", NAMES), root.find(".//w:LegendURL", NAMES)
        assert resource is not None
        assert legend is not None
        assert resource.attrib["template"].startswith(f"{server.url}/cubes/{cube}/tiles/")
        assert resource.attrib["template"].endswith("{TileRow}.png?tilesize=512")
        assert server.get(legend.attrib[f"{XLINK}href"]).status_code == 200


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        ("/WMTSCapabilities.xml?buffer=1", "buffer"), ("/WMTSCapabilities.xml?index=nix", "index"),
        ("/WMTSCapabilities.xml?format=exe", "format"), ("/WMTSCapabilities.xml?foo=1", "foo"),
        ("/WMTSCapabilities.xml?index=ndvi&index=ndvi", "index"),
        ("/GNOSISGlobalGrid/WMTSCapabilities.xml", "tileMatrixSetId"),
        ("/Nix/WMTSCapabilities.xml", "tileMatrixSetId"), ("/CDB1GlobalGrid/WMTSCapabilities.xml", "tileMatrixSetId"),
    ],
)  # fmt: skip
def test_invalid_requests(path: str, parameter: str, server: Served) -> None:
    assert is_problem(server.get(path), 404 if "Nix" in path else 400)["parameter"] == parameter


def test_markup_is_escaped_and_hosts_are_not_trusted(server: Served) -> None:
    response = server.get(
        "/WMTSCapabilities.xml?expression=(nir<red)*1&datetime=2024-06-01", headers={"Host": "evil.x"}
    )
    root = ElementTree.fromstring(response.content)
    assert "nir<red" in text(root, ".//w:Layer/o:Title").replace(" ", "")
    assert "evil" not in response.text
