"""`/cubes/{id}/tiles/...`, `.../animation/...`, TileJSON and legends: maps of cubes."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse

from scog.cubes.cubes import Cube
from scog.geo.grid import WEB_MERCATOR
from scog.web.http.image_response import IMAGE_RESPONSES
from scog.web.http.partial_responses import RangeRoute
from scog.web.http.problems import PROBLEMS
from scog.web.params.image import Column, OutputQuery, RowWithFormat, TileMatrixSetId, Zoom, reject_repeated
from scog.web.routes import animations, legends, tilejson, tiles
from scog.web.routes.animations import BoxInPath, FrameQuery
from scog.web.routes.cubes import TEMPLATE, CubeInPath
from scog.web.routes.legends import ScaleParameters
from scog.web.routes.listings import NoQuery

router = APIRouter(
    prefix="/cubes/{id}",
    tags=["cubes"],
    dependencies=[Depends(reject_repeated)],
    responses=PROBLEMS,
    route_class=RangeRoute,
)


@router.get("/tiles/{z}/{x}/{y}", summary="A cube's tile", response_class=Response, responses=IMAGE_RESPONSES)
async def tile(
    request: Request, cube: CubeInPath, z: Zoom, x: Column, y: RowWithFormat, output: OutputQuery
) -> Response:
    """As `/tiles/{z}/{x}/{y}` with the cube's parameters. Pixels outside the cube's area are transparent."""
    return await tiles.tile_response(request, WEB_MERCATOR, (z, x, y), cube.styled_request(), output)


@router.get(
    "/tiles/{tileMatrixSetId}/{z}/{x}/{y}",
    summary="A cube's tile of any tile matrix set",
    response_class=Response,
    responses=IMAGE_RESPONSES,
)
async def any_tile(
    request: Request,
    cube: CubeInPath,
    tms: TileMatrixSetId,
    z: Zoom,
    x: Column,
    y: RowWithFormat,
    output: OutputQuery,
) -> Response:
    """As `/tiles/{tileMatrixSetId}/{z}/{x}/{y}` with the cube's parameters."""
    return await tiles.tile_response(request, tms, (z, x, y), cube.styled_request(), output)


@router.get(
    animations.PATH,
    summary="Time lapse of a cube",
    response_class=Response,
    responses=animations.RESPONSES,
)
async def animation(request: Request, cube: CubeInPath, box: BoxInPath, frames: FrameQuery) -> Response:
    """As `/animation/...` with the cube's parameters. Pixels outside the cube's area are transparent.

    `min_clear` is a fraction of the pixels within the area. Counts and trends have the colour range of the cube's whole
    period.
    """
    return await animations.animation_response(request, box, cube.styled_request(), frames)


@router.get(
    "/tilejson.json",
    summary="TileJSON of a cube",
    response_description="The TileJSON document.",
    response_class=JSONResponse,
)
async def tilejson_of_cube(request: Request, cube: CubeInPath, output: OutputQuery) -> JSONResponse:
    """TileJSON of the cube's tiles and area. The query string is copied to the tiles' URL."""
    return await _tilejson_response(request, cube, WEB_MERCATOR, TEMPLATE)


@router.get(
    "/{tileMatrixSetId}/tilejson.json",
    summary="TileJSON of a cube for any tile matrix set",
    response_description="The TileJSON document.",
)
async def any_tilejson_of_cube(
    request: Request, cube: CubeInPath, tms: TileMatrixSetId, output: OutputQuery
) -> JSONResponse:
    """As `/cubes/{id}/tilejson.json`, with the zooms of the tile matrix set."""
    return await _tilejson_response(request, cube, tms, f"/tiles/{quote(tms)}/{{z}}/{{x}}/{{y}}")


@router.get(
    "/legend.json", summary="Legend of a cube as JSON", response_description="The legend.", response_class=JSONResponse
)
async def legend_json(request: Request, cube: CubeInPath, parameters: NoQuery) -> Response:
    """As `/legend.json` with the cube's parameters."""
    return await legends.legend_response(request, cube.styled_request().style, cube.profile, "json")


@router.get(
    "/legend.svg", summary="Legend of a cube as SVG", response_description="The legend.", response_class=Response
)
async def legend_svg(request: Request, cube: CubeInPath, parameters: NoQuery) -> Response:
    """As `/legend.svg` with the cube's parameters."""
    return await legends.legend_response(request, cube.styled_request().style, cube.profile, "svg")


@router.get(
    "/legend.png", summary="Legend of a cube as PNG", response_description="The legend.", response_class=Response
)
async def legend_png(request: Request, cube: CubeInPath, parameters: Annotated[ScaleParameters, Query()]) -> Response:
    """As `/legend.png` with the cube's parameters."""
    return await legends.legend_response(request, cube.styled_request().style, cube.profile, "png", parameters.scale)


async def _tilejson_response(request: Request, cube: Cube, tms: str, template: str) -> JSONResponse:
    return await tilejson.tilejson_response(request, tms, cube.styled_request(), f"/cubes/{cube.id}{template}")
