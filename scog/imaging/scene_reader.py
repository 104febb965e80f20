"""Reads scenes onto the target grid: usable pixels (mask) and values of the expression."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from scog.bandmath.expression import Expression
from scog.bandmath.transforms import Transforms, transformed
from scog.catalog.scene import Scene
from scog.composite.dilation import DilationGrid, dilation_grid
from scog.composite.scene_mask import SceneMask
from scog.errors import SourceError
from scog.geo.grid import Grid
from scog.imaging.band_reader import BandData, BandRequest
from scog.imaging.engine import Engine
from scog.imaging.report import Report
from scog.imaging.request import ImageRequest
from scog.runtime.tasks import gather_all
from scog.warp.resample import Resampling
from scog.warp.warp import method_for

Mask2D = NDArray[np.bool_]
ValuesAndValidity = tuple[NDArray[np.float32], Mask2D]
"""Values float32 `(output, y, x)` and their validity bool `(y, x)`."""
T = TypeVar("T")


class SceneReader:
    """Reads scenes for one image request on one grid. Scenes that cannot be read are added to the report.

    `partial_rows` limits reads to the rows needed (see `BandRequest`). Methods called `cached_...` read from memory
    only; they are thread-safe and do not block. `pixels`, bool `(y, x)`, limits a read to these pixels; None means all.
    """

    def __init__(
        self, engine: Engine, grid: Grid, request: ImageRequest, report: Report, *, partial_rows: bool = False
    ) -> None:
        self._band_reader = engine.band_reader
        self._partial_rows = partial_rows
        self._grid = grid
        self._request = request
        self._report = report
        self._evaluate = partial(
            _evaluate, request.expression, request.transforms if request.transforms_observations else ()
        )
        self._catalogs = engine.catalogs
        self._dilation_grid = dilation_grid(grid, request.mask.dilate) if request.mask.dilate else None

    async def usable(self, scene: Scene, pixels: Mask2D | None = None) -> Mask2D | None:
        """The usable pixels of a scene, bool `(y, x)`; None if a band of its mask cannot be read."""
        masks = await self.usable_and_masked(scene, pixels)
        return None if masks is None else masks[0]

    async def usable_and_masked(self, scene: Scene, pixels: Mask2D | None = None) -> tuple[Mask2D, Mask2D] | None:
        """The usable and the masked pixels of a scene, bool `(y, x)`; None if a band of its mask cannot be read.

        Pixels without data are neither usable nor masked.
        """
        await self._find_mask_in_files(scene)
        mask, dilation_grid = self._mask_of(scene), self._dilation_grid
        if not mask.rules:
            return np.ones(self._grid.shape, bool), np.zeros(self._grid.shape, bool)
        undilated = self._compute(self._mask_request(scene, mask, pixels), mask.usable_and_masked)
        if dilation_grid is None:
            masks = await undilated
            self._note(scene, mask)
            return masks
        mask_request = self._mask_request(scene, mask, None, dilation_grid.grid)
        masks, dilated = await gather_all(
            (undilated, self._compute(mask_request, partial(_dilated, mask, dilation_grid)))
        )
        self._note(scene, mask)
        if masks is None or dilated is None:
            return None
        usable, masked = masks
        return usable & ~dilated, masked | (usable & dilated)

    def cached_usable(self, scene: Scene, pixels: Mask2D | None = None) -> Mask2D | None:
        """The usable pixels of a scene, bool `(y, x)`; None if a band of its mask is not in memory."""
        if self._band_reader.not_searched(scene, self._request.scene_mask(scene.collection).bands):
            return None
        mask, dilation_grid = self._mask_of(scene), self._dilation_grid
        if not mask.rules:
            return np.ones(self._grid.shape, bool)
        bands = self._band_reader.cached(self._mask_request(scene, mask, pixels))
        self._note(scene, mask)
        if bands is None or dilation_grid is None:
            return None if bands is None else mask.usable_and_masked(bands)[0]
        surroundings = self._band_reader.cached(self._mask_request(scene, mask, None, dilation_grid.grid))
        if surroundings is None:
            return None
        return mask.usable_and_masked(bands)[0] & ~_dilated(mask, dilation_grid, surroundings)

    async def read_headers(self, scene: Scene) -> None:
        """Read the headers of the expression's bands ahead of their pixels.

        Errors are ignored here: they are recorded when the band is read.
        """
        with suppress(SourceError):
            await self._band_reader.read_headers(scene, self._request.expression.bands, self._report.tally)

    async def values(self, scene: Scene, pixels: Mask2D | None = None) -> ValuesAndValidity | None:
        """The expression's values, valid only at `pixels`; None if a band cannot be read."""
        return await self._compute(self._band_request(scene, pixels), self._evaluate)

    def cached_values(self, scene: Scene, pixels: Mask2D | None = None) -> ValuesAndValidity | None:
        """The expression's values, valid only at `pixels`; None if a band is not in memory."""
        bands = self._band_reader.cached(self._band_request(scene, pixels))
        return None if bands is None else self._evaluate(bands)

    async def usable_and_values(self, scene: Scene) -> tuple[Mask2D, ValuesAndValidity] | None:
        """The usable pixels and the expression's values, read concurrently. None if either cannot be read."""
        await self._find_mask_in_files(scene)
        request, mask = self._request, self._mask_of(scene)
        # One request reads the bands of the mask and of the expression. Two are needed if a band of the mask is
        # resampled by another method than nearest, if the mask is dilated (it is then read on a larger grid), or if
        # nothing has to be read for it.
        methods = {method_for(request.resampling, discrete=scene.assets[band].discrete) for band in mask.bands}
        if methods != {Resampling.NEAREST} or self._dilation_grid is not None:
            usable, values = await gather_all((self.usable(scene), self.values(scene)))
            return None if usable is None or values is None else (usable, values)
        bands = tuple(dict.fromkeys((*mask.bands, *request.expression.bands)))
        band_request = replace(self._band_request(scene, None), bands=bands)
        pixels = await self._compute(
            band_request, partial(_usable_and_values, mask, self._evaluate, request.expression.bands)
        )
        self._note(scene, mask)
        return pixels

    def _mask_request(
        self, scene: Scene, mask: SceneMask, pixels: Mask2D | None, grid: Grid | None = None
    ) -> BandRequest:
        nearest, offset = Resampling.NEAREST, self._request.offset
        return BandRequest(scene, mask.bands, grid or self._grid, pixels, nearest, self._partial_rows, offset)

    def _band_request(self, scene: Scene, pixels: Mask2D | None) -> BandRequest:
        bands, resampling = self._request.expression.bands, self._request.resampling
        return BandRequest(scene, bands, self._grid, pixels, resampling, self._partial_rows, self._request.offset)

    async def _find_mask_in_files(self, scene: Scene) -> None:
        """Look for bands of the mask that the item does not name in its files."""
        bands = self._request.scene_mask(scene.collection).bands
        if self._band_reader.not_searched(scene, bands):
            await self._band_reader.find_in_files(scene, bands, self._report.tally)

    def _mask_of(self, scene: Scene) -> SceneMask:
        """The mask of a scene, without rules that need a band which the scene does not have.

        Adds a scene to `report.unmasked` if a part of the mask cannot be applied to it.
        """
        return applicable_mask(self._request, scene, self._report)

    def _note(self, scene: Scene, mask: SceneMask) -> None:
        """Add what is noted of the mask's bands to the report, also if the scene is all masked, so that it is not used.

        The notes of the expression's bands are those of the scenes used.
        """
        for note in (note for band in mask.bands for note in scene.assets[band].notes):
            if note not in self._report.remarks:
                self._report.remarks.append(note)

    async def _compute(self, request: BandRequest, function: Callable[[dict[str, BandData]], T]) -> T | None:
        """Return `function(bands)`. If a band cannot be read, add the scene to `report.skipped` and return None."""
        try:
            report = self._report
            return await self._band_reader.compute(
                request, function, report.tally, report.preview, report.guessed_offsets
            )
        except SourceError as error:
            root = None if error.url is None else self._catalogs.folder_of(error.url)
            self._report.skip(request.scene, error, root)
            return None


