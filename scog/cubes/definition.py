"""Definitions of cubes: parameters in canonical form, which determine the id.

Equivalent requests have equal definitions. Canonical form replaces band names by codes, removes blanks and redundant
parentheses from expressions, replaces TiTiler's names, fills in defaults, converts times to UTC, and normalises colours
and areas.
"""

from __future__ import annotations

import json
import re
from base64 import b32encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from hashlib import blake2b
from typing import Any

import numpy as np

from scog.catalog.query import OrbitState
from scog.collections.band import Band
from scog.collections.presets import Preset
from scog.collections.profile import Profile
from scog.collections.reflectance_offset import offset_text
from scog.composite.change import Change
from scog.cubes.frozen import frozen_mask, frozen_options
from scog.errors import InvalidInput
from scog.imaging.options import ImageOptions, StyledRequest
from scog.render.channels import Channels
from scog.render.classes import Classes
from scog.render.color import hexadecimal, parse_color
from scog.render.layer import LayerOptions, find_named, layer_of
from scog.render.ramp import Ramp, Range
from scog.render.style import Style
from scog.warp.resample import Resampling

ID_BYTES = 10
"""Length of the hash: 80 bits, 16 characters in base 32. Among 10^9 cubes, the probability of a collision is 4e-7."""
_OPERATION = re.compile(" (?=gamma|sigmoidal|saturation)", re.IGNORECASE)
_TITILER_NAMES = ("assets", "pixel_selection")
"""TiTiler's aliases of other parameters. They are left out."""


@dataclass(frozen=True)
class Definition:
    """The definition of a cube.

    parameters  JSON values by name, in canonical form
    area        GeoJSON geometry; None for the whole Earth
    pinned      whether the scenes are fixed when the cube is created
    """

    parameters: Mapping[str, Any]
    area: Mapping[str, Any] | None = None
    pinned: bool = False

    @property
    def document(self) -> dict[str, Any]:
        """The JSON object that defines the same cube in `POST /cubes`."""
        area = {} if self.area is None else {"area": self.area}
        return {**self.parameters, **area, "scenes": "pinned" if self.pinned else "live"}

    @property
    def text(self) -> str:
        """The definition as JSON text, which is equal for equal definitions."""
        return json.dumps(self.document, sort_keys=True, separators=(",", ":"))


def read_definition(text: str) -> Definition:
    """Parse the JSON text of a definition.

    Raises ValueError, TypeError, LookupError or AttributeError if it is invalid.
    """
    document = json.loads(text)
    pinned, area = document.pop("scenes") == "pinned", document.pop("area", None)
    return Definition(document, area, pinned)


def cube_id(definition: Definition, scenes: str | None) -> str:
    """The id of a definition and its pinned `scenes` as text.

    The hash includes all members of the scenes. An id therefore always identifies the same image, on every server and
    after an eviction. The same definition has another id when there is a new scene.
    """
    digest = blake2b(f"{definition.text}\n{scenes or ''}".encode(), digest_size=ID_BYTES).digest()
    return b32encode(digest).decode().lower()


def options_of(definition: Definition) -> ImageOptions:
    """The image options of a definition. Raises InvalidInput for parameters that this version of scog does not have."""
    parameters = definition.parameters
    if unknown := parameters.keys() - _OPTIONS:
        names = ", ".join(map(repr, sorted(unknown)))
        message = f"The cube's definition has parameters that are no longer supported: {names}."
        raise InvalidInput(message, parameter="id", valid=_VALID)
    try:
        return ImageOptions(**{name: _FROM_JSON.get(name, _unchanged)(value) for name, value in parameters.items()})
    except (TypeError, ValueError):
        raise InvalidInput("The cube's definition cannot be parsed.", parameter="id", valid=_VALID) from None


def _unchanged(value: Any) -> Any:
    return value


_VALID = "the id of a cube that is posted again"
_OPTIONS = {option.name for option in fields(ImageOptions)}
_FROM_JSON: Mapping[str, Callable[[Any], Any]] = {
    "bands": tuple,
    "rescale": lambda ranges: tuple((float(low), float(high)) for low, high in ranges),
    "colormap": lambda colors: json.dumps(colors, separators=(",", ":")),
    "resampling": Resampling,
    "orbit": OrbitState,
    "compare_as": Change,
}
"""Conversions of options whose JSON value has another type."""


