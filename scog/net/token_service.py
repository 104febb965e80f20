"""A service that issues SAS tokens, such as the Planetary Computer's.

`GET URL/COLLECTION` and `GET URL/ACCOUNT/CONTAINER` answer `{"msft:expiry": "2026-05-01T12:00:00Z", "token": "sv=..."}`
(https://planetarycomputer.microsoft.com/docs/concepts/sas).
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx

from scog.errors import SourceUnavailable
from scog.net.connection_errors import reason_of
from scog.net.httpx_client import httpx_client
from scog.net.policy import display_url
from scog.net.retry import MAX_DELAY, RETRIED_STATUS, retry_delay
from scog.net.sas import TOKEN, SasToken, parse_time

TIMEOUT = 5.0
"""Seconds without data after which a request fails."""
DEADLINE = 15.0
"""Seconds for one token, retries included."""
MAX_RESPONSE = 65_536
"""Maximum bytes of a response; a token has about 300."""
MAX_RETRY_AFTER = 60.0
"""Maximum seconds for which no request is sent after a Retry-After."""
RETRIED = RETRIED_STATUS | {408}


class TokenService:
    """A client of a token service. `key` is sent to it as the subscription key. Used within one event loop.

    Raises InvalidInput if the environment's proxy is invalid.
    """

    def __init__(
        self,
        url: str,
        *,
        key: str = "",
        retries: int,
        timeout: float = TIMEOUT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.url = display_url(url.rstrip("/"))
        self._retries = retries
        self._clock = clock
        self._timeout = timeout
        self._paused_until = 0.0
        # A redirect is not followed: it would take the key to another host.
        self._client = httpx_client({"Ocp-Apim-Subscription-Key": key} if key else {})

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def fetch(self, name: str) -> SasToken | None:
        """A new token for `COLLECTION` or `ACCOUNT/CONTAINER`; None if the service knows none of this name (404).

        Raises SourceUnavailable, which names the service, after the retries.
        """
        seconds_left = self._paused_until - self._clock()
        if seconds_left > 0:
            raise self._unavailable(f"accepts no requests for {seconds_left:.0f} s (Retry-After)")
        attempt = 0
        try:
            async with asyncio.timeout(DEADLINE):
                while True:
                    try:
                        return await self._fetch(name)
                    except _RetriedFailure as error:
                        attempt += 1
                        pause = retry_delay(attempt, error.retry_after)
                        if attempt > self._retries or pause > MAX_DELAY:
                            if error.retry_after is not None:
                                self._paused_until = self._clock() + min(pause, MAX_RETRY_AFTER)
                            raise self._unavailable(str(error)) from None
                        await asyncio.sleep(pause)
        except TimeoutError:
            raise self._unavailable(f"did not answer within {DEADLINE:g} s") from None

    async def _fetch(self, name: str) -> SasToken | None:
        sent_at = self._clock()
        try:
            async with self._client.stream("GET", f"{self.url}/{name}", timeout=self._timeout) as response:
                body = bytearray()
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > MAX_RESPONSE:
                        raise self._unavailable(f"answered with more than {MAX_RESPONSE} bytes")
        except httpx.TimeoutException:
            raise _RetriedFailure("did not answer in time") from None
        except httpx.TransportError as error:
            raise _RetriedFailure(reason_of(error)[0]) from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise self._unavailable(f"broke the HTTP protocol ({type(error).__name__})") from None
        status = response.status_code
        if status in RETRIED:
            raise _RetriedFailure(f"answered {status}", response.headers.get("retry-after"))
        if status == 404:
            return None
        if status in (401, 403):
            raise self._unavailable(f"answered {status}: check SCOG_SAS_SUBSCRIPTION_KEY")
        if status != 200:
            raise self._unavailable(f"answered {status}")
        return self._parse(bytes(body), sent_at, _current_time(response.headers))

    def _parse(self, body: bytes, sent_at: float, now: datetime) -> SasToken:
        """The token of a response. Its lifetime is measured from `now` by the service's clock."""
        try:
            document = json.loads(body)
            query, expiry = document["token"].removeprefix("?"), parse_time(document.get("msft:expiry"))
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            raise self._unavailable("answered with something else than a token") from None
        if not TOKEN.fullmatch(query) or "sig=" not in query:
            raise self._unavailable("answered with something else than a token")
        if expiry is None:
            raise self._unavailable("answered with a token without a valid `msft:expiry`")
        lifetime = (expiry - now).total_seconds()
        if lifetime <= 0:
            raise self._unavailable("answered with an expired token")
        return SasToken.living(query, sent_at, lifetime)

    def _unavailable(self, what: str) -> SourceUnavailable:
        return SourceUnavailable(f"The token service {self.url} {what}.", reason="token-service")


def _current_time(headers: httpx.Headers) -> datetime:
    """The latest time that the server's clock may show: `Date`, in whole seconds, plus `Age` (RFC 9111 section 4.2.3).

    Without them, the time by this machine's clock.
    """
    try:
        date = parsedate_to_datetime(headers["date"])
        age = timedelta(seconds=1 + int(headers.get("age", "0")))
        return (date if date.tzinfo else date.replace(tzinfo=UTC)) + age
    except (LookupError, ValueError, OverflowError):
        return datetime.now(UTC)


class _RetriedFailure(Exception):
    """An error that a retry may resolve."""

    def __init__(self, message: str, retry_after: str | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
