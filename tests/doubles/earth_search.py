"""Earth Search v1 on a real socket, with the behaviour observed of the service.

    with EarthSearch() as catalog:
        catalog.items = acquisitions(mgrs_tiles_around(11.0, 46.5, 2, 2), date(2024, 6, 1), 20, catalog.url("/cogs"))
        catalog.fail(SEARCH, status(429, Retry_After="1"), html)  # the first search, the second
        read(catalog.root)
        assert [search.body for search in catalog.searches] == [...]

It is a `RangeServer` too, so it can serve the files that its items point to. Faults are those of that module, and
`edit` below. Behaviour copied from the service: items are newest first; the default limit is 10; limits above 267 get a
500; responses have at most 6 MB; every page with items has a `next` link, so the last link leads to an empty page;
`filter` is ignored; `fields` add to a basic set, which always includes `assets`.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

import numpy as np

from tests.doubles.archives import C1, L2A
from tests.doubles.range_server import Answer, Fault, Link, RangeServer, Request, reset

Json = dict[str, Any]
ROOT, SEARCH, COLLECTIONS = "/v1", "/v1/search", "/v1/collections"
DEFAULT_LIMIT = 10
TOO_MANY = 268
MAX_BODY = 6_000_000
BASIC_FIELDS = (
    *("id", "type", "stac_version", "geometry", "bbox", "links", "assets", "collection", "properties.datetime"),
)
JSON_TYPE = "application/json; charset=utf-8"
_CONFORMS_TO = (
    *(f"https://api.stacspec.org/v1.0.0/{part}" for part in ("core", "collections", "ogcapi-features", "item-search")),
    *(f"https://api.stacspec.org/v1.0.0/item-search#{part}" for part in ("fields", "sort", "query")),
    *(f"http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/{part}" for part in ("core", "geojson")),
)


@dataclass(frozen=True)
class CatalogRequest:
    """One request to the catalogue; `body` has the search parameters, whether sent by GET or POST."""

    method: str
    path: str
    body: Json


class EarthSearch(RangeServer):
    """The catalogue. `catalog_requests` are all requests to it, `requests` those for files."""

    def __init__(
        self,
        items: Iterable[Json] = (),
        *,
        latency: float = 0.0,
        tls: bool | None = None,
        link: Link | None = None,
        name: str = "earth-search-aws",
        exact_fields: bool = False,
    ) -> None:
        super().__init__(latency=latency, tls=tls, link=link)
        self.name = name
        self.exact_fields = exact_fields
        """Send only the included fields, as newer versions of the service's software do."""
        self.collections_per_page = 10
        self.catalog_requests: list[CatalogRequest] = []
        self._sorted: list[_Entry] = []
        self.items = list(items)

    @property
    def root(self) -> str:
        """URL of the landing page."""
        return self.url(ROOT)

    @property
    def items(self) -> list[Json]:
        """All items, newest first."""
        return [entry.item for entry in self._sorted]

    @items.setter
    def items(self, items: Sequence[Json]) -> None:
        self._sorted = sorted((_Entry.of(item) for item in items), key=lambda entry: entry.order, reverse=True)

    @property
    def searches(self) -> list[CatalogRequest]:
        """The searches among the requests."""
        return [request for request in self.catalog_requests if request.path == SEARCH]

    def forget_requests(self) -> None:
        super().forget_requests()
        self.catalog_requests.clear()

    def down(self) -> None:
        """Reset every connection to the catalogue from now on; files are still served."""
        for path in (ROOT, SEARCH, COLLECTIONS):
            self.fail(path, always=reset)

    def up(self) -> None:
        """Respond normally again."""
        for path in (ROOT, SEARCH, COLLECTIONS):
            self.fail(path)

    # On the server's event loop

    def _choose_response(self, request: Request) -> Answer:
        path, _, query = request.target.partition("?")
        if path != ROOT and not path.startswith(ROOT + "/"):
            return super()._choose_response(request)
        body = json.loads(request.body) if request.body else _from_query(query)
        self.catalog_requests.append(CatalogRequest(request.method, path, body))
        answer = self._catalog(request.method, path, body)
        fault = self._next_fault(self._files.get(path))
        return fault(answer) if fault else answer

    async def _end(self, how: str, writer: Any) -> bool:
        if how == "drip":
            writer.write(b"HTTP/1.1 200 OK\r\nX-Endless: ")
            while True:
                writer.write(b"a")
                await writer.drain()
                await asyncio.sleep(0.05)
        return await super()._end(how, writer)

    def _catalog(self, method: str, path: str, body: Json) -> Answer:
        if path == SEARCH:
            return self._search(method, body)
        if path == ROOT:
            return _json(200, self._landing())
        if path == COLLECTIONS:
            return self._list_collections(int(body.get("after", 0)))
        if path == ROOT + "/conformance":
            return _json(200, {"conformsTo": list(_CONFORMS_TO)})
        name = path.removeprefix(ROOT + "/collections/")
        if name in (L2A, C1):
            return _json(200, _collection(name))
        return _json(404, {"code": "NotFound", "description": "Not Found"})

    def _landing(self) -> Json:
        links = [
            {"rel": "self", "type": "application/json", "href": self.root},
            {"rel": "root", "type": "application/json", "href": self.root},
            {"rel": "conformance", "type": "application/json", "href": self.root + "/conformance"},
            {"rel": "data", "type": "application/json", "href": self.root + "/collections"},
            {"rel": "search", "type": "application/geo+json", "href": self.url(SEARCH), "method": "GET"},
            {"rel": "search", "type": "application/geo+json", "href": self.url(SEARCH), "method": "POST"},
            *(
                {"rel": "child", "type": "application/geo+json", "href": f"{self.root}/collections/{name}"}
                for name in (C1, L2A)
            ),
        ]
        return {
            "stac_version": "1.0.0",
            "type": "Catalog",
            "id": self.name,
            "title": "A double of Earth Search",
            "description": "Made-up items in the shape of Earth Search's",
            "links": links,
            "conformsTo": list(_CONFORMS_TO),
        }

    def _list_collections(self, after: int) -> Answer:
        names = sorted({str(item["collection"]) for item in self.items})
        page = names[after : after + self.collections_per_page]
        last = after + len(page)
        link = {"rel": "next", "type": "application/json", "href": f"{self.url(COLLECTIONS)}?after={last}"}
        links = [link] if last < len(names) else []
        return _json(200, {"collections": [_collection(name) for name in page], "links": links})

    def _search(self, method: str, body: Json) -> Answer:
        limit = int(body.get("limit", DEFAULT_LIMIT))
        if limit < 1:
            return _json(400, {"code": "BadRequest", "description": "Invalid limit value"})
        if limit >= TOO_MANY:
            return _json(500, {"code": "InternalServerError", "description": "Internal Server Error"})
        matching = [entry for entry in self._sorted if entry.matches(body)]
        after = _token(str(body["next"])) if "next" in body else None
        remaining = [entry for entry in matching if after is None or entry.order < after]
        page = remaining[:limit]
        page_json = {
            "type": "FeatureCollection",
            "stac_version": "1.0.0",
            "stac_extensions": [],
            "context": {"limit": limit, "matched": len(matching), "returned": len(page)},
            "numberMatched": len(matching),
            "numberReturned": len(page),
            "features": [self._with_fields(entry.item, body.get("fields")) for entry in page],
            "links": [
                *([self._next(method, body, page[-1])] if page else []),
                {"rel": "root", "type": "application/json", "href": self.root},
            ],
        }
        response = _json(200, page_json, "application/geo+json; charset=utf-8")
        return response if len(response.body) <= MAX_BODY else _json(502, {"message": "Internal server error"})

    def _next(self, method: str, body: Json, last: _Entry) -> Json:
        link: Json = {"rel": "next", "title": "Next page of Items", "method": method, "type": "application/geo+json"}
        following = body | {"next": last.token}
        if method == "POST":
            return link | {"href": self.url(SEARCH), "merge": False, "body": following}
        parameters = {key: value if isinstance(value, str) else json.dumps(value) for key, value in following.items()}
        return link | {"href": f"{self.url(SEARCH)}?{urlencode(parameters)}"}

    def _with_fields(self, item: Json, fields: Json | None) -> Json:
        if fields is None:
            return item
        exclude = set(fields.get("exclude") or ())
        include = list(fields.get("include") or ())
        if not (self.exact_fields and include):
            include = [*(name for name in BASIC_FIELDS if name not in exclude), *include]
        picked: Json = {}
        for name in include:
            _copy_field(item, picked, name.split("."))
        for name in exclude:
            _drop_field(picked, name.split("."))
        return picked


