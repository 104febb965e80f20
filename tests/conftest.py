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

settings.register_profile("scog", deadline=None)  # durations depend on the machine
settings.load_profile("scog")


@pytest.fixture(scope="session")
def demo_archive() -> Path:
    """The demo archive, created once for a version of its generator and reused by later runs. Read-only."""
    user = os.getuid() if hasattr(os, "getuid") else "user"
    folder = Path(tempfile.gettempdir()) / f"scog-tests-{user}" / f"demo-archive-{make.VERSION}"
    make.ensure_archive(folder)
    return folder


@pytest.fixture(scope="session", autouse=True)
def _trusted() -> Iterator[None]:
    """Make every client trust the certificate of the doubles, also in processes that tests start."""
    with pytest.MonkeyPatch.context() as patch:
        if certificates.OPENSSL is not None:
            patch.setenv("SSL_CERT_FILE", str(certificates.authority().file))
        yield


@pytest.fixture(params=["http", "https"])
def transport(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The scheme of range servers and catalogues that a test starts: each test runs with both."""
    return _spoken(request.param, monkeypatch)


@pytest.fixture(params=["http", pytest.param("https", marks=pytest.mark.acceptance)])
def transport_slowly(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The same for slow tests: over TLS only with `make acceptance`."""
    return _spoken(request.param, monkeypatch)


def _set_transport(scheme: str, monkeypatch: pytest.MonkeyPatch) -> str:
    if scheme == "https" and certificates.OPENSSL is None:
        pytest.skip("openssl is needed for the certificate")
    monkeypatch.setattr(range_server, "default_tls", scheme == "https")
    return scheme


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--screenshots", action="store_true", help="rewrite the screenshots of the documents")
    parser.addoption("--bless", action="store_true", help="write new golden images; review them afterwards")
