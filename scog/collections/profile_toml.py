"""Reads a profile from TOML. `docs/guide/collections.md` describes the keys."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import TypeVar, get_args

from scog.collections.band import REFLECTANCE, Band, BandClass
from scog.collections.band_names import band_identifier
from scog.collections.mask_source import MaskSource
from scog.collections.presets import Preset, QuantityLayer, normalized
from scog.collections.profile import Profile, natural_default
from scog.collections.reflectance_offset import Kind
from scog.collections.scene_keys import STANDARD, PropertyPart, SceneKeys
from scog.collections.toml_table import REQUIRED, Table
from scog.errors import InvalidInput
from scog.suggest import did_you_mean, quoted

TRANSFORMS = ("decibel",)
"""What may be applied to composited values before they are shown."""
SURFACES = ("hillshade", "slope")
"""What may be derived from the neighbourhood of each pixel."""
LAST_BIT = 63
"""Number of the most significant bit that a pixel may have."""
LAST_CLASS = 2**32 - 1
"""The greatest class number."""

T = TypeVar("T")
Named = TypeVar("Named", Band, Preset, QuantityLayer)


def parse_profile(text: str, source: str, base_of: Callable[[str], Profile | None] = lambda name: None) -> Profile:
    """The profile of a TOML document.

    `source` names the document in error messages and in `/collections`. `base_of` finds the profile that the document
    extends, by name. Raises InvalidInput, which says where the document is wrong and what would be valid.
    """
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidInput(f"{source} is not TOML: {error}.", parameter="collections", valid="a TOML file") from None
    table = Table(document, source, "")
    extended = table.text("extends")
    base = base_of(extended) if extended else None
    if extended and base is None:
        raise table.invalid("extends", f"there is no profile {quoted(extended)}", "the name of a profile of scog")
    profile = _profile(table, base)
    table.close()
    digest = blake2b(text.encode(), digest_size=8).hexdigest()
    return replace(profile, default=profile.default or natural_default(profile), digest=digest)


def is_profile(text: str) -> bool:
    """Whether a TOML document is meant to be a profile: it has bands, or extends a profile. True if it is no TOML."""
    try:
        return not {"bands", "extends"}.isdisjoint(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, RecursionError):
        return True


def _profile(table: Table, base: Profile | None) -> Profile:
    """The profile of a document. Keys that it does not have are those of `base`, and its bands are added to them."""
    new = Profile("", "", (), ()) if base is None else base
    name = table.text("name", REQUIRED)
    bands = _bands(table, new.bands)
    mask_table, scenes = table.subtable("mask"), table.subtable("scenes")
    mask = new.mask
    if mask_table is not None:
        mask = _closed(mask_table, lambda each: _mask(each, [band.name for band in bands]))
    return replace(
        new,
        name=name,
        title=table.text("title", name),
        collections=table.texts("collections") if "collections" in table else (name,),
        catalogs=table.texts("catalogs"),
        attribution=table.text("attribution", new.attribution),
        bands=bands,
        mask=mask,
        default_mask=_default_mask(table, new.default_mask, mask),
        default=table.text("default", new.default),
        presets=_added(table, "presets", new.presets, _preset),
        layers=_added(table, "layers", new.layers, _layer),
        scene_keys=new.scene_keys if scenes is None else _closed(scenes, _scene_keys),
        offset_rule=_offset_rule(table, new.offset_rule),
        period_days=_period_days(table, new.period_days),
        static=table.flag("static", new.static),
        cloud_filter=table.flag("cloud_filter", new.cloud_filter),
        open=table.flag("open", new.open),
        georeferenced=table.flag("georeferenced", new.georeferenced),
        unread_assets=table.texts("unread_assets") or new.unread_assets,
        unread_members=table.texts("unread_members") or new.unread_members,
        source=table.source,
    )


def _default_mask(table: Table, inherited: str, mask: MaskSource | None) -> str:
    """The default mask. A name must be one of the mask's; classes and formulas are checked when they are used."""
    text = table.text("default_mask", inherited)
    if text != "none" and re.fullmatch(r"[^\W\d][\w-]*", text) and (mask is None or mask.numbers_of(text) is None):
        valid = ("none", *(() if mask is None else {**mask.sets, **mask.names}))
        raise table.invalid(
            "default_mask", f"there is no mask {quoted(text)}{did_you_mean(text, valid)}", ", ".join(valid)
        )
    return text


