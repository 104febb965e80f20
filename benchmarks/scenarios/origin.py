"""Checks that the origin is not the bottleneck: one client, many concurrent clients, and the rate of a shared line."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from urllib.parse import urlsplit

from benchmarks.bench import Bench
from benchmarks.measure import Row, cpu_seconds
from benchmarks.origin_process import PLAIN, TLS, Origin

SIZES = {"16 KB": 16_384, "350 KB": 350_000, "1.4 MB": 1_400_000}
NAMES = {TLS: "TLS", PLAIN: "plain"}
CLIENTS, EACH = 16, 20
LINES = (2, 20, 200)
"""Mbit/s."""
SHARERS, SHARED = 6, 1.0
"""Clients of a shared line, and seconds that their bytes take."""


def prove(bench: Bench) -> None:
    """Single ranges beside their expected time; many concurrent blocks without limits; shared lines."""
    shape, path = bench.origin_shape, bench.data.dates[0].assets["red"]
    for round_ in range(10):
        for scheme, name in NAMES.items():
            for case, size in SIZES.items():
                reader = _Reader(bench.origin, scheme, path)
                spent = reader.read(size)
                reader.close()
                bench.record(Row("origin", f"{case} {name}", "origin", round_, spent, requests=1, bytes=size))
                due = shape["first_byte"] + size / shape["bandwidth"]
                bench.record(Row("origin", f"{case} {name}", "as shaped", round_, due))
    with bench.origin.shaped(first_byte=0.0, bandwidth=1e15, round_trip=0.0):
        for scheme, name in NAMES.items():
            for case, size in SIZES.items():
                _at_once(bench, f"{case} {name}, unshaped", scheme, path, CLIENTS, EACH, size)
    for mbit in LINES:
        rate = mbit * 125_000
        size = int(min(rate * SHARED / SHARERS, SIZES["1.4 MB"]))
        with bench.origin.shaped(link=rate, first_byte=0.0, round_trip=0.0):
            for scheme, name in NAMES.items():
                case = f"{mbit} Mbit/s {name}"
                _at_once(bench, case, scheme, path, SHARERS, 1, size)
                bench.record(Row("origin", case, "as shaped", 0, SHARERS * size / rate, tiles=SHARERS))


def _at_once(bench: Bench, case: str, scheme: str, path: str, count: int, times: int, size: int) -> None:
    """`count` clients with open connections that each read `times` blocks and discard them."""
    readers = [_Reader(bench.origin, scheme, path) for _ in range(count)]

    def work(reader: _Reader) -> None:
        for _ in range(times):
            reader.read(size)

    clients = [threading.Thread(target=work, args=(reader,)) for reader in readers]
    cpu, since = cpu_seconds(bench.origin.process.pid), time.perf_counter()
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    wall = time.perf_counter() - since
    cpu = cpu_seconds(bench.origin.process.pid) - cpu
    for reader in readers:
        reader.close()
    many = count * times
    bench.record(
        Row("origin", case, "origin", 0, wall, cpu, requests=many, bytes=many * size, tiles=many, origin_cpu=cpu)
    )


class _Reader:
    """An open, used connection that reads directly from the socket."""

    def __init__(self, origin: Origin, scheme: str, path: str) -> None:
        parts = urlsplit(f"{origin.fresh(scheme)}/{path}")
        self._request = f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nRange: bytes=0-{{}}\r\n\r\n"
        self._socket = socket.create_connection((parts.hostname or "", parts.port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if scheme == TLS:
            trust = ssl.create_default_context(cafile=str(origin.authority))
            self._socket = trust.wrap_socket(self._socket, server_hostname=parts.hostname)
        self._buffer = bytearray(1 << 20)
        self.read(1)

    def read(self, size: int) -> float:
        """Read the first `size` bytes of the file. Returns seconds."""
        since = time.perf_counter()
        self._socket.sendall(self._request.format(size - 1).encode())
        head = b""
        while b"\r\n\r\n" not in head:
            received = self._socket.recv(4096)
            self._check(received)
            head += received
        left = size - len(head.partition(b"\r\n\r\n")[2])
        while left:
            count = self._socket.recv_into(self._buffer)
            self._check(count)
            left -= count
        return time.perf_counter() - since

    @staticmethod
    def _check(received: bytes | int) -> None:
        if not received:
            raise ConnectionError("the origin closed the connection")

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()
