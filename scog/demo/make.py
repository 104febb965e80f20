"""Create the demo archive on disk."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scog.demo.acquire import acquire
from scog.demo.cogs import LAYOUTS, write_cog
from scog.demo.items import DESCRIPTION, bbox, item, item_id, stored_offset
from scog.demo.landscape import Landscape, landscape
from scog.demo.lock import exclusive
from scog.demo.mgrs import TILES, WEST, MgrsTile, footprint
from scog.demo.overpasses import OVERPASSES, Overpass, Strip
from scog.errors import InvalidInput

GENERATOR = "scog demo"
VERSION = 2  # of pixels and file layout: increment it with every change of either
MARKER = "archive.json"
INDEX_PREFIX = "scog-index.sqlite"
"""Index files begin with this name. scog writes them to an archive when it serves it."""
INCOMPLETE = 0
"""Version of an archive that is being written."""
Progress = Callable[[int, int, str], None]
"""Progress callback: finished steps, all steps, and the name of the last one."""


def _silent(done: int, total: int, step: str) -> None:
    """Ignore progress."""


def is_complete(folder: Path) -> bool:
    """Whether the folder holds a complete archive of this version; the marker file is written last."""
    return _marker(folder).get("version") == VERSION


def ensure_archive(folder: Path, progress: Progress = _silent) -> bool:
    """Create the archive unless it is complete; returns whether it was created.

    Raises InvalidInput if the folder holds anything but a demo archive.
    """
    if is_complete(folder):
        return False
    with _locked(folder, progress):
        if is_complete(folder):  # created by another process in the meantime
            return False
        _make(folder, progress)
    return True


def make_archive(folder: Path, progress: Progress = _silent) -> None:
    """Create the archive, replacing an existing one; takes about 20 seconds.

    The new archive is written to a `.partial` folder beside it, which replaces the folder when it is complete. If the
    replacement is interrupted, the next call repeats it. Concurrent calls wait for each other.

    Raises InvalidInput if the folder holds anything but a demo archive.
    """
    with _locked(folder, progress):
        _make(folder, progress)


def _locked(folder: Path, progress: Progress) -> AbstractContextManager[None]:
    """Lock the parent folder, since the archive's own folder is replaced."""
    parent = Path(os.path.abspath(folder)).parent
    parent.mkdir(parents=True, exist_ok=True)
    return exclusive(parent, lambda: progress(0, 1, "waiting for another process"))


def _make(folder: Path, progress: Progress) -> None:
    folder = Path(os.path.abspath(folder))
    partial = folder.with_name(folder.name + ".partial")
    _require_demo_archive(folder)
    if partial.exists() and any(partial.iterdir()):
        _require_demo_archive(partial)
    _remove(partial)
    partial.mkdir()
    _write_json(partial / MARKER, _marker_content(INCOMPLETE))
    _fill(partial, progress)
    _write_json(partial / MARKER, _marker_content(VERSION))
    _remove(folder)
    partial.rename(folder)


def _require_demo_archive(folder: Path) -> None:
    """Raise InvalidInput if the folder exists and holds anything but a demo archive, to protect the user's files."""
    if not folder.exists():
        return
    if not _marker(folder):
        reason = f"it has no valid {MARKER}"
    elif foreign := sorted({path.name for path in folder.iterdir() if not _belongs(path.name)}):
        reason = f"{foreign[0]} does not belong to it"
    else:
        return
    raise InvalidInput(
        f"{folder} exists and is not a demo archive ({reason}); nothing was changed",
        parameter="folder",
        valid="a folder that does not exist yet, or one that holds only a demo archive",
    )


def _belongs(name: str) -> bool:
    """Whether a file or folder belongs to a demo archive or to the index created by serving it."""
    return name in {MARKER, *(tile.collection for tile in TILES)} or name.startswith(INDEX_PREFIX)


def _remove(folder: Path) -> None:
    """Delete a demo archive; the marker goes last, so an interrupted deletion leaves a recognisable archive."""
    for tile in TILES:
        shutil.rmtree(folder / tile.collection, ignore_errors=True)
    if folder.exists():
        for index in folder.glob(INDEX_PREFIX + "*"):
            index.unlink()
        (folder / MARKER).unlink(missing_ok=True)
        folder.rmdir()


def _marker(folder: Path) -> dict[str, Any]:
    """Content of the marker file; empty if it is missing or not that of a demo archive."""
    try:
        marker = json.loads((folder / MARKER).read_bytes())
    except (OSError, ValueError):
        return {}
    return marker if isinstance(marker, dict) and marker.get("generator") == GENERATOR else {}


def _marker_content(version: int) -> dict[str, Any]:
    return {
        "generator": GENERATOR,
        "version": version,
        "title": "Isola Scog: a demo archive",
        "description": "Made-up acquisitions of an island that does not exist, stored as Earth Search stores them. "
        "Nothing in it was measured: use it only to try scog.",
    }


def _fill(folder: Path, progress: Progress) -> None:
    """Compute both landscapes, then write all acquisitions; in threads, since numpy and GDAL release the GIL."""
    acquisitions = [(overpass, strip, tile) for tile in TILES for overpass in OVERPASSES for strip in overpass.strips]
    total = len(acquisitions) + len(TILES)
    for tile in TILES:
        (folder / tile.collection).mkdir()
        _write_json(folder / tile.collection / "collection.json", _collection(tile))
    with ThreadPoolExecutor(os.cpu_count() or 1) as workers:
        progress(0, total, "drawing the island")
        lands = list(workers.map(landscape, TILES))
        landscapes = dict(zip(TILES, lands, strict=True))
        jobs: list[Future[str]] = [
            workers.submit(_write_item, folder, landscapes[tile], overpass, strip)
            for overpass, strip, tile in acquisitions
        ]
        try:
            for done, job in enumerate(as_completed(jobs), start=len(TILES) + 1):
                progress(done, total, job.result())
        except BaseException:
            workers.shutdown(cancel_futures=True)
            raise


def _write_item(folder: Path, land: Landscape, overpass: Overpass, strip: Strip) -> str:
    """Write one acquisition, its files first and then its item; returns the item id."""
    tile = land.tile
    name = item_id(overpass, strip, tile)
    item_folder = folder / tile.collection / name
    item_folder.mkdir()
    files = acquire(land, overpass, strip, stored_offset(tile))
    sizes = {}
    for file, values in files.items():
        path = item_folder / f"{file}.tif"
        scaling = (0.0001, -0.1) if tile is not WEST and LAYOUTS[file].spectral else None
        write_cog(path, values, tile, LAYOUTS[file], scaling)
        sizes[file] = path.stat().st_size
    _write_json(item_folder / f"{name}.json", item(overpass, strip, tile, _counts(files["SCL"]), sizes))
    return name


def _counts(classes: NDArray[Any]) -> dict[int, int]:
    """Number of pixels of each class that occurs."""
    return {number: int(count) for number, count in enumerate(np.bincount(classes.ravel())) if count}


def _collection(tile: MgrsTile) -> dict[str, Any]:
    days = [overpass.day.isoformat() for overpass in OVERPASSES]
    return {
        "type": "Collection",
        "stac_version": "1.0.0",
        "id": tile.collection,
        "title": f"Isola Scog (made up), stored as {tile.collection}",
        "description": DESCRIPTION,
        "license": "CC0-1.0",
        "extent": {
            "spatial": {"bbox": [list(bbox(footprint(tile, ())))]},
            "temporal": {"interval": [[f"{min(days)}T00:00:00Z", f"{max(days)}T23:59:59Z"]]},
        },
        "links": [],
    }


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
