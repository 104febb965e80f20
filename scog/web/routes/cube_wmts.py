"""`/cubes/{id}/WMTSCapabilities.xml`: the tiles of a cube as a WMTS."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from scog.cubes.cubes import Cube
from scog.geo.grid import WEB_MERCATOR
from scog.web.http.ows import OwsRoute
from scog.web.http.problems import PROBLEMS
from scog.web.params.image import TileMatrixSetId, no_doubles
from scog.web.routes import wmts
from scog.web.routes.cubes import Frozen

router = APIRouter(
    prefix="/cubes/{id}",
    tags=["cubes"],
    dependencies=[Depends(no_doubles)],
    responses=PROBLEMS,
    route_class=OwsRoute,
)
Asked = Annotated[wmts.RequestParameters, Query()]


@router.get("/WMTSCapabilities.xml", summary="A cube's WMTS", response_class=Response, responses=wmts.RESPONSES)
async def capabilities(request: Request, cube: Frozen, asked: Asked) -> Response:
    """As `/WMTSCapabilities.xml`, of the cube's tiles and its area."""
    return await _answer(request, cube, WEB_MERCATOR, asked)


@router.get(
    "/{tileMatrixSetId}/WMTSCapabilities.xml",
    summary="A cube's WMTS of any grid",
    response_class=Response,
    responses=wmts.RESPONSES,
)
async def any_capabilities(request: Request, cube: Frozen, tms: TileMatrixSetId, asked: Asked) -> Response:
    """The same for a grid of `/tileMatrixSets`."""
    return await _answer(request, cube, tms, asked)


async def _answer(request: Request, cube: Cube, tms: str, asked: wmts.RequestParameters) -> Response:
    return await wmts.answer(request, tms, cube.image(), asked, f"/cubes/{cube.id}/tiles")
