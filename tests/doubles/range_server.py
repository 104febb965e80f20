"""A file server on a real socket that can fail in every way a server can, precisely and on cue.

    with RangeServer() as server:
        server.put("/a.tif", data)
        server.fail("/a.tif", status(503), cut(100))  # the first request, the second; the third is well again
        read(server.url("/a.tif"))
        assert server.requests == [...]

A fault changes the answer that would have been given: it takes an `Answer` and returns another.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Self


@dataclass(frozen=True)
class Seen:
    """One request as it arrived; `range` is None without a Range header, else first and last byte, both included."""

    method: str
    path: str
    range: tuple[int, int] | None


@dataclass(frozen=True)
class Answer:
    """What is sent: all of `body`, but no more than `sent` bytes of it, `step` bytes every `pause` seconds.

    What happens `before` the headers and `after` the body: "" go on, "hang", "close" or "reset" the connection.
    """

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    before: str = ""
    after: str = ""
    sent: int | None = None
    step: int | None = None
    pause: float = 0.0


Fault = Callable[[Answer], Answer]


@dataclass
class _File:
    data: bytes
    etag: str
    faults: deque[Fault] = field(default_factory=deque)
    always: Fault | None = None


class RangeServer:
    """Serves bytes from memory on 127.0.0.1; `requests` and `bytes` (of bodies) are counted exactly."""

    def __init__(self, *, latency: float = 0.0) -> None:
        self.latency = latency
        self.requests: list[Seen] = []
        self.bytes = 0
        self.at_once = 0
        """The most requests that were being answered at the same time."""
        self._now = 0
        self._files: dict[str, _File] = {}
        self._connections: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: asyncio.Server | None = None
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(5)
        return self

    def __exit__(self, *exc: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    @property
    def host(self) -> str:
        """The server as an allow-list names it."""
        return f"127.0.0.1:{self.port}"

    def url(self, path: str) -> str:
        return f"http://{self.host}{path}"

    def put(self, path: str, data: bytes, etag: str | None = None) -> str:
        """Serve `data` at `path` from now on, and return its URL. The ETag follows from the data unless given."""
        if etag is None:
            etag = f'"{blake2b(data, digest_size=8).hexdigest()}"'
        known = self._files.get(path)
        self._files[path] = replace(known, data=data, etag=etag) if known else _File(data, etag)
        return self.url(path)

    def data(self, path: str) -> bytes:
        """What is served at `path`."""
        return self._files[path].data

    def fail(self, path: str, *faults: Fault, always: Fault | None = None) -> None:
        """Break the next answers for `path`, one fault each, and then `always`; without any, it is well again."""
        file = self._files.setdefault(path, _File(b"", '""'))
        file.faults = deque(faults)
        file.always = always

    def forget_requests(self) -> None:
        """Begin to count anew."""
        self.requests.clear()
        self.bytes = 0

    @property
    def ranges(self) -> list[tuple[int, int] | None]:
        """The ranges asked for, in order."""
        return [seen.range for seen in self.requests]

    # On the server's own loop

    async def _start(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            while await self._one(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client left, or the test is over
        finally:
            self._connections.discard(task)
            writer.transport.abort()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; whether another may follow on this connection."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        method, path, _ = head.split(" ", 2)
        found = re.search(r"^range: *bytes=(\d+)-(\d+)\r$", head, re.MULTILINE | re.IGNORECASE)
        wanted = (int(found[1]), int(found[2])) if found else None
        self.requests.append(Seen(method, path, wanted))
        self._now += 1
        self.at_once = max(self.at_once, self._now)
        try:
            return await self._answer(self._chosen(method, path, wanted), writer)
        finally:
            self._now -= 1

    def _chosen(self, method: str, path: str, wanted: tuple[int, int] | None) -> Answer:
        file = self._files.get(path)
        if file is None:
            return Answer(404, body=b"no such file")
        if method != "GET":
            return Answer(405)
        fault = file.faults.popleft() if file.faults else file.always
        answer = _well(file, wanted)
        return fault(answer) if fault else answer

    async def _answer(self, answer: Answer, writer: asyncio.StreamWriter) -> bool:
        await asyncio.sleep(self.latency)
        if answer.before:
            return await self._end(answer.before, writer)
        headers = {"Content-Length": str(len(answer.body))} | answer.headers
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value)
        writer.write(f"HTTP/1.1 {answer.status} Whatever\r\n{lines}\r\n".encode("latin-1"))
        await asyncio.sleep(answer.pause)
        body = answer.body[: answer.sent]
        step = answer.step or max(1, len(body))
        for at in range(0, len(body), step):
            self.bytes += len(body[at : at + step])  # before it is sent, since the reader may look at once
            writer.write(body[at : at + step])
            await writer.drain()
            await asyncio.sleep(answer.pause)
        await writer.drain()
        return await self._end(answer.after, writer) if answer.after else True

    async def _end(self, how: str, writer: asyncio.StreamWriter) -> bool:
        if how == "hang":
            await asyncio.Event().wait()
        if how == "reset":
            linger = struct.pack("ii", 1, 0)  # close at once, with RST
            with contextlib.suppress(OSError):
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()
        else:
            writer.close()
        return False


def _well(file: _File, wanted: tuple[int, int] | None) -> Answer:
    size, headers = len(file.data), {"ETag": file.etag, "Accept-Ranges": "bytes"}
    if wanted is None:
        return Answer(200, headers, file.data)
    first, last = wanted
    if first >= size:
        return Answer(416, {"Content-Range": f"bytes */{size}"}, b"<Error>InvalidRange</Error>")
    last = min(last, size - 1)
    return Answer(206, headers | {"Content-Range": f"bytes {first}-{last}/{size}"}, file.data[first : last + 1])


# Faults


def status(code: int, **headers: str) -> Fault:
    """Another status, with headers such as `Retry_After="1"`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda answer: Answer(code, named, b"<Error>no</Error>")


