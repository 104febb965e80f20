"""The area that all fields of a document cover together, for pictures that are limited to it."""

from __future__ import annotations

import shapely

from scog.errors import InvalidInput
from scog.imaging.clip import ClipArea, area_in
from scog.products.areas.area_of_interest import VALID_AREAS, AreasOfInterest


def area_of_fields(fields: AreasOfInterest) -> tuple[ClipArea, str]:
    """The union of polygons, and what was repaired of them, in words.

    Raises InvalidInput where one of them cannot be used, since a picture could not say so.
    """
    for bad in fields.unusable:
        raise InvalidInput(bad.reason, parameter=f"features[{bad.place}]", valid=VALID_AREAS)
    shapes = [field.shape for field in fields.fields]
    union = shapes[0] if len(shapes) == 1 else shapely.union_all(shapes)
    many = len(shapes) > 1
    notes = [
        f"features[{field.place}]: {field.repaired}" if many else field.repaired
        for field in fields.fields
        if field.repaired is not None
    ]
    return area_in(union), "; ".join(notes)[:1000]
