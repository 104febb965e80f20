"""Presets: named RGB band combinations, each with the same display range for all images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from scog.collections.bands import BY_NAME


@dataclass(frozen=True, slots=True)
class Preset:
    """A named band combination: the bands shown as red, green and blue, and what they reveal."""

    name: str
    title: str
    bands: tuple[str, str, str]
    description: str

    @property
    def ranges(self) -> tuple[tuple[float, float], ...]:
        """Display range `(low, high)` of each band in reflectance (0 to 255 for `visual`)."""
        return tuple(BY_NAME[band].display_range for band in self.bands)


PRESETS: tuple[Preset, ...] = (
    Preset("true-color", "True colour", ("red", "green", "blue"), "natural colours"),
    Preset("visual", "True colour, ready-made", ("visual_red", "visual_green", "visual_blue"),
           "the 8-bit true-colour image (TCI) that ESA delivers with each scene"),
    Preset("false-color", "False colour (infrared)", ("nir", "red", "green"),
           "vegetation red, water dark, urban areas cyan"),
    Preset("false-color-urban", "False colour (urban)", ("swir22", "swir16", "red"),
           "separates urban areas from bare ground"),
    Preset("agriculture", "Agriculture", ("swir16", "nir", "blue"), "vigorous crops bright green, bare soil magenta"),
    Preset("vegetation", "Healthy vegetation", ("nir", "swir16", "blue"),
           "vegetation orange to red by its water content"),
    Preset("red-edge", "Red edge", ("rededge3", "rededge1", "red"), "vegetation stress before it is visible"),
    Preset("swir", "Shortwave infrared", ("swir22", "nir08", "red"),
           "moisture of soil and vegetation; burn scars brown, fire red"),
    Preset("geology", "Geology", ("swir22", "swir16", "blue"), "separates types of rock and soil"),
    Preset("land-water", "Land and water", ("nir", "swir16", "red"), "sharp shorelines, vegetation orange"),
    Preset("bathymetry", "Bathymetry", ("red", "green", "coastal"), "the bottom of shallow, clear water"),
    Preset("snow-clouds", "Snow and clouds", ("swir16", "nir", "red"), "snow cyan, clouds white"),
    Preset("atmosphere", "Atmospheric penetration", ("swir22", "swir16", "nir08"), "sees through haze and thin smoke"),
)  # fmt: skip

_NORMALIZED: Mapping[str, Preset] = MappingProxyType({preset.name.replace("-", ""): preset for preset in PRESETS})
"""Presets by name without separators."""


def preset_of(name: str) -> Preset | None:
    """The preset with this name, or None. Ignores case, separators and the spelling of colour (`True_Colour`)."""
    normalized = name.lower().replace("colour", "color")
    return _NORMALIZED.get(normalized.replace("-", "").replace("_", "").replace(" ", ""))
