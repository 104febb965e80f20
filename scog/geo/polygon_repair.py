"""Polygons from users' GeoJSON: a valid shapely geometry in degrees, and a description of the repairs.

Rings are closed, repeated positions dropped, heights ignored. Polygons that jump across the antimeridian or continue
beyond it are cut there. A geometry that is still invalid (rings that cross or touch themselves, spikes, parts that
overlap or share an edge) is repaired by GEOS's `structure` method, which gives the union of the exteriors, minus the
holes. An area that is covered twice therefore counts once. A hole entirely outside its exterior becomes a part.
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

VALID = "a GeoJSON Polygon, MultiPolygon or GeometryCollection of these, in degrees, longitude first"
KINDS = ("Polygon", "MultiPolygon", "GeometryCollection")
WITHOUT_AREA = ("Point", "MultiPoint", "LineString", "MultiLineString")
MAX_PAIRS, MAX_PAIRS_PER_EDGE = 1000, 20
"""At most MAX_PAIRS + MAX_PAIRS_PER_EDGE x edges pairs of edges may have intersecting bounding boxes. The time for a
repair is quadratic in the number of edges that cross each other."""
MAX_REPAIRS = 3
"""Maximum number of passes: rounding may leave a crossing that another pass repairs."""
MAX_LONGITUDE = 540
"""Maximum magnitude of a longitude: outlines may continue beyond the antimeridian, by up to a full turn."""
EDGES_PER_QUERY = 500
"""Edges per query of the spatial index."""

Position = tuple[float, float]
"""Longitude and latitude in degrees."""
Positions = list[Position]


@dataclass(frozen=True)
class Polygons:
    """A valid Polygon or MultiPolygon in degrees, with longitudes between -180 and 180 and without heights.

    `repaired` describes the repairs for users; None if there were none.
    """

    shape: BaseGeometry
    repaired: str | None


def valid_polygons(
    geometry: object,
    parameter: str,
    max_corners: int = MAX_CORNERS,
    valid_text: str = VALID,
    *,
    shortest_way: bool = True,
) -> Polygons:
    """The polygons of a GeoJSON geometry, repaired if invalid; points and lines in collections are ignored.

    Edges of more than 180 degrees take the shortest way, across the antimeridian. If `shortest_way` is False, edges are
    taken as written (RFC 7946), so areas may be wider than 180 degrees. `parameter` and `valid_text` are for errors.
    Raises InvalidInput, with the reason and the ring, if the geometry has no area, cannot be repaired, or has more than
    `max_corners` corners.
    """
    count = count_corners(geometry)
    if count > max_corners:
        message = f"The geometry is invalid: it has too many corners, {count}."
        raise InvalidInput(message, parameter=parameter, valid=f"at most {max_corners}")
    reader = _PolygonReader(shortest_way)
    try:
        parts = list(reader.polygons(geometry, 0))
        if not parts:
            raise _InvalidGeometry(f"it has no area ({reader.summary})" if reader.notes else "it is empty")
        shape = _made_valid(parts, reader)
        if not shape.area > 0:
            raise _InvalidGeometry("it has no area")
    except _InvalidGeometry as error:
        raise InvalidInput(f"The geometry is invalid: {error}.", parameter=parameter, valid=valid_text) from None
    return Polygons(shape, reader.summary or None)


def parse_position(value: object) -> Position:
    """Longitude (-540 to 540) and latitude of a GeoJSON position, without its height. Raises ValueError."""
    if not isinstance(value, list | tuple) or not 2 <= len(value) <= 4 or not all(map(_is_number, value)):
        raise _InvalidGeometry(f"a position must be two to four finite numbers, not {quoted(str(value)[:60])}")
    x, y = float(value[0]), float(value[1])
    not_on_earth = f"the position [{x:.10g}, {y:.10g}] is not on the Earth"
    if abs(x) > 720 or (abs(y) > 90 and abs(x) > 360):
        raise _InvalidGeometry(
            f"{not_on_earth}: it seems to be in projected coordinates; reproject it to degrees (EPSG:4326)"
        )
    if abs(y) > 90:
        raise _InvalidGeometry(f"{not_on_earth}: longitude must come first, latitude second; they may be swapped")
    if abs(x) > MAX_LONGITUDE:
        raise _InvalidGeometry(f"{not_on_earth}: longitude must be between -{MAX_LONGITUDE} and {MAX_LONGITUDE}")
    return x, y


def count_corners(geometry: object) -> int:
    """Number of positions in a GeoJSON geometry, valid or not."""
    if isinstance(geometry, Mapping):
        return sum(count_corners(geometry[name]) for name in ("coordinates", "geometries") if name in geometry)
    if not isinstance(geometry, list):
        return 0
    if geometry and not isinstance(geometry[0], list | Mapping):
        return 1
    return sum(map(count_corners, geometry))


class _InvalidGeometry(ValueError):
    """A geometry cannot be used or repaired; the message is the reason."""


@dataclass
class _PolygonReader:
    """Reads polygons, and notes each repair and each ignored part."""

    shortest_way: bool
    notes: list[str] = field(default_factory=list)

    @property
    def summary(self) -> str:
        """All notes as text; empty if there are none."""
        return "; ".join(self.notes)

    def note(self, text: str) -> None:
        """Add a note, unless it exists already."""
        if text not in self.notes:
            self.notes.append(text)

    def polygons(self, geometry: object, depth: int) -> Iterator[shapely.Polygon]:
        """The polygons of a geometry; some may be invalid. Raises _InvalidGeometry."""
        kind = geometry.get("type") if isinstance(geometry, Mapping) else None
        if geometry is None:
            raise _InvalidGeometry("it is null")
        if not isinstance(geometry, Mapping) or kind not in (*KINDS, *WITHOUT_AREA):
            raise _InvalidGeometry("it is not a Polygon, MultiPolygon or GeometryCollection")
        if kind in WITHOUT_AREA:
            if depth == 0:
                raise _InvalidGeometry(f"a {kind} has no area; a Polygon or MultiPolygon is needed")
            self.note("ignored points and lines")
        elif kind == "GeometryCollection":
            members = geometry.get("geometries")
            if not isinstance(members, list) or depth >= MAX_NESTING:
                raise _InvalidGeometry(
                    f"geometries is not a list, or collections are nested more than {MAX_NESTING} deep"
                )
            for member in members:
                yield from self.polygons(member, depth + 1)
        else:
            coordinates = geometry.get("coordinates")
            parts = coordinates if kind == "MultiPolygon" else [coordinates]
            if not isinstance(parts, list):
                raise _InvalidGeometry("it has no coordinates")
            for number, part in enumerate(parts):
                yield from self._polygon(part, f" of part {number}" if kind == "MultiPolygon" else "")

    def _polygon(self, rings: object, part: str) -> Iterator[shapely.Polygon]:
        if not isinstance(rings, list):
            raise _InvalidGeometry(f"the coordinates{part} are not a list of rings")
        exterior: Positions | None = None
        holes = []
        for number, ring in enumerate(rings):
            closed = self._ring(ring, f"ring {number}{part}")
            if number == 0:
                exterior = closed
            elif closed is not None:
                holes.append(closed)
        if exterior is not None:
            yield shapely.Polygon(exterior, [_on_side_of(exterior, hole) for hole in holes])

    def _ring(self, ring: object, name: str) -> Positions | None:
        """A closed ring; None if it has fewer than three different positions.

        With `shortest_way`, it has no jumps across the antimeridian.
        """
        if not isinstance(ring, list):
            raise _InvalidGeometry(f"{name} is not a list of positions")
        closed: Positions = []
        for value in ring:
            try:
                position = parse_position(value)
            except _InvalidGeometry as error:
                raise _InvalidGeometry(f"in {name} {error}") from None
            if not closed or position != closed[-1]:
                closed.append(position)
        if len(set(closed)) < 3:
            self.note(f"ignored {name}, which has fewer than three different positions")
            return None
        if closed[0] != closed[-1]:
            self.note(f"closed {name}")
            closed.append(closed[0])
        return _without_jumps(closed, name) if self.shortest_way else closed


def _without_jumps(ring: Positions, name: str) -> Positions:
    """A ring with continuous longitudes, which exceed 180 where the ring crosses the antimeridian.

    Edges take the shortest way around the Earth. Raises _InvalidGeometry if the ring goes once around a pole.
    """
    continuous, offset = ring[:1], 0.0
    for start, end in pairwise(ring):
        step = end[0] - start[0]
        if 180 < abs(step) < 360 and max(abs(end[0]), abs(start[0])) <= 180:
            offset -= math.copysign(360.0, step)
        continuous.append((end[0] + offset, end[1]))
    if offset:
        advice = "in GeoJSON it must follow the antimeridian to the pole and back"
        raise _InvalidGeometry(f"{name} goes once around a pole; {advice}")
    return continuous


def _on_side_of(exterior: Positions, hole: Positions) -> Positions:
    """A hole, moved by whole turns to the same side of the antimeridian as its exterior ring."""
    distance = (
        min(x for x, _ in exterior) + max(x for x, _ in exterior) - min(x for x, _ in hole) - max(x for x, _ in hole)
    ) / 2
    offset = 360.0 * round(distance / 360.0)
    return [(x + offset, y) for x, y in hole] if offset else hole


def _made_valid(parts: list[shapely.Polygon], reader: _PolygonReader) -> BaseGeometry:
    """One valid geometry of all polygons, with longitudes between -180 and 180. Raises _InvalidGeometry."""
    shape: BaseGeometry = parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)
    if not shape.is_valid:
        _check_effort(shape)
        reader.note(f"made valid ({shapely.is_valid_reason(shape)}); areas covered twice count once")
        for _ in range(MAX_REPAIRS):
            shape = _polygons_only(shapely.make_valid(shape, method="structure", keep_collapsed=False))
            if shape.is_valid:
                break
        else:
            raise _InvalidGeometry(f"it could not be repaired ({shapely.is_valid_reason(shape)})")
    if shape.is_empty:
        raise _InvalidGeometry("it has no area")
    west, _, east, _ = shape.bounds
    if west >= -180 and east <= 180:
        return shape
    turns = range(math.floor((west + 180) / 360), math.floor((east + 180) / 360) + 1)
    return _polygons_only(shapely.union_all([_recentred(shape, 360.0 * turn) for turn in turns]))


def _recentred(shape: BaseGeometry, meridian: float) -> BaseGeometry:
    """The part of a geometry at most 180 degrees from a meridian, moved so that the meridian's longitude is 0."""
    part = shapely.intersection(shape, shapely.box(meridian - 180, -90, meridian + 180, 90))
    return shapely.transform(part, lambda coordinates: np.subtract(coordinates, (meridian, 0.0)))


def _polygons_only(shape: BaseGeometry) -> BaseGeometry:
    """The polygons of a geometry. Lines and points, which cuts and repairs may leave, are dropped."""
    parts = [part for part in shapely.get_parts(shapely.get_parts(shape)) if part.geom_type == "Polygon"]
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)


def _check_effort(shape: BaseGeometry) -> None:
    """Raise _InvalidGeometry if repair would take minutes, because too many edges cross each other."""
    rings = [shapely.get_coordinates(ring) for ring in shapely.get_rings(shapely.get_parts(shape))]
    edges = np.concatenate([np.stack((ring[:-1], ring[1:]), axis=1) for ring in rings])
    lines = np.asarray(shapely.linestrings(edges))
    tree = shapely.STRtree(lines)
    limit, pairs = MAX_PAIRS + MAX_PAIRS_PER_EDGE * len(lines), 0
    for start in range(0, len(lines), EDGES_PER_QUERY):
        pairs += tree.query(lines[start : start + EDGES_PER_QUERY]).shape[1]
        if pairs > limit:
            raise _InvalidGeometry("its edges cross each other too often for a repair; simplify or repair it first")


def _is_number(value: object) -> bool:
    return (
        isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300 and math.isfinite(value)
    )
