"""`/legend`: what the colours of a picture mean; it takes the same query as the picture."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from scog.imaging.engine import Engine
from scog.imaging.image_cache import encoded
from scog.render.style import Style
from scog.web.http.problems import REFUSALS
from scog.web.http.query_route import QueryRoute
from scog.web.http.responses import with_etag
from scog.web.params.image import TileParameters, no_doubles

router = APIRouter(tags=["on offer"], dependencies=[Depends(no_doubles)], responses=REFUSALS, route_class=QueryRoute)

KEPT = {"Cache-Control": "public, max-age=3600"}


class SizeParameters(BaseModel):
    """How large a legend is."""

    model_config = ConfigDict(extra="forbid")

    scale: Annotated[int, Field(ge=1, le=4)] = Field(1, description="How many times larger a PNG is drawn.")


class LegendParameters(SizeParameters, TileParameters):
    """Those of the picture, and how large the legend is."""


Legend = Annotated[LegendParameters, Query()]


@router.get("/legend.json", summary="The legend of a picture, for programs", response_class=JSONResponse)
async def legend_json(request: Request, parameters: Legend) -> Response:
    """Colours and values: of a ramp, of classes, or which output is red, green and blue."""
    return await answer(request, parameters.parse().style, "json")


@router.get("/legend.svg", summary="The legend of a picture as SVG", response_class=Response)
async def legend_svg(request: Request, parameters: Legend) -> Response:
    """A drawing that scales, without background; its text is light where the reader prefers dark screens."""
    return await answer(request, parameters.parse().style, "svg")


@router.get("/legend.png", summary="The legend of a picture as PNG", response_class=Response)
async def legend_png(request: Request, parameters: Legend) -> Response:
    """A picture on white."""
    return await answer(request, parameters.parse().style, "png", parameters.scale)


async def answer(request: Request, style: Style, form: str, scale: int = 1) -> Response:
    """The legend of a look as `json`, `svg` or `png`, that `scale` times larger."""
    if form == "json":
        return JSONResponse(style.legend.json(), headers=KEPT)
    if form == "svg":
        body = style.legend.svg().encode()
        return with_etag(request, encoded(body), "image/svg+xml", KEPT | {"X-Content-Type-Options": "nosniff"})
    engine: Engine = request.app.state.engine
    body = await asyncio.get_running_loop().run_in_executor(engine.cpu, style.legend.png, scale)
    return with_etag(request, encoded(body), "image/png", KEPT)
