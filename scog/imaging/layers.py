"""Layers: one band of one scene, brought onto a picture's grid."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from scog.catalog.assets import Asset
from scog.catalog.scene import Scene
from scog.cog.block_reader import BlockReader, BlockRequest
from scog.cog.decode import Block
from scog.cog.metadata import FileMetadata
from scog.cog.preview_level import Levels, PreviewLevel, cheapest, coarser_levels, level_for, ratio
from scog.cog.range_plan import BlockIndex
from scog.cog.validity import data_of
from scog.collections.bands import BY_NAME
from scog.collections.reflectance_offset import settle_offset
from scog.errors import AssetChanged, AssetMissing, SourceError
from scog.geo.grid import Grid
from scog.geo.resampling_support import ResamplingSupport
from scog.imaging.asset_binding import bound
from scog.net.policy import UpstreamStats
from scog.runtime.byte_cache import ByteCache
from scog.runtime.memory_budget import MemoryBudget
from scog.runtime.singleflight import SingleFlight
from scog.runtime.tasks import gather_all
from scog.warp.resample import Resampling
from scog.warp.warp import CLASSES, Map, map_of, method_for, placed
from scog.warp.workbench import Workbench, effort

INDEX_MAPS_BYTES = 192 * 2**20
WINDOW_BYTES = 13
"""Of each source pixel in the window of a resampled layer: numbers, sums, counts, validity."""
"""Index maps and footings kept: maps of about 300 tiles, at two levels of 256 KB each, or footings of 100."""
Mask2D = NDArray[np.bool_]
MapKey = tuple[Grid, Grid, Resampling]
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Layer:
    """Numbers as stored on the target grid `(y, x)`, where they are valid, and what they mean: x `scale` + `offset`."""

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
class _Plan:
    """What has to be read for one layer, known before a pixel is."""

    asset: Asset
    description: FileMetadata
    level: int
    method: Resampling
    found: Map | None
    needed: frozenset[BlockIndex]
    offset: float

    @property
    def wish(self) -> BlockRequest:
        """The blocks."""
        return BlockRequest(
            self.asset.url, self.description, self.level, self.needed, self.asset.band or 1, self.bottom
        )

    def at(self, level: int) -> BlockRequest:
        """The blocks of a coarser level that show about the same."""
        blocks: frozenset[BlockIndex] = frozenset()
        if self.found is not None:
            own, other = (self.description.levels[each] for each in (self.level, level))
            pairs = zip(own.grid.shape, other.grid.shape, other.block_shape, strict=True)
            height, width = (round(block * fine / coarse) for fine, coarse, block in pairs)
            rows, cols = other.blocks
            blocks = frozenset(each for each in self.found.blocks((height, width)) if each[0] < rows and each[1] < cols)
        return BlockRequest(self.asset.url, self.description, level, blocks, self.asset.band or 1)

    @property
    def bottom(self) -> int:
        """The row of the level before which all that is needed ends."""
        return self.found.bottom if self.found is not None else 0

    @property
    def size(self) -> int:
        """Bytes of the blocks that are read, and of the window that they are put together in."""
        blocks = self.description.reading_bytes(self.level, self.needed)
        if not isinstance(self.found, ResamplingSupport):
            return blocks
        height, width = self.found.window.shape
        return int(blocks + WINDOW_BYTES * height * width)

    @property
    def working_bytes(self) -> int:
        """Bytes that it takes to decode large blocks, one at a time."""
        return self.description.levels[self.level].working_bytes if self.needed else 0

    @property
    def nodata(self) -> frozenset[float]:
        """The numbers that are no data: the file's and the item's."""
        told = (self.description.nodata, self.asset.nodata)
        return frozenset(number for number in told if number is not None)


class LayerReader:
    """Reads layers. Made and used within one event loop."""

    def __init__(
        self, reader: BlockReader, workbench: Workbench, budget: MemoryBudget, ambiguous_offset: float | None
    ) -> None:
        self._reader = reader
        self._workbench = workbench
        self._budget = budget
        self._ambiguous_offset = ambiguous_offset
        self._maps: ByteCache[MapKey, tuple[Map | None]] = ByteCache(INDEX_MAPS_BYTES)
        self._mapping: SingleFlight[MapKey, Map | None] = SingleFlight()

    async def compute(
        self,
        scene: Scene,
        bands: Sequence[str],
        grid: Grid,
        work: Callable[[dict[str, Layer]], T],
        tally: UpstreamStats,
        wanted: Mask2D | None = None,
        resampling: Resampling = Resampling.NEAREST,
        partial_rows: bool = False,
        preview: PreviewLevel | None = None,
    ) -> T:
        """Read bands of a scene, all at once, and return what `work` makes of their layers.

        Layers are valid only where their file has data and, if given, where they are `wanted`. The scene classification
        is resampled by nearest or mode, whatever the method. A `partial_rows` read brings just the rows that it takes,
        which pays where the image's neighbours will hardly be requested. For a `preview`, blocks of coarser levels
        are read where the right ones are not in memory, and it is noted how coarse they are. Raises a SourceError.
        """

        async def read() -> T:
            plans = await self._plans(scene, bands, grid, tally, wanted, resampling, preview)
            rows_only = partial_rows and preview is None
            return await self._read(plans, bands, grid, work, tally, wanted, resampling, rows_only)

        for _ in bands:  # each file may have been replaced; what was known of it is forgotten then
            with suppress(AssetChanged):
                return await read()
        return await read()

    async def describe(self, scene: Scene, bands: Sequence[str], tally: UpstreamStats) -> None:
        """Read the headers of bands that will be read soon. Raises a SourceError."""
        assets = (scene.assets.get(band) for band in bands)
        await self._reader.describe_all([asset.url for asset in assets if asset is not None], tally)

    async def _read(
        self,
        plans: Sequence[_Plan],
        bands: Sequence[str],
        grid: Grid,
        work: Callable[[dict[str, Layer]], T],
        tally: UpstreamStats,
        wanted: Mask2D | None,
        resampling: Resampling,
        partial_rows: bool,
    ) -> T:
        working = max((plan.working_bytes for plan in plans), default=0)
        async with self._budget.hold(sum(plan.size for plan in plans) + working):
            blocks = await self._reader.read([plan.wish for plan in plans], tally, partial_rows)

            def place_and_work() -> T:
                layers = (_place(*each, grid, wanted) for each in zip(bands, plans, blocks, strict=True))
                return work(dict(zip(bands, layers, strict=True)))

            return await self._workbench.work(effort(grid.shape, len(bands), resampling), place_and_work)

    def in_memory(
        self,
        scene: Scene,
        bands: Sequence[str],
        grid: Grid,
        wanted: Mask2D | None = None,
        resampling: Resampling = Resampling.NEAREST,
    ) -> dict[str, Layer] | None:
        """The layers of `compute`, if all that they take is in memory. For any thread; it waits for nothing."""
        plans = []
        for band in bands:
            plan = self._known_plan(scene, band, grid, wanted, method_for(band, resampling))
            blocks = None if plan is None else self._kept(plan)
            if plan is None or blocks is None:
                return None
            plans.append((plan, blocks))
        return {band: _place(band, *known, grid, wanted) for band, known in zip(bands, plans, strict=True)}

    def _kept(self, plan: _Plan) -> dict[BlockIndex, Block] | None:
        return self._reader.kept(plan.wish)

    def _known_plan(
        self, scene: Scene, band: str, grid: Grid, wanted: Mask2D | None, method: Resampling
    ) -> _Plan | None:
        asset = scene.assets.get(band)
        description = self._reader.known(asset.url) if asset is not None else None
        if asset is None or asset.offset is None or description is None:
            return None
        try:
            asset, description = bound(asset, band, description)
        except SourceError:  # to be told where it is read
            return None
        level = level_for(description, grid)
        key = grid, description.levels[level].grid, method
        found = self._maps.get(key) or self._keep_map(key, map_of(*key))
        return self._planned(asset, description, level, method, found[0], asset.offset or 0.0, wanted)

    async def _plans(
        self,
        scene: Scene,
        bands: Sequence[str],
        grid: Grid,
        tally: UpstreamStats,
        wanted: Mask2D | None,
        resampling: Resampling,
        preview: PreviewLevel | None = None,
    ) -> list[_Plan]:
        """What to read for each layer."""
        assets = [_asset_of(scene, band) for band in bands]
        looked_at = 0.0
        if any(asset.offset is None for asset in assets):
            looked_at = await self._look_at_offset(scene, tally)
        described = await self._reader.describe_all([asset.url for asset in assets], tally)
        pairs = [bound(*each) for each in zip(assets, bands, described, strict=True)]
        assets, descriptions = [asset for asset, _ in pairs], [description for _, description in pairs]
        methods = [method_for(band, resampling) for band in bands]

        async def plans_of(levels: Levels) -> list[_Plan]:
            sources = (each.levels[level].grid for each, level in zip(descriptions, levels, strict=True))
            keys = [(grid, source, method) for source, method in zip(sources, methods, strict=True)]
            maps = await self._make_maps(keys)
            offsets = (looked_at if asset.offset is None else asset.offset for asset in assets)
            return [
                self._planned(asset, description, level, method, maps[key], offset, wanted)
                for asset, description, level, method, key, offset in zip(
                    assets, descriptions, levels, methods, keys, offsets, strict=True
                )
            ]

        plans = await plans_of(tuple(level_for(each, grid) for each in descriptions))
        if preview is not None:
            levels = self._cheapest(plans, grid)
            if levels != tuple(plan.level for plan in plans):
                plans = await plans_of(levels)
            preview.ratio = max(preview.ratio, ratio(descriptions, grid, levels))
        return plans

    def _cheapest(self, plans: Sequence[_Plan], grid: Grid) -> Levels:
        """The levels that can be shown soonest."""
        costs = []
        for levels in coarser_levels([plan.description for plan in plans], grid):
            wishes = (plan.at(level) for plan, level in zip(plans, levels, strict=True))
            costs.append((levels, sum(map(self._reader.missing_bytes, wishes))))
        return cheapest(costs)

    def _planned(
        self,
        asset: Asset,
        description: FileMetadata,
        level: int,
        method: Resampling,
        found: Map | None,
        offset: float,
        wanted: Mask2D | None,
    ) -> _Plan:
        if found is None:
            return _Plan(asset, description, level, method, None, frozenset(), offset)
        block_shape = description.levels[level].block_shape
        plan = _Plan(asset, description, level, method, found, found.blocks(block_shape), offset)
        if wanted is not None and len(plan.needed) > 1 and self._kept(plan) is None:
            plan = replace(plan, needed=found.blocks(block_shape, wanted[found.rows, found.cols]))
        return plan

    async def _make_maps(self, keys: Collection[MapKey]) -> dict[MapKey, Map | None]:
        """Index maps or footings, each made once for all bands and dates that ask for it, also at once."""
        made: dict[MapKey, Map | None] = {}
        slow = []
        for key in dict.fromkeys(keys):
            kept = self._maps.get(key)
            if kept is not None:
                made[key] = kept[0]
            elif self._workbench.is_quick(_map_effort(key)):  # made here and now
                made[key] = await self._make_map(key)
            else:
                slow.append(key)
        made |= zip(
            slow, await gather_all(self._mapping.join(key, partial(self._make_map, key)) for key in slow), strict=True
        )
        return made

    async def _make_map(self, key: MapKey) -> Map | None:
        return self._keep_map(key, await self._workbench.work(_map_effort(key), map_of, *key))[0]

    def _keep_map(self, key: MapKey, made: Map | None) -> tuple[Map | None]:
        self._maps.put(key, (made,), 200 + (made.nbytes if made else 0))
        return (made,)

    async def _look_at_offset(self, scene: Scene, tally: UpstreamStats) -> float:
        """The offset of a scene whose metadata cannot tell: a setting's, or what red's coarsest overview speaks for."""
        if self._ambiguous_offset is not None:
            return self._ambiguous_offset
        red = scene.assets.get("red")
        if red is None:
            return 0.0
        description = await self._reader.describe(red.url, tally)
        kept = await self._reader.kept_offset(red.url, description)
        if kept is not None:
            return kept
        coarsest = len(description.levels) - 1
        rows, cols = description.levels[coarsest].blocks
        every = [(row, col) for row in range(rows) for col in range(cols)]
        blocks = await self._reader.blocks(red.url, description, coarsest, every, tally)
        data = (data_of(block) for block in blocks.values())
        offset = settle_offset(np.concatenate([numbers[valid] for numbers, valid in data]))
        await self._reader.keep_offset(red.url, description, offset)
        return offset


def _asset_of(scene: Scene, band: str) -> Asset:
    asset = scene.assets.get(band)
    if asset is None:
        file = BY_NAME[band].asset if band in BY_NAME else band
        known = ", ".join(list(scene.assets)[:20])
        raise AssetMissing(f"Scene {scene.id} has no asset {file!r}; it has {known}.", reason=f"no-asset-{file}")
    return asset


def _map_effort(key: MapKey) -> int:
    grid, _, method = key
    return effort(grid.shape, 2, method)


def _place(band: str, plan: _Plan, blocks: dict[BlockIndex, Block], grid: Grid, wanted: Mask2D | None) -> Layer:
    """The layer on the whole target grid."""
    found, asset = plan.found, plan.asset
    if found is None:
        return Layer(np.zeros(grid.shape, np.uint8), np.zeros(grid.shape, bool), 1.0, 0.0)
    block_shape = plan.description.levels[plan.level].block_shape
    numbers, valid = placed(found, plan.method, block_shape, blocks, plan.nodata, classes=band == CLASSES)
    if numbers.shape != grid.shape:
        whole, whole_valid = np.zeros(grid.shape, numbers.dtype), np.zeros(grid.shape, bool)
        whole[found.rows, found.cols] = numbers
        whole_valid[found.rows, found.cols] = valid
        numbers, valid = whole, whole_valid
    if wanted is not None:
        valid &= wanted
    return Layer(numbers, valid, 1.0 if asset.scale is None else asset.scale, plan.offset)
