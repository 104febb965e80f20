"""`/bbox/...` and `POST /feature`: the image or the values of a box or a polygon, in any CRS and of any size."""

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
from scog.products.areas.area_of_interest import parse_areas
from scog.products.areas.outline import union_of_areas
from scog.products.crop import check_size, is_large
from scog.web.http.bodies import read_body
from scog.web.http.image_response import IMAGE_RESPONSES, image_response, requested_format
from scog.web.http.partial_responses import RangeRoute
from scog.web.http.problems import PROBLEMS, REQUEST_PROBLEMS
from scog.web.http.responses import Admission
from scog.web.params.crop import (
    BoxCropParameters,
    BoxInPath,
    BoxParameters,
    BoxPath,
    CropParameters,
    FeatureParameters,
    FormatName,
    SizeInPath,
    SizePath,
)
from scog.web.params.image import reject_repeated

router = APIRouter(tags=["crops"], dependencies=[Depends(reject_repeated)], responses=PROBLEMS, route_class=RangeRoute)

BOX = "/bbox/{minx},{miny},{maxx},{maxy}"
SIZED = "/{width}x{height}"
FORMAT = ".{format}"
WITH_BODY = IMAGE_RESPONSES | {
    413: REQUEST_PROBLEMS["4XX"] | {"description": "The geometry is longer than the server accepts"}
}
EXAMPLE = {
    "type": "Feature",
    "properties": {},
    "geometry": {"type": "Polygon", "coordinates": [[[11.3, 46.4], [11.4, 46.4], [11.4, 46.5], [11.3, 46.4]]]},
}


def geojson_body(*types: str) -> dict[str, Any]:
    """A GeoJSON request body of the given types, for OpenAPI."""
    schema = {
        "type": "object",
        "required": ["type"],
        "properties": {"type": {"enum": list(types)}},
        "description": f"{', '.join(types)}; coordinates are longitude and latitude in degrees.",
    }
    content = {"schema": schema, "example": EXAMPLE}
    media = ("application/geo+json", "application/json")
    return {"requestBody": {"required": True, "content": dict.fromkeys(media, content)}}


BODY = geojson_body("Feature", "FeatureCollection", "Polygon", "MultiPolygon", "GeometryCollection")
_get_box = partial(router.get, response_class=Response, responses=IMAGE_RESPONSES)
_post_feature = partial(router.post, response_class=Response, responses=WITH_BODY, openapi_extra=BODY)


@_get_box(BOX, summary="A box")
async def bbox(request: Request, box: BoxInPath, parameters: Annotated[BoxParameters, Query()]) -> Response:
    """A box as an image or as values. Box and image may be in any CRS: see `coord_crs` and `dst_crs`.

    The resolution is that of the scenes, unless the image would be larger than `max_size`. The last coordinate may end
    in a format, such as `.png` (the default) or `.tif`. `Content-Bbox` and `Content-Crs` state the bounds and the CRS
    of the image; a GeoTIFF contains them.
    """
    return await box_response(request, box, None, parameters, await parameters.parse(request))


@_get_box(BOX + SIZED, summary="A box of a given size")
async def sized_bbox(
    request: Request, box: BoxInPath, size: SizeInPath, parameters: Annotated[BoxParameters, Query()]
) -> Response:
    """As `/bbox/{minx},{miny},{maxx},{maxy}`, with width and height in pixels. The height may end in a format."""
    return await box_response(request, box, size, parameters, await parameters.parse(request))


async def box_response(
    request: Request, box: BoxPath, size: SizePath | None, crop: BoxCropParameters, image: StyledRequest
) -> Response:
    """A box as a response. `size` is the size in the path, if any."""
    format_name = requested_format(box.format if size is None else size.format, crop.format)
    coord_crs, pixels = parse_crs(crop.coord_crs, "coord_crs"), None if size is None else size.size
    grid = await _grid(request, box.box, coord_crs, pixels, crop, image.request)
    return await _respond(request, grid, format_name, crop, image, box.box)


