"""The parameters of a picture, the same on every route: from the query string to what `draw` and `picture` take."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import Annotated

from fastapi import Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from scog.composite.change import Change
from scog.composite.dilation import MAX_METRES
from scog.composite.methods import COUNT, MAX, MEAN, MEDIAN, MIN, NEWEST, STD, VALID, Composite, parse_composite
from scog.errors import InvalidInput, OutOfRange
from scog.imaging.formats import NAMED
from scog.imaging.options import ImageOptions, StyledRequest
from scog.imaging.request import SceneFilter
from scog.render.ramp import NUMBER, parse_rescale
from scog.temporal.intervals import Interval, parse_interval
from scog.warp.resample import Resampling

REPEATABLE = frozenset({"bands", "assets", "rescale", "p"})
MAX_VALUES = 16
"""Values of one repeatable parameter."""
MAX_COLORMAP = 8192
"""Characters of a colormap that is written out."""
MAX_SIZE = 1024
"""Pixels a side of a tile, without its buffer."""
MAX_BUFFER = 128
MAX_PREVIEW = 16
"""Observations of a preview."""

PIXEL_SELECTIONS = {
    "first": NEWEST,
    "median": MEDIAN,
    "mean": MEAN,
    "lowest": MIN,
    "highest": MAX,
    "stdev": STD,
    "count": COUNT,
}
"""TiTiler's names for composites; its first scene is the newest."""

Text = Annotated[str, Field(max_length=512)]
Texts = Annotated[list[Annotated[str, Field(max_length=512)]], Field(max_length=MAX_VALUES)]


class SceneParameters(BaseModel):
    """Which scenes."""

    model_config = ConfigDict(extra="forbid")

    datetime: Text | None = Field(
        None,
        description="A date, an RFC 3339 instant or an interval, `..` open. Default: the archive's newest 90 days.",
    )
    cloud_cover: float = Field(60, ge=0, le=100, description="Highest cloud cover of a scene, percent.")
    collection: Text | None = Field(None, description="Collection of the catalogue.")

    def time_range(self) -> Interval | None:
        """The time range asked for, if any. Raises InvalidInput."""
        return parse_interval(self.datetime) if self.datetime is not None else None

    def scene_filter(self) -> SceneFilter:
        """Which scenes are asked for. Raises InvalidInput."""
        return SceneFilter(self.time_range(), self.cloud_cover, self.collection)


class ValueParameters(SceneParameters):
    """Which values."""

    index: Text | None = Field(None, description="An index by name (`/indices`), such as `ndvi` (the default); `scl`.")
    expression: Text | None = Field(None, description="A formula over bands, such as `(nir-red)/(nir+red)`.")
    bands: Texts = Field([], description="A preset such as `agriculture`, one band, or three as red, green and blue.")
    assets: Texts = Field([], description="The same as `bands`, as TiTiler writes it.")
    classes: Text | None = Field(
        None, description="Thresholds that make classes of values, with names and colours: `bare:tan,0.2,green`."
    )
    mask: Text | None = Field(
        None, description="`clouds` (the default but for `scl`), `none`, or SCL classes to take out, such as `3,8,9`."
    )
    mask_dilate: float = Field(
        0, ge=0, le=MAX_METRES, description="Metres on the ground by which what is masked grows to all sides."
    )
    composite: Text = Field(
        NEWEST.name,
        description=f"How observations become one picture, each masked by itself before (`/composites`): {VALID}.",
    )
    resampling: Resampling = Field(Resampling.NEAREST, description="How pixels between or over others come about.")
    pixel_selection: Text | None = Field(None, description="The same as `composite`, as TiTiler writes it.")
    compare: Text | None = Field(
        None, description="A second `datetime`: the picture shows the first period minus the second."
    )
    compare_as: Change | None = Field(
        None, description="How: `difference` (the default), or `ratio`, the first period over the second."
    )

    def parse(self) -> StyledRequest:
        """What to draw and how it looks. Raises InvalidInput."""
        return self.options().parse()

    def options(self) -> ImageOptions:
        """The same as text, with TiTiler's names translated. Raises InvalidInput."""
        bands = (band.strip() for text in (*self.bands, *self.assets) for band in text.split(","))
        return ImageOptions(
            datetime=self.datetime,
            cloud_cover=self.cloud_cover,
            collection=self.collection,
            index=self.index,
            expression=self.expression,
            bands=tuple(bands),
            mask=self.mask,
            mask_dilate=self.mask_dilate,
            composite=self._composite().name,
            resampling=self.resampling,
            compare=self.compare,
            compare_as=self.compare_as,
            classes=self.classes,
        )

    def _composite(self) -> Composite:
        """The composite, by our name or by TiTiler's."""
        composite = parse_composite(self.composite)
        if self.pixel_selection is None:
            return composite
        found = PIXEL_SELECTIONS.get(self.pixel_selection)
        if found is None:
            what = f"There is no pixel selection {self.pixel_selection[:80]!r}."
            raise InvalidInput(what, parameter="pixel_selection", valid=", ".join(PIXEL_SELECTIONS))
        if composite not in (NEWEST, found):
            what = "composite and pixel_selection ask for two things."
            raise InvalidInput(what, parameter="pixel_selection", valid="one of the two")
        return found


