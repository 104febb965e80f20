"""Cost of range requests over plain HTTP and TLS 1.3 by transport: scog's, the event loop's TLS, libcurl, obstore.

    python -m benchmarks.transports [--quick] > table.md

The origin runs in a separate process, with an RSA 2048 certificate under two intermediates, session tickets, and
unlimited bandwidth. CPU is that of all threads of the reading process. "New" connections are a client's first, "again"
are reconnections after the server closed them, "open" are still open. libcurl and obstore are measured if pycurl and
obstore are installed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib.util
import os
import selectors
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import uvloop

from scog.net.connection import Connection, Head
from scog.net.dialer import Dialer, Server
from scog.net.http import HttpClient
from scog.net.proxy import Proxies

STATES = ("new", "again", "open")
COUNTS, SIZES, FIRST_BYTES = (1, 8, 60, 240), (16_000, 350_000, 1_400_000), (2, 30, 150)
HEAD = (
    b"HTTP/1.1 206 Partial Content\r\nContent-Length: %d\r\nContent-Range: bytes 0-%d/9999999\r\n"
    b"Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\n"
)
BLOCK = bytes(range(256)) * 1024


def make_certificates(folder: Path) -> None:
    """Write `root.pem`, and `chain.pem` with `leaf.key` for localhost."""

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    openssl(
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=root", "-out", "root.pem", "-keyout", "root.key"
    )
    (folder / "ca.ext").write_text("basicConstraints=critical,CA:TRUE\n")
    (folder / "leaf.ext").write_text("subjectAltName=DNS:localhost\n")
    for name, issuer, kind in (("outer", "root", "ca"), ("inner", "outer", "ca"), ("leaf", "inner", "leaf")):
        openssl(
            "req",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            f"/CN={name}",
            "-out",
            f"{name}.csr",
            "-keyout",
            f"{name}.key",
        )
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{issuer}.pem", "-CAkey", f"{issuer}.key",
                "-CAcreateserial", "-out", f"{name}.pem", "-extfile", f"{kind}.ext")  # fmt: skip
    (folder / "chain.pem").write_text(
        "".join((folder / f"{name}.pem").read_text() for name in ("leaf", "inner", "outer"))
    )


async def serve(folder: Path) -> None:
    """Serve `GET /<first byte, ms>/<bytes>` on a plain and a TLS port; `GET /close/1` closes other connections."""
    open_: set[asyncio.StreamWriter] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_.add(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                _, first_byte, size = head.split(b" ", 2)[1].split(b"/")
                if first_byte == b"close":
                    for other in open_ - {writer}:
                        other.transport.abort()
                else:
                    await asyncio.sleep(int(first_byte) / 1e3)
                writer.write(HEAD % (int(size), int(size) - 1))
                for at in range(0, int(size), len(BLOCK)):
                    writer.write(BLOCK[: int(size) - at])
                    await writer.drain()
        open_.discard(writer)
        writer.close()

    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(folder / "chain.pem", folder / "leaf.key")
    servers = [await asyncio.start_server(talk, "127.0.0.1", 0, ssl=context, backlog=1024) for context in (None, tls)]
    print(*(server.sockets[0].getsockname()[1] for server in servers), flush=True)
    await asyncio.gather(*(server.serve_forever() for server in servers))


class LoopTlsDialer(Dialer):
    """Opens connections with the event loop's TLS."""

    async def _negotiate(self, sock: socket.socket, server: Server) -> Connection:
        connection = Connection(self._buffers.allocate)
        secure = {"ssl": await self._tls_context(), "server_hostname": server[1]} if server[0] == "https" else {}
        await asyncio.get_running_loop().create_connection(lambda: connection, sock=sock, **secure)
        self._open.add(connection)
        return connection


