"""GeoJSON geometries as shapely geometries in degrees, with longitudes between -180 and 180."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from scog.errors import InvalidInput
from scog.geo.antimeridian import cut_continuous
from scog.geo.footprint import Bounds
from scog.geo.outline import Polygon, Ring, outline_of

GEOMETRY_TYPES = ("Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon")
VALID_SHAPE = f"a GeoJSON geometry ({', '.join(GEOMETRY_TYPES)} or GeometryCollection) in degrees, longitude first"
MAX_NESTING = 4
"""Maximum nesting of geometry collections; RFC 7946, section 3.1.8, advises against any."""
MAX_CORNERS = 50_000


def parse_geometry(geometry: Any, parameter: str = "intersects") -> BaseGeometry:
    """A request's geometry as a prepared shapely geometry. Raises InvalidInput if it is not valid GeoJSON in degrees.

    Self-intersecting outlines are rejected: repair may take time quadratic in the number of corners.
    """
    try:
        _count_corners(geometry, 0)
        shape = shapely.geometry.shape(geometry)
        reason = "it is empty" if shape.is_empty else "" if shape.is_valid else shapely.is_valid_reason(shape)
    except _MALFORMED as fault:
        reason = str(fault)
    if reason:
        raise InvalidInput(f"The geometry is invalid: {reason}.", parameter=parameter, valid=VALID_SHAPE)
    shapely.prepare(shape)
    return shape


def item_shape(item: Mapping[str, Any]) -> BaseGeometry | None:
    """The polygons of an item, cut at the antimeridian; None if it has neither a valid geometry nor a valid bbox.

    These are the polygons of the item's scene, with their holes.
    """
    try:
        return polygons_shape(outline_of(item).polygons)
    except ValueError:
        return None


def polygons_shape(polygons: Iterable[Polygon]) -> BaseGeometry | None:
    """Polygons without jumps, whose longitudes may exceed 180, as a geometry between -180 and 180; None if empty."""
    try:
        parts = [cut_continuous(shapely.Polygon(outer, holes)) for outer, *holes in polygons]
        joined = parts[0] if len(parts) == 1 else shapely.union_all(parts)
    except _MALFORMED:
        return None
    return None if joined.is_empty else joined


def footprint_geojson(footprint: Iterable[Ring]) -> dict[str, Any]:
    """A footprint as a GeoJSON Polygon or MultiPolygon, cut at the antimeridian."""
    shape = polygons_shape((ring,) for ring in footprint)
    parts = [part for part in shapely.get_parts(shape) if part.geom_type == "Polygon"]
    joined: dict[str, Any] = shapely.geometry.mapping(parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts))
    return joined


def intersecting(shape: BaseGeometry) -> Callable[[Any], bool]:
    """A predicate: whether an item intersects a geometry."""

    def touches(item: Mapping[str, Any]) -> bool:
        geometry = item_shape(item)
        return geometry is not None and bool(shapely.intersects(shape, geometry))

    return touches


def box_shape(boxes: Sequence[Bounds]) -> BaseGeometry:
    """The union of boxes."""
    return shapely.union_all([shapely.box(*box) for box in boxes])


_MALFORMED = (shapely.errors.ShapelyError, ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError)
"""Exceptions that shapely and this module raise for JSON of an unexpected structure."""


def _count_corners(geometry: object, depth: int) -> int:
    """The number of positions. Raises ValueError if the object is not a GeoJSON geometry, or has too many."""
    if not isinstance(geometry, Mapping):
        raise ValueError("it is not a JSON object")
    if geometry.get("type") == "GeometryCollection":
        members = geometry.get("geometries")
        if not isinstance(members, list) or depth >= MAX_NESTING:
            raise ValueError(f"geometries is not a list, or collections are nested more than {MAX_NESTING} deep")
        count = sum(_count_corners(member, depth + 1) for member in members)
    elif geometry.get("type") in GEOMETRY_TYPES:
        count = _count_positions(geometry.get("coordinates"), 0)
    else:
        raise ValueError("its type is not a GeoJSON geometry type")
    if count > MAX_CORNERS:
        raise ValueError(f"it has more than {MAX_CORNERS} corners")
    return count


def _count_positions(coordinates: object, depth: int) -> int:
    if not isinstance(coordinates, list) or depth > 3:
        raise ValueError("coordinates are not lists of positions")
    if coordinates and _is_number(coordinates[0]):
        if len(coordinates) not in (2, 3, 4) or not all(map(_is_number, coordinates)):
            raise ValueError("a position must be two or three finite numbers")
        if abs(coordinates[0]) > 180 or abs(coordinates[1]) > 90:
            raise ValueError("a position is not on the Earth in degrees, longitude first")
        return 1
    return sum(_count_positions(part, depth + 1) for part in coordinates)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9 and math.isfinite(value)
