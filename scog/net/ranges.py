"""Byte ranges of files: over HTTP under one policy, or from a local archive. Both answer alike."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from types import TracebackType
from typing import Self

from scog.errors import AssetRefused, SourceError, SourceUnavailable
from scog.net.admission import Waiters
from scog.net.byte_range import ByteRange, concatenate, is_local
from scog.net.concurrency import ConcurrencyLimit
from scog.net.host import Host, HostState
from scog.net.http import HttpClient
from scog.net.local import LocalRanges
from scog.net.policy import BreakerState, Tally, check_allowed, host_of
from scog.net.range_read import OnData, RangeRead
from scog.together import gather_all

PROBE_TIMEOUT = 2.0
"""Seconds for which reads wait for the outcome of another's probe."""
WARM_CONNECTIONS = 4
"""Connections that are opened ahead; the first of them also brings the TLS session that others resume."""
CHECK_INTERVAL = 0.1
"""Seconds between two looks at the reads under way."""


class HttpRanges:
    """Reads ranges over HTTP under the policy of `scog.net.policy`. Made and used within one event loop.

    `stall` is the time in seconds after which a read without a byte is given up while its host answers others; three
    times as long while it is silent altogether. How long a read may take in all is up to who waits for it.
    """

    def __init__(
        self,
        *,
        allowed_hosts: tuple[str, ...],
        stall: float,
        retries: int,
        per_host: int,
        expected: Sequence[str] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`expected` are URLs of hosts that will likely be read from."""
        self._expected = expected
        self._allowed = allowed_hosts
        self._stall = stall
        self._retries = retries
        self._per_host = per_host
        self._clock = clock
        self._hosts: dict[str, Host] = {}
        self._client = HttpClient()
        self._reads: set[RangeRead] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def close(self) -> None:
        """Close all connections."""
        if self._timer is not None:
            self._timer.cancel()
        await self._client.close()

    @property
    def hosts(self) -> list[HostState]:
        """The hosts that were read from, and how they are doing."""
        return [host.state for host in self._hosts.values()]

    def concurrency(self, url: str) -> ConcurrencyLimit:
        """The line to a URL's host."""
        return self._host(url).concurrency

    def open_ahead(self) -> None:
        """Reads will come soon: open connections to the expected hosts, and to those that rest since they were read."""
        for url in self._expected:
            self._client.open_ahead(url, WARM_CONNECTIONS)
        for host in self._hosts.values():
            if host.url and not host.admission.in_flight:
                self._client.open_ahead(host.url, WARM_CONNECTIONS)

    async def read(
        self,
        url: str,
        start: int,
        stop: int,
        tally: Tally,
        on_data: OnData | None = None,
        waiters: Waiters | None = None,
        *,
        split: bool = False,
    ) -> ByteRange:
        """Bytes `start..stop` (fewer where the file ends before). `on_data` is told of their first part as it grows.

        The most urgent of the `waiters`, else `tally`, decides when it is the read's turn. It may be read `split`
        where the file is known not to end before `stop`.

        Raises a SourceError: AssetMissing for 404, 403 and 410; SourceUnavailable for what may pass, after the
        retries; AssetBroken for an answer that is not the range asked for; AssetRefused for a host outside the
        allow-list, redirects, and servers without ranges.
        """
        check_allowed(url, self._allowed)
        host = self._host(url)
        host.url = url
        parts = host.part_count(stop - start, tally) if split else 1
        host.reads[id(tally)] += parts
        try:
            return await self._read_parts(host, url, start, stop, parts, tally, on_data, waiters)
        finally:
            host.reads[id(tally)] -= parts
            if not host.reads[id(tally)]:
                del host.reads[id(tally)]

    async def _read_parts(
        self,
        host: Host,
        url: str,
        start: int,
        stop: int,
        parts: int,
        tally: Tally,
        on_data: OnData | None,
        waiters: Waiters | None,
    ) -> ByteRange:
        if parts == 1:
            return await self._read(host, url, start, stop, tally, on_data, waiters)
        bounds = [start + (stop - start) * place // parts for place in range(parts + 1)]
        first, *others = await gather_all(
            self._read(host, url, *span, tally, on_data if span[0] == start else None, waiters)
            for span in pairwise(bounds)
        )
        return concatenate(first, others)

    async def _read(
        self, host: Host, url: str, start: int, stop: int, tally: Tally, on_data: OnData | None, waiters: Waiters | None
    ) -> ByteRange:
        is_probe = await _pass_breaker(host)
        try:
            snapshot = await host.admission.acquire(waiters or (lambda: (tally,)), stop - start)
            read = RangeRead(self._client, host, url, start, stop, tally, on_data, self._retries)
            try:
                if host.breaker.state is BreakerState.OPEN:  # since it was asked
                    raise _breaker_open(host)
                self._watch(read)
                return await read.run()
            finally:
                self._reads.discard(read)
                host.admission.release(snapshot, read.missing)
        except SourceUnavailable:
            raise
        except SourceError:
            host.breaker.success()  # the host is well, the file is not
            raise
        finally:
            if is_probe:
                host.breaker.release_probe()

    def _host(self, url: str) -> Host:
        name = host_of(url)
        host = self._hosts.get(name)
        if host is None:
            host = self._hosts[name] = Host(name, stall=self._stall, at_most=self._per_host, clock=self._clock)
        return host

    def _watch(self, read: RangeRead) -> None:
        self._reads.add(read)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(CHECK_INTERVAL, self._check)

    def _check(self) -> None:
        self._timer = None
        for host in self._hosts.values():
            host.concurrency.sample()
            host.admission.admit_next(recheck=True)
        for read in tuple(self._reads):
            read.check()
        if self._reads:
            self._timer = asyncio.get_running_loop().call_later(CHECK_INTERVAL, self._check)


async def _pass_breaker(host: Host) -> bool:
    """Wait for the outcome of another's probe; whether this read is one.

    Raises SourceUnavailable while the host is left alone.
    """
    until = time.monotonic() + PROBE_TIMEOUT
    while host.breaker.is_open():
        if host.breaker.state is BreakerState.OPEN or time.monotonic() > until:
            raise _breaker_open(host)
        await asyncio.sleep(PROBE_TIMEOUT / 40)
    return host.breaker.state is not BreakerState.CLOSED


def _breaker_open(host: Host) -> SourceUnavailable:
    return SourceUnavailable(
        f"{host.name} kept refusing or failing and is left alone for {host.breaker.seconds_left:.0f} s.",
        reason="host-resting",
    )


class Ranges:
    """Reads ranges of any URL: `file:` below the archive's folder, `http:` and `https:` from allowed hosts."""

    def __init__(self, http: HttpRanges, local: LocalRanges | None) -> None:
        self._http = http
        self._local = local

    @property
    def hosts(self) -> list[HostState]:
        """The hosts that were read from, and how they are doing."""
        return self._http.hosts

    def open_ahead(self) -> None:
        """Reads will come soon: open connections while it is found out of what."""
        self._http.open_ahead()

    def concurrency(self, url: str) -> ConcurrencyLimit | None:
        """The line to a URL's host; None for a local file."""
        return None if is_local(url) else self._http.concurrency(url)

    async def read(
        self,
        url: str,
        start: int,
        stop: int,
        tally: Tally,
        on_data: OnData | None = None,
        waiters: Waiters | None = None,
        *,
        split: bool = False,
    ) -> ByteRange:
        """Bytes `start..stop` of the file; `on_data` is told of their first part as it grows. Raises a SourceError."""
        if is_local(url):
            if self._local is None:
                raise AssetRefused("Local files are read from a local archive only.", reason="outside-archive")
            return await self._local.read(url, start, stop, tally)
        return await self._http.read(url, start, stop, tally, on_data, waiters, split=split)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.close()