def hang(answer: Answer) -> Answer:
    """Never a word."""
    return replace(answer, before="hang")


def reset(answer: Answer) -> Answer:
    """The connection is reset before the headers."""
    return replace(answer, before="reset")


def hang_after(sent: int) -> Fault:
    """Nothing after so many bytes of the body."""
    return lambda answer: replace(answer, sent=sent, after="hang")


def cut_after(sent: int) -> Fault:
    """The connection ends after so many bytes of the body."""
    return lambda answer: replace(answer, sent=sent, after="close")


def reset_after(sent: int) -> Fault:
    """The connection is reset after so many bytes of the body."""
    return lambda answer: replace(answer, sent=sent, after="reset")


def drip(step: int, pause: float) -> Fault:
    """A few bytes at a time."""
    return lambda answer: replace(answer, step=step, pause=pause)


def late(pause: float) -> Fault:
    """The body comes some time after the headers."""
    return lambda answer: replace(answer, pause=pause)


def short(missing: int) -> Fault:
    """Fewer bytes than asked for, and the headers say so."""

    def fault(answer: Answer) -> Answer:
        found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", answer.headers["Content-Range"])
        assert found is not None
        content_range = f"bytes {found[1]}-{int(found[2]) - missing}/{found[3]}"
        headers = answer.headers | {"Content-Range": content_range}
        return replace(answer, headers=headers, body=answer.body[:-missing])

    return fault


def header(**headers: str) -> Fault:
    """Lying headers; an empty value takes one away. The body stays."""

    def fault(answer: Answer) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return replace(answer, headers={k: v for k, v in (answer.headers | named).items() if v})

    return fault


def body(change: Callable[[bytes], bytes]) -> Fault:
    """Another body; its length is announced rightly."""
    return lambda answer: replace(answer, body=change(answer.body))


def flip(position: int) -> Fault:
    """One byte of the body is wrong."""
    return body(lambda data: data[:position] + bytes([data[position] ^ 0x55]) + data[position + 1 :])


def html(answer: Answer) -> Answer:
    """What a captive portal says to everything."""
    return Answer(200, {"Content-Type": "text/html"}, b"<!DOCTYPE html><html><body>Please log in</body></html>")


def html_as_range(answer: Answer) -> Answer:
    """A page in place of the bytes, with the headers of the range asked for."""
    page = b"<!DOCTYPE html><html><body>Please log in</body></html>"
    return replace(answer, body=(page * (len(answer.body) // len(page) + 1))[: len(answer.body)])


def whole(answer: Answer) -> Answer:
    """200 and a body, as of a server that knows no ranges."""
    return Answer(200, {"ETag": answer.headers["ETag"]}, answer.body)


def redirect(to: str) -> Fault:
    """302 to another place."""
    return lambda answer: Answer(302, {"Location": to})


def garbage(answer: Answer) -> Answer:
    """A body in chunks that break the protocol, some time after good headers."""
    headers = answer.headers | {"Transfer-Encoding": "chunked", "Content-Length": ""}
    return replace(answer, headers=headers, body=b"no chunk\r\n" + answer.body, pause=0.05)
