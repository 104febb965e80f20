"""`/cubes`: computations that are frozen behind an id, so that an address needs no parameters."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import JSONResponse

from scog.catalog.observation import Observation, SceneSet
from scog.catalog.scene import Scene
from scog.cubes.cubes import Cube, Cubes
from scog.errors import InvalidInput, OutOfRange
from scog.geo.grid import WEB_MERCATOR, Grid, tile_grid
from scog.imaging.compare import periods
from scog.imaging.draw import ImageRequest
from scog.imaging.engine import Engine
from scog.imaging.image_cache import encoded
from scog.imaging.pinned import Pinned, pin
from scog.imaging.report import Report
from scog.imaging.select import observations
from scog.products.scene_list import box_grid, feature_collection
from scog.products.timeseries.variables import SeriesVariables
from scog.runtime.tasks import gather_all
from scog.temporal.intervals import rfc3339
from scog.web.http import image_response
from scog.web.http.bodies import read_body
from scog.web.http.links import base_url
from scog.web.http.partial_responses import PartRoute
from scog.web.http.problems import PROBLEMS, REFUSALS
from scog.web.http.responses import with_etag
from scog.web.params.cube import Wanted, body_schema, wanted_of
from scog.web.params.image import Delivery, TileMatrixSetId, no_doubles, tile_address
from scog.web.routes import animations, legends, places, tilejson, tiles, timeseries
from scog.web.routes.animations import Frames, Placed
from scog.web.routes.legends import SizeParameters
from scog.web.routes.listings import LINKED, Nothing
from scog.web.routes.places import GeoJSON
from scog.web.routes.timeseries import Shown, formula_from

router = APIRouter(
    prefix="/cubes", tags=["cubes"], dependencies=[Depends(no_doubles)], responses=PROBLEMS, route_class=PartRoute
)

TEMPLATE = "/tiles/{z}/{x}/{y}"
CREATED: dict[int | str, dict[str, Any]] = {
    200: {"description": "There is such a cube already."},
    201: {"description": "The cube is kept; its address is in `Location`."},
    413: REFUSALS["4XX"] | {"description": "The definition is too long"},
}


async def _cube(
    request: Request, cube: Annotated[str, Path(alias="id", description="As the answer to `POST /cubes` has it.")]
) -> Cube:
    """The cube of an address. Raises OutOfRange."""
    cubes: Cubes = request.app.state.cubes
    found = await cubes.get(cube)
    if found is None:
        what = "There is no such cube. Cubes that are not used for long are forgotten; they can be posted again."
        raise OutOfRange(what, parameter="id", valid="an id that POST /cubes answered with")
    return found


Frozen = Annotated[Cube, Depends(_cube)]


@router.post("", status_code=201, summary="Freeze a computation", responses=CREATED, openapi_extra=body_schema())
async def freeze(request: Request, parameters: Nothing) -> Response:
    """Keep a definition, and answer with the addresses of its tiles, which need no parameters any more.

    The definition is a JSON object with the parameters of a tile, all of them optional, an area (`bbox` or `area`)
    outside of which all is transparent, and `scenes`: `live` scenes are found anew as tiles are drawn; `pinned` ones
    are found now, within the area, so that the picture stays the same for good. Equal definitions get equal ids, in
    whatever words; of pinned ones the scenes count too.
    """
    engine: Engine = request.app.state.engine
    body = await read_body(request, engine.settings.cube_bytes, "definition")
    wanted = await asyncio.to_thread(wanted_of, body)
    image_request = replace(
        wanted.image.request, collection=wanted.image.request.collection or engine.searches.collection
    )
    pinned = None
    if wanted.pinned:
        image_request, pinned = await request.app.state.admission.run(request, _pinned(engine, wanted, image_request))
    definition = await asyncio.to_thread(wanted.definition, image_request)
    cube, is_new, lasting = await request.app.state.cubes.add(definition, pinned)
    document = _document(cube, base_url(request))
    headers = {"Location": document["links"][0]["href"], "Cache-Control": "no-store"}
    if wanted.area is not None and wanted.area.repaired is not None:
        headers["X-Scog-Repaired"] = wanted.area.repaired
    return JSONResponse(document | {"survives_restart": lasting}, 201 if is_new else 200, headers)


@router.get("/{id}", summary="A cube")
async def one_cube(request: Request, cube: Frozen, parameters: Nothing) -> Response:
    """Its definition in full, its addresses, and its scenes if they are pinned."""
    body = bytes(JSONResponse(_document(cube, base_url(request))).body)
    return with_etag(request, encoded(body), "application/json", LINKED)


@router.get("/{id}/scenes", summary="Scenes of a cube", response_class=GeoJSON)
async def scenes(request: Request, cube: Frozen, parameters: Nothing) -> GeoJSON:
    """The scenes that are pinned, or those that touch its area now, newest first, as GeoJSON; of both periods if it
    compares two.
    """
    if cube.pinned is not None:
        known = _together(scene for period in cube.pinned.periods for scene in period.scenes.scenes)
        return GeoJSON(feature_collection(known), headers=legends.KEPT)
    if cube.area is None:
        what = "The cube has no area of which scenes could be listed."
        raise InvalidInput(what, parameter="id", valid="/cubes/{id}/tiles/{z}/{x}/{y}/scenes lists those of a tile")
    return await _scenes(request, cube, box_grid(cube.area.box))


@router.get("/{id}/tiles/{z}/{x}/{y}/scenes", summary="Scenes of a cube's tile", response_class=GeoJSON)
async def scenes_of_tile(request: Request, cube: Frozen, z: str, x: str, y: str, parameters: Nothing) -> GeoJSON:
    """The cube's scenes that touch a tile of the web-mercator grid, newest first, as GeoJSON."""
    return await _scenes(request, cube, tile_grid(*tile_address(z, x, y)))


