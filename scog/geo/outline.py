"""Outlines of items: rings with continuous longitudes, from an item's geometry and `bbox`.

Geometries that cross the antimeridian, or span the world, are written in many ways: cut there (RFC 7946, section
3.1.9), with a jump from 180 to -180, continued beyond 180 (170..190, -200..-160), in 0..360, or around a pole. Here
each becomes one range of longitudes, which may exceed 180. Queries move their own longitudes by 360 degrees.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from scog.geo.antimeridian import normalised_longitude

Ring = tuple[tuple[float, float], ...]
"""Corners of a closed ring in degrees, longitude first; the last equals the first."""
Polygon = tuple[Ring, ...]
"""An exterior ring, and its holes."""

MAX_LONGITUDE = 540.0
"""Maximum magnitude of a longitude: rings may continue beyond the antimeridian, by up to a full turn."""
POLE_TOLERANCE = 0.5
"""Accepted degrees beyond a pole: grids with pixel centres at the pole extend half a pixel further."""
WIDEST_BOX = 90.0
"""A box of two longitudes counts as crossing the antimeridian only if its width is then at most this, in degrees. The
item's `bbox` overrides that."""
MAX_NESTING = 4
"""Maximum nesting of geometry collections."""
_LARGEST = 2**1000
"""Larger integers may not fit into a float."""


class Outline(NamedTuple):
    """The polygons of an item, and remarks on what was wrong with its geometry."""

    polygons: tuple[Polygon, ...]
    remarks: tuple[str, ...] = ()


def outline_of(item: Mapping[str, Any]) -> Outline:
    """The polygons of an item: those of its geometry, or the box of its `bbox` if the geometry has none.

    If the two disagree, the geometry is used. The bbox only decides whether a geometry of two longitudes crosses the
    antimeridian. Raises ValueError if there is neither a valid geometry nor a valid bbox.
    """
    box = _box_of(item.get("bbox"))
    try:
        polygons = tuple(_polygon(rings, box) for rings in _rings(item.get("geometry"), 0))
        problem = "" if polygons else "no polygon"
    except (ValueError, TypeError, LookupError, OverflowError) as error:
        polygons, problem = (), str(error) if type(error) is ValueError else "not lists of positions"
    if polygons:
        return Outline(polygons)
    if box is None:
        raise ValueError(problem)
    west, south, east, north = box
    east += 360.0 if east < west else 0.0
    ring = ((west, south), (east, south), (east, north), (west, north), (west, south))
    return Outline(((_centred(ring),),), (f"geometry: {problem}; the bbox is used",))


def continuous_ring(ring: Ring, crosses: bool = False) -> Ring:
    """A closed ring with continuous longitudes, whose middle is between -180 and 180.

    A ring without steps of more than 180 degrees is taken as written. A ring with such steps jumps across the
    antimeridian, unless it is a box of exactly two longitudes that is better taken as written: one that exceeds 180,
    one that would be more than 90 degrees wide across the antimeridian, or a sliver (-179.95..179.95 from pole to
    pole). With `crosses`, as the item's `bbox` says, such a box jumps too. A ring that goes once around the Earth
    contains the pole that it goes around.
    """
    lons = _lons(ring)
    west, east = min(lons), max(lons)
    if west >= -180 and east <= 180 and east - west <= 180:  # nearly all rings
        return ring
    steps = [after[0] - before[0] for before, after in pairwise(ring)]
    if all(abs(step) <= 180 for step in steps):
        return _centred(ring)
    lons = [ring[0][0]]
    for step in steps:
        lons.append(lons[-1] + (step + 180) % 360 - 180)
    lats = [lat for _, lat in ring]
    if abs(lons[-1] - lons[0]) > 180:
        if min(lats) * max(lats) <= 0:
            return _centred(ring)
        pole = math.copysign(90.0, lats[0])
        closed = [*zip(lons, lats, strict=True), (lons[-1], pole), (lons[0], pole), (lons[0], lats[0])]
        return _centred(tuple(closed))
    if not crosses and _is_as_written(ring, max(lons) - min(lons)):
        return _centred(ring)
    return _centred(tuple(zip(lons, lats, strict=True)))


def longitude_range(rings: Sequence[Ring]) -> tuple[float, float]:
    """West and east of the narrowest range of longitudes that contains all rings; west is -180 to 180, east is greater.

    For rings all around the Earth it is -180 to 180.
    """
    spans = sorted((normalised_longitude(min(xs)), max(xs) - min(xs)) for xs in map(_lons, rings))
    reach = max(west + width for west, width in spans)  # in the previous turn, which may extend into this one
    widest, start, end = 0.0, -180.0, 180.0
    for west, width in spans:
        west += 360.0
        if west - reach > widest:
            widest, start, end = west - reach, west, reach
        reach = max(reach, west + width)
    if not widest:
        return -180.0, 180.0
    end += 360.0 * math.ceil((start - end) / 360)
    return normalised_longitude(start), end - start + normalised_longitude(start)


