"""Network measurements of `scog doctor`, and its recommendations."""

from __future__ import annotations

import asyncio
import socket
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scog.cli.doctor.expectations import NetworkProfile, advice, screenful, search_page
from scog.cli.doctor.network import PARALLEL_BYTES, SINGLE_BYTES, latency, ranges_to_read, throughput
from scog.errors import SourceUnavailable
from scog.net.handshake import measure_handshake, proxy_for
from scog.net.ranges import HttpRanges, Ranges
from scog.net.throughput import Throughput, measure_throughput
from scog.settings import Settings
from tests.doubles.certificates import make_certificate, needs_openssl
from tests.doubles.proxy import Proxy, Relay
from tests.doubles.range_server import RangeServer, drip, hang, status

DATA = bytes(range(256)) * 31_250
"""8 MB."""
TWO_MBIT = NetworkProfile(connect=0.05, tls=0.05, first_byte=0.05, single_rate=250_000, parallel_rate=250_000)
FAST = NetworkProfile(connect=0.02, tls=0.02, first_byte=0.03, single_rate=12_500_000, parallel_rate=25_000_000)
FAR = NetworkProfile(connect=0.15, tls=0.15, first_byte=0.2, single_rate=150_000, parallel_rate=1_200_000)


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def settings(tmp_path: Path, **more: object) -> Settings:
    return Settings(cache_dir=tmp_path, tile_deadline=30.0, catalog_deadline=15.0, reads_per_host=64, **more)  # type: ignore[arg-type]


# Latency


def test_plain_http_has_no_tls() -> None:
    with RangeServer(latency=0.05) as server:
        measured = measure_handshake(server.put("/a.tif", DATA))
        assert server.ranges == [(0, 0)]
    assert 0 < measured.connect < measured.first_byte
    assert measured.first_byte >= 0.05
    assert (measured.tls, measured.version, measured.resumed, measured.proxy) == (None, None, None, None)


@needs_openssl
@pytest.mark.parametrize("proxied", [False, True])
def test_tls_version_and_session_resumption_are_reported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, proxied: bool
) -> None:
    certificate, tls = make_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with RangeServer() as server, Relay(("127.0.0.1", server.port), tls) as secure, Proxy() as proxy:
        server.put("/a.tif", DATA)
        if proxied:
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        measured = measure_handshake(f"https://localhost:{secure.port}/a.tif")
        assert len(proxy.seen) == (2 if proxied else 0)
        assert len(server.requests) == 2
    assert measured.tls is not None
    assert measured.tls > 0
    assert (measured.version, measured.resumed) == ("TLSv1.3", True)
    assert measured.proxy == (f"127.0.0.1:{proxy.port}" if proxied else None)


@needs_openssl
def test_a_session_that_does_not_resume_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    certificate, tls = make_certificate(tmp_path)
    tls.num_tickets = 0
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with RangeServer() as server, Relay(("127.0.0.1", server.port), tls) as secure:
        server.put("/a.tif", DATA)
        assert measure_handshake(f"https://localhost:{secure.port}/a.tif").resumed is False


def test_a_plain_request_goes_through_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with RangeServer() as server, Proxy() as proxy:
        url = server.put("/a.tif", DATA)
        monkeypatch.setenv("HTTP_PROXY", proxy.url.replace("://", "://user:secret@"))
        measured = measure_handshake(url)
        assert proxy.seen == [f"GET {url}"]
        assert measured.proxy == f"127.0.0.1:{proxy.port}"
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        assert proxy_for(url) is None


def test_an_unmeasurable_connection_is_reported_but_does_not_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    with Proxy(refuse=407) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        measured, finding = asyncio.run(latency("https://localhost:1/a.tif"))
        assert (measured, finding.well) == (None, True)
        assert "not measured (the proxy answers '407" in finding.text
        monkeypatch.setenv("HTTPS_PROXY", "socks5://127.0.0.1:1")
        assert "socks5:// is not measured" in asyncio.run(latency("https://localhost:1/a.tif"))[1].text
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        assert "refused" in asyncio.run(latency(f"http://127.0.0.1:{bound.getsockname()[1]}/a"))[1].text


# Throughput


def reading(server: RangeServer, spans: list[tuple[int, int]], seconds: float) -> Throughput:
    async def work() -> Throughput:
        http = HttpRanges(allowed_hosts=(server.host,), stall=7, retries=0, per_host=64)
        async with Ranges(http, None) as ranges:
            return await measure_throughput(ranges.read, server.url("/a.tif"), spans, seconds)

    return asyncio.run(work())


