"""All tile matrix sets over HTTP: tiles, scenes, TileJSON, lists, and invalid addresses."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from urllib.parse import quote

import httpx
import morecantile
import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from PIL import Image
from rasterio.io import MemoryFile

from scog.geo.grid import equivalent_zoom, tile_grid, tile_matrix_set_crs
from scog.settings import Settings
from scog.web.routes.tilejson import TILING_SCHEME
from tests.doubles.archives import MadeScene, Square, constant
from tests.web.conftest import WEST, Served, served, tile_at
from tests.web.test_hostile import NO_NUMBERS, refused

NAMES = morecantile.tms.list()
WORLDWIDE = [
    "CDB1GlobalGrid", "GNOSISGlobalGrid", "WGS1984Quad", "WebMercatorQuad", "WorldCRS84Quad", "WorldMercatorWGS84Quad",
]  # fmt: skip
FAR_WEST = Square("01WCP", 32601, 363_500, 7_300_000, 300)
FAR_EAST = Square("60WWU", 32660, 635_000, 7_300_000, 300)
POLAR = Square("33XWM", 32633, 520_000, 9_150_000, 300)


def address(name: str, zoom: int, square: Square) -> str:
    """The tile z/x/y at the centre of an MGRS tile, at the zoom closest to one of web mercator."""
    z = equivalent_zoom(name, zoom)
    tile = morecantile.tms.get(name).tile(*square.lonlat(), z)
    return f"{z}/{tile.x}/{tile.y}"


def values(response: httpx.Response) -> NDArray[np.float32]:
    assert response.status_code == 200, response.text
    array: NDArray[np.float32] = np.load(io.BytesIO(response.content), allow_pickle=False)
    return array


@pytest.fixture(scope="module")
def edges(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with scenes on both sides of the antimeridian and near the North Pole."""
    folder = tmp_path_factory.mktemp("edges")
    for day, square in enumerate((FAR_WEST, FAR_EAST, POLAR), start=1):
        bands = {"red": constant(square, 500), "nir": constant(square, 1500 + 1000 * day)}
        bands["scl"] = constant(square, 4, 20, np.uint8)
        MadeScene(f"S_{square.name}", square, f"2024-06-{day:02}T10:00:00Z", bands).write(folder)
    with served(Settings(catalog=str(folder))) as running:
        yield running


# Tiles


@pytest.mark.parametrize("name", NAMES)
def test_tiles_of_all_tile_matrix_sets(name: str, server: Served) -> None:
    if not name.startswith(("LINZ", "NZTM", "UPSAnt")):
        array = values(server.get(f"/tiles/{name}/{address(name, 12, WEST)}.npy"))
        assert array.shape == (1, 256, 256)
        assert np.isfinite(array).any()
    z = morecantile.tms.get(name).minzoom
    image = server.get(f"/tiles/{name}/{z}/0/0")
    assert image.status_code == 200, image.text
    assert Image.open(io.BytesIO(image.content)).size == (256, 256)


def test_web_mercator_by_name_gives_equal_tiles(server: Served, west: str) -> None:
    for ending in ("", ".npy", "@2x.png", "?bands=red,green,blue", ".tif?buffer=2"):
        plain, named = server.get(f"/tiles/{west}{ending}"), server.get(f"/tiles/WebMercatorQuad/{west}{ending}")
        assert plain.status_code == named.status_code == 200
        assert plain.headers["ETag"] == named.headers["ETag"]
    plain, named = server.get(f"/tiles/{west}/scenes"), server.get(f"/tiles/WebMercatorQuad/{west}/scenes")
    assert plain.json() == named.json()
    assert plain.json()["features"]


@pytest.mark.parametrize("name", NAMES)
def test_geotiffs_are_georeferenced(name: str, server: Served) -> None:
    tile = address(name, 12, WEST) if name in WORLDWIDE else f"{morecantile.tms.get(name).minzoom}/0/0"
    response = server.get(f"/tiles/{name}/{tile}@2x.tif?buffer=1.5")
    assert response.status_code == 200, response.text
    z, x, y = map(int, tile.split("/"))
    grid = tile_grid(z, x, y, 512, name, 1.5)
    with MemoryFile(response.content) as memory, memory.open() as dataset:
        assert dataset.shape == (515, 515) == grid.shape
        assert tuple(dataset.bounds) == pytest.approx(grid.bounds, rel=1e-9, abs=1e-9)
        # GeoTIFF always stores longitude before latitude, and so has no CRS84.
        assert dataset.crs == rasterio.CRS.from_string(tile_matrix_set_crs(name).replace("OGC:CRS84", "EPSG:4326"))


