"""Contact sheets: one area rendered in many layers or composites, side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from scog.bandmath import indices
from scog.collections.presets import PRESETS, preset_of
from scog.composite.mask import parse_mask
from scog.composite.methods import COMPOSITES, NEWEST, Composite, percentile
from scog.errors import InvalidInput, NothingReadable
from scog.geo.grid import Grid
from scog.imaging.draw import ImageRequest, draw
from scog.imaging.engine import Engine
from scog.net.policy import Priority
from scog.render.contact_sheet import Cell, contact_sheet
from scog.render.layer import SCENE_CLASSIFICATION, USUAL_DAYS, Layer, LayerOptions, layer_of
from scog.render.legend import WIDTH
from scog.temporal.intervals import Interval

SHEET_SIDE = WIDTH
"""Side length of each image in pixels."""
MAX_COLUMNS = 12


def best_known() -> list[str]:
    """Default layers of a sheet: all presets, the scene classification, and the best-known indices."""
    return [preset.name for preset in PRESETS if preset.name != "visual"] + [SCENE_CLASSIFICATION, *indices.BEST_KNOWN]


def wish_for(layer: str, composite: Composite = NEWEST, days: float = USUAL_DAYS) -> LayerOptions:
    """Style of a layer, which is the name of a preset or else of an index, composited over `days`."""
    wish = LayerOptions(bands=(layer,)) if preset_of(layer) else LayerOptions(index=layer)
    return replace(wish, composite=composite, days=days)


def composites_of(layer: str, days: float) -> list[tuple[str, Layer]]:
    """Name and style of a layer for every composite that it supports, including the 10th and 90th percentile."""
    styles = []
    for composite in (*COMPOSITES, percentile(10), percentile(90)):
        try:
            styles.append((f"{layer}, {composite.name}", layer_of(wish_for(layer, composite, days))))
        except InvalidInput as error:
            if error.parameter != "composite":
                raise
    return styles


async def draw_sheet(
    engine: Engine,
    grid: Grid,
    layers: Sequence[tuple[str, Layer]],
    columns: int,
    interval: Interval | None,
    cloud_cover: float,
    tell: Callable[[str], None],
) -> bytes:
    """PNG with one image of the grid per style; `tell` is called with a line for each one that cannot be drawn.

    interval     None for the collection's default period
    cloud_cover  maximum cloud cover of scenes in percent

    Raises what `draw` raises, except NothingReadable.
    """
    cells = []
    for name, layer in layers:
        image = None
        try:
            request = ImageRequest(
                interval,
                cloud_cover,
                expression=layer.expression,
                mask=parse_mask(layer.mask),
                composite=layer.composite,
            )
            drawing = await draw(engine, grid, request, Priority.EXPORT)
            image = layer.style.image(drawing.values, drawing.valid)
        except NothingReadable as error:
            reasons, why = sorted({reason for _, reason in error.skipped}), next(iter(error.why.values()), "")
            tell(f"  {name}: {', '.join(reasons)}" + (f"; {why}" if why else ""))
        cells.append(Cell(name, image, layer.style.legend))
    return contact_sheet(cells, columns)
