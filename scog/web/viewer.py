"""`/`: the map, for those who come with a browser."""

from __future__ import annotations

import json
import os
from html import escape
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

import scog
from scog.kept import Encoded, encoded
from scog.settings import Settings
from scog.web.respond import with_etag


ADDRESSES: dict[str, Any] = {
    "title": "scog",
    "version": scog.__version__,
    "tiles": "/tiles/{z}/{x}/{y}",
    "tilejson": "/tilejson.json",
    "scenes": "/scenes?bbox={west},{south},{east},{north}",
    "point": "/point/{lon},{lat}",
    "documentation": "/docs",
}
"""For programs that ask for `/`."""


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


def page_headers(basemap: str) -> dict[str, str]:
    """Headers of the page, which may load from nowhere but here, and pictures from the base map's host if one is set."""
    url = urlsplit(basemap)
    host = f" {url.scheme}://{url.netloc.replace('{s}', '*')}" if basemap else ""
    return {
        "Cache-Control": "no-cache",
        "Vary": "Accept",
        "X-Content-Type-Options": "nosniff",
        # Hosts of base maps want to know which site asks.
        "Referrer-Policy": "strict-origin-when-cross-origin",
        # Tiles are fetched and shown from memory (blob:); Leaflet's empty picture and the icon are data:.
        "Content-Security-Policy": (
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
            f"img-src 'self' blob: data:{host}; base-uri 'none'; form-action 'none'"
        ),
    }


def page(basemap: str, attribution: str) -> Encoded:
    """The page, which says which base map the server is set to have, and which modules it will ask for."""
    static = files("scog.web") / "static"
    modules = sorted(each.name for each in static.iterdir() if each.name.endswith(".js"))
    preloads = "\n  ".join(f'<link rel="modulepreload" href="static/{name}">' for name in modules)
    said = (
        f'<meta name="scog-basemap" content="{escape(basemap)}">\n'
        f'  <meta name="scog-basemap-attribution" content="{escape(attribution)}">'
    )
    text = (static / "index.html").read_text("utf-8")
    return encoded(text.replace("<!-- settings -->", said).replace("<!-- modules -->", preloads).encode())


def add_to(app: FastAPI, settings: Settings) -> None:
    """The page at `/` and the files it needs; Leaflet comes from its package, not from elsewhere on the web."""
    html, headers = page(settings.basemap, settings.basemap_attribution), page_headers(settings.basemap)

    async def landing(request: Request) -> Response:
        """The map for browsers, a list of addresses for programs."""
        if "text/html" in request.headers.get("accept", ""):
            return with_etag(request, html, "text/html", headers)
        return JSONResponse(ADDRESSES, headers={"Vary": "Accept"})

    app.add_api_route("/", landing, include_in_schema=False)
    app.mount("/static/leaflet", PackageFiles("xstatic.pkg.leaflet", "data"))
    app.mount("/static", PackageFiles("scog.web", "static"))
