"""Searches as pystac-client accepts them, each with a test of the items that should match."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.stac.oracle import between, box, cover, time_of, touches, value
from tests.stac.synthetic_items import L2A, MINE, Item


@dataclass(frozen=True)
class Case:
    name: str
    parameters: dict[str, Any]
    matches: Callable[[Item], bool]
    order: list[tuple[Callable[[Item], Any], bool]] = field(default_factory=list)
    """Sort keys, each with whether it is descending. Items whose key is None come last."""


def _all(item: Item) -> bool:
    return True


def _has(name: str, test: Callable[[Any], bool]) -> Callable[[Item], bool]:
    return lambda item: value(item, name) is not None and test(value(item, name))


def _polygon(*corners: tuple[float, float]) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [[list(corner) for corner in (*corners, corners[0])]]}


TRIANGLE = [(-5.1, -7.2), (12.3, -3.3), (1.7, 9.9)]
LINE = [(-18.05, -13.03), (17.02, 14.01)]
SPOTS = [(0.123, 0.456), (3.3, -7.7), (-11.1, 4.4), (2.9, 21.1), (0.5, 24.5)]
COLLECTION = {
    "type": "GeometryCollection",
    "geometries": [
        {"type": "Point", "coordinates": list(SPOTS[1])},
        _polygon(*TRIANGLE),
        {"type": "LineString", "coordinates": [list(corner) for corner in LINE]},
    ],
}


def _text(name: str, text: str, matches: Callable[[Item], bool]) -> Case:
    return Case(name, {"filter": text, "filter_lang": "cql2-text"}, matches)


def _json(name: str, tree: dict[str, Any], matches: Callable[[Item], bool]) -> Case:
    return Case(name, {"filter": tree, "filter_lang": "cql2-json"}, matches)


def _query(name: str, query: dict[str, Any], matches: Callable[[Item], bool]) -> Case:
    return Case(name, {"query": query}, matches)


def _sorted(name: str, sortby: Any, *order: tuple[Callable[[Item], Any], bool], **parameters: Any) -> Case:
    return Case(name, {"sortby": sortby, **parameters}, parameters.pop("matches", _all), list(order))


PLACES = [
    Case("everything", {}, _all),
    Case("a box", {"bbox": [-5.05, -5.05, 5.05, 5.05]}, touches(box(-5.05, -5.05, 5.05, 5.05))),
    Case("a small box", {"bbox": [0.11, 0.12, 0.13, 0.14]}, touches(box(0.11, 0.12, 0.13, 0.14))),
    Case("the world", {"bbox": [-180, -90, 180, 90]}, _all),
    Case("a box without items", {"bbox": [100, 80, 101, 81]}, lambda item: False),
    Case("a box in a hole", {"bbox": [-1, 23, 1, 25]}, touches(box(-1, 23, 1, 25))),
    Case("a box with heights", {"bbox": [-9.1, -9.1, -10, 9.1, 9.1, 10]}, touches(box(-9.1, -9.1, 9.1, 9.1))),
    Case("a box above the ground", {"bbox": [-9.1, -9.1, 5, 9.1, 9.1, 10]}, lambda item: False),
    Case(
        "over the antimeridian",
        {"bbox": [170.5, -60.5, -170.5, 60.5]},
        touches(box(170.5, -60.5, 180, 60.5), box(-180, -60.5, -170.5, 60.5)),
    ),
    Case("east of the antimeridian", {"bbox": [-179.9, 50.2, -179.5, 50.7]}, lambda item: value(item, "number") == 57),
    Case("a point", {"intersects": {"type": "Point", "coordinates": list(SPOTS[0])}}, touches([SPOTS[0]])),
    Case(
        "points",
        {"intersects": {"type": "MultiPoint", "coordinates": [list(spot) for spot in SPOTS]}},
        touches(*[[spot] for spot in SPOTS]),
    ),
    Case("a line", {"intersects": {"type": "LineString", "coordinates": [list(c) for c in LINE]}}, touches(LINE)),
    Case("a triangle", {"intersects": _polygon(*TRIANGLE)}, touches(TRIANGLE)),
    Case("many geometries", {"intersects": COLLECTION}, touches([SPOTS[1]], TRIANGLE, LINE)),
]
TIMES = [
    Case("a day", {"datetime": "2022-03-02"}, between("2022-03-02T00:00:00Z", "2022-03-02T23:59:59.999999Z")),
    Case("open start", {"datetime": "../2022-04-01T00:00:00Z"}, between(None, "2022-04-01T00:00:00Z")),
    Case("open end", {"datetime": "2022-04-01T00:00:00Z/.."}, between("2022-04-01T00:00:00Z", None)),
    Case(
        "an interval",
        {"datetime": "2022-02-01T00:00:00Z/2022-05-01T00:00:00Z"},
        between("2022-02-01T00:00:00Z", "2022-05-01T00:00:00Z"),
    ),
]
NAMES = [
    Case("a collection", {"collections": [MINE]}, lambda item: item["collection"] == MINE),
    Case("two collections", {"collections": [MINE, L2A]}, _all),
    Case("no such collection", {"collections": ["none"]}, lambda item: False),
    Case("ids", {"ids": ["S2-37", "s2-14", "no"]}, lambda item: item["id"] in ("S2-37", "s2-14")),
    Case(
        "all at once",
        {"collections": [L2A], "bbox": [-15.1, -15.1, 15.1, 15.1], "datetime": "2022-02-01T00:00:00Z/.."}
        | {"query": {"eo:cloud_cover": {"lt": 70}}},
        lambda item: (
            item["collection"] == L2A
            and touches(box(-15.1, -15.1, 15.1, 15.1))(item)
            and between("2022-02-01T00:00:00Z", None)(item)
            and cover(lambda percent: percent < 70)(item)
        ),
    ),
]
QUERIES = [
    _query("few clouds", {"eo:cloud_cover": {"lte": 40}}, cover(lambda percent: percent <= 40)),
    _query("prefixed", {"properties.eo:cloud_cover": {"gte": 40, "lt": 60}}, cover(lambda p: 40 <= p < 60)),
    _query("null", {"eo:cloud_cover": {"eq": None}}, lambda item: value(item, "eo:cloud_cover") is None),
    _query("eq", {"platform": {"eq": "sentinel-2a"}}, _has("platform", lambda text: text == "sentinel-2a")),
    _query("neq", {"number": {"neq": 4}}, _has("number", lambda number: number != 4)),
    _query("gt lt", {"number": {"gt": 10, "lt": 20}}, _has("number", lambda number: 10 < number < 20)),
    _query("startsWith", {"Title": {"startsWith": "La"}}, _has("Title", lambda text: text.startswith("La"))),
    _query("endsWith", {"Title": {"endsWith": "%"}}, _has("Title", lambda text: text.endswith("%"))),
    _query("contains", {"Title": {"contains": "ake"}}, _has("Title", lambda text: "ake" in text)),
    _query("in a list", {"tags": {"contains": "t3"}}, _has("tags", lambda tags: "t3" in tags)),
    _query("in", {"number": {"in": [1, 2, 3, 5, 99]}}, _has("number", lambda number: number in (1, 2, 3, 5))),
    _query("nested", {"nested.deep.value": {"gte": 7}}, _has("nested", lambda tree: tree["deep"]["value"] >= 7)),
    _query("other types", {"number": {"lt": "a"}}, lambda item: False),
    _query("true", {"flag": {"eq": True}}, lambda item: value(item, "flag")),
    _query(
        "times", {"created": {"gt": "2023-01-05T01:00:00+01:00"}}, _has("created", lambda t: t > "2023-01-05T00:00:00Z")
    ),
]
FILTERS = [
    _text("clouds", "eo:cloud_cover < 30", cover(lambda percent: percent < 30)),
    _text("not clouds", "NOT (eo:cloud_cover < 30)", cover(lambda percent: percent >= 30)),
    _text("is null", "eo:cloud_cover IS NULL", lambda item: value(item, "eo:cloud_cover") is None),
    _text(
        "and or",
        "(platform = 'sentinel-2a' AND eo:cloud_cover >= 50) OR number IN (1, 2, 3)",
        lambda item: (
            (value(item, "platform") == "sentinel-2a" and cover(lambda percent: percent >= 50)(item))
            or value(item, "number") in (1, 2, 3)
        ),
    ),
    _text("like", "Title LIKE 'l_ke%1'", _has("Title", lambda text: text == "lake_1")),
    _text("casei", "CASEI(Title) = CASEI('LAKE')", _has("Title", lambda text: text == "Lake")),
    _text("accenti", "ACCENTI(Title) = ACCENTI('Etang')", _has("Title", lambda text: text == "Étang")),
    _text("between", "number BETWEEN 5 AND 9", _has("number", lambda number: 5 <= number <= 9)),
    _text(
        "between times",
        "datetime BETWEEN TIMESTAMP('2022-02-01T00:00:00Z') AND TIMESTAMP('2022-05-01T00:00:00Z')",
        between("2022-02-01T00:00:00Z", "2022-05-01T00:00:00Z"),
    ),
    _text("after", "T_AFTER(datetime, DATE('2022-04-01'))", between("2022-04-02T00:00:00Z", None)),
    _text("arithmetic", "number * 2 - 1 = 9", lambda item: value(item, "number") == 5),
    _text(
        "a box over the antimeridian",
        "S_INTERSECTS(geometry, BBOX(170.5, 40.5, -170.5, 60.5))",
        lambda i: value(i, "number") == 57,
    ),
    _text(
        "within",
        "S_WITHIN(geometry, POLYGON((-30 15, 30 15, 30 30, -30 30, -30 15)))",
        lambda item: value(item, "number") == 59,
    ),
    _json(
        "json and",
        {
            "op": "and",
            "args": [
                {"op": "s_intersects", "args": [{"property": "geometry"}, _polygon(*TRIANGLE)]},
                {"op": "<=", "args": [{"property": "eo:cloud_cover"}, 80]},
                {"op": "=", "args": [{"property": "collection"}, L2A]},
            ],
        },
        lambda i: touches(TRIANGLE)(i) and cover(lambda percent: percent <= 80)(i) and i["collection"] == L2A,
    ),
    _json(
        "json during",
        {"op": "t_during", "args": [{"property": "datetime"}, {"interval": ["2022-02-01T00:00:00Z", ".."]}]},
        between("2022-02-01T00:00:00Z", None),
    ),
    _json(
        "json arrays",
        {"op": "a_contains", "args": [{"property": "tags"}, ["even", "t2"]]},
        _has("tags", lambda tags: {"even", "t2"} <= set(tags)),
    ),
]
ORDERS = [
    _sorted("oldest first", "+properties.datetime", (time_of, False)),
    _sorted("newest first", "-datetime", (time_of, True)),
    _sorted("by id, descending", "-id", (lambda item: item["id"], True)),
    _sorted("by cloud cover", "properties.eo:cloud_cover", (lambda item: value(item, "eo:cloud_cover"), False)),
    _sorted("by cloud cover, descending", "-eo:cloud_cover", (lambda item: value(item, "eo:cloud_cover"), True)),
    _sorted("by number", "-properties.number", (lambda item: value(item, "number"), True)),
    _sorted(
        "by two",
        "+properties.platform,-properties.datetime",
        (lambda item: value(item, "platform"), False),
        (time_of, True),
    ),
    _sorted(
        "by two, in a box",
        [{"field": "properties.created", "direction": "desc"}, {"field": "id", "direction": "asc"}],
        (lambda item: value(item, "created"), True),
        (lambda item: item["id"], False),
        bbox=[-180, -90, 180, 90],
    ),
    _sorted("by an unknown property", "properties.none"),
]
CASES = [*PLACES, *TIMES, *NAMES, *QUERIES, *FILTERS, *ORDERS]
