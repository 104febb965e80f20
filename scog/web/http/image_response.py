"""Answering with a picture: which format and size are asked for, drawing it, and its bytes."""

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
from scog.imaging.formats import FLATTENED, FORMATS, format_of
from scog.imaging.image_cache import EncodedImage, encoded
from scog.imaging.options import StyledRequest
from scog.products.crop import cut_out, is_large
from scog.render.ramp import NUMBER
from scog.warp.workbench import QUICK, effort
from scog.web.http.response_headers import IMAGE_HEADERS, openapi_headers
from scog.web.http.responses import COMPLETE, IMMUTABLE, report_headers, with_etag
from scog.web.params.image import MAX_SIZE, AnswerParameters, DeliveryParameters

DEFAULT_FORMAT = "png"
RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {each.media_type: {} for each in FORMATS},
        "description": "The picture, or its values.",
        "headers": openapi_headers(IMAGE_HEADERS),
    },
    204: {"description": "No data, where `empty=204` asks for it."},
    304: {"description": "The client's copy is current."},
}
"""For the documentation of routes that answer with a picture."""
_WITH_FORMAT = re.compile(r"(.*)\.([A-Za-z][A-Za-z0-9]{0,7})", re.ASCII)
_NAME = re.compile(r"(-?\d{1,9})(@[12]x)?(?:\.([A-Za-z0-9]{1,8}))?", re.ASCII)


@dataclass(frozen=True)
class TileName:
    """The last part of a tile's address: `1547@2x.png` is row 1547, twice as many pixels, as a PNG."""

    row: str
    size: int
    format: str


def tile_name(text: str, parameters: DeliveryParameters) -> TileName:
    """The row, the size in pixels and the format of a tile. Raises InvalidInput where two formats are asked for."""
    found = _NAME.fullmatch(text)
    row, twice, suffix = (found[1], found[2] == "@2x", found[3]) if found else (text, False, None)
    size = parameters.tilesize * (2 if twice else 1)
    if size > MAX_SIZE:
        what = f"A tile of {size} pixels a side is too large."
        raise InvalidInput(what, parameter="tilesize", valid=f"up to {MAX_SIZE} pixels a side, with @2x counted in")
    return TileName(row, size, format_asked(suffix, parameters.format))


def format_asked(suffix: str | None, parameter: str | None, default: str = DEFAULT_FORMAT) -> str:
    """The format behind an address or that of `format=`. Raises InvalidInput where they are two."""
    if suffix is not None and parameter is not None and suffix != parameter:
        what = f"The address asks for {suffix[:16]!r}, and the parameter for {parameter[:16]!r}."
        raise InvalidInput(what, parameter="format", valid="one of them")
    return next((name for name in (suffix, parameter) if name is not None), default)


def without_format(text: str) -> tuple[str, str | None]:
    """The last part of an address without the format behind it, and that: `46.04.png` is `46.04` and `png`.

    Formats begin with a letter, so that the digits behind a number's own point are none.
    """
    found = _WITH_FORMAT.fullmatch(text)
    return (found[1], found[2]) if found and not NUMBER.fullmatch(text) else (text, None)


async def picture(
    request: Request,
    engine: Engine,
    grid: Grid,
    image: StyledRequest,
    delivery: AnswerParameters,
    format_name: str,
) -> Response:
    """Draw a grid and answer with it. Raises what `cut_out` raises, and InvalidInput for what cannot be encoded.

    What is drawn from pinned scenes stays the same for ever, and caches are told so.
    """
    image_request, style = image
    keep = COMPLETE if image_request.pinned is None else IMMUTABLE
    form = format_of(format_name, style)
    drawing = await cut_out(engine, grid, image_request)
    report = drawing.report
    if delivery.strict and report.partial:
        fault = report.nothing_readable("Scenes are missing from this picture")
        fault.progress = report.progress
        raise fault
    if delivery.empty == "204" and not drawing.valid.any():
        return Response(status_code=204, headers=report_headers(report, keep))

    def make() -> EncodedImage:
        return encoded(form.encode(drawing, grid, image))

    shown = engine.kept.picture(drawing, (form.names, style))
    if shown is None:
        since = time.perf_counter()
        if is_large(grid):  # tiles need not wait for what takes seconds
            shown = await asyncio.to_thread(make)
        else:
            quick = form.quick and image_request.expression.outputs == 1
            size = effort(grid.shape, 4) if quick else QUICK  # else in a thread, however small
            shown = await engine.workbench.work(size, make)
        report.add_time("encode", since)
        engine.kept.keep_picture(drawing, (form.names, style), shown)
    headers = report_headers(report, keep)
    if form.flat:  # also what is valid may be shown as nothing
        headers["X-Scog-Flattened"] = FLATTENED
    return with_etag(request, shown, form.media_type, headers)
