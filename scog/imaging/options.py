"""Image options as text, as HTTP and the command line receive them, parsed into a request and a style."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from scog.catalog.query import OrbitState
from scog.collections.profile import Profile
from scog.collections.reflectance_offset import parse_offset
from scog.composite.change import Change
from scog.composite.mask import parse_mask
from scog.composite.methods import NEWEST, parse_composite
from scog.errors import InvalidInput
from scog.imaging.clip import ClipArea
from scog.imaging.compare import parse_comparison
from scog.imaging.request import ImageRequest
from scog.render.layer import Layer, LayerOptions, interval_days, layer_of
from scog.render.ramp import Range
from scog.render.style import Style
from scog.temporal.intervals import Interval, parse_interval
from scog.warp.resample import Resampling


class StyledRequest(NamedTuple):
    """An image request, and the style for its values."""

    request: ImageRequest
    style: Style

    def clipped(self, area: ClipArea | None) -> StyledRequest:
        """The request clipped to an area, with the same style; unchanged if `area` is None."""
        return self._replace(request=self.request.clipped(area))


@dataclass(frozen=True)
class ImageOptions:
    """Unparsed image options. None or an empty tuple means the layer's default.

    Names and spellings are those of the HTTP API. `days` is the length of the period, which sets the range of a count
    or trend; None to derive it from `datetime`.
    """

    datetime: str | None = None
    cloud_cover: float = 60.0
    collection: str | None = None
    orbit: OrbitState | None = None
    index: str | None = None
    expression: str | None = None
    bands: tuple[str, ...] = ()
    mask: str | None = None
    mask_dilate: float = 0.0
    composite: str = NEWEST.name
    resampling: Resampling = Resampling.NEAREST
    offset: str | float | None = None
    compare: str | None = None
    compare_as: Change | None = None
    classes: str | None = None
    rescale: tuple[Range, ...] = ()
    colormap_name: str | None = None
    colormap: str | None = None
    color_formula: str | None = None
    belowmincolor: str | None = None
    abovemaxcolor: str | None = None
    days: float | None = None

    @property
    def interval(self) -> Interval | None:
        """The parsed `datetime`; None if not given. Raises InvalidInput."""
        return None if self.datetime is None else parse_interval(self.datetime)

    @property
    def layer_options(self) -> LayerOptions:
        """The options that define the layer: expression, composite and style. Raises InvalidInput."""
        comparison = parse_comparison(self.compare, self.compare_as)
        return LayerOptions(
            index=self.index,
            expression=self.expression,
            bands=self.bands,
            rescale=self.rescale,
            colormap_name=self.colormap_name,
            colormap=self.colormap,
            color_formula=self.color_formula,
            classes=self.classes,
            belowmincolor=self.belowmincolor,
            abovemaxcolor=self.abovemaxcolor,
            composite=parse_composite(self.composite),
            days=interval_days(self.interval) if self.days is None else self.days,
            change=None if comparison is None else comparison.how,
        )

    def parse(self, profile: Profile) -> StyledRequest:
        """The request and the style, for a collection with this profile. Raises InvalidInput."""
        return _parsed(self, profile)


@lru_cache(maxsize=256)
def _parsed(options: ImageOptions, profile: Profile) -> StyledRequest:
    if not (isinstance(options.cloud_cover, int | float) and 0 <= options.cloud_cover <= 100):
        message = f"{options.cloud_cover!r} is not a cloud cover in percent."
        raise InvalidInput(message, parameter="cloud_cover", valid="0 to 100")
    layer: Layer = layer_of(profile, options.layer_options)
    request = ImageRequest(
        expression=layer.expression,
        transforms=layer.transforms,
        surface=layer.derived_surface,
        mask=parse_mask(layer.mask if options.mask is None else options.mask, options.mask_dilate, profile),
        cloud_cover=options.cloud_cover,
        interval=options.interval,
        collection=options.collection,
        orbit=options.orbit,
        profile=profile,
        resampling=options.resampling,
        offset=None if options.offset is None else parse_offset(options.offset),
        composite=layer.composite,
        compare=parse_comparison(options.compare, options.compare_as),
    )
    return StyledRequest(request, layer.style)
