"""The reflectance offset of a scene's bands: stated by the item, requested, or estimated from a few pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scog.catalog.assets import Asset
from scog.catalog.scene import Scene
from scog.cog.block_reader import BlockReader
from scog.cog.metadata import FileMetadata, Level
from scog.cog.range_plan import BlockIndex
from scog.cog.validity import values_and_validity
from scog.collections.reflectance_offset import (
    SAMPLED_BANDS,
    OffsetChoice,
    StatedOffset,
    estimate_offset,
    offset_text,
)
from scog.errors import AssetMissing, AssetRefused
from scog.imaging.asset_binding import bind_asset
from scog.net.policy import UpstreamStats
from scog.runtime.byte_cache import ByteCache
from scog.runtime.singleflight import SingleFlight
from scog.runtime.tasks import gather_all
from scog.warp.workbench import MAX_INLINE_PIXELS, Workbench

MIN_LEVEL_PIXELS = 10_000
"""Pixels of the coarsest level that is sampled, unless all are smaller."""
MAX_SAMPLE_PIXELS = 2**20
"""Pixels sampled of a band, if more than one block: four blocks of 512 x 512."""
MAX_ESTIMATES = 10_000
"""Number of estimates in memory."""
ESTIMATED = "estimated from pixels"
ASSUMED = "assumed by SCOG_AMBIGUOUS_OFFSET"
UNDECIDED = "pixels cannot tell; {}"

_SILENT = StatedOffset(None, "silent", 0.0)


class UsedOffset(NamedTuple):
    """The reflectance offset that a scene is read with.

    source    where it is from: a source of `StatedOffset`, `requested`, or how it was guessed
    is_guess  whether neither the item nor the request determines it
    """

    offset: float
    source: str
    is_guess: bool = False

    def __str__(self) -> str:
        return f"{offset_text(self.offset)} ({self.source})"


class SceneOffsets:
    """Determines reflectance offsets. Used within one event loop.

    `assumed` is the offset of scenes whose metadata does not determine it; if None, their pixels are read: at most four
    blocks of a coarse level of each of 11 bands, in one or two requests a band and about 3 MB for a Sentinel-2 scene.
    The estimate is stored with the header of the red band's file.
    """

    def __init__(self, reader: BlockReader, workbench: Workbench, assumed: float | None) -> None:
        self._reader = reader
        self._workbench = workbench
        self._assumed = assumed
        self._estimates: ByteCache[tuple[str, str], float] = ByteCache(MAX_ESTIMATES)
        self._running: SingleFlight[tuple[str, str], float] = SingleFlight()

    def known(self, asset: Asset, choice: OffsetChoice | None) -> UsedOffset | None:
        """The offset of an asset if no pixels are needed, else None. `choice` is the requested one."""
        stated = asset.stated_offset
        if stated is None and asset.offset is not None:
            return UsedOffset(asset.offset, "metadata")
        if isinstance(choice, float):
            return UsedOffset(choice, "requested")
        if choice is None and asset.offset is not None and stated is not None:
            return UsedOffset(asset.offset, stated.source)
        if choice is None and self._assumed is not None:
            return UsedOffset(self._assumed, ASSUMED, is_guess=True)
        return None

    async def of(
        self, scene: Scene, assets: Sequence[Asset], choice: OffsetChoice | None, tally: UpstreamStats
    ) -> list[UsedOffset]:
        """The offset of each of a scene's assets, estimated from pixels if necessary. Raises SourceError."""
        offsets = [self.known(asset, choice) for asset in assets]
        estimate = math.nan
        if None in offsets:
            estimate = await self._estimate(scene, tally)
        return [
            used or _by_estimate(asset.stated_offset or _SILENT, estimate)
            for asset, used in zip(assets, offsets, strict=True)
        ]

    async def _estimate(self, scene: Scene, tally: UpstreamStats) -> float:
        """The estimate from a scene's pixels; NaN if they cannot tell or the scene has none of the bands."""
        assets = {band: scene.assets[band] for band in SAMPLED_BANDS if band in scene.assets}
        first = assets.get("red") or next(iter(assets.values()), None)
        if first is None:
            return math.nan
        metadata = await self._reader.read_metadata(first.url, tally)
        key = first.url, metadata.identity
        estimate = self._estimates.get(key)
        if estimate is None:
            estimate = await self._running.join(key, partial(self._sample, assets, first, metadata, tally))
            self._estimates.put(key, estimate, 1)
        return estimate

    async def _sample(
        self, assets: dict[str, Asset], first: Asset, metadata: FileMetadata, tally: UpstreamStats
    ) -> float:
        """The stored estimate, else a new one, which is stored with the file of `first`."""
        stored = await self._reader.stored_offset(first.url, metadata)
        if stored is not None:
            return stored
        samples = await gather_all(self._numbers(band, asset, tally) for band, asset in assets.items())
        by_band = dict(zip(assets, samples, strict=True))
        estimate = await self._workbench.run(MAX_INLINE_PIXELS, estimate_offset, by_band)
        number = math.nan if estimate is None else estimate
        await self._reader.store_offset(first.url, metadata, number)
        return number

    async def _numbers(self, band: str, asset: Asset, tally: UpstreamStats) -> NDArray[Any]:
        """Valid DN of a coarse level of a band; none if the file does not exist or cannot be decoded."""
        try:
            bound, metadata = bind_asset(asset, band, await self._reader.read_metadata(asset.url, tally))
            number = _sampled_level(metadata)
            blocks = _sampled_blocks(metadata.levels[number])
            read = await self._reader.blocks(asset.url, metadata, number, blocks, tally, bound.band or 1)
        except (AssetMissing, AssetRefused):
            return np.zeros(0, np.uint16)
        data = (values_and_validity(block) for block in read.values())
        return np.concatenate([numbers[valid] for numbers, valid in data])


def _by_estimate(stated: StatedOffset, estimate: float) -> UsedOffset:
    if not math.isnan(estimate):
        return UsedOffset(estimate, ESTIMATED, is_guess=True)
    source = "default" if stated.source == "silent" else "as the item states"
    return UsedOffset(stated.fallback, UNDECIDED.format(source), is_guess=True)


def _sampled_level(metadata: FileMetadata) -> int:
    """The coarsest level of at least MIN_LEVEL_PIXELS, else the finest."""
    sizes = [level.grid.height * level.grid.width for level in metadata.levels]
    return max((number for number, size in enumerate(sizes) if size >= MIN_LEVEL_PIXELS), default=0)


def _sampled_blocks(level: Level) -> list[BlockIndex]:
    """At most 2 x 2 blocks, spread evenly; the central one if blocks are large."""
    height, width = level.block_shape
    count = 2 if 4 * height * width <= MAX_SAMPLE_PIXELS else 1
    rows, cols = (sorted({int((i + 0.5) * size / count) for i in range(count)}) for size in level.blocks)
    return [(row, col) for row in rows for col in cols]