def test_a_buffer_surrounds_the_tile(server: Served, west: str) -> None:
    plain = values(server.get(f"/tiles/{west}.npy"))
    wider = values(server.get(f"/tiles/{west}.npy?buffer=7"))
    assert wider.shape == (1, 270, 270)
    assert np.array_equal(wider[:, 7:-7, 7:-7], plain, equal_nan=True)
    assert values(server.get(f"/tiles/{west}.npy?buffer=0.5")).shape == (1, 257, 257)


def test_coalesced_columns_are_one_tile(edges: Served) -> None:
    z, x, y = map(int, address("GNOSISGlobalGrid", 12, POLAR).split("/"))
    coalesced = morecantile.tms.get("GNOSISGlobalGrid").matrix(z).get_coalesce_factor(y)
    assert coalesced > 2
    first = x - x % coalesced
    tags = {
        edges.get(f"/tiles/GNOSISGlobalGrid/{z}/{column}/{y}").headers["ETag"]
        for column in (first, first + coalesced - 1)
    }
    assert len(tags) == 1


def test_zooms_below_zero(server: Served) -> None:
    lon, lat = WEST.lonlat()
    row, column = int(90 - lat), int(lon + 180)
    tags = {
        server.get(f"/tiles/CDB1GlobalGrid/{z}/{column}/{row}").headers["ETag"] for z in (-10, -1, 0)
    }  # tiles of one degree
    assert len(tags) == 1
    refused(server, f"/tiles/CDB1GlobalGrid/-11/{column}/{row}", 404)
    refused(server, f"/tiles/CDB1GlobalGrid/-0/{column}/{row}", 404)


# Edges of the world


def scenes(server: Served, path: str) -> set[str]:
    response = server.get(path)
    assert response.status_code == 200, response.text
    return {feature["id"] for feature in response.json()["features"]}


@pytest.mark.parametrize(
    "name", ["CanadianNAD83_LCC", "UPSArcticWGS84Quad", "WebMercatorQuad", "WGS1984Quad", "WorldMercatorWGS84Quad"]
)
def test_scenes_on_both_sides_of_the_antimeridian(name: str, edges: Served) -> None:
    both = {"S_01WCP", "S_60WWU"}
    assert scenes(edges, f"/tiles/{name}/{address(name, 8, FAR_EAST)}/scenes") >= {"S_60WWU"}
    assert scenes(edges, f"/tiles/{name}/{address(name, 8, FAR_WEST)}/scenes") >= {"S_01WCP"}
    if name == "CanadianNAD83_LCC":
        assert scenes(edges, f"/tiles/{name}/{address(name, 8, FAR_WEST)}/scenes") == both
        return
    for square, side in ((FAR_EAST, 1), (FAR_WEST, 0)):
        tile = address(name, 11, square)
        array = values(edges.get(f"/tiles/{name}/{tile}.npy?buffer=100"))
        assert {round(float(each), 3) for each in np.unique(array[np.isfinite(array)])} == {0.667, 0.75}, side


def test_a_point_on_the_antimeridian(edges: Served) -> None:
    _, lat = FAR_EAST.lonlat()
    east, west = (edges.get(f"/point/{lon},{lat}").json() for lon in (180, -180))
    assert east["scene"] == west["scene"] == "S_60WWU"
    assert east["values"] == west["values"] == [pytest.approx(0.75)]


@pytest.mark.parametrize("name", [*WORLDWIDE, "UPSArcticWGS84Quad", "CanadianNAD83_LCC", "UTM31WGS84Quad"])
def test_a_tile_near_the_pole(name: str, edges: Served) -> None:
    tile = address(name, 12, POLAR)
    array = values(edges.get(f"/tiles/{name}/{tile}.npy"))
    assert np.isfinite(array).any()
    assert scenes(edges, f"/tiles/{name}/{tile}/scenes") == {"S_33XWM"}


@pytest.mark.parametrize("place", ["0,90", "0,-90", "180,90", "-180,-90", "180,0", "-180,85.06"])
def test_points_at_the_limits_of_coordinates(place: str, edges: Served) -> None:
    assert edges.get(f"/point/{place}").json()["values"] == [None]


