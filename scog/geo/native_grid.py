"""The grid for statistics and time series of a geometry: aligned to the files' pixels, or else in the UTM zone."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from scog.errors import InvalidInput
from scog.geo.bounds import DEGREES
from scog.geo.crs import is_degrees
from scog.geo.grid import Grid, transformer
from scog.geo.ground_resolution import DEGREE
from scog.geo.lattice import Lattice, metric_lattice

MAX_SIDE = 1_000_000.0
"""Maximum extent in metres from west to east and from south to north. Further from the central meridian, the
projection's scale is not accurate."""
STEP = 0.005
"""Distance in degrees between the transformed points of an edge: 500 m. Over that length an edge bends by 1 cm."""
MAX_STEPS = 200_000
"""Maximum number of points along all edges, used if these are longer than a thousand degrees."""


@dataclass(frozen=True)
class NativeGrid:
    """A grid, and the geometry in its CRS.

    Pixels are `factor` times as large as those of the lattice, and `ratio` times as large as those of the coarsest
    overview that is not coarser.
    """

    grid: Grid
    shape: BaseGeometry
    factor: int
    ratio: float = 1.0

    @property
    def coarser(self) -> bool:
        """Whether pixels are larger than those of the files, to limit their number."""
        return self.factor > 1


def native_grid(shape: BaseGeometry, pixels: Lattice | float, max_pixels: int, crs: str | None = None) -> NativeGrid:
    """The smallest grid that contains a geometry in degrees, with at most `max_pixels` pixels.

    `pixels` is a file's lattice, or else the pixel size in metres, in `crs` or the UTM zone of the geometry's centroid.
    If there would be too many pixels, they are enlarged by 2, 4, 8 ..., as in the file's overviews. The geometry is
    between -180 and 180 degrees; parts on both sides of the antimeridian are joined. Its edges are straight in degrees,
    so points are added to them. Raises InvalidInput if the geometry is too large for one zone.
    """
    joined = _joined(shape)
    lattice = pixels if isinstance(pixels, Lattice) else metric_lattice(crs or zone_crs(*_centroid(joined)), pixels)
    transformed = joined if lattice.crs == DEGREES else _transformed(joined, lattice.crs)
    _check_extent(transformed, lattice.crs)
    factor = 1
    while math.prod((grid := lattice.coarsened(factor).bounding_grid(transformed)).shape) > max_pixels:
        factor *= 2
    return NativeGrid(grid, transformed, factor, max(1.0, factor / lattice.coarsest))


def _transformed(shape: BaseGeometry, crs: str) -> BaseGeometry:
    """A geometry in degrees, transformed to another CRS with additional points along its edges."""
    to_crs = transformer(DEGREES, crs)

    def transformed(coordinates: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.stack(to_crs.transform(coordinates[:, 0], coordinates[:, 1]), axis=1)

    return shapely.transform(shapely.segmentize(shape, max(STEP, shape.length / MAX_STEPS)), transformed)


def _check_extent(shape: BaseGeometry, crs: str) -> None:
    """Raise InvalidInput if a geometry is too large for one grid."""
    west, south, east, north = shape.bounds
    unit = DEGREE if is_degrees(crs) else 1.0
    if not (math.isfinite(west + south + east + north) and max(east - west, north - south) * unit <= MAX_SIDE):
        message = f"The geometry is more than {MAX_SIDE / 1000:g} km long or wide."
        raise InvalidInput(message, parameter="geometry", valid="a smaller geometry, or several")


def zone_crs(lon: float, lat: float) -> str:
    """The CRS of Sentinel-2's MGRS tiles at a point in degrees: a UTM zone, or UPS around the poles.

    As in the Military Grid Reference System, some zones are wider off Norway and on Svalbard.
    """
    if lat >= 84:
        return "EPSG:5041"
    if lat < -80:
        return "EPSG:5042"
    lon = (lon + 180) % 360 - 180
    number = int((lon + 180) // 6) + 1
    if 56 <= lat < 64 and 3 <= lon < 12:
        number = 32
    elif lat >= 72 and 0 <= lon < 42:
        number = 31 + 2 * int((lon + 3) // 12)
    return f"EPSG:{326 if lat >= 0 else 327}{number:02d}"


def mgrs_tile_crs(name: str) -> str | None:
    """The CRS of an MGRS tile such as `32TQK`; None if the text is not one.

    Tiles extend beyond their zone, so a point near a zone's edge is in tiles of two zones.
    """
    match = _MGRS_TILE.fullmatch(name)
    return f"EPSG:{326 if match[2] >= 'N' else 327}{int(match[1]):02d}" if match else None


_MGRS_TILE = re.compile(r"(0?[1-9]|[1-5]\d|60)([C-HJ-NP-X])[A-HJ-NP-Z]{2}", re.ASCII)


def _joined(shape: BaseGeometry) -> BaseGeometry:
    """A geometry with parts on both sides of the antimeridian, its western parts moved beyond 180."""
    west, _, east, _ = shape.bounds
    if east - west <= 180:
        return shape
    parts = shapely.get_parts(shape)
    moved = [shapely.transform(part, _moved_east) if part.bounds[2] <= 0 else part for part in parts]
    return shapely.MultiPolygon(moved) if len(moved) > 1 else shape


def _moved_east(coordinates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Coordinates moved by a full turn eastwards."""
    return np.add(coordinates, (360.0, 0.0))


def _centroid(shape: BaseGeometry) -> tuple[float, float]:
    centre = shapely.centroid(shape)
    return float(centre.x), float(centre.y)
