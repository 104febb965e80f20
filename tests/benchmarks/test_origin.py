"""The origin with three clients: its bytes, its counts, and the minimum time of its link."""

from __future__ import annotations

import asyncio
import random
import socket
import ssl
import time
from collections.abc import Iterator
from http.client import HTTPConnection

import aiohttp
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.origin_files import covered
from benchmarks.origin_process import PLAIN, TLS, Origin

DATA = random.Random(1).randbytes(700_000)


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Origin]:
    folder = tmp_path_factory.mktemp("origin")
    (folder / "below").mkdir()
    (folder / "below" / "a.tif").write_bytes(DATA)
    (folder / "empty.tif").write_bytes(b"")
    (folder / "link.tif").symlink_to("below/a.tif")
    (folder.parent / "outside.tif").write_bytes(b"secret")
    with Origin(folder, first_byte=0.001, bandwidth=1e9) as origin:
        yield origin


@pytest.fixture(scope="module")
def trust(origin: Origin) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(origin.authority))


@pytest.fixture(scope="module")
def client(trust: ssl.SSLContext) -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, verify=trust) as client:
        yield client


@pytest.fixture(autouse=True)
def shape(origin: Origin) -> Iterator[None]:
    yield
    origin.shape(first_byte=0.001, bandwidth=1e9, round_trip=0.0, link=0.0)
    origin.faults(stall=0, reset=0, refuse=0, slow="", seed=0)


places = st.integers(0, len(DATA) + 100)


@settings(deadline=None, max_examples=60)
@given(places, st.integers(1, 600_000), st.sampled_from([TLS, PLAIN]))
def test_a_range_returns_the_requested_bytes(
    origin: Origin, client: httpx.Client, start: int, length: int, scheme: str
) -> None:
    response = client.get(
        f"{origin.fresh(scheme)}/below/a.tif", headers={"Range": f"bytes={start}-{start + length - 1}"}
    )
    expected = DATA[start : start + length]
    assert response.content == expected
    if expected:
        assert response.status_code == 206
        last = start + len(expected) - 1
        assert response.headers["Content-Range"] == f"bytes {start}-{last}/{len(DATA)}"
    else:
        assert response.status_code == 416
        assert response.headers["Content-Range"] == f"bytes */{len(DATA)}"


@pytest.mark.parametrize(
    ("range_header", "expected"), [("bytes=-7", DATA[-7:]), ("bytes=699990-", DATA[699_990:]), ("bytes=-9999999", DATA)]
)
def test_open_ranges_return_the_rest_of_the_file(
    origin: Origin, client: httpx.Client, range_header: str, expected: bytes
) -> None:
    response = client.get(f"{origin.fresh()}/below/a.tif", headers={"Range": range_header})
    assert (response.status_code, response.content) == (206, expected)


@pytest.mark.parametrize("range_header", ["bytes=0-1,5-6", "lines=1-2", None])
def test_without_a_single_range_the_whole_file_is_returned(
    origin: Origin, client: httpx.Client, range_header: str | None
) -> None:
    headers = {"Range": range_header} if range_header else {}
    response = client.get(f"{origin.fresh()}/below/a.tif", headers=headers)
    assert (response.status_code, response.content) == (200, DATA)


def test_links_are_followed_and_missing_files_are_404(origin: Origin, client: httpx.Client) -> None:
    base = origin.fresh()
    assert client.get(f"{base}/link.tif").content == DATA
    assert client.get(f"{base}/empty.tif").status_code == 200
    assert client.get(f"{base}/below").status_code == 404
    assert client.get(f"{base}/none.tif").status_code == 404
    assert client.get(f"{base}/%2e%2e/outside.tif").status_code == 404


def test_the_same_file_has_the_same_etag_under_every_name(origin: Origin, client: httpx.Client) -> None:
    first, second = origin.fresh(), origin.fresh()
    assert first != second
    etags = [client.head(f"{base}/below/a.tif").headers["ETag"] for base in (first, second)]
    assert etags[0] == etags[1]


