"""Splitting at the antimeridian, the meridian 180 = -180 (RFC 7946, sections 3.1.9 and 5.2).

Bounds whose west is greater than their east cross it. Where a grid, a footprint or a polygon crosses it is found in
`bounds`, `outline` and `polygon_repair`; sources that repeat around the world are in `world_width`.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

LonLatBounds = tuple[float, float, float, float]
"""West, south, east, north in degrees; west is greater than east if the area crosses the antimeridian."""


def normalised_longitude(lon: float) -> float:
    """A longitude moved by whole turns to -180 to 180."""
    return lon if -180 <= lon < 180 else (lon + 180) % 360 - 180


def split_longitude_range(west: float, east: float) -> list[tuple[float, float]]:
    """A range of longitudes, from `west` in -180 to 180 to `east` up to 540, as one or two ranges in -180 to 180."""
    return [(west, east)] if east <= 180 else [(west, 180.0), (-180.0, east - 360.0)]


def split_bounds(bounds: LonLatBounds) -> tuple[LonLatBounds, ...]:
    """Bounds as one box, or as two if they cross the antimeridian; west <= east in each."""
    west, south, east, north = bounds
    if west <= east:
        return (bounds,)
    return (west, south, 180.0, north), (-180.0, south, east, north)


def cut_polygon(shape: BaseGeometry) -> BaseGeometry:
    """A geometry cut at the antimeridian; parts beyond it are moved to the other side, between -180 and 180.

    A polygon more than 180 degrees wide is taken for one that crosses the antimeridian.
    """
    west, _, east, _ = shape.bounds
    if east - west > 180 and shape.geom_type == "Polygon":
        shape = shapely.transform(shape, _unwrap)
    return cut_continuous(shape)


def cut_continuous(shape: BaseGeometry) -> BaseGeometry:
    """A geometry without jumps in its longitudes, made valid, and cut into parts between -180 and 180."""
    if not shape.is_valid:
        shape = shapely.make_valid(shape)
    west, _, east, _ = shape.bounds
    if west >= -180 and east <= 180:
        return shape
    pieces = []
    for turn in (-360.0, 0.0, 360.0):
        piece = shapely.intersection(shape, shapely.box(turn - 180, -90, turn + 180, 90))
        pieces.append(shapely.transform(piece, partial(np.add, (-turn, 0.0))))
    return shapely.union_all([piece for piece in pieces if piece.area > 0] or pieces)


def _unwrap(corners: Any) -> Any:
    unwrapped = corners.copy()
    unwrapped[corners[:, 0] < 0, 0] += 360.0
    return unwrapped
