"""Starts, controls and stops the origin in a separate process."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

from benchmarks.certificate import trust_variables

TLS, PLAIN = "https", "http"


class Origin:
    """The origin in a separate process.

    with Origin(folder) as origin:
        base = origin.fresh()  # a new base URL, over TLS
        ...
        print(origin.counts()["total"])
    """

    _names = itertools.count()

    def __init__(
        self, root: Path, *, first_byte: float = 0.030, bandwidth: float = 50e6, round_trip: float = 0.0,
        link: float = 0.0, idle: float = 5.0, port: int = 0,
    ) -> None:  # fmt: skip
        self.first_byte, self.bandwidth, self.round_trip, self.link = first_byte, bandwidth, round_trip, link
        shape = {"port": port, "first-byte": first_byte, "bandwidth": bandwidth, "round-trip": round_trip,
                 "link": link, "idle": idle}  # fmt: skip
        command = [sys.executable, "-m", "benchmarks.origin", str(root)]
        command += [word for name, value in shape.items() for word in (f"--{name}", str(value))]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1])
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the origin did not start")
        ready = json.loads(line)
        self.port: int = ready["port"]
        self.tls_port: int = ready["tls"]
        self.authority = Path(ready["authority"])
        self._control: int = ready["control"]

    @property
    def host(self) -> str:
        """Host and port of plain HTTP, for an allow-list."""
        return f"127.0.0.1:{self.port}"

    @property
    def tls_host(self) -> str:
        """Host and port of HTTPS, for an allow-list."""
        return f"127.0.0.1:{self.tls_port}"

    @property
    def trust(self) -> dict[str, str]:
        """Environment variables that make HTTP clients trust the certificate."""
        return trust_variables(self.authority)

    def fresh(self, scheme: str = TLS) -> str:
        """A base URL that was never used before, also not by another process."""
        host = self.tls_host if scheme == TLS else self.host
        return f"{scheme}://{host}/{os.getpid()}-{next(self._names)}-{os.urandom(3).hex()}"

    def counts(self) -> dict[str, Any]:
        """All counts since the last reset."""
        return self._control_request("GET", "/_counts")

    def totals(self) -> dict[str, int]:
        """Requests, HEADs, bytes, bytes sent twice, connections accepted and TLS sessions resumed since the reset."""
        counts = self.counts()
        connections = counts["connections"]
        opened = {"connections": connections["plain"] + connections["tls"], "resumed": connections["resumed"]}
        return counts["total"] | opened

    def reset(self) -> None:
        """Reset the counts."""
        self._control_request("POST", "/_reset")

    def close_idle(self) -> None:
        """Close all idle connections, so that the next reads open new ones."""
        self._control_request("POST", "/_close_idle")

    def shape(self, **changes: float) -> None:
        """Change first_byte, bandwidth, round_trip (s, bytes/s, s) or link (bytes/s, 0: none), from now on."""
        for name, value in changes.items():
            setattr(self, name, value)
        self._shape(**changes)

    def faults(self, **changes: float | str) -> None:
        """Change the injected faults: fields of `origin_faults.Faults`."""
        self._shape(**changes)

    def pause(self, seconds: float) -> None:
        """Stop all traffic for some seconds."""
        self._shape(pause=seconds)

    @contextmanager
    def shaped(self, **changes: float) -> Iterator[None]:
        """Change the shape within the context."""
        before = {name: getattr(self, name) for name in changes}
        self.shape(**changes)
        try:
            yield
        finally:
            self.shape(**before)

    def _shape(self, **changes: float | str) -> None:
        answer = self._control_request("POST", f"/_shape?{urlencode(changes)}")
        if "error" in answer:
            raise ValueError(answer["error"])

    def _control_request(self, method: str, target: str) -> dict[str, Any]:
        connection = HTTPConnection("127.0.0.1", self._control, timeout=10)
        try:
            connection.request(method, target)
            answer: dict[str, Any] = json.load(connection.getresponse())
        finally:
            connection.close()
        return answer

    def close(self) -> None:
        """Stop the server."""
        self.process.terminate()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
