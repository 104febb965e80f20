"""pystac-client's requests, made by `CatalogHttp`: nothing goes past its policy, and nothing to local files."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import Any

from pystac_client.stac_api_io import StacApiIO

from scog.errors import CatalogBroken, CatalogUnavailable
from scog.net.catalog_http import CatalogHttp, CatalogRequest, UnexpectedResponse, wait_for
from scog.net.policy import Tally


class CatalogIO(StacApiIO):
    """The I/O of one search by pystac-client, in a thread of its own; another may stop it."""

    def __init__(self, http: CatalogHttp, deadline: float, tally: Tally) -> None:
        super().__init__(max_retries=None)
        self._http = http
        self._deadline = deadline
        self._tally = tally
        self._stopping = threading.Lock()
        self._stopped = False
        self._response: Future[str] | None = None

    def stop(self) -> None:
        """End the request under way, if any; no other one is made."""
        with self._stopping:
            self._stopped = True
            if self._response is not None:
                self._response.cancel()

    def request(
        self,
        href: str,
        method: str | None = None,
        headers: dict[str, str] | None = None,
        parameters: dict[str, Any] | None = None,
    ) -> str:
        """The answer's text. Headers that a link asks for are not sent. Raises a CatalogError."""
        request = CatalogRequest((method or "GET").upper(), href, parameters, self._deadline, self._tally)
        with self._stopping:
            if self._stopped:
                raise CatalogUnavailable("The search was stopped.")
            self._response = self._http.submit(request)
        return wait_for(self._response)

    def read_json(self, source: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The answer's JSON object.

        A first answer that is none may come from something on the way, so it is asked for once more. Raises a
        CatalogError, or what the JSON parser raises.
        """
        try:
            return self._object(source, *args, **kwargs)
        except (UnexpectedResponse, ValueError, RecursionError):
            return self._object(source, *args, **kwargs)

    def _object(self, source: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        found = super().read_json(source, *args, **kwargs)
        if not isinstance(found, dict):
            raise ValueError("not a JSON object")
        return found

    def read_text(self, source: Any, *args: Any, **kwargs: Any) -> str:
        """As pystac-client, but a link never opens a local file."""
        href = source if isinstance(source, str) else str(getattr(source, "href", ""))
        if not href.startswith(("http://", "https://")):
            raise CatalogBroken("The catalogue holds a link that is no web address.")
        return super().read_text(source, *args, **kwargs)
