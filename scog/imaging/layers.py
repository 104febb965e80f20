"""Layers: bands of one scene, read and resampled to the target grid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from scog.catalog.assets import Asset
from scog.catalog.scene import Scene
from scog.cog.block_reader import BlockReader
from scog.cog.decode import Block
from scog.cog.preview_level import Levels, PreviewLevel, cheapest_levels, coarser_levels, pixel_size_ratio
from scog.cog.range_plan import BlockIndex
from scog.cog.validity import values_and_validity
from scog.collections.bands import BY_NAME
from scog.collections.reflectance_offset import estimate_offset
from scog.errors import AssetChanged, AssetMissing, SourceError
from scog.geo.grid import Grid
from scog.imaging.asset_binding import bind_asset
from scog.imaging.index_maps import IndexMaps
from scog.imaging.layer_plan import LayerPlan, LayerSource, plan_layer
from scog.net.policy import UpstreamStats
from scog.runtime.memory_budget import MemoryBudget
from scog.warp.resample import Resampling
from scog.warp.warp import CLASS_BAND, method_for, warp_blocks
from scog.warp.workbench import Workbench, pixels_to_process

Mask2D = NDArray[np.bool_]
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Layer:
    """Stored numbers on the target grid `(y, x)`, their validity, and their scale: value = number x scale + offset."""

    numbers: NDArray[Any]
    valid: Mask2D
    scale: float
    offset: float

    def values(self, floor: float | None = None) -> NDArray[np.float32]:
        """Float32 values; with `floor`, none below it."""
        values = self.numbers.astype(np.float32)
        if self.scale != 1.0:
            values *= np.float32(self.scale)
        if self.offset:
            values += np.float32(self.offset)
        if floor is not None:
            np.maximum(values, np.float32(floor), out=values)
        return values


@dataclass(frozen=True, eq=False)
class LayerRequest:
    """Bands of a scene to read onto a grid.

    wanted        pixels to read, bool `(y, x)`; None for all. Others are invalid.
    resampling    method for all bands but the scene classification, which is resampled by nearest or mode
    partial_rows  read only the rows of a block that are needed, which pays if adjacent tiles are unlikely to follow
    """

    scene: Scene
    bands: Sequence[str]
    grid: Grid
    wanted: Mask2D | None = None
    resampling: Resampling = Resampling.NEAREST
    partial_rows: bool = False


class LayerReader:
    """Reads layers. Opened and used within one event loop.

    `ambiguous_offset` is the reflectance offset of scenes whose metadata does not determine it; None to detect it.
    """

    def __init__(
        self, reader: BlockReader, workbench: Workbench, budget: MemoryBudget, ambiguous_offset: float | None
    ) -> None:
        self._reader = reader
        self._workbench = workbench
        self._budget = budget
        self._ambiguous_offset = ambiguous_offset
        self._index_maps = IndexMaps(workbench)

    async def compute(
        self,
        request: LayerRequest,
        work: Callable[[dict[str, Layer]], T],
        tally: UpstreamStats,
        preview: PreviewLevel | None = None,
    ) -> T:
        """Read the bands concurrently and return the result of `work`, a function of their layers by band.

        Layers are valid where the file has data and the pixel is wanted. For a `preview`, coarser levels are read where
        that takes fewer bytes, and the coarseness is recorded in it. Raises SourceError.
        """
        for _ in request.bands:  # each file may have been replaced; its cached header is then dropped
            with suppress(AssetChanged):
                return await self._compute(request, work, tally, preview)
        return await self._compute(request, work, tally, preview)

    async def describe(self, scene: Scene, bands: Sequence[str], tally: UpstreamStats) -> None:
        """Read the headers of bands that will be read soon. Raises SourceError."""
        assets = (scene.assets.get(band) for band in bands)
        await self._reader.describe_all([asset.url for asset in assets if asset is not None], tally)

    def cached(self, request: LayerRequest) -> dict[str, Layer] | None:
        """The layers by band if all blocks are in memory, else None. Does not block; for any thread."""
        inputs = []
        for band in request.bands:
            plan = self._cached_plan(request, band)
            blocks = None if plan is None else self._cached_blocks(plan)
            if plan is None or blocks is None:
                return None
            inputs.append((band, plan, blocks))
        return {band: _resampled(band, plan, blocks, request) for band, plan, blocks in inputs}

    async def _compute(
        self,
        request: LayerRequest,
        work: Callable[[dict[str, Layer]], T],
        tally: UpstreamStats,
        preview: PreviewLevel | None,
    ) -> T:
        plans = await self._plans(request, tally, preview)
        working_bytes = max((plan.working_bytes for plan in plans), default=0)
        async with self._budget.hold(sum(plan.size for plan in plans) + working_bytes):
            partial_rows = request.partial_rows and preview is None
            blocks = await self._reader.read([plan.request for plan in plans], tally, partial_rows)

            def resample_and_work() -> T:
                inputs = zip(request.bands, plans, blocks, strict=True)
                return work({band: _resampled(band, plan, read, request) for band, plan, read in inputs})

            size = pixels_to_process(request.grid.shape, len(request.bands), request.resampling)
            return await self._workbench.work(size, resample_and_work)

    def _cached_blocks(self, plan: LayerPlan) -> dict[BlockIndex, Block] | None:
        return self._reader.cached_blocks(plan.request)

    def _cached_plan(self, request: LayerRequest, band: str) -> LayerPlan | None:
        """The plan of a band if its header is in memory and its offset is certain, else None."""
        asset = request.scene.assets.get(band)
        metadata = self._reader.known(asset.url) if asset is not None else None
        if asset is None or asset.offset is None or metadata is None:
            return None
        try:
            asset, metadata = bind_asset(asset, band, metadata)
        except SourceError:  # raised again when the band is read
            return None
        source = LayerSource(asset, metadata, asset.offset or 0.0, method_for(band, request.resampling))
        level = metadata.level_for(request.grid)
        index_map = self._index_maps.get((request.grid, metadata.levels[level].grid, source.method))
        return self._limited(plan_layer(source, level, index_map), request.wanted)

    async def _plans(
        self, request: LayerRequest, tally: UpstreamStats, preview: PreviewLevel | None
    ) -> list[LayerPlan]:
        """The plan of each band."""
        grid, sources = request.grid, await self._sources(request, tally)
        plans = await self._plans_for(request, sources, [source.metadata.level_for(grid) for source in sources])
        if preview is not None:
            levels = self._cheapest_levels(plans, grid)
            if levels != tuple(plan.level for plan in plans):
                plans = await self._plans_for(request, sources, levels)
            preview.ratio = max(preview.ratio, pixel_size_ratio([source.metadata for source in sources], grid, levels))
        return plans

    async def _sources(self, request: LayerRequest, tally: UpstreamStats) -> list[LayerSource]:
        """The file of each band, with its header read."""
        assets = [_asset_of(request.scene, band) for band in request.bands]
        detected = 0.0
        if any(asset.offset is None for asset in assets):
            detected = await self._detect_offset(request.scene, tally)
        headers = await self._reader.describe_all([asset.url for asset in assets], tally)
        sources = []
        for asset, band, header in zip(assets, request.bands, headers, strict=True):
            bound_asset, metadata = bind_asset(asset, band, header)
            offset = detected if bound_asset.offset is None else bound_asset.offset
            sources.append(LayerSource(bound_asset, metadata, offset, method_for(band, request.resampling)))
        return sources

    async def _plans_for(
        self, request: LayerRequest, sources: Sequence[LayerSource], levels: Sequence[int]
    ) -> list[LayerPlan]:
        """The plan of each source at a level."""
        pairs = list(zip(sources, levels, strict=True))
        keys = [(request.grid, source.metadata.levels[level].grid, source.method) for source, level in pairs]
        index_maps = await self._index_maps.get_all(keys)
        plans = (plan_layer(*pair, index_maps[key]) for pair, key in zip(pairs, keys, strict=True))
        return [self._limited(plan, request.wanted) for plan in plans]

    def _limited(self, plan: LayerPlan, wanted: Mask2D | None) -> LayerPlan:
        """The plan without blocks that hold no wanted pixel. Unchanged if all its blocks are in memory."""
        if wanted is None or len(plan.needed) <= 1 or self._cached_blocks(plan) is not None:
            return plan
        return plan.limited(wanted)

    def _cheapest_levels(self, plans: Sequence[LayerPlan], grid: Grid) -> Levels:
        """The level of each plan for a preview, with the fewest bytes to read."""
        costs = []
        for levels in coarser_levels([plan.source.metadata for plan in plans], grid):
            requests = (plan.coarser(level) for plan, level in zip(plans, levels, strict=True))
            costs.append((levels, sum(map(self._reader.missing_bytes, requests))))
        return cheapest_levels(costs)

    async def _detect_offset(self, scene: Scene, tally: UpstreamStats) -> float:
        """The reflectance offset of a scene whose metadata does not determine it.

        It is that of the settings, or detected from the coarsest overview of the red band.
        """
        if self._ambiguous_offset is not None:
            return self._ambiguous_offset
        red = scene.assets.get("red")
        if red is None:
            return 0.0
        metadata = await self._reader.describe(red.url, tally)
        cached = await self._reader.stored_offset(red.url, metadata)
        if cached is not None:
            return cached
        coarsest = len(metadata.levels) - 1
        rows, cols = metadata.levels[coarsest].blocks
        every = [(row, col) for row in range(rows) for col in range(cols)]
        blocks = await self._reader.blocks(red.url, metadata, coarsest, every, tally)
        data = (values_and_validity(block) for block in blocks.values())
        offset = estimate_offset(np.concatenate([numbers[valid] for numbers, valid in data]))
        await self._reader.store_offset(red.url, metadata, offset)
        return offset


def _asset_of(scene: Scene, band: str) -> Asset:
    asset = scene.assets.get(band)
    if asset is None:
        key = BY_NAME[band].asset if band in BY_NAME else band
        available = ", ".join(list(scene.assets)[:20])
        raise AssetMissing(f"Scene {scene.id} has no asset {key!r}; it has {available}.", reason=f"no-asset-{key}")
    return asset


def _resampled(band: str, plan: LayerPlan, blocks: dict[BlockIndex, Block], request: LayerRequest) -> Layer:
    """The layer on the whole target grid."""
    shape, index_map = request.grid.shape, plan.index_map
    if index_map is None:
        return Layer(np.zeros(shape, np.uint8), np.zeros(shape, bool), 1.0, 0.0)
    method = plan.source.method
    numbers, valid = warp_blocks(index_map, method, plan.block_shape, blocks, plan.nodata, classes=band == CLASS_BAND)
    if numbers.shape != shape:
        part = index_map.rows, index_map.cols
        whole, whole_valid = np.zeros(shape, numbers.dtype), np.zeros(shape, bool)
        whole[part], whole_valid[part] = numbers, valid
        numbers, valid = whole, whole_valid
    if request.wanted is not None:
        valid &= request.wanted
    scale = plan.source.asset.scale
    return Layer(numbers, valid, 1.0 if scale is None else scale, plan.source.offset)
