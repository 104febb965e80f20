"""Image requests: what is asked of the pixels, apart from where, and the values that answer it."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from scog.bandmath.expression import Expression
from scog.composite.change import Change
from scog.composite.mask import Mask
from scog.composite.methods import NEWEST, Composite
from scog.imaging.clip import ClipArea
from scog.imaging.pinned import Pinned
from scog.imaging.report import Report
from scog.temporal.intervals import Interval
from scog.warp.resample import Resampling


@dataclass(frozen=True)
class Comparison:
    """A second period, and how the first is compared with it."""

    interval: Interval
    how: Change = Change.DIFFERENCE


@dataclass(frozen=True)
class SceneFilter:
    """Which scenes count: of a time range (None for the newest), up to a cloud cover in percent, of a collection."""

    interval: Interval | None = None
    cloud_cover: float = 60.0
    collection: str | None = None
    pinned: Pinned | None = field(default=None, compare=False)
    """Scenes that are known already: the catalogue is not asked. What is asked is the same with and without."""


@dataclass(frozen=True, kw_only=True)
class ImageRequest(SceneFilter):
    """What is asked of the pixels, wherever they are: which scenes, which values, and how they become one image."""

    expression: Expression
    mask: Mask
    resampling: Resampling = Resampling.NEAREST
    """Of the bands shown; masks are nearest always."""
    composite: Composite = NEWEST
    area: ClipArea | None = None
    """Beyond it nothing is shown."""
    compare: Comparison | None = None
    """What the picture is compared with: the same of another period."""
    preview: int = field(default=0, compare=False)
    """If not 0, a coarser image will do where it comes sooner, made of so many observations beside those in memory. A
    cached image is as good with and without."""

    def limited(self, area: ClipArea | None) -> ImageRequest:
        """The same within an area; without one, as it is."""
        return self if area is None else replace(self, area=area)


@dataclass(frozen=True, eq=False)
class ImageData:
    """Values float32 `(output, y, x)`, NaN where invalid; valid bool `(y, x)`; and how they came to be.

    The outputs are those that the composite makes of the formula's: a p-value may be NaN where the values are valid.
    `number` names the drawing among those that are kept, or both that it is made of; 0 where it is not kept.
    """

    values: NDArray[np.float32]
    valid: NDArray[np.bool_]
    report: Report
    number: Hashable = 0
