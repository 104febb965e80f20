"""Sites: on which pixels a field's numbers are taken, and how much each of them counts."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from hashlib import blake2b

import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from scog.errors import InvalidInput
from scog.geo.coverage import share
from scog.geo.crs import is_degrees
from scog.geo.grid import Grid, place_grid
from scog.geo.lattice import Lattice
from scog.geo.native_grid import native, zone
from scog.geo.search_areas import search_areas
from scog.imaging.clip import ClipArea
from scog.imaging.request import ImageRequest
from scog.products.areas.area_of_interest import AreaOfInterest, AreasOfInterest, Unusable
from scog.warp.resample import Resampling

MAX_PARTS = 4096
"""Parts that a field may have."""
PART = 512
"""Pixels a side of the parts that large fields are measured in."""
READ = 2048
"""Pixels a side that are read for one part, where a file has no overviews as coarse as the pixels of the site."""
COARSE = 1000.0
"""Metres of pixels that tell whether a field is too large, which does not depend on them."""


@dataclass(frozen=True, eq=False)
class SamplingGrid:
    """Where a field's numbers are taken.

    grid     its pixels; a point's is itself, so that every scene shows the pixel that holds it
    shape    polygons in the grid's CRS; None of a point
    crs, resolution, coarser  of the pixels, in units of the CRS, and whether they are larger than the files'
    outline  of polygons, in degrees: what scenes have to touch
    limit    what is outside of it does not count
    key      the same for equal sites
    ratio    how many times as large its pixels are as those that are read for them
    """

    grid: Grid
    shape: BaseGeometry | None
    crs: str
    resolution: float
    coarser: bool
    outline: ClipArea | None
    limit: ClipArea | None
    key: bytes
    ratio: float = 1.0

    @property
    def is_point(self) -> bool:
        """Whether it is a place without extent."""
        return self.shape is None

    @property
    def hectares(self) -> float:
        """The area of polygons on the ellipsoid."""
        if self.shape is None or self.outline is None:
            return 0.0
        return self.outline.square_metres / 10_000

    @property
    def pixel(self) -> str:
        """The size of a pixel for people: `10 m`."""
        return f"{self.resolution:g} {'degrees' if is_degrees(self.crs) else 'm'}"


@dataclass(frozen=True, eq=False)
class Part:
    """A grid, and how much each of its pixels counts, float32 `(y, x)`: the share that lies in the field."""

    grid: Grid
    weights: NDArray[np.float32]
    inside: NDArray[np.bool_]
    """Pixels that count at all."""


def site_of(field: AreaOfInterest, pixels: Lattice | float, most: int, limit: ClipArea | None = None) -> SamplingGrid:
    """The site of a field on the pixels of a file's lattice, of which there are so many at most.

    Where no file is known, on pixels of so many metres in the UTM zone of the field. Raises InvalidInput where the
    field is too large.
    """
    if field.is_point:
        lon, lat = field.shape.bounds[:2]
        grid = place_grid(lon, lat)
        if isinstance(pixels, Lattice):
            crs, resolution = pixels.crs, pixels.around(shapely.Point(0, 0)).resolution
        else:
            crs, resolution = zone(lon, lat), float(pixels)
        return SamplingGrid(grid, None, crs, resolution, False, None, limit, _key(field.shape, grid, limit))
    found = native(field.shape, pixels, most)
    grid = found.grid
    if search_areas(grid)[1]:
        what = "The field is so wide that hardly a pass sees all of it."
        raise InvalidInput(what, parameter="geometry", valid="a field of less than 150 km a side")
    key = _key(field.shape, grid, limit)
    outline = ClipArea(field.shape)
    return SamplingGrid(grid, found.shape, grid.crs, grid.resolution, found.coarser, outline, limit, key, found.ratio)


def measurable(fields: AreasOfInterest, most: int, limit: ClipArea | None = None) -> AreasOfInterest:
    """The fields, of which those of a collection that are too large are unusable. Raises InvalidInput if all are."""
    found: list[AreaOfInterest] = []
    unusable = list(fields.unusable)
    first: InvalidInput | None = None
    for field in fields.fields:
        try:
            site_of(field, COARSE, most, limit)
        except InvalidInput as fault:
            first = first or fault
            unusable.append(Unusable(field.feature or {}, field.place, str(fault)))
        else:
            found.append(field)
    if first is not None and not found:
        raise first
    return AreasOfInterest(tuple(found), fields.collected, tuple(unusable))


def asked_at(site: SamplingGrid, request: ImageRequest) -> ImageRequest:
    """What is asked of a site: where its pixels are larger than the files', the mean of those within, not one."""
    nearest = request.resampling is Resampling.NEAREST
    return replace(request, resampling=Resampling.AVERAGE) if site.coarser and nearest else request


def parts_of(site: SamplingGrid) -> tuple[Part, ...]:
    """The parts of a site that hold some of the field: much larger than the site, and to be let go of soon.

    Raises InvalidInput where nothing of the field is within the limit, or no pixel has a share in it.
    """
    weights = np.ones(site.grid.shape, np.float32) if site.shape is None else share(site.grid, site.shape)
    if not weights.any():
        what = "The field is so small that no pixel has a share in it."
        raise InvalidInput(what, parameter="geometry", valid="a larger one, or a point")
    if site.limit is not None:
        weights[~site.limit.inside(site.grid)] = 0
        if not weights.any():
            what = "The geometry lies outside of the cube's area."
            raise InvalidInput(what, parameter="geometry", valid="a place within it")
    side = max(1, min(PART, int(READ / site.ratio)))
    if -(-site.grid.height // side) * -(-site.grid.width // side) > MAX_PARTS:
        what = f"The area is too large: each pixel of its grid holds {site.ratio:.0f} x {site.ratio:.0f} of the files'."
        raise InvalidInput(what, parameter="geometry", valid="a smaller one, or files with overviews")
    return tuple(_parts(site.grid, weights, side))


def _parts(grid: Grid, weights: NDArray[np.float32], side: int) -> list[Part]:
    """Parts of a grid, so many pixels a side, without those of no weight."""
    a, b, _, d, e, _ = tuple(grid.transform)[:6]
    found = []
    for top in range(0, grid.height, side):
        for left in range(0, grid.width, side):
            here = np.ascontiguousarray(weights[top : top + side, left : left + side])
            inside = here > 0
            if inside.any():
                x, y = grid.at(left, top)
                height, width = here.shape
                found.append(Part(Grid(grid.crs, Affine(a, b, x, d, e, y), width, height), here, inside))
    return found


def _key(shape: BaseGeometry, grid: Grid, limit: ClipArea | None) -> bytes:
    """A digest, since outlines may be long."""
    digest = blake2b(shapely.to_wkb(shape), digest_size=16)
    digest.update(f"{grid.crs} {tuple(grid.transform)} {grid.shape}".encode())
    digest.update(b"" if limit is None else json.dumps(limit.geometry).encode())
    return digest.digest()
