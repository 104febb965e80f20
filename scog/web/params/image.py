"""Parameters of an image, the same on every route: from a path and a query string to an image request and a style."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import Annotated

from fastapi import Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from scog.catalog.query import OrbitState
from scog.composite.change import Change
from scog.composite.dilation import MAX_METRES
from scog.composite.methods import COUNT, MAX, MEAN, MEDIAN, MIN, NEWEST, STD, VALID, Composite, parse_composite
from scog.errors import InvalidInput, OutOfRange
from scog.imaging.engine import Engine
from scog.imaging.formats import FORMATS_BY_NAME
from scog.imaging.options import ImageOptions, StyledRequest
from scog.imaging.request import SceneFilter
from scog.render.ramp import NUMBER, parse_rescale
from scog.suggest import quoted
from scog.temporal.intervals import Interval, parse_interval
from scog.warp.resample import Resampling

REPEATABLE = frozenset({"bands", "assets", "rescale", "p"})
"""Parameters that a query string may contain several times."""
MAX_VALUES = 16
"""Maximum number of values of a repeatable parameter."""
MAX_COLORMAP = 8192
"""Maximum length of a colormap as JSON, in characters."""
MAX_SIZE = 1024
"""Maximum tile size in pixels, without the buffer."""
MAX_BUFFER = 128
"""Maximum buffer of a tile in pixels."""
MAX_PREVIEW = 16
"""Maximum number of observations of a preview."""

MASK = (
    "Pixels to mask: sets of the collection such as `clouds`, classes or bits by name or number such as `3,8,9`, and "
    "expressions such as `cloud > 40`, separated by commas; or `none`. Default: the collection's; `none` for classes."
)
"""Description of the parameter `mask`."""

PIXEL_SELECTIONS = {
    "first": NEWEST,
    "median": MEDIAN,
    "mean": MEAN,
    "lowest": MIN,
    "highest": MAX,
    "stdev": STD,
    "count": COUNT,
}
"""Composites by TiTiler's names. `first` is `newest`, as scenes are ordered newest first."""

OFFSET_DESCRIPTION = (
    "Reflectance offset of Sentinel-2's bands, instead of the one that the metadata states: `applied` (0), `missing` "
    "(-0.1), `detect` (estimated from the pixels), or a number such as `-0.1`."
)

Text = Annotated[str, Field(max_length=512)]
Texts = Annotated[list[Annotated[str, Field(max_length=512)]], Field(max_length=MAX_VALUES)]


class SceneParameters(BaseModel):
    """Parameters that select scenes."""

    model_config = ConfigDict(extra="forbid")

    datetime: Text | None = Field(
        None,
        description="A date, an RFC 3339 date-time, or an interval of two, with `..` for an open end. "
        "Default: the last 90 days; for a local archive, those up to its newest scene.",
    )
    cloud_cover: float = Field(60, ge=0, le=100, description="Maximum cloud cover of a scene, in percent.")
    collection: Text | None = Field(
        None,
        description="Id of a STAC collection, or several of one catalogue separated by commas (see `/collections`). If "
        "several catalogues of the server have it: `ID@CATALOGUE`. Default: the first catalogue's; of a local archive, "
        "all.",
    )
    orbit: OrbitState | None = Field(
        None,
        description="Direction of flight, `ascending` or `descending`: excludes scenes whose `sat:orbit_state` is "
        "another, or unknown.",
    )

    def time_range(self) -> Interval | None:
        """The requested interval, if any. Raises InvalidInput."""
        return parse_interval(self.datetime) if self.datetime is not None else None

    def scene_filter(self) -> SceneFilter:
        """The filter that selects scenes. Raises InvalidInput."""
        return SceneFilter(self.time_range(), self.cloud_cover, self.collection, orbit=self.orbit)