class Scog:
    """scog's client."""

    def __init__(self, base: str, root: Path, dialer: type[Dialer] = Dialer) -> None:
        self._base = base
        context = ssl.create_default_context(cafile=str(root))
        self._client = HttpClient(context, Proxies({}))
        self._client._dialer = dialer(context)

    async def read(self, path: str, size: int) -> int:
        def judge(head: Head) -> int:
            return size

        _, body = await self._client.get(self._base + path, {}, judge, int, lambda part: None)
        return len(body)

    async def close(self) -> None:
        await self._client.close()


class Curl:
    """libcurl's multi interface in a thread, with shared TLS sessions."""

    def __init__(self, base: str, root: Path) -> None:
        import pycurl

        self._base, self._root, self._lib = base, str(root), pycurl
        self._multi, self._share = pycurl.CurlMulti(), pycurl.CurlShare()
        self._multi.setopt(pycurl.M_MAXCONNECTS, 256)
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._set_timer)
        self._share.setopt(pycurl.SH_SHARE, pycurl.LOCK_DATA_SSL_SESSION)
        self._free: list[Any] = []
        self._queue: list[tuple[str, int, asyncio.Future[int]]] = []
        self._due: float | None = None
        self._selector = selectors.DefaultSelector()
        self._wake, woken = socket.socketpair()
        self._woken = self._selector.register(woken, selectors.EVENT_READ)
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    async def read(self, path: str, size: int) -> int:
        done: asyncio.Future[int] = self._loop.create_future()
        self._queue.append((path, size, done))
        self._wake.send(b"x")
        return await done

    async def close(self) -> None:
        self._wake.close()
        await asyncio.to_thread(self._thread.join)
        for handle in self._free:
            handle.close()
        self._multi.close()

    def _watch(self, event: int, fd: int, multi: Any, data: Any) -> None:
        with contextlib.suppress(KeyError):
            self._selector.unregister(fd)
        if event != self._lib.POLL_REMOVE:
            reads, writes = event & self._lib.POLL_IN, event & self._lib.POLL_OUT
            events = (selectors.EVENT_READ if reads else 0) | (selectors.EVENT_WRITE if writes else 0)
            self._selector.register(fd, events)

    def _set_timer(self, milliseconds: int) -> None:
        self._due = None if milliseconds < 0 else time.monotonic() + milliseconds / 1e3

    def _run(self) -> None:
        while True:
            for key, events in self._selector.select(self._due and max(0.0, self._due - time.monotonic())):
                if key is not self._woken:
                    reads, writes = events & selectors.EVENT_READ, events & selectors.EVENT_WRITE
                    bits = (self._lib.CSELECT_IN if reads else 0) | (self._lib.CSELECT_OUT if writes else 0)
                    self._multi.socket_action(key.fd, bits)
                elif not key.fileobj.recv(4096):  # type: ignore[union-attr]
                    return
            if self._due is not None and time.monotonic() >= self._due:
                self._due = None
                self._multi.socket_action(self._lib.SOCKET_TIMEOUT, 0)
            while self._queue:
                self._begin(*self._queue.pop())
            _, finished, failed = self._multi.info_read()
            for handle, _, _ in failed:  # sent on a connection that the server had closed
                self._multi.remove_handle(handle)
                self._multi.add_handle(handle)
            for handle in finished:
                self._multi.remove_handle(handle)
                self._free.append(handle)
                self._loop.call_soon_threadsafe(handle.done.set_result, handle.filled)

    def _begin(self, path: str, size: int, done: asyncio.Future[int]) -> None:
        lib = self._lib
        if self._free:
            handle = self._free.pop()
        else:
            handle = lib.Curl()
            handle.setopt(lib.SHARE, self._share)
        handle.done, handle.filled = done, 0
        body = bytearray(size)

        def write(data: bytes) -> None:
            body[handle.filled : handle.filled + len(data)] = data
            handle.filled += len(data)

        for option, value in ((lib.URL, self._base + path), (lib.CAINFO, self._root), (lib.WRITEFUNCTION, write),
                              (lib.BUFFERSIZE, 262_144), (lib.NOPROXY, "*")):  # fmt: skip
            handle.setopt(option, value)
        self._multi.add_handle(handle)


