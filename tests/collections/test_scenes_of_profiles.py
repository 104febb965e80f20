"""Items as catalogues write them: which scenes are one observation, and which are versions of one acquisition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from scog.catalog.observation import SceneSet
from scog.catalog.scene import parse_item
from scog.collections.profiles import Profiles
from tests.doubles.collections import BY_NAME
from tests.doubles.collections.item import COG, Made

PROFILES = Profiles()
WORLD = (-180.0, -90.0, 180.0, 90.0)


def item_of(made: Made, item_id: str, **properties: Any) -> dict[str, Any]:
    """The item of a made-up archive with another id and other properties."""
    return {
        "type": "Feature", "stac_version": "1.0.0", "id": item_id, "collection": made.collection, "links": [],
        "geometry": made.polygon((0, 0), (1, 0), (1, 1), (0, 1)),
        "properties": {"datetime": "2024-06-12T10:20:30Z", **made.properties, **properties},
        "assets": {file.key: {"href": f"https://pixels.example/{file.key}.tif", "type": COG, **file.words}
                   for file in made.files},
    }  # fmt: skip


def observations(name: str, items: Mapping[str, Mapping[str, Any]]) -> list[list[str]]:
    """Ids of the scenes of each observation, newest first, of items by id with their properties."""
    made = BY_NAME[name]
    scenes = [parse_item(item_of(made, item_id, **words), "", PROFILES) for item_id, words in items.items()]
    return [[scene.id for scene in each.scenes] for each in SceneSet(scenes).touching(WORLD)]


def test_scenes_of_a_landsat_path_are_one_observation() -> None:
    rows = {
        f"LC09_L2SP_1930{row}_20240612_02_T1": {
            "datetime": f"2024-06-12T10:0{minute}:30.5Z",
            "landsat:scene_id": f"LC91930{row}2024164LGN00",
        }
        for row, minute in (("27", 0), ("28", 1), ("29", 2))
    }
    next_path = {
        "LC09_L2SP_209028_20240612_02_T1": {
            "datetime": "2024-06-12T11:40:10Z",
            "landsat:scene_id": "LC92090282024164LGN00",
        }
    }
    assert observations("landsat-9", rows | next_path) == [list(next_path), list(rows)]


def test_a_real_time_scene_of_landsat_is_replaced() -> None:
    items = {
        "LC09_L2SP_193028_20240612_02_RT": {
            "landsat:scene_id": "LC91930282024164LGN00",
            "landsat:collection_category": "RT",
            "created": "2024-06-13T00:00:00Z",
        },
        "LC09_L2SP_193028_20240612_02_T1": {
            "landsat:scene_id": "LC91930282024164LGN01",
            "landsat:collection_category": "T1",
            "created": "2024-06-28T00:00:00Z",
        },
    }
    assert observations("landsat-9", items) == [["LC09_L2SP_193028_20240612_02_T1"]]


def test_tiles_of_hls_are_one_observation_and_each_reprocessing_replaces() -> None:
    items = {
        "HLS.L30.T32TPR.2024164T102030.v2.0": {"datetime": "2024-06-12T10:20:30.9Z", "platform": "landsat-9"},
        "HLS.L30.T32TPR.2024164T102031.v2.0": {"datetime": "2024-06-12T10:20:31.1Z", "platform": "landsat-9"},
        "HLS.L30.T32TQR.2024164T102030.v2.0": {"datetime": "2024-06-12T10:20:30.9Z", "platform": "landsat-9"},
        "HLS.L30.T32TPR.2024164T101030.v2.0": {"datetime": "2024-06-12T02:10:30Z", "platform": "landsat-8"},
    }
    assert observations("hls-l30", items) == [
        ["HLS.L30.T32TQR.2024164T102030.v2.0", "HLS.L30.T32TPR.2024164T102031.v2.0"],
        ["HLS.L30.T32TPR.2024164T101030.v2.0"],
    ]


def test_slices_of_a_sentinel_1_datatake_are_one_observation() -> None:
    items = {
        "S1A_IW_GRDH_1SDV_20240612T052000_20240612T052025_054300_069B00_rtc": {"datetime": "2024-06-12T05:20:12Z"},
        "S1A_IW_GRDH_1SDV_20240612T052025_20240612T052050_054300_069B00_rtc": {"datetime": "2024-06-12T05:20:37Z"},
        "S1A_IW_GRDH_1SDV_20240612T165000_20240612T165025_054307_069B40_rtc": {
            "datetime": "2024-06-12T16:50:12Z",
            "sat:absolute_orbit": 54307,
        },
    }
    first, second, later = items
    assert observations("sentinel-1-vv", items) == [[later], [first, second]]


def test_a_delivery_of_an_aerial_image_replaces_the_previous_one() -> None:
    items = {
        "va_m_3707763_se_18_060_20180825_20181220": {"datetime": "2018-08-25T16:00:00Z"},
        "va_m_3707763_se_18_060_20180825_20190211": {"datetime": "2018-08-25T16:00:00Z"},
        "va_m_3707763_sw_18_060_20180825_20190211": {"datetime": "2018-08-25T16:00:00Z"},
    }
    _, kept, neighbour = items
    assert observations("naip", items) == [[kept, neighbour]]


@pytest.mark.parametrize("name", ["cop-dem-glo-30", "cop-dem-glo-90"])
def test_all_tiles_of_an_elevation_model_are_one_observation(name: str) -> None:
    items = {f"Copernicus_DSM_COG_10_N45_00_E0{x}_00_DEM": {"grid:code": f"CDEM-N45E0{x}"} for x in (10, 11, 12)}
    assert observations(name, items) == [list(items)]
