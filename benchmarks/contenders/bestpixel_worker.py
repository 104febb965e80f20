"""bestpixel: its best-pixel composite of all scenes over the tile's area.

It cannot draw a map tile: its grid is UTM at any resolution, with bilinear resampling. Therefore its pixels are not
compared, only time and bytes for the same area at the same ground resolution. It supports no catalogue but Earth
Search, so the search response is written, as items, into the folder of its documented `disk_cache`, which it reads
first. The folder is new for each request, so nothing else is cached.

It looks for overviews in SubIFDs only. GDAL, and therefore Earth Search, writes them as successive IFDs, so it reads
full resolution at every zoom. Comparisons are fair at zooms that need full resolution, 13 and above.
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
"""Maximum cloud cover in percent: all given scenes count."""


class Bestpixel(Contender):
    """Adaptive depth and windowed reads, as its README recommends for few bytes."""

    distributions = ("bestpixel", "numpy")

    def __init__(self) -> None:
        self.chosen = 0

    def best(self, work: Work) -> Values:
        """The formula over the composite's bands, on bestpixel's UTM grid."""
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
        """The number of scenes that it chose to read."""
        return {"scenes": self.chosen}


def degrees(work: Work) -> tuple[float, float, float, float]:
    """A tile's west, south, east and north in degrees."""
    west, south, east, north = (2 * math.pi * metres / WORLD for metres in work.bounds)
    lat = (2 * math.atan(math.exp(angle)) - math.pi / 2 for angle in (south, north))
    south, north = (math.degrees(angle) for angle in lat)
    return math.degrees(west), south, math.degrees(east), north


def answer_search(folder: Path, bounds: tuple[float, ...], items: list[dict[str, Any]]) -> None:
    """Write the response to a search, under the file name that bestpixel's `disk_cache.rs` gives it."""
    key = hashlib.sha1(b"schema:1\0" + CATALOGUE.encode() + b"\0" + COLLECTION.encode() + b"\0")
    key.update(struct.pack("<4d", *bounds) + DATES.encode() + b"\0" + struct.pack("<d", CLOUDS))
    (folder / "search").mkdir()
    (folder / "search" / f"{key.hexdigest()}.json").write_text(json.dumps({"schema": 1, "data": items}))


if __name__ == "__main__":
    run(Bestpixel())
