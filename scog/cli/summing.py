"""`scog stats`: what lies in polygons, told in numbers."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from scog.ask import Ask
from scog.cli.areas import read_fields
from scog.cli.looks import add_periods, add_values, still
from scog.cli.options import (
    add_catalog,
    end_progress,
    patient_settings,
    say,
    show_progress,
)
from scog.engine import open_engine
from scog.errors import InvalidInput
from scog.field.field import Fields
from scog.field.summary import Wanted, wanted_of
from scog.field.told import document, table_text
from scog.field.zonal import Zonal, zonal
from scog.look import Look
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
    look, ask = still(options)
    numbers = _numbers(options.percentiles)
    sent, fields = read_fields(options.area, settings)
    found = asyncio.run(_found(settings, fields, look, ask, numbers))
    if options.json:
        print(json.dumps(document(fields, found, look, sent)))
    elif options.csv:
        print(table_text(found, look), end="")
    else:
        print("\n".join(_table(fields, found, look)))
    for each in found:
        for line in [] if each is None else each.report.told():
            say(f"  skipped {line}")
    if any(each is None or each.report.incomplete for each in found):
        say("  numbers are missing: there was not enough time, or the catalogue failed")


def _numbers(text: str) -> Wanted:
    """The percentiles asked for. Raises InvalidInput."""
    try:
        return wanted_of([float(part) for part in text.split(",")], None, None)
    except ValueError:
        raise InvalidInput(f"{text[:80]!r} are no percentiles.", valid="such as 2,50,98") from None


async def _found(settings: Settings, fields: Fields, look: Look, ask: Ask, numbers: Wanted) -> list[Zonal | None]:
    async with open_engine(settings) as engine:
        try:
            tell = partial(show_progress, "Reading", what="parts")
            return await zonal(engine, fields.fields, look, ask, numbers, tell)
        finally:
            end_progress()


def _table(fields: Fields, found: Sequence[Zonal | None], look: Look) -> Iterator[str]:
    """A line for each polygon and output, and one for each class that is there."""
    names = [_name(place, fields) for place in range(len(found))]
    wide, tall = max(len("area"), *map(len, names)), max(len("layer"), *map(len, look.columns))
    heads = "".join(f"{column:>11}" for column in (*COLUMNS, "hectares", "known"))
    yield f"{'area':<{wide}}  {'layer':<{tall}}{heads}"
    for name, each in zip(names, found, strict=True):
        if each is None:
            yield f"{name:<{wide}}  not measured"
            continue
        for column, summary in zip(look.columns, each.summaries, strict=True):
            cells = "".join(f"{_short(getattr(summary, cell)):>11}" for cell in COLUMNS)
            size = f"{each.hectares:>11.2f}{summary.valid_percent:>9.1f} %"
            yield f"{name:<{wide}}  {column:<{tall}}{cells}{size}"
        for share in each.classes or ():
            if share.hectares:
                part = f"{100 * share.share:.1f} %"
                yield f"{'':<{wide}}  {share.kind.name:<28}{share.hectares:>12.2f} ha{part:>10}"
        if each.site.coarser:
            yield f"{'':<{wide}}  on pixels of {each.site.resolution:g} m"


def _name(place: int, fields: Fields) -> str:
    """What a polygon is called: its `name`, its id, or its number."""
    feature = fields.fields[place].feature or {}
    properties = feature.get("properties") or {}
    return str(properties.get("name") or feature.get("id") or place + 1)[:32]


def _short(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
