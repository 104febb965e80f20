"""What went wrong with a scene, for people: which band and file, why, and what to do about it."""

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

LONGEST = 300
"""Characters of a file's name."""
_GONE = "It may have been moved, or cost the requester; newer scenes may be well."
_BROKEN = "Write the file anew, or take the asset out of its item."
_LINE = "Try again; `scog doctor` measures the line."
_FORM = "Rewrite it as a COG, such as by `gdal_translate -of COG`."
_DRAWN_LESS = "Ask for fewer pixels or scenes, or for a longer deadline (SCOG_TILE_DEADLINE)."

ADVICE: Mapping[str, str] = MappingProxyType(
    {
        "host-not-allowed": "If you trust that host, add it to SCOG_HOSTS.",
        "outside-archive": "Put it below the archive's folder; the server does not follow links out of it.",
        "no-file": "Check the asset's href in the item, and that the server may read the file.",
        "not-a-file": "Check the asset's href in the item.",
        "unreadable": "Check the disk and the file's permissions.",
        "no-asset": "Ask for bands that the item has, or add the asset to it.",
        "no-crs": "Write CRS and transform into the file, or proj:code and proj:transform into the item.",
        "several-bands": "See cog.md for how an item lists the bands of a file.",
        "no-such-band": "List the bands that the file has, in their order.",
        "shape-mismatch": "Correct proj:shape in the item, or the asset's href.",
        "broken-mask": "Write the mask anew in the size of its file, or remove it.",
        "pixel-type": "Rewrite it with integers or floats of up to 32 bits.",
        "too-large": _FORM,
        "block-too-large": _FORM,
        "too-many-blocks": _FORM,
        "no-ranges": "The file's server has to answer range requests.",
        "redirect": "Write the address that it leads to into the item.",
        "wrong-range": "Something between this server and the file changes answers.",
        "http": "Something between this server and the file changes answers.",
        "http-400": _GONE, "http-401": _GONE, "http-403": _GONE, "http-404": _GONE, "http-410": _GONE,
        "http-429": "The host wants fewer requests: lower SCOG_READS_PER_HOST.",
        "timeout": _LINE, "slow": _LINE, "connection": _LINE, "host-resting": _LINE,
        "changed": "Try again.", "stopped": "Try again.", "beaten": "Try again.",
        "certificate": "A proxy that opens TLS needs its certificate in SSL_CERT_FILE; `scog doctor` tells more.",
        "proxy": "Check HTTPS_PROXY; `scog doctor` tells more.",
        "cut-off": _BROKEN, "not-a-tiff": _BROKEN, "not-a-geotiff": _BROKEN, "broken-header": _BROKEN,
        "broken-block": _BROKEN,
        "too-much-memory": "Ask for fewer pixels, or raise SCOG_READ_MEMORY_MB.",
        "deadline": _DRAWN_LESS,
    }
)  # fmt: skip
"""What to do, by reason."""
_OTHER = "Other scenes may be well."


def explained(scene: Scene, fault: SourceError, root: Path | None = None) -> str:
    """What went wrong with a scene in a sentence or two, such as `nir (a/nir.tif): There is no such file.`

    Files of a local archive are named from its `root` on. No text has a query, credentials or a folder of this machine.
    """
    return f"{_subject(scene, fault, root)}{fault} {advice(fault.reason)}"


def advice(reason: str) -> str:
    """What to do about a reason."""
    kind = "no-asset" if reason.startswith("no-asset-") else reason
    return ADVICE.get(kind, _LINE if re.fullmatch("http-5..", reason) else _OTHER)


def _subject(scene: Scene, fault: SourceError, root: Path | None) -> str:
    """The bands that a file holds and its name, as far as they are known."""
    if fault.url is None:
        return ""
    bands = [band for band, asset in scene.assets.items() if asset.url == fault.url]
    file = file_of(fault.url, root)
    return f"{', '.join(bands)} ({file}): " if bands else f"{file}: "


def file_of(url: str, root: Path | None) -> str:
    """A file as strangers may know it: its host and path; of a local one its path below `root`, or just its name."""
    try:
        path, host = unquote(urlsplit(url).path), host_of(url)
    except ValueError:  # no port could be so large, or no number
        return "an impossible address"
    name = f"{host}{path}"
    if is_local(url):
        local = PurePosixPath(path)
        is_below = root is not None and local.is_relative_to(root.as_posix()) and ".." not in local.parts
        name = str(local.relative_to(root.as_posix())) if root is not None and is_below else local.name
    return name if len(name) <= LONGEST else f"...{name[-LONGEST:]}"
