"""From scenes to observations: grouping, duplicates and order."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scog.catalog.observation import SceneSet, latest_versions
from scog.catalog.scene import Scene
from tests.profiles import C1, L2A, parse_item

Item = dict[str, Any]
WORLD = (-180.0, -90.0, 180.0, 90.0)


def shift(west: float, width: float = 1.0) -> Item:
    """A footprint of one degree of latitude."""
    ring = [[west, 46], [west + width, 46], [west + width, 47], [west, 47], [west, 46]]
    return {"type": "Polygon", "coordinates": [ring]}


@pytest.fixture
def scene(make_item: Callable[..., Item]) -> Callable[..., Scene]:
    """A factory of scenes with an id, a time and other members."""

    def make(
        scene_id: str,
        time: str,
        *,
        platform: str = "sentinel-2a",
        mgrs_tile: str = "32TPT",
        orbit: str | None = "046870",
        strip: str | None = "S20240612T101026",
        baseline: str = "05.10",
        generated: str = "2024-06-12T15:00:00.000000Z",
        collection: str = L2A,
        west: float = 11.0,
        width: float = 1.0,
    ) -> Scene:
        datatake = f"GS2A_20240612T101031_{orbit}_N{baseline}" if orbit else None
        processed = generated[:19].replace("-", "").replace(":", "")
        return parse_item(
            make_item(
                {
                    "datetime": time,
                    "platform": platform,
                    "grid:code": f"MGRS-{mgrs_tile}",
                    "s2:datatake_id": datatake,
                    "s2:datastrip_id": strip and f"S2A_OPER_MSI_L2A_DS_2APS_{processed}_{strip}_N{baseline}",
                    "s2:generation_time": generated,
                },
                id=scene_id,
                collection=collection,
                geometry=shift(west, width),
            )
        )

    return make


def observation_ids(scenes: list[Scene], bounds: tuple[float, float, float, float] = WORLD) -> list[list[str]]:
    """The ids of each observation, newest first."""
    return [[scene.id for scene in observation.scenes] for observation in SceneSet(scenes).touching(bounds)]


def test_an_overpass_at_midnight_is_one_observation(scene: Callable[..., Scene]) -> None:
    before = scene("before", "2024-06-12T23:59:58Z", mgrs_tile="01KAB", west=11)
    after = scene("after", "2024-06-13T00:00:12Z", mgrs_tile="01KAA", west=12)
    other = scene("other", "2024-06-13T00:10:00Z", orbit="046871", mgrs_tile="01KAA", west=12)
    assert observation_ids([after, other, before]) == [["other"], ["before", "after"]]
    (_, observation) = SceneSet([after, other, before]).touching(WORLD)
    assert observation.time == before.time


def test_both_parts_of_a_split_datastrip_are_used(scene: Callable[..., Scene]) -> None:
    one = scene("one", "2025-07-29T18:03:10Z", strip="S20250729T180310", west=11)
    two = scene("two", "2025-07-29T18:03:17Z", strip="S20250729T175521", west=11.4)
    assert observation_ids([two, one]) == [["one", "two"]]
    assert observation_ids([one, two], (11.0, 46, 11.2, 47)) == [["one"]]
    assert observation_ids([one, two], (12.2, 46, 12.3, 47)) == [["two"]]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_latest_version_of_a_reprocessed_scene_counts(order: tuple[int, ...], scene: Callable[..., Scene]) -> None:
    versions = [
        scene("S2A_32TPT_20240612_0_L2A", "2024-06-12T10:10:31Z"),
        scene(
            "S2A_32TPT_20240612_1_L2A",
            "2024-06-12T10:10:31Z",
            baseline="05.11",
            generated="2025-01-01T00:00:00.000000Z",
        ),
        scene(
            "S2A_32TPT_20240612_2_L2A",
            "2024-06-12T10:10:32Z",
            baseline="05.11",
            generated="2024-12-01T00:00:00.000000Z",
        ),
    ]
    assert observation_ids([versions[index] for index in order]) == [["S2A_32TPT_20240612_1_L2A"]]


def test_scenes_that_differ_in_one_key_are_not_reprocessings(scene: Callable[..., Scene]) -> None:
    time = "2024-06-12T10:10:31Z"
    scenes = [
        scene("a", time),
        scene("b", time, platform="sentinel-2b"),
        scene("c", time, mgrs_tile="32TPS"),
        scene("d", time, orbit="046871"),
        scene("e", time, strip="S20240612T101533"),
        scene("f", time, collection=C1),
        scene("g", time, strip=None),
        scene("h", time, strip=None),
    ]
    assert {scene.id for scene in latest_versions(scenes)} == set("abcdefgh")


def test_an_id_counts_once(scene: Callable[..., Scene]) -> None:
    time = "2024-06-12T10:10:31Z"
    old = scene("same", time, strip=None)
    new = scene("same", time, strip=None, generated="2025-01-01T00:00:00.000000Z")
    assert latest_versions([old, new, old]) == [new]
    assert latest_versions([new, old]) == [new]
    assert observation_ids([old, old, old]) == [["same"]]


def test_two_overpasses_on_a_day_are_two_observations(scene: Callable[..., Scene]) -> None:
    morning = scene("morning", "2024-06-12T09:50:31Z", orbit="046869")
    later = scene("later", "2024-06-12T11:31:00Z", orbit="046870")
    other = scene("other", "2024-06-12T09:50:32Z", orbit="046869", platform="sentinel-2b")
    assert observation_ids([morning, other, later]) == [["later"], ["other"], ["morning"]]


def test_without_orbit_numbers_scenes_are_grouped_by_time(scene: Callable[..., Scene]) -> None:
    def at(name: str, time: str, platform: str = "landsat-9") -> Scene:
        return scene(name, f"2024-06-12T{time}Z", orbit=None, strip=None, platform=platform)

    first = [at("a", "09:50:00"), at("b", "10:09:59"), at("c", "10:29:58")]
    assert observation_ids(list(reversed(first))) == [["a", "b", "c"]]
    assert observation_ids([at("a", "09:50:00"), at("b", "10:10:00")]) == [["b"], ["a"]]
    assert observation_ids([at("a", "09:50:00"), at("b", "09:50:00", "landsat-8")]) == [["a"], ["b"]]
    known = scene("known", "2024-06-12T09:50:00Z", platform="landsat-9")
    assert observation_ids([known, at("a", "09:50:01")]) == [["a"], ["known"]]


def test_scenes_of_an_overpass_have_a_total_order(scene: Callable[..., Scene]) -> None:
    scenes = [
        scene("z", "2024-06-12T10:10:31Z", mgrs_tile="32TPT", strip="S1"),
        scene("a", "2024-06-12T10:10:45Z", mgrs_tile="32TPS", strip="S2"),
        scene("c", "2024-06-12T10:10:45Z", mgrs_tile="32TPT", strip="S3"),
        scene("b", "2024-06-12T10:10:45Z", mgrs_tile="32TPT", strip="S4"),
    ]
    for seed in range(10):
        random.Random(seed).shuffle(scenes)
        assert observation_ids(scenes) == [["z", "a", "b", "c"]]


def test_an_observation_has_only_scenes_that_intersect_the_bounds(scene: Callable[..., Scene]) -> None:
    west = scene("west", "2024-06-12T10:10:31Z", mgrs_tile="32TPT", west=11)
    east = scene("east", "2024-06-12T10:10:45Z", mgrs_tile="33TUN", west=13)
    older = scene("older", "2024-06-02T10:10:31Z", orbit="046727", west=13)
    scene_set = SceneSet([west, east, older])
    assert [scene.id for scene in scene_set.scenes] == ["west", "east", "older"]
    assert observation_ids([west, east, older], (13.2, 46.1, 13.4, 46.2)) == [["east"], ["older"]]
    assert observation_ids([west, east, older], (12.5, 46.1, 12.6, 46.2)) == []
    (observation,) = scene_set.touching((11.2, 46.1, 11.4, 46.2))
    # An observation has the same time and key in every tile.
    assert observation.time == west.time
    assert scene_set.touching((13.2, 46.1, 13.4, 46.2))[0].key == observation.key


def test_no_scenes_give_no_observations() -> None:
    assert SceneSet([]).touching(WORLD) == []


# Recordings


def test_scenes_of_two_collections_are_not_versions_of_each_other(recorded: dict[str, Item]) -> None:
    scenes = [parse_item(item) for item in recorded.values()]
    twins = {scene.acquisition_key for scene in scenes if scene.collection == L2A} & {
        scene.acquisition_key for scene in scenes if scene.collection == C1
    }
    assert len(twins) == 6
    # They are not versions of each other: a search of a collection returns only its scenes.
    assert len(latest_versions(scenes)) == 26
    for collection in (L2A, C1):
        scene_set = SceneSet([scene for scene in scenes if scene.collection == collection])
        assert {scene.collection for scene in scene_set.scenes} == {collection}
        assert sum(scene.acquisition_key in twins for scene in scene_set.scenes) == 6


def test_a_recorded_overpass_is_one_observation(recorded: dict[str, Item]) -> None:
    scenes = [parse_item(item) for name, item in recorded.items() if name.startswith(C1) and "20250731" in name]
    (observation,) = SceneSet(scenes).touching(WORLD)
    mgrs_tiles = [scene.mgrs_tile for scene in observation.scenes]
    assert sorted(mgrs_tiles) == ["20EPT", "24MUA", "24MUV", "24MVV", "24MWV", "24MXV"]


def test_observations_of_a_recorded_month_are_newest_first(recordings: Path) -> None:
    page = json.loads((recordings / "search-13TDE-2024-c1.json").read_bytes())
    scenes = [parse_item(item) for item in page["features"]]
    observations = SceneSet(reversed(scenes)).touching(WORLD)
    times = [observation.time for observation in observations]
    assert len(times) == 10
    assert times == sorted(times, reverse=True)


def test_one_id_at_two_times_is_two_scenes(scene: Callable[..., Scene]) -> None:
    """Even with the same datatake and datastrip, as in a copied item with another time."""
    one, other = scene("same", "2024-06-12T10:10:31Z"), scene("same", "2024-06-17T10:10:31Z")
    again = scene("same", "2024-06-17T10:10:31Z")
    assert sorted(each.time for each in latest_versions([one, other, again])) == [one.time, other.time]
