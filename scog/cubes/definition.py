"""Definitions: what a cube computes, in the one way that it is written, and the id that follows from that.

Whoever asks for the same in other words gets the same definition: band codes for names, blanks and needless parentheses
in a formula, TiTiler's names, defaults that are spelled out or left out, times in any zone, colours and areas however
they are written.
"""

from __future__ import annotations

import json
import re
from base64 import b32encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from hashlib import blake2b
from typing import Any

import numpy as np

from scog.bandmath import indices
from scog.collections.bands import canonical
from scog.collections.presets import preset_of
from scog.collections.scene_classification import CLOUDS
from scog.composite.change import Change
from scog.composite.mask import Mask
from scog.errors import InvalidInput
from scog.imaging.options import ImageOptions, StyledRequest
from scog.render.channels import Channels
from scog.render.classes import Classes
from scog.render.color import hexadecimal, parse_color
from scog.render.layer import DEFAULT_INDEX, SCENE_CLASSIFICATION, LayerOptions, layer_of
from scog.render.ramp import Ramp
from scog.render.style import Style
from scog.warp.resample import Resampling

ID_BYTES = 10
"""Of the hash: 16 characters, and no two of a million million cubes alike by chance."""
ID_CHARACTERS = 16
_OPERATION = re.compile(" (?=gamma|sigmoidal|saturation)", re.IGNORECASE)
_OTHER_NAMES = ("assets", "pixel_selection")
"""Parameters that say in TiTiler's words what others say in ours."""


@dataclass(frozen=True)
class Definition:
    """What is computed: parameters by name, as JSON has them; the area as GeoJSON, None for the whole Earth; and
    whether its scenes are found once and for all.
    """

    parameters: Mapping[str, Any]
    area: Mapping[str, Any] | None = None
    pinned: bool = False

    @property
    def document(self) -> dict[str, Any]:
        """As it is shown, and could be asked for again."""
        area = {} if self.area is None else {"area": self.area}
        return {**self.parameters, **area, "scenes": "pinned" if self.pinned else "live"}

    @property
    def text(self) -> str:
        """The same text for equal definitions."""
        return json.dumps(self.document, sort_keys=True, separators=(",", ":"))


def read_definition(text: str) -> Definition:
    """The definition that a `text` stands for. Raises ValueError, TypeError, LookupError or AttributeError."""
    document = json.loads(text)
    pinned, area = document.pop("scenes") == "pinned", document.pop("area", None)
    return Definition(document, area, pinned)


def id_of(definition: Definition, scenes: str | None) -> str:
    """The id of a definition, and of the scenes that are kept with it, as text.

    Pinned scenes are part of it, whole: so an id stands for one picture for ever, whichever server it is posted to, and
    whatever was forgotten in between. Who posts the same definition after a new scene came gets another id.
    """
    digest = blake2b(f"{definition.text}\n{scenes or ''}".encode(), digest_size=ID_BYTES).digest()
    return b32encode(digest).decode().lower()


def options_of(definition: Definition) -> ImageOptions:
    """The options that a definition stands for. Raises InvalidInput for those that are not known (any more)."""
    given = definition.parameters
    if unknown := given.keys() - _OPTIONS:
        what = f"The cube was defined with {', '.join(map(repr, sorted(unknown)))}, which is not known any more."
        raise InvalidInput(what, parameter="id", valid=_POSTED)
    try:
        return ImageOptions(**{name: _CONVERTED.get(name, _same)(value) for name, value in given.items()})
    except (TypeError, ValueError):
        raise InvalidInput("The cube's definition cannot be read.", parameter="id", valid=_POSTED) from None


def _same(value: Any) -> Any:
    return value


_POSTED = "a cube that is posted again"
_OPTIONS = {option.name for option in fields(ImageOptions)}
_CONVERTED: Mapping[str, Callable[[Any], Any]] = {
    "bands": tuple,
    "rescale": lambda ranges: tuple((float(low), float(high)) for low, high in ranges),
    "colormap": lambda colors: json.dumps(colors, separators=(",", ":")),
    "resampling": Resampling,
    "compare_as": Change,
}
"""Options that JSON writes in another way."""


