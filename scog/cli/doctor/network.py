"""Measures the network to the catalogue and to the pixels: latency, TLS and throughput, and what to expect of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import asdict

from scog.cli.doctor.expectations import SCREENFUL, NetworkProfile, advice, screenful
from scog.cli.doctor.finding import Finding
from scog.errors import SourceError
from scog.net.handshake import Handshake, measure_handshake
from scog.net.policy import host_of
from scog.net.throughput import Range, ReadRange, Throughput, measure_throughput
from scog.settings import Settings

ONE = 1_000_000
"""Bytes that one connection reads at most; about one block."""
CONNECTIONS = 8
MANY = 3_000_000
"""Bytes that CONNECTIONS connections read together at most."""
SECONDS = 2.0
"""Duration of each of the two measurements in seconds, at most."""
TOO_FEW = 65_536
"""Bytes. With fewer, the rate is not reported."""


async def latency(url: str) -> tuple[Handshake | None, Finding]:
    """Measure the time to connect to the URL's host and to its first byte. The URL must be allowed."""
    host = host_of(url)
    try:
        measured = await asyncio.to_thread(measure_handshake, url)
    except OSError as fault:
        return None, Finding(True, f"connection to {host}: not measured ({fault})")
    return measured, Finding(
        True, f"connection to {host}: {_describe(measured)}", values={"host": host, **asdict(measured)}
    )


def _describe(measured: Handshake) -> str:
    text = f"connected in {_ms(measured.connect)}"
    if measured.tls is not None:
        resumes = "sessions resume" if measured.resumed else "sessions do not resume"
        text += f", {(measured.version or 'TLS').replace('TLSv', 'TLS ')} in {_ms(measured.tls)} ({resumes})"
    proxy = f"through the proxy {measured.proxy}" if measured.proxy else "no proxy"
    return f"{text}, first byte after {_ms(measured.first_byte)}, {proxy}"


async def throughput(
    read: ReadRange, url: str, size: int, measured: Handshake | None, settings: Settings
) -> AsyncIterator[Finding]:
    """Read ranges of a file of `size` bytes over one connection and over several; then report what to expect."""
    one_range, many_ranges = ranges_to_read(size)
    try:
        one = await measure_throughput(read, url, [one_range], SECONDS)
        many = await measure_throughput(read, url, many_ranges, SECONDS)
    except SourceError as fault:
        hint = "Single reads worked. Try again; if this persists, the host or the network limits concurrent reads."
        yield Finding(False, f"throughput: {fault} ({fault.reason})", hint)
        return
    values = {"one": one.rate, "many": many.rate, "connections": CONNECTIONS, "bytes": one.bytes_read + many.bytes_read}
    if many.bytes_timed < TOO_FEW or not many.rate:
        yield Finding(True, "throughput: not measured, too little data arrived", values=values)
        return
    text = f"throughput: {_mbit(one)} by one connection, {_mbit(many)} by {CONNECTIONS}"
    yield Finding(True, f"{text} ({values['bytes'] / 1e6:.1f} MB read)", values=values)
    handshake = measured or Handshake(0.0, None, 0.0, None, None, None)
    network = NetworkProfile(handshake.connect, handshake.tls or 0.0, handshake.first_byte, one.rate, many.rate)
    for finding in _expectations(network, settings):
        yield finding


def _expectations(network: NetworkProfile, settings: Settings) -> list[Finding]:
    seconds = {zoom: screenful(network, zoom) for zoom in SCREENFUL}
    text = ", ".join(
        f"{_seconds(seconds[zoom])} at zoom {zoom} ({size / 1e6:.1f} MB)" for zoom, size in SCREENFUL.items()
    )
    changes = advice(network, settings)
    fits = f"SCOG_TILE_DEADLINE={settings.tile_deadline:g} and SCOG_READS_PER_HOST={settings.reads_per_host} fit"
    return [
        Finding(
            True,
            f"expect: a screenful of 15 NDVI tiles in about {text}, if none of it is cached",
            values={f"screenful_z{zoom}": each for zoom, each in seconds.items()},
        ),
        Finding(True, "settings: " + ("; ".join(changes) or fits), values={"advice": changes}),
    ]


def ranges_to_read(size: int) -> tuple[Range, list[Range]]:
    """The range that one connection reads of a file of `size` bytes, and those that several read after it; disjoint."""
    one = min(ONE, size // 4)
    each = min(MANY, size - one) // CONNECTIONS
    return (0, one), [(one + place * each, one + (place + 1) * each) for place in range(CONNECTIONS)]


def _mbit(measured: Throughput) -> str:
    rate = measured.rate * 8 / 1e6
    if rate > 1000:
        return "more than 1000 Mbit/s"
    return f"{rate:.1f} Mbit/s" if rate < 10 else f"{rate:.0f} Mbit/s"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 0.01 else f"{seconds * 1000:.0f} ms"


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
