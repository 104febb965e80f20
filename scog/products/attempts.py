"""Images that an answer is made of, drawn one by one: one that fails is missing, and its error is kept."""

from __future__ import annotations

from scog.errors import CatalogError, DeadlineExceeded, NothingReadable, ScogError
from scog.geo.grid import Grid
from scog.imaging.draw import draw
from scog.imaging.engine import Engine
from scog.imaging.report import Report
from scog.imaging.request import ImageData, ImageRequest
from scog.net.policy import Priority


class Attempts:
    """Draws images, and counts those that were drawn and those that failed."""

    def __init__(self, engine: Engine, rank: Priority) -> None:
        self._engine = engine
        self._rank = rank
        self.drawn = 0
        self.errors: list[ScogError] = []

    @property
    def ended(self) -> int:
        """How many were drawn or failed."""
        return self.drawn + len(self.errors)

    async def draw(self, grid: Grid, request: ImageRequest, report: Report) -> ImageData | None:
        """An image, its report included in `report`; None where it fails, which `report` then names."""
        try:
            drawing = await draw(self._engine, grid, request, self._rank)
        except (NothingReadable, DeadlineExceeded, CatalogError) as error:
            self.errors.append(error)
            report.miss(error)
            return None
        report.include(drawing.report)
        self.drawn += 1
        return drawing

    def require_one(self, seconds: float) -> None:
        """Raise the first error where no image was drawn, or DeadlineExceeded after `seconds` where none failed."""
        if not self.drawn:
            raise self.errors[0] if self.errors else DeadlineExceeded(f"Nothing could be drawn within {seconds:g} s.")
