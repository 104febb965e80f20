"""The same abilities at a prompt: `scog serve`, `demo`, `tile`, `crop`, `stats`, `series`, `animate` and more."""

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
from scog.cli.options import add_catalog, check_cloud_cover, say, settings_of
from scog.demo.make import ensure_archive
from scog.errors import InvalidInput, ScogError
from scog.geo.bbox import parse_bbox
from scog.imaging.engine import open_engine
from scog.imaging.request import SceneFilter
from scog.products.scene_list import Listing, box_grid, feature_collection, list_scenes, table
from scog.settings import Settings
from scog.temporal.intervals import parse_interval

SIGNED = ("--bbox", "--rescale", "--classes")
"""Options whose value may begin with a minus."""
_WESTERN = re.compile(r"-[\d.]+(,-?[\d.]+){3}", re.ASCII)
"""A box that begins with a minus."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 0 when it did what was asked, 1 when not, 2 when it was asked wrongly."""
    options = argument_parser().parse_args(_joined(sys.argv[1:] if arguments is None else arguments))
    try:
        if options.run(options) is False:
            return 1
    except InvalidInput as error:
        say(f"scog: {error}" + (f" Valid: {error.valid}." if error.valid else ""))
        return 2
    except ValidationError as error:
        first = error.errors()[0]
        say(f"scog: setting {'.'.join(map(str, first['loc']))}: {first['msg']}")
        return 2
    except ScogError as error:
        say(f"scog: {error}")
        return 1
    except OSError as error:
        say(f"scog: {error}")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def argument_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = argparse.ArgumentParser(prog="scog", description="Maps from Sentinel-2 COGs that somebody else stores.")
    parser.add_argument("--version", action="version", version=f"scog {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="serve tiles of a STAC API (default: Earth Search) or a local archive")
    add_catalog(serve)
    _add_address(serve)
    serve.set_defaults(run=_serve)

    demo = commands.add_parser("demo", help="make an archive of made-up acquisitions, and serve it")
    demo.add_argument("--archive", type=Path, default=Path("demo-archive"), metavar="DIR", help="default: %(default)s")
    demo.add_argument("--make-only", action="store_true", help="make the archive and stop")
    _add_address(demo)
    demo.set_defaults(run=_demo)

    drawing.add_to(commands)
    crop.add_to(commands)
    stats.add_to(commands)
    animate.add_to(commands)
    series.add_to(commands)

    search = commands.add_parser("search", help="list the newest scenes over a bounding box")
    search.add_argument("--bbox", required=True, metavar="W,S,E,N", help="in degrees, such as 11.2,46.4,11.5,46.6")
    search.add_argument("--datetime", help="as for tile; without it the newest 90 days")
    search.add_argument("--cloud-cover", type=float, default=100.0, help="highest cloud cover of a scene, percent")
    search.add_argument("--collection", help="collection of the catalogue (SCOG_COLLECTION)")
    search.add_argument("--limit", type=int, default=20, help="scenes to list (default: %(default)s)")
    search.add_argument("--format", choices=("table", "json"), default="table", help="json is GeoJSON")
    add_catalog(search)
    search.set_defaults(run=_search)

    doctor_command.add_to(commands)
    return parser


def _add_address(command: argparse.ArgumentParser) -> None:
    command.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    command.add_argument("--port", type=int, default=8000, help="port to listen on (default: %(default)s)")


def _serve(options: argparse.Namespace) -> None:
    _run_server(settings_of(options), options.host, options.port)


def _demo(options: argparse.Namespace) -> None:
    if ensure_archive(options.archive, _progress):
        say("")
    if not options.make_only:
        _run_server(Settings(catalog=str(options.archive)), options.host, options.port)


def _run_server(settings: Settings, host: str, port: int) -> None:
    import uvicorn  # the server and the routes take a while to load, and other commands do without

    from scog.web.app import create_app

    if settings.catalog_folder is not None:  # what is wrong with it is said here, in one line
        asyncio.run(Archive.open(settings.catalog_folder).close())
    with _listening(host, port) as listening:
        shown = f"[{host}]" if ":" in host else host
        say(f"scog serves {settings.catalog}")
        say(f"Open http://{shown}:{listening.getsockname()[1]}/ in a browser; Ctrl+C stops.")
        server = uvicorn.Server(
            uvicorn.Config(create_app(settings), log_level="warning", access_log=False, proxy_headers=False)
        )
        server.run(sockets=[listening])
    if not server.started:
        raise ScogError("The server did not start.")


def _listening(host: str, port: int) -> socket.socket:
    """The socket to serve on. Made first, so that nobody is sent to a server that is another's. Raises InvalidInput."""
    if not 0 <= port <= 65535:
        raise InvalidInput(f"There is no port {port}.", valid="1 to 65535, or 0 for any that is free")
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as fault:
        reason = str(fault.strerror).partition(" (")[0]
        valid = "another --port, or 0 for any that is free" if fault.errno == errno.EADDRINUSE else None
        raise InvalidInput(f"Cannot listen on {host}, port {port}: {reason}.", valid=valid) from None


def _search(options: argparse.Namespace) -> None:
    check_cloud_cover(options.cloud_cover)
    if not 1 <= options.limit <= MAX_SCENES:
        raise InvalidInput(f"Nobody lists {options.limit} scenes.", valid=f"a --limit of 1 to {MAX_SCENES}")
    bounds = parse_bbox(options.bbox)
    interval = parse_interval(options.datetime) if options.datetime else None

    async def find() -> Listing:
        if bounds is None:
            return Listing([], None)
        async with open_engine(settings_of(options)) as engine:
            scenes = SceneFilter(interval, options.cloud_cover, options.collection)
            return await list_scenes(engine, box_grid(bounds), scenes, options.limit)

    listing = asyncio.run(find())
    found = listing.observations
    count = sum(len(observation.scenes) for observation in found)
    print(json.dumps(feature_collection(found)) if options.format == "json" else table(found))
    more = "" if listing.place is None else "; there are more (--limit)"
    say(f"{count} scenes of {len(found)} observations{more}")


def _joined(arguments: Sequence[str]) -> list[str]:
    """Arguments with `--bbox -12,40,...` made one, and a space before `-12,40,...` that stands alone.

    argparse would take what begins with a minus for an option.
    """
    joined: list[str] = []
    for argument in arguments:
        if joined and joined[-1] in SIGNED and argument[:1] == "-" and argument[1:2] in ".0123456789":
            joined[-1] += f"={argument}"
        else:
            joined.append(f" {argument}" if _WESTERN.fullmatch(argument) else argument)
    return joined


def _progress(done: int, total: int, what: str) -> None:
    """A line that counts up in place on a terminal, and stays silent in a log but for every tenth step."""
    if sys.stderr.isatty():
        print(f"\rMaking the demo archive: {done}/{total} {what:<40}", end="", file=sys.stderr, flush=True)
    elif done % max(1, total // 10) == 0:
        say(f"Making the demo archive: {done}/{total}")
