"""`/docs` and `/redoc`: the API's description for people, with no file from elsewhere on the web."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from fastapi.responses import HTMLResponse

from scog.web.respond import with_etag
from scog.web.viewer import package_files

router = APIRouter(include_in_schema=False)

TITLE = "scog's API"
HEADERS = {
    "Cache-Control": "no-cache",
    "X-Content-Type-Options": "nosniff",
    # Both pages start by a script of their own; ReDoc searches in a worker, and styles by what it writes itself.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; connect-src 'self'; "
        "img-src 'self' data:; font-src 'self' data:; worker-src blob:; base-uri 'none'; form-action 'none'"
    ),
}
FILES = {"Cache-Control": "public, max-age=86400", "X-Content-Type-Options": "nosniff"}
ICON = "data:,"
"""None; without one, browsers ask for `/favicon.ico`."""


@router.get("/docs")
async def swagger() -> HTMLResponse:
    """Every route and parameter, to read and to try."""
    page = get_swagger_ui_html(
        openapi_url="openapi.json",
        title=TITLE,
        swagger_js_url="docs/files/swagger-ui-bundle.js",
        swagger_css_url="docs/files/swagger-ui.css",
        swagger_favicon_url=ICON,
    )
    return _page(page)


@router.get("/redoc")
async def redoc() -> HTMLResponse:
    """The same to read."""
    address = "docs/files/redoc.standalone.js"
    page = get_redoc_html(
        openapi_url="openapi.json", title=TITLE, redoc_js_url=address, redoc_favicon_url=ICON, with_google_fonts=False
    )
    return _page(page)


@router.get("/docs/files/{name}")
async def file(request: Request, name: str) -> Response:
    """A file of Swagger UI or ReDoc, which come from their package."""
    found = package_files("fastapi_offline", "static").get(name)
    if found is None:
        raise HTTPException(404)
    return with_etag(request, *found, FILES)


def _page(page: HTMLResponse) -> HTMLResponse:
    page.headers.update(HEADERS)
    return page
