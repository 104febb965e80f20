"""One range of a file, however many requests it takes: tried again, tried beside, continued where it broke off."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from scog.errors import AssetBroken, SourceError, SourceUnavailable
from scog.net.byte_range import Part
from scog.net.connection import BadHttp, Head
from scog.net.dialer import ConnectTimeout
from scog.net.host import SLOW_AFTER, Host
from scog.net.http import HttpClient
from scog.net.policy import Tally, pause_before
from scog.net.proxy import ProxyError
from scog.net.response import Passing, identity, size_told, strong_etag
from scog.net.tls import CertificateRejected

Hear = Callable[[Part], None]
HEADERS = {"User-Agent": "scog", "Accept-Encoding": "identity"}
LONGEST_PAUSE = 10.0
"""Seconds before another try at most; a host that asks for more time fails the read."""
PROGRESS = 16_384
"""Bytes of an answer that broke off from which it was not in vain."""
MOST_TRIES = 20
"""Requests in turn for one read, even if each brings some of it."""
STALLED = frozenset({"timeout", "slow"})
MOST_STALLS = 2
"""Stalls after which a read is tried again; the next one ends it."""
DEFINITE = frozenset({"http-403", "http-404", "http-410"})
"""Answers that are taken at their word; any other wrong one is asked for once more."""


class RangeRead:
    """Reads one range. `check` has to be called now and then while `run` is awaited."""

    def __init__(
        self, client: HttpClient, host: Host, url: str, start: int, stop: int, tally: Tally, hear: Hear | None,
        retries: int,
    ) -> None:  # fmt: skip
        self._client = client
        self._host = host
        self._url = url
        self._start = start
        self._stop = stop
        self._tally = tally
        self._hear = hear
        self._retries = retries
        self._arrived = memoryview(b"")
        """The bytes that are there, from `start` on."""
        self._joined: memoryview | None = None
        """Memory for the whole range, where it takes more than one answer."""
        self._size = 0
        self._identity = ""
        self._etag: str | None = None
        self._on_order = stop - start
        self._tries: list[_Try] = []
        self._leader: _Try | None = None
        self._beside: asyncio.Task[Part] | None = None
        self._stalls = 0

    @property
    def missing(self) -> int:
        """Bytes on order that have not come."""
        return self._on_order

    async def run(self) -> Part:
        """The range. Raises a SourceError, SourceUnavailable after all tries."""
        failures = wrong = 0
        for _ in range(MOST_TRIES):
            before = len(self._arrived)
            try:
                return await self._attempt(fresh=failures + wrong > 0)
            except Passing as fault:
                got_on = self._etag is not None and len(self._arrived) - before >= PROGRESS
                self._stalls += fault.reason in STALLED
                failures = 1 if got_on else failures + 1
                pause = pause_before(failures, fault.retry_after)
                in_vain = fault.reason in STALLED and self._stalls > MOST_STALLS
                if in_vain or failures > self._retries or pause > LONGEST_PAUSE:
                    if fault.blames:
                        self._host.breaker.fault()
                    raise SourceUnavailable(f"{self._host.name}: {fault}", reason=fault.reason) from None
                if self._etag is None:
                    self._forget()
                await self._pause(pause)
            except SourceError as fault:
                wrong += 1
                if wrong > 1 or fault.reason in DEFINITE or isinstance(fault, SourceUnavailable):
                    raise
                self._forget()
        self._host.breaker.fault()
        raise SourceUnavailable(f"{self._host.name} kept breaking off.", reason="connection")

    async def _pause(self, seconds: float) -> None:
        """Wait, and leave the line to others meanwhile."""
        on_order = self._on_order
        self._order(0)
        self._host.turns.admit()
        try:
            await asyncio.sleep(seconds)
        finally:
            self._order(on_order)

    def check(self) -> None:
        """Look after the requests under way: one more beside a silent one, and an end to those that stall."""
        now, host = time.monotonic(), self._host
        for each in tuple(self._tries):
            silent = now - each.heard
            if silent >= host.patience(again=self._stalls > 0 or each is self._leader):
                each.end(f"sent nothing for {silent:.1f} s", "timeout")
            elif each is self._leader:
                seconds, size = now - each.marked, each.came - each.mark
                if host.is_too_slow(size, seconds):
                    each.end(f"sent {size} bytes in {seconds:.0f} s", "slow")
                elif seconds >= SLOW_AFTER:
                    each.marked, each.mark = now, each.came
            elif silent >= host.hedge_after and self._beside is None and self._leader is None:
                self._try_beside()

    async def _attempt(self, *, fresh: bool) -> Part:
        """One request, or two of which the first to answer counts."""
        self._leader = self._beside = None
        try:
            return await self._try(fresh=fresh)
        except (Passing, SourceError):
            if self._beside is None or (self._beside.done() and self._beside.exception() is not None):
                raise
            return await self._beside
        finally:
            if self._beside is not None:
                self._beside.cancel()

    def _try_beside(self) -> None:
        host = self._host
        host.hedges += 1

        def ended(task: asyncio.Task[Part]) -> None:
            host.hedges -= 1
            if not task.cancelled():
                task.exception()  # looked at, so that asyncio does not complain

        self._beside = asyncio.ensure_future(self._try(fresh=True))
        self._beside.add_done_callback(ended)

    async def _try(self, *, fresh: bool) -> Part:
        if self._client.closed:
            raise SourceUnavailable("Reading has been stopped.", reason="stopped")
        request = _Try(len(self._arrived))
        headers = HEADERS | {"Range": f"bytes={self._start + request.offset}-{self._stop - 1}"}
        if request.offset and self._etag is not None:
            headers["If-Range"] = self._etag
        self._tries.append(request)
        try:
            async with asyncio.timeout(None) as request.guard:
                _, body = await self._client.get(
                    self._url, headers, lambda head: self._judge(request, head), lambda: self._sent(request),
                    lambda body: self._take(request, body), fresh=fresh,
                )  # fmt: skip
        except TimeoutError:
            assert request.verdict is not None
            raise request.verdict from None
        except (CertificateRejected, ProxyError) as fault:
            raise SourceUnavailable(f"{self._host.name}: {fault}", reason=_REASONS[type(fault)]) from None
        except ConnectTimeout as fault:
            raise Passing(str(fault), "connection", blames=False) from None
        except OSError as fault:
            raise Passing(f"the connection failed ({_named(fault)})", "connection") from None
        except BadHttp as fault:
            raise AssetBroken(f"{self._host.name} broke the HTTP protocol: {fault}.", reason="http") from None
        finally:
            self._tries.remove(request)
        self._take(request, body)
        self._host.line.body(len(body) - request.first, time.monotonic() - request.began)
        return self._part()

    def _sent(self, request: _Try) -> None:
        self._tally.count_request()
        request.sent = request.heard = time.monotonic()

    def _judge(self, request: _Try, head: Head) -> int:
        """How many bytes the body has to have. The first good answer is the one that counts."""
        if self._leader is not None:
            raise Passing("another answer came first", "beaten", blames=False)
        start = self._start + request.offset
        if request.offset and head.status == 200:
            raise AssetBroken("The file was replaced while it was read.", reason="changed")
        size = size_told(head, start, self._stop)
        found = identity(head, size)
        if request.offset and found != self._identity:
            raise AssetBroken("The file was replaced while it was read.", reason="changed")
        request.answered = request.heard = request.marked = time.monotonic()
        self._host.breaker.success()
        self._host.line.answered(request.answered - request.sent)
        self._leader = request
        for other in self._tries:
            if other is not request:
                other.end("another answer came first", "beaten", blames=False)
        length = max(0, min(self._stop, size) - start)
        if not request.offset:
            self._size, self._identity, self._etag = size, found, strong_etag(head)
            self._order(length)
        return length

    def _take(self, request: _Try, body: memoryview) -> None:
        """Take in what has come of an answer's body."""
        new = len(body) - request.came
        if request is not self._leader or not new:
            return
        if request.offset:
            if self._joined is None:
                self._joined = memoryview(bytearray(max(0, min(self._stop, self._size) - self._start)))
                self._joined[: len(self._arrived)] = self._arrived
            stop = request.offset + len(body)
            self._joined[stop - new : stop] = body[request.came :]
            self._arrived = self._joined[:stop]
        else:
            self._arrived = body
        request.heard = time.monotonic()
        if not request.came:
            request.first, request.began = new, request.heard
        request.came += new
        self._tally.bytes += new
        self._on_order -= new
        self._host.line.arrived(new)
        self._host.turns.admit()
        if self._hear is not None:
            self._hear(self._part())

    def _part(self) -> Part:
        return Part(self._start, self._arrived, self._size, self._identity)

    def _forget(self) -> None:
        """What has come cannot be continued: of two versions of a file nothing is joined."""
        self._arrived, self._joined, self._etag = memoryview(b""), None, None
        self._order(self._stop - self._start)

    def _order(self, size: int) -> None:
        """So many bytes are on order from now on."""
        self._host.line.reorder(size - self._on_order)
        self._on_order = size


def _named(fault: OSError) -> str:
    """An error by its class and, where it has one, its text."""
    return f"{type(fault).__name__}: {fault}" if str(fault) else type(fault).__name__


_REASONS = {CertificateRejected: "certificate", ProxyError: "proxy"}


class _Try:
    """One request of a read."""

    def __init__(self, offset: int) -> None:
        self.offset = offset
        """Bytes of the range that were there before."""
        self.came = 0
        """Bytes of its body."""
        self.sent = self.heard = time.monotonic()
        """When it was made, and when something was last heard of it."""
        self.answered = 0.0
        """When its head came."""
        self.first, self.began = 0, 0.0
        """How many bytes came first, and when: they had been on their way together."""
        self.marked, self.mark = 0.0, 0
        """Since when, and since which byte, its rate is judged."""
        self.guard: asyncio.Timeout = asyncio.timeout(None)
        self.verdict: Passing | None = None

    def end(self, message: str, reason: str, *, blames: bool = False) -> None:
        """Give the request up."""
        if self.verdict is None:
            self.verdict = Passing(message, reason, blames=blames)
            self.guard.reschedule(asyncio.get_running_loop().time())
