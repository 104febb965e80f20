"""One object store per host for contenders that read through obstore, so that connections are reused."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import urlsplit

from obstore.store import HTTPStore


def store_of(url: str) -> tuple[HTTPStore, str]:
    """The store of a URL's host, and the path in it."""
    parts = urlsplit(url)
    return _store(f"{parts.scheme}://{parts.netloc}"), parts.path.lstrip("/")


@lru_cache
def _store(root: str) -> HTTPStore:
    return HTTPStore.from_url(root, client_options={"allow_http": True})
