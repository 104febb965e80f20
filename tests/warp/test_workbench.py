"""Short work runs on the calling thread, long work in another, and errors propagate from both."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from scog.warp.resample import Resampling
from scog.warp.workbench import MAX_INLINE_PIXELS, Workbench, pixels_to_process


def runs_in_caller(pixels: int) -> bool:
    """Whether work on a number of pixels runs in the calling thread."""
    with ThreadPoolExecutor(1) as threads:
        thread = asyncio.run(Workbench(threads).run(pixels, threading.get_ident))
    return thread == threading.get_ident()


def test_short_work_runs_on_the_calling_thread() -> None:
    assert runs_in_caller(0)
    assert runs_in_caller(MAX_INLINE_PIXELS - 1)
    assert not runs_in_caller(MAX_INLINE_PIXELS)


@pytest.mark.parametrize("pixels", [1, MAX_INLINE_PIXELS])
def test_errors_propagate_from_both(pixels: int) -> None:
    def work() -> None:
        raise ZeroDivisionError

    async def run(threads: ThreadPoolExecutor) -> None:
        await Workbench(threads).run(pixels, work)

    with ThreadPoolExecutor(1) as threads, pytest.raises(ZeroDivisionError):
        asyncio.run(run(threads))


def test_a_tile_of_an_index_is_short_work() -> None:
    assert pixels_to_process((256, 256), 3) < MAX_INLINE_PIXELS, "an index"
    assert pixels_to_process((256, 256), 3, Resampling.CUBIC) >= MAX_INLINE_PIXELS
    assert pixels_to_process((8, 8), 1, Resampling.MODE) >= MAX_INLINE_PIXELS
    assert pixels_to_process((512, 512), 3) >= MAX_INLINE_PIXELS
    assert pixels_to_process((256, 256), 20) >= MAX_INLINE_PIXELS, "a composite"
