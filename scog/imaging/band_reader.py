"""Reads bands of one scene and resamples them to the target grid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from scog.catalog.assets import Asset
from scog.catalog.scene import Scene
from scog.cog.block_reader import BlockReader
from scog.cog.decode import Block
from scog.cog.metadata import FileMetadata
from scog.cog.preview_level import Levels, PreviewLevel, cheapest_levels, coarser_levels, pixel_size_ratio
from scog.cog.range_plan import BlockIndex
from scog.collections.band import REFLECTANCE
from scog.collections.built_in import unit_of
from scog.collections.reflectance_offset import OffsetChoice
from scog.errors import AssetChanged, AssetMissing, SourceError
from scog.geo.grid import Grid
from scog.imaging.asset_binding import bind_asset
from scog.imaging.file_bands import band_by_file, band_by_position, undescribed_files
from scog.imaging.read_plan import BandSource, ReadPlan, plan_read
from scog.imaging.scene_offsets import SceneOffsets, UsedOffset
from scog.imaging.warp_maps import WarpMaps
from scog.net.policy import UpstreamStats
from scog.runtime.memory_budget import MemoryBudget
from scog.runtime.tasks import gather_all
from scog.warp.resample import Resampling
from scog.warp.warp import method_for, warp_blocks
from scog.warp.workbench import Workbench, pixels_to_process

MAX_SEARCHED = 256
"""Maximum number of names of a scene for which it is remembered that no file has them. Requests may invent any."""
Mask2D = NDArray[np.bool_]
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class BandData:
    """One band on the target grid.

    numbers        values as stored in the file (DN), `(y, x)`
    valid          bool `(y, x)`
    scale, offset  value = number x scale + offset
    floor          formulas see lower values as this one; None for all values
    """

    numbers: NDArray[Any]
    valid: Mask2D
    scale: float
    offset: float
    floor: float | None = None

    def values(self, floor: float | None = None) -> NDArray[np.float32]:
        """Scaled values, float32 `(y, x)`. Values below `floor` are raised to it."""
        values = self.numbers.astype(np.float32)
        if self.scale != 1.0:
            values *= np.float32(self.scale)
        if self.offset:
            values += np.float32(self.offset)
        if floor is not None:
            np.maximum(values, np.float32(floor), out=values)
        return values


@dataclass(frozen=True, eq=False)
class BandRequest:
    """Bands of a scene to read onto a grid.

    pixels        pixels to read, bool `(y, x)`; all if None. All other pixels of the result are invalid.
    resampling    method for all bands. The scene classification is resampled by nearest unless this is mode.
    partial_rows  read only the rows of a block that are needed. Set it if neighbouring tiles are unlikely to be
                  requested.
    offset        reflectance offset that replaces those of the scene's metadata; None for these
    """

    scene: Scene
    bands: Sequence[str]
    grid: Grid
    pixels: Mask2D | None = None
    resampling: Resampling = Resampling.NEAREST
    partial_rows: bool = False
    offset: OffsetChoice | None = None


class BandReader:
    """Reads bands onto a grid. Used within one event loop.

    `ambiguous_offset` is the reflectance offset of scenes whose metadata does not determine it. If None, it is
    estimated from the scene's pixels.
    """

    def __init__(
        self, reader: BlockReader, workbench: Workbench, budget: MemoryBudget, ambiguous_offset: float | None
    ) -> None:
        self._reader = reader
        self._workbench = workbench
        self._budget = budget
        self.offsets = SceneOffsets(reader, workbench, ambiguous_offset)
        """Determines the reflectance offset of scenes."""
        self._warp_maps = WarpMaps(workbench)
        self._in_no_file: WeakKeyDictionary[Scene, set[str]] = WeakKeyDictionary()
        """Bands that no file of a scene has."""

    async def compute(
        self,
        request: BandRequest,
        function: Callable[[dict[str, BandData]], T],
        tally: UpstreamStats,
        preview: PreviewLevel | None = None,
        guessed_offsets: dict[str, UsedOffset] | None = None,
    ) -> T:
        """Read the bands concurrently and return `function(bands)`, where `bands` maps names to data.

        With `preview`, coarser levels are read if that takes fewer bytes; `preview.ratio` is set accordingly. A
        reflectance offset that is a guess is added to `guessed_offsets`, by scene id. Raises SourceError.
        """
        # One attempt per band, and a last one: each file may have been replaced, which drops its cached header.
        for _ in request.bands:
            with suppress(AssetChanged):
                return await self._compute(request, function, tally, preview, guessed_offsets)
        return await self._compute(request, function, tally, preview, guessed_offsets)

    async def read_headers(self, scene: Scene, bands: Sequence[str], tally: UpstreamStats) -> None:
        """Read the headers of bands ahead of their pixels. Raises SourceError."""
        await self.find_in_files(scene, bands, tally)
        assets = (scene.assets.get(band) for band in bands)
        await self._reader.read_all_metadata([asset.url for asset in assets if asset is not None], tally)

    async def find_in_files(self, scene: Scene, bands: Sequence[str], tally: UpstreamStats) -> None:
        """Add bands that the item does not name to the scene's assets, if one of its files does."""
        for band in self.not_searched(scene, bands):
            found = await self._by_position(scene, band, tally)
            if found is None:
                files = undescribed_files(scene)
                headers = await gather_all(self._header_if_readable(asset.url, tally) for asset in files)
                read = zip(files, headers, strict=True)
                found = band_by_file(
                    band, unit_of(band), {asset: header for asset, header in read if header is not None}
                )
            if found is not None:
                scene.assets[band] = found
            else:
                in_no_file = self._in_no_file.setdefault(scene, set())
                if len(in_no_file) >= MAX_SEARCHED:
                    in_no_file.clear()
                in_no_file.add(band)

    def not_searched(self, scene: Scene, bands: Sequence[str]) -> list[str]:
        """The bands that neither the item names, nor its files were searched for."""
        missing = [band for band in bands if band not in scene.assets]
        return [band for band in missing if band not in self._in_no_file.get(scene, ())] if missing else missing

    async def _by_position(self, scene: Scene, band: str, tally: UpstreamStats) -> Asset | None:
        """The band of a name such as `image_b2`, if the file has so many."""
        asset = band_by_position(scene, band)
        header = None if asset is None else await self._header_if_readable(asset.url, tally)
        return asset if asset is not None and header is not None and (asset.band or 1) <= header.count else None

    async def _header_if_readable(self, url: str, tally: UpstreamStats) -> FileMetadata | None:
        try:
            return await self._reader.read_metadata(url, tally)
        except SourceError:
            return None

    def cached(self, request: BandRequest) -> dict[str, BandData] | None:
        """The data of each band if all blocks are in memory, else None. Thread-safe, and does not block."""
        inputs = []
        for band in request.bands:
            plan = self._cached_plan(request, band)
            blocks = None if plan is None else self._cached_blocks(plan)
            if plan is None or blocks is None:
                return None
            inputs.append((band, plan, blocks))
        return {band: _resampled(plan, blocks, request) for band, plan, blocks in inputs}

    async def _compute(
        self,
        request: BandRequest,
        function: Callable[[dict[str, BandData]], T],
        tally: UpstreamStats,
        preview: PreviewLevel | None,
        guessed_offsets: dict[str, UsedOffset] | None,
    ) -> T:
        sources = await self._sources(request, tally, guessed_offsets)
        plans = await self._plans(request, sources, preview)
        working_bytes = max((plan.working_bytes for plan in plans), default=0)
        async with self._budget.hold(sum(plan.size for plan in plans) + working_bytes):
            partial_rows = request.partial_rows and preview is None
            blocks = await self._reader.read([plan.request for plan in plans], tally, partial_rows)

            def resample_and_apply() -> T:
                inputs = zip(request.bands, plans, blocks, strict=True)
                return function({band: _resampled(plan, decoded, request) for band, plan, decoded in inputs})

            size = pixels_to_process(request.grid.shape, len(request.bands), request.resampling)
            return await self._workbench.run(size, resample_and_apply)

    def _cached_blocks(self, plan: ReadPlan) -> dict[BlockIndex, Block] | None:
        return self._reader.cached_blocks(plan.request)

    def _cached_plan(self, request: BandRequest, band: str) -> ReadPlan | None:
        """The plan of a band if its header is in memory and its offset is stated or requested, else None."""
        asset = request.scene.assets.get(band)
        metadata = self._reader.cached_metadata(asset.url) if asset is not None else None
        used = self.offsets.known(asset, request.offset) if asset is not None else None
        if asset is None or metadata is None or used is None or used.is_guess:  # guesses must be reported
            return None
        try:
            asset, metadata = _bound(request.scene, band, asset, metadata)
        except SourceError:  # raised again when the band is read
            return None
        method = method_for(request.resampling, discrete=asset.discrete)
        source = BandSource(asset, metadata, _offset_of(asset, used), method)
        level = metadata.level_for(request.grid)
        warp_map = self._warp_maps.get((request.grid, metadata.levels[level].grid, source.method))
        return self._limited(plan_read(source, level, warp_map), request.pixels)

    async def _plans(
        self, request: BandRequest, sources: Sequence[BandSource], preview: PreviewLevel | None
    ) -> list[ReadPlan]:
        """The plan of each band."""
        grid = request.grid
        plans = await self._plans_for(request, sources, [source.metadata.level_for(grid) for source in sources])
        if preview is not None:
            levels = self._cheapest_levels(plans, grid)
            if levels != tuple(plan.level for plan in plans):
                plans = await self._plans_for(request, sources, levels)
            preview.ratio = max(preview.ratio, pixel_size_ratio([source.metadata for source in sources], grid, levels))
        return plans

    async def _sources(
        self, request: BandRequest, tally: UpstreamStats, guessed_offsets: dict[str, UsedOffset] | None
    ) -> list[BandSource]:
        """The file of each band. Reads the headers that are not cached."""
        await self.find_in_files(request.scene, request.bands, tally)
        assets = [_asset_of(request.scene, band) for band in request.bands]
        offsets = await self.offsets.of(request.scene, assets, request.offset, tally)
        guess = next((used for used in offsets if used.is_guess), None)
        if guess is not None and guessed_offsets is not None:
            guessed_offsets[request.scene.id] = guess
        headers = await self._reader.read_all_metadata([asset.url for asset in assets], tally)
        sources = []
        for asset, band, header, used in zip(assets, request.bands, headers, offsets, strict=True):
            bound_asset, metadata = _bound(request.scene, band, asset, header)
            method = method_for(request.resampling, discrete=bound_asset.discrete)
            sources.append(BandSource(bound_asset, metadata, _offset_of(bound_asset, used), method))
        return sources

    async def _plans_for(
        self, request: BandRequest, sources: Sequence[BandSource], levels: Sequence[int]
    ) -> list[ReadPlan]:
        """The plan of each source, at the level of the same position in `levels`."""
        pairs = list(zip(sources, levels, strict=True))
        keys = [(request.grid, source.metadata.levels[level].grid, source.method) for source, level in pairs]
        warp_maps = await self._warp_maps.get_all(keys)
        plans = (plan_read(*pair, warp_maps[key]) for pair, key in zip(pairs, keys, strict=True))
        return [self._limited(plan, request.pixels) for plan in plans]

    def _limited(self, plan: ReadPlan, pixels: Mask2D | None) -> ReadPlan:
        """The plan with only the blocks that contain `pixels`; the whole plan if all its blocks are in memory."""
        if pixels is None or len(plan.needed) <= 1 or self._cached_blocks(plan) is not None:
            return plan
        return plan.limited(pixels)

    def _cheapest_levels(self, plans: Sequence[ReadPlan], grid: Grid) -> Levels:
        """The level of each plan for a preview: the levels whose blocks take the fewest bytes to read."""
        costs = []
        for levels in coarser_levels([plan.source.metadata for plan in plans], grid):
            requests = (plan.coarser(level) for plan, level in zip(plans, levels, strict=True))
            costs.append((levels, sum(map(self._reader.missing_bytes, requests))))
        return cheapest_levels(costs)


