"""`/animation/{minx},{miny},{maxx},{maxy}`: time lapses of a box, as GIF or WebP."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from scog.geo.bbox import parse_map_bbox
from scog.geo.footprint import Bounds
from scog.geo.grid import Grid, mercator_grid
from scog.imaging.image_cache import EncodedImage, encoded_image
from scog.imaging.options import ImageOptions, StyledRequest
from scog.imaging.report import Report
from scog.products.animation import MIN_CLEAR, animate
from scog.products.animation_formats import (
    DEFAULT_DURATION,
    DEFAULT_SIZE,
    FORMATS,
    SIZE_RANGE,
    Format,
    duration_of,
    encode,
    format_of,
)
from scog.temporal.steps import VALID, Step, parse_step
from scog.web.http.image_response import requested_format, split_format
from scog.web.http.partial_responses import RangeRoute
from scog.web.http.problems import PROBLEMS
from scog.web.http.responses import COMPLETE, IMMUTABLE, Admission, report_headers, with_etag
from scog.web.params.image import ImageParameters, Text, reject_repeated

router = APIRouter(
    tags=["animations"], dependencies=[Depends(reject_repeated)], responses=PROBLEMS, route_class=RangeRoute
)

PATH = "/animation/{minx},{miny},{maxx},{maxy}"
RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"content": {each.media_type: {} for each in FORMATS}, "description": "The animation, which loops."},
    304: {"description": "The client's copy is current."},
}
"""OpenAPI responses of routes that return an animation."""


class FrameParameters(BaseModel):
    """Parameters of the frames."""

    model_config = ConfigDict(extra="forbid")

    step: Text | None = Field(
        None,
        description="Interval of a frame, which is the composite of its observations. Intervals are counted from the "
        f"first day of `datetime`: {VALID}. Default: one frame for each UTC day with an observation.",
    )
    min_clear: float = Field(
        MIN_CLEAR,
        ge=0,
        le=1,
        description="Minimum fraction of valid pixels of a frame. Frames below it are skipped.",
    )
    fps: float | None = Field(None, description="Frames per second, 0.1 to 50.")
    duration: int | None = Field(
        None,
        description=f"Milliseconds per frame, 20 to 10000, instead of `fps`. Default: {DEFAULT_DURATION}.",
    )
    size: Annotated[int, Field(ge=SIZE_RANGE[0], le=SIZE_RANGE[1])] = Field(
        DEFAULT_SIZE, description="Length of the longer side, in pixels."
    )
    format: Text | None = Field(
        None,
        description="File format, if the path has no suffix. Default: `gif`. "
        + " ".join(f"`{each.name}`: {each.description}." for each in FORMATS),
    )
    label: Literal["date", "none"] = Field(
        "date", description="Label of each frame: `date` (its day, or the first and last day of its step) or `none`."
    )

    def parsed_step(self) -> Step | None:
        """The requested step, if any. Raises InvalidInput."""
        return None if self.step is None else parse_step(self.step)


class AnimationParameters(FrameParameters, ImageParameters):
    """Parameters of an animation: values, style and frames."""

    def options(self) -> ImageOptions:
        """The options of a frame, which covers one step, or one day. Raises InvalidInput."""
        step = self.parsed_step()
        return replace(super().options(), days=1.0 if step is None else step.days)


class BoxPath:
    """The box of a path, in degrees, and the format suffix, if any. Raises InvalidInput."""

    def __init__(
        self,
        minx: Annotated[str, Path(description="West, in degrees.")],
        miny: Annotated[str, Path(description="South, in degrees.")],
        maxx: Annotated[str, Path(description="East, in degrees.")],
        maxy: Annotated[str, Path(description="North, in degrees. A format may follow: `46.6.webp`.")],
    ) -> None:
        maxy, self.format = split_format(maxy)
        self.box: Bounds = parse_map_bbox(f"{minx},{miny},{maxx},{maxy}")


BoxInPath = Annotated[BoxPath, Depends()]
FrameQuery = Annotated[FrameParameters, Query()]


@router.get(PATH, summary="Time lapse of a box", response_class=Response, responses=RESPONSES)
async def animation(request: Request, box: BoxInPath, parameters: Annotated[AnimationParameters, Query()]) -> Response:
    """An animation in web mercator of a box in degrees. All frames share one colour scale.

    There is one frame for each day with an observation, or for each `step`. `X-Scog-Frames` has the numbers of frames
    that are shown, skipped (see `min_clear`), and missing (not drawn in time).
    """
    return await animation_response(request, box, await parameters.parse(request), parameters)


async def animation_response(request: Request, box: BoxPath, image: StyledRequest, frames: FrameParameters) -> Response:
    """An animation as a response. SCOG_ANIMATIONS limits concurrent ones, as each takes as long as many images.

    Raises Overloaded, and the errors of `animate` and `encode`.
    """
    file_format = format_of(requested_format(box.format, frames.format, FORMATS[0].name))
    duration = duration_of(frames.fps, frames.duration)
    step, grid = frames.parsed_step(), mercator_grid(*box.box, frames.size)
    admission: Admission = request.app.state.animations
    encoding = _encoded_animation(request, file_format, grid, image, step, frames, duration)
    file, headers = await admission.run(request, encoding)
    return with_etag(request, file, file_format.media_type, headers)


async def _encoded_animation(
    request: Request,
    file_format: Format,
    grid: Grid,
    image: StyledRequest,
    step: Step | None,
    frames: FrameParameters,
    duration: int,
) -> tuple[EncodedImage, dict[str, str]]:
    """The file, and the headers that describe it. `duration` in milliseconds."""
    drawn = await animate(request.app.state.engine, grid, image, step, frames.min_clear)
    report: Report = drawn.report
    since = time.perf_counter()
    body = await encode(drawn, file_format, duration, labelled=frames.label == "date")
    report.add_time("encode", since)
    headers = report_headers(report, COMPLETE if image.request.pinned is None else IMMUTABLE)
    headers["X-Scog-Frames"] = f"shown={len(drawn.frames)}; skipped={drawn.skipped}; missing={drawn.missing}"
    return encoded_image(body), headers
