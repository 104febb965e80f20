"""Connections: opened ahead, shared between waiting requests, and reused while they are open."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop

from scog.net import pool
from scog.net.connection import Connection
from scog.net.dialer import Dialer
from scog.net.http import HttpClient
from scog.net.tls import TlsStream
from tests.doubles import reading
from tests.doubles.certificates import authority
from tests.doubles.scripted_server import ANSWER, BODY, Counter, repeating, serving, whole

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
Run = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture(params=LOOPS.values(), ids=LOOPS)
def run(request: pytest.FixtureRequest) -> Run:
    return lambda work: reading.run(work, loop=request.param)


@pytest.fixture(params=[False, True], ids=["plain", "tls"])
def secure(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


async def get(client: HttpClient, base: str, count: Counter | None = None, **more: Any) -> bytes:
    return bytes((await client.get(f"{base}/a", {}, whole, count or Counter(), **more))[1])


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(2):
        while not done():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


class Slow(Dialer):
    """Only the first connection is opened at once; the others wait for `let`."""

    def __init__(self) -> None:
        super().__init__(None)
        self.let = asyncio.Event()
        self.dialled = 0

    async def dial(self, *server: Any) -> Any:
        self.dialled += 1
        if self.dialled > 1:
            await self.let.wait()
        return await super().dial(*server)


def test_connections_opened_ahead_are_used(run: Run, secure: bool) -> None:
    async def work() -> None:
        client = HttpClient(authority().client())
        async with serving(repeating(ANSWER), authority().server("localhost") if secure else None) as base:
            client.open_ahead(f"{base}/a", 3)
            client.open_ahead(f"{base}/b", 3)  # already being opened
            await until(lambda: client.opened == 3)
            client.open_ahead(f"{base}/c", 3)  # already idle
            await asyncio.gather(*(get(client, base) for _ in range(3)))
            assert client.opened == 3
        await client.close()

    run(work())


def test_a_request_waits_for_connections_being_opened_ahead(run: Run) -> None:
    async def work() -> None:
        client = HttpClient()
        async with serving(repeating(ANSWER)) as base:
            client.open_ahead(f"{base}/a", 2)
            await asyncio.gather(*(get(client, base) for _ in range(2)))
            await until(lambda: client.opened == 2)
            await asyncio.sleep(0.02)
            assert client.opened == 2
        await client.close()

    run(work())


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/a", "ftp://a.test/", "http://[::1/", "http://a.test:99999/", "x"])
def test_opening_ahead_never_raises(run: Run, url: str) -> None:
    async def work() -> None:
        client = HttpClient()
        client.open_ahead(url, 2)
        await asyncio.sleep(0.05)
        assert client.opened == 0
        await client.close()
        client.open_ahead(url, 2)

    run(work())


def test_an_idle_connection_serves_a_waiting_request(run: Run) -> None:
    async def work() -> None:
        client = HttpClient()
        client._dialer = dialer = Slow()
        async with serving(repeating(ANSWER)) as base:
            bodies = await asyncio.wait_for(asyncio.gather(*(get(client, base) for _ in range(5))), 2)
            assert bodies == [BODY] * 5
            assert (dialer.dialled, client.opened) == (5, 1)
            dialer.let.set()
            await until(lambda: client.opened == 5)
            await asyncio.gather(*(get(client, base) for _ in range(5)))  # on the connections opened meanwhile
            assert client.opened == 5
        await client.close()

    run(work())


def test_a_cancelled_waiter_takes_no_connection(run: Run) -> None:
    async def work() -> None:
        client = HttpClient()
        client._dialer = dialer = Slow()
        async with serving(repeating(ANSWER)) as base:
            requests = [asyncio.ensure_future(get(client, base)) for _ in range(4)]
            await asyncio.sleep(0)
            requests[0].cancel()
            requests[2].cancel()
            assert await asyncio.wait_for(asyncio.gather(requests[1], requests[3]), 2) == [BODY, BODY]
            dialer.let.set()
        await client.close()

    run(work())


def test_every_waiter_gets_the_connection_error(run: Run) -> None:
    async def work() -> None:
        client = HttpClient()
        results = await asyncio.gather(*(get(client, "http://127.0.0.1:1") for _ in range(3)), return_exceptions=True)
        assert [type(result) for result in results] == [ConnectionRefusedError] * 3
        await client.close()

    run(work())


def test_an_idle_connection_that_the_server_closed_is_noticed_at_once(run: Run, secure: bool) -> None:
    """No request is sent on a closed connection."""

    async def work() -> None:
        client, count = HttpClient(authority().client()), Counter()
        tls = authority().server("localhost") if secure else None
        async with serving(repeating(ANSWER, times=1), tls) as base:
            for _ in range(3):
                await get(client, base, count)
                await asyncio.sleep(0.05)
            assert (count.sent, client.opened) == (3, 3)
        await client.close()

    run(work())


def test_dead_connections_opened_ahead_are_replaced(run: Run) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if number > 2:
            writer.write(ANSWER)

    async def work() -> None:
        client, count = HttpClient(), Counter()
        async with serving(talk) as base:
            client.open_ahead(base, 2)
            await until(lambda: client.opened == 2)
            await asyncio.sleep(0.02)
            assert await get(client, base, count) == BODY
            assert (count.sent, client.opened) == (2, 3)  # the other idle one is not tried
        await client.close()

    run(work())


def test_old_connections_are_closed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        client = HttpClient()
        async with serving(repeating(ANSWER)) as base:
            client.open_ahead(base, 2)
            await until(lambda: client.opened == 2)
            await asyncio.sleep(0.01)  # a connection counts as opened just before it is idle
            monkeypatch.setattr(pool, "MAX_IDLE", 0.0)
            await get(client, base)
            assert client.opened == 3
        await client.close()

    run(work())


def test_a_request_on_a_new_connection_returns_it_to_the_pool(run: Run, secure: bool) -> None:
    async def work() -> None:
        client = HttpClient(authority().client())
        async with serving(repeating(ANSWER), authority().server("localhost") if secure else None) as base:
            await get(client, base)
            await get(client, base, new_connection=True)
            assert client.opened == 2
            await asyncio.gather(*(get(client, base) for _ in range(2)))
            assert client.opened == 2
        await client.close()

    run(work())


def test_a_connection_that_has_ended_leaves_no_cycle(run: Run, secure: bool) -> None:
    """A cycle would hold its buffers until the garbage collector runs."""

    async def work() -> None:
        client = HttpClient(authority().client())
        async with serving(repeating(ANSWER, times=1), authority().server("localhost") if secure else None) as base:
            await get(client, base)
            await asyncio.sleep(0.05)
            gc.collect()
            gc.disable()
            alive = weakref.WeakSet(one for one in gc.get_objects() if isinstance(one, Connection | TlsStream))
            client.open_ahead(base, 1)
            await until(lambda: client.opened == 2)
            await asyncio.sleep(0.05)
            made = [one for one in gc.get_objects() if isinstance(one, Connection | TlsStream) and one not in alive]
            made_weakly = weakref.WeakSet(made)
            assert len(made_weakly) == (2 if secure else 1)
            del made
            await get(client, base)
            await asyncio.sleep(0.05)
            await client._routes[next(iter(client._routes))].pool.acquire()  # drops closed connections
            assert len(made_weakly) == 0
        await client.close()

    try:
        run(work())
    finally:
        gc.enable()