@router.get(
    "/{id}/tiles/{z}/{x}/{y}", summary="A cube's tile", response_class=Response, responses=image_response.RESPONSES
)
async def tile(request: Request, cube: Frozen, z: str, x: str, y: str, delivery: Delivery) -> Response:
    """The same as `/tiles/{z}/{x}/{y}` with the cube's parameters, transparent outside of its area."""
    return await tiles.answer(request, WEB_MERCATOR, (z, x, y), cube.image(), delivery)


@router.get(
    "/{id}/tiles/{tileMatrixSetId}/{z}/{x}/{y}",
    summary="A cube's tile of any grid",
    response_class=Response,
    responses=image_response.RESPONSES,
)
async def any_tile(
    request: Request, cube: Frozen, tms: TileMatrixSetId, z: str, x: str, y: str, delivery: Delivery
) -> Response:
    """The same in a grid of `/tileMatrixSets`."""
    return await tiles.answer(request, tms, (z, x, y), cube.image(), delivery)


@router.get(
    "/{id}" + animations.ADDRESS,
    summary="A time lapse of a cube",
    response_class=Response,
    responses=animations.RESPONSES,
)
async def animation(request: Request, cube: Frozen, place: Placed, frames: Frames) -> Response:
    """As `/animation/...` with the cube's parameters, transparent outside of its area, of which `min_clear` is a share.

    Colours of counts and trends are those of the cube's whole time.
    """
    return await animations.answer(request, place, cube.image(), frames)


@router.get(
    "/{id}" + timeseries.ADDRESS,
    summary="A cube's values at a place over time",
    response_class=Response,
    responses=timeseries.RESPONSES,
)
async def series_of_place(request: Request, cube: Frozen, lon: str, lat: str, parameters: Shown) -> Response:
    """As `/timeseries/{lon},{lat}` with the cube's formula, mask, time and scenes; of its first period if it compares
    two.
    """
    return await timeseries.answer_place(request, lon, lat, *_measured(cube), parameters)


@router.post(
    "/{id}/timeseries",
    summary="A cube's values of fields over time",
    response_class=Response,
    responses=timeseries.RESPONSES,
    openapi_extra=timeseries.BODY,
)
async def series_of_fields(request: Request, cube: Frozen, parameters: Shown) -> Response:
    """As `POST /timeseries`; what lies outside of the cube's area does not count."""
    return await timeseries.answer_body(request, *_measured(cube), parameters)


@router.get("/{id}/tilejson.json", summary="A cube's TileJSON", response_class=JSONResponse)
async def tilejson_of_cube(request: Request, cube: Frozen, delivery: Delivery) -> JSONResponse:
    """TileJSON of the cube's tiles and of its area; the query is passed on to the tiles."""
    return await _tilejson(request, cube, WEB_MERCATOR, TEMPLATE)


@router.get("/{id}/{tileMatrixSetId}/tilejson.json", summary="A cube's TileJSON of any grid")
async def any_tilejson_of_cube(
    request: Request, cube: Frozen, tms: TileMatrixSetId, delivery: Delivery
) -> JSONResponse:
    """The same for a grid of `/tileMatrixSets`."""
    return await _tilejson(request, cube, tms, f"/tiles/{quote(tms)}/{{z}}/{{x}}/{{y}}")


