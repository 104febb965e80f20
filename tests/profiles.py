"""The built-in profiles, and functions with the profile of Sentinel-2 as their default."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from scog.bandmath import expression as expressions
from scog.bandmath import indices
from scog.bandmath.expression import Expression
from scog.bandmath.indices import Index
from scog.catalog import scene as scenes
from scog.catalog.scene import Scene
from scog.collections.presets import Preset
from scog.collections.profile import Profile
from scog.collections.profiles import Profiles
from scog.composite import mask as masks
from scog.composite.mask import Mask
from scog.imaging import source_lattice
from scog.imaging.request import ImageRequest
from scog.products.timeseries import variables as series_variables
from scog.products.timeseries.variables import SeriesVariables
from scog.render import layer as layers
from scog.render.layer import Layer, LayerOptions

PROFILES = Profiles("https://earth-search.example")
L2A = "sentinel-2-l2a"
C1 = "sentinel-2-c1-l2a"
SENTINEL_2: Profile = PROFILES.of(L2A)
BANDS = SENTINEL_2.bands
IN_ASSET = SENTINEL_2.by_asset
BY_NAME = SENTINEL_2.by_name
CANONICAL = SENTINEL_2.names.canonical_names
WHOLE_ASSETS = tuple(band for band in BANDS if band.number is None)
"""Bands that are alone in their files."""
PRESETS = SENTINEL_2.presets
SCENE_CLASSES = BY_NAME["scl"].classes
BY_NUMBER = {each.value: each for each in SCENE_CLASSES}
CLOUDS = frozenset({0, 1, 3, 8, 9, 10})


def parse(text: str) -> Expression:
    """An expression over the bands of Sentinel-2."""
    return expressions.parse(text, SENTINEL_2.names)


def canonical(name: str) -> str:
    """Canonical name of a band of Sentinel-2."""
    return SENTINEL_2.names.canonical(name)


def preset_of(name: str) -> Preset | None:
    """A preset of Sentinel-2, or None."""
    return SENTINEL_2.preset(name)


def search(text: str = "", domain: str | None = None) -> tuple[Index, ...]:
    """Indices of Sentinel-2 that match a text."""
    return indices.search(SENTINEL_2, text, domain)


def profile_of(collection: str | None) -> Profile:
    """The profile of collections separated by commas; Sentinel-2's for None."""
    return PROFILES.joint((collection or L2A).split(","))


def parse_item(item: Mapping[str, Any], base: str = "") -> Scene:
    """The scene of an item of any collection."""
    return scenes.parse_item(item, base, PROFILES)


def layer_of(options: LayerOptions | None = None) -> Layer:
    """A layer of Sentinel-2."""
    return layers.layer_of(SENTINEL_2, options or LayerOptions())


def parse_mask(text: str | None, dilate: float = 0.0) -> Mask:
    """A mask of Sentinel-2."""
    return masks.parse_mask(text, dilate, SENTINEL_2)


def variables_of(
    index: str | None = None, expression: str | None = None, bands: tuple[str, ...] = ()
) -> SeriesVariables:
    """The variables of a series of Sentinel-2."""
    return series_variables.variables_of(SENTINEL_2, index, expression, bands)


def nominal_resolution(bands: Iterable[str]) -> float:
    """Nominal pixel size of the finest band of Sentinel-2 in metres."""
    return source_lattice.nominal_resolution(SENTINEL_2, bands)


def image_request(expression: Expression, mask: str | None = "clouds", **options: Any) -> ImageRequest:
    """An image request for Sentinel-2, with the defaults of `ImageRequest`."""
    return ImageRequest(expression=expression, mask=parse_mask(mask), profile=SENTINEL_2, **options)
