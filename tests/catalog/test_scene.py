"""From items to scenes: recorded items, and everything that can be invalid in one."""

from __future__ import annotations

import copy
import json
import math
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scog.catalog.scene import UnusableItem
from scog.settings import EARTH_SEARCH_HOSTS
from tests.profiles import BANDS, C1, L2A, parse_item

Item = dict[str, Any]
CANONICAL = {band.name for band in BANDS}
RED = {"href": "https://example.org/B04.tif", "type": "image/tiff; application=geotiff"}


# Recorded items


def test_every_recorded_item_becomes_a_scene(recorded: dict[str, Item]) -> None:
    assert Counter(name.split("__")[0] for name in recorded) == {L2A: 10, C1: 16}
    for name, item in recorded.items():
        scene = parse_item(item)
        properties = item["properties"]
        assert (scene.collection, scene.id) == tuple(name.split("__"))
        assert scene.platform in ("sentinel-2a", "sentinel-2b")
        assert scene.mgrs_tile in scene.id
        assert len(scene.mgrs_tile) == 5
        assert properties["grid:code"] == f"MGRS-{scene.mgrs_tile}"
        assert scene.time.tzinfo is UTC
        assert scene.time.strftime("%Y%m%d") in scene.id
        assert scene.cloud_cover == properties["eo:cloud_cover"]
        assert scene.orbit is not None
        assert scene.orbit in properties["s2:datatake_id"]
        assert scene.orbit in properties.get("s2:granule_id", f"A{scene.orbit}")
        assert scene.processed_at == properties["s2:generation_time"]
        assert scene.acquisition_key is not None
        assert scene.acquisition_key[3] in properties["s2:datastrip_id"]
        assert scene.remarks == ()
        assert scene.span is None


def test_recorded_assets_have_canonical_names_and_are_never_jpeg_2000(recorded: dict[str, Item]) -> None:
    for name, item in recorded.items():
        assets = parse_item(item).assets
        extra = {"cloud", "snow"} if name.startswith(C1) else set()
        assert set(assets) == CANONICAL | extra, name
        for key, asset in assets.items():
            url = urlsplit(asset.url)
            assert url.scheme == "https"
            assert url.hostname in EARTH_SEARCH_HOSTS, (name, key)
            assert url.path.endswith(".tif")
        codes = {key: urlsplit(assets[key].url).path.rpartition("/")[2] for key in ("red", "nir08", "scl")}
        assert codes == {"red": "B04.tif", "nir08": "B8A.tif", "scl": "SCL.tif"}
    jp2 = [key for item in recorded.values() for key, a in item["assets"].items() if a.get("type") == "image/jp2"]
    assert len(jp2) > 100


def test_recorded_footprints_are_unchanged(recorded: dict[str, Item]) -> None:
    for name, item in recorded.items():
        (ring,) = parse_item(item).footprint
        assert [list(corner) for corner in ring] == item["geometry"]["coordinates"][0], name
        west, south, east, north = item["bbox"]
        xs, ys = zip(*ring, strict=True)
        assert (min(xs), max(xs), min(ys), max(ys)) == pytest.approx((west, east, south, north), abs=1e-6)


def test_any_form_of_the_projection_is_accepted(recorded: dict[str, Item]) -> None:
    """The file states its CRS: an item is usable with any form of its projection, and without one."""
    assert all("proj:epsg" in item["properties"] or "proj:code" in item["properties"] for item in recorded.values())
    item = copy.deepcopy(next(iter(recorded.values())))
    epsg = item["properties"].pop("proj:epsg", None) or 32613
    known = parse_item(item)
    for spelled in ({"proj:epsg": epsg}, {"proj:code": f"EPSG:{epsg}"}, {"proj:epsg": None}, {"proj:code": "nonsense"}):
        other = parse_item(item | {"properties": item["properties"] | spelled})
        assert other.assets == known.assets
        assert other.footprint == known.footprint


def test_items_of_recorded_pages_are_parsed_or_refused(recordings: Path) -> None:
    counts: Counter[tuple[str, str]] = Counter()
    for name in ("page-1", "page-2", "page-empty", "search-13TDE-2024-c1"):
        for item in json.loads((recordings / f"{name}.json").read_bytes())["features"]:
            try:
                scene = parse_item(item)
            except UnusableItem as error:
                counts[item["collection"], str(error)] += 1
            else:
                counts[scene.collection, "ok"] += 1
                if scene.collection in (L2A, C1):
                    assert set(scene.assets) >= CANONICAL
    # Level-1C is JPEG 2000 only; Sentinel-1 is requester-pays.
    assert counts == {
        (C1, "ok"): 16,
        (L2A, "ok"): 6,
        ("sentinel-1-grd", "no-raster-assets"): 3,
        ("sentinel-2-l1c", "no-raster-assets"): 5,
    }


