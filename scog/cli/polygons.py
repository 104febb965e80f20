"""Polygons for commands, from files."""

from __future__ import annotations

from pathlib import Path

from scog.cli.options import say
from scog.errors import InvalidInput
from scog.geo.geojson_text import VALID, parse_geojson
from scog.products.areas.area_of_interest import AreasOfInterest, parse_fields
from scog.products.areas.columns import title_of
from scog.settings import Settings


def read_fields(path: Path, settings: Settings, *, points: bool = False) -> tuple[object, AreasOfInterest]:
    """What a GeoJSON file holds, and its fields; what had to be repaired is said. Raises InvalidInput, OSError."""
    try:
        held = parse_geojson(path.read_bytes(), None)
    except InvalidInput as fault:
        what = f"{path}: {fault}" if fault.valid == VALID else f"{path} is no JSON."
        raise InvalidInput(what, valid=fault.valid if fault.valid == VALID else "a GeoJSON file") from None
    fields = parse_fields(held, settings.fields, settings.field_corners, points=points)
    for field in fields.fields:
        if field.repaired is not None:
            say(f"  {_named(field.feature, field.place, fields)}: {field.repaired}")
    for bad in fields.unusable:
        say(f"  {_named(bad.feature, bad.place, fields)} is left out: {bad.reason}")
    return held, fields


def _named(feature: object, place: int, fields: AreasOfInterest) -> str:
    return f"feature {title_of(feature, place)}" if fields.collected and isinstance(feature, dict) else "the area"
