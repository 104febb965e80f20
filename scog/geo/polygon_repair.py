"""Polygons as people have them: from GeoJSON to a valid shape in degrees, and what had to be repaired on the way.

Rings are closed, positions that follow each other are taken once, heights are left out. Polygons that jump over the
antimeridian, or go on beyond it, are cut there. What is still invalid then (rings that cross or touch themselves,
spikes, parts that overlap or share an edge) is made valid by GEOS's `structure` method: the union of all outlines
without what their holes take out. So an area that is covered twice counts once, and a hole that lies outside of its
outline is taken for a part.
https://shapely.readthedocs.io/en/stable/reference/shapely.make_valid.html
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from scog.errors import InvalidInput
from scog.geo.geojson import MAX_CORNERS, MAX_NESTING
from scog.suggest import quoted

VALID = "a GeoJSON Polygon or MultiPolygon in degrees, longitude first"
KINDS = ("Polygon", "MultiPolygon", "GeometryCollection")
WITHOUT_AREA = ("Point", "MultiPoint", "LineString", "MultiLineString")
NEARBY, MORE_NEARBY = 1000, 20
"""Pairs of edges whose boxes touch, in all and for each edge, up to which outlines are repaired: for edges that all
cross each other, repair takes the square of their number."""
PASSES = 3
AT_ONCE = 500
"""Edges whose neighbours are looked for at once."""

Position = tuple[float, float]
Ring = list[Position]


@dataclass(frozen=True)
class Polygons:
    """A valid Polygon or MultiPolygon in degrees between the meridians -180 and 180, without heights.

    `repaired` says in words what had to be done for that; None where nothing had to.
    """

    shape: BaseGeometry
    repaired: str | None


def polygons_of(
    geometry: object, where: str, corners: int = MAX_CORNERS, valid: str = VALID, *, jumps: bool = True
) -> Polygons:
    """The polygons of a GeoJSON geometry, repaired where they are not valid; points and lines among them are left out.

    With `jumps` an edge of more than 180 degrees is the short way over the antimeridian; without, areas may be wider
    than that, as RFC 7946 has it. Raises InvalidInput, of the parameter `where`, that says what is wrong and in which
    ring, and for more `corners`.
    """
    count = corners_of(geometry)
    if count > corners:
        what = f"This is no usable geometry: it has too many corners, {count}."
        raise InvalidInput(what, parameter=where, valid=f"at most {corners}")
    reading = _Reading(jumps)
    try:
        parts = list(reading.polygons(geometry, 0))
        if not parts:
            raise _Unusable("it is empty" if not reading.notes else f"nothing of it has an area ({reading.said})")
        shape = _valid(parts, reading)
        if not shape.area > 0:
            raise _Unusable("it has no extent")
    except _Unusable as fault:
        raise InvalidInput(f"This is no usable geometry: {fault}.", parameter=where, valid=valid) from None
    return Polygons(shape, reading.said or None)


def position_of(value: object) -> Position:
    """A GeoJSON position, its height left out. Raises ValueError that says what is wrong with it."""
    if not isinstance(value, list | tuple) or not 2 <= len(value) <= 4 or not all(map(_is_number, value)):
        raise _Unusable(f"a position is two or three finite numbers, not {quoted(str(value)[:60])}")
    x, y = float(value[0]), float(value[1])
    here = f"the position [{x:.10g}, {y:.10g}] is not on Earth"
    if abs(x) > 720 or (abs(y) > 90 and abs(x) > 360):
        raise _Unusable(f"{here}: it looks projected, in metres; reproject it to degrees (EPSG:4326)")
    if abs(y) > 90:
        raise _Unusable(f"{here}: longitude comes first, latitude second; are they swapped?")
    if abs(x) > 540:
        raise _Unusable(f"{here}: longitudes are -180 to 180")
    return x, y


def corners_of(geometry: object) -> int:
    """How many positions a GeoJSON geometry has, be it well formed or not."""
    if isinstance(geometry, Mapping):
        return sum(corners_of(geometry[name]) for name in ("coordinates", "geometries") if name in geometry)
    if not isinstance(geometry, list):
        return 0
    if geometry and not isinstance(geometry[0], list | Mapping):
        return 1
    return sum(map(corners_of, geometry))


class _Unusable(ValueError):
    """Nothing can be made of a geometry; its text says why."""


@dataclass
class _Reading:
    """Reads rings, and counts what it takes and mends."""

    jumps: bool
    notes: list[str] = field(default_factory=list)

    @property
    def said(self) -> str:
        """What was mended, in words."""
        return "; ".join(self.notes)

    def note(self, text: str) -> None:
        """Note what was mended, once."""
        if text not in self.notes:
            self.notes.append(text)

    def polygons(self, geometry: object, depth: int) -> Iterator[shapely.Polygon]:
        """The polygons of a geometry, not all of them valid."""
        kind = geometry.get("type") if isinstance(geometry, Mapping) else None
        if geometry is None:
            raise _Unusable("it is null")
        if not isinstance(geometry, Mapping) or kind not in (*KINDS, *WITHOUT_AREA):
            raise _Unusable("it is no Polygon or MultiPolygon")
        if kind in WITHOUT_AREA:
            if depth == 0:
                raise _Unusable(f"a {kind} has no area; it is no Polygon or MultiPolygon")
            self.note("left out points and lines")
        elif kind == "GeometryCollection":
            members = geometry.get("geometries")
            if not isinstance(members, list) or depth >= MAX_NESTING:
                raise _Unusable("it has no list of geometries, or too many within each other")
            for member in members:
                yield from self.polygons(member, depth + 1)
        else:
            coordinates = geometry.get("coordinates")
            parts = coordinates if kind == "MultiPolygon" else [coordinates]
            if not isinstance(parts, list):
                raise _Unusable("it has no coordinates")
            for number, part in enumerate(parts):
                yield from self._polygon(part, f" of part {number}" if kind == "MultiPolygon" else "")

    def _polygon(self, rings: object, part: str) -> Iterator[shapely.Polygon]:
        if not isinstance(rings, list):
            raise _Unusable(f"it has no list of rings{part}")
        shell: Ring | None = None
        holes = []
        for number, ring in enumerate(rings):
            found = self._ring(ring, f"ring {number}{part}")
            if number == 0:
                shell = found
            elif found is not None:
                holes.append(found)
        if shell is not None:
            yield shapely.Polygon(shell, [_beside(hole, shell) for hole in holes])

    def _ring(self, ring: object, name: str) -> Ring | None:
        """A closed ring, without jumps over the antimeridian; None of less than three different positions."""
        if not isinstance(ring, list):
            raise _Unusable(f"{name} is no list of positions")
        found: Ring = []
        for value in ring:
            try:
                position = position_of(value)
            except _Unusable as fault:
                raise _Unusable(f"in {name} {fault}") from None
            if not found or position != found[-1]:
                found.append(position)
        if len(set(found)) < 3:
            self.note(f"left out {name}, which has fewer than three different positions")
            return None
        if found[0] != found[-1]:
            self.note(f"closed {name}")
            found.append(found[0])
        return _without_jumps(found, name) if self.jumps else found


def _without_jumps(ring: Ring, name: str) -> Ring:
    """A ring that goes on beyond the antimeridian where it jumped over it: an edge is never the long way around."""
    found, turn = ring[:1], 0.0
    for before, here in pairwise(ring):
        step = here[0] - before[0]
        if 180 < abs(step) < 360 and max(abs(here[0]), abs(before[0])) <= 180:
            turn -= math.copysign(360.0, step)
        found.append((here[0] + turn, here[1]))
    if turn:
        valid = "along the antimeridian to the pole and back is how GeoJSON draws it"
        raise _Unusable(f"{name} goes once around a pole; {valid}")
    return found


def _beside(hole: Ring, shell: Ring) -> Ring:
    """A hole on the same side of the antimeridian as its outline."""
    away = (min(x for x, _ in shell) + max(x for x, _ in shell) - min(x for x, _ in hole) - max(x for x, _ in hole)) / 2
    turn = 360.0 * round(away / 360.0)
    return [(x + turn, y) for x, y in hole] if turn else hole


def _valid(parts: list[shapely.Polygon], reading: _Reading) -> BaseGeometry:
    """One valid shape of polygons, between the meridians -180 and 180."""
    shape: BaseGeometry = parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)
    if not shape.is_valid:
        _check_effort(shape)
        reading.note(f"made valid ({shapely.is_valid_reason(shape)}); what is covered twice counts once")
        for _ in range(PASSES):  # rounding may leave a crossing that a second pass finds
            shape = _with_area(shapely.make_valid(shape, method="structure", keep_collapsed=False))
            if shape.is_valid:
                break
        else:
            raise _Unusable(f"it could not be repaired ({shapely.is_valid_reason(shape)})")
    if shape.is_empty:
        raise _Unusable("it has no extent")
    west, _, east, _ = shape.bounds
    if west >= -180 and east <= 180:
        return shape
    turns = range(math.floor((west + 180) / 360), math.floor((east + 180) / 360) + 1)
    return _with_area(shapely.union_all([_turned_back(shape, 360.0 * turn) for turn in turns]))


def _turned_back(shape: BaseGeometry, turned: float) -> BaseGeometry:
    """What of a shape lies within 180 degrees of a meridian, moved to where that is Greenwich's."""
    here = shapely.intersection(shape, shapely.box(turned - 180, -90, turned + 180, 90))
    return shapely.transform(here, lambda places: np.subtract(places, (turned, 0.0)))


def _with_area(shape: BaseGeometry) -> BaseGeometry:
    """The polygons of a shape: lines and points may be left over of what was cut or mended."""
    parts = [part for part in shapely.get_parts(shapely.get_parts(shape)) if part.geom_type == "Polygon"]
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)


def _check_effort(shape: BaseGeometry) -> None:
    """Refuse outlines whose edges lie so much across each other that mending them would take minutes."""
    rings = [shapely.get_coordinates(ring) for ring in shapely.get_rings(shapely.get_parts(shape))]
    edges = np.concatenate([np.stack((ring[:-1], ring[1:]), axis=1) for ring in rings])
    lines = np.asarray(shapely.linestrings(edges))
    tree = shapely.STRtree(lines)
    most, pairs = NEARBY + MORE_NEARBY * len(lines), 0
    for first in range(0, len(lines), AT_ONCE):
        pairs += tree.query(lines[first : first + AT_ONCE]).shape[1]
        if pairs > most:
            raise _Unusable("its outline crosses itself too often to be repaired; simplify or repair it first")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e12 and math.isfinite(value)
