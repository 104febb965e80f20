"""The test doubles behave as specified: TLS, a shared link, faults, and counts."""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import httpx
import pytest

from scog.net.connection import Head
from scog.net.http import HttpClient
from tests.doubles import certificates
from tests.doubles import range_server as does
from tests.doubles.earth_search import EarthSearch
from tests.doubles.range_server import Link, RangeServer
from tests.doubles.reading import run

DATA = bytes(range(256)) * 400
PATH = "/a.tif"
needs_openssl = pytest.mark.skipif(certificates.OPENSSL is None, reason="openssl is needed for the certificate")


@pytest.fixture
def server(transport: str) -> Iterator[RangeServer]:
    with RangeServer() as running:
        running.put(PATH, DATA)
        yield running


def fetch_range(server: RangeServer, first: int, last: int, path: str = PATH, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with httpx.Client(verify=certificates.trusting(), trust_env=False, timeout=5) as client:
        return client.get(server.url(path), headers={"Range": f"bytes={first}-{last}"} | named)


# TLS


@needs_openssl
def test_only_scogs_client_trusts_the_certificate() -> None:
    async def get(client: HttpClient, url: str) -> tuple[Head, memoryview]:
        try:
            return await client.get(url, {}, lambda head: len(DATA), lambda: None)
        finally:
            await client.close()

    with RangeServer(tls=True) as server:
        url = server.put(PATH, DATA)
        assert url.startswith("https://")
        assert run(get(HttpClient(), url))[1] == DATA
        with pytest.raises(ConnectionError, match="certificate"):
            run(get(HttpClient(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)), url))
        assert (server.connections, len(server.requests)) == (1, 1)


@needs_openssl
def test_a_catalogue_over_tls_links_to_itself() -> None:
    with EarthSearch(tls=True) as catalog:
        landing = httpx.get(catalog.root, verify=certificates.trusting()).json()
        assert {link["href"][:8] for link in landing["links"]} == {"https://"}


@needs_openssl
def test_connections_and_resumed_sessions_are_counted() -> None:
    context = certificates.trusting()
    with RangeServer(tls=True) as server:
        server.put(PATH, DATA)
        session = None
        for _ in range(3):
            plain = socket.create_connection(("127.0.0.1", server.port))
            with (
                context.wrap_socket(plain, server_hostname="127.0.0.1", session=session) as secure,
                closing(http.client.HTTPConnection("127.0.0.1")) as connection,
            ):
                connection.sock = secure
                for _ in range(2):
                    connection.request("GET", PATH)
                    assert connection.getresponse().read() == DATA
                assert secure.version() == "TLSv1.3"
                session = secure.session
        assert (server.connections, server.resumed, len(server.requests)) == (3, 2, 6)


# The link


def test_connections_share_the_link(transport: str) -> None:
    link = Link(rate=1_000_000)
    with RangeServer(link=link) as server, ThreadPoolExecutor(4) as threads:
        server.put(PATH, DATA)
        since = time.monotonic()

        def done(_: int) -> float:
            assert fetch_range(server, 0, len(DATA) - 1).content == DATA
            return time.monotonic() - since

        seconds = list(threads.map(done, range(4)))
        floor = 4 * len(DATA) / link.rate
        assert max(seconds) > 0.95 * floor
        assert min(seconds) > 0.7 * max(seconds), "equal shares"
        assert link.carried > 4 * len(DATA)


def test_no_bytes_are_transferred_during_an_outage(transport: str) -> None:
    link = Link(rate=1_000_000)
    with RangeServer(link=link) as server, ThreadPoolExecutor(1) as thread:
        server.put(PATH, DATA)
        since = time.monotonic()
        pending = thread.submit(fetch_range, server, 0, len(DATA) - 1)
        time.sleep(0.05)
        link.pause(0.4)
        time.sleep(0.1)
        before = server.bytes
        time.sleep(0.2)
        assert server.bytes == before < len(DATA)
        assert pending.result(5).content == DATA
        assert time.monotonic() - since > 0.4 + 0.9 * len(DATA) / link.rate


def test_a_round_trip_costs_each_request_one_latency() -> None:
    with RangeServer(link=Link(rate=1e9, latency=0.1)) as server, httpx.Client() as client:
        url = server.put(PATH, DATA)
        since = time.monotonic()
        for _ in range(2):
            client.get(url)
        assert time.monotonic() - since > 0.3


