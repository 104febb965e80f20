"""Measures the network to the catalogue and to the files: latency, TLS and throughput, and the times to expect."""

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

SINGLE_BYTES = 1_000_000
"""Maximum bytes read by the single connection; about one block."""
CONNECTIONS = 8
"""Number of parallel connections."""
PARALLEL_BYTES = 3_000_000
"""Maximum bytes read by all parallel connections together."""
MAX_SECONDS = 2.0
"""Maximum duration of each of the two measurements, in seconds."""
MIN_BYTES = 65_536
"""Minimum number of bytes for reporting a rate."""


async def latency(url: str) -> tuple[Handshake | None, Finding]:
    """Measure the time to connect to the URL's host and to its first byte. The host must be allowed."""
    host = host_of(url)
    try:
        handshake = await asyncio.to_thread(measure_handshake, url)
    except OSError as error:
        return None, Finding(True, f"connection to {host}: not measured ({error})")
    return handshake, Finding(
        True, f"connection to {host}: {_describe(handshake)}", values={"host": host, **asdict(handshake)}
    )


def _describe(handshake: Handshake) -> str:
    text = f"connected in {_ms(handshake.connect)}"
    if handshake.tls is not None:
        resumes = "sessions resume" if handshake.resumed else "sessions do not resume"
        text += f", {(handshake.version or 'TLS').replace('TLSv', 'TLS ')} in {_ms(handshake.tls)} ({resumes})"
    proxy = f"through the proxy {handshake.proxy}" if handshake.proxy else "no proxy"
    return f"{text}, first byte after {_ms(handshake.first_byte)}, {proxy}"


async def throughput(
    read: ReadRange, url: str, size: int, handshake: Handshake | None, settings: Settings
) -> AsyncIterator[Finding]:
    """Measure the throughput of one connection and of several to a file of `size` bytes, and report what to expect."""
    one_range, many_ranges = ranges_to_read(size)
    try:
        one = await measure_throughput(read, url, [one_range], MAX_SECONDS)
        many = await measure_throughput(read, url, many_ranges, MAX_SECONDS)
    except SourceError as error:
        hint = "Single reads worked. Try again; if this persists, the host or the network limits concurrent reads."
        yield Finding(False, f"throughput: {error} ({error.reason})", hint)
        return
    values = {"one": one.rate, "many": many.rate, "connections": CONNECTIONS, "bytes": one.bytes_read + many.bytes_read}
    if many.bytes_timed < MIN_BYTES or not many.rate:
        yield Finding(True, "throughput: not measured, too little data arrived", values=values)
        return
    text = f"throughput: {_mbit(one)} by one connection, {_mbit(many)} by {CONNECTIONS}"
    yield Finding(True, f"{text} ({values['bytes'] / 1e6:.1f} MB read)", values=values)
    handshake = handshake or Handshake(0.0, None, 0.0, None, None, None)
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
    """Disjoint ranges of a file of `size` bytes: one for the single connection, one for each parallel one."""
    one = min(SINGLE_BYTES, size // 4)
    each = min(PARALLEL_BYTES, size - one) // CONNECTIONS
    return (0, one), [(one + index * each, one + (index + 1) * each) for index in range(CONNECTIONS)]


def _mbit(throughput: Throughput) -> str:
    rate = throughput.rate * 8 / 1e6
    if rate > 1000:
        return "more than 1000 Mbit/s"
    return f"{rate:.1f} Mbit/s" if rate < 10 else f"{rate:.0f} Mbit/s"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 0.01 else f"{seconds * 1000:.0f} ms"


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
