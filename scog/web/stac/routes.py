"""The routes of `/stac`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import JSONResponse

from scog.catalog.archive.archive import Archive
from scog.errors import InvalidInput, OutOfRange
from scog.web.http.links import base_url
from scog.web.http.problems import REQUEST_PROBLEMS
from scog.web.http.query_route import QueryRoute
from scog.web.http.responses import GeoJSONResponse
from scog.web.params.image import reject_repeated
from scog.web.stac.archives import Archives, DocumentPage
from scog.web.stac.documents import CONFORMANCE, GEOJSON, SCHEMA, Documents, collection_url, link
from scog.web.stac.files import file_response, find_file
from scog.web.stac.paging import PagePosition, page_links, parse_position
from scog.web.stac.search import (
    MAX_BODY,
    PageRequest,
    SearchParameters,
    parse_body,
    parse_search,
    query_to_body,
)

HEADERS = {"Cache-Control": "public, max-age=60", "Vary": "Host"}
BODY_SCHEMA = {
    "requestBody": {
        "description": "The parameters of `GET /stac/search`, as JSON values instead of strings.",
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
}
T = TypeVar("T")


class SchemaResponse(JSONResponse):
    """A response with JSON Schema's media type."""

    media_type = SCHEMA


async def _reject_parameters(request: Request) -> None:
    for name in request.query_params:
        raise InvalidInput(f"Unknown parameter {name[:64]!r}.", parameter=name[:64], valid="none")


router = APIRouter(
    prefix="/stac",
    tags=["STAC"],
    dependencies=[Depends(reject_repeated)],
    responses=REQUEST_PROBLEMS,
    route_class=QueryRoute,
)
_no_query = [Depends(_reject_parameters)]


CollectionId = Annotated[str, Path(description="Id of a collection.")]
ItemId = Annotated[str, Path(description="Id of an item.")]


def _local_archives(request: Request) -> dict[str, Archive]:
    """The local archives by name. Raises OutOfRange if the server reads from remote catalogues only."""
    catalogs = request.app.state.engine.catalogs
    archives = {each.name: each.catalog for each in catalogs if isinstance(each.catalog, Archive)}
    if not archives:
        message = "This server has no local archive; it reads from a STAC API."
        raise OutOfRange(message, valid="the STAC API that the server reads from")
    return archives


async def _document(request: Request, make: Callable[[Archives], T]) -> T:
    """The document that `make` returns. Called in a thread, as it reads from disk."""
    archives, base = _local_archives(request), base_url(request)
    return await asyncio.to_thread(lambda: make(Archives(archives, base)))


def _collection_document(archives: Archives, collection: str, make: Callable[[Documents, str], T]) -> T:
    """The document that `make` returns of a collection. Raises OutOfRange if there is no such collection."""
    return make(*archives.find(collection))


@router.get("/", include_in_schema=False, dependencies=_no_query)
@router.get("", summary="Landing page", response_description="The landing page.", dependencies=_no_query)
async def landing(request: Request) -> JSONResponse:
    """The landing page: a STAC Catalog with links and conformance classes."""
    return JSONResponse(await _document(request, Archives.landing), headers=HEADERS)


@router.get(
    "/conformance",
    summary="Conformance classes",
    response_description="The conformance classes.",
    dependencies=_no_query,
)
async def conformance(request: Request) -> JSONResponse:
    """Conformance classes of STAC API, OGC API - Features and CQL2."""
    _local_archives(request)
    return JSONResponse({"conformsTo": list(CONFORMANCE)}, headers=HEADERS)


@router.get("/collections", summary="Collections", response_description="The collections.", dependencies=_no_query)
async def collections(request: Request) -> JSONResponse:
    """All collections of the local archives. If several archives have one, its id is `ID@CATALOGUE`."""
    return JSONResponse(await _document(request, Archives.collections), headers=HEADERS)


@router.get(
    "/collections/{collection}", summary="A collection", response_description="The collection.", dependencies=_no_query
)
async def one_collection(request: Request, collection: CollectionId) -> JSONResponse:
    """A collection, from the archive's `collection.json` if there is one, else generated from its items."""
    document = await _document(
        request, lambda archives: _collection_document(archives, collection, Documents.collection)
    )
    return JSONResponse(document, headers=HEADERS)


@router.get(
    "/queryables",
    summary="Queryables",
    response_description="The JSON Schema.",
    response_class=SchemaResponse,
    dependencies=_no_query,
)
async def queryables(request: Request) -> SchemaResponse:
    """JSON Schema of the properties that filters may use."""
    return SchemaResponse(await _document(request, Archives.queryables), headers=HEADERS)


