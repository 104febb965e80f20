"""The bands of Sentinel-2 Level-2A, with their canonical names and aliases.

The canonical name is the asset key that Earth Search uses (`red`). Aliases are ESA's band codes in any case, with or
without the leading zero (`B04`, `b04`, `B4`).
Wavelengths and resolutions: https://sentiwiki.copernicus.eu/web/s2-mission, rounded as in Earth Search's items.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from scog.errors import InvalidInput
from scog.suggest import did_you_mean, quoted


@dataclass(frozen=True, slots=True)
class Band:
    """One band.

    name        canonical name, such as `red`
    code        ESA's band code, such as `B04`
    title       display name
    wavelength  central wavelength in micrometres; None for derived products (SCL, AOT, WVP, TCI)
    resolution  native pixel size in metres
    shown       default display range: the values drawn black and white, the same for all images
    file        key of the asset that holds the band, if it differs from `name`
    number      band number in the file, from 1
    """

    name: str
    code: str
    title: str
    wavelength: float | None
    resolution: int
    display_range: tuple[float, float]
    file: str | None = None
    number: int = 1

    @property
    def spectral(self) -> bool:
        """Whether the band holds reflectance (False for SCL, AOT, WVP and TCI)."""
        return self.wavelength is not None

    @property
    def asset(self) -> str:
        """Key of the asset that holds the band."""
        return self.file or self.name

    @property
    def aliases(self) -> tuple[str, ...]:
        """Other names of the band: `("B04", "B4")`."""
        short = self.code.replace("B0", "B")
        return (self.code,) if short == self.code else (self.code, short)


BANDS: tuple[Band, ...] = (
    Band("coastal", "B01", "Coastal aerosol", 0.443, 60, (0.0, 0.3)),
    Band("blue", "B02", "Blue", 0.490, 10, (0.0, 0.3)),
    Band("green", "B03", "Green", 0.560, 10, (0.0, 0.3)),
    Band("red", "B04", "Red", 0.665, 10, (0.0, 0.3)),
    Band("rededge1", "B05", "Red edge 1", 0.704, 20, (0.0, 0.4)),
    Band("rededge2", "B06", "Red edge 2", 0.740, 20, (0.0, 0.5)),
    Band("rededge3", "B07", "Red edge 3", 0.783, 20, (0.0, 0.5)),
    Band("nir", "B08", "Near infrared", 0.842, 10, (0.0, 0.5)),
    Band("nir08", "B8A", "Near infrared, narrow", 0.865, 20, (0.0, 0.5)),
    Band("nir09", "B09", "Water vapour absorption", 0.945, 60, (0.0, 0.5)),
    Band("swir16", "B11", "Shortwave infrared 1.6 µm", 1.610, 20, (0.0, 0.5)),
    Band("swir22", "B12", "Shortwave infrared 2.2 µm", 2.190, 20, (0.0, 0.4)),
    Band("aot", "AOT", "Aerosol optical thickness", None, 20, (0.0, 0.5)),
    Band("wvp", "WVP", "Water vapour column in cm", None, 20, (0.0, 5.0)),
    Band("scl", "SCL", "Scene classification", None, 20, (0.0, 11.0)),
    Band("visual_red", "TCI_R", "Red of the ready-made true-colour image", None, 10, (0, 255), "visual", 1),
    Band("visual_green", "TCI_G", "Green of the ready-made true-colour image", None, 10, (0, 255), "visual", 2),
    Band("visual_blue", "TCI_B", "Blue of the ready-made true-colour image", None, 10, (0, 255), "visual", 3),
)
"""All bands by wavelength; bands without reflectance come last.

The display ranges follow the reflectance of land: rarely above 0.3 in visible light, about 0.5 for leaves in the near
infrared.
"""

BY_NAME: Mapping[str, Band] = MappingProxyType({band.name: band for band in BANDS})
"""Bands by canonical name."""

CANONICAL: Mapping[str, str] = MappingProxyType(
    {name.lower(): band.name for band in BANDS for name in (band.name, *band.aliases)}
)
"""Canonical names by name or alias, in lower case."""

IN_ASSET: Mapping[str, tuple[Band, ...]] = MappingProxyType(
    {
        asset: tuple(band for band in BANDS if band.asset == asset)
        for asset in dict.fromkeys(band.asset for band in BANDS)
    }
)
"""Bands by the key of the asset that holds them."""

SPELLINGS: tuple[str, ...] = (*BY_NAME, *(band.code for band in BANDS if band.spectral))
"""Names that an error message may suggest."""

VALID_NAMES = f"one of {', '.join(band.name for band in BANDS if not band.file)}, or a code such as B04 or B8A"
"""The valid names, as text for an error's `valid`."""


def canonical(name: str) -> str:
    """Canonical name of a band, from its name or an alias in any case.

    Raises InvalidInput for an unknown name; the message suggests similar names.
    """
    try:
        return CANONICAL[name.lower()]
    except KeyError:
        message = f"there is no band {quoted(name)}{did_you_mean(name, SPELLINGS)}"
        raise InvalidInput(message, parameter="bands", valid=VALID_NAMES) from None
