"""Groups scenes into observations, one per overpass, and drops superseded processing versions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from scog.catalog.scene import Scene
from scog.geo.footprint import Bounds, Footprints

SAME_PASS = timedelta(minutes=20)
"""Maximum time between successive scenes of one overpass, for scenes without an orbit number.

An orbit takes 100 minutes.
"""
MAX_CACHED_BOUNDS = 1024
"""Maximum number of bounds with cached observations. The tiles of a view are requested repeatedly."""


@dataclass(frozen=True, eq=False)
class Observation:
    """The scenes of one overpass, of all MGRS tiles and datastrips, in the order of time, MGRS tile and id."""

    time: datetime
    scenes: tuple[Scene, ...]

    @property
    def key(self) -> tuple[datetime, str]:
        """Time and source, which identify the observation."""
        return self.time, self.scenes[0].source


class SceneSet:
    """Scenes as observations, newest first, with a spatial lookup."""

    def __init__(self, scenes: Iterable[Scene]) -> None:
        overpasses = _by_overpass(latest_versions(scenes))
        groups = [tuple(sorted(group, key=lambda scene: scene.sort_key)) for group in overpasses]
        groups.sort(key=lambda group: (group[0].time, group[0].source), reverse=True)
        self._observations = [Observation(group[0].time, group) for group in groups]
        self.scenes = tuple(scene for group in groups for scene in group)
        self._observation_index = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
        self._cached: dict[Bounds, list[Observation]] = {}
        self._footprints = Footprints([scene.footprint for scene in self.scenes])

    def touching(self, bounds: Bounds) -> list[Observation]:
        """Observations that intersect bounds in degrees, newest first, without their scenes outside the bounds."""
        observations = self._cached.get(bounds)
        if observations is None:
            if len(self._cached) >= MAX_CACHED_BOUNDS:
                self._cached.clear()
            observations = self._cached[bounds] = self._touching(bounds)
        return observations

    def _touching(self, bounds: Bounds) -> list[Observation]:
        observations: list[Observation] = []
        current = -1
        scenes: list[Scene] = []
        for index in self._footprints.touching(bounds).nonzero()[0]:
            if self._observation_index[index] != current:
                if scenes:
                    observations.append(Observation(self._observations[current].time, tuple(scenes)))
                current, scenes = int(self._observation_index[index]), []
            scenes.append(self.scenes[index])
        if scenes:
            observations.append(Observation(self._observations[current].time, tuple(scenes)))
        return observations


def latest_versions(scenes: Iterable[Scene]) -> list[Scene]:
    """The scenes without duplicates and superseded processing versions.

    Scenes with the same id but different times are different scenes.
    """
    latest: dict[object, Scene] = {}
    for scene in scenes:
        key = (
            scene.collection,
            *((scene.acquisition_key, scene.time.date()) if scene.acquisition_key else (scene.id, scene.time)),
        )
        previous = latest.get(key)
        if previous is None or (scene.processed_at, scene.id) > (previous.processed_at, previous.id):
            latest[key] = scene
    return list(latest.values())


def _by_overpass(scenes: Sequence[Scene]) -> list[list[Scene]]:
    """Group scenes by source and absolute orbit; those without an orbit number by source and nearness in time."""
    by_orbit: dict[tuple[str, str], list[Scene]] = {}
    by_time: list[list[Scene]] = []
    for scene in sorted(scenes, key=lambda scene: (scene.source, scene.time)):
        if scene.orbit is not None:
            by_orbit.setdefault((scene.source, scene.orbit), []).append(scene)
        elif by_time and by_time[-1][-1].source == scene.source and scene.time - by_time[-1][-1].time < SAME_PASS:
            by_time[-1].append(scene)
        else:
            by_time.append([scene])
    return [*by_orbit.values(), *by_time]
