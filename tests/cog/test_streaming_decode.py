"""Blocks are decoded while the rest of the response arrives, and never if the file was replaced."""

from __future__ import annotations

import asyncio
import gc
from dataclasses import replace

import numpy as np
import pytest

from scog.cog.block_reader import BlockRequest
from scog.errors import AssetChanged, SourceUnavailable
from scog.net.policy import UpstreamStats
from tests.doubles.range_server import Answer, RangeServer
from tests.doubles.rasters import raster
from tests.doubles.reading import every_block, reading, run, truth

pytestmark = pytest.mark.usefixtures("transport")

DATA = raster("blocks of 256")


def slowly(answer: Answer) -> Answer:
    """Send the response in twenty parts, one every 10 ms."""
    return replace(answer, step=max(1, len(answer.body) // 20), pause=0.01)


def test_the_first_blocks_are_cached_before_the_last_have_arrived() -> None:
    async def work() -> None:
        async with reading(server.host) as reader:
            description = await reader.read_metadata(url, UpstreamStats())
            server.fail("/a.tif", slowly)
            every = every_block(description)
            whole_read = asyncio.create_task(reader.blocks(url, description, 0, every, UpstreamStats()))
            for _ in range(100):
                await asyncio.sleep(0.001)
                if reader.cached_blocks(BlockRequest(url, description, 0, every[:1])):
                    break
            assert reader.cached_blocks(BlockRequest(url, description, 0, every[:1]))
            assert reader.cached_blocks(BlockRequest(url, description, 0, every)) is None
            assert not whole_read.done()
            blocks = await whole_read
            assert blocks.keys() == set(every)
            assert len(server.requests) == 2

    with RangeServer() as server:
        url = server.put("/a.tif", DATA)
        run(work())


def test_an_interrupted_response_is_completed_by_another_request() -> None:
    async def work() -> None:
        async with reading(server.host) as reader:
            description = await reader.read_metadata(url, UpstreamStats())
            server.fail("/a.tif", lambda answer: replace(slowly(answer), sent=len(answer.body) * 3 // 4, after="reset"))
            blocks = await reader.blocks(url, description, 0, every_block(description), UpstreamStats())
            assert len(server.requests) == 3
            height, width = description.levels[0].block_shape
            expected = truth(DATA)
            for (row, col), block in blocks.items():
                expected_block = expected[row * height : (row + 1) * height, col * width : (col + 1) * width]
                np.testing.assert_array_equal(
                    block[: expected_block.shape[0], : expected_block.shape[1]], expected_block
                )

    with RangeServer() as server:
        url = server.put("/a.tif", DATA)
        run(work())


def test_blocks_of_a_replaced_file_are_not_cached() -> None:
    async def work() -> None:
        async with reading(server.host) as reader:
            description = await reader.read_metadata(url, UpstreamStats())
            server.put("/a.tif", DATA, etag='"another"')
            server.fail("/a.tif", slowly)
            with pytest.raises(AssetChanged):
                await reader.blocks(url, description, 0, every_block(description), UpstreamStats())
            for block in every_block(description):
                assert reader.cached_blocks(BlockRequest(url, description, 0, [block])) is None

    with RangeServer() as server:
        url = server.put("/a.tif", DATA)
        run(work())


def test_all_tasks_end_if_the_rest_never_arrives() -> None:
    async def work() -> None:
        async with reading(server.host, deadline=0.6, retries=0) as reader:
            description = await reader.read_metadata(url, UpstreamStats())
            server.fail("/a.tif", lambda answer: replace(slowly(answer), sent=len(answer.body) // 2, after="hang"))
            with pytest.raises(SourceUnavailable):
                await reader.blocks(url, description, 0, every_block(description), UpstreamStats())
            assert len(asyncio.all_tasks()) == 1

    with RangeServer() as server:
        url = server.put("/a.tif", DATA)
        run(work())


def test_a_response_leaves_no_reference_cycle() -> None:
    """A cycle would hold its body until the garbage collector runs."""

    async def work() -> None:
        async with reading(server.host) as reader:
            description = await reader.read_metadata(url, UpstreamStats())
            await reader.blocks(url, description, 0, every_block(description), UpstreamStats())
            gc.collect()
            gc.set_debug(gc.DEBUG_SAVEALL)
            server.fail("/a.tif", slowly)
            await reader.blocks(url, description, 1, every_block(description, 1), UpstreamStats())
            gc.collect()
            gc.set_debug(0)
            kinds = {type(each).__name__ for each in gc.garbage}
            gc.garbage.clear()
            assert not kinds & {"_Response", "memoryview", "ndarray", "Head"}

    with RangeServer() as server:
        url = server.put("/a.tif", DATA)
        gc.disable()
        try:
            run(work())
        finally:
            gc.enable()
