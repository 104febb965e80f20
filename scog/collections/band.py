"""A band of a collection, and the classes of a band that holds class numbers."""

from __future__ import annotations

from dataclasses import dataclass

REFLECTANCE = "reflectance"
"""Unit of bands whose values formulas floor at 0."""


@dataclass(frozen=True, slots=True)
class BandClass:
    """One class of a band: pixel value, name and colour `(red, green, blue)`."""

    value: int
    name: str
    color: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Band:
    """One band.

    name           canonical name, such as `red`; a STAC common name where there is one
    title          display name
    aliases        other names, such as `B04`
    assets         keys of the asset that holds the band; the first that an item has is used; none if only the item's
                   own words tell
    number         band number in the file, from 1; None if the file should have a single band
    wavelength     central wavelength in micrometres; None if it has none
    resolution     nominal pixel size in metres; None if it varies
    unit           of the values: `reflectance`, `K`, `m`, ...; empty if they have none
    scale, offset  value = stored number x scale + offset; None: as the item says, else the file's tags
    nodata         stored number without data; None: as the item or the file says
    display_range  default display range: the values drawn black and white, the same for all images
    classes        the classes, if the band holds class numbers
    """

    name: str
    title: str
    aliases: tuple[str, ...] = ()
    assets: tuple[str, ...] = ()
    number: int | None = None
    wavelength: float | None = None
    resolution: float | None = None
    unit: str = ""
    scale: float | None = None
    offset: float | None = None
    nodata: float | None = None
    display_range: tuple[float, float] = (0.0, 1.0)
    classes: tuple[BandClass, ...] = ()
    bits: bool = False
    """Whether values are bit fields."""
    sources: tuple[str, ...] = ()
    """Where name and display range are from, if not from the profile."""
    has_default_range: bool = False
    """Whether nothing tells the display range."""
    ignores_nodata: bool = False
    """Whether every stored number is a value, although item and file may call one nodata."""

    @property
    def spectral(self) -> bool:
        """Whether the band holds reflectance."""
        return self.unit == REFLECTANCE

    @property
    def discrete(self) -> bool:
        """Whether values are class numbers or bit fields, which must not be interpolated."""
        return bool(self.classes) or self.bits
