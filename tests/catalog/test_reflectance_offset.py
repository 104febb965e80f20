"""The rule of the reflectance offset, row by row: on recorded, edited and synthetic items."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest

from scog.collections.reflectance_offset import SCALE, SHIFT, Kind, StatedOffset, stated_offset
from tests.profiles import BY_NAME, C1, L2A, PROFILES, parse_item

Item = dict[str, Any]
ABSENT: Any = object()

OLD = ("02.14", "03.01", "03.99", "00.01", 2.14)
NEW = ("04.00", "05.00", "05.11", "10.00", 5.11, "04", "4", 4)
UNKNOWN = (None, "", "new", "99.99", "99.33", "5.x")
APPLIED = (True,)
NOT_APPLIED = (False,)
NO_FLAG = (None, "false", 1, "true")
NONE_WRITTEN = (None, -1000.0, 0.1)

ROWS: list[tuple[str, tuple[Any, ...], tuple[Any, ...], tuple[Any, ...], float | None, float, str]] = [
    # kind, flags, baselines, offsets written, offset, fallback, source
    (
        "shifted",
        (*APPLIED, *NOT_APPLIED, *NO_FLAG),
        (*OLD, *NEW, *UNKNOWN),
        (0.0, SHIFT, None),
        SHIFT,
        SHIFT,
        "collection",
    ),
    ("corrected-with-flag", (*APPLIED, *NOT_APPLIED, *NO_FLAG), OLD, (0.0, SHIFT, None), 0.0, 0.0, "baseline"),
    ("shifted-since-04.00", (*APPLIED, *NOT_APPLIED, *NO_FLAG), OLD, (0.0, SHIFT, None), 0.0, 0.0, "baseline"),
    ("corrected-with-flag", APPLIED, (*NEW, *UNKNOWN), (0.0, SHIFT, *NONE_WRITTEN), 0.0, 0.0, "flag"),
    ("corrected-with-flag", NOT_APPLIED, (*NEW, *UNKNOWN), (SHIFT, *NONE_WRITTEN), None, SHIFT, "unreliable"),
    ("corrected-with-flag", NOT_APPLIED, (*NEW, *UNKNOWN), (0.0,), None, 0.0, "contradiction"),
    ("corrected-with-flag", NO_FLAG, (*NEW, *UNKNOWN), (0.0,), None, 0.0, "unreliable"),
    ("corrected-with-flag", NO_FLAG, (*NEW, *UNKNOWN), (SHIFT,), None, SHIFT, "unreliable"),
    ("corrected-with-flag", NO_FLAG, (*NEW, *UNKNOWN), NONE_WRITTEN, None, 0.0, "silent"),
    ("shifted-since-04.00", (*APPLIED, *NO_FLAG), NEW, (SHIFT, *NONE_WRITTEN), SHIFT, SHIFT, "baseline"),
    ("shifted-since-04.00", (*APPLIED, *NO_FLAG), NEW, (0.0,), None, 0.0, "contradiction"),
    ("shifted-since-04.00", (*APPLIED, *NO_FLAG), UNKNOWN, (SHIFT,), SHIFT, SHIFT, "raster:bands"),
    ("shifted-since-04.00", (*APPLIED, *NO_FLAG), UNKNOWN, (0.0,), 0.0, 0.0, "raster:bands"),
    ("shifted-since-04.00", (*APPLIED, *NO_FLAG), UNKNOWN, NONE_WRITTEN, None, SHIFT, "silent"),
]
CASES = [
    (kind, flag, baseline, written, StatedOffset(offset, source, fallback))
    for kind, flags, baselines, offsets, offset, fallback, source in ROWS
    for flag, baseline, written in product(flags, baselines, offsets)
]


def test_every_combination_has_the_offset_of_the_table() -> None:
    wrong = [case for case in CASES if stated_offset(*case[:4]) != case[4]]  # type: ignore[arg-type]
    assert not wrong
    kinds: tuple[Kind, ...] = ("corrected-with-flag", "shifted", "shifted-since-04.00")
    covered = {(kind, str(flag), str(baseline), written) for kind, flag, baseline, written, _ in CASES}
    for combination in product(kinds, ("True", "None"), map(str, (*OLD, *NEW, *UNKNOWN)), (0.0, SHIFT, None)):
        assert combination in covered


@pytest.mark.parametrize("written", [-0.2, 0.0, 5.0])
def test_without_a_kind_the_written_offset_counts(written: float) -> None:
    assert stated_offset(None, True, "05.11", written) == StatedOffset(written, "raster:bands", written)
    assert stated_offset(None, False, "05.11", None) == StatedOffset(0.0, "default", 0.0)


def edited(item: Item, collection: str, flag: Any, baseline: Any, written: Any) -> Item:
    """A copy with only this metadata."""
    item = copy.deepcopy(item) | {"collection": collection}
    for name, value in (("earthsearch:boa_offset_applied", flag), ("s2:processing_baseline", baseline)):
        item["properties"].pop(name, None)
        if value is not None:
            item["properties"][name] = value
    for asset in item["assets"].values():
        if written is None:
            asset.pop("raster:bands", None)
        else:
            asset["raster:bands"] = [{"nodata": 0, "scale": 0.0001, "offset": written}]
    return item


@pytest.mark.parametrize("collection", [L2A, C1])
def test_edited_recordings_have_the_offset_of_the_table(collection: str, recorded: dict[str, Item]) -> None:
    items = [recorded[name] for name in (min(recorded), max(recorded))]
    cases = [case for case in CASES if case[0] == PROFILES.of(collection).offset_rule]
    for item, (_, flag, baseline, written, stated) in product(items, cases[::3]):
        assets = parse_item(edited(item, collection, flag, baseline, written)).assets
        spectral = {name: asset for name, asset in assets.items() if name in BY_NAME and BY_NAME[name].spectral}
        assert len(spectral) == 12
        found = {(asset.scale, asset.offset, asset.nodata, asset.stated_offset) for asset in spectral.values()}
        assert found == {(SCALE, stated.offset, 0.0, stated)}
        others = {name: (asset.offset, asset.stated_offset) for name, asset in assets.items() if name not in spectral}
        assert {offset for _, offset in others.values()} == {None}, others


@pytest.mark.parametrize("written", ["-0.1", True, float("nan"), [1], {}])
def test_a_written_offset_that_is_no_number_counts_as_none(written: Any, make_item: Callable[..., Item]) -> None:
    assets = parse_item(edited(make_item(), L2A, False, "05.11", written)).assets
    assert assets["red"].stated_offset == StatedOffset(None, "unreliable", SHIFT)


@pytest.mark.parametrize(
    "members",
    [
        {"raster:bands": [{"offset": 0}]},
        {"bands": [{"raster:offset": 0}]},
        {"raster:offset": 0},
        {"raster:offset": SHIFT, "bands": [{"raster:offset": 0}]},
        {"eo:bands": [{"name": "red"}], "raster:bands": [{"scale": 0.0001, "offset": 0.0}, {"offset": SHIFT}]},
        {"raster:bands": [{"offset": SHIFT}], "bands": [{"raster:offset": 0}]},
    ],
)
def test_offsets_are_written_in_stac_1_0_and_1_1(members: Item, make_item: Callable[..., Item]) -> None:
    item = edited(make_item(), L2A, False, "05.11", None)
    item["assets"]["red"] |= members
    assert parse_item(item).assets["red"].stated_offset == StatedOffset(None, "contradiction", 0.0)


@pytest.mark.parametrize("members", [{"raster:bands": None}, {"raster:bands": []}, {"bands": [None]}, {"bands": {}}])
def test_malformed_band_lists_write_no_offset(members: Item, make_item: Callable[..., Item]) -> None:
    item = edited(make_item(), L2A, None, "05.11", None)
    item["assets"]["red"] |= members
    assert parse_item(item).assets["red"].stated_offset == StatedOffset(None, "silent", 0.0)


def test_recorded_items_have_the_true_offset(recorded: dict[str, Item]) -> None:
    """Which metadata occurs, and which part of it decides."""
    found: Counter[tuple[Any, ...]] = Counter()
    for item in recorded.values():
        properties, red = item["properties"], parse_item(item).assets["red"]
        stated = red.stated_offset
        assert stated is not None
        assert stated.offset == red.offset
        flag, baseline = properties.get("earthsearch:boa_offset_applied"), properties["s2:processing_baseline"]
        written = item["assets"]["red"]["raster:bands"][0]["offset"]
        found[item["collection"], flag, baseline < "04", written, stated.source, stated.offset] += 1
    assert found == {
        (C1, None, False, SHIFT, "collection", SHIFT): 16,
        (L2A, False, True, 0, "baseline", 0.0): 3,
        (L2A, True, False, SHIFT, "flag", 0.0): 7,  # the offsets in these items are wrong
    }


@pytest.mark.parametrize("collection", ["mine", "landsat", "", "SENTINEL-2-L2A", None])
@pytest.mark.parametrize(("scale", "offset"), [(0.0000275, -0.2), (0.0001, -0.1), (2, 5)])
def test_other_collections_have_the_offset_of_their_metadata(
    collection: str | None, scale: float, offset: float, make_item: Callable[..., Item]
) -> None:
    item = make_item(collection=collection)
    item["assets"]["red"]["raster:bands"] = [{"scale": scale, "offset": offset, "nodata": 7}]
    asset = parse_item(item).assets["red"]
    assert (asset.scale, asset.offset, asset.nodata) == (scale, offset, 7.0)
