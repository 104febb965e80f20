"""bestpixel: its best-pixel composite of all scenes over the tile's area.

It cannot be asked for a tile: its grid is UTM, of any resolution, and its resampling bilinear. So its pixels are not
compared; what is, are time and bytes for the same area at the same size of pixels on the ground. Its catalogue is
Earth Search and nothing else, so what that would have answered is put, as items, into the folder of its documented
`disk_cache`, where it looks first. That folder is new for each request: nothing else comes out of it.

It looks for overviews in SubIFDs only. In files as GDAL writes them, and Earth Search's are, they follow each other
instead, so it reads full size at every zoom; fair to compare are the zooms that need full size, 13 and above.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import bestpixel
import numpy as np

from benchmarks.contenders.exchange import Contender, run
from benchmarks.contenders.item import item
from benchmarks.contenders.work import WORLD, Values, Work, reflectance

CATALOGUE, COLLECTION = "https://earth-search.aws.element84.com/v1", "sentinel-2-l2a"
DATES = "2000-01-01/2100-01-01"
CLOUDS = 100.0
"""Highest cloud cover asked for, in percent: all scenes that were handed over count."""


class Bestpixel(Contender):
    """Adaptive depth and windowed reads, as its README advises for few bytes."""

    distributions = ("bestpixel", "numpy")

    def __init__(self) -> None:
        self.chosen = 0

    def best(self, work: Work) -> Values:
        """The formula of the composite's bands, on its own UTM grid."""
        bounds = degrees(work)
        with TemporaryDirectory() as folder:
            answer_search(Path(folder), bounds, [item(scene) for scene in work.scenes])
            composite = bestpixel.build_composite(
                bbox=bounds,
                datetime=DATES,
                resolution=work.resolution * math.cos(math.radians((bounds[1] + bounds[3]) / 2)),
                max_cloud_cover=CLOUDS,
                endpoint="earth-search",
                disk_cache=folder,
                bands=list(work.bands),
                coverage_target=0.95,
                min_k=1,
                max_k=8,
                windowed_fetch=True,
            )
        self.chosen = len(composite["source_ids"])
        return work.values([reflectance(np.asarray(composite["bands"][band])) for band in work.bands])

    def note(self) -> dict[str, Any]:
        """How many scenes it chose to read."""
        return {"scenes": self.chosen}


def degrees(work: Work) -> tuple[float, float, float, float]:
    """West, south, east, north of a tile in degrees."""
    west, south, east, north = (2 * math.pi * metres / WORLD for metres in work.bounds)
    lat = (2 * math.atan(math.exp(angle)) - math.pi / 2 for angle in (south, north))
    south, north = (math.degrees(angle) for angle in lat)
    return math.degrees(west), south, math.degrees(east), north


def answer_search(folder: Path, bounds: tuple[float, ...], items: list[dict[str, Any]]) -> None:
    """Store what a search will be answered with, under the name that its `disk_cache.rs` gives it."""
    key = hashlib.sha1(b"schema:1\0" + CATALOGUE.encode() + b"\0" + COLLECTION.encode() + b"\0")
    key.update(struct.pack("<4d", *bounds) + DATES.encode() + b"\0" + struct.pack("<d", CLOUDS))
    (folder / "search").mkdir()
    (folder / "search" / f"{key.hexdigest()}.json").write_text(json.dumps({"schema": 1, "data": items}))


if __name__ == "__main__":
    run(Bestpixel())
