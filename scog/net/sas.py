"""Shared access signatures (SAS) of Azure Blob Storage: finding and removing them, and the container that one is for.

A SAS token is the query of a blob's URL, `sv=...&se=...&sr=c&sig=...`, and a secret: whoever has it may read. Outside
`scog.net`, URLs have none.
https://learn.microsoft.com/rest/api/storageservices/create-service-sas
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from scog.errors import AssetRefused
from scog.net.policy import host_of

PARAMETERS = frozenset({
    "sv", "ss", "srt", "sr", "st", "se", "sp", "sip", "spr", "si", "sig", "skoid", "sktid", "skt", "ske", "sks", "skv",
    "saoid", "suoid", "scid", "sdd", "ses", "skdutid", "sduoid", "rscc", "rscd", "rsce", "rscl", "rsct",
})  # fmt: skip
"""Query parameters of service, account and user delegation SAS."""
_ACCOUNT = re.compile(r"[a-z0-9]{3,24}")
_CONTAINER = re.compile(r"\$?[a-z0-9](-?[a-z0-9]){2,62}")
_SIGNATURE = re.compile(r"\bsig=[^&\s\"'<>#]+")
_BARE = re.compile(r"[a-z]+=\S*")
TOKEN = re.compile(r"[!-~]+")
"""A token as it may stand in a request line."""
RENEW_BEFORE = 300.0
"""Seconds before its expiry at which a token is renewed; those of the Planetary Computer are valid for 45 minutes."""
MARGIN = 30.0
"""Seconds before its expiry at which a token is used no longer, since clocks differ and requests take time."""


class Container(NamedTuple):
    """A container of blobs, and the host that serves it."""

    host: str
    account: str
    name: str


@dataclass(frozen=True)
class SasToken:
    """A token, and the times, by the signer's clock, from which it is renewed and no longer used.

    It is used until `valid_until`, shortly before it expires at `expires`.
    """

    query: str = field(repr=False)
    renew_at: float
    valid_until: float
    expires: float

    @classmethod
    def living(cls, query: str, since: float, lifetime: float) -> SasToken:
        """A token that expires `lifetime` seconds after `since`. If it lives shortly, its margins are shorter."""
        expires = since + lifetime
        return cls(query, expires - min(RENEW_BEFORE, lifetime / 2), expires - min(MARGIN, lifetime / 4), expires)


@lru_cache(maxsize=4096)
def container_of(url: str) -> Container:
    """The container of a blob: `https://ACCOUNT.blob.core.windows.net/CONTAINER/...`.

    On a loopback address the account is the first segment of the path, as in Azurite. Raises AssetRefused for any other
    URL, and for one that no token may be sent to.
    """
    parts = urlsplit(url)
    host, segments = host_of(url), parts.path.split("/")[1:]
    account, name = [host.partition(".")[0], *segments, "", ""][_is_loopback(parts.hostname or "") :][:2]
    if (
        not _ACCOUNT.fullmatch(account)
        or not _CONTAINER.fullmatch(name)
        or {".", ".."} & set(unquote(parts.path).split("/"))
    ):
        raise AssetRefused("The URL has no storage account and container.", reason="not-signable")
    if not may_be_signed(url):
        raise AssetRefused("Access tokens are sent over HTTPS only.", reason="not-signable")
    return Container(host, account, name)


def may_be_signed(url: str) -> bool:
    """Whether a token may be sent to a URL: over HTTPS, or to this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or _is_loopback(parts.hostname or "")


@lru_cache(maxsize=256)
def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def split_token(text: str) -> tuple[str, str]:
    """A URL without its SAS token, and the token; the URL itself and an empty text if it has none.

    Text around a signature that is not a URL loses only the signature.
    """
    if "sig=" not in text:
        return text, ""
    address, mark, query = text.partition("?")
    if not mark and _BARE.fullmatch(text):  # a token alone, such as `credential` of a signed item
        address, query = "", text
    query, hash_mark, fragment = query.partition("#")
    if re.search(r"\s", text) is None:
        parts = query.split("&")
        names = [part.partition("=")[0].lower() for part in parts]
        if {"sig", "sv"} <= set(names):
            rest = "&".join(part for part, name in zip(parts, names, strict=True) if name not in PARAMETERS)
            token = "&".join(part for part, name in zip(parts, names, strict=True) if name in PARAMETERS)
            return f"{address}{'?' + rest if rest else ''}{hash_mark}{fragment}", token
    is_token = "sv=" in text  # `sig` alone may be another service's parameter
    return (_SIGNATURE.sub("sig=", text) if is_token else text), ""


def may_have_tokens(document: str | bytes) -> bool:
    """Whether the text of a JSON document may have SAS tokens."""
    if isinstance(document, bytes):
        return b"sig=" in document or b"sig\\u003" in document
    return "sig=" in document or "sig\\u003" in document


def without_tokens(value: Any, on_token: Callable[[str, str], None] | None = None) -> Any:
    """A JSON value without the SAS tokens of its strings. `on_token` is called with each URL and its token."""
    if isinstance(value, dict):
        return {key: without_tokens(member, on_token) for key, member in value.items()}
    if isinstance(value, list):
        return [without_tokens(member, on_token) for member in value]
    if not isinstance(value, str):
        return value
    text, token = split_token(value)
    if token and on_token is not None and text.startswith(("https://", "http://")):
        on_token(text, token)
    return text


def expiry_of(token: str) -> datetime | None:
    """The time at which a token expires, its parameter `se`; None if it has none."""
    return parse_time(dict(parse_qsl(token)).get("se"))


def is_for_container(token: str) -> bool:
    """Whether a token is for a whole container or account, not for one blob."""
    parameters = dict(parse_qsl(token))
    return parameters.get("sr") == "c" or "srt" in parameters


def parse_time(value: object) -> datetime | None:
    """An ISO 8601 time, UTC if it has no offset; None for any other value."""
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return time if time is None or time.tzinfo else time.replace(tzinfo=UTC)
