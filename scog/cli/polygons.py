"""Reads areas of interest from GeoJSON files."""

from __future__ import annotations

from pathlib import Path

from scog.cli.options import print_status
from scog.errors import InvalidInput
from scog.geo.geojson_text import VALID, parse_geojson
from scog.products.areas.area_of_interest import AreasOfInterest, parse_areas
from scog.products.areas.columns import feature_title
from scog.settings import Settings


def read_areas(path: Path, settings: Settings, *, points: bool = False) -> tuple[object, AreasOfInterest]:
    """The parsed JSON of a GeoJSON file, and its areas. Repaired and skipped features are reported to stderr.

    `points` also allows points. Raises InvalidInput or OSError.
    """
    try:
        document = parse_geojson(path.read_bytes(), None)
    except InvalidInput as error:
        is_json = error.valid == VALID
        message = f"{path}: {error}" if is_json else f"{path} is not JSON."
        raise InvalidInput(message, valid=error.valid if is_json else "a GeoJSON file") from None
    areas = parse_areas(document, settings.areas, settings.area_vertices, points=points)
    for area in areas.areas:
        if area.repaired is not None:
            print_status(f"  {_label(area.feature, area.index, areas)}: {area.repaired}")
    for unusable in areas.unusable:
        print_status(f"  {_label(unusable.feature, unusable.index, areas)} is skipped: {unusable.reason}")
    return document, areas


def _label(feature: object, index: int, areas: AreasOfInterest) -> str:
    return (
        f"feature {feature_title(feature, index)}" if areas.is_collection and isinstance(feature, dict) else "the area"
    )
