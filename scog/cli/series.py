"""`scog series`: prints a time series at a point or over areas as a table, CSV or JSON, and draws a chart."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scog.cli.image_options import MASK_DILATE_HELP, MASK_HELP, OFFSET_HELP
from scog.cli.options import (
    add_catalog_option,
    add_date_range_options,
    add_time_options,
    check_cloud_cover,
    datetime_of,
    end_progress,
    print_status,
    settings_of,
    show_progress,
)  # fmt: skip
from scog.cli.polygons import read_areas
from scog.collections.profile import Profile
from scog.collections.reflectance_offset import parse_offset
from scog.composite.mask import parse_mask
from scog.errors import InvalidInput
from scog.imaging.engine import open_engine
from scog.imaging.request import ImageRequest
from scog.products.areas.area_of_interest import AreaOfInterest, AreasOfInterest, point
from scog.products.areas.columns import feature_title
from scog.products.areas.sampling_grid import SamplingGrid, reject_oversized
from scog.products.timeseries import output
from scog.products.timeseries.model import Row
from scog.products.timeseries.options import SeriesOptions, Table, table_of
from scog.products.timeseries.periods import Aggregate, check_periods
from scog.products.timeseries.plot import chart_of, check_lines
from scog.products.timeseries.series import Series, sample_series
from scog.products.timeseries.smoothing import VALID as VALID_SMOOTH
from scog.products.timeseries.smoothing import parse_smooth
from scog.products.timeseries.state import SeriesState
from scog.products.timeseries.text import text_of
from scog.products.timeseries.variables import SeriesVariables, variables_of
from scog.settings import Settings
from scog.temporal.intervals import parse_interval
from scog.temporal.steps import VALID, parse_step

CHARTS = (".png", ".svg")


def add_command(commands: Any) -> None:
    """Add the command `series`."""
    command = commands.add_parser("series", help="print a time series at a point or over the areas of a GeoJSON file")
    command.add_argument("point", nargs="*", type=float, metavar="LON LAT", help="point in degrees")
    command.add_argument("--area", type=Path, metavar="FILE", help="GeoJSON file of areas, instead of a point")
    command.add_argument("--index", help="spectral indices by name, separated by commas (default: ndvi)")
    command.add_argument("--expression", help="expressions, such as (nir-red)/(nir+red), separated by semicolons")
    command.add_argument("--bands", help="a preset such as agriculture, one band, or three bands")
    command.add_argument("--mask", help=MASK_HELP)
    command.add_argument("--mask-dilate", type=float, default=0.0, metavar="METRES", help=MASK_DILATE_HELP)
    command.add_argument("--offset", metavar="OFFSET", help=OFFSET_HELP)
    command.add_argument("--interval", help=f"aggregate observations over this period: {VALID}")
    names = [each.value for each in Aggregate]
    command.add_argument(
        "--aggregate",
        choices=names,
        default=Aggregate.MEDIAN.value,
        help="aggregation method of --interval (default: %(default)s)",
    )
    command.add_argument(
        "--smooth", nargs="?", const="whittaker", metavar="METHOD", help=f"add a smoothed curve: {VALID_SMOOTH}"
    )
    command.add_argument(
        "--min-valid",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="minimum share of valid pixels, 0 to 1; other observations have no value (default: %(default)g)",
    )
    output_format = command.add_mutually_exclusive_group()
    output_format.add_argument("--csv", action="store_true", help="print CSV")
    output_format.add_argument("--json", action="store_true", help="print JSON, as the server returns it")
    command.add_argument("--plot", type=Path, metavar="FILE", help="also draw a chart to a .png or .svg file")
    add_time_options(command, 100.0, "series_days")
    add_date_range_options(command)
    add_catalog_option(command)
    command.set_defaults(run=_series)


def _series(options: argparse.Namespace) -> None:
    settings = settings_of(options)
    areas = _areas(options, settings)
    check_cloud_cover(options.cloud_cover)
    if options.plot is not None and options.plot.suffix.lower() not in CHARTS:
        raise InvalidInput(
            f"The chart {options.plot.name!r} has an unknown extension.", valid=f"{' or '.join(CHARTS)} for --plot"
        )
    series_options, all_series = asyncio.run(_compute(options, settings, areas))
    tables = [table_of(series.rows, series_options) for series in all_series]
    _print(options, all_series, tables, series_options, areas)
    if options.plot is not None:
        chart = chart_of(all_series, tables, series_options)
        options.plot.write_bytes(chart.png(2) if options.plot.suffix.lower() == ".png" else chart.svg().encode())
        print_status(f"{options.plot}: {chart.title}, {chart.note}")
    _print_notes(all_series)


def _areas(options: argparse.Namespace, settings: Settings) -> AreasOfInterest:
    """The point, or the areas of the file. Raises InvalidInput."""
    if (options.area is None) == (not options.point) or len(options.point) not in (0, 2):
        raise InvalidInput(
            "A series requires either a point or an --area.", valid="LON LAT in degrees, or --area FIELD.geojson"
        )
    if options.area is None:
        return AreasOfInterest((point(*options.point),), is_collection=False)
    return reject_oversized(read_areas(options.area, settings, points=True)[1], settings.area_pixels)


def _parse(options: argparse.Namespace, profile: Profile) -> tuple[SeriesVariables, ImageRequest]:
    """The variables of the series, and their image request. Raises InvalidInput."""
    bands = tuple(band.strip() for band in (options.bands or "").split(",") if band.strip())
    variables = variables_of(profile, options.index, options.expression, bands)
    datetime = datetime_of(options)
    request = ImageRequest(
        None if datetime is None else parse_interval(datetime),
        options.cloud_cover,
        options.collection,
        orbit=options.orbit,
        expression=variables.expression,
        mask=parse_mask(options.mask or variables.mask, options.mask_dilate, profile),
        offset=None if options.offset is None else parse_offset(options.offset),
        profile=profile,
    )
    return variables, request


def _series_options(options: argparse.Namespace, formula: SeriesVariables, request: ImageRequest) -> SeriesOptions:
    step = None if options.interval is None else parse_step(options.interval, "interval")
    if step is not None:
        check_periods(request.interval, step)
    if not 0 <= options.min_valid <= 1:
        raise InvalidInput(f"--min-valid {options.min_valid:g} is not a share.", valid="0 to 1")
    smooth = None if options.smooth is None else parse_smooth(options.smooth)
    return SeriesOptions(formula, step, Aggregate(options.aggregate), request.interval, smooth, options.min_valid)


async def _compute(
    options: argparse.Namespace, settings: Settings, areas: AreasOfInterest
) -> tuple[SeriesOptions, list[Series]]:
    progress = _Progress()
    async with open_engine(settings) as engine:
        variables, request = _parse(options, await engine.profile(options.collection))
        series_options = _series_options(options, variables, request)
        if options.plot is not None:
            check_lines(len(areas.areas), series_options)
        try:
            series = await sample_series(SeriesState(engine), areas.areas, variables, request, progress)
            return series_options, series
        finally:
            progress.end()


class _Progress:
    """Shows a progress bar of observations."""

    def __init__(self) -> None:
        self._expected = self._done = 0

    def grid_chosen(self, index: int, area: AreaOfInterest, sampling_grid: SamplingGrid) -> None:
        """Does nothing."""

    def observations_found(self, index: int, count: int) -> None:
        """Add observations to the expected total."""
        self._expected += count
        self._show()

    def observation_sampled(self, index: int, row: Row) -> None:
        """Count one observation as read."""
        self._done += 1
        self._show()

    def end(self) -> None:
        """End the line of the progress bar, if it was shown."""
        if self._expected or self._done:
            end_progress()

    def _show(self) -> None:
        show_progress("Reading", self._done, max(self._expected, self._done), "observations")


def _print(
    options: argparse.Namespace,
    all_series: Sequence[Series],
    tables: Sequence[Table],
    series_options: SeriesOptions,
    areas: AreasOfInterest,
) -> None:
    """Print the series to stdout as JSON, CSV or a table."""
    if options.json:
        if areas.is_collection:
            document = output.collection(all_series, tables, series_options, areas.unusable)
        else:
            document = output.document(all_series[0], tables[0], series_options)
        print(json.dumps(document, ensure_ascii=False))
    elif options.csv:
        print(output.table_text(all_series, tables, series_options, areas), end="")
    else:
        plain = "utf" not in (sys.stdout.encoding or "").lower()
        for index, table in enumerate(tables):
            if areas.is_collection:
                area = all_series[index].area
                print(f"{chr(10) * (index > 0)}Feature {feature_title(area.feature, area.index)}")
            print(text_of(table, series_options, plain=plain))


def _print_notes(all_series: Sequence[Series]) -> None:
    """Print notes to stderr: coarser pixels, errors, missing observations, skipped scenes."""
    for series in all_series:
        if series.sampling_grid.coarser:
            print_status(f"Sampled on pixels of {series.sampling_grid.pixel}, because the area has too many pixels.")
        if series.error is not None:
            print_status(f"Feature {feature_title(series.area.feature, series.area.index)}: {series.error}")
        if series.report.truncated:
            print_status("The series is truncated: there are older observations.")
        if series.report.incomplete:
            print_status(f"The series is incomplete: {series.report.incomplete}.")
        for line in series.report.lines():
            print_status(f"  {line}")
