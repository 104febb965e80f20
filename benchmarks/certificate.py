"""A certificate for the origin, issued by a generated authority: RSA 2048, valid for 30 days, made with `openssl`.

Most servers on the internet, S3 among them, have RSA certificates, which determines the cost of a handshake. The
authority is in no trust store; the environment variables of `trust_variables` make contenders trust it.
"""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

NEW_KEY = ("-newkey", "rsa:2048", "-nodes")
DAYS = ("-days", "30")
TRUSTING = ("SSL_CERT_FILE", "GDAL_CURL_CA_BUNDLE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE")
LEAF = """basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature, keyEncipherment
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = IP:127.0.0.1, DNS:localhost
"""


@dataclass(frozen=True)
class Certificate:
    """PEM files: the authority that clients trust, the server's certificate, and its private key."""

    authority: Path
    certificate: Path
    key: Path

    def server_context(self) -> ssl.SSLContext:
        """A server context with TLS 1.3, session tickets and HTTP/1.1, like S3."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.set_alpn_protocols(["http/1.1"])
        context.load_cert_chain(self.certificate, self.key)
        return context


def make_certificate(folder: Path) -> Certificate:
    """Create an authority and a certificate for 127.0.0.1 and localhost in an existing folder (0.3 s).

    Raises RuntimeError if `openssl` is missing or fails.
    """
    made = Certificate(folder / "authority.pem", folder / "server.pem", folder / "server-key.pem")
    authority_key, request, extensions = (folder / name for name in ("authority-key.pem", "server.csr", "server.ext"))
    extensions.write_text(LEAF)
    _openssl(
        "req", "-x509", *NEW_KEY, *DAYS, "-subj", "/CN=Benchmark authority", "-keyout", authority_key,
        "-out", made.authority, "-addext", "keyUsage=critical,keyCertSign,cRLSign",
    )  # fmt: skip
    _openssl("req", "-new", *NEW_KEY, "-subj", "/CN=Benchmark origin", "-keyout", made.key, "-out", request)
    _openssl(
        "x509", "-req", *DAYS, "-in", request, "-CA", made.authority, "-CAkey", authority_key, "-CAcreateserial",
        "-extfile", extensions, "-out", made.certificate,
    )  # fmt: skip
    return made


def trust_variables(authority: Path) -> dict[str, str]:
    """Environment variables that make HTTP clients trust an authority, and no other.

    OpenSSL (Python's ssl, httpx) and rustls-native-certs (obstore, lazycogs, async-geotiff) read `SSL_CERT_FILE`. GDAL
    reads `GDAL_CURL_CA_BUNDLE`, which rasterio's wheels otherwise set to certifi's bundle. `CURL_CA_BUNDLE` is a
    convention of libcurl.
    """
    return dict.fromkeys(TRUSTING, str(authority))


def _openssl(*arguments: str | Path) -> None:
    try:
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, text=True)
    except FileNotFoundError:
        raise RuntimeError("openssl is not installed; it is needed for the origin's certificate") from None
    except subprocess.CalledProcessError as error:
        raise RuntimeError(f"openssl {arguments[0]} failed: {error.stderr.strip()}") from None
