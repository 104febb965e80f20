"""Measures the throughput of range reads, bounded in bytes and in time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from scog.net.byte_range import ByteRange
from scog.net.policy import UpstreamStats

Range = tuple[int, int]
"""First byte and the byte after the last."""


class ReadRange(Protocol):
    """The signature of `scog.net.ranges.Ranges.read`."""

    def __call__(
        self, url: str, start: int, stop: int, tally: UpstreamStats, on_data: Callable[[ByteRange], None] | None = None
    ) -> Awaitable[ByteRange]:
        """Read bytes `start..stop` of a file. `on_data` is called with the received part whenever it grows."""


@dataclass(frozen=True)
class Throughput:
    """Throughput of concurrent connections."""

    connections: int
    bytes_read: int
    """Number of bytes received."""
    bytes_timed: int
    """Bytes received within `seconds`. Time starts when the first bytes arrive, which are not included."""
    seconds: float

    @property
    def rate(self) -> float:
        """Bytes per second; 0 if nothing was received."""
        return self.bytes_timed / self.seconds if self.seconds > 0 else 0.0


async def measure_throughput(read: ReadRange, url: str, ranges: Sequence[Range], seconds: float) -> Throughput:
    """Read the ranges concurrently, one connection each, for at most `seconds` seconds. Raises a SourceError."""
    meter = _Meter(len(ranges))

    async def one(index: int, start: int, stop: int) -> None:
        part = await read(url, start, stop, UpstreamStats(), lambda part: meter.on_data(index, len(part.data)))
        meter.on_data(index, len(part.data))

    try:
        async with asyncio.timeout(seconds):
            await asyncio.gather(*(one(index, *span) for index, span in enumerate(ranges)))
    except TimeoutError:
        meter.end()
    return meter.throughput


class _Meter:
    """Counts the bytes received of each range."""

    def __init__(self, count: int) -> None:
        self._bytes = [0] * count
        self._started = time.perf_counter()
        self._first: tuple[float, int] | None = None
        self._last = 0.0

    def on_data(self, index: int, size: int) -> None:
        """Record that `size` bytes of range number `place` have arrived."""
        self._bytes[index] = max(self._bytes[index], size)
        self._last = time.perf_counter()
        if self._first is None:  # these were in transit before the clock started
            self._first = self._last, size

    def end(self) -> None:
        """Stop the clock."""
        self._last = time.perf_counter()

    @property
    def throughput(self) -> Throughput:
        if self._first is None:
            return Throughput(len(self._bytes), 0, 0, 0.0)
        since, before = self._first
        count = sum(self._bytes)
        if count == before:  # everything arrived at once
            since, before = self._started, 0
        return Throughput(len(self._bytes), count, count - before, self._last - since)
