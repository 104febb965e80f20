"""Reads files that scog does not decode itself, through GDAL in threads of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial

from scog.cog import gdal
from scog.cog.decode import Blocks
from scog.cog.gdal_threads import GdalThreads
from scog.cog.metadata import FileMetadata
from scog.cog.range_plan import BlockIndex
from scog.net.byte_range import is_local
from scog.net.policy import UpstreamStats
from scog.net.ranges import Ranges


class GdalReader:
    """Reads any GeoTIFF. Used within one event loop."""

    def __init__(self, ranges: Ranges) -> None:
        self._threads = GdalThreads(ranges)
        self._large = asyncio.Lock()
        """Held while blocks with `working_bytes` are decoded: the memory budget counts these bytes only once."""

    def close(self) -> None:
        """Stop the threads; reads in flight end at their timeouts."""
        self._threads.close()

    async def read_metadata(self, url: str, tally: UpstreamStats, mask_file: str | None = None) -> FileMetadata:
        """The metadata of a file. `mask_file` is the URL of its mask if it is in another file. Raises a SourceError."""
        work = partial(gdal.describe_by_gdal, local=is_local(url), mask_file=mask_file)
        return await self._threads.run(_urls(url, mask_file), tally, work)

    async def read(
        self,
        url: str,
        metadata: FileMetadata,
        level: int,
        bands: Sequence[int],
        blocks: Sequence[BlockIndex],
        tally: UpstreamStats,
    ) -> dict[int, Blocks]:
        """Blocks of one level by band (1, 2, ...). The bands of pixel-interleaved blocks are fetched and decoded once.

        Raises a SourceError; AssetChanged if the file was replaced.
        """
        work = partial(gdal.read_blocks, metadata=metadata, level=level, blocks=blocks, bands=bands)
        async with self._large if metadata.levels[level].working_bytes else nullcontext():
            return await self._threads.run(_urls(url, metadata.mask_file), tally, work)


def _urls(url: str, mask_file: str | None) -> tuple[str, ...]:
    return (url,) if mask_file is None else (url, mask_file)