def _period_days(table: Table, inherited: int | None) -> int | None:
    days = table.integer("period_days", inherited)
    if days is not None and days < 1:
        raise table.invalid("period_days", f"{days} days have no scenes", "an integer from 1")
    return days


def _offset_rule(table: Table, inherited: Kind | None) -> Kind | None:
    name = table.choice("offset_rule", get_args(Kind))
    return next((kind for kind in get_args(Kind) if kind == name), inherited)


def _bands(table: Table, inherited: Sequence[Band]) -> tuple[Band, ...]:
    """The inherited bands, with those of the document added, and the asset keys of its table `assets`."""
    bands = _added(table, "bands", inherited, _band, spelled=str)
    names = [name for band in bands for name in {each.lower() for each in (band.name, *band.aliases)}]
    doubled = next((name for name in names if names.count(name) > 1), None)
    if doubled is not None:
        raise table.invalid("bands", f"{quoted(doubled)} names two bands", "different names and aliases")
    keys = table.subtable("assets")
    if keys is None:
        return bands
    by_band = {name: keys.texts(name) for name, _ in keys.items()}
    unknown = by_band.keys() - {band.name for band in bands}
    if unknown:
        name = min(unknown)
        raise keys.invalid(name, f"there is no such band{did_you_mean(name, names)}", "names of bands")
    return tuple(replace(band, assets=by_band.get(band.name, band.assets)) for band in bands)


def _added(
    table: Table,
    key: str,
    inherited: Sequence[Named],
    build: Callable[[Table], Named],
    spelled: Callable[[str], str] = normalized,
) -> tuple[Named, ...]:
    """The inherited ones and those of the document, which take the place of inherited ones with equal names.

    Names are equal if they are when `spelled`.
    """
    added: dict[str, Named] = {}
    for each in table.tables(key):
        new = _closed(each, build)
        if spelled(new.name) in added:
            raise table.invalid(key, f"{quoted(new.name)} names two {key}", "different names")
        added[spelled(new.name)] = new
    return tuple(({spelled(each.name): each for each in inherited} | added).values())


def _closed(table: Table, build: Callable[[Table], T]) -> T:
    """`build(table)`. Raises InvalidInput if that does not read all keys."""
    built = build(table)
    table.close()
    return built


def _band(table: Table) -> Band:
    name = table.text("name", REQUIRED)
    if band_identifier(name) != name:
        valid = "lower-case letters, digits and _, not starting with a digit"
        raise table.invalid("name", f"{quoted(name)} cannot be written in a formula", valid)
    number = table.integer("number")
    if number is not None and number < 1:
        raise table.invalid("number", f"there is no band {number}", "1 for the first band of the file")
    scale, offset = table.number("scale"), table.number("offset")
    if scale == 0:
        raise table.invalid("scale", "all values would be 0", "a number other than 0")
    ignores_nodata = table.is_text("nodata", "none")
    if offset is not None and scale is None:
        raise table.invalid("offset", "has no scale", "both scale and offset, or scale alone")
    return Band(
        name=name,
        title=table.text("title", name),
        aliases=table.texts("aliases"),
        assets=table.texts("asset") if "asset" in table else (name,),
        number=number,
        wavelength=table.number("wavelength"),
        resolution=table.number("resolution"),
        unit=_unit(table),
        scale=scale,
        offset=table.number("offset"),
        nodata=None if ignores_nodata else table.number("nodata"),
        ignores_nodata=ignores_nodata,
        display_range=table.range("range"),
        classes=tuple(_closed(each, _class) for each in table.tables("classes")),
        bits=table.flag("bits", False),
    )


def _unit(table: Table) -> str:
    unit = table.text("unit")
    if unit != REFLECTANCE and unit.lower() in (REFLECTANCE, "reflectances"):
        raise table.invalid("unit", f"{quoted(unit)} is not {REFLECTANCE}", f"{REFLECTANCE}, in lower case")
    return unit


def _class(table: Table) -> BandClass:
    value = table.integer("value", REQUIRED)
    color = table.text("color", "#808080")
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", color):
        raise table.invalid("color", f"{quoted(color)} is not a colour", "such as #64c8ff")
    red, green, blue = bytes.fromhex(color[1:])
    return BandClass(value or 0, table.text("name", REQUIRED), (red, green, blue))