class Obstore:
    """obstore, which trusts the certificates in SSL_CERT_FILE."""

    def __init__(self, base: str, root: Path) -> None:
        os.environ["SSL_CERT_FILE"] = str(root)
        from obstore.store import HTTPStore

        self._store = HTTPStore.from_url(base, client_options={"allow_http": True})

    async def read(self, path: str, size: int) -> int:
        return len(await self._store.get_range_async(path[1:], start=0, end=size))

    async def close(self) -> None:
        pass


def contenders() -> dict[str, tuple[int, Callable[[str, Path], Any]]]:
    """Index of the port and constructor of the client, by name."""
    clients: dict[str, tuple[int, Callable[[str, Path], Any]]] = {
        "plain": (0, Scog),
        "TLS": (1, Scog),
        "uvloop's TLS": (1, partial(Scog, dialer=LoopTlsDialer)),
    }
    if importlib.util.find_spec("pycurl"):
        clients["libcurl"] = 1, Curl
    if importlib.util.find_spec("obstore"):
        clients["obstore"] = 1, Obstore
    return clients


async def measure(make: Callable[[], Any], count: int, size: int, first_byte: int) -> dict[str, tuple[float, float]]:
    """CPU and wall milliseconds by the state of the connections."""
    client, taken = make(), {}
    for state in STATES:
        if state == "again":
            await client.read("/close/1", 1)
            await asyncio.sleep(0.1)
        await asyncio.sleep(0.02)
        wall, cpu = time.perf_counter(), time.process_time()
        sizes = await asyncio.gather(*(client.read(f"/{first_byte}/{size}", size) for _ in range(count)))
        taken[state] = 1e3 * (time.process_time() - cpu), 1e3 * (time.perf_counter() - wall)
        assert sizes == [size] * count
    await client.close()
    return taken


@contextlib.contextmanager
def origin(folder: Path) -> Iterator[list[str]]:
    """Base URLs of an origin with generated certificates, plain and TLS."""
    make_certificates(folder)
    command = [sys.executable, "-m", "benchmarks.transports", "--serve", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ports = process.stdout.readline().split()
        try:
            yield [f"{scheme}://localhost:{port}" for scheme, port in zip(("http", "https"), ports, strict=True)]
        finally:
            process.terminate()


def main() -> None:
    """Measure, and print a table in Markdown."""
    options = argparse.ArgumentParser()
    options.add_argument("--serve", type=Path)
    options.add_argument("--quick", action="store_true", help="60 ranges of 350 KB at 30 ms only")
    options.add_argument("--first-byte", type=int, nargs="*", default=FIRST_BYTES, help="ms")
    options.add_argument("--rounds", type=int, default=5)
    given = options.parse_args()
    if given.serve:
        uvloop.run(serve(given.serve))
        return
    cases = [(count, size, first) for first in given.first_byte for size in SIZES for count in COUNTS]
    if given.quick:
        cases = [(60, 350_000, 30)]
    names = contenders()
    print("| first byte, range, ranges |", " | ".join(names), "|")
    print("| --- |" + " --- |" * len(names))
    with tempfile.TemporaryDirectory() as name, origin(Path(name)) as bases:
        root = Path(name) / "root.pem"
        for count, size, first in cases:
            rounds: dict[str, list[Any]] = {contender: [] for contender in names}
            for _ in range(given.rounds):
                for contender, (port, make) in names.items():
                    rounds[contender].append(uvloop.run(measure(partial(make, bases[port], root), count, size, first)))
            cells = [_cell(rounds[contender]) for contender in names]
            print(f"| {first} ms, {size / 1e3:.0f} KB, {count} |", " | ".join(cells), "|", flush=True)


def _cell(rounds: list[dict[str, tuple[float, float]]]) -> str:
    """`CPU new/again/open, wall new/again/open`, in ms."""
    medians = [[statistics.median(one[state][kind] for one in rounds) for state in STATES] for kind in (0, 1)]
    return ", ".join("/".join(f"{value:.0f}" for value in kind) for kind in medians)


if __name__ == "__main__":
    main()
