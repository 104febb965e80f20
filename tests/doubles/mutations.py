"""STAC items with one thing wrong: a member missing, null, of another type, or beyond its range."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Item = dict[str, Any]
Path = tuple[str | int, ...]
MISSING = object()
DEEP: Any = []
for _ in range(200):
    DEEP = [DEEP]
ODD: dict[str, Any] = {
    "missing": MISSING,
    "null": None,
    "true": True,
    "zero": 0,
    "negative": -5,
    "fraction": 0.5,
    "huge": 10**400,
    "NaN": math.nan,
    "infinite": -math.inf,
    "empty text": "",
    "text": "odd",
    "long text": "x" * 5000,
    "surrogate": "\ud800",
    "NUL": "a\0b",
    "empty list": [],
    "list of null": [None],
    "list of numbers": [1, 2, 3, 4],
    "empty object": {},
    "object": {"a": {"b": [None]}},
    "deep": DEEP,
}


@dataclass(frozen=True)
class Mutation:
    """A changed item, the path of the change, and its name."""

    item: Item
    path: Path
    how: str

    def __str__(self) -> str:
        return f"{'.'.join(map(str, self.path))}: {self.how}"


def mutations(item: Mapping[str, Any]) -> Iterator[Mutation]:
    """Every member of an item in turn, changed in every way; in lists, the first two entries and the last."""
    for path in _paths(item, ()):
        for how, value in ODD.items():
            yield Mutation(_changed(item, path, value), path, how)
    yield from _ranges(item)
    yield from _versions(item)


def _changed(tree: Any, path: Path, value: Any) -> Any:
    """A copy of the tree with another value at a path; unchanged branches are shared."""
    name, *rest = path
    copy: Any = dict(tree) if isinstance(tree, Mapping) else list(tree)
    if rest:
        copy[name] = _changed(tree[name], tuple(rest), value)
    elif value is MISSING:
        del copy[name]
    else:
        copy[name] = value
    return copy


def _paths(tree: Any, above: Path) -> Iterator[Path]:
    members: list[tuple[str | int, Any]] = []
    if isinstance(tree, Mapping):
        members = list(tree.items())
    elif isinstance(tree, list):
        members = [(index, tree[index]) for index in sorted({0, 1, len(tree) - 1}) if 0 <= index < len(tree)]
    for name, value in members:
        yield (*above, name)
        yield from _paths(value, (*above, name))


def _ranges(item: Mapping[str, Any]) -> Iterator[Mutation]:
    """Values of the right type beyond their range, or in another notation."""
    for name, values in {
        "datetime": [
            "2022-06-12", "2022-06-12T10:00:00", "2022-06-12t10:00:00.1234567890123z", "2022-06-12T10:00:00+02:00",
            "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2022-02-30T00:00:00Z", "12/06/2022",
        ],
        "eo:cloud_cover": [-1, 101, "12.5", "n/a", "NaN"],
    }.items():  # fmt: skip
        for value in values:
            changed = {**item, "properties": {**item["properties"], name: value}}
            yield Mutation(changed, ("properties", name), repr(value))
    ring = item["geometry"]["coordinates"][0] if item["geometry"]["type"] == "Polygon" else None
    if ring is not None:
        for how, corners in {
            "0..360": [[x % 360, y] for x, y in ring],
            "turned": [[x + 360, y] for x, y in ring],
            "three turns": [[x + 1080, y] for x, y in ring],
            "metres": [[x * 1e5, y * 1e5] for x, y in ring],
            "latitude first": [[y, x] for x, y in ring],
            "open": ring[:-1],
            "wound the other way": ring[::-1],
            "doubled": [corner for corner in ring for _ in (0, 1)],
            "one place": [ring[0]] * 5,
            "with heights": [[*corner, 250.0] for corner in ring],
            "global": [[-180, -90], [180, -90], [180, 90], [-180, 90], [-180, -90]],
        }.items():
            yield Mutation({**item, "geometry": {"type": "Polygon", "coordinates": [corners]}}, ("geometry",), how)


def _versions(item: Mapping[str, Any]) -> Iterator[Mutation]:
    """Members of other versions of STAC."""
    old = {**item, "stac_version": "0.9.0", "stac_extensions": ["eo"]}
    yield Mutation(old, ("stac_version",), "0.9.0")
    assets = {
        name: {**asset, "bands": [{"name": name, "raster:scale": 0.0001, "raster:offset": 0.0, "nodata": 0}]}
        for name, asset in item["assets"].items()
    }
    yield Mutation({**item, "stac_version": "1.1.0", "assets": assets}, ("stac_version",), "1.1.0")
