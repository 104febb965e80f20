"""DNS resolver with a cache. Concurrent lookups of one name share a single query."""

from __future__ import annotations

import asyncio
import socket
import time

from aiohappyeyeballs import AddrInfoType

TTL = 300.0
"""Seconds for which a host's addresses are cached."""

Host = tuple[str, int]
"""Name or address, and port."""


class Resolver:
    """Resolves names in the event loop's threads. Used within one event loop."""

    def __init__(self) -> None:
        self._lookups: dict[Host, tuple[float, asyncio.Task[list[AddrInfoType]]]] = {}

    async def resolve(self, host: str, port: int) -> list[AddrInfoType]:
        """All addresses of a host, in the order in which to try them. Raises OSError if there are none."""
        until, lookup = self._lookups.get((host, port), (0.0, None))
        if (
            lookup is None
            or time.monotonic() >= until
            or (lookup.done() and (lookup.cancelled() or lookup.exception()))
        ):
            lookup = asyncio.create_task(_look_up(host, port))
            self._lookups[host, port] = time.monotonic() + TTL, lookup
        return list(await asyncio.shield(lookup))

    def forget(self, host: str, port: int) -> None:
        """Drop a host's addresses from the cache, since they did not respond."""
        self._lookups.pop((host, port), None)


async def _look_up(host: str, port: int) -> list[AddrInfoType]:
    return list(await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM))
