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
from scog.render.layer import DEFAULT_DAYS, SCENE_CLASSIFICATION, Layer, LayerOptions, layer_of
from scog.render.legend import WIDTH
from scog.temporal.intervals import Interval

SHEET_SIDE = WIDTH
"""Side length of each image in pixels."""
MAX_COLUMNS = 12
"""Maximum number of images side by side."""


def best_known() -> list[str]:
    """Default layers of a sheet: all presets, the scene classification, and the best-known indices."""
    return [preset.name for preset in PRESETS if preset.name != "visual"] + [SCENE_CLASSIFICATION, *indices.BEST_KNOWN]


def layer_options(layer: str, composite: Composite = NEWEST, days: float = DEFAULT_DAYS) -> LayerOptions:
    """Options of a layer, composited over `days`. `layer` is the name of a preset, else of an index."""
    options = LayerOptions(bands=(layer,)) if preset_of(layer) else LayerOptions(index=layer)
    return replace(options, composite=composite, days=days)


def composites_of(layer: str, days: float) -> list[tuple[str, Layer]]:
    """Titles and layers for every composite that `layer` supports, including the 10th and 90th percentile."""
    layers = []
    for composite in (*COMPOSITES, percentile(10), percentile(90)):
        try:
            layers.append((f"{layer}, {composite.name}", layer_of(layer_options(layer, composite, days))))
        except InvalidInput as error:
            if error.parameter != "composite":
                raise
    return layers


async def draw_sheet(
    engine: Engine,
    grid: Grid,
    layers: Sequence[tuple[str, Layer]],
    columns: int,
    interval: Interval | None,
    cloud_cover: float,
    on_skip: Callable[[str], None],
) -> bytes:
    """PNG with one image of the grid per layer.

    interval     None for the collection's default period
    cloud_cover  maximum cloud cover of scenes in percent
    on_skip      called with a line of text for each layer that cannot be drawn

    Raises the errors of `draw`, except NothingReadable.
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
            reasons = sorted({reason for _, reason in error.skipped})
            detail = next(iter(error.details.values()), "")
            on_skip(f"  {name}: {', '.join(reasons)}" + (f"; {detail}" if detail else ""))
        cells.append(Cell(name, image, layer.style.legend))
    return contact_sheet(cells, columns)
