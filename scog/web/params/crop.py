"""Parameters of crops: from a path and a query string to a grid."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Path, Query
from pydantic import Field

from scog.errors import InvalidInput
from scog.geo.bbox import parse_corners
from scog.geo.bounds import DEGREES
from scog.geo.crop_grid import MAX_SIZE, UTM, Box, CropSize, crop_grid
from scog.geo.crs import parse_crs
from scog.geo.grid import Grid
from scog.geo.lattice import Lattice
from scog.imaging.formats import FORMATS_BY_NAME
from scog.suggest import quoted
from scog.web.http.image_response import split_format
from scog.web.params.image import ImageParameters, ResponseParameters, Text

_SIZE = re.compile(r"\d{1,6}", re.ASCII)


class CropParameters(ResponseParameters):
    """Parameters that determine the grid and the format of a crop."""

    dst_crs: Text | None = Field(
        None,
        description=f"CRS of the image: any EPSG code, such as `EPSG:3857`, or `{UTM}` for the UTM zone of the box's "
        "centre. Default: the CRS of the coordinates.",
    )
    max_size: Annotated[int, Field(ge=1)] | None = Field(
        None,
        description=f"Maximum length of the longer side, in pixels. Default: {MAX_SIZE}, or fewer at the scenes' own "
        "resolution.",
    )
    resolution: Annotated[float, Field(ge=0.01, le=100_000, allow_inf_nan=False)] | None = Field(
        None,
        description="Pixel size in metres, such as 10, instead of `max_size`: in the CRS, or on the ground if the CRS "
        "is in degrees or a Mercator projection.",
    )
    width: Annotated[int, Field(ge=1)] | None = Field(None, description="Width in pixels, instead of `max_size`.")
    height: Annotated[int, Field(ge=1)] | None = Field(None, description="Height in pixels, instead of `max_size`.")
    format: Text | None = Field(
        None,
        description="File format, if the path has no suffix. Default: `png`. "
        + " ".join(f"`{name}`: {each.description}." for name, each in FORMATS_BY_NAME.items()),
    )
    download: bool = Field(
        False, description="Send `Content-Disposition: attachment`, with the box's coordinates in the file name."
    )

    @property
    def size_parameter(self) -> str:
        """Name of the parameter that determines the size in pixels, for error messages."""
        if self.resolution is not None:
            return "resolution"
        return "max_size" if self.max_size is not None else "width"

    def is_sized(self, size: tuple[int, int] | None) -> bool:
        """Whether the request determines the pixel size, rather than the scenes' files. `size` is the path's."""
        return size is not None or any((self.width, self.height, self.resolution))

    def grid(self, box: Box, box_crs: str, size: tuple[int, int] | None, lattice: Lattice | None = None) -> Grid:
        """The grid of a box.

        `size` is width and height from the path; `lattice` that of the scenes' files. Raises InvalidInput if the size
        is given twice, or the box or a CRS is invalid.
        """
        width, height = self.width, self.height
        if size is not None:
            if (width or size[0], height or size[1]) != size:
                message = f"The path's size is {size[0]}x{size[1]}, but width or height differs."
                raise InvalidInput(message, parameter="width", valid="only one of the two")
            width, height = size
        text = (self.dst_crs or "").strip()
        crs = UTM if text.lower() == UTM else parse_crs(text, "dst_crs") if text else None
        return crop_grid(box, box_crs, crs, CropSize(width, height, self.max_size, self.resolution), lattice)


class BoxCropParameters(CropParameters):
    """Parameters of a box's grid. The coordinates may be in any CRS."""

    coord_crs: Text = Field(DEGREES, description="CRS of the box's coordinates: any EPSG code; x comes before y.")


class BoxParameters(BoxCropParameters, ImageParameters):
    """Parameters of the image of a box: values, style and grid."""


class FeatureParameters(CropParameters, ImageParameters):
    """Parameters of the image of a polygon: values, style and grid."""


@dataclass(frozen=True)
class SizePath:
    """Width and height from a path, and the format suffix, if any."""

    size: tuple[int, int]
    format: str | None


@dataclass(frozen=True)
class BoxPath:
    """A box from a path, and the format suffix, if any."""

    box: Box
    format: str | None


def _parse_size(
    width: Annotated[str, Path(description="Width in pixels.")],
    height: Annotated[str, Path(description="Height in pixels. A format may follow: `512.png`.")],
) -> SizePath:
    """Width and height of a path. Raises InvalidInput."""
    height, suffix = split_format(height)
    if not (_SIZE.fullmatch(width) and _SIZE.fullmatch(height) and int(width) and int(height)):
        message = f"Invalid size {quoted(f'{width}x{height}')}: width and height must be positive integers."
        raise InvalidInput(message, parameter="width", valid="such as 512x512")
    return SizePath((int(width), int(height)), suffix)


def _parse_box(
    minx: Annotated[str, Path(description="Minimum x: west.")],
    miny: Annotated[str, Path(description="Minimum y: south.")],
    maxx: Annotated[
        str,
        Path(description="Maximum x: east. In degrees, less than `minx` if the box crosses the antimeridian."),
    ],
    maxy: Annotated[str, Path(description="Maximum y: north. A format may follow: `46.6.png`.")],
) -> BoxPath:
    """The box of a path. Raises InvalidInput."""
    maxy, suffix = split_format(maxy)
    return BoxPath(parse_corners((minx, miny, maxx, maxy)), suffix)


BoxInPath = Annotated[BoxPath, Depends(_parse_box)]
SizeInPath = Annotated[SizePath, Depends(_parse_size)]
FormatName = Annotated[str, Path(alias="format", description="File format, as in the parameter `format`.")]
BoxCropQuery = Annotated[BoxCropParameters, Query()]
FeatureCropQuery = Annotated[CropParameters, Query()]
