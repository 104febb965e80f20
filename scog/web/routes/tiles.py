"""`/tiles/{z}/{x}/{y}`: map tiles as images or values, of web mercator or any other tile matrix set."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from scog.geo.grid import WEB_MERCATOR, tile_grid
from scog.imaging.options import StyledRequest
from scog.web.http.image_response import IMAGE_RESPONSES, image_response, parse_tile_name
from scog.web.http.partial_responses import RangeRoute, reads_ranges
from scog.web.http.problems import PROBLEMS
from scog.web.http.query_route import raw_query
from scog.web.http.responses import Admission
from scog.web.params.image import (
    Column,
    OutputParameters,
    RowWithFormat,
    TileMatrixSetId,
    TileParameters,
    TileQuery,
    Zoom,
    parse_tile_address,
    reject_repeated,
)

QUERY_CACHE_BYTES = 1_000_000
"""Capacity of the cache of parsed query strings in bytes."""


class TileRoute(RangeRoute):
    """A route that caches parsed query strings.

    All tiles of a layer have the same query string, and parsing it takes as long as drawing a tile.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler, which parses and validates, unless the query string is cached."""
        handle_request = super().get_route_handler()

        async def handler(request: Request) -> Response:
            cached = request.app.state.queries.get(request.scope["query_string"])
            if cached is None or reads_ranges(request):
                return await handle_request(request)
            path = request.path_params
            return await _respond(
                request, path.get("tileMatrixSetId", WEB_MERCATOR), path["z"], path["x"], path["y"], cached
            )

        return handler


router = APIRouter(tags=["tiles"], dependencies=[Depends(reject_repeated)], responses=PROBLEMS, route_class=TileRoute)


@router.get("/tiles/{z}/{x}/{y}", summary="A tile", response_class=Response, responses=IMAGE_RESPONSES)
async def tile(request: Request, z: Zoom, x: Column, y: RowWithFormat, parameters: TileQuery) -> Response:
    """A WebMercatorQuad tile as an image or as values.

    `y` may end in a format, such as `.png` (the default), `.webp`, `.tif` or `.npy`, preceded by `@2x` for twice the
    tile size.
    """
    _cache(request, parameters)
    return await _respond(request, WEB_MERCATOR, z, x, y, parameters)


@router.get(
    "/tiles/{tileMatrixSetId}/{z}/{x}/{y}",
    summary="A tile of any tile matrix set",
    response_class=Response,
    responses=IMAGE_RESPONSES,
)
async def any_tile(
    request: Request, tms: TileMatrixSetId, z: Zoom, x: Column, y: RowWithFormat, parameters: TileQuery
) -> Response:
    """A tile as an image or as values, otherwise as `/tiles/{z}/{x}/{y}`.

    Zooms, columns and rows are those of the tile matrix set.
    """
    _cache(request, parameters)
    return await _respond(request, tms, z, x, y, parameters)


def _cache(request: Request, parameters: TileParameters) -> None:
    query = raw_query(request)
    request.app.state.queries.put(query, parameters, 4 * len(query) + 1000)


async def _respond(request: Request, tms: str, z: str, x: str, y: str, parameters: TileParameters) -> Response:
    return await tile_response(request, tms, (z, x, y), await parameters.parse(request), parameters)


async def tile_response(
    request: Request, tms: str, address: tuple[str, str, str], image: StyledRequest, output: OutputParameters
) -> Response:
    """A tile as a response. `address` is `(z, x, y)` as in the path. Raises the errors of `image_response`."""
    z, x, y = address
    name = parse_tile_name(y, output)
    if output.preview:
        image = image._replace(request=replace(image.request, preview=output.preview))
    grid = tile_grid(*parse_tile_address(z, x, name.row), name.size, tms, output.buffer)
    admission: Admission = request.app.state.admission
    return await admission.run(
        request, image_response(request, request.app.state.engine, grid, image, output, name.format)
    )
