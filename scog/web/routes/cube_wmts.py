"""`/cubes/{id}/WMTSCapabilities.xml`: the tiles of a cube as a WMTS."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from scog.cubes.cubes import Cube
from scog.geo.grid import WEB_MERCATOR
from scog.web.http.ows import OwsRoute
from scog.web.http.problems import PROBLEMS
from scog.web.params.image import TileMatrixSetId, reject_repeated
from scog.web.routes import wmts
from scog.web.routes.cubes import CubeInPath

router = APIRouter(
    prefix="/cubes/{id}",
    tags=["cubes"],
    dependencies=[Depends(reject_repeated)],
    responses=PROBLEMS,
    route_class=OwsRoute,
)
WmtsQuery = Annotated[wmts.WmtsParameters, Query()]


@router.get(
    "/WMTSCapabilities.xml", summary="WMTS capabilities of a cube", response_class=Response, responses=wmts.RESPONSES
)
async def capabilities(request: Request, cube: CubeInPath, parameters: WmtsQuery) -> Response:
    """As `/WMTSCapabilities.xml`, for the cube's tiles and area."""
    return await _respond(request, cube, WEB_MERCATOR, parameters)


@router.get(
    "/{tileMatrixSetId}/WMTSCapabilities.xml",
    summary="WMTS capabilities of a cube for any tile matrix set",
    response_class=Response,
    responses=wmts.RESPONSES,
)
async def any_capabilities(request: Request, cube: CubeInPath, tms: TileMatrixSetId, parameters: WmtsQuery) -> Response:
    """As `/{tileMatrixSetId}/WMTSCapabilities.xml`, for the cube's tiles and area."""
    return await _respond(request, cube, tms, parameters)


async def _respond(request: Request, cube: Cube, tms: str, parameters: wmts.WmtsParameters) -> Response:
    return await wmts.capabilities_response(request, tms, cube.styled_request(), parameters, f"/cubes/{cube.id}/tiles")
