"""Clip areas: an image has no data outside their polygons. A pixel is inside if its centre is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyproj
import shapely
from affine import Affine
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from scog.catalog.scene import Scene
from scog.errors import InvalidInput
from scog.geo.antimeridian import split_bounds
from scog.geo.bbox import VALID_BOX, boxes_from_numbers
from scog.geo.bounds import lonlat_bounds
from scog.geo.footprint import Bounds
from scog.geo.geojson import box_shape, polygons_shape
from scog.geo.grid import Grid
from scog.geo.index_map import unwrapped_coordinates
from scog.geo.native_grid import MAX_STEPS, STEP
from scog.geo.polygon_repair import valid_polygons

_GEOD = pyproj.Geod(ellps="WGS84")
_DEGREES = Grid("EPSG:4326", Affine.identity(), 1, 1)
"""A grid whose columns and rows are longitudes and latitudes."""
_EAST, _WEST = shapely.box(0, -90, 180, 90), shapely.box(-180, -90, 0, 90)


class ClipArea:
    """2D polygons in degrees, longitudes from -180 to 180. Thread-safe.

    `repaired` describes how an invalid geometry was made valid; None if it was valid. It is not compared by `==`.
    """

    def __init__(self, shape: BaseGeometry, repaired: str | None = None) -> None:
        self._shape = shape
        self.repaired = repaired
        self._hash = hash(shape)
        shapely.prepare(shape)
        # GEOS builds its indexes at the first call of each predicate, which is not safe from two threads.
        probe = shapely.point_on_surface(shape).buffer(1.0)
        shapely.contains(shape, probe)
        shapely.intersects(shape, probe)
        shapely.intersects_xy(shape, *shape.bounds[:2])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ClipArea) and (self is other or bool(self._shape == other._shape))

    def __hash__(self) -> int:
        return self._hash

    @property
    def geometry(self) -> dict[str, Any]:
        """GeoJSON geometry in normal form: it does not depend on the start, direction and order of the given rings."""
        geojson: dict[str, Any] = shapely.geometry.mapping(self._shape)
        return {"type": geojson["type"], "coordinates": _as_lists(geojson["coordinates"])}

    @property
    def bounds(self) -> Bounds:
        """West, south, east, north in degrees; from -180 to 180 for an area that crosses the antimeridian."""
        return _bounds(self._shape)

    @property
    def square_metres(self) -> float:
        """Area on the WGS 84 ellipsoid in square metres. Edges are straight lines in longitude and latitude."""
        dense = shapely.segmentize(self._shape, max(STEP, self._shape.length / MAX_STEPS))
        parts = shapely.normalize(shapely.get_parts(dense))  # opposite orientation of holes subtracts them
        return float(sum(abs(_GEOD.geometry_area_perimeter(part)[0]) for part in parts))

    @property
    def search_boxes(self) -> tuple[Bounds, ...]:
        """Bounding boxes for searches: one, or two if the area crosses the antimeridian."""
        west, _, east, _ = self.bounds
        halves: tuple[BaseGeometry, ...] = (self._shape,)
        if east - west > 180:
            halves = tuple(shapely.intersection(self._shape, half) for half in (_WEST, _EAST))
        return tuple(_bounds(half) for half in halves if not half.is_empty)

    @property
    def box(self) -> Bounds:
        """The narrowest bounding box: west, south, east, north, with west > east if it crosses the antimeridian.

        In the form of RFC 7946, section 5.2.
        """
        _, south, _, north = self.bounds
        spans = sorted((part.bounds[0], part.bounds[2]) for part in shapely.get_parts(self._shape))
        west, east = spans[0][0], max(end for _, end in spans)
        widest_gap, covered_to = west + 360.0 - east, spans[0][1]
        for start, end in spans[1:]:
            if start - covered_to > widest_gap:
                widest_gap, west, east = start - covered_to, start, covered_to
            covered_to = max(covered_to, end)
        return west, south, east, north

    def intersection(self, other: ClipArea) -> ClipArea | None:
        """The intersection with another area; None if it has no area."""
        parts = shapely.get_parts(shapely.intersection(self._shape, other._shape))
        polygons = [part for part in shapely.get_parts(parts) if part.geom_type == "Polygon" and part.area > 0]
        return ClipArea(_normalized(shapely.union_all(polygons))) if polygons else None

    def intersects(self, scene: Scene) -> bool:
        """Whether a scene's footprint intersects the area. True for a scene without a valid footprint."""
        footprint = polygons_shape((ring,) for ring in scene.footprint)
        return footprint is None or bool(self._shape.intersects(footprint))

    def inside(self, grid: Grid) -> NDArray[np.bool_]:
        """Whether each pixel's centre is in the area or on its outline: bool `(y, x)`."""
        bounds = lonlat_bounds(grid)
        grid_boxes = [] if bounds is None else [shapely.box(*box) for box in split_bounds(bounds)]
        if not any(self._shape.intersects(box) for box in grid_boxes):
            return np.zeros(grid.shape, bool)
        if all(self._shape.contains(box) for box in grid_boxes):
            return np.ones(grid.shape, bool)
        lon, lat = unwrapped_coordinates(grid, _DEGREES, slice(0, grid.height), slice(0, grid.width))
        if grid.crs == _DEGREES.crs and not -180 <= grid.bounds[0] <= grid.bounds[2] <= 180:
            lon = np.where(np.abs(lon) > 180, (lon + 180) % 360 - 180, lon)  # the grid crosses the antimeridian
        return np.asarray(shapely.intersects_xy(self._shape, lon, lat), bool)


