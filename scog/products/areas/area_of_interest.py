"""Areas of interest: points and polygons parsed from GeoJSON (RFC 7946)."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from scog.errors import InvalidInput
from scog.geo.grid import point_grid
from scog.geo.polygon_repair import VALID as VALID_POLYGONS
from scog.geo.polygon_repair import count_corners, parse_position, valid_polygons
from scog.suggest import quoted

VALID = "a GeoJSON Point, Polygon or MultiPolygon in degrees, longitude first; a Feature or a FeatureCollection of them"
VALID_AREAS = f"{VALID_POLYGONS}; a Feature or a FeatureCollection of them"
DEGREES = ("CRS84", "EPSG::4326", "EPSG:4326")
"""Endings of CRS names that mean longitude and latitude in degrees."""


@dataclass(frozen=True, eq=False)
class AreaOfInterest:
    """A point or polygon whose pixels are sampled.

    shape     valid 2D Point, Polygon or MultiPolygon in degrees, longitudes from -180 to 180
    geometry  the GeoJSON geometry as received
    feature   the GeoJSON Feature as received if it is a member of a FeatureCollection, else None
    index     index in the collection, from 0
    repaired  description of the repairs that made `shape` valid; None if it was valid
    """

    shape: BaseGeometry
    geometry: Mapping[str, Any]
    feature: Mapping[str, Any] | None = None
    index: int = 0
    repaired: str | None = None

    @property
    def is_point(self) -> bool:
        """Whether the area is a point."""
        return bool(self.shape.geom_type == "Point")


@dataclass(frozen=True, eq=False)
class UnusableFeature:
    """A feature of a collection that cannot be sampled: the Feature as received, its index from 0, and the reason."""

    feature: Mapping[str, Any]
    index: int
    reason: str


@dataclass(frozen=True, eq=False)
class AreasOfInterest:
    """The areas of one request.

    areas          the usable areas
    is_collection  whether they were received as a FeatureCollection
    unusable       the other features of the collection
    """

    areas: tuple[AreaOfInterest, ...]
    is_collection: bool
    unusable: tuple[UnusableFeature, ...] = ()


def point(lon: float, lat: float) -> AreaOfInterest:
    """An area of interest at a longitude and latitude in degrees. Raises OutOfRange."""
    point_grid(lon, lat)
    return AreaOfInterest(shapely.Point(lon, lat), {"type": "Point", "coordinates": [lon, lat]})


def parse_areas(document: object, max_areas: int, max_vertices: int, *, points: bool = True) -> AreasOfInterest:
    """Areas of a parsed GeoJSON document: a geometry, a Feature or a FeatureCollection.

    Invalid polygons are repaired. Unusable features of a collection are listed in `unusable`. `max_vertices` limits the
    vertices of all areas together. Points are allowed if `points` is True.

    Raises InvalidInput if the document is not GeoJSON, exceeds a limit, or has no usable area.
    """
    if not isinstance(document, Mapping):
        valid = VALID if points else VALID_AREAS
        raise InvalidInput("The body is not a GeoJSON object.", parameter="body", valid=valid)
    _check_crs(document)
    if document.get("type") == "FeatureCollection":
        return _parse_collection(document.get("features"), max_areas, max_vertices, points=points)
    geometry = document
    if document.get("type") == "Feature":
        _check_properties(document, "geometry")
        geometry = document.get("geometry")  # type: ignore[assignment]
    _check_vertices(geometry, "geometry", max_vertices)
    return AreasOfInterest((_parse_geometry(geometry, "geometry", points=points),), is_collection=False)


def _parse_collection(features: object, max_areas: int, max_vertices: int, *, points: bool) -> AreasOfInterest:
    """Areas of the features of a collection. Raises InvalidInput."""
    if not isinstance(features, list) or not features:
        raise InvalidInput("The FeatureCollection is empty.", parameter="features", valid="at least one feature")
    if len(features) > max_areas:
        message = f"The FeatureCollection has {len(features)} features."
        raise InvalidInput(message, parameter="features", valid=f"at most {max_areas}")
    areas: list[AreaOfInterest] = []
    unusable: list[UnusableFeature] = []
    first_error: InvalidInput | None = None
    for index, feature in enumerate(features):
        where = f"features[{index}]"
        if not isinstance(feature, Mapping) or feature.get("type") != "Feature":
            valid = VALID if points else VALID_AREAS
            raise InvalidInput(f"{where} is not a GeoJSON Feature.", parameter=where, valid=valid)
        _check_properties(feature, where)
        _check_crs(feature)
        max_vertices = _check_vertices(feature.get("geometry"), where, max_vertices)
        try:
            area = _parse_geometry(feature.get("geometry"), where, points=points)
        except InvalidInput as error:
            first_error = first_error or error
            unusable.append(UnusableFeature(feature, index, str(error)))
        else:
            areas.append(replace(area, feature=feature, index=index))
    if first_error is not None and not areas:
        raise first_error
    return AreasOfInterest(tuple(areas), is_collection=True, unusable=tuple(unusable))


def _check_vertices(geometry: object, where: str, max_vertices: int) -> int:
    """Number of vertices that remain for the following geometries. Raises InvalidInput if there are too many."""
    count = count_corners(geometry)
    if count > max_vertices:
        valid = f"at most {max_vertices}, after those of the features before it"
        raise InvalidInput(f"{where} has too many vertices: {count}.", parameter=where, valid=valid)
    return max_vertices - count


def _parse_geometry(geometry: object, where: str, *, points: bool) -> AreaOfInterest:
    """The area of a GeoJSON geometry. Raises InvalidInput."""
    valid = VALID if points else VALID_AREAS
    if isinstance(geometry, Mapping):
        _check_crs(geometry)
        if geometry.get("type") == "Point":
            if not points:
                message = "A Point has no area; /point returns its values."
                raise InvalidInput(message, parameter=where, valid=valid)
            return _parse_point(geometry, where)
    polygons = valid_polygons(geometry, where, sys.maxsize, valid)
    assert isinstance(geometry, Mapping)
    received = {name: geometry[name] for name in ("type", "coordinates", "geometries") if name in geometry}
    return AreaOfInterest(polygons.shape, received, repaired=polygons.repaired)


def _parse_point(geometry: Mapping[str, Any], where: str) -> AreaOfInterest:
    """The area of a GeoJSON Point, its longitude wrapped to -180 to 180. Raises InvalidInput."""
    try:
        lon, lat = parse_position(geometry.get("coordinates"))
    except ValueError as error:
        raise InvalidInput(f"The geometry is not usable: {error}.", parameter=where, valid=VALID) from None
    lon = lon if -180 <= lon <= 180 else (lon + 180) % 360 - 180
    return AreaOfInterest(shapely.Point(lon, lat), {"type": "Point", "coordinates": geometry["coordinates"]})


def _check_properties(feature: Mapping[str, Any], where: str) -> None:
    """Raise InvalidInput if the properties are neither an object nor null (RFC 7946 section 3.2)."""
    if not isinstance(feature.get("properties"), Mapping | None):
        message = f"The properties of {where} are not an object."
        raise InvalidInput(message, parameter=where, valid="an object or null")


def _check_crs(document: Mapping[str, Any]) -> None:
    """Raise InvalidInput if a `crs` member, as in GeoJSON before RFC 7946, names another CRS than degrees."""
    crs = document.get("crs")
    if crs is None:
        return
    properties = crs.get("properties") if isinstance(crs, Mapping) else None
    name = str(properties.get("name") if isinstance(properties, Mapping) and properties.get("name") else crs)[:500]
    if not name.rstrip("'} ").endswith(DEGREES):
        message = f"The coordinates are not in degrees: the document's crs is {quoted(name)}."
        valid = "degrees, longitude first (RFC 7946): ogr2ogr -t_srs EPSG:4326 degrees.geojson THIS.geojson"
        raise InvalidInput(message, parameter="crs", valid=valid)