def test_items_without_asset_fields_are_refused(recordings: Path) -> None:
    for item in json.loads((recordings / "search-fields-response-c1.json").read_bytes())["features"]:
        with pytest.raises(UnusableItem, match="no-raster-assets"):
            parse_item(item)


# Valid items


def test_a_small_item_becomes_a_scene(make_item: Callable[..., Item]) -> None:
    scene = parse_item(make_item(), "https://example.org/items/one.json")
    assert scene.time == datetime(2024, 6, 12, 10, 10, 31, 24000, UTC)
    assert (scene.id, scene.collection) == ("S2A_T32TPT_20240612T101031_L2A", L2A)
    assert (scene.platform, scene.mgrs_tile, scene.cloud_cover) == ("sentinel-2a", "32TPT", 12.5)
    assert scene.footprint == (((11.0, 46.0), (12.0, 46.0), (12.0, 47.0), (11.0, 47.0), (11.0, 46.0)),)
    assert scene.orbit == "046870"
    assert scene.acquisition_key == ("sentinel-2a", "32TPT", "GS2A_20240612T101031_046870", "S20240612T101026")
    assert scene.assets["red"].url == "https://example.org/items/B04.tif"
    assert scene.assets["red"].nodata == 0.0
    assert scene.sort_key == (scene.time, "32TPT", scene.id)


@pytest.mark.parametrize(
    ("properties", "field", "value"),
    [
        ({"grid:code": None, "s2:mgrs_tile": "32TPT"}, "mgrs_tile", "32TPT"),
        ({"grid:code": None}, "mgrs_tile", ""),
        ({"platform": None}, "platform", ""),
        ({"eo:cloud_cover": None}, "cloud_cover", None),
        ({"eo:cloud_cover": 0}, "cloud_cover", 0.0),
        ({"eo:cloud_cover": math.nan}, "cloud_cover", None),
        ({"eo:cloud_cover": math.inf}, "cloud_cover", None),
        ({"s2:datatake_id": None}, "orbit", None),
        ({"s2:datatake_id": None}, "acquisition_key", None),
        ({"s2:datastrip_id": None}, "acquisition_key", None),
        ({"s2:datatake_id": None, "sat:absolute_orbit": 46870}, "orbit", "46870"),
        ({"s2:datatake_id": "odd"}, "orbit", None),
        ({"s2:datatake_id": "odd"}, "acquisition_key", ("sentinel-2a", "32TPT", "odd", "S20240612T101026")),
        ({"s2:datastrip_id": "odd"}, "acquisition_key", ("sentinel-2a", "32TPT", "GS2A_20240612T101031_046870", "odd")),
        ({"s2:generation_time": None, "created": "2024-06-13T00:00:00Z"}, "processed_at", "2024-06-13T00:00:00Z"),
        ({"s2:generation_time": None}, "processed_at", ""),
        ({"datetime": None, "start_datetime": "2024-01-01T00:00:00Z"}, "time", datetime(2024, 1, 1, tzinfo=UTC)),
    ],
)
def test_properties_become_members_of_the_scene(
    properties: Item, field: str, value: Any, make_item: Callable[..., Item]
) -> None:
    assert getattr(parse_item(make_item(properties)), field) == value


def test_the_acquisition_key_excludes_the_baseline(make_item: Callable[..., Item]) -> None:
    again = make_item(
        {
            "s2:datatake_id": "GS2A_20240612T101031_046870_N05.11",
            "s2:datastrip_id": "S2A_OPER_MSI_L2A_DS_S2RP_20250101T000000_S20240612T101026_N05.11",
        }
    )
    assert parse_item(again).acquisition_key == parse_item(make_item()).acquisition_key


