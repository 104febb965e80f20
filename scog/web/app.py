"""The ASGI app: state, middleware and routes."""

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
from scog.web.http.compression import GzipMiddleware
from scog.web.http.lazy_router import LazyRouter
from scog.web.http.partial_responses import ResponseCache
from scog.web.http.request_limits import RequestLimits
from scog.web.http.response_headers import EXPOSED_HEADERS
from scog.web.http.responses import Admission, ClientDisconnected
from scog.web.routes import point, scenes, tiles
from scog.web.warm_up import warm_up

DESCRIPTION = (
    "Map tiles, composites, time series and statistics from COGs of Sentinel-2 and other satellites, on request. "
    "Errors are `application/problem+json` (RFC 9457)."
)


def create_app(settings: Settings) -> FastAPI:
    """The server's app. Its state is opened when the server starts, and closed when it stops."""
    lazy_routes = LazyRouter(_load_lazy_routes)
    app = _App(
        title="scog",
        version=scog.__version__,
        description=DESCRIPTION,
        lifespan=lambda app: _open_state(app, settings),
        docs_url=None,  # served by `routes.documentation`: FastAPI's own page loads files from other hosts
        redoc_url=None,
        redirect_slashes=False,  # redirects would contain the Host header, which is not trusted
    )
    app.add_middleware(GzipMiddleware)
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
    app.add_exception_handler(ClientDisconnected, _client_disconnected)
    app.add_api_route(
        "/healthz", healthz, tags=["operation"], summary="Health of the server", response_description="The server runs."
    )
    for module in (point, scenes, tiles):
        app.include_router(module.router)
    viewer.add_routes(app, settings)
    app.lazy_routes = app.router.default = lazy_routes
    return app


@asynccontextmanager
async def _open_state(app: FastAPI, settings: Settings) -> AsyncIterator[None]:
    """Open the app's state, and close it at the end of the block."""
    async with open_engine(settings) as engine, AsyncExitStack() as stack:
        app.state.engine = engine
        app.state.cubes = stack.enter_context(open_cubes(engine))
        app.state.series_state = SeriesState(engine)
        app.state.admission = Admission(settings.waiting)
        app.state.animations = Admission(settings.animations)
        app.state.crops = Admission(settings.crops)
        app.state.statistics = Admission(settings.statistics)
        app.state.series = Admission(settings.series)
        app.state.response_cache = ResponseCache(settings.response_cache_mb * 1_000_000)
        app.state.queries = ByteCache(tiles.QUERY_CACHE_BYTES)
        app.state.stac_searches = asyncio.Semaphore(stac.SEARCHES)
        app.state.demo_archives = frozenset(filter(viewer.is_demo_archive, engine.catalogs.folders))
        warm_up(engine.catalogs.first.profile(None))  # in the event loop's thread, which computes the index maps
        yield


class _App(FastAPI):
    """An app whose OpenAPI document includes the lazy routes."""

    lazy_routes: LazyRouter

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document. Loads the lazy routes."""
        if self.openapi_schema is None:
            documented = FastAPI(title=self.title, version=self.version, description=self.description)
            documented.router.routes = [*self.routes, *self.lazy_routes.router().routes]
            self.openapi_schema = documented.openapi()
        return self.openapi_schema


def _load_lazy_routes() -> APIRouter:
    """The lazy routes. Their imports take long, so they are made here rather than at the top of the module."""
    from scog.web.routes.on_demand import lazy_router

    router = lazy_router()
    gc.freeze()  # see main.py
    return router


async def healthz() -> JSONResponse:
    """Returns `{"status": "ok"}` while the event loop runs. Makes no upstream requests."""
    return JSONResponse({"status": "ok"}, headers={"Cache-Control": "no-store"})


async def _client_disconnected(request: Request, error: Exception) -> Response:
    """nginx's status for a closed connection. It is logged, but never received."""
    return Response(status_code=499)
