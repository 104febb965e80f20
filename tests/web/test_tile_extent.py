"""Bounds, zooms and attribution of collections in TileJSON and WMTS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from scog.settings import Settings
from scog.web.tile_extent import ATTRIBUTION, TileExtent, _attribution
from tests.doubles.archives import MadeScene, Square, constant
from tests.web.conftest import Served, is_problem, served

NORTH = Square("32TQK", 32632, 700_000, 5_000_040, 300)
SOUTH = Square("32TQK", 32632, 700_000, 4_500_000, 300)
PROVIDERS = [
    {"name": "Agency of Land", "roles": ["producer", "licensor"]},
    {"name": "A cloud", "roles": ["host"]},
    {"name": "Agency of Land", "roles": ["processor", "producer"]},
]
NAMES = {"o": "http://www.opengis.net/ows/1.1", "w": "http://www.opengis.net/wmts/1.0"}


def made(name: str, collection: str, square: Square, bands: tuple[str, ...], platform: str) -> MadeScene:
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
    made("one", "sentinel-2-l2a", NORTH, ("red", "nir", "coastal"), "sentinel-2a").write(folder)
    made("two", "ortho", SOUTH, ("red",), "plane").write(folder)
    made("three", "nameless", SOUTH, ("red",), "drone").write(folder)
    described = {"type": "Collection", "id": "ortho", "license": "CC-BY-4.0", "providers": PROVIDERS}
    (folder / "ortho").mkdir(exist_ok=True)
    (folder / "ortho" / "collection.json").write_text(json.dumps(described))
    with served(Settings(catalog=str(folder), cache_dir=tmp_path_factory.mktemp("cache"))) as running:
        yield running


@pytest.mark.parametrize(
    ("collection", "square", "whose"),
    [
        ("sentinel-2-l2a", NORTH, ATTRIBUTION), ("ortho", SOUTH, "Agency of Land (CC-BY-4.0)"), ("nameless", SOUTH, ""),
    ],
)  # fmt: skip
def test_each_collection_has_its_bounds_and_attribution(
    collection: str, square: Square, whose: str, server: Served
) -> None:
    told = server.get(f"/tilejson.json?bands=red&collection={collection}").json()
    west, south, east, north = told["bounds"]
    lons, lats = zip(*square.ring(), strict=True)
    assert (west, south, east, north) == pytest.approx((min(lons), min(lats), max(lons), max(lats)), abs=1e-4)
    assert told["attribution"] == whose
    lon, lat, zoom = told["center"]
    assert west < lon < east
    assert south < lat < north
    assert told["minzoom"] <= zoom <= told["maxzoom"]
    root = ElementTree.fromstring(server.get(f"/WMTSCapabilities.xml?bands=red&collection={collection}").content)
    corner = root.findtext(".//o:WGS84BoundingBox/o:LowerCorner", namespaces=NAMES)
    assert corner is not None
    assert list(map(float, corner.split())) == pytest.approx([west, south], abs=1e-6)
    title = root.findtext("o:ServiceIdentification/o:Title", namespaces=NAMES)
    assert title == (f"scog, {whose}" if whose else "scog")
    levels = [int(node.text or "") for node in root.findall(".//w:TileMatrix/o:Identifier", NAMES)]
    assert levels == list(range(told["minzoom"], told["maxzoom"] + 1))


def test_without_a_collection_the_extent_is_of_all(server: Served) -> None:
    told = server.get("/tilejson.json?bands=red").json()
    assert told["bounds"][3] - told["bounds"][1] > 4
    assert told["attribution"] == f"Agency of Land (CC-BY-4.0); {ATTRIBUTION}"
    one = server.get("/tilejson.json?bands=red&collection=ortho").json()
    assert told["minzoom"] < one["minzoom"]
    assert told["maxzoom"] >= one["maxzoom"]


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
        told = running.get(f"/tilejson.json?index=ndvi&collection={collection}").json()
        assert (told["minzoom"], told["maxzoom"]) == (7, 14)
        assert told["attribution"] == ATTRIBUTION
        other = running.get("/tilejson.json?bands=red&collection=landsat-c2-l2").json()
        assert (other["minzoom"], other["maxzoom"]) == (7, 16)  # the defaults
        assert other["attribution"] == ""


@pytest.mark.parametrize(
    "providers",
    [None, "x", [], [None], [{"name": ""}], [{}], [{"name": None, "roles": 5}], {"name": "x"}],
)
def test_providers_may_be_invalid(providers: object) -> None:
    assert _attribution("mine", [], {"providers": providers, "license": 5}) == ""


def test_zooms_are_unknown_without_readable_files() -> None:
    assert TileExtent(None, (), "").zooms("WebMercatorQuad") is None
