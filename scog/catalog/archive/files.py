"""Finds and reads the JSON files of an archive.

Symbolic links are followed only within the archive's folder, because others may have created them. A link that leads
out of the folder is skipped and reported. Each file and folder counts once.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from scog.net.sas import may_have_tokens, without_tokens

EXTENSIONS = (".json", ".geojson")
MAX_BYTES = 64_000_000
"""Maximum size of a file. Parsing takes ten times as much memory."""
OUTSIDE = "a symbolic link that leads out of the archive; only links within it are followed"
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
"""An escaped UTF-16 surrogate, usually one of a valid pair."""


class UnreadableFile(ValueError):
    """A file cannot be read as JSON. The message is the reason."""


def item_files(folder: Path) -> tuple[dict[str, int], dict[str, str]]:
    """Find the JSON files below a folder: their modification times in ns by relative path, and the skipped paths.

    The second dictionary has the reason by path. Hidden folders are ignored. `folder` must be a real path.
    """
    mtimes: dict[str, int] = {}
    skipped: dict[str, str] = {}
    links: list[str] = []
    folders, seen = [""], {str(folder)}
    while folders or links:
        if not folders:  # links are resolved last, so that a file gets its path without links if it has one
            path = links.pop(0)
            real, reason = _resolve_link(folder, path)
            if reason or real in seen:
                skipped |= {path: reason} if reason else {}
                continue
            seen.add(real)
            if os.path.isdir(real):
                folders.append(path)
            else:
                _add_file(folder, path, mtimes, skipped)
            continue
        for name, path, is_link, is_folder in _entries(folder, folders.pop(), skipped):
            if name.startswith(".") and (is_folder or is_link):
                continue
            if is_link:
                if is_folder or name.lower().endswith(EXTENSIONS):
                    links.append(path)
            elif is_folder or name.lower().endswith(EXTENSIONS):
                real = os.path.realpath(folder / path)
                if real in seen:
                    continue
                seen.add(real)
                if is_folder:
                    folders.append(path)
                else:
                    _add_file(folder, path, mtimes, skipped)
    return mtimes, skipped


def _entries(folder: Path, path: str, skipped: dict[str, str]) -> Iterator[tuple[str, str, bool, bool]]:
    """Yield `(name, path, is_link, is_folder)` of each entry of a folder."""
    try:
        with os.scandir(folder / path) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                try:
                    yield entry.name, os.path.join(path, entry.name), entry.is_symlink(), entry.is_dir()
                except OSError as error:  # a loop of links
                    skipped[storable(os.path.join(path, entry.name))] = str(error.strerror)
    except OSError as error:
        skipped[storable(path) or "."] = f"the folder cannot be read: {error.strerror}"


def _resolve_link(folder: Path, path: str) -> tuple[str, str]:
    """The real path of a symbolic link, and the reason why it is not followed, or an empty text."""
    real = os.path.realpath(folder / path)
    if not real.startswith(str(folder) + os.sep):
        return real, "" if real == str(folder) else OUTSIDE
    return real, "" if os.path.exists(real) else "a broken symbolic link"


def _add_file(folder: Path, path: str, mtimes: dict[str, int], skipped: dict[str, str]) -> None:
    """Add a file's modification time, or the reason why it is skipped."""
    if storable(path) != path:
        skipped[storable(path)] = "the file's name is not UTF-8"
        return
    try:
        status = os.stat(folder / path)
    except FileNotFoundError:  # deleted meanwhile
        return
    except OSError as error:
        skipped[path] = f"the file cannot be read: {error.strerror}"
        return
    if stat.S_ISREG(status.st_mode):
        mtimes[path] = status.st_mtime_ns
    else:  # such as a pipe, which reading would block on
        skipped[path] = "not a regular file"


def storable(path: str) -> str:
    """The path as UTF-8 text, with other bytes escaped."""
    return path.encode("utf-8", "backslashreplace").decode()


def read_items(folder: Path, path: str) -> dict[str, Mapping[str, Any]]:
    """The items of a file by path: that of the file, or `path#index` for the items of a FeatureCollection.

    Empty for other JSON, such as a collection or GeoJSON that is not STAC. URLs lose their SAS tokens, which are
    secret and expire before the files are read. Raises UnreadableFile.
    """
    document = _read_json(folder / path)
    if not isinstance(document, Mapping):
        return {}
    members = document.get("features")
    if document.get("type") == "FeatureCollection" and isinstance(members, list):
        return {f"{path}#{index}": member for index, member in enumerate(members) if _is_item(member)}
    return {path: document} if _is_item(document) else {}


def _read_json(file: Path) -> Any:
    try:
        size = os.stat(file).st_size
        if size > MAX_BYTES:
            raise UnreadableFile(f"the file has {size / 1e6:.0f} MB, more than {MAX_BYTES / 1e6:.0f} MB")
        content = file.read_bytes()
        document = json.loads(content)
        if _SURROGATE.search(content):  # a lone surrogate cannot be encoded: it becomes a question mark
            document = json.loads(json.dumps(document, ensure_ascii=False).encode("utf-8", "replace"))
        return without_tokens(document) if may_have_tokens(content) else document
    except json.JSONDecodeError as error:
        raise UnreadableFile(f"invalid JSON: {error.msg} in line {error.lineno}, column {error.colno}") from None
    except UnicodeDecodeError as error:
        raise UnreadableFile(f"invalid JSON: byte {error.start} is not {error.encoding.upper()}") from None
    except RecursionError:
        raise UnreadableFile("invalid JSON: nested too deeply") from None
    except OSError as error:
        raise UnreadableFile(f"the file cannot be read: {error.strerror}") from None
    except ValueError as error:  # an integer with more digits than Python converts
        raise UnreadableFile(str(error)) from None
    except MemoryError:
        raise UnreadableFile("not enough memory to read the file") from None


def _is_item(document: Any) -> bool:
    """Whether a document is meant as a STAC item, valid or not."""
    if not isinstance(document, Mapping):
        return False
    return (document.get("type") == "Feature" and ("stac_version" in document or "assets" in document)) or (
        "assets" in document and "properties" in document and ("geometry" in document or "bbox" in document)
    )
