"""The app: its state, its routes, and who may call it from a browser."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse

import scog
from scog.cubes.cubes import open_cubes
from scog.imaging.engine import open_engine
from scog.products.timeseries.state import SeriesState
from scog.runtime.byte_cache import ByteCache
from scog.settings import Settings
from scog.web import stac, viewer
from scog.web.http import problems
from scog.web.http.compression import Compressed
from scog.web.http.lazy_router import LazyRouter
from scog.web.http.partial_responses import Parts
from scog.web.http.request_limits import RequestLimits
from scog.web.http.response_headers import EXPOSED_HEADERS
from scog.web.http.responses import Admission, ClientGone
from scog.web.routes import places, tiles
from scog.web.warm_up import warm_up

DESCRIPTION = "Maps, indices and values from Sentinel-2 COGs that somebody else stores, computed while you look."


def create_app(settings: Settings) -> FastAPI:
    """The server's app. Its state is made when the server starts and let go of when it stops."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_engine(settings) as engine, AsyncExitStack() as stack:
            app.state.engine = engine
            app.state.cubes = stack.enter_context(open_cubes(engine))
            app.state.series_state = SeriesState(engine)
            app.state.admission = Admission(settings.waiting)
            app.state.animations = Admission(settings.animations)
            app.state.crops = Admission(settings.crops)
            app.state.statistics = Admission(settings.statistics)
            app.state.series = Admission(settings.series)
            app.state.parts = Parts(settings.response_cache_mb * 1_000_000)
            app.state.queries = ByteCache(tiles.KEPT_QUERIES)
            app.state.stac_searches = asyncio.Semaphore(stac.SEARCHES)
            app.state.made_up = viewer.is_made_up(settings)
            warm_up()  # on the event loop, which makes the maps from tiles to pixels
            yield

    later = LazyRouter(_others)
    app = _App(
        title="scog",
        version=scog.__version__,
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,  # see `documentation`: FastAPI's own loads its files from elsewhere
        redoc_url=None,
        redirect_slashes=False,  # it would redirect to whatever host the client claims to have asked
    )
    app.add_middleware(Compressed)
    app.add_middleware(RequestLimits)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=["*"],
        allow_methods=["GET", "HEAD", "POST"],
        allow_headers=["If-None-Match", "If-Range", "Range"],
        expose_headers=list(EXPOSED_HEADERS),
        max_age=86400,
    )
    problems.add_handlers(app)
    app.add_exception_handler(ClientGone, _nobody_reads)
    app.add_api_route("/healthz", healthz, tags=["operation"], summary="Whether the server runs")
    for module in (places, tiles):
        app.include_router(module.router)
    viewer.add_to(app, settings)
    app.later = app.router.default = later
    return app


class _App(FastAPI):
    """An app whose documentation tells of all routes, also of those that are not there yet."""

    later: LazyRouter

    def openapi(self) -> dict[str, Any]:
        """The API's description."""
        if self.openapi_schema is None:
            whole = FastAPI(title=self.title, version=self.version, description=self.description)
            whole.router.routes = [*self.routes, *self.later.router().routes]
            self.openapi_schema = whole.openapi()
        return self.openapi_schema


def _others() -> APIRouter:
    """Imports what the other routes need, which is why it is not done above."""
    from scog.web.routes.on_demand import routes_on_demand

    routes = routes_on_demand()
    gc.freeze()  # see main.py
    return routes


async def healthz() -> JSONResponse:
    """Answers as long as the event loop turns; asks nobody."""
    return JSONResponse({"status": "ok"}, headers={"Cache-Control": "no-store"})


async def _nobody_reads(request: Request, error: Exception) -> Response:
    return Response(status_code=499)
