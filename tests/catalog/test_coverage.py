"""Selection of a few scenes for a wide area: maximum coverage, with the newest scenes that achieve it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scog.catalog.coverage import CELLS, choose_cover
from scog.catalog.observation import Observation, SceneSet
from scog.catalog.scene import Scene
from scog.geo.footprint import Bounds, Footprints

AREA: Bounds = (0.0, 40.0, 12.0, 52.0)
NEWEST = datetime(2024, 6, 1, tzinfo=UTC)


def scene(name: str, box: Bounds, days: float = 0.0, orbit: str | None = None) -> Scene:
    west, south, east, north = box
    ring = ((west, south), (east, south), (east, north), (west, north), (west, south))
    taken = NEWEST - timedelta(days=days)
    return Scene(name, "c", taken, "s", name, 0.0, (ring,), {}, orbit or name, None, "")


def choose(scenes: list[Scene], limit: int = 64, bounds: Bounds = AREA) -> tuple[list[Scene], bool]:
    touching = SceneSet(scenes).touching(bounds)
    cover = choose_cover(touching, bounds, limit)
    return [scene for observation in cover.observations for scene in observation.scenes], cover.complete


def coverage(scenes: list[Scene], bounds: Bounds = AREA) -> float:
    """Share of the cells that a scene covers."""
    return float(Footprints([scene.footprint for scene in scenes]).cells(bounds, CELLS).any(axis=0).mean())


def tiling(side: float, days: float = 0.0, name: str = "") -> list[Scene]:
    """Adjacent scenes that cover the whole area."""
    count = round(12 / side)
    return [
        scene(f"{name}{row}-{col}", (col * side, 40 + row * side, (col + 1) * side, 40 + (row + 1) * side), days)
        for row in range(count)
        for col in range(count)
    ]


def test_no_scenes_are_an_empty_choice() -> None:
    assert choose([]) == ([], False)


def test_the_first_layer_is_followed_by_older_ones() -> None:
    layers = [tiling(4.0, days, f"day{days}-") for days in range(5)]
    chosen, complete = choose([each for layer in layers for each in layer])
    assert sorted(each.id for each in chosen) == sorted(each.id for layer in layers[:3] for each in layer)
    assert complete


def test_the_number_of_scenes_is_bounded() -> None:
    chosen, complete = choose(tiling(1.0), limit=64)
    assert len(chosen) == 64
    assert complete
    assert coverage(chosen) == pytest.approx(64 / 144)


def test_the_first_layer_takes_precedence_over_the_second() -> None:
    stack = [scene(f"again{days}", (0, 40, 6, 52), days) for days in range(40)]
    chosen, _ = choose([*stack, scene("other side", (6, 40, 12, 52), 100)], limit=3)
    assert {"again0", "other side"} <= {each.id for each in chosen}


def test_slivers_do_not_displace_uncovered_areas() -> None:
    base = scene("base", (0, 40, 6, 52))
    slivers = [scene(f"sliver{number}", (0, 40, 6.6, 52), 1 + number) for number in range(3)]
    wide = scene("wide", (6, 40, 12, 52), 50)
    chosen, _ = choose([base, *slivers, wide], limit=2)
    assert "wide" in {each.id for each in chosen}
    assert coverage(chosen) == 1.0


def test_the_newest_are_chosen_if_they_fit_although_others_cover_more() -> None:
    small = [scene("north", (0, 46, 12, 52)), scene("south", (0, 40, 12, 46.5))]
    chosen, _ = choose([*small, scene("all", AREA, 1)], limit=2)
    assert {each.id for each in chosen} == {"south", "north"}
    chosen, _ = choose([*small, scene("all", AREA, 1)], limit=1)
    assert [each.id for each in chosen] == ["all"]


def test_gaps_make_the_choice_incomplete() -> None:
    half = [scene(f"half{days}", (0, 40, 6, 52), days) for days in range(10)]
    chosen, complete = choose(half)
    assert not complete
    assert len(chosen) == 3
    _, complete = choose([*half, *(scene(f"rest{days}", (6, 40, 12, 52), days) for days in range(3))])
    assert complete


def test_a_single_layer_below_the_bound_is_incomplete() -> None:
    _, complete = choose(tiling(4.0))
    assert not complete


def test_the_order_of_observations_and_scenes_is_preserved() -> None:
    scenes = [*tiling(4.0, 3, "old"), *tiling(4.0, 1, "new")]
    together = [Scene(**{**vars(each), "orbit": each.id[:3]}) for each in scenes]
    touching = SceneSet(together).touching(AREA)
    cover = choose_cover(touching, AREA, 64)
    assert [observation.time for observation in cover.observations] == [each.time for each in touching]
    assert [len(observation.scenes) for observation in cover.observations] == [9, 9]
    assert [observation.scenes for observation in cover.observations] == [each.scenes for each in touching]


boxes = st.tuples(st.floats(-2, 11), st.floats(38, 51), st.floats(0.5, 6), st.floats(0.5, 6))


@settings(max_examples=40, deadline=None)
@given(st.lists(boxes, max_size=25), st.integers(1, 12))
def test_the_choice_is_bounded_unique_and_nearly_optimal(
    scene_boxes: list[tuple[float, float, float, float]], limit: int
) -> None:
    scenes = [scene(str(place), (x, y, x + w, y + h), place) for place, (x, y, w, h) in enumerate(scene_boxes)]
    chosen, _ = choose(scenes, limit)
    assert len(chosen) <= limit
    assert len({each.id for each in chosen}) == len(chosen)
    assert {each.id for each in chosen} <= {each.id for each in scenes}
    if len(chosen) < limit:  # below the bound, all that can be covered is covered
        assert coverage(chosen) == coverage(scenes)
    assert coverage(chosen) >= min(_best(scenes, limit), coverage(scenes))


def _best(scenes: list[Scene], limit: int) -> float:
    """Coverage of the greedy algorithm, which is at least 63 % of the optimum."""
    if not scenes:
        return 0.0
    cells = Footprints([scene.footprint for scene in scenes]).cells(AREA, CELLS)
    covered = np.zeros(cells.shape[1], bool)
    for _ in range(limit):
        covered |= cells[int((cells & ~covered).sum(axis=1).argmax())]
    return float(covered.mean())


def test_observations_without_chosen_scenes_are_dropped() -> None:
    inside, outside = scene("inside", (1, 41, 5, 45)), scene("outside", (20, 41, 25, 45))
    cover = choose_cover([Observation(NEWEST, (outside,)), Observation(NEWEST, (inside,))], AREA, 64)
    assert [[each.id for each in observation.scenes] for observation in cover.observations] == [["inside"]]
