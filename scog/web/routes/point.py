"""`/point/{lon},{lat}`: the values at a point."""

from __future__ import annotations

import numpy as np
from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from scog.geo.grid import point_grid
from scog.imaging.draw import draw
from scog.imaging.report import Report
from scog.temporal.intervals import rfc3339
from scog.web.http.problems import PROBLEMS
from scog.web.http.query_route import QueryRoute
from scog.web.http.responses import report_headers
from scog.web.params.image import Latitude, Longitude, ValueQuery, parse_point, reject_repeated

router = APIRouter(
    tags=["points and scenes"], dependencies=[Depends(reject_repeated)], responses=PROBLEMS, route_class=QueryRoute
)


@router.get("/point/{lon},{lat}", summary="Values at a point", response_description="The values.")
async def point(request: Request, lon: Longitude, lat: Latitude, parameters: ValueQuery) -> JSONResponse:
    """Values at a point: of the newest observation, or of another composite. Invalid values are null.

    `scene`, `datetime` and `collection` are null if the values come from several scenes.
    """
    coordinates = parse_point(lon, lat)
    image_request, style = await parameters.parse(request)
    drawing = await request.app.state.admission.run(
        request, draw(request.app.state.engine, point_grid(*coordinates), image_request)
    )
    is_valid = bool(drawing.valid[0, 0])
    values = style.values(drawing.values, drawing.valid)
    report: Report = drawing.report
    is_mosaic = image_request.composite.painted and image_request.compare is None  # each pixel is of one scene
    scene = report.used[0] if report.used and is_mosaic else None
    body = {
        "coordinates": list(coordinates),
        "values": [float(value) if is_valid and np.isfinite(value) else None for value in values[:, 0, 0]],
        "band_names": list(style.outputs),
        "units": list(style.units),
        "datetime": rfc3339(scene.time) if scene else None,
        "scene": scene.id if scene else None,
        "collection": scene.collection if scene else None,
    }
    return JSONResponse(body, headers=report_headers(report))
