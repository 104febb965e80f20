"""Servers on real sockets, with small archives."""

from __future__ import annotations

import json
import math
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import uvicorn
from fastapi import FastAPI

from scog.settings import Settings
from scog.web.app import create_app
from tests.doubles.archives import C1, L2A, MadeScene, Square, constant
from tests.doubles.range_server import RangeServer

WEST = Square("32TQK", 32632, 700_000, 5_000_040, 300)
EAST = Square("32TQL", 32632, 703_000, 5_000_040, 300)
ZOOM = 12


@dataclass(frozen=True)
class Served:
    """A running server, its app, and a client."""

    url: str
    app: FastAPI
    client: httpx.Client

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.client.get(path, **options)


@contextmanager
def served(settings: Settings) -> Iterator[Served]:
    """Serve an app on a free port of this machine until the block ends."""
    app = create_app(settings)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(app, log_level="critical", access_log=False, timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.005)
        assert server.started, "the server did not start"
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        try:
            with httpx.Client(base_url=url, timeout=20, trust_env=False) as client:
                yield Served(url, app, client)
        finally:
            server.should_exit = True
            thread.join(10)


def tile_at(lon: float, lat: float, zoom: int = ZOOM) -> str:
    """The address z/x/y of the web-mercator tile that contains a point in degrees."""
    x = (lon + 180) / 360 * 2**zoom
    y = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * 2**zoom
    return f"{zoom}/{int(x)}/{int(y)}"


def scenes() -> list[MadeScene]:
    """Two passes over a western MGRS tile, the newer with clouds over its western half, and one over an eastern one."""
    clouds = constant(WEST, 4, 20, np.uint8)
    clouds[:, : clouds.shape[1] // 2] = 9

    def made(name: str, square: Square, time: str, red: int, nir: int, scl: Any = None, **options: Any) -> MadeScene:
        bands = {"red": constant(square, red), "nir": constant(square, nir), "green": constant(square, 700)}
        bands |= {"blue": constant(square, 600), "scl": constant(square, 4, 20, np.uint8) if scl is None else scl}
        return MadeScene(name, square, time, bands, **options)

    return [
        made("S2A_32TQK_20240612_0_L2A", WEST, "2024-06-12T10:10:31Z", 500, 4500, clouds, cloud_cover=50.0),
        made("S2A_32TQK_20240602_0_L2A", WEST, "2024-06-02T10:10:31Z", 1000, 3000, cloud_cover=5.0),
        made("S2B_T32TQL_20240607T101031_L2A", EAST, "2024-06-07T10:10:31Z", 2000, 2500, collection=C1),
    ]


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A local archive of `scenes`."""
    folder = tmp_path_factory.mktemp("archive")
    for scene in scenes():
        scene.write(folder)
    return folder


@pytest.fixture(scope="session")
def server(archive: Path) -> Iterator[Served]:
    """A server of the local archive, shared by tests that do not change it."""
    with served(Settings(catalog=str(archive))) as running:
        yield running


@pytest.fixture(scope="session")
def west() -> str:
    """The address of the tile at the centre of the western MGRS tile."""
    return tile_at(*WEST.lonlat())


@pytest.fixture(scope="session")
def east() -> str:
    """The address of the tile at the centre of the eastern MGRS tile."""
    return tile_at(*EAST.lonlat())


@dataclass(frozen=True)
class RemoteServer:
    """A server whose files are on a range server, and that range server."""

    served: Served
    origin: RangeServer


@pytest.fixture
def remote_server(archive: Path, tmp_path: Path) -> Iterator[Callable[..., RemoteServer]]:
    """Starts servers of a local archive whose files are on a range server. Keyword arguments are settings."""
    with ExitStack() as stack:
        origin = stack.enter_context(RangeServer())
        folder = tmp_path / "remote"
        for item_path in archive.glob("*/*/*.json"):
            item = json.loads(item_path.read_bytes())
            for band, asset in item["assets"].items():
                asset["href"] = origin.put(f"/{item['id']}/{band}.tif", (item_path.parent / f"{band}.tif").read_bytes())
            copied_folder = folder / item_path.parent.relative_to(archive)
            copied_folder.mkdir(parents=True)
            (copied_folder / item_path.name).write_text(json.dumps(item))

        def start(**settings: Any) -> RemoteServer:
            made = Settings(catalog=str(folder), hosts=(origin.host,), cache_dir=tmp_path / "cache", **settings)
            running = stack.enter_context(served(made))
            return RemoteServer(running, origin)

        yield start


def is_problem(response: httpx.Response, status: int) -> dict[str, Any]:
    """Check that a response is a problem (RFC 9457) that is not cached and reveals no internals."""
    assert response.status_code == status, response.text[:300]
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["Cache-Control"] == "no-store"
    problem: dict[str, Any] = response.json()
    members = {"type", "title", "status", "detail", "parameter", "valid", "position", "skipped", "progress"}
    assert set(problem) <= members
    assert problem["type"] == "about:blank"
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    assert len(response.content) < 1500
    text = re.sub(
        r"catalogue http://127\.0\.0\.1:\d+(/v1)?", "catalogue", response.text
    )  # the catalogue's URL is part of the message,
    text = re.sub(r"127\.0\.0\.1(:\d+)?(?=/| failed|:| is)", "", text)  # and so is the host of a file
    for secret in ("Traceback", "site-packages", ".py", "/tmp", "/home", "127.0.0.1", "localhost", "object at 0x"):
        assert secret not in text, secret
    assert ("Retry-After" in response.headers) == (status in (502, 503, 504))
    return problem


__all__ = ["C1", "EAST", "L2A", "WEST", "RemoteServer", "Served", "is_problem", "served", "tile_at"]
