"""A server process with the demo archive, and pages in Chromium."""

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
def serving(catalog: str | list[str], folder: Path, **settings: str) -> Iterator[str]:
    """URL of a `scog serve` process with one or several catalogues. Settings become SCOG_NAME.

    Log and cache go to `folder`.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    catalogs = [catalog] if isinstance(catalog, str) else catalog
    options = [option for each in catalogs for option in ("--catalog", each)]
    command = [sys.executable, "-m", "scog.cli", "serve", *options, "--port", str(port)]
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
    """The browser. Module-scoped, as its event loop occupies this thread while it runs."""
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


def find_chromium(bundled: str) -> str | None:
    """Path of the system's Chromium, or of Playwright's; None if neither is installed."""
    installed = [shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")]
    return next((name for name in [*installed, bundled] if name and Path(name).exists()), None)


@dataclass
class Visit:
    """A page, with its requests, response statuses and console errors."""

    page: Any
    server: str
    requests: list[str] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def open(self, path: str = "/") -> None:
        """Open a path of the server and wait until it has loaded."""
        self.page.goto("about:blank")  # else only the hash would change
        self.page.goto(self.server + path)
        self.drawn()

    def drawn(self) -> None:
        """Wait until tiles are shown and none is pending."""
        self.page.wait_for_selector(".pixels img.leaflet-tile-loaded")
        self.page.wait_for_selector("#map[aria-busy=false]")

    def tiles(self) -> list[str]:
        """Paths and queries of requested tiles, without previews, which depend on the machine's load."""
        requested = (url for url in self.requests if url.startswith(f"{self.server}/tiles/"))
        urls = [urlsplit(url) for url in requested if "preview=" not in url]
        return [url.path + (f"?{url.query}" if url.query else "") for url in urls]

    def until(self, condition: str) -> None:
        """Wait until a JavaScript condition holds. wait_for_function needs `eval`, which the CSP forbids."""
        deadline = time.monotonic() + 10
        while not self.page.evaluate(condition):
            assert time.monotonic() < deadline, f"never true: {condition}"
            time.sleep(0.02)

    def foreign_requests(self) -> list[str]:
        """Requests to other hosts than the server."""
        return [url for url in self.requests if not url.startswith((f"{self.server}/", "blob:", "data:", "about:"))]

    def run(self, module: str, code: str, argument: Any = None) -> Any:
        """Result of JavaScript code, in which `m` is a module of the page and `given` the argument."""
        return self.page.evaluate(f"given => import('/static/{module}').then(m => ({code}))", argument)

    @property
    def hash(self) -> str:
        """The URL hash."""
        return str(self.page.evaluate("location.hash"))


@pytest.fixture
def visit(chromium: Any, server: str) -> Iterator[Visit]:
    """A new page of 1280 x 800 pixels."""
    with visiting(chromium, server) as seen:
        yield seen


@pytest.fixture
def phone(chromium: Any, server: str) -> Iterator[Visit]:
    """A new page on a phone."""
    with visiting(chromium, server, viewport=PHONE, has_touch=True, is_mobile=True) as seen:
        yield seen


@pytest.fixture(scope="module")
def opened(chromium: Any, server: str) -> Iterator[Visit]:
    """A loaded page that tests share and do not change."""
    with visiting(chromium, server) as seen:
        seen.open()
        yield seen


DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}


@contextmanager
def visiting(chromium: Any, server: str, **context_options: Any) -> Iterator[Visit]:
    """A new page; on exit, asserts that it requested nothing from other hosts and logged no unexpected errors."""
    defaults = {"viewport": DESKTOP, "color_scheme": "light", "reduced_motion": "reduce"}
    with chromium.new_context(**defaults | context_options) as context:
        context.grant_permissions(["clipboard-read", "clipboard-write"], origin=server)
        page = context.new_page()
        page.set_default_timeout(10_000)
        seen = Visit(page, server)
        page.on("request", lambda request: seen.requests.append(request.url))
        page.on("response", lambda response: seen.statuses.update({response.url: response.status}))
        page.on("pageerror", lambda error: seen.errors.append(str(error)))
        page.on("console", lambda message: _record(seen, message))
        yield seen
        assert seen.foreign_requests() == []
        assert seen.errors == seen.expected


def _record(seen: Visit, message: Any) -> None:
    """Record console errors and warnings, except Chromium's line about each unsuccessful response."""
    if message.type in ("error", "warning") and not message.text.startswith(
        "Failed to load resource: the server responded"
    ):
        seen.errors.append(message.text)
