"""`/tiles/{z}/{x}/{y}`: pictures and values of tiles, of web mercator or any other grid."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from scog.geo.grid import WEB_MERCATOR, tile_grid
from scog.imaging.options import StyledRequest
from scog.web.http import image_response
from scog.web.http.partial_responses import PartRoute, in_parts
from scog.web.http.problems import PROBLEMS
from scog.web.http.query_route import sent
from scog.web.http.responses import Admission
from scog.web.params.image import DeliveryParameters, Tile, TileMatrixSetId, TileParameters, no_doubles, tile_address

KEPT_QUERIES = 1_000_000
"""Bytes of the queries that are remembered."""


class TileRoute(PartRoute):
    """Reads each query once: all tiles of a map's layer share theirs, and reading it takes as long as drawing."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """As FastAPI's, which reads and checks everything, where the query is a new one."""
        reading = super().get_route_handler()

        async def handler(request: Request) -> Response:
            known = request.app.state.queries.get(request.scope["query_string"])
            if known is None or in_parts(request):
                return await reading(request)
            place = request.path_params
            return await _tile(
                request, place.get("tileMatrixSetId", WEB_MERCATOR), place["z"], place["x"], place["y"], known
            )

        return handler


router = APIRouter(tags=["tiles"], dependencies=[Depends(no_doubles)], responses=PROBLEMS, route_class=TileRoute)


@router.get(
    "/tiles/{z}/{x}/{y}",
    summary="A tile as a picture or as values",
    response_class=Response,
    responses=image_response.RESPONSES,
)
async def tile(request: Request, z: str, x: str, y: str, parameters: Tile) -> Response:
    """Draw a tile of the web-mercator grid.

    `y` may end in a format, such as `.png` (the default), `.webp`, `.tif` or `.npy`, with `@2x` before it for twice as
    many pixels.
    """
    _remember(request, parameters)
    return await _tile(request, WEB_MERCATOR, z, x, y, parameters)


@router.get(
    "/tiles/{tileMatrixSetId}/{z}/{x}/{y}",
    summary="A tile of any grid",
    response_class=Response,
    responses=image_response.RESPONSES,
)
async def any_tile(request: Request, tms: TileMatrixSetId, z: str, x: str, y: str, parameters: Tile) -> Response:
    """Draw a tile of a grid of `/tileMatrixSets`, which has zooms, columns and rows of its own.

    Otherwise as `/tiles/{z}/{x}/{y}`, which is the same as with `WebMercatorQuad`.
    """
    _remember(request, parameters)
    return await _tile(request, tms, z, x, y, parameters)


def _remember(request: Request, parameters: TileParameters) -> None:
    query = sent(request)
    request.app.state.queries.put(query, parameters, 4 * len(query) + 1000)


async def _tile(request: Request, tms: str, z: str, x: str, y: str, parameters: TileParameters) -> Response:
    return await answer(request, tms, (z, x, y), parameters.parse(), parameters)


async def answer(
    request: Request, tms: str, address: tuple[str, str, str], image: StyledRequest, delivery: DeliveryParameters
) -> Response:
    """A tile `(z, x, y)` as a response."""
    z, x, y = address
    name = image_response.tile_name(y, delivery)
    if delivery.preview:
        image = image._replace(request=replace(image.request, preview=delivery.preview))
    grid = tile_grid(*tile_address(z, x, name.row), name.size, tms, delivery.buffer)
    admission: Admission = request.app.state.admission
    return await admission.run(
        request, image_response.picture(request, request.app.state.engine, grid, image, delivery, name.format)
    )
