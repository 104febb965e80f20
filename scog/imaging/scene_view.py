"""One scene on the target grid: its usable pixels (mask) and the values of the expression."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from scog.bandmath.expression import Expression
from scog.catalog.archive.archive import Archive
from scog.catalog.scene import Scene
from scog.collections.bands import BY_NAME
from scog.composite.dilation import SearchGrid, search_grid
from scog.composite.mask import Mask
from scog.errors import SourceError
from scog.geo.grid import Grid
from scog.imaging.engine import Engine
from scog.imaging.layers import Layer, LayerRequest
from scog.imaging.report import Report
from scog.imaging.request import ImageRequest
from scog.runtime.tasks import gather_all
from scog.warp.resample import Resampling
from scog.warp.warp import CLASS_BAND, method_for

Mask2D = NDArray[np.bool_]
Valued = tuple[NDArray[np.float32], Mask2D]
"""Values float32 `(output, y, x)` and their validity bool `(y, x)`."""
T = TypeVar("T")


class SceneView:
    """Reads scenes for one request on one grid. Scenes that fail are recorded in a report.

    `partial_rows` limits reads to the rows needed (see `LayerRequest`). Methods called `cached_...` use only what is in
    memory; they do not block and may be called from any thread.
    """

    def __init__(
        self, engine: Engine, grid: Grid, request: ImageRequest, report: Report, *, partial_rows: bool = False
    ) -> None:
        self._layers = engine.layer_reader
        self._partial_rows = partial_rows
        self._grid = grid
        self._request = request
        self._report = report
        catalog = engine.searches.catalog
        self._root = catalog.folder if isinstance(catalog, Archive) else None
        self._search_grid = search_grid(grid, request.mask.dilate) if request.mask.dilate else None

    async def usable(self, scene: Scene, wanted: Mask2D | None = None) -> Mask2D | None:
        """The usable pixels of a scene, bool `(y, x)`; None if its classification cannot be read."""
        classified = await self.classified(scene, wanted)
        return None if classified is None else classified[0]

    async def classified(self, scene: Scene, wanted: Mask2D | None = None) -> tuple[Mask2D, Mask2D] | None:
        """The usable and the masked pixels of a scene, bool `(y, x)`; None if its classification cannot be read.

        Pixels without data are neither.
        """
        if self._is_unmasked(scene):
            return np.ones(self._grid.shape, bool), np.zeros(self._grid.shape, bool)
        mask, search_grid = self._request.mask, self._search_grid
        classified = self._compute(self._mask_request(scene, wanted), partial(_classified, mask))
        if search_grid is None:
            return await classified
        dilated = self._compute(self._mask_request(scene, None, search_grid.grid), partial(_near, mask, search_grid))
        pixels, near = await gather_all((classified, dilated))
        if pixels is None or near is None:
            return None
        usable, masked = pixels
        return usable & ~near, masked | (usable & near)

    def cached_usable(self, scene: Scene, wanted: Mask2D | None = None) -> Mask2D | None:
        """The usable pixels of a scene, bool `(y, x)`; None if its classification is not in memory."""
        if self._is_unmasked(scene):
            return np.ones(self._grid.shape, bool)
        mask, search_grid = self._request.mask, self._search_grid
        layers = self._layers.cached(self._mask_request(scene, wanted))
        if layers is None or search_grid is None:
            return None if layers is None else _usable(mask, layers)
        wider = self._layers.cached(self._mask_request(scene, None, search_grid.grid))
        return None if wider is None else _usable(mask, layers) & ~_near(mask, search_grid, wider)

    async def describe(self, scene: Scene) -> None:
        """Read the headers of the expression's bands. Errors are ignored here, and recorded when the band is read."""
        with suppress(SourceError):
            await self._layers.describe(scene, self._request.expression.bands, self._report.tally)

    async def values(self, scene: Scene, wanted: Mask2D | None = None) -> Valued | None:
        """The expression's values, valid only at wanted pixels; None if a band cannot be read."""
        return await self._compute(self._band_request(scene, wanted), partial(_evaluate, self._request.expression))

    def cached_values(self, scene: Scene, wanted: Mask2D | None = None) -> Valued | None:
        """The expression's values, valid only at wanted pixels; None if a band is not in memory."""
        layers = self._layers.cached(self._band_request(scene, wanted))
        return None if layers is None else _evaluate(self._request.expression, layers)

    async def masked(self, scene: Scene) -> tuple[Mask2D, Valued] | None:
        """The usable pixels and the expression's values, read concurrently. None if either cannot be read."""
        request = self._request
        if (
            CLASS_BAND in request.expression.bands
            or method_for(CLASS_BAND, request.resampling) is not Resampling.NEAREST
            or self._search_grid is not None
            or self._is_unmasked(scene)
        ):
            usable, values = await gather_all((self.usable(scene), self.values(scene)))
            return None if usable is None or values is None else (usable, values)
        layer_request = replace(self._band_request(scene, None), bands=(CLASS_BAND, *request.expression.bands))
        return await self._compute(layer_request, partial(_masked, request.mask, request.expression))

    def _mask_request(self, scene: Scene, wanted: Mask2D | None, grid: Grid | None = None) -> LayerRequest:
        return LayerRequest(scene, (CLASS_BAND,), grid or self._grid, wanted, partial_rows=self._partial_rows)

    def _band_request(self, scene: Scene, wanted: Mask2D | None) -> LayerRequest:
        bands, resampling = self._request.expression.bands, self._request.resampling
        return LayerRequest(scene, bands, self._grid, wanted, resampling, self._partial_rows)

    def _is_unmasked(self, scene: Scene) -> bool:
        """Whether all of a scene is usable: no class is masked, or the scene has no classification (reported)."""
        if self._request.mask.classes is None:
            return True
        if CLASS_BAND in scene.assets:
            return False
        if scene.id not in self._report.unmasked:
            self._report.unmasked.append(scene.id)
        return True

    async def _compute(self, request: LayerRequest, work: Callable[[dict[str, Layer]], T]) -> T | None:
        """The result of `work` on the layers; None, with the error recorded, if one cannot be read."""
        try:
            return await self._layers.compute(request, work, self._report.tally, self._report.preview)
        except SourceError as error:
            self._report.skip(request.scene, error, self._root)
            return None


def _usable(mask: Mask, layers: dict[str, Layer]) -> Mask2D:
    classes = layers[CLASS_BAND]
    return classes.valid & mask.usable(classes.numbers)


def _classified(mask: Mask, layers: dict[str, Layer]) -> tuple[Mask2D, Mask2D]:
    usable = _usable(mask, layers)
    return usable, layers[CLASS_BAND].valid & ~usable


def _masked(mask: Mask, expression: Expression, layers: dict[str, Layer]) -> tuple[Mask2D, Valued]:
    return _usable(mask, layers), _evaluate(expression, {band: layers[band] for band in expression.bands})


def _near(mask: Mask, search_grid: SearchGrid, layers: dict[str, Layer]) -> Mask2D:
    """The pixels of the target grid within the dilation distance of a masked pixel, bool `(y, x)`."""
    classes = layers[CLASS_BAND]
    return search_grid.near(classes.valid & ~mask.usable(classes.numbers))


def _evaluate(expression: Expression, layers: dict[str, Layer]) -> Valued:
    """The expression over reflectance floored at 0: negative values make ratios explode over water and shadow."""
    floor = {band: 0.0 if band in BY_NAME and BY_NAME[band].spectral else None for band in layers}
    values, valid = expression.evaluate({band: layer.values(floor[band]) for band, layer in layers.items()})
    for layer in layers.values():
        valid &= layer.valid
    return values, valid
