"""Proxies: which requests use one, tunnels over real sockets, and errors that name the proxy."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from scog.net.http import HttpClient
from scog.net.proxy import Proxies, Proxy, ProxyError
from tests.doubles import reading
from tests.doubles.certificates import authority
from tests.doubles.scripted_server import ANSWER, BODY, Counter, repeating, serving, whole

NAME = "Basic " + base64.b64encode(b"me:p w").decode()


class ConnectProxy:
    """A small proxy: opens tunnels on CONNECT, answers GET itself, and records the request heads."""

    def __init__(self, answer: bytes = b"HTTP/1.1 200 Connection established\r\nVia: 1.1 test\r\n\r\n") -> None:
        self.heads: list[str] = []
        self._answer = answer

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.heads.append(head)
            if not head.startswith("CONNECT "):
                writer.write(ANSWER)
                continue
            writer.write(self._answer)
            if b" 200 " not in self._answer:
                return
            host, _, port = head.split(" ")[1].rpartition(":")
            far_reader, far_writer = await asyncio.open_connection(host, int(port))
            await asyncio.gather(_pipe(reader, far_writer), _pipe(far_reader, writer))
            return


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def get(client: HttpClient, url: str) -> bytes:
    return bytes((await client.get(url, {"X": "1"}, whole, Counter()))[1])


@asynccontextmanager
async def through(proxy: ConnectProxy, credentials: str = "") -> AsyncIterator[HttpClient]:
    async with serving(proxy) as base:
        client = HttpClient(authority().client(), Proxies({"all": base.replace("//", f"//{credentials}")}))
        try:
            yield client
        finally:
            await client.close()


def test_https_goes_through_a_tunnel() -> None:
    async def work() -> None:
        proxy = ConnectProxy()
        async with (
            through(proxy, "me:p%20w@") as client,
            serving(repeating(ANSWER), authority().server("localhost")) as base,
        ):
            for _ in range(2):
                assert await get(client, f"{base}/a") == BODY
            assert len(proxy.heads) == client.opened == 1
            host = base.removeprefix("https://")
            assert proxy.heads[0].startswith(f"CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n")
            assert f"Proxy-Authorization: {NAME}\r\n" in proxy.heads[0]

    reading.run(work())


def test_http_sends_the_proxy_the_absolute_url() -> None:
    async def work() -> None:
        proxy = ConnectProxy()
        async with through(proxy, "me:p%20w@") as client:
            assert await get(client, "http://images.example/a b?c=d") == BODY
        (head,) = proxy.heads
        assert head.startswith("GET http://images.example/a%20b?c=d HTTP/1.1\r\nHost: images.example\r\n")
        assert f"Proxy-Authorization: {NAME}\r\n" in head

    reading.run(work())


def test_the_server_does_not_get_the_proxys_password() -> None:
    heads = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(ANSWER)

    async def work() -> None:
        async with (
            through(ConnectProxy(), "me:secret@") as client,
            serving(talk, authority().server("localhost")) as base,
        ):
            assert await get(client, f"{base}/a") == BODY
        assert "Proxy-" not in heads[0]

    reading.run(work())


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "refused CONNECT images.example:443: HTTP/1.1 403 Forbidden"),
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "407 Proxy Authentication Required"),
        (b"SSH-2.0\r\n\r\n", "refused CONNECT"),
        (b"", "did not answer CONNECT images.example:443"),
        (b"x" * 20_000, "did not answer"),
        (b"HTTP/1.1 200 OK\r\n\r\nmore", "sent data after its response"),
    ],
)
def test_a_refusal_names_the_proxy(answer: bytes, message: str) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)

    async def work() -> None:
        async with serving(talk) as base:
            client = HttpClient(proxies=Proxies({"https": base.replace("//", "//me:secret@")}))
            with pytest.raises(ProxyError, match=message) as raised:
                await get(client, "https://images.example/a")
            assert base.removeprefix("http://") in str(raised.value)
            assert "secret" not in str(raised.value)
            await client.close()

    reading.run(work())


def test_a_proxy_that_answers_get_with_407() -> None:
    async def work() -> None:
        async with serving(repeating(b"HTTP/1.1 407 Who?\r\nContent-Length: 0\r\n\r\n")) as base:
            client = HttpClient(proxies=Proxies({"http": base}))
            with pytest.raises(ProxyError, match="requires a user name and password"):
                await get(client, "http://images.example/a")
            await client.close()

    reading.run(work())


def test_a_proxy_that_cannot_be_reached_is_named() -> None:
    async def work() -> None:
        client = HttpClient(proxies=Proxies({"all": "127.0.0.1:1"}))
        with pytest.raises(ConnectionRefusedError, match=r"through the proxy 127\.0\.0\.1:1"):
            await get(client, "https://images.example/a")
        client.open_ahead("https://images.example/a", 2)
        await client.close()

    reading.run(work())


def test_a_proxy_of_another_kind_is_refused() -> None:
    async def work() -> None:
        client = HttpClient(proxies=Proxies({"all": "socks5://me:secret@10.0.0.1:1080"}))
        client.open_ahead("http://images.example/a", 1)
        with pytest.raises(ProxyError, match=r"The proxy socks5://10\.0\.0\.1:1080 is not supported"):
            await get(client, "http://images.example/a")
        await client.close()

    reading.run(work())


def test_the_environment_is_read_when_a_client_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        proxy = ConnectProxy()
        async with serving(proxy) as base:
            before = HttpClient()
            monkeypatch.setenv("HTTP_PROXY", base)
            client = HttpClient()
            assert await get(client, "http://images.example/a") == BODY
            monkeypatch.setenv("NO_PROXY", "127.0.0.1")
            direct = HttpClient()
            assert await get(direct, f"{base}/direct") == BODY
            assert [head.split(" ")[1] for head in proxy.heads] == ["http://images.example/a", "/direct"]
            assert before._proxies.find("http", "images.example", 80) is None
            for one in (before, client, direct):
                await one.close()

    for name in ("http", "https", "all", "no"):
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name.upper()}_PROXY", raising=False)
    reading.run(work())


@pytest.mark.parametrize(
    ("urls", "server", "found"),
    [
        ({"https": "http://p:8080"}, ("https", "a.test", 443), "the proxy p:8080"),
        ({"https": "http://p:8080"}, ("http", "a.test", 80), None),
        ({"all": "p:1"}, ("http", "a.test", 80), "the proxy p:1"),
        ({"all": "p:1", "http": "q"}, ("http", "a.test", 80), "the proxy q:80"),
        ({"all": "p:1", "no": "*"}, ("http", "a.test", 80), None),
        ({"all": "p:1", "no": "b.test, .a.test"}, ("http", "x.a.test", 80), None),
        ({"all": "p:1", "no": "a.test"}, ("http", "x.a.test", 80), None),
        ({"all": "p:1", "no": "a.test"}, ("http", "ba.test", 80), "the proxy p:1"),
        ({"all": "p:1", "no": "a.test:8443"}, ("https", "a.test", 8443), None),
        ({"all": "p:1", "no": "a.test:8443"}, ("https", "a.test", 443), "the proxy p:1"),
    ],
)
def test_which_proxy(urls: dict[str, str], server: tuple[str, str, int], found: str | None) -> None:
    proxy = Proxies(urls).find(*server)
    assert (proxy and str(proxy)) == found


@pytest.mark.parametrize("url", ["http://", "http://:80", "http://a:99999", "http://a:x"])
def test_invalid_proxy_urls(url: str) -> None:
    with pytest.raises(ProxyError, match="has no valid host and port"):
        Proxy.parse(url)
