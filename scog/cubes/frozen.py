"""What a collection without a profile decides for a request, written out so that a cube keeps it.

Its names, masks and colours are derived from its document and newest items, which may change. A definition therefore
has formulas, ranges, colours and numbers instead of names that only this collection gives a meaning.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import numpy as np

from scog.bandmath.indices import Index
from scog.bandmath.operations import MAX_BIT
from scog.collections.band import Band
from scog.collections.presets import Preset
from scog.collections.profile import Profile
from scog.composite.mask import Mask, parse_mask
from scog.composite.scene_mask import NumberRule, SceneMask
from scog.errors import InvalidInput
from scog.render.classes import Classes
from scog.render.color import hexadecimal
from scog.render.derived_style import Coloring
from scog.render.layer import LayerOptions, find_named, layer_of
from scog.render.ramp import Ramp

MAX_MASK = 512
"""Maximum length of the parameter `mask`."""


def frozen_options(profile: Profile, options: LayerOptions, coloring: Coloring) -> LayerOptions:
    """Options without a name that only the collection gives a meaning, with the same expression and `coloring`.

    `coloring` is that of `options`; its ranges are stored separately. Spectral indices keep their names. So do layers
    that no other options describe, such as those in decibels.
    """
    for candidate in _candidates(profile, options, coloring):
        with suppress(InvalidInput):
            if _is_same(layer_of(profile, candidate).coloring, coloring):
                return candidate
    return options


def _candidates(profile: Profile, options: LayerOptions, coloring: Coloring) -> Iterator[LayerOptions]:
    """Descriptions of a layer without its name: those that say less first."""
    if options.expression is not None or len(options.bands) > 1:
        return
    found: object
    if options.bands:
        found = profile.preset(options.bands[0]) or profile.by_name.get(profile.names.find(options.bands[0]) or "")
    else:
        found = find_named(profile, profile.default if options.index is None else options.index)
    unnamed = replace(options, index=None, bands=())
    if found is None or isinstance(found, Index):
        return
    if isinstance(found, Band):
        if isinstance(coloring, Classes) and found.classes and options.colormap is None and options.classes is None:
            yield replace(unnamed, bands=(found.name,), colormap=_colormap(coloring))
    elif not found.transform:
        bands = found.bands if isinstance(found, Preset) else (found.expression,)
        # A band has a unit, which a formula does not have.
        if all(each in profile.by_name for each in bands) and profile.preset(bands[0]) is None:
            unnamed = replace(unnamed, bands=bands)
        else:
            unnamed = replace(unnamed, expression=";".join(bands))
        if isinstance(found, Preset):
            yield unnamed
        elif not found.surface:
            yield unnamed
            if (options.colormap_name, options.colormap) == (None, None):
                yield replace(unnamed, colormap_name=found.colormap)


def _colormap(classes: Classes) -> str:
    """The colours of classes of single values, as the parameter `colormap`."""
    return json.dumps({str(entry.number): hexadecimal(entry.color) for entry in classes.entries})


def _is_same(found: Coloring, wanted: Coloring) -> bool:
    """Whether two colourings have the same colours, whatever their ranges."""
    if isinstance(found, Ramp) and isinstance(wanted, Ramp):
        return np.array_equal(found.colors, wanted.colors)
    if isinstance(found, Classes) and isinstance(wanted, Classes):
        return _by_number(found) == _by_number(wanted)
    return type(found) is type(wanted)


def _by_number(classes: Classes) -> dict[int, object]:
    return {entry.number: (entry.low, entry.high, entry.color) for entry in classes.entries}


def frozen_mask(profile: Profile, mask: Mask) -> str:
    """The text of a mask as expressions, such as `qa == 3`, or else its own text.

    Sets, classes and bits have a meaning only with the band that the collection's words tell. Collections that differ
    in it keep their names, and so do sets of so many classes that their expressions would be too long.
    """
    members = tuple(dict.fromkeys(profile.members.values())) or (profile,)
    texts = {_mask_text(member, mask.of(member)) for member in members}
    text = texts.pop() if len(texts) == 1 else None
    if text and len(text) <= MAX_MASK:
        with suppress(InvalidInput):
            return parse_mask(text, mask.dilate, profile).text
    return mask.text


def _mask_text(member: Profile, mask: SceneMask) -> str | None:
    """The rules of a mask as expressions; None if an expression may mask other pixels."""
    if mask.unknown:
        return None
    named = () if member.mask is None else member.mask.names.values()
    parts: list[str] = []
    for rule in mask.rules:
        if not isinstance(rule, NumberRule):
            parts.append(rule.expression.text)
        elif max((0, *rule.masked, *rule.invalid, *named)) > (MAX_BIT if rule.bits else 1 << MAX_BIT):
            return None  # float32, in which expressions are evaluated, may not hold these numbers
        else:
            parts += _conditions(rule)
    return ",".join(parts)


def _conditions(rule: NumberRule) -> Iterator[str]:
    """Expressions that are not 0 where a rule masks, and invalid where there is no data.

    0 / (x != n) is 0, which masks nothing, but invalid where x is n.
    """
    for number in sorted(rule.masked - rule.invalid):
        yield f"bit({rule.band}, {number})" if rule.bits else f"{rule.band} == {number}"
    for number in sorted(rule.invalid):
        yield f"0 / (1 - bit({rule.band}, {number}))" if rule.bits else f"0 / ({rule.band} != {number})"
    for number in sorted(rule.invalid_values):
        yield f"0 / ({rule.band} != {number})"
