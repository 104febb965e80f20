"""Statistics of polygons as they go out: GeoJSON as TiTiler has it, and CSV for tables."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from scog.field.field import Field, Fields
from scog.field.summary import Summary
from scog.field.zonal import Share, Zonal
from scog.look import Look
from scog.picture.color import hexadecimal

NAMES = ("min", "max", "mean", "count", "sum", "std", "median", "majority", "minority", "unique")
"""Statistics as TiTiler and the summary call them, in TiTiler's order."""


def document(fields: Fields, found: Sequence[Zonal | None], look: Look, sent: object) -> dict[str, Any]:
    """What was sent, as a Feature or a FeatureCollection, with `statistics` and `measured` among the properties.

    The former is as TiTiler has it, an object for each output; null where time did not suffice.
    """
    given = sent if isinstance(sent, Mapping) and sent.get("type") == "Feature" else {}
    told = [
        _feature(field, field.feature or given, zonal, look) for field, zonal in zip(fields.fields, found, strict=True)
    ]
    return {"type": "FeatureCollection", "features": told} if fields.collected else told[0]


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


def table_text(found: Sequence[Zonal | None], look: Look) -> str:
    """CSV with a header: a line for each polygon; what is not known is empty."""
    known = [zonal for zonal in found if zonal is not None]
    percents = list(known[0].summaries[0].percentiles) if known else []
    kinds = [share.kind.name for share in known[0].classes or ()] if known else []
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    names = (*NAMES, *(f"percentile_{percent:g}" for percent in percents), "valid_percent")
    writer.writerow(
        ["feature", *(f"{column}_{name}" for column in look.columns for name in names), "area_ha", "valid_area_ha",
         *(f"{kind}_ha" for kind in kinds)]
    )  # fmt: skip
    for place, zonal in enumerate(found):
        if zonal is None:
            writer.writerow([place])
            continue
        told = [statistics(summary) for summary in zonal.summaries]
        writer.writerow(
            [(zonal.field.feature or {}).get("id", place), *(each[name] for each in told for name in names),
             _hectares(zonal.hectares), _hectares(zonal.valid_hectares),
             *(_hectares(share.hectares) for share in zonal.classes or ())]
        )  # fmt: skip
    return out.getvalue()


def _feature(field: Field, given: Mapping[str, Any], zonal: Zonal | None, look: Look) -> dict[str, Any]:
    properties = dict(given.get("properties") or {}) | {"statistics": None, "measured": {"incomplete": "deadline"}}
    if zonal is not None:
        told = map(statistics, zonal.summaries)
        properties |= {"statistics": dict(zip(look.columns, told, strict=True)), "measured": _measured(zonal)}
    return {**given, "type": "Feature", "geometry": dict(field.geometry), "properties": properties}


def _measured(zonal: Zonal) -> dict[str, Any]:
    """Where and how much of a field was measured, and what is missing."""
    site, report = zonal.site, zonal.report
    told: dict[str, Any] = {
        "area_ha": _hectares(zonal.hectares),
        "valid_area_ha": _hectares(zonal.valid_hectares),
        "grid": {"crs": site.crs, "resolution": site.resolution, "coarser": site.coarser},
    }
    if zonal.classes is not None:
        told["classes"] = [_class(share) for share in zonal.classes]
    return told | {
        "errors": report.errors(),
        "bounded": report.bounded,
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