@pytest.mark.parametrize(
    "tile",
    [
        "UPSArcticWGS84Quad/1/0/0", "UPSAntarcticWGS84Quad/14/8191/8191", "UTM31WGS84Quad/1/0/1",
        "UTM31WGS84Quad/9/0/200", "CanadianNAD83_LCC/5/51/33", "CDB1GlobalGrid/21/0/0",
        "GNOSISGlobalGrid/28/1073741823/0",
        "CDB1GlobalGrid/16/0/11796479", "WebMercatorQuad/24/0/0", "WorldMercatorWGS84Quad/5/0/0", "NZTM2000Quad/0/0/0",
    ],
)  # fmt: skip
def test_tiles_at_the_edges_of_web_mercator(tile: str, edges: Served) -> None:
    for query in ("", "?buffer=128&tilesize=64"):
        response = edges.get(f"/tiles/{tile}{query}")
        assert response.status_code == 200, response.text
        assert response.elapsed.total_seconds() < 3
    assert edges.get(f"/tiles/{tile}/scenes").status_code == 200


# TileJSON and lists


@pytest.mark.parametrize("name", NAMES)
def test_tilejson_of_all_tile_matrix_sets(name: str, server: Served) -> None:
    query = "expression=%28nir-red%29%2F%28nir%2Bred%29&rescale=-0.2%2C0.9"
    response = server.get(f"/{name}/tilejson.json?{query}")
    assert response.status_code == 200, response.text
    assert response.headers["Cache-Control"] == "public, max-age=60"
    body = response.json()
    tms = morecantile.tms.get(name)
    assert tms.minzoom <= body["minzoom"] < body["maxzoom"] <= tms.maxzoom
    west, south, east, north = body["bounds"]
    assert -180 <= west < east <= 180
    assert -90 <= south < north <= 90
    lon, lat, zoom = body["center"]
    assert west <= lon <= east
    assert south <= lat <= north
    assert body["minzoom"] <= zoom <= body["maxzoom"]
    if not name.startswith(("LINZ", "NZTM", "UPSAnt")):
        assert west <= WEST.lonlat()[0] <= east
        assert south <= WEST.lonlat()[1] <= north
    (template,) = body["tiles"]
    assert template == f"{server.url}/tiles/{name}/{{z}}/{{x}}/{{y}}?{query}"
    if name == "LINZAntarticaMapTilegrid":
        return  # the archive is within its bounds in degrees, but in a corner that the map does not show
    tile = tms.tile(lon, lat, zoom)
    tile_response = httpx.get(template.format(z=zoom, x=tile.x, y=tile.y), trust_env=False)
    assert tile_response.status_code == 200
    assert tile_response.headers["Content-Type"] == "image/png"


def test_tilejson_of_web_mercator_by_name(server: Served) -> None:
    plain, named = server.get("/tilejson.json").json(), server.get("/WebMercatorQuad/tilejson.json").json()
    assert named.pop("tiles") == [plain.pop("tiles")[0].replace("/tiles/", "/tiles/WebMercatorQuad/")]
    assert plain == named


def test_the_list_of_tile_matrix_sets(server: Served) -> None:
    response = server.get("/tileMatrixSets")
    assert response.status_code == 200
    listed = response.json()["tileMatrixSets"]
    assert [each["id"] for each in listed] == NAMES
    for each in listed:
        (link,) = each["links"]
        assert link["rel"] == TILING_SCHEME
        assert link["href"] == f"{server.url}/tileMatrixSets/{each['id']}"
        assert re.search(r"def.crs.(EPSG|OGC)", each["crs"])
        definition = server.get(f"/tileMatrixSets/{each['id']}")
        assert definition.status_code == 200
        # A client that uses the definition gets the grids that tiles are drawn on.
        assert morecantile.TileMatrixSet(**definition.json()) == morecantile.tms.get(each["id"])
    assert server.get("/tileMatrixSets?f=json").json() == response.json()


# Invalid addresses


