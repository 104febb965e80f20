"""The origin, asked by three clients: the bytes, the counts, and no sooner than the link would bring them."""

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
def test_a_range_is_those_bytes(origin: Origin, client: httpx.Client, start: int, length: int, scheme: str) -> None:
    answer = client.get(f"{origin.fresh(scheme)}/below/a.tif", headers={"Range": f"bytes={start}-{start + length - 1}"})
    expected = DATA[start : start + length]
    assert answer.content == expected
    if expected:
        assert answer.status_code == 206
        last = start + len(expected) - 1
        assert answer.headers["Content-Range"] == f"bytes {start}-{last}/{len(DATA)}"
    else:
        assert answer.status_code == 416
        assert answer.headers["Content-Range"] == f"bytes */{len(DATA)}"


@pytest.mark.parametrize(
    ("wanted", "expected"), [("bytes=-7", DATA[-7:]), ("bytes=699990-", DATA[699_990:]), ("bytes=-9999999", DATA)]
)
def test_open_ranges(origin: Origin, client: httpx.Client, wanted: str, expected: bytes) -> None:
    answer = client.get(f"{origin.fresh()}/below/a.tif", headers={"Range": wanted})
    assert (answer.status_code, answer.content) == (206, expected)


@pytest.mark.parametrize("wanted", ["bytes=0-1,5-6", "lines=1-2", None])
def test_without_a_single_range_it_is_the_whole(origin: Origin, client: httpx.Client, wanted: str | None) -> None:
    headers = {"Range": wanted} if wanted else {}
    answer = client.get(f"{origin.fresh()}/below/a.tif", headers=headers)
    assert (answer.status_code, answer.content) == (200, DATA)


def test_links_empty_and_missing_files(origin: Origin, client: httpx.Client) -> None:
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
def test_many_at_once_by_aiohttp(origin: Origin, trust: ssl.SSLContext, scheme: str) -> None:
    async def read(session: aiohttp.ClientSession, start: int) -> bool:
        url = f"{origin.fresh(scheme)}/below/a.tif"
        async with session.get(url, ssl=trust, headers={"Range": f"bytes={start}-{start + 9999}"}) as answer:
            return await answer.read() == DATA[start : start + 10_000]

    async def everything() -> list[bool]:
        async with aiohttp.ClientSession() as session:
            return await asyncio.gather(*(read(session, 5000 * number) for number in range(100)))

    origin.reset()
    assert all(asyncio.run(everything()))
    total = origin.totals()
    assert (total["requests"], total["bytes"], total["connections"]) == (100, 1_000_000, 100)


def test_a_connection_is_kept(origin: Origin) -> None:
    connection = HTTPConnection(origin.host, timeout=5)
    connection.connect()
    kept = connection.sock
    for start in (0, 500_000, 10):
        connection.request("GET", "/x/below/a.tif", headers={"Range": f"bytes={start}-{start + 9}"})
        assert connection.getresponse().read() == DATA[start : start + 10]
        assert connection.sock is kept
    connection.request("GET", "/x/below/a.tif", headers={"Connection": "close"})
    assert connection.getresponse().read() == DATA
    assert connection.sock is None
    connection.close()


def test_requests_sent_ahead_are_answered_in_order(origin: Origin) -> None:
    with socket.create_connection(("127.0.0.1", origin.port), timeout=5) as connection:
        for start in (3, 4):
            connection.sendall(f"GET /x/below/a.tif HTTP/1.1\r\nRange: bytes={start}-{start}\r\n\r\n".encode())
        received = b""
        while received.count(b"\r\n\r\n") < 2 or not received.endswith(DATA[4:5]):
            received += connection.recv(4096)
    bodies = [part[:1] for part in received.split(b"\r\n\r\n")[1:]]
    assert bodies == [DATA[3:4], DATA[4:5]]


def test_who_leaves_in_the_middle_harms_nobody(origin: Origin, client: httpx.Client) -> None:
    origin.shape(bandwidth=1e6)
    with socket.create_connection(("127.0.0.1", origin.port), timeout=5) as connection:
        connection.sendall(b"GET /x/below/a.tif HTTP/1.1\r\n\r\n")
        connection.recv(100)
    assert client.get(f"{origin.fresh()}/below/a.tif", headers={"Range": "bytes=0-9"}).content == DATA[:10]


@pytest.mark.parametrize(
    ("first_byte", "bandwidth", "size"), [(0.08, 1e9, 100), (0.001, 5e6, 700_000), (0.05, 1e7, 500_000)]
)
def test_nothing_comes_sooner_than_it_would(
    origin: Origin, client: httpx.Client, first_byte: float, bandwidth: float, size: int
) -> None:
    origin.shape(first_byte=first_byte, bandwidth=bandwidth)
    spent = []
    for _ in range(4):
        since = time.perf_counter()
        client.get(f"{origin.fresh()}/below/a.tif", headers={"Range": f"bytes=0-{size - 1}"})
        spent.append(time.perf_counter() - since)
    expected = first_byte + size / bandwidth
    assert min(spent) >= expected - 0.001
    assert min(spent) <= expected + 0.05  # so that the shape is the origin's, not a slow origin
