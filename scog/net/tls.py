"""TLS between an event loop's plain transport and a protocol.

The TLS of asyncio and uvloop gives each connection a buffer of 256 KB, calls the protocol for every record of 16 KB,
and runs handshakes on the event loop. Here all connections share one buffer for ciphertext, all complete records are
decrypted directly into the protocol's memory, and the slow steps of a handshake run in a thread, since OpenSSL releases
the GIL. See benchmarks/transports.md for measurements.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from concurrent.futures import Executor
from typing import cast

RECORD_BUFFER = 131_072
"""Bytes of ciphertext received at once; one buffer for all connections."""
MAX_HANDSHAKE = 262_144
"""Bytes that a server may send before its handshake ends."""


class CertificateRejected(ConnectionError):
    """The server's certificate is not trusted, has expired, or belongs to another host."""


class TlsStream(asyncio.BufferedProtocol):
    """Decrypts the data of a transport for the protocol `inner`, and is the transport to which `inner` writes.

    `records` is the buffer for ciphertext. All connections of an event loop may share it, since it is emptied before
    the loop's next callback. `on_records` is called with the TLS object whenever records have arrived after the
    handshake, until it returns True.
    """

    def __init__(
        self,
        inner: asyncio.BufferedProtocol,
        records: memoryview,
        on_records: Callable[[ssl.SSLObject], bool],
    ) -> None:
        self._inner = inner
        self._records = records
        self._on_records: Callable[[ssl.SSLObject], bool] | None = on_records
        self._transport: asyncio.Transport | None = None
        self._tls: ssl.SSLObject | None = None
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._secured = False
        self._early = bytearray()
        """Handshake bytes not yet passed to OpenSSL, which may run in a thread."""
        self._data_arrived = asyncio.Event()

    async def handshake(
        self, context: ssl.SSLContext, host: str, session: ssl.SSLSession | None, workers: Executor
    ) -> None:
        """Negotiate TLS, then call `connection_made` of `inner`.

        Raises CertificateRejected, ssl.SSLError, or ConnectionError if the connection ends.
        """

        def step() -> tuple[bool, bytes]:
            if self._tls is None:
                self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host, session=session)
            self._incoming.write(received)
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                return False, self._outgoing.read()
            return True, self._outgoing.read()

        loop, received, done = asyncio.get_running_loop(), b"", False
        while not done:
            self._check_open()
            # The slow step runs in a thread: verifying the certificate, or unpacking the session to resume. The other
            # step takes 0.1 ms, about as long as switching to a thread and back.
            is_first_step = self._tls is None
            try:
                done, sent = await loop.run_in_executor(workers, step) if is_first_step == bool(session) else step()
            except ssl.SSLCertVerificationError as error:
                raise CertificateRejected(f"its certificate was rejected: {error.verify_message}") from None
            self._check_open()
            assert self._transport is not None
            self._transport.write(sent)
            if not done:
                await self._data_arrived.wait()
            self._data_arrived.clear()
            received = bytes(self._early)
            self._early.clear()
        self._secured = True
        self._inner.connection_made(cast("asyncio.BaseTransport", self))
        if received:
            self._incoming.write(received)
            self._decrypt()

    @property
    def resumed(self) -> bool:
        """Whether the server resumed the session."""
        return self._tls is not None and self._tls.session_reused is True

    # Called by `inner`

    def write(self, data: bytes) -> None:
        """Encrypt and send `data`."""
        assert self._transport is not None
        assert self._tls is not None
        self._tls.write(data)
        self._transport.write(self._outgoing.read())

    def is_closing(self) -> bool:
        """Whether the connection is closed or closing."""
        return self._transport is None or self._transport.is_closing()

    def abort(self) -> None:
        """Close the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    # Called by the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """TCP is connected."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's does not subclass asyncio.Transport

    def get_buffer(self, sizehint: int) -> memoryview:
        """The buffer for ciphertext."""
        return self._records

    def buffer_updated(self, nbytes: int) -> None:
        """Process `nbytes` bytes of ciphertext."""
        if self._secured:
            self._incoming.write(self._records[:nbytes])
            self._decrypt()
            return
        self._early += self._records[:nbytes]
        if len(self._early) > MAX_HANDSHAKE:
            self.abort()
        self._data_arrived.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed.

        A missing close_notify is not an error: the length of every body is known (RFC 8446 section 6.1).
        """
        self._transport = None
        self._data_arrived.set()
        if self._secured:
            self._inner.connection_lost(exc)

    def _check_open(self) -> None:
        if self.is_closing():
            raise ConnectionError("the connection ended during the TLS handshake")

    def _decrypt(self) -> None:
        """Decrypt all complete records, since no later event would process the remaining ones."""
        assert self._transport is not None
        try:
            while not self._transport.is_closing():
                if not self._decrypt_once():
                    break
        except ssl.SSLError:  # tampered or broken records
            self._transport.abort()
        if self._on_records is not None and self._tls is not None and self._on_records(self._tls):
            self._on_records = None
        if self._outgoing.pending and not self._transport.is_closing():  # the response to a key update
            self._transport.write(self._outgoing.read())

    def _decrypt_once(self) -> bool:
        """Fill the buffer that `inner` offers as far as possible. Returns False if no complete record is left."""
        assert self._transport is not None
        assert self._tls is not None
        buffer, filled, may_have_more = self._inner.get_buffer(-1), 0, True
        buffer = cast("memoryview", buffer)
        try:
            while filled < len(buffer):
                count = self._tls.read(len(buffer) - filled, buffer[filled:] if filled else buffer)
                if not count:  # close_notify
                    self._transport.close()
                    may_have_more = False
                    break
                filled += cast("int", count)
        except ssl.SSLWantReadError:
            may_have_more = False
        if filled:
            self._inner.buffer_updated(filled)
        return may_have_more
