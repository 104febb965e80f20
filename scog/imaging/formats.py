"""File formats of an image: colours (PNG, WebP, JPEG) or values (GeoTIFF, NumPy)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import scog
from scog.errors import InvalidInput
from scog.geo.grid import Grid
from scog.imaging.options import StyledRequest
from scog.imaging.request import ImageData
from scog.render import encoders
from scog.render.geotiff import geotiff
from scog.render.image import Image
from scog.render.ramp import Ramp, scale_to_uint16
from scog.render.style import Style
from scog.suggest import did_you_mean, quoted
from scog.temporal.intervals import rfc3339

FLATTENED = "white"
"""Colour of invalid pixels in a format without transparency."""


@dataclass(frozen=True)
class Format:
    """A file format: its names in requests, media type, description for the API, and encoder."""

    names: tuple[str, ...]
    media_type: str
    description: str
    encode: Callable[[ImageData, Grid, StyledRequest], bytes]
    opaque: bool = False
    """Whether the format has no transparency."""
    ranged: bool = False
    """Whether the format holds a single output, scaled over its range."""
    quick: bool = False
    """Whether a tile of one output is encoded in well under a millisecond."""


def _color_encoder(encode: Callable[[Image], bytes]) -> Callable[[ImageData, Grid, StyledRequest], bytes]:
    return lambda data, grid, image: encode(image.style.image(data.values, data.valid))


def _png16(data: ImageData, grid: Grid, image: StyledRequest) -> bytes:
    assert isinstance(image.style.coloring, Ramp)
    return encoders.png16(scale_to_uint16(data.values[0], data.valid, image.style.coloring.rescale))


def _npy(data: ImageData, grid: Grid, image: StyledRequest) -> bytes:
    return encoders.npy(image.style.values(data.values, data.valid))


def _geotiff(data: ImageData, grid: Grid, image: StyledRequest) -> bytes:
    used = sorted(data.report.used, key=lambda scene: scene.sort_key)
    tags = {
        "TIFFTAG_SOFTWARE": f"scog {scog.__version__}",
        "COMPOSITE": image.request.composite.name,
        "SCENES": " ".join(scene.id for scene in used),
    }
    if image.request.compare is not None:
        second = sorted(data.report.second_period, key=lambda scene: scene.sort_key)
        tags |= {
            "COMPARED_AS": str(image.request.compare.how),
            "COMPARED_WITH_SCENES": " ".join(scene.id for scene in second),
        }
    if used:
        tags |= {"FIRST_DATETIME": rfc3339(used[0].time), "LAST_DATETIME": rfc3339(used[-1].time)}
    values = image.style.values(data.values, data.valid)
    return geotiff(values, grid.crs, grid.transform, image.style.outputs, tags, image.style.units)


FORMATS: tuple[Format, ...] = (
    Format(
        ("png",),
        "image/png",
        "colours; with a palette for a single output",
        _color_encoder(encoders.png),
        quick=True,
    ),
    Format(("png32",), "image/png", "colours, always RGBA", _color_encoder(encoders.png32)),
    Format(
        ("png16",),
        "image/png",
        "one output as 16-bit grey: 1 to 65535 over its range, 0 where invalid",
        _png16,
        ranged=True,
        quick=True,
    ),
    Format(("webp",), "image/webp", "colours; lossless for a single output", _color_encoder(encoders.webp)),
    Format(
        ("jpg", "jpeg"), "image/jpeg", f"colours; {FLATTENED} where invalid", _color_encoder(encoders.jpeg), opaque=True
    ),
    Format(("npy",), "application/x-npy", "values, float32 (output, y, x), NaN where invalid", _npy, quick=True),
    Format(("tif", "tiff"), "image/tiff", "values as a Cloud Optimized GeoTIFF, NaN where invalid", _geotiff),
)
FORMATS_BY_NAME: Mapping[str, Format] = MappingProxyType({name: each for each in FORMATS for name in each.names})


def format_of(name: str, style: Style | None = None) -> Format:
    """The format called `name`. Raises InvalidInput if there is none, or it cannot hold the style, if one is given."""
    match = FORMATS_BY_NAME.get(name)
    if match is None:
        hint = did_you_mean(name, FORMATS_BY_NAME)
        raise InvalidInput(
            f"there is no format {quoted(name)}{hint}", parameter="format", valid=", ".join(FORMATS_BY_NAME)
        )
    if match.ranged and style is not None and not isinstance(style.coloring, Ramp):
        message = f"{name} requires one output with a range, not classes or three outputs."
        raise InvalidInput(message, parameter="format", valid="png, tif or npy")
    return match
