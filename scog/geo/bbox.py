"""Parsing of bounding boxes in requests, for every route and command.

A box is four numbers, or six with heights. West is greater than east if the box crosses the antimeridian (RFC 7946,
section 5).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from scog.errors import InvalidInput
from scog.geo.antimeridian import split_bounds
from scog.geo.footprint import Bounds
from scog.geo.outline import is_finite

VALID_BOX = "west,south,east,north in degrees (or west,south,lowest,east,north,highest), such as 11.2,46.4,11.5,46.6"
_NUMBER = re.compile(r"[+-]?(\d{1,64}\.?\d{0,64}|\.\d{1,64})([eE][+-]?\d{1,3})?", re.ASCII)


def parse_bbox(text: str, parameter: str = "bbox") -> Bounds | None:
    """Bounds from text such as `11.2,46.4,11.5,46.6`; None as in `bounds_from_numbers`. Raises InvalidInput."""
    return bounds_from_numbers(parse_numbers(text, parameter), parameter)


def parse_numbers(text: str, parameter: str = "bbox") -> list[float]:
    """Comma-separated numbers as floats. Raises InvalidInput if one of them is not a number."""
    parts = [part.strip() for part in text.split(",")]
    if not all(_NUMBER.fullmatch(part) for part in parts):
        raise InvalidInput(f"{text[:80]!r} is not a bounding box.", parameter=parameter, valid=VALID_BOX)
    return [float(part) for part in parts]


def bounds_from_numbers(numbers: Sequence[object], parameter: str = "bbox") -> Bounds | None:
    """Bounds from four or six numbers, in degrees; None if the heights exclude 0, the height of all footprints.

    The box may have no width or height. Raises InvalidInput if it is not a bounding box.
    """
    values = [float(value) for value in numbers if is_finite(value)]  # type: ignore[arg-type]
    if len(values) != len(numbers) or len(values) not in (4, 6):
        raise InvalidInput("A bounding box must be four or six numbers.", parameter=parameter, valid=VALID_BOX)
    half = len(values) // 2
    (west, south), (east, north) = values[:2], values[half : half + 2]
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90):
        raise InvalidInput(
            "The bounding box exceeds the world's bounds, or its south is greater than its north.",
            parameter=parameter,
            valid=VALID_BOX,
        )
    if half == 3 and values[2] > values[5]:
        raise InvalidInput(
            f"The bounding box's lowest height {values[2]:g} is above its highest {values[5]:g}.",
            parameter=parameter,
            valid=VALID_BOX,
        )
    return None if half == 3 and not values[2] <= 0 <= values[5] else (west, south, east, north)


def boxes_from_numbers(numbers: Sequence[object], parameter: str = "bbox") -> list[Bounds]:
    """As `bounds_from_numbers`, as boxes with west <= east: none, one, or two if the box crosses the antimeridian."""
    bounds = bounds_from_numbers(numbers, parameter)
    return [] if bounds is None else list(split_bounds(bounds))


def parse_map_bbox(text: str) -> Bounds:
    """Bounds in degrees, from text. Raises InvalidInput unless they have an area and do not cross the antimeridian."""
    box = parse_bbox(text)
    if box is None or not (box[0] < box[2] and box[1] < box[3]):
        message = "The bounding box has no area or crosses the antimeridian."
        raise InvalidInput(message, parameter="bbox", valid="west,south,east,north in degrees, west less than east")
    return box


def parse_corners(texts: Sequence[str]) -> Bounds:
    """A box in any CRS from four texts. Raises InvalidInput if they are not four numbers."""
    if len(texts) != 4 or not all(_NUMBER.fullmatch(text.strip()) for text in texts):
        valid = "min x, min y, max x, max y, such as 11.2,46.4,11.5,46.6"
        raise InvalidInput("A box must be four numbers.", parameter="bbox", valid=valid)
    west, south, east, north = map(float, texts)
    return west, south, east, north
