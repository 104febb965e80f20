"""The grid on which numbers are taken: the UTM zone of a place, and pixels that are those of the scenes there."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from scog.errors import InvalidInput
from scog.space.grid import Grid, transformer

MAX_SIDE = 1_000_000.0
"""Metres from west to east or from south to north: further from its zone's middle meridian a grid is not true."""
STEP = 0.005
"""Degrees between the places along an edge that are brought into the zone: 500 m, on which it bends by a centimetre."""
MAX_STEPS = 200_000
"""Places along all edges together, where these are longer than a thousand degrees."""


@dataclass(frozen=True)
class Native:
    """A grid of square pixels, and the geometry in its CRS. Pixels are `factor` times as large as they might be."""

    grid: Grid
    shape: BaseGeometry
    factor: int

    @property
    def coarser(self) -> bool:
        """Whether it has larger pixels than the scenes, since there would be too many."""
        return self.factor > 1


def native(shape: BaseGeometry, resolution: int, most: int) -> Native:
    """The smallest grid that holds a geometry in degrees, of at most so many pixels of so many metres or of a multiple.

    Its edges lie on multiples of its resolution, as those of Sentinel-2's squares do. The geometry lies between the
    meridians -180 and 180; where it lies on both sides of the antimeridian it is put together again. Its edges are
    straight in degrees and so are bent here. Raises InvalidInput where it is too large for one zone.
    """
    whole = _in_one_piece(shape)
    crs = zone(*_middle(whole))
    step = max(STEP, whole.length / MAX_STEPS)
    there = transformer("EPSG:4326", crs)

    def brought(places: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.stack(there.transform(places[:, 0], places[:, 1]), axis=1)

    placed = shapely.transform(shapely.segmentize(whole, step), brought)
    west, south, east, north = placed.bounds
    if not (math.isfinite(west + south + east + north) and max(east - west, north - south) <= MAX_SIDE):
        what = f"The geometry is more than {MAX_SIDE / 1000:g} km long or wide."
        raise InvalidInput(what, parameter="geometry", valid="a smaller one, or several")
    factor = 1
    while math.prod(_fitted(crs, placed, resolution * factor).shape) > most:
        factor += 1
    return Native(_fitted(crs, placed, resolution * factor), placed, factor)


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


def _fitted(crs: str, shape: BaseGeometry, resolution: float) -> Grid:
    """The smallest grid of a resolution that holds a geometry."""
    west, south, east, north = shape.bounds
    left, top = math.floor(west / resolution), math.ceil(north / resolution)
    width, height = max(1, math.ceil(east / resolution) - left), max(1, top - math.floor(south / resolution))
    return Grid(crs, Affine(resolution, 0.0, left * resolution, 0.0, -resolution, top * resolution), width, height)
