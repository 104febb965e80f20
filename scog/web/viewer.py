"""`/`: the map, for those who come with a browser."""

from __future__ import annotations

import json
from functools import lru_cache
from html import escape
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, Response

import scog
from scog.imaging.image_cache import EncodedImage, encoded
from scog.settings import Settings
from scog.web.http.responses import with_etag

ADDRESSES: dict[str, Any] = {
    "title": "scog",
    "version": scog.__version__,
    "tiles": "/tiles/{z}/{x}/{y}",
    "tilejson": "/tilejson.json",
    "scenes": "/scenes?bbox={west},{south},{east},{north}",
    "point": "/point/{lon},{lat}",
    "timeseries": "/timeseries/{lon},{lat}",
    "bbox": "/bbox/{minx},{miny},{maxx},{maxy}.{format}",
    "documentation": "/docs",
}
"""For programs that ask for `/`."""
FILE_HEADERS = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
MEDIA_TYPES = {
    "css": "text/css",
    "html": "text/html",
    "js": "text/javascript",
    "json": "application/json",
    "png": "image/png",
    "svg": "image/svg+xml",
}


@lru_cache(maxsize=8)
def package_files(package: str, folder: str) -> dict[str, tuple[EncodedImage, str]]:
    """The files of a folder of a package, by their path in it, with their media types.

    They are few and small, and a map opens with fifty of them: from memory each takes a tenth of the time.
    """
    found: dict[str, tuple[EncodedImage, str]] = {}
    waiting = [(files(package) / folder, "")]
    while waiting:
        place, path = waiting.pop()
        for each in place.iterdir():
            media_type = MEDIA_TYPES.get(each.name.rpartition(".")[2])
            if each.is_dir():
                waiting.append((each, f"{path}{each.name}/"))
            elif media_type and "-src" not in each.name:  # Leaflet's sources for those who develop it
                found[path + each.name] = (encoded(each.read_bytes()), media_type)
    return found


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
    """Headers of the page, which may load nothing from elsewhere but the base map's pictures, if one is set."""
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


def page(basemap: str, attribution: str) -> EncodedImage:
    """The page, which says which base map the server is set to have, and which modules it will ask for."""
    modules = sorted(path for path in package_files("scog.web", "static") if path.endswith(".js"))
    preloads = "\n  ".join(f'<link rel="modulepreload" href="static/{path}">' for path in modules)
    said = (
        f'<meta name="scog-basemap" content="{escape(basemap)}">\n'
        f'  <meta name="scog-basemap-attribution" content="{escape(attribution)}">'
    )
    text = (files("scog.web") / "static" / "index.html").read_text("utf-8")
    return encoded(text.replace("<!-- settings -->", said).replace("<!-- modules -->", preloads).encode())


def add_to(app: FastAPI, settings: Settings) -> None:
    """The page at `/` and the files it needs; Leaflet comes from its package, not from elsewhere on the web."""
    html, headers = page(settings.basemap, settings.basemap_attribution), page_headers(settings.basemap)

    async def landing(request: Request) -> Response:
        """The map for browsers, a list of addresses for programs."""
        if "text/html" in request.headers.get("accept", ""):
            return with_etag(request, html, "text/html", headers)
        return JSONResponse(ADDRESSES, headers={"Vary": "Accept"})

    kept = package_files("scog.web", "static") | {
        f"leaflet/{path}": file for path, file in package_files("xstatic.pkg.leaflet", "data").items()
    }

    async def static(request: Request, path: str) -> Response:
        """One of the page's files. Browsers ask each time whether it is still the same, as an upgrade changes it."""
        if path not in kept:
            raise HTTPException(404)
        body, media_type = kept[path]
        return with_etag(request, body, media_type, FILE_HEADERS)

    app.add_api_route("/", landing, include_in_schema=False)
    app.add_api_route("/static/{path:path}", static, include_in_schema=False)
