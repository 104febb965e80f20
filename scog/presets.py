"""Presets: three bands that together show something, with one stretch for all pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from scog.bands import BY_NAME


@dataclass(frozen=True, slots=True)
class Preset:
    """A picture by name: the bands that become red, green and blue, and what one sees."""

    name: str
    title: str
    bands: tuple[str, str, str]
    description: str

    @property
    def ranges(self) -> tuple[tuple[float, float], ...]:
        """Values of black and white for each band."""
        return tuple(BY_NAME[band].shown for band in self.bands)


PRESETS: tuple[Preset, ...] = (
    Preset("true-color", "True colour", ("red", "green", "blue"), "as the eye would see it"),
    Preset("visual", "True colour, ready-made", ("visual_red", "visual_green", "visual_blue"),
           "the 8-bit picture that ESA delivers with each scene"),
    Preset("false-color", "False colour (infrared)", ("nir", "red", "green"), "plants red, water dark, towns cyan"),
    Preset("false-color-urban", "False colour (urban)", ("swir22", "swir16", "red"), "towns and bare ground apart"),
    Preset("agriculture", "Agriculture", ("swir16", "nir", "blue"), "vigorous crops bright green, bare soil magenta"),
    Preset("vegetation", "Healthy vegetation", ("nir", "swir16", "blue"), "plants orange and red by their water"),
    Preset("red-edge", "Red edge", ("rededge3", "rededge1", "red"), "stress of plants before the eye sees it"),
    Preset("swir", "Shortwave infrared", ("swir22", "nir08", "red"), "water in soil and plants; burns brown, fire red"),
    Preset("geology", "Geology", ("swir22", "swir16", "blue"), "kinds of rock and soil apart"),
    Preset("land-water", "Land and water", ("nir", "swir16", "red"), "a sharp shore, plants orange"),
    Preset("bathymetry", "Bathymetry", ("red", "green", "coastal"), "the bottom of shallow, clear water"),
    Preset("snow-clouds", "Snow and clouds", ("swir16", "nir", "red"), "snow cyan, clouds white"),
    Preset("atmosphere", "Atmospheric penetration", ("swir22", "swir16", "nir08"), "through haze and thin smoke"),
)  # fmt: skip

_BY_PLAIN_NAME: Mapping[str, Preset] = MappingProxyType({preset.name.replace("-", ""): preset for preset in PRESETS})


def preset_of(name: str) -> Preset | None:
    """The preset of a name, however its words are joined and colour is spelled (`True_Colour`); None if none is."""
    plain = name.lower().replace("colour", "color")
    return _BY_PLAIN_NAME.get(plain.replace("-", "").replace("_", "").replace(" ", ""))
