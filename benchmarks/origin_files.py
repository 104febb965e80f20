"""The origin's files in memory, and exact counts of requests and sent bytes."""

from __future__ import annotations

import email.utils
import mmap
import os
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

NO_BODY = memoryview(b"")
_RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.IGNORECASE)


@dataclass(frozen=True)
class Stored:
    """A file in memory."""

    data: memoryview
    etag: str
    modified: str


class Files:
    """The files below a folder, mapped into memory on first request."""

    def __init__(self, root: Path) -> None:
        self._root = os.path.realpath(root)
        self._stored: dict[str, Stored | None] = {}

    def get(self, path: str) -> Stored | None:
        """The file at a path below the folder; None if there is none."""
        if path not in self._stored:
            self._stored[path] = self._open(path)
        return self._stored[path]

    def respond(self, method: str, path: str, range_header: str | None) -> tuple[int, dict[str, str], memoryview, int]:
        """The response to a range request: status, header fields, body, and the body's offset in the file."""
        empty = {"Content-Length": "0"}
        if method not in ("GET", "HEAD"):
            return 405, empty, NO_BODY, 0
        stored = self.get(path)
        if stored is None:
            return 404, empty, NO_BODY, 0
        size = len(stored.data)
        fields = {"Content-Type": "image/tiff", "Accept-Ranges": "bytes", "ETag": stored.etag}
        fields["Last-Modified"] = stored.modified
        span = None if range_header is None else _RANGE.fullmatch(range_header)
        if span is None or span[1] == span[2] == "":  # no range, or several: the whole file is a valid response
            return 200, fields | {"Content-Length": str(size)}, stored.data, 0
        if span[1]:
            start, stop = int(span[1]), min(int(span[2]) + 1, size) if span[2] else size
        else:
            start, stop = max(0, size - int(span[2])), size
        if start >= stop:
            return 416, empty | {"Content-Range": f"bytes */{size}"}, NO_BODY, 0
        fields |= {"Content-Length": str(stop - start), "Content-Range": f"bytes {start}-{stop - 1}/{size}"}
        return 206, fields, stored.data[start:stop], start

    def _open(self, path: str) -> Stored | None:
        real = os.path.realpath(os.path.join(self._root, path))
        if not real.startswith(self._root + os.sep) or not os.path.isfile(real):
            return None
        with open(real, "rb") as file:
            status = os.fstat(file.fileno())
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if status.st_size else b""
        modified = email.utils.formatdate(status.st_mtime, usegmt=True)
        return Stored(memoryview(data), f'"{status.st_mtime_ns:x}-{status.st_size:x}"', modified)


@dataclass
class Count:
    """Counts of a file: requests, HEAD requests, body bytes sent, and the sent intervals (start, stop) by URL path."""

    requests: int = 0
    heads: int = 0
    bytes: int = 0
    sent: dict[str, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))

    def add(self, address: str, start: int, stop: int) -> None:
        """Count sent body bytes."""
        self.bytes += stop - start
        self.sent[address].append((start, stop))

    def report(self) -> dict[str, int]:
        """The counts, with `twice`: bytes sent more than once."""
        numbers = {name: getattr(self, name) for name in ("requests", "heads", "bytes")}
        return numbers | {"twice": self.bytes - sum(map(covered, self.sent.values()))}


@dataclass
class Connections:
    """Connections accepted, plain and TLS; TLS sessions resumed; responses stalled, reset and refused on purpose."""

    plain: int = 0
    tls: int = 0
    resumed: int = 0
    stalled: int = 0
    resets: int = 0
    refused: int = 0


class Counts:
    """All counts since the last reset."""

    def __init__(self) -> None:
        self.files: dict[str, Count] = defaultdict(Count)
        self.connections = Connections()

    def reset(self) -> None:
        """Reset all counts. Bytes of responses in progress are not counted any more."""
        self.files.clear()
        for each in fields(Connections):
            setattr(self.connections, each.name, 0)

    def report(self) -> dict[str, Any]:
        """The counts by file, in total, and of connections, for JSON."""
        files = {path: count.report() for path, count in self.files.items()}
        names = Count().report()
        total = {name: sum(count[name] for count in files.values()) for name in names}
        return {"files": files, "total": total, "connections": asdict(self.connections)}


def covered(intervals: Iterable[tuple[int, int]]) -> int:
    """The number of integers in the union of half-open intervals."""
    total, reached = 0, 0
    for start, stop in sorted(intervals):
        total += max(0, stop - max(start, reached))
        reached = max(reached, stop)
    return total
