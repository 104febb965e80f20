"""CatalogHttp: proxies, certificates, and errors that name the fault, the URL and what to do."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import time
from pathlib import Path

import pytest

from scog.errors import CatalogUnavailable, InvalidInput
from scog.net.catalog_http import CatalogHttp, CatalogRequest, wait_for
from scog.net.policy import UpstreamStats, host_of
from tests.doubles.certificates import make_certificate, needs_openssl
from tests.doubles.earth_search import ROOT, EarthSearch
from tests.doubles.proxy import Proxy, Relay
from tests.doubles.range_server import Answer, status

VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "NETRC")


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def get(url: str) -> str:
    """The text at a URL, requested as a search would."""

    async def work() -> str:
        http = CatalogHttp(hosts=(host_of(url),), retries=0)
        try:
            request = CatalogRequest("GET", url, None, time.monotonic() + 5, UpstreamStats())
            return await asyncio.to_thread(lambda: wait_for(http.submit(request)))
        finally:
            await http.close()

    return asyncio.run(work())


def unused_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


# Proxies


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    with EarthSearch() as server, Proxy() as proxy:
        monkeypatch.setenv(name, proxy.url)
        assert json.loads(get(server.root))["id"] == "earth-search-aws"
        assert proxy.seen == [f"GET {server.root}"]


@pytest.mark.parametrize("name", ["127.0.0.1", "*"])
def test_hosts_of_no_proxy_are_connected_to_directly(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    with EarthSearch() as server, Proxy() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", name)
        get(server.root)
        assert proxy.seen == []
        assert len(server.catalog_requests) == 1


@needs_openssl
def test_https_goes_through_a_tunnel_and_the_environments_certificates_are_trusted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    certificate, tls = make_certificate(tmp_path)
    with EarthSearch() as server, Relay(("127.0.0.1", server.port), tls) as secure, Proxy() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        url = f"https://localhost:{secure.port}{ROOT}"
        with pytest.raises(CatalogUnavailable, match=r"certificate is not trusted \(self.signed.*SSL_CERT_FILE"):
            get(url)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert json.loads(get(url))["id"] == "earth-search-aws"
        assert proxy.seen == [f"CONNECT localhost:{secure.port}"] * 2


def test_a_proxy_that_refuses_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with EarthSearch() as server, Proxy(refuse=407) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with pytest.raises(CatalogUnavailable, match=r"the proxy answers '407.*Check HTTPS_PROXY"):
            get(f"https://127.0.0.1:{server.port}{ROOT}")


@pytest.mark.parametrize("url", ["ftp://127.0.0.1:1", "http://[::1"])
def test_an_invalid_proxy_is_reported_when_the_client_is_made(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("HTTP_PROXY", url)
    with pytest.raises(InvalidInput, match="proxy in the environment") as raised:
        get("http://127.0.0.1:1/v1")
    assert "HTTPS_PROXY" in str(raised.value.valid)


def test_the_environment_is_read_when_the_client_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    with EarthSearch() as server, Proxy() as proxy:
        get(server.root)
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        get(server.root)
        monkeypatch.delenv("HTTP_PROXY")
        get(server.root)
        assert len(proxy.seen) == 1


def test_no_credentials_are_taken_from_netrc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login somebody password secret\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    heads: list[bytes] = []

    class Listening(Relay):
        async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            await writer.drain()

    with Listening() as server:
        assert get(f"http://127.0.0.1:{server.port}/v1") == "{}"
    assert b"user-agent: scog" in heads[0].lower()
    assert b"authorization" not in heads[0].lower()


# Error messages


def test_a_refused_connection() -> None:
    url = f"http://127.0.0.1:{unused_port()}/v1"
    with pytest.raises(CatalogUnavailable) as raised:
        get(f"{url}?token=secret")
    assert str(raised.value) == (
        f"The catalogue {url} cannot be reached: connection refused. "
        "Check the network and SCOG_CATALOG, or set HTTPS_PROXY; `scog doctor` shows details."
    )


def test_an_unknown_host_name() -> None:
    with pytest.raises(
        CatalogUnavailable, match=r"http://nowhere.invalid/v1 cannot be reached: its host name cannot be resolved"
    ):
        get("http://nowhere.invalid/v1")


def test_an_error_status() -> None:
    with EarthSearch() as server:
        server.fail(ROOT, status(503))
        with pytest.raises(CatalogUnavailable, match=f"The catalogue {server.root} answers 503. Try again"):
            get(f"{server.root}?token=secret")


def test_a_response_that_is_not_http() -> None:
    class Odd(Relay):
        async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")
            await writer.drain()

    with Odd() as server, pytest.raises(CatalogUnavailable, match=rf"http://127.0.0.1:{server.port}/v1 cannot be"):
        get(f"http://127.0.0.1:{server.port}/v1")


def test_a_reset() -> None:
    with EarthSearch() as server:
        server.down()
        with pytest.raises(CatalogUnavailable, match=r"cannot be reached: connection reset\. Check"):
            get(server.root)


def test_compressed_responses_are_counted_as_transferred() -> None:
    page = b'{"a": "' + b"b" * 100_000 + b'"}'
    packed = gzip.compress(page)

    async def work(url: str) -> tuple[str, UpstreamStats]:
        http, tally = CatalogHttp(hosts=(host_of(url),), retries=0), UpstreamStats()
        request = CatalogRequest("GET", url, None, time.monotonic() + 5, tally)
        text = await asyncio.to_thread(lambda: wait_for(http.submit(request)))
        await http.close()
        return text, tally

    with EarthSearch() as server:
        server.fail(ROOT, lambda answer: Answer(200, {"Content-Encoding": "gzip"}, packed))
        text, tally = asyncio.run(work(server.root))
    assert text.encode() == page
    assert tally.bytes == len(packed)
