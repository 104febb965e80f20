"""Derives the profile of a collection without one, from its document and a few of its items.

The result says what STAC's own words say, and for each band which words: names, units, display ranges, classes, masks
and renders. Scenes are read by the words of their own items, which may differ.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeGuard

from scog.catalog.asset_bands import (
    MAX_BANDS,
    AssetBand,
    band_descriptions,
    bands_of_asset,
    may_hold_measurements,
    named_bands,
)
from scog.catalog.assets import NO_DATA
from scog.catalog.collection_document import Render, attribution_of, ranges_of, renders_of
from scog.catalog.encodable import encodable
from scog.catalog.raster_url import is_readable
from scog.collections.band import REFLECTANCE, Band, BandClass
from scog.collections.band_names import band_identifier
from scog.collections.mask_source import MaskSource
from scog.collections.presets import Preset, QuantityLayer
from scog.collections.profile import Profile, natural_default
from scog.geo.outline import is_finite

MASKED_WORDS: Mapping[str, tuple[str, ...]] = {
    "clouds": ("cloud", "cirrus", "shadow"),
    "shadow": ("shadow",),
    "snow": ("snow", "ice"),
    "water": ("water",),
}
"""Named sets, and the words in names of classes that belong to them."""
DENIALS = frozenset({"not", "no", "non", "none", "without", "free", "absent", "except", "clear", "confidence"})
"""Words in names of classes that deny the others, as do the ends of `cloudless` and `cloudfree`."""
PALETTE = ("1f77b4", "ff7f0e", "2ca02c", "d62728", "9467bd", "8c564b", "e377c2", "7f7f7f", "bcbd22", "17becf")
"""Colours of classes that have none."""
MAX_CLASSES = 254
MAX_BIT = 63
"""The last bit of the largest integers that files hold."""
MAX_RENDERS = 16


@dataclass(frozen=True)
class Sample:
    """The document of a collection, empty if there is none, and some of its newest items.

    `bases` has a URL for each item, against which the item's relative links are resolved.
    """

    document: Mapping[str, Any]
    items: Sequence[Mapping[str, Any]]
    bases: Sequence[str]


def derive_profile(collection: str, sample: Sample, bands: tuple[Band, ...], generic: Profile) -> Profile:
    """The profile of a collection by its own words.

    `bands` are those of `derived_bands`, perhaps described further by their files. `generic` says what standard names
    mean.
    """
    by_name = {band.name: band for band in bands}
    mask = _mask(bands, sample)
    if mask is not None:
        bands = tuple(_with_mask(band, mask) if band.name == mask.band else band for band in bands)
        by_name = {band.name: band for band in bands}
    elif generic.mask is not None and generic.mask.band in by_name:
        mask = generic.mask
    renders = [each for document in _documents(sample) for each in renders_of(document)][:MAX_RENDERS]
    presets, layers = _shown(renders, by_name, generic)
    profile = Profile(
        name=collection or "stac",
        title=encodable(sample.document.get("title") or collection or "STAC")[:120],
        collections=(collection,),
        bands=bands,
        attribution=attribution_of(sample.document),
        mask=mask,
        default_mask="clouds" if mask is not None and "clouds" in mask.sets else "none",
        presets=presets,
        layers=layers,
        cloud_filter=any("eo:cloud_cover" in _properties(item) for item in sample.items),
        open=True,
        synonyms=generic.names.canonical_names,
        derived=True,
        source="the items' own words",
    )
    return replace(profile, default=natural_default(profile))


def _documents(sample: Sample) -> list[Mapping[str, Any]]:
    """The documents that may have renders."""
    return [sample.document, *sample.items[:1], *map(_properties, sample.items[:1])]


def _properties(item: Mapping[str, Any]) -> Mapping[str, Any]:
    properties = item.get("properties")
    return properties if isinstance(properties, Mapping) else {}


# Bands


def derived_bands(sample: Sample, generic: Profile) -> tuple[Band, ...]:
    """The bands of the items, those with a wavelength first, each under the best of its names."""
    found: dict[str, Band] = {}
    for item in sample.items:
        assets = item.get("assets")
        listed = assets.items() if isinstance(assets, dict) else ()
        readable = {key: each for key, each in listed if is_readable(key, each)}
        measured = {key for key, asset in readable.items() if may_hold_measurements(asset)}
        bands = [
            band for key, asset in readable.items() for band in bands_of_asset(key, asset, band_descriptions(asset))
        ]
        bands = bands[:MAX_BANDS]
        names: dict[tuple[str, int | None], list[str]] = {}
        for name, (band, _) in named_bands(bands, generic.names, measured.__contains__, []).items():
            names.setdefault((band.key, band.number), []).append(name)
        for band in bands:
            own = names.get((band.key, band.number), [])
            # A standard name comes first, so that formulas and indices read the band in the same way.
            standard = [name for name in own if name in generic.by_name][:1]
            own = [*standard, *(name for name in own if name not in standard)]
            if own and own[0] not in found:
                found[own[0]] = _band(own, band, readable[band.key], generic)
    return tuple(sorted(found.values(), key=lambda band: (band.wavelength is None, band.wavelength or 0.0)))


def _band(names: Sequence[str], band: AssetBand, asset: Mapping[str, Any], generic: Profile) -> Band:
    name, words = names[0], {**_asset_words(asset), **band.words}
    like = generic.by_name.get(name)
    classes = _classes(words)
    is_measured = may_hold_measurements(asset)
    written = words.get("unit")
    unit = encodable(written)[:40] if isinstance(written, str) else like.unit if like and is_measured else ""
    shown, source = _display_range(words, like if unit == REFLECTANCE else None)
    wavelength = words.get("center_wavelength", words.get("eo:center_wavelength"))
    title = words.get("description") or words.get("title") or (like.title if like else name)
    how = "common name" if name == _common(band, generic) else "name" if band.name == name else "asset key"
    return Band(
        name=name,
        title=encodable(title)[:80],
        aliases=tuple(names[1:]),
        wavelength=float(wavelength) if _is_number(wavelength) else like.wavelength if like else None,
        resolution=_resolution(words),
        unit=unit,
        display_range=shown,
        classes=classes,
        bits=bool(words.get("classification:bitfields")),
        sources=(f"named by its {how}", *([f"range by {source}"] if source else [])),
        has_default_range=not source,
    )


def _common(band: AssetBand, generic: Profile) -> str:
    return generic.names.canonical_names.get(band.common_name, band.common_name)


def _asset_words(asset: Mapping[str, Any]) -> dict[str, Any]:
    """What an asset says of all its bands."""
    return {
        str(name).removeprefix("raster:"): value
        for name, value in asset.items()
        if ":" in str(name) or not isinstance(value, list)
    }


def _display_range(words: Mapping[str, Any], like: Band | None) -> tuple[tuple[float, float], str]:
    """The display range of a band, and where it is from; empty if nothing tells it."""
    scale = words.get("scale") if _is_number(words.get("scale")) else None
    if like is not None and scale is not None:
        return like.display_range, "the usual reflectance of land"
    statistics = words.get("statistics")
    if isinstance(statistics, Mapping):
        ends = ranges_of([statistics.get("minimum"), statistics.get("maximum")])
        if ends:
            offset = words.get("offset") if _is_number(words.get("offset")) else 0.0
            low, high = sorted(each * (1.0 if scale is None else scale) + (offset or 0.0) for each in ends[0])
            if math.isfinite(high - low) and low < high:
                return (low, high), "the item's statistics"
    if words.get("data_type") == "uint8" and scale is None:
        return (0.0, 255.0), "the item's data type"
    return ((0.0, 1.0), "") if like is None else (like.display_range, "")


def _is_number(value: object) -> TypeGuard[float]:
    return is_finite(value)


def _resolution(words: Mapping[str, Any]) -> float | None:
    for name in ("spatial_resolution", "gsd"):
        value = words.get(name)
        if _is_number(value) and value > 0:
            return float(value)
    return None


# Classes and masks


def _classes(words: Mapping[str, Any]) -> tuple[BandClass, ...]:
    """The classes of `classification:classes`. Those that do not conform are left out."""
    listed = words.get("classification:classes")
    classes = []
    for number, each in enumerate(listed[:MAX_CLASSES] if isinstance(listed, list) else ()):
        if isinstance(each, Mapping) and _is_integer(each.get("value"), -(2**31), 2**32):
            name = encodable(each.get("title") or each.get("description") or each.get("name") or each["value"])[:60]
            classes.append(BandClass(each["value"], name, _color(each, number)))
    return tuple(classes)


def _color(each: Mapping[str, Any], number: int) -> tuple[int, int, int]:
    hint = str(each.get("color_hint", each.get("color-hint", "")))
    text = hint if re.fullmatch(r"[0-9a-fA-F]{6}", hint) else PALETTE[number % len(PALETTE)]
    red, green, blue = bytes.fromhex(text)
    return red, green, blue


def _is_integer(value: object, start: int, stop: int) -> TypeGuard[int]:
    return type(value) is int and start <= value < stop


def _mask(bands: Sequence[Band], sample: Sample) -> MaskSource | None:
    """The mask of the first band whose classes or bits name clouds; None if there is none."""
    for band in bands:
        if not band.discrete:
            continue
        numbered = [(band_identifier(each.name), each.value) for each in band.classes] or _bits(band, sample)
        sets = _sets(numbered)
        if "clouds" in sets:
            counts = Counter(name for name, _ in numbered)
            shared = {
                name: frozenset(number for each, number in numbered if each == name)
                for name, count in counts.items()
                if count > 1
            }
            return MaskSource(
                band.name,
                bits=not band.classes,
                names={name if counts[name] == 1 else f"{name}_{number}": number for name, number in numbered},
                invalid=frozenset(number for name, number in numbered if NO_DATA.search(name)),
                sets={**shared, **sets},
                guessed=True,
            )
    return None


def _with_mask(band: Band, mask: MaskSource) -> Band:
    """The band of a mask, whose sources tell which numbers belong to which set."""
    kind = "bits" if mask.bits else "classes"
    told = (f"{name}: {kind} {', '.join(map(str, sorted(numbers)))} by name" for name, numbers in mask.sets.items())
    return replace(band, sources=(*band.sources, *told))


def _sets(numbered: Sequence[tuple[str, int]]) -> dict[str, frozenset[int]]:
    """Named sets by the words in names of classes; a class that denies a word (`clear`, `cloud_free`) is not in it."""
    sets = {
        name: frozenset(number for each, number in numbered if _has(each, words))
        for name, words in MASKED_WORDS.items()
    }
    return {name: numbers for name, numbers in sets.items() if numbers}


def _has(name: str, words: Sequence[str]) -> bool:
    parts = name.replace("no_data", "nodata").split("_")
    if DENIALS & set(parts) or any(part.endswith(("less", "free")) for part in parts):
        return False
    return any(part.startswith(word) for part in parts for word in words)


def _bits(band: Band, sample: Sample) -> list[tuple[str, int]]:
    """Name and number of each bit, for the bit fields of length 1."""
    for item in sample.items:
        assets = item.get("assets")
        for key, asset in assets.items() if isinstance(assets, dict) else ():
            if not isinstance(asset, dict):
                continue
            for each in bands_of_asset(key, asset, band_descriptions(asset)):
                fields = each.words.get("classification:bitfields", asset.get("classification:bitfields"))
                if isinstance(fields, list) and {band_identifier(key), each.name} & {band.name, *band.aliases}:
                    return [
                        (band_identifier(encodable(words[0] if words else field["offset"])[:60]), field["offset"])
                        for field in fields[: MAX_BIT + 1]
                        if isinstance(field, Mapping)
                        and _is_integer(field.get("offset"), 0, MAX_BIT + 1)
                        and _is_integer(field.get("length"), 1, 2)
                        for words in [[word for word in map(field.get, ("name", "description")) if word]]
                    ]
    return []


# What is shown


def _shown(
    renders: Sequence[Render], bands: Mapping[str, Band], generic: Profile
) -> tuple[tuple[Preset, ...], tuple[QuantityLayer, ...]]:
    """Presets and layers: the renders of one or three bands, and the generic presets whose bands exist."""
    presets: dict[str, Preset] = {}
    layers: dict[str, QuantityLayer] = {}
    by_alias = {alias: band for band in bands.values() for alias in (*band.aliases, band.name)}
    for render in renders:
        # Names stay as written: by its key, each item may have another band.
        known = [name for name in map(band_identifier, render.assets) if name in by_alias]
        if len(known) != len(render.assets) or len(known) not in (1, 3):
            continue
        ranges = render.ranges * len(known) if len(render.ranges) == 1 else render.ranges
        shown = ranges if len(ranges) == len(known) else tuple(by_alias[name].display_range for name in known)
        if len(known) == 3:
            presets[render.name] = Preset(render.name, render.title, (known[0], known[1], known[2]), "", shown)
        else:
            layers[render.name] = QuantityLayer(render.name, render.title, known[0], shown[0], render.colormap.lower())
    for preset in generic.presets:
        if all(name in bands for name in preset.bands):
            presets.setdefault(preset.name, replace(preset, ranges=()))
    return tuple(presets.values()), tuple(layers.values())
