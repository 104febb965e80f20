"""The origin in a process of its own, started, asked and stopped from here."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path
from types import TracebackType
from typing import Any, Self


class Origin:
    """The server in a process of its own.

    with Origin(folder) as origin:
        base = origin.fresh()  # addresses that nobody has seen
        ...
        print(origin.counts()["total"])
    """

    _names = itertools.count()

    def __init__(self, root: Path, *, first_byte: float = 0.030, bandwidth: float = 50e6, port: int = 0) -> None:
        self.first_byte, self.bandwidth = first_byte, bandwidth
        command = [sys.executable, "-m", "benchmarks.origin", str(root), "--port", str(port)]
        command += ["--first-byte", str(first_byte), "--bandwidth", str(bandwidth)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1])
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the origin did not start")
        self.port: int = json.loads(line)["port"]

    @property
    def host(self) -> str:
        """Host and port, as an allow-list wants them."""
        return f"127.0.0.1:{self.port}"

    def fresh(self) -> str:
        """The base of addresses that were never used before, not even by another process."""
        return f"http://{self.host}/{os.getpid()}-{next(self._names)}-{os.urandom(3).hex()}"

    def counts(self) -> dict[str, Any]:
        """What was asked for since the last reset."""
        return self._ask("GET", "/_counts")

    def reset(self) -> None:
        """Count from 0 again."""
        self._ask("POST", "/_reset")

    def shape(self, *, first_byte: float | None = None, bandwidth: float | None = None) -> None:
        """Change the shape of answers, for requests from now on."""
        self.first_byte, self.bandwidth = first_byte or self.first_byte, bandwidth or self.bandwidth
        self._ask("POST", f"/_shape?first_byte={self.first_byte}&bandwidth={self.bandwidth}")

    def _ask(self, method: str, target: str) -> dict[str, Any]:
        connection = HTTPConnection(self.host, timeout=10)
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
