"""Resolves the links of an archive's items to files below its folder, by path alone: no file is opened."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit


def local_path(href: object, item_path: str, folder: Path) -> str | None:
    """Path of an item's link, relative to the archive's folder; None if it leads to the web or out of the folder.

    `item_path` is the path of the item's file, relative to the folder.
    """
    if not isinstance(href, str) or not href:
        return None
    if _PLAIN.fullmatch(href):  # nearly all are, and a page may have thousands
        path = posixpath.normpath(posixpath.join(posixpath.dirname(item_path), unquote(href)))
    else:
        try:
            parts = urlsplit(urljoin((folder / item_path).as_uri(), href))
        except ValueError:
            return None
        if parts.scheme != "file" or parts.netloc not in ("", "localhost"):
            return None
        path = os.path.relpath(posixpath.normpath(unquote(parts.path)), folder)
    outside = path in (".", "..") or path.startswith(("../", "/"))
    return None if outside or not _is_storable(path) else path


_PLAIN = re.compile(r"[^/:?#\\][^:?#\\]*")
"""A relative path without scheme, query and fragment."""


def _is_storable(path: str) -> bool:
    """Whether a path has no NUL and can be encoded as UTF-8. Names of indexed files can; other paths match no file."""
    try:
        return "\0" not in path and bool(path.encode())
    except UnicodeEncodeError:
        return False


def is_elsewhere(href: object) -> bool:
    """Whether a link is an absolute URL with a scheme other than `file`, such as `https:` or `s3:`."""
    try:
        scheme = urlsplit(href).scheme if isinstance(href, str) else ""
    except ValueError:
        return False
    return len(scheme) > 1 and scheme != "file"  # a single letter is a Windows drive


def asset_files(item: Mapping[str, Any], item_path: str, folder: Path) -> set[str]:
    """Paths of an item's assets that are below the folder."""
    assets = item.get("assets")
    members = assets.values() if isinstance(assets, Mapping) else ()
    links = [asset.get("href") for asset in members if isinstance(asset, Mapping)]
    return {path for link in links if (path := local_path(link, item_path, folder)) is not None}
