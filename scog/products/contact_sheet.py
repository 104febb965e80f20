"""Contact sheets: one area rendered in many layers or composites, side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from scog.bandmath import indices
from scog.collections.profile import Profile
from scog.composite.mask import parse_mask
from scog.composite.methods import COMPOSITES, NEWEST, Composite, percentile
from scog.errors import InvalidInput, NothingReadable
from scog.geo.grid import Grid
from scog.imaging.draw import ImageRequest, draw
from scog.imaging.engine import Engine
from scog.imaging.request import SceneFilter
from scog.net.policy import Priority
from scog.render.contact_sheet import Cell, contact_sheet
from scog.render.layer import DEFAULT_DAYS, Layer, LayerOptions, layer_of
from scog.render.legend import WIDTH

SHEET_SIDE = WIDTH
"""Side length of each image in pixels."""
MAX_COLUMNS = 12
"""Maximum number of images side by side."""


def best_known(profile: Profile) -> list[str]:
    """Default layers of a sheet: the collection's presets, quantities and classes, and its best-known indices."""
    presets = [preset.name for preset in profile.presets if preset.name != "visual"]
    quantities = [layer.name for layer in profile.layers] + [band.name for band in profile.bands if band.classes]
    return presets + quantities + [name for name in indices.BEST_KNOWN if profile.has_bands(indices.get(name).bands)]


def layer_options(layer: str, composite: Composite = NEWEST, days: float = DEFAULT_DAYS) -> LayerOptions:
    """Options of a layer, composited over `days`. `layer` names an index, quantity, preset or band of classes."""
    return LayerOptions(index=layer, composite=composite, days=days)


def composites_of(profile: Profile, layer: str, days: float) -> list[tuple[str, Layer]]:
    """Titles and layers for every composite that `layer` supports, including the 10th and 90th percentile."""
    layers = []
    for composite in (*COMPOSITES, percentile(10), percentile(90)):
        try:
            layers.append((f"{layer}, {composite.name}", layer_of(profile, layer_options(layer, composite, days))))
        except InvalidInput as error:
            if error.parameter != "composite":
                raise
    return layers


async def draw_sheet(
    engine: Engine,
    profile: Profile,
    grid: Grid,
    layers: Sequence[tuple[str, Layer]],
    columns: int,
    scenes: SceneFilter,
    on_skip: Callable[[str], None],
) -> bytes:
    """PNG with one image of the grid per layer.

    scenes   which scenes are shown
    on_skip  called with a line of text for each layer that cannot be drawn

    Raises the errors of `draw`, except NothingReadable.
    """
    cells = []
    for name, layer in layers:
        image = None
        try:
            request = ImageRequest(
                **vars(scenes),
                expression=layer.expression,
                transforms=layer.transforms,
                surface=layer.derived_surface,
                mask=parse_mask(layer.mask, 0.0, profile),
                profile=profile,
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
