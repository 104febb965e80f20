"""`/tilejson.json`: TileJSON of a layer. `/tileMatrixSets`: the supported tile matrix sets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal
from urllib.parse import quote, urlencode

import morecantile
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from scog.catalog.archive.archive import Archive
from scog.geo.antimeridian import split_bounds
from scog.geo.bounds import lonlat_bounds
from scog.geo.footprint import Bounds
from scog.geo.grid import WEB_MERCATOR, equivalent_zoom, tile_matrix_set, transformer, world_grid
from scog.imaging.options import StyledRequest
from scog.imaging.request import ImageRequest
from scog.render.style import Style
from scog.web.http.links import base_url
from scog.web.http.problems import REQUEST_PROBLEMS
from scog.web.http.query_route import QueryRoute
from scog.web.params.image import TileMatrixSetId, TileQuery, reject_repeated
from scog.web.tile_extent import read_tile_extent

router = APIRouter(
    tags=["map clients"], dependencies=[Depends(reject_repeated)], responses=REQUEST_PROBLEMS, route_class=QueryRoute
)

MIN_ZOOM, MAX_ZOOM = 7, 16
"""Minimum and maximum zoom of web mercator if the resolution of the files is unknown."""
HOME_ZOOM = 12
"""Initial zoom of web mercator if SCOG_HOME is not set or outside the bounds."""
DEMO_ATTRIBUTION = "Synthetic data of scog's demo"
TILING_SCHEME = "http://www.opengis.net/def/rel/ogc/1.0/tiling-scheme"
CACHE_HEADERS = {"Cache-Control": "public, max-age=3600", "Vary": "Host"}
SHORT_LINK_HEADERS = {"Cache-Control": "public, max-age=60", "Vary": "Host"}


class ListParameters(BaseModel):
    """Parameters that OGC API - Tiles defines for its lists."""

    model_config = ConfigDict(extra="forbid")

    f: Literal["json"] | None = Field(None, description="Response format: `json`, the only one.")


ListQuery = Annotated[ListParameters, Query()]


@router.get("/tilejson.json", summary="TileJSON", response_description="The TileJSON document.")
async def tilejson(request: Request, parameters: TileQuery) -> JSONResponse:
    """TileJSON 3.0: URL template, zooms, bounds and attribution. The query string is copied to the tiles' URL."""
    return await tilejson_response(request, WEB_MERCATOR, await parameters.parse(request), "/tiles/{z}/{x}/{y}")


@router.get(
    "/{tileMatrixSetId}/tilejson.json",
    summary="TileJSON for any tile matrix set",
    response_description="The TileJSON document.",
)
async def any_tilejson(request: Request, tms: TileMatrixSetId, parameters: TileQuery) -> JSONResponse:
    """As `/tilejson.json`, with the zooms of the tile matrix set. TileJSON itself specifies web mercator only."""
    return await tilejson_response(
        request, tms, await parameters.parse(request), f"/tiles/{quote(tms)}/{{z}}/{{x}}/{{y}}"
    )


@router.get("/tileMatrixSets", summary="Tile matrix sets", response_description="The tile matrix sets.")
async def tile_matrix_sets(request: Request, parameters: ListQuery) -> JSONResponse:
    """The supported tile matrix sets, in the format of OGC API - Tiles."""
    base = base_url(request)
    return JSONResponse(
        {"tileMatrixSets": [_list_entry(name, base) for name in morecantile.tms.list()]}, headers=CACHE_HEADERS
    )


@router.get("/tileMatrixSets/{tileMatrixSetId}", summary="A tile matrix set", response_description="The definition.")
async def one_tile_matrix_set(tms: TileMatrixSetId, parameters: ListQuery) -> JSONResponse:
    """The definition of a tile matrix set: its CRS, and origin, pixel size and matrix size at each zoom."""
    return JSONResponse(tile_matrix_set(tms).model_dump(mode="json", exclude_none=True), headers=CACHE_HEADERS)


