"""Fields: points and polygons of which numbers are asked, as GeoJSON brings them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from scog.errors import InvalidInput
from scog.geo.grid import place_grid
from scog.geo.polygon_repair import VALID as VALID_POLYGONS
from scog.geo.polygon_repair import corners_of, polygons_of, position_of
from scog.suggest import quoted

VALID = "a GeoJSON Point, Polygon or MultiPolygon in degrees, longitude first; a Feature or a FeatureCollection of them"
VALID_AREAS = f"{VALID_POLYGONS}; a Feature or a FeatureCollection of them"
DEGREES = ("CRS84", "EPSG::4326", "EPSG:4326")


@dataclass(frozen=True, eq=False)
class AreaOfInterest:
    """A point or polygons.

    shape     a Point, Polygon or MultiPolygon in degrees between the meridians -180 and 180, valid, without heights
    geometry  the same as it was received
    feature   what it was received in, if that was one of a collection
    place     its number among them, from 0
    repaired  what had to be done to make it valid, in words
    """

    shape: BaseGeometry
    geometry: Mapping[str, Any]
    feature: Mapping[str, Any] | None = None
    place: int = 0
    repaired: str | None = None

    @property
    def is_point(self) -> bool:
        """Whether it is a place without extent."""
        return bool(self.shape.geom_type == "Point")


@dataclass(frozen=True, eq=False)
class Unusable:
    """A feature of a collection of which no numbers can be told: as it was received, its number, and the reason."""

    feature: Mapping[str, Any]
    place: int
    reason: str


@dataclass(frozen=True, eq=False)
class AreasOfInterest:
    """What a request is about: one field, or those of a collection, and what of that cannot be used."""

    fields: tuple[AreaOfInterest, ...]
    collected: bool
    unusable: tuple[Unusable, ...] = ()


def point(lon: float, lat: float) -> AreaOfInterest:
    """A place in degrees as a field. Raises OutOfRange outside the world."""
    place_grid(lon, lat)
    return AreaOfInterest(shapely.Point(lon, lat), {"type": "Point", "coordinates": [lon, lat]})


def parse_fields(document: object, most: int, corners: int, *, points: bool = True) -> AreasOfInterest:
    """The fields of a GeoJSON document, at most so many with so many corners together; with `points` also these.

    Polygons that are not valid are repaired. Of a collection, features that cannot be used are named beside the others.
    Raises InvalidInput that says what is wrong and where, if nothing can be used.
    """
    if not isinstance(document, Mapping):
        raise InvalidInput("The body is no GeoJSON object.", parameter="body", valid=VALID if points else VALID_AREAS)
    _refuse_other_crs(document)
    if document.get("type") == "FeatureCollection":
        return _collected(document.get("features"), most, corners, points=points)
    geometry = document
    if document.get("type") == "Feature":
        _check_properties(document, "geometry")
        geometry = document.get("geometry")  # type: ignore[assignment]
    _check_corners(geometry, "geometry", corners)
    return AreasOfInterest((_field(geometry, "geometry", points=points),), collected=False)


def _collected(features: object, most: int, corners: int, *, points: bool) -> AreasOfInterest:
    if not isinstance(features, list) or not features:
        raise InvalidInput("The collection holds no features.", parameter="features", valid="at least one feature")
    if len(features) > most:
        raise InvalidInput(f"There are {len(features)} features.", parameter="features", valid=f"at most {most}")
    fields: list[AreaOfInterest] = []
    unusable: list[Unusable] = []
    first: InvalidInput | None = None
    for place, feature in enumerate(features):
        where = f"features[{place}]"
        if not isinstance(feature, Mapping) or feature.get("type") != "Feature":
            raise InvalidInput(f"{where} is no Feature.", parameter=where, valid=VALID if points else VALID_AREAS)
        _check_properties(feature, where)
        _refuse_other_crs(feature)
        corners = _check_corners(feature.get("geometry"), where, corners)
        try:
            found = _field(feature.get("geometry"), where, points=points)
        except InvalidInput as fault:
            first = first or fault
            unusable.append(Unusable(feature, place, str(fault)))
        else:
            fields.append(replace(found, feature=feature, place=place))
    if first is not None and not fields:
        raise first
    return AreasOfInterest(tuple(fields), collected=True, unusable=tuple(unusable))


def _check_corners(geometry: object, where: str, most: int) -> int:
    """How many corners the next geometries may have. Raises InvalidInput where this one has more."""
    corners = corners_of(geometry)
    if corners > most:
        what = f"{where} has too many corners, {corners}."
        raise InvalidInput(what, parameter=where, valid=f"at most {most}, with those of the features before it")
    return most - corners


def _field(geometry: object, where: str, *, points: bool) -> AreaOfInterest:
    """A geometry as a field. Raises InvalidInput."""
    valid = VALID if points else VALID_AREAS
    if isinstance(geometry, Mapping):
        _refuse_other_crs(geometry)
        if geometry.get("type") == "Point":
            if not points:
                raise InvalidInput("A point has no area; /point tells its values.", parameter=where, valid=valid)
            return _point(geometry, where)
    found = polygons_of(geometry, where, sys.maxsize, valid)
    assert isinstance(geometry, Mapping)
    received = {name: geometry[name] for name in ("type", "coordinates", "geometries") if name in geometry}
    return AreaOfInterest(found.shape, received, repaired=found.repaired)


def _point(geometry: Mapping[str, Any], where: str) -> AreaOfInterest:
    try:
        lon, lat = position_of(geometry.get("coordinates"))
    except ValueError as fault:
        raise InvalidInput(f"This is no usable geometry: {fault}.", parameter=where, valid=VALID) from None
    lon = lon if -180 <= lon <= 180 else (lon + 180) % 360 - 180
    return AreaOfInterest(shapely.Point(lon, lat), {"type": "Point", "coordinates": geometry["coordinates"]})


def _check_properties(feature: Mapping[str, Any], where: str) -> None:
    """Raises InvalidInput."""
    if not isinstance(feature.get("properties"), Mapping | None):
        raise InvalidInput(f"{where} has properties that are no object.", parameter=where, valid="an object, null")


def _refuse_other_crs(document: Mapping[str, Any]) -> None:
    """Refuse what says that it is not in degrees, as GeoJSON before RFC 7946 could. Raises InvalidInput."""
    crs = document.get("crs")
    if crs is None:
        return
    named = crs.get("properties") if isinstance(crs, Mapping) else None
    name = str(named.get("name") if isinstance(named, Mapping) and named.get("name") else crs)[:500]
    if not name.rstrip("'} ").endswith(DEGREES):
        what = f"The document says that its coordinates are those of another CRS, {quoted(name)}."
        valid = "degrees, longitude first (RFC 7946): ogr2ogr -t_srs EPSG:4326 degrees.geojson THIS.geojson"
        raise InvalidInput(what, parameter="crs", valid=valid)
