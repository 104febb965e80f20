"""Bounds in degrees: which part of the Earth a grid shows, be it at a pole or on both sides of the antimeridian."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TypeVar

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from scog.geo.grid import Grid, transformer

Area = tuple[float, float, float, float]
"""West, south, east, north in degrees; west is greater than east across the antimeridian."""
Floats = NDArray[np.float64]
T = TypeVar("T", float, Floats)

DEGREES = "EPSG:4326"
MERCATOR = "EPSG:3857"
"""Most tiles' CRS: on its sphere a latitude takes no library, and bounds a third less time."""
STRAIGHT = frozenset({MERCATOR, "EPSG:3395", "EPSG:4326", "OGC:CRS84"})
"""CRSs in which meridians and parallels are straight and upright: most maps', so they are spared the search."""
NUDGE = 1e-9
"""Degrees that are nothing: neighbours share their edges, and rounding must not make them overlap."""
STEPS = 16
"""Steps along each side of a grid at which it is looked at."""
FINE_STEPS = 128
"""The same where the CRS is not smooth or its places have no single pixel: around a pole, beyond its own limits."""


@lru_cache(maxsize=4096)
def lonlat_bounds(grid: Grid) -> Area | None:
    """The part of the Earth that holds every place of a grid; None where none of its pixels lies on the Earth.

    Not smaller than needed, and for smooth projections hardly larger. All longitudes are -180 to 180.
    """
    if grid.crs in STRAIGHT and grid.transform.is_rectilinear:
        return _of_straight(grid)
    lon, lat = _places(grid, STEPS)
    if not _is_smooth(lon, lat):
        return _of_any(grid)
    lon, lat = _outline(lon), _outline(lat)
    _fill_poles(lon)
    unwrapped = np.unwrap(lon.ravel(), period=360.0).reshape(lon.shape)
    west, east = _extremes(unwrapped)
    south, north = _extremes(lat)
    poles = _poles_within(grid)
    if poles or abs(unwrapped[-1, -1] - unwrapped[0, 0]) > 180:  # once around a pole
        west, east = -180.0, 180.0
    near = _poles_within(grid, -1.0)  # of one just outside, centres may lie nearer to it than the corner does
    return _area(west, min([south, *near]), east, max([north, *near]))


def boxes(area: Area) -> tuple[Area, ...]:
    """An area as one box, or two where it crosses the antimeridian; west is less than east in each."""
    west, south, east, north = area
    if west <= east:
        return (area,)
    return (west, south, 180.0, north), (-180.0, south, east, north)


