"""The scene classification (SCL) of Sentinel-2 Level-2A: class numbers, names and ESA's colours.

Source: https://sentiwiki.copernicus.eu/web/s2-processing, "Scene Classification".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class SceneClass:
    """One class: pixel value, name and colour `(red, green, blue)`."""

    number: int
    name: str
    color: tuple[int, int, int]


SCENE_CLASSES: tuple[SceneClass, ...] = (
    SceneClass(0, "no data", (0, 0, 0)),
    SceneClass(1, "saturated or defective", (255, 0, 0)),
    SceneClass(2, "dark area", (47, 47, 47)),
    SceneClass(3, "cloud shadow", (100, 50, 0)),
    SceneClass(4, "vegetation", (0, 160, 0)),
    SceneClass(5, "not vegetated", (255, 230, 90)),
    SceneClass(6, "water", (0, 0, 255)),
    SceneClass(7, "unclassified", (128, 128, 128)),
    SceneClass(8, "cloud, medium probability", (192, 192, 192)),
    SceneClass(9, "cloud, high probability", (255, 255, 255)),
    SceneClass(10, "thin cirrus", (100, 200, 255)),
    SceneClass(11, "snow or ice", (255, 150, 255)),
)

BY_NUMBER: Mapping[int, SceneClass] = MappingProxyType({each.number: each for each in SCENE_CLASSES})
CLOUDS = frozenset({0, 1, 3, 8, 9, 10})
"""Cloud, cloud shadow and invalid classes: the pixels that the default mask removes."""