@dataclass(frozen=True)
class _Entry:
    """An item, with the values that searches compare."""

    item: Json
    time: datetime
    order: tuple[str, str, str]

    @classmethod
    def of(cls, item: Json) -> _Entry:
        text = str(item["properties"]["datetime"])
        time = datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)
        return cls(item, time, (f"{time:%Y-%m-%dT%H:%M:%S.%f}", str(item["id"]), str(item["collection"])))

    @property
    def token(self) -> str:
        text = f"{self.time:%Y-%m-%dT%H:%M:%S}.{self.time.microsecond // 1000:03d}000Z"
        return f"{text},{self.order[1]},{self.order[2]}"

    def matches(self, body: Json) -> bool:
        collections, ids = body.get("collections"), body.get("ids")
        return (
            (not collections or self.item["collection"] in collections)
            and (not ids or self.item["id"] in ids)
            and _is_within(self.time, body.get("datetime"))
            and _intersects(self.item.get("bbox"), body.get("bbox") or _bbox_of(body.get("intersects")))
            and all(
                _matches_query(self.item["properties"].get(name), rule) for name, rule in body.get("query", {}).items()
            )
        )


def _token(text: str) -> tuple[str, str, str]:
    time, name, collection = text.split(",")
    return time.rstrip("Z")[:26], name, collection


