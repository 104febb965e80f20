"""A client's connection to the origin: HTTP/1.1 over a socket, with or without TLS, without pipelining.

It writes to the socket directly and counts the bytes that the system accepts. Bytes that a client never reads are not
counted, except for those in the sockets' buffers.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from benchmarks.origin_faults import Outcome
from benchmarks.origin_files import NO_BODY, Count

if TYPE_CHECKING:
    from benchmarks.origin import Server

STEP = 262_144
"""Bytes of a chunk if only the connection's bandwidth limits it; sent when its last byte is due."""
EARLY = 0.0005
"""Seconds by which timers are set early, as they fire up to a millisecond late; exact on average."""
MAX_HEAD = 65_536
HANDSHAKE = 4096
"""Bytes of a TLS handshake: certificates, tickets, acknowledgements."""
REASONS = {200: "OK", 206: "Partial Content", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed",
           416: "Range Not Satisfiable", 503: "Slow Down"}  # fmt: skip
BLOCKED = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
UNLIMITED = 1e12


@dataclass
class Response:
    """A response in progress. `began` is the loop's time of the first byte, `bandwidth` in bytes per second."""

    head: memoryview
    body: memoryview
    count: Count
    address: str
    start: int
    began: float
    bandwidth: float
    cut_after: int | None = None
    sent: int = 0
    chunk: int = 0


