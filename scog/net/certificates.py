"""Trusted certificates: the system's, or those in SSL_CERT_FILE and SSL_CERT_DIR."""

from __future__ import annotations

import ssl
from functools import lru_cache

import certifi


def tls_context() -> ssl.SSLContext:
    """A client's TLS context. It is shared while the paths stay the same, since loading certificates takes about 40 ms.

    OpenSSL reads SSL_CERT_FILE and SSL_CERT_DIR itself. If neither is set, certifi's bundle is trusted too, because
    slim containers and python.org's macOS build have no system certificates.
    """
    paths = ssl.get_default_verify_paths()
    has_file = paths.cafile not in (None, paths.openssl_cafile)
    has_folder = paths.capath not in (None, paths.openssl_capath)
    return _context(paths.cafile, paths.capath, has_file or has_folder)


@lru_cache(maxsize=4)
def _context(cafile: str | None, capath: str | None, from_environment: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not from_environment:
        context.load_verify_locations(certifi.where())
    return context
