"""`/cubes`: computations stored by id. Their URLs need no parameters."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.responses import JSONResponse

from scog.catalog.observation import Observation, SceneSet
from scog.catalog.scene import Scene
from scog.collections.profile import Profile
from scog.cubes.cubes import Cube, Cubes
from scog.errors import CatalogUnavailable, InvalidInput, OutOfRange
from scog.geo.grid import Grid, tile_grid
from scog.imaging.compare import split_periods
from scog.imaging.draw import ImageRequest
from scog.imaging.engine import Engine
from scog.imaging.image_cache import encoded_image
from scog.imaging.pinned import Pinned, pin
from scog.imaging.report import Report
from scog.imaging.select import observations
from scog.products.scene_list import box_grid, feature_collection
from scog.products.timeseries.variables import SeriesVariables
from scog.runtime.tasks import gather_all
from scog.suggest import quoted
from scog.temporal.intervals import rfc3339
from scog.web.http.bodies import read_body
from scog.web.http.links import base_url
from scog.web.http.partial_responses import RangeRoute
from scog.web.http.problems import PROBLEMS, REQUEST_PROBLEMS
from scog.web.http.responses import GeoJSONResponse, with_etag
from scog.web.params.cube import CubeRequest, body_schema, parse_cube_request
from scog.web.params.image import (
    Column,
    Latitude,
    Longitude,
    Row,
    Zoom,
    parse_tile_address,
    reject_repeated,
)
from scog.web.routes import legends, scenes, timeseries
from scog.web.routes.listings import LINK_HEADERS, NoQuery
from scog.web.routes.timeseries import SeriesOutputQuery, parse_variables

router = APIRouter(
    prefix="/cubes", tags=["cubes"], dependencies=[Depends(reject_repeated)], responses=PROBLEMS, route_class=RangeRoute
)

TEMPLATE = "/tiles/{z}/{x}/{y}"
CREATED: dict[int | str, dict[str, Any]] = {
    200: {"description": "An equal cube exists already."},
    201: {"description": "The cube is stored. `Location` has its URL."},
    413: REQUEST_PROBLEMS["4XX"] | {"description": "The definition is longer than the server accepts"},
}


async def _get_cube(
    request: Request, cube_id: Annotated[str, Path(alias="id", description="Id in the response to `POST /cubes`.")]
) -> Cube:
    """The cube of a path. Raises OutOfRange if there is none."""
    cubes: Cubes = request.app.state.cubes
    cube = await cubes.get(cube_id)
    if cube is None:
        message = (
            f"Unknown cube {quoted(cube_id)}. Cubes without recent requests may be deleted; post the definition again."
        )
        raise OutOfRange(message, parameter="id", valid="an id in the response to POST /cubes")
    return cube


CubeInPath = Annotated[Cube, Depends(_get_cube)]


@router.post("", status_code=201, summary="Create a cube", responses=CREATED, openapi_extra=body_schema())
async def create_cube(request: Request, parameters: NoQuery) -> Response:
    """Store a definition. The response has the URLs of its tiles, time series and scenes, which need no parameters.

    The definition is a JSON object with the parameters of a tile, an area (`bbox` or `area`), and `scenes`; all are
    optional. Pixels outside the area are transparent. Scenes are searched at each request if `live`. If `pinned`, they
    are searched once, now, within the area, so that images never change. Equal definitions have the same id, even if
    their JSON differs. Definitions with pinned scenes have the same id only if the scenes are equal too.
    """
    engine: Engine = request.app.state.engine
    body = await read_body(request, engine.settings.cube_bytes, "definition")
    loop = asyncio.get_running_loop()

    def profile_of(collection: str | None) -> Profile:  # called in the thread that parses
        return asyncio.run_coroutine_threadsafe(engine.profile(collection), loop).result()

    cube_request = await asyncio.to_thread(parse_cube_request, body, profile_of)
    image_request = cube_request.image.request
    image_request = replace(image_request, collection=await engine.catalogs.spelling(image_request.collection))
    pinned = None
    if cube_request.pinned:
        pinning = _pin_scenes(engine, cube_request, image_request)
        image_request, pinned = await request.app.state.admission.run(request, pinning)
    if image_request.profile.provisional:  # it would decide forever
        raise CatalogUnavailable(f"The cube cannot be created at present: {image_request.profile.provisional}.")
    definition = await asyncio.to_thread(cube_request.definition, image_request)
    cube, is_new, is_persistent = await request.app.state.cubes.add(definition, pinned)
    document = _document(cube, base_url(request))
    headers = {"Location": document["links"][0]["href"], "Cache-Control": "no-store"}
    if cube_request.area is not None and cube_request.area.repaired is not None:
        headers["X-Scog-Repaired"] = cube_request.area.repaired
    return JSONResponse(document | {"survives_restart": is_persistent}, 201 if is_new else 200, headers)


@router.get("/{id}", summary="A cube", response_description="The cube.")
async def one_cube(request: Request, cube: CubeInPath, parameters: NoQuery) -> Response:
    """The complete definition of a cube, its links, and its scenes if they are pinned."""
    body = bytes(JSONResponse(_document(cube, base_url(request))).body)
    return with_etag(request, encoded_image(body), "application/json", LINK_HEADERS)


@router.get(
    "/{id}/scenes", summary="Scenes of a cube", response_description="The scenes.", response_class=GeoJSONResponse
)
async def cube_scenes(request: Request, cube: CubeInPath, parameters: NoQuery) -> GeoJSONResponse:
    """The pinned scenes, or else those that intersect the area, newest first, as a GeoJSON FeatureCollection.

    If the cube compares two periods, the scenes are those of both.
    """
    if cube.pinned is not None:
        pinned = _merged(scene for period in cube.pinned.periods for scene in period.scenes.scenes)
        return GeoJSONResponse(feature_collection(pinned), headers=legends.CACHE_HEADERS)
    if cube.area is None:
        message = "The cube has no area, so its scenes cannot be listed."
        raise InvalidInput(message, parameter="id", valid="/cubes/{id}/tiles/{z}/{x}/{y}/scenes lists a tile's scenes")
    return await _scenes_response(request, cube, box_grid(cube.area.box))


@router.get(
    "/{id}/tiles/{z}/{x}/{y}/scenes",
    summary="Scenes of a cube's tile",
    response_description="The scenes.",
    response_class=GeoJSONResponse,
)
async def scenes_of_tile(
    request: Request, cube: CubeInPath, z: Zoom, x: Column, y: Row, parameters: NoQuery
) -> GeoJSONResponse:
    """The cube's scenes that intersect a WebMercatorQuad tile, newest first, as a GeoJSON FeatureCollection."""
    return await _scenes_response(request, cube, tile_grid(*parse_tile_address(z, x, y)))


