"""The parameters of cut-outs: which box, on which pixels of which CRS, from an address to a grid."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Path, Query
from pydantic import Field

from scog.errors import InvalidInput
from scog.geo.bbox import corners_of
from scog.geo.bounds import DEGREES
from scog.geo.crop_grid import MAX_SIZE, UTM, Box, Size, cut_grid
from scog.geo.crs import parse_crs
from scog.geo.grid import Grid
from scog.geo.lattice import Lattice
from scog.imaging.formats import NAMED
from scog.web.http.image_response import without_format
from scog.web.params.image import AnswerParameters, PictureParameters, Text

_PIXELS = re.compile(r"\d{1,6}", re.ASCII)


class CutParameters(AnswerParameters):
    """Where the pixels of a cut-out lie, and how many there are."""

    dst_crs: Text | None = Field(
        None,
        description=f"CRS of the pixels: any of EPSG's, such as `EPSG:3857`; `{UTM}`, the zone of the middle. "
        "Default: that of the coordinates.",
    )
    max_size: Annotated[int, Field(ge=1)] | None = Field(
        None,
        description=f"Pixels of the longer side, at most. Default: {MAX_SIZE}, or fewer at the scenes' own resolution.",
    )
    resolution: Annotated[float, Field(ge=0.01, le=100_000, allow_inf_nan=False)] | None = Field(
        None, description="Metres a pixel instead, such as 10: of the CRS, or on the ground in degrees and Mercator."
    )
    width: Annotated[int, Field(ge=1)] | None = Field(None, description="Pixels across instead.")
    height: Annotated[int, Field(ge=1)] | None = Field(None, description="Pixels down.")
    format: Text | None = Field(
        None,
        description="As behind the address. Default: `png`. "
        + " ".join(f"`{name}`: {each.description}." for name, each in NAMED.items()),
    )
    download: bool = Field(False, description="Whether browsers save it, under a name that says which box it is.")

    @property
    def sized_by(self) -> str:
        """The parameter that the number of pixels comes of."""
        if self.resolution is not None:
            return "resolution"
        return "max_size" if self.max_size is not None else "width"

    def is_sized(self, sides: tuple[int, int] | None) -> bool:
        """Whether the size of its pixels follows from what is asked, rather than from the scenes' files."""
        return sides is not None or any((self.width, self.height, self.resolution))

    def grid(self, box: Box, box_crs: str, sides: tuple[int, int] | None, own: Lattice | None = None) -> Grid:
        """The grid that shows a box; `sides`, width and height, as the address says; `own`, the lattice of the scenes'
        files. Raises InvalidInput.
        """
        width, height = self.width, self.height
        if sides is not None:
            if (width or sides[0], height or sides[1]) != sides:
                what = "The address and the parameter ask for two sizes."
                raise InvalidInput(what, parameter="width", valid="one of them")
            width, height = sides
        text = (self.dst_crs or "").strip()
        crs = UTM if text.lower() == UTM else parse_crs(text, "dst_crs") if text else None
        return cut_grid(box, box_crs, crs, Size(width, height, self.max_size, self.resolution), own)


class BoxCutParameters(CutParameters):
    """The same of a box, whose coordinates may be in any CRS."""

    coord_crs: Text = Field(DEGREES, description="CRS of the box's coordinates: any of EPSG's, x before y.")


class BoxParameters(BoxCutParameters, PictureParameters):
    """Which values, how they look, and on which pixels."""


class FeatureParameters(CutParameters, PictureParameters):
    """Which values, how they look, and on which pixels."""


@dataclass(frozen=True)
class Sides:
    """Pixels across and down, and the format behind them, if one is."""

    size: tuple[int, int]
    format: str | None


@dataclass(frozen=True)
class Corners:
    """A box, and the format behind it, if one is."""

    box: Box
    format: str | None


def _sides(
    width: Annotated[str, Path(description="Pixels across.")],
    height: Annotated[str, Path(description="Pixels down; a format may stand behind it.")],
) -> Sides:
    """Width and height of an address. Raises InvalidInput."""
    height, form = without_format(height)
    if not (_PIXELS.fullmatch(width) and _PIXELS.fullmatch(height) and int(width) and int(height)):
        raise InvalidInput("A size is two whole numbers.", parameter="width", valid="such as 512x512")
    return Sides((int(width), int(height)), form)


def _box(
    minx: Annotated[str, Path(description="Least x: west.")],
    miny: Annotated[str, Path(description="Least y: south.")],
    maxx: Annotated[str, Path(description="Greatest x: east. In degrees less than `minx` over the antimeridian.")],
    maxy: Annotated[str, Path(description="Greatest y: north. A format may stand behind it: `46.6.png`.")],
) -> Corners:
    """The box of an address. Raises InvalidInput."""
    maxy, form = without_format(maxy)
    return Corners(corners_of((minx, miny, maxx, maxy)), form)


Boxed = Annotated[Corners, Depends(_box)]
Sized = Annotated[Sides, Depends(_sides)]
FormatName = Annotated[str, Path(alias="format", description="As `format`.")]
BoxCut = Annotated[BoxCutParameters, Query()]
FeatureCut = Annotated[CutParameters, Query()]
