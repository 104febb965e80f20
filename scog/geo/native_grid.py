"""The grid on which numbers are taken: the pixels of the files there, or those of the UTM zone of a place."""

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
from scog.geo.lattice import Lattice, metric

MAX_SIDE = 1_000_000.0
"""Metres from west to east or from south to north: further from its zone's middle meridian a grid is not true."""
STEP = 0.005
"""Degrees between the places along an edge that are brought into the zone: 500 m, on which it bends by a centimetre."""
MAX_STEPS = 200_000
"""Places along all edges together, where these are longer than a thousand degrees."""


@dataclass(frozen=True)
class Native:
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
        """Whether it has larger pixels than the files, since there would be too many."""
        return self.factor > 1


def native(shape: BaseGeometry, pixels: Lattice | float, most: int, crs: str | None = None) -> Native:
    """The smallest grid that holds a geometry in degrees, of at most so many pixels.

    `pixels` are those of a file's lattice; where no file is known their size in metres, in the zone of the geometry's
    middle, or in a `crs`. Of too many, 2, 4, 8 ... times as large ones are taken: the pixels of a file's overviews.
    The geometry lies between the meridians -180 and 180; where it lies on both sides of the antimeridian it is put
    together again. Its edges are straight in degrees and so are bent here. Raises InvalidInput where it is too large
    for one zone.
    """
    whole = _in_one_piece(shape)
    lattice = pixels if isinstance(pixels, Lattice) else metric(crs or zone(*_middle(whole)), pixels)
    placed = whole if lattice.crs == DEGREES else _brought(whole, lattice.crs)
    _check_extent(placed, lattice.crs)
    factor = 1
    while math.prod((grid := lattice.coarser(factor).around(placed)).shape) > most:
        factor *= 2
    return Native(grid, placed, factor, max(1.0, factor / lattice.coarsest))


def _brought(shape: BaseGeometry, crs: str) -> BaseGeometry:
    """A geometry in degrees in another CRS, with places along its edges."""
    there = transformer(DEGREES, crs)

    def brought(places: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.stack(there.transform(places[:, 0], places[:, 1]), axis=1)

    return shapely.transform(shapely.segmentize(shape, max(STEP, shape.length / MAX_STEPS)), brought)


def _check_extent(placed: BaseGeometry, crs: str) -> None:
    """Raise InvalidInput for what is too large to be measured on one grid."""
    west, south, east, north = placed.bounds
    unit = DEGREE if is_degrees(crs) else 1.0
    if not (math.isfinite(west + south + east + north) and max(east - west, north - south) * unit <= MAX_SIDE):
        what = f"The geometry is more than {MAX_SIDE / 1000:g} km long or wide."
        raise InvalidInput(what, parameter="geometry", valid="a smaller one, or several")


def zone(lon: float, lat: float) -> str:
    """The CRS that Sentinel-2's squares have at a place in degrees: a UTM zone, or UPS around the poles.

    As in the Military Grid Reference System, zones are wider off Norway and on Svalbard.
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


def zone_of_mgrs_tile(name: str) -> str | None:
    """The CRS of a square of Sentinel-2's grid, such as `32TQK`; None where the name is none of these.

    Squares reach beyond their zone, and so a place near its edge is in squares of two zones.
    """
    found = _SQUARE.fullmatch(name)
    return f"EPSG:{326 if found[2] >= 'N' else 327}{int(found[1]):02d}" if found else None


_SQUARE = re.compile(r"(0?[1-9]|[1-5]\d|60)([C-HJ-NP-X])[A-HJ-NP-Z]{2}", re.ASCII)


def _in_one_piece(shape: BaseGeometry) -> BaseGeometry:
    """A geometry of both sides of the antimeridian with its western parts moved beyond 180."""
    west, _, east, _ = shape.bounds
    if east - west <= 180:
        return shape
    parts = shapely.get_parts(shape)
    moved = [shapely.transform(part, _turned) if part.bounds[2] <= 0 else part for part in parts]
    return shapely.MultiPolygon(moved) if len(moved) > 1 else shape


def _turned(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Once around the Earth, eastwards."""
    return np.add(places, (360.0, 0.0))


def _middle(shape: BaseGeometry) -> tuple[float, float]:
    centre = shapely.centroid(shape)
    return float(centre.x), float(centre.y)
