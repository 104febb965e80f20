"""`/scenes` and `/tiles/{z}/{x}/{y}/scenes`: the scenes of a bounding box or of a tile."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request

from scog.catalog.observation import Observation
from scog.geo.bbox import parse_bbox
from scog.geo.grid import Grid, tile_grid
from scog.imaging.report import Report
from scog.products.scene_list import (
    MAX_LISTED,
    Listing,
    box_grid,
    feature_collection,
    list_scenes,
    page_token,
    parse_page_token,
)
from scog.web.http.links import base_url
from scog.web.http.problems import PROBLEMS
from scog.web.http.query_route import QueryRoute
from scog.web.http.responses import GeoJSONResponse
from scog.web.params.image import (
    Column,
    Row,
    SceneParameters,
    TileMatrixSetId,
    Zoom,
    parse_tile_address,
    reject_repeated,
)

router = APIRouter(
    tags=["points and scenes"], dependencies=[Depends(reject_repeated)], responses=PROBLEMS, route_class=QueryRoute
)

CACHE_CONTROL = "public, max-age=60"


class ListParameters(SceneParameters):
    """Parameters that select scenes and a page of them."""

    limit: Annotated[int, Query(ge=1, le=MAX_LISTED, description="Maximum number of scenes on a page.")] = 1000
    token: Annotated[
        str | None, Query(max_length=1024, description="Token of a page, from the `next` link of the page before.")
    ] = None


class BoxParameters(ListParameters):
    """Parameters that select the scenes of a bounding box."""

    bbox: Annotated[
        str,
        Query(
            max_length=256,
            description="West, south, east, north in degrees, or six numbers with elevations. West is greater than "
            "east if the box crosses the antimeridian.",
        ),
    ]


@router.get(
    "/scenes",
    summary="Scenes of a bounding box",
    response_description="A page of scenes.",
    response_class=GeoJSONResponse,
)
async def scenes_in_box(request: Request, parameters: Annotated[BoxParameters, Query()]) -> GeoJSONResponse:
    """The scenes that intersect a bounding box, newest first, as a GeoJSON FeatureCollection. Paged."""
    box = parse_bbox(parameters.bbox)
    return await _page_response(request, None if box is None else box_grid(box), parameters)


@router.get(
    "/tiles/{z}/{x}/{y}/scenes",
    summary="Scenes of a tile",
    response_description="A page of scenes.",
    response_class=GeoJSONResponse,
)
async def scenes_of_tile(
    request: Request, z: Zoom, x: Column, y: Row, parameters: Annotated[ListParameters, Query()]
) -> GeoJSONResponse:
    """The scenes that intersect a WebMercatorQuad tile, newest first, as a GeoJSON FeatureCollection. Paged."""
    return await _page_response(request, tile_grid(*parse_tile_address(z, x, y)), parameters)


@router.get(
    "/tiles/{tileMatrixSetId}/{z}/{x}/{y}/scenes",
    summary="Scenes of a tile of any tile matrix set",
    response_description="A page of scenes.",
    response_class=GeoJSONResponse,
)
async def scenes_of_any_tile(
    request: Request,
    tms: TileMatrixSetId,
    z: Zoom,
    x: Column,
    y: Row,
    parameters: Annotated[ListParameters, Query()],
) -> GeoJSONResponse:
    """The scenes that intersect a tile, newest first, as a GeoJSON FeatureCollection. Paged."""
    return await _page_response(request, tile_grid(*parse_tile_address(z, x, y), tms=tms), parameters)


async def _page_response(request: Request, grid: Grid | None, parameters: ListParameters) -> GeoJSONResponse:
    """One page of the scenes that intersect a grid; empty if there is no grid."""
    after = None if parameters.token is None else parse_page_token(parameters.token)
    listing = Listing([], None)
    if grid is not None:
        search = list_scenes(request.app.state.engine, grid, parameters.scene_filter(), parameters.limit, after)
        listing = await request.app.state.admission.run(request, search)
    body, headers = feature_collection(listing.observations), {"Cache-Control": CACHE_CONTROL}
    if listing.page_end is not None:
        headers["X-Scog-Truncated"] = "true"
        query = urlencode({**request.query_params, "token": page_token(listing.page_end)})
        href = f"{base_url(request)}{request.url.path}?{query}"
        body["links"] = [{"rel": "next", "type": GeoJSONResponse.media_type, "method": "GET", "href": href}]
    return GeoJSONResponse(body, headers=headers | {"Vary": "Host"})


async def scene_list_response(
    request: Request, search: Callable[[Report], AsyncIterator[Observation]]
) -> GeoJSONResponse:
    """The scenes of all observations that `search` yields."""
    report = Report()

    async def collect() -> list[Observation]:
        return [observation async for observation in search(report)]

    observations = await request.app.state.admission.run(request, collect())
    truncated = {"X-Scog-Truncated": "true"} if report.truncated else {}
    return GeoJSONResponse(feature_collection(observations), headers={"Cache-Control": CACHE_CONTROL} | truncated)
