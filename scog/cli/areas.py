"""Polygons for commands, from files."""

from __future__ import annotations

from pathlib import Path

from scog.errors import InvalidInput
from scog.field.field import Fields, parse_fields
from scog.settings import Settings


def read_fields(path: Path, settings: Settings) -> tuple[object, Fields]:
    """What a GeoJSON file holds, and its fields. Raises InvalidInput, OSError."""
    from scog.web.stac.values import parse_json  # loads much that other commands do without

    try:
        held = parse_json(path.read_bytes())
    except InvalidInput:
        raise InvalidInput(f"{path} is no JSON.", valid="a GeoJSON file") from None
    return held, parse_fields(held, settings.fields, settings.field_corners)
