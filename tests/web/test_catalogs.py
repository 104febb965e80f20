"""Several catalogues in one server: a STAC API and two local archives, with one collection and one scene id in all."""

from __future__ import annotations

import asyncio
import io
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from scog.catalog import collection_list
from scog.settings import Settings
from tests.doubles.archives import MadeScene, constant
from tests.doubles.earth_search import COLLECTIONS, EarthSearch
from tests.doubles.range_server import hang
from tests.web.conftest import C1, L2A, WEST, Served, is_problem, served, tile_at

pytestmark = pytest.mark.usefixtures("transport_slowly")

LON, LAT = WEST.lonlat()
DAY = "2024-06-12"
SCENE = "S2A_32TQK_20240612_0_L2A"
BOX = [LON - 0.005, LAT - 0.005, LON + 0.005, LAT + 0.005]
POLYGON = {
    "type": "Polygon",
    "coordinates": [[[BOX[0], BOX[1]], [BOX[2], BOX[1]], [BOX[2], BOX[3]], [BOX[0], BOX[3]], [BOX[0], BOX[1]]]],
}
NUMBERS = {
    ("remote", L2A): (1000, 9000),
    ("remote", C1): (2000, 8000),
    ("alps", L2A): (1000, 3000),
    ("alps", "fields"): (2000, 4400),
    ("plains", L2A): (2000, 3000),
    ("plains", "trees"): (3000, 7700),
}
"""Red and near infrared of each catalogue's collections, as stored."""
OFFSET = -1000
"""Added to stored numbers as their items state, but not in L2A, whose items state that it is applied."""
NDVI = {
    (catalog, collection): (nir - red) / (nir + red + (0 if collection == L2A else 2 * OFFSET))
    for (catalog, collection), (red, nir) in NUMBERS.items()
}
assert len(set(NDVI.values())) == len(NDVI)


def scene(catalog: str, collection: str, time: str = f"{DAY}T10:10:31Z", name: str = SCENE) -> MadeScene:
    red, nir = NUMBERS[catalog, collection]
    bands = {"red": constant(WEST, red), "nir": constant(WEST, nir), "scl": constant(WEST, 4, 20, np.uint8)}
    return MadeScene(name, WEST, time, bands, collection)


def write_archive(name: str, folder: Path) -> Path:
    for catalog, collection in NUMBERS:
        if catalog == name:
            scene(catalog, collection).write(folder)
    return folder


@pytest.fixture(scope="module")
def alps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_archive("alps", tmp_path_factory.mktemp("archives") / "alps")


