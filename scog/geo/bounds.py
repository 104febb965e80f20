"""Bounds of a grid in degrees, also for grids at a pole or across the antimeridian."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from scog.geo.antimeridian import LonLatBounds
from scog.geo.grid import Grid, apply_affine, transformer

Floats = NDArray[np.float64]

DEGREES = "EPSG:4326"
MERCATOR = "EPSG:3857"
"""CRS of most tiles. On its sphere a latitude needs no library, and bounds take a third less time."""
STRAIGHT = frozenset({MERCATOR, "EPSG:3395", "EPSG:4326", "OGC:CRS84"})
"""CRSs with straight meridians and parallels along the axes, as most maps have; bounds follow from the corners
alone."""
NUDGE = 1e-9
"""Tolerance in degrees. Neighbouring tiles share their edges, and rounding must not make them overlap."""
STEPS = 16
"""Steps along each side of a grid at which coordinates are sampled."""
FINE_STEPS = 128
"""The same where the transformation is not smooth or not one-to-one: around a pole, or beyond the CRS's area of use."""


@lru_cache(maxsize=4096)
def lonlat_bounds(grid: Grid) -> LonLatBounds | None:
    """Bounds that contain every pixel of a grid; None if no pixel is on the Earth.

    They are never too small, and for smooth projections hardly too large. Longitudes are -180 to 180.
    """
    if grid.crs in STRAIGHT and grid.transform.is_rectilinear:
        return _straight_bounds(grid)
    lon, lat = _sample_lonlat(grid, STEPS)
    if not _is_smooth(lon, lat):
        return _sampled_bounds(grid)
    lon, lat = _outline(lon), _outline(lat)
    _fill_poles(lon)
    unwrapped = np.unwrap(lon.ravel(), period=360.0).reshape(lon.shape)
    west, east = _extremes(unwrapped)
    south, north = _extremes(lat)
    poles = _poles_within(grid)
    if poles or abs(unwrapped[-1, -1] - unwrapped[0, 0]) > 180:  # once around a pole
        west, east = -180.0, 180.0
    near = _poles_within(grid, -1.0)  # pixel centres may be nearer than the corner to a pole just outside the grid
    return _normalised(west, min([south, *near]), east, max([north, *near]))


