"""A certificate for 127.0.0.1 and the authority that signed it, made once a process by the openssl program.

The session's fixture in tests/conftest.py lets every client trust the authority, through SSL_CERT_FILE.
"""

from __future__ import annotations

import atexit
import shutil
import ssl
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path

import pytest

OPENSSL = shutil.which("openssl")
"""The program's path; None where tests over TLS have to be skipped."""
needs_openssl = pytest.mark.skipif(OPENSSL is None, reason="openssl makes the certificate")

_CONFIG = """
[req]
distinguished_name = name
prompt = no
[name]
CN = scog tests
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = IP:127.0.0.1, DNS:localhost
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


@lru_cache
def authority() -> Path:
    """The authority's certificate, a PEM file that exists until the process ends. Raises what openssl fails with."""
    folder = Path(tempfile.mkdtemp(prefix="scog-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "config").write_text(_CONFIG)
    _openssl(folder, "req -x509 -newkey rsa:2048 -nodes -days 2 -keyout ca.key -out ca.pem -extensions authority")
    _openssl(folder, "req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=127.0.0.1")
    _openssl(
        folder,
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out server.pem "
        "-extfile config -extensions server",
    )
    return folder / "ca.pem"


@lru_cache
def serving() -> ssl.SSLContext:
    """What a server speaks: TLS 1.3 with a certificate of RSA 2048, two session tickets a handshake."""
    folder = authority().parent
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    return context


def trusting() -> ssl.SSLContext:
    """A client's context that trusts the authority and nobody else."""
    return ssl.create_default_context(cafile=str(authority()))


def make_certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate that nobody trusts yet: its file, and the context of a server that shows it."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test", "-out",
         "cert.pem", "-keyout", "key.pem", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return folder / "cert.pem", tls


def _openssl(folder: Path, command: str) -> None:
    words = command.split()
    if words[0] == "req":
        words += ["-config", "config"]
    subprocess.run([OPENSSL or "openssl", *words], cwd=folder, check=True, capture_output=True)
