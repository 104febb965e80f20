"""Zonal statistics: a picture is drawn over a field on the scenes' own pixels, and told in numbers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scog.ask import Ask, Drawing
from scog.bands import BY_NAME
from scog.draw import draw
from scog.engine import Engine
from scog.errors import CatalogError, DeadlineExceeded, InvalidInput, NothingReadable, ScogError
from scog.field.field import VALID, Field
from scog.field.site import Part, Site, parts_of, site_of
from scog.field.summary import Summary, Wanted, summarise
from scog.look import Look
from scog.net.policy import Rank
from scog.picture.classes import Class, Classes
from scog.picture.image import TRANSPARENT
from scog.report import Report
from scog.space.ellipsoid import pixel_areas
from scog.together import gather_all

FIELDS_AT_ONCE = 2
PARTS_AT_ONCE = 4
"""Of each field."""
HECTARE = 10_000.0

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

    field: Field
    site: Site
    summaries: tuple[Summary, ...]
    hectares: float
    valid_hectares: float
    classes: tuple[Share, ...] | None
    report: Report


async def zonal(
    engine: Engine, fields: Sequence[Field], look: Look, ask: Ask, wanted: Wanted, tell: Tell | None = None
) -> list[Zonal | None]:
    """Statistics of polygons; None of those that time did not suffice for.

    Parts that fail or are not drawn in time count as masked, and the field's report says so. Raises InvalidInput for a
    point, and where a field cannot be measured; where nothing of any field could be drawn the first fault, be it
    NothingReadable, DeadlineExceeded or a CatalogError.
    """
    for place, field in enumerate(fields):
        if field.is_point:
            where = "geometry" if field.feature is None else f"features[{place}]"
            what = "A point has no statistics; /point tells its values."
            raise InvalidInput(what, parameter=where, valid=VALID.replace("Point, ", ""))
    resolution = min(BY_NAME[band].resolution for band in ask.expression.bands)
    most = engine.settings.field_pixels
    sites = [await asyncio.to_thread(site_of, field, resolution, most, ask.area) for field in fields]
    work = _Work(engine, look, ask, wanted, tell)
    found: list[Zonal | None] = [None] * len(fields)
    waiting = iter(enumerate(zip(fields, sites, strict=True)))

    async def some() -> None:
        for place, (field, site) in waiting:
            found[place] = await work.measure(field, site)

    await gather_all(some() for _ in range(min(FIELDS_AT_ONCE, len(fields))))
    if not work.drawn:
        seconds = engine.settings.statistics_deadline
        raise work.faults[0] if work.faults else DeadlineExceeded(f"Nothing could be drawn within {seconds:g} s.")
    return found


class _Work:
    """Draws the parts of fields until the deadline, and keeps count."""

    def __init__(self, engine: Engine, look: Look, ask: Ask, wanted: Wanted, tell: Tell | None) -> None:
        self.faults: list[ScogError] = []
        self.drawn = 0
        self._engine = engine
        self._look = look
        self._classes = look.coloring if isinstance(look.coloring, Classes) else None
        self._ask = ask
        self._wanted = wanted
        self._tell = tell
        self._known = 0
        self._until = asyncio.get_running_loop().time() + engine.settings.statistics_deadline

    async def measure(self, field: Field, site: Site) -> Zonal | None:
        """The statistics of a field at its site; None where its turn comes too late."""
        if asyncio.get_running_loop().time() > self._until:
            return None
        parts = await asyncio.to_thread(parts_of, site)
        self._known += len(parts)
        report = Report()
        pieces: dict[int, _Piece] = {}
        waiting = iter(enumerate(parts))

        async def some() -> None:
            for number, part in waiting:
                piece = await self._part(part, report)
                if piece is not None:
                    pieces[number] = piece

        try:
            async with asyncio.timeout_at(self._until):
                await gather_all(some() for _ in range(min(PARTS_AT_ONCE, len(parts))))
        except TimeoutError:
            report.incomplete = "deadline"
        known = [pieces[number] for number in sorted(pieces)]
        summaries, whole = await asyncio.to_thread(_summed, parts, known, self._look, self._wanted)
        valid = sum(piece.metres for piece in known)
        shares = _shares(self._classes, known, valid) if self._classes is not None else None
        return Zonal(field, site, summaries, whole / HECTARE, valid / HECTARE, shares, report)

    async def _part(self, part: Part, report: Report) -> _Piece | None:
        """Draw a part, and take what it holds; None where it fails."""
        piece = None
        try:
            drawing = await draw(self._engine, part.grid, self._ask, Rank.SERIES)
        except (NothingReadable, DeadlineExceeded, CatalogError) as fault:
            self.faults.append(fault)
            report.miss(fault)
        else:
            loop = asyncio.get_running_loop()
            piece = await loop.run_in_executor(self._engine.cpu, _taken, part, drawing, self._look)
            report.include(drawing.report)
            self.drawn += 1
        if self._tell is not None:
            self._tell(self.drawn + len(self.faults), self._known)
        return piece


@dataclass(frozen=True, eq=False)
class _Piece:
    """What a part holds where it is known: values `(output, n)` and weights `(n)`; and its square metres, in all and of
    each class of the look.
    """

    values: NDArray[np.float32]
    weights: NDArray[np.float32]
    metres: float
    of_classes: NDArray[np.float64]


def _taken(part: Part, drawing: Drawing, look: Look) -> _Piece:
    """What of a drawing lies in a field."""
    known = part.inside & drawing.valid
    weights = part.weights[known]
    metres = weights * pixel_areas(part.grid)[known]
    of_classes = np.zeros(TRANSPARENT + 1)
    if isinstance(look.coloring, Classes):
        places = look.coloring.places(drawing.values[0], drawing.valid)[known]
        of_classes += np.bincount(places, metres, minlength=len(of_classes))
    return _Piece(drawing.values[:, known], weights, float(metres.sum()), of_classes)


def _summed(
    parts: Sequence[Part], pieces: Sequence[_Piece], look: Look, wanted: Wanted
) -> tuple[tuple[Summary, ...], float]:
    """A summary for each output of what is known of the parts of a field, and the square metres of all of it."""
    nothing = np.zeros((len(look.columns), 0), np.float32), np.zeros(0, np.float32)
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
