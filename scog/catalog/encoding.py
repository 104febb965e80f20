"""The encoding of a band as its item writes it: scale, offset and nodata, for the band itself or for its asset."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scog.catalog.asset_bands import band_descriptions
from scog.collections.band import Band
from scog.geo.outline import is_finite


@dataclass(frozen=True)
class Encoding:
    """Scale, offset and nodata of a band as the item writes them; a scale of None means that the file's tags count."""

    scale: float | None
    offset: float | None
    nodata: float | None


def encoding_of(
    asset: Mapping[str, Any], bands: Sequence[Mapping[str, Any]], number: int | None, *, is_needed: bool = True
) -> Encoding:
    """What the item writes of a band: for the band itself, else for its asset.

    If `is_needed`, raises ValueError for a scale of 0 and for values that are not numbers; else the latter count as
    not written.
    """
    encoding = _merged(asset, bands, number or 1)
    if not is_needed:
        encoding = {name: value for name, value in encoding.items() if name == "nodata" or is_finite(value)}
    nodata = _nodata(encoding.get("nodata"))
    if encoding.get("scale") is None and encoding.get("offset") is None:
        return Encoding(None, None, nodata)
    offset = None if encoding.get("offset") is None else _finite(encoding, "offset", 0.0)
    scale = _finite(encoding, "scale", 1.0)
    if not scale and is_needed:
        raise ValueError("scale is 0, so that all values would be equal")
    return Encoding(scale, offset, nodata)


_SLOW_MEMBERS = frozenset({"bands", "raster:scale", "raster:offset", "nodata"})
"""Members of an asset that describe its bands besides `raster:bands`."""


def encoding_of_known(band: Band, asset: Mapping[str, Any]) -> Encoding:
    """What the item writes of a band that the profile knows. Values that are not numbers only matter if needed."""
    entries, index = asset.get("raster:bands", ()), (band.number or 1) - 1
    entry = entries[index] if isinstance(entries, list) and len(entries) > index else {}
    if band.scale is not None and _SLOW_MEMBERS.isdisjoint(asset) and isinstance(entry, dict):
        # The common case, several times faster: parsing 100 items delays the first image.
        scale, offset, nodata = entry.get("scale"), entry.get("offset"), band.nodata
        return Encoding(
            scale if is_finite(scale) else None,
            offset if is_finite(offset) else None,
            _nodata(entry.get("nodata")) if nodata is None else nodata,
        )
    return encoding_of(asset, band_descriptions(asset), band.number, is_needed=band.scale is None)


def _merged(asset: Mapping[str, Any], bands: Sequence[Mapping[str, Any]], number: int) -> Mapping[str, Any]:
    """Scale, offset and nodata of a band as in the item: those of the band, else those of the asset."""
    merged = dict(bands[number - 1]) if number <= len(bands) else {}
    for name in ("scale", "offset"):
        if f"raster:{name}" in asset:
            merged.setdefault(name, asset[f"raster:{name}"])
    if "nodata" in asset:
        merged.setdefault("nodata", asset["nodata"])
    return merged


def _finite(encoding: Mapping[str, Any], name: str, default: float) -> float:
    """The finite number of a name, or `default` if it is missing. Raises ValueError for any other value."""
    value = encoding.get(name)
    try:
        number = default if value is None else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{name} {str(value)[:40]!r} is not a finite number")
    return number


def _nodata(value: object) -> float | None:
    """Nodata as a number, or None. The raster extension also allows text. NaN gives None, as NaN is never valid."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    return float(value) if isinstance(value, int | float) and is_finite(value) else None
