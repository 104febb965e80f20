"""`scog crop`: a box or a polygon as a file, in any CRS and format."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from scog.cli.image_options import add_periods, add_picture, still
from scog.cli.options import (
    add_catalog,
    end_progress,
    patient_settings,
    say,
    show_progress,
)
from scog.cli.polygons import read_fields
from scog.errors import InvalidInput
from scog.geo.bbox import corners_of
from scog.geo.bounds import DEGREES
from scog.geo.crop_grid import UTM, Box, Size, cut_grid
from scog.geo.crs import parse_crs
from scog.geo.grid import Grid
from scog.imaging.clip import ClipArea
from scog.imaging.engine import open_engine
from scog.imaging.formats import NAMED, format_of
from scog.imaging.request import ImageData, ImageRequest
from scog.imaging.source_lattice import source_lattice
from scog.net.policy import UpstreamStats
from scog.products.areas.outline import area_of_fields
from scog.products.crop import check_size, cut_out
from scog.settings import Settings

Cut = Callable[..., Grid]
UNLIMITED = 10_000_000
"""Pixels of the longer side: more than `check_size` lets pass."""


def add_to(commands: Any) -> None:
    """Add the command to those of the prompt."""
    command = commands.add_parser("crop", help="draw a box or a polygon into a file, in any CRS and format")
    where = command.add_mutually_exclusive_group(required=True)
    where.add_argument("--bbox", metavar="W,S,E,N", help="in degrees, such as 11.2,46.4,11.5,46.6")
    where.add_argument("--area", type=Path, metavar="FILE", help="GeoJSON of polygons, around which nothing is shown")
    endings = ", ".join(f".{name}" for name in NAMED)
    command.add_argument("-o", "--output", type=Path, required=True, help=f"a file whose ending is one of {endings}")
    command.add_argument("--coord-crs", default=DEGREES, metavar="CRS", help="that of --bbox (default: degrees)")
    command.add_argument(
        "--dst-crs", default=UTM, metavar="CRS", help="that of the pixels, such as EPSG:3857 (default: the UTM zone)"
    )
    command.add_argument("--resolution", type=float, metavar="METRES", help="of a pixel (default: the scenes' own)")
    command.add_argument("--max-size", type=int, metavar="PIXELS", help="of the longer side, instead of --resolution")
    add_picture(command)
    add_periods(command)
    add_catalog(command)
    command.set_defaults(run=_crop)


def _crop(options: argparse.Namespace) -> None:
    settings = patient_settings(options)
    image = still(options)
    form = format_of(options.output.suffix.lower().removeprefix("."), image.style)
    box, area = _where(options, settings)
    cut = _cut(options, box, area)
    grid, drawing = asyncio.run(_drawn(settings, cut, image.within(area).request, area, sized=bool(options.resolution)))
    options.output.write_bytes(form.encode(drawing, grid, image))
    report = drawing.report
    what = f"{grid.width} x {grid.height} pixels of {grid.crs}, {100 * drawing.valid.mean():.0f} % known"
    say(f"{options.output}: {what}, {len(report.used)} scenes used, {len(report.skipped)} skipped")
    for line in report.told():
        say(f"  skipped {line}")
    if report.incomplete:
        say(f"  parts are missing: {report.incomplete}")


def _where(options: argparse.Namespace, settings: Settings) -> tuple[Box, ClipArea | None]:
    """The box asked for, and the area if there is one. Raises InvalidInput."""
    if options.area is None:
        return corners_of(options.bbox.split(",")), None
    fields = read_fields(options.area, settings)[1]
    area, _ = area_of_fields(replace(fields, unusable=()))  # these are said already
    return area.box, area


def _cut(options: argparse.Namespace, box: Box, area: ClipArea | None) -> Cut:
    """Makes the grid that the options ask for, on the lattice of the scenes' files if there is one.

    Raises InvalidInput.
    """
    if options.resolution is not None and not 0.01 <= options.resolution <= 100_000:
        raise InvalidInput(
            f"There are no pixels of {options.resolution:g} m.", valid="a --resolution of 0.01 to 100000"
        )
    if options.max_size is not None and options.max_size < 1:
        raise InvalidInput(f"Nobody draws {options.max_size} pixels.", valid="a --max-size of 1 or more")
    crs = UTM if options.dst_crs.lower() == UTM else parse_crs(options.dst_crs, "dst_crs")
    box_crs = DEGREES if area is not None else parse_crs(options.coord_crs, "coord_crs")
    most = options.max_size or (UNLIMITED if options.resolution is None else None)
    return partial(cut_grid, box, box_crs, crs, Size(max_size=most, resolution=options.resolution))


async def _drawn(
    settings: Settings, cut: Cut, request: ImageRequest, area: ClipArea | None, *, sized: bool
) -> tuple[Grid, ImageData]:
    """The grid, and what is drawn on it. Raises InvalidInput where it would be too large."""
    async with open_engine(settings) as engine:
        grid = cut()
        own = None if sized else await source_lattice(engine, grid, request, UpstreamStats(), area)
        grid = grid if own is None else cut(own)
        check_size(settings, grid, request.limited(area), "--max-size")
        try:
            tell = partial(show_progress, "Drawing", what="parts")
            return grid, await cut_out(engine, grid, request.limited(area), tell)
        finally:
            end_progress()
