"""A file server over TLS and plain HTTP with adjustable latency and bandwidth, and exact counts.

    python -m benchmarks.origin ROOT --first-byte 0.030 --bandwidth 50e6

serves `ROOT/path` as `https://127.0.0.1:<tls>/<anything>/path` and `http://127.0.0.1:<port>/<anything>/path`. It prints
the ports, and the path of the authority's certificate. The first path segment is ignored: a new one makes a URL that
no cache contains.

The bandwidth is that of each connection, as with S3; `--link` is the bandwidth that all connections share. Since
loopback has no latency, the origin delays a new connection's first request by `--round-trip`, once for TCP and once
more for TLS 1.3. Connections that were idle for `--idle` seconds are closed.

A third port is for control, without delays or counts:

    GET  /_counts          requests, HEADs, body bytes, bytes sent twice, by file and in total; connections
    POST /_reset           resets the counts and the sequence of faults
    POST /_close_idle      closes idle connections
    POST /_shape?NAME=..   first_byte, bandwidth, round_trip, idle, link (0: none), pause (seconds without
                           traffic), and the faults of `origin_faults.Faults`
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import math
import signal
import socket
import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from benchmarks.certificate import Certificate, make_certificate
from benchmarks.origin_connection import Connection
from benchmarks.origin_faults import Faults, FaultSampler
from benchmarks.origin_files import Counts, Files
from benchmarks.origin_link import Link

BACKLOG = 1024
SEND_BUFFER = 65_536
"""Send buffer of a connection in bytes (the kernel doubles it); buffered bytes count as sent."""


@dataclass
class Shape:
    """Seconds to the first byte of a response and of a round trip; bytes per second of a connection.

    Connections without a request for `idle` seconds are closed.
    """

    first_byte: float
    bandwidth: float
    round_trip: float = 0.0
    idle: float = 5.0


class Server:
    """State shared by the connections."""

    def __init__(self, root: Path, shape: Shape) -> None:
        self.loop = asyncio.get_running_loop()
        self.files = Files(root)
        self.shape = shape
        self.link = Link(self.loop)
        self.fault_sampler = FaultSampler(Faults())
        self.counts = Counts()
        self.connections: set[Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def control(self, method: str, target: str) -> tuple[int, bytes]:
        """Status and body of the response to a request on the control port."""
        parts = urlsplit(target)
        match method, parts.path:
            case "GET", "/_counts":
                return 200, json.dumps(self.counts.report()).encode()
            case "POST", "/_reset":
                self.counts.reset()
                self.fault_sampler.reset()
            case "POST", "/_close_idle":
                self.close_idle()
            case "POST", "/_shape":
                try:
                    for name, value in parse_qsl(parts.query, keep_blank_values=True):
                        self.change(name, value)
                except (ValueError, AttributeError) as error:
                    return 400, json.dumps({"error": str(error)}).encode()
            case _:
                return 404, b"{}"
        return 200, b"{}"

    def change(self, name: str, value: str) -> None:
        """Set a parameter of the shape, the link or the faults. Raises ValueError or AttributeError."""
        if name == "link":
            self.link.rate = float(value) or math.inf
        elif name == "pause":
            self.link.pause(float(value))
            for connection in self.connections:
                connection.delay(float(value))
        else:
            owner = next((each for each in (self.shape, self.fault_sampler.faults) if hasattr(each, name)), None)
            if owner is None:
                raise AttributeError(f"there is no {name}")
            setattr(owner, name, type(getattr(owner, name))(value))

    def close_idle(self, before: float = math.inf) -> None:
        """Close connections that have been idle since before a time of the event loop."""
        for connection in [each for each in self.connections if each.idle and each.idle_since < before]:
            connection.close()

    async def sweep(self) -> None:
        """Periodically close connections that were idle for too long."""
        while True:
            await asyncio.sleep(min(0.25, self.shape.idle / 4))
            self.close_idle(self.loop.time() - self.shape.idle)

    async def accept(self, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
        """Accept connections forever; each is served after its round trips."""
        while True:
            accepted, _ = await self.loop.sock_accept(listener)
            task = self.loop.create_task(self._attend(accepted, tls))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _attend(self, accepted: socket.socket, tls: ssl.SSLContext | None) -> None:
        if tls is None:
            self.counts.connections.plain += 1
        else:
            self.counts.connections.tls += 1
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        trips = 1 if tls is None else 2
        opens = max(self.loop.time(), self.link.closed_until) + trips * self.shape.round_trip
        if opens > self.loop.time():
            await asyncio.sleep(opens - self.loop.time())
        if tls is not None:
            accepted = tls.wrap_socket(accepted, server_side=True, do_handshake_on_connect=False)
        self.connections.add(Connection(self, accepted))

    async def accept_control(self, listener: socket.socket) -> None:
        """Accept connections of the control port."""
        while True:
            accepted, _ = await self.loop.sock_accept(listener)
            Connection(self, accepted, control=True)


def listen(port: int) -> socket.socket:
    """A non-blocking listening socket whose connections have small send buffers."""
    listener = socket.create_server(("127.0.0.1", port), backlog=BACKLOG)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    listener.setblocking(False)
    return listener


async def serve(root: Path, ports: tuple[int, int], certificate: Certificate, shape: Shape, link: float) -> None:
    """Serve until SIGTERM; prints ports and authority when ready."""
    server = Server(root, shape)
    server.link.rate = link or math.inf
    plain, tls, control = listen(ports[0]), listen(ports[1]), listen(0)
    tasks = [
        asyncio.create_task(work)
        for work in (
            server.accept(plain, None),
            server.accept(tls, certificate.server_context()),
            server.accept_control(control),
            server.sweep(),
        )
    ]
    stopped = asyncio.Event()
    server.loop.add_signal_handler(signal.SIGTERM, stopped.set)
    server.loop.add_signal_handler(signal.SIGINT, stopped.set)
    names = {"port": plain, "tls": tls, "control": control}
    addresses = {name: listener.getsockname()[1] for name, listener in names.items()}
    print(json.dumps({**addresses, "authority": str(certificate.authority)}), flush=True)
    await stopped.wait()
    for task in tasks:
        task.cancel()


def main() -> None:
    """Serve a folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path)
    parser.add_argument("--port", type=int, default=0, help="of plain HTTP; by default a free one")
    parser.add_argument("--tls-port", type=int, default=0)
    parser.add_argument("--first-byte", type=float, default=0.030, help="seconds")
    parser.add_argument("--round-trip", type=float, default=0.0, help="seconds")
    parser.add_argument("--bandwidth", type=float, default=50e6, help="bytes per second of each connection")
    parser.add_argument("--link", type=float, default=0.0, help="bytes per second of all connections; 0: no limit")
    parser.add_argument("--idle", type=float, default=5.0, help="seconds after which an idle connection is closed")
    options = parser.parse_args()
    shape = Shape(options.first_byte, options.bandwidth, options.round_trip, options.idle)
    with tempfile.TemporaryDirectory(prefix="origin-") as folder:
        certificate = make_certificate(Path(folder))
        gc.freeze()
        asyncio.run(serve(options.root, (options.port, options.tls_port), certificate, shape, options.link))


if __name__ == "__main__":
    main()
