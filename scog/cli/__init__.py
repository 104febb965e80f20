"""The command line: `scog serve`, `demo`, `tile`, `sheet`, `crop`, `stats`, `series`, `animate`, `search`, `doctor`."""

from __future__ import annotations

import argparse
import asyncio
import errno
import json
import re
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from scog import __version__
from scog.catalog.archive.archive import Archive
from scog.catalog.search import MAX_SCENES
from scog.cli import animate, crop, drawing, series, stats
from scog.cli.doctor import command as doctor_command
from scog.cli.options import add_catalog_option, add_time_options, check_cloud_cover, print_status, settings_of
from scog.demo.make import ensure_archive
from scog.errors import InvalidInput, ScogError
from scog.geo.bbox import parse_bbox
from scog.imaging.engine import open_engine
from scog.imaging.request import SceneFilter
from scog.products.scene_list import Listing, box_grid, feature_collection, list_scenes, table
from scog.settings import Settings
from scog.temporal.intervals import parse_interval

SIGNED_OPTIONS = ("--bbox", "--rescale", "--classes")
"""Options whose value may begin with a minus sign."""
_NEGATIVE_BBOX = re.compile(r"-[\d.]+(,-?[\d.]+){3}", re.ASCII)
"""A bounding box that begins with a minus sign."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command. Returns the exit status: 0 for success, 1 for failure, 2 for invalid arguments."""
    options = _parser().parse_args(_join_values(sys.argv[1:] if arguments is None else arguments))
    try:
        if options.run(options) is False:
            return 1
    except InvalidInput as error:
        message = _with_full_stop(str(error))
        print_status(f"scog: {message}" + (f" Valid: {error.valid}." if error.valid else ""))
        return 2
    except ValidationError as error:
        first = error.errors()[0]
        print_status(f"scog: setting {'.'.join(map(str, first['loc']))}: {first['msg']}")
        return 2
    except ScogError as error:
        print_status(f"scog: {_with_full_stop(str(error))}")
        return 1
    except OSError as error:
        print_status(f"scog: {error.filename}: {error.strerror}" if error.filename else f"scog: {error}")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _with_full_stop(message: str) -> str:
    return message if message.endswith((".", "?")) else f"{message}."


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scog", description="Maps, statistics and time series from Sentinel-2 COGs, read where they are stored."
    )
    parser.add_argument("--version", action="version", version=f"scog {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

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

    drawing.add_command(commands)
    crop.add_command(commands)
    stats.add_command(commands)
    animate.add_command(commands)
    series.add_command(commands)

    search = commands.add_parser("search", help="list the newest scenes over a bounding box")
    search.add_argument(
        "--bbox", required=True, metavar="W,S,E,N", help="bounding box in degrees, such as 11.2,46.4,11.5,46.6"
    )
    add_time_options(search, 100.0)
    search.add_argument("--collection", help="collection to search (default: SCOG_COLLECTION)")
    search.add_argument(
        "--limit", type=int, default=20, metavar="N", help="scenes to list at most (default: %(default)s)"
    )
    search.add_argument(
        "--format", choices=("table", "json"), default="table", help="output format; json is GeoJSON (default: table)"
    )
    add_catalog_option(search)
    search.set_defaults(run=_search)

    doctor_command.add_command(commands)
    return parser


def _add_address_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    command.add_argument("--port", type=int, default=8000, help="port to listen on (default: %(default)s)")


def _serve(options: argparse.Namespace) -> None:
    _run_server(settings_of(options), options.host, options.port)


def _demo(options: argparse.Namespace) -> None:
    if ensure_archive(options.archive, _show_demo_progress):
        print_status("")
    if not options.make_only:
        _run_server(Settings(catalog=str(options.archive)), options.host, options.port)


def _run_server(settings: Settings, host: str, port: int) -> None:
    import uvicorn  # imported here because the server is slow to load and other commands do not need it

    from scog.web.app import create_app

    if settings.catalog_folder is not None:  # report an unusable archive in one line, before the server starts
        asyncio.run(Archive.open(settings.catalog_folder).close())
    with _bind(host, port) as listener:
        url_host = f"[{host}]" if ":" in host else host
        print_status(f"scog serves {settings.catalog}")
        print_status(f"Open http://{url_host}:{listener.getsockname()[1]}/ in a browser; Ctrl+C stops.")
        server = uvicorn.Server(
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
    except OSError as fault:
        reason = str(fault.strerror).partition(" (")[0]
        valid = "another --port, or 0 for any free port" if fault.errno == errno.EADDRINUSE else None
        raise InvalidInput(f"Cannot listen on {host}, port {port}: {reason}.", valid=valid) from None


def _search(options: argparse.Namespace) -> None:
    check_cloud_cover(options.cloud_cover)
    if not 1 <= options.limit <= MAX_SCENES:
        raise InvalidInput(f"--limit {options.limit} is out of range.", valid=f"1 to {MAX_SCENES}")
    bounds = parse_bbox(options.bbox)
    interval = parse_interval(options.datetime) if options.datetime else None

    async def list_page() -> Listing:
        if bounds is None:
            return Listing([], None)
        async with open_engine(settings_of(options)) as engine:
            scenes = SceneFilter(interval, options.cloud_cover, options.collection)
            return await list_scenes(engine, box_grid(bounds), scenes, options.limit)

    listing = asyncio.run(list_page())
    observations = listing.observations
    count = sum(len(observation.scenes) for observation in observations)
    print(json.dumps(feature_collection(observations)) if options.format == "json" else table(observations))
    truncated = "" if listing.place is None else "; there are more (--limit)"
    print_status(f"{count} scenes of {len(observations)} observations{truncated}")


def _join_values(arguments: Sequence[str]) -> list[str]:
    """Arguments in a form that argparse does not mistake for options, if a value begins with a minus sign.

    `--bbox -12,40,...` becomes `--bbox=-12,40,...`; a positional `-12,40,...` gets a leading space.
    """
    joined: list[str] = []
    for argument in arguments:
        if joined and joined[-1] in SIGNED_OPTIONS and argument[:1] == "-" and argument[1:2] in ".0123456789":
            joined[-1] += f"={argument}"
        else:
            joined.append(f" {argument}" if _NEGATIVE_BBOX.fullmatch(argument) else argument)
    return joined


def _show_demo_progress(done: int, total: int, what: str) -> None:
    """Show the progress: a line that is updated in place on a terminal, or ten lines in a log."""
    if sys.stderr.isatty():
        print(f"\rCreating the demo archive: {done}/{total} {what:<40}", end="", file=sys.stderr, flush=True)
    elif done % max(1, total // 10) == 0:
        print_status(f"Creating the demo archive: {done}/{total}")