def canonical_parameters(
    non_defaults: Mapping[str, Any], layer_options: LayerOptions, image: StyledRequest
) -> dict[str, Any]:
    """Parameters in canonical form.

    `non_defaults` has the JSON values of parameters that differ from their defaults. `layer_options` and `image` are
    the result of parsing all parameters. Defaults are filled in, except for the layer's own colormap and for parameters
    that are not listed here, so that new parameters do not change existing ids. What a collection without a profile
    decides is written out (see `scog.cubes.frozen`).
    """
    request, style = image
    mask = request.mask.text
    if request.profile.may_change:
        mask = frozen_mask(request.profile, request.mask)
        layer_options = frozen_options(request.profile, layer_options, style.coloring)
    canonical_values: dict[str, Any] = {
        **_layer(request.profile, layer_options, request.expression.text),
        "datetime": None if request.interval is None else str(request.interval),
        "cloud_cover": request.cloud_cover + 0.0,
        "collection": request.collection,
        "compare": None if request.compare is None else str(request.compare.interval),
        "compare_as": None if request.compare is None else str(request.compare.how),
        "mask": mask,
        "composite": request.composite.name,
        "resampling": str(request.resampling),
        "offset": None if request.offset is None else offset_text(request.offset),
        "rescale": _rescale(layer_options, style),
        "colormap_name": _colormap_name(request.profile, layer_options, style),
        "colormap": None if layer_options.colormap is None else _colormap(layer_options.colormap),
        "color_formula": None if layer_options.color_formula is None else _color_formula(layer_options.color_formula),
        "classes": None if layer_options.classes is None else _classes(layer_options.classes, style),
    }
    if isinstance(style.coloring, Ramp):
        for name, color in (("belowmincolor", style.coloring.below), ("abovemaxcolor", style.coloring.above)):
            canonical_values[name] = None if color is None else hexadecimal(color)
    others = {name: value for name, value in non_defaults.items() if name not in canonical_values}
    merged = {**canonical_values, **others}
    return {name: value for name, value in merged.items() if value not in (None, []) and name not in _TITILER_NAMES}


def _layer(profile: Profile, layer_options: LayerOptions, formula: str) -> dict[str, Any]:
    """Index, expression and bands: one in canonical form, the others None."""
    layer: dict[str, Any] = {"index": None, "expression": None, "bands": None}
    if layer_options.expression is not None:
        return layer | {"expression": formula}
    if layer_options.bands:
        preset = profile.preset(layer_options.bands[0]) if len(layer_options.bands) == 1 else None
        bands = [preset.name] if preset else [profile.names.canonical(band) for band in layer_options.bands]
        is_classes = len(bands) == 1 and bool(profile.band(bands[0]).classes) and not profile.may_change
        return layer | ({"index": bands[0]} if is_classes else {"bands": bands})
    return _named(profile, profile.default if layer_options.index is None else layer_options.index, layer)


def _named(profile: Profile, name: str, layer: dict[str, Any]) -> dict[str, Any]:
    """What a name means: presets and bands as `bands`, all others as `index`."""
    found = find_named(profile, name)
    is_band = isinstance(found, Preset) or (isinstance(found, Band) and (profile.may_change or not found.classes))
    return layer | ({"bands": [found.name]} if is_band else {"index": found.name})


def _rescale(layer_options: LayerOptions, style: Style) -> list[list[float]] | None:
    """The requested or default range of each output; None for classes."""
    coloring = style.coloring
    ranges: Sequence[Range] = layer_options.rescale
    if isinstance(coloring, Channels):
        ranges = coloring.ranges
    elif isinstance(coloring, Ramp):
        ranges = (coloring.rescale,)
    return [[float(low) + 0.0, float(high) + 0.0] for low, high in ranges] or None


def _colormap_name(profile: Profile, layer_options: LayerOptions, style: Style) -> str | None:
    """The requested colormap, unless the layer's own has the same colours."""
    if layer_options.colormap_name is None:
        return None
    requested = style.coloring
    ranges = (requested.rescale,) if isinstance(requested, Ramp) else layer_options.rescale
    default = layer_of(profile, replace(layer_options, colormap_name=None, rescale=ranges)).coloring
    if isinstance(default, Ramp) and isinstance(requested, Ramp):
        is_same = np.array_equal(default.colors, requested.colors)
    else:
        is_same = isinstance(default, Classes) and default == requested
    return None if is_same else layer_options.colormap_name.lower()


def _colormap(text: str) -> Any:
    """A valid colormap as JSON text, in canonical form."""
    colormap = json.loads(text)
    if isinstance(colormap, list):
        return [[[float(low) + 0.0, float(high) + 0.0], _color(color)] for (low, high), color in colormap]
    colors = {int(key): _color(color) for key, color in colormap.items()}
    return {str(key): colors[key] for key in sorted(colors)}


def _color(color: object) -> str:
    return hexadecimal(parse_color(color, "colormap"))


def _color_formula(text: str) -> str:
    """A colour formula with single blanks, and a comma between operations."""
    return _OPERATION.sub(", ", " ".join(text.replace(",", " ").split()))


def _classes(text: str, style: Style) -> str:
    """Thresholds without blanks, and the labels and colours between them if there are any."""
    assert isinstance(style.coloring, Classes)
    thresholds = [repr(entry.high + 0.0).removesuffix(".0") for entry in style.coloring.entries[:-1]]
    parts = text.split(",")
    if len(parts) == len(thresholds):
        return ",".join(thresholds)
    named = [label.partition(":") for label in parts[::2]]
    labels = [f"{name.strip()}{colon}{color.strip().lower()}" for name, colon, color in named]
    return ",".join(part for pair in zip(labels, [*thresholds, ""], strict=True) for part in pair)[:-1]
