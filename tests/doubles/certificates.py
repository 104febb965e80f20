"""Certificates made by openssl for a test session: an authority, and several kinds of server certificates.

A session fixture in tests/conftest.py makes every client trust the authority, through SSL_CERT_FILE.
"""

from __future__ import annotations

import atexit
import shutil
import ssl
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

OPENSSL = shutil.which("openssl")
"""Path of the program; None if tests over TLS have to be skipped."""
needs_openssl = pytest.mark.skipif(OPENSSL is None, reason="openssl makes the certificate")


@dataclass(frozen=True)
class Authority:
    """A certificate authority in a folder."""

    folder: Path

    @property
    def file(self) -> Path:
        """The authority's certificate."""
        return self.folder / "root.pem"

    def server(self, name: str, *, names: str = "IP:127.0.0.1,DNS:localhost", days: int = 2) -> ssl.SSLContext:
        """A server's TLS context with a certificate for `names`. With negative `days` it has expired."""
        if not (self.folder / f"{name}.pem").exists():
            self._sign(name, names, days)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        return context

    def client(self) -> ssl.SSLContext:
        """A client's TLS context that trusts only this authority."""
        return ssl.create_default_context(cafile=str(self.file))

    def _sign(self, name: str, names: str, days: int) -> None:
        (self.folder / f"{name}.ext").write_text(
            f"subjectAltName={names}\nauthorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n"
        )
        self.openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", f"{name}.key",
                     "-out", f"{name}.csr")  # fmt: skip
        self.openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial",
                     "-days", str(days), "-out", f"{name}.pem", "-extfile", f"{name}.ext")  # fmt: skip

    def openssl(self, *arguments: str) -> None:
        """Run openssl in the folder."""
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)


@cache
def authority() -> Authority:
    """The authority of this process."""
    made = Authority(Path(tempfile.mkdtemp(prefix="scog-certificates-")))
    atexit.register(shutil.rmtree, made.folder, ignore_errors=True)
    made.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=root", "-out", "root.pem",
                 "-keyout", "root.key", "-addext", "keyUsage=critical,keyCertSign,cRLSign")  # fmt: skip
    return made


@cache
def serving() -> ssl.SSLContext:
    """A server's TLS context: TLS 1.3, an RSA certificate of 2048 bits, two session tickets per handshake."""
    context = authority().server("server")
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


def trusting() -> ssl.SSLContext:
    """A client's TLS context that trusts only the authority."""
    return authority().client()


def make_certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A self-signed certificate: its file, and the TLS context of a server that uses it."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test", "-out",
         "cert.pem", "-keyout", "key.pem", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return folder / "cert.pem", tls
