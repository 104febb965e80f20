"""`/`: the map, for those who come with a browser."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from starlette.staticfiles import StaticFiles

import scog
from scog.settings import Settings


def is_made_up(settings: Settings) -> bool:
    """Whether the archive says of itself that it is a demo."""
    if settings.catalog_folder is None:
        return False
    try:
        marker = json.loads((settings.catalog_folder / "archive.json").read_text())
    except (OSError, ValueError):
        return False
    return isinstance(marker, dict) and marker.get("generator") == "scog demo"


def add_to(app: FastAPI) -> None:
    """The page at `/` and the files it needs; Leaflet comes from its package, not from elsewhere on the web."""
    app.add_api_route("/", landing, include_in_schema=False)
    app.mount("/static/leaflet", StaticFiles(packages=[("xstatic.pkg.leaflet", "data")]))
    app.mount("/static", StaticFiles(packages=[("scog.web", "static")]))


async def landing(request: Request) -> Response:
    """The map for browsers, a list of addresses for programs."""
    if "text/html" in request.headers.get("accept", ""):
        return FileResponse(
            str(files("scog.web") / "static" / "index.html"), headers={"Cache-Control": "no-cache", "Vary": "Accept"}
        )
    body: dict[str, Any] = {
        "title": "scog",
        "version": scog.__version__,
        "tiles": "/tiles/{z}/{x}/{y}",
        "tilejson": "/tilejson.json",
        "scenes": "/scenes?bbox={west},{south},{east},{north}",
        "point": "/point/{lon},{lat}",
        "documentation": "/docs",
    }
    return JSONResponse(body, headers={"Vary": "Accept"})
