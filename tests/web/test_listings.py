"""`/indices`, `/bands`, `/colorMaps` of a running server."""

from __future__ import annotations

from urllib.parse import urlsplit

import cmap
import numpy as np
import pytest

from scog.bandmath.indices import BEST_KNOWN, DOMAINS, INDICES, get
from scog.collections.built_in import FILES
from scog.render.colormap import names
from scog.settings import Settings
from tests.profiles import BANDS, C1, CLOUDS, L2A, PRESETS, PROFILES, SCENE_CLASSES, SENTINEL_2, search
from tests.web.conftest import Served, is_problem

KEYS = {
    "name", "aliases", "title", "domain", "formula", "bands", "reference", "rescale", "colormap", "tilejson",
}  # fmt: skip


def index_names(server: Served, query: str = "") -> list[str]:
    response = server.get(f"/indices{query}")
    assert response.status_code == 200, response.text[:300]
    assert response.headers["Content-Type"] == "application/json"
    return [index["name"] for index in response.json()["indices"]]


# Indices


def test_all_indices_are_listed(server: Served) -> None:
    response = server.get("/indices")
    indices = response.json()["indices"]
    bands = {band["name"] for band in server.get("/bands").json()["bands"]}
    assert [index["name"] for index in indices] == [name for name in INDICES if bands.issuperset(get(name).bands)]
    assert len(indices) > 200
    for index in indices:
        assert set(index) == KEYS
        known = get(index["name"])
        assert (index["formula"], index["title"], index["domain"]) == (known.formula, known.title, known.domain)
        assert index["bands"] == list(known.bands)
        assert index["rescale"] == list(known.rescale)
    assert "max-age=" in response.headers["Cache-Control"]
    assert server.get("/indices", headers={"If-None-Match": response.headers["ETag"]}).status_code == 304


def test_listed_indices_can_be_drawn(server: Served) -> None:
    """Follows the links from the list to the tiles, as map clients do."""
    for index in server.get("/indices?search=ndre").json()["indices"][:2]:
        tilejson = server.get(urlsplit(index["tilejson"])._replace(scheme="", netloc="").geturl())
        assert tilejson.status_code == 200
        assert f"index={index['name']}" in tilejson.json()["tiles"][0]
        legend = server.get(f"/legend.json?index={index['name']}")
        assert legend.status_code == 200


def test_links_ignore_untrusted_hosts(server: Served) -> None:
    response = server.get("/indices/ndvi", headers={"X-Forwarded-Host": "evil.example"})
    assert response.json()["tilejson"] == "/tilejson.json?index=ndvi"
    assert "Host" in response.headers["Vary"]


def test_indices_are_searched(server: Served) -> None:
    assert index_names(server, "?search=water")[0] == "ndwi"
    assert index_names(server, "?search=burn%20ratio") == [index.name for index in search("burn ratio")]
    assert index_names(server, "?domain=snow") == [index.name for index in search(domain="snow")]
    assert index_names(server, "?search=red&domain=urban") == [index.name for index in search("red", "urban")]
    assert set(index_names(server, "?search=b8a")) == {index.name for index in search("B8A")}
    assert index_names(server, "?search=nosuchthing") == []


def test_one_index(server: Served) -> None:
    body = server.get("/indices/ndvi").json()
    assert set(body) == KEYS
    assert body["formula"] == "(nir - red) / (nir + red)"
    assert body["rescale"] == [-0.2, 0.9]
    assert server.get("/indices/NDVI").json() == body
    assert server.get("/indices/NDREI").json()["name"] == "ndre"
    assert server.get("/indices/BaI").json()["title"] == "Bareness Index"
    assert server.get("/indices/bai").json()["title"] == "Burned Area Index"


@pytest.mark.parametrize("name", ["nvdi", "ndvi.json", "x" * 500, "%00", "%F0%9F%8C%8D", "..%2f..", "scl"])
def test_unknown_indices(name: str, server: Served) -> None:
    problem = is_problem(server.get(f"/indices/{name}"), 404)
    if name == "nvdi":
        assert "ndvi" in problem["detail"].partition("did you mean ")[2]
        assert "/indices" in problem["valid"]


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        ("/indices?domain=snwo", "domain"),
        ("/indices?domain=", "domain"),
        ("/indices?serch=x", "serch"),
        ("/indices?search=a&search=b", "search"),
        (f"/indices?search={'x' * 65}", "search"),
        ("/indices/ndvi?x=1", "x"),
        ("/bands?x=1", "x"),
        ("/colorMaps?x=1", "x"),
        ("/colorMaps/viridis?format=gif", "format"),
    ],
)
def test_invalid_parameters(path: str, parameter: str, server: Served) -> None:
    problem = is_problem(server.get(path), 400)
    assert problem["parameter"] == parameter
    assert problem.get("valid")


