"""`/cubes` of a running server: cubes persist across restarts and new scenes, and state how long they may be cached."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from scog.geo.grid import tile_grid
from scog.imaging.clip import parse_clip_area
from scog.settings import Settings
from scog.web.http.responses import COMPLETE, IMMUTABLE, PARTIAL
from tests.doubles.archives import MadeScene, constant
from tests.doubles.range_server import status
from tests.imaging.test_clip import oracle
from tests.web.conftest import L2A, WEST, RemoteServer, Served, is_problem, scenes, served, tile_at

NEW, OLD = "S2A_32TQK_20240612_0_L2A", "S2A_32TQK_20240602_0_L2A"
LON, LAT = WEST.lonlat()
BOX = [LON - 0.012, LAT - 0.007, LON + 0.009, LAT + 0.011]
STAR = {
    "type": "Polygon",
    "coordinates": [
        [[LON, LAT + 0.013], [LON - 0.011, LAT - 0.009], [LON + 0.014, LAT + 0.004], [LON - 0.015, LAT + 0.003],
         [LON, LAT + 0.013]]
    ],
}  # fmt: skip
METRES = {"type": "Polygon", "coordinates": [[[6e5, 5e6], [7e5, 5e6], [7e5, 6e6], [6e5, 5e6]]]}
TRIANGLE = {"type": "Polygon", "coordinates": [[*STAR["coordinates"][0][:3], STAR["coordinates"][0][0]]]}


@pytest.fixture(scope="module")
def server(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server of the local archive with a cache folder for its cubes."""
    with served(Settings(catalog=str(archive), cache_dir=tmp_path_factory.mktemp("cache"))) as running:
        yield running


def post(server: Served, status: int = 201, **body: Any) -> dict[str, Any]:
    response = server.client.post("/cubes", json=body)
    assert response.status_code == status, response.text
    stored: dict[str, Any] = response.json()
    return stored


def values(response: httpx.Response) -> np.ndarray:
    assert response.status_code == 200, response.text
    array: np.ndarray = np.load(io.BytesIO(response.content), allow_pickle=False)
    return array


# Posting


def test_equal_cubes_are_stored_once(server: Served) -> None:
    body = {"index": "NDVI", "datetime": "2024-06-02", "mask": "none"}
    first = server.client.post("/cubes", json=body)
    again = server.client.post("/cubes", content=json.dumps(dict(reversed(body.items()))))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert first.headers["Cache-Control"] == "no-store"
    cube = first.json()
    assert first.headers["Location"] == again.headers["Location"] == f"{server.url}/cubes/{cube['id']}"
    assert cube["survives_restart"] is True
    assert cube["definition"] == {
        "index": "ndvi",
        "datetime": "2024-06-02T00:00:00Z/2024-06-02T23:59:59.999999Z",
        "cloud_cover": 60.0,
        "mask": "none",
        "composite": "newest",
        "resampling": "nearest",
        "rescale": [[-0.2, 0.9]],
        "scenes": "live",
    }
    assert server.client.post("/cubes", json=cube["definition"]).json()["id"] == cube["id"]
    stored = httpx.get(first.headers["Location"], trust_env=False)
    assert stored.json() == {name: value for name, value in cube.items() if name != "survives_restart"}
    assert stored.headers["Cache-Control"] == "public, max-age=3600"
    etag = {"If-None-Match": stored.headers["ETag"]}
    assert server.get(f"/cubes/{cube['id']}", headers=etag).status_code == 304


@pytest.mark.parametrize("scenes", ["live", "pinned"])
def test_all_links_work(scenes: str, server: Served, west: str) -> None:
    for area in ({}, {"bbox": BOX}):
        if scenes == "pinned" and not area:
            continue
        cube = server.client.post("/cubes", json={"scenes": scenes, **area}).json()
        links = {link["rel"]: link for link in cube["links"]}
        assert set(links) == {"self", "tiles", "tilejson", "legend", "timeseries", "scenes"}
        for link in links.values():
            z, x, y = west.split("/")
            response = httpx.get(link["href"].format(z=z, x=x, y=y, lon=LON, lat=LAT), trust_env=False)
            assert response.status_code == 200
            assert response.headers["Content-Type"] == link["type"]
        listed = httpx.get(links["scenes"]["href"].format(z=z, x=x, y=y), trust_env=False).json()["features"]
        assert [feature["id"] for feature in listed if "QK" in feature["id"]] == [NEW, OLD]


def test_links_ignore_untrusted_hosts(server: Served) -> None:
    response = server.client.post("/cubes", json={}, headers={"X-Forwarded-Host": "evil.example"})
    assert response.headers["Location"].startswith("/cubes/")
    assert "evil" not in response.text