def test_many_connections_are_faster_than_a_limited_one() -> None:
    with RangeServer() as server:
        server.put("/a.tif", DATA)
        server.fail("/a.tif", always=drip(20_000, 0.02))  # at most 1 MB/s per connection
        one, many = ranges_to_read(len(DATA))
        single = reading(server, [one], 0.5)
        together = reading(server, many, 0.5)
    assert 0 < single.rate <= 1_050_000
    assert together.connections == 8
    assert together.rate > 2 * single.rate


def test_measuring_a_slow_connection_ends_in_time() -> None:
    with RangeServer() as server:
        server.put("/a.tif", DATA)
        server.fail("/a.tif", always=drip(1000, 0.05))
        measured = reading(server, [(0, 1_000_000)], 0.4)
    assert 0 < measured.bytes_read < 12_000
    assert measured.rate <= 21_000


def test_without_data_there_is_no_rate() -> None:
    with RangeServer() as server:
        server.put("/a.tif", DATA)
        server.fail("/a.tif", always=hang)
        assert reading(server, [(0, 1000)], 0.1) == Throughput(1, 0, 0, 0.0)


def test_data_that_arrives_at_once_has_a_rate() -> None:
    with RangeServer() as server:
        server.put("/a.tif", DATA)
        measured = reading(server, [(0, 1000)], 5.0)
    assert measured.bytes_read == 1000
    assert measured.rate > 0


def test_a_failed_read_raises() -> None:
    with RangeServer() as server:
        server.put("/a.tif", DATA)
        server.fail("/a.tif", always=status(503))
        with pytest.raises(SourceUnavailable):
            reading(server, [(0, 1000)], 5.0)


@given(st.integers(0, 10**9))
def test_no_byte_is_read_twice_and_few_are_read(size: int) -> None:
    one, many = ranges_to_read(size)
    spans = [one, *many]
    assert all(start <= stop for start, stop in spans)
    assert all(before[1] == after[0] for before, after in pairwise(spans))
    assert spans[0][0] == 0
    assert spans[-1][1] <= size
    assert spans[-1][1] <= SINGLE_BYTES + PARALLEL_BYTES


# Expected times


def test_a_screenful_at_2_mbit_takes_the_time_of_its_bytes() -> None:
    assert screenful(TWO_MBIT, 11) == pytest.approx(1.25 * (8.5 / 0.25 + 0.2))
    assert screenful(TWO_MBIT, 13) == pytest.approx(1.25 * (16.7 / 0.25 + 0.2))
    assert search_page(TWO_MBIT) == pytest.approx(3.2)


def test_longer_deadlines_are_advised_for_a_slow_connection(tmp_path: Path) -> None:
    [advised] = advice(TWO_MBIT, settings(tmp_path))
    assert advised.startswith("SCOG_TILE_DEADLINE=35:")
    slower = NetworkProfile(0.05, 0.05, 0.05, 50_000, 50_000)
    assert any(each.startswith("SCOG_CATALOG_DEADLINE=35:") for each in advice(slower, settings(tmp_path)))


@pytest.mark.parametrize("network", [FAST, FAR])
def test_fitting_settings_need_no_advice(tmp_path: Path, network: NetworkProfile) -> None:
    assert advice(network, settings(tmp_path)) == []


def test_throughput_is_measured_with_a_file(tmp_path: Path) -> None:
    async def work(server: RangeServer, size: int) -> list[str]:
        http = HttpRanges(allowed_hosts=(server.host,), stall=7, retries=0, per_host=64)
        async with Ranges(http, None) as ranges:
            findings = throughput(ranges.read, server.url("/a.tif"), size, None, settings(tmp_path))
            return [finding.text async for finding in findings]

    with RangeServer() as server:
        server.put("/a.tif", DATA)
        rate, expect, fitting = asyncio.run(work(server, len(DATA)))
        assert server.bytes == SINGLE_BYTES + PARALLEL_BYTES
        assert rate.startswith("throughput: ")
        assert rate.endswith("(4.0 MB read)")
        assert "at zoom 11 (8.5 MB)" in expect
        assert "at zoom 13 (16.7 MB)" in expect
        assert fitting.startswith("settings: ")
        assert asyncio.run(work(server, 20_000)) == ["throughput: not measured, too little data arrived"]
