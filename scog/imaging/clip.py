"""Areas: the part of the Earth that a picture is limited to, decided for each pixel by its centre."""

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
from scog.geo.bbox import VALID_BOX, boxes_of
from scog.geo.bounds import boxes, lonlat_bounds
from scog.geo.footprint import Bounds
from scog.geo.geojson import box_shape, polygons_shape
from scog.geo.grid import Grid
from scog.geo.index_map import natural_coordinates
from scog.geo.native_grid import MAX_STEPS, STEP
from scog.geo.polygon_repair import polygons_of

_GEOD = pyproj.Geod(ellps="WGS84")
_DEGREES = Grid("EPSG:4326", Affine.identity(), 1, 1)
"""Its columns and rows are longitudes and latitudes."""
_EAST, _WEST = shapely.box(0, -90, 180, 90), shapely.box(-180, -90, 0, 90)


class ClipArea:
    """Polygons in degrees, without heights, between the meridians -180 and 180. Safe to use from several threads."""

    def __init__(self, shape: BaseGeometry, repaired: str | None = None) -> None:
        self._shape = shape
        self.repaired = repaired
        """What had to be done to make it valid, in words: of equal areas one may have it, the other not."""
        self._hash = hash(shape)
        shapely.prepare(shape)
        # GEOS prepares when it is first asked, and that should not be by two threads at once.
        around = shapely.point_on_surface(shape).buffer(1.0)
        shapely.contains(shape, around)
        shapely.intersects(shape, around)
        shapely.intersects_xy(shape, *shape.bounds[:2])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ClipArea) and (self is other or bool(self._shape == other._shape))

    def __hash__(self) -> int:
        return self._hash

    @property
    def geometry(self) -> dict[str, Any]:
        """As GeoJSON: the same for outlines that differ in where they start, in their direction or in their order."""
        found: dict[str, Any] = shapely.geometry.mapping(self._shape)
        return {"type": found["type"], "coordinates": _listed(found["coordinates"])}

    @property
    def bounds(self) -> Bounds:
        """West, south, east, north of everything."""
        return _bounds(self._shape)

    @property
    def square_metres(self) -> float:
        """On the ellipsoid; its edges are straight in degrees."""
        dense = shapely.segmentize(self._shape, max(STEP, self._shape.length / MAX_STEPS))
        parts = shapely.normalize(shapely.get_parts(dense))  # holes run against their outline
        return float(sum(abs(_GEOD.geometry_area_perimeter(part)[0]) for part in parts))

    @property
    def boxes(self) -> tuple[Bounds, ...]:
        """What to search: its bounds, or two of them where it lies on both sides of the antimeridian."""
        west, _, east, _ = self.bounds
        halves: tuple[BaseGeometry, ...] = (self._shape,)
        if east - west > 180:
            halves = tuple(shapely.intersection(self._shape, half) for half in (_WEST, _EAST))
        return tuple(_bounds(half) for half in halves if not half.is_empty)

    @property
    def box(self) -> Bounds:
        """The narrowest box around everything; west is greater than east where that is over the antimeridian."""
        _, south, _, north = self.bounds
        spans = sorted((part.bounds[0], part.bounds[2]) for part in shapely.get_parts(self._shape))
        west, east = spans[0][0], max(end for _, end in spans)
        widest, reached = west + 360.0 - east, spans[0][1]
        for start, end in spans[1:]:
            if start - reached > widest:
                widest, west, east = start - reached, start, reached
            reached = max(reached, end)
        return west, south, east, north

    def common(self, other: ClipArea) -> ClipArea | None:
        """What two areas have in common; None where that is nothing, or but a line."""
        parts = shapely.get_parts(shapely.intersection(self._shape, other._shape))
        found = [part for part in shapely.get_parts(parts) if part.geom_type == "Polygon" and part.area > 0]
        return ClipArea(_tidy(shapely.union_all(found))) if found else None

    def touches(self, scene: Scene) -> bool:
        """Whether a scene's footprint has a place in common with it."""
        footprint = polygons_shape((ring,) for ring in scene.footprint)
        return footprint is None or bool(self._shape.intersects(footprint))

    def inside(self, grid: Grid) -> NDArray[np.bool_]:
        """Which pixels of a grid have their centre in the area, or on its outline: bool `(y, x)`."""
        bounds = lonlat_bounds(grid)
        shown = [] if bounds is None else [shapely.box(*box) for box in boxes(bounds)]
        if not any(self._shape.intersects(box) for box in shown):
            return np.zeros(grid.shape, bool)
        if all(self._shape.contains(box) for box in shown):
            return np.ones(grid.shape, bool)
        lon, lat = natural_coordinates(grid, _DEGREES, slice(0, grid.height), slice(0, grid.width))
        if grid.crs == _DEGREES.crs and not -180 <= grid.bounds[0] <= grid.bounds[2] <= 180:
            lon = np.where(np.abs(lon) > 180, (lon + 180) % 360 - 180, lon)  # it goes on beyond the antimeridian
        return np.asarray(shapely.intersects_xy(self._shape, lon, lat), bool)


def area_of(bbox: object, geometry: object) -> ClipArea | None:
    """The area that a request names, as a bounding box or as GeoJSON. Raises InvalidInput."""
    if bbox is not None and geometry is not None:
        raise InvalidInput("bbox and area are given together.", parameter="bbox", valid="one of the two")
    if bbox is not None:
        if not isinstance(bbox, list):
            raise InvalidInput("bbox is no list.", parameter="bbox", valid=VALID_BOX)
        found = [box for box in boxes_of(bbox) if box[0] < box[2] and box[1] < box[3]]
        if not found:
            raise InvalidInput("The bounding box holds nothing.", parameter="bbox", valid=VALID_BOX)
        return ClipArea(_tidy(box_shape(found)))
    if geometry is None:
        return None
    if isinstance(geometry, Mapping) and geometry.get("type") == "Feature":
        geometry = geometry.get("geometry")
    elif isinstance(geometry, Mapping) and geometry.get("type") == "FeatureCollection":
        geometry = {"type": "GeometryCollection", "geometries": _geometries(geometry.get("features"))}
    polygons = polygons_of(geometry, "area", jumps=False)
    return ClipArea(_tidy(polygons.shape), polygons.repaired)


def _geometries(features: object) -> list[object]:
    """Of the features of a collection."""
    listed = features if isinstance(features, list) else []
    return [feature.get("geometry") if isinstance(feature, Mapping) else None for feature in listed]


def area_in(shape: BaseGeometry) -> ClipArea:
    """The area within a Polygon or a MultiPolygon in degrees, between the meridians -180 and 180."""
    return ClipArea(_tidy(shape))


def _tidy(shape: BaseGeometry) -> BaseGeometry:
    """The one way to write a shape: no heights, no -0, corners and parts in their order, one part as a Polygon."""
    flat = shapely.transform(shapely.force_2d(shape), lambda corners: corners + 0.0)
    parts = shapely.get_parts(flat)
    return shapely.normalize(parts[0] if len(parts) == 1 else flat)


def _bounds(shape: BaseGeometry) -> Bounds:
    west, south, east, north = shape.bounds
    return west, south, east, north


def _listed(coordinates: Any) -> Any:
    return [_listed(part) for part in coordinates] if isinstance(coordinates, tuple | list) else coordinates
