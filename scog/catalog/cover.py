"""Few scenes that cover a wide area: for pictures so small in scale that every scene would be too many."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from scog.catalog.footprint import Bounds, Footprints
from scog.catalog.observation import Observation

CELLS = 24
"""The area is looked at in 24 x 24 cells."""
DEPTH = 3
"""Scenes wanted over each cell, so that one fills the clouds of another."""


def choose_cover(observations: Sequence[Observation], bounds: Bounds, most: int) -> list[Observation]:
    """At most `most` scenes that cover bounds as well as they can, as observations in the order given.

    The newest scene that shows something not shown yet is taken first, over the whole area; then, while there is
    room, a second and a third layer.
    """
    scenes = [scene for observation in observations for scene in observation.scenes]
    if not scenes:
        return []
    cells = Footprints([scene.footprint for scene in scenes]).cells(bounds, CELLS)
    chosen = np.zeros(len(scenes), bool)
    depth = np.zeros(CELLS * CELLS, np.int32)
    for wanted in range(1, DEPTH + 1):
        for index in range(len(scenes)):
            if not chosen[index] and chosen.sum() < most and (depth[cells[index]] < wanted).any():
                chosen[index] = True
                depth += cells[index]
    return _kept(observations, chosen)


def _kept(observations: Sequence[Observation], chosen: NDArray[np.bool_]) -> list[Observation]:
    found, first = [], 0
    for observation in observations:
        picked = chosen[first : first + len(observation.scenes)]
        first += len(observation.scenes)
        scenes = tuple(scene for scene, keep in zip(observation.scenes, picked, strict=True) if keep)
        if scenes:
            found.append(Observation(observation.time, scenes))
    return found
