"""`scog stats`: what lies in polygons, told in numbers."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from scog.cli.image_options import add_periods, add_values, still
from scog.cli.options import (
    add_catalog,
    end_progress,
    patient_settings,
    say,
    show_progress,
)
from scog.cli.polygons import read_fields
from scog.errors import InvalidInput
from scog.imaging.engine import open_engine
from scog.imaging.options import StyledRequest
from scog.products.areas.area_of_interest import AreasOfInterest
from scog.products.areas.columns import title_of
from scog.products.zonal.output import Found, document, table_text
from scog.products.zonal.summary import Wanted, wanted_of
from scog.products.zonal.zonal import DEADLINE, Zonal, zonal
from scog.render.style import Style
from scog.settings import Settings

COLUMNS = ("mean", "std", "min", "median", "max")
"""Statistics of the table."""


def add_to(commands: Any) -> None:
    """Add the command to those of the prompt."""
    command = commands.add_parser("stats", help="tell what lies in polygons in numbers: statistics and hectares")
    command.add_argument("area", type=Path, metavar="AREA.geojson", help="a polygon, or a collection of them")
    form = command.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="GeoJSON, as POST /statistics answers")
    form.add_argument("--csv", action="store_true", help="a line for each polygon")
    command.add_argument("--percentiles", metavar="P,P", default="2,98", help="0 to 100 (default: %(default)s)")
    add_values(command)
    add_periods(command)
    add_catalog(command)
    command.set_defaults(run=_stats)


def _stats(options: argparse.Namespace) -> None:
    settings = patient_settings(options)
    image = still(options)
    numbers = _numbers(options.percentiles)
    sent, fields = read_fields(options.area, settings)
    found = asyncio.run(_found(settings, fields, image, numbers))
    if options.json:
        print(json.dumps(document(fields, found, image.style, sent)))
    elif options.csv:
        print(table_text(fields, found, image.style, sent), end="")
    else:
        print("\n".join(_table(fields, found, image.style)))
    for each in found:
        for line in each.report.told() if isinstance(each, Zonal) else ():
            say(f"  skipped {line}")
    if any(each.report.incomplete if isinstance(each, Zonal) else each.reason == DEADLINE for each in found):
        say("  numbers are missing: there was not enough time, or the catalogue failed")


def _numbers(text: str) -> Wanted:
    """The percentiles asked for. Raises InvalidInput."""
    try:
        return wanted_of([float(part) for part in text.split(",")], None, None)
    except ValueError:
        raise InvalidInput(f"{text[:80]!r} are no percentiles.", valid="such as 2,50,98") from None


async def _found(settings: Settings, fields: AreasOfInterest, image: StyledRequest, numbers: Wanted) -> list[Found]:
    async with open_engine(settings) as engine:
        try:
            tell = partial(show_progress, "Reading", what="parts")
            return await zonal(engine, fields.fields, image, numbers, tell)
        finally:
            end_progress()


def _table(fields: AreasOfInterest, found: Sequence[Found], style: Style) -> Iterator[str]:
    """A line for each polygon and output, and one for each class that is there."""
    names = {each.place: title_of(each.feature, each.place)[:32] for each in fields.fields}
    names |= {each.place: title_of(each.feature, each.place)[:32] for each in fields.unusable}
    lines = {each.place: [f"not measured: {each.reason}"] for each in fields.unusable}
    tall = max(len("layer"), *map(len, style.columns))
    lines |= {each.field.place: list(_lines(each, style, tall)) for each in found}
    wide = max(len("area"), *map(len, names.values()))
    heads = "".join(f"{column:>11}" for column in (*COLUMNS, "hectares", "known"))
    yield f"{'area':<{wide}}  {'layer':<{tall}}{heads}"
    for place in sorted(lines):
        for line in lines[place]:
            yield f"{'' if line.startswith(' ') else names[place]:<{wide}}  {line.removeprefix(' ')}"


def _lines(found: Found, style: Style, tall: int) -> Iterator[str]:
    """What is told of one polygon; what goes on with a line before begins with a space."""
    if not isinstance(found, Zonal):
        yield "not measured" if found.reason == DEADLINE else f"not measured: {found.reason}"
        return
    for column, summary in zip(style.columns, found.summaries, strict=True):
        cells = "".join(f"{_short(getattr(summary, cell)):>11}" for cell in COLUMNS)
        yield f"{column:<{tall}}{cells}{found.hectares:>11.2f}{summary.valid_percent:>9.1f} %"
    for share in found.classes or ():
        if share.hectares:
            part = f"{100 * share.share:.1f} %"
            yield f" {share.kind.name:<28}{share.hectares:>12.2f} ha{part:>10}"
    if found.site.coarser:
        yield f" on pixels of {found.site.pixel}"


def _short(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
