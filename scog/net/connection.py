"""One HTTP/1.1 connection: what arrives of a body goes from the socket straight into the memory it is used from."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol, cast

from httptools import HttpParserError, HttpResponseParser

MAX_HEAD = 32_768
"""Bytes of status line and headers."""
HEAD_STEP = 8_192
"""Bytes read at once while the head is incomplete: what comes of the body with it has to be copied."""


class Head(NamedTuple):
    """Status and headers of an answer, these by their names in lower case."""

    status: int
    headers: Mapping[str, str]


Judge = Callable[[Head], int]
"""Says how many bytes the body has to have, or raises what is wrong with the answer."""
Room = Callable[[int], memoryview]
"""Gives memory for so many bytes of a body."""
Hear = Callable[[memoryview], None]
"""Hears of the part of the body that is there whenever it has grown, but for the last time."""


class Lost(ConnectionError):
    """The connection ended before the answer did; `silent` if that never began."""

    def __init__(self, silent: bool) -> None:
        super().__init__("the connection ended")
        self.silent = silent


class BadHttp(Exception):
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

    def __init__(self, room: Room) -> None:
        self.idle_since = 0.0
        """When it was last put aside, by time.monotonic."""
        self.kept = False
        """Whether it has been idle, so that the server may have closed it meanwhile."""
        self.when_lost: Callable[[], None] = _nothing
        self._room = room
        self._transport: Stream | None = None
        self._answer: _Answer | None = None
        self._keeps = True
        self._buffer = memoryview(bytearray(HEAD_STEP))

    @property
    def reusable(self) -> bool:
        """Whether another question may be asked."""
        open_ = self._transport is not None and not self._transport.is_closing()
        return open_ and self._keeps and self._answer is None

    async def ask(self, request: bytes, judge: Judge, hear: Hear | None = None) -> tuple[Head, memoryview]:
        """Send a request. The answer and its body; whoever stops waiting ends the connection.

        Raises what `judge` raises, Lost or BadHttp; the connection is of no use any more then.
        """
        if self._transport is None or self._transport.is_closing():
            raise Lost(silent=True)
        answer = self._answer = _Answer(judge, self._room, hear)
        try:
            self._transport.write(request)
            await answer.done
        except BaseException:
            answer.drop()
            self.abort()
            raise
        self._keeps = answer.keeps
        self._answer = None
        assert answer.head is not None
        return answer.head, answer.body

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
        lacking = None if self._answer is None else self._answer.lacking
        return self._buffer if lacking is None else lacking

    def buffer_updated(self, nbytes: int) -> None:
        """So many bytes have come."""
        if self._answer is None or self._answer.done.done():  # nobody has asked for these
            self.abort()
        else:
            self._answer.take(self._buffer, nbytes)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is over; an answer without a length ends like this."""
        self.when_lost()
        # They hold each other: memory would wait for the garbage collector.
        self._transport = None
        self.when_lost = _nothing
        if self._answer is not None:
            self._answer.end()


def _nothing() -> None:
    """Nobody cares."""


class _Answer:
    """An answer on its way."""

    def __init__(self, judge: Judge, room: Room, hear: Hear | None) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.head: Head | None = None
        self.body = memoryview(b"")
        self.lacking: memoryview | None = None
        """The part of the body that comes next, once its length is known and it comes as it is."""
        self.keeps = False
        self._judge: Judge | None = judge
        self._room = room
        self._hear = hear
        self._parser: HttpResponseParser | None = HttpResponseParser(self)
        self._headers: dict[str, str] = {}
        self._read = 0
        self._filled = 0
        self._early: list[bytes] = []
        self._complete = False

    def take(self, buffer: memoryview, count: int) -> None:
        """Take bytes: of the body, if that is where they went, else of the buffer."""
        if self.lacking is not None:
            self.lacking = self.lacking[count:]
            if not self.lacking:
                self._finish()
            elif self._hear is not None:
                self._hear(self.body[: len(self.body) - len(self.lacking)])
            return
        self._read += count
        assert self._parser is not None
        try:
            self._parser.feed_data(buffer[:count])
            if self.head is not None:
                self._proceed()
            elif self._read >= MAX_HEAD:
                raise BadHttp("its headers do not end")
        except HttpParserError as fault:
            self._fail(BadHttp(str(fault)))
        except Exception as fault:  # of the judge's: it is for the one who asked
            self._fail(fault)

    def end(self) -> None:
        """Nothing more comes."""
        if self.done.done():
            return
        ended = self.head is not None and not {"content-length", "transfer-encoding"} & self._headers.keys()
        if ended and self._filled == len(self.body):
            self._finish()
        else:
            self._fail(Lost(silent=self._read == 0))

    def _proceed(self) -> None:
        """Look at the head, and put what was read so far where it belongs.

        The rest of a body of known length goes there by itself.
        """
        assert self.head is not None
        if self._judge is not None:
            self.body = self._room(self._judge(self.head))
            self._judge = None
            if not len(self.body):  # whatever comes is of no interest
                self.keeps = False
                self._finish()
                return
        for data in self._early:
            if self._filled + len(data) > len(self.body):
                raise BadHttp("more came than was asked for")
            self.body[self._filled : self._filled + len(data)] = data
            self._filled += len(data)
        self._early.clear()
        if self._complete:
            if self._filled != len(self.body):
                raise BadHttp("less came than was asked for")
            self._finish()
            return
        if self._headers.get("content-length") == str(len(self.body)):
            self.lacking = self.body[self._filled :]
        if self._hear is not None and self._filled:
            self._hear(self.body[: self._filled])

    def _finish(self) -> None:
        self.lacking = None
        self.drop()
        if not self.done.done():
            self.done.set_result(None)

    def _fail(self, fault: Exception) -> None:
        self.drop()
        if not self.done.done():
            self.done.set_exception(fault)

    def drop(self) -> None:
        """Parser and answer hold each other: the body would take memory until Python looks for such circles."""
        self._parser = self._hear = None

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
        self.keeps = self._parser.should_keep_alive()

    def on_body(self, data: bytes) -> None:
        """Some of the body."""
        self._early.append(data)

    def on_message_complete(self) -> None:
        """The answer's end."""
        self._complete = self.head is not None
