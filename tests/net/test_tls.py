"""TLS: trusted certificates, session resumption, and record boundaries."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import uvloop

from scog.net import dialer
from scog.net.certificates import tls_context
from scog.net.connection import ConnectionLost, Head, ProtocolError
from scog.net.http import HttpClient
from scog.net.tls import CertificateRejected
from tests.doubles import reading
from tests.doubles.certificates import authority
from tests.doubles.scripted_server import ANSWER, BODY, OK, Counter, repeating, serving, whole

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
Run = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture(params=LOOPS.values(), ids=LOOPS)
def run(request: pytest.FixtureRequest) -> Run:
    return lambda work: reading.run(work, loop=request.param)


def trusting() -> HttpClient:
    return HttpClient(authority().client())


async def get(client: HttpClient, url: str, check_head: Callable[[Head], int] = whole, **more: Any) -> bytes:
    return bytes((await client.get(url, {}, check_head, Counter(), **more))[1])


class Handshakes:
    """Answers requests, and records for each connection whether its TLS session was resumed."""

    def __init__(self) -> None:
        self.resumed: list[bool] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        self.resumed.append(writer.get_extra_info("ssl_object").session_reused)
        await repeating(ANSWER)(reader, writer, number)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_sessions_are_resumed(run: Run, version: ssl.TLSVersion) -> None:
    async def work() -> None:
        handshakes, client = Handshakes(), trusting()
        tls = authority().server("localhost")
        tls.minimum_version = tls.maximum_version = version
        async with serving(handshakes, tls) as base:
            for _ in range(4):
                assert await get(client, f"{base}/a", new_connection=True) == BODY
            assert handshakes.resumed == [False, True, True, True]
            other = trusting()
            assert await get(other, f"{base}/a") == BODY
            assert not handshakes.resumed[-1]
            await other.close()
        await client.close()

    run(work())


def test_a_connection_opened_ahead_provides_a_session(run: Run) -> None:
    async def work() -> None:
        handshakes, client = Handshakes(), trusting()
        async with serving(handshakes, authority().server("localhost")) as base:
            client.open_ahead(f"{base}/a", 1)
            while len(handshakes.resumed) < 1:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.05)
            await asyncio.gather(*(get(client, f"{base}/a", new_connection=True) for _ in range(3)))
            assert handshakes.resumed == [False, True, True, True]
        await client.close()

    run(work())


def test_an_unknown_session_falls_back_to_a_full_handshake(run: Run) -> None:
    """As after a restart with new ticket keys."""

    async def work() -> None:
        client, first, second = trusting(), Handshakes(), Handshakes()
        async with serving(first, authority().server("localhost")) as base:
            assert await get(client, f"{base}/a") == BODY
            port = int(base.rpartition(":")[2])
        await client._routes[("https", "127.0.0.1", port)].pool.acquire()  # so that the pool is empty
        server = await asyncio.start_server(
            lambda reader, writer: second(reader, writer, 1),
            "127.0.0.1",
            port,
            ssl=authority().server("localhost"),
            reuse_port=True,
        )
        for _ in range(3):
            assert await get(client, f"{base}/a", new_connection=True) == BODY
        assert second.resumed == [False, True, True]
        await client.close()
        server.close()

    run(work())


@pytest.mark.parametrize(
    ("server", "names", "days", "trusts", "message"),
    [
        ("localhost", "IP:127.0.0.1,DNS:localhost", 2, False, "unable to get local issuer certificate"),
        ("elsewhere", "DNS:elsewhere.example", 2, True, "IP address mismatch"),
        ("expired", "IP:127.0.0.1", -1, True, "certificate has expired"),
    ],
)
def test_certificates_are_checked(
    run: Run, server: str, names: str, days: int, trusts: bool, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)

    async def work() -> None:
        client = trusting() if trusts else HttpClient()
        async with serving(repeating(ANSWER), authority().server(server, names=names, days=days)) as base:
            for _ in range(2):
                with pytest.raises(CertificateRejected, match=message):
                    await get(client, f"{base}/a")
            assert client.opened == 0
        await client.close()

    run(work())


def test_a_session_of_one_host_is_not_used_for_another(run: Run) -> None:
    """A resumed session's certificate is not checked again, so it must be for the same host name."""

    async def work() -> None:
        handshakes, client = Handshakes(), trusting()
        async with serving(handshakes, authority().server("address", names="IP:127.0.0.1")) as base:
            assert await get(client, f"{base}/a") == BODY
            with pytest.raises(CertificateRejected, match="Hostname mismatch"):
                await get(client, f"{base}/a".replace("127.0.0.1", "localhost"))
        await client.close()

    run(work())


