"""`POST /statistics`: zonal statistics of polygons."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from scog.geo.geojson_text import parse_geojson
from scog.imaging.engine import Engine
from scog.imaging.options import StyledRequest
from scog.imaging.report import Report
from scog.products.areas.area_of_interest import AreasOfInterest, parse_areas
from scog.products.zonal.output import ZonalResult, document
from scog.products.zonal.summary import (
    MOST_PERCENTILES,
    VALID_BINS,
    VALID_RANGE,
    StatisticsOptions,
    parse_statistics_options,
)
from scog.products.zonal.zonal import DEADLINE, Zonal, zonal
from scog.web.http.bodies import read_body
from scog.web.http.problems import PROBLEMS, REQUEST_PROBLEMS
from scog.web.http.query_route import QueryRoute
from scog.web.http.responses import Admission, GeoJSONResponse, report_headers
from scog.web.params.image import Text, ValueParameters, reject_repeated
from scog.web.routes.crops import geojson_body

router = APIRouter(
    tags=["statistics"], dependencies=[Depends(reject_repeated)], responses=PROBLEMS, route_class=QueryRoute
)

PATH = "/statistics"
RESPONSES: dict[int | str, dict[str, Any]] = {
    413: REQUEST_PROBLEMS["4XX"] | {"description": "The geometry is longer than the server accepts"}
}
BODY = geojson_body("Feature", "FeatureCollection", "Polygon", "MultiPolygon", "GeometryCollection")


class SummaryParameters(BaseModel):
    """Parameters that select statistics."""

    model_config = ConfigDict(extra="forbid")

    p: Annotated[list[float], Field(max_length=MOST_PERCENTILES)] = Field(
        [], description="Percentiles, from 0 to 100; repeatable. Default: 2 and 98."
    )
    histogram_bins: Annotated[str, Field(max_length=16_384)] | None = Field(
        None, description=f"Bins of the histogram: {VALID_BINS}. Default: 10."
    )
    histogram_range: Text | None = Field(
        None, description=f"Range of the histogram: {VALID_RANGE}. Default: minimum and maximum of the values."
    )
    strict: bool = Field(False, description="Respond with 502 if scenes are missing from the statistics.")

    def statistics_options(self) -> StatisticsOptions:
        """The requested percentiles and histogram. Raises InvalidInput."""
        return parse_statistics_options(self.p, self.histogram_bins, self.histogram_range)


class StatisticsParameters(SummaryParameters, ValueParameters):
    """Parameters of the values, and of their statistics."""


SummaryQuery = Annotated[SummaryParameters, Query()]


@router.post(
    PATH,
    summary="Statistics of polygons",
    response_description="The GeoJSON of the request, with statistics.",
    response_class=GeoJSONResponse,
    responses=RESPONSES,
    openapi_extra=BODY,
)
async def statistics(request: Request, parameters: Annotated[StatisticsParameters, Query()]) -> GeoJSONResponse:
    """Zonal statistics of an image, each pixel weighted by its coverage.

    Pixels are those of the newest scene's files, or of an overview if there would be too many. The response is the
    request's GeoJSON with two more properties for each feature: `statistics`, as in TiTiler, and `measured`. `measured`
    has areas in hectares on the ellipsoid (total, valid, and of each class of `scl` or `classes`), the grid, and scenes
    that could not be read.
    """
    return await statistics_response(request, await parameters.parse(request), parameters)


async def statistics_response(request: Request, image: StyledRequest, parameters: SummaryParameters) -> GeoJSONResponse:
    """The statistics of the polygons in the body.

    Raises TooLong, InvalidInput, the errors of `zonal`, and NothingReadable if `strict` is set and scenes are missing.
    """
    options, settings = parameters.statistics_options(), request.app.state.engine.settings
    body = await read_body(request, settings.area_bytes, "geometry")
    geojson, areas = await asyncio.to_thread(_parse_body, body, settings.areas, settings.area_vertices)
    admission: Admission = request.app.state.statistics
    results, report = await admission.run(request, _compute(request.app.state.engine, areas, image, options))
    if parameters.strict and report.partial:
        raise report.nothing_readable("Scenes are missing from these statistics")
    result = await asyncio.to_thread(document, areas, results, image.style, geojson)
    return GeoJSONResponse(result, headers=report_headers(report))


async def _compute(
    engine: Engine, areas: AreasOfInterest, image: StyledRequest, options: StatisticsOptions
) -> tuple[list[ZonalResult], Report]:
    """The statistics of each area, and one report of all areas."""
    results = await zonal(engine, areas.areas, image, options)
    report = Report()
    for result in results:
        if isinstance(result, Zonal):
            report.include(result.report)
        elif result.reason == DEADLINE:
            report.incomplete = DEADLINE
    return results, report


def _parse_body(body: bytes, max_areas: int, max_vertices: int) -> tuple[object, AreasOfInterest]:
    """The GeoJSON of a body, and its areas. Raises InvalidInput."""
    geojson = parse_geojson(body)
    return geojson, parse_areas(geojson, max_areas, max_vertices, points=False)
