"""pystac-client's requests, made by httpx under scog's policy: one host, a deadline, bounded sizes, retries."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from functools import lru_cache
from typing import Any

import httpx
from pystac_client.stac_api_io import StacApiIO

from scog.errors import CatalogBroken, CatalogUnavailable
from scog.net.policy import RETRIED_STATUS, Breaker, Tally, is_allowed, pause_before

MAX_ANSWER = 12_000_000
"""Bytes of one answer; a page of 100 items is 2.3 MB. Parsed it takes up to twenty times as much memory."""
MAX_REST = 60.0
"""Seconds that the catalogue is left alone at most where it asks to be (Retry-After)."""
# A 403 is what Earth Search's gateway says under load.
RETRIED = RETRIED_STATUS | {403}


class CatalogHttp:
    """The connection to one catalogue. Made within an event loop, which does the work; asked by other threads."""

    def __init__(self, *, hosts: tuple[str, ...], retries: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._hosts = hosts
        self._retries = retries
        self._clock = clock
        self._breaker = Breaker(clock=clock)
        self._resting_until = 0.0
        self._loop = asyncio.get_running_loop()
        self._client = httpx.AsyncClient(
            follow_redirects=False, trust_env=False, verify=_certificates(), headers={"User-Agent": "scog"}
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    def request(self, method: str, url: str, parameters: dict[str, Any] | None, deadline: float, tally: Tally) -> str:
        """Ask and return the text of the answer; `deadline` is a time of this object's clock. Blocks its thread.

        Raises CatalogUnavailable for what may pass, after the retries; CatalogBroken for everything else.
        """
        if not is_allowed(url, self._hosts):
            raise CatalogBroken("The catalogue refers to a host that may not be asked (SCOG_HOSTS).")
        work = self._request(method, url, parameters, deadline, tally)
        try:
            return asyncio.run_coroutine_threadsafe(work, self._loop).result()
        except CancelledError:
            raise CatalogUnavailable("The search was stopped.") from None

    async def _request(
        self, method: str, url: str, parameters: dict[str, Any] | None, deadline: float, tally: Tally
    ) -> str:
        if self._breaker.is_open() or self._clock() < self._resting_until:
            raise CatalogUnavailable("The catalogue kept failing and is left alone for a while.")
        try:
            # httpx has timeouts for each read, not for the whole: a byte a second would go on for hours.
            async with asyncio.timeout(deadline - self._clock()):
                text = await self._with_retries(method, url, parameters, deadline, tally)
        except TimeoutError:
            self._breaker.fault()
            raise CatalogUnavailable("The catalogue did not answer in time.") from None
        except CatalogUnavailable:
            self._breaker.fault()
            raise
        self._breaker.success()
        return text

    async def _with_retries(
        self, method: str, url: str, parameters: dict[str, Any] | None, deadline: float, tally: Tally
    ) -> str:
        attempt = 0
        while True:
            try:
                return await self._once(method, url, parameters, tally)
            except _Passing as fault:
                attempt += 1
                pause = pause_before(attempt, fault.retry_after)
                if attempt > self._retries or self._clock() + pause >= deadline:
                    if fault.retry_after is not None:
                        self._resting_until = self._clock() + min(pause, MAX_REST)
                    raise CatalogUnavailable(f"The catalogue {fault}.") from None
                await asyncio.sleep(pause)

    async def _once(self, method: str, url: str, parameters: dict[str, Any] | None, tally: Tally) -> str:
        body = {"json": parameters} if method == "POST" else {"params": parameters or None}
        tally.requests += 1
        try:
            async with self._client.stream(method, url, timeout=None, **body) as response:  # type: ignore[arg-type]
                if response.status_code in RETRIED:
                    raise _Passing(f"answers {response.status_code}", response.headers.get("Retry-After"))
                if response.status_code != 200:
                    raise CatalogBroken(f"The catalogue answers {response.status_code}.")
                return await _text(response, tally)
        except httpx.TransportError as fault:
            raise _Passing(f"cannot be reached ({type(fault).__name__})") from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as fault:
            raise CatalogBroken(f"The catalogue breaks the HTTP protocol ({type(fault).__name__}).") from None


async def _text(response: httpx.Response, tally: Tally) -> str:
    data = bytearray()
    async for chunk in response.aiter_bytes():
        data += chunk
        tally.bytes += len(chunk)
        if len(data) > MAX_ANSWER:
            raise CatalogBroken("The catalogue's answer is too large.")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise CatalogBroken("The catalogue's answer is not text.") from None


class CatalogIO(StacApiIO):
    """The I/O of one search by pystac-client: everything goes through `CatalogHttp`, nothing to local files."""

    def __init__(self, http: CatalogHttp, deadline: float, tally: Tally) -> None:
        super().__init__(max_retries=None)
        self._http = http
        self._deadline = deadline
        self._tally = tally
        self._asked: set[str] = set()

    def request(
        self,
        href: str,
        method: str | None = None,
        headers: dict[str, str] | None = None,
        parameters: dict[str, Any] | None = None,
    ) -> str:
        """The answer's text. A page asked for twice means that the pages loop: then it is empty."""
        method = (method or "GET").upper()
        asked = json.dumps([method, href, parameters], sort_keys=True, default=str)
        if asked in self._asked:
            return '{"type": "FeatureCollection", "features": []}'
        self._asked.add(asked)
        return self._http.request(method, href, parameters, self._deadline, self._tally)

    def read_text(self, source: Any, *args: Any, **kwargs: Any) -> str:
        """As pystac-client, but a link never opens a local file."""
        href = source if isinstance(source, str) else str(getattr(source, "href", ""))
        if not href.startswith(("http://", "https://")):
            raise CatalogBroken("The catalogue holds a link that is no web address.")
        return super().read_text(source, *args, **kwargs)


@lru_cache(maxsize=1)
def _certificates() -> ssl.SSLContext:
    """The certificates to trust: those of SSL_CERT_FILE or SSL_CERT_DIR if set. Reading them takes 40 ms."""
    return httpx.create_ssl_context()


class _Passing(Exception):
    """A fault that another try may get around."""

    def __init__(self, message: str, retry_after: str | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
