"""Whether a profile can be drawn: its presets, quantities, default layer and default mask.

A written profile must be; of a derived one, what cannot be drawn is left out.
"""

from __future__ import annotations

from dataclasses import replace

from scog.bandmath.indices import INDICES
from scog.collections.presets import QuantityLayer
from scog.collections.profile import Profile, natural_defaults
from scog.composite.mask import parse_mask
from scog.errors import InvalidInput
from scog.render.colormap import color_table
from scog.render.layer import named_layer

DEFAULT_COLORMAP = "viridis"
"""Colormap of derived quantities whose own is unknown."""


def check_profile(profile: Profile) -> None:
    """Raise InvalidInput, with the profile's source, for a preset, quantity or default that cannot be drawn."""
    for layer in profile.layers:
        if layer.name.lower() in INDICES:
            message = f"{profile.source}: layers: {layer.name} is the name of an index."
            raise InvalidInput(message, parameter="collections", valid="another name, which hides no index")
    for name in (*(each.name for each in profile.presets), *(each.name for each in profile.layers), profile.default):
        try:
            named_layer(profile, name)
        except InvalidInput as error:
            raise _invalid(profile, name, error) from None
    try:
        parse_mask(None, 0.0, profile)
    except InvalidInput as error:
        raise _invalid(profile, "default_mask", error) from None


def drawable(profile: Profile) -> Profile:
    """A derived profile with the presets, quantities and default layer that can be drawn, in known colours."""
    profile = replace(profile, layers=tuple(map(_known_colors, profile.layers)))
    profile = replace(
        profile,
        layers=tuple(layer for layer in profile.layers if _is_drawn(profile, layer.name)),
        presets=tuple(preset for preset in profile.presets if _is_drawn(profile, preset.name)),
    )
    default = next((name for name in natural_defaults(profile) if _is_drawn(profile, name)), profile.default)
    return replace(profile, default=default)


def _known_colors(layer: QuantityLayer) -> QuantityLayer:
    try:
        color_table(layer.colormap)
    except InvalidInput:
        return replace(layer, colormap=DEFAULT_COLORMAP)
    return layer


def _is_drawn(profile: Profile, name: str) -> bool:
    is_hiding = profile.layer(name) is not None and name.lower() in INDICES
    try:
        named_layer(profile, name)
    except InvalidInput:
        return False
    return not is_hiding


def _invalid(profile: Profile, what: str, error: InvalidInput) -> InvalidInput:
    return InvalidInput(f"{profile.source}: {what}: {error}", parameter="collections", valid=error.valid)
