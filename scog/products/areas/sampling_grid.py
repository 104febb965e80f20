"""Sampling grids: the pixels on which an area of interest is sampled, and their weights."""

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
from scog.geo.coverage import coverage_fractions
from scog.geo.crs import is_degrees
from scog.geo.grid import Grid, point_grid
from scog.geo.lattice import Lattice
from scog.geo.native_grid import native_grid, zone_crs
from scog.geo.search_areas import search_areas
from scog.imaging.clip import ClipArea
from scog.imaging.request import ImageRequest
from scog.products.areas.area_of_interest import AreaOfInterest, AreasOfInterest, UnusableFeature
from scog.warp.resample import Resampling

MAX_PARTS = 4096
"""Maximum number of parts of an area."""
PART_SIDE = 512
"""Maximum side length of a part in pixels. Larger areas are sampled in several parts."""
MAX_SOURCE_SIDE = 2048
"""Maximum side length of a part in source pixels, for files without overviews as coarse as the grid."""
CHECK_RESOLUTION = 1000.0
"""Pixel size in metres with which `reject_oversized` checks areas. It does not affect the result."""


@dataclass(frozen=True, eq=False)
class SamplingGrid:
    """The grid on which an area of interest is sampled.

    grid        the pixels; for a point one tiny pixel around it, so that each scene returns its pixel at the point
    shape       the polygons in the CRS of the grid; None for a point
    crs         CRS of the pixels that are sampled
    resolution  pixel size in units of `crs`
    coarser     whether the pixels are larger than those of the files
    outline     the polygons in degrees, which scenes must intersect; None for a point
    limit       area outside which pixels have no weight; None for no limit
    key         digest, equal for equal sampling grids
    ratio       size of a grid pixel relative to the source pixels that are read for it
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
        """Whether the area is a point."""
        return self.shape is None

    @property
    def hectares(self) -> float:
        """Area of the polygons on the ellipsoid in hectares; 0 for a point."""
        if self.shape is None or self.outline is None:
            return 0.0
        return self.outline.square_metres / 10_000

    @property
    def pixel(self) -> str:
        """Pixel size with its unit, such as `10 m`."""
        return f"{self.resolution:g} {'degrees' if is_degrees(self.crs) else 'm'}"


@dataclass(frozen=True, eq=False)
class Part:
    """A part of a sampling grid.

    weights  float32 `(y, x)`, the fraction of each pixel that is inside the area, from 0 to 1
    inside   bool `(y, x)`, whether the weight is greater than 0
    """

    grid: Grid
    weights: NDArray[np.float32]
    inside: NDArray[np.bool_]


def sampling_grid_of(
    area: AreaOfInterest, pixels: Lattice | float, max_pixels: int, limit: ClipArea | None = None
) -> SamplingGrid:
    """The sampling grid of an area, of at most `max_pixels` pixels.

    `pixels` is the lattice of a file. Without a file, it is a pixel size in metres, in the UTM zone of the area.
    Raises InvalidInput if the area is too large.
    """
    if area.is_point:
        lon, lat = area.shape.bounds[:2]
        grid = point_grid(lon, lat)
        if isinstance(pixels, Lattice):
            crs, resolution = pixels.crs, pixels.bounding_grid(shapely.Point(0, 0)).resolution
        else:
            crs, resolution = zone_crs(lon, lat), float(pixels)
        return SamplingGrid(grid, None, crs, resolution, False, None, limit, _key(area.shape, grid, limit))
    result = native_grid(area.shape, pixels, max_pixels)
    grid = result.grid
    if search_areas(grid)[1]:
        message = "The area is too wide: a single overpass rarely covers it."
        raise InvalidInput(message, parameter="geometry", valid="an area of less than 150 km a side")
    key = _key(area.shape, grid, limit)
    outline = ClipArea(area.shape)
    return SamplingGrid(
        grid, result.shape, grid.crs, grid.resolution, result.coarser, outline, limit, key, result.ratio
    )


def reject_oversized(areas: AreasOfInterest, max_pixels: int, limit: ClipArea | None = None) -> AreasOfInterest:
    """The areas. Areas that are too large are moved to `unusable`. Raises InvalidInput if all are too large."""
    usable: list[AreaOfInterest] = []
    unusable = list(areas.unusable)
    first_error: InvalidInput | None = None
    for area in areas.areas:
        try:
            sampling_grid_of(area, CHECK_RESOLUTION, max_pixels, limit)
        except InvalidInput as error:
            first_error = first_error or error
            unusable.append(UnusableFeature(area.feature or {}, area.index, str(error)))
        else:
            usable.append(area)
    if first_error is not None and not usable:
        raise first_error
    return AreasOfInterest(tuple(usable), areas.is_collection, tuple(unusable))


def sampling_request(sampling_grid: SamplingGrid, request: ImageRequest) -> ImageRequest:
    """The request. If the grid is coarser than the files, average replaces nearest resampling."""
    nearest = request.resampling is Resampling.NEAREST
    return replace(request, resampling=Resampling.AVERAGE) if sampling_grid.coarser and nearest else request


def parts_of(sampling_grid: SamplingGrid) -> tuple[Part, ...]:
    """Parts of a sampling grid that intersect the area. They take much memory: release them soon.

    Raises InvalidInput if the area is outside the limit, too small to give any pixel a weight, or too large.
    """
    grid, shape, limit = sampling_grid.grid, sampling_grid.shape, sampling_grid.limit
    weights = np.ones(grid.shape, np.float32) if shape is None else coverage_fractions(grid, shape)
    if not weights.any():
        message = "The area is too small: the fraction of each pixel that it covers rounds to 0."
        raise InvalidInput(message, parameter="geometry", valid="a larger area, or a Point")
    if limit is not None:
        weights[~limit.inside(grid)] = 0
        if not weights.any():
            message = "The geometry is outside the cube's area."
            raise InvalidInput(message, parameter="geometry", valid="a geometry within the cube's area")
    size = max(1, min(PART_SIDE, int(MAX_SOURCE_SIDE / sampling_grid.ratio)))
    if -(-grid.height // size) * -(-grid.width // size) > MAX_PARTS:
        ratio = f"{sampling_grid.ratio:.0f}"
        message = f"The area is too large: one pixel of its grid covers {ratio} x {ratio} pixels of the files."
        raise InvalidInput(message, parameter="geometry", valid="a smaller area, or files with overviews")
    return tuple(_split(grid, weights, size))


def _split(grid: Grid, weights: NDArray[np.float32], size: int) -> list[Part]:
    """Parts of a grid, at most `size` pixels a side, without those whose weights are all 0."""
    a, b, _, d, e, _ = tuple(grid.transform)[:6]
    parts = []
    for top in range(0, grid.height, size):
        for left in range(0, grid.width, size):
            part_weights = np.ascontiguousarray(weights[top : top + size, left : left + size])
            inside = part_weights > 0
            if inside.any():
                x, y = grid.at(left, top)
                height, width = inside.shape
                parts.append(Part(Grid(grid.crs, Affine(a, b, x, d, e, y), width, height), part_weights, inside))
    return parts


def _key(shape: BaseGeometry, grid: Grid, limit: ClipArea | None) -> bytes:
    """Digest of a sampling grid; the geometries themselves may be long."""
    digest = blake2b(shapely.to_wkb(shape), digest_size=16)
    digest.update(f"{grid.crs} {tuple(grid.transform)} {grid.shape}".encode())
    digest.update(b"" if limit is None else json.dumps(limit.geometry).encode())
    return digest.digest()