def parse_clip_area(bbox: object, geometry: object) -> ClipArea | None:
    """The area of a bounding box, or of a GeoJSON geometry, Feature or FeatureCollection. None if both are None.

    Raises InvalidInput if both are given, or one is invalid or empty.
    """
    if bbox is not None and geometry is not None:
        raise InvalidInput("bbox and area cannot be combined.", parameter="bbox", valid="one of the two")
    if bbox is not None:
        if not isinstance(bbox, list):
            raise InvalidInput("bbox is not an array.", parameter="bbox", valid=VALID_BOX)
        parts = [box for box in boxes_from_numbers(bbox) if box[0] < box[2] and box[1] < box[3]]
        if not parts:
            raise InvalidInput("The bounding box has no area.", parameter="bbox", valid=VALID_BOX)
        return ClipArea(_normalized(box_shape(parts)))
    if geometry is None:
        return None
    if isinstance(geometry, Mapping) and geometry.get("type") == "Feature":
        geometry = geometry.get("geometry")
    elif isinstance(geometry, Mapping) and geometry.get("type") == "FeatureCollection":
        geometry = {"type": "GeometryCollection", "geometries": _geometries(geometry.get("features"))}
    polygons = valid_polygons(geometry, "area", jumps=False)
    return ClipArea(_normalized(polygons.shape), polygons.repaired)


def _geometries(features: object) -> list[object]:
    """The geometry of each feature; None for items that are not objects."""
    if not isinstance(features, list):
        return []
    return [feature.get("geometry") if isinstance(feature, Mapping) else None for feature in features]


def clip_area(shape: BaseGeometry) -> ClipArea:
    """The area of a Polygon or MultiPolygon in degrees, longitudes from -180 to 180."""
    return ClipArea(_normalized(shape))


def _normalized(shape: BaseGeometry) -> BaseGeometry:
    """The normal form of a shape: 2D, no -0.0, vertices and parts in GEOS's order, a single part as a Polygon."""
    flat = shapely.transform(shapely.force_2d(shape), lambda vertices: vertices + 0.0)
    parts = shapely.get_parts(flat)
    return shapely.normalize(parts[0] if len(parts) == 1 else flat)


def _bounds(shape: BaseGeometry) -> Bounds:
    west, south, east, north = shape.bounds
    return west, south, east, north


def _as_lists(coordinates: Any) -> Any:
    """Nested coordinates with lists in place of tuples."""
    return [_as_lists(part) for part in coordinates] if isinstance(coordinates, tuple | list) else coordinates
