"""`/animation/{minx},{miny},{maxx},{maxy}`, with `.gif` or `.webp` behind it: time lapses of a box."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from scog.geo.bbox import map_box
from scog.geo.footprint import Bounds
from scog.geo.grid import Grid, map_grid
from scog.imaging.image_cache import EncodedImage, encoded
from scog.imaging.options import ImageOptions, StyledRequest
from scog.imaging.report import Report
from scog.products.animation import MIN_CLEAR, animate
from scog.products.animation_formats import (
    DEFAULT_DURATION,
    DEFAULT_SIZE,
    FORMATS,
    SIZE,
    Format,
    duration_of,
    encode,
    format_of,
)
from scog.temporal.steps import VALID, Step, parse_step
from scog.web.http.image_response import format_asked, without_format
from scog.web.http.partial_responses import PartRoute
from scog.web.http.problems import PROBLEMS
from scog.web.http.responses import COMPLETE, IMMUTABLE, Admission, report_headers, with_etag
from scog.web.params.image import PictureParameters, Text, no_doubles

router = APIRouter(tags=["animations"], dependencies=[Depends(no_doubles)], responses=PROBLEMS, route_class=PartRoute)

ADDRESS = "/animation/{minx},{miny},{maxx},{maxy}"
RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"content": {each.media_type: {} for each in FORMATS}, "description": "The animation; it goes on for ever."},
    304: {"description": "The client's copy is current."},
}
"""For the documentation of routes that answer with an animation."""


class FrameParameters(BaseModel):
    """Which frames, and how they are shown."""

    model_config = ConfigDict(extra="forbid")

    step: Text | None = Field(
        None,
        description="One frame for each part of the time range, the composite of its observations, counted from the "
        f"range's first day: {VALID}. Default: a frame for each day (UTC) with an observation.",
    )
    min_clear: float = Field(
        MIN_CLEAR,
        ge=0,
        le=1,
        description="Share of a frame's pixels that must be known; frames with fewer are skipped.",
    )
    fps: float | None = Field(None, description="Frames a second, 0.1 to 50.")
    duration: int | None = Field(
        None, description=f"Milliseconds a frame, instead of `fps`: 20 to 10000. Default: {DEFAULT_DURATION}."
    )
    size: Annotated[int, Field(ge=SIZE[0], le=SIZE[1])] = Field(DEFAULT_SIZE, description="Pixels of the longer side.")
    format: Text | None = Field(
        None,
        description="As behind the address. Default: `gif`. "
        + " ".join(f"`{each.name}`: {each.description}." for each in FORMATS),
    )
    label: Literal["date", "none"] = Field(
        "date", description="What is written on each frame: its day, or the first and the last day of its step; `none`."
    )

    def step_of_time(self) -> Step | None:
        """The step asked for, if any. Raises InvalidInput."""
        return None if self.step is None else parse_step(self.step)


class AnimationParameters(FrameParameters, PictureParameters):
    """Which values, how they look, and which frames."""

    def options(self) -> ImageOptions:
        """The same as text; each frame is made of a step's observations only. Raises InvalidInput."""
        step = self.step_of_time()
        return replace(super().options(), days=1.0 if step is None else step.days)


class Place:
    """Which box, and which format if one stands behind it, as the address says."""

    def __init__(
        self,
        minx: Annotated[str, Path(description="West, in degrees.")],
        miny: Annotated[str, Path(description="South, in degrees.")],
        maxx: Annotated[str, Path(description="East, in degrees.")],
        maxy: Annotated[str, Path(description="North, in degrees. A format may stand behind it: `46.6.webp`.")],
    ) -> None:
        maxy, self.format = without_format(maxy)
        self.box: Bounds = map_box(f"{minx},{miny},{maxx},{maxy}")


Placed = Annotated[Place, Depends()]
Frames = Annotated[FrameParameters, Query()]


@router.get(ADDRESS, summary="A time lapse of a box", response_class=Response, responses=RESPONSES)
async def animation(request: Request, place: Placed, parameters: Annotated[AnimationParameters, Query()]) -> Response:
    """One frame for each day with an observation, or for each step of time, all in the same colours.

    The box is in degrees, the frames are in web mercator. `X-Scog-Frames` says how many frames are shown, skipped since
    they show too little, and missing since they could not be drawn in time.
    """
    return await answer(request, place, parameters.parse(), parameters)


async def answer(request: Request, place: Place, image: StyledRequest, frames: FrameParameters) -> Response:
    """A time lapse as a response. Fewer are in work at once than pictures, since each takes as much as many of them."""
    form = format_of(format_asked(place.format, frames.format, FORMATS[0].name))
    duration = duration_of(frames.fps, frames.duration)
    step, grid = frames.step_of_time(), map_grid(*place.box, frames.size)
    admission: Admission = request.app.state.animations
    made = _made(request, form, grid, image, step, frames, duration)
    shown, headers = await admission.run(request, made)
    return with_etag(request, shown, form.media_type, headers)


async def _made(
    request: Request,
    form: Format,
    grid: Grid,
    image: StyledRequest,
    step: Step | None,
    frames: FrameParameters,
    duration: int,
) -> tuple[EncodedImage, dict[str, str]]:
    """The file, and what its headers tell."""
    drawn = await animate(request.app.state.engine, grid, image, step, frames.min_clear)
    report: Report = drawn.report
    since = time.perf_counter()
    body = await encode(drawn, form, duration, labelled=frames.label == "date")
    report.add_time("encode", since)
    headers = report_headers(report, COMPLETE if image.request.pinned is None else IMMUTABLE)
    headers["X-Scog-Frames"] = f"shown={len(drawn.frames)}; skipped={drawn.skipped}; missing={drawn.missing}"
    return encoded(body), headers
