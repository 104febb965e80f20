"""The parameters of a picture, the same on every route: from the query string to what `draw` and `picture` take."""

from __future__ import annotations

import re
from collections import Counter
from typing import Annotated

from fastapi import Query, Request
from pydantic import BaseModel, ConfigDict, Field

from scog.catalog.when import Interval, parse_interval
from scog.draw import Ask
from scog.errors import InvalidInput, OutOfRange
from scog.look import Look, look_of
from scog.pixels.mask import parse_mask

REPEATABLE = frozenset({"bands", "assets", "rescale"})
MAX_VALUES = 16
"""Values of one repeatable parameter."""

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

    def interval(self) -> Interval | None:
        """The time range asked for, if any. Raises InvalidInput."""
        return parse_interval(self.datetime) if self.datetime is not None else None


class ValueParameters(SceneParameters):
    """Which values."""

    index: Text | None = Field(None, description="An index by name, such as `ndvi` (the default).")
    expression: Text | None = Field(None, description="A formula over bands, such as `(nir-red)/(nir+red)`.")
    bands: Texts = Field([], description="Three bands as red, green and blue, such as `red,green,blue`.")
    assets: Texts = Field([], description="The same as `bands`, as TiTiler writes it.")
    mask: Text = Field("clouds", description="`clouds`, `none`, or SCL classes to take out, such as `3,8,9`.")
    composite: Text = Field("newest", description="How observations become one picture: `newest`.")

    def ask(self) -> Ask:
        """What to draw. Raises InvalidInput."""
        if self.composite != "newest":
            raise InvalidInput(f"There is no composite {self.composite[:80]!r}.", parameter="composite", valid="newest")
        return Ask(
            expression=self._look([], None).expression,
            mask=parse_mask(self.mask),
            cloud_cover=self.cloud_cover,
            interval=self.interval(),
            collection=self.collection,
        )

    def _look(self, rescale: list[str], colormap_name: str | None) -> Look:
        bands = [band.strip() for text in (*self.bands, *self.assets) for band in text.split(",")]
        return look_of(
            index=self.index,
            expression=self.expression,
            bands=bands,
            rescale=parse_rescale(rescale),
            colormap=colormap_name,
        )


class PictureParameters(ValueParameters):
    """Which values, and how they look."""

    rescale: Texts = Field([], description="Values of the first and last colour, `-0.2,0.9`; for RGB once or thrice.")
    colormap_name: Text | None = Field(None, description="A colormap of cmap's catalogue; `_r` behind it reverses.")
    strict: bool = Field(False, description="Answer 502 rather than a picture from which scenes are missing.")
    empty: Annotated[str, Field(pattern="^(200|204)$")] = Field(
        "200", description="Status of a picture without data: `200` (transparent) or `204`."
    )

    def look(self) -> Look:
        """How it looks. Raises InvalidInput."""
        return self._look(self.rescale, self.colormap_name)


def parse_rescale(texts: list[str]) -> list[tuple[float, float]]:
    """Ranges `low,high`. Raises InvalidInput unless all are finite and ascending."""
    ranges = []
    for text in texts:
        parts = text.split(",")
        if len(parts) % 2 or not all(_NUMBER.fullmatch(part.strip()) for part in parts):
            raise _bad_range(text)
        numbers = [float(part) for part in parts]
        for low, high in zip(numbers[::2], numbers[1::2], strict=True):
            if not (abs(low) < _LARGEST and abs(high) < _LARGEST and low < high):
                raise _bad_range(text)
            ranges.append((low, high))
    return ranges


_NUMBER = re.compile(r"[+-]?(\d{1,64}\.?\d{0,64}|\.\d{1,64})([eE][+-]?\d{1,3})?", re.ASCII)
_LARGEST = 1e30
"""Beyond it float32 arithmetic with the range's ends overflows."""


def _bad_range(text: str) -> InvalidInput:
    return InvalidInput(
        f"{text[:80]!r} is not a range of values.",
        parameter="rescale",
        valid="two finite numbers, the lower first, such as -0.2,0.9",
    )


def tile_address(z: str, x: str, y: str) -> tuple[int, int, int]:
    """Zoom, column and row, digits only. Raises OutOfRange, for such a tile does not exist."""
    if not all(_WHOLE.fullmatch(part) for part in (z, x, y)):
        raise OutOfRange(
            "A tile's address is three whole numbers.", parameter="z/x/y", valid="such as /tiles/12/2170/1450"
        )
    return int(z), int(x), int(y)


_WHOLE = re.compile(r"\d{1,9}", re.ASCII)


def parse_bbox(text: str) -> tuple[float, float, float, float]:
    """West, south, east, north in degrees. Raises InvalidInput."""
    parts = text.split(",")
    valid = "west,south,east,north in degrees, such as 11.2,46.4,11.5,46.6"
    if len(parts) != 4 or not all(_NUMBER.fullmatch(part.strip()) for part in parts):
        raise InvalidInput(f"{text[:80]!r} is not a bounding box.", parameter="bbox", valid=valid)
    west, south, east, north = (float(part) for part in parts)
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
        raise InvalidInput("The bounding box has no area or leaves the world.", parameter="bbox", valid=valid)
    return west, south, east, north


def parse_place(lon: str, lat: str) -> tuple[float, float]:
    """Longitude and latitude in degrees. Raises OutOfRange, for such a place does not exist."""
    if not (_NUMBER.fullmatch(lon) and _NUMBER.fullmatch(lat)):
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
Picture = Annotated[PictureParameters, Query()]