def test_a_server_that_does_not_speak_tls(run: Run) -> None:
    async def work() -> None:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
            writer.write(b"SSH-2.0-OpenSSH_9.2\r\n" * 10)
            await reader.read()

        client = trusting()
        async with serving(talk) as base:
            with pytest.raises(ConnectionError):
                await get(client, f"{base}/a".replace("http:", "https:"))
        await client.close()

    run(work())


@contextmanager
def raw_server(talk: Callable[[ssl.SSLSocket], None]) -> Iterator[str]:
    """A server in a thread for one connection, whose `talk` gets the TLS socket."""

    def serve() -> None:
        with suppress(OSError):
            accepted, _ = listening.accept()
            accepted.settimeout(5)
            talk(context.wrap_socket(accepted, server_side=True))

    context = authority().server("localhost")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(5)
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"https://127.0.0.1:{listening.getsockname()[1]}/a"
        thread.join()


def cut_off(tls: ssl.SSLSocket) -> None:
    """Close TCP without TLS's close_notify."""
    tls.shutdown(socket.SHUT_RDWR)
    tls.close()


@pytest.mark.parametrize("sent", [len(BODY), len(BODY) - 1])
def test_a_close_without_close_notify_does_not_complete_a_body(run: Run, sent: int) -> None:
    def talk(tls: ssl.SSLSocket) -> None:
        tls.recv(4096)
        tls.sendall(OK + b"\r\n" + BODY[:sent])
        cut_off(tls)

    async def work() -> None:
        client = trusting()
        with raw_server(talk) as url:
            if sent == len(BODY):
                assert await get(client, url) == BODY
            else:
                with pytest.raises(ConnectionLost):
                    await get(client, url)
        await client.close()

    run(work())


def test_a_half_closed_connection(run: Run) -> None:
    """The server sends close_notify, and waits for the client to close."""

    def talk(tls: ssl.SSLSocket) -> None:
        tls.recv(4096)
        tls.sendall(ANSWER)
        with suppress(ssl.SSLError):  # TCP was closed; a timeout would fail the test
            tls.unwrap()  # sends close_notify, and waits
        closed.set()
        tls.close()

    async def work() -> None:
        client = trusting()
        with raw_server(talk) as url:
            assert await get(client, url) == BODY
            assert await asyncio.to_thread(closed.wait, 3)
        await client.close()

    closed = threading.Event()
    run(work())


def test_invalid_records_close_the_connection(run: Run) -> None:
    def talk(tls: ssl.SSLSocket) -> None:
        tls.recv(4096)
        tls.sendall(ANSWER[:1000])
        with socket.socket(fileno=tls.detach()) as plain:
            plain.sendall(b"\x17\x03\x03\x00\x20" + bytes(32))
            plain.settimeout(5)
            with suppress(ConnectionError):
                while plain.recv(4096):
                    pass

    async def work() -> None:
        client = trusting()
        with raw_server(talk) as url:
            with pytest.raises((ConnectionLost, ProtocolError)):
                await get(client, url)
            await client.close()

    run(work())


