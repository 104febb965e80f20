"""`/legend.json`, `/legend.svg` and `/legend.png`: the legend of an image, with the query string of the image."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from scog.collections.profile import Profile
from scog.imaging.engine import Engine
from scog.imaging.image_cache import encoded_image
from scog.render.style import Style
from scog.web.http.problems import REQUEST_PROBLEMS
from scog.web.http.query_route import QueryRoute
from scog.web.http.responses import profile_headers, with_etag
from scog.web.params.image import TileParameters, reject_repeated

router = APIRouter(
    tags=["legends"], dependencies=[Depends(reject_repeated)], responses=REQUEST_PROBLEMS, route_class=QueryRoute
)

CACHE_HEADERS = {"Cache-Control": "public, max-age=3600"}


class ScaleParameters(BaseModel):
    """Size of a legend."""

    model_config = ConfigDict(extra="forbid")

    scale: Annotated[int, Field(ge=1, le=4)] = Field(1, description="Scale factor of a PNG.")


class LegendParameters(ScaleParameters, TileParameters):
    """The parameters of a tile, and the size of its legend."""


LegendQuery = Annotated[LegendParameters, Query()]


@router.get("/legend.json", summary="Legend as JSON", response_description="The legend.", response_class=JSONResponse)
async def legend_json(request: Request, parameters: LegendQuery) -> Response:
    """Colours and values of a colour ramp, the classes, or the outputs shown as red, green and blue."""
    image, style = await parameters.parse(request)
    return await legend_response(request, style, image.profile, "json")


@router.get("/legend.svg", summary="Legend as SVG", response_description="The legend.", response_class=Response)
async def legend_svg(request: Request, parameters: LegendQuery) -> Response:
    """A scalable legend on a transparent background. Its text is light if the reader prefers dark colour schemes."""
    image, style = await parameters.parse(request)
    return await legend_response(request, style, image.profile, "svg")


@router.get("/legend.png", summary="Legend as PNG", response_description="The legend.", response_class=Response)
async def legend_png(request: Request, parameters: LegendQuery) -> Response:
    """A legend on a white background."""
    image, style = await parameters.parse(request)
    return await legend_response(request, style, image.profile, "png", parameters.scale)


async def legend_response(
    request: Request, style: Style, profile: Profile, format_name: str, scale: int = 1
) -> Response:
    """The legend of a style as `json`, `svg` or `png`. `scale` applies to PNG."""
    headers = profile_headers(CACHE_HEADERS, profile)
    if format_name == "json":
        return JSONResponse(style.legend.json(), headers=headers)
    if format_name == "svg":
        body = style.legend.svg().encode()
        return with_etag(request, encoded_image(body), "image/svg+xml", headers | {"X-Content-Type-Options": "nosniff"})
    engine: Engine = request.app.state.engine
    body = await asyncio.get_running_loop().run_in_executor(engine.cpu, style.legend.png, scale)
    return with_etag(request, encoded_image(body), "image/png", headers)