@lru_cache(maxsize=4096)
def shows_places_once(grid: Grid) -> bool:
    """Whether a place on the Earth that a grid shows has one pixel in it, and that where its CRS puts the place.

    It has not where a map goes on beyond the antimeridian, in the gap of a conic map, or far from a narrow one's zone.
    """
    if grid.crs in STRAIGHT and grid.transform.is_rectilinear:
        area = lonlat_bounds(grid)
        if area is not None and -180 < area[0] < area[2] < 180 and -90 < area[1] < area[3] < 90:
            return True
    along = np.arange(STEPS // 2 + 1) / (STEPS // 2)
    col, row = np.meshgrid(0.5 + along * (grid.width - 1), 0.5 + along * (grid.height - 1))
    lon, lat = transformer(grid.crs, DEGREES).transform(*_applied(grid.transform, col, row))
    with np.errstate(invalid="ignore"):
        x, y = transformer(DEGREES, grid.crs).transform(_turn(np.asarray(lon)), lat)
        back_col, back_row = _applied(~grid.transform, np.asarray(x), np.asarray(y))
        return bool((np.abs(back_col - col) + np.abs(back_row - row) < 0.5).all())


# Places of a grid


def _places(grid: Grid, steps: int) -> tuple[Floats, Floats]:
    """Longitude and latitude `(steps + 1, steps + 1)` of places evenly over a grid; not finite where there are none.

    At a pole, to half a pixel, longitude means nothing and is NaN.
    """
    along = np.arange(steps + 1) / steps
    col, row = np.meshgrid(along * grid.width, along * grid.height)
    lon, lat = map(np.asarray, transformer(grid.crs, DEGREES).transform(*_applied(grid.transform, col, row)))
    for _, x, y in _poles(grid.crs):
        pole_col, pole_row = _applied(~grid.transform, x, y)
        lon[np.hypot(col - pole_col, row - pole_row) < 0.5] = math.nan
    return lon, lat


def _applied(transform: Affine, x: T, y: T) -> tuple[T, T]:
    """An affine transform of one place or many."""
    a, b, c, d, e, f = tuple(transform)[:6]
    return a * x + b * y + c, d * x + e * y + f


@lru_cache(maxsize=64)
def _poles(crs: str) -> tuple[tuple[float, float, float], ...]:
    """Latitude, x and y of the poles that are places in a CRS, neither lines nor infinitely far."""
    found = []
    for lat in (90.0, -90.0):
        x, y = transformer(DEGREES, crs).transform([0.0, 90.0, 180.0], [lat] * 3)
        if max(math.dist((x[0], y[0]), (x[i], y[i])) for i in (1, 2)) < 1e-3 and abs(y[0]) < 1e9:
            found.append((lat, x[0], y[0]))
    return tuple(found)


def _poles_within(grid: Grid, edge: float = 0.25) -> list[float]:
    """The latitudes of the poles that lie among a grid's pixel centres, so far in pixels from its edges.

    The first centres lie at 0.5, a pole in the corner of a tile at 0 but for rounding.
    """
    places = ((lat, _applied(~grid.transform, x, y)) for lat, x, y in _poles(grid.crs))
    return [lat for lat, (col, row) in places if edge < col < grid.width - edge and edge < row < grid.height - edge]


def _is_smooth(lon: Floats, lat: Floats) -> bool:
    """Whether the places lie side by side as their pixels do: then all that is extreme lies on the outline."""
    if not np.isfinite(lat).all():
        return False
    turns = _turn(np.diff(lon, axis=1)[:-1]) * np.diff(lat, axis=0)[:, :-1]
    turns -= _turn(np.diff(lon, axis=0)[:, :-1]) * np.diff(lat, axis=1)[:-1]
    turns = turns[~np.isnan(turns)]
    return bool((turns < 0).all() or (turns > 0).all())


def _turn(degrees: Floats) -> Floats:
    """Differences of longitudes the shorter way round: -180 to 180."""
    return (degrees + 180.0) % 360.0 - 180.0


def _of_straight(grid: Grid) -> Area | None:
    """The bounds of a grid whose columns are meridians and whose rows are parallels."""
    west, south, east, north = grid.bounds
    unit = _degrees_of_unit(grid.crs)
    if grid.crs == MERCATOR:
        lower, upper = (math.degrees(math.atan(math.sinh(math.radians(y * unit)))) for y in (south, north))
    else:
        _, (lower, upper) = transformer(grid.crs, DEGREES).transform([0.0, 0.0], [south, north])
    return _area(west * unit, lower, east * unit, upper)


@lru_cache(maxsize=8)
def _degrees_of_unit(crs: str) -> float:
    """Degrees of longitude that one unit of x is in a straight CRS, the same everywhere."""
    across = 1.0 if crs in (DEGREES, "OGC:CRS84") else 1e7
    lon, _ = transformer(crs, DEGREES).transform(across, 0.0)
    return float(lon) / across


def _of_any(grid: Grid) -> Area | None:
    """The bounds of a grid of any shape on the Earth, by many places and generous margins."""
    lon, lat = _places(grid, FINE_STEPS)
    known = np.isfinite(lon) & np.isfinite(lat)
    if not known.any():
        return None
    lon, lat = np.where(known, lon, math.nan), np.where(known, lat, math.nan)
    step = max(float(np.nanmax(np.abs(np.diff(lat, axis=axis)), initial=0.0)) for axis in (0, 1))
    stride = max(float(np.nanmax(np.abs(_turn(np.diff(lon, axis=axis))), initial=0.0)) for axis in (0, 1))
    poles = _poles_within(grid)
    south, north = min([lat[known].min() - step, *poles]), max([lat[known].max() + step, *poles])
    around = np.sort(lon[known] % 360.0)
    gaps = np.diff(around, append=around[0] + 360.0)
    widest = int(gaps.argmax())
    if poles or north >= 90 or south <= -90 or gaps[widest] <= 2 * stride:
        return _area(-180.0, south, 180.0, north)
    return _area(around[(widest + 1) % len(around)] - stride, south, around[widest] + stride, north)


# The outline


def _outline(values: Floats) -> Floats:
    """The four sides `(4, steps + 1)` of values over a grid, one after the other around it."""
    return np.stack((values[0], values[:, -1], values[-1, ::-1], values[::-1, 0]))


def _fill_poles(lon: Floats) -> None:
    """Give places at a pole the longitude of their neighbour on the same side."""
    for side in lon:
        known = np.isfinite(side).nonzero()[0]
        for place in np.isnan(side).nonzero()[0]:
            side[place] = side[known[np.abs(known - place).argmin()]]


def _extremes(sides: Floats) -> tuple[float, float]:
    """Smallest and greatest value on sides that are known at some places only, bends between them included."""
    step = np.diff(sides, axis=1)
    bend = np.abs(np.diff(step, axis=1))
    # What rises or falls along a whole side, steeper at its ends than it bends, is at its extremes at the ends.
    steady = (step > 0).all(axis=1) | (step < 0).all(axis=1)
    steady &= (np.abs(step[:, 0]) > bend[:, 0]) & (np.abs(step[:, -1]) > bend[:, -1])
    margin = np.where(steady, 0.0, bend.max(axis=1))
    return float((sides.min(axis=1) - margin).min()), float((sides.max(axis=1) + margin).max())


def _area(west: float, south: float, east: float, north: float) -> Area | None:
    """Bounds with longitudes and latitudes as they are written; None beyond the poles."""
    south, north = max(float(south), -90.0), min(float(north), 90.0)
    if south > north:
        return None
    if east - west >= 360:
        return -180.0, south, 180.0, north
    if west < -180 - NUDGE or east > 180 + NUDGE:
        west, east = (west + 180) % 360 - 180, (east + 180) % 360 - 180
    return max(float(west), -180.0), south, min(float(east), 180.0), north
