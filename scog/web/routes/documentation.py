"""`/docs`: Swagger UI, with all files served from here."""

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
    # The page has an inline script, and Swagger UI writes inline styles.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; connect-src 'self'; "
        "img-src 'self' data:; base-uri 'none'; form-action 'none'"
    ),
}
FILE_HEADERS = {"Cache-Control": "public, max-age=86400", "X-Content-Type-Options": "nosniff"}
ICON = "data:,"
"""An empty icon. Without one, browsers request `/favicon.ico`."""


@router.get("/docs")
async def swagger() -> HTMLResponse:
    """Swagger UI."""
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
    """Redirect to `/docs`. ReDoc, which FastAPI serves at this path, loads its logo from another host."""
    return RedirectResponse("docs")


@router.get("/docs/files/{name}")
async def file(request: Request, name: str) -> Response:
    """A file of Swagger UI, from the package fastapi_offline."""
    file_and_type = package_files("fastapi_offline", "static").get(name)
    if file_and_type is None:
        raise HTTPException(404)
    return with_etag(request, *file_and_type, FILE_HEADERS)