@_post_feature("/feature" + FORMAT, summary="A polygon")
async def feature_as(
    request: Request, format_name: FormatName, parameters: Annotated[FeatureParameters, Query()]
) -> Response:
    """A polygon as an image or as values. Pixels with their centre outside are transparent (values: NaN).

    The body is a GeoJSON Polygon, MultiPolygon, GeometryCollection, Feature or FeatureCollection, in degrees. The grid
    is that of `/bbox/...` for the polygon's bounding box.
    """
    return await feature_response(request, None, format_name, parameters, await parameters.parse(request))


@_post_feature("/feature", summary="A polygon as PNG")
async def feature(request: Request, parameters: Annotated[FeatureParameters, Query()]) -> Response:
    """As `/feature.{format}`, as PNG or in the format given by `format`."""
    return await feature_response(request, None, None, parameters, await parameters.parse(request))


@_post_feature("/feature" + SIZED, summary="A polygon of a given size")
async def sized_feature(
    request: Request, size: SizeInPath, parameters: Annotated[FeatureParameters, Query()]
) -> Response:
    """As `/feature.{format}`, with width and height in pixels. The height may end in a format."""
    return await feature_response(request, size.size, size.format, parameters, await parameters.parse(request))


async def feature_response(
    request: Request, size: tuple[int, int] | None, suffix: str | None, crop: CropParameters, image: StyledRequest
) -> Response:
    """The polygon in the body as a response, clipped to the area of the image request, if any.

    `size` and `suffix` are width, height and format from the path. Raises TooLong, InvalidInput, and the
    errors of `image_response`.
    """
    format_name = requested_format(suffix, crop.format)
    engine: Engine = request.app.state.engine
    settings = engine.settings
    body = await read_body(request, settings.area_bytes, "geometry")
    area, repairs = await asyncio.to_thread(_parse_area, body, settings.areas, settings.area_vertices)
    box = area.box
    grid = await _grid(request, box, DEGREES, size, crop, image.request, area)
    if image.request.area is not None:
        common = await asyncio.to_thread(area.intersection, image.request.area)
        if common is None:
            message = "The polygon is outside the cube's area."
            raise InvalidInput(message, parameter="body", valid="a polygon that intersects the area in /cubes/{id}")
        area = common
    response = await _respond(request, grid, format_name, crop, image.clipped(area), box)
    if repairs:
        response.headers["X-Scog-Repaired"] = repairs
    return response


def _parse_area(body: bytes, max_features: int, max_vertices: int) -> tuple[ClipArea, str]:
    """The union of all features of a body, and a description of the repairs.

    Raises InvalidInput if any feature is unusable: an image cannot report errors of single features.
    """
    return union_of_areas(parse_areas(parse_geojson(body), max_features, max_vertices, points=False))


async def _grid(
    request: Request,
    box: Box,
    box_crs: str,
    size: tuple[int, int] | None,
    crop: CropParameters,
    image_request: ImageRequest,
    area: ClipArea | None = None,
) -> Grid:
    """The grid of a crop: of the requested size, else aligned with the pixels of the scenes' files."""
    grid = await asyncio.to_thread(crop.grid, box, box_crs, size)
    if crop.is_sized(size):
        return grid
    engine: Engine = request.app.state.engine
    tally = UpstreamStats()
    try:
        async with asyncio.timeout(engine.settings.tile_deadline):
            lattice = await source_lattice(engine, grid, image_request, tally, area)
    except TimeoutError:
        return grid
    return grid if lattice is None else await asyncio.to_thread(crop.grid, box, box_crs, size, lattice)


async def _respond(
    request: Request, grid: Grid, format_name: str, crop: CropParameters, image: StyledRequest, box: Box
) -> Response:
    """An image on a grid as a response. SCOG_CROPS limits the concurrent images that are larger than a tile."""
    engine, state = request.app.state.engine, request.app.state
    check_size(engine.settings, grid, image.request, crop.size_parameter)
    admission: Admission = state.crops if is_large(grid) else state.admission
    drawing = image_response(request, engine, grid, image, crop, format_name)
    response = await admission.run(request, drawing)
    response.headers["Content-Bbox"] = ",".join(map(repr, grid.bounds))
    response.headers["Content-Crs"] = f"<http://www.opengis.net/def/crs/EPSG/0/{grid.crs.removeprefix('EPSG:')}>"
    if crop.download:
        name = "_".join(f"{edge:.6g}" for edge in box)
        response.headers["Content-Disposition"] = f'attachment; filename="scog_{name}.{format_name}"'
    return response