@pytest.fixture(scope="module")
def plains(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_archive("plains", tmp_path_factory.mktemp("archives") / "plains")


@pytest.fixture
def api(tmp_path: Path) -> Iterator[EarthSearch]:
    """A STAC API that serves its files too."""
    with EarthSearch() as server:
        put_items(server, "remote", tmp_path / "remote-files")
        yield server


def put_items(server: EarthSearch, name: str, folder: Path) -> None:
    """Put the scenes of a catalogue on a server, with absolute URLs."""
    items = []
    write_archive(name, folder)
    for path in folder.glob("*/*/*.json"):
        item = json.loads(path.read_bytes())
        lons, lats = zip(*WEST.ring(), strict=True)
        item["bbox"] = [min(lons), min(lats), max(lons), max(lats)]
        for band, asset in item["assets"].items():
            file = f"/{item['collection']}/{band}.tif"
            asset["href"] = server.put(file, (path.parent / f"{band}.tif").read_bytes())
        items.append(item)
    server.items = items


def settings(api: EarthSearch | None, cache: Path, *archives: str | Path, **more: Any) -> Settings:
    remote = (f"remote={api.root}",) if api else ()
    hosts = (api.host,) if api else ()
    return Settings(catalog=(*remote, *map(str, archives)), hosts=hosts, cache_dir=cache, retries=0, **more)


@pytest.fixture
def server(api: EarthSearch, alps: Path, plains: Path, tmp_path: Path) -> Iterator[Served]:
    with served(settings(api, tmp_path / "cache", alps, plains)) as running:
        yield running


def ndvi(server: Served, collection: str | None = None, **more: Any) -> float:
    response = point(server, collection, **more)
    assert response.status_code == 200, response.text
    [value] = response.json()["values"]
    assert value is not None, response.headers
    return float(value)


def point(server: Served, collection: str | None = None, **more: Any) -> httpx.Response:
    given = {} if collection is None else {"collection": collection}
    return server.get(f"/point/{LON},{LAT}", params={"datetime": DAY, **given, **more})


# Which catalogue a collection is of


def test_each_collection_of_each_catalogue_has_its_own_pixels(server: Served) -> None:
    for _ in range(2):  # the second time from caches
        for (catalog, collection), expected in NDVI.items():
            assert ndvi(server, f"{collection}@{catalog}") == pytest.approx(expected, abs=1e-6)
    for catalog, collection in (("remote", C1), ("alps", "fields"), ("plains", "trees")):
        assert ndvi(server, collection) == pytest.approx(NDVI[catalog, collection], abs=1e-6)


def test_the_first_catalogues_default_is_used_without_a_collection(
    server: Served, api: EarthSearch, alps: Path, tmp_path: Path
) -> None:
    assert ndvi(server) == pytest.approx(NDVI["remote", L2A], abs=1e-6)
    either = [NDVI["plains", L2A], NDVI["plains", "trees"]]  # of one acquisition, so that one of them is a duplicate
    assert min(abs(ndvi(server, "@plains") - each) for each in either) < 1e-6
    assert [request.path for request in api.catalog_requests if request.path == COLLECTIONS] == []
    first = settings(None, tmp_path / "other", alps, f"remote={api.root}", collection="fields@alps")
    with served(first.model_copy(update={"hosts": (api.host,)})) as running:
        assert ndvi(running) == pytest.approx(NDVI["alps", "fields"], abs=1e-6)


def test_a_name_of_several_catalogues_is_refused_with_its_spellings(server: Served) -> None:
    for path in (
        f"/point/{LON},{LAT}?collection={L2A}",
        f"/tiles/{tile_at(LON, LAT)}?collection={L2A}",
        f"/scenes?bbox={','.join(map(str, BOX))}&collection={L2A}",
        f"/timeseries/{LON},{LAT}?collection={L2A}",
        f"/tilejson.json?collection={L2A}",
    ):
        problem = is_problem(server.get(path), 400)
        assert problem["parameter"] == "collection"
        assert problem["valid"] == f"{L2A}@remote or {L2A}@alps or {L2A}@plains"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("field", "did you mean fields?"),
        ("nothing-like-it", "Unknown collection"),
        ("fieldz@alps", "did you mean fields?"),
        ("trees@alps", "The catalogue alps has no collection 'trees'"),
        ("trees@remote", "The catalogue remote has no collection 'trees'"),
        ("trees@nowhere", "'nowhere' is not among the catalogues remote, alps, plains"),
    ],
)
def test_an_unknown_collection_is_refused(server: Served, name: str, said: str) -> None:
    problem = is_problem(point(server, name), 400)
    assert said in problem["detail"]
    assert problem["parameter"] == "collection"
    assert "fields" in problem["valid"] or C1 in problem["valid"]


def test_several_collections_are_of_one_catalogue(server: Served) -> None:
    either = [NDVI["alps", L2A], NDVI["alps", "fields"]]  # of one acquisition, so that one of them is a duplicate
    assert min(abs(ndvi(server, f"fields,{L2A}@alps") - each) for each in either) < 1e-6
    valid = is_problem(point(server, f"fields, {L2A}@plains"), 400)["valid"]
    assert valid == "collections of one of the catalogues alps, plains"
    is_problem(point(server, f"fields,{L2A}"), 400)


