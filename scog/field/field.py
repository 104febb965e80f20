"""Fields: points and polygons of which numbers are asked, as GeoJSON brings them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from scog.catalog.shapes import cut_at_antimeridian, shape_of
from scog.errors import InvalidInput
from scog.space.grid import place_grid

VALID = "a GeoJSON Point, Polygon or MultiPolygon in degrees, longitude first; a Feature or a FeatureCollection of them"
POLYGONS = ("Polygon", "MultiPolygon")
DEGREES = ("CRS84", "EPSG::4326", "EPSG:4326")


@dataclass(frozen=True, eq=False)
class Field:
    """A point or polygons.

    `shape` is a Point, Polygon or MultiPolygon in degrees between the meridians -180 and 180, without heights;
    `geometry` the same as it was received; `feature` what it was received in, if that was one of a collection.
    """

    shape: BaseGeometry
    geometry: Mapping[str, Any]
    feature: Mapping[str, Any] | None = None

    @property
    def is_point(self) -> bool:
        """Whether it is a place without extent."""
        return bool(self.shape.geom_type == "Point")


@dataclass(frozen=True, eq=False)
class Fields:
    """What a request is about: one field, or those of a collection."""

    fields: tuple[Field, ...]
    collected: bool


def point(lon: float, lat: float) -> Field:
    """A place in degrees as a field. Raises OutOfRange outside the world."""
    place_grid(lon, lat)
    return Field(shapely.Point(lon, lat), {"type": "Point", "coordinates": [lon, lat]})


def parse_fields(document: object, most: int, corners: int) -> Fields:
    """The fields of a GeoJSON document, at most so many with so many corners together.

    Raises InvalidInput that says which of them cannot be used, and why.
    """
    if not isinstance(document, Mapping):
        raise InvalidInput("The body is no GeoJSON object.", parameter="body", valid=VALID)
    _refuse_metres(document)
    if document.get("type") == "FeatureCollection":
        features = document.get("features")
        if not isinstance(features, list) or not features:
            raise InvalidInput("The collection holds no features.", parameter="features", valid="at least one feature")
        if len(features) > most:
            raise InvalidInput(f"There are {len(features)} features.", parameter="features", valid=f"at most {most}")
    elif document.get("type") == "Feature":
        features = [document]
    else:
        found, _ = _field(document, "geometry", corners)
        return Fields((found,), collected=False)
    collected = document.get("type") == "FeatureCollection"
    fields = []
    for place, feature in enumerate(features):
        where = f"features[{place}]" if collected else "geometry"
        if not isinstance(feature, Mapping) or feature.get("type") != "Feature":
            raise InvalidInput(f"{where} is no Feature.", parameter=where, valid=VALID)
        if not isinstance(feature.get("properties"), Mapping | None):
            raise InvalidInput(f"{where} has properties that are no object.", parameter=where, valid="an object, null")
        found, corners = _field(feature.get("geometry"), where, corners)
        fields.append(Field(found.shape, found.geometry, feature if collected else None))
    return Fields(tuple(fields), collected)


def _field(geometry: object, where: str, corners: int) -> tuple[Field, int]:
    """A geometry as a field, and how many corners the next ones may have. Raises InvalidInput."""
    kind = geometry.get("type") if isinstance(geometry, Mapping) else None
    if not isinstance(geometry, Mapping) or kind not in (*POLYGONS, "Point"):
        raise _bad(where, "it is no Point, Polygon or MultiPolygon")
    if kind == "Point":
        corners -= 1
    else:
        corners -= _rings(geometry.get("coordinates"), kind == "MultiPolygon", where)
    if corners < 0:
        raise _bad(where, "with it there are too many corners")
    shape = shapely.force_2d(shape_of(dict(geometry), where))
    if kind != "Point":
        parts = [cut_at_antimeridian(part) for part in shapely.get_parts(shape)]
        shape = _polygons(parts[0] if len(parts) == 1 else shapely.union_all(parts))
        if not shape.area > 0:
            raise _bad(where, "it has no extent")
    return Field(shape, {"type": kind, "coordinates": geometry["coordinates"]}), corners


def _rings(coordinates: object, several: bool, where: str) -> int:
    """How many corners the rings have. Raises InvalidInput where there is none, or one that is not closed."""
    polygons = coordinates if several else [coordinates]
    count = 0
    if not isinstance(polygons, list) or not polygons:
        raise _bad(where, "it has no coordinates")
    for rings in polygons:
        if not isinstance(rings, list) or not rings:
            raise _bad(where, "it has no outline")
        for ring in rings:
            if not isinstance(ring, list) or len(ring) < 4:
                raise _bad(where, "a ring has fewer than four positions")
            if ring[0] != ring[-1]:
                raise _bad(where, "a ring is not closed, its last position is not its first")
            count += len(ring)
    return count


def _polygons(shape: BaseGeometry) -> BaseGeometry:
    """The parts that have an extent: where outlines are cut, lines may be left over."""
    parts = [part for part in shapely.get_parts(shape) if part.geom_type == "Polygon"]
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)


def _refuse_metres(document: Mapping[str, Any]) -> None:
    """Refuse what says that it is not in degrees, as GeoJSON before RFC 7946 could. Raises InvalidInput."""
    crs = document.get("crs")
    if crs is not None and not str(crs)[:500].rstrip("'} ").endswith(DEGREES):
        what = "The document says that its coordinates are those of another CRS."
        raise InvalidInput(what, parameter="crs", valid="degrees, longitude first, and no crs (RFC 7946)")


def _bad(where: str, why: str) -> InvalidInput:
    return InvalidInput(f"This is no usable geometry: {why}.", parameter=where, valid=VALID)
