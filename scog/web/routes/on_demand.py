"""The routes that a map does not need at once. Importing them takes a while: see `scog.web.http.lazy_router`."""

from __future__ import annotations

from fastapi import APIRouter

from scog.web.routes import (
    animations,
    collections,
    crops,
    cube_crops,
    cube_maps,
    cube_wmts,
    cubes,
    documentation,
    legends,
    listings,
    statistics,
    tilejson,
    timeseries,
    wmts,
)
from scog.web.stac import routes as stac


def lazy_router() -> APIRouter:
    """A router with all of these routes."""
    router = APIRouter(redirect_slashes=False)
    for module in (
        timeseries,
        crops,
        statistics,
        animations,
        cube_crops,
        cube_wmts,
        cubes,  # before cube_maps: a tile's scenes would match the path of a tile of any tile matrix set
        cube_maps,
        tilejson,
        wmts,
        legends,
        listings,
        collections,
        documentation,
        stac,
    ):
        router.include_router(module.router)
    return router
