"""A screenful of tiles: their order, six concurrent requests, failures and retries; and targets from the results."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks.measure import Row
from benchmarks.report import line_table
from benchmarks.screen import CONNECTIONS, draw_screen, screen
from benchmarks.targets import Target, targets


class Tiles(ThreadingHTTPServer):
    """A tile server at `/z/x/y`. `answers` has the first responses of a path: status and headers; then 200."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: dict[str, list[tuple[int, dict[str, str]]]] = {}
        self.requested: Counter[str] = Counter()
        self.order: list[str] = []
        self.in_progress, self.max_in_progress = 0, 0
        self.lock = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Tiles

    def do_GET(self) -> None:
        server = self.server
        with server.lock:
            server.order.append(self.path)
            server.requested[self.path] += 1
            server.in_progress += 1
            server.max_in_progress = max(server.max_in_progress, server.in_progress)
            scripted = server.answers.get(self.path, [])
            status, headers = scripted.pop(0) if scripted else (200, {})
        time.sleep(0.01)
        with server.lock:
            server.in_progress -= 1
        self.send_response(status)
        for name, value in {**headers, "Content-Length": "2"}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Tiles]:
    with Tiles() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def template(server: Tiles) -> str:
    return f"http://127.0.0.1:{server.server_port}/{{z}}/{{x}}/{{y}}"


def test_a_screen_is_15_tiles_from_the_middle_outward() -> None:
    tiles = screen((11, 100, 50))
    assert len(set(tiles)) == 15
    assert tiles[0] == (11, 100, 50)
    distances = [(x - 100) ** 2 + (y - 50) ** 2 for _, x, y in tiles]
    assert distances == sorted(distances)
    assert {x for _, x, _ in tiles} == set(range(98, 103))
    assert {y for _, _, y in tiles} == {49, 50, 51}


def test_tiles_are_requested_in_order_six_at_a_time(server: Tiles) -> None:
    tiles = screen((11, 100, 50))
    drawn = draw_screen(template(server), tiles)
    assert (drawn.failed, drawn.redrawn) == (0, 0)
    assert 0 < drawn.first < drawn.last
    assert server.max_in_progress == CONNECTIONS
    positions = {f"/{z}/{x}/{y}": number for number, (z, x, y) in enumerate(tiles)}
    assert all(abs(positions[path] - number) < CONNECTIONS for number, path in enumerate(server.order))


def test_failed_tiles_are_requested_once_more(server: Tiles) -> None:
    server.answers = {
        "/1/0/0": [(504, {"Retry-After": "0"})],
        "/1/0/1": [(200, {"X-Scog-Skipped": "S2A;timeout"})],
        "/1/1/0": [(502, {}), (502, {})],
    }
    drawn = draw_screen(template(server), [(1, 0, 0), (1, 0, 1), (1, 1, 0), (1, 1, 1)])
    assert (drawn.failed, drawn.redrawn) == (3, 2)
    assert server.requested == {"/1/0/0": 2, "/1/0/1": 2, "/1/1/0": 2, "/1/1/1": 1}
    assert any("X-Scog-Skipped" in fault for fault in drawn.faults)


LINE = [
    Row("line", "20 Mbit/s 40 ms z11", "floor", 0, wall=4.0, bytes=9_000_000, first=4 / 3, tiles=15),
    Row("line", "20 Mbit/s 40 ms z11", "scog", 0, wall=4.8, bytes=9_000_000, first=1.0, tiles=15),
    Row("line", "20 Mbit/s 40 ms z11", "titiler", 0, wall=14.4, bytes=25_000_000, first=4.0, tiles=15),
    # Latency limits this line, so that TiTiler is not slower.
    Row("line", "200 Mbit/s 150 ms z9", "floor", 0, wall=0.7, bytes=1_200_000, first=0.23, tiles=15),
    Row("line", "200 Mbit/s 150 ms z9", "scog", 0, wall=0.8, bytes=1_200_000, first=0.2, tiles=15),
    Row("line", "200 Mbit/s 150 ms z9", "titiler", 0, wall=0.9, bytes=1_200_000, first=0.3, tiles=15),
]
FAILED = Row(
    "line", "2 Mbit/s 40 ms z13", "scog", 0, wall=9.0, bytes=1_000_000, twice=100_000, first=9.0, tiles=15, failed=15,
    redrawn=5,
)  # fmt: skip
SLOW = Row("line", "2 Mbit/s 40 ms z13", "floor", 0, wall=67.0, bytes=16_000_000, first=22.0, tiles=15)


def target_of(rows: list[Row], name: str) -> Target:
    (target,) = [target for target in targets(rows) if target.name == name]
    return target


def test_a_line_has_its_targets() -> None:
    assert target_of(LINE, "line, screenful, scog / floor").value == pytest.approx(1.2)
    assert target_of(LINE, "line, screenful, TiTiler / scog, where the line limits").value == pytest.approx(3)
    assert target_of(LINE, "line, first tile, scog / floor").value == pytest.approx(0.2 / 0.23)
    assert target_of(LINE, "line, tiles failed on first request").met


def test_a_failed_screen_does_not_count_as_fast() -> None:
    rows = [*LINE, FAILED, SLOW]
    target = target_of(rows, "line, screenful, scog / floor")
    assert (target.met, target.case) == (False, "2 Mbit/s 40 ms z13")
    assert target.as_json()["value"] == "inf"
    assert target_of(rows, "line, tiles failed on first request").value == 15
    assert target_of(rows, "line, tiles failed after a retry").value == 10
    assert target_of(rows, "line, bytes sent twice, share").value == pytest.approx(0.1)
    assert "| 2 Mbit/s 40 ms z13 | **scog** |" in line_table(rows)
