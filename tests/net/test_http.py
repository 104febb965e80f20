"""The HTTP client: persistent connections, every framing of a body, and rejection of invalid responses."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, NamedTuple, TypeVar

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from scog.net.connection import ConnectionLost, Head, ProtocolError
from scog.net.http import HttpClient, address_of
from tests.doubles import reading, scripted_server
from tests.doubles.certificates import authority
from tests.doubles.scripted_server import BODY, OK, Counter, Talk, repeating, whole

T = TypeVar("T")


class Way(NamedTuple):
    """The event loop that a test runs in, and whether it uses TLS."""

    loop: reading.LoopFactory
    secure: bool


WAYS = {
    f"{loop}-{'tls' if secure else 'plain'}": Way(factory, secure)
    for loop, factory in (("asyncio", asyncio.new_event_loop), ("uvloop", uvloop.new_event_loop))
    for secure in (False, True)
}
ways: list[Way] = []
"""The current one."""


@pytest.fixture(params=WAYS.values(), ids=WAYS, autouse=True)
def _way(request: pytest.FixtureRequest) -> Iterator[None]:
    ways.append(request.param)
    yield
    ways.pop()


def run(work: Coroutine[Any, Any, T]) -> T:
    return reading.run(work, loop=ways[-1].loop)


def serving(talk: Talk) -> Any:
    return scripted_server.serving(talk, authority().server("localhost") if ways[-1].secure else None)


def new_client() -> HttpClient:
    return HttpClient(authority().client())


def responses_to(
    talk: Talk, times: int = 1, check_head: Callable[[Head], int] = whole
) -> tuple[list[tuple[Head, bytearray]], int]:
    """Send the same request several times. Returns the responses and the number of requests sent."""

    async def work() -> tuple[list[tuple[Head, bytearray]], int]:
        client, count = new_client(), Counter()
        async with serving(talk) as base:
            try:
                return [await client.get(f"{base}/a", {"X": "1"}, check_head, count) for _ in range(times)], count.sent
            finally:
                await client.close()

    return run(work())


def chunked(body: bytes, size: int) -> bytes:
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


ANSWERS = {
    "length": OK + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY,
    "chunks": OK + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(BODY, 1000),
    "one chunk": OK + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(BODY, len(BODY)),
    "an interim answer before": b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    + OK
    + b"Content-Length: %d\r\n\r\n" % len(BODY)
    + BODY,
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize("step", [1 << 20, 997, 33_000])
def test_a_body_is_read_with_any_framing(answer: bytes, step: int) -> None:
    async def first_only(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        assert number == 1  # one connection serves all
        await repeating(answer, step=step)(reader, writer, number)

    answers, requests = responses_to(first_only, times=3)
    assert requests == 3
    for head, body in answers:
        assert body == BODY
        assert head.status == 206
        assert "link" not in head.headers


def test_a_body_that_ends_with_its_connection() -> None:
    answers, requests = responses_to(repeating(OK + b"\r\n" + BODY, times=1), times=2)
    assert [body for _, body in answers] == [BODY, BODY]
    assert requests == 2


def test_a_closed_idle_connection_is_replaced() -> None:
    async def work() -> None:
        client, count = new_client(), Counter()
        async with serving(repeating(ANSWERS["length"], times=1)) as base:
            await client.get(f"{base}/a", {}, whole, count)
            await asyncio.sleep(0.05)
            assert (await client.get(f"{base}/a", {}, whole, count))[1] == BODY
            assert count.sent == 2
            await client.close()

    run(work())


def test_a_connection_closed_during_a_request_is_replaced() -> None:
    """The race of every persistent connection: the server closes it while a request is in transit."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ANSWERS["length"])
        await reader.readuntil(b"\r\n\r\n")
        if number > 1:
            writer.write(ANSWERS["length"])

    answers, requests = responses_to(talk, times=2)
    assert [body for _, body in answers] == [BODY, BODY]
    assert requests == 3


def test_a_new_connection_closed_without_response_raises() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await reader.readuntil(b"\r\n\r\n")

    with pytest.raises(ConnectionLost):
        responses_to(talk)


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1 206 OK\r\nX: " + b"a" * 100_000,
        OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(BODY + b"more", 1000),
        OK + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(BODY[:-4], 1000),
        OK + b"Content-Length: 12\r\nContent-Length: 13\r\n\r\n" + BODY,
        OK + b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n" % len(BODY) + chunked(BODY, 1000),
        OK + b"Content-Length: -5\r\n\r\n" + BODY,
    ],
    ids=["no HTTP", "headers without end", "no chunk", "more", "less", "two lengths", "two framings", "no length"],
)
def test_invalid_http_is_refused(answer: bytes) -> None:
    with pytest.raises(ProtocolError):
        responses_to(repeating(answer, times=1))


def test_unsolicited_bytes_close_the_connection() -> None:
    """Bytes after a response would be taken for the next response."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ANSWERS["length"])
        await writer.drain()
        await asyncio.sleep(0.02)
        writer.write(ANSWERS["length"].replace(BODY, BODY[::-1]))
        await reader.readuntil(b"\r\n\r\n")
        raise AssertionError("the connection was used again")

    async def work() -> None:
        client, count = new_client(), Counter()
        async with serving(talk) as base:
            for _ in range(2):
                assert (await client.get(f"{base}/a", {}, whole, count))[1] == BODY
                await asyncio.sleep(0.1)
            await client.close()

    run(work())


def test_the_head_is_checked_before_the_body_is_read() -> None:
    def refuse(head: Head) -> int:
        raise LookupError(head.status)

    with pytest.raises(LookupError):
        responses_to(repeating(ANSWERS["length"]), check_head=refuse)


def test_an_unneeded_body_is_not_read() -> None:
    answers, _ = responses_to(repeating(ANSWERS["length"]), times=2, check_head=lambda head: 0)
    assert [bytes(body) for _, body in answers] == [b"", b""]


def test_cancelling_closes_the_connection() -> None:
    started, closed = asyncio.Event(), asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ANSWERS["length"][:1000])
        started.set()
        assert await reader.read() == b""
        closed.set()

    async def work() -> None:
        client = new_client()
        async with serving(talk) as base:
            request = asyncio.ensure_future(client.get(f"{base}/a", {}, whole, Counter()))
            await started.wait()
            await asyncio.sleep(0.05)
            request.cancel()
            async with asyncio.timeout(1):
                await closed.wait()
            await client.close()

    run(work())


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=40))
def test_nothing_in_a_url_gets_out_of_the_request_line(path: str) -> None:
    address = address_of(f"https://example.org/{path}")
    assert not set(" \r\n\t") & set(address.target + address.authority)
    assert address.target.isascii()


def test_addresses() -> None:
    assert address_of("http://a.test/x y?z=1 2") == (("http", "a.test", 80), "a.test", "/x%20y?z=1%202")
    assert address_of("https://[::1]:8443/a%20b") == (("https", "::1", 8443), "[::1]:8443", "/a%20b")
    assert address_of("https://bücher.example") == (
        ("https", "xn--bcher-kva.example", 443),
        "xn--bcher-kva.example",
        "/",
    )
