"""Overview levels: which one an image is made from, and which coarser one a preview is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from scog.cog.metadata import FileMetadata
from scog.geo.grid import Grid

SMALL_FETCH = 16_384
"""Missing bytes up to which a preview uses the image's own levels: a tenth of a typical block of the coarsest level."""
Levels = tuple[int, ...]
"""The level to read of each of several files."""


@dataclass
class PreviewLevel:
    """How coarse a preview is.

    `ratio` is the largest ratio of the pixel size that was read to that of the image's own level. `observations` is the
    number of newest observations that it was limited to; None if it was not.
    """

    ratio: float = 1.0
    observations: int | None = None

    @property
    def is_coarse(self) -> bool:
        """Whether the preview differs from the image."""
        return self.ratio > 1.0 or self.observations is not None

    def joined(self, other: PreviewLevel | None) -> PreviewLevel:
        """The level of a preview made of two."""
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
    """The levels for which the fewest bytes have to be fetched; of several with the same cost the finest.

    `costs` has levels and bytes, the image's own levels first. Those are returned if at most `SMALL_FETCH` bytes are
    missing.

    Cached levels cost nothing. Otherwise the result is the coarsest levels, whose blocks cover the largest area: the
    previews around it then find them in the cache, while finer levels would have to be fetched for each.
    """
    least = min(cost for _, cost in costs)
    own, cost = costs[0]
    if least > 0 and cost <= SMALL_FETCH:
        return own
    return next(levels for levels, cost in costs if cost == least)


def pixel_size_ratio(files: Sequence[FileMetadata], grid: Grid, levels: Levels) -> float:
    """The largest ratio of the pixel size of these levels to that of the image's own levels."""
    return max(
        (
            metadata.resolutions[level] / metadata.resolutions[metadata.level_for(grid)]
            for metadata, level in zip(files, levels, strict=True)
        ),
        default=1.0,
    )
