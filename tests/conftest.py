"""Fixtures for all tests."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from scog.demo import make
from tests.doubles import certificates, range_server

settings.register_profile("scog", deadline=None)  # a slow machine must not fail a test
settings.load_profile("scog")


@pytest.fixture(scope="session")
def demo_archive() -> Path:
    """The demo archive, made once per version of its generator and cached between runs; read only."""
    user = os.getuid() if hasattr(os, "getuid") else "user"
    folder = Path(tempfile.gettempdir()) / f"scog-tests-{user}" / f"demo-archive-{make.VERSION}"
    make.ensure_archive(folder)
    return folder


@pytest.fixture(scope="session", autouse=True)
def _trusted() -> Iterator[None]:
    """All clients, also in processes that tests start, trust the doubles' certificates."""
    with pytest.MonkeyPatch.context() as patch:
        if certificates.OPENSSL is not None:
            patch.setenv("SSL_CERT_FILE", str(certificates.authority().file))
        yield


@pytest.fixture(params=["http", "https"])
def transport(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The transport of range servers and catalogue doubles: each test runs over HTTP and over TLS."""
    return _set_transport(request.param, monkeypatch)


@pytest.fixture(params=["http", pytest.param("https", marks=pytest.mark.acceptance)])
def transport_slowly(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The same for slow tests: over TLS only with `make acceptance`."""
    return _set_transport(request.param, monkeypatch)


def _set_transport(scheme: str, monkeypatch: pytest.MonkeyPatch) -> str:
    if scheme == "https" and certificates.OPENSSL is None:
        pytest.skip("openssl makes the certificate")
    monkeypatch.setattr(range_server, "default_tls", scheme == "https")
    return scheme


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--screenshots", action="store_true", help="rewrite the screenshots of the documents")
    parser.addoption("--bless", action="store_true", help="rewrite the golden images; review them afterwards")
