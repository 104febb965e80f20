"""The relay double: its connections share one rate, and each request takes its latency."""

from __future__ import annotations

import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

from tests.doubles.range_server import RangeServer
from tests.doubles.relay import Relay


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=20) as response:
        return bytes(response.read())


def test_connections_share_the_rate() -> None:
    data = bytes(range(256)) * 400
    with RangeServer() as origin, Relay(origin.port, rate=500_000) as link:
        origin.put("/a", data)
        since = time.monotonic()
        with ThreadPoolExecutor(3) as threads:
            responses = list(threads.map(get, [f"http://{link.host}/a"] * 3))
        assert responses == [data] * 3
        assert time.monotonic() - since >= 0.9 * 3 * len(data) / 500_000
        assert link.bytes >= 3 * len(data)


def test_requests_take_the_latency() -> None:
    with RangeServer() as origin, Relay(origin.port, rate=1e9, latency=0.1) as link:
        origin.put("/a", b"a")
        since = time.monotonic()
        get(f"http://{link.host}/a")
        assert time.monotonic() - since >= 0.2, "opening the connection, and the request"
