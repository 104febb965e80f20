"""The routes of `/stac`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse

from scog.catalog.archive.archive import Archive
from scog.catalog.archive.item_query import Found, search_items
from scog.catalog.item_search import ItemSearch
from scog.errors import InvalidInput, OutOfRange
from scog.web.http.links import base_url
from scog.web.http.problems import REFUSALS
from scog.web.http.query_route import QueryRoute
from scog.web.params.image import no_doubles
from scog.web.stac.documents import CONFORMANCE, GEOJSON, SCHEMA, Documents, link
from scog.web.stac.files import file_response, find_file
from scog.web.stac.paging import Turn, page_links, turn_of
from scog.web.stac.search import (
    MAX_BODY,
    Asked,
    SearchParameters,
    from_body,
    from_query,
    parse_search,
)

HEADERS = {"Cache-Control": "public, max-age=60", "Vary": "Host"}
BODY_SCHEMA = {"requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}}}
T = TypeVar("T")


class GeoJSON(JSONResponse):
    """GeoJSON, as RFC 7946 names it."""

    media_type = GEOJSON


class Schema(JSONResponse):
    """JSON Schema."""

    media_type = SCHEMA


async def _no_parameters(request: Request) -> None:
    for name in request.query_params:
        raise InvalidInput(f"There is no parameter {name[:64]!r}.", parameter=name[:64], valid="none")


router = APIRouter(
    prefix="/stac", tags=["STAC"], dependencies=[Depends(no_doubles)], responses=REFUSALS, route_class=QueryRoute
)
_plain = [Depends(_no_parameters)]


def _archive(request: Request) -> Archive:
    catalog = request.app.state.engine.searches.catalog
    if not isinstance(catalog, Archive):
        raise OutOfRange("No local archive is served here.", valid="the catalogue that this server reads from")
    return catalog


async def _document(request: Request, make: Callable[[Documents], T]) -> T:
    """Make a document in a thread, for it is read from disk."""
    documents = Documents(_archive(request), base_url(request))
    return await asyncio.to_thread(make, documents)


def _known(documents: Documents, collection: str) -> str:
    """The collection's name. Raises OutOfRange where there is none."""
    names = documents.names()
    if collection not in names:
        raise OutOfRange(
            f"There is no collection {collection[:80]!r}.", parameter="collection", valid=", ".join(names[:100])
        )
    return collection


@router.get("/", include_in_schema=False, dependencies=_plain)
@router.get("", summary="The archive's entrance", dependencies=_plain)
async def landing(request: Request) -> JSONResponse:
    """Landing page: what the API can do, and where."""
    return JSONResponse(await _document(request, Documents.landing), headers=HEADERS)


@router.get("/conformance", summary="Specifications that are fulfilled", dependencies=_plain)
async def conformance(request: Request) -> JSONResponse:
    """Conformance classes of STAC API, OGC API Features and CQL2."""
    _archive(request)
    return JSONResponse({"conformsTo": list(CONFORMANCE)}, headers=HEADERS)


@router.get("/collections", summary="Collections", dependencies=_plain)
async def collections(request: Request) -> JSONResponse:
    """All collections of the archive."""
    return JSONResponse(await _document(request, Documents.collections), headers=HEADERS)


@router.get("/collections/{collection}", summary="A collection", dependencies=_plain)
async def one_collection(request: Request, collection: str) -> JSONResponse:
    """A collection: as the archive describes it, else made from its items."""
    found = await _document(request, lambda documents: documents.collection(_known(documents, collection)))
    return JSONResponse(found, headers=HEADERS)


@router.get("/queryables", summary="What can be filtered by", response_class=Schema, dependencies=_plain)
async def queryables(request: Request) -> Schema:
    """A JSON schema of the properties that filters can name."""
    return Schema(await _document(request, lambda documents: documents.queryables(None)), headers=HEADERS)


@router.get("/collections/{collection}/queryables", summary="... in a collection", dependencies=_plain)
async def collection_queryables(request: Request, collection: str) -> Schema:
    """A JSON schema of the properties that filters can name."""
    found = await _document(request, lambda documents: documents.queryables(_known(documents, collection)))
    return Schema(found, headers=HEADERS)


