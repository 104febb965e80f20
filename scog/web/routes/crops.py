"""`/bbox/...` and `POST /feature`: pictures and values of a box or a polygon, in any CRS and of any size."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from scog.errors import InvalidInput
from scog.geo.bounds import DEGREES
from scog.geo.crop_grid import Box
from scog.geo.crs import parse_crs
from scog.geo.geojson_text import parse_geojson
from scog.geo.grid import Grid
from scog.imaging.clip import ClipArea
from scog.imaging.engine import Engine
from scog.imaging.options import StyledRequest
from scog.imaging.request import ImageRequest
from scog.imaging.source_lattice import source_lattice
from scog.net.policy import UpstreamStats
from scog.products.areas.area_of_interest import parse_fields
from scog.products.areas.outline import area_of_fields
from scog.products.crop import check_size, is_large
from scog.web.http import image_response
from scog.web.http.bodies import read_body
from scog.web.http.partial_responses import PartRoute
from scog.web.http.problems import PROBLEMS, REFUSALS
from scog.web.http.responses import Admission
from scog.web.params.crop import (
    BoxCutParameters,
    Boxed,
    BoxParameters,
    Corners,
    CutParameters,
    FeatureParameters,
    FormatName,
    Sides,
    Sized,
)
from scog.web.params.image import no_doubles

router = APIRouter(tags=["cut-outs"], dependencies=[Depends(no_doubles)], responses=PROBLEMS, route_class=PartRoute)

BOX = "/bbox/{minx},{miny},{maxx},{maxy}"
SIZED = "/{width}x{height}"
FORMAT = ".{format}"
WITH_BODY = image_response.RESPONSES | {413: REFUSALS["4XX"] | {"description": "The body is too long"}}
EXAMPLE = {
    "type": "Feature",
    "properties": {},
    "geometry": {"type": "Polygon", "coordinates": [[[11.3, 46.4], [11.4, 46.4], [11.4, 46.5], [11.3, 46.4]]]},
}


def with_body(*kinds: str) -> dict[str, Any]:
    """A body of GeoJSON of some kinds for the API's description."""
    schema = {
        "type": "object",
        "required": ["type"],
        "properties": {"type": {"enum": list(kinds)}},
        "description": f"{', '.join(kinds)}, in degrees, longitude first.",
    }
    content = {"schema": schema, "example": EXAMPLE}
    media = ("application/geo+json", "application/json")
    return {"requestBody": {"required": True, "content": dict.fromkeys(media, content)}}


BODY = with_body("Feature", "FeatureCollection", "Polygon", "MultiPolygon", "GeometryCollection")
_get_box = partial(router.get, response_class=Response, responses=image_response.RESPONSES)
_post_feature = partial(router.post, response_class=Response, responses=WITH_BODY, openapi_extra=BODY)


@_get_box(BOX, summary="A box as a picture or as values")
async def bbox(request: Request, box: Boxed, parameters: Annotated[BoxParameters, Query()]) -> Response:
    """Draw a box of any CRS (degrees by default) on pixels of any CRS (by default the box's), at the scenes' own
    resolution if that takes no more than `max_size`.

    The last number may end in a format, such as `.png` (the default) or `.tif`. `Content-Bbox` and `Content-Crs` say
    where its pixels lie, which GeoTIFFs do themselves.
    """
    return await answer_box(request, box, None, parameters, parameters.parse())


@_get_box(BOX + SIZED, summary="A box of a given size")
async def sized_bbox(
    request: Request, box: Boxed, sides: Sized, parameters: Annotated[BoxParameters, Query()]
) -> Response:
    """The same, so many pixels wide and high; here the height may end in the format."""
    return await answer_box(request, box, sides, parameters, parameters.parse())


async def answer_box(
    request: Request,
    corners: Corners,
    sides: Sides | None,
    cut: BoxCutParameters,
    image: StyledRequest,
) -> Response:
    """A box as a response."""
    form = image_response.format_asked(corners.format if sides is None else sides.format, cut.format)
    box, size = corners.box, None if sides is None else sides.size
    grid = await _grid(request, box, parse_crs(cut.coord_crs, "coord_crs"), size, cut, image.request)
    return await _answer(request, grid, form, cut, image, box)


