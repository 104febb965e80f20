"""What one scene shows on a grid: where it may be used, and the formula's values there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from scog.bandmath.expression import Expression
from scog.catalog.archive.archive import Archive
from scog.catalog.scene import Scene
from scog.collections.bands import BY_NAME
from scog.composite.dilation import Surroundings, surroundings
from scog.composite.mask import Mask
from scog.errors import SourceError
from scog.geo.grid import Grid
from scog.imaging.engine import Engine
from scog.imaging.layers import Layer
from scog.imaging.report import Report
from scog.imaging.request import ImageRequest
from scog.runtime.tasks import gather_all
from scog.warp.resample import Resampling
from scog.warp.warp import method_for

Mask2D = NDArray[np.bool_]
Valued = tuple[NDArray[np.float32], Mask2D]
"""Values `(band, y, x)` and where they are valid `(y, x)`."""
T = TypeVar("T")


class SceneView:
    """Looks at scenes, each on the same grid with the same question, and notes in a report those that fail.

    With `partial_rows` no more rows of files are read than it takes (see `LayerReader.compute`).
    Each look exists twice: `known_...` only uses what is in memory, waits for nothing, and is for any thread.
    """

    def __init__(
        self, engine: Engine, grid: Grid, request: ImageRequest, report: Report, *, partial_rows: bool = False
    ) -> None:
        self._layers = engine.layers
        self._partial_rows = partial_rows
        self._grid = grid
        self._request = request
        self._report = report
        catalog = engine.searches.catalog
        self._root = catalog.folder if isinstance(catalog, Archive) else None
        self._around = surroundings(grid, request.mask.dilate) if request.mask.dilate else None

    async def usable(self, scene: Scene, wanted: Mask2D | None = None) -> Mask2D | None:
        """Where a scene may be used, by its classification; None when that cannot be read."""
        found = await self.classified(scene, wanted)
        return None if found is None else found[0]

    async def classified(self, scene: Scene, wanted: Mask2D | None = None) -> tuple[Mask2D, Mask2D] | None:
        """Where a scene may be used, and where it was seen but is taken out; None when that cannot be read.

        Neither is where the scene has no data.
        """
        if self.needs_no_mask(scene):
            return np.ones(self._grid.shape, bool), np.zeros(self._grid.shape, bool)
        classified = self._computed(scene, ("scl",), partial(_classified, self._request.mask), self._grid, wanted)
        if self._around is None:
            return await classified
        near = self._computed(scene, ("scl",), partial(_near, self._request.mask, self._around), self._around.grid)
        found, masked = await gather_all((classified, near))
        return None if found is None or masked is None else (found[0] & ~masked, found[1] | (found[0] & masked))

    def cached_usable(self, scene: Scene, wanted: Mask2D | None = None) -> Mask2D | None:
        """The same; None when it is not in memory."""
        if self.needs_no_mask(scene):
            return np.ones(self._grid.shape, bool)
        layers = self._layers.in_memory(scene, ("scl",), self._grid, wanted)
        if layers is None or self._around is None:
            return None if layers is None else _usable(self._request.mask, layers)
        around = self._layers.in_memory(scene, ("scl",), self._around.grid)
        if around is None:
            return None
        return _usable(self._request.mask, layers) & ~_near(self._request.mask, self._around, around)

    async def describe(self, scene: Scene) -> None:
        """Read the headers of the formula's bands; one that fails is noted when the band is read."""
        with suppress(SourceError):
            await self._layers.describe(scene, self._request.expression.bands, self._report.tally)

    async def values(self, scene: Scene, wanted: Mask2D | None = None) -> Valued | None:
        """The formula's values, where they are wanted; None when a band cannot be read."""
        expression, resampling = self._request.expression, self._request.resampling
        return await self._computed(
            scene, expression.bands, partial(_evaluate, expression), self._grid, wanted, resampling
        )

    def cached_values(self, scene: Scene, wanted: Mask2D | None = None) -> Valued | None:
        """The same; None when it is not in memory."""
        expression = self._request.expression
        layers = self._layers.in_memory(scene, expression.bands, self._grid, wanted, self._request.resampling)
        return None if layers is None else _evaluate(expression, layers)

    async def masked(self, scene: Scene) -> tuple[Mask2D, Valued] | None:
        """Both, from classification and bands read at once: it is a round trip less. None when one cannot be read."""
        request = self._request
        apart = "scl" in request.expression.bands or method_for("scl", request.resampling) is not Resampling.NEAREST
        if apart or self._around is not None or self.needs_no_mask(scene):
            usable, values = await gather_all((self.usable(scene), self.values(scene)))
            return None if usable is None or values is None else (usable, values)
        bands = ("scl", *request.expression.bands)
        work = partial(_masked, request.mask, request.expression)
        return await self._computed(scene, bands, work, self._grid, None, request.resampling)

    def needs_no_mask(self, scene: Scene) -> bool:
        """Whether all of a scene may be used: nothing is to be masked, or it has nothing to mask by."""
        if self._request.mask.classes is None:
            return True
        if "scl" in scene.assets:
            return False
        if scene.id not in self._report.unmasked:
            self._report.unmasked.append(scene.id)
        return True

    async def _computed(
        self,
        scene: Scene,
        bands: Sequence[str],
        work: Callable[[dict[str, Layer]], T],
        grid: Grid,
        wanted: Mask2D | None = None,
        resampling: Resampling = Resampling.NEAREST,
    ) -> T | None:
        """What `work` makes of bands of a scene, or None with the reason noted."""
        try:
            return await self._layers.compute(
                scene,
                bands,
                grid,
                work,
                self._report.tally,
                wanted,
                resampling,
                self._partial_rows,
                self._report.preview,
            )
        except SourceError as fault:
            self._report.skip(scene, fault, self._root)
            return None


def _usable(mask: Mask, layers: dict[str, Layer]) -> Mask2D:
    return layers["scl"].valid & mask.usable(layers["scl"].numbers)


def _classified(mask: Mask, layers: dict[str, Layer]) -> tuple[Mask2D, Mask2D]:
    usable = _usable(mask, layers)
    return usable, layers["scl"].valid & ~usable


def _masked(mask: Mask, expression: Expression, layers: dict[str, Layer]) -> tuple[Mask2D, Valued]:
    return _usable(mask, layers), _evaluate(expression, {band: layers[band] for band in expression.bands})


def _near(mask: Mask, around: Surroundings, layers: dict[str, Layer]) -> Mask2D:
    """Where something masked is near."""
    return around.near(layers["scl"].valid & ~mask.usable(layers["scl"].numbers))


def _evaluate(expression: Expression, layers: dict[str, Layer]) -> Valued:
    """The formula over reflectance, floored at 0: below it, ratios explode over water and shadow."""
    floor = {band: 0.0 if band in BY_NAME and BY_NAME[band].spectral else None for band in layers}
    values, valid = expression.evaluate({band: layer.values(floor[band]) for band, layer in layers.items()})
    for layer in layers.values():
        valid &= layer.valid
    return values, valid
