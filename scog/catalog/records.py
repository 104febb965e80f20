"""Scenes as JSON, to be kept: what is needed to draw them again without asking the catalogue."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from scog.catalog.assets import Asset
from scog.catalog.georeference import Georeference
from scog.catalog.scene import Scene

FORMAT = 2
"""Changes with what is kept of a scene, so that what an older scog wrote is not read."""


def to_json(scenes: Sequence[Scene]) -> str:
    """Scenes as text, the same for the same scenes. They are half as large as their items, and checked."""
    records = [
        asdict(scene) | {"time": scene.time.isoformat(), "span": scene.span and [end.isoformat() for end in scene.span]}
        for scene in scenes
    ]
    return json.dumps(records, sort_keys=True)


def from_json(text: str | bytes) -> list[Scene]:
    """The scenes that `to_json` wrote. Raises ValueError, TypeError, LookupError or AttributeError for other texts."""
    return [_scene(record) for record in json.loads(text)]


def _scene(record: Mapping[str, Any]) -> Scene:
    """A scene from what was written; JSON has made lists of its tuples."""
    changed = {
        "time": datetime.fromisoformat(record["time"]),
        "span": None if record["span"] is None else tuple(map(datetime.fromisoformat, record["span"])),
        "footprint": tuple(tuple((lon, lat) for lon, lat in ring) for ring in record["footprint"]),
        "assets": {name: _asset(asset) for name, asset in record["assets"].items()},
        "remarks": tuple(record["remarks"]),
        "twin": None if record["twin"] is None else tuple(record["twin"]),
    }
    return Scene(**{**record, **changed})


def _asset(record: Mapping[str, Any]) -> Asset:
    """An asset from what was written."""
    place = record["georeference"]
    if place is None:
        return Asset(**record)
    transform, shape = (None if place[name] is None else tuple(place[name]) for name in ("transform", "shape"))
    return Asset(**{**record, "georeference": Georeference(place["crs"], transform, shape)})
