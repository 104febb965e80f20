"""`/tilejson.json`: what map clients ask for first."""

from __future__ import annotations

from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from scog.web.links import base_url
from scog.web.parameters import Picture, no_doubles
from scog.web.problems import REFUSALS

router = APIRouter(tags=["map clients"], dependencies=[Depends(no_doubles)], responses=REFUSALS)

MIN_ZOOM, MAX_ZOOM = 7, 16
ATTRIBUTION = "Contains modified Copernicus Sentinel data"
MADE_UP = "Made-up data of scog's demo"
WORLD = (-180.0, -85.0511, 180.0, 85.0511)


@router.get("/tilejson.json", summary="TileJSON 3.0 for map clients")
async def tilejson(request: Request, parameters: Picture) -> JSONResponse:
    """Where the tiles are, which zooms, and what they cover; the query is passed on to the tiles."""
    look = parameters.look()
    parameters.ask()
    engine = request.app.state.engine
    covered = await engine.searches.catalog.bounds()
    bounds = covered or WORLD
    middle = ((bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2, 12)
    query = urlencode(request.query_params.multi_items())
    body = {
        "tilejson": "3.0.0",
        "name": f"scog: {look.expression.text}",
        "tiles": [f"{base_url(request)}/tiles/{{z}}/{{x}}/{{y}}" + (f"?{query}" if query else "")],
        "scheme": "xyz",
        "minzoom": MIN_ZOOM,
        "maxzoom": MAX_ZOOM,
        "bounds": list(bounds),
        "center": list(middle if covered else engine.settings.home),
        "attribution": MADE_UP if request.app.state.made_up else ATTRIBUTION,
    }
    return JSONResponse(body, headers={"Cache-Control": "public, max-age=60", "Vary": "Host"})
