"""Byte ranges of files, over HTTP under one policy or from a local archive, with one interface."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from scog.errors import AssetRefused, SourceError, SourceUnavailable
from scog.net.admission import Waiters
from scog.net.byte_range import ByteRange, concatenate, is_local
from scog.net.concurrency import ConcurrencyLimit
from scog.net.host import Host, HostState
from scog.net.http import HttpClient
from scog.net.local import LocalRanges
from scog.net.policy import BreakerState, UpstreamStats, check_allowed, host_of
from scog.net.range_read import OnData, RangeRead, RangeSpec
from scog.net.signing import Signer
from scog.runtime.tasks import gather_all

PROBE_TIMEOUT = 2.0
"""Seconds that reads wait for the outcome of another read's probe."""
WARM_CONNECTIONS = 4
"""Connections opened ahead of reads. The first one also obtains the TLS session that the others resume."""
MAX_WARM_CONNECTIONS = 8
"""Maximum number of connections opened ahead of queued reads."""
CHECK_INTERVAL = 0.1
"""Seconds between two checks of the reads in flight."""


class HttpRanges:
    """Reads byte ranges over HTTP under the policy of `scog.net.policy`. Used within one event loop.

    A request is abandoned after `stall` seconds without data, or after three times as long while its host sends nothing
    to any request. The caller limits the total time of a read. `retries` is the maximum number of retries, `per_host`
    the maximum number of concurrent reads of one host.
    """

    def __init__(
        self,
        *,
        allowed_hosts: tuple[str, ...],
        stall: float,
        retries: int,
        per_host: int,
        expected: Sequence[str] = (),
        signer: Signer | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`expected` are URLs on hosts that are likely to be read from. Hosts that `signer` signs are allowed too."""
        self._expected = expected
        self._signer = signer or Signer()
        self._allowed = allowed_hosts + self._signer.hosts
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
        """The state of every host that was read from."""
        return [host.state for host in self._hosts.values()]

    def concurrency(self, url: str) -> ConcurrencyLimit:
        """The concurrency limit of a URL's host."""
        return self._host(url).concurrency

    def open_ahead(self) -> None:
        """Open connections to the expected hosts and to hosts without reads in flight, since reads will follow soon."""
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
        tally: UpstreamStats,
        on_data: OnData | None = None,
        waiters: Waiters | None = None,
        *,
        split: bool = False,
    ) -> ByteRange:
        """Read bytes `start..stop` of a file, fewer if the file ends before.

        `on_data` is called with the received part whenever it grows. The priority of the read is that of `tally`, or
        that of the most urgent of `waiters` if given. With `split`, several concurrent requests may read the range; the
        file must then not end before `stop`.

        Raises a SourceError: AssetMissing for 401, 403, 404 and 410; SourceUnavailable for transient errors, after the
        retries; AssetBroken for a response that is not the requested range; AssetRefused for a host outside the
        allow-list, redirects, and servers without range requests.
        """
        check_allowed(url, self._allowed)
        host = self._host(url)
        signer = self._signer if self._signer.signs(host.name, url) else None
        if signer is not None:  # before anything is sent to the host: the token service decides whether it may be read
            await signer.token(url)
        host.url = url
        if host.breaker.state is BreakerState.CLOSED:  # blocks follow a header; queued reads start when the limit grows
            ahead = min(host.admission.queued, MAX_WARM_CONNECTIONS) if host.reads else WARM_CONNECTIONS
            self._client.open_ahead(url, ahead)
        spec = RangeSpec(url, start, stop, tally, on_data, waiters)
        parts = host.part_count(spec.size, tally) if split else 1
        host.reads[id(tally)] += parts
        try:
            if parts == 1:
                return await self._read(host, spec, signer)
            first, *others = await gather_all(self._read(host, part, signer) for part in spec.split(parts))
            return concatenate(first, others)
        finally:
            host.reads[id(tally)] -= parts
            if not host.reads[id(tally)]:
                del host.reads[id(tally)]

    async def _read(self, host: Host, spec: RangeSpec, signer: Signer | None) -> ByteRange:
        is_probe = await _pass_breaker(host)
        try:
            snapshot = await host.admission.acquire(spec.waiters or (lambda: (spec.tally,)), spec.size)
            read = RangeRead(self._client, host, spec, self._retries, signer)
            try:
                if host.breaker.state is BreakerState.OPEN:  # opened while this read was queued
                    raise _breaker_open(host)
                self._watch(read)
                return await read.run()
            finally:
                self._reads.discard(read)
                host.admission.release(snapshot, read.outstanding)
        except SourceUnavailable:
            raise
        except SourceError:
            host.breaker.record_success()  # the host is available, only the file is invalid
            raise
        finally:
            if is_probe:
                host.breaker.release_probe()

    def _host(self, url: str) -> Host:
        name = host_of(url)
        host = self._hosts.get(name)
        if host is None:
            host = self._hosts[name] = Host(name, stall=self._stall, max_reads=self._per_host, clock=self._clock)
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
    """Wait until the breaker lets this read through. Returns whether the read is its probe.

    Raises SourceUnavailable while the breaker is open.
    """
    until = time.monotonic() + PROBE_TIMEOUT
    while host.breaker.blocks_request():
        if host.breaker.state is BreakerState.OPEN or time.monotonic() > until:
            raise _breaker_open(host)
        await asyncio.sleep(PROBE_TIMEOUT / 40)
    return host.breaker.state is not BreakerState.CLOSED


def _breaker_open(host: Host) -> SourceUnavailable:
    return SourceUnavailable(
        f"{host.name} failed repeatedly; requests to it are paused for {host.breaker.seconds_left:.0f} s.",
        reason="host-resting",
    )


class Ranges:
    """Reads byte ranges of any URL: `file:` below the archive's folder, `http:` and `https:` from allowed hosts."""

    def __init__(self, http: HttpRanges, local: LocalRanges | None) -> None:
        self._http = http
        self._local = local

    @property
    def hosts(self) -> list[HostState]:
        """The state of every host that was read from."""
        return self._http.hosts

    def open_ahead(self) -> None:
        """Open connections ahead of reads, while the catalogue is searched."""
        self._http.open_ahead()

    async def exists_locally(self, url: str) -> bool:
        """Whether a URL is that of an existing file of the local archive. No host is contacted."""
        return self._local is not None and is_local(url) and await self._local.exists(url)

    def concurrency(self, url: str) -> ConcurrencyLimit | None:
        """The concurrency limit of a URL's host; None for a local file."""
        return None if is_local(url) else self._http.concurrency(url)

    async def read(
        self,
        url: str,
        start: int,
        stop: int,
        tally: UpstreamStats,
        on_data: OnData | None = None,
        waiters: Waiters | None = None,
        *,
        split: bool = False,
    ) -> ByteRange:
        """Read bytes `start..stop` of a file; see `HttpRanges.read`. Raises a SourceError."""
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