def test_counts_are_exact(origin: Origin, client: httpx.Client) -> None:
    origin.reset()
    base = origin.fresh()
    client.get(f"{base}/below/a.tif", headers={"Range": "bytes=0-99"})
    client.get(f"{base}/below/a.tif", headers={"Range": "bytes=200-1199"})
    head = client.head(f"{base}/below/a.tif")
    assert head.headers["Content-Length"] == str(len(DATA))
    client.get(f"{base}/none.tif")
    counts = origin.counts()
    assert counts["files"]["below/a.tif"] == {"requests": 3, "heads": 1, "bytes": 1100, "twice": 0}
    assert counts["files"]["none.tif"] == {"requests": 1, "heads": 0, "bytes": 0, "twice": 0}
    assert counts["total"] == {"requests": 4, "heads": 1, "bytes": 1100, "twice": 0}
    client.get(f"{base}/below/a.tif", headers={"Range": "bytes=50-249"})
    client.get(f"{origin.fresh()}/below/a.tif", headers={"Range": "bytes=50-249"})
    assert origin.totals()["twice"] == 100
    origin.reset()
    assert set(origin.totals().values()) == {0}


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20))))
def test_covered_counts_each_number_once(spans: list[tuple[int, int]]) -> None:
    intervals = [(start, start + length) for start, length in spans]
    assert covered(intervals) == len({number for interval in intervals for number in range(*interval)})


@pytest.mark.parametrize("scheme", [TLS, PLAIN])
def test_concurrent_requests_by_aiohttp_are_counted(origin: Origin, trust: ssl.SSLContext, scheme: str) -> None:
    async def read(session: aiohttp.ClientSession, start: int) -> bool:
        url = f"{origin.fresh(scheme)}/below/a.tif"
        async with session.get(url, ssl=trust, headers={"Range": f"bytes={start}-{start + 9999}"}) as response:
            return await response.read() == DATA[start : start + 10_000]

    async def everything() -> list[bool]:
        async with aiohttp.ClientSession() as session:
            return await asyncio.gather(*(read(session, 5000 * number) for number in range(100)))

    origin.reset()
    assert all(asyncio.run(everything()))
    total = origin.totals()
    assert (total["requests"], total["bytes"], total["connections"]) == (100, 1_000_000, 100)


def test_connections_are_persistent(origin: Origin) -> None:
    connection = HTTPConnection(origin.host, timeout=5)
    connection.connect()
    first_socket = connection.sock
    for start in (0, 500_000, 10):
        connection.request("GET", "/x/below/a.tif", headers={"Range": f"bytes={start}-{start + 9}"})
        assert connection.getresponse().read() == DATA[start : start + 10]
        assert connection.sock is first_socket
    connection.request("GET", "/x/below/a.tif", headers={"Connection": "close"})
    assert connection.getresponse().read() == DATA
    assert connection.sock is None
    connection.close()


def test_pipelined_requests_are_answered_in_order(origin: Origin) -> None:
    with socket.create_connection(("127.0.0.1", origin.port), timeout=5) as connection:
        for start in (3, 4):
            connection.sendall(f"GET /x/below/a.tif HTTP/1.1\r\nRange: bytes={start}-{start}\r\n\r\n".encode())
        received = b""
        while received.count(b"\r\n\r\n") < 2 or not received.endswith(DATA[4:5]):
            received += connection.recv(4096)
    bodies = [part[:1] for part in received.split(b"\r\n\r\n")[1:]]
    assert bodies == [DATA[3:4], DATA[4:5]]


def test_a_closed_connection_does_not_affect_other_clients(origin: Origin, client: httpx.Client) -> None:
    origin.shape(bandwidth=1e6)
    with socket.create_connection(("127.0.0.1", origin.port), timeout=5) as connection:
        connection.sendall(b"GET /x/below/a.tif HTTP/1.1\r\n\r\n")
        connection.recv(100)
    assert client.get(f"{origin.fresh()}/below/a.tif", headers={"Range": "bytes=0-9"}).content == DATA[:10]


@pytest.mark.parametrize(
    ("first_byte", "bandwidth", "size"), [(0.08, 1e9, 100), (0.001, 5e6, 700_000), (0.05, 1e7, 500_000)]
)
def test_responses_take_the_time_of_the_simulated_link(
    origin: Origin, client: httpx.Client, first_byte: float, bandwidth: float, size: int
) -> None:
    origin.shape(first_byte=first_byte, bandwidth=bandwidth)
    seconds = []
    for _ in range(4):
        since = time.perf_counter()
        client.get(f"{origin.fresh()}/below/a.tif", headers={"Range": f"bytes=0-{size - 1}"})
        seconds.append(time.perf_counter() - since)
    expected = first_byte + size / bandwidth
    assert min(seconds) >= expected - 0.001
    assert min(seconds) <= expected + 0.05  # the simulated link limits, not the origin
