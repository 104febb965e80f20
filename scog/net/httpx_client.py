"""The httpx client of requests to catalogues and token services."""

from __future__ import annotations

from collections.abc import Mapping

import httpx

from scog.errors import InvalidInput
from scog.net.certificates import tls_context


def httpx_client(headers: Mapping[str, str] | None = None) -> httpx.AsyncClient:
    """A client that follows no redirects and uses the environment's proxies.

    `headers` are sent with every request. Raises InvalidInput if the environment's proxy is invalid.
    """
    try:
        # Since version 0.28 httpx reads no .netrc by itself.
        return httpx.AsyncClient(
            follow_redirects=False,
            trust_env=True,
            verify=tls_context(),
            headers={"User-Agent": "scog", **(headers or {})},
        )
    except (ValueError, ImportError, httpx.InvalidURL) as error:  # ImportError: SOCKS needs an extra package
        reason = str(error).partition(". ")[0].rstrip(".")
        raise InvalidInput(
            f"A proxy in the environment cannot be used: {reason}.",
            valid="an http:// or https:// URL in HTTPS_PROXY, HTTP_PROXY or ALL_PROXY",
        ) from None