@router.get(
    "/{id}" + timeseries.PATH,
    summary="Time series of a point of a cube",
    response_class=Response,
    responses=timeseries.RESPONSES,
)
async def point_series(
    request: Request, cube: CubeInPath, lon: Longitude, lat: Latitude, parameters: SeriesOutputQuery
) -> Response:
    """As `/timeseries/{lon},{lat}` with the cube's variables, mask, period and scenes.

    If the cube compares two periods, the series is of the first.
    """
    return await timeseries.point_series_response(request, lon, lat, *_series_request(cube), parameters)


@router.post(
    "/{id}/timeseries",
    summary="Time series of areas of a cube",
    response_class=Response,
    responses=timeseries.RESPONSES,
    openapi_extra=timeseries.BODY,
)
async def area_series(request: Request, cube: CubeInPath, parameters: SeriesOutputQuery) -> Response:
    """As `POST /timeseries` with the cube's variables, mask, period and scenes.

    Pixels outside the cube's area do not count.
    """
    return await timeseries.area_series_response(request, *_series_request(cube), parameters)


def _series_request(cube: Cube) -> tuple[SeriesVariables, ImageRequest]:
    """The variables of a cube's series, before compositing, and their image request."""
    parameters = cube.definition.parameters
    variables = parse_variables(
        cube.profile, parameters.get("index"), parameters.get("expression"), parameters.get("bands") or ()
    )
    return variables, replace(cube.styled_request().request, compare=None)


