"""A file server as far away as one likes: settable time to first byte and bandwidth, exact counts, names always fresh.

    python -m benchmarks.origin ROOT --port 9000 --first-byte 0.030 --bandwidth 50e6

serves `ROOT/path` as `http://127.0.0.1:9000/<anything>/path`: the first segment is ignored, so that no cache knows an
address that starts with a new word. Each connection has the whole bandwidth for itself, as with S3.

`GET /_counts` tells requests, HEADs and body bytes by file and in total, `POST /_reset` sets them to 0, and `POST
/_shape?first_byte=0.1&bandwidth=1e6` changes the shape. These are answered at once, and not counted.
"""

from __future__ import annotations

import argparse
import asyncio
import email.utils
import gc
import json
import mmap
import os
import re
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

STEP = 262_144
"""Bytes sent at a time, each at the moment when the link would have brought the last of them."""
EARLY = 0.0005
"""Timers fire up to a millisecond late; set this much early, they are right in the mean. Seconds."""
MAX_HEAD = 65_536
REASONS = {200: "OK", 206: "Partial Content", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed",
           416: "Range Not Satisfiable"}  # fmt: skip
_RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.IGNORECASE)


@dataclass
class Count:
    """What was asked for: all requests, those of them that were HEAD, and bytes of bodies."""

    requests: int = 0
    heads: int = 0
    bytes: int = 0


@dataclass
class Shape:
    """Seconds before the first byte of an answer, and bytes a second on one connection."""

    first_byte: float
    bandwidth: float


@dataclass(frozen=True)
class Stored:
    """One file in memory."""

    data: memoryview
    etag: str
    modified: str


class Store:
    """The files below a folder, mapped into memory when they are first asked for, and what was counted of them."""

    def __init__(self, root: Path, shape: Shape) -> None:
        self._root = os.path.realpath(root)
        self.shape = shape
        self.counts: dict[str, Count] = defaultdict(Count)
        self._files: dict[str, Stored | None] = {}

    def get(self, path: str) -> Stored | None:
        """The file at a path below the folder; None where there is none."""
        if path not in self._files:
            self._files[path] = self._open(path)
        return self._files[path]

    def _open(self, path: str) -> Stored | None:
        real = os.path.realpath(os.path.join(self._root, path))
        if not real.startswith(self._root + os.sep) or not os.path.isfile(real):
            return None
        with open(real, "rb") as file:
            status = os.fstat(file.fileno())
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if status.st_size else b""
        modified = email.utils.formatdate(status.st_mtime, usegmt=True)
        return Stored(memoryview(data), f'"{status.st_mtime_ns:x}-{status.st_size:x}"', modified)

    def told(self) -> dict[str, Any]:
        """The counts as JSON."""
        counts = [asdict(count) for count in self.counts.values()]
        total = {name: sum(count[name] for count in counts) for name in asdict(Count())}
        return {"files": dict(zip(self.counts, counts, strict=True)), "total": total}


