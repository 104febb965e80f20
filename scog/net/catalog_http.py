"""Requests to one catalogue over httpx: only its own host, read timeouts, one hedge, bounded sizes, retries.

httpx reads the proxies from HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY when the client is created.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from typing import Any

import httpx

from scog.errors import CatalogBroken, CatalogUnavailable
from scog.net.connection_errors import NEXT_STEP, reason_of
from scog.net.hedge import Hedges, OnData, ReadTimeout, TypicalLatency
from scog.net.httpx_client import httpx_client
from scog.net.policy import CircuitBreaker, UpstreamStats, display_url, is_allowed
from scog.net.retry import RETRIED_STATUS, retry_delay

MAX_RESPONSE = 12_000_000
"""Maximum bytes of a response. A page of 100 items has 2.3 MB, and takes up to twenty times as much memory parsed."""
MAX_RETRY_AFTER = 60.0
"""Maximum seconds for which no request is sent after a Retry-After."""
READ_TIMEOUT = 5.0
"""Seconds without data after which a request fails. A catalogue that hangs is thus reported within 8 s, even if it
hangs after its headers: a hedge is sent after half of this, and may receive data once."""
HEDGE_AFTER = 1.0
"""Minimum seconds without data before a request is hedged. Earth Search takes 0.5 to 3 s."""
LATE_FACTOR = 3.0
"""A response is late after this multiple of the typical latency."""
MIN_PROGRESS = 4096
"""Bytes of a body that reset the read timeout. A slower response, below 0.7 KB/s, times out."""
# Earth Search's gateway answers 403 under load.
RETRIED = RETRIED_STATUS | {403, 408}


class UnexpectedResponse(CatalogBroken):
    """A response that may come from another server, such as a captive portal. It is retried once."""


@dataclass(frozen=True)
class CatalogRequest:
    """One request. `parameters` are the JSON body of a POST, else the query; `deadline` is by the client's clock."""

    method: str
    url: str
    parameters: dict[str, Any] | None
    deadline: float
    tally: UpstreamStats

    @property
    def display_url(self) -> str:
        """The URL for messages: without query and credentials."""
        return display_url(self.url)


