"""Signs requests for blobs: a SAS token for each container, from a token service or from the items' URLs.

`RangeRead` asks for the token just before a request is written, so that everything else knows only the unsigned URL: a
token is in no cache key, file, message or log.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from scog.errors import AssetRefused, SourceUnavailable
from scog.net.policy import host_of, is_allowed
from scog.net.sas import MARGIN, Container, SasToken, container_of, expiry_of, is_for_container, may_be_signed
from scog.runtime.singleflight import SingleFlight

FAILURE_PAUSE = 3.0
"""Seconds after a failed request for a token until the next one for the same container."""
FORCED_RENEWAL_PAUSE = 60.0
"""Minimum seconds between two renewals of a container's token that a 403 causes: a file may be forbidden for good."""
UNKNOWN_TTL = 600.0
"""Seconds for which a container counts as unknown to the token service."""
MAX_OFFERED = 10_000
"""Maximum number of containers, and of blobs with tokens of their own, whose tokens from items' URLs are kept."""
MAX_ALTERNATIVES = 3
"""Maximum number of tokens from items' URLs for one container or blob."""


class Tokens(Protocol):
    """Issues tokens, as `scog.net.token_service.TokenService`."""

    url: str

    async def fetch(self, name: str) -> SasToken | None:
        """A new token for `COLLECTION` or `ACCOUNT/CONTAINER`; None if there is none. Raises SourceUnavailable."""

    async def close(self) -> None:
        """Close all connections."""


@dataclass(eq=False)
class _State:
    """What is known about the token of a container."""

    token: SasToken | None = None
    unknown_until: float = 0.0
    """Until then the service has no token for this container."""
    failure: str = ""
    """The message of the last request for a token, if it failed."""
    next_request_at: float = 0.0
    """No token is requested before, because the last request failed."""
    next_forced_at: float = 0.0
    """No token is renewed because of a 403 before."""