def test_all_kinds_of_requests_accept_a_catalogue(server: Served) -> None:
    box = ",".join(map(str, BOX))
    feature = {"type": "Feature", "properties": {}, "geometry": POLYGON}
    _, x, y = tile_at(LON, LAT).split("/")
    for (catalog, collection), expected in NDVI.items():
        query = {"collection": f"{collection}@{catalog}", "datetime": DAY}
        listed = server.get("/scenes", params=query | {"bbox": box}).json()["features"]
        assert [(each["id"], each["properties"]["collection"]) for each in listed] == [(SCENE, collection)]
        series = server.get(f"/timeseries/{LON},{LAT}", params=query)
        statistics = server.client.post("/statistics", params=query, json=feature)
        for response in (series, statistics):
            assert response.status_code == 200, response.text
            assert str(expected)[:6] in response.text
        crop = np.load(io.BytesIO(server.get(f"/bbox/{box}.npy", params=query).content))
        assert np.median(crop[0]) == pytest.approx(expected, abs=1e-6)
        tilejson = server.get("/tilejson.json", params=query).json()
        assert f"collection={collection}%40{catalog}" in tilejson["tiles"][0]
        assert (tilejson["bounds"][2] - tilejson["bounds"][0] == 360) == (catalog == "remote")
        tile = server.get(tilejson["tiles"][0].format(z=12, x=x, y=y))
        assert (tile.status_code, tile.headers["Content-Type"]) == (200, "image/png")
        wmts = server.get("/WMTSCapabilities.xml", params=query)
        assert f"collection={collection}%40{catalog}" in wmts.text
        for frames in ({"datetime": DAY}, {"step": "P1M"} if catalog != "remote" else {"datetime": DAY, "step": "P1M"}):
            animation = server.get(
                f"/animation/{box}.gif", params={"collection": query["collection"], "size": 64, **frames}
            )
            assert animation.status_code == 200, animation.text


def test_a_tile_is_that_of_a_server_of_only_its_catalogue(
    server: Served, api: EarthSearch, alps: Path, plains: Path, tmp_path: Path
) -> None:
    path, etags = f"/tiles/{tile_at(LON, LAT)}", set()
    alone = {"remote": settings(api, tmp_path / "1"), "alps": settings(None, tmp_path / "2", alps)}
    alone["plains"] = settings(None, tmp_path / "3", plains)
    for name, only in alone.items():
        with served(only) as running:
            expected = running.get(path, params={"collection": L2A, "datetime": DAY})
            qualified = running.get(path, params={"collection": f"{L2A}@{name}", "datetime": DAY})
        found = server.get(path, params={"collection": f"{L2A}@{name}", "datetime": DAY})
        assert found.content == expected.content == qualified.content
        varying = {"date", "server-timing", "x-scog-upstream"}
        assert {k: v for k, v in found.headers.items() if k not in varying} == {
            k: v for k, v in expected.headers.items() if k not in varying
        }
        etags.add(found.headers["ETag"])
        again = server.get(
            path,
            params={"collection": f"{L2A}@{name}", "datetime": DAY},
            headers={"If-None-Match": expected.headers["ETag"]},
        )
        assert again.status_code == 304
    assert len(etags) == 3


# Requests to the catalogues


def test_a_server_of_one_catalogue_does_not_ask_for_its_collections(api: EarthSearch, tmp_path: Path) -> None:
    with served(settings(api, tmp_path / "cache")) as running:
        for name in (None, C1, f"{L2A}@remote"):
            ndvi(running, name)
        assert point(running, "unknown").status_code == 200
        assert is_problem(point(running, "fields@alps"), 400)["valid"] == "fields@remote, or fields"
    # Not for the list of its collections; one without a profile is described by its own document.
    assert {request.path for request in api.catalog_requests} == {"/v1", "/v1/search", "/v1/collections/unknown"}


def test_collections_are_asked_for_once_and_by_all_pages(server: Served, api: EarthSearch) -> None:
    api.collections_per_page = 1

    async def ask() -> None:
        async with httpx.AsyncClient(base_url=server.url, timeout=20, trust_env=False) as client:
            query = {"datetime": DAY, "collection": C1}
            responses = await asyncio.gather(
                *(client.get(f"/point/{LON + i / 1e4},{LAT}", params=query) for i in range(8))
            )
        assert [response.status_code for response in responses] == [200] * 8

    asyncio.run(ask())
    assert len([request for request in api.catalog_requests if request.path == COLLECTIONS]) == 2  # two pages
    ndvi(server, "trees")
    is_problem(point(server, L2A), 400)
    assert len([request for request in api.catalog_requests if request.path == COLLECTIONS]) == 2


