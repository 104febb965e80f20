"""Sites: on which pixels a field's numbers are taken, and how much each of them counts."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray

from scog.cube.area import Area
from scog.errors import InvalidInput
from scog.field.field import Field
from scog.space.areas import search_areas
from scog.space.grid import Grid, place_grid
from scog.space.native import native, zone
from scog.space.share import share

PART = 512
"""Pixels a side of the parts that large fields are measured in."""


@dataclass(frozen=True, eq=False)
class Part:
    """A grid, and how much each of its pixels counts, float32 `(y, x)`: the share that lies in the field."""

    grid: Grid
    weights: NDArray[np.float32]
    inside: NDArray[np.bool_]
    """Pixels that count at all."""


@dataclass(frozen=True, eq=False)
class Site:
    """Where a field's numbers are taken: parts of one grid, those of them that hold some of the field.

    A point's grid is itself, so that every scene shows the pixel that holds it; `crs` and `resolution` are of the zone
    and the pixels around it. `total` is the sum of all weights. `key` is the same for equal sites.
    """

    grid: Grid
    parts: tuple[Part, ...]
    crs: str
    resolution: float
    coarser: bool
    is_point: bool
    total: float
    key: Hashable
    outline: Area | None
    """Of polygons: what scenes have to touch."""


def site_of(place: Field, resolution: int, most: int, limit: Area | None = None) -> Site:
    """The site of a field on pixels of a resolution in metres, of which there are so many at most.

    What is outside of the `limit` does not count. Raises InvalidInput where nothing is left, or where the field is too
    large, or so small that no pixel has a share in it.
    """
    key = shapely.to_wkb(place.shape), resolution, most, limit
    if place.is_point:
        lon, lat = place.shape.bounds[:2]
        grid = place_grid(lon, lat)
        weights = np.ones(grid.shape, np.float32)
        crs, size, coarser, outline = zone(lon, lat), float(resolution), False, None
    else:
        found = native(place.shape, resolution, most)
        grid = found.grid
        if search_areas(grid)[1]:
            what = "The field is so wide that hardly a pass sees all of it."
            raise InvalidInput(what, parameter="geometry", valid="a field of less than 150 km a side")
        weights = share(grid, found.shape)
        crs, size, coarser, outline = grid.crs, grid.resolution, found.coarser, Area(place.shape)
        if not weights.any():
            what = "The field is so small that no pixel has a share in it."
            raise InvalidInput(what, parameter="geometry", valid="a larger one, or a point")
    if limit is not None:
        weights = np.where(limit.inside(grid), weights, np.float32(0))
        if not weights.any():
            what = "The geometry lies outside of the cube's area."
            raise InvalidInput(what, parameter="geometry", valid="a place within it")
    total = float(weights.sum(dtype=np.float64))
    return Site(grid, _parts(grid, weights), crs, size, coarser, place.is_point, total, key, outline)


def _parts(grid: Grid, weights: NDArray[np.float32]) -> tuple[Part, ...]:
    """Parts of a grid, without those of no weight."""
    a, b, _, d, e, _ = tuple(grid.transform)[:6]
    found = []
    for top in range(0, grid.height, PART):
        for left in range(0, grid.width, PART):
            here = np.ascontiguousarray(weights[top : top + PART, left : left + PART])
            inside = here > 0
            if inside.any():
                x, y = grid.at(left, top)
                height, width = here.shape
                found.append(Part(Grid(grid.crs, Affine(a, b, x, d, e, y), width, height), here, inside))
    return tuple(found)
