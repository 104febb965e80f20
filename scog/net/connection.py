"""One HTTP/1.1 connection. Bodies are received without a copy, directly into the buffers that callers use."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol, cast

from httptools import HttpParserError, HttpResponseParser

MAX_HEAD = 32_768
"""Maximum bytes of status line and headers."""
HEAD_BUFFER = 8_192
"""Maximum bytes received at once until the head is complete. The part of the body in them must be copied."""


class Head(NamedTuple):
    """Status and headers of a response. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]


CheckHead = Callable[[Head], int]
"""Returns the length in bytes that the body must have, or raises if the response cannot be used."""
Allocate = Callable[[int], memoryview]
"""Returns a buffer of the given length in bytes."""
OnData = Callable[[memoryview], None]
"""Called with the received part of the body whenever it has grown, except when it is complete."""


class ConnectionLost(ConnectionError):
    """The connection ended before the response did. `before_response`: before its first byte."""

    def __init__(self, before_response: bool) -> None:
        super().__init__("the connection ended")
        self.before_response = before_response


class ProtocolError(Exception):
    """The response is not valid HTTP, or its body has another length than announced."""


class Stream(Protocol):
    """The part of a transport that a connection uses; implemented by the event loops' transports and by TlsStream."""

    def write(self, data: bytes) -> None:
        """Send all of `data`."""

    def is_closing(self) -> bool:
        """Whether the connection is closed or closing."""

    def abort(self) -> None:
        """Close the connection at once."""


class Connection(asyncio.BufferedProtocol):
    """An HTTP/1.1 connection that carries one request at a time."""

    def __init__(self, allocate: Allocate) -> None:
        self.idle_since = 0.0
        """When it became idle, by time.monotonic."""
        self.reused = False
        """Whether it was idle before: the server may have closed it meanwhile."""
        self.on_lost: Callable[[], None] = _do_nothing
        self._allocate = allocate
        self._transport: Stream | None = None
        self._response: _Response | None = None
        self._keep_alive = True
        self._buffer = memoryview(bytearray(HEAD_BUFFER))

    @property
    def reusable(self) -> bool:
        """Whether another request may be sent."""
        open_ = self._transport is not None and not self._transport.is_closing()
        return open_ and self._keep_alive and self._response is None

    async def send(
        self, request: bytes, check_head: CheckHead, on_data: OnData | None = None
    ) -> tuple[Head, memoryview]:
        """Send a request. Returns head and body. Cancelling closes the connection.

        Raises ConnectionLost, ProtocolError or what `check_head` raises. After an error, the connection cannot be used
        again.
        """
        if self._transport is None or self._transport.is_closing():
            raise ConnectionLost(before_response=True)
        response = self._response = _Response(check_head, self._allocate, on_data)
        try:
            self._transport.write(request)
            await response.done
        except BaseException:
            response.release()
            self.abort()
            raise
        self._keep_alive = response.keep_alive
        self._response = None
        assert response.head is not None
        return response.head, response.body

    def abort(self) -> None:
        """Close the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    # Called by the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport."""
        self._transport = cast("Stream", transport)  # uvloop's does not subclass asyncio.Transport

    def get_buffer(self, sizehint: int) -> memoryview:
        """The buffer for the next bytes: the rest of the body and no more, else the head buffer."""
        remaining = None if self._response is None else self._response.remaining
        return self._buffer if remaining is None else remaining

    def buffer_updated(self, nbytes: int) -> None:
        """Process `nbytes` bytes that were received."""
        if self._response is None or self._response.done.done():  # bytes outside a response
            self.abort()
        else:
            self._response.feed(self._buffer, nbytes)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed. This also ends a body without Content-Length."""
        self.on_lost()
        # Breaks a reference cycle, which would hold the memory until the garbage collector runs.
        self._transport = None
        self.on_lost = _do_nothing
        if self._response is not None:
            self._response.eof()


def _do_nothing() -> None:
    """Default of `on_lost`."""


class _Response:
    """A response that is being received."""

    def __init__(self, check_head: CheckHead, allocate: Allocate, on_data: OnData | None) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.head: Head | None = None
        self.body = memoryview(b"")
        self.remaining: memoryview | None = None
        """The buffer for the rest of the body, if its length is known and it needs no decoding."""
        self.keep_alive = False
        self._check_head: CheckHead | None = check_head
        self._allocate = allocate
        self._on_data = on_data
        self._parser: HttpResponseParser | None = HttpResponseParser(self)
        self._headers: dict[str, str] = {}
        self._fed = 0
        self._filled = 0
        self._chunks: list[bytes] = []
        self._complete = False

    def feed(self, buffer: memoryview, count: int) -> None:
        """Process `count` received bytes. They are in `buffer`, unless the body is received directly."""
        if self.remaining is not None:
            self.remaining = self.remaining[count:]
            if not self.remaining:
                self._finish()
            elif self._on_data is not None:
                self._on_data(self.body[: len(self.body) - len(self.remaining)])
            return
        self._fed += count
        assert self._parser is not None
        try:
            self._parser.feed_data(buffer[:count])
            if self.head is not None:
                self._process()
            elif self._fed >= MAX_HEAD:
                raise ProtocolError(f"its head is longer than {MAX_HEAD} bytes")
        except HttpParserError as error:
            self._fail(ProtocolError(str(error)))
        except Exception as error:  # from check_head; passed to the caller
            self._fail(error)

    def eof(self) -> None:
        """The connection is closed."""
        if self.done.done():
            return
        ended = self.head is not None and not {"content-length", "transfer-encoding"} & self._headers.keys()
        if ended and self._filled == len(self.body):
            self._finish()
        else:
            self._fail(ConnectionLost(before_response=self._fed == 0))

    def _process(self) -> None:
        """Check the head, and copy the part of the body that was received with it.

        The rest of a body with Content-Length is received in place.
        """
        assert self.head is not None
        if self._check_head is not None:
            self.body = self._allocate(self._check_head(self.head))
            self._check_head = None
            if not len(self.body):  # the body is not needed
                self.keep_alive = False
                self._finish()
                return
        for data in self._chunks:
            if self._filled + len(data) > len(self.body):
                raise ProtocolError(f"its body is longer than the {len(self.body)} bytes requested")
            self.body[self._filled : self._filled + len(data)] = data
            self._filled += len(data)
        self._chunks.clear()
        if self._complete:
            if self._filled != len(self.body):
                raise ProtocolError(f"its body has {self._filled} bytes instead of the {len(self.body)} requested")
            self._finish()
            return
        if self._headers.get("content-length") == str(len(self.body)):
            self.remaining = self.body[self._filled :]
        if self._on_data is not None and self._filled:
            self._on_data(self.body[: self._filled])

    def _finish(self) -> None:
        self.remaining = None
        self.release()
        if not self.done.done():
            self.done.set_result(None)

    def _fail(self, error: Exception) -> None:
        self.release()
        if not self.done.done():
            self.done.set_exception(error)

    def release(self) -> None:
        """Break the reference cycle with the parser, which would hold the body until the garbage collector runs."""
        self._parser = self._on_data = None

    # Called by the parser

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header. If a name repeats, the last value is used."""
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """All headers. Interim (1xx) responses are skipped."""
        assert self._parser is not None
        status = self._parser.get_status_code()
        if status < 200:
            self._headers = {}
            return
        self.head = Head(status, self._headers)
        self.keep_alive = self._parser.should_keep_alive()

    def on_body(self, data: bytes) -> None:
        """A part of the body."""
        self._chunks.append(data)

    def on_message_complete(self) -> None:
        """The end of the response."""
        self._complete = self.head is not None