def test_an_unknown_domain_lists_the_domains(server: Served) -> None:
    problem = is_problem(server.get("/indices?domain=nosuch"), 400)
    assert all(domain in problem["valid"] for domain in DOMAINS)


# Bands


def test_presets_and_scene_classes(server: Served) -> None:
    body = server.get("/bands").json()
    assert [preset["name"] for preset in body["presets"]] == [preset.name for preset in PRESETS]
    for preset in body["presets"]:
        legend = server.get(f"/legend.json?bands={preset['name']}").json()
        assert [[channel["output"], channel["range"]] for channel in legend["channels"]] == [
            [band, shown] for band, shown in zip(preset["bands"], preset["rescale"], strict=True)
        ]
    assert [each["name"] for each in body["scene_classes"]] == [each.name for each in SCENE_CLASSES]


def test_names_are_those_of_the_collection(server: Served) -> None:
    """The server's archive has two collections; without one, the names of both are valid."""
    listed = {
        collection: {band["name"] for band in server.get(f"/bands?collection={collection}").json()["bands"]}
        for collection in (L2A, C1, f"{L2A},{C1}", "landsat-c2-l2")
    }
    assert listed[L2A] == {band.name for band in BANDS}
    assert listed[C1] == listed[f"{L2A},{C1}"] == listed[L2A] | {"cloud", "snow"}
    assert {band["name"] for band in server.get("/bands").json()["bands"]} == listed[C1]
    assert listed["landsat-c2-l2"] == {band.name for band in PROFILES.of("landsat-c2-l2").bands} != listed[L2A]
    for collection in listed:
        bands = server.get(f"/bands?collection={collection}").json()["bands"]
        known = {name.lower() for band in bands for name in (band["name"], *band["aliases"])}
        for index in server.get(f"/indices?collection={collection}").json()["indices"]:
            assert known.issuperset(index["bands"]), index["name"]
    landsat = index_names(server, "?collection=landsat-c2-l2")
    assert "ndvi" not in landsat or "nir" in listed["landsat-c2-l2"]
    assert "ndre" in index_names(server)
    assert "ndre" not in landsat


def test_quantities_of_a_collection(server: Served) -> None:
    body = server.get("/bands?collection=cop-dem-glo-30").json()
    assert [layer["name"] for layer in body["layers"]] == ["elevation", "hillshade", "slope"]
    for layer in body["layers"]:
        low, high = layer["rescale"]
        assert low < high
        assert layer["title"]
    assert server.get("/bands").json()["layers"] == []


def test_bands(server: Served) -> None:
    response = server.get(f"/bands?collection={L2A}")
    bands = response.json()["bands"]
    assert [band["name"] for band in bands] == [band.name for band in BANDS]
    assert "max-age=" in response.headers["Cache-Control"]
    nir = next(band for band in bands if band["name"] == "nir")
    assert nir == {
        "name": "nir",
        "aliases": ["B08", "B8"],
        "title": "Near infrared",
        "wavelength": 0.842,
        "resolution": 10,
        "unit": "reflectance",
        "spectral": True,
        "assets": ["nir", "B08"],
        "scale": 0.0001,
        "offset": None,  # by the rule of the collection
        "nodata": 0.0,
        "rescale": [0.0, 0.5],
        "colormap": "greys_r",
        "classes": [],
        "sources": [],
    }
    assert {band["name"] for band in bands if band["spectral"]} >= set(get(BEST_KNOWN[0]).bands)
    assert next(band for band in bands if band["name"] == "scl")["wavelength"] is None


