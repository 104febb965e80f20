"""Profiles: what a collection is. Its bands, units, masks and presets, and how its scenes belong together."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType

from scog.collections.band import Band
from scog.collections.band_names import BandNames
from scog.collections.mask_source import MaskSource
from scog.collections.presets import Preset, QuantityLayer, normalized
from scog.collections.reflectance_offset import Kind
from scog.collections.scene_keys import STANDARD, SceneKeys


@dataclass(frozen=True, eq=False)
class Profile:
    """One collection, or several that answer as one (see `scog.collections.joint`).

    name          of the profile
    title         display name
    collections   ids of the collections that it describes
    catalogs      parts of catalogue URLs in which it applies; empty for all
    bands         all bands: by wavelength, then those without one
    mask          where masks come from; None if the collection has none
    default_mask  `mask` of a request without one
    default       name of the index, layer or preset that is drawn by default
    offset_rule   kind of the reflectance offset rule (`scog.collections.reflectance_offset`); None for none
    period_days   length of the default period in days; None for the setting's
    static        whether scenes have no meaningful time, such as those of an elevation model
    cloud_filter  whether items are filtered by their cloud cover
    open          whether items may name other bands
    derived       whether it is derived from a collection's document and items, so that it may change
    georeferenced whether all files have a CRS and a transform of their own, so that the items' need not be parsed
    unread_assets keys of assets that need not be requested from a catalogue
    unread_members members of assets that need not be requested
    source        where the profile comes from, for `/collections`
    provisional   why the profile is not what it should be, and will soon be replaced; empty if it is
    members       profile by collection, for a profile of several
    """

    name: str
    title: str
    collections: tuple[str, ...]
    bands: tuple[Band, ...]
    catalogs: tuple[str, ...] = ()
    attribution: str = ""
    mask: MaskSource | None = None
    default_mask: str = "none"
    default: str = ""
    presets: tuple[Preset, ...] = ()
    layers: tuple[QuantityLayer, ...] = ()
    scene_keys: SceneKeys = STANDARD
    offset_rule: Kind | None = None
    period_days: int | None = None
    static: bool = False
    cloud_filter: bool = True
    open: bool = False
    derived: bool = False
    georeferenced: bool = False
    unread_assets: tuple[str, ...] = ()
    unread_members: tuple[str, ...] = ()
    source: str = ""
    provisional: str = ""
    digest: str = ""
    """Of the document that it was read from."""
    synonyms: Mapping[str, str] | None = None
    """Canonical name by name in lower case, if the aliases of bands are names that items give them: formulas keep
    these as written, since each item may give them another meaning. None if aliases mean the band in every item."""
    ambiguous: Mapping[str, str] = field(default_factory=dict)
    members: Mapping[str, Profile] = field(default_factory=dict)

    @cached_property
    def by_name(self) -> Mapping[str, Band]:
        """Bands by canonical name."""
        return MappingProxyType({band.name: band for band in self.bands})

    @cached_property
    def by_asset(self) -> Mapping[str, tuple[Band, ...]]:
        """Bands by the key of an asset that may hold them."""
        keys = dict.fromkeys(key for band in self.bands for key in band.assets)
        return MappingProxyType({key: tuple(band for band in self.bands if key in band.assets) for key in keys})

    @cached_property
    def by_key(self) -> Mapping[str, tuple[Band, ...]]:
        """Bands by names of an asset in lower case: keys in any case, and the aliases of bands with an asset."""
        bands = [band for band in self.bands if band.assets]
        keys = {key.lower(): each for key, each in self.by_asset.items()}
        whole = [band for band in bands if band.number is None]
        return MappingProxyType({alias.lower(): (band,) for band in whole for alias in band.aliases} | keys)

    def bands_in(self, key: str) -> tuple[Band, ...]:
        """The bands that the asset of a key holds: by the exact key, else in any case, else by an alias (`B4`)."""
        return self.by_asset.get(key) or self.by_key.get(key.lower(), ())

    @cached_property
    def names(self) -> BandNames:
        """The band names that formulas may use."""
        aliases: Mapping[str, str] = {alias.lower(): band.name for band in self.bands for alias in band.aliases}
        discrete = {band.name for band in self.bands if band.discrete}
        if self.synonyms is not None:
            aliases = self.synonyms
            discrete |= {alias for band in self.bands if band.discrete for alias in band.aliases}
        shown = [band.name for band in self.bands if not band.name.startswith("visual_")]
        examples = [band.aliases[0] for band in self.bands if band.spectral and band.aliases]
        valid = f"one of {', '.join(shown)}" if shown else "names of bands"
        if examples:
            valid += f", or a code such as {examples[0]} or {examples[-1]}"
        return BandNames(
            canonical_names={**aliases} | {band.name.lower(): band.name for band in self.bands},
            suggestions=(*self.by_name, *(band.aliases[0] for band in self.bands if band.spectral and band.aliases)),
            valid=valid,
            discrete=frozenset(discrete),
            ambiguous=self.ambiguous,
            open=self.open,
        )

    def has_bands(self, names: Collection[str]) -> bool:
        """Whether all bands exist, by canonical name or alias."""
        return all(self.names.canonical_names.get(name, name) in self._listed for name in names)

    @cached_property
    def _listed(self) -> Mapping[str, Band]:
        """Bands by name and alias in lower case, if that is not ambiguous."""
        aliases = {alias.lower(): band for band in reversed(self.bands) for alias in band.aliases}
        return aliases | dict(self.by_name)

    def band(self, name: str) -> Band:
        """The band of a canonical name; one without properties if an item names it."""
        return self.find_band(name) or Band(name, name)

    def find_band(self, name: str) -> Band | None:
        """The band of a name as formulas write it; None if only items may tell."""
        known = self.by_name.get(name)
        if known is None and self.synonyms is not None and name in self._listed:
            known = replace(self._listed[name], name=name)
        return known

    def preset(self, name: str) -> Preset | None:
        """The preset with this name, or None. Ignores case, separators and the spelling of colour."""
        wanted = normalized(name)
        return next((preset for preset in self.presets if normalized(preset.name) == wanted), None)

    def layer(self, name: str) -> QuantityLayer | None:
        """The quantity with this name, or None. Ignores case, separators and the spelling of colour."""
        wanted = normalized(name)
        return next((layer for layer in self.layers if normalized(layer.name) == wanted), None)

    def ranges(self, preset: Preset) -> tuple[tuple[float, float], ...]:
        """Display range of each band of a preset."""
        return preset.ranges or tuple(self.band(name).display_range for name in preset.bands)

    def member(self, collection: str) -> Profile:
        """The profile of one of the collections."""
        return self.members.get(collection, self)

    @property
    def is_unknown(self) -> bool:
        """Whether neither a profile nor its items say what one of the collections is."""
        members = tuple(self.members.values()) or (self,)
        return any(member.open and not member.collections for member in members)

    @property
    def may_change(self) -> bool:
        """Whether names, masks and colours are those of a collection's words, rather than of a profile."""
        return self.derived or self.is_unknown

    def fit(self, asset_keys: Collection[str]) -> int:
        """Number of bands whose first asset key is among the keys of an item's assets."""
        return sum(1 for band in self.bands if band.assets and band.assets[0] in asset_keys)

    def last_number(self, band: Band) -> int:
        """The highest band number in the assets of a band."""
        return max(each.number or 1 for key in band.assets for each in self.by_asset[key])

    def holds_any(self, asset_keys: Collection[str]) -> bool:
        """Whether any of an item's assets holds a band of this profile."""
        return any(self.bands_in(key) for key in asset_keys)


def natural_default(profile: Profile) -> str:
    """The layer drawn by default if nothing names one, NDVI if there is none."""
    return next(natural_defaults(profile), "ndvi")


def natural_defaults(profile: Profile) -> Iterator[str]:
    """The layers that may be drawn by default if nothing names one, the best first.

    The first quantity, a preset with ranges of its own, NDVI, a preset, classes, or the first band.
    """
    yield from (layer.name for layer in profile.layers[:1])
    yield from (preset.name for preset in profile.presets[:1] if preset.ranges)
    names = profile.by_name
    if "red" in names and ("nir" in names or "nir08" in names) and names["red"].spectral:
        yield "ndvi"
    masking = "" if profile.mask is None else profile.mask.band
    yield from (preset.name for preset in profile.presets)
    yield from (band.name for band in profile.bands if band.classes and band.name != masking)
    yield from names
    yield from (layer.name for layer in profile.layers[1:])
