"""An archive of synthetic items without images, with varied places, times, cloud covers and properties."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from tests.stac.oracle import time_of

Item = dict[str, Any]
L2A, MINE = "sentinel-2-l2a", "my scenes"
OUTSIDE = b"not part of the archive"


def make_items() -> list[Item]:
    """Sixty items of two collections; every fourth has the same time as the one before."""
    rng = random.Random(7)
    items = []
    day = 0
    for number in range(57):
        day += 0 if number % 4 == 3 else rng.randrange(1, 9)
        west, south = round(rng.uniform(-20, 20), 3), round(rng.uniform(-15, 15), 3)
        size = round(rng.uniform(0.5, 6), 3)
        items.append(_item(number, day, _outline(number, west, south, size), rng))
    over_antimeridian = [[179.0, 50.0], [-179.0, 50.0], [-179.0, 51.0], [179.0, 51.0], [179.0, 50.0]]
    split = [[[[178.0, -9.0], [180.0, -9.0], [180.0, -8.0], [178.0, -8.0], [178.0, -9.0]]]]
    split += [[[[-180.0, -9.0], [-178.5, -9.0], [-178.5, -8.0], [-180.0, -8.0], [-180.0, -9.0]]]]
    items.append(_item(57, day + 1, {"type": "Polygon", "coordinates": [over_antimeridian]}, rng))
    items.append(_item(58, day + 2, {"type": "MultiPolygon", "coordinates": split}, rng))
    with_hole = [[[-4.0, 20.0], [4.0, 20.0], [4.0, 28.0], [-4.0, 28.0], [-4.0, 20.0]]]
    with_hole += [[[-2.0, 22.0], [2.0, 22.0], [2.0, 26.0], [-2.0, 26.0], [-2.0, 22.0]]]
    items.append(_item(59, day + 3, {"type": "Polygon", "coordinates": with_hole}, rng))
    return items


def _outline(number: int, west: float, south: float, size: float) -> Item:
    corners = [[west, south], [west + size, south], [west + size, south + size], [west, south + size]]
    if number % 3 == 0:  # a triangle covers half of its bounding box
        corners = [corners[0], corners[1], corners[3]]
    return {"type": "Polygon", "coordinates": [[*corners, corners[0]]]}


def _item(number: int, day: int, geometry: Item, rng: random.Random) -> Item:
    collection = MINE if number % 5 in (1, 4) else L2A
    fraction = ("Z", ".500Z", ".250000Z", "+00:00")[number % 4 if number % 4 != 3 else 2]
    properties: Item = {
        "datetime": f"2022-{1 + day // 28:02}-{1 + day % 28:02}T10:20:30{fraction}",
        "eo:cloud_cover": round(rng.uniform(0, 100), 2),
        "platform": f"sentinel-2{'ab'[number % 2]}",
        "created": f"2023-01-{1 + number % 9:02}T00:00:00Z",
        "number": number,
        "tags": ["odd" if number % 2 else "even", f"t{number % 7}"],
        "nested": {"deep": {"value": number % 10}},
        "Title": ["Étang", "Lake", "lake_1", "100%"][number % 4],
        "flag": number % 3 == 0,
    }
    if number % 6 == 2:
        properties["eo:cloud_cover"] = None
    if number % 7 == 3:
        del properties["eo:cloud_cover"]
    if number % 8 == 5:
        del properties["number"]
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "stac_extensions": [],
        "id": f"{'S2' if number % 2 else 's2'}-{(number * 37) % 60:02}",
        "collection": collection,
        "geometry": geometry,
        "bbox": [-180, -90, 180, 90],
        "properties": properties,
        "links": [
            {"rel": "collection", "href": "../collection.json"},
            {"rel": "license", "href": "https://example.org/license"},
        ],
        "assets": {
            "red": {"href": "./B04 é.tif", "type": "image/tiff; application=geotiff", "title": "Red"},
            "scl": {"href": "SCL.tif", "type": "image/tiff; application=geotiff"},
            "web": {"href": "https://example.org/a.tif", "type": "image/tiff; application=geotiff"},
            "bucket": {"href": "s3://bucket/a.tif", "type": "image/tiff"},
            "outside": {"href": "../../../outside.tif", "type": "image/tiff"},
            "elsewhere": {"href": "/etc/passwd", "type": "text/plain"},
        },
    }


def write_archive(folder: Path, items: list[Item]) -> Path:
    """Write the items as an archive. One collection has a file, assets have a few bytes, one links to the outside."""
    root = folder / "archive"
    (folder / "outside.tif").parent.mkdir(parents=True, exist_ok=True)
    (folder / "outside.tif").write_bytes(OUTSIDE)
    for item in items:
        item_folder = root / item["collection"] / item["id"]
        item_folder.mkdir(parents=True)
        (item_folder / "B04 é.tif").write_bytes(bytes(range(256)) * 4)
        (item_folder / "notes.txt").write_text("no asset")
        (item_folder / "item.json").write_text(json.dumps(item))
    (root / items[0]["collection"] / items[0]["id"] / "SCL.tif").symlink_to(folder / "outside.tif")
    collection = {"type": "Collection", "id": L2A, "title": "Described", "license": "CC0-1.0", "links": []}
    (root / L2A / "collection.json").write_text(json.dumps(collection))
    return root


def newest_first(items: list[Item]) -> list[Item]:
    """The items in the default order."""
    return sorted(items, key=lambda item: (-time_of(item), item["id"], item["collection"]))
