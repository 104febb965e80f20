"""Load and failures: disconnects, identical and excess requests, catalogues and hosts that hang."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from scog.net.catalog_http import READ_TIMEOUT
from scog.settings import Settings
from scog.web.http.responses import MAX_LISTED, PARTIAL, _list_header
from tests.doubles.range_server import hang, status
from tests.web.conftest import RemoteServer, Served, is_problem, served

pytestmark = pytest.mark.acceptance

MANY = httpx.Limits(max_connections=64)
OLD = "S2A_32TQK_20240602_0_L2A"


@pytest.fixture
def remote_server(transport: str, remote_server: Callable[..., RemoteServer]) -> Callable[..., RemoteServer]:
    """Files are served over plain HTTP and over TLS."""
    return remote_server


def send_and_disconnect(running: Served, path: str, after: float) -> None:
    """Send a request and disconnect."""
    with httpx.Client(base_url=running.url, trust_env=False) as client, pytest.raises(httpx.TimeoutException):
        client.get(path, timeout=httpx.Timeout(5, read=after))


def timed(running: Served, path: str) -> tuple[float, httpx.Response]:
    since = time.perf_counter()
    response = running.get(path)
    return time.perf_counter() - since, response


# Shared work


def test_64_identical_cold_tiles_cost_the_reads_of_one(remote_server: Callable[..., RemoteServer], west: str) -> None:
    path = f"/tiles/{west}?collection=sentinel-2-l2a"
    alone = remote_server()
    alone.served.get(path)
    single_client_requests = sorted((request.path, request.range) for request in alone.origin.requests)
    assert single_client_requests
    alone.origin.forget_requests()

    together = remote_server()
    alone.origin.latency = 0.05
    with ThreadPoolExecutor(64) as threads, httpx.Client(base_url=together.served.url, limits=MANY) as client:
        responses = list(threads.map(lambda _: client.get(path, timeout=20), range(64)))
    assert {response.status_code for response in responses} == {200}
    assert len({response.content for response in responses}) == 1
    assert sorted((request.path, request.range) for request in together.origin.requests) == single_client_requests


def test_a_repeated_request_reads_nothing(remote_server: Callable[..., RemoteServer], west: str) -> None:
    running = remote_server()
    first = running.served.get(f"/tiles/{west}")
    running.origin.forget_requests()
    again = running.served.get(f"/tiles/{west}")
    assert again.content == first.content
    assert running.origin.requests == []
    assert again.headers["X-Scog-Upstream"].startswith("requests=0; bytes=0")


def test_a_disconnect_stops_reading(remote_server: Callable[..., RemoteServer], west: str) -> None:
    running = remote_server()
    running.origin.latency = 0.3
    path = f"/tiles/{west}?collection=sentinel-2-l2a"
    send_and_disconnect(running.served, path, after=0.15)
    time.sleep(0.1)
    before = len(running.origin.requests)
    time.sleep(1)
    assert len(running.origin.requests) == before, "no requests after the disconnect"
    response = running.served.get(path)
    assert response.status_code == 200
    assert len(running.origin.requests) > before, "a client that waits gets its response"


def test_a_disconnect_does_not_affect_other_clients(remote_server: Callable[..., RemoteServer], west: str) -> None:
    running = remote_server()
    running.origin.latency = 0.2
    path = f"/tiles/{west}"
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(running.served.get, path)
        time.sleep(0.05)
        send_and_disconnect(running.served, path, after=0.1)
        assert waiting.result(10).status_code == 200


def test_many_disconnects_leave_no_work_behind(remote_server: Callable[..., RemoteServer], west: str) -> None:
    running = remote_server(waiting=8)
    running.origin.latency = 0.5
    with ThreadPoolExecutor(8) as threads:
        list(
            threads.map(
                lambda n: send_and_disconnect(running.served, f"/tiles/{west}?rescale=0,{n + 1}", after=0.2), range(8)
            )
        )
    time.sleep(0.2)
    running.origin.latency = 0
    seconds, health = timed(running.served, "/healthz")
    assert health.status_code == 200
    assert seconds < 0.5
    responses = [running.served.get(f"/tiles/{west}?rescale=0,{n + 1}") for n in range(8)]
    assert {response.status_code for response in responses} == {200}, "the slots are free again"


def test_excess_requests_are_rejected_at_once(remote_server: Callable[..., RemoteServer], west: str) -> None:
    running = remote_server(waiting=2)
    running.origin.latency = 0.5
    with ThreadPoolExecutor(2) as threads:
        waiting = [threads.submit(running.served.get, f"/tiles/{west}") for _ in range(2)]
        time.sleep(0.2)
        for path in (f"/tiles/{west}", f"/tiles/{west}/scenes", "/point/11.5,45.1"):
            seconds, response = timed(running.served, path)
            is_problem(response, 503)
            assert response.headers["Retry-After"] == "1"
            assert seconds < 0.5
        assert running.served.get("/healthz").status_code == 200
        assert running.served.get(f"/tiles/{west}?foo=1").status_code == 400
        assert {future.result().status_code for future in waiting} == {200}
    assert running.served.get(f"/tiles/{west}").status_code == 200


# Scenes that fail


def test_failed_scenes_are_reported_and_shorten_max_age(remote_server: Callable[..., RemoteServer], west: str) -> None:
    running = remote_server(retries=0)
    running.origin.fail(f"/{OLD}/red.tif", always=status(404))
    path = f"/tiles/{west}?collection=sentinel-2-l2a"
    response = running.served.get(path)
    assert response.status_code == 200
    assert response.headers["X-Scog-Scenes"] == "used=1; skipped=1"
    assert response.headers["X-Scog-Skipped"] == f"{OLD};http-404"
    assert response.headers["Cache-Control"] == PARTIAL
    problem = is_problem(running.served.get(f"{path}&strict=1"), 502)
    (skipped,) = problem["skipped"]
    assert (skipped["scene"], skipped["reason"]) == (OLD, "http-404")
    assert "The server answered 404." in skipped["detail"]
    empty = running.served.get(f"{path}&datetime=2024-06-02&empty=204")
    is_problem(empty, 502)


@pytest.mark.parametrize("fault", [status(404), status(403), status(500)], ids=["404", "403", "500"])
def test_an_image_without_readable_scenes_is_an_error(
    fault: Any, remote_server: Callable[..., RemoteServer], west: str
) -> None:
    running = remote_server(retries=0)
    for path in list(running.origin._files):
        running.origin.fail(path, always=fault)
    for path in (f"/tiles/{west}", f"/tiles/{west}.npy", f"/tiles/{west}?empty=204", "/point/11.54,45.11"):
        response = running.served.get(path)
        if "point" in path and response.status_code == 200:
            assert response.json()["values"] == [None]  # no scene to read
            continue
        problem = is_problem(response, 502)
        assert 0 < len(problem["skipped"]) <= 10


def test_hanging_files_end_at_the_deadline(remote_server: Callable[..., RemoteServer], west: str) -> None:
    running = remote_server(retries=0, tile_deadline=1.0, read_stall=0.2)
    for path in list(running.origin._files):
        running.origin.fail(path, always=hang)
    with ThreadPoolExecutor(8) as threads:
        waiting = [threads.submit(timed, running.served, f"/tiles/{west}?rescale=0,{n + 1}") for n in range(8)]
        time.sleep(0.2)
        seconds, health = timed(running.served, "/healthz")
        assert health.status_code == 200
        assert seconds < 1.0
        for future in waiting:
            seconds, response = future.result()
            assert seconds < 2.0
            is_problem(response, response.status_code)
            assert response.status_code in (502, 504)


# Catalogues that fail


@pytest.fixture
def silent() -> Iterator[str]:
    """URL of a server that accepts connections and never responds."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.fixture
