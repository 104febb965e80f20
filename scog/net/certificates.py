"""Which certificates are trusted: the system's, or those that SSL_CERT_FILE and SSL_CERT_DIR name."""

from __future__ import annotations

import ssl
from functools import lru_cache

import certifi


def tls_context() -> ssl.SSLContext:
    """A client's TLS context. Reading the certificates takes some 40 ms, so it is shared while the paths are the same.

    OpenSSL honours SSL_CERT_FILE and SSL_CERT_DIR by itself. Without them certifi's bundle is trusted too: a slim
    container or Python's own build for macOS has no certificates of the system's.
    """
    paths = ssl.get_default_verify_paths()
    chosen = paths.cafile not in (None, paths.openssl_cafile) or paths.capath not in (None, paths.openssl_capath)
    return _context(paths.cafile, paths.capath, chosen)


@lru_cache(maxsize=4)
def _context(cafile: str | None, capath: str | None, chosen: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not chosen:
        context.load_verify_locations(certifi.where())
    return context
