"""The same abilities at a prompt: `scog serve`, `demo`, `tile`, `sheet`, `search`, `doctor`."""

from __future__ import annotations

import argparse
import asyncio
import errno
import json
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from scog import __version__
from scog.catalog.archive import Archive
from scog.catalog.observation import Observation
from scog.catalog.search import MAX_SCENES
from scog.catalog.when import parse_interval
from scog.compared import parse_comparison
from scog.demo.make import ensure_archive
from scog.draw import Ask, Drawing, draw
from scog.engine import open_engine
from scog.errors import InvalidInput, ScogError
from scog.formats import NAMED, format_of
from scog.listing import feature_collection, newest_scenes, table
from scog.look import Wish, days_of, look_of
from scog.pixels.change import Change
from scog.pixels.composite import NEWEST, VALID, parse_composite
from scog.pixels.mask import parse_mask
from scog.pixels.resample import Resampling
from scog.settings import Settings
from scog.sheet import MAX_COLUMNS, SHEET_SIDE, best_known, draw_sheet, wish_for
from scog.space.grid import WEB_MERCATOR, Grid, tile_grid

SIGNED = ("--bbox", "--rescale", "--classes")
"""Options whose value may begin with a minus."""
MAX_SIDE = 4096
"""Pixels a side of a picture drawn at a prompt."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 0 when it did what was asked, 1 when not, 2 when it was asked wrongly."""
    options = _parser().parse_args(_joined(sys.argv[1:] if arguments is None else arguments))
    try:
        if options.run(options) is False:
            return 1
    except InvalidInput as error:
        _say(f"scog: {error}" + (f" Valid: {error.valid}." if error.valid else ""))
        return 2
    except ValidationError as error:
        first = error.errors()[0]
        _say(f"scog: setting {'.'.join(map(str, first['loc']))}: {first['msg']}")
        return 2
    except ScogError as error:
        _say(f"scog: {error}")
        return 1
    except OSError as error:
        _say(f"scog: {error}")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scog", description="Maps from Sentinel-2 COGs that somebody else stores.")
    parser.add_argument("--version", action="version", version=f"scog {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="serve tiles of a STAC API (default: Earth Search) or a local archive")
    _add_catalog(serve)
    _add_address(serve)
    serve.set_defaults(run=_serve)

    demo = commands.add_parser("demo", help="make an archive of made-up acquisitions, and serve it")
    demo.add_argument("--archive", type=Path, default=Path("demo-archive"), metavar="DIR", help="default: %(default)s")
    demo.add_argument("--make-only", action="store_true", help="make the archive and stop")
    _add_address(demo)
    demo.set_defaults(run=_demo)

    tile = commands.add_parser("tile", help="draw one tile into a file")
    for name in "zxy":
        tile.add_argument(name, type=int, metavar=name.upper())
    endings = ", ".join(f".{name}" for name in NAMED)
    tile.add_argument(
        "-o", "--output", type=Path, required=True, help=f"a file whose ending says its format: {endings}"
    )
    tile.add_argument("--index", help="an index by name (default: ndvi)")
    tile.add_argument("--expression", help="a formula, such as (nir-red)/(nir+red)")
    tile.add_argument("--bands", help="a preset such as agriculture, one band, or three as red, green and blue")
    tile.add_argument("--resampling", choices=[method.value for method in Resampling], default=Resampling.NEAREST.value)
    tile.add_argument("--grid", default=WEB_MERCATOR, metavar="ID", help="a tile matrix set (default: %(default)s)")
    tile.add_argument("--size", type=int, default=256, help="pixels a side (default: %(default)s)")
    tile.add_argument("--composite", metavar="NAME", default=NEWEST.name, help=f"{VALID} (default: %(default)s)")
    tile.add_argument("--classes", help="thresholds that make classes of values, such as bare:tan,0.2,green:teal")
    tile.add_argument("--rescale", metavar="LOW,HIGH", help="values of the first and the last colour")
    tile.add_argument("--colormap-name", metavar="NAME", help="a colormap of cmap's catalogue, such as viridis")
    tile.add_argument("--color-formula", metavar="FORMULA", help="for three outputs, such as 'gamma RGB 1.3'")
    _add_time(tile)
    tile.add_argument("--compare", metavar="DATETIME", help="a second --datetime: draw the first minus the second")
    tile.add_argument("--compare-as", type=Change, choices=list(Change), help="how (default: difference)")
    tile.add_argument("--mask", help="clouds (the default but for scl), none, or SCL classes to take out")
    tile.add_argument("--mask-dilate", type=float, default=0.0, metavar="METRES", help="let what is masked grow")
    _add_catalog(tile)
    tile.set_defaults(run=_tile)

    sheet = commands.add_parser("sheet", help="draw one tile in many ways, side by side, to choose from")
    for name in "zxy":
        sheet.add_argument(name, type=int, metavar=name.upper())
    sheet.add_argument("--layers", metavar="NAME,NAME", help="presets and indices (default: the best known)")
    sheet.add_argument("-o", "--output", type=Path, required=True, help="a .png file")
    sheet.add_argument("--columns", type=int, default=6, help="pictures side by side (default: %(default)s)")
    _add_time(sheet)
    _add_catalog(sheet)
    sheet.set_defaults(run=_sheet)

    search = commands.add_parser("search", help="list the newest scenes over a bounding box")
    search.add_argument("--bbox", required=True, metavar="W,S,E,N", help="in degrees, such as 11.2,46.4,11.5,46.6")
    search.add_argument("--datetime", help="as for tile; without it the newest 90 days")
    search.add_argument("--cloud-cover", type=float, default=100.0, help="highest cloud cover of a scene, percent")
    search.add_argument("--collection", help="collection of the catalogue (SCOG_COLLECTION)")
    search.add_argument("--limit", type=int, default=20, help="scenes to list (default: %(default)s)")
    search.add_argument("--format", choices=("table", "json"), default="table", help="json is GeoJSON")
    _add_catalog(search)
    search.set_defaults(run=_search)

    doctor = commands.add_parser("doctor", help="check that the catalogue answers and its pixels can be read")
    _add_catalog(doctor)
    doctor.set_defaults(run=_doctor)
    return parser


def _add_time(command: argparse.ArgumentParser) -> None:
    command.add_argument("--datetime", help="a date, an instant or an interval such as 2022-05-01/2022-06-12")
    command.add_argument("--cloud-cover", type=float, default=60.0, help="highest cloud cover of a scene, percent")


def _add_catalog(command: argparse.ArgumentParser) -> None:
    command.add_argument("--catalog", metavar="URL_OR_FOLDER", help="a STAC API or an archive folder (SCOG_CATALOG)")


def _add_address(command: argparse.ArgumentParser) -> None:
    command.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    command.add_argument("--port", type=int, default=8000, help="port to listen on (default: %(default)s)")


def _settings(options: argparse.Namespace) -> Settings:
    given: dict[str, Any] = {"catalog": options.catalog} if options.catalog else {}
    return Settings(**given)


def _serve(options: argparse.Namespace) -> None:
    _run_server(_settings(options), options.host, options.port)


def _demo(options: argparse.Namespace) -> None:
    if ensure_archive(options.archive, _progress):
        _say("")
    if not options.make_only:
        _run_server(Settings(catalog=str(options.archive)), options.host, options.port)


def _run_server(settings: Settings, host: str, port: int) -> None:
    import uvicorn  # the server and the routes take a while to load, and other commands do without

    from scog.web.app import create_app

    if settings.catalog_folder is not None:  # what is wrong with it is said here, in one line
        asyncio.run(Archive.open(settings.catalog_folder).close())
    with _listening(host, port) as listening:
        shown = f"[{host}]" if ":" in host else host
        _say(f"scog serves {settings.catalog}")
        _say(f"Open http://{shown}:{listening.getsockname()[1]}/ in a browser; Ctrl+C stops.")
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


def _tile(options: argparse.Namespace) -> None:
    from scog.web.parameters import parse_rescale  # loads much that other commands do without

    suffix = options.output.suffix.lower()
    if not suffix:
        valid = ", ".join(f".{name}" for name in NAMED)
        raise InvalidInput("A tile is not written to a file without an ending.", valid=valid)
    _check_cloud_cover(options.cloud_cover)
    interval = parse_interval(options.datetime) if options.datetime else None
    comparison = parse_comparison(options.compare, options.compare_as)
    look = look_of(
        Wish(
            index=options.index,
            expression=options.expression,
            bands=tuple(band.strip() for band in (options.bands or "").split(",") if band.strip()),
            rescale=tuple(parse_rescale([options.rescale])) if options.rescale else (),
            colormap_name=options.colormap_name,
            color_formula=options.color_formula,
            classes=options.classes,
            composite=parse_composite(options.composite),
            days=days_of(interval),
            change=comparison.how if comparison else None,
        )
    )
    form = format_of(suffix.removeprefix("."), look)
    ask = Ask(
        expression=look.expression,
        mask=parse_mask(options.mask or look.mask, options.mask_dilate),
        cloud_cover=options.cloud_cover,
        interval=interval,
        resampling=Resampling(options.resampling),
        composite=look.composite,
        compare=comparison,
    )
    if not 1 <= options.size <= MAX_SIDE:
        raise InvalidInput(f"Nobody draws {options.size} pixels a side.", valid=f"a --size of 1 to {MAX_SIDE}")
    grid = tile_grid(options.z, options.x, options.y, options.size, options.grid)
    drawing = asyncio.run(_draw(_settings(options), grid, ask))
    options.output.write_bytes(form.encode(drawing, grid, look))
    report = drawing.report
    known = 100 * drawing.valid.mean()
    _say(f"{options.output}: {known:.0f} % known, {len(report.used)} scenes used, {len(report.skipped)} skipped")
    for scene, reason in report.skipped.items():
        _say(f"  skipped {scene}: {reason}")


def _sheet(options: argparse.Namespace) -> None:
    if options.output.suffix.lower() != ".png":
        raise InvalidInput("A sheet is written to a .png file.", valid="a name that ends in .png")
    if not 1 <= options.columns <= MAX_COLUMNS:
        raise InvalidInput(f"{options.columns} columns are no sheet.", valid=f"1 to {MAX_COLUMNS} --columns")
    _check_cloud_cover(options.cloud_cover)
    grid = tile_grid(options.z, options.x, options.y, SHEET_SIDE)
    layers = [name.strip() for name in options.layers.split(",")] if options.layers else best_known()
    looks = [(layer, look_of(wish_for(layer))) for layer in layers]
    interval = parse_interval(options.datetime) if options.datetime else None

    async def drawn() -> bytes:
        async with open_engine(_settings(options)) as engine:
            return await draw_sheet(engine, grid, looks, options.columns, interval, options.cloud_cover, _say)

    options.output.write_bytes(asyncio.run(drawn()))
    _say(f"{options.output}: {len(looks)} pictures")


def _check_cloud_cover(percent: float) -> None:
    if not 0 <= percent <= 100:
        raise InvalidInput(f"There is no cloud cover of {percent} percent.", valid="0 to 100")


async def _draw(settings: Settings, grid: Grid, ask: Ask) -> Drawing:
    async with open_engine(settings) as engine:
        return await draw(engine, grid, ask)


def _search(options: argparse.Namespace) -> None:
    from scog.web.parameters import parse_bbox  # loads much that other commands do without

    _check_cloud_cover(options.cloud_cover)
    if not 1 <= options.limit <= MAX_SCENES:
        raise InvalidInput(f"Nobody lists {options.limit} scenes.", valid=f"a --limit of 1 to {MAX_SCENES}")
    bounds = parse_bbox(options.bbox)
    interval = parse_interval(options.datetime) if options.datetime else None

    async def find() -> tuple[list[Observation], bool]:
        async with open_engine(_settings(options)) as engine:
            where = (bounds, interval, options.cloud_cover, options.collection, options.limit)
            found, search = await newest_scenes(engine, *where)
            return found, search.exhausted and not search.bounded

    found, all_read = asyncio.run(find())
    count = sum(len(observation.scenes) for observation in found)
    print(json.dumps(feature_collection(found)) if options.format == "json" else table(found))
    more = "" if count < options.limit and all_read else "; there may be more (--limit)"
    _say(f"{count} scenes of {len(found)} observations{more}")


def _doctor(options: argparse.Namespace) -> bool:
    from scog.doctor import examine  # loads what speaks to a catalogue, which a local archive does without

    async def check() -> bool:
        well = True
        async for finding in examine(_settings(options)):
            well &= finding.well
            print(f"{'ok  ' if finding.well else 'FAIL'}  {finding.text}", flush=True)
            if not finding.well and finding.hint:
                print(f"      {finding.hint}", flush=True)
        return well

    return asyncio.run(check())


def _joined(arguments: Sequence[str]) -> list[str]:
    """Arguments with `--bbox -12,40,...` made one: argparse would take what begins with a minus for an option."""
    joined: list[str] = []
    for argument in arguments:
        if joined and joined[-1] in SIGNED and argument[:1] == "-" and argument[1:2] in ".0123456789":
            joined[-1] += f"={argument}"
        else:
            joined.append(argument)
    return joined


def _progress(done: int, total: int, what: str) -> None:
    """A line that counts up in place on a terminal, and stays silent in a log but for every tenth step."""
    if sys.stderr.isatty():
        print(f"\rMaking the demo archive: {done}/{total} {what:<40}", end="", file=sys.stderr, flush=True)
    elif done % max(1, total // 10) == 0:
        _say(f"Making the demo archive: {done}/{total}")


def _say(text: str) -> None:
    print(text, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