def test_a_catalogue_that_is_down_does_not_affect_the_others(server: Served, api: EarthSearch) -> None:
    api.down()
    for name in ("fields", "trees", f"{L2A}@alps", f"{L2A}@plains"):
        catalog = "plains" if name in ("trees", f"{L2A}@plains") else "alps"
        assert ndvi(server, name) == pytest.approx(NDVI[catalog, name.split("@")[0]], abs=1e-6)
    is_problem(point(server, f"{C1}@remote"), 503)
    problem = is_problem(point(server, C1), 503)
    assert "remote does not answer" in problem["detail"]
    listing = server.get("/collections").json()
    assert [each["name"] for each in listing["collections"]] == [
        "fields", f"{L2A}@alps", f"{L2A}@plains", "trees"
    ]  # fmt: skip
    remote, *others = listing["catalogs"]
    assert "error" in remote
    assert not any("error" in each for each in others)


def test_a_catalogue_that_comes_back_is_found(
    server: Served, api: EarthSearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collection_list, "PAUSE", 0.2)
    api.down()
    assert point(server, C1).status_code == 503
    api.up()
    for _ in range(100):
        time.sleep(0.1)
        if point(server, C1).status_code == 200:
            break
    assert ndvi(server, C1) == pytest.approx(NDVI["remote", C1], abs=1e-6)


def test_only_the_first_request_waits_for_a_catalogue_that_hangs(
    server: Served, api: EarthSearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collection_list, "TIMEOUT", 0.5)
    api.fail(COLLECTIONS, always=hang)
    api.fail("/v1", always=hang)
    since = time.perf_counter()
    assert ndvi(server, "fields") == pytest.approx(NDVI["alps", "fields"], abs=1e-6)
    first = time.perf_counter() - since
    assert ndvi(server, "trees") == pytest.approx(NDVI["plains", "trees"], abs=1e-6)
    assert time.perf_counter() - since - first < 0.4 < first


def test_a_new_collection_is_found_when_the_list_is_old(
    server: Served, api: EarthSearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collection_list, "LIFETIME", 0.2)
    is_problem(point(server, "new"), 400)
    api.items = [*api.items, *({**item, "collection": "new"} for item in api.items if item["collection"] == C1)]
    for _ in range(100):
        time.sleep(0.1)
        if point(server, "new").status_code == 200:
            break
    assert ndvi(server, "new") == pytest.approx(NDVI["remote", C1], abs=1e-6)
    api.down()
    time.sleep(0.3)
    assert ndvi(server, "new", composite="max") == pytest.approx(NDVI["remote", C1], abs=1e-6)  # the search is cached


def test_two_apis_share_the_caches_on_disk_without_mixing(api: EarthSearch, tmp_path: Path) -> None:
    with EarthSearch() as other:
        put_items(other, "plains", tmp_path / "other-files")
        both = Settings(
            catalog=(f"remote={api.root}", f"plains={other.root}"),
            hosts=(api.host, other.host),
            cache_dir=tmp_path / "cache",
        )
        for _ in range(2):  # the second time from the caches on disk
            with served(both) as running:
                for (catalog, collection), expected in NDVI.items():
                    if catalog != "alps":
                        assert ndvi(running, f"{collection}@{catalog}") == pytest.approx(expected, abs=1e-6)
        # Each start of a server reads anew what a collection without a profile is.
        assert [len(server.searches) for server in (api, other)] == [2, 2 + 2]


# Cubes


