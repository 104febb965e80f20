"""Animations from a running server: frames are compared with the tiles of the same days."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import httpx
import morecantile
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pyproj import Transformer

from scog.render.label import label
from scog.settings import Settings
from scog.web.http.responses import IMMUTABLE, PARTIAL
from tests.doubles.archives import MadeScene, Square
from tests.doubles.range_server import status
from tests.web.conftest import RemoteServer, Served, is_problem, served, tile_at

SQUARE = Square("32TQK", 32632, 700_000, 5_000_040, 760)
TILE = tile_at(*SQUARE.lonlat(), zoom=13)
"""The tile at the MGRS tile's centre, completely within it: 3.5 of its 7.6 km."""
SHAPE = (256, 256)
RANGE = "datetime=2024-06-01/2024-06-30"
DAYS = ["2024-06-02", "2024-06-07", "2024-06-12", "2024-06-20", "2024-06-21"]
CLOUDY = "2024-06-17"
Pixels = NDArray[np.uint8]


def scenes() -> list[MadeScene]:
    """Six passes, one half cloudy and one almost completely; two an hour apart, around midnight UTC."""
    down, across = np.mgrid[: SQUARE.size, : SQUARE.size]
    tile_bounds = morecantile.tms.get("WebMercatorQuad").xy_bounds(morecantile.Tile(*_xyz(TILE)))
    _, y = Transformer.from_crs(3857, SQUARE.epsg, always_xy=True).transform(
        (tile_bounds.left + tile_bounds.right) / 2, (tile_bounds.bottom + tile_bounds.top) / 2
    )
    half = round((SQUARE.top - y) / 20)
    times = [f"{day}T10:10:31Z" for day in DAYS[:3]] + [f"{CLOUDY}T10:10:31Z"]
    times += ["2024-06-20T23:40:00Z", "2024-06-21T00:40:00Z"]
    made = []
    for number, time_ in enumerate(times):
        scl = np.full((SQUARE.size // 2, SQUARE.size // 2), 4, np.uint8)
        if time_.startswith(("2024-06-12", CLOUDY)):
            scl[: half + (0 if "06-12" in time_ else 76)] = 9
        red = (500 + 2 * down + 300 * number).astype(np.uint16)
        bands = {"red": red, "nir": (3000 + 3 * across - 200 * number).astype(np.uint16), "scl": scl}
        bands["green"] = bands["blue"] = (red // 2).astype(np.uint16)
        made.append(MadeScene(f"S2A_32TQK_{time_[:10].replace('-', '')}_0_L2A", SQUARE, time_, bands, orbit=number + 1))
    return made


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive of `scenes`, whose files `remote_server` serves too."""
    made = tmp_path_factory.mktemp("animations")
    for scene in scenes():
        scene.write(made)
    return made


@pytest.fixture(scope="module")
def server(archive: Path) -> Iterator[Served]:
    with served(Settings(catalog=str(archive))) as running:
        yield running


def box_of(tile: str) -> str:
    """The box of a tile in degrees. An animation of it has the same pixels."""
    return ",".join(map(repr, morecantile.tms.get("WebMercatorQuad").bounds(morecantile.Tile(*_xyz(tile)))))


def _xyz(tile: str) -> tuple[int, int, int]:
    z, x, y = map(int, tile.split("/"))
    return x, y, z


BOX = box_of(TILE)


def address(query: str = "", form: str = "gif", box: str = BOX) -> str:
    return f"/animation/{box}.{form}?{RANGE}&size=256" + (f"&{query}" if query else "")


def frames_of(response: httpx.Response) -> list[Pixels]:
    assert response.status_code == 200, response.text[:300]
    with Image.open(io.BytesIO(response.content)) as image:
        assert image.info["loop"] == 0
        frames = []
        for index in range(image.n_frames):
            image.seek(index)
            frames.append(np.array(image.convert("RGBA")))
    return frames


def tile(server: Served, when: str, query: str) -> Pixels:
    response = server.get(f"/tiles/{TILE}?datetime={when}&{query}")
    assert response.status_code == 200
    with Image.open(io.BytesIO(response.content)) as image:
        return np.array(image.convert("RGBA"))


def check_frame(frame: Pixels, tile_pixels: Pixels, text: str) -> None:
    """Check that a frame equals a tile, except for the label."""
    drawn_label = label(text, SHAPE)
    assert (frame[drawn_label.ink] == 255).all()
    assert (frame[drawn_label.outline] == (0, 0, 0, 255)).all()
    outside_label = ~(drawn_label.ink | drawn_label.outline)
    assert (frame[outside_label][:, 3] == tile_pixels[outside_label][:, 3]).all()
    visible = outside_label & (tile_pixels[..., 3] > 0)
    assert (frame[visible] == tile_pixels[visible]).all()


# Frames


@pytest.mark.parametrize("form", ["gif", "webp"])
@pytest.mark.parametrize("layer", ["", "index=scl&mask=clouds", "classes=" + quote("bare:tan,0.4,green")])
def test_frames_equal_the_tiles_of_their_days(layer: str, form: str, server: Served) -> None:
    response = server.get(address(layer, form))
    assert response.headers["Content-Type"] == f"image/{form}"
    assert response.headers["X-Scog-Frames"] == "shown=5; skipped=1; missing=0"
    assert response.headers["X-Scog-Scenes"] == "used=6; skipped=0"
    frames = frames_of(response)
    assert len(frames) == len(DAYS)
    for day, frame in zip(DAYS, frames, strict=True):
        check_frame(frame, tile(server, day, layer), day)
    assert (frames[2][..., 3] == 0).any(), "clouds are transparent"


def test_true_colour_frames_resemble_the_tiles(server: Served) -> None:
    layer = "bands=red,green,blue&label=none"
    by_format = {form: frames_of(server.get(address(layer, form))) for form in ("gif", "webp")}
    for index, day in enumerate(DAYS):
        tile_pixels = tile(server, day, "bands=red,green,blue").astype(int)
        visible = tile_pixels[..., 3] > 0
        for frames in by_format.values():
            assert (frames[index][..., 3] == tile_pixels[..., 3]).all()
            assert abs(frames[index] - tile_pixels)[visible].mean() < 3


@pytest.mark.parametrize("composite", ["median", "newest", "count"])
def test_frames_of_steps_equal_composites(composite: str, server: Served) -> None:
    layer = f"composite={composite}&index=ndvi"
    parts = ["2024-06-01/2024-06-10", "2024-06-11/2024-06-20", "2024-06-21/2024-06-30"]
    response = server.get(address(f"{layer}&step=P10D&min_clear=0"))
    frames = frames_of(response)
    for part, frame in zip(parts, frames, strict=True):
        check_frame(frame, tile(server, part, layer), part.replace("/", " to "))


def test_frames_below_min_clear_are_skipped(server: Served) -> None:
    counts = {}
    for share in ("0", "0.03", "0.3", "0.7", "1"):
        response = server.get(address(f"min_clear={share}"))
        frames = len(frames_of(response))
        counts[share] = frames
        assert response.headers["X-Scog-Frames"] == f"shown={frames}; skipped={6 - frames}; missing=0"
    assert counts == {"0": 6, "0.03": 6, "0.3": 5, "0.7": 4, "1": 4}


def test_empty_steps_are_skipped_unless_min_clear_is_0(server: Served) -> None:
    response = server.get(address("step=P1D"))
    assert response.headers["X-Scog-Frames"] == "shown=5; skipped=25; missing=0"
    assert len(frames_of(server.get(address("step=P1D&min_clear=0")))) == 30


def test_size_speed_and_no_label(server: Served) -> None:
    west, south, east, north = map(float, BOX.split(","))
    wide = f"{west},{south},{east},{(south + 3 * north) / 4}"
    for query, milliseconds in (("", 500), ("fps=10", 100), ("duration=1230", 1230), ("fps=50", 20)):
        for form in ("gif", "webp"):
            response = server.get(f"/animation/{wide}.{form}?{RANGE}&size=100&{query}")
            with Image.open(io.BytesIO(response.content)) as image:
                image.load()
                assert image.info["duration"] == milliseconds
                assert image.size == (100, 75)
    tall = f"{west},{south},{(3 * west + east) / 4},{north}"
    assert frames_of(server.get(f"/animation/{tall}.gif?{RANGE}&size=100"))[0].shape == (100, 25, 4)
    plain = frames_of(server.get(address("label=none")))
    for day, frame in zip(DAYS, plain, strict=True):
        tile_pixels = tile(server, day, "")
        assert (frame[tile_pixels[..., 3] > 0] == tile_pixels[tile_pixels[..., 3] > 0]).all()


def test_a_current_copy_is_answered_with_304(server: Served) -> None:
    first = server.get(address())
    again = server.get(address(), headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert first.headers["Cache-Control"].startswith("public, max-age=3600")
    assert "requests=0; bytes=0" in server.get(address("", "webp")).headers["X-Scog-Upstream"]


def test_openapi_describes_the_route(server: Served) -> None:
    paths = server.get("/openapi.json").json()["paths"]
    path = "/animation/{minx},{miny},{maxx},{maxy}"
    for operation in (paths[path]["get"], paths["/cubes/{id}" + path]["get"]):
        names = {parameter["name"] for parameter in operation["parameters"]}
        assert {"minx", "format", "step", "min_clear", "fps", "duration", "size", "label"} <= names
        assert all(parameter.get("description") for parameter in operation["parameters"])
        assert set(operation["responses"]["200"]["content"]) == {"image/gif", "image/webp"}
    assert (
        "X-Scog-Frames"
        in server.get("/healthz", headers={"Origin": "http://x"}).headers["Access-Control-Expose-Headers"]
    )


# Limits


def test_excess_days_are_dropped_oldest_first(archive: Path) -> None:
    with served(Settings(catalog=str(archive), animation_frames=3)) as running:
        response = running.get(address())
        assert response.headers["X-Scog-Truncated"] == "true"
        assert response.headers["X-Scog-Frames"] == "shown=2; skipped=1; missing=0"
        for day, frame in zip(DAYS[-2:], frames_of(response), strict=True):
            check_frame(frame, tile(running, day, ""), day)
        assert is_problem(running.get(address("step=P7D")), 400)["parameter"] == "step"
        assert running.get(address("step=P10D")).status_code == 200
        small = Settings(catalog=str(archive), animation_pixels=2 * 1024 * 1024)
    with served(small) as running:
        response = running.get(address().replace("size=256", "size=1024"))
        assert response.headers["X-Scog-Frames"] == "shown=2; skipped=0; missing=0"
        assert response.headers["X-Scog-Truncated"] == "true"


REFUSED = [
    # path, parameter
    ("/animation/1,2,3.gif", None),
    ("/animation/1,2,3,4.png", "format"),
    ("/animation/3,2,1,4.gif", "bbox"),
    ("/animation/1,2,3,x.gif", "bbox"),
    ("/animation/nan,2,3,4.gif", "bbox"),
    ("/animation/11,80,11.1,90.gif", "bbox"),
    ("/animation/5,40,15,50.gif", "step"),
    ("/animation/-100,10,-99.9,10.1.gif", "datetime"),
    (address("step=P0D"), "step"),
    (address("step=P1D").replace(RANGE, "datetime=2000-01-01/2024-01-01"), "step"),
    (address("step=P1M").replace(RANGE, "datetime=../2024-01-01"), "datetime"),
    (address("min_clear=1.1"), "min_clear"),
    (address("min_clear=1&mask=4,9"), "min_clear"),
    (address("fps=0"), "fps"),
    (address("fps=nan"), "fps"),
    (address("fps=2&duration=500"), "fps"),
    (address("duration=10"), "duration"),
    (address("duration=1e99"), "duration"),
    (address("label=time"), "label"),
    (address("size=2000").replace("size=256&", ""), "size"),
    (address("index=nix"), "index"),
    (address("tilesize=256"), "tilesize"),
    (address("step=P1D&step=P2D"), "step"),
]


@pytest.mark.parametrize(("path", "parameter"), REFUSED, ids=[row[0][:16] + row[0][-24:] for row in REFUSED])
def test_invalid_requests(path: str, parameter: str | None, server: Served) -> None:
    problem = is_problem(server.get(path), 404 if parameter is None else 400)
    assert problem.get("parameter") == parameter
    assert parameter is None or problem["valid"]


# Cubes


def test_a_cubes_animation_is_clipped_and_immutable(server: Served) -> None:
    west, south, east, north = map(float, BOX.split(","))
    centre = (west + east) / 2
    body = {"bbox": [west, south, centre, north], "datetime": RANGE.removeprefix("datetime="), "scenes": "pinned"}
    cube_url = server.client.post("/cubes", json=body).json()["links"][0]["href"]
    for query, count in (("", len(DAYS)), ("&step=P5D", 5), ("&step=P1D&min_clear=0", 30)):
        response = server.get(f"{cube_url}/animation/{BOX}.webp?size=256&label=none{query}")
        frames = frames_of(response)
        assert len(frames) == count, query
        assert response.headers["Cache-Control"] == IMMUTABLE
        assert all((frame[:, 129:, 3] == 0).all() for frame in frames)
        assert (frames[1][:, :127, 3] == 255).all()
    outside = box_of(tile_at(11.0, 45.0))
    assert is_problem(server.get(f"{cube_url}/animation/{outside}.gif"), 400)["parameter"] == "datetime"
    assert is_problem(server.get(f"{cube_url}/animation/{BOX}.gif?index=ndvi"), 400)["parameter"] == "index"


# Load and failures


def send_and_disconnect(running: Served, path: str, after: float) -> None:
    """Send a request and disconnect."""
    with httpx.Client(base_url=running.url, trust_env=False) as client, pytest.raises(httpx.TimeoutException):
        client.get(path, timeout=httpx.Timeout(5, read=after))


@pytest.mark.acceptance
def test_a_disconnect_stops_reading(remote_server: Callable[..., RemoteServer]) -> None:
    running = remote_server(animation_at_once=1, animations=1)
    running.origin.latency = 0.2
    send_and_disconnect(running.served, address(), after=0.6)
    time.sleep(0.3)
    before = len(running.origin.requests)
    time.sleep(1)
    assert len(running.origin.requests) == before, "no requests after the disconnect"
    running.origin.latency = 0
    assert len(frames_of(running.served.get(address()))) == 5, "the slot is free again"
    assert len(running.origin.requests) > before


@pytest.mark.acceptance
def test_at_the_deadline_the_finished_parts_are_returned(remote_server: Callable[..., RemoteServer]) -> None:
    running = remote_server(animation_at_once=1, animation_deadline=1.0)
    running.origin.latency = 0.15
    response = running.served.get(address("label=none"))
    frames = frames_of(response)
    assert 0 < len(frames) < 5
    match = re.fullmatch(r"shown=(\d); skipped=(\d); missing=(\d)", response.headers["X-Scog-Frames"])
    assert match
    assert int(match[1]) == len(frames)
    assert sum(map(int, match.groups())) == 6
    assert response.headers["X-Scog-Incomplete"] == "deadline"
    assert response.headers["Cache-Control"] == PARTIAL
    running.origin.latency = 5
    is_problem(remote_server(animation_deadline=0.3).served.get(address()), 504)


@pytest.mark.acceptance
def test_unreadable_days_are_reported_missing(remote_server: Callable[..., RemoteServer]) -> None:
    running = remote_server(retries=0)
    name = "S2A_32TQK_20240607_0_L2A"
    running.origin.fail(f"/{name}/nir.tif", always=status(404))
    response = running.served.get(address())
    assert response.headers["X-Scog-Frames"] == "shown=4; skipped=1; missing=1"
    assert response.headers["X-Scog-Skipped"] == f"{name};http-404"
    assert response.headers["Cache-Control"] == PARTIAL
    for day, frame in zip([DAYS[0], *DAYS[2:]], frames_of(response), strict=True):
        check_frame(frame, tile(running.served, day, ""), day)
    problem = is_problem(running.served.get(address().replace(RANGE, "datetime=2024-06-07")), 502)
    (skipped,) = problem["skipped"]
    assert (skipped["scene"], skipped["reason"]) == (name, "http-404")
    assert "The server answered 404." in skipped["detail"]


@pytest.mark.acceptance
def test_concurrency_is_limited_and_tiles_are_not_blocked(remote_server: Callable[..., RemoteServer]) -> None:
    running = remote_server(animations=1)
    running.origin.latency = 0.5
    with ThreadPoolExecutor(1) as thread:
        first = thread.submit(running.served.get, address())
        time.sleep(0.2)
        is_problem(running.served.get(address("index=scl")), 503)
        assert running.served.get(f"/tiles/{TILE}").status_code == 200
        assert len(frames_of(first.result())) == 5


@pytest.mark.acceptance
def test_cached_frames_are_not_read_again(remote_server: Callable[..., RemoteServer]) -> None:
    running = remote_server()
    frames_of(running.served.get(address()))
    running.origin.forget_requests()
    for query in ("", "step=P5D", "label=none&colormap_name=viridis"):
        frames_of(running.served.get(address(query, "webp")))
    assert running.origin.requests == []