BAD: list[tuple[str, Any]] = [
    ("index", "nix"), ("index", 5), ("index", ["ndvi"]), ("expression", "nir+"), ("expression", {"op": "+"}),
    ("bands", "red,green"), ("bands", ["red", 5]), ("bands", {}), ("classes", "0.5,0.2"), ("classes", [0.2]),
    ("mask", "nix"), ("mask", [12]), ("mask", [1.5]), ("mask", ["3"]), ("composite", "best-of-all"),
    ("pixel_selection", "nix"), ("resampling", "lanczos2"), ("rescale", [1, 0]), ("rescale", [[0, 1], [0, 1]]),
    ("rescale", [0, [1, 2]]), ("rescale", "0"), ("rescale", [1e31, 1e32]), ("rescale", {"0": 1}),
    ("colormap_name", "nix"), ("colormap", {"a": "red"}), ("colormap", "x"), ("colormap", []),
    ("colormap", {"0": "red" * 9000}), ("color_formula", "gamma 5"), ("belowmincolor", "reddish"),
    ("datetime", "yesterday"), ("datetime", 2024), ("cloud_cover", 101), ("cloud_cover", "x"), ("cloud_cover", True),
    ("cloud_cover", [1]), ("collection", 5), ("collection", "x" * 513), ("bbox", "0,0,1,1"), ("bbox", [0, 0, 1]),
    ("bbox", [0, 0, 0, 1]), ("area", []), ("area", {"type": "Point", "coordinates": [0, 0]}), ("area", METRES),
    ("scenes", "some"), ("scenes", []), ("strict", 1), ("tilesize", 512), ("format", "png"), ("Index", "ndvi"),
    ("x" * 500, 1), ("", 1), ("<script>", 1),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), BAD, ids=[f"{name[:16]}={str(value)[:20]}" for name, value in BAD])
def test_invalid_parameters_are_named(name: str, value: Any, server: Served) -> None:
    problem = is_problem(server.client.post("/cubes", json={name: value}), 400)
    assert problem["parameter"] == name[:64]
    assert problem["valid"]


@pytest.mark.parametrize(
    ("body", "parameter"),
    [
        ({"index": "ndvi", "bands": "red"}, "index"),
        ({"bbox": BOX, "area": TRIANGLE}, "bbox"),
        ({"scenes": "pinned"}, "area"),
        ({"scenes": "pinned", "bbox": [0, 0, 1, 1]}, "scenes"),
        ({"scenes": "pinned", "bbox": BOX, "datetime": "2020-01-01"}, "scenes"),
        ({"scenes": "pinned", "bbox": BOX, "collection": "nix"}, "collection"),
        ({"bands": "red,green,blue", "colormap_name": "viridis"}, "colormap_name"),
        ({"composite": "median", "pixel_selection": "mean"}, "pixel_selection"),
        ([], "body"),
        ("ndvi", "body"),
        (None, "body"),
    ],
)
def test_contradictions_are_rejected(body: Any, parameter: str, server: Served) -> None:
    problem = is_problem(server.client.post("/cubes", json=body), 400)
    assert problem["parameter"] == parameter


@pytest.mark.parametrize(
    "text", [b"", b"{", b"\xff", b"[" * 50_000, b'{"cloud_cover": NaN}', b'{"cloud_cover": 1e999}', b'["\\ud800"]']
)
def test_invalid_json_is_rejected(text: bytes, server: Served) -> None:
    assert is_problem(server.client.post("/cubes", content=text), 400)["parameter"] == "body"


def test_long_definitions_are_rejected(server: Served) -> None:
    limit = server.app.state.engine.settings.cube_bytes
    body = b'{"index": "ndvi"}'
    assert server.client.post("/cubes", content=body.ljust(limit)).status_code in (200, 201)
    is_problem(server.client.post("/cubes", content=body.ljust(limit + 1)), 413)
    is_problem(server.client.post("/cubes", content=iter([body, b" " * limit])), 413)


def test_unknown_cubes_report_the_remedy(server: Served, west: str) -> None:
    for name in ("a" * 16, "nix", "%20", "..%2f", "x" * 1000, "tilejson.json"):
        for rest in ("", f"/tiles/{west}", "/tilejson.json", "/legend.png", "/scenes"):
            problem = is_problem(server.get(f"/cubes/{name}{rest}"), 404)
            if "%" not in name:
                assert "post the definition again" in problem["detail"]
    is_problem(server.get("/cubes"), 405)


# Tiles


