"""Expectations for a measured network: seconds per screen of tiles, and suitable settings. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass

from scog.settings import Settings

SCREENFUL = {11: 8_500_000, 13: 16_700_000}
"""Bytes of a screen of 15 NDVI tiles (5 x 3) of one uncached scene, by zoom."""
PAGE = 800_000
"""Bytes of a search page of 100 items with only the fields that scog reads."""
OVERHEAD = 1.25
"""Duration of a screen as a multiple of the time for its bytes and round trips."""
TILES = 15
"""Tiles of a screen."""
AT_ONCE = 6
"""Tiles that a browser requests concurrently. They share the bandwidth."""


@dataclass(frozen=True)
class NetworkProfile:
    """The measured network to a host: latencies in seconds, rates in bytes per second.

    `connect` is the time to establish a connection, `tls` the duration of the TLS handshake, `first_byte` the time from
    a request to its first byte.
    """

    connect: float
    tls: float
    first_byte: float
    single_rate: float
    """Rate of one connection."""
    parallel_rate: float
    """Rate of several connections together."""

    @property
    def rate(self) -> float:
        """Bytes per second available to images."""
        return max(self.single_rate, self.parallel_rate)


def screenful(network: NetworkProfile, zoom: int) -> float:
    """Seconds to draw a screen of 15 uncached tiles, without the search.

    The sum of one connection, the round trips for header and blocks, and the transfer.
    """
    round_trips = network.connect + network.tls + 2 * network.first_byte
    return OVERHEAD * (SCREENFUL[zoom] / network.rate + round_trips)


def search_page(network: NetworkProfile) -> float:
    """Seconds to receive a page of 100 items."""
    return PAGE / network.rate


def advice(network: NetworkProfile, settings: Settings) -> list[str]:
    """Recommended settings as `SCOG_NAME=value: reason`; empty if the current ones are suitable."""
    recommended = []
    slowest = AT_ONCE / TILES * max(screenful(network, zoom) for zoom in SCREENFUL)
    if slowest > settings.tile_deadline:
        recommended.append(
            f"SCOG_TILE_DEADLINE={_round_up(slowest)}: {AT_ONCE} tiles at once take {slowest:.0f} s here, and "
            f"{settings.tile_deadline:g} s are allowed"
        )
    page = search_page(network)
    if OVERHEAD * page + network.first_byte > settings.catalog_deadline:
        recommended.append(
            f"SCOG_CATALOG_DEADLINE={_round_up(2 * page)}: a page of a search takes {page:.0f} s here, and "
            f"{settings.catalog_deadline:g} s are allowed"
        )
    return recommended


def _round_up(seconds: float) -> int:
    """Round up to a multiple of 5 s."""
    return int(-(-seconds // 5) * 5)
