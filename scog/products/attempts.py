"""Draws the images of one response. An image that fails is left out, and its error is recorded."""

from __future__ import annotations

from scog.errors import CatalogError, DeadlineExceeded, NothingReadable, ScogError
from scog.geo.grid import Grid
from scog.imaging.draw import draw
from scog.imaging.engine import Engine
from scog.imaging.report import Report
from scog.imaging.request import ImageData, ImageRequest
from scog.net.policy import Priority


class Attempts:
    """Draws images with a priority. `drawn` counts the images, and `errors` has the errors of the others."""

    def __init__(self, engine: Engine, priority: Priority) -> None:
        self._engine = engine
        self._priority = priority
        self.drawn = 0
        self.errors: list[ScogError] = []

    @property
    def ended(self) -> int:
        """Number of images that were drawn or failed."""
        return self.drawn + len(self.errors)

    async def draw(self, grid: Grid, request: ImageRequest, report: Report) -> ImageData | None:
        """Draw an image, and add its report to `report`. Returns None if it fails, and adds the error to `report`."""
        try:
            drawing = await draw(self._engine, grid, request, self._priority)
        except (NothingReadable, DeadlineExceeded, CatalogError) as error:
            self.errors.append(error)
            report.record_failure(error)
            return None
        report.include(drawing.report)
        self.drawn += 1
        return drawing

    def require_one(self, seconds: float) -> None:
        """If no image was drawn, raise the first error, or DeadlineExceeded (after `seconds`) if there is none."""
        if not self.drawn:
            raise self.errors[0] if self.errors else DeadlineExceeded(f"Nothing could be drawn within {seconds:g} s.")
