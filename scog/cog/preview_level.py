"""Overview levels: the level of an image, and coarser levels for previews."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from scog.cog.metadata import FileMetadata
from scog.geo.grid import Grid

SMALL_FETCH = 16_384
"""A preview uses the image's own levels if at most this many bytes are missing: a tenth of a typical block of the
coarsest level."""
Levels = tuple[int, ...]
"""The level to read of each of several files."""


@dataclass
class PreviewLevel:
    """How coarse a preview is.

    `ratio` is the pixel size that was read, divided by that of the image's own level; the largest of all files.
    `observations` is the number of newest observations to which the preview is limited; None if it is not limited.
    """

    ratio: float = 1.0
    observations: int | None = None

    @property
    def is_coarse(self) -> bool:
        """Whether the preview differs from the image."""
        return self.ratio > 1.0 or self.observations is not None

    def joined(self, other: PreviewLevel | None) -> PreviewLevel:
        """The coarseness of a preview that is made of two previews. `other` is None if there is only one."""
        if other is None:
            return self
        limits = [each.observations for each in (self, other) if each.observations is not None]
        return PreviewLevel(max(self.ratio, other.ratio), min(limits, default=None))


def coarser_levels(files: Sequence[FileMetadata], grid: Grid) -> Iterator[Levels]:
    """The levels that a preview may use: the image's own, those for pixels twice as large, and so on."""
    coarsest = tuple(metadata.level_for(grid, float("inf")) for metadata in files)
    previous, coarser = None, 1.0
    while previous != coarsest:
        levels = tuple(metadata.level_for(grid, coarser) for metadata in files)
        if levels != previous:
            yield levels
        previous, coarser = levels, 2 * coarser


def cheapest_levels(costs: Sequence[tuple[Levels, int]]) -> Levels:
    """The levels with the fewest bytes to fetch; the finest of several with the same cost.

    `costs` has levels and bytes. The image's own levels come first, and are returned if they take at most `SMALL_FETCH`
    bytes, unless other levels are cached.

    Cached levels cost nothing. If none is cached, the coarsest levels are the cheapest. Their blocks cover the largest
    area, so that previews of neighbouring tiles find them in the cache; finer levels would be fetched for each tile.
    """
    min_cost = min(cost for _, cost in costs)
    own_levels, own_cost = costs[0]
    if min_cost > 0 and own_cost <= SMALL_FETCH:
        return own_levels
    return next(levels for levels, cost in costs if cost == min_cost)


def pixel_size_ratio(files: Sequence[FileMetadata], grid: Grid, levels: Levels) -> float:
    """The pixel size of `levels` divided by that of the image's own levels; the largest of all files."""
    return max(
        (
            metadata.resolutions[level] / metadata.resolutions[metadata.level_for(grid)]
            for metadata, level in zip(files, levels, strict=True)
        ),
        default=1.0,
    )