def _lons(ring: Ring) -> list[float]:
    return [lon for lon, _ in ring]


def _is_as_written(ring: Ring, crossing_width: float) -> bool:
    """Whether a box of two longitudes is meant as written.

    Otherwise it crosses the antimeridian, with a width of `crossing_width` degrees.
    """
    lons = sorted(set(_lons(ring)))
    if len(lons) > 2:
        return False
    west, east = lons
    if west < -180 or east > 180 or crossing_width > WIDEST_BOX or crossing_width == 0:
        return True
    west_lats, east_lats = ([lat for lon, lat in ring if lon == side] for side in (west, east))
    if (min(west_lats), max(west_lats)) != (min(east_lats), max(east_lats)):
        return False  # not a box
    lats = west_lats
    height = max(lats) - min(lats) or 1e-9
    parallel_scale = max(math.cos(math.radians((max(lats) + min(lats)) / 2)), 0.05)
    # The interpretation that is closer to a square is more plausible.
    crossing_ratio, written_ratio = crossing_width * parallel_scale / height, (east - west) * parallel_scale / height
    return abs(math.log(crossing_ratio)) > abs(math.log(written_ratio))


def _centred(ring: Ring) -> Ring:
    """The ring moved by whole turns so that its middle is between -180 and 180."""
    lons = _lons(ring)
    west, east = min(lons), max(lons)
    turn = 360.0 * math.floor(((west + east) / 2 + 180) / 360) if abs(west + east) > 360 else 0.0
    return tuple((lon - turn, lat) for lon, lat in ring) if turn else ring


def _polygon(rings: Sequence[Any], box: tuple[float, ...] | None) -> Polygon:
    """The exterior ring and the holes. Raises ValueError if one of them is invalid."""
    crosses = box is not None and (box[0] > box[2] or ((box[0] < -180 or box[2] > 180) and box[2] - box[0] < 180))
    outer = continuous_ring(_ring(rings[0]), crosses)
    west, east = min(_lons(outer)), max(_lons(outer))
    holes = []
    for ring in rings[1:]:
        hole = continuous_ring(_ring(ring), crosses)
        middle = (min(_lons(hole)) + max(_lons(hole))) / 2
        turn = 360.0 if middle < west else -360.0 if middle > east else 0.0
        holes.append(tuple((lon + turn, lat) for lon, lat in hole) if turn else hole)
    return outer, *holes


def _rings(geometry: Any, depth: int) -> Iterator[Sequence[Any]]:
    """The rings of each polygon of a geometry, including those in collections; points and lines have none."""
    if not isinstance(geometry, Mapping):
        raise ValueError("missing" if geometry is None else "not a JSON object")
    geometry_type = geometry.get("type")
    if geometry_type == "GeometryCollection" and depth < MAX_NESTING:
        for member in geometry["geometries"]:
            yield from _rings(member, depth + 1)
    elif geometry_type == "Polygon":
        yield geometry["coordinates"]
    elif geometry_type == "MultiPolygon":
        yield from geometry["coordinates"]


def _ring(positions: Any) -> Ring:
    """A closed ring of three or more different positions. Raises ValueError."""
    if not isinstance(positions, list | tuple):
        raise ValueError("a ring is not a list of positions")
    corners = [_corner(position) for position in positions]
    if len(set(corners)) < 3:
        raise ValueError("a ring has fewer than three corners")
    return tuple(corners if corners[0] == corners[-1] else [*corners, corners[0]])


def _corner(position: Any) -> tuple[float, float]:
    lon, lat = position[0], position[1]
    if not (is_finite(lon) and is_finite(lat)):
        raise ValueError("a position is not a pair of finite numbers")
    if abs(lon) > MAX_LONGITUDE or abs(lat) > 90 + POLE_TOLERANCE:
        raise ValueError("a position is not on the Earth in degrees")
    return float(lon), min(max(float(lat), -90.0), 90.0)


def _box_of(bbox: Any) -> tuple[float, float, float, float] | None:
    """West, south, east, north of a `bbox` of four or six numbers with an area; None for any other."""
    if not isinstance(bbox, list | tuple) or len(bbox) not in (4, 6) or not all(map(is_finite, bbox)):
        return None
    half = len(bbox) // 2
    try:
        (west, south), (east, north) = _corner(bbox), _corner(bbox[half:])
    except ValueError:
        return None
    return (west, south, east, north) if west != east and south < north else None


def is_finite(value: object) -> bool:
    """Whether a JSON value is a finite number that fits into a float."""
    kind = type(value)  # JSON has no other number types, and this is called 70 times per item
    if kind is float:
        return math.isfinite(value)  # type: ignore[arg-type]
    return kind is int and -_LARGEST < value < _LARGEST  # type: ignore[operator]
