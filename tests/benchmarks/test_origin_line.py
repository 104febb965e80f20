"""The origin's connections, shared line and injected faults, as clients measure them in time and bytes."""

from __future__ import annotations

import random
import socket
import ssl
import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from benchmarks.origin_process import PLAIN, TLS, Origin

DATA = random.Random(1).randbytes(700_000)
PORTS = {TLS: "tls_port", PLAIN: "port"}


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Origin]:
    folder = tmp_path_factory.mktemp("origin")
    for name in ("a", "b"):
        (folder / f"{name}.tif").write_bytes(DATA)
    with Origin(folder, first_byte=0.001, bandwidth=1e9) as origin:
        yield origin


@pytest.fixture(autouse=True)
def unshaped(origin: Origin) -> Iterator[None]:
    origin.reset()
    yield
    origin.shape(first_byte=0.001, bandwidth=1e9, round_trip=0.0, link=0.0, idle=5.0)
    origin.faults(stall=0, reset=0, refuse=0, slow="", seed=0)


@pytest.fixture
def trust(origin: Origin) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(origin.authority))


@pytest.fixture
def client(trust: ssl.SSLContext) -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, verify=trust, timeout=5) as client:
        yield client


def get(client: httpx.Client, origin: Origin, start: int, stop: int, name: str = "a") -> httpx.Response:
    return client.get(f"{origin.fresh()}/{name}.tif", headers={"Range": f"bytes={start}-{stop - 1}"})


def connected(origin: Origin, trust: ssl.SSLContext, session: ssl.SSLSession | None = None) -> ssl.SSLSocket:
    plain = socket.create_connection(("127.0.0.1", origin.tls_port), timeout=5)
    return trust.wrap_socket(plain, server_hostname="127.0.0.1", session=session)


def test_tls_is_1_3_with_http_1_1_and_tickets(origin: Origin, trust: ssl.SSLContext) -> None:
    trust.set_alpn_protocols(["h2", "http/1.1"])
    with connected(origin, trust) as first:
        assert (first.version(), first.selected_alpn_protocol()) == ("TLSv1.3", "http/1.1")
        first.sendall(b"HEAD /x/a.tif HTTP/1.1\r\n\r\n")
        first.recv(1000)
        with connected(origin, trust, first.session) as second:
            second.sendall(b"HEAD /x/a.tif HTTP/1.1\r\n\r\n")
            second.recv(1000)
            assert second.session_reused
    totals = origin.totals()
    assert (totals["connections"], totals["resumed"]) == (2, 1)


@pytest.mark.parametrize("scheme", [TLS, PLAIN])
def test_idle_connections_are_closed(origin: Origin, trust: ssl.SSLContext, scheme: str) -> None:
    def opened() -> socket.socket:
        if scheme == TLS:
            return connected(origin, trust)
        return socket.create_connection(("127.0.0.1", origin.port), timeout=5)

    with opened() as one:
        one.sendall(b"HEAD /x/a.tif HTTP/1.1\r\n\r\n")
        one.recv(1000)
        origin.close_idle()
        assert one.recv(1000) == b""
    origin.shape(idle=0.1)
    with opened() as other:
        assert other.recv(1000) == b""


@pytest.mark.parametrize(("scheme", "trips"), [(TLS, 2), (PLAIN, 1)])
def test_a_new_connection_costs_round_trips(origin: Origin, client: httpx.Client, scheme: str, trips: int) -> None:
    origin.shape(round_trip=0.05)
    seconds = []
    for _ in range(2):
        since = time.perf_counter()
        client.get(f"{origin.fresh(scheme)}/a.tif", headers={"Range": "bytes=0-0"})
        seconds.append(time.perf_counter() - since)
    assert seconds[0] >= trips * 0.05
    assert seconds[1] < 0.05


