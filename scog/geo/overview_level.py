"""Choice of the overview level: once per source grid and target resolution, never per tile, so that tiles meet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

from scog.geo.grid import Grid, transformer
from scog.geo.world_width import full_circle, nearest_turn


def choose_level(resolutions: Sequence[float], wanted: float) -> int:
    """The coarsest level that is not coarser than `wanted`; level 0 if all are coarser.

    `resolutions` are those of levels 0, 1, ... (finest first), in the units of `wanted`.
    """
    fitting = [level for level, resolution in enumerate(resolutions) if resolution <= wanted * (1 + 1e-9)]
    return max(fitting, default=0, key=lambda level: resolutions[level])


@lru_cache(maxsize=8192)
def level_for(source: Grid, resolutions: tuple[float, ...], grid: Grid, coarser: float = 1.0) -> int:
    """The level of a source to read for a grid whose pixel size is multiplied by `coarser`.

    `source` is the grid of level 0. All tiles of a zoom within an MGRS tile get the same level.
    """
    return choose_level(resolutions, coarser * target_pixel_size(grid, source.crs, source.centre))


def target_pixel_size(grid: Grid, crs: str, centre: tuple[float, float]) -> float:
    """The shorter side of a pixel of `grid` in units of `crs`, at the point `centre` given in `crs`.

    It is infinite if the point cannot be transformed to the grid's CRS.
    """
    a, b, _, d, e, _ = tuple(grid.transform)[:6]
    return _extent(grid.crs, (a, d), (b, e), crs, centre)


@lru_cache(maxsize=4096)
def _extent(
    grid_crs: str, right: tuple[float, float], down: tuple[float, float], crs: str, centre: tuple[float, float]
) -> float:
    x, y = transformer(crs, grid_crs).transform(*centre)
    corners = [(x, y), (x + right[0], y + right[1]), (x + down[0], y + down[1])]
    xs, ys = transformer(grid_crs, crs).transform([p[0] for p in corners], [p[1] for p in corners])
    if not all(map(math.isfinite, (*xs, *ys))):
        return math.inf
    xs = [nearest_turn(each, xs[0], full_circle(crs)) for each in xs]
    return min(math.hypot(xs[i] - xs[0], ys[i] - ys[0]) for i in (1, 2))