async def tilejson_response(request: Request, tms: str, image: StyledRequest, template: str) -> JSONResponse:
    """TileJSON of the tiles at a path template. Bounds are those of the request's area, else of its collection.

    The query string is copied to the tiles' URL. Raises InvalidInput if the collection is unknown.
    """
    engine = request.app.state.engine
    extent = await layer_extent(request, tms, image.request)
    bounds, zooms = extent.bounds, extent.zooms
    lon, lat, zoom = _center(tms, bounds, None if image.request.area else engine.settings.home, zooms)
    query = urlencode(request.query_params.multi_items())
    body = {
        "tilejson": "3.0.0",
        "name": layer_name(image.style),
        "tiles": [base_url(request) + template + (f"?{query}" if query else "")],
        "scheme": "xyz",
        "minzoom": zooms[0],
        "maxzoom": zooms[1],
        "bounds": list(bounds),
        "center": [lon, lat, zoom],
        "attribution": extent.attribution,
    }
    return JSONResponse(body, headers=SHORT_LINK_HEADERS)


@dataclass(frozen=True)
class LayerExtent:
    """Extent of a layer in a tile matrix set: bounds in degrees, minimum and maximum zoom, attribution."""

    bounds: Bounds
    zooms: tuple[int, int]
    attribution: str


async def layer_extent(request: Request, tms: str, image_request: ImageRequest) -> LayerExtent:
    """The extent of a layer in a tile matrix set. Raises InvalidInput if the collection is unknown."""
    extent = await read_tile_extent(request.app.state.engine, image_request)
    bounds = image_request.area.bounds if image_request.area else extent.bounds
    zooms = extent.zooms(tms) or (equivalent_zoom(tms, MIN_ZOOM), equivalent_zoom(tms, MAX_ZOOM))
    member, _ = await request.app.state.engine.catalogs.of(image_request.collection)
    is_demo = isinstance(member.catalog, Archive) and member.catalog.folder in request.app.state.demo_archives
    attribution = DEMO_ATTRIBUTION if is_demo else extent.attribution
    return LayerExtent(bounds_in_grid(tms, bounds), zooms, attribution)


def layer_name(style: Style) -> str:
    """The name of a layer."""
    return f"scog: {style.title}"


def bounds_in_grid(tms: str, bounds: Bounds | None) -> Bounds:
    """Bounds clipped to a tile matrix set's; the tile matrix set's if `bounds` are unknown or outside of it."""
    tms_bounds = _tms_bounds(tms)
    return _intersection(bounds, tms_bounds) or tms_bounds


def _tms_bounds(tms: str) -> Bounds:
    """Bounds of a tile matrix set in degrees: all longitudes if it crosses the antimeridian.

    Bounds in TileJSON must not cross the antimeridian.
    """
    bounds = lonlat_bounds(world_grid(tms))
    assert bounds is not None, f"{tms} has no bounds"
    return bounds if len(split_bounds(bounds)) == 1 else (-180.0, bounds[1], 180.0, bounds[3])


def _intersection(bounds: Bounds | None, other: Bounds) -> Bounds | None:
    """The intersection of two bounds; None if it is empty or `bounds` is unknown."""
    if bounds is None:
        return None
    west, south = max(bounds[0], other[0]), max(bounds[1], other[1])
    east, north = min(bounds[2], other[2]), min(bounds[3], other[3])
    return (west, south, east, north) if west < east and south < north else None


def _center(
    tms: str, bounds: Bounds, home: tuple[float, float, int] | None, zooms: tuple[int, int]
) -> tuple[float, float, int]:
    """Initial longitude, latitude and zoom of a map: `home` if it is within the bounds, else the bounds' centre.

    The zoom of `home` is of web mercator, the returned zoom of the tile matrix set.
    """
    west, south, east, north = bounds
    min_zoom, max_zoom = zooms
    if home and west <= home[0] <= east and south <= home[1] <= north:
        return home[0], home[1], min(max(equivalent_zoom(tms, home[2]), min_zoom), max_zoom)
    zoom = min(max(equivalent_zoom(tms, HOME_ZOOM), min_zoom), max_zoom)
    if bounds != _tms_bounds(tms):
        return (west + east) / 2, (south + north) / 2, zoom
    world = world_grid(tms)
    lon, lat = transformer(world.crs, "EPSG:4326").transform(*world.centre)
    return lon, lat, zoom


def _list_entry(name: str, base: str) -> dict[str, Any]:
    """A tile matrix set's entry in the list."""
    tms = tile_matrix_set(name)
    link = {"href": f"{base}/tileMatrixSets/{name}", "rel": TILING_SCHEME, "type": "application/json"}
    members = tms.model_dump(mode="json", include={"id", "title", "uri", "crs"}, exclude_none=True)
    return members | {"links": [link]}