@router.get(
    "/collections/{collection}/queryables",
    summary="Queryables of a collection",
    response_description="The JSON Schema.",
    dependencies=_no_query,
)
async def collection_queryables(request: Request, collection: CollectionId) -> SchemaResponse:
    """JSON Schema of the properties that filters may use."""
    document = await _document(
        request, lambda archives: _collection_document(archives, collection, Documents.queryables)
    )
    return SchemaResponse(document, headers=HEADERS)


@router.get(
    "/collections/{collection}/items/{item}",
    summary="An item",
    response_description="The item.",
    response_class=GeoJSONResponse,
    dependencies=_no_query,
)
async def one_item(request: Request, collection: CollectionId, item: ItemId) -> GeoJSONResponse:
    """An item of a collection."""
    document = await _document(request, lambda archives: archives.item(collection, item))
    return GeoJSONResponse(document, headers=HEADERS)


@router.get(
    "/collections/{collection}/items",
    summary="Items of a collection",
    response_description="A page of items.",
    response_class=GeoJSONResponse,
)
async def items(request: Request, collection: CollectionId, _: Annotated[SearchParameters, Query()]) -> GeoJSONResponse:
    """The items of a collection, newest first. Paged."""
    body = query_to_body(request.query_params)
    if collection not in body.get("collections", [collection]):  # pystac-client repeats the collection here
        message = "collections does not have the collection in the path."
        raise InvalidInput(message, parameter="collections", valid=collection)
    page_request = await asyncio.to_thread(parse_search, body | {"collections": [collection]})
    await _document(request, lambda archives: archives.find(collection))
    path = collection_url("/stac", collection)
    return await _page_response(request, page_request, f"{path}/items", request.query_params, None)


@router.get("/search", summary="Item search", response_description="A page of items.", response_class=GeoJSONResponse)
async def search(request: Request, _: Annotated[SearchParameters, Query()]) -> GeoJSONResponse:
    """The items of all collections that match, newest first. Paged."""
    _local_archives(request)
    page_request = await asyncio.to_thread(parse_search, query_to_body(request.query_params))
    return await _page_response(request, page_request, "/stac/search", request.query_params, None)


@router.post(
    "/search",
    summary="Item search",
    response_description="A page of items.",
    response_class=GeoJSONResponse,
    dependencies=_no_query,
    openapi_extra=BODY_SCHEMA,
)
async def search_by_post(request: Request) -> GeoJSONResponse:
    """As `GET /stac/search`, with the parameters as a JSON object. `filter` is CQL2 JSON by default."""
    _local_archives(request)
    body = parse_body(await _read_body(request))
    page_request = await asyncio.to_thread(parse_search, body)
    return await _page_response(request, page_request, "/stac/search", {}, body)


async def _read_body(request: Request) -> bytes:
    """The request body. Raises InvalidInput if it is longer than MAX_BODY."""
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > MAX_BODY:
            raise InvalidInput("The body is too long.", parameter="body", valid=f"at most {MAX_BODY} bytes")
    return bytes(data)


async def _page_response(
    request: Request, page_request: PageRequest, path: str, query: Mapping[str, str], body: Any
) -> GeoJSONResponse:
    """The requested page of items. `body` is that of a POST, else None."""
    current = parse_position(page_request)

    def make(archives: Archives) -> dict[str, Any]:
        result = archives.search(
            page_request.search,
            page_request.limit,
            current.position,
            backward=current.backward,
            count=current.matched is None,
        )
        return _item_collection(archives.root, page_request, current, result, base_url(request) + path, query, body)

    async with request.app.state.stac_searches:
        content = await _document(request, make)
    return GeoJSONResponse(content, headers=HEADERS if body is None else {"Cache-Control": "no-store"})


def _item_collection(
    root: str,
    request: PageRequest,
    current: PagePosition,
    result: DocumentPage,
    url: str,
    query: Mapping[str, str],
    body: Any,
) -> dict[str, Any]:
    """A page of items as a FeatureCollection, with links to its neighbours."""
    features, page = result
    if request.fields is not None:
        features = [request.fields.of(feature) for feature in features]
    matched = page.matched if current.matched is None else current.matched
    links = [link("root", root)]
    if body is None:
        links.append(link("self", f"{url}?{urlencode(query)}" if query else url, GEOJSON))
    return {
        "type": "FeatureCollection",
        "features": features,
        "links": links + page_links(request, current, page, matched, url, query, body),
        **({} if matched is None else {"numberMatched": matched}),
        "numberReturned": len(features),
    }


@router.get("/files/{path:path}", summary="A file", response_description="The file.", response_class=Response)
async def file(
    request: Request, path: Annotated[str, Path(description="Path of an asset's `href` in the archive.")]
) -> Response:
    """A file of an asset. Range requests are supported."""
    found = await _document(request, lambda archives: find_file(*archives.file(path)))
    return file_response(*found)
