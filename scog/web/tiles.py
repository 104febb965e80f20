"""`/tiles/{z}/{x}/{y}`: pictures and values of tiles, of web mercator or any other grid."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response

from scog.draw import Ask
from scog.look import Look
from scog.space.grid import WEB_MERCATOR, tile_grid
from scog.web import pictures
from scog.web.parameters import DeliveryParameters, Tile, TileMatrixSetId, no_doubles, tile_address
from scog.web.problems import PROBLEMS
from scog.web.respond import Admission

router = APIRouter(tags=["tiles"], dependencies=[Depends(no_doubles)], responses=PROBLEMS)


@router.get(
    "/tiles/{z}/{x}/{y}",
    summary="A tile as a picture or as values",
    response_class=Response,
    responses=pictures.RESPONSES,
)
async def tile(request: Request, z: str, x: str, y: str, parameters: Tile) -> Response:
    """Draw a tile of the web-mercator grid.

    `y` may end in a format, such as `.png` (the default), `.webp`, `.tif` or `.npy`, with `@2x` before it for twice as
    many pixels.
    """
    return await answer(request, WEB_MERCATOR, (z, x, y), parameters.look(), parameters.ask(), parameters)


@router.get(
    "/tiles/{tileMatrixSetId}/{z}/{x}/{y}",
    summary="A tile of any grid",
    response_class=Response,
    responses=pictures.RESPONSES,
)
async def any_tile(request: Request, tms: TileMatrixSetId, z: str, x: str, y: str, parameters: Tile) -> Response:
    """Draw a tile of a grid of `/tileMatrixSets`, which has zooms, columns and rows of its own.

    Otherwise as `/tiles/{z}/{x}/{y}`, which is the same as with `WebMercatorQuad`.
    """
    return await answer(request, tms, (z, x, y), parameters.look(), parameters.ask(), parameters)


async def answer(
    request: Request, tms: str, address: tuple[str, str, str], look: Look, ask: Ask, delivery: DeliveryParameters
) -> Response:
    """A tile `(z, x, y)` as a response."""
    z, x, y = address
    name = pictures.tile_name(y, delivery)
    grid = tile_grid(*tile_address(z, x, name.row), name.size, tms, delivery.buffer)
    admission: Admission = request.app.state.admission
    return await admission.run(
        request, pictures.picture(request, request.app.state.engine, grid, look, ask, delivery, name.format)
    )
