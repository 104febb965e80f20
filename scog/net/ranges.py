"""Byte ranges of files: over HTTP by aiohttp, or from a local archive. Both answer alike."""

from __future__ import annotations

import asyncio
import math
import os
import re
import stat
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace, TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import unquote, urlsplit

from scog.errors import AssetBroken, AssetMissing, AssetRefused, SourceError, SourceUnavailable
from scog.net.policy import RETRIED_STATUS, Breaker, Tally, check_allowed, host_of, pause_before

if TYPE_CHECKING:
    import aiohttp


@dataclass(frozen=True)
class Part:
    """Bytes `start..start+len(data)` of a file of `size` bytes; `etag` changes when the file does."""

    start: int
    data: bytes
    size: int
    etag: str


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
        import aiohttp  # takes 0.1 s to load, and whoever reads a local archive does without

        self._allowed = allowed_hosts
        self._deadline = deadline
        self._retries = retries
        self._breakers: dict[str, Breaker] = defaultdict(lambda: Breaker(clock=clock))
        # Waiting for a turn is not the host's fault, so it is done outside the deadline.
        self._turns: dict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(per_host))
        counting = aiohttp.TraceConfig()
        counting.on_request_headers_sent.append(_count)
        self._client = aiohttp.ClientSession(
            trace_configs=[counting],
            connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=300),
            # The deadline is held around the whole request; a slow connect should leave time for another try.
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=min(2.0, deadline)),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            read_bufsize=2**20,
            headers={"User-Agent": "scog", "Accept-Encoding": "identity"},
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def read(self, url: str, start: int, stop: int, tally: Tally) -> Part:
        """Bytes `start..stop` (fewer where the file ends before).

        Raises a SourceError: AssetMissing for 404, 403 and 410; SourceUnavailable for what may pass, after the
        retries; AssetBroken for an answer that is not the range asked for; AssetRefused for a host outside the
        allow-list, redirects, and servers without ranges.
        """
        check_allowed(url, self._allowed)
        async with self._turns[host_of(url)]:
            return await self._read(url, start, stop, tally)

    async def _read(self, url: str, start: int, stop: int, tally: Tally) -> Part:
        breaker = self._breakers[host_of(url)]
        if breaker.is_open():
            raise SourceUnavailable(
                f"{host_of(url)} kept failing and is left alone for a while.", reason="host-resting"
            )
        try:
            async with asyncio.timeout(self._deadline) as deadline:
                part = await self._with_retries(url, start, stop, tally, deadline.when() or math.inf)
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

    async def _with_retries(self, url: str, start: int, stop: int, tally: Tally, until: float) -> Part:
        attempt = 0
        while True:
            try:
                return await self._once(url, start, stop, tally)
            except _Passing as fault:
                attempt += 1
                pause = pause_before(attempt, fault.retry_after)
                if attempt > self._retries or asyncio.get_running_loop().time() + pause >= until:
                    raise SourceUnavailable(f"{host_of(url)}: {fault}", reason=fault.reason) from None
                await asyncio.sleep(pause)

    async def _once(self, url: str, start: int, stop: int, tally: Tally) -> Part:
        import aiohttp

        if self._client.closed:
            raise SourceUnavailable("Reading has been stopped.", reason="stopped")
        wanted = {"Range": f"bytes={start}-{stop - 1}"}
        try:
            async with self._client.get(
                url, headers=wanted, allow_redirects=False, trace_request_ctx=tally
            ) as response:
                size = _checked_size(response, start, stop)
                data = await _body(response, min(stop, size) - start) if start < size else b""
        except (aiohttp.ClientPayloadError, aiohttp.ClientConnectionError, ConnectionError) as fault:
            raise _Passing(f"the connection failed ({type(fault).__name__})", "connection") from None
        except aiohttp.ClientError as fault:
            raise AssetBroken(
                f"{host_of(url)} broke the HTTP protocol ({type(fault).__name__}).", reason="http"
            ) from None
        tally.bytes += len(data)
        etag = response.headers.get("ETag") or response.headers.get("Last-Modified") or ""
        return Part(start, data, size, f"{etag}/{size}")


class HttpLater:
    """HttpRanges that the first read makes: for a local archive, which mostly leads nowhere else."""

    def __init__(self, make: Callable[[], HttpRanges]) -> None:
        self._make = make
        self._http: HttpRanges | None = None
        self._closed = False

    async def close(self) -> None:
        """Close all connections, if there are any."""
        self._closed = True
        if self._http is not None:
            await self._http.close()

    async def read(self, url: str, start: int, stop: int, tally: Tally) -> Part:
        """As `HttpRanges.read`."""
        if self._http is None:
            await asyncio.to_thread(import_module, "aiohttp")  # here, the event loop would stand still meanwhile
            if self._closed:
                raise SourceUnavailable("Reading has been stopped.", reason="stopped")
            self._http = self._http or self._make()
        return await self._http.read(url, start, stop, tally)


