"""The routes beside those that a map needs at once. To import this takes a while: see `scog.web.later`."""

from __future__ import annotations

from fastapi import APIRouter

from scog.web import (
    animations,
    clients,
    cube_cuts,
    cube_wmts,
    cubes,
    cuts,
    documentation,
    legends,
    offers,
    statistics,
    timeseries,
    wmts,
)
from scog.web.stac import routes as stac


def other_routes() -> APIRouter:
    """All of them."""
    router = APIRouter(redirect_slashes=False)
    for module in (
        timeseries,
        cuts,
        statistics,
        animations,
        cube_cuts,
        cube_wmts,
        cubes,
        clients,
        wmts,
        legends,
        offers,
        documentation,
        stac,
    ):
        router.include_router(module.router)
    return router
