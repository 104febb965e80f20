"""Details of skipped scenes: the bands and file affected, the error, and how to resolve it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from urllib.parse import unquote, urlsplit

from scog.catalog.scene import Scene
from scog.errors import SourceError
from scog.net.byte_range import is_local
from scog.net.policy import host_of

MAX_NAME = 300
"""Maximum characters of a file's name. A longer name is cut off at its start."""
_GONE = "The file may have been moved, or be requester-pays. Try newer scenes."
_BROKEN = "Create the file again, or remove the asset from its item."
_NETWORK = "Try again; `scog doctor` measures the connection."
_CONVERT = "Convert it to a COG, for instance with `gdal_translate -of COG`."
_TOO_SLOW = "Request fewer pixels or scenes, or raise SCOG_TILE_DEADLINE."

ADVICE: Mapping[str, str] = MappingProxyType(
    {
        "host-not-allowed": "If you trust the host, add it to SCOG_HOSTS.",
        "not-signable": "Check the asset's href in the item: https://ACCOUNT.blob.core.windows.net/CONTAINER/...",
        "token-service": "Try again; `scog doctor` measures the connection. See SCOG_SAS_TOKEN_URL.",
        "outside-archive": "Move the file into the archive's folder. Links to files outside it are not followed.",
        "no-file": "Check the asset's href in the item, and the file's permissions.",
        "not-a-file": "Check the asset's href in the item.",
        "unreadable": "Check the disk and the file's permissions.",
        "no-band": "Request bands that the item has, or add the asset to it.",
        "no-crs": "Add CRS and transform to the file, or proj:code and proj:transform to the item.",
        "several-bands": "See cog.md on how an item lists the bands of a file.",
        "no-such-band": "List the file's bands in the item, in file order.",
        "shape-mismatch": "Correct proj:shape in the item, or the asset's href.",
        "broken-mask": "Create the mask again in the size of the file, or remove it.",
        "pixel-type": "Convert it to an integer or float type of at most 32 bits.",
        "too-large": _CONVERT,
        "block-too-large": _CONVERT,
        "too-many-blocks": _CONVERT,
        "no-ranges": "The file's server must support range requests.",
        "redirect": "Set the asset's href in the item to the redirect's target.",
        "wrong-range": "Check whether a proxy between this server and the file modifies responses.",
        "http": "Check whether a proxy between this server and the file modifies responses.",
        "http-400": _GONE, "http-401": _GONE, "http-403": _GONE, "http-404": _GONE, "http-410": _GONE,
        "http-429": "The host limits requests: lower SCOG_READS_PER_HOST.",
        "timeout": _NETWORK, "slow": _NETWORK, "connection": _NETWORK, "host-resting": _NETWORK,
        "changed": "Try again.", "stopped": "Try again.", "superseded": "Try again.",
        "certificate": "If a proxy intercepts TLS, add its certificate to SSL_CERT_FILE; `scog doctor` tells more.",
        "proxy": "Check HTTPS_PROXY; `scog doctor` tells more.",
        "cut-off": _BROKEN, "not-a-tiff": _BROKEN, "not-a-geotiff": _BROKEN, "broken-header": _BROKEN,
        "broken-block": _BROKEN,
        "too-much-memory": "Request fewer pixels, or raise SCOG_READ_MEMORY_MB.",
        "deadline": _TOO_SLOW,
    }
)  # fmt: skip
"""How to resolve an error, by its reason."""
_OTHER = "Try other scenes."


def skip_detail(scene: Scene, error: SourceError, root: Path | None = None) -> str:
    """The detail of a skipped scene: bands, file, error and advice, such as `nir (a/nir.tif): There is no such file.`

    Files of a local archive are relative to its `root`. Queries, credentials and local folders are not shown.
    """
    return f"{_subject(scene, error, root)}{error} {advice(error.reason)}"


def advice(reason: str) -> str:
    """How to resolve an error with this reason, in a sentence."""
    kind = "no-band" if reason.startswith("no-band-") else reason
    return ADVICE.get(kind, _NETWORK if re.fullmatch("http-5..", reason) else _OTHER)


def _subject(scene: Scene, error: SourceError, root: Path | None) -> str:
    """The start of a detail: the bands of the file and its name. Empty for an error without a URL."""
    if error.url is None:
        return ""
    bands = [band for band, asset in scene.assets.items() if asset.url == error.url]
    file = display_name(error.url, root)
    return f"{', '.join(bands)} ({file}): " if bands else f"{file}: "


def display_name(url: str, root: Path | None) -> str:
    """A file's name for messages: host and path of a remote file.

    For a local file, the path relative to `root`, or the base name if the file is not below `root`.
    """
    try:
        path, host = unquote(urlsplit(url).path), host_of(url)
    except ValueError:  # the port is too large or not a number
        return "an invalid URL"
    name = f"{host}{path}"
    if is_local(url):
        local = PurePosixPath(path)
        is_below = root is not None and local.is_relative_to(root.as_posix()) and ".." not in local.parts
        name = str(local.relative_to(root.as_posix())) if root is not None and is_below else local.name
    return name if len(name) <= MAX_NAME else f"...{name[-MAX_NAME:]}"