class Connection(asyncio.Protocol):
    """One client's connection: one request after the other."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._loop = asyncio.get_running_loop()
        self._received = b""
        self._rest: memoryview | None = None
        self._count: Count | None = None
        self._began = 0.0
        self._sent = 0
        self._close = False
        self._can_write = True
        self._timer: asyncio.Handle | None = None

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.set_write_buffer_limits(high=4 * STEP)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._rest is None:
            self._next_request()

    def pause_writing(self) -> None:
        self._can_write = False

    def resume_writing(self) -> None:
        self._can_write = True
        if self._rest is not None and self._timer is None:
            self._send_when_due()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()

    # Requests

    def _next_request(self) -> None:
        head, end, rest = self._received.partition(b"\r\n\r\n")
        if not end:
            if len(head) > MAX_HEAD:
                self._transport.close()
            return
        self._received = rest  # no request that is served here has a body
        lines = head.decode("latin-1").split("\r\n")
        method, target, *version = lines[0].split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        wish = headers.get("connection", "").lower()
        self._close = wish == "close" or (version == ["HTTP/1.0"] and wish != "keep-alive")
        if target.startswith("/_"):
            self._control(method, target)
        else:
            self._file(method, target, headers)

    def _control(self, method: str, target: str) -> None:
        parts = urlsplit(target)
        if method == "POST" and parts.path == "/_reset":
            self._store.counts.clear()
        elif method == "POST" and parts.path == "/_shape":
            for name, values in parse_qs(parts.query).items():
                setattr(self._store.shape, name, float(values[0]))
        body = json.dumps(self._store.told()).encode()
        self._transport.write(self._head(200, {"Content-Type": "application/json", "Content-Length": str(len(body))}))
        self._transport.write(body)
        self._done()

    def _file(self, method: str, target: str, headers: dict[str, str]) -> None:
        path = unquote(target.partition("?")[0]).lstrip("/").partition("/")[2]
        count = self._store.counts[path]
        count.requests += 1
        count.heads += method == "HEAD"
        status, fields, body = self._answer(method, path, headers.get("range"))
        if method == "HEAD":
            body = memoryview(b"")
        self._began = self._loop.time() + self._store.shape.first_byte
        self._count, self._rest, self._sent = count, body, 0
        self._schedule(self._began, lambda: self._start(self._head(status, fields)))

    def _answer(self, method: str, path: str, wanted: str | None) -> tuple[int, dict[str, str], memoryview]:
        """Status, header fields and body."""
        nothing = {"Content-Length": "0"}
        if method not in ("GET", "HEAD"):
            return 405, nothing, memoryview(b"")
        stored = self._store.get(path)
        if stored is None:
            return 404, nothing, memoryview(b"")
        size = len(stored.data)
        fields = {"Content-Type": "image/tiff", "Accept-Ranges": "bytes", "ETag": stored.etag}
        fields["Last-Modified"] = stored.modified
        span = None if wanted is None else _RANGE.fullmatch(wanted)
        if span is None or span[1] == span[2] == "":  # no range, or several: the whole is a valid answer
            return 200, fields | {"Content-Length": str(size)}, stored.data
        if span[1]:
            start, stop = int(span[1]), min(int(span[2]) + 1, size) if span[2] else size
        else:
            start, stop = max(0, size - int(span[2])), size
        if start >= stop:
            return 416, nothing | {"Content-Range": f"bytes */{size}"}, memoryview(b"")
        fields |= {"Content-Length": str(stop - start), "Content-Range": f"bytes {start}-{stop - 1}/{size}"}
        return 206, fields, stored.data[start:stop]

    def _head(self, status: int, fields: dict[str, str]) -> bytes:
        fields = fields | {"Connection": "close" if self._close else "keep-alive"}
        lines = [f"HTTP/1.1 {status} {REASONS[status]}", *(f"{name}: {value}" for name, value in fields.items())]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    # Sending, no faster than the link

    def _schedule(self, when: float, work: Callable[[], None]) -> None:
        self._timer = self._loop.call_at(when - EARLY, work)

    def _start(self, head: bytes) -> None:
        self._transport.write(head)
        self._send_when_due()

    def _send_when_due(self) -> None:
        assert self._rest is not None
        self._timer = None
        if not self._rest:
            self._done()
            return
        chunk = self._rest[:STEP]
        due = self._began + (self._sent + len(chunk)) / self._store.shape.bandwidth
        if due - EARLY > self._loop.time():
            self._schedule(due, self._send)
        else:
            self._send()

    def _send(self) -> None:
        assert self._rest is not None
        assert self._count is not None
        self._timer = None
        chunk, self._rest = self._rest[:STEP], self._rest[STEP:]
        self._sent += len(chunk)
        self._count.bytes += len(chunk)
        self._transport.write(chunk)
        if self._can_write:
            self._send_when_due()

    def _done(self) -> None:
        self._rest = self._timer = None
        if self._close:
            self._transport.close()
        elif self._received:
            self._loop.call_soon(self._next_request)


async def serve(root: Path, port: int, shape: Shape) -> None:
    """Serve until cancelled; the address is printed when the server is ready."""
    loop = asyncio.get_running_loop()
    store = Store(root, shape)
    server = await loop.create_server(lambda: Connection(store), "127.0.0.1", port, backlog=1024)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    await server.serve_forever()


def main() -> None:
    """Serve a folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--first-byte", type=float, default=0.030, help="seconds")
    parser.add_argument("--bandwidth", type=float, default=50e6, help="bytes a second on each connection")
    options = parser.parse_args()
    gc.freeze()
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(options.root, options.port, Shape(options.first_byte, options.bandwidth)))


if __name__ == "__main__":
    main()