ASSETS = [
    # key, asset, band name (None: skipped), URL
    ("red", RED, "red", RED["href"]),
    ("B04", RED, "red", RED["href"]),
    ("b04", RED, "red", RED["href"]),
    ("B4", RED, "red", RED["href"]),
    ("B8A", RED, "nir08", RED["href"]),
    ("SCL", RED, "scl", RED["href"]),
    ("vh", RED, None, None),
    ("red", RED | {"href": "B04.tif"}, "red", "https://base.example/a/B04.tif"),
    ("red", RED | {"href": "../B04.tif"}, "red", "https://base.example/B04.tif"),
    ("red", RED | {"href": "//other.example/B04.tif"}, "red", "https://other.example/B04.tif"),
    ("red", RED | {"href": "s3://bucket/a b/B04.tif"}, "red", "https://bucket.s3.amazonaws.com/a b/B04.tif"),
    ("red", RED | {"type": "IMAGE/TIFF"}, "red", RED["href"]),
    ("red", RED | {"type": "image/vnd.stac.geotiff; cloud-optimized=true"}, "red", RED["href"]),
    ("red", {"href": RED["href"]}, "red", RED["href"]),
    ("red", {"href": "https://example.org/B04.TIFF", "type": ""}, "red", "https://example.org/B04.TIFF"),
    ("red", {"href": "https://example.org/B04"}, None, None),
    ("red", {"href": "https://example.org/B04.jp2"}, None, None),
    ("red", RED | {"type": "image/jp2"}, None, None),
    ("red", RED | {"type": "image/tiffany"}, None, None),
    ("red", RED | {"type": "application/xml"}, None, None),
    ("red-jp2", RED, None, None),
    ("red", RED | {"href": ""}, None, None),
    ("red", {"type": RED["type"]}, None, None),
    ("red", RED | {"storage:requester_pays": True}, None, None),
    ("red", RED | {"storage:requester_pays": False}, "red", RED["href"]),
]


@pytest.mark.parametrize(("key", "asset", "name", "url"), ASSETS)
def test_assets_are_bound_to_bands(
    key: str, asset: Item, name: str | None, url: str | None, make_item: Callable[..., Item]
) -> None:
    item = make_item({"platform": "plane"}, assets={"green": RED, key: asset})
    assets = dict(parse_item(item, "https://base.example/a/item.json").assets)
    del assets["green"]
    assert {band: each.url for band, each in assets.items()} == ({name: url} if name else {})


def test_requester_pays_of_the_item_applies_to_all_assets(make_item: Callable[..., Item]) -> None:
    item = make_item({"storage:requester_pays": True}, assets={"red": RED})
    with pytest.raises(UnusableItem, match="no-raster-assets"):
        parse_item(item)
    item["assets"]["nir"] = RED | {"storage:requester_pays": False}
    assert list(parse_item(item).assets) == ["nir"]


def test_the_first_of_two_assets_for_a_band_counts(make_item: Callable[..., Item]) -> None:
    item = make_item(assets={"red": RED, "B04": RED | {"href": "https://example.org/other.tif"}})
    assert {name: asset.url for name, asset in parse_item(item).assets.items()} == {"red": RED["href"]}


WRITTEN = [
    # members of the asset; scale (None: use the scale of the file), offset, nodata
    ({}, None, 0.0, None),
    ({"raster:bands": [{"scale": 0.5, "offset": 3, "nodata": 9}]}, 0.5, 3.0, 9.0),
    ({"raster:bands": [{"offset": None, "nodata": "nan"}]}, None, 0.0, None),
    ({"raster:bands": [{"nodata": "-9999"}]}, None, 0.0, -9999.0),
    ({"raster:bands": [{"nodata": "-3.4028234663852886e+38"}]}, None, 0.0, -3.4028234663852886e38),
    ({"raster:bands": [{"nodata": "-inf"}]}, None, 0.0, None),
    ({"raster:bands": [{"nodata": "none"}]}, None, 0.0, None),
    ({"raster:bands": []}, None, 0.0, None),
    ({"raster:bands": None}, None, 0.0, None),
    # STAC 1.1
    ({"bands": [{"name": "B04", "raster:scale": 0.5, "raster:offset": 3, "nodata": 9}]}, 0.5, 3.0, 9.0),
    ({"raster:scale": 0.5, "raster:offset": 3, "nodata": 9}, 0.5, 3.0, 9.0),
    ({"bands": [{"name": "B04"}], "raster:scale": 0.5, "raster:offset": 3, "nodata": 9}, 0.5, 3.0, 9.0),
    ({"bands": [{"raster:scale": 0.25}], "raster:scale": 0.5, "raster:offset": 3}, 0.25, 3.0, None),
    ({"bands": [{"raster:scale": 0.25}], "raster:bands": [{"scale": 0.5, "offset": 3}]}, 0.25, 3.0, None),
    ({"bands": [{"nodata": -1}], "nodata": 9}, None, 0.0, -1.0),
]


