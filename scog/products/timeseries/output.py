"""Series as they go out: JSON for programs, GeoJSON of several fields, and CSV for tables."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from scog.imaging.report import Report
from scog.products.areas.area_of_interest import AreaOfInterest, AreasOfInterest, Unusable
from scog.products.areas.columns import columns_of, named
from scog.products.areas.sampling_grid import SamplingGrid
from scog.products.areas.statistics import Statistics
from scog.products.timeseries.model import Row
from scog.products.timeseries.options import SeriesOptions, Table
from scog.products.timeseries.series import Series
from scog.products.timeseries.smoothing import Column
from scog.temporal.intervals import rfc3339

NAMES = tuple(field.name for field in fields(Statistics))


def document(series: Series, table: Table, asked: SeriesOptions) -> dict[str, Any]:
    """One field's series."""
    if series.fault is not None:
        return {"geometry": dict(series.field.geometry), "error": series.fault, "observations": []}
    return (
        head(series.site, asked)
        | noted(series.field)
        | {
            "geometry": dict(series.field.geometry),
            "observations": [
                observation(row, asked, series.site, None if table.curve is None else (table.curve[place],))
                for place, row in enumerate(table.rows)
            ],
            **tail(series.report),
        }
    )


def collection(
    several: Sequence[Series], tables: Sequence[Table], asked: SeriesOptions, unusable: Sequence[Unusable] = ()
) -> dict[str, Any]:
    """The features that were sent, each with its own series among its properties, or with the reason for none."""
    features = {each.place: _with_series(each.feature, nothing(each.reason)) for each in unusable}
    for series, table in zip(several, tables, strict=True):
        told = document(series, table, asked)
        del told["geometry"]
        features[series.field.place] = _with_series(series.field.feature or {}, told)
    return {"type": "FeatureCollection", "features": [features[place] for place in sorted(features)]}


def nothing(reason: str) -> dict[str, Any]:
    """What there is of a feature that cannot be used."""
    return {"error": reason, "observations": []}


def noted(field: AreaOfInterest) -> dict[str, Any]:
    """What was repaired of a field, if anything was."""
    return {} if field.repaired is None else {"repaired": field.repaired}


def _with_series(feature: Mapping[str, Any], told: dict[str, Any]) -> dict[str, Any]:
    return {**feature, "properties": dict(feature.get("properties") or {}) | {"timeseries": told}}


def head(site: SamplingGrid, asked: SeriesOptions) -> dict[str, Any]:
    """What is known before anything is read."""
    return {
        "band_names": list(asked.formula.names),
        "interval": None if asked.step is None else str(asked.step),
        "grid": {"crs": site.crs, "resolution": _plain(site.resolution), "coarser": site.coarser},
    }


def observation(
    row: Row, asked: SeriesOptions, site: SamplingGrid, curve: tuple[Column | None] | None = None
) -> dict[str, Any]:
    """A row; with a curve, also its numbers. Numbers have seven digits, as many as a pixel's float32 tells."""
    measured, count = row.measured, asked.formula.expression.outputs
    values: Sequence[float | None] = measured.values or (None,) * count
    told: dict[str, Any] = {"datetime": rfc3339(row.time)}
    if row.end is not None:
        told |= {"end": rfc3339(row.end), "observations": row.observations}
    told["values"] = [_number(value) for value in values]
    if curve is not None:
        told["smoothed"] = smoothed(curve[0], count)
    if not site.is_point:
        known = measured.statistics or (None,) * count
        told["statistics"] = [each and {name: _number(value) for name, value in asdict(each).items()} for each in known]
    return told | {
        "valid": _number(measured.valid),
        "masked": _number(measured.masked),
        "scenes": list(measured.scenes),
        "reason": measured.reason,
    }


def smoothed(column: Column | None, count: int) -> list[float | None]:
    """The numbers of the curve at a row."""
    return [_number(value) for value in column or (None,) * count]


def tail(report: Report) -> dict[str, Any]:
    """What is known when everything is read."""
    return {
        "errors": report.errors(),
        "truncated": report.truncated,
        "incomplete": report.incomplete,
    }


def table_text(
    several: Sequence[Series], tables: Sequence[Table], asked: SeriesOptions, fields: AreasOfInterest
) -> str:
    """CSV with a header: a line for each observation of each feature; what is not known is empty.

    Of a collection each line has the feature's id and simple properties, and a feature that cannot be used one line
    with the reason.
    """
    with_curve, with_areas = asked.smooth is not None, any(not series.site.is_point for series in several)
    heads = list(_header(asked, with_curve=with_curve, with_areas=with_areas))
    about = columns_of(fields, None, heads)
    lines: dict[int, list[list[object]]] = {each.place: [[*_blank(heads), each.reason]] for each in fields.unusable}
    for series, table in zip(several, tables, strict=True):
        here = lines[series.field.place] = []
        if series.fault is not None:
            here.append([*_blank(heads), series.fault])
        for number, row in enumerate(table.rows):
            curve = None if table.curve is None else table.curve[number]
            here.append(list(_line(row, curve, asked, with_curve=with_curve, with_areas=with_areas)))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(named((*about.heads, *heads) if fields.collected else heads))
    for place in sorted(lines):
        for line in lines[place]:
            writer.writerow(named((*about.cells(place), *line) if fields.collected else line))
    return out.getvalue()


def _blank(heads: Sequence[str]) -> list[None]:
    """The cells before the last, which is the reason."""
    return [None] * (len(heads) - 1)


def _header(asked: SeriesOptions, *, with_curve: bool, with_areas: bool) -> Iterator[str]:
    yield "datetime"
    if asked.step is not None:
        yield from ("end", "observations")
    for name in asked.formula.names:
        yield name
        if with_curve:
            yield f"{name}_smoothed"
        if with_areas:
            yield from (f"{name}_{each}" for each in NAMES)
    yield from ("valid", "masked", "scenes", "reason")


def _line(
    row: Row, curve: Column | None, asked: SeriesOptions, *, with_curve: bool, with_areas: bool
) -> Iterator[object]:
    measured = row.measured
    yield rfc3339(row.time)
    if asked.step is not None:
        yield from (rfc3339(row.end) if row.end else None, row.observations)
    for output in range(asked.formula.expression.outputs):
        yield None if measured.values is None else _number(measured.values[output])
        if with_curve:
            yield None if curve is None else _number(curve[output])
        if with_areas:
            known = None if measured.statistics is None else asdict(measured.statistics[output])
            yield from (None if known is None else _number(known[name]) for name in NAMES)
    yield from (_number(measured.valid), _number(measured.masked), " ".join(measured.scenes), measured.reason)


def _number(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.7g}")


def _plain(value: float) -> float | int:
    return int(value) if value == int(value) else value
