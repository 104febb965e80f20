"""Cut-outs: pictures larger than a tile, drawn part by part and put together, within bounds."""

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

WHOLE = 1280
"""Pixels a side of what is drawn in one part, at most: those of the largest tile with its buffer."""
PART = 512
"""Pixels a side of the parts of what is larger: small, since a composite holds all dates of those in work."""

Tell = Callable[[int, int], None]
"""Hears how many parts are drawn, and of how many."""


def check_size(settings: Settings, grid: Grid, request: ImageRequest, parameter: str = "max_size") -> None:
    """Raises InvalidInput, of the parameter that the size came of, for more pixels a side or more values than are made
    at once.
    """
    outputs = _outputs(request)
    side, most = settings.crop_side, settings.crop_values
    if max(grid.shape) > side or grid.width * grid.height * outputs > most:
        what = f"A cut-out of {grid.width} x {grid.height} pixels is too large."
        valid = f"up to {side} pixels a side, and {most // outputs} in all of {outputs} output{'s' * (outputs > 1)}"
        raise InvalidInput(what, parameter=parameter, valid=valid)


def _outputs(request: ImageRequest) -> int:
    """How many values a pixel has; of a comparison without p-values."""
    return request.expression.outputs if request.compare else len(request.composite.outputs(request.expression.names))


def is_large(grid: Grid) -> bool:
    """Whether a grid is drawn in parts."""
    return max(grid.shape) > WHOLE


async def cut_out(engine: Engine, grid: Grid, request: ImageRequest, tell: Tell | None = None) -> ImageData:
    """Draw what is asked for on a grid of any size, a few parts at once; of one part it is `draw`.

    A part that fails is missing, and the report says why. Raises what `draw` raises where all of them fail, and
    DeadlineExceeded where none is drawn in time.
    """
    if not is_large(grid):
        return await draw(engine, grid, request)
    work = _Work(engine, grid, request, tell)
    try:
        async with asyncio.timeout(engine.settings.crop_deadline):
            await work.draw()
    except TimeoutError:
        work.report.incomplete = "deadline"
    return work.result()


def parts_of(grid: Grid) -> list[Window]:
    """A grid as windows that are as alike as can be, row by row."""
    rows, cols = (_cuts(length) for length in grid.shape)
    return [Window(top, left, bottom, right) for top, bottom in pairwise(rows) for left, right in pairwise(cols)]


def _cuts(length: int) -> list[int]:
    count = -(-length // PART)
    return [length * number // count for number in range(count + 1)]


class _Work:
    """Draws parts, and puts them into their places."""

    def __init__(self, engine: Engine, grid: Grid, request: ImageRequest, tell: Tell | None) -> None:
        self.report = Report()
        self._engine = engine
        self._grid = grid
        self._request = request
        self._tell = tell
        self._values = np.full((_outputs(request), *grid.shape), np.nan, np.float32)
        self._valid = np.zeros(grid.shape, bool)
        self._attempts = Attempts(engine, Priority.EXPORT)

    async def draw(self) -> None:
        """Draw all parts in their order, a few at once."""
        windows = parts_of(self._grid)

        async def part(window: Window) -> None:
            await self._part(window)
            if self._tell is not None:
                self._tell(self._attempts.ended, len(windows))

        await for_each(windows, part, self._engine.settings.crop_at_once)

    def result(self) -> ImageData:
        """What is drawn so far. Raises the first error where nothing is."""
        self._attempts.require_one(self._engine.settings.crop_deadline)
        return ImageData(self._values, self._valid, self.report)

    async def _part(self, window: Window) -> None:
        drawing = await self._attempts.draw(self._grid.part(window), self._request, self.report)
        if drawing is not None:
            where = slice(window.top, window.bottom), slice(window.left, window.right)
            self._values[:, *where] = drawing.values
            self._valid[where] = drawing.valid
