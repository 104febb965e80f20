"""The parameters of a search, the same by GET and by POST: from a request to what `scog.catalog` is asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from scog.catalog.cql2.comparison import Truth, is_number
from scog.catalog.fields import Fields
from scog.catalog.item_search import NEWEST_FIRST, Area, Item, ItemSearch, query_conditions
from scog.errors import InvalidInput
from scog.geo.bbox import VALID_BOX, boxes_of, numbers_of
from scog.geo.geojson_text import parse_json
from scog.temporal.intervals import VALID as VALID_TIME
from scog.temporal.intervals import parse_interval
from scog.web.stac import values

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
MAX_BODY = 1_000_000
WORLD = (-180.0, -90.0, 180.0, 90.0)
Test = Callable[[Item], Truth]


class SearchParameters(BaseModel):
    """How items are asked for. This is for the API's description: `from_query` reads them."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)

    limit: str | None = Field(None, description="Items on a page, 1 to 10000.")
    bbox: str | None = Field(None, description="West, south, east, north in degrees.")
    datetime: str | None = Field(None, description="A date, an RFC 3339 instant or an interval, `..` open.")
    ids: str | None = Field(None, description="Ids, separated by commas.")
    intersects: str | None = Field(None, description="A GeoJSON geometry; not together with `bbox`.")
    query: str | None = Field(None, description='Such as `{"eo:cloud_cover": {"lt": 20}}`.')
    filter: str | None = Field(None, description="A CQL2 expression.")
    filter_lang: str | None = Field(None, alias="filter-lang", description="`cql2-text` or `cql2-json`.")
    filter_crs: str | None = Field(None, alias="filter-crs", description=f"Only {CRS84}.")
    sortby: str | None = Field(None, description="Such as `-properties.datetime,+id`.")
    fields: str | None = Field(None, description="Such as `properties.eo:cloud_cover,-assets`.")
    token: str | None = Field(None, description="A page, as `next` and `prev` links have it.")
    collections: str | None = Field(None, description="Collections, separated by commas.")


NAMES = tuple(field.alias or name for name, field in SearchParameters.model_fields.items())


@dataclass(frozen=True)
class Asked:
    """A request for a page. `digest` stands for the search, so that a token of another one is told apart."""

    search: ItemSearch
    limit: int
    fields: Fields | None
    token: str | None
    digest: str


def from_query(given: Mapping[str, str]) -> dict[str, Any]:
    """A query string's parameters as the body of a POST would hold them. Raises InvalidInput."""
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
    "bbox": numbers_of,
    "ids": values.split_texts,
    "collections": values.split_texts,
    "sortby": values.split_orders,
    "fields": values.split_fields,
}


def from_body(text: bytes) -> dict[str, Any]:
    """The body of a POST. What is null counts as not given. Raises InvalidInput."""
    body = parse_json(text)
    if not isinstance(body, dict):
        raise InvalidInput("The body is no JSON object.", parameter="body", valid='such as {"limit": 10}')
    _check_names(body)
    return {name: value for name, value in body.items() if value is not None}


def _check_names(given: Mapping[str, Any]) -> None:
    for name in given:
        if name not in NAMES:
            raise InvalidInput(f"There is no parameter {name[:64]!r}.", parameter=name[:64], valid=", ".join(NAMES))


def parse_search(body: Mapping[str, Any]) -> Asked:
    """What a request asks for. Raises InvalidInput."""
    covers, tests = query_conditions(body["query"]) if "query" in body else ([], [])
    if "filter" in body:
        filter_covers, filter_tests = _filter(body)
        covers, tests = covers + filter_covers, tests + filter_tests
    search = ItemSearch(
        collections=values.texts_of(body.get("collections", []), "collections"),
        ids=values.texts_of(body.get("ids", []), "ids"),
        area=_area(body),
        interval=parse_interval(_text(body, "datetime", VALID_TIME)) if "datetime" in body else None,
        covers=tuple(covers),
        tests=tuple(tests),
        order=values.orders_of(body.get("sortby", [])) or NEWEST_FIRST,
    )
    return Asked(
        search,
        values.limit_of(body.get("limit", values.DEFAULT_LIMIT)),
        values.fields_of(body["fields"]) if "fields" in body else None,
        _text(body, "token", "as a `next` link has it") if "token" in body else None,
        _digest(body),
    )


def _digest(body: Mapping[str, Any]) -> str:
    """The same for requests that differ only in their page."""
    asked = {name: value for name, value in body.items() if name not in ("limit", "token", "fields")}
    return blake2b(json.dumps(asked, sort_keys=True).encode(), digest_size=6).hexdigest()


def _text(body: Mapping[str, Any], name: str, valid: str) -> str:
    if not isinstance(body[name], str):
        raise InvalidInput(f"{name} is no text.", parameter=name, valid=valid)
    return str(body[name])


def _area(body: Mapping[str, Any]) -> Area | None:
    if "bbox" in body and "intersects" in body:
        raise InvalidInput("bbox and intersects are given together.", parameter="bbox", valid="one of the two")
    if "bbox" not in body and "intersects" not in body:
        return None
    # shapely, like cql2 below, is loaded by the first search that needs it rather than by every start of the server.
    from scog.geo.geojson import box_shape, shape_of, touching

    if "bbox" in body:
        if not isinstance(body["bbox"], list):
            raise InvalidInput("bbox is no list.", parameter="bbox", valid=VALID_BOX)
        boxes = boxes_of(body["bbox"])
        if boxes == [WORLD]:  # as clients send it that show everything
            return None
        return Area(tuple(boxes), touching(box_shape(boxes)), is_boxes=True)
    shape = shape_of(body["intersects"])
    return Area((shape.bounds,), touching(shape), is_boxes=False)


def _filter(body: Mapping[str, Any]) -> tuple[list[tuple[str, float]], list[Test]]:
    """The filter's comparisons with the cloud cover, which the index knows, and the rest of it."""
    from scog.catalog.cql2.filters import compile_filter, parse_text

    language = body.get("filter-lang", "cql2-json")
    if language not in ("cql2-text", "cql2-json"):
        raise InvalidInput("The filter's language is not known.", parameter="filter-lang", valid="cql2-text, cql2-json")
    if body.get("filter-crs", CRS84) != CRS84:
        raise InvalidInput("The filter's CRS is not known.", parameter="filter-crs", valid=CRS84)
    tree = parse_text(_text(body, "filter", "CQL2 text")) if language == "cql2-text" else body["filter"]
    compile_filter(tree)  # as a whole first: its bounds are those of the whole
    covers: list[tuple[str, float]] = []
    tests: list[Test] = []
    for part in _conjuncts(tree):
        cover = _cover(part)
        covers += [cover] if cover else []
        tests += [] if cover else [compile_filter(part)]
    return covers, tests


def _conjuncts(tree: Any) -> list[Any]:
    if isinstance(tree, dict) and str(tree.get("op")).lower() == "and":
        return [part for arg in tree["args"] for part in _conjuncts(arg)]
    return [tree]


def _cover(tree: Any) -> tuple[str, float] | None:
    if not isinstance(tree, dict) or tree.get("op") not in ("=", "<>", "<", "<=", ">", ">="):
        return None
    left, right = tree["args"]
    is_cover = left in ({"property": "eo:cloud_cover"}, {"property": "properties.eo:cloud_cover"})
    return (tree["op"], float(right)) if is_cover and is_number(right) else None
