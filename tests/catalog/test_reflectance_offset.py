"""The rule of the reflectance offset, row by row: on recorded, edited and synthetic items."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from scog.collections.reflectance_offset import SCALE, SHIFT, estimate_offset, offset_of
from tests.profiles import BY_NAME, C1, L2A, parse_item

Item = dict[str, Any]
ABSENT: Any = object()

ROWS = [
    # collection, flag, baseline, offset
    (C1, ABSENT, "05.00", -0.1),
    (C1, ABSENT, "05.11", -0.1),
    (C1, True, "05.11", -0.1),
    (C1, False, "02.14", -0.1),
    (C1, ABSENT, ABSENT, -0.1),
    (L2A, True, "05.11", 0.0),
    (L2A, True, "04.00", 0.0),
    (L2A, True, "02.14", 0.0),
    (L2A, True, ABSENT, 0.0),
    (L2A, False, "02.14", 0.0),
    (L2A, ABSENT, "03.01", 0.0),
    (L2A, False, "03.99", 0.0),
    (L2A, ABSENT, "00.01", 0.0),
    (L2A, False, "04.00", None),
    (L2A, ABSENT, "04.00", None),
    (L2A, False, "05.11", None),
    (L2A, ABSENT, "10.00", None),
    (L2A, ABSENT, "99.99", None),
    # missing or unexpected metadata is ambiguous
    (L2A, ABSENT, ABSENT, None),
    (L2A, False, "", None),
    (L2A, False, "new", None),
    (L2A, False, "4", None),
    (L2A, False, "04", None),
    (L2A, False, 4, None),
    (L2A, False, 5.11, None),
    (L2A, False, 2.14, 0.0),
    (L2A, "false", "05.11", None),
    (L2A, 1, "05.11", None),
]
IDS = [f"{c}-{'absent' if f is ABSENT else f}-{'absent' if b is ABSENT else b}" for c, f, b, _ in ROWS]


def edited(item: Item, collection: str, flag: Any, baseline: Any) -> Item:
    """A copy with only this metadata."""
    item = copy.deepcopy(item) | {"collection": collection}
    for name, value in (("earthsearch:boa_offset_applied", flag), ("s2:processing_baseline", baseline)):
        item["properties"].pop(name, None)
        if value is not ABSENT:
            item["properties"][name] = value
    return item


@pytest.mark.parametrize(("collection", "flag", "baseline", "offset"), ROWS, ids=IDS)
def test_synthetic_items_have_the_offset_of_the_table(
    collection: str, flag: Any, baseline: Any, offset: float | None, make_item: Callable[..., Item]
) -> None:
    scene = parse_item(edited(make_item(), collection, flag, baseline))
    assert scene.assets["red"].offset == offset
    assert scene.assets["red"].scale == SCALE
    assert scene.assets["scl"].offset == 0.0
    assert scene.assets["scl"].scale == 1.0


@pytest.mark.parametrize(("collection", "flag", "baseline", "offset"), ROWS, ids=IDS)
def test_edited_recordings_have_the_offset_of_the_table(
    collection: str, flag: Any, baseline: Any, offset: float | None, recorded: dict[str, Item]
) -> None:
    for item in recorded.values():
        assets = parse_item(edited(item, collection, flag, baseline)).assets
        spectral = {name: asset for name, asset in assets.items() if name in BY_NAME and BY_NAME[name].spectral}
        assert len(spectral) == 12
        assert {(asset.scale, asset.offset, asset.nodata) for asset in spectral.values()} == {(SCALE, offset, 0.0)}
        others = {name: asset.offset for name, asset in assets.items() if name not in spectral}
        assert set(others.values()) == {0.0}, others


def test_recorded_items_have_the_true_offset(recorded: dict[str, Item]) -> None:
    offsets = {name: parse_item(item).assets["red"].offset for name, item in recorded.items()}
    assert len(offsets) == 26
    for name, offset in offsets.items():
        properties = recorded[name]["properties"]
        if name.startswith(C1):
            assert offset == SHIFT, name
        else:
            assert properties.get("earthsearch:boa_offset_applied") or properties["s2:processing_baseline"] < "04"
            assert offset == 0.0, name
    assert {name.split("__")[0] for name in offsets} == {L2A, C1}
    # The offsets in the recorded items are wrong:
    wrong = [n for n, i in recorded.items() if n.startswith(L2A) and written_offset(i) == SHIFT]
    assert len(wrong) == 7


def written_offset(item: Item) -> float:
    return float(item["assets"]["red"]["raster:bands"][0].get("offset", 0.0))


@pytest.mark.parametrize("collection", ["sentinel-2-l1c", "landsat-c2-l2", "", "SENTINEL-2-L2A", None])
@pytest.mark.parametrize(("scale", "offset"), [(0.0000275, -0.2), (0.0001, -0.1), (2, 5)])
def test_other_collections_have_the_offset_of_their_metadata(
    collection: str | None, scale: float, offset: float, make_item: Callable[..., Item]
) -> None:
    item = make_item(collection=collection)
    item["assets"]["red"]["raster:bands"] = [{"scale": scale, "offset": offset, "nodata": 7}]
    asset = parse_item(item).assets["red"]
    assert (asset.scale, asset.offset, asset.nodata) == (scale, offset, 7.0)


def test_the_rule_needs_no_item() -> None:
    assert offset_of(C1, None, None) == SHIFT
    assert offset_of(L2A, True, None) == 0.0
    assert offset_of(L2A, False, "03.01") == 0.0
    assert offset_of(L2A, None, "04.00") is None


def numbers(count: int, low: int, low_count: int, rest: int = 1500) -> np.ndarray:
    """`count` DN of red, of which `low_count` are `low`."""
    red = np.full(count, rest, np.uint16)
    red[:low_count] = low
    return red


SETTLED = [
    # red, offset, reason
    (numbers(1000, 999, 0), SHIFT, "none below 1000"),
    (numbers(1000, 1000, 1000), SHIFT, "1000 is not below 1000"),
    (numbers(1000, 999, 10), SHIFT, "exactly 1 % below 1000, none below 900"),
    (numbers(1000, 900, 10), SHIFT, "900 is not below 900"),
    (numbers(1000, 999, 11), 0.0, "more than 1 % below 1000"),
    (numbers(1000, 899, 1), 0.0, "one below 900"),
    (numbers(1000, 899, 10), 0.0, "1 % below 900"),
    (numbers(1000, 300, 600), 0.0, "land without the offset of 1000"),
    (numbers(1, 1, 1), 0.0, "a single dark pixel"),
    (numbers(1, 1, 0), SHIFT, "a single bright pixel"),
    (np.zeros(1000, np.uint16), 0.0, "only nodata"),
    (np.zeros(0, np.uint16), 0.0, "no pixels"),
    (np.append(numbers(1000, 999, 10), np.zeros(100_000, np.uint16)), SHIFT, "DN 0 does not count"),
    (np.append(numbers(1000, 999, 11), np.zeros(100_000, np.uint16)), 0.0, "DN 0 does not count in the share"),
    (numbers(1000, 999, 11).reshape(10, 100), 0.0, "two dimensions"),
    (numbers(1000, 1, 0, rest=65535), SHIFT, "saturated"),
]


@pytest.mark.parametrize(("red", "offset"), [row[:2] for row in SETTLED], ids=[row[2] for row in SETTLED])
def test_the_offset_is_estimated_from_pixels(red: np.ndarray, offset: float) -> None:
    assert estimate_offset(red) == offset