@router.get("/{id}/legend.json", summary="A cube's legend, for programs", response_class=JSONResponse)
async def legend_json(request: Request, cube: Frozen, parameters: Nothing) -> Response:
    """As `/legend.json`."""
    return await legends.answer(request, cube.image().style, "json")


@router.get("/{id}/legend.svg", summary="A cube's legend as SVG", response_class=Response)
async def legend_svg(request: Request, cube: Frozen, parameters: Nothing) -> Response:
    """As `/legend.svg`."""
    return await legends.answer(request, cube.image().style, "svg")


@router.get("/{id}/legend.png", summary="A cube's legend as PNG", response_class=Response)
async def legend_png(request: Request, cube: Frozen, size: Annotated[SizeParameters, Query()]) -> Response:
    """As `/legend.png`."""
    return await legends.answer(request, cube.image().style, "png", size.scale)


def _measured(cube: Cube) -> tuple[SeriesVariables, ImageRequest]:
    """What a series of a cube is of: its formula before it becomes a composite."""
    given = cube.definition.parameters
    formula = formula_from(given.get("index"), given.get("expression"), given.get("bands") or ())
    return formula, replace(cube.image().request, compare=None)


async def _pinned(engine: Engine, wanted: Wanted, image_request: ImageRequest) -> tuple[ImageRequest, Pinned]:
    """What is asked, of a certain time, and the scenes of it; of two periods half as many of each."""
    assert wanted.area is not None
    interval = image_request.interval or await engine.searches.default_interval(image_request.collection)
    intervals = [interval] if image_request.compare is None else [interval, image_request.compare.interval]
    most = max(1, engine.settings.cube_scenes // len(intervals))
    first, *second = await gather_all(
        pin(engine.searches, wanted.area, each, image_request.cloud_cover, image_request.collection, most)
        for each in intervals
    )
    return replace(image_request, interval=interval), replace(first, compared=second[0] if second else None)


async def _scenes(request: Request, cube: Cube, grid: Grid) -> GeoJSON:
    engine: Engine = request.app.state.engine
    image_request = cube.image().request

    async def find(report: Report) -> AsyncIterator[Observation]:
        scenes: list[Scene] = []
        for each in (
            (image_request,) if image_request.compare is None else periods(image_request, image_request.compare)
        ):
            told = Report()
            async for observation in observations(engine, grid, each, told):
                scenes += observation.scenes
            report.truncated |= told.truncated
        for observation in _together(scenes):
            yield observation

    return await places.listed(request, find)


def _together(scenes: Iterable[Scene]) -> list[Observation]:
    """The observations of all scenes, newest first; those of two periods once."""
    return SceneSet(scenes).touching((-180.0, -90.0, 180.0, 90.0))


async def _tilejson(request: Request, cube: Cube, tms: str, template: str) -> JSONResponse:
    return await tilejson.answer(request, tms, cube.image(), f"/cubes/{cube.id}{template}")


def _document(cube: Cube, base: str) -> dict[str, Any]:
    """What is told of a cube."""
    here = f"{base}/cubes/{cube.id}"
    listed = "/scenes" if cube.area else f"{TEMPLATE}/scenes"
    links = [
        {"rel": "self", "href": here, "type": "application/json"},
        {"rel": "tiles", "href": here + TEMPLATE, "type": "image/png", "templated": True},
        {"rel": "tilejson", "href": f"{here}/tilejson.json", "type": "application/json"},
        {"rel": "legend", "href": f"{here}/legend.png", "type": "image/png"},
        {"rel": "timeseries", "href": here + timeseries.ADDRESS, "type": "application/json", "templated": True},
        {"rel": "scenes", "href": here + listed, "type": "application/geo+json", "templated": listed != "/scenes"},
    ]
    document = {"id": cube.id, "definition": cube.definition.document, "links": links}
    if cube.pinned is None:
        return document
    first, *second = map(_kept, cube.pinned.periods)
    return document | first | ({"compared": second[0]} if second else {})


def _kept(pinned: Pinned) -> dict[str, Any]:
    """What is told of the scenes of a period."""
    kept = [
        {
            "id": scene.id,
            "datetime": rfc3339(scene.time),
            "mgrs_tile": scene.mgrs_tile,
            "cloud_cover": scene.cloud_cover,
        }
        for scene in pinned.scenes.scenes
    ]
    return {"scenes": kept, "truncated": pinned.truncated}
