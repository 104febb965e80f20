"""The line to the catalogue and to the pixels: latency, TLS, throughput, and what to expect of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import asdict

from scog.doctor.expectations import SCREENFUL, Line, advice, screenful
from scog.doctor.finding import Finding
from scog.errors import SourceError
from scog.net.handshake import Handshake, measure_handshake
from scog.net.policy import host_of
from scog.net.throughput import Range, ReadRange, Throughput, measure_throughput
from scog.settings import Settings

ONE = 1_000_000
"""Bytes that one connection reads at most, as many as a block has."""
CONNECTIONS = 8
MANY = 3_000_000
"""Bytes that all of these read together at most."""
SECONDS = 2.0
"""For each of the two, at most."""
TOO_FEW = 65_536
"""Bytes of which no rate can be told."""


async def latency(url: str) -> tuple[Handshake | None, Finding]:
    """How long the host takes to connect to and to answer; the URL is one that may be read."""
    host = host_of(url)
    try:
        seen = await asyncio.to_thread(measure_handshake, url)
    except OSError as fault:
        return None, Finding(True, f"line to {host}: not measured ({fault})")
    return seen, Finding(True, f"line to {host}: {_described(seen)}", values={"host": host, **asdict(seen)})


def _described(seen: Handshake) -> str:
    said = f"connected in {_ms(seen.connect)}"
    if seen.tls is not None:
        resumes = "sessions resume" if seen.resumed else "sessions do not resume"
        said += f", {(seen.version or 'TLS').replace('TLSv', 'TLS ')} in {_ms(seen.tls)} ({resumes})"
    way = f"through the proxy {seen.proxy}" if seen.proxy else "no proxy"
    return f"{said}, first byte after {_ms(seen.first_byte)}, {way}"


async def throughput(
    read: ReadRange, url: str, size: int, seen: Handshake | None, settings: Settings
) -> AsyncIterator[Finding]:
    """Read some ranges of a file of `size` bytes by one connection and by several; then say what to expect."""
    one_range, many_ranges = ranges_to_read(size)
    try:
        one = await measure_throughput(read, url, [one_range], SECONDS)
        many = await measure_throughput(read, url, many_ranges, SECONDS)
    except SourceError as fault:
        hint = "Single reads worked. Try again; if it stays so, the host or something on the way limits reads at once."
        yield Finding(False, f"throughput: {fault} ({fault.reason})", hint)
        return
    values = {"one": one.rate, "many": many.rate, "connections": CONNECTIONS, "bytes": one.bytes_read + many.bytes_read}
    if many.bytes_timed < TOO_FEW or not many.rate:
        yield Finding(True, "throughput: too few bytes came to tell", values=values)
        return
    text = f"throughput: {_mbit(one)} by one connection, {_mbit(many)} by {CONNECTIONS}"
    yield Finding(True, f"{text} ({values['bytes'] / 1e6:.1f} MB read)", values=values)
    handshake = seen or Handshake(0.0, None, 0.0, None, None, None)
    line = Line(handshake.connect, handshake.tls or 0.0, handshake.first_byte, one.rate, many.rate)
    for finding in _expectations(line, settings):
        yield finding


def _expectations(line: Line, settings: Settings) -> list[Finding]:
    seconds = {zoom: screenful(line, zoom) for zoom in SCREENFUL}
    said = ", ".join(
        f"{_seconds(seconds[zoom])} at zoom {zoom} ({size / 1e6:.1f} MB)" for zoom, size in SCREENFUL.items()
    )
    changes = advice(line, settings)
    fits = f"SCOG_TILE_DEADLINE={settings.tile_deadline:g} and SCOG_READS_PER_HOST={settings.reads_per_host} fit"
    return [
        Finding(
            True,
            f"expect: a screenful of 15 NDVI tiles in about {said}, when nothing of it is cached",
            values={f"screenful_z{zoom}": each for zoom, each in seconds.items()},
        ),
        Finding(True, "settings: " + ("; ".join(changes) or fits), values={"advice": changes}),
    ]


def ranges_to_read(size: int) -> tuple[Range, list[Range]]:
    """What one connection reads of a file of `size` bytes, and what several read after it; never a byte twice."""
    one = min(ONE, size // 4)
    each = min(MANY, size - one) // CONNECTIONS
    return (0, one), [(one + place * each, one + (place + 1) * each) for place in range(CONNECTIONS)]


def _mbit(seen: Throughput) -> str:
    rate = seen.rate * 8 / 1e6
    if rate > 1000:
        return "more than 1000 Mbit/s"
    return f"{rate:.1f} Mbit/s" if rate < 10 else f"{rate:.0f} Mbit/s"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 0.01 else f"{seconds * 1000:.0f} ms"


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
