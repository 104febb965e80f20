"""`/timeseries/{lon},{lat}` and `POST /timeseries`: time series of a point, or of areas."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from scog.collections.profile import Profile
from scog.collections.reflectance_offset import parse_offset
from scog.composite.dilation import MAX_METRES
from scog.composite.mask import parse_mask
from scog.geo.geojson_text import parse_geojson
from scog.imaging.engine import Engine
from scog.imaging.image_cache import encoded_image
from scog.imaging.report import Report
from scog.imaging.request import ImageRequest
from scog.products.areas.area_of_interest import VALID, AreasOfInterest, parse_areas, point
from scog.products.areas.sampling_grid import reject_oversized
from scog.products.timeseries import output
from scog.products.timeseries.options import SeriesOptions, Table, table_of
from scog.products.timeseries.periods import Aggregate, check_periods
from scog.products.timeseries.plot import chart_of, check_lines
from scog.products.timeseries.series import Series, sample_series
from scog.products.timeseries.smoothing import VALID as VALID_SMOOTH
from scog.products.timeseries.smoothing import parse_smooth
from scog.products.timeseries.state import SeriesState
from scog.products.timeseries.variables import SeriesVariables, variables_of
from scog.temporal.steps import VALID as VALID_STEP
from scog.temporal.steps import parse_step
from scog.web.http.bodies import read_body
from scog.web.http.events import MEDIA_TYPE, EventStream
from scog.web.http.partial_responses import RangeRoute
from scog.web.http.problems import PROBLEMS, REQUEST_PROBLEMS
from scog.web.http.responses import COMPLETE, IMMUTABLE, Admission, report_headers, with_etag
from scog.web.params.image import (
    MASK,
    OFFSET_DESCRIPTION,
    Latitude,
    Longitude,
    SceneParameters,
    Text,
    Texts,
    parse_point,
    reject_repeated,
)
from scog.web.routes.timeseries_events import SeriesEvents

router = APIRouter(
    tags=["time series"], dependencies=[Depends(reject_repeated)], responses=PROBLEMS, route_class=RangeRoute
)

PATH = "/timeseries/{lon},{lat}"
MEDIA_TYPES = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "sse": MEDIA_TYPE,
    "png": "image/png",
    "svg": "image/svg+xml",
}
"""Media types by format, in order of preference if a client accepts several."""
RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {media_type.partition(";")[0]: {} for media_type in MEDIA_TYPES.values()},
        "description": "The time series.",
    },
    304: {"description": "The client's copy is current."},
    413: REQUEST_PROBLEMS["4XX"] | {"description": "The geometry is longer than the server accepts"},
}
BODY = {
    "requestBody": {
        "required": True,
        "description": f"{VALID[0].upper()}{VALID[1:]}.",
        "content": {
            "application/geo+json": {
                "schema": {"type": "object", "required": ["type"], "properties": {"type": {"type": "string"}}},
                "example": {
                    "type": "Polygon",
                    "coordinates": [[[11.3, 46.5], [11.31, 46.5], [11.31, 46.51], [11.3, 46.51], [11.3, 46.5]]],
                },
            }
        },
    }
}


class SeriesOutputParameters(BaseModel):
    """Parameters of aggregation, smoothing and format."""

    model_config = ConfigDict(extra="forbid")

    interval: Text | None = Field(
        None,
        description="Interval over which observations are aggregated, counted from the first day of `datetime`: "
        f"{VALID_STEP}. Default: no aggregation.",
    )
    aggregate: Aggregate = Field(
        Aggregate.MEDIAN,
        description="Reducer of the observations of an interval; for areas, of the observations' means.",
    )
    smooth: Text | None = Field(
        None, description=f"Add a column with a smooth curve through the observations: {VALID_SMOOTH}."
    )
    min_valid: float = Field(
        0,
        ge=0,
        le=1,
        description="Minimum fraction of valid pixels of an area. Observations below it have null values.",
    )
    format: Literal["json", "csv", "sse", "png", "svg"] | None = Field(
        None,
        description="Response format. Default: from the `Accept` header, else `json`. `sse` sends each observation as "
        "a server-sent event once it is read.",
    )
    scale: Annotated[int, Field(ge=1, le=4)] = Field(1, description="Scale factor of a PNG.")

    def options(self, variables: SeriesVariables, image_request: ImageRequest) -> SeriesOptions:
        """The options of a series of these variables. Raises InvalidInput."""
        step = None if self.interval is None else parse_step(self.interval, "interval")
        if step is not None:
            check_periods(image_request.interval, step)
        smooth = None if self.smooth is None else parse_smooth(self.smooth)
        return SeriesOptions(variables, step, self.aggregate, image_request.interval, smooth, self.min_valid)


class SeriesParameters(SeriesOutputParameters, SceneParameters):
    """Parameters of a time series: scenes, variables, aggregation and format."""

    datetime: Text | None = Field(
        None,
        description="A date, an RFC 3339 date-time, or an interval of two, with `..` for an open end. "
        "Default: the last 365 days; for a local archive, those up to its newest scene.",
    )
    cloud_cover: float = Field(
        100,
        ge=0,
        le=100,
        description="Maximum cloud cover of a scene, in percent. The default includes all scenes: an area may be clear "
        "in a cloudy scene, and clouds are masked pixel by pixel.",
    )
    index: Text | None = Field(
        None,
        description="Names of spectral indices (see `/indices`) or quantities, separated by commas; or a band with "
        "classes, such as `scl`. Default: the collection's.",
    )
    expression: Text | None = Field(
        None, description="Expressions over bands, separated by `;`, such as `(nir-red)/(nir+red)`."
    )
    bands: Texts = Field([], description="A preset such as `agriculture`, one band, or three bands.")
    assets: Texts = Field([], description="TiTiler's name for `bands`.")
    mask: Text | None = Field(None, description=MASK)
    mask_dilate: float = Field(0, ge=0, le=MAX_METRES, description="Mask dilation, in metres on the ground.")
    offset: Text | None = Field(None, description=OFFSET_DESCRIPTION)

    async def parse(self, request: Request) -> tuple[SeriesVariables, ImageRequest]:
        """The variables of the series, and their image request: scenes, expression and mask. Raises InvalidInput."""
        engine: Engine = request.app.state.engine
        profile = await engine.profile(self.collection)
        variables = parse_variables(profile, self.index, self.expression, [*self.bands, *self.assets])
        image_request = ImageRequest(
            **vars(self.scene_filter()),
            expression=variables.expression,
            mask=parse_mask(self.mask if self.mask is not None else variables.mask, self.mask_dilate, profile),
            profile=profile,
            offset=None if self.offset is None else parse_offset(self.offset),
        )
        return variables, image_request


SeriesOutputQuery = Annotated[SeriesOutputParameters, Query()]
SeriesQuery = Annotated[SeriesParameters, Query()]


def parse_variables(
    profile: Profile, index: str | None, expression: str | None, bands: Sequence[str]
) -> SeriesVariables:
    """The variables of a series. `bands` may have several names in one string, separated by commas.

    Raises InvalidInput.
    """
    return variables_of(profile, index, expression, tuple(band.strip() for text in bands for band in text.split(",")))


@router.get(PATH, summary="Time series of a point", response_class=Response, responses=RESPONSES)
async def point_series(request: Request, lon: Longitude, lat: Latitude, parameters: SeriesQuery) -> Response:
    """The values of each observation at a point, oldest first. Masked and missing values are null."""
    variables, image_request = await parameters.parse(request)
    return await point_series_response(request, lon, lat, variables, image_request, parameters)


@router.post(
    "/timeseries",
    summary="Time series of areas",
    response_class=Response,
    responses=RESPONSES,
    openapi_extra=BODY,
)
async def area_series(request: Request, parameters: SeriesQuery) -> Response:
    """The zonal statistics of each observation over polygons, each pixel weighted by its coverage; for points, values.

    The response to a FeatureCollection is one with the property `timeseries` added to each feature.
    """
    return await area_series_response(request, *await parameters.parse(request), parameters)


async def point_series_response(
    request: Request,
    lon: str,
    lat: str,
    variables: SeriesVariables,
    image_request: ImageRequest,
    parameters: SeriesOutputParameters,
) -> Response:
    """The series of a point in degrees as a response."""
    areas = AreasOfInterest((point(*parse_point(lon, lat)),), is_collection=False)
    return await _respond(request, areas, image_request, parameters, parameters.options(variables, image_request))


async def area_series_response(
    request: Request, variables: SeriesVariables, image_request: ImageRequest, parameters: SeriesOutputParameters
) -> Response:
    """The series of the areas in the body as a response."""
    options = parameters.options(variables, image_request)
    settings = request.app.state.engine.settings
    body = await read_body(request, settings.area_bytes, "geometry")
    areas = await asyncio.to_thread(
        lambda: reject_oversized(
            parse_areas(parse_geojson(body), settings.areas, settings.area_vertices),
            settings.area_pixels,
            image_request.area,
        )
    )
    return await _respond(request, areas, image_request, parameters, options)


async def _respond(
    request: Request,
    areas: AreasOfInterest,
    image_request: ImageRequest,
    parameters: SeriesOutputParameters,
    options: SeriesOptions,
) -> Response:
    format_name = parameters.format or _accepted_format(request)
    if format_name in ("png", "svg"):
        check_lines(len(areas.areas), options)
    admission: Admission = request.app.state.series
    state: SeriesState = request.app.state.series_state
    if format_name == "sse":
        return EventStream(admission, SeriesEvents(state, areas, image_request, options).run)
    encoding = _encoded_series(state, areas, image_request, options, format_name, parameters.scale)
    body, report = await admission.run(request, encoding)
    headers = report_headers(report, COMPLETE if image_request.pinned is None else IMMUTABLE)
    headers["Vary"] = "Accept"
    if format_name == "csv":
        headers["Content-Disposition"] = f'attachment; filename="{_file_name(options)}.csv"'
    if format_name == "svg":
        headers["X-Content-Type-Options"] = "nosniff"
    if request.method == "GET":
        return with_etag(request, encoded_image(body), MEDIA_TYPES[format_name], headers)
    return Response(body, media_type=MEDIA_TYPES[format_name], headers=headers)


async def _encoded_series(
    state: SeriesState,
    areas: AreasOfInterest,
    image_request: ImageRequest,
    options: SeriesOptions,
    format_name: str,
    scale: int,
) -> tuple[bytes, Report]:
    """The series of all areas in a format, and the report of all of them."""
    all_series = await sample_series(state, areas.areas, options.variables, image_request)
    report = Report()
    for series in all_series:
        report.include(series.report)
    encode = partial(_encode, all_series, areas, options, format_name, scale)
    return await asyncio.get_running_loop().run_in_executor(state.engine.cpu, encode), report


def _encode(
    all_series: Sequence[Series], areas: AreasOfInterest, options: SeriesOptions, format_name: str, scale: int
) -> bytes:
    """Series in a format other than `sse`."""
    tables: list[Table] = [table_of(series.rows, options) for series in all_series]
    match format_name:
        case "csv":
            return output.table_text(all_series, tables, options, areas).encode()
        case "png":
            return chart_of(all_series, tables, options).png(scale)
        case "svg":
            return chart_of(all_series, tables, options).svg().encode()
    if areas.is_collection:
        document = output.collection(all_series, tables, options, areas.unusable)
    else:
        document = output.document(all_series[0], tables[0], options)
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _accepted_format(request: Request) -> str:
    """The preferred format among those in the `Accept` header; `json` if there is none."""
    accepted = [part.split(";")[0].strip().lower() for part in request.headers.get("accept", "").split(",")]
    return next((name for name, media_type in MEDIA_TYPES.items() if media_type.partition(";")[0] in accepted), "json")


def _file_name(options: SeriesOptions) -> str:
    """A file name from the variables' names, of ASCII letters, digits and hyphens."""
    name = "-".join(options.variables.names).lower()
    safe = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name)
    return safe[:60].strip("-") or "series"
