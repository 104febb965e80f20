"""Reads one byte range. Requests are retried, hedged, and resumed after an interruption."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

from scog.errors import AssetBroken, AssetMissing, SourceError, SourceUnavailable
from scog.net.admission import Waiters
from scog.net.byte_range import ByteRange
from scog.net.connection import Head, ProtocolError
from scog.net.dialer import ConnectTimeout
from scog.net.host import SLOW_AFTER, Host
from scog.net.http import HttpClient
from scog.net.policy import UpstreamStats, display_url
from scog.net.proxy import ProxyError
from scog.net.response import TransientError, file_size, file_version, strong_etag
from scog.net.retry import Retries
from scog.net.signing import Signer
from scog.net.tls import CertificateRejected

OnData = Callable[[ByteRange], None]
"""Called with the received part of the range whenever it grows."""
HEADERS = {"User-Agent": "scog", "Accept-Encoding": "identity"}
MIN_PROGRESS = 16_384
"""If an interrupted response brought at least this many bytes, retries are counted anew."""
MAX_REQUESTS = 20
"""Maximum number of consecutive requests of one read, even if each makes progress."""


@dataclass(frozen=True, eq=False)
class RangeSpec:
    """Bytes `start..stop` of the file at `url`, and the users' requests that wait for them.

    `tally` counts the upstream requests and bytes. Its priority is that of the read, or that of the most urgent of
    `waiters` if given.
    """

    url: str
    start: int
    stop: int
    tally: UpstreamStats
    on_data: OnData | None = None
    waiters: Waiters | None = None

    @property
    def size(self) -> int:
        """Number of bytes."""
        return self.stop - self.start

    def split(self, count: int) -> list[RangeSpec]:
        """`count` adjacent ranges of about the same size. Only the first has `on_data`."""
        bounds = [self.start + self.size * index // count for index in range(count + 1)]
        return [
            replace(self, start=start, stop=stop, on_data=self.on_data if start == self.start else None)
            for start, stop in pairwise(bounds)
        ]


class RangeRead:
    """Reads one byte range. While `run` is awaited, `check` must be called periodically.

    With a `signer`, requests are signed.
    """

    def __init__(
        self, client: HttpClient, host: Host, spec: RangeSpec, retries: int, signer: Signer | None = None
    ) -> None:
        self._client = client
        self._host = host
        self._url = spec.url
        self._start = spec.start
        self._stop = spec.stop
        self._tally = spec.tally
        self._on_data = spec.on_data
        self._retries = Retries(retries)
        self._signer = signer
        self._token = ""
        """The token of the latest request."""
        self._renewed = False
        """Whether the token was renewed after a 403."""
        self._received = memoryview(b"")
        """The bytes received so far. The first is byte `start` of the file."""
        self._buffer: memoryview | None = None
        """Memory for the whole range, allocated when a second response continues the first."""
        self._size = 0
        self._version = ""
        self._etag: str | None = None
        self.outstanding = spec.size
        """Requested bytes that have not arrived. 0 while the read waits for a retry."""
        self._requests: list[_Request] = []
        self._winner: _Request | None = None
        """The request whose response is used; None before the first valid response."""
        self._hedge: asyncio.Task[ByteRange] | None = None

    async def run(self) -> ByteRange:
        """Read the range. Raises a SourceError: SourceUnavailable after the last retry."""
        for _ in range(MAX_REQUESTS):
            before = len(self._received)
            try:
                return await self._attempt(new_connection=not self._retries.is_first)
            except TransientError as error:
                progressed = self._etag is not None and len(self._received) - before >= MIN_PROGRESS
                delay = self._retries.delay(error.reason, error.retry_after, progressed=progressed)
                if delay is None:
                    if error.host_failure:
                        self._host.breaker.record_failure()
                    raise SourceUnavailable(f"{self._host.name}: {error}", reason=error.reason) from None
                if self._etag is None:
                    self._restart()
                await self._pause(delay)
            except SourceError as error:
                if self._token and error.reason == "http-403":
                    await self._renew_token()
                elif not self._retries.repeats(error):
                    raise
                self._restart()
        self._host.breaker.record_failure()
        raise SourceUnavailable(
            f"{self._host.name}: {MAX_REQUESTS} requests for one read were not enough.", reason="connection"
        )

    async def _renew_token(self) -> None:
        """Renew the token after a 403. Raises AssetMissing if that was done before or there is no other token."""
        assert self._signer is not None
        if self._renewed or not await self._signer.renew(self._url, self._token):
            raise AssetMissing(
                f"The store refused access to {display_url(self._url)} (403), although the request had a valid token.",
                reason="http-403",
            ) from None
        self._renewed = True

    async def _pause(self, seconds: float) -> None:
        """Wait. Meanwhile the read has no outstanding bytes, so that others may start."""
        outstanding = self.outstanding
        self._set_outstanding(0)
        self._host.admission.admit_next()
        try:
            await asyncio.sleep(seconds)
        finally:
            self._set_outstanding(outstanding)

    def check(self) -> None:
        """Hedge a request that waits long for its response, and abandon requests that stall or are too slow."""
        now, host = time.monotonic(), self._host
        for request in tuple(self._requests):
            silence = now - request.last_activity
            if silence >= host.stall_timeout(retried=self._retries.stalls > 0 or request is self._winner):
                request.abandon(f"sent nothing for {silence:.1f} s", "timeout")
            elif request is self._winner:
                seconds, size = now - request.rate_start_time, request.received - request.rate_start_bytes
                if host.is_too_slow(size, seconds):
                    request.abandon(f"sent {size} bytes in {seconds:.0f} s", "slow")
                elif seconds >= SLOW_AFTER:
                    request.rate_start_time, request.rate_start_bytes = now, request.received
            elif silence >= host.hedge_after and self._hedge is None and self._winner is None:
                self._start_hedge()

    async def _attempt(self, *, new_connection: bool) -> ByteRange:
        """Send a request and, if it is slow, a hedge. The first response is used."""
        self._winner = self._hedge = None
        try:
            return await self._send(new_connection=new_connection)
        except (TransientError, SourceError):
            if self._hedge is None or (self._hedge.done() and self._hedge.exception() is not None):
                raise
            return await self._hedge
        finally:
            if self._hedge is not None:
                self._hedge.cancel()

    def _start_hedge(self) -> None:
        host = self._host
        host.hedges += 1

        def on_done(task: asyncio.Task[ByteRange]) -> None:
            host.hedges -= 1
            if not task.cancelled():
                task.exception()  # retrieved, so that asyncio does not log it

        self._hedge = asyncio.ensure_future(self._send(new_connection=True))
        self._hedge.add_done_callback(on_done)

    async def _send(self, *, new_connection: bool) -> ByteRange:
        if self._client.closed:
            raise SourceUnavailable("Reading has been stopped.", reason="stopped")
        token = "" if self._signer is None else await self._signer.token(self._url)
        self._token = token
        request = _Request(len(self._received))
        headers = HEADERS | {"Range": f"bytes={self._start + request.offset}-{self._stop - 1}"}
        if request.offset and self._etag is not None:
            headers["If-Range"] = self._etag
        self._requests.append(request)
        try:
            async with asyncio.timeout(None) as request.timeout:
                _, body = await self._client.get(
                    self._url, headers, lambda head: self._on_head(request, head), lambda: self._on_sent(request),
                    lambda body: self._on_body(request, body), token=token, new_connection=new_connection,
                )  # fmt: skip
        except TimeoutError:
            assert request.failure is not None
            raise request.failure from None
        except (CertificateRejected, ProxyError) as error:
            raise SourceUnavailable(f"{self._host.name}: {error}", reason=_REASONS[type(error)]) from None
        except ConnectTimeout as error:
            raise TransientError(str(error), "connection", host_failure=False) from None
        except OSError as error:
            raise TransientError(f"the connection failed ({_describe_error(error)})", "connection") from None
        except ProtocolError as error:
            raise AssetBroken(f"{self._host.name} broke the HTTP protocol: {error}.", reason="http") from None
        finally:
            self._requests.remove(request)
        self._on_body(request, body)
        self._host.concurrency.record_body(len(body) - request.first_bytes, time.monotonic() - request.first_bytes_at)
        return self._byte_range()

    def _on_sent(self, request: _Request) -> None:
        self._tally.count_request()
        request.sent_at = request.last_activity = time.monotonic()

    def _on_head(self, request: _Request, head: Head) -> int:
        """Check a response's head and return the length of its body in bytes.

        The first valid response is used, and other requests are abandoned.
        """
        if self._winner is not None:
            raise TransientError("another response came first", "superseded", host_failure=False)
        start = self._start + request.offset
        if request.offset and head.status == 200:
            raise AssetBroken("The file was replaced while it was read.", reason="changed")
        size = file_size(head, start, self._stop)
        version = file_version(head, size)
        if request.offset and version != self._version:
            raise AssetBroken("The file was replaced while it was read.", reason="changed")
        request.head_at = request.last_activity = request.rate_start_time = time.monotonic()
        self._host.breaker.record_success()
        self._host.concurrency.record_first_byte(request.head_at - request.sent_at)
        self._winner = request
        for other in self._requests:
            if other is not request:
                other.abandon("another response came first", "superseded", host_failure=False)
        length = max(0, min(self._stop, size) - start)
        if not request.offset:
            self._size, self._version, self._etag = size, version, strong_etag(head)
            self._set_outstanding(length)
        return length

    def _on_body(self, request: _Request, body: memoryview) -> None:
        """Store the bytes of a body that are new since the last call."""
        new = len(body) - request.received
        if request is not self._winner or not new:
            return
        if request.offset:
            if self._buffer is None:
                self._buffer = memoryview(bytearray(max(0, min(self._stop, self._size) - self._start)))
                self._buffer[: len(self._received)] = self._received
            stop = request.offset + len(body)
            self._buffer[stop - new : stop] = body[request.received :]
            self._received = self._buffer[:stop]
        else:
            self._received = body
        request.last_activity = time.monotonic()
        if not request.received:
            request.first_bytes, request.first_bytes_at = new, request.last_activity
        request.received += new
        self._tally.bytes += new
        self.outstanding -= new
        self._host.concurrency.record_bytes(new)
        self._host.admission.admit_next()
        if self._on_data is not None:
            self._on_data(self._byte_range())

    def _byte_range(self) -> ByteRange:
        return ByteRange(self._start, self._received, self._size, self._version)

    def _restart(self) -> None:
        """Drop the received bytes, since bytes of two versions of a file must not be joined."""
        self._received, self._buffer, self._etag = memoryview(b""), None, None
        self._set_outstanding(self._stop - self._start)

    def _set_outstanding(self, size: int) -> None:
        """Set the number of outstanding bytes, of the read and in its host's sum."""
        self._host.concurrency.adjust_outstanding(size - self.outstanding)
        self.outstanding = size


def _describe_error(error: OSError) -> str:
    """An error's class and, if it has one, its message."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


_REASONS = {CertificateRejected: "certificate", ProxyError: "proxy"}


class _Request:
    """One request of a read."""

    def __init__(self, offset: int) -> None:
        self.offset = offset
        """Bytes of the range received before this request, which starts after them."""
        self.received = 0
        """Bytes of its body received."""
        self.sent_at = self.last_activity = time.monotonic()
        """When it was sent, and when data last arrived."""
        self.head_at = 0.0
        """When the response's head arrived."""
        self.first_bytes, self.first_bytes_at = 0, 0.0
        """Size and time of the first chunk of the body. The measured rate does not include it."""
        self.rate_start_time, self.rate_start_bytes = 0.0, 0
        """Start of the current measurement of the rate: its time, and the value of `received` then."""
        self.timeout: asyncio.Timeout = asyncio.timeout(None)
        self.failure: TransientError | None = None

    def abandon(self, message: str, reason: str, *, host_failure: bool = False) -> None:
        """Cancel the request and record why."""
        if self.failure is None:
            self.failure = TransientError(message, reason, host_failure=host_failure)
            self.timeout.reschedule(asyncio.get_running_loop().time())
