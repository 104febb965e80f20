"""`scog series`: values over time, of a place or of fields in a file, as a table, a file, or a chart."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scog.cli.options import (
    add_catalog,
    add_range,
    add_time,
    check_cloud_cover,
    end_progress,
    say,
    settings_of,
    show_progress,
    when_of,
)  # fmt: skip
from scog.cli.polygons import read_fields
from scog.composite.mask import parse_mask
from scog.errors import InvalidInput
from scog.imaging.engine import open_engine
from scog.imaging.request import ImageRequest
from scog.products.areas.area_of_interest import AreaOfInterest, AreasOfInterest, point
from scog.products.areas.columns import title_of
from scog.products.areas.sampling_grid import SamplingGrid, measurable
from scog.products.timeseries import output
from scog.products.timeseries.model import Row
from scog.products.timeseries.options import SeriesOptions, Table, table_of
from scog.products.timeseries.periods import Aggregate, check_periods
from scog.products.timeseries.plot import chart_of, check_lines
from scog.products.timeseries.series import Series, take
from scog.products.timeseries.smoothing import VALID as VALID_SMOOTH
from scog.products.timeseries.smoothing import parse_smooth
from scog.products.timeseries.state import SeriesState
from scog.products.timeseries.text import text_of
from scog.products.timeseries.variables import SeriesVariables, formula_of
from scog.settings import Settings
from scog.temporal.intervals import parse_interval
from scog.temporal.steps import VALID, parse_step

CHARTS = (".png", ".svg")


def add_to(commands: Any) -> None:
    """Add the command to those of the prompt."""
    command = commands.add_parser("series", help="values over time, of a place or of fields in a GeoJSON file")
    command.add_argument("place", nargs="*", type=float, metavar="LON LAT", help="a place in degrees")
    command.add_argument("--area", type=Path, metavar="FILE", help="a GeoJSON file instead of a place")
    command.add_argument("--index", help="an index by name (default: ndvi), or several with commas between")
    command.add_argument("--expression", help="a formula, such as (nir-red)/(nir+red); ; between several")
    command.add_argument("--bands", help="a preset such as agriculture, one band, or three")
    command.add_argument("--mask", help="clouds (the default but for scl), none, or SCL classes to take out")
    command.add_argument("--mask-dilate", type=float, default=0.0, metavar="METRES", help="let what is masked grow")
    command.add_argument("--interval", help=f"take observations together: {VALID}")
    names = [each.value for each in Aggregate]
    command.add_argument(
        "--aggregate", choices=names, default=Aggregate.MEDIAN.value, help="how (default: %(default)s)"
    )
    command.add_argument("--smooth", nargs="?", const="whittaker", metavar="METHOD", help=f"a curve: {VALID_SMOOTH}")
    command.add_argument("--min-valid", type=float, default=0.0, metavar="SHARE", help="of a field that must be usable")
    form = command.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="a table for programs")
    form.add_argument("--json", action="store_true", help="as the server answers")
    command.add_argument("--plot", type=Path, metavar="FILE", help="draw a chart too, a .png or .svg")
    command.add_argument("--collection", help="collection of the catalogue (SCOG_COLLECTION)")
    add_time(command, 100.0)
    add_range(command)
    add_catalog(command)
    command.set_defaults(run=_series)


def _series(options: argparse.Namespace) -> None:
    settings = settings_of(options)
    fields = _fields(options, settings)
    check_cloud_cover(options.cloud_cover)
    when = when_of(options)
    bands = tuple(band.strip() for band in (options.bands or "").split(",") if band.strip())
    formula = formula_of(options.index, options.expression, bands)
    mask = parse_mask(options.mask or formula.mask, options.mask_dilate)
    interval = None if when is None else parse_interval(when)
    request = ImageRequest(interval, options.cloud_cover, options.collection, expression=formula.expression, mask=mask)
    asked = _asked(options, formula, request)
    if options.plot is not None:
        if options.plot.suffix.lower() not in CHARTS:
            raise InvalidInput(
                f"{options.plot.name} is no chart.", valid=f"a --plot that ends in {' or '.join(CHARTS)}"
            )
        check_lines(len(fields.fields), asked)
    several = asyncio.run(_taken(settings, fields, request, asked))
    tables = [table_of(series.rows, asked) for series in several]
    _print(options, several, tables, asked, fields)
    if options.plot is not None:
        chart = chart_of(several, tables, asked)
        options.plot.write_bytes(chart.png(2) if options.plot.suffix.lower() == ".png" else chart.svg().encode())
        say(f"{options.plot}: {chart.title}, {chart.note}")
    _say_what(several)


def _fields(options: argparse.Namespace, settings: Settings) -> AreasOfInterest:
    """The place or the file's fields. Raises InvalidInput."""
    if (options.area is None) == (not options.place) or len(options.place) not in (0, 2):
        raise InvalidInput("A series is of a place or of an --area.", valid="LON LAT, or --area FIELD.geojson")
    if options.area is None:
        return AreasOfInterest((point(*options.place),), collected=False)
    return measurable(read_fields(options.area, settings, points=True)[1], settings.field_pixels)


