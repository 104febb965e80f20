"""Malformed requests get status 400 and a problem that names the parameter."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

NESTED = {"op": "and", "args": [True]}
for _ in range(60):
    NESTED = {"op": "not", "args": [NESTED]}
POINT = {"type": "Point", "coordinates": [0, 0]}
DEEP_SHAPE: dict[str, Any] = POINT
for _ in range(20):
    DEEP_SHAPE = {"type": "GeometryCollection", "geometries": [DEEP_SHAPE]}

BY_GET = [
    ({"bogus": "1"}, "bogus"),
    ({"limit": "0"}, "limit"),
    ({"limit": "-3"}, "limit"),
    ({"limit": "many"}, "limit"),
    ({"limit": "1.5"}, "limit"),
    ({"limit": ""}, "limit"),
    ({"bbox": "1,2,3"}, "bbox"),
    ({"bbox": "1,2,3,x"}, "bbox"),
    ({"bbox": "nan,0,1,1"}, "bbox"),
    ({"bbox": "0,0,inf,1"}, "bbox"),
    ({"bbox": "0,5,1,1"}, "bbox"),
    ({"bbox": "-190,0,1,1"}, "bbox"),
    ({"bbox": "0,0,1,91"}, "bbox"),
    ({"bbox": "0,0,5,1,1,-5"}, "bbox"),
    ({"bbox": "0,0,1,1", "intersects": json.dumps(POINT)}, "bbox"),
    ({"intersects": "POINT(0 0)"}, "intersects"),
    ({"intersects": "[" * 5000}, "intersects"),
    ({"datetime": "yesterday"}, "datetime"),
    ({"datetime": "2022-13-01"}, "datetime"),
    ({"datetime": "2022-02-01/2022-01-01"}, "datetime"),
    ({"datetime": ""}, "datetime"),
    ({"query": "cloud<3"}, "query"),
    ({"query": "[1]"}, "query"),
    ({"query": '{"a": 3}'}, "query"),
    ({"query": '{"a": {"near": 3}}'}, "query"),
    ({"query": '{"a": {"lt": NaN}}'}, "query"),
    ({"query": '{"a": {"eq": "\\ud800"}}'}, "query"),
    ({"query": '{"a": {"lt": [1]}}'}, "query"),
    ({"query": '{"a": {"in": 1}}'}, "query"),
    ({"query": '{"a": {"startsWith": 1}}'}, "query"),
    ({"filter": "cloud <"}, "filter"),
    ({"filter": ""}, "filter"),
    ({"filter": "1"}, "filter"),
    ({"filter": "nosuch(a) = 1"}, "filter"),
    ({"filter": "upper(a, b) = 1"}, "filter"),
    ({"filter": "t > TIMESTAMP('soon')"}, "filter"),
    ({"filter": "S_INTERSECTS(geometry, POINT(500 0))"}, "filter"),
    ({"filter": "(" * 100 + "a=1" + ")" * 100}, "filter"),
    ({"filter": "not " * 3000 + "a=1"}, "filter"),
    ({"filter": "a=" + "-" * 8000 + "1"}, "filter"),
    ({"filter": "*".join("a" * 2000) + "=1"}, "filter"),
    ({"filter": "'" + "\\'" + "'" + "not " * 3000 + "a=1 or b = '"}, "filter"),
    ({"filter": "a=POINT(" + "-" * 3000 + "1)"}, "filter"),
    ({"filter": "a=POINT(1 1" + " -1" * 2000 + ")"}, "filter"),
    ({"filter": "a=1", "filter-lang": "sql"}, "filter-lang"),
    ({"filter": "a=1", "filter-lang": "cql2-json"}, "filter"),
    ({"filter": "a=1", "filter-crs": "EPSG:3857"}, "filter-crs"),
    ({"sortby": "assets"}, "sortby"),
    ({"sortby": "geometry"}, "sortby"),
    ({"sortby": ",".join("abcdefghijk")}, "sortby"),
    ({"token": "nonsense"}, "token"),
    ({"token": "é"}, "token"),
    ({"token": "W10"}, "token"),
    ({"token": "x" * 9000}, "token"),
]
BY_POST: list[tuple[Any, str]] = [
    ([], "body"),
    ("text", "body"),
    (None, "body"),
    ({"bogus": 1}, "bogus"),
    ({"limit": True}, "limit"),
    ({"limit": "x"}, "limit"),
    ({"limit": 2.5}, "limit"),
    ({"bbox": "0,0,1,1"}, "bbox"),
    ({"bbox": [0, 0, 1, "1"]}, "bbox"),
    ({"bbox": [0, 0, 1, True]}, "bbox"),
    ({"bbox": [0, 0, 1, 1], "intersects": POINT}, "bbox"),
    ({"intersects": 3}, "intersects"),
    ({"intersects": {"type": "Circle", "coordinates": [0, 0]}}, "intersects"),
    ({"intersects": {"type": "Point"}}, "intersects"),
    ({"intersects": {"type": "Point", "coordinates": []}}, "intersects"),
    ({"intersects": {"type": "Point", "coordinates": [0, 95]}}, "intersects"),
    ({"intersects": {"type": "Point", "coordinates": ["0", "1"]}}, "intersects"),
    ({"intersects": {"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]}}, "intersects"),
    ({"intersects": {"type": "Polygon", "coordinates": [[0, 0], [1, 1], [1, 0]]}}, "intersects"),
    ({"intersects": {"type": "GeometryCollection", "geometries": [3]}}, "intersects"),
    ({"intersects": {"type": "GeometryCollection", "geometries": []}}, "intersects"),
    ({"intersects": DEEP_SHAPE}, "intersects"),
    ({"intersects": {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}}, "intersects"),
    ({"datetime": 2022}, "datetime"),
    ({"ids": "a"}, "ids"),
    ({"ids": [1]}, "ids"),
    ({"ids": ["a"] * 10_001}, "ids"),
    ({"collections": {"a": 1}}, "collections"),
    ({"query": []}, "query"),
    ({"query": {"a": {f"lt{n}": 1 for n in range(3)}}}, "query"),
    ({"query": {f"a{n}": {"lt": 1} for n in range(200)}}, "query"),
    ({"filter": "a=1"}, "filter"),
    ({"filter": 5}, "filter"),
    ({"filter": {"op": "and"}}, "filter"),
    ({"filter": {"op": "and", "args": []}}, "filter"),
    ({"filter": {"op": "=", "args": [1]}}, "filter"),
    ({"filter": {"op": "nosuch", "args": [1, 2]}}, "filter"),
    ({"filter": {"op": "=", "args": [{"property": 3}, 2]}}, "filter"),
    ({"filter": {"op": "=", "args": [{"strange": 3}, 2]}}, "filter"),
    ({"filter": {"op": "in", "args": [{"property": "a"}, 2]}}, "filter"),
    ({"filter": {"op": "s_intersects", "args": [{"property": "geometry"}, {"type": "Point"}]}}, "filter"),
    ({"filter": {"op": "s_intersects", "args": [{"property": "geometry"}, {"bbox": [1, 2]}]}}, "filter"),
    ({"filter": {"op": "t_during", "args": [{"property": "datetime"}, {"interval": ["soon", ".."]}]}}, "filter"),
    ({"filter": {"op": "t_during", "args": [{"property": "datetime"}, {"interval": [".."]}]}}, "filter"),
    ({"filter": NESTED}, "filter"),
    ({"filter": {"op": "or", "args": [True] * 6000}}, "filter"),
    ({"filter": True, "filter-lang": "cql2-text"}, "filter"),
    ({"filter": "a=1", "filter-lang": ["cql2-text"]}, "filter-lang"),
    ({"sortby": "id"}, "sortby"),
    ({"sortby": [{"field": "id", "direction": "up"}]}, "sortby"),
    ({"sortby": [{"direction": "asc"}]}, "sortby"),
    ({"fields": ["id"]}, "fields"),
    ({"fields": {"include": "id"}}, "fields"),
    ({"fields": {"only": []}}, "fields"),
    ({"token": 3}, "token"),
]


def _is_problem(response: httpx.Response, parameter: str) -> None:
    assert response.status_code == 400, response.text[:300]
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["detail"]
    assert problem["parameter"] == parameter


@pytest.mark.parametrize(("query", "parameter"), BY_GET, ids=lambda value: str(value)[:60])
def test_a_malformed_query_string(http: httpx.Client, query: dict[str, str], parameter: str) -> None:
    _is_problem(http.get("/search", params=query), parameter)


@pytest.mark.parametrize(("body", "parameter"), BY_POST, ids=lambda value: str(value)[:60])
def test_a_malformed_body(http: httpx.Client, body: Any, parameter: str) -> None:
    _is_problem(http.post("/search", content=json.dumps(body)), parameter)


NOT_JSON = {
    "nothing": b"",
    "half": b"{",
    "not UTF-8": b"\xff\xfe",
    "deep lists": b"[" * 900_000,
    "deep objects": b'{"a":' * 150_000,
    "NaN": b'{"limit": NaN}',
    "a long number": b'{"limit": ' + b"9" * 5000 + b"}",
    "infinite": b'{"bbox": [0, 0, 1e999, 1]}',
    "no text": b'{"ids": ["\\ud800"]}',
}


@pytest.mark.parametrize("text", NOT_JSON.values(), ids=NOT_JSON)
def test_a_body_that_is_not_json(http: httpx.Client, text: bytes) -> None:
    response = http.post("/search", content=text)
    assert response.status_code == 400
    assert response.headers["content-type"] == "application/problem+json"


def test_a_body_that_is_too_long(http: httpx.Client) -> None:
    _is_problem(http.post("/search", content=b" " * 1_000_001), "body")
    assert http.post("/search", content=b" " * 900_000 + b"{}").status_code == 200


def test_unknown_parameters_list_the_valid_ones(http: httpx.Client) -> None:
    problem = http.get("/search", params={"cloud": 3}).json()
    assert "collections" in problem["valid"]
    assert "filter-lang" in problem["valid"]
    _is_problem(http.get("/collections/my scenes/items", params={"collections": "a"}), "collections")
    assert http.get("/collections", params={"limit": "3"}).status_code == 400
    assert http.get("/search?limit=1&limit=2").status_code == 400


def test_a_token_belongs_to_one_search(http: httpx.Client) -> None:
    page = http.get("/search", params={"limit": 3}).json()
    token = next(link["href"] for link in page["links"] if link["rel"] == "next").partition("token=")[2]
    assert http.get("/search", params={"limit": 5, "token": token}).status_code == 200
    _is_problem(http.get("/search", params={"limit": 3, "token": token, "ids": "a"}), "token")


def test_limits_above_the_maximum_are_clamped(http: httpx.Client) -> None:
    assert http.get("/search", params={"limit": "999999"}).json()["numberReturned"] == 60
    assert http.post("/search", json={"limit": None}).json()["numberReturned"] == 10


def test_patterns_and_powers_are_fast(http: httpx.Client) -> None:
    like = "Title LIKE '" + "%a" * 200 + "'"
    assert http.get("/search", params={"filter": like}).json()["features"] == []
    assert http.get("/search", params={"filter": "number ^ 999 ^ 999 = 1 or 1 / 0 = number"}).status_code == 200
