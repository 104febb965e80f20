"""Image responses: the requested format and size, drawing, and encoding."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response

from scog.errors import InvalidInput
from scog.geo.grid import Grid
from scog.imaging.engine import Engine
from scog.imaging.formats import FLATTENED, FORMATS, Format, format_of
from scog.imaging.image_cache import EncodedImage, encoded_image
from scog.imaging.options import StyledRequest
from scog.imaging.request import ImageData
from scog.products.crop import draw_crop, is_large
from scog.render.ramp import NUMBER
from scog.warp.workbench import MAX_INLINE_PIXELS, pixels_to_process
from scog.web.http.response_headers import IMAGE_HEADERS, openapi_headers
from scog.web.http.responses import COMPLETE, IMMUTABLE, report_headers, with_etag
from scog.web.params.image import MAX_SIZE, OutputParameters, ResponseParameters

DEFAULT_FORMAT = "png"
IMAGE_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {each.media_type: {} for each in FORMATS},
        "description": "The image, or its values.",
        "headers": openapi_headers(IMAGE_HEADERS),
    },
    204: {"description": "No valid pixels (only with `empty=204`)."},
    304: {"description": "The client's copy is current."},
}
"""OpenAPI responses of routes that return an image."""
_WITH_FORMAT = re.compile(r"(.*)\.([A-Za-z][A-Za-z0-9]{0,7})", re.ASCII)
_NAME = re.compile(r"(-?\d{1,9})(@[12]x)?(?:\.([A-Za-z0-9]{1,8}))?", re.ASCII)


@dataclass(frozen=True)
class TileName:
    """The last segment of a tile's path: `1547@2x.png` is row 1547, twice the tile size, as PNG.

    `size` is in pixels.
    """

    row: str
    size: int
    format: str


def parse_tile_name(text: str, parameters: OutputParameters) -> TileName:
    """Row, size and format of a tile.

    Raises InvalidInput if the size is too large, or if path and query have different formats.
    """
    match = _NAME.fullmatch(text)
    row, twice, suffix = (match[1], match[2] == "@2x", match[3]) if match else (text, False, None)
    size = parameters.tilesize * (2 if twice else 1)
    if size > MAX_SIZE:
        message = f"A tile size of {size} pixels is too large."
        raise InvalidInput(message, parameter="tilesize", valid=f"up to {MAX_SIZE} pixels, @2x included")
    return TileName(row, size, requested_format(suffix, parameters.format))


def requested_format(suffix: str | None, parameter: str | None, default: str = DEFAULT_FORMAT) -> str:
    """The format given by the path's suffix or by `format=`. Raises InvalidInput if the two differ."""
    if suffix is not None and parameter is not None and suffix != parameter:
        message = f"The path's format is {suffix[:16]!r}, but format is {parameter[:16]!r}."
        raise InvalidInput(message, parameter="format", valid="only one of the two")
    return next((name for name in (suffix, parameter) if name is not None), default)


def split_format(text: str) -> tuple[str, str | None]:
    """The last segment of a path and its format suffix: `46.04.png` is `46.04` and `png`.

    Formats begin with a letter, so decimals are not mistaken for formats.
    """
    match = _WITH_FORMAT.fullmatch(text)
    return (match[1], match[2]) if match and not NUMBER.fullmatch(text) else (text, None)


async def image_response(
    request: Request,
    engine: Engine,
    grid: Grid,
    image: StyledRequest,
    parameters: ResponseParameters,
    format_name: str,
) -> Response:
    """Draw an image on a grid and return it, encoded. Images of pinned scenes may be cached without a time limit.

    Raises the errors of `draw_crop`, InvalidInput if the format cannot hold the image, and NothingReadable if `strict`
    is set and scenes are missing.
    """
    image_request, style = image
    cache_control = COMPLETE if image_request.pinned is None else IMMUTABLE
    image_format = format_of(format_name, style)
    drawing = await draw_crop(engine, grid, image_request)
    report = drawing.report
    if parameters.strict and report.partial:
        what = report.remarks[0] if report.provisional and not report.skipped else "Scenes are missing from this image"
        error = report.nothing_readable(what[0].upper() + what[1:])
        error.progress = report.progress
        raise error
    if parameters.empty == "204" and not drawing.valid.any():
        return Response(status_code=204, headers=report_headers(report, cache_control))

    file = await _encoded_file(engine, drawing, grid, image, image_format)
    headers = report_headers(report, cache_control)
    if image_format.opaque:  # even if all pixels are valid: styles may make those transparent too
        headers["X-Scog-Flattened"] = FLATTENED
    return with_etag(request, file, image_format.media_type, headers)


async def _encoded_file(
    engine: Engine, drawing: ImageData, grid: Grid, image: StyledRequest, image_format: Format
) -> EncodedImage:
    """An encoded image, from the image cache if it is there. Adds the time of encoding to the drawing's report."""
    image_request, style = image
    file = engine.image_cache.get_encoded(drawing, (image_format.names, style))
    if file is not None:
        return file

    def encode() -> EncodedImage:
        return encoded_image(image_format.encode(drawing, grid, image))

    since = time.perf_counter()
    if is_large(grid):  # takes seconds, so it must not occupy a thread that tiles use
        file = await asyncio.to_thread(encode)
    else:
        is_quick = image_format.quick and image_request.expression.outputs == 1
        # MAX_INLINE_PIXELS or more are encoded in a thread.
        size = pixels_to_process(grid.shape, 4) if is_quick else MAX_INLINE_PIXELS
        file = await engine.workbench.run(size, encode)
    drawing.report.add_time("encode", since)
    engine.image_cache.put_encoded(drawing, (image_format.names, style), file)
    return file