def _asset_of(scene: Scene, band: str) -> Asset:
    """The asset of a band. Raises AssetMissing, which lists the bands that the scene has."""
    asset = scene.assets.get(band)
    if asset is None:
        available = ", ".join(list(scene.assets)[:20])
        raise AssetMissing(f"Scene {scene.id} has no band {band!r}; it has {available}.", reason=f"no-band-{band}")
    return asset


def _bound(scene: Scene, band: str, asset: Asset, header: FileMetadata) -> tuple[Asset, FileMetadata]:
    """The asset bound to its file. What that tells of the file is noted in the scene, for reports."""
    bound_asset, metadata = bind_asset(asset, band, header)
    if bound_asset.notes != asset.notes:
        scene.assets[band] = replace(asset, notes=bound_asset.notes)
    return bound_asset, metadata


def _offset_of(bound_asset: Asset, used: UsedOffset) -> float:
    """The offset of a bound asset: that of the file's tags if the item states none, and no rule applies to it."""
    if bound_asset.stated_offset is None and bound_asset.offset is not None:
        return bound_asset.offset
    return used.offset


def _resampled(plan: ReadPlan, blocks: dict[BlockIndex, Block], request: BandRequest) -> BandData:
    """The band on the whole target grid."""
    shape, warp_map = request.grid.shape, plan.warp_map
    if warp_map is None:
        return BandData(np.zeros(shape, np.uint8), np.zeros(shape, bool), 1.0, 0.0)
    method = plan.source.method
    numbers, valid = warp_blocks(
        warp_map,
        method,
        plan.block_shape,
        blocks,
        plan.nodata,
        classes=plan.source.asset.discrete,
        ignores_mask=plan.source.asset.ignores_mask,
    )
    if numbers.shape != shape:
        part = warp_map.rows, warp_map.cols
        whole, whole_valid = np.zeros(shape, numbers.dtype), np.zeros(shape, bool)
        whole[part], whole_valid[part] = numbers, valid
        numbers, valid = whole, whole_valid
    if request.pixels is not None:
        valid &= request.pixels
    asset = plan.source.asset
    scale, floor = 1.0 if asset.scale is None else asset.scale, 0.0 if asset.unit == REFLECTANCE else None
    return BandData(numbers, valid, scale, plan.source.offset, floor)
