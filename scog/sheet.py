"""Contact sheets: one place in many ways, side by side, to choose from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from scog.catalog.when import Interval
from scog.draw import Ask, draw
from scog.engine import Engine
from scog.errors import InvalidInput, NothingReadable
from scog.look import SCENE_CLASSIFICATION, USUAL_DAYS, Look, Wish, look_of
from scog.maths import indices
from scog.net.policy import Rank
from scog.picture.contact_sheet import Cell, contact_sheet
from scog.picture.legend import WIDTH
from scog.pixels.composite import COMPOSITES, NEWEST, Composite, percentile
from scog.pixels.mask import parse_mask
from scog.presets import PRESETS, preset_of
from scog.space.grid import Grid

SHEET_SIDE = WIDTH
"""Pixels a side of each picture."""
MAX_COLUMNS = 12


def best_known() -> list[str]:
    """The layers of a sheet that nobody chose: all presets, the scene classification, the best known indices."""
    return [preset.name for preset in PRESETS if preset.name != "visual"] + [SCENE_CLASSIFICATION, *indices.BEST_KNOWN]


def wish_for(layer: str, composite: Composite = NEWEST, days: float = USUAL_DAYS) -> Wish:
    """What a layer's name asks for, a preset, else an index, as a composite of so many days."""
    wish = Wish(bands=(layer,)) if preset_of(layer) else Wish(index=layer)
    return replace(wish, composite=composite, days=days)


def composites_of(layer: str, days: float) -> list[tuple[str, Look]]:
    """A layer in every composite that it has, two of the percentiles among them."""
    found = []
    for composite in (*COMPOSITES, percentile(10), percentile(90)):
        try:
            found.append((f"{layer}, {composite.name}", look_of(wish_for(layer, composite, days))))
        except InvalidInput as refused:
            if refused.parameter != "composite":
                raise
    return found


async def draw_sheet(
    engine: Engine,
    grid: Grid,
    looks: Sequence[tuple[str, Look]],
    columns: int,
    interval: Interval | None,
    cloud_cover: float,
    tell: Callable[[str], None],
) -> bytes:
    """A PNG of a grid in each of the looks, with its name; `tell` hears of those that cannot be drawn.

    Raises what `draw` raises, but for bands that no scene has.
    """
    cells = []
    for name, look in looks:
        picture = None
        try:
            ask = Ask(look.expression, parse_mask(look.mask), cloud_cover, interval, composite=look.composite)
            drawing = await draw(engine, grid, ask, Rank.EXPORT)
            picture = look.image(drawing.values, drawing.valid)
        except NothingReadable as fault:
            tell(f"  {name}: {', '.join(sorted({reason for _, reason in fault.skipped}))}")
        cells.append(Cell(name, picture, look.legend))
    return contact_sheet(cells, columns)
