"""Selection of a few scenes that cover a wide area, for images at low zoom that cannot read every scene."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scog.catalog.observation import Observation
from scog.geo.footprint import Bounds, Footprints

CELLS = 24
"""Cells per side of the grid for computing coverage."""
DEPTH = 3
"""Number of scenes to choose for each cell. One scene fills the clouded pixels of another."""


class Coverage(NamedTuple):
    """Scenes that cover an area, as observations. `complete`: more candidates would hardly change them."""

    observations: list[Observation]
    complete: bool


def choose_cover(observations: Sequence[Observation], bounds: Bounds, max_scenes: int) -> Coverage:
    """The `max_scenes` scenes, or fewer, that cover `bounds` best, as observations in the given order.

    The first layer takes, in order, each scene that covers a cell without a scene; a second and a third layer follow
    while fewer than `max_scenes` are chosen. If even the first layer does not fit, a greedy choice takes the scenes
    that add the most cells.
    """
    scenes = [scene for observation in observations for scene in observation.scenes]
    cells = Footprints([scene.footprint for scene in scenes]).cells(bounds, CELLS)
    chosen = np.zeros(len(scenes), bool)
    _add_layer(chosen, cells, 1, max_scenes)
    if (cells[chosen].any(axis=0) != cells.any(axis=0)).any():
        chosen = _choose_greedily(cells, max_scenes)
        return Coverage(_subset(observations, chosen), complete=True)
    for layer in range(2, DEPTH + 1):
        _add_layer(chosen, cells, layer, max_scenes)
    depth = cells[chosen].sum(axis=0)
    full = bool(chosen.sum() >= max_scenes or (depth >= DEPTH).all())
    return Coverage(_subset(observations, chosen), complete=full and bool(depth.all()))


def _add_layer(chosen: NDArray[np.bool_], cells: NDArray[np.bool_], layer: int, max_scenes: int) -> None:
    """Add to `chosen`, in order, each scene that covers a cell with fewer than `layer` chosen scenes.

    `cells` has the shape `(scene, cell)`: whether a scene covers a cell.
    """
    depth = cells[chosen].sum(axis=0)
    for index in (~chosen).nonzero()[0]:
        if chosen.sum() >= max_scenes:
            return
        if (depth[cells[index]] < layer).any():
            chosen[index] = True
            depth += cells[index]


def _choose_greedily(cells: NDArray[np.bool_], max_scenes: int) -> NDArray[np.bool_]:
    """Mask of the chosen scenes: at each step the scene that covers the most uncovered cells."""
    chosen, uncovered = np.zeros(len(cells), bool), cells.copy()
    for _ in range(max_scenes):
        index = int(np.count_nonzero(uncovered, axis=1).argmax())
        if not uncovered[index].any():
            break
        chosen[index] = True
        uncovered &= ~cells[index]
    return chosen


def _subset(observations: Sequence[Observation], chosen: NDArray[np.bool_]) -> list[Observation]:
    """The observations with only their chosen scenes; those without any are dropped."""
    subset, start = [], 0
    for observation in observations:
        mask = chosen[start : start + len(observation.scenes)]
        start += len(observation.scenes)
        scenes = tuple(scene for scene, is_chosen in zip(observation.scenes, mask, strict=True) if is_chosen)
        if scenes:
            subset.append(Observation(observation.time, scenes))
    return subset
