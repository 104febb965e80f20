"""`scog tile` and `scog sheet`: write one tile, or a contact sheet of a tile, to a file."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import Any

from scog.cli.image_options import add_period_options, add_style_options, image_of
from scog.cli.options import (
    add_catalog_option,
    add_output_option,
    add_time_options,
    check_cloud_cover,
    print_status,
    settings_of,
)
from scog.collections.profile import Profile
from scog.composite.methods import VALID, parse_composite
from scog.errors import InvalidInput
from scog.geo.grid import WEB_MERCATOR, Grid, tile_grid
from scog.imaging.draw import ImageData, draw
from scog.imaging.engine import open_engine
from scog.imaging.formats import FORMATS_BY_NAME, format_of
from scog.imaging.options import StyledRequest
from scog.imaging.request import SceneFilter
from scog.products.contact_sheet import MAX_COLUMNS, SHEET_SIDE, best_known, composites_of, draw_sheet, layer_options
from scog.render.layer import Layer, interval_days, layer_of
from scog.temporal.intervals import parse_interval

MAX_SIDE = 4096
"""Maximum pixels per side of a tile."""


def add_commands(commands: Any) -> None:
    """Add the commands `tile` and `sheet`."""
    tile = commands.add_parser("tile", help="write one tile to a file")
    _add_tile_arguments(tile)
    add_output_option(tile, FORMATS_BY_NAME)
    tile.add_argument("--grid", default=WEB_MERCATOR, metavar="ID", help="tile matrix set (default: %(default)s)")
    tile.add_argument("--size", type=int, default=256, metavar="PIXELS", help="pixels per side (default: %(default)s)")
    add_style_options(tile)
    add_period_options(tile)
    add_catalog_option(tile)
    tile.set_defaults(run=_tile)

    sheet = commands.add_parser("sheet", help="write a contact sheet of one tile in many layers to a PNG file")
    _add_tile_arguments(sheet)
    sheet.add_argument(
        "--layers", metavar="NAME,NAME", help="presets and indices (default: all presets, common indices)"
    )
    sheet.add_argument(
        "--composites", metavar="NAME,NAME", help=f"composites to draw each layer with: {VALID}; or the word all"
    )
    sheet.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="output file (.png)")
    sheet.add_argument("--columns", type=int, default=6, metavar="N", help="images per row (default: %(default)s)")
    add_time_options(sheet)
    add_catalog_option(sheet)
    sheet.set_defaults(run=_sheet)


def _add_tile_arguments(command: argparse.ArgumentParser) -> None:
    for name, description in (("z", "zoom level"), ("x", "tile column"), ("y", "tile row")):
        command.add_argument(name, type=int, metavar=name.upper(), help=description)


def _tile(options: argparse.Namespace) -> None:
    suffix = options.output.suffix.lower()
    if not suffix:
        valid = ", ".join(f".{name}" for name in FORMATS_BY_NAME)
        raise InvalidInput(f"The output file {options.output.name!r} has no extension.", valid=valid)
    format_of(suffix.removeprefix("."))  # raises an error before anything is read
    if not 1 <= options.size <= MAX_SIDE:
        raise InvalidInput(f"--size {options.size} is out of range.", valid=f"1 to {MAX_SIDE} pixels")
    grid = tile_grid(options.z, options.x, options.y, options.size, options.grid)
    image, drawing = asyncio.run(_draw(options, grid))
    image_format = format_of(suffix.removeprefix("."), image.style)
    options.output.write_bytes(image_format.encode(drawing, grid, image))
    report = drawing.report
    valid_share = f"{100 * drawing.valid.mean():.0f} % valid"
    print_status(f"{options.output}: {valid_share}, {len(report.used)} scenes used, {len(report.skipped)} skipped")
    for line in report.lines():
        print_status(f"  {line}")


def _sheet(options: argparse.Namespace) -> None:
    if options.output.suffix.lower() != ".png":
        raise InvalidInput(
            f"The output file {options.output.name!r} is not a PNG file.", valid="a name with the extension .png"
        )
    if not 1 <= options.columns <= MAX_COLUMNS:
        raise InvalidInput(f"--columns {options.columns} is out of range.", valid=f"1 to {MAX_COLUMNS}")
    check_cloud_cover(options.cloud_cover)
    grid = tile_grid(options.z, options.x, options.y, SHEET_SIDE)
    interval = parse_interval(options.datetime) if options.datetime else None

    async def draw_images() -> tuple[int, bytes]:
        async with open_engine(settings_of(options)) as engine:
            scenes = SceneFilter(interval, options.cloud_cover, options.collection, orbit=options.orbit)
            profile = await engine.profile(options.collection)
            layers = [name.strip() for name in options.layers.split(",")] if options.layers else best_known(profile)
            images = _sheet_images(profile, layers, options.composites, interval_days(interval))
            return len(images), await draw_sheet(engine, profile, grid, images, options.columns, scenes, print_status)

    count, content = asyncio.run(draw_images())
    options.output.write_bytes(content)
    print_status(f"{options.output}: {count} images")


def _sheet_images(profile: Profile, layers: list[str], composites: str | None, days: float) -> list[tuple[str, Layer]]:
    """Title and layer of each image: each layer once, or once for each composite. Raises InvalidInput."""
    if composites is None:
        return [(layer, layer_of(profile, layer_options(layer))) for layer in layers]
    if composites.strip() == "all":
        return [each for layer in layers for each in composites_of(profile, layer, days)]
    chosen = [parse_composite(name.strip()) for name in composites.split(",")]
    return [
        (f"{layer}, {each.name}", layer_of(profile, layer_options(layer, each, days)))
        for layer in layers
        for each in chosen
    ]


async def _draw(options: argparse.Namespace, grid: Grid) -> tuple[StyledRequest, ImageData]:
    async with open_engine(settings_of(options)) as engine:
        image = image_of(options, await engine.profile(options.collection))
        return image, await draw(engine, grid, image.request)
