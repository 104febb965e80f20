"""Layers: one band of one scene, brought onto a picture's grid."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from scog.bands import BY_NAME
from scog.catalog.offset import settle_offset
from scog.catalog.scene import Asset, Scene
from scog.errors import AssetChanged, AssetMissing
from scog.flight import Flights
from scog.net.policy import Tally
from scog.pixels.budget import Budget
from scog.pixels.cache import ByteCache
from scog.pixels.decode import Block
from scog.pixels.description import Description
from scog.pixels.fetch import BlockIndex
from scog.pixels.place import Map, map_of, method_for, placed
from scog.pixels.reader import BlockReader, Wish
from scog.pixels.resample import Resampling
from scog.pixels.workbench import Workbench, effort
from scog.space.grid import Grid
from scog.space.level import choose_level, target_extent
from scog.together import gather_all

INDEX_MAPS_BYTES = 192 * 2**20
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
    description: Description
    level: int
    method: Resampling
    found: Map | None
    needed: frozenset[BlockIndex]
    offset: float

    @property
    def wish(self) -> Wish:
        """The blocks."""
        return Wish(self.asset.url, self.description, self.level, self.needed, self.asset.band, self.bottom)

    @property
    def bottom(self) -> int:
        """The row of the level before which all that is needed ends."""
        return self.found.bottom if self.found is not None else 0

    @property
    def size(self) -> int:
        """Bytes of the decoded blocks."""
        return len(self.needed) * self.description.block_bytes(self.level)


class LayerReader:
    """Reads layers. Made and used within one event loop."""

    def __init__(
        self, reader: BlockReader, workbench: Workbench, budget: Budget, ambiguous_offset: float | None
    ) -> None:
        self._reader = reader
        self._workbench = workbench
        self._budget = budget
        self._ambiguous_offset = ambiguous_offset
        self._maps: ByteCache[MapKey, tuple[Map | None]] = ByteCache(INDEX_MAPS_BYTES)
        self._mapping: Flights[MapKey, Map | None] = Flights()

    async def compute(
        self,
        scene: Scene,
        bands: Sequence[str],
        grid: Grid,
        work: Callable[[dict[str, Layer]], T],
        tally: Tally,
        wanted: Mask2D | None = None,
        resampling: Resampling = Resampling.NEAREST,
        thrifty: bool = False,
    ) -> T:
        """Read bands of a scene, all at once, and return what `work` makes of their layers.

        Layers are valid only where their file has data and, if given, where they are `wanted`. The scene classification
        is resampled by nearest or mode, whatever the method. A `thrifty` read brings just the rows that it takes, which
        pays where the picture's neighbours will hardly be asked for. Raises a SourceError.
        """
        for _ in bands:  # each file may have been replaced; what was known of it is forgotten then
            with suppress(AssetChanged):
                return await self._compute(scene, bands, grid, work, tally, wanted, resampling, thrifty)
        return await self._compute(scene, bands, grid, work, tally, wanted, resampling, thrifty)

    async def _compute(
        self,
        scene: Scene,
        bands: Sequence[str],
        grid: Grid,
        work: Callable[[dict[str, Layer]], T],
        tally: Tally,
        wanted: Mask2D | None,
        resampling: Resampling,
        thrifty: bool,
    ) -> T:
        plans = await self._plans(scene, bands, grid, tally, wanted, resampling)
        async with self._budget.hold(sum(plan.size for plan in plans)):
            blocks = await self._reader.read([plan.wish for plan in plans], tally, thrifty)

            def place_and_work() -> T:
                layers = (_place(plan, found, grid, wanted) for plan, found in zip(plans, blocks, strict=True))
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
        return {band: _place(*known, grid, wanted) for band, known in zip(bands, plans, strict=True)}

    def _kept(self, plan: _Plan) -> dict[BlockIndex, Block] | None:
        return self._reader.kept(plan.wish)

    def _known_plan(
        self, scene: Scene, band: str, grid: Grid, wanted: Mask2D | None, method: Resampling
    ) -> _Plan | None:
        asset = scene.assets.get(band)
        description = self._reader.known(asset.url) if asset is not None else None
        if asset is None or asset.offset is None or description is None:
            return None
        key = _map_key(description, grid, method)
        found = self._maps.get(key) or self._keep_map(key, map_of(*key))
        return self._planned(asset, description, key, found[0], asset.offset, wanted)

    async def _plans(
        self,
        scene: Scene,
        bands: Sequence[str],
        grid: Grid,
        tally: Tally,
        wanted: Mask2D | None,
        resampling: Resampling,
    ) -> list[_Plan]:
        """What to read for each layer."""
        assets = [_asset_of(scene, band) for band in bands]
        looked_at = 0.0
        if any(asset.offset is None for asset in assets):
            looked_at = await self._look_at_offset(scene, tally)
        descriptions = await self._reader.describe_all([asset.url for asset in assets], tally)
        methods = (method_for(band, resampling) for band in bands)
        keys = [_map_key(each, grid, method) for each, method in zip(descriptions, methods, strict=True)]
        maps = await self._make_maps(keys)
        return [
            self._planned(
                asset, description, key, maps[key], looked_at if asset.offset is None else asset.offset, wanted
            )
            for asset, description, key in zip(assets, descriptions, keys, strict=True)
        ]

    def _planned(
        self,
        asset: Asset,
        description: Description,
        key: MapKey,
        found: Map | None,
        offset: float,
        wanted: Mask2D | None,
    ) -> _Plan:
        grid, _, method = key
        level = level_for(description, grid)
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

    async def _look_at_offset(self, scene: Scene, tally: Tally) -> float:
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
        offset = settle_offset(np.concatenate([block.ravel() for block in blocks.values()]))
        await self._reader.keep_offset(red.url, description, offset)
        return offset


def _asset_of(scene: Scene, band: str) -> Asset:
    asset = scene.assets.get(band)
    if asset is None:
        file = BY_NAME[band].asset if band in BY_NAME else band
        raise AssetMissing(f"Scene {scene.id} has no {file}.", reason=f"no-asset-{file}")
    return asset


def _map_key(description: Description, grid: Grid, method: Resampling) -> MapKey:
    return grid, description.levels[level_for(description, grid)].grid, method


def _map_effort(key: MapKey) -> int:
    grid, _, method = key
    return effort(grid.shape, 2, method)


def level_for(description: Description, grid: Grid) -> int:
    """The level to read for a grid; the same for all tiles of a zoom that meet a square."""
    return _level_for(description.levels[0].grid, description.resolutions, grid)


@lru_cache(maxsize=8192)
def _level_for(full: Grid, resolutions: tuple[float, ...], grid: Grid) -> int:
    return choose_level(resolutions, target_extent(grid, full.crs, full.centre))


def _place(plan: _Plan, blocks: dict[BlockIndex, Block], grid: Grid, wanted: Mask2D | None) -> Layer:
    """The layer on the whole target grid."""
    found, asset = plan.found, plan.asset
    if found is None:
        return Layer(np.zeros(grid.shape, np.uint8), np.zeros(grid.shape, bool), 1.0, 0.0)
    nodata = plan.description.nodata if asset.nodata is None else asset.nodata
    numbers, valid = placed(found, plan.method, plan.description.levels[plan.level].block_shape, blocks, nodata)
    if numbers.shape != grid.shape:
        whole, whole_valid = np.zeros(grid.shape, numbers.dtype), np.zeros(grid.shape, bool)
        whole[found.rows, found.cols] = numbers
        whole_valid[found.rows, found.cols] = valid
        numbers, valid = whole, whole_valid
    if wanted is not None:
        valid &= wanted
    return Layer(numbers, valid, asset.scale, plan.offset)
