"""What map clients ask for first: `/tilejson.json`, where tiles are, and `/tileMatrixSets`, which grids there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal
from urllib.parse import quote, urlencode

import morecantile
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from scog.geo.bounds import boxes, lonlat_bounds
from scog.geo.footprint import Bounds
from scog.geo.grid import WEB_MERCATOR, tile_matrix_set, transformer, world_grid, zoom_like
from scog.imaging.options import StyledRequest
from scog.imaging.request import ImageRequest
from scog.render.style import Style
from scog.web.http.links import base_url
from scog.web.http.problems import REFUSALS
from scog.web.http.query_route import QueryRoute
from scog.web.params.image import Tile, TileMatrixSetId, no_doubles
from scog.web.tile_extent import covered_by

router = APIRouter(tags=["map clients"], dependencies=[Depends(no_doubles)], responses=REFUSALS, route_class=QueryRoute)

MIN_ZOOM, MAX_ZOOM = 7, 16
"""Zooms of web mercator that are shown where no file's pixels are known."""
HOME_ZOOM = 12
MADE_UP = "Made-up data of scog's demo"
TILING_SCHEME = "http://www.opengis.net/def/rel/ogc/1.0/tiling-scheme"
KEPT = {"Cache-Control": "public, max-age=3600", "Vary": "Host"}
LINKED_SHORTLY = {"Cache-Control": "public, max-age=60", "Vary": "Host"}


class ListParameters(BaseModel):
    """What OGC API Tiles allows clients to ask for."""

    model_config = ConfigDict(extra="forbid")

    f: Literal["json"] | None = Field(None, description="The only format there is.")


AsList = Annotated[ListParameters, Query()]


@router.get("/tilejson.json", summary="TileJSON 3.0 for map clients")
async def tilejson(request: Request, parameters: Tile) -> JSONResponse:
    """Where the tiles are, which zooms, and what they cover; the query is passed on to the tiles."""
    return await answer(request, WEB_MERCATOR, parameters.parse(), "/tiles/{z}/{x}/{y}")


@router.get("/{tileMatrixSetId}/tilejson.json", summary="TileJSON of any grid")
async def any_tilejson(request: Request, tms: TileMatrixSetId, parameters: Tile) -> JSONResponse:
    """The same for a grid of `/tileMatrixSets`, in its own zooms; TileJSON itself knows web mercator only."""
    return await answer(request, tms, parameters.parse(), f"/tiles/{quote(tms)}/{{z}}/{{x}}/{{y}}")


@router.get("/tileMatrixSets", summary="The grids there are")
async def tile_matrix_sets(request: Request, parameters: AsList) -> JSONResponse:
    """The tile matrix sets that tiles can be asked for in, as OGC API Tiles lists them."""
    base = base_url(request)
    return JSONResponse({"tileMatrixSets": [_listed(name, base) for name in morecantile.tms.list()]}, headers=KEPT)


@router.get("/tileMatrixSets/{tileMatrixSetId}", summary="A grid")
async def one_tile_matrix_set(tms: TileMatrixSetId, parameters: AsList) -> JSONResponse:
    """A tile matrix set: its CRS, and for each zoom its origin, pixels, columns and rows."""
    return JSONResponse(tile_matrix_set(tms).model_dump(mode="json", exclude_none=True), headers=KEPT)


async def answer(request: Request, tms: str, image: StyledRequest, template: str) -> JSONResponse:
    """TileJSON of tiles at a template, which cover the asked area, or what the asked collection does.

    The query is passed on to the tiles.
    """
    engine = request.app.state.engine
    shown = await extent_of(request, tms, image.request)
    bounds, zooms = shown.bounds, shown.zooms
    lon, lat, zoom = _middle(tms, bounds, None if image.request.area else engine.settings.home, zooms)
    query = urlencode(request.query_params.multi_items())
    body = {
        "tilejson": "3.0.0",
        "name": name_of(image.style),
        "tiles": [base_url(request) + template + (f"?{query}" if query else "")],
        "scheme": "xyz",
        "minzoom": zooms[0],
        "maxzoom": zooms[1],
        "bounds": list(bounds),
        "center": [lon, lat, zoom],
        "attribution": shown.attribution,
    }
    return JSONResponse(body, headers=LINKED_SHORTLY)


@dataclass(frozen=True)
class Shown:
    """What clients are told of a layer's tiles: bounds in degrees, first and last zoom, whose data it is."""

    bounds: Bounds
    zooms: tuple[int, int]
    attribution: str


async def extent_of(request: Request, tms: str, asked: ImageRequest) -> Shown:
    """What is known of a layer's tiles in a grid. Raises InvalidInput where there is no such collection."""
    found = await covered_by(request.app.state.engine, asked)
    covered = asked.area.bounds if asked.area else found.bounds
    zooms = found.zooms(tms) or (zoom_like(tms, MIN_ZOOM), zoom_like(tms, MAX_ZOOM))
    whose = MADE_UP if request.app.state.made_up else found.attribution
    return Shown(shown_bounds(tms, covered), zooms, whose)


def name_of(style: Style) -> str:
    """What a layer is called in lists of them."""
    return f"scog: {style.title}"


def shown_bounds(tms: str, covered: Bounds | None) -> Bounds:
    """What a grid shows of what is covered; all of it where that is nothing, or not known."""
    extent = _extent(tms)
    return _common(covered, extent) or extent


def _extent(tms: str) -> Bounds:
    """What a grid shows, in degrees; all longitudes where it goes over the antimeridian, which TileJSON's must not."""
    area = lonlat_bounds(world_grid(tms))
    assert area is not None, f"{tms} shows nothing"
    return area if len(boxes(area)) == 1 else (-180.0, area[1], 180.0, area[3])


def _common(covered: Bounds | None, extent: Bounds) -> Bounds | None:
    """What the archive covers and the grid shows; None where they have nothing in common, or nothing is known."""
    if covered is None:
        return None
    west, south = max(covered[0], extent[0]), max(covered[1], extent[1])
    east, north = min(covered[2], extent[2]), min(covered[3], extent[3])
    return (west, south, east, north) if west < east and south < north else None


def _middle(
    tms: str, bounds: Bounds, home: tuple[float, float, int] | None, zooms: tuple[int, int]
) -> tuple[float, float, int]:
    """Where a map opens, and at which of the grid's zooms: at home if it is there, in the middle else."""
    west, south, east, north = bounds
    first, last = zooms
    if home and west <= home[0] <= east and south <= home[1] <= north:
        return home[0], home[1], min(max(zoom_like(tms, home[2]), first), last)
    zoom = min(max(zoom_like(tms, HOME_ZOOM), first), last)
    if bounds != _extent(tms):
        return (west + east) / 2, (south + north) / 2, zoom
    world = world_grid(tms)
    lon, lat = transformer(world.crs, "EPSG:4326").transform(*world.centre)
    return lon, lat, zoom


def _listed(name: str, base: str) -> dict[str, Any]:
    """A grid's entry in the list."""
    tms = tile_matrix_set(name)
    link = {"href": f"{base}/tileMatrixSets/{name}", "rel": TILING_SCHEME, "type": "application/json"}
    known = tms.model_dump(mode="json", include={"id", "title", "uri", "crs"}, exclude_none=True)
    return known | {"links": [link]}
