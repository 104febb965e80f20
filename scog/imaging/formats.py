"""File formats: a drawing as the bytes of a picture, or of values."""

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
from scog.render.ramp import Ramp, spread16
from scog.render.style import Style
from scog.suggest import did_you_mean, quoted
from scog.temporal.intervals import rfc3339

FLATTENED = "white"
"""What stands where a picture without transparency shows nothing."""


@dataclass(frozen=True)
class Format:
    """A file format: the names that ask for it, its media type, how a drawing becomes its bytes."""

    names: tuple[str, ...]
    media_type: str
    description: str
    encode: Callable[[ImageData, Grid, StyledRequest], bytes]
    flat: bool = False
    """Whether it knows no transparency."""
    ranged: bool = False
    """Whether it holds nothing but one output over its range."""
    quick: bool = False
    """Whether a tile of one output takes well under a millisecond."""


def _of_image(encoder: Callable[[Image], bytes]) -> Callable[[ImageData, Grid, StyledRequest], bytes]:
    return lambda drawing, grid, image: encoder(image.style.image(drawing.values, drawing.valid))


def _png16(drawing: ImageData, grid: Grid, image: StyledRequest) -> bytes:
    assert isinstance(image.style.coloring, Ramp)
    return encoders.png16(spread16(drawing.values[0], drawing.valid, image.style.coloring.shown))


def _npy(drawing: ImageData, grid: Grid, image: StyledRequest) -> bytes:
    return encoders.npy(image.style.values(drawing.values, drawing.valid))


def _geotiff(drawing: ImageData, grid: Grid, image: StyledRequest) -> bytes:
    used = sorted(drawing.report.used, key=lambda scene: scene.order)
    tags = {
        "TIFFTAG_SOFTWARE": f"scog {scog.__version__}",
        "COMPOSITE": image.request.composite.name,
        "SCENES": " ".join(scene.id for scene in used),
    }
    if image.request.compare is not None:
        second = sorted(drawing.report.compared, key=lambda scene: scene.order)
        tags |= {
            "COMPARED_AS": str(image.request.compare.how),
            "COMPARED_WITH_SCENES": " ".join(scene.id for scene in second),
        }
    if used:
        tags |= {"FIRST_DATETIME": rfc3339(used[0].time), "LAST_DATETIME": rfc3339(used[-1].time)}
    values = image.style.values(drawing.values, drawing.valid)
    return geotiff(values, grid.crs, grid.transform, image.style.outputs, tags)


FORMATS: tuple[Format, ...] = (
    Format(
        ("png",),
        "image/png",
        "colours; with a palette where there is one output",
        _of_image(encoders.png),
        quick=True,
    ),
    Format(("png32",), "image/png", "colours, always in red, green, blue and opacity", _of_image(encoders.png32)),
    Format(
        ("png16",),
        "image/png",
        "one output in 16 bit grey: 1 to 65535 over its range, 0 where invalid",
        _png16,
        ranged=True,
        quick=True,
    ),
    Format(("webp",), "image/webp", "colours; without loss where there is one output", _of_image(encoders.webp)),
    Format(("jpg", "jpeg"), "image/jpeg", f"colours; {FLATTENED} where invalid", _of_image(encoders.jpeg), flat=True),
    Format(("npy",), "application/x-npy", "values, float32 (output, y, x), NaN where invalid", _npy, quick=True),
    Format(("tif", "tiff"), "image/tiff", "values as a Cloud Optimized GeoTIFF, NaN where invalid", _geotiff),
)
NAMED: Mapping[str, Format] = MappingProxyType({name: each for each in FORMATS for name in each.names})


def format_of(name: str, style: Style) -> Format:
    """The format of that name. Raises InvalidInput where there is none, or it cannot hold such a look."""
    found = NAMED.get(name)
    if found is None:
        near = did_you_mean(name, NAMED)
        raise InvalidInput(f"there is no format {quoted(name)}{near}", parameter="format", valid=", ".join(NAMED))
    if found.ranged and not isinstance(style.coloring, Ramp):
        what = f"{name} holds one output that has a range, not classes or three outputs."
        raise InvalidInput(what, parameter="format", valid="png, tif or npy")
    return found
