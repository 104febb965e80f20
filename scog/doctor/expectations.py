"""What to expect of a line: seconds for a screenful of tiles, and the settings that fit. Pure numbers."""

from __future__ import annotations

from dataclasses import dataclass

from scog.settings import Settings

SCREENFUL = {11: 8_500_000, 13: 16_700_000}
"""Bytes of 15 NDVI tiles (5 x 3) of one scene that is not in the cache, by zoom."""
PAGE = 800_000
"""Bytes of a search's page of 100 items, with just the fields that are read."""
OVERHEAD = 1.25
"""What a screenful takes, as a multiple of the time that its bytes and round trips take."""
TILES, AT_ONCE = 15, 6
"""Tiles of a screenful, and those of them that a browser asks for at once: they share the line."""


@dataclass(frozen=True)
class Line:
    """A line to a host: seconds of a round trip, of TLS, and until the first byte; bytes a second."""

    connect: float
    tls: float
    first_byte: float
    one: float
    """Bytes a second of one connection."""
    many: float
    """Bytes a second of several connections together."""

    @property
    def rate(self) -> float:
        """Bytes a second that images can have."""
        return max(self.one, self.many)


def screenful(line: Line, zoom: int) -> float:
    """Seconds until 15 tiles of a cold screenful are drawn, the search not counted.

    Connecting, then header and blocks one after the other, then the bytes.
    """
    round_trips = line.connect + line.tls + 2 * line.first_byte
    return OVERHEAD * (SCREENFUL[zoom] / line.rate + round_trips)


def search_page(line: Line) -> float:
    """Seconds that a page of 100 items takes at this rate, once it comes."""
    return PAGE / line.rate


def advice(line: Line, settings: Settings) -> list[str]:
    """Settings to change, as `SCOG_NAME=value: why`; empty where they fit."""
    found = []
    slowest = AT_ONCE / TILES * max(screenful(line, zoom) for zoom in SCREENFUL)
    if slowest > settings.tile_deadline:
        found.append(
            f"SCOG_TILE_DEADLINE={_rounded_up(slowest)}: {AT_ONCE} tiles at once take {slowest:.0f} s here, and "
            f"{settings.tile_deadline:g} s are allowed"
        )
    page = search_page(line)
    if OVERHEAD * page + line.first_byte > settings.catalog_deadline:
        found.append(
            f"SCOG_CATALOG_DEADLINE={_rounded_up(2 * page)}: a page of a search takes {page:.0f} s here, and "
            f"{settings.catalog_deadline:g} s are allowed"
        )
    return found


def _rounded_up(seconds: float) -> int:
    """To whole 5 s."""
    return int(-(-seconds // 5) * 5)