@router.get("/collections/{collection}/items/{item}", summary="An item", response_class=GeoJSON, dependencies=_plain)
async def one_item(request: Request, collection: str, item: str) -> GeoJSON:
    """One item of a collection."""
    archive = _archive(request)

    def make(documents: Documents) -> dict[str, Any]:
        found = search_items(archive, ItemSearch((_known(documents, collection),), (item,)), 1)
        if not found.items:
            raise OutOfRange(f"There is no item {item[:80]!r} in this collection.", parameter="item")
        return documents.item(found.items[0])

    return GeoJSON(await _document(request, make), headers=HEADERS)


@router.get("/collections/{collection}/items", summary="Items of a collection", response_class=GeoJSON)
async def items(request: Request, collection: str, _: Annotated[SearchParameters, Query()]) -> GeoJSON:
    """Items of a collection, page by page, newest first."""
    body = from_query(request.query_params)
    if collection not in body.get("collections", [collection]):  # pystac-client names the collection once more
        raise InvalidInput("This is another collection.", parameter="collections", valid=collection)
    asked = await asyncio.to_thread(parse_search, body | {"collections": [collection]})
    await _document(request, lambda documents: _known(documents, collection))
    path = Documents(_archive(request), "").collection_url(collection)
    return await _page(request, asked, f"{path}/items", request.query_params, None)


@router.get("/search", summary="Search for items", response_class=GeoJSON)
async def search(request: Request, _: Annotated[SearchParameters, Query()]) -> GeoJSON:
    """Items of all collections, page by page, newest first."""
    _archive(request)
    asked = await asyncio.to_thread(parse_search, from_query(request.query_params))
    return await _page(request, asked, "/stac/search", request.query_params, None)


@router.post(
    "/search", summary="Search for items", response_class=GeoJSON, dependencies=_plain, openapi_extra=BODY_SCHEMA
)
async def search_by_post(request: Request) -> GeoJSON:
    """The same with the parameters as a JSON object."""
    _archive(request)
    body = from_body(await _read(request))
    return await _page(request, await asyncio.to_thread(parse_search, body), "/stac/search", {}, body)


async def _read(request: Request) -> bytes:
    """The body, if it is not too long. Raises InvalidInput."""
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > MAX_BODY:
            raise InvalidInput("The body is too long.", parameter="body", valid=f"at most {MAX_BODY} bytes")
    return bytes(data)


async def _page(request: Request, asked: Asked, path: str, query: Mapping[str, str], body: Any) -> GeoJSON:
    archive, turn = _archive(request), turn_of(asked)

    def work(documents: Documents) -> dict[str, Any]:
        found = search_items(
            archive, asked.search, asked.limit, turn.position, backward=turn.backward, count=turn.matched is None
        )
        return _item_collection(documents, asked, turn, found, base_url(request) + path, query, body)

    async with request.app.state.stac_searches:
        content = await _document(request, work)
    return GeoJSON(content, headers=HEADERS if body is None else {"Cache-Control": "no-store"})


def _item_collection(
    documents: Documents,
    asked: Asked,
    turn: Turn,
    found: Found,
    address: str,
    query: Mapping[str, str],
    body: Any,
) -> dict[str, Any]:
    features = [documents.item(stored) for stored in found.items]
    if asked.fields is not None:
        features = [asked.fields.of(feature) for feature in features]
    matched = found.matched if turn.matched is None else turn.matched
    links = [link("root", documents.root)]
    if body is None:
        links.append(link("self", f"{address}?{urlencode(query)}" if query else address, GEOJSON))
    return {
        "type": "FeatureCollection",
        "features": features,
        "links": links + page_links(asked, turn, found, matched, address, query, body),
        **({} if matched is None else {"numberMatched": matched}),
        "numberReturned": len(features),
    }


@router.get("/files/{path:path}", summary="An asset's file", response_class=Response)
async def file(request: Request, path: str) -> Response:
    """A file of the archive, whole or in ranges."""
    return file_response(*await asyncio.to_thread(find_file, _archive(request), path))
