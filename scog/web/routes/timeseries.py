"""`/timeseries/{lon},{lat}` and `POST /timeseries`: values over time, of a place or of fields."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from scog.composite.dilation import MAX_METRES
from scog.composite.mask import parse_mask
from scog.geo.geojson_text import parse_geojson
from scog.imaging.image_cache import encoded
from scog.imaging.report import Report
from scog.imaging.request import ImageRequest
from scog.products.areas.area_of_interest import VALID, AreasOfInterest, parse_fields, point
from scog.products.areas.sampling_grid import measurable
from scog.products.timeseries import output
from scog.products.timeseries.options import SeriesOptions, Table, table_of
from scog.products.timeseries.periods import Aggregate, check_periods
from scog.products.timeseries.plot import chart_of, check_lines
from scog.products.timeseries.series import Series, take
from scog.products.timeseries.smoothing import VALID as VALID_SMOOTH
from scog.products.timeseries.smoothing import parse_smooth
from scog.products.timeseries.state import SeriesState
from scog.products.timeseries.variables import SeriesVariables, formula_of
from scog.temporal.steps import VALID as VALID_STEP
from scog.temporal.steps import parse_step
from scog.web.http.bodies import read_body
from scog.web.http.events import MEDIA_TYPE, Events
from scog.web.http.partial_responses import PartRoute
from scog.web.http.problems import PROBLEMS, REFUSALS
from scog.web.http.responses import COMPLETE, IMMUTABLE, Admission, report_headers, with_etag
from scog.web.params.image import SceneParameters, Text, Texts, no_doubles, parse_place
from scog.web.routes.timeseries_events import Live

router = APIRouter(tags=["time series"], dependencies=[Depends(no_doubles)], responses=PROBLEMS, route_class=PartRoute)

ADDRESS = "/timeseries/{lon},{lat}"
MEDIA = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "sse": MEDIA_TYPE,
    "png": "image/png",
    "svg": "image/svg+xml",
}
"""Formats, in the order in which they are preferred where a client accepts several."""
RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"content": {media.partition(";")[0]: {} for media in MEDIA.values()}, "description": "The series."},
    304: {"description": "The client's copy is current."},
    413: REFUSALS["4XX"] | {"description": "The geometry is too long"},
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


class ShownParameters(BaseModel):
    """What becomes of the observations, and in which form they go out."""

    model_config = ConfigDict(extra="forbid")

    interval: Text | None = Field(
        None,
        description="Observations are taken together by steps of time, counted from the first day of `datetime`: "
        f"{VALID_STEP}. Default: each by itself.",
    )
    aggregate: Aggregate = Field(
        Aggregate.MEDIAN, description="How the observations of an interval become one, of fields their means."
    )
    smooth: Text | None = Field(
        None, description=f"A further column, a curve through the observations: {VALID_SMOOTH}."
    )
    min_valid: float = Field(
        0, ge=0, le=1, description="Share of a field that must be usable, or an observation has no values."
    )
    format: Literal["json", "csv", "sse", "png", "svg"] | None = Field(
        None, description="Default: as `Accept` says, else `json`. `sse` sends observations as they are read."
    )
    scale: Annotated[int, Field(ge=1, le=4)] = Field(1, description="How many times larger a PNG is drawn.")

    def options(self, formula: SeriesVariables, image_request: ImageRequest) -> SeriesOptions:
        """What is asked of a formula's observations. Raises InvalidInput."""
        step = None if self.interval is None else parse_step(self.interval, "interval")
        if step is not None:
            check_periods(image_request.interval, step)
        smooth = None if self.smooth is None else parse_smooth(self.smooth)
        return SeriesOptions(formula, step, self.aggregate, image_request.interval, smooth, self.min_valid)


class SeriesParameters(ShownParameters, SceneParameters):
    """Which values of which scenes, and what becomes of them."""

    datetime: Text | None = Field(
        None,
        description="A date, an RFC 3339 instant or an interval, `..` open. Default: the archive's newest 365 days.",
    )
    cloud_cover: float = Field(
        100,
        ge=0,
        le=100,
        description="Highest cloud cover of a scene, percent. Below cloudy skies a place may be clear, and clouds are "
        "masked pixel by pixel: so all by default.",
    )
    index: Text | None = Field(
        None, description="An index by name (`/indices`), `ndvi` by default; several with commas between; `scl`."
    )
    expression: Text | None = Field(
        None, description="A formula over bands, such as `(nir-red)/(nir+red)`; `;` between several."
    )
    bands: Texts = Field([], description="A preset such as `agriculture`, one band, or three.")
    assets: Texts = Field([], description="The same as `bands`, as TiTiler writes it.")
    mask: Text | None = Field(
        None, description="`clouds` (the default but for `scl`), `none`, or SCL classes to take out, such as `3,8,9`."
    )
    mask_dilate: float = Field(
        0, ge=0, le=MAX_METRES, description="Metres on the ground by which what is masked grows to all sides."
    )

    def formula(self) -> SeriesVariables:
        """The formula asked for. Raises InvalidInput."""
        return formula_from(self.index, self.expression, [*self.bands, *self.assets])

    def image_request(self, formula: SeriesVariables) -> ImageRequest:
        """Which scenes, and how they are masked. Raises InvalidInput."""
        mask = parse_mask(self.mask if self.mask is not None else formula.mask, self.mask_dilate)
        return ImageRequest(**vars(self.scene_filter()), expression=formula.expression, mask=mask)