def test_cubes_of_each_catalogue(api: EarthSearch, alps: Path, plains: Path, tmp_path: Path) -> None:
    both, cubes = settings(api, tmp_path / "cache", alps, plains), {}
    with served(both) as running:
        for (catalog, collection), expected in NDVI.items():
            for scenes in ("live", "pinned"):
                body = {"bbox": BOX, "datetime": DAY, "collection": f"{collection}@{catalog}", "scenes": scenes}
                response = running.client.post("/cubes", json=body)
                assert response.status_code == 201, response.text
                cube = response.json()
                assert cube["definition"]["collection"] == f"{collection}@{catalog}"
                assert running.client.post("/cubes", json=cube["definition"]).json()["id"] == cube["id"]
                cubes[catalog, collection, scenes] = cube["id"], expected
        assert len({name for name, _ in cubes.values()}) == len(cubes)
        default = running.client.post("/cubes", json={"bbox": BOX, "datetime": DAY}).json()
        assert default["id"] == cubes["remote", L2A, "live"][0]
        is_problem(running.client.post("/cubes", json={"bbox": BOX, "collection": L2A}), 400)
    with served(both) as running:  # after a restart
        for name, expected in cubes.values():
            document = running.get(f"/cubes/{name}/timeseries/{LON},{LAT}")
            assert document.status_code == 200, document.text
            assert str(expected)[:7] in document.text
            assert running.get(f"/cubes/{name}/tiles/{tile_at(LON, LAT)}").status_code == 200
            assert len(running.get(f"/cubes/{name}/scenes").json()["features"]) == 1
    with served(settings(api, tmp_path / "cache")) as running:  # the first catalogue alone
        for (catalog, _, _), (name, expected) in cubes.items():
            response = running.get(f"/cubes/{name}/timeseries/{LON},{LAT}")
            if catalog == "remote":
                assert str(expected)[:7] in response.text
            elif running.get(f"/cubes/{name}").json()["definition"]["scenes"] == "live":
                assert "Unknown catalogue" in is_problem(response, 400)["detail"]


def test_the_cubes_of_a_catalogue_remain_when_others_are_added(alps: Path, plains: Path, tmp_path: Path) -> None:
    body = {"bbox": BOX, "datetime": DAY, "collection": L2A}
    with served(settings(None, tmp_path, alps)) as running:
        cube = running.client.post("/cubes", json=body).json()
        tile = running.get(f"/cubes/{cube['id']}/tiles/{tile_at(LON, LAT)}")
    with served(settings(None, tmp_path, alps, plains)) as running:
        again = running.get(f"/cubes/{cube['id']}/tiles/{tile_at(LON, LAT)}")
        assert (again.status_code, again.content) == (200, tile.content)
        assert running.client.post("/cubes", json=body | {"collection": f"{L2A}@alps"}).json()["id"] == cube["id"]


# The files of archives


def test_the_items_of_an_archive_read_its_own_files_only(plains: Path, tmp_path: Path) -> None:
    """By a relative or absolute path or a symbolic link, an item of an archive names a file of another archive."""
    alps = write_archive("alps", tmp_path / "alps")
    [foreign] = plains.glob("trees/*")
    for number, href in enumerate((os.path.relpath(foreign, alps / "x/y"), str(foreign), foreign.as_uri(), "link")):
        made = scene("alps", "fields", name=f"thief-{number}")
        made.collection = f"thieves-{number}"
        item = made.item()
        folder = alps / "x" / "y"
        folder.mkdir(parents=True, exist_ok=True)
        for band, asset in item["assets"].items():
            asset["href"] = f"{href}/{band}.tif"
        (folder / f"{number}.json").write_text(json.dumps(item))
    (alps / "x/y/link").symlink_to(foreign, target_is_directory=True)
    with served(settings(None, tmp_path / "cache", alps, plains)) as running:
        assert ndvi(running, "trees") == pytest.approx(NDVI["plains", "trees"], abs=1e-6)  # its blocks are cached now
        for number in range(4):
            response = point(running, f"thieves-{number}")
            assert response.status_code == 502 or response.json()["values"] == [None], response.text
        assert ndvi(running, "fields") == pytest.approx(NDVI["alps", "fields"], abs=1e-6)


def test_the_items_of_an_api_read_no_local_files(api: EarthSearch, alps: Path, tmp_path: Path) -> None:
    [folder] = alps.glob("fields/*")
    for item in api.items:
        for band, asset in item["assets"].items():
            asset["href"] = (folder / f"{band}.tif").as_uri()
    with served(settings(api, tmp_path / "cache", alps)) as running:
        assert ndvi(running, "fields") == pytest.approx(NDVI["alps", "fields"], abs=1e-6)
        response = point(running, f"{C1}@remote")
        assert response.status_code == 502 or response.json()["values"] == [None], response.text


# Listings


