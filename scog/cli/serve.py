"""`scog serve` and `scog demo`: run the server."""

from __future__ import annotations

import argparse
import asyncio
import errno
import socket
import sys
from pathlib import Path
from typing import Any

from scog.catalog.address import parse_addresses
from scog.cli.options import add_catalog_option, print_status, settings_of
from scog.demo.make import ensure_archive
from scog.errors import InvalidInput, ScogError
from scog.imaging.engine import check_catalogs
from scog.settings import Settings


def add_commands(commands: Any) -> None:
    """Add the commands `serve` and `demo`."""
    serve = commands.add_parser("serve", help="serve tiles of a STAC API (default: Earth Search) or a local archive")
    add_catalog_option(serve)
    _add_address_options(serve)
    serve.set_defaults(run=_serve)

    demo = commands.add_parser("demo", help="create an archive of synthetic scenes and serve it")
    demo.add_argument(
        "--archive",
        type=Path,
        default=Path("demo-archive"),
        metavar="FOLDER",
        help="folder of the archive (default: %(default)s)",
    )
    demo.add_argument("--make-only", action="store_true", help="create the archive without serving it")
    _add_address_options(demo)
    demo.set_defaults(run=_demo)


def _add_address_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    command.add_argument("--port", type=int, default=8000, help="port to listen on (default: %(default)s)")


def _serve(options: argparse.Namespace) -> None:
    _run_server(settings_of(options, is_default=True), options.host, options.port)


def _demo(options: argparse.Namespace) -> None:
    if ensure_archive(options.archive, _show_demo_progress):
        print_status("")
    if not options.make_only:
        _run_server(Settings(catalog=(str(options.archive),)), options.host, options.port)


def _run_server(settings: Settings, host: str, port: int) -> None:
    import uvicorn  # imported here because the server is slow to load and other commands do not need it

    from scog.web.app import create_app

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            """Start, then print the URL.

            Ctrl+C is a flag to uvicorn by then. Before, it is an exception, which Python loses in a finalizer.
            """
            await super().startup(sockets=sockets)
            print_status(f"Open {url} in a browser; Ctrl+C stops.")

    addresses = parse_addresses(settings.catalog)
    asyncio.run(check_catalogs(settings))  # report errors in one line, before the server starts
    with _bind(host, port) as listener:
        url_host = f"[{host}]" if ":" in host else host
        for address in addresses:
            name = f" as {address.name}" if len(addresses) > 1 else ""
            print_status(f"scog serves {address.location}{name}")
        url = f"http://{url_host}:{listener.getsockname()[1]}/"
        server = Server(
            uvicorn.Config(create_app(settings), log_level="warning", access_log=False, proxy_headers=False)
        )
        server.run(sockets=[listener])
    if not server.started:
        raise ScogError("The server did not start.")


def _bind(host: str, port: int) -> socket.socket:
    """The listening socket. Raises InvalidInput if the address cannot be used.

    It is bound before the URL is printed, so that the URL cannot lead to another server on the same port.
    """
    if not 0 <= port <= 65535:
        raise InvalidInput(f"--port {port} is not a port.", valid="1 to 65535, or 0 for any free port")
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        reason = str(error.strerror).partition(" (")[0]
        valid = "another --port, or 0 for any free port" if error.errno == errno.EADDRINUSE else None
        raise InvalidInput(f"Cannot listen on {host}, port {port}: {reason}.", valid=valid) from None


def _show_demo_progress(done: int, total: int, unit: str) -> None:
    """Show the progress: a line that is updated in place on a terminal, or ten lines in a log."""
    if sys.stderr.isatty():
        print(f"\rCreating the demo archive: {done}/{total} {unit:<40}", end="", file=sys.stderr, flush=True)
    elif done % max(1, total // 10) == 0:
        print_status(f"Creating the demo archive: {done}/{total}")
