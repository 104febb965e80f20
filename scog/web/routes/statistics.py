"""`POST /statistics`: what lies in polygons, told in numbers."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from scog.geo.geojson_text import parse_geojson
from scog.imaging.engine import Engine
from scog.imaging.options import StyledRequest
from scog.imaging.report import Report
from scog.products.areas.area_of_interest import AreasOfInterest, parse_fields
from scog.products.zonal.output import Found, document
from scog.products.zonal.summary import MOST_PERCENTILES, VALID_BINS, VALID_RANGE, Wanted, wanted_of
from scog.products.zonal.zonal import DEADLINE, Zonal, zonal
from scog.web.http.bodies import read_body
from scog.web.http.problems import PROBLEMS, REFUSALS
from scog.web.http.query_route import QueryRoute
from scog.web.http.responses import Admission, report_headers
from scog.web.params.image import Text, ValueParameters, no_doubles
from scog.web.routes.crops import with_body
from scog.web.routes.places import GeoJSON

router = APIRouter(tags=["statistics"], dependencies=[Depends(no_doubles)], responses=PROBLEMS, route_class=QueryRoute)

ADDRESS = "/statistics"
RESPONSES: dict[int | str, dict[str, Any]] = {413: REFUSALS["4XX"] | {"description": "The geometry is too long"}}
BODY = with_body("Feature", "FeatureCollection", "Polygon", "MultiPolygon", "GeometryCollection")


class NumberParameters(BaseModel):
    """Which numbers are told."""

    model_config = ConfigDict(extra="forbid")

    p: Annotated[list[float], Field(max_length=MOST_PERCENTILES)] = Field(
        [], description="Percentiles, 0 to 100, one or several. Default: 2 and 98."
    )
    histogram_bins: Annotated[str, Field(max_length=16_384)] | None = Field(
        None, description=f"{VALID_BINS[0].upper()}{VALID_BINS[1:]}. Default: 10."
    )
    histogram_range: Text | None = Field(
        None, description=f"Range of the bins: {VALID_RANGE}. Default: that of the values."
    )
    strict: bool = Field(False, description="Answer 502 rather than numbers from which scenes are missing.")

    def wanted(self) -> Wanted:
        """Which numbers are asked for. Raises InvalidInput."""
        return wanted_of(self.p, self.histogram_bins, self.histogram_range)


class StatisticsParameters(NumberParameters, ValueParameters):
    """Which values, and which numbers of them are told."""


Numbers = Annotated[NumberParameters, Query()]


@router.post(ADDRESS, summary="Statistics of polygons", response_class=GeoJSON, responses=RESPONSES, openapi_extra=BODY)
async def statistics(request: Request, parameters: Annotated[StatisticsParameters, Query()]) -> GeoJSON:
    """What a picture shows in polygons, told in numbers: on the pixels of the newest scene's files (those of overviews
    where there would be too many), each weighed by its share inside.

    The answer is what was sent, each feature with `statistics` among its properties, as TiTiler has them, and with
    `measured`: hectares on the ellipsoid, of all of it and of what is known; the hectares of each class of the scene
    classification or of `classes`; and what is missing.
    """
    return await answer(request, parameters.parse(), parameters)


async def answer(request: Request, image: StyledRequest, numbers: NumberParameters) -> GeoJSON:
    """The statistics of the polygons in the body as a response."""
    wanted, settings = numbers.wanted(), request.app.state.engine.settings
    body = await read_body(request, settings.field_bytes, "geometry")
    sent, fields = await asyncio.to_thread(_parsed, body, settings.fields, settings.field_corners)
    admission: Admission = request.app.state.statistics
    found, report = await admission.run(request, _found(request.app.state.engine, fields, image, wanted))
    if numbers.strict and report.partial:
        raise report.nothing_readable("Scenes are missing from these numbers")
    told = await asyncio.to_thread(document, fields, found, image.style, sent)
    return GeoJSON(told, headers=report_headers(report))


async def _found(
    engine: Engine, fields: AreasOfInterest, image: StyledRequest, wanted: Wanted
) -> tuple[list[Found], Report]:
    found = await zonal(engine, fields.fields, image, wanted)
    report = Report()
    for each in found:
        if isinstance(each, Zonal):
            report.include(each.report)
        elif each.reason == DEADLINE:
            report.incomplete = DEADLINE
    return found, report


def _parsed(body: bytes, most: int, corners: int) -> tuple[object, AreasOfInterest]:
    sent = parse_geojson(body)
    return sent, parse_fields(sent, most, corners, points=False)
