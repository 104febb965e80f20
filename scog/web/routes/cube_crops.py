"""`/cubes/{id}/bbox/...`, `/cubes/{id}/feature` and `/cubes/{id}/statistics`: cut-outs of cubes, and their numbers."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter, Depends, Request, Response

from scog.web.http import image_response
from scog.web.http.partial_responses import PartRoute
from scog.web.http.problems import PROBLEMS
from scog.web.params.crop import BoxCut, Boxed, FeatureCut, FormatName, Sized
from scog.web.params.image import no_doubles
from scog.web.routes import crops, statistics
from scog.web.routes.crops import BOX, FORMAT, SIZED, WITH_BODY
from scog.web.routes.cubes import Frozen
from scog.web.routes.places import GeoJSON
from scog.web.routes.statistics import Numbers

router = APIRouter(
    prefix="/cubes/{id}", tags=["cubes"], dependencies=[Depends(no_doubles)], responses=PROBLEMS, route_class=PartRoute
)
_get_box = partial(router.get, response_class=Response, responses=image_response.RESPONSES)
_post_feature = partial(router.post, response_class=Response, responses=WITH_BODY, openapi_extra=crops.BODY)


@_get_box(BOX, summary="A box of a cube")
async def bbox(request: Request, cube: Frozen, box: Boxed, cut: BoxCut) -> Response:
    """As `/bbox/...` with the cube's parameters, transparent outside of its area."""
    return await crops.answer_box(request, box, None, cut, cube.image())


@_get_box(BOX + SIZED, summary="A cube's box of a given size")
async def sized_bbox(request: Request, cube: Frozen, box: Boxed, sides: Sized, cut: BoxCut) -> Response:
    """The same, so many pixels wide and high."""
    return await crops.answer_box(request, box, sides, cut, cube.image())


@_post_feature("/feature" + FORMAT, summary="A polygon of a cube")
async def feature_as(request: Request, cube: Frozen, form: FormatName, cut: FeatureCut) -> Response:
    """As `POST /feature` with the cube's parameters, transparent outside of its area too."""
    return await crops.answer_feature(request, None, form, cut, cube.image())


@_post_feature("/feature", summary="A polygon of a cube as a picture")
async def feature(request: Request, cube: Frozen, cut: FeatureCut) -> Response:
    """The same as a PNG, or as `format` says."""
    return await crops.answer_feature(request, None, None, cut, cube.image())


@_post_feature("/feature" + SIZED, summary="A cube's polygon of a given size")
async def sized_feature(request: Request, cube: Frozen, sides: Sized, cut: FeatureCut) -> Response:
    """The same, so many pixels wide and high; the height may end in the format."""
    return await crops.answer_feature(request, sides.size, sides.format, cut, cube.image())


@router.post(
    statistics.ADDRESS,
    summary="Statistics of a cube",
    response_class=GeoJSON,
    responses=statistics.RESPONSES,
    openapi_extra=statistics.BODY,
)
async def of_polygons(request: Request, cube: Frozen, numbers: Numbers) -> GeoJSON:
    """As `POST /statistics` with the cube's parameters; what lies outside of its area does not count."""
    return await statistics.answer(request, cube.image(), numbers)
