"""What a measured network means for users: seconds for a screenful of tiles, and settings that fit. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass

from scog.settings import Settings

SCREENFUL = {11: 8_500_000, 13: 16_700_000}
"""Bytes of 15 NDVI tiles (5 x 3) of one uncached scene, by zoom."""
PAGE = 800_000
"""Bytes of a search page of 100 items that is restricted to the fields scog reads."""
OVERHEAD = 1.25
"""Duration of a screenful as a multiple of the time for its bytes and round trips."""
TILES, AT_ONCE = 15, 6
"""Tiles of a screenful, and the number that a browser requests at a time; those share the bandwidth."""


@dataclass(frozen=True)
class NetworkProfile:
    """The measured network to a host: latencies in seconds, rates in bytes per second.

    `connect` is the time to establish a connection, `tls` that of the TLS handshake, `first_byte` that from a request
    to its first byte.
    """

    connect: float
    tls: float
    first_byte: float
    single_rate: float
    """Of one connection."""
    parallel_rate: float
    """Of several connections together."""

    @property
    def rate(self) -> float:
        """Bytes per second available to images."""
        return max(self.single_rate, self.parallel_rate)


def screenful(network: NetworkProfile, zoom: int) -> float:
    """Seconds until 15 tiles of an uncached screenful are drawn, without the search.

    One connection, then the header and the blocks one after the other, then the bytes.
    """
    round_trips = network.connect + network.tls + 2 * network.first_byte
    return OVERHEAD * (SCREENFUL[zoom] / network.rate + round_trips)


def search_page(network: NetworkProfile) -> float:
    """Seconds to receive a page of 100 items."""
    return PAGE / network.rate


def advice(network: NetworkProfile, settings: Settings) -> list[str]:
    """Settings to change, as `SCOG_NAME=value: why`; empty if the current ones fit."""
    advised = []
    slowest = AT_ONCE / TILES * max(screenful(network, zoom) for zoom in SCREENFUL)
    if slowest > settings.tile_deadline:
        advised.append(
            f"SCOG_TILE_DEADLINE={_rounded_up(slowest)}: {AT_ONCE} tiles at once take {slowest:.0f} s here, and "
            f"{settings.tile_deadline:g} s are allowed"
        )
    page = search_page(network)
    if OVERHEAD * page + network.first_byte > settings.catalog_deadline:
        advised.append(
            f"SCOG_CATALOG_DEADLINE={_rounded_up(2 * page)}: a page of a search takes {page:.0f} s here, and "
            f"{settings.catalog_deadline:g} s are allowed"
        )
    return advised


def _rounded_up(seconds: float) -> int:
    """Round up to a multiple of 5 s."""
    return int(-(-seconds // 5) * 5)
