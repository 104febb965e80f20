"""`/tiles/{z}/{x}/{y}`: pictures and values of web-mercator tiles."""

from __future__ import annotations

import asyncio
import re
import time
from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from scog.draw import Drawing, draw
from scog.engine import Engine
from scog.errors import InvalidInput, NothingReadable
from scog.look import Look
from scog.picture.encode import npy
from scog.space.grid import tile_grid
from scog.web.parameters import Picture, PictureParameters, no_doubles, tile_address
from scog.web.problems import PROBLEMS
from scog.web.respond import Admission, report_headers, with_etag

router = APIRouter(tags=["tiles"], dependencies=[Depends(no_doubles)], responses=PROBLEMS)

MEDIA_TYPES = {"png": "image/png", "npy": "application/x-npy"}
_NAME = re.compile(r"(\d{1,9})(@2x)?(?:\.([a-z0-9]{1,8}))?", re.ASCII)


@router.get(
    "/tiles/{z}/{x}/{y}",
    summary="A tile as a picture or as values",
    response_class=Response,
    responses={
        200: {"content": {media: {} for media in MEDIA_TYPES.values()}, "description": "The tile."},
        204: {"description": "No data, where `empty=204` asks for it."},
        304: {"description": "The client's copy is current."},
    },
)
async def tile(request: Request, z: str, x: str, y: str, parameters: Picture) -> Response:
    """Draw a tile of the web-mercator grid.

    `y` may end in `.png` (the default: a picture) or `.npy` (float32 values `(band, y, x)`, NaN where
    invalid), with `@2x` before it for 512 pixels a side.
    """
    y, size, form = _tile_name(y)
    grid = tile_grid(*tile_address(z, x, y), size)
    admission: Admission = request.app.state.admission
    return await admission.run(request, _answer(request, request.app.state.engine, grid, parameters, form))


def _tile_name(name: str) -> tuple[str, int, str]:
    """The row's digits, the tile's size in pixels and the format."""
    found = _NAME.fullmatch(name)
    if found is None:
        return name, 256, "png"
    form = found[3] or "png"
    if form not in MEDIA_TYPES:
        raise InvalidInput(f"There is no format {form!r}.", parameter="format", valid=", ".join(MEDIA_TYPES))
    return found[1], 512 if found[2] else 256, form


async def _answer(request: Request, engine: Engine, grid: Any, parameters: PictureParameters, form: str) -> Response:
    look, ask = parameters.look(), parameters.ask()
    drawing = await draw(engine, grid, ask)
    report = drawing.report
    if parameters.strict and report.partial:
        raise NothingReadable("Scenes are missing from this picture.", skipped=tuple(report.skipped.items()))
    if parameters.empty == "204" and not drawing.valid.any():
        return Response(status_code=204, headers=report_headers(report))
    since = time.perf_counter()
    body = await asyncio.get_running_loop().run_in_executor(engine.cpu, encoded, drawing, look, form)
    report.add_time("encode", since)
    return with_etag(request, body, MEDIA_TYPES[form], report_headers(report))


def encoded(drawing: Drawing, look: Look, form: str) -> bytes:
    """The drawing's bytes in a format of MEDIA_TYPES."""
    return npy(drawing.values) if form == "npy" else look.png(drawing)