@pytest.mark.parametrize(("members", "scale", "offset", "nodata"), WRITTEN)
def test_scale_offset_and_nodata_are_those_of_the_metadata(
    members: Item, scale: float | None, offset: float, nodata: float | None, make_item: Callable[..., Item]
) -> None:
    asset = parse_item(make_item(collection="another", assets={"red": RED | members})).assets["red"]
    assert (asset.scale, asset.offset, asset.nodata) == (scale, offset, nodata)


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"raster:bands": [{"scale": 0}]}, "scale is 0"),
        ({"raster:bands": [{"scale": 0, "offset": 5}]}, "scale is 0"),
        ({"bands": [{"name": "B04", "raster:scale": 0}]}, "scale is 0"),
        ({"raster:scale": 0.0}, "scale is 0"),
        ({"raster:scale": math.nan}, "scale 'nan' is not a finite number"),
        ({"raster:bands": [{"scale": 0.5, "offset": math.inf}]}, "offset 'inf' is not a finite number"),
    ],
)
def test_an_encoding_that_cannot_be_is_refused(members: Item, reason: str, make_item: Callable[..., Item]) -> None:
    scene = parse_item(make_item(collection="another", assets={"red": RED | members, "nir": RED}))
    assert set(scene.assets) == {"nir"}
    assert any(remark.startswith(f"asset red: {reason}") for remark in scene.remarks)


def test_a_stac_1_1_item_of_a_known_collection_follows_the_same_rule(make_item: Callable[..., Item]) -> None:
    bands = [{"name": "B04", "eo:common_name": "red", "raster:scale": 7, "raster:offset": 7, "nodata": 7}]
    item = make_item(stac_version="1.1.0", assets={"red": RED | {"bands": bands}, "aot": RED | {"bands": bands}})
    red, aot = parse_item(item).assets["red"], parse_item(item).assets["aot"]
    assert (red.scale, red.offset, red.nodata) == (0.0001, 0.0, 0.0)
    assert (aot.scale, aot.offset, aot.nodata) == (7.0, 7.0, 0.0)  # not reflectance: as the item says


SQUARE = [[0, 0], [1, 0], [1, 1], [0, 0]]
SHAPES = [
    ({"type": "Polygon", "coordinates": [SQUARE]}, 1),
    ({"type": "Polygon", "coordinates": [SQUARE, SQUARE]}, 1),
    ({"type": "Polygon", "coordinates": [[[0, 0, 5], [1, 0, 5], [1, 1, 5], [0, 0, 5]]]}, 1),
    ({"type": "MultiPolygon", "coordinates": [[SQUARE], [SQUARE, SQUARE]]}, 2),
]


@pytest.mark.parametrize(("geometry", "rings"), SHAPES)
def test_a_footprint_has_the_outer_rings(geometry: Item, rings: int, make_item: Callable[..., Item]) -> None:
    footprint = parse_item(make_item(geometry=geometry)).footprint
    assert footprint == (((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 0.0)),) * rings


# Invalid items

HUGE = 10**400


def polygon(*corners: Any) -> Item:
    return {"type": "Polygon", "coordinates": [list(corners)]}