def test_collections_are_listed_with_their_names(server: Served, api: EarthSearch) -> None:
    response = server.get("/collections")
    assert response.status_code == 200
    listed = {(each["catalog"], each["id"]): each for each in response.json()["collections"]}
    assert listed.keys() == NDVI.keys()
    for (catalog, collection), entry in listed.items():
        assert entry["needs_catalog"] == (collection == L2A)
        assert entry["name"] == (f"{L2A}@{catalog}" if collection == L2A else collection)
        own_title = "Sentinel-2 Level-2A" if collection == L2A else collection
        assert entry["title"] == (f"{collection}, made up" if catalog == "remote" else own_title)
        assert entry["default"] == ((catalog, collection) == ("remote", L2A))
        assert ndvi(server, entry["name"]) == pytest.approx(NDVI[catalog, collection], abs=1e-6)
        self_link, tilejson = entry["links"]
        described = server.get(self_link["href"]).json()
        assert described.pop("profile")["bands"]
        assert described == entry
        assert server.get(tilejson["href"]).status_code == 200
    assert [each["name"] for each in response.json()["catalogs"]] == ["remote", "alps", "plains"]
    assert is_problem(server.get(f"/collections/{L2A}"), 404)["valid"].count("@") == 3
    assert "did you mean trees?" in is_problem(server.get("/collections/tree"), 404)["detail"]
    is_problem(server.get("/collections/tree@alps"), 404)


@pytest.mark.parametrize("odd", ["trees@plains", "trees@made"])
def test_an_id_that_ends_like_a_catalogue_has_a_name_that_finds_it(
    odd: str, alps: Path, plains: Path, tmp_path: Path
) -> None:
    """Listed, drawn and in cubes, with one catalogue and several."""
    made, (red, nir) = tmp_path / "made", (1500, 2500)
    bands = {"red": constant(WEST, red), "nir": constant(WEST, nir), "scl": constant(WEST, 4, 20, np.uint8)}
    MadeScene(SCENE, WEST, f"{DAY}T10:10:31Z", bands, odd).write(made)
    expected = (nir - red) / (nir + red + 2 * OFFSET)
    cubes = []
    for archives in ([made], [made, plains], [made, alps, plains]):
        with served(settings(None, tmp_path / "cache", *archives)) as running:
            listed = running.get("/collections").json()["collections"]
            found = {each["name"]: ndvi(running, each["name"]) for each in listed}
            (name,) = (each["name"] for each in listed if each["id"] == odd)
            assert found[name] == pytest.approx(expected, abs=1e-6)
            assert len(found) == len(listed)
            if plains in archives:
                trees = "trees@plains" if "trees@plains" in found else "trees"
                assert found[trees] == pytest.approx(NDVI["plains", "trees"], abs=1e-6)
            body = {"bbox": BOX, "datetime": DAY, "collection": name}
            cubes.append(running.client.post("/cubes", json=body).json()["id"])
            tile = running.get(f"/cubes/{cubes[0]}/tiles/{tile_at(LON, LAT)}.npy")
            assert np.nanmean(np.load(io.BytesIO(tile.content))[0]) == pytest.approx(expected, abs=1e-6)
    assert len(set(cubes)) == 1


def test_the_collections_of_one_catalogue(api: EarthSearch, alps: Path, tmp_path: Path) -> None:
    for only, names in ((settings(api, tmp_path), [C1, L2A]), (settings(None, tmp_path, alps), ["fields", L2A])):
        with served(only) as running:
            listed = running.get("/collections").json()["collections"]
            assert [each["name"] for each in listed] == names
            described = running.get(f"/collections/{names[0]}").json()
            assert described.pop("profile")["default"] == "ndvi"
            assert described == listed[0]
            is_problem(running.get("/collections/unknown"), 404)


# The STAC API of the archives


def test_the_stac_api_has_no_items_of_other_apis(server: Served) -> None:
    listed = server.get("/stac/collections").json()["collections"]
    assert [each["id"] for each in listed] == ["fields", f"{L2A}@alps", f"{L2A}@plains", "trees"]
    assert server.get("/stac/search").json()["numberMatched"] == 4