class CatalogHttp:
    """HTTP client of one catalogue. Create it within an event loop, which does the I/O; call it from other threads."""

    def __init__(
        self,
        *,
        hosts: tuple[str, ...],
        retries: int,
        read_timeout: float = READ_TIMEOUT,
        hedge_after: float = HEDGE_AFTER,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`read_timeout` and `hedge_after` in seconds. Raises InvalidInput if the environment's proxy is invalid."""
        self._hosts = hosts
        self._retries = retries
        self._read_timeout = read_timeout
        self._hedge_after = hedge_after
        self._clock = clock
        self._breaker = CircuitBreaker(clock=clock)
        self._retry_after_until = 0.0
        self._last_data = float("-inf")
        self._hedges = Hedges()
        self._waits = {is_post: TypicalLatency() for is_post in (False, True)}  # landing pages are faster than searches
        self._loop = asyncio.get_running_loop()
        self._client = httpx_client()

    @property
    def breaker_state(self) -> str:
        """`closed` while requests are sent as usual; `open` or `half-open` after failures."""
        return self._breaker.state.value

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    def submit(self, request: CatalogRequest) -> Future[str]:
        """Send a request. Returns a future of the response's text; cancelling it cancels the request.

        Call it from another thread than the event loop's. The future raises CatalogUnavailable for transient errors,
        after the retries; UnexpectedResponse if another server may have responded; CatalogBroken for all other errors.
        """
        if not is_allowed(request.url, self._hosts):
            raise CatalogBroken("The catalogue links to a host that is not among the allowed hosts (SCOG_HOSTS).")
        return asyncio.run_coroutine_threadsafe(self._fetch(request), self._loop)

    async def _fetch(self, request: CatalogRequest) -> str:
        since = self._clock()
        self._check_available(request)
        received = request.tally.bytes
        try:
            # A very slow response never reaches the read timeout: the deadline limits its total time.
            async with asyncio.timeout(request.deadline - since):
                text = await self._with_retries(request)
        except (TimeoutError, ReadTimeout) as error:
            self._record_timeout(since, error)
            raise CatalogUnavailable(self._timeout_message(request, error, request.tally.bytes - received)) from None
        except CatalogUnavailable:
            self._breaker.record_failure()
            raise
        except CatalogBroken:
            self._breaker.record_success()  # the host is available, only its response is invalid
            raise
        self._breaker.record_success()
        return text

    def _check_available(self, request: CatalogRequest) -> None:
        """Raise CatalogUnavailable during a Retry-After, after the caller's deadline, or while the breaker is open."""
        seconds_left = self._retry_after_until - self._clock()
        if seconds_left > 0:
            raise CatalogUnavailable(
                f"The catalogue {request.display_url} accepts no requests for {seconds_left:.0f} s (Retry-After)."
                " Try again then."
            )
        if self._clock() >= request.deadline:
            raise CatalogUnavailable(
                f"The request to the catalogue {request.display_url} was not sent in time: too many searches wait."
            )
        if self._breaker.blocks_request():
            raise CatalogUnavailable(
                f"The catalogue {request.display_url} failed repeatedly; requests to it are paused for some seconds. "
                f"{NEXT_STEP}"
            )

    def _record_timeout(self, since: float, error: Exception) -> None:
        """Record a timeout as the host's failure, if nothing at all was received from the host meanwhile.

        A timeout of a request that was sent shortly before its deadline is not counted.
        """
        had_time = isinstance(error, ReadTimeout) or self._clock() - since >= self._read_timeout / 2
        if had_time and self._last_data < since:
            self._breaker.record_failure()

    def _timeout_message(self, request: CatalogRequest, error: Exception, received: int) -> str:
        if isinstance(error, ReadTimeout):
            return (
                f"The catalogue {request.display_url} did not answer in time: "
                f"no data arrived for {self._read_timeout:g} s. {NEXT_STEP}"
            )
        progress = f"{received / 1e6:.2f} MB of its response had arrived" if received else "no data had arrived"
        return (
            f"The catalogue {request.display_url} did not answer in time: {progress}. "
            "A slow connection may need a longer SCOG_CATALOG_DEADLINE (seconds); `scog doctor` measures it."
        )

    async def _with_retries(self, request: CatalogRequest) -> str:
        attempt = 0
        while True:
            try:
                return await self._hedged(request)
            except _TransientError as error:
                attempt += 1
                pause = retry_delay(attempt, error.retry_after)
                if attempt > self._retries or self._clock() + pause >= request.deadline:
                    if error.retry_after is not None:
                        self._retry_after_until = self._clock() + min(pause, MAX_RETRY_AFTER)
                    raise CatalogUnavailable(
                        f"The catalogue {request.display_url} {error}. {error.next_step}"
                    ) from None
                await asyncio.sleep(pause)

    async def _hedged(self, request: CatalogRequest) -> str:
        waits = self._waits[request.method == "POST"]
        hedge_after = max(self._hedge_after, LATE_FACTOR * waits.seconds)
        return await self._hedges.first(
            lambda on_data: self._send(request, on_data, waits),
            hedge_after=min(hedge_after, self._read_timeout / 2),
            read_timeout=self._read_timeout,
        )

    async def _send(self, request: CatalogRequest, on_data: OnData, waits: TypicalLatency) -> str:
        body = {"json": request.parameters} if request.method == "POST" else {"params": request.parameters or None}
        request.tally.requests += 1
        since = self._clock()
        try:
            # Hedges.first applies the read timeout to both requests of a hedge together.
            async with self._client.stream(request.method, request.url, timeout=None, **body) as response:  # type: ignore[arg-type]
                waits.add(self._clock() - since)
                self._record_data(on_data)
                _check_status(response, request.display_url)
                return await self._read_text(response, request, on_data)
        except httpx.TransportError as error:
            raise _TransientError(*reason_of(error)) from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise UnexpectedResponse(
                f"The catalogue {request.display_url} breaks the HTTP protocol ({type(error).__name__})."
            ) from None

    def _record_data(self, on_data: OnData) -> None:
        self._last_data = self._clock()
        on_data()

    async def _read_text(self, response: httpx.Response, request: CatalogRequest, on_data: OnData) -> str:
        data = bytearray()
        announced = 0
        counted = response.num_bytes_downloaded
        async for chunk in response.aiter_bytes():
            data += chunk
            request.tally.bytes += response.num_bytes_downloaded - counted  # as transferred, compressed or not
            counted = response.num_bytes_downloaded
            if len(data) > MAX_RESPONSE:
                raise CatalogBroken(
                    f"The response of the catalogue {request.display_url} is larger than {MAX_RESPONSE} bytes."
                )
            if len(data) - announced >= MIN_PROGRESS:
                announced = len(data)
                self._record_data(on_data)
        try:
            return data.decode()
        except UnicodeDecodeError:
            raise UnexpectedResponse(
                f"The response of the catalogue {request.display_url} is not UTF-8 text."
            ) from None


def wait_for(response: Future[str]) -> str:
    """Block the thread until the response has arrived. Raises CatalogUnavailable if the request is cancelled."""
    try:
        return response.result()
    except CancelledError:
        raise CatalogUnavailable("The search was stopped.") from None


def _check_status(response: httpx.Response, display_url: str) -> None:
    status = response.status_code
    if status in RETRIED:
        raise _TransientError(f"answers {status}", "Try again in a minute.", response.headers.get("Retry-After"))
    if status == 401:
        raise UnexpectedResponse(
            f"The catalogue {display_url} answers 401: it requires credentials, which scog does not send."
        )
    if status != 200:
        raise CatalogBroken(f"The catalogue {display_url} answers {status}.")


class _TransientError(Exception):
    """An error that a retry may resolve."""

    def __init__(self, message: str, next_step: str, retry_after: str | None = None) -> None:
        super().__init__(message)
        self.next_step = next_step
        self.retry_after = retry_after