class Connection:
    """A connection over a non-blocking socket; the TLS handshake is done here."""

    def __init__(self, server: Server, sock: socket.socket, *, control: bool = False) -> None:
        self._server = server
        self._loop = server.loop
        self._socket = sock
        self._file = sock.fileno()
        self._control = control
        self._handshaking = isinstance(sock, ssl.SSLSocket)
        self._received = b""
        self._response: Response | None = None
        self._stalled = self._close_after = self._watching = self.closed = False
        self._timer: asyncio.TimerHandle | None = None
        self.idle_since = self._loop.time()
        self._loop.add_reader(self._file, self._readable)

    @property
    def idle(self) -> bool:
        """Whether no request is in progress."""
        return self._response is None and not self._stalled and not self._received

    def close(self) -> None:
        """Close, after a TLS close_notify."""
        if isinstance(self._socket, ssl.SSLSocket) and not self._handshaking and not self.closed:
            with suppress(OSError, ValueError):
                self._socket.unwrap()
        self._disconnect()

    def delay(self, seconds: float) -> None:
        """Delay the rest of the response."""
        if self._response is not None:
            self._response.began += seconds

    def _disconnect(self) -> None:
        if self.closed:
            return
        self.closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._loop.remove_reader(self._file)
        self._loop.remove_writer(self._file)
        self._server.link.leave(self)
        self._server.connections.discard(self)
        self._socket.close()

    def _reset(self) -> None:
        """Abort the connection with a TCP reset."""
        self._server.counts.connections.resets += 1
        with suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._disconnect()

    # Reading requests

    def _readable(self) -> None:
        try:
            if self._handshaking:
                self._handshake()
            while not self.closed:
                data = self._socket.recv(MAX_HEAD)
                if not data:
                    self._disconnect()
                    return
                self._received += data
                if self._response is None and not self._stalled:
                    self._next_request()
        except BLOCKED:
            return
        except OSError:
            self._disconnect()

    def _handshake(self) -> None:
        """Continue the handshake. Raises one of BLOCKED while waiting for the client."""
        assert isinstance(self._socket, ssl.SSLSocket)
        self._socket.do_handshake()
        self._handshaking = False
        self._server.counts.connections.resumed += bool(self._socket.session_reused)
        self._server.link.charge(HANDSHAKE)
        self.idle_since = self._loop.time()

    def _next_request(self) -> None:
        head, end, rest = self._received.partition(b"\r\n\r\n")
        if not end:
            if len(head) > MAX_HEAD:
                self._disconnect()
            return
        self._received = rest  # requests have no body
        lines = head.decode("latin-1").split("\r\n")
        method, target, *version = lines[0].split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        connection_header = headers.get("connection", "").lower()
        self._close_after = connection_header == "close" or (
            version == ["HTTP/1.0"] and connection_header != "keep-alive"
        )
        if self._control:
            self._answer_control(method, target)
        else:
            self._answer_file(method, target, headers)

    def _answer_control(self, method: str, target: str) -> None:
        status, body = self._server.control(method, target)
        head = self._head(status, {"Content-Type": "application/json", "Content-Length": str(len(body))})
        self._response = Response(memoryview(head), memoryview(body), Count(), target, 0, self._loop.time(), UNLIMITED)
        self._send_unshaped()

    def _send_unshaped(self) -> None:
        """Send a response without limits."""
        while self.send(1 << 30)[1]:
            pass

    def _answer_file(self, method: str, target: str, headers: dict[str, str]) -> None:
        server, address = self._server, unquote(target.partition("?")[0]).lstrip("/")
        path, range_header = address.partition("/")[2], headers.get("range")
        count = server.counts.files[path]
        count.requests += 1
        count.heads += method == "HEAD"
        outcome, share = server.fault_sampler.outcome(path, range_header)
        if outcome is Outcome.STALL:
            server.counts.connections.stalled += 1
            self._stalled = True
            return
        if outcome is Outcome.REFUSE:
            server.counts.connections.refused += 1
            status, fields, body, start = 503, {"Content-Length": "0"}, NO_BODY, 0
        else:
            status, fields, body, start = server.files.respond(method, path, range_header)
        began = max(self._loop.time(), server.link.closed_until) + server.shape.first_byte
        bandwidth = min(server.shape.bandwidth, server.fault_sampler.bandwidth(headers.get("host", ""), path))
        body = NO_BODY if method == "HEAD" else body
        cut = int(share * len(body)) if outcome is Outcome.RESET else None
        head = memoryview(self._head(status, fields))
        self._response = Response(head, body, count, address, start, began, bandwidth, cut)
        self._schedule(began, self._begin)

    def _head(self, status: int, fields: dict[str, str]) -> bytes:
        fields = fields | {"Connection": "close" if self._close_after else "keep-alive"}
        lines = [f"HTTP/1.1 {status} {REASONS[status]}", *(f"{name}: {value}" for name, value in fields.items())]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    # Sending: chunk by chunk, when the chunk is due and the link gives this connection its turn

    def _schedule(self, when: float, work: object) -> None:
        self._timer = self._loop.call_at(when - EARLY, work)  # type: ignore[arg-type]

    def _begin(self) -> None:
        self._timer = None
        self._server.link.join(self)

    def _writable(self) -> None:
        self._loop.remove_writer(self._file)
        self._watching = False
        if self._control:
            self._send_unshaped()
        else:
            self._server.link.join(self)

    def send(self, limit: int) -> tuple[int, bool]:
        """Send at most `limit` due bytes. Returns their number, and whether more bytes are due."""
        response, taken = self._response, 0
        if response is None or self.closed or self._watching:
            return 0, False
        try:
            while response.head:
                size = self._socket.send(response.head)
                response.head = response.head[size:]
                taken += size
            while response.chunk and taken < limit:
                size = self._socket.send(response.body[: min(response.chunk, limit - taken)])
                self._count(response, size)
                taken += size
        except BLOCKED:
            self._loop.add_writer(self._file, self._writable)
            self._watching = True
            return taken, False
        except OSError:
            self._disconnect()
            return taken, False
        return taken, bool(response.chunk) or self._next_chunk(response)

    def _count(self, response: Response, size: int) -> None:
        start = response.start + response.sent
        response.count.add(response.address, start, start + size)
        response.body = response.body[size:]
        response.chunk -= size
        response.sent += size

    def _next_chunk(self, response: Response) -> bool:
        """Whether another chunk is due; otherwise schedules it, or finishes the response."""
        if response.cut_after is not None and response.sent >= response.cut_after:
            self._reset()
            return False
        if not response.body:
            self._done()
            return False
        remaining = len(response.body) if response.cut_after is None else response.cut_after - response.sent
        response.chunk = min(remaining, self._server.link.chunk(response.bandwidth, STEP))
        due = response.began + (response.sent + response.chunk) / response.bandwidth
        if due - EARLY <= self._loop.time():
            return True
        self._schedule(due, self._begin)
        return False

    def _done(self) -> None:
        self._response = None
        self.idle_since = self._loop.time()
        if self._close_after:
            self.close()
        elif self._received:
            self._loop.call_soon(self._next_if_any)

    def _next_if_any(self) -> None:
        if self._response is None and not self.closed:
            self._next_request()
