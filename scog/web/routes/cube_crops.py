"""`/cubes/{id}/bbox/...`, `/cubes/{id}/feature` and `/cubes/{id}/statistics`: crops and zonal statistics of cubes."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter, Depends, Request, Response

from scog.web.http.image_response import IMAGE_RESPONSES
from scog.web.http.partial_responses import RangeRoute
from scog.web.http.problems import PROBLEMS
from scog.web.http.responses import GeoJSONResponse
from scog.web.params.crop import BoxCropQuery, BoxInPath, FeatureCropQuery, FormatName, SizeInPath
from scog.web.params.image import reject_repeated
from scog.web.routes import crops, statistics
from scog.web.routes.crops import BOX, FORMAT, SIZED, WITH_BODY
from scog.web.routes.cubes import CubeInPath
from scog.web.routes.statistics import SummaryQuery

router = APIRouter(
    prefix="/cubes/{id}",
    tags=["cubes"],
    dependencies=[Depends(reject_repeated)],
    responses=PROBLEMS,
    route_class=RangeRoute,
)
_get_box = partial(router.get, response_class=Response, responses=IMAGE_RESPONSES)
_post_feature = partial(router.post, response_class=Response, responses=WITH_BODY, openapi_extra=crops.BODY)


@_get_box(BOX, summary="A box of a cube")
async def bbox(request: Request, cube: CubeInPath, box: BoxInPath, crop: BoxCropQuery) -> Response:
    """As `/bbox/...` with the cube's parameters. Pixels outside the cube's area are transparent."""
    return await crops.box_response(request, box, None, crop, cube.styled_request())


@_get_box(BOX + SIZED, summary="A box of a cube, of a given size")
async def sized_bbox(
    request: Request, cube: CubeInPath, box: BoxInPath, size: SizeInPath, crop: BoxCropQuery
) -> Response:
    """As `/cubes/{id}/bbox/...`, with width and height in pixels. The height may end in a format."""
    return await crops.box_response(request, box, size, crop, cube.styled_request())


@_post_feature("/feature" + FORMAT, summary="A polygon of a cube")
async def feature_as(request: Request, cube: CubeInPath, format_name: FormatName, crop: FeatureCropQuery) -> Response:
    """As `POST /feature.{format}` with the cube's parameters. Pixels outside the cube's area are transparent."""
    return await crops.feature_response(request, None, format_name, crop, cube.styled_request())


@_post_feature("/feature", summary="A polygon of a cube as PNG")
async def feature(request: Request, cube: CubeInPath, crop: FeatureCropQuery) -> Response:
    """As `/cubes/{id}/feature.{format}`, as PNG or in the format given by `format`."""
    return await crops.feature_response(request, None, None, crop, cube.styled_request())


@_post_feature("/feature" + SIZED, summary="A polygon of a cube, of a given size")
async def sized_feature(request: Request, cube: CubeInPath, size: SizeInPath, crop: FeatureCropQuery) -> Response:
    """As `/cubes/{id}/feature.{format}`, with width and height in pixels. The height may end in a format."""
    return await crops.feature_response(request, size.size, size.format, crop, cube.styled_request())


@router.post(
    statistics.PATH,
    summary="Statistics of polygons of a cube",
    response_description="The GeoJSON of the request, with statistics.",
    response_class=GeoJSONResponse,
    responses=statistics.RESPONSES,
    openapi_extra=statistics.BODY,
)
async def cube_statistics(request: Request, cube: CubeInPath, parameters: SummaryQuery) -> GeoJSONResponse:
    """As `POST /statistics` with the cube's parameters. Pixels outside the cube's area do not count."""
    return await statistics.statistics_response(request, cube.styled_request(), parameters)
