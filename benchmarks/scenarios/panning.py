"""Pan and zoom through real servers: 300 NDVI tiles over one MGRS tile, by concurrent clients, in several passes."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Sequence
from http.client import HTTPConnection
from urllib.parse import urlsplit

import aiohttp

from benchmarks.bench import ON_PLAIN, OURS, WORKERS, Bench
from benchmarks.contenders.work import Work
from benchmarks.measure import Failed, Row, cpu_seconds, memory, peak_memory
from benchmarks.origin_process import PLAIN, TLS
from benchmarks.trace import walk

TILES, CLIENTS, MORE_PASSES = 300, 8, 10
LEAST_BYTES = 500
"""Minimum average size of NDVI tiles over land; smaller ones are blank images."""
START = 60.0


def pan_and_zoom(bench: Bench) -> None:
    """The trace by 8 clients, twice, then once for another index of the same bands; a quick run uses 100 tiles.

    In the second pass scog has cached its images; the other index measures drawing from cached blocks.
    """
    tiles = trace(bench, TILES)[: 100 if bench.quick else TILES]
    for round_ in range(1 if bench.quick else 3):
        for name in bench.contenders_for("serve", round_):
            _passes(bench, name, tiles, CLIENTS, round_)
    for name in () if bench.quick else bench.contenders_for("serve", 0):
        _passes(bench, name, tiles, CLIENTS, 0, scenario="trace", ending=ON_PLAIN)


def clients(bench: Bench) -> None:
    """The same by 1 to 64 clients; for scog also the cost of a hot tile, and memory after ten more passes.

    Peers are slower and draw the first 60 tiles only.
    """
    tiles = trace(bench, TILES)
    for round_ in range(1 if bench.quick else 3):
        for count in (8, 64) if bench.quick else (1, 8, 16, 64):
            _passes(bench, OURS, tiles, count, round_, scenario="clients", thorough=count == CLIENTS)
    if not bench.quick:
        for count in (1, 8, 16, 64):
            for name in bench.contenders_for("serve", 0):
                if name != OURS:
                    _passes(bench, name, tiles[:60], count, 0, scenario="clients")


def trace(bench: Bench, count: int) -> list[str]:
    """Distinct tiles as `z/x/y`, with their centres in the main MGRS tile."""
    west, south, east, north = bench.data.dates[0].bbox
    margin = 0.12 * (east - west), 0.12 * (north - south)
    inner = west + margin[0], south + margin[1], east - margin[0], north - margin[1]
    steps = count
    while True:
        paths = list(dict.fromkeys(walk(inner, steps, range(10, 16))))
        if len(paths) >= count:
            return [path.removeprefix("/tiles/") for path in paths[:count]]
        steps *= 2


def _passes(
    bench: Bench, name: str, tiles: Sequence[str], count: int, round_: int, *,
    scenario: str = "trace", thorough: bool = False, ending: str = "",
) -> None:  # fmt: skip
    """Start a server and request the trace twice; over plain HTTP once."""
    scenes = bench.data.dates[:1]
    try:
        with bench.separate_process(name) as contender:
            port, served = free_port(), bench.fresh(scenes, PLAIN if ending == ON_PLAIN else TLS)
            message = {"op": "serve", "scenes": served, "port": port}
            server = contender.request(message | {"workers": WORKERS[name]})
            wait_for(server["tile"])
            walked = _Walk(bench, name, server["tile"], server["pid"], round_)
            walked.once(f"{scenario} first{ending}", f"{count} clients", tiles, count)
            if ending == ON_PLAIN:
                return
            walked.once(f"{scenario} second", f"{count} clients", tiles, count)
            if scenario == "trace" and "other" in server:
                walked.tile = server["other"]
                walked.once("trace other", f"{count} clients", tiles, count)
            if scenario == "trace":
                z, x, y = bench.tile_near(scenes[0], 12, round_)
                bench.compare(contender, "trace", "z12", round_, Work(z, x, y, "ndvi", tuple(served)), scenes)
            if thorough:
                walked.once("hot http", "1 client", tiles, 1)
                before = memory(server["pid"])
                for _ in range(MORE_PASSES):
                    asyncio.run(_request_all(server["tile"], tiles, count))
                for case, size in (("after", before), ("ten more", memory(server["pid"]))):
                    bench.record(Row("memory", case, name, round_, rss=size))
    except (Failed, OSError, aiohttp.ClientError) as fault:
        bench.record(Row(f"{scenario} first", f"{count} clients", name, round_, error=f"{fault}"[:300]))


class _Walk:
    """Measures passes over the trace on a running server."""

    def __init__(self, bench: Bench, name: str, tile: str, pid: int, round_: int) -> None:
        self._bench, self._name, self.tile, self._pid, self._round = bench, name, tile, pid, round_

    def once(self, scenario: str, case: str, tiles: Sequence[str], count: int) -> None:
        """One pass, measured."""
        origin = self._bench.origin
        origin.reset()
        origin_cpu, cpu, since = cpu_seconds(origin.process.pid), cpu_seconds(self._pid), time.perf_counter()
        received = asyncio.run(_request_all(self.tile, tiles, count))
        wall = time.perf_counter() - since
        blank = received / len(tiles) < LEAST_BYTES
        row = Row(
            scenario, case, self._name, self._round, wall, cpu_seconds(self._pid) - cpu, **origin.totals(),
            rss=peak_memory(self._pid), tiles=len(tiles), origin_cpu=cpu_seconds(origin.process.pid) - origin_cpu,
            error=f"blank images of {received / len(tiles):.0f} bytes" if blank else None,
        )  # fmt: skip
        self._bench.record(row)


async def _request_all(tile: str, tiles: Sequence[str], count: int) -> int:
    """Request all tiles with `count` clients, each with a persistent connection. Returns the bytes of all images."""
    left = list(reversed(tiles))

    async def client(session: aiohttp.ClientSession) -> int:
        received = 0
        while left:
            z, x, y = left.pop().split("/")
            async with session.get(tile.format(z=z, x=x, y=y)) as response:
                received += len(await response.read())
                if response.status != 200:
                    raise Failed(f"{z}/{x}/{y} returned {response.status}")
        return received

    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=120)) as session:
        return sum(await asyncio.gather(*(client(session) for _ in range(count))))


def wait_for(tile: str) -> None:
    """Wait until a server responds at all. Raises Failed."""
    parts, since = urlsplit(tile), time.monotonic()
    while time.monotonic() - since < START:
        try:
            connection = HTTPConnection(parts.hostname or "", parts.port, timeout=5)
            connection.request("GET", "/healthz")
            connection.getresponse().read()
            connection.close()
            return
        except OSError:
            time.sleep(0.05)
    raise Failed(f"the server did not start within {START:.0f} s")


def free_port() -> int:
    """A free port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
