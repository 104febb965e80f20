"""A real server on a real socket, and a real Chromium that looks at it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

QUIET = (
    "--no-sandbox",
    "--no-first-run",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def server(demo_archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of `scog serve` with the demo archive."""
    with serving(str(demo_archive), tmp_path_factory.mktemp("server")) as url:
        yield url


@contextmanager
def serving(catalog: str, folder: Path, **settings: str) -> Iterator[str]:
    """URL of `scog serve` with a catalogue, in a process of its own; settings as in SCOG_NAME, log and cache in a
    folder.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "scog.cli", "serve", "--catalog", catalog, "--port", str(port)]
    environment = os.environ | {"XDG_CACHE_HOME": str(folder / "cache")}
    environment |= {f"SCOG_{name.upper()}": value for name, value in settings.items()}
    with (folder / "log").open("w+") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_for(url, process, folder / "log")
            yield url
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/healthz", timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"the server did not start: {log.read_text()}")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """The browser. Not for the whole session: while it runs, its event loop occupies this thread."""
    playwright = pytest.importorskip("playwright.sync_api", reason="the viewer's tests need: pip install playwright")
    with playwright.sync_playwright() as runner:
        path = find_chromium(runner.chromium.executable_path)
        if path is None:
            pytest.skip(
                "the viewer's tests need Chromium: apt-get install chromium, or python -m playwright install chromium"
            )
        browser = runner.chromium.launch(executable_path=path, args=list(QUIET))
        yield browser
        browser.close()


def find_chromium(own: str) -> str | None:
    """The path of a Chromium: the system's, or Playwright's own."""
    found = [shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")]
    return next((name for name in [*found, own] if name and Path(name).exists()), None)


@dataclass
class Visit:
    """A page, and what it asked for and complained of."""

    page: Any
    server: str
    requests: list[str] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def open(self, path: str = "/") -> None:
        """Go to an address of the server, and wait until all is drawn."""
        self.page.goto("about:blank")  # else only the hash would change
        self.page.goto(self.server + path)
        self.drawn()

    def drawn(self) -> None:
        """Wait until nothing is on its way and tiles are shown."""
        self.page.wait_for_selector(".pixels img.leaflet-tile-loaded")
        self.page.wait_for_selector("#map[aria-busy=false]")

    def tiles(self) -> list[str]:
        """Paths and queries of the tiles asked for; not of previews, which depend on how busy this machine is."""
        asked = (url for url in self.requests if url.startswith(f"{self.server}/tiles/"))
        urls = [urlsplit(url) for url in asked if "preview=" not in url]
        return [url.path + (f"?{url.query}" if url.query else "") for url in urls]

    def until(self, condition: str) -> None:
        """Wait until something is true. Playwright's own way to do so needs `eval`, which the page forbids."""
        deadline = time.monotonic() + 10
        while not self.page.evaluate(condition):
            assert time.monotonic() < deadline, f"never true: {condition}"
            time.sleep(0.02)

    def foreign(self) -> list[str]:
        """Requests to others than the server."""
        return [url for url in self.requests if not url.startswith((f"{self.server}/", "blob:", "data:", "about:"))]

    def run(self, module: str, code: str, given: Any = None) -> Any:
        """What JavaScript makes of a module of the page, called `m`, and of what it is given, `given`."""
        return self.page.evaluate(f"given => import('/static/{module}').then(m => ({code}))", given)

    @property
    def hash(self) -> str:
        """The hash of the address."""
        return str(self.page.evaluate("location.hash"))


@pytest.fixture
def visit(chromium: Any, server: str) -> Iterator[Visit]:
    """A fresh page of 1280 x 800."""
    with visiting(chromium, server) as seen:
        yield seen


@pytest.fixture
def phone(chromium: Any, server: str) -> Iterator[Visit]:
    """A fresh page of a phone."""
    with visiting(chromium, server, viewport=PHONE, has_touch=True, is_mobile=True) as seen:
        yield seen


@pytest.fixture(scope="module")
def opened(chromium: Any, server: str) -> Iterator[Visit]:
    """The page as it opens, for those who only look."""
    with visiting(chromium, server) as seen:
        seen.open()
        yield seen


DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}


@contextmanager
def visiting(chromium: Any, server: str, **look: Any) -> Iterator[Visit]:
    """A fresh page, listened to from the beginning; it must ask nobody but the server, and complain of nothing."""
    usual = {"viewport": DESKTOP, "color_scheme": "light", "reduced_motion": "reduce"}
    with chromium.new_context(**usual | look) as context:
        context.grant_permissions(["clipboard-read", "clipboard-write"], origin=server)
        page = context.new_page()
        page.set_default_timeout(10_000)
        seen = Visit(page, server)
        page.on("request", lambda request: seen.requests.append(request.url))
        page.on("response", lambda response: seen.statuses.update({response.url: response.status}))
        page.on("pageerror", lambda error: seen.complaints.append(str(error)))
        page.on("console", lambda message: _note(seen, message))
        yield seen
        assert seen.foreign() == []
        assert seen.complaints == seen.expected


def _note(seen: Visit, message: Any) -> None:
    """Errors and warnings, but for the line that Chromium writes about each answer that is no success."""
    if message.type in ("error", "warning") and not message.text.startswith(
        "Failed to load resource: the server responded"
    ):
        seen.complaints.append(message.text)
