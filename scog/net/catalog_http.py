"""Requests to one catalogue over httpx: its own host only, timeouts for silence, one hedge, bounded sizes, retries.

Proxies are those of HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, as httpx reads them when the client is made.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from scog.errors import CatalogBroken, CatalogUnavailable, InvalidInput
from scog.net.certificates import tls_context
from scog.net.connection_errors import WAY_ON, reason_of
from scog.net.hedge import Hear, Hedges, Silence, TypicalWait
from scog.net.policy import RETRIED_STATUS, Breaker, Tally, is_allowed, pause_before

MAX_ANSWER = 12_000_000
"""Bytes of one answer; a page of 100 items is 2.3 MB. Parsed it takes up to twenty times as much memory."""
MAX_REST = 60.0
"""Seconds that the catalogue is left alone at most where it asks to be (Retry-After)."""
SILENCE = 5.0
"""Seconds without a byte after which an answer is given up. A catalogue that hangs is reported within 8 s, also where
it hangs after its headers: then a hedge is made after half of this, and is heard once."""
PATIENCE = 1.0
"""Seconds without a byte after which a request is hedged at the earliest; Earth Search takes 0.5 to 3 s."""
LATER_THAN_TYPICAL = 3.0
"""Times the typical wait after which an answer counts as late."""
SIGN_OF_LIFE = 4096
"""Bytes of a body that count as a sign of life; a slower drip, below 0.7 KB/s, counts as silence."""
# A 403 is what Earth Search's gateway says under load.
RETRIED = RETRIED_STATUS | {403, 408}


class WrongAnswer(CatalogBroken):
    """An answer that may be the fault of something on the way, such as a captive portal; worth one fresh try."""


@dataclass(frozen=True)
class Question:
    """One request; `parameters` are the JSON body of a POST, else the query. `deadline` is on the client's clock."""

    method: str
    url: str
    parameters: dict[str, Any] | None
    deadline: float
    tally: Tally

    @property
    def place(self) -> str:
        """The URL as messages name it: without query and credentials."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


class CatalogHttp:
    """The connection to one catalogue. Made within an event loop, which does the work; asked by other threads."""

    def __init__(
        self,
        *,
        hosts: tuple[str, ...],
        retries: int,
        silence: float = SILENCE,
        patience: float = PATIENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises InvalidInput for a proxy in the environment that cannot be used."""
        self._hosts = hosts
        self._retries = retries
        self._silence = silence
        self._patience = patience
        self._clock = clock
        self._breaker = Breaker(clock=clock)
        self._resting_until = 0.0
        self._heard_at = float("-inf")
        self._hedges = Hedges()
        self._waits = {is_post: TypicalWait() for is_post in (False, True)}  # landing pages come sooner than searches
        self._loop = asyncio.get_running_loop()
        self._client = _client()

    @property
    def breaker_state(self) -> str:
        """`closed` while the catalogue is asked as usual; `open` or `half-open` after failures."""
        return self._breaker.state.value

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    def ask(self, question: Question) -> Future[str]:
        """Ask; the text of the answer to come. For other threads than the loop's; to cancel it ends the request.

        The future raises CatalogUnavailable for what may pass, after the retries; WrongAnswer for what may be somebody
        else's answer; CatalogBroken for everything else.
        """
        if not is_allowed(question.url, self._hosts):
            raise CatalogBroken("The catalogue refers to a host that may not be asked (SCOG_HOSTS).")
        return asyncio.run_coroutine_threadsafe(self._answer(question), self._loop)

    async def _answer(self, question: Question) -> str:
        since = self._clock()
        self._check_rest(question)
        received = question.tally.bytes
        try:
            # The silence limit lets an answer that drips go on for ever: the total is the caller's deadline.
            async with asyncio.timeout(question.deadline - since):
                text = await self._with_retries(question)
        except (TimeoutError, Silence) as fault:
            self._judge_timeout(since, fault)
            raise CatalogUnavailable(self._late(question, fault, question.tally.bytes - received)) from None
        except CatalogUnavailable:
            self._breaker.fault()
            raise
        except CatalogBroken:
            self._breaker.success()  # the host is well, its answer is not
            raise
        self._breaker.success()
        return text

    def _check_rest(self, question: Question) -> None:
        """Raise CatalogUnavailable while the catalogue is left alone, or where the caller's time is over already."""
        if self._clock() < self._resting_until:
            raise CatalogUnavailable(
                f"The catalogue {question.place} asked to be left alone for {self._resting_until - self._clock():.0f} s"
                " (Retry-After). Try again then."
            )
        if self._clock() >= question.deadline:
            raise CatalogUnavailable(f"The catalogue {question.place} was not asked in time: too many searches wait.")
        if self._breaker.is_open():
            raise CatalogUnavailable(
                f"The catalogue {question.place} kept failing and is left alone for some seconds. {WAY_ON}"
            )

    def _judge_timeout(self, since: float, fault: Exception) -> None:
        """A timeout is the host's fault only where nothing at all was heard from it meanwhile.

        A request whose turn came late has too little time left to prove anything.
        """
        had_time = isinstance(fault, Silence) or self._clock() - since >= self._silence / 2
        if had_time and self._heard_at < since:
            self._breaker.fault()

    def _late(self, question: Question, fault: Exception, received: int) -> str:
        if isinstance(fault, Silence):
            return (
                f"The catalogue {question.place} did not answer in time: no byte came for {self._silence:g} s. {WAY_ON}"
            )
        progress = f"{received / 1e6:.2f} MB of its answer had come" if received else "nothing had come"
        return (
            f"The catalogue {question.place} did not answer in time: {progress}. A slow line may need a longer "
            "SCOG_CATALOG_DEADLINE (seconds); `scog doctor` measures it."
        )

    async def _with_retries(self, question: Question) -> str:
        attempt = 0
        while True:
            try:
                return await self._hedged(question)
            except _Passing as fault:
                attempt += 1
                pause = pause_before(attempt, fault.retry_after)
                if attempt > self._retries or self._clock() + pause >= question.deadline:
                    if fault.retry_after is not None:
                        self._resting_until = self._clock() + min(pause, MAX_REST)
                    raise CatalogUnavailable(f"The catalogue {question.place} {fault}. {fault.way_on}") from None
                await asyncio.sleep(pause)

    async def _hedged(self, question: Question) -> str:
        waits = self._waits[question.method == "POST"]
        patience = max(self._patience, LATER_THAN_TYPICAL * waits.seconds)
        return await self._hedges.first(
            lambda hear: self._once(question, hear, waits),
            patience=min(patience, self._silence / 2),
            limit=self._silence,
        )

    async def _once(self, question: Question, hear: Hear, waits: TypicalWait) -> str:
        body = {"json": question.parameters} if question.method == "POST" else {"params": question.parameters or None}
        question.tally.requests += 1
        since = self._clock()
        try:
            # Silence is judged above, for both requests of a hedge together; httpx needs no timeouts of its own.
            async with self._client.stream(question.method, question.url, timeout=None, **body) as response:  # type: ignore[arg-type]
                waits.add(self._clock() - since)
                self._hear(hear)
                _check_status(response, question.place)
                return await self._text(response, question, hear)
        except httpx.TransportError as fault:
            raise _Passing(*reason_of(fault)) from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as fault:
            raise WrongAnswer(
                f"The catalogue {question.place} breaks the HTTP protocol ({type(fault).__name__})."
            ) from None

    def _hear(self, hear: Hear) -> None:
        self._heard_at = self._clock()
        hear()

    async def _text(self, response: httpx.Response, question: Question, hear: Hear) -> str:
        data = bytearray()
        announced = 0
        counted = response.num_bytes_downloaded
        async for chunk in response.aiter_bytes():
            data += chunk
            question.tally.bytes += response.num_bytes_downloaded - counted  # as they came, compressed or not
            counted = response.num_bytes_downloaded
            if len(data) > MAX_ANSWER:
                raise CatalogBroken(f"The answer of the catalogue {question.place} is larger than {MAX_ANSWER} bytes.")
            if len(data) - announced >= SIGN_OF_LIFE:
                announced = len(data)
                self._hear(hear)
        try:
            return data.decode()
        except UnicodeDecodeError:
            raise WrongAnswer(f"The answer of the catalogue {question.place} is not text.") from None


