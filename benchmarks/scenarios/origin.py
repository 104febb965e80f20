"""Proof that the origin is not what is measured: how it answers one client, and how much it can give to many."""

from __future__ import annotations

import socket
import threading
import time
from urllib.parse import urlsplit

from benchmarks.bench import Bench
from benchmarks.measure import Row, cpu_seconds

SIZES = {"16 KB": 16_384, "350 KB": 350_000, "1.4 MB": 1_400_000}
CLIENTS, EACH = 16, 20


def prove(bench: Bench) -> None:
    """Single ranges as shaped, beside what they should take; then many blocks at once, without a shape."""
    shape, path = bench.origin_shape, bench.data.dates[0].assets["red"]
    for round_ in range(10):
        for case, size in SIZES.items():
            since = time.perf_counter()
            _read(f"{bench.origin.fresh()}/{path}", size, 1)
            bench.keep(Row("origin", case, "origin", round_, time.perf_counter() - since, requests=1, bytes=size))
            bench.keep(Row("origin", case, "as shaped", round_, shape["first_byte"] + size / shape["bandwidth"]))
    bench.origin.shape(first_byte=1e-9, bandwidth=1e15)
    for case, size in SIZES.items():
        _at_once(bench, f"{case}, unshaped", path, size)
    bench.origin.shape(**shape)


def _at_once(bench: Bench, case: str, path: str, size: int) -> None:
    """Some clients that read block after block, and do nothing with them."""
    url = f"{bench.origin.fresh()}/{path}"
    clients = [threading.Thread(target=_read, args=(url, size, EACH)) for _ in range(CLIENTS)]
    cpu, since = cpu_seconds(bench.origin.process.pid), time.perf_counter()
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    wall = time.perf_counter() - since
    many = CLIENTS * EACH
    cpu = cpu_seconds(bench.origin.process.pid) - cpu
    bench.keep(
        Row("origin", case, "origin", 0, wall, cpu, requests=many, bytes=many * size, tiles=many, origin_cpu=cpu)
    )


def _read(url: str, size: int, times: int) -> None:
    """Read the first bytes of a file some times over one connection, straight from the socket."""
    parts = urlsplit(url)
    request = f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nRange: bytes=0-{size - 1}\r\n\r\n".encode()
    buffer = bytearray(1 << 20)
    with socket.create_connection((parts.hostname or "", parts.port or 80)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(times):
            connection.sendall(request)
            head = b""
            while b"\r\n\r\n" not in head:
                head += connection.recv(4096)
            left = size - len(head.partition(b"\r\n\r\n")[2])
            while left:
                received = connection.recv_into(buffer)
                if not received:
                    raise ConnectionError("the origin closed the connection")
                left -= received