@pytest.mark.parametrize("text", NO_NUMBERS, ids=[text[:12] or "empty" for text in NO_NUMBERS])
@pytest.mark.parametrize("place", ["{}/0/0", "3/{}/0", "3/0/{}", "3/0/{}.png", "3/0/{}@2x.npy", "3/{}/0/scenes"])
def test_addresses_that_are_not_numbers(text: str, place: str, server: Served) -> None:
    text = text if text.startswith(("%", "1%")) else quote(text)
    for name in ("WebMercatorQuad", "UPSArcticWGS84Quad", "CDB1GlobalGrid"):
        if (name, text, place) != ("CDB1GlobalGrid", "-1", "{}/0/0"):
            refused(server, f"/tiles/{name}/{place.format(text)}", 400, 404)


@pytest.mark.parametrize(
    "tile",
    [
        "WebMercatorQuad/25/0/0", "WebMercatorQuad/-1/0/0", "WebMercatorQuad/3/8/0", "UTM31WGS84Quad/0/0/0",
        "UTM31WGS84Quad/1/1/0", "UTM31WGS84Quad/1/0/2", "WGS1984Quad/0/2/0", "WGS1984Quad/0/0/1",
        "CDB1GlobalGrid/22/0/0", "CDB1GlobalGrid/0/360/0", "GNOSISGlobalGrid/29/0/0", "GNOSISGlobalGrid/0/4/0",
        "CanadianNAD83_LCC/26/0/0", "LINZAntarticaMapTilegrid/14/0/0", "UPSArcticWGS84Quad/2/0/4",
    ],
)  # fmt: skip
def test_tiles_that_do_not_exist(tile: str, server: Served) -> None:
    for ending in ("", ".png", "@2x.npy", "/scenes"):
        problem = refused(server, f"/tiles/{tile}{ending}", 404)
        assert problem["parameter"] in ("z", "x", "y")
        assert re.fullmatch(r"-?\d+ to \d+", str(problem["valid"]))


GRIDS = [
    "webmercatorquad",
    "WebMercator",
    "EPSG:3857",
    "0",
    "..",
    "<script>",
    "x" * 500,
    "é",
    "WebMercatorQuad ",
    "None",
]


@pytest.mark.parametrize("name", GRIDS, ids=[name[:12] for name in GRIDS])
@pytest.mark.parametrize(
    "path", ["/tiles/{}/3/0/0", "/tiles/{}/3/0/0/scenes", "/{}/tilejson.json", "/tileMatrixSets/{}"]
)
def test_unknown_tile_matrix_sets(name: str, path: str, server: Served) -> None:
    problem = refused(server, path.format(quote(name, safe="") if name != ".." else "%2e%2e"), 404)
    if "parameter" in problem:
        assert problem["parameter"] == "tileMatrixSetId"
        assert all(each in str(problem["valid"]) for each in NAMES)
        assert len(str(problem["detail"])) < 200


@pytest.mark.parametrize(
    "path",
    [
        "/tiles/UPSArcticWGS84Quad/1/0/0", "/tiles/UPSArcticWGS84Quad/1/0/0/scenes",
        "/UPSArcticWGS84Quad/tilejson.json", "/tileMatrixSets", "/tileMatrixSets/UPSArcticWGS84Quad",
    ],
)  # fmt: skip
def test_unknown_and_repeated_parameters(path: str, server: Served) -> None:
    assert refused(server, f"{path}?foo=1", 400)["parameter"] == "foo"
    name = "f" if "tileMatrixSets" in path else "datetime"
    assert refused(server, f"{path}?{name}=json&{name}=json", 400)["parameter"] == name
    refused(server, f"{path}?tileMatrixSetId=1", 400)


@pytest.mark.parametrize("buffer", ["-1", "0.25", "nan", "inf", "1e9", "129", "a", ""])
def test_invalid_buffers(buffer: str, server: Served, west: str) -> None:
    assert refused(server, f"/tiles/{west}?buffer={buffer}", 400)["parameter"] == "buffer"


def test_routes_do_not_hide_each_other(server: Served) -> None:
    tile = tile_at(*WEST.lonlat())
    assert server.get(f"/tiles/{tile}/scenes").headers["Content-Type"] == "application/geo+json"
    assert server.get(f"/tiles/WebMercatorQuad/{tile}/scenes").headers["Content-Type"] == "application/geo+json"
    assert server.get(f"/tiles/WebMercatorQuad/{tile}").headers["Content-Type"] == "image/png"
    refused(server, f"/tiles/WebMercatorQuad/{tile.rpartition('/')[0]}", 404)
    refused(server, "/tiles/WebMercatorQuad/3/0/scenes", 404)
