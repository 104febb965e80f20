"""One HTTP/1.1 connection: what arrives of a body goes from the socket straight into the memory it is used from."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol, cast

from httptools import HttpParserError, HttpResponseParser

MAX_HEAD = 32_768
"""Bytes of status line and headers."""
HEAD_BUFFER = 8_192
"""Bytes read at once while the head is incomplete: what comes of the body with it has to be copied."""


class Head(NamedTuple):
    """Status and headers of an answer, these by their names in lower case."""

    status: int
    headers: Mapping[str, str]


CheckHead = Callable[[Head], int]
"""Says how many bytes the body has to have, or raises what is wrong with the answer."""
Allocate = Callable[[int], memoryview]
"""Gives memory for so many bytes of a body."""
OnData = Callable[[memoryview], None]
"""Hears of the part of the body that is there whenever it has grown, but for the last time."""


class ConnectionLost(ConnectionError):
    """The connection ended before the answer did; `before_response` if that never began."""

    def __init__(self, before_response: bool) -> None:
        super().__init__("the connection ended")
        self.before_response = before_response


class ProtocolError(Exception):
    """What came is not HTTP, or has another length than it says."""


class Stream(Protocol):
    """What a connection needs of a transport: an event loop's own, or TLS."""

    def write(self, data: bytes) -> None:
        """Send all of it."""

    def is_closing(self) -> bool:
        """Whether the connection has ended or is about to."""

    def abort(self) -> None:
        """End the connection now."""


class Connection(asyncio.BufferedProtocol):
    """A connection, for one question at a time."""

    def __init__(self, allocate: Allocate) -> None:
        self.idle_since = 0.0
        """When it was last put aside, by time.monotonic."""
        self.reused = False
        """Whether it has been idle, so that the server may have closed it meanwhile."""
        self.on_lost: Callable[[], None] = _do_nothing
        self._allocate = allocate
        self._transport: Stream | None = None
        self._response: _Response | None = None
        self._keep_alive = True
        self._buffer = memoryview(bytearray(HEAD_BUFFER))

    @property
    def reusable(self) -> bool:
        """Whether another question may be asked."""
        open_ = self._transport is not None and not self._transport.is_closing()
        return open_ and self._keep_alive and self._response is None

    async def ask(
        self, request: bytes, check_head: CheckHead, on_data: OnData | None = None
    ) -> tuple[Head, memoryview]:
        """Send a request. The answer and its body; whoever stops waiting ends the connection.

        Raises what `check_head` raises, Lost or BadHttp; the connection is of no use any more then.
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
        """End the connection now."""
        if self._transport is not None:
            self._transport.abort()

    # Called by the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands."""
        self._transport = cast("Stream", transport)  # uvloop's does not subclass asyncio.Transport

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the next bytes go: what lacks of a body, and never more than that."""
        remaining = None if self._response is None else self._response.remaining
        return self._buffer if remaining is None else remaining

    def buffer_updated(self, nbytes: int) -> None:
        """So many bytes have come."""
        if self._response is None or self._response.done.done():  # nobody has asked for these
            self.abort()
        else:
            self._response.feed(self._buffer, nbytes)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is over; an answer without a length ends like this."""
        self.on_lost()
        # They hold each other: memory would wait for the garbage collector.
        self._transport = None
        self.on_lost = _do_nothing
        if self._response is not None:
            self._response.eof()


def _do_nothing() -> None:
    """Nobody cares."""


class _Response:
    """An answer on its way."""

    def __init__(self, check_head: CheckHead, allocate: Allocate, on_data: OnData | None) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.head: Head | None = None
        self.body = memoryview(b"")
        self.remaining: memoryview | None = None
        """The part of the body that comes next, once its length is known and it comes as it is."""
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
        """Take bytes: of the body, if that is where they went, else of the buffer."""
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
                raise ProtocolError("its headers do not end")
        except HttpParserError as fault:
            self._fail(ProtocolError(str(fault)))
        except Exception as fault:  # of the judge's: it is for the one who asked
            self._fail(fault)

    def eof(self) -> None:
        """Nothing more comes."""
        if self.done.done():
            return
        ended = self.head is not None and not {"content-length", "transfer-encoding"} & self._headers.keys()
        if ended and self._filled == len(self.body):
            self._finish()
        else:
            self._fail(ConnectionLost(before_response=self._fed == 0))

    def _process(self) -> None:
        """Look at the head, and put what was read so far where it belongs.

        The rest of a body of known length goes there by itself.
        """
        assert self.head is not None
        if self._check_head is not None:
            self.body = self._allocate(self._check_head(self.head))
            self._check_head = None
            if not len(self.body):  # whatever comes is of no interest
                self.keep_alive = False
                self._finish()
                return
        for data in self._chunks:
            if self._filled + len(data) > len(self.body):
                raise ProtocolError("more came than was asked for")
            self.body[self._filled : self._filled + len(data)] = data
            self._filled += len(data)
        self._chunks.clear()
        if self._complete:
            if self._filled != len(self.body):
                raise ProtocolError("less came than was asked for")
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

    def _fail(self, fault: Exception) -> None:
        self.release()
        if not self.done.done():
            self.done.set_exception(fault)

    def release(self) -> None:
        """Parser and answer hold each other: the body would take memory until Python looks for such circles."""
        self._parser = self._on_data = None

    # Called by the parser

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; of two of one name the last counts."""
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """All headers; those of an interim answer are of no interest."""
        assert self._parser is not None
        status = self._parser.get_status_code()
        if status < 200:
            self._headers = {}
            return
        self.head = Head(status, self._headers)
        self.keep_alive = self._parser.should_keep_alive()

    def on_body(self, data: bytes) -> None:
        """Some of the body."""
        self._chunks.append(data)

    def on_message_complete(self) -> None:
        """The answer's end."""
        self._complete = self.head is not None
