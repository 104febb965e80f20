"""Commands that draw: `scog tile`, `sheet`."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import Any

from scog.cli.image_options import add_periods, add_picture, still
from scog.cli.options import add_catalog, add_time, check_cloud_cover, say, settings_of
from scog.composite.methods import VALID, parse_composite
from scog.errors import InvalidInput
from scog.geo.grid import WEB_MERCATOR, Grid, tile_grid
from scog.imaging.draw import ImageData, ImageRequest, draw
from scog.imaging.engine import open_engine
from scog.imaging.formats import NAMED, format_of
from scog.products.contact_sheet import MAX_COLUMNS, SHEET_SIDE, best_known, composites_of, draw_sheet, wish_for
from scog.render.layer import Layer, days_of, layer_of
from scog.settings import Settings
from scog.temporal.intervals import parse_interval

MAX_SIDE = 4096
"""Pixels a side of a picture drawn at a prompt."""


def add_to(commands: Any) -> None:
    """Add the commands to those of the prompt."""
    tile = commands.add_parser("tile", help="draw one tile into a file")
    for name in "zxy":
        tile.add_argument(name, type=int, metavar=name.upper())
    endings = ", ".join(f".{name}" for name in NAMED)
    tile.add_argument(
        "-o", "--output", type=Path, required=True, help=f"a file whose ending says its format: {endings}"
    )
    tile.add_argument("--grid", default=WEB_MERCATOR, metavar="ID", help="a tile matrix set (default: %(default)s)")
    tile.add_argument("--size", type=int, default=256, help="pixels a side (default: %(default)s)")
    add_picture(tile)
    add_periods(tile)
    add_catalog(tile)
    tile.set_defaults(run=_tile)

    sheet = commands.add_parser("sheet", help="draw one tile in many ways, side by side, to choose from")
    for name in "zxy":
        sheet.add_argument(name, type=int, metavar=name.upper())
    sheet.add_argument("--layers", metavar="NAME,NAME", help="presets and indices (default: the best known)")
    sheet.add_argument("--composites", metavar="NAME,NAME", help=f"each layer in these, or in all: {VALID}")
    sheet.add_argument("-o", "--output", type=Path, required=True, help="a .png file")
    sheet.add_argument("--columns", type=int, default=6, help="pictures side by side (default: %(default)s)")
    add_time(sheet)
    add_catalog(sheet)
    sheet.set_defaults(run=_sheet)


def _tile(options: argparse.Namespace) -> None:
    suffix = options.output.suffix.lower()
    if not suffix:
        valid = ", ".join(f".{name}" for name in NAMED)
        raise InvalidInput("A tile is not written to a file without an ending.", valid=valid)
    image = still(options)
    form = format_of(suffix.removeprefix("."), image.style)
    if not 1 <= options.size <= MAX_SIDE:
        raise InvalidInput(f"Nobody draws {options.size} pixels a side.", valid=f"a --size of 1 to {MAX_SIDE}")
    grid = tile_grid(options.z, options.x, options.y, options.size, options.grid)
    drawing = asyncio.run(_draw(settings_of(options), grid, image.request))
    options.output.write_bytes(form.encode(drawing, grid, image))
    report = drawing.report
    known = 100 * drawing.valid.mean()
    say(f"{options.output}: {known:.0f} % known, {len(report.used)} scenes used, {len(report.skipped)} skipped")
    for line in report.told():
        say(f"  skipped {line}")


def _sheet(options: argparse.Namespace) -> None:
    if options.output.suffix.lower() != ".png":
        raise InvalidInput("A sheet is written to a .png file.", valid="a name that ends in .png")
    if not 1 <= options.columns <= MAX_COLUMNS:
        raise InvalidInput(f"{options.columns} columns are no sheet.", valid=f"1 to {MAX_COLUMNS} --columns")
    check_cloud_cover(options.cloud_cover)
    grid = tile_grid(options.z, options.x, options.y, SHEET_SIDE)
    layers = [name.strip() for name in options.layers.split(",")] if options.layers else best_known()
    interval = parse_interval(options.datetime) if options.datetime else None
    looks = _looks(layers, options.composites, days_of(interval))

    async def drawn() -> bytes:
        async with open_engine(settings_of(options)) as engine:
            return await draw_sheet(engine, grid, looks, options.columns, interval, options.cloud_cover, say)

    options.output.write_bytes(asyncio.run(drawn()))
    say(f"{options.output}: {len(looks)} pictures")


def _looks(layers: list[str], composites: str | None, days: float) -> list[tuple[str, Layer]]:
    """The layers by name, each as it is or in composites. Raises InvalidInput."""
    if composites is None:
        return [(layer, layer_of(wish_for(layer))) for layer in layers]
    if composites.strip() == "all":
        return [each for layer in layers for each in composites_of(layer, days)]
    chosen = [parse_composite(name.strip()) for name in composites.split(",")]
    return [(f"{layer}, {each.name}", layer_of(wish_for(layer, each, days))) for layer in layers for each in chosen]


async def _draw(settings: Settings, grid: Grid, request: ImageRequest) -> ImageData:
    async with open_engine(settings) as engine:
        return await draw(engine, grid, request)