LOOKS: list[tuple[dict[str, Any], str]] = [
    ({}, ""),
    ({"index": "scl"}, "index=scl"),
    ({"bands": ["red", "green", "blue"], "rescale": [0, 0.2]}, "bands=red,green,blue&rescale=0,0.2"),
    ({"expression": "nir-red", "colormap_name": "magma", "datetime": "2024-06-02"},
     "expression=nir-red&colormap_name=magma&datetime=2024-06-02"),
    ({"composite": "median", "mask": [3], "classes": "low:red,0.6,blue"},
     "composite=median&mask=3&classes=low:red,0.6,blue"),
    ({"resampling": "bilinear", "colormap": {"0": "red", "255": "#00f"}, "rescale": [0, 1], "cloud_cover": 20},
     'resampling=bilinear&colormap={"0":"red","255":"%2300f"}&rescale=0,1&cloud_cover=20'),
]  # fmt: skip


@pytest.mark.parametrize(("body", "query"), LOOKS, ids=[query for _, query in LOOKS])
def test_tiles_of_a_live_cube_equal_those_of_its_parameters(body: dict[str, Any], query: str, server: Served) -> None:
    west = tile_at(*WEST.lonlat())
    cube = server.client.post("/cubes", json=body).json()["id"]
    for name, suffix in ((west, ""), (f"{west}.npy", ""), (f"{west}@2x.webp", ""), (west, "tilesize=128&buffer=2")):
        plain = server.get(f"/tiles/{name}?{query}&{suffix}".strip("&"))
        cube_tile = server.get(f"/cubes/{cube}/tiles/{name}?{suffix}".strip("?"))
        assert plain.status_code == cube_tile.status_code == 200
        assert cube_tile.content == plain.content
        for header in ("ETag", "Cache-Control", "X-Scog-Used", "Content-Type"):
            assert cube_tile.headers.get(header) == plain.headers.get(header)
    for kind in ("json", "svg", "png"):
        assert server.get(f"/cubes/{cube}/legend.{kind}").content == server.get(f"/legend.{kind}?{query}").content


def test_tilejson_legends_and_other_tile_matrix_sets(server: Served) -> None:
    cube = post(server, bbox=BOX, index="ndwi")["id"]
    document = server.get(f"/cubes/{cube}/tilejson.json?tilesize=512").json()
    assert document["tiles"] == [f"{server.url}/cubes/{cube}/tiles/{{z}}/{{x}}/{{y}}?tilesize=512"]
    assert document["bounds"] == pytest.approx(BOX)
    assert document["center"][:2] == pytest.approx([(BOX[0] + BOX[2]) / 2, (BOX[1] + BOX[3]) / 2])
    other = server.get(f"/cubes/{cube}/EuropeanETRS89_LAEAQuad/tilejson.json")
    assert other.json()["tiles"] == [f"{server.url}/cubes/{cube}/tiles/EuropeanETRS89_LAEAQuad/{{z}}/{{x}}/{{y}}"]
    west = tile_at(*WEST.lonlat())
    same = server.get(f"/cubes/{cube}/tiles/WebMercatorQuad/{west}.npy").content
    assert same == server.get(f"/cubes/{cube}/tiles/{west}.npy").content


@pytest.mark.parametrize("query", ["index=ndvi", "datetime=2024-06-02", "foo=1", "scenes=live", "rescale=0,1"])
def test_cubes_accept_output_parameters_only(query: str, server: Served, west: str) -> None:
    cube = server.client.post("/cubes", json={"bbox": BOX}).json()["id"]
    for rest in ("", f"/tiles/{west}", f"/tiles/WebMercatorQuad/{west}", "/tilejson.json", "/legend.svg", "/scenes"):
        problem = is_problem(server.get(f"/cubes/{cube}{rest}?{query}"), 400)
        assert problem["parameter"] == query.partition("=")[0]
    is_problem(server.get(f"/cubes/{cube}/tiles/{west}?format=exe"), 400)
    is_problem(server.get(f"/cubes/{cube}/tiles/99/0/0"), 404)
    assert server.get(f"/cubes/{cube}/tiles/12/0/0?empty=204").status_code == 204


# Areas