def applicable_mask(request: ImageRequest, scene: Scene, report: Report) -> SceneMask:
    """The mask of a scene, without rules that need a band which the scene does not have.

    Adds the scene to `report.unmasked` if a part of the mask cannot be applied to it, with the names of sets that its
    collection and of bands that the scene does not have.
    """
    mask = request.scene_mask(scene.collection)
    missing = tuple(band for band in mask.bands if band not in scene.assets)
    if missing or mask.unknown:
        report.unmasked.setdefault(scene.id, (*mask.unknown, *missing))
    return mask.limited(scene.assets) if missing else mask


def _usable_and_values(
    mask: SceneMask,
    evaluate: Callable[[dict[str, BandData]], ValuesAndValidity],
    names: Sequence[str],
    bands: dict[str, BandData],
) -> tuple[Mask2D, ValuesAndValidity]:
    usable, _ = mask.usable_and_masked(bands)
    return usable, evaluate({name: bands[name] for name in names})


def _dilated(mask: SceneMask, dilation_grid: DilationGrid, bands: dict[str, BandData]) -> Mask2D:
    """The pixels of the target grid within the dilation distance of a masked pixel, bool `(y, x)`."""
    return dilation_grid.dilated(mask.usable_and_masked(bands)[1])


def _evaluate(expression: Expression, transforms: Transforms, bands: dict[str, BandData]) -> ValuesAndValidity:
    """Evaluate the expression, and transform its values.

    Reflectance is floored at 0, since negative values make ratios over dark areas extreme.
    A pixel is valid if all bands and the result are.
    """
    values, valid = expression.evaluate({band: data.values(data.floor) for band, data in bands.items()})
    for data in bands.values():
        valid &= data.valid
    return transformed(transforms, values, valid)
