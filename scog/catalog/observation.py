"""From scenes to observations: what one pass saw belongs together, and a reprocessed scene counts once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from scog.catalog.scene import Scene
from scog.geo.footprint import Bounds, Footprints

SAME_PASS = timedelta(minutes=20)
"""Scenes of one platform without an orbit number that are closer than this are one pass; a revolution takes 100."""
KEPT_ANSWERS = 1024
"""Places whose observations a set remembers: the tiles of a view are asked for again and again."""


@dataclass(frozen=True, eq=False)
class Observation:
    """The scenes of one pass, squares and strips alike, in their total order: time, square, id."""

    time: datetime
    scenes: tuple[Scene, ...]

    @property
    def key(self) -> tuple[datetime, str]:
        """What tells one observation from another."""
        return self.time, self.scenes[0].platform


class SceneSet:
    """Scenes as observations, newest first, ready to be asked for those that touch a place."""

    def __init__(self, scenes: Iterable[Scene]) -> None:
        passes = _by_pass(latest_versions(scenes))
        observations = [tuple(sorted(group, key=lambda scene: scene.order)) for group in passes]
        observations.sort(key=lambda group: (group[0].time, group[0].platform), reverse=True)
        self._observations = [Observation(group[0].time, group) for group in observations]
        self.scenes = tuple(scene for group in observations for scene in group)
        self._owner = np.repeat(np.arange(len(observations)), [len(group) for group in observations])
        self._asked: dict[Bounds, list[Observation]] = {}
        self._footprints = Footprints([scene.footprint for scene in self.scenes])

    def touching(self, bounds: Bounds) -> list[Observation]:
        """Observations that touch bounds in degrees, newest first, with just those of their scenes that do."""
        known = self._asked.get(bounds)
        if known is None:
            if len(self._asked) >= KEPT_ANSWERS:
                self._asked.clear()
            known = self._asked[bounds] = self._touching(bounds)
        return known

    def _touching(self, bounds: Bounds) -> list[Observation]:
        found: list[Observation] = []
        owner = -1
        scenes: list[Scene] = []
        for index in self._footprints.touching(bounds).nonzero()[0]:
            if self._owner[index] != owner:
                if scenes:
                    found.append(Observation(self._observations[owner].time, tuple(scenes)))
                owner, scenes = int(self._owner[index]), []
            scenes.append(self.scenes[index])
        if scenes:
            found.append(Observation(self._observations[owner].time, tuple(scenes)))
        return found


def latest_versions(scenes: Iterable[Scene]) -> list[Scene]:
    """The scenes without those that were processed again later, and each once, however many searches found it.

    Two of one id that were taken at different times are two.
    """
    kept: dict[object, Scene] = {}
    for scene in scenes:
        key = (scene.collection, *((scene.twin, scene.time.date()) if scene.twin else (scene.id, scene.time)))
        other = kept.get(key)
        if other is None or (scene.generated, scene.id) > (other.generated, other.id):
            kept[key] = scene
    return list(kept.values())


def _by_pass(scenes: Sequence[Scene]) -> list[list[Scene]]:
    """Scenes of one platform and absolute orbit together; without an orbit number, by nearness in time."""
    groups: dict[tuple[str, str], list[Scene]] = {}
    loose: list[list[Scene]] = []
    for scene in sorted(scenes, key=lambda scene: (scene.platform, scene.time)):
        if scene.orbit is not None:
            groups.setdefault((scene.platform, scene.orbit), []).append(scene)
        elif loose and loose[-1][-1].platform == scene.platform and scene.time - loose[-1][-1].time < SAME_PASS:
            loose[-1].append(scene)
        else:
            loose.append([scene])
    return [*groups.values(), *loose]