async def _pin_scenes(
    engine: Engine, cube_request: CubeRequest, image_request: ImageRequest
) -> tuple[ImageRequest, Pinned]:
    """The image request with its interval resolved, and its scenes. Two periods share SCOG_CUBE_SCENES."""
    assert cube_request.area is not None
    member, collection = await engine.catalogs.of(engine.catalogs.of_first(image_request.collection))
    interval = image_request.interval or await member.default_interval(collection)
    intervals = [interval] if image_request.compare is None else [interval, image_request.compare.interval]
    max_scenes = max(1, engine.settings.cube_scenes // len(intervals))
    first_period, *second_period = await gather_all(
        pin(
            member,
            cube_request.area,
            each,
            image_request.cloud_cover,
            collection,
            max_scenes,
            image_request.orbit,
        )
        for each in intervals
    )
    return replace(image_request, interval=interval), replace(
        first_period, compared=second_period[0] if second_period else None
    )


async def _scenes_response(request: Request, cube: Cube, grid: Grid) -> GeoJSONResponse:
    """The scenes of all periods of a cube that intersect a grid."""
    engine: Engine = request.app.state.engine
    image_request = cube.styled_request().request
    compare = image_request.compare
    requests = (image_request,) if compare is None else split_periods(image_request, compare)

    async def search(report: Report) -> AsyncIterator[Observation]:
        all_scenes: list[Scene] = []
        for each in requests:
            period_report = Report()
            async for observation in observations(engine, grid, each, period_report):
                all_scenes += observation.scenes
            report.truncated |= period_report.truncated
        for observation in _merged(all_scenes):
            yield observation

    return await scenes.scene_list_response(request, search)


def _merged(scenes: Iterable[Scene]) -> list[Observation]:
    """The observations of all scenes, newest first, without duplicates."""
    return SceneSet(scenes).touching((-180.0, -90.0, 180.0, 90.0))


def _document(cube: Cube, base: str) -> dict[str, Any]:
    """The JSON document of a cube: id, definition, links, and pinned scenes."""
    url = f"{base}/cubes/{cube.id}"
    scenes_path = "/scenes" if cube.area else f"{TEMPLATE}/scenes"
    links = [
        {"rel": "self", "href": url, "type": "application/json"},
        {"rel": "tiles", "href": url + TEMPLATE, "type": "image/png", "templated": True},
        {"rel": "tilejson", "href": f"{url}/tilejson.json", "type": "application/json"},
        {"rel": "legend", "href": f"{url}/legend.png", "type": "image/png"},
        {"rel": "timeseries", "href": url + timeseries.PATH, "type": "application/json", "templated": True},
        {
            "rel": "scenes",
            "href": url + scenes_path,
            "type": "application/geo+json",
            "templated": scenes_path != "/scenes",
        },
    ]
    document = {"id": cube.id, "definition": cube.document, "links": links}
    if cube.pinned is None:
        return document
    first_period, *second_period = map(_pinned_json, cube.pinned.periods)
    return document | first_period | ({"compared": second_period[0]} if second_period else {})


def _pinned_json(pinned: Pinned) -> dict[str, Any]:
    """The pinned scenes of a period."""
    entries = [
        {
            "id": scene.id,
            "datetime": rfc3339(scene.time),
            "mgrs_tile": scene.mgrs_tile,
            "cloud_cover": scene.cloud_cover,
        }
        for scene in pinned.scenes.scenes
    ]
    return {"scenes": entries, "truncated": pinned.truncated}
