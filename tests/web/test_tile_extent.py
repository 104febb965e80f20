"""Bounds, zooms and attribution of collections in TileJSON and WMTS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from scog.catalog.collection_document import attribution_of
from scog.settings import Settings
from scog.web.tile_extent import TileExtent
from tests.doubles.archives import MadeScene, Square, constant
from tests.web.conftest import Served, is_problem, served

ATTRIBUTION = "Contains modified Copernicus Sentinel data"
NORTH = Square("32TQK", 32632, 700_000, 5_000_040, 300)
SOUTH = Square("32TQK", 32632, 700_000, 4_500_000, 300)
PROVIDERS = [
    {"name": "Agency of Land", "roles": ["producer", "licensor"]},
    {"name": "A cloud", "roles": ["host"]},
    {"name": "Agency of Land", "roles": ["processor", "producer"]},
]
NAMES = {"o": "http://www.opengis.net/ows/1.1", "w": "http://www.opengis.net/wmts/1.0"}


def make_scene(name: str, collection: str, square: Square, bands: tuple[str, ...], platform: str) -> MadeScene:
    return MadeScene(
        name,
        square,
        "2024-06-12T10:10:31Z",
        {band: constant(square, 500, 60 if band == "coastal" else 10) for band in bands},
        collection=collection,
        platform=platform,
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server of three collections: Sentinel-2, one with providers, and one without."""
    folder = tmp_path_factory.mktemp("several")
    make_scene("one", "sentinel-2-l2a", NORTH, ("red", "nir", "coastal"), "sentinel-2a").write(folder)
    make_scene("two", "ortho", SOUTH, ("red",), "plane").write(folder)
    make_scene("three", "nameless", SOUTH, ("red",), "drone").write(folder)
    described = {"type": "Collection", "id": "ortho", "license": "CC-BY-4.0", "providers": PROVIDERS}
    (folder / "ortho").mkdir(exist_ok=True)
    (folder / "ortho" / "collection.json").write_text(json.dumps(described))
    with served(Settings(catalog=str(folder), cache_dir=tmp_path_factory.mktemp("cache"))) as running:
        yield running


@pytest.mark.parametrize(
    ("collection", "square", "attribution"),
    [
        ("sentinel-2-l2a", NORTH, ATTRIBUTION), ("ortho", SOUTH, "Agency of Land (CC-BY-4.0)"), ("nameless", SOUTH, ""),
    ],
)  # fmt: skip
def test_each_collection_has_its_bounds_and_attribution(
    collection: str, square: Square, attribution: str, server: Served
) -> None:
    tilejson = server.get(f"/tilejson.json?bands=red&collection={collection}").json()
    west, south, east, north = tilejson["bounds"]
    lons, lats = zip(*square.ring(), strict=True)
    assert (west, south, east, north) == pytest.approx((min(lons), min(lats), max(lons), max(lats)), abs=1e-4)
    assert tilejson["attribution"] == attribution
    lon, lat, zoom = tilejson["center"]
    assert west < lon < east
    assert south < lat < north
    assert tilejson["minzoom"] <= zoom <= tilejson["maxzoom"]
    root = ElementTree.fromstring(server.get(f"/WMTSCapabilities.xml?bands=red&collection={collection}").content)
    corner = root.findtext(".//o:WGS84BoundingBox/o:LowerCorner", namespaces=NAMES)
    assert corner is not None
    assert list(map(float, corner.split())) == pytest.approx([west, south], abs=1e-6)
    title = root.findtext("o:ServiceIdentification/o:Title", namespaces=NAMES)
    assert title == (f"scog, {attribution}" if attribution else "scog")
    levels = [int(node.text or "") for node in root.findall(".//w:TileMatrix/o:Identifier", NAMES)]
    assert levels == list(range(tilejson["minzoom"], tilejson["maxzoom"] + 1))


def test_without_a_collection_the_extent_covers_all(server: Served) -> None:
    tilejson = server.get("/tilejson.json?bands=red").json()
    assert tilejson["bounds"][3] - tilejson["bounds"][1] > 4
    assert tilejson["attribution"] == f"Agency of Land (CC-BY-4.0); {ATTRIBUTION}"
    ortho = server.get("/tilejson.json?bands=red&collection=ortho").json()
    assert tilejson["minzoom"] < ortho["minzoom"]
    assert tilejson["maxzoom"] >= ortho["maxzoom"]


def test_coarser_bands_have_a_lower_maximum_zoom(server: Served) -> None:
    fine, coarse = (
        server.get(f"/tilejson.json?bands={band}&collection=sentinel-2-l2a").json()["maxzoom"]
        for band in ("red", "coastal")
    )
    assert fine - coarse in (2, 3)


def test_unknown_collections_are_rejected(server: Served) -> None:
    for path in ("/tilejson.json", "/WMTSCapabilities.xml", "/WorldCRS84Quad/tilejson.json"):
        problem = is_problem(server.get(f"{path}?bands=red&collection=ortho2"), 400)
        assert problem["parameter"] == "collection"
        assert "ortho" in problem["detail"]


@pytest.mark.parametrize("collection", ["sentinel-2-l2a", "sentinel-2-c1-l2a"])
def test_remote_sentinel_2_has_nominal_zooms(collection: str, tmp_path: Path) -> None:
    with served(Settings(catalog="http://127.0.0.1:9/", cache_dir=tmp_path, catalog_deadline=1)) as running:
        tilejson = running.get(f"/tilejson.json?index=ndvi&collection={collection}").json()
        assert (tilejson["minzoom"], tilejson["maxzoom"]) == (7, 14)
        assert tilejson["attribution"] == ATTRIBUTION
        other = running.get("/tilejson.json?bands=red&collection=landsat-c2-l2").json()
        assert other["maxzoom"] < 14  # pixels of 30 m
        assert "U.S. Geological Survey" in other["attribution"]
        unknown = running.get("/tilejson.json?bands=red&collection=mine").json()
        assert (unknown["minzoom"], unknown["maxzoom"]) == (7, 16)  # the defaults
        assert unknown["attribution"] == ""


@pytest.mark.parametrize(
    "providers",
    [None, "x", [], [None], [{"name": ""}], [{}], [{"name": None, "roles": 5}], {"name": "x"}],
)
def test_providers_may_be_invalid(providers: object) -> None:
    assert attribution_of({"providers": providers, "license": 5}) == ""


def test_zooms_are_unknown_without_readable_files() -> None:
    assert TileExtent(None, (), "").zooms("WebMercatorQuad") is None
