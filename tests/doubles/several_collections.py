"""An archive of several collections with built-in profiles at one place: Sentinel-2, Landsat, Sentinel-1 and a DEM."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.doubles.archives import L2A, MadeScene, Square

PLACE = Square("32TQK", 32632, 700_000, 5_000_040, 600)
DEM = "cop-dem-glo-30"
LANDSAT = "landsat-c2-l2"
RADAR = "sentinel-1-rtc"


def write_archive(folder: Path) -> None:
    """Write the archive: two dates of each collection, one of the DEM."""
    rows, cols = np.indices((PLACE.size, PLACE.size)) / PLACE.size
    hills = np.sin(9 * cols) * np.cos(7 * rows) + 0.4 * np.sin(23 * rows + 17 * cols)
    for day in (2, 12):
        green = hills + 0.05 * day
        optical = {"red": _stored(1800 - 400 * green), "nir": _stored(2500 + 900 * green)}
        optical |= {"green": _stored(1700 - 200 * green), "blue": _stored(1500 - 200 * green)}
        optical["rededge1"] = _stored(2000 + 300 * green)
        classes = np.where(hills[::2, ::2] > 1.1, 9, 4).astype(np.uint8)
        _write(folder, f"S2_{day}", L2A, f"2024-06-{day:02}T10:10:31Z", optical | {"scl": classes})
        landsat = {"red": _stored(9000 - 900 * green), "nir08": _stored(14000 + 3000 * green)}
        landsat |= {"lwir11": _stored(44_000 + 2000 * hills), "qa_pixel": _stored(np.full(hills.shape, 1 << 6))}
        _write(folder, f"LC09_{day}", LANDSAT, f"2024-05-{day:02}T09:50:00Z", landsat)
        radar = {"vv": np.float32(0.1 * np.exp(hills)), "vh": np.float32(0.02 * np.exp(hills))}
        _write(folder, f"S1_{day}", RADAR, f"2024-06-{day + 1:02}T17:10:00Z", radar)
    _write(folder, "dem", DEM, "2021-04-22T00:00:00Z", {"data": np.float32(700 + 300 * hills)})


def _stored(values: NDArray[np.float64]) -> NDArray[np.uint16]:
    return values.round().astype(np.uint16)


def _write(folder: Path, name: str, collection: str, time: str, bands: dict[str, NDArray[np.generic]]) -> None:
    cloud_cover = 10.0 if collection in (L2A, LANDSAT) else None
    MadeScene(name, PLACE, time, bands, collection=collection, cloud_cover=cloud_cover).write(folder)
