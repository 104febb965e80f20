"""A server on a real socket with an archive of synthetic items."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn

from scog.settings import Settings
from scog.web.app import create_app
from tests.stac.synthetic_items import Item, make_items, write_archive


@contextmanager
def running(settings: Settings) -> Iterator[str]:
    """Run a server in a thread, and yield its URL."""
    config = uvicorn.Config(create_app(settings), port=0, log_level="error", lifespan="on")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        ends = time.monotonic() + 20
        while not server.started:
            assert thread.is_alive(), "the server does not start"
            assert time.monotonic() < ends, "the server takes too long"
            time.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)


@pytest.fixture(scope="session")
def items() -> list[Item]:
    """The items as written to the archive."""
    return make_items()


@pytest.fixture(scope="session")
def archive_folder(items: list[Item], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_archive(tmp_path_factory.mktemp("stac"), items)


@pytest.fixture(scope="session")
def server(archive_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a scog server of the items."""
    settings = Settings(catalog=str(archive_folder), cache_dir=tmp_path_factory.mktemp("cache"))
    with running(settings) as address:
        yield address


@pytest.fixture(scope="session")
def http(server: str) -> Iterator[httpx.Client]:
    """An HTTP client with the base URL `/stac`."""
    with httpx.Client(base_url=f"{server}/stac", timeout=20) as client:
        yield client
