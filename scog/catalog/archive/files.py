"""The files of an archive that hold items: which there are, and what is in them.

The archive is the operator's, but a link in it may be somebody else's: links are followed as long as they stay in the
archive's folder, each file and folder counts once, and one that leads out is left out and named.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ENDINGS = (".json", ".geojson")
MAX_BYTES = 64_000_000
"""Of one file: to parse it takes ten times as much memory, for a while."""
OUTWARD = "a link that leads out of the archive; links are followed within it only"


_HALF = re.compile(rb"\\u[dD][89a-fA-F]")
"""Halves of characters that UTF-16 writes in two, escaped; mostly both are there."""


class UnreadableFile(ValueError):
    """A file cannot be read as JSON; its text is why."""


def item_files(folder: Path) -> tuple[dict[str, int], dict[str, str]]:
    """Relative paths of the JSON files below a folder, with the time of their last change in ns; and what is no file.

    The second has the paths that are left out, with the reason. Hidden folders are not looked into. `folder` is its own
    real path.
    """
    changed: dict[str, int] = {}
    left_out: dict[str, str] = {}
    links: list[str] = []
    folders, seen = [""], {str(folder)}
    while folders or links:
        if not folders:  # links come last: what is found without them keeps its plain path
            path = links.pop(0)
            real, verdict = _target(folder, path)
            if verdict or real in seen:
                left_out |= {path: verdict} if verdict else {}
                continue
            seen.add(real)
            if os.path.isdir(real):
                folders.append(path)
            else:
                _note(folder, path, changed, left_out)
            continue
        for name, path, is_link, is_folder in _entries(folder, folders.pop(), left_out):
            if name.startswith(".") and (is_folder or is_link):
                continue
            if is_link:
                if is_folder or name.lower().endswith(ENDINGS):
                    links.append(path)
            elif is_folder or name.lower().endswith(ENDINGS):
                real = os.path.realpath(folder / path)
                if real in seen:
                    continue
                seen.add(real)
                if is_folder:
                    folders.append(path)
                else:
                    _note(folder, path, changed, left_out)
    return changed, left_out


def _entries(folder: Path, path: str, left_out: dict[str, str]) -> Iterator[tuple[str, str, bool, bool]]:
    """Name, path, whether it is a link and whether it is a folder, of what lies in a folder."""
    try:
        with os.scandir(folder / path) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                try:
                    yield entry.name, os.path.join(path, entry.name), entry.is_symlink(), entry.is_dir()
                except OSError as fault:  # a loop of links
                    left_out[storable(os.path.join(path, entry.name))] = str(fault.strerror)
    except OSError as fault:
        left_out[storable(path) or "."] = f"the folder cannot be read: {fault.strerror}"


def _target(folder: Path, path: str) -> tuple[str, str]:
    """Where a link leads, and why it is not followed, empty where it is."""
    real = os.path.realpath(folder / path)
    if not real.startswith(str(folder) + os.sep):
        return real, "" if real == str(folder) else OUTWARD
    return real, "" if os.path.exists(real) else "a link that leads nowhere"


def _note(folder: Path, path: str, changed: dict[str, int], left_out: dict[str, str]) -> None:
    """Take a file into the list, or say why not."""
    if storable(path) != path:
        left_out[storable(path)] = "its name is not UTF-8"
        return
    try:
        status = os.stat(folder / path)
    except FileNotFoundError:  # taken away meanwhile
        return
    except OSError as fault:
        left_out[path] = f"it cannot be read: {fault.strerror}"
        return
    if stat.S_ISREG(status.st_mode):
        changed[path] = status.st_mtime_ns
    else:  # a pipe, say, which would never end
        left_out[path] = "no regular file"


def storable(path: str) -> str:
    """A path as text that can be stored and shown: bytes that are not UTF-8 are escaped."""
    return path.encode("utf-8", "backslashreplace").decode()


def read_items(folder: Path, path: str) -> dict[str, Mapping[str, Any]]:
    """The items in a file, each with the path it goes by: the file's own, or for those of a list with their place.

    Empty where the JSON is something else: a collection, or GeoJSON that is no STAC. Raises UnreadableFile.
    """
    document = _read_json(folder / path)
    if not isinstance(document, Mapping):
        return {}
    members = document.get("features")
    if document.get("type") == "FeatureCollection" and isinstance(members, list):
        return {f"{path}#{place}": member for place, member in enumerate(members) if _is_item(member)}
    return {path: document} if _is_item(document) else {}


def _read_json(file: Path) -> Any:
    try:
        size = os.stat(file).st_size
        if size > MAX_BYTES:
            raise UnreadableFile(f"its {size / 1e6:.0f} MB are more than {MAX_BYTES / 1e6:.0f}")
        content = file.read_bytes()
        document = json.loads(content)
        if _HALF.search(content):  # no text that holds one can be stored or sent: it becomes a question mark
            document = json.loads(json.dumps(document, ensure_ascii=False).encode("utf-8", "replace"))
        return document
    except json.JSONDecodeError as fault:
        raise UnreadableFile(f"broken JSON: {fault.msg} in line {fault.lineno}, column {fault.colno}") from None
    except UnicodeDecodeError as fault:
        raise UnreadableFile(f"broken JSON: no {fault.encoding.upper()} from byte {fault.start} on") from None
    except RecursionError:
        raise UnreadableFile("broken JSON: nested too deep") from None
    except OSError as fault:
        raise UnreadableFile(f"it cannot be read: {fault.strerror}") from None
    except ValueError as fault:  # a number of more digits than Python takes
        raise UnreadableFile(str(fault)) from None
    except MemoryError:
        raise UnreadableFile("there is not enough memory to read it") from None


def _is_item(document: Any) -> bool:
    """Whether a document means to be a STAC item, sound or not."""
    if not isinstance(document, Mapping):
        return False
    return (document.get("type") == "Feature" and ("stac_version" in document or "assets" in document)) or (
        "assets" in document and "properties" in document and ("geometry" in document or "bbox" in document)
    )
