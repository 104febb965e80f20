"""`/point` and `/scenes`: what is known of a place."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Annotated

import numpy as np
from affine import Affine
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse

from scog.catalog.footprint import Bounds
from scog.catalog.observation import Observation
from scog.catalog.when import rfc3339
from scog.draw import draw
from scog.find import observations
from scog.listing import feature_collection
from scog.report import Report
from scog.space.grid import Grid, place_grid, tile_grid
from scog.web.parameters import (
    SceneParameters,
    Scenes,
    TileMatrixSetId,
    Values,
    no_doubles,
    parse_bbox,
    parse_place,
    tile_address,
)
from scog.web.problems import PROBLEMS
from scog.web.queries import QueryRoute
from scog.web.respond import report_headers

router = APIRouter(tags=["places"], dependencies=[Depends(no_doubles)], responses=PROBLEMS, route_class=QueryRoute)


class GeoJSON(JSONResponse):
    """GeoJSON, as RFC 7946 names it."""

    media_type = "application/geo+json"


class BoxParameters(SceneParameters):
    """Which scenes, and where."""

    bbox: Annotated[str, Query(max_length=256, description="West, south, east, north in degrees.")]


@router.get("/point/{lon},{lat}", summary="Values at a place")
async def point(request: Request, lon: str, lat: str, parameters: Values) -> JSONResponse:
    """The values at a place in degrees, newest or of another composite; null where nothing is known."""
    place = parse_place(lon, lat)
    ask = parameters.ask()
    drawing = await request.app.state.admission.run(request, draw(request.app.state.engine, place_grid(*place), ask))
    known = bool(drawing.valid[0, 0])
    look = parameters.look()
    values = look.values(drawing.values, drawing.valid)
    report: Report = drawing.report
    single = look.composite.painted and look.change is None  # else the values are of many scenes
    scene = report.used[0] if report.used and single else None
    body = {
        "coordinates": list(place),
        "values": [float(value) if known and np.isfinite(value) else None for value in values[:, 0, 0]],
        "band_names": list(look.outputs),
        "datetime": rfc3339(scene.time) if scene else None,
        "scene": scene.id if scene else None,
        "collection": scene.collection if scene else None,
    }
    return JSONResponse(body, headers=report_headers(report))


@router.get("/scenes", summary="Scenes over a bounding box", response_class=GeoJSON)
async def scenes_in_box(request: Request, parameters: Annotated[BoxParameters, Query()]) -> GeoJSON:
    """Scenes that touch a bounding box, newest first, as GeoJSON."""
    return await _scenes(request, box_grid(parse_bbox(parameters.bbox)), parameters)


@router.get("/tiles/{z}/{x}/{y}/scenes", summary="Scenes of a tile", response_class=GeoJSON)
async def scenes_of_tile(request: Request, z: str, x: str, y: str, parameters: Scenes) -> GeoJSON:
    """Scenes that touch a tile of the web-mercator grid, newest first, as GeoJSON."""
    return await _scenes(request, tile_grid(*tile_address(z, x, y)), parameters)


@router.get("/tiles/{tileMatrixSetId}/{z}/{x}/{y}/scenes", summary="Scenes of any grid's tile", response_class=GeoJSON)
async def scenes_of_any_tile(
    request: Request, tms: TileMatrixSetId, z: str, x: str, y: str, parameters: Scenes
) -> GeoJSON:
    """Scenes that touch a tile of the grid named, newest first, as GeoJSON."""
    return await _scenes(request, tile_grid(*tile_address(z, x, y), tms=tms), parameters)


def box_grid(box: Bounds) -> Grid:
    """A grid of one pixel that shows a box in degrees."""
    west, south, east, north = box
    return Grid("EPSG:4326", Affine(east - west, 0.0, west, 0.0, south - north, north), 1, 1)


async def _scenes(request: Request, grid: Grid, parameters: SceneParameters) -> GeoJSON:
    where = (parameters.time_range(), parameters.cloud_cover, parameters.collection)
    return await listed(request, partial(observations, request.app.state.engine, grid, *where))


async def listed(request: Request, find: Callable[[Report], AsyncIterator[Observation]]) -> GeoJSON:
    """The scenes of observations that are found, as a response."""
    report = Report()

    async def found() -> list[Observation]:
        return [observation async for observation in find(report)]

    touching = await request.app.state.admission.run(request, found())
    headers = {"Cache-Control": "public, max-age=60"} | ({"X-Scog-Bounded": "true"} if report.bounded else {})
    return GeoJSON(feature_collection(touching), headers=headers)
