"""pystac-client's I/O through `CatalogHttp`: every request follows its policy, and no local file is opened."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from pystac_client.stac_api_io import StacApiIO

from scog.errors import CatalogBroken, CatalogUnavailable
from scog.net.catalog_http import CatalogHttp, CatalogRequest, UnexpectedResponse, wait_for
from scog.net.policy import UpstreamStats
from scog.net.sas import may_have_tokens, without_tokens


class CatalogIO(StacApiIO):
    """pystac-client's I/O for one search. The search runs in its own thread; other threads may stop it.

    SAS tokens are removed from items. `on_token` is called with each unsigned URL and its token.
    """

    def __init__(
        self,
        http: CatalogHttp,
        deadline: float,
        tally: UpstreamStats,
        on_token: Callable[[str, str], None] | None = None,
    ) -> None:
        super().__init__(max_retries=None)
        self._on_token = on_token
        self._may_have_tokens = False
        self._http = http
        self._deadline = deadline
        self._tally = tally
        self._stopping = threading.Lock()
        self._stopped = False
        self._response: Future[str] | None = None

    def stop(self) -> None:
        """Cancel the request in flight, if any, and refuse further ones."""
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
        """The response's text. Headers given in a link are not sent. Raises a CatalogError."""
        request = CatalogRequest((method or "GET").upper(), href, parameters, self._deadline, self._tally)
        with self._stopping:
            if self._stopped:
                raise CatalogUnavailable("The search was stopped.")
            self._response = self._http.submit(request)
        text = wait_for(self._response)
        self._may_have_tokens = may_have_tokens(text)
        return text

    def read_json(self, source: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The response's JSON object.

        An invalid response may come from another server, such as a captive portal, so that the request is repeated
        once. Raises a CatalogError, or what the JSON parser raises.
        """
        try:
            return self._object(source, *args, **kwargs)
        except (UnexpectedResponse, ValueError, RecursionError):
            return self._object(source, *args, **kwargs)

    def _object(self, source: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        result = super().read_json(source, *args, **kwargs)
        if not isinstance(result, dict):
            raise ValueError("not a JSON object")
        if self._may_have_tokens and "features" in result:
            result["features"] = without_tokens(result["features"], self._on_token)
        return result

    def read_text(self, source: Any, *args: Any, **kwargs: Any) -> str:
        """The text of a URL, as in pystac-client, except that a link never opens a local file."""
        href = source if isinstance(source, str) else str(getattr(source, "href", ""))
        if not href.startswith(("http://", "https://")):
            raise CatalogBroken("The catalogue contains a link that is not an http(s) URL.")
        return super().read_text(source, *args, **kwargs)
