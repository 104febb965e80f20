"""`/docs`: the API's description for people, with no file from elsewhere on the web."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, RedirectResponse

from scog.web.http.responses import with_etag
from scog.web.viewer import package_files

router = APIRouter(include_in_schema=False)

TITLE = "scog's API"
HEADERS = {
    "Cache-Control": "no-cache",
    "X-Content-Type-Options": "nosniff",
    # The page starts by a script of its own, and Swagger UI styles by what it writes itself.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; connect-src 'self'; "
        "img-src 'self' data:; base-uri 'none'; form-action 'none'"
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
    page.headers.update(HEADERS)
    return page


@router.get("/redoc")
async def redoc() -> RedirectResponse:
    """Where FastAPI has another view of the same, which loads its logo from elsewhere."""
    return RedirectResponse("docs")


@router.get("/docs/files/{name}")
async def file(request: Request, name: str) -> Response:
    """A file of Swagger UI, which comes from a package."""
    found = package_files("fastapi_offline", "static").get(name)
    if found is None:
        raise HTTPException(404)
    return with_etag(request, *found, FILES)