def _asked(options: argparse.Namespace, formula: SeriesVariables, request: ImageRequest) -> SeriesOptions:
    step = None if options.interval is None else parse_step(options.interval, "interval")
    if step is not None:
        check_periods(request.interval, step)
    if not 0 <= options.min_valid <= 1:
        raise InvalidInput(f"There is no share of {options.min_valid:g}.", valid="a --min-valid of 0 to 1")
    smooth = None if options.smooth is None else parse_smooth(options.smooth)
    return SeriesOptions(formula, step, Aggregate(options.aggregate), request.interval, smooth, options.min_valid)


async def _taken(
    settings: Settings, fields: AreasOfInterest, request: ImageRequest, asked: SeriesOptions
) -> list[Series]:
    progress = _Progress()
    async with open_engine(settings) as engine:
        try:
            return await take(SeriesState(engine), fields.fields, asked.formula, request, progress)
        finally:
            progress.end()


class _Progress:
    """A line that counts observations."""

    def __init__(self) -> None:
        self._expected = self._done = 0

    def sited(self, place: int, field: AreaOfInterest, site: SamplingGrid) -> None:
        """Nothing to tell."""

    def found(self, place: int, count: int) -> None:
        """More observations are expected."""
        self._expected += count
        self._show()

    def measured(self, place: int, row: Row) -> None:
        """One more is read."""
        self._done += 1
        self._show()

    def end(self) -> None:
        """The end of the line, if one was begun."""
        if self._expected or self._done:
            end_progress()

    def _show(self) -> None:
        show_progress("Reading", self._done, max(self._expected, self._done), "observations")


def _print(
    options: argparse.Namespace,
    several: Sequence[Series],
    tables: Sequence[Table],
    asked: SeriesOptions,
    fields: AreasOfInterest,
) -> None:
    if options.json:
        if fields.collected:
            told = output.collection(several, tables, asked, fields.unusable)
        else:
            told = output.document(several[0], tables[0], asked)
        print(json.dumps(told, ensure_ascii=False))
    elif options.csv:
        print(output.table_text(several, tables, asked, fields), end="")
    else:
        plain = "utf" not in (sys.stdout.encoding or "").lower()
        for place, table in enumerate(tables):
            if fields.collected:
                field = several[place].field
                print(f"{chr(10) * (place > 0)}Feature {title_of(field.feature, field.place)}")
            print(text_of(table, asked, plain=plain))


def _say_what(several: Sequence[Series]) -> None:
    """What a table does not tell."""
    for series in several:
        if series.site.coarser:
            say(f"Looked at on pixels of {series.site.pixel}, since there would be too many.")
        if series.fault is not None:
            say(f"Feature {title_of(series.field.feature, series.field.place)}: {series.fault}")
        if series.report.truncated:
            say("There would be older observations.")
        if series.report.incomplete:
            say(f"Not complete: {series.report.incomplete}.")
        for line in series.report.told():
            say(f"  skipped {line}")