def normalised(given: Mapping[str, Any], wish: LayerOptions, image: StyledRequest) -> dict[str, Any]:
    """Parameters in the one way to write them.

    `given` are those that are not at their defaults, by name, as JSON; `wish` and `image` are what all were understood
    as. Defaults are filled in, but for a layer's own colormap, and for parameters that nothing is known of
    here: so ids stay the same when there are new ones.
    """
    request, style = image
    known: dict[str, Any] = {
        **_layer(wish, request.expression.text),
        "datetime": None if request.interval is None else str(request.interval),
        "cloud_cover": request.cloud_cover + 0.0,
        "collection": request.collection,
        "compare": None if request.compare is None else str(request.compare.interval),
        "compare_as": None if request.compare is None else str(request.compare.how),
        "mask": _mask(request.mask),
        "composite": request.composite.name,
        "resampling": str(request.resampling),
        "rescale": _rescale(wish, style),
        "colormap_name": _colormap_name(wish, style),
        "colormap": None if wish.colormap is None else _colormap(wish.colormap),
        "color_formula": None if wish.color_formula is None else _color_formula(wish.color_formula),
        "classes": None if wish.classes is None else _classes(wish.classes, style),
    }
    if isinstance(style.coloring, Ramp):
        for name, color in (("belowmincolor", style.coloring.below), ("abovemaxcolor", style.coloring.above)):
            known[name] = None if color is None else hexadecimal(color)
    merged = {**known, **{name: value for name, value in given.items() if name not in known}}
    return {name: value for name, value in merged.items() if value not in (None, []) and name not in _OTHER_NAMES}


def _layer(wish: LayerOptions, formula: str) -> dict[str, Any]:
    """Index, expression or bands: one of them, the others None."""
    layer: dict[str, Any] = {"index": None, "expression": None, "bands": None}
    if wish.expression is not None:
        return layer | {"expression": formula}
    if wish.bands:
        preset = preset_of(wish.bands[0]) if len(wish.bands) == 1 else None
        bands = [preset.name] if preset else [canonical(band) for band in wish.bands]
        return layer | ({"index": SCENE_CLASSIFICATION} if bands == [SCENE_CLASSIFICATION] else {"bands": bands})
    name = wish.index if wish.index is not None else DEFAULT_INDEX
    is_classes = name.lower() == SCENE_CLASSIFICATION
    return layer | {"index": SCENE_CLASSIFICATION if is_classes else indices.get(name).name}


def _mask(mask: Mask) -> str:
    if mask.classes is None:
        return "none"
    return "clouds" if mask.classes == CLOUDS else ",".join(map(str, sorted(mask.classes)))


def _rescale(wish: LayerOptions, style: Style) -> list[list[float]] | None:
    """The ranges of all outputs, asked for or not; None where classes have none."""
    own = style.coloring
    shown = own.ranges if isinstance(own, Channels) else (own.shown,) if isinstance(own, Ramp) else wish.rescale
    return [[float(low) + 0.0, float(high) + 0.0] for low, high in shown] or None


def _colormap_name(wish: LayerOptions, style: Style) -> str | None:
    """The colormap asked for, unless the layer has the same colours by itself."""
    if wish.colormap_name is None:
        return None
    shown = style.coloring
    ranges = (shown.shown,) if isinstance(shown, Ramp) else wish.rescale
    plain = layer_of(replace(wish, colormap_name=None, rescale=ranges)).coloring
    if isinstance(plain, Ramp) and isinstance(shown, Ramp):
        same = np.array_equal(plain.colors, shown.colors)
    else:
        same = isinstance(plain, Classes) and plain == shown
    return None if same else wish.colormap_name.lower()


def _colormap(text: str) -> Any:
    """A colormap that is written out, which has been understood before."""
    written = json.loads(text)
    if isinstance(written, list):
        return [[[float(low) + 0.0, float(high) + 0.0], _color(color)] for (low, high), color in written]
    colors = {int(key): _color(color) for key, color in written.items()}
    return {str(place): colors[place] for place in sorted(colors)}


def _color(written: object) -> str:
    return hexadecimal(parse_color(written, "colormap"))


def _color_formula(text: str) -> str:
    """A colour formula with one blank between words, and a comma between operations."""
    return _OPERATION.sub(", ", " ".join(text.replace(",", " ").split()))


def _classes(text: str, style: Style) -> str:
    """Thresholds, with names and colours between them if there were any, without blanks."""
    assert isinstance(style.coloring, Classes)
    thresholds = [repr(entry.high + 0.0).removesuffix(".0") for entry in style.coloring.entries[:-1]]
    parts = text.split(",")
    if len(parts) == len(thresholds):
        return ",".join(thresholds)
    named = [label.partition(":") for label in parts[::2]]
    labels = [f"{name.strip()}{colon}{color.strip().lower()}" for name, colon, color in named]
    return ",".join(part for pair in zip(labels, [*thresholds, ""], strict=True) for part in pair)[:-1]
