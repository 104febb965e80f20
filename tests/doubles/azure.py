"""Azure Blob Storage and the Planetary Computer's token service, on real sockets.

    with BlobStore() as store, TokenService(store) as service:
        url = store.put_blob("sentinel2l2a01", "sentinel2-l2", "a.tif", data)
        ...
        assert service.names == ["sentinel-2-l2a"]

Paths have the account as their first segment, as in Azurite. A token is valid for one container until it expires: its
signature is an HMAC of the other parameters and the container. `RangeServer.fail` takes paths without query.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl, quote

from tests.doubles.range_server import Answer, RangeServer, Request

KEY = b"the key of every account"
SIGNED = {"st", "se", "sp", "sv", "sr", "skoid"}
"""Parameters that the signature includes."""
COLLECTIONS = {"sentinel-2-l2a": "sentinel2l2a01/sentinel2-l2", "naip": "naipeuwest/naip"}


def _signature(container: str, parameters: dict[str, str]) -> str:
    text = "\n".join([container, *(f"{name}={value}" for name, value in sorted(parameters.items()))])
    return base64.b64encode(hmac.new(KEY, text.encode(), hashlib.sha256).digest()).decode()


def make_token(container: str, expiry: datetime, number: int = 0, resource: str = "c") -> str:
    """A token for `ACCOUNT/CONTAINER`. `number` makes it unique."""
    parameters = {
        "st": f"2024-01-01T00:00:{number % 60:02d}Z", "se": f"{expiry:%Y-%m-%dT%H:%M:%SZ}", "sp": "rl",
        "sv": "2024-05-04", "sr": resource, "skoid": f"id-{number}",
    }  # fmt: skip
    parameters["sig"] = _signature(container, parameters)
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in parameters.items())


class BlobStore(RangeServer):
    """Serves blobs to requests with a valid token. `targets` are all request targets, with the tokens."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.targets: list[str] = []
        self.refused: list[str] = []
        """Why requests were refused."""
        self.revoked: set[str] = set()
        """Tokens that are refused although their signature is valid."""
        self.refuse_all = False
        self.open = False
        """Whether blobs are public."""

    def put_blob(self, account: str, container: str, name: str, data: bytes) -> str:
        """Store a blob, and return its URL without token."""
        return self.put(f"/{account}/{container}/{name}", data)

    def _choose_response(self, request: Request) -> Answer:
        path, _, query = request.target.partition("?")
        self.targets.append(request.target)
        if not self.open and (problem := self._problem("/".join(path.split("/")[1:3]), query)):
            self.requests.append(replace(request.received, path=path))
            self.refused.append(problem)
            return Answer(409 if problem == "no token" else 403, {"Content-Type": "application/xml"}, b"<Error/>")
        return super()._choose_response(replace(request, target=path))

    def _problem(self, container: str, query: str) -> str:
        if not query:
            return "no token"
        parameters = {name: value for name, value in parse_qsl(query) if name in SIGNED | {"sig"}}
        signature = parameters.pop("sig", "")
        if not hmac.compare_digest(signature, _signature(container, parameters)):
            return "wrong signature"
        if datetime.fromisoformat(parameters["se"]) <= datetime.now(UTC):
            return "expired"
        return "refused" if self.refuse_all or query in self.revoked else ""


class TokenService(RangeServer):
    """Issues tokens for the containers of `COLLECTIONS` and of the blobs of a store."""

    def __init__(self, store: BlobStore, lifetime: float = 2700.0, **options: Any) -> None:
        super().__init__(**options)
        self.store = store
        self.lifetime = lifetime
        self.clock_offset = 0.0
        """Seconds by which the clock of the service is ahead."""
        self.names: list[str] = []
        """The requested names, `COLLECTION` or `ACCOUNT/CONTAINER`."""
        self.keys: list[str | None] = []
        """The subscription keys of the requests."""
        self.issued: list[str] = []

    @property
    def root(self) -> str:
        return self.url("/api/sas/v1/token")

    def _choose_response(self, request: Request) -> Answer:
        name = request.target.removeprefix("/api/sas/v1/token/")
        self.names.append(name)
        self.keys.append(request.headers.get("ocp-apim-subscription-key"))
        container = COLLECTIONS.get(name, name if "/" in name else None)
        stored = {"/".join(path.split("/")[1:3]) for path in self.store._files}
        if container not in stored:
            answer = Answer(404, body=b'{"detail": "No such collection or container"}')
        else:
            now = datetime.now(UTC) + timedelta(seconds=self.clock_offset)
            expiry = (now + timedelta(seconds=self.lifetime)).replace(microsecond=0)
            really = expiry - timedelta(seconds=self.clock_offset)
            token = make_token(container, really, len(self.issued))
            self.issued.append(token)
            body = json.dumps({"msft:expiry": f"{expiry:%Y-%m-%dT%H:%M:%SZ}", "token": token}).encode()
            answer = Answer(200, {"Content-Type": "application/json", "Date": format_datetime(now, usegmt=True)}, body)
        fault = self._next_fault(self._files.get(request.target))
        return fault(answer) if fault else answer
