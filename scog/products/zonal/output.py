"""Zonal statistics as GeoJSON in the form of TiTiler, and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from scog.products.areas.area_of_interest import AreasOfInterest, UnusableFeature
from scog.products.areas.columns import escape_formulas, feature_columns
from scog.products.zonal.summary import Summary
from scog.products.zonal.zonal import DEADLINE, ClassShare, NotSampled, Zonal
from scog.render.color import hexadecimal
from scog.render.style import Style

STATISTICS = ("min", "max", "mean", "count", "sum", "std", "median", "majority", "minority", "unique")
"""Names of statistics, which TiTiler and `Summary` share, in TiTiler's order."""


ZonalResult = Zonal | NotSampled
"""The result of an area."""


def document(areas: AreasOfInterest, results: Sequence[ZonalResult], style: Style, received: object) -> dict[str, Any]:
    """The received Feature or FeatureCollection with `statistics` and `measured` among the properties.

    `statistics` has an object per output, as in TiTiler. It is null if there are no statistics; `measured` then has the
    reason. `received` is the GeoJSON document, which has the properties of a single Feature.
    """
    single = received if isinstance(received, Mapping) and received.get("type") == "Feature" else {}
    features = {}
    for result in results:
        geometry = dict(result.area.geometry)
        features[result.area.index] = _feature(result.area.feature or single, geometry, result, style)
    for unusable in areas.unusable:
        features[unusable.index] = _feature(unusable.feature, unusable.feature.get("geometry"), unusable, style)
    if not areas.is_collection:
        return features[0]
    return {"type": "FeatureCollection", "features": [features[index] for index in sorted(features)]}


def statistics(summary: Summary) -> dict[str, Any]:
    """The statistics of one output by TiTiler's names."""
    members: dict[str, Any] = {name: getattr(summary, name) for name in STATISTICS}
    members["histogram"] = summary.histogram and [list(part) for part in summary.histogram]
    members |= {
        "valid_percent": round(summary.valid_percent, 2),
        "masked_pixels": summary.masked_pixels,
        "valid_pixels": summary.count,
    }
    return members | {f"percentile_{percent:g}": value for percent, value in summary.percentiles.items()}


def table_text(areas: AreasOfInterest, results: Sequence[ZonalResult], style: Style, received: object = None) -> str:
    """CSV with a header and one line per polygon, with the feature's id and simple properties.

    Missing values are empty; the last column has the reason.
    """
    sampled = [result for result in results if isinstance(result, Zonal)]
    percents = list(sampled[0].summaries[0].percentiles) if sampled else []
    class_names = [share.kind.name for share in sampled[0].classes or ()] if sampled else []
    names = (*STATISTICS, *(f"percentile_{percent:g}" for percent in percents), "valid_percent")
    header = [
        *(f"{column}_{name}" for column in style.columns for name in names), "area_ha", "valid_area_ha",
        *(f"{name}_ha" for name in class_names), "repaired", "reason",
    ]  # fmt: skip
    columns = feature_columns(areas, received, header)
    without_values = [None] * (len(header) - 1)
    lines: dict[int, list[object]] = {each.index: [*without_values, each.reason] for each in areas.unusable}
    for result in results:
        lines[result.area.index] = (
            _line(result, names) if isinstance(result, Zonal) else [*without_values, result.reason]
        )
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(escape_formulas((*columns.header, *header)))
    for index in sorted(lines):
        writer.writerow(escape_formulas((*columns.cells(index), *lines[index])))
    return out.getvalue()


def _line(zonal: Zonal, names: Sequence[str]) -> list[object]:
    """Cells of an area: the named statistics of each output, areas in hectares, repairs, and missing scenes."""
    by_output = [statistics(summary) for summary in zonal.summaries]
    return [
        *(members[name] for members in by_output for name in names), _hectares(zonal.hectares),
        _hectares(zonal.valid_hectares), *(_hectares(share.hectares) for share in zonal.classes or ()),
        zonal.area.repaired, zonal.report.incomplete,
    ]  # fmt: skip


def _feature(
    received: Mapping[str, Any], geometry: object, result: ZonalResult | UnusableFeature, style: Style
) -> dict[str, Any]:
    """The received Feature with the result among its properties."""
    properties = dict(received.get("properties") or {})
    if isinstance(result, Zonal):
        by_output = dict(zip(style.columns, map(statistics, result.summaries), strict=True))
        properties |= {"statistics": by_output, "measured": _measured(result)}
    else:
        late = result.reason == DEADLINE
        properties |= {"statistics": None, "measured": {"incomplete" if late else "error": result.reason}}
    return {**received, "type": "Feature", "geometry": geometry, "properties": properties}


def _measured(zonal: Zonal) -> dict[str, Any]:
    """The member `measured`: areas in hectares, grid, repairs, classes, and missing scenes."""
    sampling_grid, report = zonal.sampling_grid, zonal.report
    members: dict[str, Any] = {
        "area_ha": _hectares(zonal.hectares),
        "valid_area_ha": _hectares(zonal.valid_hectares),
        "grid": {
            "crs": sampling_grid.crs,
            "resolution": sampling_grid.resolution,
            "coarser": sampling_grid.coarser,
        },
    }
    if zonal.area.repaired is not None:
        members["repaired"] = zonal.area.repaired
    if zonal.classes is not None:
        members["classes"] = [_class(share) for share in zonal.classes]
    return members | {
        "errors": report.skipped_scenes(),
        "truncated": report.truncated,
        "incomplete": report.incomplete,
    }


def _class(share: ClassShare) -> dict[str, Any]:
    entry = share.kind
    return {
        "value": entry.number,
        "name": entry.name,
        "color": hexadecimal(entry.color),
        "share": round(share.share, 6),
        "area_ha": _hectares(share.hectares),
    }


def _hectares(area: float) -> float:
    """Hectares rounded to a hundredth of a square metre."""
    return round(area, 6)
