"""Little work is done where it is asked for, much in a thread, and errors come the same way."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from scog.warp.resample import Resampling
from scog.warp.workbench import QUICK, Workbench, effort


def asked(pixels: int) -> bool:
    """Whether work on so many pixels is done in the thread that asks for it."""
    with ThreadPoolExecutor(1) as threads:
        thread = asyncio.run(Workbench(threads).work(pixels, threading.get_ident))
    return thread == threading.get_ident()


def test_where_work_is_done() -> None:
    assert asked(0)
    assert asked(QUICK - 1)
    assert not asked(QUICK)


@pytest.mark.parametrize("pixels", [1, QUICK])
def test_errors_are_raised_wherever_it_is_done(pixels: int) -> None:
    def work() -> None:
        raise ZeroDivisionError

    async def ask(threads: ThreadPoolExecutor) -> None:
        await Workbench(threads).work(pixels, work)

    with ThreadPoolExecutor(1) as threads, pytest.raises(ZeroDivisionError):
        asyncio.run(ask(threads))


def test_a_tile_of_an_index_is_little_and_much_that_takes_longer_is_not() -> None:
    assert effort((256, 256), 3) < QUICK, "an index"
    assert effort((256, 256), 3, Resampling.CUBIC) >= QUICK
    assert effort((8, 8), 1, Resampling.MODE) >= QUICK
    assert effort((512, 512), 3) >= QUICK
    assert effort((256, 256), 20) >= QUICK, "a composite"
