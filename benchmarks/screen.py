"""A screen of tiles, requested as by a browser: over six connections, from the middle outward, with retries."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

CONNECTIONS = 6
"""Connections that browsers open to a host over HTTP/1.1."""
COLUMNS, ROWS = 5, 3
TIMEOUT = 180.0
"""Timeout of a tile in seconds; browsers wait longer, but users do not."""
MAX_RETRY_AFTER = 30.0
"""Maximum `Retry-After` in seconds."""
PARTIAL = ("X-Scog-Skipped", "X-Scog-Incomplete")
"""Response headers of partial images."""
Tile = tuple[int, int, int]
"""z, x, y."""


@dataclass(frozen=True)
class Screenful:
    """Seconds until the first and the last tile; numbers of tiles that failed, and of those drawn by a retry."""

    first: float
    last: float
    failed: int
    redrawn: int
    faults: tuple[str, ...]

    def fields(self) -> dict[str, Any]:
        """The fields of a `Row`."""
        return {"wall": self.last, "first": self.first, "failed": self.failed, "redrawn": self.redrawn}


def screen(middle: Tile) -> list[Tile]:
    """The tiles around `middle`, nearest first; equally near ones by row and column."""
    z, x, y = middle
    rows, cols = (range(-(count // 2), count // 2 + 1) for count in (ROWS, COLUMNS))
    places = [(col, row) for row in rows for col in cols]
    places.sort(key=lambda place: (place[0] ** 2 + place[1] ** 2, place[1], place[0]))
    return [(z, x + col, y + row) for col, row in places]


def draw_screen(
    template: str, tiles: Sequence[Tile], connections: int = CONNECTIONS, *, waits: Sequence[float] = (0.0,)
) -> Screenful:
    """Request tiles from `template`, with {z}, {x} and {y}, and repeat those that failed.

    `waits` has the minimum seconds before each retry; a longer `Retry-After` counts.
    """
    return asyncio.run(_Browser(template, connections).draw(tiles, waits))


class _Browser:
    def __init__(self, template: str, connections: int) -> None:
        self._template = template
        self._connections = connections
        self._began = 0.0
        self._drawn: list[float] = []
        self._faults: list[str] = []
        self._pause = 0.0

    async def draw(self, tiles: Sequence[Tile], waits: Sequence[float]) -> Screenful:
        connector = aiohttp.TCPConnector(limit=self._connections)
        async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(TIMEOUT)) as session:
            self._began = time.perf_counter()
            failed = missing = await self._request(session, tiles)
            for wait in waits if failed else ():
                await asyncio.sleep(max(wait, min(self._pause, MAX_RETRY_AFTER)))
                missing = await self._request(session, missing)
        elapsed = time.perf_counter() - self._began
        first, last = (min(self._drawn), max(self._drawn)) if self._drawn else (elapsed, elapsed)
        return Screenful(first, last, len(failed), len(failed) - len(missing), tuple(dict.fromkeys(self._faults)))

    async def _request(self, session: aiohttp.ClientSession, tiles: Sequence[Tile]) -> list[Tile]:
        """Request tiles. Returns those that were not drawn."""
        left, failed = list(reversed(tiles)), []

        async def worker() -> None:
            while left:
                tile = left.pop()
                fault = await self._one(session, tile)
                if fault is None:
                    self._drawn.append(time.perf_counter() - self._began)
                else:
                    self._faults.append(fault)
                    failed.append(tile)

        await asyncio.gather(*(worker() for _ in range(self._connections)))
        return failed

    async def _one(self, session: aiohttp.ClientSession, tile: Tile) -> str | None:
        z, x, y = tile
        try:
            async with session.get(self._template.format(z=z, x=x, y=y)) as response:
                body = await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            return type(error).__name__
        if response.status != 200:
            wait = response.headers.get("Retry-After", "")
            self._pause = max(self._pause, float(wait) if wait.isdecimal() else 0.0)
            return f"{response.status} {body[:200].decode('utf-8', 'replace')}"
        return next((f"{name}: {response.headers[name]}" for name in PARTIAL if name in response.headers), None)