# Connections


def test_a_server_can_refuse_connections_for_a_while(server: RangeServer) -> None:
    assert fetch_range(server, 0, 9).content == DATA[:10]
    port = server.port
    server.refuse()
    with pytest.raises(httpx.ConnectError):
        fetch_range(server, 0, 9)
    server.accept()
    assert server.port == port
    assert fetch_range(server, 0, 9).content == DATA[:10]


def test_open_connections_can_be_dropped(server: RangeServer) -> None:
    with httpx.Client(verify=certificates.trusting(), timeout=1.0) as client:
        url = server.url(PATH)
        client.get(url)
        server.fall_silent()
        with pytest.raises(httpx.ReadTimeout):
            client.get(url)
        assert client.get(url).content == DATA  # on a new connection
        assert server.connections == 2
        server.hang_up()
        time.sleep(0.05)
        assert client.get(url).content == DATA
        assert server.connections == 3


def test_unused_connections_are_closed(transport: str) -> None:
    with RangeServer(idle=0.05) as server, httpx.Client(verify=certificates.trusting()) as client:
        url = server.put(PATH, DATA)
        client.get(url)
        time.sleep(0.2)
        client.get(url)
        assert server.connections == 2


# Responses


def test_if_range_is_honoured(server: RangeServer) -> None:
    etag = fetch_range(server, 0, 9).headers["ETag"]
    assert fetch_range(server, 5, 9, If_Range=etag).status_code == 206
    assert server.requests[-1].if_range == etag
    for other in ('"other"', f"W/{etag}", "Sun, 06 Nov 1994 08:49:37 GMT"):
        response = fetch_range(server, 5, 9, If_Range=other)
        assert (response.status_code, response.content) == (200, DATA)
    server.put(PATH, DATA, f"W/{etag}")
    assert fetch_range(server, 5, 9, If_Range=f"W/{etag}").status_code == 200
    server.put(PATH, DATA, "")
    assert "ETag" not in fetch_range(server, 0, 9).headers


def test_a_file_can_be_replaced_in_the_middle_of_a_read(server: RangeServer) -> None:
    new = DATA[::-1]
    server.fail(PATH, does.meanwhile(does.reset_after(50_000), lambda: server.put(PATH, new)))
    with pytest.raises(httpx.TransportError):
        fetch_range(server, 0, 90_000)
    assert fetch_range(server, 0, 9).content == new[:10]


def test_responses_can_have_inconsistent_headers(server: RangeServer) -> None:
    server.fail(PATH, does.short_body(20), does.shifted(10), does.weak)
    response = fetch_range(server, 100, 299)
    assert (response.headers["Content-Range"], len(response.content)) == (f"bytes 100-299/{len(DATA)}", 180)
    response = fetch_range(server, 100, 299)
    assert (response.headers["Content-Range"], len(response.content)) == (f"bytes 110-309/{len(DATA)}", 200)
    assert fetch_range(server, 100, 299).headers["ETag"].startswith('W/"')


def test_a_share_of_all_requests_can_fail() -> None:
    with RangeServer() as server, httpx.Client() as client:
        urls = [server.put(f"/{number}", DATA) for number in range(10)]
        chance = does.by_chance(1, (0.2, does.status(503)), (0.1, does.status(408)))
        server.fail_any(does.status(500), always=chance)
        server.fail("/3", does.status(404))
        statuses = [client.get(url).status_code for url in urls * 20]
        assert statuses[0] == 500
        assert statuses[3] == 404
        assert [statuses.count(code) for code in (503, 408)] == chance.met
        assert 20 <= chance.met[0] <= 60
        server.fail_any()
        assert client.get(urls[0]).status_code == 200


def test_bytes_sent_twice_are_counted(server: RangeServer) -> None:
    for first, last in [(0, 99), (100, 199), (150, 249), (0, 9)]:
        fetch_range(server, first, last)
    server.put("/b.tif", DATA)
    fetch_range(server, 0, 99, "/b.tif")
    assert server.repeated == 60
    assert server.bytes == 100 + 100 + 100 + 10 + 100