def _is_within(time: datetime, interval: str | None) -> bool:
    if not interval:
        return True
    first, slash, last = interval.partition("/")
    start, end = (_moment(side) for side in (first, last if slash else first))
    return (start is None or start <= time) and (end is None or time <= end)


def _moment(text: str) -> datetime | None:
    return None if text in ("", "..") else datetime.fromisoformat(text.replace("Z", "+00:00"))


def _bbox_of(geometry: Json | None) -> list[float] | None:
    if geometry is None:
        return None
    numbers = np.array(re.findall(r"-?\d+\.?\d*(?:e-?\d+)?", json.dumps(geometry["coordinates"])), float).reshape(-1, 2)
    return [*numbers.min(axis=0), *numbers.max(axis=0)]


def _intersects(bbox: Sequence[float] | None, searched: Sequence[float] | None) -> bool:
    if searched is None:
        return True
    if bbox is None:
        return False
    west, south, east, north = searched
    boxes = [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]
    return bbox[1] <= north and bbox[3] >= south and any(bbox[0] <= right and bbox[2] >= left for left, right in boxes)


_RULES: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda value, other: value == other,
    "neq": lambda value, other: value != other,
    "lt": lambda value, other: value < other,
    "lte": lambda value, other: value <= other,
    "gt": lambda value, other: value > other,
    "gte": lambda value, other: value >= other,
}


def _matches_query(value: Any, rules: Json) -> bool:
    return value is not None and all(_RULES[name](value, other) for name, other in rules.items())


def _from_query(text: str) -> Json:
    """A GET search as the body of the same POST search."""
    body: Json = dict(parse_qsl(text))
    for name in ("collections", "ids"):
        if name in body and not body[name].startswith("["):
            body[name] = body[name].split(",")
        elif name in body:
            body[name] = json.loads(body[name])
    if "bbox" in body:
        body["bbox"] = json.loads(f"[{body['bbox'].strip('[]')}]")
    for name in ("intersects", "query"):
        if name in body:
            body[name] = json.loads(body[name])
    if "fields" in body:
        names = body["fields"].split(",")
        body["fields"] = {
            "include": [name.lstrip("+") for name in names if name[:1] != "-"],
            "exclude": [name[1:] for name in names if name[:1] == "-"],
        }
    return body


def _copy_field(source: Json, target: Json, path: Sequence[str]) -> None:
    # Properties' names may hold dots; Earth Search's do not.
    if path[0] not in source:
        return
    if len(path) == 1:
        target[path[0]] = source[path[0]]
    elif isinstance(source[path[0]], dict):
        inner = dict(target.get(path[0], {}))
        _copy_field(source[path[0]], inner, path[1:])
        if inner:
            target[path[0]] = inner


def _drop_field(target: Any, path: Sequence[str]) -> None:
    if isinstance(target, dict) and path[0] in target:
        if len(path) == 1:
            del target[path[0]]
        else:
            target[path[0]] = dict(target[path[0]])
            _drop_field(target[path[0]], path[1:])


def _json(status: int, content: Any, media_type: str = JSON_TYPE) -> Answer:
    return Answer(status, {"Content-Type": media_type}, json.dumps(content).encode())


def _collection(name: str) -> Json:
    return {
        "type": "Collection",
        "stac_version": "1.0.0",
        "id": name,
        "title": f"{name}, made up",
        "description": "Made-up items",
        "license": "proprietary",
        "extent": {
            "spatial": {"bbox": [[-180, -90, 180, 90]]},
            "temporal": {"interval": [["2015-06-27T00:00:00Z", None]]},
        },
        "links": [],
    }


# Faults


def edit(change: Callable[[Json], Any]) -> Fault:
    """Changed JSON: `change` alters the content in place, or returns another."""

    def fault(answer: Answer) -> Answer:
        content = json.loads(answer.body)
        changed = change(content)
        return replace(answer, body=json.dumps(content if changed is None else changed).encode())

    return fault


def link_next(**changes: Any) -> Fault:
    """A `next` link with changed members."""
    return edit(lambda page: [link.update(changes) for link in page["links"] if link["rel"] == "next"] and page)


def forbidden(answer: Answer) -> Answer:
    """The gateway's response under load."""
    return Answer(403, {"Content-Type": "application/json"}, b'{"message":"Forbidden"}')


def cut(answer: Answer) -> Answer:
    """The first half of the JSON, with a Content-Length that matches it."""
    return replace(answer, body=answer.body[: len(answer.body) // 2])


def huge(answer: Answer) -> Answer:
    """100 MB of valid JSON."""
    content = b'{"type": "FeatureCollection", "features": [' + bytes(100_000_000).replace(b"\0", b" ") + b"]}"
    return replace(answer, body=content, step=1_000_000)


def drip_headers(answer: Answer) -> Answer:
    """Endless headers, in pieces that arrive before any timeout of a single read."""
    return replace(answer, before="drip")
