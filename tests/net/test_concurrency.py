"""ConcurrencyLimit against simulated links: saturated, limited per connection, fast, and changing."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import pytest

from scog.net import concurrency as concurrency_module
from scog.net.concurrency import ConcurrencyLimit, Snapshot
from tests.doubles.reading import Clock

MBIT = 125_000


@dataclass
class Read:
    start: Snapshot
    size: int
    due: float
    """Time of its first byte."""
    received: float = 0.0
    timed_from: float = 0.0


class Simulated:
    """Reads of one size over a link of `rate` bytes per second, at most `connection` of them on each connection."""

    def __init__(self, rate: float, latency: float, connection: float = 1e12) -> None:
        self.clock = Clock()
        self.concurrency = ConcurrencyLimit(self.clock)
        self.rate, self.latency, self.connection = rate, latency, connection
        self.in_progress: list[Read] = []
        self.delivered = 0.0
        self.reads = 0
        self.outstanding: list[int] = []

    def run(self, seconds: float, size: int = 350_000, at_most: int = 64, step: float = 0.005) -> float:
        """Run as many reads as the limit admits. Returns the rate of the second half in bytes per second."""
        began, half = self.clock.now, 0.0
        for tick in itertools.count():
            now = self.clock.now
            if now - began >= seconds:
                return (self.delivered - half) / (seconds / 2)
            if now - began < seconds / 2:
                half = self.delivered
            while len(self.in_progress) < at_most and (
                len(self.in_progress) < 2 or self.concurrency.outstanding + size <= self.concurrency.max_outstanding
            ):
                self.in_progress.append(Read(self.concurrency.begin(size), size, now + self.latency))
            self.reads = len(self.in_progress)
            self.outstanding.append(self.concurrency.outstanding)
            self.clock.now = now + step
            if tick % round(0.1 / step) == 0:
                self.concurrency.sample()
            self._flow(step, tick)
        raise AssertionError

    def mean_outstanding(self) -> float:
        """Mean number of outstanding bytes in the second half of the simulation."""
        half = self.outstanding[len(self.outstanding) // 2 :]
        return sum(half) / len(half)

    def _flow(self, step: float, tick: int) -> None:
        flowing = [read for read in self.in_progress if read.due <= self.clock.now]
        for read in flowing:
            if not read.timed_from:
                self.concurrency.record_first_byte(self.latency)
                read.timed_from = self.clock.now - step
            share = min(self.connection, self.rate / len(flowing)) * step
            before, read.received = int(read.received), min(float(read.size), read.received + share)
            self.concurrency.record_bytes(int(read.received) - before)
            self.delivered += int(read.received) - before
            if read.received == read.size:
                self.concurrency.record_body(read.size, self.clock.now - read.timed_from)
                self.concurrency.end(read.start)
                self.in_progress.remove(read)


@pytest.mark.parametrize("mbits", [2, 5, 20, 50])
@pytest.mark.parametrize("latency", [0.04, 0.15])
def test_outstanding_bytes_barely_exceed_the_bandwidth_delay_product(mbits: float, latency: float) -> None:
    link = Simulated(mbits * MBIT, latency)
    assert link.run(60) > 0.9 * mbits * MBIT
    delay_product = mbits * MBIT * latency
    assert link.mean_outstanding() <= 4 * delay_product + 4 * 350_000
    assert link.concurrency.rate == pytest.approx(mbits * MBIT, rel=0.1)
    assert link.concurrency.latency == pytest.approx(latency)


def test_limited_connections_are_used_in_parallel() -> None:
    link = Simulated(1e9, 0.15, 150_000)
    assert link.run(120) > 0.9 * 64 * 150_000
    assert link.reads >= 62
    assert link.concurrency.connection_rate == pytest.approx(150_000, rel=0.1)


def test_a_fast_link_is_not_limited() -> None:
    link = Simulated(400e6, 0.03, 50e6)
    link.run(2, step=0.001)
    assert link.concurrency.max_outstanding >= 64 * 350_000
    assert link.reads == 64


def test_the_limit_follows_a_changing_bandwidth() -> None:
    link = Simulated(50 * MBIT, 0.04)
    link.run(30)
    link.rate = 5 * MBIT
    assert link.run(80) > 0.9 * 5 * MBIT
    assert link.concurrency.rate == pytest.approx(5 * MBIT, rel=0.15)
    link.rate = 50 * MBIT
    assert link.run(80) > 0.9 * 50 * MBIT


def test_round_trip_bytes_follow_the_measured_rate() -> None:
    assert ConcurrencyLimit().round_trip_bytes == concurrency_module.DEFAULT_ROUND_TRIP_BYTES
    link = Simulated(20 * MBIT, 0.04)
    link.run(10)
    assert 20_000 < link.concurrency.round_trip_bytes < 130_000
    narrow = Simulated(1e9, 0.15, 150_000)
    narrow.run(20)
    assert narrow.concurrency.round_trip_bytes == pytest.approx(150_000 * 0.155, rel=0.1)


def test_measurements_survive_idle_time() -> None:
    link = Simulated(20 * MBIT, 0.04)
    link.run(20)
    window, rate = link.concurrency.max_outstanding, link.concurrency.rate
    for read in link.in_progress:
        link.concurrency.end(read.start, read.size - int(read.received))
    assert link.concurrency.outstanding == 0
    link.in_progress.clear()
    link.clock.now += 3600
    assert (link.concurrency.max_outstanding, link.concurrency.rate) == (window, rate)


def test_failed_reads_leave_no_outstanding_bytes() -> None:
    link = ConcurrencyLimit()
    start = link.begin(1000)
    link.record_bytes(300)
    link.adjust_outstanding(-200)
    link.end(start, 500)
    assert link.outstanding == 0
