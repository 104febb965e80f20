"""Making the demo archive: folders, files, progress."""

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
from scog.demo.lock import alone
from scog.demo.passes import PASSES, Pass, Strip
from scog.demo.place import SQUARES, WEST, Square, footprint
from scog.errors import InvalidInput

GENERATOR = "scog demo"
VERSION = 2  # of what is drawn and how it is stored: raise it with every change of either
MARKER = "archive.json"
INDEX = "scog-index.sqlite"
"""What `scog.catalog.archive` keeps beside the items of an archive that it serves; the name begins so."""
Progress = Callable[[int, int, str], None]


def _silent(done: int, total: int, what: str) -> None:
    """Progress that nobody wants to see."""


def is_complete(folder: Path) -> bool:
    """True if a whole archive of this version is there. The marker is written last, so it tells all."""
    return _marker(folder).get("version") == VERSION


def ensure_archive(folder: Path, progress: Progress = _silent) -> bool:
    """Make the archive unless it is there; True if it was made. Raises `InvalidInput` for a stranger's folder."""
    if is_complete(folder):
        return False
    with _alone(folder, progress):
        if is_complete(folder):  # somebody else has made it meanwhile
            return False
        _make(folder, progress)
    return True


def make_archive(folder: Path, progress: Progress = _silent) -> None:
    """Make the archive, in place of an older one if there is one; takes some 20 seconds.

    It grows in a folder beside it (`.partial`) and is renamed in the end, so what carries the name is always whole.
    Of two makers the second waits for the first.
    Raises `InvalidInput` if the folder holds anything else than a demo archive.
    """
    with _alone(folder, progress):
        _make(folder, progress)


def _alone(folder: Path, progress: Progress) -> AbstractContextManager[None]:
    """Hold the folder that the archive is in, which outlives whatever is made there."""
    home = Path(os.path.abspath(folder)).parent
    home.mkdir(parents=True, exist_ok=True)
    return alone(home, lambda: progress(0, 1, "waiting for another that makes one"))


def _make(folder: Path, progress: Progress) -> None:
    folder = Path(os.path.abspath(folder))
    partial = folder.with_name(folder.name + ".partial")
    _refuse_a_strangers(folder)
    if partial.exists() and any(partial.iterdir()):
        _refuse_a_strangers(partial)
    _remove(partial)
    partial.mkdir()
    _write_json(partial / MARKER, _description(version=0))
    _fill(partial, progress)
    _write_json(partial / MARKER, _description(VERSION))
    _remove(folder)
    partial.rename(folder)


def _refuse_a_strangers(folder: Path) -> None:
    if not folder.exists():
        return
    if not _marker(folder):
        reason = f"it has no {MARKER} of one"
    elif strange := sorted({path.name for path in folder.iterdir() if not _is_ours(path.name)}):
        reason = f"{strange[0]} is not part of one"
    else:
        return
    raise InvalidInput(
        f"{folder} exists and is not a demo archive ({reason}); nothing was touched",
        parameter="folder",
        valid="a folder that does not exist yet, or one that holds a demo archive and nothing else",
    )


def _is_ours(name: str) -> bool:
    """Whether a name in the folder is of a demo archive, or of the index that serving it has left there."""
    return name in {MARKER, *(square.collection for square in SQUARES)} or name.startswith(INDEX)


def _remove(folder: Path) -> None:
    """Delete a demo archive, its marker last: should this be interrupted, one can still tell whose it is."""
    for square in SQUARES:
        shutil.rmtree(folder / square.collection, ignore_errors=True)
    if folder.exists():
        for index in folder.glob(INDEX + "*"):
            index.unlink()
        (folder / MARKER).unlink(missing_ok=True)
        folder.rmdir()


def _marker(folder: Path) -> dict[str, Any]:
    """What the marker file says, or nothing if it is not the marker of a demo archive."""
    try:
        marker = json.loads((folder / MARKER).read_bytes())
    except (OSError, ValueError):
        return {}
    return marker if isinstance(marker, dict) and marker.get("generator") == GENERATOR else {}


def _description(version: int) -> dict[str, Any]:
    return {
        "generator": GENERATOR,
        "version": version,
        "title": "Isola Scog: a demo archive",
        "description": "Made-up acquisitions of an island that does not exist, stored as Earth Search stores them. "
        "Nothing here was measured: do not use it for anything but trying out scog.",
    }


def _fill(folder: Path, progress: Progress) -> None:
    """Draw both squares, then write every acquisition of each; threads, since numpy and GDAL let each other run."""
    wanted = [(flight, strip, square) for square in SQUARES for flight in PASSES for strip in flight.strips]
    total = len(wanted) + len(SQUARES)
    for square in SQUARES:
        (folder / square.collection).mkdir()
        _write_json(folder / square.collection / "collection.json", _collection(square))
    with ThreadPoolExecutor(os.cpu_count() or 1) as workers:
        progress(0, total, "drawing the island")
        lands = list(workers.map(landscape, SQUARES))
        by_square = dict(zip(SQUARES, lands, strict=True))
        jobs: list[Future[str]] = [
            workers.submit(_write_item, folder, by_square[square], flight, strip) for flight, strip, square in wanted
        ]
        try:
            for done, job in enumerate(as_completed(jobs), start=len(SQUARES) + 1):
                progress(done, total, job.result())
        except BaseException:
            workers.shutdown(cancel_futures=True)
            raise


def _write_item(folder: Path, land: Landscape, flight: Pass, strip: Strip) -> str:
    """Write one acquisition: its files, then the item that names them."""
    square = land.square
    name = item_id(flight, strip, square)
    home = folder / square.collection / name
    home.mkdir()
    picture = acquire(land, flight, strip, stored_offset(square))
    sizes = {}
    for file, numbers in picture.items():
        path = home / f"{file}.tif"
        scaling = (0.0001, -0.1) if square is not WEST and LAYOUTS[file].spectral else None
        write_cog(path, numbers, square, LAYOUTS[file], scaling)
        sizes[file] = path.stat().st_size
    _write_json(home / f"{name}.json", item(flight, strip, square, _counts(picture["SCL"]), sizes))
    return name


def _counts(classes: NDArray[Any]) -> dict[int, int]:
    return {number: int(count) for number, count in enumerate(np.bincount(classes.ravel())) if count}


def _collection(square: Square) -> dict[str, Any]:
    days = [flight.day.isoformat() for flight in PASSES]
    return {
        "type": "Collection",
        "stac_version": "1.0.0",
        "id": square.collection,
        "title": f"Isola Scog (made up), stored as {square.collection}",
        "description": DESCRIPTION,
        "license": "CC0-1.0",
        "extent": {
            "spatial": {"bbox": [list(bbox(footprint(square, ())))]},
            "temporal": {"interval": [[f"{min(days)}T00:00:00Z", f"{max(days)}T23:59:59Z"]]},
        },
        "links": [],
    }


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