class ValueParameters(SceneParameters):
    """Parameters that select scenes, and determine values: expression, mask, composite, comparison."""

    index: Text | None = Field(
        None,
        description="Name of an index (see `/indices`), such as `ndvi`, of a quantity, or of a band with classes, such "
        "as `scl` (see `/bands`). Default: the collection's.",
    )
    expression: Text | None = Field(None, description="Expression over bands, such as `(nir-red)/(nir+red)`.")
    bands: Texts = Field(
        [], description="A preset such as `agriculture`, one band, or three bands for red, green and blue."
    )
    assets: Texts = Field([], description="TiTiler's name for `bands`.")
    classes: Text | None = Field(
        None,
        description="Thresholds that divide the values into classes, with names and colours: `bare:tan,0.2,green`.",
    )
    mask: Text | None = Field(None, description=MASK)
    mask_dilate: float = Field(0, ge=0, le=MAX_METRES, description="Mask dilation, in metres on the ground.")
    composite: Text = Field(
        NEWEST.name,
        description=f"How observations are reduced to one image, after each is masked (see `/composites`): {VALID}.",
    )
    resampling: Resampling = Field(Resampling.NEAREST, description="Resampling method.")
    offset: Text | None = Field(None, description=OFFSET_DESCRIPTION)
    pixel_selection: Text | None = Field(
        None, description=f"TiTiler's name for `composite`: {', '.join(PIXEL_SELECTIONS)}."
    )
    compare: Text | None = Field(
        None, description="A second period, in the form of `datetime`. The image is the first period minus the second."
    )
    compare_as: Change | None = Field(
        None, description="`difference` (the default), or `ratio`: the first period divided by the second."
    )

    async def parse(self, request: Request) -> StyledRequest:
        """The image request and the style. Raises InvalidInput."""
        engine: Engine = request.app.state.engine
        return self.options().parse(await engine.profile(self.collection))

    def options(self) -> ImageOptions:
        """The options, with TiTiler's names translated to scog's. Raises InvalidInput."""
        bands = (band.strip() for text in (*self.bands, *self.assets) for band in text.split(","))
        return ImageOptions(
            datetime=self.datetime,
            cloud_cover=self.cloud_cover,
            collection=self.collection,
            orbit=self.orbit,
            index=self.index,
            expression=self.expression,
            bands=tuple(bands),
            mask=self.mask,
            mask_dilate=self.mask_dilate,
            composite=self._composite().name,
            resampling=self.resampling,
            offset=self.offset,
            compare=self.compare,
            compare_as=self.compare_as,
            classes=self.classes,
        )

    def _composite(self) -> Composite:
        """The composite, by its own name or TiTiler's. Raises InvalidInput."""
        composite = parse_composite(self.composite)
        if self.pixel_selection is None:
            return composite
        selected = PIXEL_SELECTIONS.get(self.pixel_selection)
        if selected is None:
            message = f"Unknown pixel selection {quoted(self.pixel_selection)}."
            raise InvalidInput(message, parameter="pixel_selection", valid=", ".join(PIXEL_SELECTIONS))
        if composite not in (NEWEST, selected):
            message = f"composite is {composite.name!r}, but pixel_selection is {self.pixel_selection!r}."
            raise InvalidInput(message, parameter="pixel_selection", valid="only one of the two")
        return selected


class ImageParameters(ValueParameters):
    """Parameters of an image: its values and its style."""

    rescale: Texts = Field(
        [], description="Minimum and maximum of the colour range: `-0.2,0.9`. For RGB, one range or three."
    )
    colormap_name: Text | None = Field(
        None, description="Name of a colormap (see `/colorMaps`). The suffix `_r` reverses it."
    )
    colormap: Annotated[str, Field(max_length=MAX_COLORMAP)] | None = Field(
        None, description="Colormap as JSON, in TiTiler's format: colours of values or of intervals."
    )
    color_formula: Text | None = Field(
        None, description="Colour correction of an RGB image, such as `gamma RGB 1.3, saturation 1.2`."
    )
    belowmincolor: Text | None = Field(
        None,
        description="Colour of values below the range: `extend` (the first colour, the default), `transparent`, or a "
        "colour.",
    )
    abovemaxcolor: Text | None = Field(
        None,
        description="Colour of values above the range: `extend` (the last colour, the default), `transparent`, or a "
        "colour.",
    )

    def options(self) -> ImageOptions:
        """The options, style included. Raises InvalidInput."""
        return replace(
            super().options(),
            rescale=tuple(parse_rescale(self.rescale)),
            colormap_name=self.colormap_name,
            colormap=self.colormap,
            color_formula=self.color_formula,
            belowmincolor=self.belowmincolor,
            abovemaxcolor=self.abovemaxcolor,
        )


