"""Deadlines of requests. A request that times out is marked as overdue, which distinguishes it from a cancelled one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from scog.net.policy import UpstreamStats


@asynccontextmanager
async def deadline(seconds: float, tally: UpstreamStats) -> AsyncIterator[None]:
    """Raise TimeoutError after `seconds` seconds and mark `tally` as overdue."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(None) as timeout:

        def expire() -> None:
            tally.overdue = True
            timeout.reschedule(loop.time())

        timer = loop.call_later(seconds, expire)
        try:
            yield
        finally:
            timer.cancel()
