"""Statistics of polygons as they go out: GeoJSON as TiTiler has it, and CSV for tables."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from scog.products.areas.area_of_interest import AreasOfInterest, Unusable
from scog.products.areas.columns import columns_of, named
from scog.products.zonal.summary import Summary
from scog.products.zonal.zonal import DEADLINE, Share, Unmeasured, Zonal
from scog.render.color import hexadecimal
from scog.render.style import Style

NAMES = ("min", "max", "mean", "count", "sum", "std", "median", "majority", "minority", "unique")
"""Statistics as TiTiler and the summary call them, in TiTiler's order."""


Found = Zonal | Unmeasured
"""What became of a field."""


def document(fields: AreasOfInterest, found: Sequence[Found], style: Style, sent: object) -> dict[str, Any]:
    """What was sent, as a Feature or a FeatureCollection, with `statistics` and `measured` among the properties.

    The former is as TiTiler has it, an object for each output; null where there are no numbers, and `measured` says
    why.
    """
    given = sent if isinstance(sent, Mapping) and sent.get("type") == "Feature" else {}
    told = {}
    for each in found:
        geometry = dict(each.field.geometry)
        told[each.field.place] = _feature(each.field.feature or given, geometry, each, style)
    for lost in fields.unusable:
        told[lost.place] = _feature(lost.feature, lost.feature.get("geometry"), lost, style)
    if not fields.collected:
        return told[0]
    return {"type": "FeatureCollection", "features": [told[place] for place in sorted(told)]}


def statistics(summary: Summary) -> dict[str, Any]:
    """One output's statistics by TiTiler's names."""
    told: dict[str, Any] = {name: getattr(summary, name) for name in NAMES}
    told["histogram"] = summary.histogram and [list(part) for part in summary.histogram]
    told |= {
        "valid_percent": round(summary.valid_percent, 2),
        "masked_pixels": summary.masked_pixels,
        "valid_pixels": summary.count,
    }
    return told | {f"percentile_{percent:g}": value for percent, value in summary.percentiles.items()}


def table_text(fields: AreasOfInterest, found: Sequence[Found], style: Style, sent: object = None) -> str:
    """CSV with a header: a line for each polygon, with its id and its simple properties; what is not known is empty."""
    known = [each for each in found if isinstance(each, Zonal)]
    percents = list(known[0].summaries[0].percentiles) if known else []
    kinds = [share.kind.name for share in known[0].classes or ()] if known else []
    names = (*NAMES, *(f"percentile_{percent:g}" for percent in percents), "valid_percent")
    heads = [
        *(f"{column}_{name}" for column in style.columns for name in names), "area_ha", "valid_area_ha",
        *(f"{kind}_ha" for kind in kinds), "repaired", "reason",
    ]  # fmt: skip
    columns = columns_of(fields, sent, heads)
    lines: dict[int, list[object]] = {each.place: [None] * (len(heads) - 1) + [each.reason] for each in fields.unusable}
    for each in found:
        if isinstance(each, Zonal):
            told = [statistics(summary) for summary in each.summaries]
            lines[each.field.place] = [
                *(one[name] for one in told for name in names), _hectares(each.hectares),
                _hectares(each.valid_hectares), *(_hectares(share.hectares) for share in each.classes or ()),
                each.field.repaired, each.report.incomplete,
            ]  # fmt: skip
        else:
            lines[each.field.place] = [None] * (len(heads) - 1) + [each.reason]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(named((*columns.heads, *heads)))
    for place in sorted(lines):
        writer.writerow(named((*columns.cells(place), *lines[place])))
    return out.getvalue()


def _feature(given: Mapping[str, Any], geometry: object, found: Found | Unusable, style: Style) -> dict[str, Any]:
    properties = dict(given.get("properties") or {})
    if isinstance(found, Zonal):
        told = map(statistics, found.summaries)
        properties |= {"statistics": dict(zip(style.columns, told, strict=True)), "measured": _measured(found)}
    else:
        late = found.reason == DEADLINE
        properties |= {"statistics": None, "measured": {"incomplete" if late else "error": found.reason}}
    return {**given, "type": "Feature", "geometry": geometry, "properties": properties}


def _measured(zonal: Zonal) -> dict[str, Any]:
    """Where and how much of a field was measured, and what is missing."""
    site, report = zonal.site, zonal.report
    told: dict[str, Any] = {
        "area_ha": _hectares(zonal.hectares),
        "valid_area_ha": _hectares(zonal.valid_hectares),
        "grid": {"crs": site.crs, "resolution": site.resolution, "coarser": site.coarser},
    }
    if zonal.field.repaired is not None:
        told["repaired"] = zonal.field.repaired
    if zonal.classes is not None:
        told["classes"] = [_class(share) for share in zonal.classes]
    return told | {
        "errors": report.errors(),
        "truncated": report.truncated,
        "incomplete": report.incomplete,
    }


def _class(share: Share) -> dict[str, Any]:
    kind = share.kind
    return {
        "value": kind.number,
        "name": kind.name,
        "color": hexadecimal(kind.color),
        "share": round(share.share, 6),
        "area_ha": _hectares(share.hectares),
    }


def _hectares(area: float) -> float:
    """To the hundredth of a square metre."""
    return round(area, 6)
