"""Connections: opened ahead, shared between those who wait, kept while they are of use."""

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
from tests.doubles.talking import ANSWER, BODY, Counter, repeating, serving, whole

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
    """Connects only when it is let."""

    def __init__(self) -> None:
        super().__init__(None)
        self.let = asyncio.Event()
        self.asked = 0

    async def dial(self, *server: Any) -> Any:
        self.asked += 1
        if self.asked > 1:
            await self.let.wait()
        return await super().dial(*server)


def test_connections_opened_ahead_are_used(run: Run, secure: bool) -> None:
    async def work() -> None:
        client = HttpClient(authority().client())
        async with serving(repeating(ANSWER), authority().server("localhost") if secure else None) as base:
            client.open_ahead(f"{base}/a", 3)
            client.open_ahead(f"{base}/b", 3)  # they are being opened already
            await until(lambda: client.opened == 3)
            client.open_ahead(f"{base}/c", 3)  # they are idle
            await asyncio.gather(*(get(client, base) for _ in range(3)))
            assert client.opened == 3
        await client.close()

    run(work())


def test_who_comes_while_connections_are_opened_ahead_opens_none(run: Run) -> None:
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


def test_a_connection_that_becomes_idle_serves_one_who_waits_for_another(run: Run) -> None:
    async def work() -> None:
        client = HttpClient()
        client._dialer = slow = Slow()
        async with serving(repeating(ANSWER)) as base:
            bodies = await asyncio.wait_for(asyncio.gather(*(get(client, base) for _ in range(5))), 2)
            assert bodies == [BODY] * 5
            assert (slow.asked, client.opened) == (5, 1)
            slow.let.set()
            await until(lambda: client.opened == 5)
            await asyncio.gather(*(get(client, base) for _ in range(5)))  # those opened meanwhile are idle
            assert client.opened == 5
        await client.close()

    run(work())


def test_who_stops_waiting_takes_no_connection_with_him(run: Run) -> None:
    async def work() -> None:
        client = HttpClient()
        client._dialer = slow = Slow()
        async with serving(repeating(ANSWER)) as base:
            asking = [asyncio.ensure_future(get(client, base)) for _ in range(4)]
            await asyncio.sleep(0)
            asking[0].cancel()
            asking[2].cancel()
            assert await asyncio.wait_for(asyncio.gather(asking[1], asking[3]), 2) == [BODY, BODY]
            slow.let.set()
        await client.close()

    run(work())


def test_each_who_waits_hears_that_connecting_failed(run: Run) -> None:
    async def work() -> None:
        client = HttpClient()
        results = await asyncio.gather(*(get(client, "http://127.0.0.1:1") for _ in range(3)), return_exceptions=True)
        assert [type(result) for result in results] == [ConnectionRefusedError] * 3
        await client.close()

    run(work())


def test_an_idle_connection_that_the_server_closed_is_noticed_at_once(run: Run, secure: bool) -> None:
    """No request is sent in vain."""

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


def test_connections_opened_ahead_that_turn_out_dead_are_replaced(run: Run) -> None:
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
            assert count.sent == 3
        await client.close()

    run(work())


def test_old_connections_are_closed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        client = HttpClient()
        async with serving(repeating(ANSWER)) as base:
            client.open_ahead(base, 2)
            await until(lambda: client.opened == 2)
            monkeypatch.setattr(pool, "MAX_IDLE", 0.0)
            await get(client, base)
            assert client.opened == 3
        await client.close()

    run(work())


def test_a_fresh_request_opens_a_connection_and_leaves_it(run: Run, secure: bool) -> None:
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
    """Its buffers would take memory until the garbage collector runs."""

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
            await client._routes[next(iter(client._routes))].pool.acquire()  # drops what is dead
            assert len(made_weakly) == 0
        await client.close()

    try:
        run(work())
    finally:
        gc.enable()