Shown = Annotated[ShownParameters, Query()]
Wanted = Annotated[SeriesParameters, Query()]


def formula_from(index: str | None, expression: str | None, bands: Sequence[str]) -> SeriesVariables:
    """The formula of parameters as they are written. Raises InvalidInput."""
    return formula_of(index, expression, tuple(band.strip() for text in bands for band in text.split(",")))


@router.get(ADDRESS, summary="Values of a place over time", response_class=Response, responses=RESPONSES)
async def of_place(request: Request, lon: str, lat: str, parameters: Wanted) -> Response:
    """What each observation shows at a place in degrees, oldest first; null where it was masked or not seen."""
    formula = parameters.formula()
    return await answer_place(request, lon, lat, formula, parameters.image_request(formula), parameters)


@router.post(
    "/timeseries",
    summary="Values of fields over time",
    response_class=Response,
    responses=RESPONSES,
    openapi_extra=BODY,
)
async def of_fields(request: Request, parameters: Wanted) -> Response:
    """The means of each observation over polygons, with statistics that weigh each pixel by its share inside; or the
    values at points. A FeatureCollection is answered by one whose features have `timeseries` among their properties.
    """
    formula = parameters.formula()
    return await answer_body(request, formula, parameters.image_request(formula), parameters)


async def answer_place(
    request: Request, lon: str, lat: str, formula: SeriesVariables, image_request: ImageRequest, shown: ShownParameters
) -> Response:
    """The series of a place as a response."""
    place = point(*parse_place(lon, lat))
    return await _answer(
        request, AreasOfInterest((place,), collected=False), image_request, shown, shown.options(formula, image_request)
    )


async def answer_body(
    request: Request, formula: SeriesVariables, image_request: ImageRequest, shown: ShownParameters
) -> Response:
    """The series of the fields in the body as a response."""
    options = shown.options(formula, image_request)
    settings = request.app.state.engine.settings
    body = await read_body(request, settings.field_bytes, "geometry")
    fields = await asyncio.to_thread(
        lambda: measurable(
            parse_fields(parse_geojson(body), settings.fields, settings.field_corners),
            settings.field_pixels,
            image_request.area,
        )
    )
    return await _answer(request, fields, image_request, shown, options)


async def _answer(
    request: Request,
    fields: AreasOfInterest,
    image_request: ImageRequest,
    shown: ShownParameters,
    options: SeriesOptions,
) -> Response:
    form = shown.format or _accepted(request)
    if form in ("png", "svg"):
        check_lines(len(fields.fields), options)
    admission: Admission = request.app.state.series
    state: SeriesState = request.app.state.series_state
    if form == "sse":
        return Events(admission, Live(state, fields, image_request, options).run)
    made = await admission.run(request, _made(state, fields, image_request, options, form, shown.scale))
    headers = report_headers(made.report, COMPLETE if image_request.pinned is None else IMMUTABLE)
    headers["Vary"] = "Accept"
    if form == "csv":
        headers["Content-Disposition"] = f'attachment; filename="{_file_name(options)}.csv"'
    if form == "svg":
        headers["X-Content-Type-Options"] = "nosniff"
    if request.method == "GET":
        return with_etag(request, encoded(made.body), MEDIA[form], headers)
    return Response(made.body, media_type=MEDIA[form], headers=headers)


@dataclass(frozen=True)
class _Made:
    """An answer, and how it came to be."""

    body: bytes
    report: Report


async def _made(
    state: SeriesState,
    fields: AreasOfInterest,
    image_request: ImageRequest,
    options: SeriesOptions,
    form: str,
    scale: int,
) -> _Made:
    several = await take(state, fields.fields, options.formula, image_request)
    report = Report()
    for series in several:
        report.include(series.report)
    work = partial(_written, several, fields, options, form, scale)
    return _Made(await asyncio.get_running_loop().run_in_executor(state.engine.cpu, work), report)


def _written(
    several: Sequence[Series], fields: AreasOfInterest, options: SeriesOptions, form: str, scale: int
) -> bytes:
    """Series in one of the forms."""
    tables: list[Table] = [table_of(series.rows, options) for series in several]
    match form:
        case "csv":
            return output.table_text(several, tables, options, fields).encode()
        case "png":
            return chart_of(several, tables, options).png(scale)
        case "svg":
            return chart_of(several, tables, options).svg().encode()
    if fields.collected:
        told = output.collection(several, tables, options, fields.unusable)
    else:
        told = output.document(several[0], tables[0], options)
    return json.dumps(told, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _accepted(request: Request) -> str:
    """The form that a client accepts; JSON where it says nothing of the kind."""
    accepted = [part.split(";")[0].strip().lower() for part in request.headers.get("accept", "").split(",")]
    return next((form for form, media in MEDIA.items() if media.partition(";")[0] in accepted), "json")


def _file_name(options: SeriesOptions) -> str:
    """A name that every disk takes."""
    name = "-".join(options.formula.names).lower()
    return (
        "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name)[:60].strip("-") or "series"
    )
