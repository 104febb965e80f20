"""Image requests (scenes, expression, mask, composite: all but the grid), and the image data computed for them."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from scog.bandmath.expression import Expression
from scog.bandmath.terrain import Surface
from scog.bandmath.transforms import Transforms
from scog.catalog.query import OrbitState
from scog.collections.profile import Profile
from scog.collections.reflectance_offset import OffsetChoice
from scog.composite.change import Change
from scog.composite.mask import Mask
from scog.composite.methods import NEWEST, Composite, Unit
from scog.composite.scene_mask import SceneMask
from scog.imaging.clip import ClipArea
from scog.imaging.pinned import Pinned
from scog.imaging.report import Report
from scog.temporal.intervals import Interval
from scog.warp.resample import Resampling


@dataclass(frozen=True)
class Comparison:
    """A second period, and the change to compute from it to the first."""

    interval: Interval
    how: Change = Change.DIFFERENCE


@dataclass(frozen=True)
class SceneFilter:
    """Selects scenes by time range (None for the newest), maximum cloud cover in percent, collection, and orbit.

    `orbit` is a direction of flight, None for any. `pinned` scenes replace the search. They are not compared by `==`.
    """

    interval: Interval | None = None
    cloud_cover: float = 60.0
    collection: str | None = None
    pinned: Pinned | None = field(default=None, compare=False)
    orbit: OrbitState | None = None


@dataclass(frozen=True, kw_only=True)
class ImageRequest(SceneFilter):
    """The image to compute on a grid: scenes, expression, mask and composite."""

    expression: Expression
    mask: Mask
    profile: Profile
    """What the collection is."""
    resampling: Resampling = Resampling.NEAREST
    """Resampling of the expression's bands. Masks always use nearest."""
    offset: OffsetChoice | None = None
    """Reflectance offset of Sentinel-2's bands, or how to determine it; None for the rule of the collection."""
    transforms: Transforms = ()
    """The scale of each output's values, such as decibels; empty for those of the expression."""
    surface: Surface | None = None
    """What is derived from the composited values, which are elevations in metres; None for the values themselves."""
    composite: Composite = NEWEST
    area: ClipArea | None = None
    """Pixels outside this area are invalid."""
    compare: Comparison | None = None
    """A second period to compare with."""
    preview: int = field(default=0, compare=False)
    """If not 0, coarser overviews may be read to save time, and at most this many observations that are not in memory.
    Not compared by `==`, since a cached image serves a preview too."""

    @property
    def transforms_observations(self) -> bool:
        """Whether transforms apply to each observation: if no values are averaged, or if their differences are."""
        return bool(self.transforms) and (self.composite.painted or self.composite.unit in (Unit.SPREAD, Unit.TREND))

    @property
    def transforms_composite(self) -> bool:
        """Whether transforms apply to the composite, so that it averages the expression's own values."""
        return bool(self.transforms) and not self.composite.painted and self.composite.unit is Unit.LAYER

    @property
    def averaged_transforms(self) -> Transforms:
        """The transforms of values that must be averaged on the linear scale; empty for differences of values."""
        return self.transforms if self.composite.unit is Unit.LAYER and self.compare is None else ()

    def scene_mask(self, collection: str) -> SceneMask:
        """The mask of scenes of one of the collections."""
        return self.mask.of(self.profile.member(collection))

    def new_report(self) -> Report:
        """An empty report, whose notes are about the bands of the expression and of the masks."""
        members = tuple(self.profile.members.values()) or (self.profile,)
        masks = (band for member in dict.fromkeys(members) for band in self.mask.of(member).bands)
        report = Report(bands=tuple(dict.fromkeys((*self.expression.bands, *masks))))
        if self.offset is not None and not any(member.offset_rule for member in members):
            report.remarks.append(f"offset has no effect on {self.profile.title}")
        report.note_profile(self.profile)
        return report

    def clipped(self, area: ClipArea | None) -> ImageRequest:
        """The request clipped to an area; unchanged if `area` is None."""
        return self if area is None else replace(self, area=area)


@dataclass(frozen=True, eq=False)
class ImageData:
    """Values float32 `(output, y, x)`, NaN where invalid; validity bool `(y, x)`; and the report.

    Outputs are those of the composite, which may add p-values. P-values may be NaN where `valid` is True. `cache_id`
    identifies an image in the image cache, or both images of a comparison; 0 if the image is not cached.
    """

    values: NDArray[np.float32]
    valid: NDArray[np.bool_]
    report: Report
    cache_id: Hashable = 0