class ResponseParameters(BaseModel):
    """Parameters of the response if scenes or valid pixels are missing."""

    model_config = ConfigDict(extra="forbid")

    strict: bool = Field(False, description="Respond with 502 if scenes are missing from the image.")
    empty: Annotated[str, Field(pattern="^(200|204)$")] = Field(
        "200", description="Status if the image has no valid pixels: `200` (a transparent image) or `204`."
    )


class OutputParameters(ResponseParameters):
    """Format and size of a tile."""

    format: Text | None = Field(
        None,
        description="File format, if the path has no suffix. "
        + " ".join(f"`{name}`: {each.description}." for name, each in FORMATS_BY_NAME.items()),
    )
    tilesize: Annotated[int, Field(ge=64, le=MAX_SIZE)] = Field(
        256, description="Width and height of the tile in pixels. `@2x` doubles it."
    )
    buffer: Annotated[float, Field(ge=0, le=MAX_BUFFER, multiple_of=0.5)] = Field(
        0, description="Pixels added on each side of the tile."
    )
    preview: Annotated[int, Field(ge=0, le=MAX_PREVIEW)] = Field(
        0,
        description="If above 0 and blocks of the image have to be downloaded, return a coarser image sooner: from the "
        "finest overviews in memory, or else from the coarsest. If observations have to be downloaded, it uses at most "
        "this number of observations, in the composite's order. `X-Scog-Preview` states how coarse it is "
        "(`ratio=8; observations=1`). It may be cached for 5 s only.",
    )


class TileParameters(OutputParameters, ImageParameters):
    """Parameters of a tile: values, style, format and size."""


def parse_tile_address(z: str, x: str, y: str) -> tuple[int, int, int]:
    """Zoom, column and row of a tile. Zooms may be negative. Raises OutOfRange unless all are integers."""
    if not (_ZOOM.fullmatch(z) and _NATURAL.fullmatch(x) and _NATURAL.fullmatch(y)):
        message = f"Invalid tile {quoted(f'{z}/{x}/{y}')}: zoom, column and row must be integers."
        raise OutOfRange(message, parameter="z/x/y", valid="such as /tiles/12/2170/1450")
    return int(z), int(x), int(y)


_NATURAL = re.compile(r"\d{1,10}", re.ASCII)
_ZOOM = re.compile(r"\d{1,9}|-[1-9]\d{0,8}", re.ASCII)


def parse_point(lon: str, lat: str) -> tuple[float, float]:
    """Longitude and latitude in degrees. Raises OutOfRange unless both are numbers."""
    if not (NUMBER.fullmatch(lon) and NUMBER.fullmatch(lat)):
        message = f"Invalid point {quoted(f'{lon},{lat}')}: longitude and latitude must be numbers."
        raise OutOfRange(message, parameter="lon,lat", valid="such as /point/11.35,46.5")
    return float(lon), float(lat)


async def reject_repeated(request: Request) -> None:
    """Raise InvalidInput if a parameter that takes one value is repeated.

    Otherwise the same image would have many URLs, each with its own entry in caches.
    """
    counts = Counter(name for name, _ in request.query_params.multi_items())
    for name, count in counts.items():
        if count > 1 and name not in REPEATABLE:
            message = f"The parameter {name[:64]!r} is given {count} times."
            raise InvalidInput(message, parameter=name[:64], valid="once")


Zoom = Annotated[str, Path(description="Zoom level.")]
Column = Annotated[str, Path(description="Column of the tile, from the left.")]
Row = Annotated[str, Path(description="Row of the tile, from the top.")]
RowWithFormat = Annotated[
    str, Path(description="Row of the tile, from the top. `@2x` and a format may follow: `1547@2x.png`.")
]
Longitude = Annotated[str, Path(description="Longitude in degrees.")]
Latitude = Annotated[str, Path(description="Latitude in degrees.")]
ValueQuery = Annotated[ValueParameters, Query()]
TileQuery = Annotated[TileParameters, Query()]
OutputQuery = Annotated[OutputParameters, Query()]
TileMatrixSetId = Annotated[
    str,
    Path(
        alias="tileMatrixSetId",
        description="Id of a tile matrix set (see `/tileMatrixSets`), such as `UPSArcticWGS84Quad`.",
    ),
]
