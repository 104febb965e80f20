"""Whether a profile can be drawn: its presets, quantities, default layer and default mask."""

from __future__ import annotations

from scog.bandmath.indices import INDICES
from scog.collections.profile import Profile
from scog.composite.mask import parse_mask
from scog.errors import InvalidInput
from scog.render.layer import named_layer


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


def _invalid(profile: Profile, what: str, error: InvalidInput) -> InvalidInput:
    return InvalidInput(f"{profile.source}: {what}: {error}", parameter="collections", valid=error.valid)