def test_the_stac_api_of_several_archives(alps: Path, plains: Path, tmp_path: Path) -> None:
    client = pytest.importorskip("pystac_client").Client
    with served(settings(None, tmp_path, alps, plains)) as running:
        catalog = client.open(f"{running.url}/stac")
        names = ["fields", f"{L2A}@alps", f"{L2A}@plains", "trees"]
        assert sorted(each.id for each in catalog.get_collections()) == sorted(names)
        for name in names:
            [item] = catalog.get_collection(name).get_items()
            assert (item.id, item.collection_id) == (SCENE, name)
            assert [each.collection_id for each in catalog.search(collections=[name]).items()] == [name]
            data = running.get(item.assets["nir"].href).content
            owner = "plains" if name in ("trees", f"{L2A}@plains") else "alps"
            folder = plains if owner == "plains" else alps
            assert data == (folder / name.split("@")[0] / SCENE / "nir.tif").read_bytes()
            assert running.get(f"/stac/collections/{name}/items/{SCENE}").json()["collection"] == name
        assert running.get("/stac/queryables").json()["properties"]["platform"]
        is_problem(running.get(f"/stac/collections/{L2A}"), 404)
        assert is_problem(running.get(f"/stac/search?collections={L2A}"), 400)["valid"].count("@") == 2
        is_problem(running.get(f"/stac/files/alps/../plains/trees/{SCENE}/nir.tif".replace("..", "%2E%2E")), 404)
        is_problem(running.get("/stac/files/nowhere/x.tif"), 404)


@pytest.mark.parametrize("sortby", ["", "+id", "-properties.datetime,+collection", "+properties.s2:generation_time"])
@pytest.mark.parametrize("limit", [1, 3, 4, 50])
def test_pages_of_several_archives_are_those_of_one_archive(
    mixed: tuple[Served, Served], sortby: str, limit: int
) -> None:
    """The oracle is one archive with the items of all."""
    several, one = mixed
    query = {"limit": limit} | ({"sortby": sortby} if sortby else {})
    expected, matched = all_pages(one, query)
    found, counted = all_pages(several, query)
    assert (found, counted) == (expected, matched)
    assert len(found) == len(set(found)) == counted == 13


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Served]]:
    """A server of three archives, and one of an archive with the same items."""
    root = tmp_path_factory.mktemp("mixed")
    for number in range(13):
        made = scene("alps", "fields", f"2024-06-{1 + number % 5:02}T10:00:00Z", f"item-{number % 4}-{number}")
        made.collection = f"c{number % 3}"
        for folder in (root / "one", root / f"archive-{number % 3}"):
            (folder / str(number)).mkdir(parents=True)
            made.write_item(folder / str(number))
    several = [root / f"archive-{number}" for number in range(3)]
    with (
        served(settings(None, root / "cache", *several)) as first,
        served(settings(None, root / "cache", root / "one")) as second,
    ):
        yield first, second


def all_pages(server: Served, query: dict[str, Any]) -> tuple[list[tuple[str, str]], int]:
    """Ids and collections of all items by `next` links, which the `prev` links lead back through, and their number."""
    url, pages, matched = httpx.URL(f"{server.url}/stac/search", params=query), [], 0
    page: dict[str, Any] = {}
    while True:
        page = server.client.get(url).json()
        pages.append([(item["id"], item["collection"]) for item in page["features"]])
        matched = page["numberMatched"]
        links = {link["rel"]: link["href"] for link in page["links"]}
        if "next" not in links:
            break
        url = links["next"]
    for earlier in reversed(pages[:-1]):
        page = server.client.get(links["prev"]).json()
        assert [(item["id"], item["collection"]) for item in page["features"]] == earlier
        links = {link["rel"]: link["href"] for link in page["links"]}
    return [item for page in pages for item in page], matched


def test_equal_items_of_several_archives_are_paged_without_duplicates_or_gaps(
    alps: Path, plains: Path, tmp_path: Path
) -> None:
    """Two archives with the same items in the same paths, whose sort keys are all equal."""
    first, second = (write_archive("alps", tmp_path / name) for name in ("first", "second"))
    with served(settings(None, tmp_path / "cache", first, second)) as running:
        for limit in (1, 2, 3):
            found, matched = all_pages(running, {"limit": limit})
            assert len(found) == len(set(found)) == matched == 4
