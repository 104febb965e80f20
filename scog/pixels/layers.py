"""Layers: one band of one scene, brought onto a picture's grid."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from scog.catalog.offset import settle_offset
from scog.catalog.scene import Asset, Scene
from scog.errors import AssetChanged, AssetMissing
from scog.net.policy import Tally
from scog.pixels.budget import Budget
from scog.pixels.cache import ByteCache
from scog.pixels.decode import Block
from scog.pixels.description import Description
from scog.pixels.fetch import BlockIndex
from scog.pixels.gather import gather
from scog.pixels.reader import BlockReader
from scog.space.grid import Grid
from scog.space.indexmap import IndexMap, index_map
from scog.space.level import choose_level, target_extent

INDEX_MAPS_BYTES = 128 * 2**20
"""Index maps kept: about 500 tiles' at 256 KB each."""

Mask2D = NDArray[np.bool_]
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


class LayerReader:
    """Reads layers. Made and used within one event loop."""

    def __init__(self, reader: BlockReader, cpu: Executor, budget: Budget, ambiguous_offset: float | None) -> None:
        self._reader = reader
        self._cpu = cpu
        self._budget = budget
        self._ambiguous_offset = ambiguous_offset
        self._maps: ByteCache[tuple[Grid, Grid], tuple[IndexMap | None]] = ByteCache(INDEX_MAPS_BYTES)

    async def read(self, scene: Scene, band: str, grid: Grid, tally: Tally, wanted: Mask2D | None = None) -> Layer:
        """A band of a scene on a grid; valid only where the file has data and, if given, where it is `wanted`.

        Raises a SourceError.
        """
        asset = scene.assets.get(band)
        if asset is None:
            raise AssetMissing(f"Scene {scene.id} has no {band}.", reason=f"no-asset-{band}")
        offset = asset.offset if asset.offset is not None else await self._look_at_offset(scene, tally)
        try:
            numbers, valid = await self._numbers(asset, grid, tally, wanted)
        except AssetChanged:  # replaced while we read: what was known of it is forgotten now
            numbers, valid = await self._numbers(asset, grid, tally, wanted)
        return Layer(numbers, valid, asset.scale, offset)

    async def _numbers(
        self, asset: Asset, grid: Grid, tally: Tally, wanted: Mask2D | None
    ) -> tuple[NDArray[Any], Mask2D]:
        description = await self._reader.describe(asset.url, tally)
        level = level_for(description, grid)
        source = description.levels[level]
        found = await self._index_map(grid, source.grid)
        if found is None:
            return np.zeros(grid.shape, description.dtype), np.zeros(grid.shape, bool)
        part = None if wanted is None else wanted[found.rows, found.cols]
        needed = found.blocks(source.block_shape, part)
        async with self._budget.hold(len(needed) * description.block_bytes(level)):
            blocks = await self._reader.blocks(asset.url, description, level, needed, tally)
            nodata = description.nodata if asset.nodata is None else asset.nodata
            return await self._in_thread(_place, found, source.block_shape, blocks, grid, nodata, part)

    async def _index_map(self, grid: Grid, source: Grid) -> IndexMap | None:
        kept = self._maps.get((grid, source))
        if kept is None:
            made = await self._in_thread(index_map, grid, source)
            kept = (made,)
            self._maps.put((grid, source), kept, 200 + (made.index.nbytes if made else 0))
        return kept[0]

    async def _look_at_offset(self, scene: Scene, tally: Tally) -> float:
        """The offset of a scene whose metadata cannot tell: a setting's, or what red's coarsest overview speaks for."""
        if self._ambiguous_offset is not None:
            return self._ambiguous_offset
        red = scene.assets.get("red")
        if red is None:
            return 0.0
        description = await self._reader.describe(red.url, tally)
        kept = self._reader.kept_offset(red.url, description)
        if kept is not None:
            return kept
        coarsest = len(description.levels) - 1
        level = description.levels[coarsest]
        rows, cols = -(-level.grid.height // level.block_shape[0]), -(-level.grid.width // level.block_shape[1])
        every = [(row, col) for row in range(rows) for col in range(cols)]
        blocks = await self._reader.blocks(red.url, description, coarsest, every, tally)
        offset = settle_offset(np.concatenate([block.ravel() for block in blocks.values()]))
        self._reader.keep_offset(red.url, description, offset)
        return offset

    async def _in_thread(self, work: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._cpu, work, *args)


def level_for(description: Description, grid: Grid) -> int:
    """The level to read for a grid; the same for all tiles of a zoom that meet a square."""
    full = description.levels[0].grid
    west, south, east, north = full.bounds
    return choose_level(
        description.resolutions, target_extent(grid, full.crs, ((west + east) / 2, (south + north) / 2))
    )


def _place(
    found: IndexMap,
    block_shape: tuple[int, int],
    blocks: dict[BlockIndex, Block],
    grid: Grid,
    nodata: float | None,
    wanted: Mask2D | None,
) -> tuple[NDArray[Any], Mask2D]:
    """Numbers and validity on the whole target grid."""
    numbers = gather(found, block_shape, blocks)
    if nodata is None:
        valid = np.ones(numbers.shape, bool) if numbers.dtype.kind != "f" else np.isfinite(numbers)
    else:
        valid = numbers != numbers.dtype.type(nodata) if _fits(nodata, numbers.dtype) else np.ones(numbers.shape, bool)
        if numbers.dtype.kind == "f":
            valid &= np.isfinite(numbers)
    for other in (found.inside, wanted):
        if other is not None:
            valid &= other
    if numbers.shape == grid.shape:
        return numbers, valid
    whole, whole_valid = np.zeros(grid.shape, numbers.dtype), np.zeros(grid.shape, bool)
    whole[found.rows, found.cols] = numbers
    whole_valid[found.rows, found.cols] = valid
    return whole, whole_valid


def _fits(nodata: float, dtype: np.dtype[Any]) -> bool:
    """Whether a number of this type can be nodata at all; NaN in a file of integers cannot."""
    if dtype.kind == "f":
        return True
    limits = np.iinfo(dtype)
    return nodata == nodata and limits.min <= nodata <= limits.max and float(nodata).is_integer()
