"""Recorded responses of Earth Search, if they are available, and synthetic items."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Item = dict[str, Any]

MINIMAL: Item = {
    "type": "Feature",
    "stac_version": "1.0.0",
    "id": "S2A_T32TPT_20240612T101031_L2A",
    "collection": "sentinel-2-l2a",
    "geometry": {
        "type": "Polygon",
        "coordinates": [[[11.0, 46.0], [12.0, 46.0], [12.0, 47.0], [11.0, 47.0], [11.0, 46.0]]],
    },
    "properties": {
        "datetime": "2024-06-12T10:10:31.024000Z",
        "platform": "sentinel-2a",
        "grid:code": "MGRS-32TPT",
        "eo:cloud_cover": 12.5,
        "earthsearch:boa_offset_applied": True,
        "s2:processing_baseline": "05.10",
        "s2:generation_time": "2024-06-12T15:00:00.000000Z",
        "s2:datatake_id": "GS2A_20240612T101031_046870_N05.10",
        "s2:datastrip_id": "S2A_OPER_MSI_L2A_DS_2APS_20240612T150000_S20240612T101026_N05.10",
    },
    "assets": {
        "red": {"href": "./B04.tif", "type": "image/tiff; application=geotiff; profile=cloud-optimized"},
        "scl": {"href": "./SCL.tif", "type": "image/tiff; application=geotiff"},
    },
}


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The folder of recorded responses. Tests that use it are skipped if it is missing."""
    root = Path(__file__).parents[2]
    data = Path(os.environ.get("SCOG_TEST_DATA") or root.parent / "shared" / "data")
    if not (data / "earth-search" / "items").is_dir():
        pytest.skip("no recordings of Earth Search: set SCOG_TEST_DATA to their folder")
    return data / "earth-search"


@pytest.fixture(scope="session")
def recorded(recordings: Path) -> dict[str, Item]:
    """The recorded single items by file name. Copy them before modifying them."""
    return {path.stem: json.loads(path.read_bytes()) for path in sorted((recordings / "items").glob("*.json"))}


@pytest.fixture
def make_item() -> Callable[..., Item]:
    """A factory of small items. `properties` override the defaults, None removes one; keywords override members."""

    def make(properties: dict[str, Any] | None = None, **members: Any) -> Item:
        item = copy.deepcopy(MINIMAL) | members
        for name, value in (properties or {}).items():
            item["properties"][name] = value
            if value is None:
                del item["properties"][name]
        return item

    return make