def test_all_records_of_a_segment_are_decrypted(run: Run) -> None:
    """Many small records arrive at once: no later event would process any that are left."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        while True:
            await reader.readuntil(b"\r\n\r\n")
            for at in range(0, len(ANSWER), 50):
                writer.write(ANSWER[at : at + 50])

    async def work() -> None:
        client = trusting()
        async with serving(talk, authority().server("localhost")) as base:
            for _ in range(3):
                assert await asyncio.wait_for(get(client, f"{base}/a"), 5) == BODY
            assert client.opened == 1
        await client.close()

    run(work())


def test_concurrent_large_bodies_are_reported_as_they_arrive(run: Run) -> None:
    body = bytes(range(251)) * 20_000

    async def work() -> None:
        async def read() -> None:
            lengths: list[int] = []

            def on_data(part: memoryview) -> None:
                assert part[-100:] == body[len(part) - 100 : len(part)]
                lengths.append(len(part))

            got = await get(client, f"{base}/a", lambda head: len(body), on_data=on_data)
            assert got == body
            assert len(lengths) > 10
            assert lengths == sorted(set(lengths))
            assert lengths[-1] < len(body)

        client = trusting()
        answer = OK + b"Content-Length: %d\r\n\r\n" % len(body) + body
        async with serving(repeating(answer), authority().server("localhost")) as base:
            await asyncio.gather(*(read() for _ in range(4)))
        await client.close()

    run(work())


def test_data_in_small_segments(run: Run) -> None:
    """A relay splits handshake, head and body into chunks of 61 bytes."""

    async def work() -> None:
        async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", int(base.rpartition(":")[2]))

            async def forward() -> None:
                while data := await reader.read(4096):
                    far_writer.write(data)
                far_writer.close()

            forwarding = asyncio.ensure_future(forward())
            while data := await far_reader.read(61):
                writer.write(data)
                await asyncio.sleep(0)
            await forwarding

        client = trusting()
        handshakes = Handshakes()
        async with (
            serving(handshakes, authority().server("localhost")) as base,
            serving(relay) as relayed,
        ):
            for _ in range(2):
                assert await get(client, relayed.replace("http:", "https:"), new_connection=True) == BODY
            assert handshakes.resumed == [False, True]
            await client.close()
            await asyncio.sleep(0.02)

    run(work())


def test_a_handshake_that_hangs_times_out(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await reader.read()
        ended.set()

    async def work() -> None:
        client = trusting()
        async with serving(talk) as base:
            with pytest.raises(ConnectionError, match=r"took longer than 0\.2 s"):
                await get(client, f"{base}/a".replace("http:", "https:"))
            await asyncio.wait_for(ended.wait(), 1)
        await client.close()

    monkeypatch.setattr(dialer, "CONNECT_TIMEOUT", 0.2)
    run(work())


def test_closing_cancels_handshakes(run: Run) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        hello.set()
        await reader.read()
        ended.set()

    async def work() -> None:
        client = trusting()
        async with serving(talk) as base:
            url = f"{base}/a".replace("http:", "https:")
            requests = [
                asyncio.ensure_future(get(client, url, new_connection=new_connection))
                for new_connection in (False, True)
            ]
            await asyncio.wait_for(hello.wait(), 1)
            await asyncio.sleep(0.02)
            await client.close()
            for request in requests:
                with pytest.raises(ConnectionError):
                    await asyncio.wait_for(request, 1)
            await asyncio.wait_for(ended.wait(), 1)

    hello, ended = asyncio.Event(), asyncio.Event()
    run(work())


def test_certificates_of_the_environment_are_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority().folder / "root.pem"))
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)

    async def work() -> None:
        client = HttpClient()
        async with serving(repeating(ANSWER), authority().server("localhost")) as base:
            assert await get(client, f"{base}/a") == BODY
        await client.close()

    reading.run(work())


def test_certifi_is_trusted_unless_other_certificates_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    assert tls_context().cert_store_stats()["x509_ca"] > 50
    monkeypatch.setenv("SSL_CERT_FILE", str(authority().file))
    assert tls_context().cert_store_stats()["x509_ca"] == 1
