"""The union of all areas of a document, which clips an image."""

from __future__ import annotations

import shapely

from scog.errors import InvalidInput
from scog.imaging.clip import ClipArea, clip_area
from scog.products.areas.area_of_interest import VALID_AREAS, AreasOfInterest

MAX_NOTE = 1000
"""Maximum characters of the repair notes, which are sent in a header."""


def union_of_areas(areas: AreasOfInterest) -> tuple[ClipArea, str]:
    """The union of the polygons, and a description of their repairs; an empty string if there were none.

    Raises InvalidInput if a feature is unusable: an image could not show that it is missing.
    """
    for unusable in areas.unusable:
        raise InvalidInput(unusable.reason, parameter=f"features[{unusable.index}]", valid=VALID_AREAS)
    shapes = [area.shape for area in areas.areas]
    union = shapes[0] if len(shapes) == 1 else shapely.union_all(shapes)
    several = len(shapes) > 1
    notes = [
        f"features[{area.index}]: {area.repaired}" if several else area.repaired
        for area in areas.areas
        if area.repaired is not None
    ]
    return clip_area(union), "; ".join(notes)[:MAX_NOTE]
