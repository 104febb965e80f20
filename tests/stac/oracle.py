"""The oracle of searches: tests each item, without code of scog."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

Item = dict[str, Any]
Point = tuple[float, float]


def seconds(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def time_of(item: Item) -> float:
    return seconds(item["properties"]["datetime"])


def between(start: str | None, end: str | None) -> Callable[[Item], bool]:
    low, high = seconds(start) if start else float("-inf"), seconds(end) if end else float("inf")
    return lambda item: low <= time_of(item) <= high


def value(item: Item, name: str) -> Any:
    return item["properties"].get(name)


def cover(test: Callable[[float], bool]) -> Callable[[Item], bool]:
    return lambda item: value(item, "eo:cloud_cover") is not None and test(value(item, "eo:cloud_cover"))


def touches(*outlines: list[Point]) -> Callable[[Item], bool]:
    """A test whether an item intersects any outline. An outline of one or two corners is a point or a line."""
    return lambda item: any(_intersects(polygon, outline) for polygon in polygons(item) for outline in outlines)


def box(west: float, south: float, east: float, north: float) -> list[Point]:
    return [(west, south), (east, south), (east, north), (west, north)]


def polygons(item: Item) -> list[list[list[Point]]]:
    """Polygons as rings. A polygon over the antimeridian is returned twice, once on each side."""
    geometry = item["geometry"]
    coordinates = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
    all_polygons = [[[(x, y) for x, y in ring] for ring in polygon] for polygon in coordinates]
    result = []
    for polygon in all_polygons:
        xs = [x for x, _ in polygon[0]]
        if max(xs) - min(xs) <= 180:
            result.append(polygon)
            continue
        for turn in (0, -360):
            result.append([[(x + turn + (360 if x < 0 else 0), y) for x, y in ring] for ring in polygon])
    return result


def _intersects(polygon: list[list[Point]], outline: list[Point]) -> bool:
    if any(_cross(a, b, c, d) for ring in polygon for a, b in _edges(ring) for c, d in _edges(outline)):
        return True
    if _inside(polygon[0], outline[0]):
        return not any(_inside(hole, outline[0]) for hole in polygon[1:])
    return len(outline) > 2 and _inside(outline, polygon[0][0])


def _edges(ring: list[Point]) -> Iterable[tuple[Point, Point]]:
    return zip(ring, [*ring[1:], ring[0]], strict=True)


def _side(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _cross(a: Point, b: Point, c: Point, d: Point) -> bool:
    return _side(a, b, c) * _side(a, b, d) < 0 and _side(c, d, a) * _side(c, d, b) < 0


def _inside(ring: list[Point], point: Point) -> bool:
    x, y = point
    hits = 0
    for (ax, ay), (bx, by) in _edges(ring):
        if (ay > y) != (by > y) and x < ax + (y - ay) * (bx - ax) / (by - ay):
            hits += 1
    return hits % 2 == 1