def wait_for(answer: Future[str]) -> str:
    """What an answer brings, waited for by a thread. Raises CatalogUnavailable where it is cancelled."""
    try:
        return answer.result()
    except CancelledError:
        raise CatalogUnavailable("The search was stopped.") from None


def _client() -> httpx.AsyncClient:
    try:
        # The environment's proxies are used; since version 0.28 httpx reads no .netrc by itself.
        return httpx.AsyncClient(
            follow_redirects=False, trust_env=True, verify=tls_context(), headers={"User-Agent": "scog"}
        )
    except (ValueError, ImportError, httpx.InvalidURL) as fault:  # ImportError: SOCKS needs a package of its own
        reason = str(fault).partition(". ")[0].rstrip(".")
        raise InvalidInput(
            f"A proxy in the environment cannot be used: {reason}.",
            valid="an http:// or https:// URL in HTTPS_PROXY, HTTP_PROXY or ALL_PROXY",
        ) from None


def _check_status(response: httpx.Response, place: str) -> None:
    status = response.status_code
    if status in RETRIED:
        raise _Passing(f"answers {status}", "Try again in a minute.", response.headers.get("Retry-After"))
    if status == 401:
        raise WrongAnswer(f"The catalogue {place} answers 401: it wants credentials, and scog sends none.")
    if status != 200:
        raise CatalogBroken(f"The catalogue {place} answers {status}.")


class _Passing(Exception):
    """A fault that another try may get around."""

    def __init__(self, message: str, way_on: str, retry_after: str | None = None) -> None:
        super().__init__(message)
        self.way_on = way_on
        self.retry_after = retry_after
