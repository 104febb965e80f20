"""Coarseness: which level to read for a preview, and by how much that is coarser than the image's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from scog.cog.metadata import FileMetadata
from scog.geo.grid import Grid
from scog.geo.overview_level import choose_level, target_extent

LIGHT = 16_384
"""Bytes up to which an image's own level is fetched for a preview: a tenth of what a coarsest block mostly has."""
Levels = tuple[int, ...]
"""The level to read of each of several files."""


@dataclass
class PreviewLevel:
    """How coarse a preview became: the largest `ratio` of the extent of a pixel that was read to that of the level
    that the image would be made of; and whether only the newest `observations` were looked at.
    """

    ratio: float = 1.0
    observations: int | None = None

    @property
    def is_coarse(self) -> bool:
        """Whether the image would differ if it were no preview."""
        return self.ratio > 1.0 or self.observations is not None

    def joined(self, other: PreviewLevel | None) -> PreviewLevel:
        """The coarseness of an image made of two."""
        if other is None:
            return self
        fewest = [each.observations for each in (self, other) if each.observations is not None]
        return PreviewLevel(max(self.ratio, other.ratio), min(fewest, default=None))


def level_for(description: FileMetadata, grid: Grid, coarser: float = 1.0) -> int:
    """The level to read for a grid; the same for all tiles of a zoom that meet a square.

    With `coarser`, the level for pixels so many times as large.
    """
    return _level_for(description.levels[0].grid, description.resolutions, grid, coarser)


@lru_cache(maxsize=8192)
def _level_for(full: Grid, resolutions: tuple[float, ...], grid: Grid, coarser: float) -> int:
    return choose_level(resolutions, coarser * target_extent(grid, full.crs, full.centre))


def coarser_levels(descriptions: Sequence[FileMetadata], grid: Grid) -> Iterator[Levels]:
    """The levels that an image may be made of: its own first, then for pixels twice as large, and so on to the last."""
    coarsest = tuple(level_for(each, grid, float("inf")) for each in descriptions)
    before, coarser = None, 1.0
    while before != coarsest:
        levels = tuple(level_for(each, grid, coarser) for each in descriptions)
        if levels != before:
            yield levels
        before, coarser = levels, 2 * coarser


def cheapest(costs: Sequence[tuple[Levels, int]]) -> Levels:
    """The levels that cost the fewest bytes, the finest of equals; the first, which are the image's own, where all that
    is lacking of them is `LIGHT`.

    Levels in memory cost nothing. Else these are the coarsest, whose blocks show the most: the previews around it find
    them in memory then, where finer levels would have to be fetched for each.
    """
    least = min(cost for _, cost in costs)
    own, cost = costs[0]
    if least > 0 and cost <= LIGHT:
        return own
    return next(levels for levels, cost in costs if cost == least)


def ratio(descriptions: Sequence[FileMetadata], grid: Grid, levels: Levels) -> float:
    """By how much pixels of these levels are larger than those of the image's own, at most."""
    return max(
        (
            each.resolutions[level] / each.resolutions[level_for(each, grid)]
            for each, level in zip(descriptions, levels, strict=True)
        ),
        default=1.0,
    )