def test_what_a_collection_is(server: Served) -> None:
    body = server.get("/bands?collection=sentinel-2-l2a").json()
    assert {name: body[name] for name in ("title", "default", "static", "cloud_filter", "period_days")} == {
        "title": "Sentinel-2 Level-2A",
        "default": "ndvi",
        "static": False,
        "cloud_filter": True,
        "period_days": Settings().newest_days,
    }
    assert body["attribution"] == SENTINEL_2.attribution
    mask = body["mask"]
    assert (mask["band"], mask["default"]) == ("scl", "clouds")
    masked = {each["name"]: each["masks"] for each in mask["sets"]}
    named = {each.value: each.name for each in SCENE_CLASSES}
    assert masked["clouds"] == [named[value] for value in sorted(CLOUDS)]
    scl = next(band for band in body["bands"] if band["name"] == "scl")
    assert scl["classes"] == body["scene_classes"]
    assert server.get("/legend.json?index=scl").json()["classes"][0].items() >= scl["classes"][0].items()


@pytest.mark.parametrize("collection", sorted(FILES))
def test_what_each_known_collection_lists_can_be_requested(server: Served, collection: str) -> None:
    body = server.get(f"/bands?collection={collection}").json()
    query = f"collection={collection}"
    default = server.get(f"/legend.json?{query}").json()
    assert server.get(f"/legend.json?{query}&index={body['default']}").json() == default
    for layer in body["layers"]:
        legend = server.get(f"/legend.json?{query}&index={layer['name']}").json()
        assert (legend["title"], legend["unit"]) == (layer["title"], layer["unit"])
    for preset in body["presets"]:
        assert server.get(f"/legend.json?{query}&bands={preset['name']}").json()["kind"] == "channels"
    for band in body["bands"]:
        for name in (band["name"], *band["aliases"]):
            legend = server.get(f"/legend.json?{query}&bands={name}").json()
            assert legend["kind"] == ("classes" if band["classes"] else "ramp"), name
            if band["colormap"]:
                named = server.get(f"/legend.json?{query}&bands={name}&colormap_name={band['colormap']}").json()
                assert (legend["range"], legend["colors"]) == (band["rescale"], named["colors"])
    assert (body["period_days"] is None) == body["static"]
    if body["mask"]:
        assert body["mask"]["default"] in (*(each["name"] for each in body["mask"]["sets"]), "none")
        assert all(each["masks"] for each in body["mask"]["sets"])


def test_links_of_indices_name_the_collection(server: Served) -> None:
    index = server.get("/indices?collection=landsat-c2-l2&search=ndvi").json()["indices"][0]
    assert index["tilejson"].endswith("/tilejson.json?index=ndvi&collection=landsat-c2-l2")


# Colormaps


def test_colormaps_are_listed_in_titilers_format(server: Served) -> None:
    response = server.get("/colorMaps")
    assert set(response.json()) == {"colorMaps"}
    listed = response.json()["colorMaps"]
    assert len(set(listed)) == len(listed) == 2 * len(names())
    assert {"viridis", "viridis_r", "rdylgn", "rdylgn_r"} <= set(listed)
    assert all(name == name.lower() for name in listed)
    assert {index.colormap for index in INDICES.values()} <= set(listed)
    for name in listed[:: len(listed) // 12]:
        assert server.get(f"/colorMaps/{name}").status_code == 200
        assert server.get(f"/legend.json?colormap_name={name}").status_code == 200


@pytest.mark.parametrize("name", ["viridis", "viridis_r", "RdYlGn", "blues_r"])
def test_one_colormap(name: str, server: Served) -> None:
    response = server.get(f"/colorMaps/{name}")
    colors = response.json()
    assert list(colors) == [str(place) for place in range(256)]
    expected = np.asarray(cmap.Colormap(name.lower())(np.linspace(0, 1, 256), N=256)) * 255
    np.testing.assert_allclose(np.array(list(colors.values())), expected, atol=4)
    assert "max-age=" in response.headers["Cache-Control"]


def test_a_colormap_from_the_server_is_accepted(server: Served, west: str) -> None:
    """Fetches a colormap, changes it, and sends it as `colormap`, as clients of TiTiler do."""
    table = server.get("/colorMaps/magma").text
    given = server.get(f"/tiles/{west}.png32", params={"colormap": table, "rescale": "-0.2,0.9"})
    named = server.get(f"/tiles/{west}.png32?colormap_name=magma&rescale=-0.2,0.9")
    assert given.status_code == named.status_code == 200, given.text[:300]
    assert given.content == named.content


@pytest.mark.parametrize("name", ["virdis", "viridis_r_r", "x" * 300, "matlab:jet2", "%2e%2e"])
def test_unknown_colormaps(name: str, server: Served) -> None:
    problem = is_problem(server.get(f"/colorMaps/{name}"), 404)
    if name == "virdis":
        assert "viridis" in problem["detail"]
