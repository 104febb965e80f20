"""Grids of crops: a box in any CRS, at the scenes' native resolution or any other."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from scog.errors import InvalidInput
from scog.geo.bounds import DEGREES
from scog.geo.crs import is_degrees
from scog.geo.grid import Grid, transformer
from scog.geo.ground_resolution import ground_units, has_constant_units
from scog.geo.lattice import Lattice, metric_lattice
from scog.geo.native_grid import zone_crs
from scog.geo.world_width import full_circle

Box = tuple[float, float, float, float]
"""Min x, min y, max x, max y in a CRS. In degrees, min x is greater than max x if the box crosses the antimeridian."""
Floats = NDArray[np.float64]

DEFAULT_RESOLUTION = 10.0
"""Metres per pixel if the pixel size of the files is unknown."""
MAX_SIZE = 1024
"""Default maximum length of the longer side, in pixels."""
UTM = "utm"
"""Name for the CRS of the UTM zone of the box's centre."""
STEPS = 64
"""Number of sampling steps along each side of a box."""
MAX_ROUND_TRIP_ERROR = 1e-6
"""Maximum error in degrees of a transformation to a CRS and back. With a larger error, the box is outside the area of
use of the CRS."""


@dataclass(frozen=True)
class CropSize:
    """Size of a crop, in pixels or metres per pixel; by default the native resolution with at most 1024 pixels a side.

    Three ways exclude each other: width and height (only one of the two keeps the proportions), the maximum length of
    the longer side, or the resolution in metres. Raises InvalidInput if they are combined, or if a value is not above
    0.
    """

    width: int | None = None
    height: int | None = None
    max_size: int | None = None
    resolution: float | None = None

    def __post_init__(self) -> None:
        ways = (self.width or self.height, self.max_size, self.resolution)
        if sum(way is not None for way in ways) > 1:
            message = "The size is given in more than one way."
            valid = "only one of width and height, max_size, or resolution"
            parameter = "resolution" if self.resolution is not None else "max_size"
            raise InvalidInput(message, parameter=parameter, valid=valid)
        for name in ("width", "height", "max_size", "resolution"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise InvalidInput(f"{name} is {value}.", parameter=name, valid="a finite number above 0")


def check_box(box: Box, crs: str) -> None:
    """Raise InvalidInput if a box has no area or exceeds the world's bounds."""
    west, south, east, north = box
    if not all(map(math.isfinite, box)):
        valid = "such as /bbox/11.2,46.4,11.5,46.6.png"
        raise InvalidInput("A box must be four finite numbers.", parameter="bbox", valid=valid)
    if is_degrees(crs):
        if not (-180 <= west <= 180 and -180 <= east <= 180 and west != east and -90 <= south < north <= 90):
            valid = "west,south,east,north in degrees; west greater than east across the antimeridian"
            raise InvalidInput("The box has no area or exceeds the world's bounds.", parameter="bbox", valid=valid)
    elif not (west < east and south < north):
        valid = f"min x, min y, max x, max y in {crs}"
        raise InvalidInput("The box has no area.", parameter="bbox", valid=valid)


def crop_grid(
    box: Box, box_crs: str, crs: str | None = None, size: CropSize = CropSize(), native: Lattice | None = None
) -> Grid:
    """The grid of a crop of `box`, in `crs`: an EPSG code, `utm`, or by default `box_crs`.

    `native` is the lattice of the scenes' files. Without a resolution, and in the lattice's CRS, the grid consists of
    the files' pixels that the box touches. In another CRS, pixels have the same size as those of the files. If the
    pixel size is given (a resolution, or the native one) and units of the CRS have the same length everywhere, pixels
    have exactly that size, and their edges are at multiples of it. Otherwise the grid has the box's edges, and pixels
    are square to within half a pixel along the shorter side. Pixels are enlarged if the longer side would exceed
    `max_size`.

    Metres are units of the CRS. In degrees and in Mercator projections, whose units are not metres on the ground, they
    are metres on the ground at the box's middle latitude. Raises InvalidInput as `check_box` does, and if the box
    cannot be transformed to the CRS.
    """
    check_box(box, box_crs)
    if crs == UTM:
        crs = zone_crs(*_centre(box, box_crs))
    crs = crs or box_crs
    left, bottom, right, top = _transformed_bounds(box, box_crs, crs)
    width_units, height_units = right - left, top - bottom
    if size.width or size.height:
        width = size.width or max(1, round(width_units / height_units * (size.height or 1)))
        height = size.height or max(1, round(height_units / width_units * width))
        return _stretched(crs, (left, bottom, right, top), width, height)
    max_side = None if size.resolution is not None else size.max_size or MAX_SIZE
    if native is not None and native.crs == crs and native.is_upright and size.resolution is None:
        aligned = native.grid_touching((left, bottom, right, top))
        if max_side is None or max(aligned.shape) <= max_side:
            return aligned
    pixel = (size.resolution or (DEFAULT_RESOLUTION if native is None else native.metres)) / _metres_per_unit(
        crs, (bottom + top) / 2
    )
    if has_constant_units(crs):
        aligned = metric_lattice(crs, pixel).grid_touching((left, bottom, right, top))
        if max_side is None or max(aligned.shape) <= max_side:
            return aligned
    if max_side is not None:
        pixel = max(pixel, max(width_units, height_units) / max_side)
    return _stretched(
        crs, (left, bottom, right, top), max(1, round(width_units / pixel)), max(1, round(height_units / pixel))
    )


def _stretched(crs: str, box: Box, width: int, height: int) -> Grid:
    """The grid with a box's edges and a given shape."""
    left, bottom, right, top = box
    return Grid(crs, Affine((right - left) / width, 0.0, left, 0.0, (bottom - top) / height, top), width, height)


def _metres_per_unit(crs: str, y: float) -> float:
    """Metres on the ground per unit of a CRS from south to north, at `y`."""
    return float(ground_units(crs, np.array([y]))[1][0])


def _centre(box: Box, crs: str) -> tuple[float, float]:
    """Longitude and latitude of a box's centre. Raises InvalidInput if undefined."""
    west, south, east, north = _unwrapped(box, crs)
    lon, lat = transformer(crs, DEGREES).transform((west + east) / 2, (south + north) / 2)
    if not (math.isfinite(lon) and math.isfinite(lat)):
        raise _outside_crs(crs, "coord_crs")
    return lon, lat


def _unwrapped(box: Box, crs: str) -> Box:
    """A box with min x < max x, also across the antimeridian."""
    west, south, east, north = box
    return (west, south, east + 360.0, north) if east < west and is_degrees(crs) else box


def _transformed_bounds(box: Box, box_crs: str, crs: str) -> Box:
    """The bounds in another CRS that contain all of a box. Raises InvalidInput if the box cannot be transformed."""
    west, south, east, north = _unwrapped(box, box_crs)
    if crs == box_crs:
        return west, south, east, north
    x, y = np.meshgrid(np.linspace(west, east, STEPS + 1), np.linspace(south, north, STEPS + 1))
    lon, lat = map(np.asarray, transformer(box_crs, DEGREES).transform(x, y))
    if not (np.isfinite(lon).all() and np.isfinite(lat).all()):
        raise _outside_crs(box_crs, "coord_crs")
    x, y = map(np.asarray, transformer(DEGREES, crs).transform(lon, lat))
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise _outside_crs(crs, "dst_crs")
    back_lon, back_lat = map(np.asarray, transformer(crs, DEGREES).transform(x, y))
    with np.errstate(invalid="ignore"):
        error = np.abs((back_lon - lon + 180) % 360 - 180) * np.cos(np.radians(lat)) + np.abs(back_lat - lat)
    if not (error < MAX_ROUND_TRIP_ERROR).all():
        raise _outside_crs(crs, "dst_crs")
    full_turn = full_circle(crs)
    if full_turn is not None:
        x = np.unwrap(np.unwrap(x, period=full_turn, axis=1), period=full_turn, axis=0)
    bounds = float(x.min()), float(y.min()), float(x.max()), float(y.max())
    if not (bounds[0] < bounds[2] and bounds[1] < bounds[3]):
        message = f"The box has no area in {crs}."
        raise InvalidInput(message, parameter="dst_crs", valid="another CRS, or a larger box")
    return bounds


def _outside_crs(crs: str, parameter: str) -> InvalidInput:
    message = f"The box is not within the area of use of {crs}."
    return InvalidInput(message, parameter=parameter, valid=f"a CRS whose area of use contains the box, or {UTM}")