def test_all_connections_share_the_line(origin: Origin, trust: ssl.SSLContext) -> None:
    origin.shape(link=1_000_000)
    since = time.perf_counter()

    def read() -> None:
        with httpx.Client(trust_env=False, verify=trust) as client:
            assert get(client, origin, 0, 100_000).content == DATA[:100_000]

    clients = [threading.Thread(target=read) for _ in range(4)]
    for each in clients:
        each.start()
    for each in clients:
        each.join()
    seconds = time.perf_counter() - since
    assert seconds >= (400_000 - 16_384) / 1_000_000
    assert seconds < 1.5


def test_the_line_is_shared_fairly(origin: Origin, client: httpx.Client, trust: ssl.SSLContext) -> None:
    origin.shape(link=500_000)
    with connected(origin, trust) as greedy:
        greedy.sendall(b"GET /x/a.tif HTTP/1.1\r\n\r\n")
        assert get(client, origin, 0, 50_000).content == DATA[:50_000]
        sent = origin.totals()["bytes"]
    assert sent < 200_000


@pytest.mark.parametrize("scheme", [TLS, PLAIN])
def test_sending_stops_if_the_client_does_not_read(origin: Origin, trust: ssl.SSLContext, scheme: str) -> None:
    origin.shape(link=100e6)
    with socket.socket() as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
        plain.settimeout(5)
        plain.connect(("127.0.0.1", getattr(origin, PORTS[scheme])))
        one = trust.wrap_socket(plain, server_hostname="127.0.0.1") if scheme == TLS else plain
        one.sendall(b"GET /x/a.tif HTTP/1.1\r\n\r\n")
        one.recv(1)
        time.sleep(0.1)
        assert 0 < origin.totals()["bytes"] < 350_000
        one.close()


def test_a_pause_delays_all_responses(origin: Origin, client: httpx.Client) -> None:
    get(client, origin, 0, 1)
    origin.pause(0.2)
    since = time.perf_counter()
    get(client, origin, 0, 1)
    assert time.perf_counter() - since > 0.15


def test_a_pause_within_a_response_delays_it(origin: Origin, client: httpx.Client) -> None:
    origin.shape(bandwidth=1e6)
    pause = threading.Timer(0.1, origin.pause, [0.3])
    pause.start()
    since = time.perf_counter()
    assert get(client, origin, 0, 400_000).content == DATA[:400_000]
    assert time.perf_counter() - since > 0.4 + 0.25
    pause.join()


def test_responses_can_be_refused_or_reset(origin: Origin, client: httpx.Client) -> None:
    origin.faults(refuse=1)
    assert get(client, origin, 0, 10).status_code == 503
    origin.faults(refuse=0, reset=1)
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        get(client, origin, 0, 700_000)
    assert origin.totals()["bytes"] < 700_000


def test_a_stalled_response_never_begins(origin: Origin, client: httpx.Client) -> None:
    origin.faults(stall=1)
    with pytest.raises(httpx.ReadTimeout):
        client.get(f"{origin.fresh()}/a.tif", timeout=0.2)
    assert origin.counts()["connections"]["stalled"] == 1


def test_faults_are_determined_by_the_seed(origin: Origin, client: httpx.Client) -> None:
    def statuses() -> list[int]:
        origin.reset()
        return [get(client, origin, number % 30, 100).status_code for number in range(60)]

    origin.faults(refuse=0.3, seed=1)
    first = statuses()
    assert statuses() == first
    assert first[:30] != first[30:]  # a repeated request is a new draw
    assert 5 <= first.count(503) <= 35
    origin.faults(seed=2)
    assert statuses() != first


def test_a_slow_file_does_not_slow_others(origin: Origin, client: httpx.Client) -> None:
    origin.faults(slow="b.tif", slow_rate=10_000)
    since = time.perf_counter()
    get(client, origin, 0, 100_000)
    assert time.perf_counter() - since < 0.2
    get(client, origin, 0, 3000, name="b")
    assert time.perf_counter() - since > 0.29


def test_an_unknown_property_is_an_error(origin: Origin) -> None:
    with pytest.raises(ValueError, match="there is no colour"):
        origin.faults(colour=1)
