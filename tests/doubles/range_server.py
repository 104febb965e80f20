"""A file server on a real socket, with faults of every kind and exact timing.

    with RangeServer(tls=True, link=Link(2_500_000, latency=0.04)) as server:
        server.put("/a.tif", data)
        server.fail("/a.tif", status(503), cut_after(100))  # the first request, the second; the third succeeds
        read(server.url("/a.tif"))
        assert server.requests == [...]

The faults are those of `tests.doubles.faults`, which this module exports too.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import ssl
import struct
import threading
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any, Self, TypeVar

from tests.doubles import certificates
from tests.doubles.faults import (
    Answer,
    Fault,
    body,
    by_chance,
    cut_after,
    drip,
    flip,
    garbage,
    hang,
    hang_after,
    header,
    html,
    html_as_range,
    late,
    meanwhile,
    redirect,
    reset,
    reset_after,
    shifted,
    short,
    short_body,
    status,
    weak,
    whole,
)
from tests.doubles.link import Link

__all__ = [
    "Answer", "Fault", "Link", "RangeServer", "ReceivedRequest", "Request", "Span", "body", "by_chance", "cut_after",
    "drip", "flip", "garbage", "hang", "hang_after", "header", "html", "html_as_range", "late", "meanwhile", "redirect",
    "reset", "reset_after", "shifted", "short", "short_body", "status", "weak", "whole",
]  # fmt: skip

HANDSHAKE = 3_000
"""Approximate bytes that a server sends in a TLS handshake."""
T = TypeVar("T")
default_tls = False
"""Whether servers use TLS by default; set by the fixture `transport`."""


@dataclass(frozen=True)
class ReceivedRequest:
    """One request as received. `range` is None without a Range header, else first and last byte, both included."""

    method: str
    path: str
    range: tuple[int, int] | None
    if_range: str | None = None


@dataclass
class Span:
    """Bytes `start..stop` of a file that were sent in response to one request."""

    path: str
    start: int
    stop: int


@dataclass(frozen=True)
class Request:
    """A request's head and body. Header names are in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def received(self) -> ReceivedRequest:
        match = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("range", ""))
        byte_range = (int(match[1]), int(match[2])) if match else None
        return ReceivedRequest(self.method, self.target, byte_range, self.headers.get("if-range"))


@dataclass
class _File:
    data: bytes
    etag: str
    faults: deque[Fault] = field(default_factory=deque)
    always: Fault | None = None