def _mask(table: Table, bands: Collection[str]) -> MaskSource:
    band = table.text("band", REQUIRED)
    if band not in bands:
        raise table.invalid("band", f"there is no band {quoted(band)}{did_you_mean(band, bands)}", "one of the bands")
    bits = table.flag("bits", False)
    last = LAST_BIT if bits else LAST_CLASS
    names_table, sets_table = table.subtable("names"), table.subtable("sets")
    names = (
        {}
        if names_table is None
        else {key: _integer(names_table, key, each, last) for key, each in names_table.items()}
    )
    sets = (
        {}
        if sets_table is None
        else {key: _numbers(sets_table, key, each, names, last) for key, each in sets_table.items()}
    )
    return MaskSource(
        band=band,
        bits=bits,
        names=names,
        invalid=_numbers(table, "invalid", table.list("invalid"), names, last),
        invalid_values=_numbers(table, "invalid_values", table.list("invalid_values"), {}, LAST_CLASS),
        sets=sets,
    )


def _integer(table: Table, key: str, value: object, last: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= last:
        raise table.invalid(key, f"{quoted(str(value))} is not a class or bit", f"an integer from 0 to {last}")
    return value


def _numbers(table: Table, key: str, entries: object, names: Mapping[str, int], last: int) -> frozenset[int]:
    """Numbers, up to `last`, of a list of numbers and names."""
    if not isinstance(entries, list):
        raise table.invalid(key, "not a list", "a list of numbers or names")
    unknown = next((each for each in entries if isinstance(each, str) and each not in names), None)
    if unknown is not None:
        valid = "names of mask.names" if names else f"an integer from 0 to {last}"
        raise table.invalid(key, f"there is no {quoted(unknown)}{did_you_mean(unknown, names)}", valid)
    return frozenset(names[each] if isinstance(each, str) else _integer(table, key, each, last) for each in entries)


def _preset(table: Table) -> Preset:
    bands = table.texts("bands")
    if len(bands) != 3:
        raise table.invalid("bands", f"has {len(bands)} bands", "three bands or formulas")
    ranges = table.pairs("ranges")
    if len(ranges) not in (0, 1, 3):
        raise table.invalid("ranges", f"has {len(ranges)} ranges", "one range, or one for each of the three bands")
    name = table.text("name", REQUIRED)
    return Preset(
        name=name,
        title=table.text("title", name),
        bands=(bands[0], bands[1], bands[2]),
        description=table.text("description"),
        ranges=ranges * 3 if len(ranges) == 1 else ranges,
        transform=table.choice("transform", TRANSFORMS),
    )


def _layer(table: Table) -> QuantityLayer:
    name = table.text("name", REQUIRED)
    return QuantityLayer(
        name=name,
        title=table.text("title", name),
        expression=table.text("expression", REQUIRED),
        rescale=table.range("range"),
        colormap=table.text("colormap", "viridis"),
        unit=table.text("unit"),
        description=table.text("description"),
        transform=table.choice("transform", TRANSFORMS),
        surface=table.choice("surface", SURFACES),
    )


def _scene_keys(table: Table) -> SceneKeys:
    acquisition = []
    for number, parts in enumerate(table.list("acquisition"), start=1):
        path = f"acquisition[{number}]"
        if not isinstance(parts, list):
            valid = "a list of parts, each a list of alternatives, such as [[{ property = 'created' }]]"
            raise table.invalid(path, "not a list", valid)
        acquisition.append(tuple(_closed(table.table(part, path), _part) for part in parts))
    return SceneKeys(
        tile=_parts(table, "tile") or STANDARD.tile,
        orbit=_parts(table, "orbit") or STANDARD.orbit,
        acquisition=tuple(acquisition),
        processed=_parts(table, "processed") or STANDARD.processed,
    )


def _parts(table: Table, key: str) -> tuple[PropertyPart, ...]:
    return tuple(_closed(each, _part) for each in table.tables(key))


def _part(table: Table) -> PropertyPart:
    pattern = table.text("pattern")
    try:
        compiled = re.compile(pattern) if pattern else None
    except (re.error, OverflowError, RecursionError) as error:
        raise table.invalid(
            "pattern", f"not a regular expression: {error}", "a Python expression with one group"
        ) from None
    if compiled is not None and compiled.groups != 1:
        raise table.invalid("pattern", f"has {compiled.groups} groups", "a regular expression with one group")
    return PropertyPart(table.text("property", REQUIRED), compiled, table.flag("last", False))