@lru_cache(maxsize=4096)
def is_one_to_one(grid: Grid) -> bool:
    """Whether each location that a grid shows has exactly one pixel, at the position that its CRS gives it.

    This is not the case if a map continues beyond the antimeridian, in the gap of a conic projection, or far from the
    zone of a narrow projection.
    """
    if grid.crs in STRAIGHT and grid.transform.is_rectilinear:
        area = lonlat_bounds(grid)
        if area is not None and -180 < area[0] < area[2] < 180 and -90 < area[1] < area[3] < 90:
            return True
    fraction = np.arange(STEPS // 2 + 1) / (STEPS // 2)
    col, row = np.meshgrid(0.5 + fraction * (grid.width - 1), 0.5 + fraction * (grid.height - 1))
    lon, lat = transformer(grid.crs, DEGREES).transform(*apply_affine(grid.transform, col, row))
    with np.errstate(invalid="ignore"):
        x, y = transformer(DEGREES, grid.crs).transform(_shortest(np.asarray(lon)), lat)
        back_col, back_row = apply_affine(~grid.transform, np.asarray(x), np.asarray(y))
        return bool((np.abs(back_col - col) + np.abs(back_row - row) < 0.5).all())


# Sampled coordinates


def _sample_lonlat(grid: Grid, steps: int) -> tuple[Floats, Floats]:
    """Longitude and latitude `(steps + 1, steps + 1)`, sampled evenly over a grid; not finite where undefined.

    Within half a pixel of a pole, longitude is undefined and set to NaN.
    """
    fraction = np.arange(steps + 1) / steps
    col, row = np.meshgrid(fraction * grid.width, fraction * grid.height)
    lon, lat = map(np.asarray, transformer(grid.crs, DEGREES).transform(*apply_affine(grid.transform, col, row)))
    for _, x, y in _finite_poles(grid.crs):
        pole_col, pole_row = apply_affine(~grid.transform, x, y)
        lon[np.hypot(col - pole_col, row - pole_row) < 0.5] = math.nan
    return lon, lat


@lru_cache(maxsize=64)
def _finite_poles(crs: str) -> tuple[tuple[float, float, float], ...]:
    """Latitude, x and y of each pole that is a single finite point in a CRS, not a line."""
    poles = []
    for lat in (90.0, -90.0):
        x, y = transformer(DEGREES, crs).transform([0.0, 90.0, 180.0], [lat] * 3)
        if max(math.dist((x[0], y[0]), (x[i], y[i])) for i in (1, 2)) < 1e-3 and abs(y[0]) < 1e9:
            poles.append((lat, x[0], y[0]))
    return tuple(poles)


def _poles_within(grid: Grid, edge: float = 0.25) -> list[float]:
    """Latitudes of the poles that are more than `edge` pixels inside a grid.

    The first pixel centres are at 0.5; a pole in the corner of a tile is at 0, except for rounding.
    """
    positions = ((lat, apply_affine(~grid.transform, x, y)) for lat, x, y in _finite_poles(grid.crs))
    return [lat for lat, (col, row) in positions if edge < col < grid.width - edge and edge < row < grid.height - edge]


def _is_smooth(lon: Floats, lat: Floats) -> bool:
    """Whether the samples keep the orientation of their pixels. Extreme values are then on the outline."""
    if not np.isfinite(lat).all():
        return False
    orientation = _shortest(np.diff(lon, axis=1)[:-1]) * np.diff(lat, axis=0)[:, :-1]
    orientation -= _shortest(np.diff(lon, axis=0)[:, :-1]) * np.diff(lat, axis=1)[:-1]
    orientation = orientation[~np.isnan(orientation)]
    return bool((orientation < 0).all() or (orientation > 0).all())


def _shortest(degrees: Floats) -> Floats:
    """Differences of longitudes the shorter way round: -180 to 180."""
    return (degrees + 180.0) % 360.0 - 180.0


def _straight_bounds(grid: Grid) -> LonLatBounds | None:
    """Bounds of a grid whose columns are meridians and whose rows are parallels."""
    west, south, east, north = grid.bounds
    unit = _degrees_per_unit(grid.crs)
    if grid.crs == MERCATOR:
        lower, upper = (math.degrees(math.atan(math.sinh(math.radians(y * unit)))) for y in (south, north))
    else:
        _, (lower, upper) = transformer(grid.crs, DEGREES).transform([0.0, 0.0], [south, north])
    return _normalised(west * unit, lower, east * unit, upper)


@lru_cache(maxsize=8)
def _degrees_per_unit(crs: str) -> float:
    """Degrees of longitude per unit of x in a straight CRS, which is constant."""
    across = 1.0 if crs in (DEGREES, "OGC:CRS84") else 1e7
    lon, _ = transformer(crs, DEGREES).transform(across, 0.0)
    return float(lon) / across


def _sampled_bounds(grid: Grid) -> LonLatBounds | None:
    """Bounds of a grid in any CRS, from many samples and generous margins."""
    lon, lat = _sample_lonlat(grid, FINE_STEPS)
    finite = np.isfinite(lon) & np.isfinite(lat)
    if not finite.any():
        return None
    lon, lat = np.where(finite, lon, math.nan), np.where(finite, lat, math.nan)
    lat_step = max(float(np.nanmax(np.abs(np.diff(lat, axis=axis)), initial=0.0)) for axis in (0, 1))
    lon_step = max(float(np.nanmax(np.abs(_shortest(np.diff(lon, axis=axis))), initial=0.0)) for axis in (0, 1))
    poles = _poles_within(grid)
    south, north = min([lat[finite].min() - lat_step, *poles]), max([lat[finite].max() + lat_step, *poles])
    sorted_lon = np.sort(lon[finite] % 360.0)
    gaps = np.diff(sorted_lon, append=sorted_lon[0] + 360.0)
    widest_gap = int(gaps.argmax())
    if poles or north >= 90 or south <= -90 or gaps[widest_gap] <= 2 * lon_step:
        return _normalised(-180.0, south, 180.0, north)
    return _normalised(
        sorted_lon[(widest_gap + 1) % len(sorted_lon)] - lon_step, south, sorted_lon[widest_gap] + lon_step, north
    )


# The outline


def _outline(values: Floats) -> Floats:
    """The four sides `(4, steps + 1)` of an array of samples, in order around the grid."""
    return np.stack((values[0], values[:, -1], values[-1, ::-1], values[::-1, 0]))


def _fill_poles(lon: Floats) -> None:
    """Set undefined longitudes at a pole to that of the nearest sample on the same side, in place."""
    for side in lon:
        finite = np.isfinite(side).nonzero()[0]
        for position in np.isnan(side).nonzero()[0]:
            side[position] = side[finite[np.abs(finite - position).argmin()]]


def _extremes(sides: Floats) -> tuple[float, float]:
    """Minimum and maximum along sides sampled at some points, with a margin for the curvature between them."""
    step = np.diff(sides, axis=1)
    curvature = np.abs(np.diff(step, axis=1))
    # A side that is monotonic, with a steeper slope at its ends than its curvature, has its extremes at the ends.
    monotonic = (step > 0).all(axis=1) | (step < 0).all(axis=1)
    monotonic &= (np.abs(step[:, 0]) > curvature[:, 0]) & (np.abs(step[:, -1]) > curvature[:, -1])
    margin = np.where(monotonic, 0.0, curvature.max(axis=1))
    return float((sides.min(axis=1) - margin).min()), float((sides.max(axis=1) + margin).max())


def _normalised(west: float, south: float, east: float, north: float) -> LonLatBounds | None:
    """Bounds with longitudes normalised to -180 to 180 and latitudes clipped; None beyond the poles."""
    south, north = max(float(south), -90.0), min(float(north), 90.0)
    if south > north:
        return None
    if east - west >= 360:
        return -180.0, south, 180.0, north
    if west < -180 - NUDGE or east > 180 + NUDGE:
        west, east = (west + 180) % 360 - 180, (east + 180) % 360 - 180
    return max(float(west), -180.0), south, min(float(east), 180.0), north
