"""The `fields` of a search."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from scog.catalog.fields import Fields

DEFAULTS = {"type", "id", "collection", "stac_version", "stac_extensions", "geometry", "bbox", "links", "assets"}
CASES: list[tuple[str, dict[str, Any], set[str], set[str] | None]] = [
    ("", {}, DEFAULTS | {"properties"}, {"datetime"}),
    ("id", {"include": ["id"]}, DEFAULTS | {"properties"}, {"datetime"}),
    (
        "properties.platform,number",
        {"include": ["properties.platform", "number"]},
        DEFAULTS | {"properties"},
        {"datetime", "platform", "number"},
    ),
    ("+properties.eo:none", {"include": ["properties.eo:none"]}, DEFAULTS | {"properties"}, {"datetime"}),
    (
        "-geometry,-assets",
        {"exclude": ["geometry", "assets"]},
        DEFAULTS - {"geometry", "assets"} | {"properties"},
        {"datetime"},
    ),
    ("-links", {"exclude": ["links"], "include": None}, DEFAULTS - {"links"} | {"properties"}, {"datetime"}),
    (
        "-id,-type,-collection",
        {"exclude": ["id", "type", "collection"]},
        DEFAULTS | {"properties"},
        {"datetime"},
    ),
    ("-properties", {"exclude": ["properties"]}, DEFAULTS, None),
]


@pytest.mark.parametrize(("text", "tree", "members", "properties"), CASES, ids=[text for text, *_ in CASES])
def test_fields(
    http: httpx.Client, text: str, tree: dict[str, Any], members: set[str], properties: set[str] | None
) -> None:
    by_get = http.get("/search", params={"fields": text, "ids": "S2-37"}).json()["features"]
    by_post = http.post("/search", json={"fields": tree, "ids": ["S2-37"]}).json()["features"]
    assert by_get == by_post
    [item] = by_get
    assert set(item) == members
    assert (set(item["properties"]) if "properties" in item else None) == properties


def test_excluding_one_property(http: httpx.Client) -> None:
    whole = http.get("/search", params={"ids": "S2-37"}).json()["features"][0]
    part = http.get("/search", params={"ids": "S2-37", "fields": "id,properties,-properties.tags"}).json()["features"][
        0
    ]
    assert {**part["properties"], "tags": whole["properties"]["tags"]} == whole["properties"]


def test_nested_paths_reach_into_assets() -> None:
    item = {"id": "a", "assets": {"red": {"href": "r", "title": "R"}, "nir": {"href": "n"}}, "properties": {"a.b": 1}}
    assert Fields(exclude=("assets.red.title", "assets.nir")).of(item)["assets"] == {"red": {"href": "r"}}
    assert Fields(include=("properties.a.b",)).of(item)["properties"] == {"a.b": 1}
    assert Fields(include=("assets.red.href",), exclude=("assets.red.href",)).of(item)["assets"]["red"] == {
        "title": "R"
    }


def test_fields_of_collection_items(http: httpx.Client) -> None:
    [item] = http.get("/collections/my scenes/items", params={"fields": "-assets", "limit": 1}).json()["features"]
    assert "assets" not in item