MALFORMED: list[tuple[str, Item, str]] = [
    ("no id", {"id": None}, "no-id"),
    ("an empty id", {"id": ""}, "no-id"),
    ("a number instead of an id", {"id": 5}, "no-id"),
    ("no properties", {"properties": None}, "no-properties"),
    ("a list of properties", {"properties": []}, "no-properties"),
    ("no datetime", {"properties": {}}, "bad-datetime"),
    ("a bad datetime", {"properties": {"datetime": "yesterday"}}, "bad-datetime"),
    ("a day that does not exist", {"properties": {"datetime": "2024-02-30"}}, "bad-datetime"),
    ("a year without data", {"properties": {"datetime": "0001-01-01T00:00:00Z"}}, "bad-datetime"),
    ("a number instead of a datetime", {"properties": {"datetime": 5}}, "bad-datetime"),
    ("no geometry", {"geometry": None}, "no-geometry"),
    ("a point", {"geometry": {"type": "Point", "coordinates": [0, 0]}}, "no-geometry"),
    ("text instead of a geometry", {"geometry": "POLYGON EMPTY"}, "no-geometry"),
    ("no coordinates", {"geometry": {"type": "Polygon"}}, "no-geometry"),
    ("a polygon without rings", {"geometry": {"type": "Polygon", "coordinates": []}}, "no-geometry"),
    ("an empty ring", {"geometry": polygon()}, "no-geometry"),
    ("a ring of two", {"geometry": polygon(*SQUARE[:2])}, "no-geometry"),
    ("no polygons", {"geometry": {"type": "MultiPolygon", "coordinates": []}}, "no-geometry"),
    ("an empty polygon", {"geometry": {"type": "MultiPolygon", "coordinates": [[]]}}, "no-geometry"),
    ("corners of one number", {"geometry": polygon([0], [1], [2], [3])}, "no-geometry"),
    ("numbers instead of corners", {"geometry": polygon(0, 1, 2, 3)}, "no-geometry"),
    ("letters in corners", {"geometry": polygon(*[["a", "b"]] * 4)}, "no-geometry"),
    ("null in corners", {"geometry": polygon(*[[None, None]] * 4)}, "no-geometry"),
    ("a corner that is NaN", {"geometry": polygon([math.nan, 0], *SQUARE)}, "no-geometry"),
    ("a corner at infinity", {"geometry": polygon([0, -math.inf], *SQUARE)}, "no-geometry"),
    ("a corner of 400 digits", {"geometry": polygon([HUGE, 0], *SQUARE)}, "no-geometry"),
    ("metres instead of degrees", {"geometry": polygon(*[[500000, 5100000]] * 4)}, "no-geometry"),
    ("beyond the pole", {"geometry": polygon([0, 91], *SQUARE)}, "no-geometry"),
    ("no assets", {"assets": {}}, "no-raster-assets"),
    ("assets null", {"assets": None}, "no-raster-assets"),
    ("a list of assets", {"assets": [RED]}, "no-raster-assets"),
    ("an asset null", {"assets": {"red": None}}, "no-raster-assets"),
    ("no rasters", {"assets": {"red": RED | {"type": "image/jp2"}}}, "no-raster-assets"),
    ("a broken address", {"assets": {"red": RED | {"href": "https://[::1/B04.tif"}}}, "no-raster-assets"),
]


@pytest.mark.parametrize(("members", "reason"), [row[1:] for row in MALFORMED], ids=[row[0] for row in MALFORMED])
def test_malformed_items_are_refused_with_a_reason(members: Item, reason: str, make_item: Callable[..., Item]) -> None:
    with pytest.raises(UnusableItem) as refused:
        parse_item(make_item() | members)
    assert str(refused.value) == reason or str(refused.value).startswith(f"{reason} (")
    assert len(str(refused.value)) < 60


@pytest.mark.parametrize("cover", ["many", [], {}, HUGE, True, -1, 101, math.nan, math.inf])
def test_an_invalid_cloud_cover_is_unknown_and_reported(cover: Any, make_item: Callable[..., Item]) -> None:
    scene = parse_item(make_item({"eo:cloud_cover": cover}))
    assert scene.cloud_cover is None
    (remark,) = scene.remarks
    assert remark.startswith("eo:cloud_cover: ")


@pytest.mark.parametrize(
    "odd",
    [
        None,
        [],
        "other.tif",
        RED | {"href": None},
        RED | {"href": 5},
        RED | {"href": "https://[::1/B04.tif"},
        RED | {"raster:bands": [{"scale": math.nan}]},
        RED | {"raster:bands": [{"offset": math.inf}]},
        RED | {"raster:bands": [{"scale": "n/a"}]},
        RED | {"raster:bands": [{"offset": HUGE}]},
        RED | {"bands": [{"raster:scale": []}]},
    ],
    ids=str,
)
def test_an_invalid_asset_is_skipped_and_reported(odd: Any, make_item: Callable[..., Item]) -> None:
    scene = parse_item(make_item(collection="another", assets={"red": RED, "other": odd}))
    assert set(scene.assets) == {"red"}
    (remark,) = scene.remarks
    assert remark.startswith("asset other: ")
    with pytest.raises(UnusableItem, match="no-raster-assets") as refused:
        parse_item(make_item(collection="another", assets={"other": odd}))
    assert refused.value.detail == remark


