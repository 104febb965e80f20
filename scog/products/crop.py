"""Crops: images larger than a tile, drawn in parts within limits of size and time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise

import numpy as np

from scog.errors import InvalidInput
from scog.geo.grid import Grid, Window
from scog.imaging.draw import draw
from scog.imaging.engine import Engine
from scog.imaging.report import Report
from scog.imaging.request import ImageData, ImageRequest
from scog.net.policy import Priority
from scog.products.attempts import Attempts
from scog.runtime.tasks import for_each
from scog.settings import Settings

MAX_WHOLE_SIDE = 1280
"""Maximum side length in pixels of a crop that is drawn as a whole, as the largest tile with its buffer is."""
PART_SIDE = 512
"""Maximum side length in pixels of the parts of larger crops. All dates of a part are in memory for a composite."""

OnProgress = Callable[[int, int], None]
"""Called with the number of finished parts and the total."""


def check_size(settings: Settings, grid: Grid, request: ImageRequest, parameter: str = "max_size") -> None:
    """Raise InvalidInput if a crop has too many pixels a side or too many values. `parameter` sets its size."""
    outputs = _outputs(request)
    max_side, max_values = settings.crop_side, settings.crop_values
    if max(grid.shape) > max_side or grid.width * grid.height * outputs > max_values:
        message = f"A crop of {grid.width} x {grid.height} pixels is too large."
        plural = "s" * (outputs > 1)
        valid = f"up to {max_side} pixels a side and {max_values // outputs} in total for {outputs} output{plural}"
        raise InvalidInput(message, parameter=parameter, valid=valid)


def _outputs(request: ImageRequest) -> int:
    """Number of values per pixel. Comparisons have no p-values."""
    return request.expression.outputs if request.compare else len(request.composite.outputs(request.expression.names))


def is_large(grid: Grid) -> bool:
    """Whether a grid is drawn in parts rather than as a whole."""
    return max(grid.shape) > MAX_WHOLE_SIDE


async def draw_crop(
    engine: Engine, grid: Grid, request: ImageRequest, on_progress: OnProgress | None = None
) -> ImageData:
    """Draw a grid of any size: a large one in parts, `crop_at_once` at a time, others with `draw`.

    Pixels of parts that fail, or are not drawn before the deadline, are invalid; the report has the reason. Raises the
    errors of `draw` if all parts fail, and DeadlineExceeded if no part is drawn in time.
    """
    if not is_large(grid):
        return await draw(engine, grid, request)
    crop = _Crop(engine, grid, request, on_progress)
    try:
        async with asyncio.timeout(engine.settings.crop_deadline):
            await crop.draw()
    except TimeoutError:
        crop.report.incomplete = "deadline"
    return crop.result()


def parts_of(grid: Grid) -> list[Window]:
    """Windows of nearly equal size that cover a grid, row by row."""
    rows, cols = (_edges(length) for length in grid.shape)
    return [Window(top, left, bottom, right) for top, bottom in pairwise(rows) for left, right in pairwise(cols)]


def _edges(length: int) -> list[int]:
    """Start and end of each part along one side of `length` pixels."""
    count = -(-length // PART_SIDE)
    return [length * number // count for number in range(count + 1)]


class _Crop:
    """Draws the parts of a crop into one array."""

    def __init__(self, engine: Engine, grid: Grid, request: ImageRequest, on_progress: OnProgress | None) -> None:
        self.report = Report()
        self._engine = engine
        self._grid = grid
        self._request = request
        self._on_progress = on_progress
        self._values = np.full((_outputs(request), *grid.shape), np.nan, np.float32)
        self._valid = np.zeros(grid.shape, bool)
        self._attempts = Attempts(engine, Priority.EXPORT)

    async def draw(self) -> None:
        """Draw all parts in order, `crop_at_once` at a time."""
        windows = parts_of(self._grid)

        async def part(window: Window) -> None:
            await self._draw_part(window)
            if self._on_progress is not None:
                self._on_progress(self._attempts.ended, len(windows))

        await for_each(windows, part, self._engine.settings.crop_at_once)

    def result(self) -> ImageData:
        """The parts drawn so far. Raises the first error, or DeadlineExceeded, if there are none."""
        self._attempts.require_one(self._engine.settings.crop_deadline)
        return ImageData(self._values, self._valid, self.report)

    async def _draw_part(self, window: Window) -> None:
        """Draw one part. If it fails, its pixels stay invalid."""
        drawing = await self._attempts.draw(self._grid.part(window), self._request, self.report)
        if drawing is not None:
            rows_cols = slice(window.top, window.bottom), slice(window.left, window.right)
            self._values[:, *rows_cols] = drawing.values
            self._valid[rows_cols] = drawing.valid
