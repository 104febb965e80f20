"""Byte ranges of files: over HTTP under one policy, or from a local archive. Both answer alike."""

from __future__ import annotations

import asyncio
import math
import re
import time
from collections import defaultdict
from collections.abc import Callable
from types import TracebackType
from typing import Self

from scog.errors import AssetBroken, AssetMissing, AssetRefused, SourceError, SourceUnavailable
from scog.net.connection import BadHttp, Head
from scog.net.http import HttpClient
from scog.net.local import LocalRanges
from scog.net.part import Part, is_local
from scog.net.policy import RETRIED_STATUS, Breaker, Tally, check_allowed, host_of, pause_before

Hear = Callable[[Part], None]
HEADERS = {"User-Agent": "scog", "Accept-Encoding": "identity"}


class HttpRanges:
    """Reads ranges over HTTP under the policy of `scog.net.policy`. Made and used within one event loop."""

    def __init__(
        self,
        *,
        allowed_hosts: tuple[str, ...],
        deadline: float,
        retries: int,
        per_host: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._allowed = allowed_hosts
        self._deadline = deadline
        self._retries = retries
        self._breakers: dict[str, Breaker] = defaultdict(lambda: Breaker(clock=clock))
        # Waiting for a turn is not the host's fault, so it is done outside the deadline.
        self._turns: dict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(per_host))
        self._client = HttpClient()

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def read(self, url: str, start: int, stop: int, tally: Tally, hear: Hear | None = None) -> Part:
        """Bytes `start..stop` (fewer where the file ends before). `hear` is told of their first part as it grows.

        Raises a SourceError: AssetMissing for 404, 403 and 410; SourceUnavailable for what may pass, after the
        retries; AssetBroken for an answer that is not the range asked for; AssetRefused for a host outside the
        allow-list, redirects, and servers without ranges.
        """
        check_allowed(url, self._allowed)
        async with self._turns[host_of(url)]:
            return await self._read(url, start, stop, tally, hear)

    async def _read(self, url: str, start: int, stop: int, tally: Tally, hear: Hear | None) -> Part:
        breaker = self._breakers[host_of(url)]
        if breaker.is_open():
            raise SourceUnavailable(
                f"{host_of(url)} kept failing and is left alone for a while.", reason="host-resting"
            )
        try:
            async with asyncio.timeout(self._deadline) as deadline:
                part = await self._with_retries(url, start, stop, tally, hear, deadline.when() or math.inf)
        except TimeoutError:
            breaker.fault()
            raise SourceUnavailable(
                f"{host_of(url)} did not answer in {self._deadline:g} s.", reason="timeout"
            ) from None
        except SourceUnavailable:
            breaker.fault()
            raise
        except SourceError:
            breaker.success()  # the host is well, the file is not
            raise
        breaker.success()
        return part

    async def _with_retries(
        self, url: str, start: int, stop: int, tally: Tally, hear: Hear | None, until: float
    ) -> Part:
        attempt = 0
        while True:
            try:
                return await self._once(url, start, stop, tally, hear)
            except _Passing as fault:
                attempt += 1
                pause = pause_before(attempt, fault.retry_after)
                if attempt > self._retries or asyncio.get_running_loop().time() + pause >= until:
                    raise SourceUnavailable(f"{host_of(url)}: {fault}", reason=fault.reason) from None
                await asyncio.sleep(pause)

    async def _once(self, url: str, start: int, stop: int, tally: Tally, hear: Hear | None) -> Part:
        if self._client.closed:
            raise SourceUnavailable("Reading has been stopped.", reason="stopped")
        wanted = HEADERS | {"Range": f"bytes={start}-{stop - 1}"}
        asked = _Asked(start, stop)
        growing = None if hear is None else lambda data: hear(asked.part(data))
        try:
            _, data = await self._client.get(url, wanted, asked.judge, tally.count_request, growing)
        except OSError as fault:
            raise _Passing(f"the connection failed ({type(fault).__name__})", "connection") from None
        except BadHttp as fault:
            raise AssetBroken(f"{host_of(url)} broke the HTTP protocol: {fault}.", reason="http") from None
        tally.bytes += len(data)
        return asked.part(data)


class Ranges:
    """Reads ranges of any URL: `file:` below the archive's folder, `http:` and `https:` from allowed hosts."""

    def __init__(self, http: HttpRanges, local: LocalRanges | None) -> None:
        self._http = http
        self._local = local

    async def read(self, url: str, start: int, stop: int, tally: Tally, hear: Hear | None = None) -> Part:
        """Bytes `start..stop` of the file; `hear` is told of their first part as it grows. Raises a SourceError."""
        if is_local(url):
            if self._local is None:
                raise AssetRefused("Local files are read from a local archive only.", reason="outside-archive")
            return await self._local.read(url, start, stop, tally)
        return await self._http.read(url, start, stop, tally, hear)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.close()


class _Passing(Exception):
    """A fault that another try may get around."""

    def __init__(self, message: str, reason: str, retry_after: str | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.retry_after = retry_after


_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})")
_BEYOND_THE_END = re.compile(r"bytes \*/(\d{1,18})")


class _Asked:
    """A range that was asked for, and what the answer's head says of the file."""

    def __init__(self, start: int, stop: int) -> None:
        self._start = start
        self._stop = stop
        self._size = 0
        self._etag = ""

    def judge(self, head: Head) -> int:
        """How many bytes the body has to have: exactly so many, one more or less is a fault."""
        self._size = _checked_size(head, self._start, self._stop)
        self._etag = f"{head.headers.get('etag') or head.headers.get('last-modified') or ''}/{self._size}"
        length = max(0, min(self._stop, self._size) - self._start)
        announced = head.headers.get("content-length")
        if length and announced is not None and announced != str(length):
            raise AssetBroken("The server announced another length than asked for.", reason="wrong-range")
        return length

    def part(self, data: memoryview) -> Part:
        """What has come of it."""
        return Part(self._start, data, self._size, self._etag)


def _checked_size(head: Head, start: int, stop: int) -> int:
    """The file's size, once status and Content-Range prove that the body will be the range asked for.

    A size of at most `start` means that the file ends before; the body then only says so.
    """
    status, headers = head
    if status in RETRIED_STATUS:
        raise _Passing(f"answered {status}", f"http-{status}", headers.get("retry-after"))
    if status in (401, 403, 404, 410):
        raise AssetMissing(f"The server answered {status}.", reason=f"http-{status}")
    if 300 <= status < 400:
        raise AssetRefused("The server redirects; redirects are not followed.", reason="redirect")
    if status == 200:
        raise AssetRefused("The server does not answer range requests.", reason="no-ranges")
    content_range = headers.get("content-range", "")
    if status == 416 and (ended := _BEYOND_THE_END.fullmatch(content_range)) and int(ended[1]) <= start:
        return int(ended[1])
    found = _CONTENT_RANGE.fullmatch(content_range)
    if status != 206 or found is None:
        raise AssetBroken(f"The server answered {status} to a range request.", reason=f"http-{status}")
    first, last, size = map(int, found.groups())
    if first != start or last != min(stop, size) - 1:
        raise AssetBroken("The server sent another range than asked for.", reason="wrong-range")
    return size