@pytest.mark.parametrize("scenes", ["live", "pinned"])
def test_pixels_outside_the_area_are_transparent(scenes: str, server: Served) -> None:
    cube = post(server, area=TRIANGLE, mask="none", scenes=scenes)["id"]
    geometry = parse_clip_area(None, TRIANGLE)
    assert geometry is not None
    for zoom in (11, 13):
        z, x, y = map(int, tile_at(LON, LAT, zoom).split("/"))
        unclipped = values(server.get(f"/tiles/{z}/{x}/{y}.npy?mask=none&tilesize=64"))
        clipped = values(server.get(f"/cubes/{cube}/tiles/{z}/{x}/{y}.npy?tilesize=64"))
        inside = oracle(geometry.geometry, tile_grid(z, x, y, 64))
        assert 0 < inside.mean() < 1
        np.testing.assert_array_equal(clipped, np.where(inside, unclipped, np.nan))
        parts = [
            [values(server.get(f"/cubes/{cube}/tiles/{z + 1}/{2 * x + i}/{2 * y + j}.npy?tilesize=64")) for i in (0, 1)]
            for j in (0, 1)
        ]
        doubled = values(server.get(f"/cubes/{cube}/tiles/{z}/{x}/{y}.npy?tilesize=128"))
        np.testing.assert_array_equal(np.isfinite(np.block(parts)), np.isfinite(doubled))


def test_tiles_outside_the_area_read_nothing(archive: Path, tmp_path: Path, west: str) -> None:
    with served(Settings(catalog=str(archive), cache_dir=tmp_path)) as fresh:
        cube = post(fresh, bbox=[BOX[0] - 0.5, BOX[1], BOX[0] - 0.4, BOX[3]])["id"]
        outside_tile = fresh.get(f"/cubes/{cube}/tiles/{west}")
        assert outside_tile.status_code == 200
        assert outside_tile.headers["X-Scog-Upstream"] == "requests=0; bytes=0; searches=0"
        assert "search" not in outside_tile.headers["Server-Timing"]
        assert np.isnan(values(fresh.get(f"/cubes/{cube}/tiles/{west}.npy"))).all()
        assert "searches=1" in fresh.get(f"/tiles/{west}").headers["X-Scog-Upstream"], "a search would be reported"


# Persistence


def write_newer_scene(folder: Path) -> MadeScene:
    """The newest pass, without clouds."""
    bands = {band: constant(WEST, 100 * number) for number, band in enumerate(("red", "nir", "green", "blue"), 5)}
    scl = constant(WEST, 4, 20, np.uint8)
    return MadeScene("S2A_32TQK_20240622_0_L2A", WEST, "2024-06-22T10:10:31Z", {**bands, "scl": scl}).write(folder)


@pytest.fixture
def growing(tmp_path: Path) -> Path:
    """A copy of the archive that the test may change."""
    for scene in scenes():
        scene.write(tmp_path / "growing")
    return tmp_path / "growing"


def test_new_scenes_change_live_cubes_but_not_pinned_ones(growing: Path, tmp_path: Path, west: str) -> None:
    settings = Settings(catalog=str(growing), cache_dir=tmp_path / "cache")
    with served(settings) as before:
        live, pinned = (post(before, bbox=BOX, scenes=scenes) for scenes in ("live", "pinned"))
        assert live["id"] != pinned["id"]
        assert [scene["id"] for scene in pinned["scenes"]] == [NEW, OLD]
        assert not pinned["truncated"]
        assert pinned["definition"]["datetime"] == "2024-03-14T00:00:00Z/.."
        assert "datetime" not in live["definition"]
        tiles = [before.get(f"/cubes/{cube['id']}/tiles/{west}") for cube in (live, pinned)]
        assert tiles[0].content == tiles[1].content
        assert [tile.headers["Cache-Control"] for tile in tiles] == [COMPLETE, IMMUTABLE]
        assert before.get(f"/cubes/{pinned['id']}/tiles/12/0/0?empty=204").headers["Cache-Control"] == IMMUTABLE
        assert post(before, 200, bbox=BOX, scenes="pinned")["id"] == pinned["id"]
        dated = [post(before, bbox=BOX, datetime="2024-03-14/.."), pinned]
    write_newer_scene(growing)
    (growing / "sentinel-2-l2a" / OLD / f"{OLD}.json").unlink()  # its files stay
    with served(settings) as after:
        again = [after.get(f"/cubes/{cube['id']}/tiles/{west}") for cube in (live, pinned)]
        assert again[1].content == tiles[1].content
        assert again[1].headers["X-Scog-Used"] == tiles[1].headers["X-Scog-Used"]
        assert "searches=0" in again[1].headers["X-Scog-Upstream"]
        assert again[0].content != tiles[0].content
        # The image cache does not confuse images that differ in their scenes only.
        for cube, expected in ((dated[0], again[0]), (dated[1], again[1]), (dated[0], again[0])):
            assert after.get(f"/cubes/{cube['id']}/tiles/{west}").content == expected.content
        for cube in (live, pinned):
            known = after.get(f"/cubes/{cube['id']}").json()
            assert known == {
                **{name: value for name, value in cube.items() if name != "survives_restart"},
                "links": known["links"],
            }
        listed = after.get(f"/cubes/{pinned['id']}/scenes").json()
        assert [feature["id"] for feature in listed["features"]] == [NEW, OLD]
        assert post(after, 200, **live["definition"])["id"] == live["id"]
        assert post(after, 201, **pinned["definition"])["id"] != pinned["id"], "other scenes, another image"


