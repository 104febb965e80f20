"""Few scenes that cover a wide area: for pictures so small in scale that every scene would be too many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scog.catalog.observation import Observation
from scog.geo.footprint import Bounds, Footprints

CELLS = 24
"""The area is looked at in 24 x 24 cells."""
DEPTH = 3
"""Scenes wanted over each cell in the end, so that one fills the clouds of another."""


class Coverage(NamedTuple):
    """Scenes that cover an area, as observations; `complete` where further scenes would hardly be taken."""

    observations: list[Observation]
    complete: bool


def choose_cover(observations: Sequence[Observation], bounds: Bounds, most: int) -> Coverage:
    """At most `most` scenes that cover bounds as well as they can, as observations in the order given.

    The newest scene that shows something not shown yet is taken first, over the whole area; then, while there is
    room, a second and a third layer. Where there is no room for even one layer, those that show most are taken.
    """
    scenes = [scene for observation in observations for scene in observation.scenes]
    cells = Footprints([scene.footprint for scene in scenes]).cells(bounds, CELLS)
    chosen = np.zeros(len(scenes), bool)
    _add_layer(chosen, cells, 1, most)
    if (cells[chosen].any(axis=0) != cells.any(axis=0)).any():
        chosen = _largest(cells, most)
        return Coverage(_kept(observations, chosen), complete=True)
    for wanted in range(2, DEPTH + 1):
        _add_layer(chosen, cells, wanted, most)
    depth = cells[chosen].sum(axis=0)
    full = bool(chosen.sum() >= most or (depth >= DEPTH).all())
    return Coverage(_kept(observations, chosen), complete=full and bool(depth.all()))


def _add_layer(chosen: NDArray[np.bool_], cells: NDArray[np.bool_], wanted: int, most: int) -> None:
    """Choose each scene in its turn that shows a cell of which there are fewer than `wanted` so far."""
    depth = cells[chosen].sum(axis=0)
    for index in (~chosen).nonzero()[0]:
        if chosen.sum() >= most:
            return
        if (depth[cells[index]] < wanted).any():
            chosen[index] = True
            depth += cells[index]


def _largest(cells: NDArray[np.bool_], most: int) -> NDArray[np.bool_]:
    """Choose, one after the other, the scene that shows most of what is not shown yet."""
    chosen, left = np.zeros(len(cells), bool), cells.copy()
    for _ in range(most):
        index = int(np.count_nonzero(left, axis=1).argmax())
        if not left[index].any():
            break
        chosen[index] = True
        left &= ~cells[index]
    return chosen


def _kept(observations: Sequence[Observation], chosen: NDArray[np.bool_]) -> list[Observation]:
    found, first = [], 0
    for observation in observations:
        picked = chosen[first : first + len(observation.scenes)]
        first += len(observation.scenes)
        scenes = tuple(scene for scene, keep in zip(observation.scenes, picked, strict=True) if keep)
        if scenes:
            found.append(Observation(observation.time, scenes))
    return found