@pytest.mark.parametrize(
    ("media", "href", "is_read"),
    [
        ("image/tiff", "a", True),
        ("IMAGE/TIFF ; Application=GeoTIFF", "a", True),
        ("image/tiff;application=geotiff;profile=cloud-optimized", "a", True),
        ("image/x.geotiff", "a", True),
        ("image/geotiff", "a", True),
        ("image/vnd.stac.geotiff; cloud-optimized=true", "a", True),
        ("application/x-geotiff", "a", True),
        (None, "https://example.org/a.TIF?sig=x.jp2", True),
        ("", "a.tiff", True),
        ("application/octet-stream", "a.tif", True),
        (5, "a.tif", True),
        (None, "a.jp2", False),
        (None, "https://example.org/a.jp2?name=a.tif", False),
        ("image/jp2", "a.tif", False),
        ("application/json", "a.tif", False),
    ],
)
def test_geotiffs_are_recognised(media: Any, href: str, is_read: bool, make_item: Callable[..., Item]) -> None:
    scene = parse_item(make_item(collection="another", assets={"red": RED, "other": {"type": media, "href": href}}))
    assert ("other" in scene.assets) == is_read
    assert scene.remarks == ()


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"geometry": None}, True),
        ({"geometry": {"type": "Point", "coordinates": [11.5, 46.5]}}, True),
        ({"geometry": {"type": "Polygon", "coordinates": []}}, True),
        ({"geometry": polygon([0, 0], [1, 1])}, True),
        ({"geometry": {"type": "GeometryCollection", "geometries": [polygon(*SQUARE)]}}, False),
        ({"geometry": polygon(*SQUARE[:-1])}, False),
        ({"geometry": polygon(*SQUARE[::-1])}, False),
        ({"geometry": polygon(*[corner for corner in SQUARE for _ in range(3)])}, False),
        ({"geometry": polygon(*[[*corner, 250.0] for corner in SQUARE])}, False),
    ],
    ids=lambda value: json.dumps(value)[:60],
)
@pytest.mark.parametrize("bbox", [[11, 46, 12, 47], [11, 46, -5, 12, 47, 3000]], ids=len)
def test_footprints_come_from_the_geometry_or_the_bbox(
    members: Item, expected: bool, bbox: list[float], make_item: Callable[..., Item]
) -> None:
    """From the geometry if it has an area, else from the bbox, which is reported."""
    scene = parse_item(make_item(**members, bbox=bbox))
    (ring,) = scene.footprint
    assert ring[0] == ring[-1]
    if members["geometry"] and not expected:
        assert {*ring} == {tuple(corner) for corner in SQUARE}
        assert scene.remarks == ()
    else:
        assert {*ring} == {(11.0, 46.0), (12.0, 46.0), (12.0, 47.0), (11.0, 47.0)}
        assert scene.remarks[0].startswith("geometry: ")


@pytest.mark.parametrize("item", [{}, {"properties": {}}, [], None, "item", 5])
def test_values_that_are_not_items_are_refused(item: Any) -> None:
    with pytest.raises(UnusableItem):
        parse_item(item)


JSON: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)),
    max_leaves=8,
)
PATHS = [
    ("id",), ("collection",), ("geometry",), ("geometry", "type"), ("geometry", "coordinates"), ("properties",),
    ("properties", "datetime"), ("properties", "platform"), ("properties", "grid:code"),
    ("properties", "eo:cloud_cover"), ("properties", "earthsearch:boa_offset_applied"),
    ("properties", "s2:processing_baseline"), ("properties", "s2:generation_time"), ("properties", "s2:datatake_id"),
    ("properties", "s2:datastrip_id"), ("assets",), ("assets", "red"), ("assets", "red", "href"),
    ("assets", "red", "type"), ("assets", "red", "raster:bands"), ("assets", "red", "bands"),
]  # fmt: skip


@given(path=st.sampled_from(PATHS), value=JSON)
def test_any_value_of_any_member_is_parsed_or_refused(path: tuple[str, ...], value: Any) -> None:
    item = json.loads(ITEM_TEXT)
    place = item
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    try:
        scene = parse_item(item)
    except UnusableItem:
        return
    assert scene.assets
    assert all(math.isfinite(number) for ring in scene.footprint for corner in ring for number in corner)
    assert all(asset.scale is None or math.isfinite(asset.scale) for asset in scene.assets.values())
    assert scene.cloud_cover is None or math.isfinite(scene.cloud_cover)


ITEM_TEXT = json.dumps(
    {
        "id": "one",
        "collection": L2A,
        "geometry": polygon(*SQUARE),
        "properties": {"datetime": "2024-06-12T10:10:31Z"},
        "assets": {"red": RED},
    }
)
