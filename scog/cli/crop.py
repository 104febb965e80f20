"""`scog crop`: writes an image of a bounding box or polygon to a file, in any CRS and format."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from scog.cli.image_options import add_period_options, add_style_options, image_of
from scog.cli.options import (
    add_catalog_option,
    add_output_option,
    end_progress,
    print_status,
    settings_with_cli_limits,
    show_progress,
)
from scog.cli.polygons import read_areas
from scog.errors import InvalidInput
from scog.geo.bbox import parse_corners
from scog.geo.bounds import DEGREES
from scog.geo.crop_grid import UTM, Box, CropSize, crop_grid
from scog.geo.crs import parse_crs
from scog.geo.grid import Grid
from scog.imaging.clip import ClipArea
from scog.imaging.engine import open_engine
from scog.imaging.formats import FORMATS_BY_NAME, format_of
from scog.imaging.options import StyledRequest
from scog.imaging.request import ImageData
from scog.imaging.source_lattice import source_lattice
from scog.net.policy import UpstreamStats
from scog.products.areas.outline import union_of_areas
from scog.products.crop import check_size, draw_crop
from scog.settings import Settings

GridFactory = Callable[..., Grid]
"""Returns the grid of a crop, aligned to the lattice that is passed, if any."""
MAX_PIXELS = 10_000_000
"""Maximum pixels of the longer side if neither size nor resolution is given. `check_size` rejects so large images."""


def add_command(commands: Any) -> None:
    """Add the command `crop`."""
    command = commands.add_parser("crop", help="write an image of a bounding box or polygon to a file, in any CRS")
    area = command.add_mutually_exclusive_group(required=True)
    area.add_argument("--bbox", metavar="W,S,E,N", help="bounding box in degrees, such as 11.2,46.4,11.5,46.6")
    area.add_argument(
        "--area", type=Path, metavar="FILE", help="GeoJSON file of polygons; pixels outside them are masked"
    )
    add_output_option(command, FORMATS_BY_NAME)
    command.add_argument("--coord-crs", default=DEGREES, metavar="CRS", help="CRS of --bbox (default: %(default)s)")
    command.add_argument(
        "--dst-crs", default=UTM, metavar="CRS", help="CRS of the image, such as EPSG:3857 (default: the UTM zone)"
    )
    command.add_argument(
        "--resolution", type=float, metavar="METRES", help="pixel size (default: that of the scenes' bands)"
    )
    command.add_argument(
        "--max-size", type=int, metavar="PIXELS", help="maximum length of the longer side, instead of --resolution"
    )
    add_style_options(command)
    add_period_options(command)
    add_catalog_option(command)
    command.set_defaults(run=_crop)


def _crop(options: argparse.Namespace) -> None:
    settings = settings_with_cli_limits(options)
    format_name = options.output.suffix.lower().removeprefix(".")
    format_of(format_name)  # raises an error before anything is read
    box, area = _box_and_area(options, settings)
    make_grid = _grid_factory(options, box, area)
    image, grid, drawing = asyncio.run(_draw(options, settings, make_grid, area))
    options.output.write_bytes(format_of(format_name, image.style).encode(drawing, grid, image))
    report = drawing.report
    size = f"{grid.width} x {grid.height} pixels of {grid.crs}, {100 * drawing.valid.mean():.0f} % valid"
    print_status(f"{options.output}: {size}, {len(report.used)} scenes used, {len(report.skipped)} skipped")
    for line in report.lines():
        print_status(f"  {line}")
    if report.incomplete:
        print_status(f"  incomplete: {report.incomplete}")


def _box_and_area(options: argparse.Namespace, settings: Settings) -> tuple[Box, ClipArea | None]:
    """The bounding box, and the area if --area is given. Raises InvalidInput."""
    if options.area is None:
        return parse_corners(options.bbox.split(",")), None
    areas = read_areas(options.area, settings)[1]
    area, _ = union_of_areas(replace(areas, unusable=()))  # unusable features are reported already
    return area.box, area


def _grid_factory(options: argparse.Namespace, box: Box, area: ClipArea | None) -> GridFactory:
    """A function that returns the grid of the options, aligned to a lattice if one is passed. Raises InvalidInput."""
    if options.resolution is not None and not 0.01 <= options.resolution <= 100_000:
        raise InvalidInput(f"--resolution {options.resolution:g} is out of range.", valid="0.01 to 100000 metres")
    if options.max_size is not None and options.max_size < 1:
        raise InvalidInput(f"--max-size {options.max_size} is out of range.", valid="1 or more pixels")
    crs = UTM if options.dst_crs.lower() == UTM else parse_crs(options.dst_crs, "dst_crs")
    box_crs = DEGREES if area is not None else parse_crs(options.coord_crs, "coord_crs")
    max_size = options.max_size or (MAX_PIXELS if options.resolution is None else None)
    return partial(crop_grid, box, box_crs, crs, CropSize(max_size=max_size, resolution=options.resolution))


async def _draw(
    options: argparse.Namespace, settings: Settings, make_grid: GridFactory, area: ClipArea | None
) -> tuple[StyledRequest, Grid, ImageData]:
    """The styled request, the grid and its image. Without a resolution, the grid is aligned to the scenes' grid.

    Raises InvalidInput if the image would be too large.
    """
    async with open_engine(settings) as engine:
        image = image_of(options, await engine.profile(options.collection)).clipped(area)
        request = image.request
        grid = make_grid()
        lattice = None if options.resolution else await source_lattice(engine, grid, request, UpstreamStats(), area)
        grid = grid if lattice is None else make_grid(lattice)
        check_size(settings, grid, request, "--max-size")
        try:
            on_progress = partial(show_progress, "Drawing", unit="parts")
            return image, grid, await draw_crop(engine, grid, request, on_progress)
        finally:
            end_progress()
