"""Zonal statistics: a picture is drawn over a field on the files' own pixels, and told in numbers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scog.errors import InvalidInput
from scog.geo.ellipsoid import pixel_areas
from scog.imaging.engine import Engine
from scog.imaging.options import StyledRequest
from scog.imaging.report import Report
from scog.imaging.request import ImageData, ImageRequest
from scog.imaging.source_lattice import nominal_metres, source_lattice
from scog.net.policy import Priority
from scog.products.areas.area_of_interest import VALID_AREAS, AreaOfInterest
from scog.products.areas.sampling_grid import Part, SamplingGrid, asked_at, parts_of, site_of
from scog.products.attempts import Attempts
from scog.products.zonal.summary import Summary, Wanted, summarise
from scog.render.classes import Class, Classes
from scog.render.image import TRANSPARENT
from scog.render.style import Style
from scog.runtime.tasks import for_each

FIELDS_AT_ONCE = 2
PARTS_AT_ONCE = 4
"""Of each field."""
HECTARE = 10_000.0

DEADLINE = "deadline"

Tell = Callable[[int, int], None]
"""Hears how many parts are drawn, and of how many that are known of."""


@dataclass(frozen=True)
class Share:
    """A class, and its area in hectares; `share` is its part of all that has a value."""

    kind: Class
    share: float
    hectares: float


@dataclass(frozen=True, eq=False)
class Zonal:
    """A field and where it was measured; a summary for each output; its area on the ellipsoid in hectares, of all of it
    and of what has values; the classes of the first output, where its values stand for classes; how it came to be.
    """

    field: AreaOfInterest
    site: SamplingGrid
    summaries: tuple[Summary, ...]
    hectares: float
    valid_hectares: float
    classes: tuple[Share, ...] | None
    report: Report


@dataclass(frozen=True, eq=False)
class Unmeasured:
    """A field of which there are no numbers, and why: `deadline`, or what is wrong with it in words."""

    field: AreaOfInterest
    reason: str


async def zonal(
    engine: Engine, fields: Sequence[AreaOfInterest], image: StyledRequest, wanted: Wanted, tell: Tell | None = None
) -> list[Zonal | Unmeasured]:
    """Statistics of polygons, each on the pixels of the newest observation's files that show it.

    Parts that fail or are not drawn in time count as masked, and the field's report says so. A field that cannot be
    measured, such as one that is too wide, costs itself. Raises InvalidInput for a point; where nothing of any field
    could be drawn the first fault, be it NothingReadable, DeadlineExceeded, a CatalogError, or a field's InvalidInput.
    """
    for field in fields:
        if field.is_point:
            where = "geometry" if field.feature is None else f"features[{field.place}]"
            what = "A point has no statistics; /point tells its values."
            raise InvalidInput(what, parameter=where, valid=VALID_AREAS)
    work = _Work(engine, image, wanted, tell)
    found: list[Zonal | Unmeasured] = [Unmeasured(field, DEADLINE) for field in fields]

    async def measure(number: int) -> None:
        found[number] = await work.measure(fields[number])

    await for_each(range(len(fields)), measure, FIELDS_AT_ONCE)
    if not work.attempts.errors and work.refused and not work.attempts.drawn:
        raise work.refused[0]
    work.attempts.require_one(engine.settings.statistics_deadline)
    return found


class _Work:
    """Draws the parts of fields until the deadline, and keeps count."""

    def __init__(self, engine: Engine, image: StyledRequest, wanted: Wanted, tell: Tell | None) -> None:
        self.attempts = Attempts(engine, Priority.SERIES)
        self.refused: list[InvalidInput] = []
        self._engine = engine
        self._request, self._style = image
        coloring = self._style.coloring
        self._classes = coloring if isinstance(coloring, Classes) else None
        self._wanted = wanted
        self._tell = tell
        self._known = 0
        self._until = asyncio.get_running_loop().time() + engine.settings.statistics_deadline

    async def measure(self, field: AreaOfInterest) -> Zonal | Unmeasured:
        """The statistics of a field, or why there are none: its turn comes too late, or it cannot be measured."""
        if asyncio.get_running_loop().time() > self._until:
            return Unmeasured(field, DEADLINE)
        report = Report()
        report.tally.rank = Priority.SERIES
        try:
            async with asyncio.timeout_at(self._until):
                site = await self._site(field, report)
            parts = await asyncio.to_thread(parts_of, site)
        except TimeoutError:
            return Unmeasured(field, DEADLINE)
        except InvalidInput as fault:
            self.refused.append(fault)
            return Unmeasured(field, str(fault))
        return await self._measured(field, site, parts, report)

    async def _site(self, field: AreaOfInterest, report: Report) -> SamplingGrid:
        """Where a field is measured: on the pixels of the files that show it, if there are any. Raises InvalidInput."""
        most, limit = self._engine.settings.field_pixels, self._request.area
        assumed = await asyncio.to_thread(site_of, field, nominal_metres(self._request.expression.bands), most, limit)
        own = await source_lattice(self._engine, assumed.grid, self._request, report.tally, assumed.outline)
        return assumed if own is None else await asyncio.to_thread(site_of, field, own, most, limit)

    async def _measured(
        self, field: AreaOfInterest, site: SamplingGrid, parts: Sequence[Part], report: Report
    ) -> Zonal:
        """The statistics of a field at its site, of the parts that are drawn until the deadline."""
        self._known += len(parts)
        request = asked_at(site, self._request)
        pieces: dict[int, _Piece] = {}

        async def measure(number: int) -> None:
            piece = await self._part(parts[number], request, report)
            if piece is not None:
                pieces[number] = piece

        try:
            async with asyncio.timeout_at(self._until):
                await for_each(range(len(parts)), measure, PARTS_AT_ONCE)
        except TimeoutError:
            report.incomplete = "deadline"
        known = [pieces[number] for number in sorted(pieces)]
        summaries, whole = await asyncio.to_thread(_summed, parts, known, self._style, self._wanted)
        valid = sum(piece.metres for piece in known)
        shares = _shares(self._classes, known, valid) if self._classes is not None else None
        return Zonal(field, site, summaries, whole / HECTARE, valid / HECTARE, shares, report)

    async def _part(self, part: Part, request: ImageRequest, report: Report) -> _Piece | None:
        """Draw a part, and take what it holds; None where it fails."""
        piece = None
        drawing = await self.attempts.draw(part.grid, request, report)
        if drawing is not None:
            loop = asyncio.get_running_loop()
            piece = await loop.run_in_executor(self._engine.cpu, _taken, part, drawing, self._style)
        if self._tell is not None:
            self._tell(self.attempts.ended, self._known)
        return piece


@dataclass(frozen=True, eq=False)
class _Piece:
    """What a part holds where it is known: values `(output, n)` and weights `(n)`; and its square metres, in all and of
    each class of the style.
    """

    values: NDArray[np.float32]
    weights: NDArray[np.float32]
    metres: float
    of_classes: NDArray[np.float64]


def _taken(part: Part, drawing: ImageData, style: Style) -> _Piece:
    """What of a drawing lies in a field."""
    known = part.inside & drawing.valid
    weights = part.weights[known]
    metres = weights * pixel_areas(part.grid)[known]
    of_classes = np.zeros(TRANSPARENT + 1)
    if isinstance(style.coloring, Classes):
        places = style.coloring.places(drawing.values[0], drawing.valid)[known]
        of_classes += np.bincount(places, metres, minlength=len(of_classes))
    return _Piece(drawing.values[:, known], weights, float(metres.sum()), of_classes)


def _summed(
    parts: Sequence[Part], pieces: Sequence[_Piece], style: Style, wanted: Wanted
) -> tuple[tuple[Summary, ...], float]:
    """A summary for each output of what is known of the parts of a field, and the square metres of all of it."""
    nothing = np.zeros((len(style.columns), 0), np.float32), np.zeros(0, np.float32)
    values = np.concatenate([nothing[0], *(piece.values for piece in pieces)], axis=1)
    weights = np.concatenate([nothing[1], *(piece.weights for piece in pieces)])
    total = sum(float(part.weights.sum(dtype=np.float64)) for part in parts)
    summaries = []
    for output in values:  # of which one may be unknown where the first is known, as p-values are
        known = np.isfinite(output)
        masked = total - float(weights[known].sum(dtype=np.float64))
        summaries.append(summarise(output[known], weights[known], max(0.0, round(masked, 6)), wanted))
    return tuple(summaries), sum(float((part.weights * pixel_areas(part.grid)).sum()) for part in parts)


def _shares(classes: Classes, pieces: Sequence[_Piece], valid: float) -> tuple[Share, ...]:
    """The classes with their areas, in their order, those without any too."""
    metres = sum((piece.of_classes for piece in pieces), np.zeros(TRANSPARENT + 1))
    return tuple(
        Share(entry, float(area) / valid if valid else 0.0, float(area) / HECTARE)
        for entry, area in zip(classes.entries, metres, strict=False)
    )