class LocalRanges:
    """Reads ranges of files below one folder, for local archives."""

    def __init__(self, root: Path, executor: Executor) -> None:
        self._root = os.path.realpath(root)
        self._executor = executor

    async def read(self, url: str, start: int, stop: int, tally: Tally) -> Part:
        """Bytes `start..stop` of a `file:` URL. Raises AssetRefused outside the folder, AssetMissing, AssetBroken."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._read, url, start, stop)

    def _read(self, url: str, start: int, stop: int) -> Part:
        try:
            path = os.path.realpath(unquote(urlsplit(url).path))
        except ValueError:  # no name that a file could have
            raise AssetMissing("There is no such file in the archive.", reason="no-file") from None
        if not path.startswith(self._root + os.sep):
            raise AssetRefused("The file lies outside the archive's folder.", reason="outside-archive")
        try:
            with open(path, "rb", opener=_open_at_once) as file:
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode):
                    raise AssetRefused("This is no regular file.", reason="not-a-file")
                data = os.pread(file.fileno(), stop - start, start)
        except (FileNotFoundError, PermissionError, IsADirectoryError):
            raise AssetMissing("There is no such file in the archive.", reason="no-file") from None
        except OSError as fault:
            raise AssetBroken(f"The file cannot be read: {fault.strerror}.", reason="unreadable") from None
        return Part(start, data, status.st_size, f"{status.st_mtime_ns:x}-{status.st_ino:x}/{status.st_size}")


def _open_at_once(path: str, flags: int) -> int:
    """Open without waiting, as a pipe that nobody writes to would make us, and without following a link."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0))


class Ranges:
    """Reads ranges of any URL: `file:` below the archive's folder, `http:` and `https:` from allowed hosts."""

    def __init__(self, http: HttpRanges | HttpLater, local: LocalRanges | None) -> None:
        self._http = http
        self._local = local

    async def read(self, url: str, start: int, stop: int, tally: Tally) -> Part:
        """Bytes `start..stop` of the file. Raises a SourceError."""
        if url.startswith("file:"):
            if self._local is None:
                raise AssetRefused("Local files are read from a local archive only.", reason="outside-archive")
            return await self._local.read(url, start, stop, tally)
        return await self._http.read(url, start, stop, tally)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.close()


async def _count(_: aiohttp.ClientSession, context: SimpleNamespace, __: object) -> None:
    """Count a request as it leaves: aiohttp repeats one by itself where the server closed a connection meanwhile."""
    context.trace_request_ctx.requests += 1


class _Passing(Exception):
    """A fault that another try may get around."""

    def __init__(self, message: str, reason: str, retry_after: str | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.retry_after = retry_after


_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})")
_BEYOND_THE_END = re.compile(r"bytes \*/(\d{1,18})")


def _checked_size(response: aiohttp.ClientResponse, start: int, stop: int) -> int:
    """The file's size, once status and Content-Range prove that the body will be the range asked for.

    A size of at most `start` means that the file ends before; the body then only says so.
    """
    status = response.status
    if status in RETRIED_STATUS:
        raise _Passing(f"answered {status}", f"http-{status}", response.headers.get("Retry-After"))
    if status in (401, 403, 404, 410):
        raise AssetMissing(f"The server answered {status}.", reason=f"http-{status}")
    if 300 <= status < 400:
        raise AssetRefused("The server redirects; redirects are not followed.", reason="redirect")
    if status == 200:
        raise AssetRefused("The server does not answer range requests.", reason="no-ranges")
    content_range = response.headers.get("Content-Range", "")
    if status == 416 and (ended := _BEYOND_THE_END.fullmatch(content_range)) and int(ended[1]) <= start:
        return int(ended[1])
    found = _CONTENT_RANGE.fullmatch(content_range)
    if status != 206 or found is None:
        raise AssetBroken(f"The server answered {status} to a range request.", reason=f"http-{status}")
    first, last, size = map(int, found.groups())
    if first != start or last != min(stop, size) - 1:
        raise AssetBroken("The server sent another range than asked for.", reason="wrong-range")
    return size


async def _body(response: aiohttp.ClientResponse, length: int) -> bytes:
    """Exactly `length` bytes; one more or less is a fault."""
    if response.content_length is not None and response.content_length != length:
        raise AssetBroken("The server announced another length than asked for.", reason="wrong-range")
    try:
        data = await response.content.readexactly(length)
    except asyncio.IncompleteReadError:
        raise _Passing("the answer was cut short", "cut-short") from None
    if await response.content.read(1):
        raise AssetBroken("The server sent more than was asked for.", reason="wrong-range")
    return data
