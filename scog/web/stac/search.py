"""Item search parameters, from a query string (GET) or a JSON body (POST) to an `ItemSearch`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from scog.catalog.cql2.comparison import Truth, is_number
from scog.catalog.fields import Fields
from scog.catalog.item_search import NEWEST_FIRST, Item, ItemSearch, SearchArea, query_conditions
from scog.errors import InvalidInput
from scog.geo.bbox import VALID_BOX, boxes_from_numbers, parse_numbers
from scog.geo.geojson_text import parse_json
from scog.suggest import did_you_mean
from scog.temporal.intervals import VALID as VALID_TIME
from scog.temporal.intervals import parse_interval
from scog.web.stac import values

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
MAX_BODY = 1_000_000
"""Bytes of a request body."""
WORLD = (-180.0, -90.0, 180.0, 90.0)
Test = Callable[[Item], Truth]


class SearchParameters(BaseModel):
    """Parameters of an item search, for OpenAPI only: `query_to_body` parses them."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)

    limit: str | None = Field(None, description="Maximum number of items on a page, 1 to 10000. Default: 10.")
    bbox: str | None = Field(None, description="West, south, east, north in degrees.")
    datetime: str | None = Field(
        None, description="A date, an RFC 3339 date-time, or an interval of two, with `..` for an open end."
    )
    ids: str | None = Field(None, description="Item ids, separated by commas.")
    intersects: str | None = Field(None, description="A GeoJSON geometry. Not together with `bbox`.")
    query: str | None = Field(
        None, description='Comparisons of the query extension, such as `{"eo:cloud_cover": {"lt": 20}}`.'
    )
    filter: str | None = Field(None, description="A CQL2 expression, such as `eo:cloud_cover < 20`.")
    filter_lang: str | None = Field(
        None, alias="filter-lang", description="Language of `filter`: `cql2-text` (the default) or `cql2-json`."
    )
    filter_crs: str | None = Field(None, alias="filter-crs", description=f"CRS of `filter`: `{CRS84}`, the only one.")
    sortby: str | None = Field(
        None,
        description="Fields to sort by, separated by commas, with `-` for descending: `-properties.datetime,+id`.",
    )
    fields: str | None = Field(
        None,
        description="Fields to include, or with `-` to exclude, separated by commas: "
        "`properties.eo:cloud_cover,-assets`.",
    )
    token: str | None = Field(None, description="Token of a page, from a `next` or `prev` link.")
    collections: str | None = Field(None, description="Collection ids, separated by commas.")


NAMES = tuple(field.alias or name for name, field in SearchParameters.model_fields.items())


@dataclass(frozen=True)
class PageRequest:
    """A request for a page of a search. `digest` identifies the search: tokens are valid for the same digest only."""

    search: ItemSearch
    limit: int
    fields: Fields | None
    token: str | None
    digest: str


def query_to_body(given: Mapping[str, str]) -> dict[str, Any]:
    """The parameters of a query string as the equivalent POST body. Raises InvalidInput."""
    _check_names(given)
    body: dict[str, Any] = dict(given)
    for name, split in _SPLIT.items():
        if name in given:
            body[name] = split(given[name])
    for name in ("intersects", "query"):
        if name in given:
            body[name] = parse_json(given[name], name)
    if "filter" in given:
        body.setdefault("filter-lang", "cql2-text")
        if body["filter-lang"] == "cql2-json":
            body["filter"] = parse_json(given["filter"], "filter")
    return body


_SPLIT: dict[str, Callable[[str], Any]] = {
    "bbox": parse_numbers,
    "ids": values.split_names,
    "collections": values.split_names,
    "sortby": values.split_orders,
    "fields": values.split_fields,
}


def parse_body(text: bytes) -> dict[str, Any]:
    """The JSON object in a POST body. Null counts as absent. Raises InvalidInput."""
    body = parse_json(text)
    if not isinstance(body, dict):
        raise InvalidInput("The body is not a JSON object.", parameter="body", valid='such as {"limit": 10}')
    _check_names(body)
    return {name: value for name, value in body.items() if value is not None}


def _check_names(given: Mapping[str, Any]) -> None:
    for name in given:
        if name not in NAMES:
            raise InvalidInput(
                f"Unknown parameter {name[:64]!r}{did_you_mean(name, NAMES) or '.'}",
                parameter=name[:64],
                valid=", ".join(NAMES),
            )


