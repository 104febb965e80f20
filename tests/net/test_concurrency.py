"""The line's estimate, held against simulated lines: full ones, narrow connections, fast ones, and ones that change."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import pytest

from scog.net import concurrency as concurrency_module
from scog.net.concurrency import Line, Mark
from tests.doubles.reading import Clock

MBIT = 125_000


@dataclass
class Read:
    mark: Mark
    size: int
    due: float
    """When its first byte comes."""
    came: float = 0.0
    timed_from: float = 0.0


class Simulated:
    """Reads of one size over a line of `rate` bytes a second, of which one connection gets `connection` at most."""

    def __init__(self, rate: float, latency: float, connection: float = 1e12) -> None:
        self.clock = Clock()
        self.line = Line(self.clock)
        self.rate, self.latency, self.connection = rate, latency, connection
        self.under_way: list[Read] = []
        self.delivered = 0.0
        self.most = 0
        self.on_order: list[int] = []

    def run(self, seconds: float, size: int = 350_000, at_most: int = 64, step: float = 0.005) -> float:
        """As many reads as the window admits; the rate that was reached in the second half."""
        began, half = self.clock.now, 0.0
        for tick in itertools.count():
            now = self.clock.now
            if now - began >= seconds:
                return (self.delivered - half) / (seconds / 2)
            if now - began < seconds / 2:
                half = self.delivered
            while len(self.under_way) < at_most and (
                len(self.under_way) < 2 or self.line.outstanding + size <= self.line.window
            ):
                self.under_way.append(Read(self.line.begin(size), size, now + self.latency))
            self.most = len(self.under_way)
            self.on_order.append(self.line.outstanding)
            self.clock.now = now + step
            if tick % round(0.1 / step) == 0:
                self.line.glance()
            self._flow(step, tick)
        raise AssertionError

    def mean_on_order(self) -> float:
        """Bytes on order, in the second half of all that was simulated."""
        half = self.on_order[len(self.on_order) // 2 :]
        return sum(half) / len(half)

    def _flow(self, step: float, tick: int) -> None:
        flowing = [read for read in self.under_way if read.due <= self.clock.now]
        for read in flowing:
            if not read.timed_from:
                self.line.answered(self.latency)
                read.timed_from = self.clock.now - step
            share = min(self.connection, self.rate / len(flowing)) * step
            before, read.came = int(read.came), min(float(read.size), read.came + share)
            self.line.arrived(int(read.came) - before)
            self.delivered += int(read.came) - before
            if read.came == read.size:
                self.line.body(read.size, self.clock.now - read.timed_from)
                self.line.end(read.mark)
                self.under_way.remove(read)


@pytest.mark.parametrize("mbits", [2, 5, 20, 50])
@pytest.mark.parametrize("latency", [0.04, 0.15])
def test_a_full_line_has_little_more_on_order_than_fills_it(mbits: float, latency: float) -> None:
    line = Simulated(mbits * MBIT, latency)
    assert line.run(60) > 0.9 * mbits * MBIT
    fills = mbits * MBIT * latency
    assert line.mean_on_order() <= 4 * fills + 4 * 350_000
    assert line.line.rate == pytest.approx(mbits * MBIT, rel=0.1)
    assert line.line.latency == pytest.approx(latency)


def test_narrow_connections_are_made_many() -> None:
    line = Simulated(1e9, 0.15, 150_000)
    assert line.run(120) > 0.9 * 64 * 150_000
    assert line.most >= 62
    assert line.line.connection_rate == pytest.approx(150_000, rel=0.1)


def test_a_fast_line_holds_nobody_up() -> None:
    line = Simulated(400e6, 0.03, 50e6)
    line.run(2, step=0.001)
    assert line.line.window >= 64 * 350_000
    assert line.most == 64


def test_a_line_that_becomes_slow_is_noticed_and_so_is_one_that_becomes_fast() -> None:
    line = Simulated(50 * MBIT, 0.04)
    line.run(30)
    line.rate = 5 * MBIT
    assert line.run(80) > 0.9 * 5 * MBIT
    assert line.line.rate == pytest.approx(5 * MBIT, rel=0.15)
    line.rate = 50 * MBIT
    assert line.run(80) > 0.9 * 50 * MBIT


def test_bytes_worth_a_round_trip() -> None:
    assert Line().round_trip_bytes == concurrency_module.UNKNOWN
    line = Simulated(20 * MBIT, 0.04)
    line.run(10)
    assert 20_000 < line.line.round_trip_bytes < 130_000
    narrow = Simulated(1e9, 0.15, 150_000)
    narrow.run(20)
    assert narrow.line.round_trip_bytes == pytest.approx(150_000 * 0.155, rel=0.1)


def test_idle_time_makes_nothing_forgotten() -> None:
    line = Simulated(20 * MBIT, 0.04)
    line.run(20)
    window, rate = line.line.window, line.line.rate
    for read in line.under_way:
        line.line.end(read.mark, read.size - int(read.came))
    assert line.line.outstanding == 0
    line.under_way.clear()
    line.clock.now += 3600
    assert (line.line.window, line.line.rate) == (window, rate)


def test_reads_that_fail_leave_nothing_on_order() -> None:
    line = Line()
    mark = line.begin(1000)
    line.arrived(300)
    line.reorder(-200)
    line.end(mark, 500)
    assert line.outstanding == 0