class PictureParameters(ValueParameters):
    """Which values, and how they look."""

    rescale: Texts = Field([], description="Values of the first and last colour, `-0.2,0.9`; for RGB once or thrice.")
    colormap_name: Text | None = Field(None, description="A colormap of `/colorMaps`; `_r` behind it reverses.")
    colormap: Annotated[str, Field(max_length=MAX_COLORMAP)] | None = Field(
        None, description="Colours of numbers or of ranges as JSON, as TiTiler takes them."
    )
    color_formula: Text | None = Field(
        None, description="Colour correction of three outputs, such as `gamma RGB 1.3, saturation 1.2`."
    )
    belowmincolor: Text | None = Field(
        None, description="Colour of values below the range: `extend` (the default), `transparent`, or a colour."
    )
    abovemaxcolor: Text | None = Field(None, description="Colour of values above the range, in the same way.")

    def options(self) -> ImageOptions:
        """The same as text. Raises InvalidInput."""
        return replace(
            super().options(),
            rescale=tuple(parse_rescale(self.rescale)),
            colormap_name=self.colormap_name,
            colormap=self.colormap,
            color_formula=self.color_formula,
            belowmincolor=self.belowmincolor,
            abovemaxcolor=self.abovemaxcolor,
        )


class AnswerParameters(BaseModel):
    """What is answered where not all is there."""

    model_config = ConfigDict(extra="forbid")

    strict: bool = Field(False, description="Answer 502 rather than a picture from which scenes are missing.")
    empty: Annotated[str, Field(pattern="^(200|204)$")] = Field(
        "200", description="Status of a picture without data: `200` (transparent) or `204`."
    )


class DeliveryParameters(AnswerParameters):
    """In which form, whatever is shown, and on how many pixels."""

    format: Text | None = Field(
        None,
        description="As behind the address. "
        + " ".join(f"`{name}`: {each.description}." for name, each in NAMED.items()),
    )
    tilesize: Annotated[int, Field(ge=64, le=MAX_SIZE)] = Field(256, description="Pixels a side, before `@2x`.")
    buffer: Annotated[float, Field(ge=0, le=MAX_BUFFER, multiple_of=0.5)] = Field(
        0, description="Pixels around the tile, on each side, that the picture is larger."
    )
    preview: Annotated[int, Field(ge=0, le=MAX_PREVIEW)] = Field(
        0,
        description="Answer sooner with a coarser image where the right one has to be fetched, made of the finest "
        "overviews in memory, or else the coarsest; where observations are missing, of so many, the first in order. "
        "`X-Scog-Preview` says how coarse it is (`ratio=8; observations=1`), and it may be cached for 5 s only.",
    )


class TileParameters(DeliveryParameters, PictureParameters):
    """Which values, how they look, and in which form."""


def tile_address(z: str, x: str, y: str) -> tuple[int, int, int]:
    """Zoom, column and row, digits only; zooms may be negative. Raises OutOfRange, for such a tile does not exist."""
    if not (_ZOOM.fullmatch(z) and _WHOLE.fullmatch(x) and _WHOLE.fullmatch(y)):
        raise OutOfRange(
            "A tile's address is three whole numbers.", parameter="z/x/y", valid="such as /tiles/12/2170/1450"
        )
    return int(z), int(x), int(y)


_WHOLE = re.compile(r"\d{1,10}", re.ASCII)
_ZOOM = re.compile(r"\d{1,9}|-[1-9]\d{0,8}", re.ASCII)


def parse_place(lon: str, lat: str) -> tuple[float, float]:
    """Longitude and latitude in degrees. Raises OutOfRange, for such a place does not exist."""
    if not (NUMBER.fullmatch(lon) and NUMBER.fullmatch(lat)):
        raise OutOfRange("A place is two numbers.", parameter="lon,lat", valid="such as /point/11.35,46.5")
    return float(lon), float(lat)


async def no_doubles(request: Request) -> None:
    """Refuse parameters given twice: else each repetition would make another key for every cache on the way."""
    names = Counter(name for name, _ in request.query_params.multi_items())
    for name, count in names.items():
        if count > 1 and name not in REPEATABLE:
            raise InvalidInput(
                f"The parameter {name[:64]!r} is given {count} times.", parameter=name[:64], valid="once"
            )


Scenes = Annotated[SceneParameters, Query()]
Values = Annotated[ValueParameters, Query()]
Tile = Annotated[TileParameters, Query()]
Delivery = Annotated[DeliveryParameters, Query()]
TileMatrixSetId = Annotated[
    str, Path(alias="tileMatrixSetId", description="A grid of `/tileMatrixSets`, such as `UPSArcticWGS84Quad`.")
]