class Signer:
    """Tokens for the blobs on some hosts. Used within one event loop; `offer` may be called from any thread.

    hosts        hosts whose blobs `service` signs, as in an allow-list
    collections  collection by `ACCOUNT/CONTAINER`: tokens of these containers are requested by collection
    open_hosts   allowed hosts; a container that the service does not know is read from these without a token
    """

    def __init__(
        self,
        service: Tokens | None = None,
        *,
        hosts: tuple[str, ...] = (),
        collections: Mapping[str, str] | None = None,
        open_hosts: tuple[str, ...] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.hosts = hosts if service is not None else ()
        self._service = service
        self._collections = collections or {}
        self._open_hosts = open_hosts
        self._clock = clock
        self._states: dict[Container, _State] = {}
        self._flights: SingleFlight[Container, None] = SingleFlight()
        self._renewals: set[asyncio.Future[None]] = set()
        self._signed_hosts: dict[str, bool] = {}
        """Whether requests to a host may need a token."""
        self._offered: OrderedDict[Container | str, list[SasToken]] = OrderedDict()
        """Tokens from items' URLs, by container or, for one blob, by URL. The first valid one is used."""

    async def close(self) -> None:
        """Cancel renewals and close the service's connections."""
        for renewal in self._renewals:
            renewal.cancel()
        if self._service is not None:
            await self._service.close()

    def signs(self, host: str, url: str) -> bool:
        """Whether a request for `url` on `host` may need a token. Costs a dict lookup for all but the first URL."""
        signed = self._signed_hosts.get(host)
        if signed is None:
            signed = self._signed_hosts[host] = is_allowed(url, self.hosts)
        return signed

    def offer(self, url: str, token: str) -> None:
        """Remember the token of a signed URL, without which all other code knows the URL.

        Nobody vouches for it: it does not replace one in use, but serves when that expires or is refused.
        """
        expiry = expiry_of(token)
        lifetime = 0.0 if expiry is None else (expiry - datetime.now(UTC)).total_seconds()
        try:
            host = host_of(url)
            if lifetime <= MARGIN or not may_be_signed(url):
                return
        except ValueError:  # the URL is invalid, and reading it raises the error
            return
        if host not in self._signed_hosts and len(self._signed_hosts) >= MAX_OFFERED:
            return
        self._signed_hosts[host] = True
        expires = self._clock() + lifetime
        key = (_container(url) if is_for_container(token) else None) or url
        now = self._clock()
        known = [each for each in self._offered.get(key, ()) if now < each.valid_until]
        if all(each.query != token for each in known):
            known.append(SasToken(token, expires, expires - MARGIN, expires))
        if len(known) > MAX_ALTERNATIVES:
            del known[1]  # the one in use and the latest stay
        self._offered[key] = known
        if len(self._offered) > MAX_OFFERED:
            self._offered.popitem(last=False)

    async def token(self, url: str) -> str:
        """The token for a blob; empty if none is needed.

        The token of the item's own URL is used while it is valid, else that of the service. Within the last minutes of
        its life a token is renewed while it is still used. Raises SourceUnavailable, which names the service, if there
        is no valid token; AssetRefused if the URL must not be signed.
        """
        offered = self._find_offered(url)
        if offered is not None:
            return offered.query
        if not is_allowed(url, self.hosts):
            return ""
        container = container_of(url)
        state = self._states.setdefault(container, _State())
        now = self._clock()
        if state.token is not None and now < state.token.renew_at:
            return state.token.query
        if now < state.unknown_until:
            return self._unsigned(url, container)
        if state.token is not None and now < state.token.valid_until:
            self._renew_meanwhile(container, state)
            return state.token.query
        try:
            await self._fetch(container, state)
        except SourceUnavailable:
            if state.token is None or self._clock() >= state.token.expires:
                raise
        return state.token.query if state.token is not None else self._unsigned(url, container)

    async def renew(self, url: str, refused: str) -> bool:
        """Renew the token that the store refused with a 403. Returns whether another one is there to retry with.

        Concurrent calls share one request. Raises SourceUnavailable if the service fails.
        """
        self._demote_offered(url, refused)
        if not is_allowed(url, self.hosts):
            offered = self._find_offered(url)
            return offered is not None and offered.query != refused
        container = container_of(url)
        state = self._states.get(container)
        if state is None or state.token is None:  # the token was that of the item's URL
            return await self.token(url) not in ("", refused)
        if state.token.query == refused:
            if self._flights.get(container) is None:
                if self._clock() < state.next_forced_at:
                    return False
                state.next_forced_at = self._clock() + FORCED_RENEWAL_PAUSE
            await self._fetch(container, state)
        return state.token is not None and state.token.query != refused

    def _find_offered(self, url: str) -> SasToken | None:
        if not self._offered:
            return None
        now = self._clock()
        for key in (url, _container(url)):
            for offered in self._offered.get(key, ()) if key is not None else ():
                if now < offered.valid_until:
                    return offered
        return None

    def _demote_offered(self, url: str, refused: str) -> None:
        """Prefer others to a token of an item's URL that the store refused: the service's, else those of other items.

        Without a service, the last token of a container stays: it may be right for other blobs.
        """
        container = _container(url)
        for key in (url, container):
            known = self._offered.get(key, ()) if key is not None else ()
            found = next((each for each in known if each.query == refused), None)
            if key is None or found is None:
                continue
            others = [each for each in known if each is not found]
            if self._is_known_to_service(url, container):
                others = []
            elif key == container:
                others.append(found)
            self._offered[key] = others
            if not others:
                del self._offered[key]

    def _is_known_to_service(self, url: str, container: Container | None) -> bool:
        """Whether the service signs a URL, as far as is known."""
        state = self._states.get(container) if container is not None else None
        return is_allowed(url, self.hosts) and (state is None or self._clock() >= state.unknown_until)

    def _unsigned(self, url: str, container: Container) -> str:
        """No token, for a container that the service does not know. Raises AssetRefused unless its host is allowed."""
        if is_allowed(url, self._open_hosts):
            return ""
        assert self._service is not None
        raise AssetRefused(
            f"Pixels may not be read from {container.host}: the token service {self._service.url} knows no container "
            f"{container.account}/{container.name}, and the host is not among the allowed hosts (SCOG_HOSTS).",
            reason="host-not-allowed",
        )

    def _renew_meanwhile(self, container: Container, state: _State) -> None:
        """Start renewing a token that is still used, unless a renewal is running or has just failed."""
        if self._flights.get(container) is None and self._clock() >= state.next_request_at:
            renewal = self._flights.join(container, lambda: self._request(container, state))
            self._renewals.add(renewal)
            renewal.add_done_callback(self._on_renewed)

    def _on_renewed(self, renewal: asyncio.Future[None]) -> None:
        self._renewals.discard(renewal)
        if not renewal.cancelled():
            renewal.exception()  # retrieved, so that asyncio does not log it; `_State.failure` has it

    async def _fetch(self, container: Container, state: _State) -> None:
        """Request the container's token. Concurrent calls share one request, and its error for FAILURE_PAUSE."""
        if state.failure and self._clock() < state.next_request_at:
            raise SourceUnavailable(state.failure, reason="token-service")
        await self._flights.join(container, lambda: self._request(container, state))

    async def _request(self, container: Container, state: _State) -> None:
        assert self._service is not None
        by_container = f"{container.account}/{container.name}"
        collection = self._collections.get(by_container)
        try:
            token = await self._service.fetch(collection) if collection else None
            if token is None:
                token = await self._service.fetch(by_container)
        except SourceUnavailable as error:
            state.failure, state.next_request_at = str(error), self._clock() + FAILURE_PAUSE
            raise
        state.failure, state.token = "", token
        if token is None:
            state.unknown_until = self._clock() + UNKNOWN_TTL


def _container(url: str) -> Container | None:
    """The container of a blob, or None if the URL has none."""
    try:
        return container_of(url)
    except AssetRefused:
        return None
