"""`scog stats`: prints zonal statistics of polygons."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from scog.cli.image_options import add_period_options, add_value_options, image_of
from scog.cli.options import (
    add_catalog_option,
    end_progress,
    print_status,
    settings_with_cli_limits,
    show_progress,
)
from scog.cli.polygons import read_areas
from scog.errors import InvalidInput
from scog.imaging.engine import open_engine
from scog.imaging.options import StyledRequest
from scog.products.areas.area_of_interest import AreasOfInterest
from scog.products.areas.columns import feature_title
from scog.products.zonal.output import ZonalResult, document, table_text
from scog.products.zonal.summary import StatisticsOptions, parse_statistics_options
from scog.products.zonal.zonal import DEADLINE, Zonal, zonal
from scog.render.style import Style
from scog.settings import Settings

COLUMNS = ("mean", "std", "min", "median", "max")
"""Statistics in the table."""


def add_command(commands: Any) -> None:
    """Add the command `stats`."""
    command = commands.add_parser("stats", help="print zonal statistics of polygons: values, hectares, classes")
    command.add_argument("area", type=Path, metavar="AREA.geojson", help="GeoJSON file of polygons")
    output = command.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="print GeoJSON, as POST /statistics returns it")
    output.add_argument("--csv", action="store_true", help="print CSV, one line per polygon")
    command.add_argument(
        "--percentiles", metavar="P,P", default="2,98", help="percentiles, 0 to 100 (default: %(default)s)"
    )
    add_value_options(command)
    add_period_options(command)
    add_catalog_option(command)
    command.set_defaults(run=_stats)


def _stats(options: argparse.Namespace) -> None:
    settings = settings_with_cli_limits(options)
    percentiles = _percentiles(options.percentiles)
    geojson, areas = read_areas(options.area, settings)
    image, results = asyncio.run(_compute(options, settings, areas, percentiles))
    if options.json:
        print(json.dumps(document(areas, results, image.style, geojson)))
    elif options.csv:
        print(table_text(areas, results, image.style, geojson), end="")
    else:
        print("\n".join(_table(areas, results, image.style)))
    for result in results:
        for line in result.report.lines() if isinstance(result, Zonal) else ():
            print_status(f"  {line}")
    if any(each.report.incomplete if isinstance(each, Zonal) else each.reason == DEADLINE for each in results):
        print_status("  incomplete: the deadline passed, or the catalogue failed")


def _percentiles(text: str) -> StatisticsOptions:
    """The requested percentiles. Raises InvalidInput."""
    try:
        return parse_statistics_options([float(part) for part in text.split(",")], None, None)
    except ValueError:
        raise InvalidInput(
            f"--percentiles {text[:80]!r} is not a list of numbers.", valid="numbers from 0 to 100, such as 2,50,98"
        ) from None


async def _compute(
    options: argparse.Namespace, settings: Settings, areas: AreasOfInterest, percentiles: StatisticsOptions
) -> tuple[StyledRequest, list[ZonalResult]]:
    async with open_engine(settings) as engine:
        image = image_of(options, await engine.profile(options.collection))
        try:
            on_progress = partial(show_progress, "Reading", unit="parts")
            return image, await zonal(engine, areas.areas, image, percentiles, on_progress)
        finally:
            end_progress()


def _table(areas: AreasOfInterest, results: Sequence[ZonalResult], style: Style) -> Iterator[str]:
    """Yield the lines of the table: one for each polygon and output, and one for each class with pixels."""
    names = {each.index: feature_title(each.feature, each.index)[:32] for each in areas.areas}
    names |= {each.index: feature_title(each.feature, each.index)[:32] for each in areas.unusable}
    lines = {each.index: [f"not measured: {each.reason}"] for each in areas.unusable}
    layer_width = max(len("layer"), *map(len, style.columns))
    lines |= {each.area.index: list(_lines(each, style, layer_width)) for each in results}
    area_width = max(len("area"), *map(len, names.values()))
    headings = "".join(f"{column:>11}" for column in (*COLUMNS, "hectares", "valid"))
    yield f"{'area':<{area_width}}  {'layer':<{layer_width}}{headings}"
    for index in sorted(lines):
        for line in lines[index]:
            yield f"{'' if line.startswith(' ') else names[index]:<{area_width}}  {line.removeprefix(' ')}"


def _lines(result: ZonalResult, style: Style, layer_width: int) -> Iterator[str]:
    """Yield the lines of one polygon, without its name. Continuation lines begin with a space."""
    if not isinstance(result, Zonal):
        yield "not measured" if result.reason == DEADLINE else f"not measured: {result.reason}"
        return
    for column, summary in zip(style.columns, result.summaries, strict=True):
        cells = "".join(f"{_format(getattr(summary, cell)):>11}" for cell in COLUMNS)
        yield f"{column:<{layer_width}}{cells}{result.hectares:>11.2f}{summary.valid_percent:>9.1f} %"
    for share in result.classes or ():
        if share.hectares:
            percent = f"{100 * share.share:.1f} %"
            yield f" {share.kind.name:<28}{share.hectares:>12.2f} ha{percent:>10}"
    if result.sampling_grid.coarser:
        yield f" on pixels of {result.sampling_grid.pixel}"


def _format(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
