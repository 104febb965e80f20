"""A block reader over a range server, configured as in scog's server, with short deadlines."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.io import MemoryFile

from scog.cog.block_reader import BlockReader
from scog.cog.decode import Block
from scog.cog.header_store import HeaderStore
from scog.cog.metadata import FileMetadata
from scog.cog.range_plan import BlockIndex
from scog.cog.validity import values_and_validity
from scog.net.host import SILENT_HOST_FACTOR
from scog.net.local import LocalRanges
from scog.net.policy import UpstreamStats
from scog.net.ranges import HttpRanges, Ranges

T = TypeVar("T")
LoopFactory = Callable[[], asyncio.AbstractEventLoop]
DEADLINE = 3.0
"""Seconds that one read may take."""


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def run(work: Coroutine[Any, Any, T], within: float = 20.0, loop: LoopFactory | None = None) -> T:
    """Run a coroutine in a new event loop, with a timeout of `within` seconds."""

    async def bounded() -> T:
        async with asyncio.timeout(within):
            return await work

    with asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(bounded())


@asynccontextmanager
async def reading(
    *hosts: str,
    folder: Path | None = None,
    store: HeaderStore | None = None,
    cache_bytes: int = 200_000_000,
    header_bytes: int = 16_384,
    gap: int = 1_000_000,
    deadline: float = DEADLINE,
    retries: int = 2,
    per_host: int = 64,
    clock: Callable[[], float] | None = None,
) -> AsyncIterator[BlockReader]:
    """A reader of the hosts and, if given, of a local folder. A read from a silent host fails after `deadline`."""
    time = {} if clock is None else {"clock": clock}
    cpu, disk = ThreadPoolExecutor(2), ThreadPoolExecutor(4)
    http = HttpRanges(
        allowed_hosts=hosts, stall=deadline / SILENT_HOST_FACTOR, retries=retries, per_host=per_host, **time
    )
    local = LocalRanges([folder], disk) if folder is not None else None
    try:
        async with Ranges(http, local) as ranges:
            reader = BlockReader(
                ranges,
                store or HeaderStore(None),
                cpu,
                cache_bytes=cache_bytes,
                header_bytes=header_bytes,
                gap=gap,
                **time,
            )
            yield reader
            await reader.close()
    finally:
        cpu.shutdown()
        disk.shutdown()


def every_block(description: FileMetadata, level: int = 0) -> list[BlockIndex]:
    """All block indices of a level."""
    grid, (height, width) = description.levels[level].grid, description.levels[level].block_shape
    rows, cols = -(-grid.height // height), -(-grid.width // width)
    return [(row, col) for row in range(rows) for col in range(cols)]


async def read_level(
    reader: BlockReader,
    url: str,
    description: FileMetadata,
    level: int = 0,
    band: int = 1,
    tally: UpstreamStats | None = None,
) -> NDArray[Any]:
    """A whole level, assembled from its blocks `(y, x)`."""
    indices = every_block(description, level)
    blocks = await reader.blocks(url, description, level, indices, tally or UpstreamStats(), band)
    return mosaic(description, level, blocks)


def mosaic(description: FileMetadata, level: int, blocks: dict[BlockIndex, Block]) -> NDArray[Any]:
    """Blocks side by side, cropped to the level's shape; masked pixels are the nodata value or 0."""
    grid = description.levels[level].grid
    rows, cols = (1 + max(index) for index in zip(*blocks, strict=True))
    whole = np.block([[blocks[row, col] for col in range(cols)] for row in range(rows)])
    numbers, valid = values_and_validity(whole[: grid.height, : grid.width])
    return np.where(valid, numbers, description.fill) if description.masked else numbers


def truth(data: bytes, level: int = 0, band: int = 1) -> NDArray[Any]:
    """The same level as rasterio reads it; masked pixels are the nodata value or 0."""
    choice = {"overview_level": level - 1} if level else {}
    with MemoryFile(data) as memory, rasterio.open(memory.name, **choice) as dataset:
        numbers = dataset.read(band)
        mask = dataset.read_masks(band)
        per_dataset = [flag.name for flag in dataset.mask_flag_enums[0]] == ["per_dataset"]
        numbers[(mask == 0) & per_dataset] = dataset.nodata or 0
        return numbers


def save(folder: Path, name: str, data: bytes) -> str:
    """Write a file, and return its URL. An existing file is replaced atomically."""
    path = folder / name
    fresh = path.with_name(path.name + ".new")
    fresh.write_bytes(data)
    os.replace(fresh, path)
    return path.resolve().as_uri()