def closed() -> str:
    """URL of a closed port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return f"http://127.0.0.1:{listening.getsockname()[1]}"


class Answering(BaseHTTPRequestHandler):
    """Responds to every request with the server's `answer`: status and body."""

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(length)
        code, body = self.server.answer  # type: ignore[attr-defined]
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *args: object) -> None:
        """Suppress the log."""


@pytest.fixture
def answering() -> Iterator[Callable[[int, bytes], str]]:
    """Starts catalogues that send one response to every request."""
    started = []

    def start(code: int, body: bytes) -> str:
        server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
        server.answer = code, body  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        started.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in started:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("kind", ["silent", "closed"])
def test_an_unreachable_catalogue(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    url = request.getfixturevalue(kind)
    settings = Settings(catalog=url, cache_dir=tmp_path, catalog_deadline=1.0, tile_deadline=2.0)
    with served(settings) as running, ThreadPoolExecutor(4) as threads:
        paths = ["/tiles/12/2179/1471", "/tiles/12/100/100", "/scenes?bbox=11,45,12,46", "/point/11.5,45.1"]
        waiting = [threads.submit(timed, running, path) for path in paths]
        for _ in range(5):
            seconds, health = timed(running, "/healthz")
            assert health.status_code == 200
            assert seconds < 1.0
        for future in waiting:
            seconds, response = future.result()
            assert seconds < 3.0
            is_problem(response, response.status_code)
            assert response.status_code in (503, 504)
            assert "catalogue" in response.json()["detail"]
        assert running.get("/tilejson.json").status_code == 200


def test_default_deadlines_are_short_enough(tmp_path: Path) -> None:
    """The test above shortens them. A hanging catalogue is reported within 8 s, and before a tile's deadline."""
    settings = Settings(cache_dir=tmp_path)
    assert READ_TIMEOUT < 8
    assert settings.tile_deadline > READ_TIMEOUT
    assert settings.catalog_deadline > READ_TIMEOUT
    assert 3 * settings.read_stall < settings.tile_deadline


LANDING = {
    "type": "Catalog",
    "id": "c",
    "stac_version": "1.0.0",
    "description": "d",
    "conformsTo": ["https://api.stacspec.org/v1.0.0/core", "https://api.stacspec.org/v1.0.0/item-search"],
    "links": [],
}


@pytest.mark.filterwarnings("ignore::pystac_client.warnings.PystacClientWarning")
@pytest.mark.parametrize(
    ("code", "body", "expected"),
    [
        (500, b"oops", {502, 503}),
        (404, b"{}", {502, 503}),
        (200, b"<!DOCTYPE html><html>Please log in</html>", {502}),
        (200, b"{", {502}),
        (200, b"", {502}),
        (200, b"[1, 2]", {502}),
        (200, b"null", {502}),
        (200, json.dumps(LANDING).encode(), {502}),
        (200, b"\xff\xfe", {502}),
        (302, b"", {502}),
    ],
    ids=["500", "404", "html", "cut", "empty", "list", "null", "no features", "no text", "redirect"],
)
def test_a_catalogue_with_invalid_responses(
    code: int, body: bytes, expected: set[int], answering: Callable[[int, bytes], str], tmp_path: Path
) -> None:
    with served(Settings(catalog=answering(code, body), cache_dir=tmp_path, retries=0)) as running:
        seconds, response = timed(running, "/tiles/12/2179/1471")
        assert response.status_code in expected, response.text
        is_problem(response, response.status_code)
        assert seconds < 2
        assert running.get("/healthz").status_code == 200


# Ids in a catalogue


def test_scene_ids_are_escaped_in_headers(remote_server: Callable[..., RemoteServer], west: str) -> None:
    evil = ["a\r\nSet-Cookie: stolen=1", "a, b", "é\u2028x", "", "x" * 5000, "\x00\x7f"]
    line = _list_header(evil)
    assert line.isascii()
    assert line.isprintable()
    assert line.count(", ") == len(evil) - 1
    assert len(line) < 400
    assert _list_header([str(n) for n in range(MAX_LISTED + 5)]).endswith(", 9, and 5 more")


def test_a_scene_with_a_malicious_id(archive: Path, tmp_path: Path, west: str) -> None:
    source = next(archive.glob("*/S2A_32TQK_20240602*/*.json"))
    item = json.loads(source.read_bytes()) | {"id": "a\r\nX-Evil: 1\r\n\r\n<b>"}
    for asset in item["assets"].values():
        name = asset["href"].removeprefix("./")
        (tmp_path / name).write_bytes((source.parent / name).read_bytes())
    (tmp_path / "item.json").write_text(json.dumps(item))
    with served(Settings(catalog=str(tmp_path))) as running:
        response = running.get(f"/tiles/{west}")
        assert response.status_code == 200
        assert "X-Evil" not in response.headers
        assert response.headers["X-Scog-Used"] == "a__X-Evil:_1____<b>"
        assert running.get(f"/tiles/{west}/scenes").json()["features"][0]["id"] == item["id"]
