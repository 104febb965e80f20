"""`/point` and `/scenes`: what is known of a place."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Annotated
from urllib.parse import urlencode

import numpy as np
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse

from scog.catalog.observation import Observation
from scog.geo.bbox import parse_bbox
from scog.geo.grid import Grid, place_grid, tile_grid
from scog.imaging.draw import draw
from scog.imaging.report import Report
from scog.products.scene_list import (
    MAX_LISTED,
    Listing,
    box_grid,
    feature_collection,
    list_scenes,
    place_of,
    token_of,
)
from scog.temporal.intervals import rfc3339
from scog.web.http.links import base_url
from scog.web.http.problems import PROBLEMS
from scog.web.http.query_route import QueryRoute
from scog.web.http.responses import report_headers
from scog.web.params.image import SceneParameters, TileMatrixSetId, Values, no_doubles, parse_place, tile_address

router = APIRouter(tags=["places"], dependencies=[Depends(no_doubles)], responses=PROBLEMS, route_class=QueryRoute)


class GeoJSON(JSONResponse):
    """GeoJSON, as RFC 7946 names it."""

    media_type = "application/geo+json"


class ListParameters(SceneParameters):
    """Which scenes, and how many on a page."""

    limit: Annotated[int, Query(ge=1, le=MAX_LISTED, description="Scenes on a page.")] = 1000
    token: Annotated[str | None, Query(max_length=1024, description="A page, as `next` links have it.")] = None


class BoxParameters(ListParameters):
    """Which scenes, and where."""

    bbox: Annotated[
        str,
        Query(
            max_length=256,
            description="West, south, east, north in degrees, or six numbers with heights. West is greater than east "
            "over the antimeridian.",
        ),
    ]


@router.get("/point/{lon},{lat}", summary="Values at a place")
async def point(request: Request, lon: str, lat: str, parameters: Values) -> JSONResponse:
    """The values at a place in degrees, newest or of another composite; null where nothing is known."""
    place = parse_place(lon, lat)
    image_request, style = parameters.parse()
    drawing = await request.app.state.admission.run(
        request, draw(request.app.state.engine, place_grid(*place), image_request)
    )
    known = bool(drawing.valid[0, 0])
    values = style.values(drawing.values, drawing.valid)
    report: Report = drawing.report
    single = image_request.composite.painted and image_request.compare is None  # else the values are of many scenes
    scene = report.used[0] if report.used and single else None
    body = {
        "coordinates": list(place),
        "values": [float(value) if known and np.isfinite(value) else None for value in values[:, 0, 0]],
        "band_names": list(style.outputs),
        "datetime": rfc3339(scene.time) if scene else None,
        "scene": scene.id if scene else None,
        "collection": scene.collection if scene else None,
    }
    return JSONResponse(body, headers=report_headers(report))


@router.get("/scenes", summary="Scenes over a bounding box", response_class=GeoJSON)
async def scenes_in_box(request: Request, parameters: Annotated[BoxParameters, Query()]) -> GeoJSON:
    """All scenes that touch a bounding box, page by page, newest first, as GeoJSON."""
    box = parse_bbox(parameters.bbox)
    return await _page(request, None if box is None else box_grid(box), parameters)


@router.get("/tiles/{z}/{x}/{y}/scenes", summary="Scenes of a tile", response_class=GeoJSON)
async def scenes_of_tile(
    request: Request, z: str, x: str, y: str, parameters: Annotated[ListParameters, Query()]
) -> GeoJSON:
    """All scenes that touch a tile of the web-mercator grid, page by page, newest first, as GeoJSON."""
    return await _page(request, tile_grid(*tile_address(z, x, y)), parameters)


@router.get("/tiles/{tileMatrixSetId}/{z}/{x}/{y}/scenes", summary="Scenes of any grid's tile", response_class=GeoJSON)
async def scenes_of_any_tile(
    request: Request, tms: TileMatrixSetId, z: str, x: str, y: str, parameters: Annotated[ListParameters, Query()]
) -> GeoJSON:
    """All scenes that touch a tile of the grid named, page by page, newest first, as GeoJSON."""
    return await _page(request, tile_grid(*tile_address(z, x, y), tms=tms), parameters)


async def _page(request: Request, grid: Grid | None, parameters: ListParameters) -> GeoJSON:
    """A page of the scenes that touch a grid; there are none without one."""
    after = None if parameters.token is None else place_of(parameters.token)
    listing = Listing([], None)
    if grid is not None:
        work = list_scenes(request.app.state.engine, grid, parameters.scene_filter(), parameters.limit, after)
        listing = await request.app.state.admission.run(request, work)
    body, headers = feature_collection(listing.observations), {"Cache-Control": "public, max-age=60"}
    if listing.place is not None:
        headers["X-Scog-Truncated"] = "true"
        query = urlencode({**request.query_params, "token": token_of(listing.place)})
        href = f"{base_url(request)}{request.url.path}?{query}"
        body["links"] = [{"rel": "next", "type": GeoJSON.media_type, "method": "GET", "href": href}]
    return GeoJSON(body, headers=headers | {"Vary": "Host"})


async def listed(request: Request, find: Callable[[Report], AsyncIterator[Observation]]) -> GeoJSON:
    """The scenes of observations that are found, as a response."""
    report = Report()

    async def found() -> list[Observation]:
        return [observation async for observation in find(report)]

    touching = await request.app.state.admission.run(request, found())
    headers = {"Cache-Control": "public, max-age=60"} | ({"X-Scog-Truncated": "true"} if report.truncated else {})
    return GeoJSON(feature_collection(touching), headers=headers)
