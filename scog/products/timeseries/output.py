"""Time series as JSON, as GeoJSON for several areas, and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from scog.imaging.report import Report
from scog.products.areas.area_of_interest import AreaOfInterest, AreasOfInterest, UnusableFeature
from scog.products.areas.columns import escape_formulas, feature_columns
from scog.products.areas.sampling_grid import SamplingGrid
from scog.products.areas.statistics import Statistics
from scog.products.timeseries.model import Row
from scog.products.timeseries.options import SeriesOptions, Table
from scog.products.timeseries.series import Series
from scog.products.timeseries.smoothing import CurveValues
from scog.temporal.intervals import rfc3339

STATISTICS = tuple(field.name for field in fields(Statistics))


def document(series: Series, table: Table, options: SeriesOptions) -> dict[str, Any]:
    """The time series of one area as JSON."""
    geometry = dict(series.area.geometry)
    if series.error is not None:
        return {"geometry": geometry, **error_document(series.error)}
    return (
        head(series.sampling_grid, options)
        | repaired_member(series.area)
        | {
            "geometry": geometry,
            "observations": [
                observation(row, options, series.sampling_grid, None if table.curve is None else (table.curve[index],))
                for index, row in enumerate(table.rows)
            ],
            **tail(series.report),
        }
    )


def collection(
    all_series: Sequence[Series],
    tables: Sequence[Table],
    options: SeriesOptions,
    unusable: Sequence[UnusableFeature] = (),
) -> dict[str, Any]:
    """The features as received. Their property `timeseries` is the series, or the reason for its absence."""
    features = {each.index: _add_series(each.feature, error_document(each.reason)) for each in unusable}
    for series, table in zip(all_series, tables, strict=True):
        properties = document(series, table, options)
        del properties["geometry"]
        features[series.area.index] = _add_series(series.area.feature or {}, properties)
    return {"type": "FeatureCollection", "features": [features[index] for index in sorted(features)]}


def error_document(reason: str) -> dict[str, Any]:
    """JSON of an area that cannot be sampled."""
    return {"error": reason, "observations": []}


def repaired_member(area: AreaOfInterest) -> dict[str, Any]:
    """The member `repaired` if the area's geometry was repaired, else nothing."""
    return {} if area.repaired is None else {"repaired": area.repaired}


def _add_series(feature: Mapping[str, Any], series: dict[str, Any]) -> dict[str, Any]:
    """A feature with its time series among the properties."""
    return {**feature, "properties": dict(feature.get("properties") or {}) | {"timeseries": series}}


def head(sampling_grid: SamplingGrid, options: SeriesOptions) -> dict[str, Any]:
    """Members that are available before reading: names and units of the outputs, interval, grid."""
    return {
        "band_names": list(options.variables.names),
        "units": list(options.variables.units) or [None] * len(options.variables.names),
        "interval": None if options.step is None else str(options.step),
        "grid": {
            "crs": sampling_grid.crs,
            "resolution": _integer_if_whole(sampling_grid.resolution),
            "coarser": sampling_grid.coarser,
        },
    }


def observation(
    row: Row, options: SeriesOptions, sampling_grid: SamplingGrid, curve: tuple[CurveValues | None] | None = None
) -> dict[str, Any]:
    """A row as JSON, with the smoothed values if there is a curve."""
    sample, count = row.sample, options.variables.expression.outputs
    values: Sequence[float | None] = sample.values or (None,) * count
    members: dict[str, Any] = {"datetime": rfc3339(row.time)}
    if row.end is not None:
        members |= {"end": rfc3339(row.end), "observations": row.observations}
    members["values"] = [_rounded(value) for value in values]
    if curve is not None:
        members["smoothed"] = smoothed(curve[0], count)
    if not sampling_grid.is_point:
        statistics = sample.statistics or (None,) * count
        members["statistics"] = [
            each and {name: _rounded(value) for name, value in asdict(each).items()} for each in statistics
        ]
    return members | {
        "valid": _rounded(sample.valid),
        "masked": _rounded(sample.masked),
        "scenes": list(sample.scenes),
        "reason": sample.reason,
    }


def smoothed(values: CurveValues | None, count: int) -> list[float | None]:
    """The smoothed value of each of `count` outputs."""
    return [_rounded(value) for value in values or (None,) * count]


def tail(report: Report) -> dict[str, Any]:
    """Members that are available after reading: errors and completeness."""
    return {
        "errors": report.skipped_scenes(),
        "truncated": report.truncated,
        "incomplete": report.incomplete,
    }


def table_text(
    all_series: Sequence[Series], tables: Sequence[Table], options: SeriesOptions, areas: AreasOfInterest
) -> str:
    """CSV with a header and one line per observation of each area. Missing values are empty.

    For a collection, each line has the feature's id and simple properties. A feature that cannot be sampled has a line
    with the reason.
    """
    has_areas = any(not series.sampling_grid.is_point for series in all_series)
    header = list(_header(options, has_areas=has_areas))
    columns = feature_columns(areas, None, header)
    lines: dict[int, list[list[object]]] = {each.index: [_reason_line(header, each.reason)] for each in areas.unusable}
    for series, table in zip(all_series, tables, strict=True):
        area_lines = lines[series.area.index] = []
        if series.error is not None:
            area_lines.append(_reason_line(header, series.error))
        for index, row in enumerate(table.rows):
            curve = None if table.curve is None else table.curve[index]
            area_lines.append(list(_line(row, curve, options, has_areas=has_areas)))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(escape_formulas((*columns.header, *header) if areas.is_collection else header))
    for index in sorted(lines):
        for line in lines[index]:
            writer.writerow(escape_formulas((*columns.cells(index), *line) if areas.is_collection else line))
    return out.getvalue()


def _reason_line(header: Sequence[str], reason: str) -> list[object]:
    """A line that is empty except for the last column, the reason."""
    return [*[None] * (len(header) - 1), reason]


def _header(options: SeriesOptions, *, has_areas: bool) -> Iterator[str]:
    """Column names; `has_areas` adds the statistics of polygons."""
    yield "datetime"
    if options.step is not None:
        yield from ("end", "observations")
    for name in options.variables.names:
        yield name
        if options.smooth is not None:
            yield f"{name}_smoothed"
        if has_areas:
            yield from (f"{name}_{statistic}" for statistic in STATISTICS)
    yield from ("valid", "masked", "scenes", "reason")


def _line(row: Row, curve: CurveValues | None, options: SeriesOptions, *, has_areas: bool) -> Iterator[object]:
    """Cells of a row, in the order of `_header`."""
    sample = row.sample
    yield rfc3339(row.time)
    if options.step is not None:
        yield from (rfc3339(row.end) if row.end else None, row.observations)
    for output in range(options.variables.expression.outputs):
        yield None if sample.values is None else _rounded(sample.values[output])
        if options.smooth is not None:
            yield None if curve is None else _rounded(curve[output])
        if has_areas:
            statistics = None if sample.statistics is None else asdict(sample.statistics[output])
            yield from (None if statistics is None else _rounded(statistics[name]) for name in STATISTICS)
    yield from (_rounded(sample.valid), _rounded(sample.masked), " ".join(sample.scenes), sample.reason)


def _rounded(value: float | None) -> float | None:
    """The value with 7 significant digits, the precision of float32."""
    return None if value is None else float(f"{value:.7g}")


def _integer_if_whole(value: float) -> float | int:
    return int(value) if value == int(value) else value