def parse_search(body: Mapping[str, Any]) -> PageRequest:
    """The page request in a body. Raises InvalidInput."""
    covers, tests = query_conditions(body["query"]) if "query" in body else ([], [])
    if "filter" in body:
        filter_covers, filter_tests = _filter(body)
        covers, tests = covers + filter_covers, tests + filter_tests
    search = ItemSearch(
        collections=values.parse_names(body.get("collections", []), "collections"),
        ids=values.parse_names(body.get("ids", []), "ids"),
        area=_area(body),
        interval=parse_interval(_string(body, "datetime", VALID_TIME)) if "datetime" in body else None,
        covers=tuple(covers),
        tests=tuple(tests),
        order=values.parse_orders(body.get("sortby", [])) or NEWEST_FIRST,
    )
    return PageRequest(
        search,
        values.parse_limit(body.get("limit", values.DEFAULT_LIMIT)),
        values.parse_included(body["fields"]) if "fields" in body else None,
        _string(body, "token", "the token of a `next` or `prev` link") if "token" in body else None,
        _digest(body),
    )


def _digest(body: Mapping[str, Any]) -> str:
    """Digest of the parameters that select and sort items, not of those that select a page or fields."""
    search = {name: value for name, value in body.items() if name not in ("limit", "token", "fields")}
    return blake2b(json.dumps(search, sort_keys=True).encode(), digest_size=6).hexdigest()


def _string(body: Mapping[str, Any], name: str, valid: str) -> str:
    if not isinstance(body[name], str):
        raise InvalidInput(f"{name} is not a string.", parameter=name, valid=valid)
    return str(body[name])


def _area(body: Mapping[str, Any]) -> SearchArea | None:
    if "bbox" in body and "intersects" in body:
        raise InvalidInput("bbox and intersects are both given.", parameter="bbox", valid="only one of the two")
    if "bbox" not in body and "intersects" not in body:
        return None
    # shapely, like cql2 below, is imported by the first search that needs it, to keep start-up short.
    from scog.geo.geojson import box_shape, intersecting, parse_geometry

    if "bbox" in body:
        if not isinstance(body["bbox"], list):
            raise InvalidInput("bbox is not a list.", parameter="bbox", valid=VALID_BOX)
        boxes = boxes_from_numbers(body["bbox"])
        if boxes == [WORLD]:  # sent by clients that show everything
            return None
        return SearchArea(tuple(boxes), intersecting(box_shape(boxes)), is_boxes=True)
    shape = parse_geometry(body["intersects"])
    return SearchArea((shape.bounds,), intersecting(shape), is_boxes=False)


def _filter(body: Mapping[str, Any]) -> tuple[list[tuple[str, float]], list[Test]]:
    """The filter's conditions on cloud cover, which the index evaluates, and tests for the others.

    Raises InvalidInput.
    """
    from scog.catalog.cql2.filters import compile_filter, parse_text

    language = body.get("filter-lang", "cql2-json")
    if language not in ("cql2-text", "cql2-json"):
        raise InvalidInput(
            f"Unknown filter-lang{values.in_quotes(language)}.", parameter="filter-lang", valid="cql2-text or cql2-json"
        )
    if body.get("filter-crs", CRS84) != CRS84:
        raise InvalidInput(
            f"Unsupported filter-crs{values.in_quotes(body['filter-crs'])}.", parameter="filter-crs", valid=CRS84
        )
    tree = parse_text(_string(body, "filter", "CQL2 text")) if language == "cql2-text" else body["filter"]
    compile_filter(tree)  # checks the limits, which apply to the whole filter
    covers: list[tuple[str, float]] = []
    tests: list[Test] = []
    for condition in _conjuncts(tree):
        cover = _cloud_cover_condition(condition)
        covers += [cover] if cover else []
        tests += [] if cover else [compile_filter(condition)]
    return covers, tests


def _conjuncts(tree: Any) -> list[Any]:
    """The operands of nested conjunctions (`and`)."""
    if isinstance(tree, dict) and str(tree.get("op")).lower() == "and":
        return [operand for arg in tree["args"] for operand in _conjuncts(arg)]
    return [tree]


def _cloud_cover_condition(tree: Any) -> tuple[str, float] | None:
    """Operator and number of a comparison of `eo:cloud_cover`; None for any other condition."""
    if not isinstance(tree, dict) or tree.get("op") not in ("=", "<>", "<", "<=", ">", ">="):
        return None
    left, right = tree["args"]
    is_cover = left in ({"property": "eo:cloud_cover"}, {"property": "properties.eo:cloud_cover"})
    return (tree["op"], float(right)) if is_cover and is_number(right) else None
