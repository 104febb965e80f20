"""Scenes as JSON for storage, complete enough to draw them again without a catalogue request."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from scog.catalog.assets import Asset
from scog.catalog.proj_extension import Georeference
from scog.catalog.scene import Scene
from scog.collections.reflectance_offset import StatedOffset

FORMAT = 5
"""Version of the format. Changes with the fields of a scene, so that records of an older version are not read."""


def to_json(scenes: Sequence[Scene]) -> str:
    """Scenes as JSON text, identical for equal scenes. It is half as large as the items, and already validated."""
    records = [
        asdict(scene) | {"time": scene.time.isoformat(), "span": scene.span and [end.isoformat() for end in scene.span]}
        for scene in scenes
    ]
    return json.dumps(records, sort_keys=True)


def from_json(text: str | bytes) -> list[Scene]:
    """The scenes written by `to_json`. Raises ValueError, TypeError, LookupError or AttributeError for other text."""
    return [_scene(record) for record in json.loads(text)]


def _scene(record: Mapping[str, Any]) -> Scene:
    """The scene of a record, with JSON's lists turned back into tuples."""
    decoded = {
        "time": datetime.fromisoformat(record["time"]),
        "span": None if record["span"] is None else tuple(map(datetime.fromisoformat, record["span"])),
        "footprint": tuple(tuple((lon, lat) for lon, lat in ring) for ring in record["footprint"]),
        "assets": {name: _asset(asset) for name, asset in record["assets"].items()},
        "remarks": tuple(record["remarks"]),
        "acquisition_key": None if record["acquisition_key"] is None else tuple(record["acquisition_key"]),
    }
    return Scene(**{**record, **decoded})


def _asset(record: Mapping[str, Any]) -> Asset:
    """The asset of a record."""
    written, stated = record["georeference"], record["stated_offset"]
    georeference = None
    if written is not None:
        transform, shape = (None if written[name] is None else tuple(written[name]) for name in ("transform", "shape"))
        georeference = Georeference(written["crs"], transform, shape)
    decoded = {
        "georeference": georeference,
        "stated_offset": None if stated is None else StatedOffset(*stated),
        "notes": tuple(record["notes"]),
    }
    return Asset(**{**record, **decoded})
