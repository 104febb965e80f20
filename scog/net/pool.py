"""Connection pool of one server: idle connections, connections being opened, and requests that wait for one."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from scog.net.connection import Connection

MAX_IDLE = 60.0
"""Seconds after which an idle connection is closed.

Many servers close idle connections earlier (S3 after about 5 to 20 s). The client notices that at once, or repeats one
request.
"""


class Pool:
    """Connection pool of one server. `dial` opens a connection. Used within one event loop."""

    def __init__(self, dial: Callable[[], Coroutine[Any, Any, Connection]]) -> None:
        self._dial = dial
        self._idle: list[Connection] = []
        self._waiters: deque[asyncio.Future[Connection]] = deque()
        self._opening: set[asyncio.Task[Connection]] = set()

    async def acquire(self) -> Connection:
        """An idle connection, else the first one that becomes idle or is opened.

        Raises OSError if opening one fails.
        """
        while self._idle:
            connection = self._idle.pop()  # the most recently used one, so that surplus connections expire
            if _usable(connection):
                return connection
            connection.abort()
        waiter: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        if len(self._opening) < len(self._waiters):
            self._open()
        try:
            return await waiter
        except asyncio.CancelledError:
            with suppress(ValueError):
                self._waiters.remove(waiter)
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self._offer(waiter.result())
            raise

    def release(self, connection: Connection) -> None:
        """Return a connection that can be reused."""
        connection.reused = True
        self._offer(connection)

    def open_ahead(self, count: int) -> None:
        """Open connections until `count` are idle or being opened. Never raises."""
        idle = sum(connection.reusable for connection in self._idle)
        for _ in range(count - idle - len(self._opening)):
            self._open()

    def close(self) -> None:
        """Cancel the connections that are being opened. The dialer closes the others."""
        for task in self._opening:
            task.cancel()
        while waiter := self._next_waiter():
            waiter.set_exception(ConnectionError("the client was closed"))

    def _open(self) -> None:
        task = asyncio.create_task(self._dial())
        self._opening.add(task)
        task.add_done_callback(self._opened)

    def _opened(self, task: asyncio.Task[Connection]) -> None:
        self._opening.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is None:
            self._offer(task.result())
        elif len(self._waiters) > len(self._opening) and (waiter := self._next_waiter()):
            waiter.set_exception(error)

    def _offer(self, connection: Connection) -> None:
        """Give a connection to the first waiter; add it to the idle connections if there is none."""
        if waiter := self._next_waiter():
            waiter.set_result(connection)
            return
        connection.reused = True
        connection.idle_since = time.monotonic()
        self._idle.append(connection)
        while self._idle and not _usable(self._idle[0]):
            self._idle.pop(0).abort()

    def _next_waiter(self) -> asyncio.Future[Connection] | None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():  # a cancelled waiter removes itself later
                return waiter
        return None


def _usable(connection: Connection) -> bool:
    return connection.reusable and time.monotonic() - connection.idle_since < MAX_IDLE
