"""Cut-outs: the grid that shows a box, in any CRS, at the scenes' own resolution or any other."""

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
from scog.geo.ground_resolution import ground_units, is_even
from scog.geo.lattice import Lattice, metric
from scog.geo.native_grid import zone
from scog.geo.world_width import turn

Box = tuple[float, float, float, float]
"""Least x, least y, greatest x, greatest y in a CRS; in degrees x may begin greater than it ends."""
Floats = NDArray[np.float64]

NATIVE = 10.0
"""Metres of a pixel where no file says how large its pixels are."""
MAX_SIZE = 1024
"""Pixels of the longer side, unless something else is said."""
UTM = "utm"
"""As a CRS: the zone that the box's middle lies in."""
STEPS = 64
"""Steps along each side of a box at which it is looked at."""
LOST = 1e-6
"""Degrees by which a place may come back wrong from a CRS. More, and the CRS is of no use there."""


@dataclass(frozen=True)
class Size:
    """How many pixels, in one way of four: both sides, or one and the other in proportion; the longer side at most; or
    metres a pixel. Nothing said is the scenes' own resolution, and 1024 pixels at most.
    """

    width: int | None = None
    height: int | None = None
    max_size: int | None = None
    resolution: float | None = None

    def __post_init__(self) -> None:
        ways = (self.width or self.height, self.max_size, self.resolution)
        if sum(way is not None for way in ways) > 1:
            what = "The size is given in two ways."
            valid = "one of width and height, max_size, and resolution"
            parameter = "resolution" if self.resolution is not None else "max_size"
            raise InvalidInput(what, parameter=parameter, valid=valid)
        for name in ("width", "height", "max_size", "resolution"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise InvalidInput(f"{name} is {value}.", parameter=name, valid="a finite number above 0")


def check_box(box: Box, crs: str) -> None:
    """Raises InvalidInput for a box that holds nothing or leaves the world."""
    west, south, east, north = box
    if not all(map(math.isfinite, box)):
        raise InvalidInput("A box is four numbers.", parameter="bbox", valid="such as /bbox/11.2,46.4,11.5,46.6.png")
    if is_degrees(crs):
        if not (-180 <= west <= 180 and -180 <= east <= 180 and west != east and -90 <= south < north <= 90):
            valid = "west,south,east,north in degrees; west greater than east over the antimeridian"
            raise InvalidInput("The box has no area or leaves the world.", parameter="bbox", valid=valid)
    elif not (west < east and south < north):
        valid = f"least x, least y, greatest x, greatest y in {crs}"
        raise InvalidInput("The box has no area.", parameter="bbox", valid=valid)


def cut_grid(box: Box, box_crs: str, crs: str | None = None, size: Size = Size(), own: Lattice | None = None) -> Grid:
    """The grid in a CRS (the box's own unless said otherwise, or `utm`) that shows a box of another one.

    `own` is the lattice of the scenes' files. Where no size is given and the CRS is theirs, pixels are those of the
    files that the box touches. In another CRS they are as large. Where their size is given (a resolution, or the
    scenes' own), and a unit of the CRS is as long everywhere, pixels are that size to the last digit, and lie on its
    multiples. Else the grid is the box to its edges, and pixels are square to within half of one along the shorter
    side. More than `max_size` become larger.

    Metres are the CRS's own; in degrees and in Mercator projections, where those are no metres on the ground, they are
    on the ground in the middle of the box, from south to north. Raises InvalidInput as `check_box`, and where the
    CRS has no place for the box.
    """
    check_box(box, box_crs)
    if crs == UTM:
        crs = zone(*_middle(box, box_crs))
    crs = crs or box_crs
    left, bottom, right, top = _box_in(box, box_crs, crs)
    across, down = right - left, top - bottom
    if size.width or size.height:
        width = size.width or max(1, round(across / down * (size.height or 1)))
        height = size.height or max(1, round(down / across * width))
        return _exactly(crs, (left, bottom, right, top), width, height)
    most = None if size.resolution is not None else size.max_size or MAX_SIZE
    if own is not None and own.crs == crs and own.is_upright and size.resolution is None:
        snapped = own.touched((left, bottom, right, top))
        if most is None or max(snapped.shape) <= most:
            return snapped
    pixel = (size.resolution or (NATIVE if own is None else own.metres)) / _metres(crs, (bottom + top) / 2)
    if is_even(crs):
        snapped = metric(crs, pixel).touched((left, bottom, right, top))
        if most is None or max(snapped.shape) <= most:
            return snapped
    if most is not None:
        pixel = max(pixel, max(across, down) / most)
    return _exactly(crs, (left, bottom, right, top), max(1, round(across / pixel)), max(1, round(down / pixel)))


def _exactly(crs: str, box: Box, width: int, height: int) -> Grid:
    """A box to its edges."""
    left, bottom, right, top = box
    return Grid(crs, Affine((right - left) / width, 0.0, left, 0.0, (bottom - top) / height, top), width, height)


def _metres(crs: str, y: float) -> float:
    """Metres of a unit of a CRS from south to north, at a height in it."""
    return float(ground_units(crs, np.array([y]))[1][0])


def _middle(box: Box, crs: str) -> tuple[float, float]:
    """The middle of a box in degrees."""
    west, south, east, north = _unwrapped(box, crs)
    lon, lat = transformer(crs, DEGREES).transform((west + east) / 2, (south + north) / 2)
    if not (math.isfinite(lon) and math.isfinite(lat)):
        raise _no_place(crs, "coord_crs")
    return lon, lat


def _unwrapped(box: Box, crs: str) -> Box:
    """A box whose x ends greater than it begins."""
    west, south, east, north = box
    return (west, south, east + 360.0, north) if east < west and is_degrees(crs) else box


def _box_in(box: Box, box_crs: str, crs: str) -> Box:
    """The box in another CRS that holds all of a box. Raises InvalidInput where there is no such place."""
    west, south, east, north = _unwrapped(box, box_crs)
    if crs == box_crs:
        return west, south, east, north
    x, y = np.meshgrid(np.linspace(west, east, STEPS + 1), np.linspace(south, north, STEPS + 1))
    lon, lat = map(np.asarray, transformer(box_crs, DEGREES).transform(x, y))
    if not (np.isfinite(lon).all() and np.isfinite(lat).all()):
        raise _no_place(box_crs, "coord_crs")
    x, y = map(np.asarray, transformer(DEGREES, crs).transform(lon, lat))
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise _no_place(crs, "dst_crs")
    back_lon, back_lat = map(np.asarray, transformer(crs, DEGREES).transform(x, y))
    with np.errstate(invalid="ignore"):
        off = np.abs((back_lon - lon + 180) % 360 - 180) * np.cos(np.radians(lat)) + np.abs(back_lat - lat)
    if not (off < LOST).all():
        raise _no_place(crs, "dst_crs")
    whole = turn(crs)
    if whole is not None:
        x = np.unwrap(np.unwrap(x, period=whole, axis=1), period=whole, axis=0)
    found = float(x.min()), float(y.min()), float(x.max()), float(y.max())
    if not (found[0] < found[2] and found[1] < found[3]):
        raise InvalidInput("The box has no area there.", parameter="dst_crs", valid="another CRS, or a larger box")
    return found


def _no_place(crs: str, parameter: str) -> InvalidInput:
    what = f"{crs} has no place for all of the box."
    return InvalidInput(what, parameter=parameter, valid=f"a CRS made for where the box lies, or {UTM}")
