"""`/`: the map, for those who come with a browser."""

from __future__ import annotations

import json
import os
from importlib.resources import files
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

import scog
from scog.settings import Settings

PAGE_HEADERS = {
    "Cache-Control": "no-cache",
    "Vary": "Accept",
    "X-Content-Type-Options": "nosniff",
    # OpenStreetMap's tile policy wants to know which site asks.
    "Referrer-Policy": "strict-origin-when-cross-origin",
    # Tiles are fetched and shown from memory (blob:); Leaflet's empty picture and the icon are data:.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self' blob: data: https://tile.openstreetmap.org; "
        "base-uri 'none'; form-action 'none'"
    ),
}


class PackageFiles(StaticFiles):
    """A folder of a package. Browsers ask each time whether a file is still the same, as an upgrade changes it."""

    def __init__(self, package: str, folder: str) -> None:
        super().__init__(packages=[(package, folder)])

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """The file, or 304 to those who have it."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["Cache-Control"] = "no-cache"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


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
    app.mount("/static/leaflet", PackageFiles("xstatic.pkg.leaflet", "data"))
    app.mount("/static", PackageFiles("scog.web", "static"))


async def landing(request: Request) -> Response:
    """The map for browsers, a list of addresses for programs."""
    if "text/html" in request.headers.get("accept", ""):
        return FileResponse(str(files("scog.web") / "static" / "index.html"), headers=PAGE_HEADERS)
    body: dict[str, Any] = {
        "title": "scog",
        "version": scog.__version__,
        "tiles": "/tiles/{z}/{x}/{y}",
        "tilejson": "/tilejson.json",
        "scenes": "/scenes?bbox={west},{south},{east},{north}",
        "point": "/point/{lon},{lat}",
        "timeseries": "/timeseries/{lon},{lat}",
        "documentation": "/docs",
    }
    return JSONResponse(body, headers={"Vary": "Accept"})