def test_the_number_of_pinned_scenes_is_limited(archive: Path, tmp_path: Path, west: str) -> None:
    with served(Settings(catalog=str(archive), cache_dir=tmp_path, cube_scenes=1)) as running:
        cube = post(running, bbox=BOX, scenes="pinned")
        assert [scene["id"] for scene in cube["scenes"]] == [NEW]
        assert cube["truncated"]
        tile = running.get(f"/cubes/{cube['id']}/tiles/{west}")
        assert tile.headers["X-Scog-Used"] == NEW
        assert tile.headers["X-Scog-Truncated"] == "true"


def test_the_servers_default_collection_is_stored(archive: Path, tmp_path: Path) -> None:
    with served(Settings(catalog=str(archive), cache_dir=tmp_path, collection=L2A)) as running:
        cube = post(running)
        assert cube["definition"]["collection"] == L2A
        assert post(running, 200, collection=L2A)["id"] == cube["id"]
    with served(Settings(catalog=str(archive), cache_dir=tmp_path)) as other:
        assert "collection" not in post(other)["definition"]
        assert other.get(f"/cubes/{cube['id']}").json()["definition"]["collection"] == L2A


def test_the_number_of_cubes_is_limited(archive: Path, tmp_path: Path) -> None:
    with served(Settings(catalog=str(archive), cache_dir=tmp_path, cubes=2)) as running:
        first, second = (post(running, index=index)["id"] for index in ("ndvi", "ndwi"))
        assert running.get(f"/cubes/{first}").status_code == 200
        third = post(running, index="evi")["id"]
        assert [running.get(f"/cubes/{cube}").status_code for cube in (first, second, third)] == [200, 404, 200]
        assert post(running, 201, index="ndwi")["id"] == second


def test_survives_restart_is_false_without_a_cache_folder(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    settings = Settings(catalog=str(archive), cache_dir=tmp_path / "file" / "cache")
    with served(settings) as running:
        cube = post(running)
        assert cube["survives_restart"] is False
        assert running.get(f"/cubes/{cube['id']}").status_code == 200
    with served(settings) as again:
        assert again.get(f"/cubes/{cube['id']}").status_code == 404


def test_partial_images_of_pinned_scenes_are_not_immutable(
    remote_server: Callable[..., RemoteServer], west: str
) -> None:
    running = remote_server(retries=0)
    cube = post(running.served, bbox=BOX, scenes="pinned", mask="none", composite="max")["id"]
    running.origin.fail(f"/{OLD}/nir.tif", always=status(404))
    partial = running.served.get(f"/cubes/{cube}/tiles/{west}")
    assert partial.headers["X-Scog-Skipped"] == f"{OLD};http-404"
    assert partial.headers["Cache-Control"] == PARTIAL
    is_problem(running.served.get(f"/cubes/{cube}/tiles/{west}?strict=1"), 502)
    running.origin.fail(f"/{OLD}/nir.tif")
    again = remote_server()  # a new process, which has no cached failures
    complete = again.served.get(f"/cubes/{cube}/tiles/{west}")
    assert complete.headers["Cache-Control"] == IMMUTABLE
    assert complete.content != partial.content or complete.headers["X-Scog-Used"] != partial.headers["X-Scog-Used"]


def test_openapi_describes_cubes(server: Served) -> None:
    paths = server.get("/openapi.json").json()["paths"]
    operation = paths["/cubes"]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    assert {"bbox", "area", "scenes", "index", "expression", "composite", "rescale"} <= set(schema["properties"])
    assert "$ref" not in json.dumps(schema)
    assert all(described.get("description") for described in schema["properties"].values())
    assert set(operation["responses"]) >= {"200", "201", "400", "413"}
    assert "422" not in operation["responses"]
    for path in ("", "/tiles/{z}/{x}/{y}", "/tilejson.json", "/legend.png", "/scenes"):
        assert paths["/cubes/{id}" + path]["get"]["summary"]
    example = operation["requestBody"]["content"]["application/json"]["example"]
    assert server.client.post("/cubes", json={**example, "scenes": "live"}).status_code in (200, 201)