@_post_feature("/feature" + FORMAT, summary="A polygon as a picture or as values")
async def feature_as(request: Request, form: FormatName, parameters: Annotated[FeatureParameters, Query()]) -> Response:
    """Draw what lies in a polygon, transparent (values: NaN) around it. A pixel counts by its centre.

    The body is a GeoJSON Polygon, MultiPolygon, Feature or FeatureCollection in degrees. Otherwise as `/bbox/...` of
    the box around it.
    """
    return await answer_feature(request, None, form, parameters, parameters.parse())


@_post_feature("/feature", summary="A polygon as a picture")
async def feature(request: Request, parameters: Annotated[FeatureParameters, Query()]) -> Response:
    """The same as a PNG, or as `format` says."""
    return await answer_feature(request, None, None, parameters, parameters.parse())


@_post_feature("/feature" + SIZED, summary="A polygon of a given size")
async def sized_feature(request: Request, sides: Sized, parameters: Annotated[FeatureParameters, Query()]) -> Response:
    """The same, so many pixels wide and high; the height may end in the format."""
    return await answer_feature(request, sides.size, sides.format, parameters, parameters.parse())


async def answer_feature(
    request: Request, sides: tuple[int, int] | None, form: str | None, cut: CutParameters, image: StyledRequest
) -> Response:
    """The polygon of the body as a response; within the area of the request, if that has one."""
    form = image_response.format_asked(form, cut.format)
    engine: Engine = request.app.state.engine
    settings = engine.settings
    body = await read_body(request, settings.field_bytes, "geometry")
    area, notes = await asyncio.to_thread(_area, body, settings.fields, settings.field_corners)
    box = area.box
    grid = await _grid(request, box, DEGREES, sides, cut, image.request, area)
    if image.request.area is not None:
        common = await asyncio.to_thread(area.common, image.request.area)
        if common is None:
            what = "The polygon lies outside of the cube's area."
            raise InvalidInput(what, parameter="body", valid="a polygon within the area that /cubes/{id} tells")
        area = common
    response = await _answer(request, grid, form, cut, image.within(area), box)
    if notes:
        response.headers["X-Scog-Repaired"] = notes
    return response


def _area(body: bytes, most: int, corners: int) -> tuple[ClipArea, str]:
    """The area of a body, of a collection that of all its features; and what was repaired of it. Raises InvalidInput.

    A feature that cannot be used is an error here, since a picture has no place to say so.
    """
    return area_of_fields(parse_fields(parse_geojson(body), most, corners, points=False))


async def _grid(
    request: Request,
    box: Box,
    box_crs: str,
    sides: tuple[int, int] | None,
    cut: CutParameters,
    image_request: ImageRequest,
    area: ClipArea | None = None,
) -> Grid:
    """The grid of a cut-out: of the size that is asked for, or on the pixels of the files that will be drawn."""
    grid = await asyncio.to_thread(cut.grid, box, box_crs, sides)
    if cut.is_sized(sides):
        return grid
    engine: Engine = request.app.state.engine
    tally = UpstreamStats()
    try:
        async with asyncio.timeout(engine.settings.tile_deadline):
            own = await source_lattice(engine, grid, image_request, tally, area)
    except TimeoutError:
        return grid
    return grid if own is None else await asyncio.to_thread(cut.grid, box, box_crs, sides, own)


async def _answer(
    request: Request, grid: Grid, form: str, cut: CutParameters, image: StyledRequest, box: Box
) -> Response:
    """A grid as a response. Of those that are larger than a tile, few are in work at once."""
    engine, state = request.app.state.engine, request.app.state
    check_size(engine.settings, grid, image.request, cut.sized_by)
    admission: Admission = state.crops if is_large(grid) else state.admission
    made = image_response.picture(request, engine, grid, image, cut, form)
    response = await admission.run(request, made)
    response.headers["Content-Bbox"] = ",".join(map(repr, grid.bounds))
    response.headers["Content-Crs"] = f"<http://www.opengis.net/def/crs/EPSG/0/{grid.crs.removeprefix('EPSG:')}>"
    if cut.download:
        name = "_".join(f"{edge:.6g}" for edge in box)
        response.headers["Content-Disposition"] = f'attachment; filename="scog_{name}.{form}"'
    return response
