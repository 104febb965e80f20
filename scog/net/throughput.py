"""How fast bytes come when ranges of a file are read as images read them: bounded in bytes and in time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from scog.net.byte_range import ByteRange
from scog.net.policy import Tally

Range = tuple[int, int]


class ReadRange(Protocol):
    """`scog.net.ranges.Ranges.read`."""

    def __call__(
        self, url: str, start: int, stop: int, tally: Tally, on_data: Callable[[ByteRange], None] | None = None
    ) -> Awaitable[ByteRange]:
        """Bytes `start..stop` of the file; `on_data` is told of their first part as it grows."""


@dataclass(frozen=True)
class Throughput:
    """What so many connections together brought."""

    connections: int
    bytes_read: int
    """Bytes, all of them."""
    bytes_timed: int
    """Bytes that came after the first ones, in so many `seconds`; those before were on the way already."""
    seconds: float

    @property
    def rate(self) -> float:
        """Bytes a second; 0 where nothing came."""
        return self.bytes_timed / self.seconds if self.seconds > 0 else 0.0


async def measure_throughput(read: ReadRange, url: str, ranges: Sequence[Range], seconds: float) -> Throughput:
    """Read ranges at once, a connection each, for so many seconds at most. Raises a SourceError."""
    meter = _Meter(len(ranges))

    async def one(place: int, start: int, stop: int) -> None:
        part = await read(url, start, stop, Tally(), lambda part: meter.on_data(place, len(part.data)))
        meter.on_data(place, len(part.data))

    try:
        async with asyncio.timeout(seconds):
            await asyncio.gather(*(one(place, *span) for place, span in enumerate(ranges)))
    except TimeoutError:
        meter.end()
    return meter.throughput


class _Meter:
    """What has come of each range, and when."""

    def __init__(self, count: int) -> None:
        self._bytes = [0] * count
        self._started = time.perf_counter()
        self._first: tuple[float, int] | None = None
        self._last = 0.0

    def on_data(self, place: int, size: int) -> None:
        """So many bytes of a range are there."""
        self._bytes[place] = max(self._bytes[place], size)
        self._last = time.perf_counter()
        if self._first is None:  # these were on the way before the clock began
            self._first = self._last, size

    def end(self) -> None:
        """The time is over."""
        self._last = time.perf_counter()

    @property
    def throughput(self) -> Throughput:
        if self._first is None:
            return Throughput(len(self._bytes), 0, 0, 0.0)
        since, before = self._first
        count = sum(self._bytes)
        if count == before:  # all of it came in one piece
            since, before = self._started, 0
        return Throughput(len(self._bytes), count, count - before, self._last - since)