class RangeServer:
    """Serves bytes from memory on 127.0.0.1, and counts `requests` and `bytes` (of bodies) exactly.

    With `tls` over TLS 1.3, with a certificate that the tests' clients trust. `latency` is the delay of each response
    in seconds. Connections unused for `idle` seconds are closed. May share a `link` with other servers.
    """

    def __init__(
        self, *, latency: float = 0.0, tls: bool | None = None, link: Link | None = None, idle: float | None = None
    ) -> None:
        self.latency = latency
        self.tls = default_tls if tls is None else tls
        self.link = link
        self.idle = idle
        self.requests: list[ReceivedRequest] = []
        self.spans: list[Span] = []
        """Byte ranges of files sent, in the order in which their responses started."""
        self.bytes = 0
        self.max_concurrent = 0
        """Largest number of requests answered concurrently."""
        self.connections = 0
        """Connections opened; over TLS, those with a completed handshake."""
        self.resumed = 0
        """Number of connections that resumed a TLS session."""
        self._concurrent = 0
        self._files: dict[str, _File] = {}
        self._any = _File(b"", "")
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter | None] = {}
        self._silent: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._listener: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self._call(self._listen())
        return self

    def __exit__(self, *exc: object) -> None:
        self._call(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    @property
    def host(self) -> str:
        """The server's address, as in an allow-list."""
        return f"127.0.0.1:{self.port}"

    def url(self, path: str) -> str:
        return f"{'https' if self.tls else 'http'}://{self.host}{path}"

    def put(self, path: str, data: bytes, etag: str | None = None) -> str:
        """Serve `data` at `path`, and return its URL. The ETag is derived from the data unless given.

        It may be weak (`W/"..."`), or empty for none.
        """
        if etag is None:
            etag = f'"{blake2b(data, digest_size=8).hexdigest()}"'
        existing = self._files.get(path)
        self._files[path] = replace(existing, data=data, etag=etag) if existing else _File(data, etag)
        return self.url(path)

    def data(self, path: str) -> bytes:
        """The data served at `path`."""
        return self._files[path].data

    def fail(self, path: str, *faults: Fault, always: Fault | None = None) -> None:
        """Apply one fault each to the next responses for `path`, and then `always`. Without any, clear the faults."""
        file = self._files.setdefault(path, _File(b"", '""'))
        file.faults = deque(faults)
        file.always = always

    def fail_any(self, *faults: Fault, always: Fault | None = None) -> None:
        """The same for all files that have no faults left themselves."""
        self._any.faults = deque(faults)
        self._any.always = always

    def forget_requests(self) -> None:
        """Reset the counts."""
        self.requests.clear()
        self.spans.clear()
        self.bytes = 0

    @property
    def ranges(self) -> list[tuple[int, int] | None]:
        """The requested ranges, in order."""
        return [received.range for received in self.requests]

    @property
    def repeated(self) -> int:
        """Bytes of files that were sent more than once."""
        repeated, reached = 0, ("", 0)
        for span in sorted(self.spans, key=lambda span: (span.path, span.start, span.stop)):
            if span.path == reached[0]:
                repeated += max(0, min(span.stop, reached[1]) - span.start)
            reached = max(reached, (span.path, span.stop))
        return repeated

    # Connections

    def refuse(self) -> None:
        """Reset all connections and refuse new ones until `accept` is called."""
        self._call(self._refuse())

    def accept(self) -> None:
        """Accept connections again, on the same port."""
        self._call(self._listen())

    def hang_up(self) -> None:
        """Reset all connections."""
        self._call(self._hang_up())

    def fall_silent(self) -> None:
        """Send nothing more on open connections, as if a router had dropped them. New connections work."""
        self._call(self._fall_silent())

    # On the server's event loop

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(5)

    async def _listen(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=1024)
        self._listener.setblocking(False)
        self.port = self._listener.getsockname()[1]
        self._accepting = asyncio.ensure_future(self._accept(self._listener))

    async def _refuse(self) -> None:
        assert self._listener is not None
        assert self._accepting is not None
        self._accepting.cancel()
        await asyncio.wait([self._accepting])
        self._listener.close()
        await self._hang_up()

    async def _stop(self) -> None:
        await self._refuse()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _hang_up(self) -> None:
        for task, writer in self._open.items():
            if writer is not None:
                _reset(writer)
            task.cancel()

    async def _fall_silent(self) -> None:
        self._silent.update(writer for writer in self._open.values() if writer is not None)

    async def _accept(self, listener: socket.socket) -> None:
        while True:
            accepted, _ = await self._loop.sock_accept(listener)
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._open[asyncio.ensure_future(self._connected(accepted))] = None

    async def _connected(self, accepted: socket.socket) -> None:
        task = asyncio.current_task()
        assert task is not None
        writer: asyncio.StreamWriter | None = None
        try:
            reader, writer = await self._opened(accepted)
            self._open[task] = writer
            while await self._serve_request(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client disconnected, the certificate is not trusted, or the test has ended
        finally:
            del self._open[task]
            if writer is None:
                accepted.close()
            else:
                self._silent.discard(writer)
                writer.transport.abort()

    async def _opened(self, accepted: socket.socket) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self.link is not None:
            await self.link.round_trip()
            if self.tls:
                await self.link.round_trip()
                await self.link.carry(HANDSHAKE)
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        context = certificates.serving() if self.tls else None
        transport, _ = await self._loop.connect_accepted_socket(lambda: protocol, accepted, ssl=context)
        self.connections += 1
        ssl_object: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
        self.resumed += ssl_object is not None and bool(ssl_object.session_reused)
        return reader, asyncio.StreamWriter(transport, protocol, reader, self._loop)

    async def _serve_request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request. Returns whether another may follow on the connection."""
        async with asyncio.timeout(self.idle):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.strip().split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        sent = await reader.readexactly(int(headers.get("content-length", "0")))
        if writer in self._silent:
            await asyncio.Event().wait()
        if self.link is not None:
            await self.link.round_trip()
        self._concurrent += 1
        self.max_concurrent = max(self.max_concurrent, self._concurrent)
        try:
            request = Request(method, target, headers, sent)
            return await self._answer(self._choose_response(request), writer, request.received)
        finally:
            self._concurrent -= 1

    def _choose_response(self, request: Request) -> Answer:
        """Record the request and choose its response."""
        received = request.received
        self.requests.append(received)
        file = self._files.get(received.path)
        if file is None:
            return Answer(404, body=b"no such file")
        if received.method != "GET":
            return Answer(405)
        fault = self._next_fault(file)
        answer = _successful_response(file, received)
        return fault(answer) if fault else answer

    def _next_fault(self, file: _File | None) -> Fault | None:
        for source in (file, self._any):
            if source is not None and (source.faults or source.always):
                return source.faults.popleft() if source.faults else source.always
        return None

    async def _answer(self, answer: Answer, writer: asyncio.StreamWriter, received: ReceivedRequest) -> bool:
        await asyncio.sleep(self.latency)
        if answer.before:
            return await self._end(answer.before, writer)
        headers = {"Content-Length": str(len(answer.body))} | answer.headers
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value)
        await self._send(f"HTTP/1.1 {answer.status} Whatever\r\n{lines}\r\n".encode("latin-1"), writer)
        await asyncio.sleep(answer.pause)
        body = answer.body[: answer.sent]
        step = answer.step or max(1, len(body))
        start = received.range[0] if received.range and answer.status == 206 else 0
        span = Span(received.path, start, start)
        if answer.status in (200, 206):
            self.spans.append(span)
        for at in range(0, len(body), step):
            await self._send(body[at : at + step], writer, span)
            await asyncio.sleep(answer.pause)
        if answer.meanwhile is not None:
            answer.meanwhile()
        return await self._end(answer.after, writer) if answer.after else True

    async def _send(self, data: bytes, writer: asyncio.StreamWriter, span: Span | None = None) -> None:
        step = len(data) if self.link is None else self.link.step
        for at in range(0, len(data), max(1, step)):
            piece = data[at : at + step]
            if self.link is not None:
                await self.link.carry(len(piece))
            if writer in self._silent:
                await asyncio.Event().wait()
            if span is not None:  # before sending, since the test may check it at once
                self.bytes += len(piece)
                span.stop += len(piece)
            writer.write(piece)
            await writer.drain()

    async def _end(self, how: str, writer: asyncio.StreamWriter) -> bool:
        if how == "hang":
            await asyncio.Event().wait()
        if how == "reset":
            _reset(writer)
        else:
            writer.close()
            with contextlib.suppress(TimeoutError):  # over TLS the client's close_notify may be missing
                async with asyncio.timeout(0.2):
                    await writer.wait_closed()
        return False


def _reset(writer: asyncio.StreamWriter) -> None:
    connection: socket.socket | None = writer.get_extra_info("socket")  # None over TLS once the client has disconnected
    if connection is not None:
        with contextlib.suppress(OSError):
            connection.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )  # close at once, with RST
    writer.transport.abort()


def _successful_response(file: _File, received: ReceivedRequest) -> Answer:
    size, headers = len(file.data), {"ETag": file.etag, "Accept-Ranges": "bytes"}
    same = received.if_range is None or (
        received.if_range == file.etag and file.etag.startswith('"')
    )  # RFC 9110, 13.1.5
    if received.range is None or not same:
        return Answer(200, headers, file.data)
    first, last = received.range
    if first >= size:
        return Answer(416, {"Content-Range": f"bytes */{size}"}, b"<Error>InvalidRange</Error>")
    last = min(last, size - 1)
    return Answer(206, headers | {"Content-Range": f"bytes {first}-{last}/{size}"}, file.data[first : last + 1])
