"""A landscape for the golden images: fields, forest, a lake and a town, under a clear and a cloudy sky."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer

from tests.doubles.archives import MadeScene, Square

WEST = Square("32TQS", 32632, 727000, 5150000, 500)
EAST = Square("33TTM", 32633, 270500, 5150200, 500)
CLEAR, CLOUDY = "2022-06-05", "2022-06-10"
# Stored numbers of water, forest, meadow, field, soil and cloud.
REFLECTANCE = {
    "blue": (500, 250, 400, 500, 900, 5000),
    "green": (450, 400, 800, 800, 1100, 5100),
    "red": (300, 250, 500, 1000, 1500, 5200),
    "nir": (150, 2600, 4200, 2600, 2200, 5600),
}
CLASSES = (6, 4, 4, 5, 5, 9)
WATER, FOREST, MEADOW, FIELD, SOIL, CLOUD = range(6)


def write(folder: Path) -> list[MadeScene]:
    """Write both MGRS tiles on a clear day and on a later cloudy day."""
    return [
        MadeScene(f"{square.name}-{day}", square, f"{day}T10:20:3{number}Z", bands(square, day), orbit=int(day[-2:]))
        .write(folder)
        for day in (CLEAR, CLOUDY)
        for number, square in enumerate((WEST, EAST))
    ]  # fmt: skip


def bands(square: Square, day: str) -> dict[str, NDArray[Any]]:
    x, y = metres(square)
    cover = covered(x, y)
    shade = 1 + 0.15 * np.sin(x / 90) * np.sin(y / 130)
    if day == CLOUDY:
        cover[np.hypot(x + 1000, (y - 250) * 1.5) < 500] = CLOUD
        cover[np.hypot(x - 1500, (y - 1500) * 0.7) < 700] = CLOUD
    arrays: dict[str, NDArray[Any]] = {}
    for band, numbers in REFLECTANCE.items():
        arrays[band] = np.round(np.array(numbers)[cover] * shade + 3 * int(day[-2:])).astype(np.uint16)
    half = square.size // 2
    largest = cover.reshape(half, 2, half, 2).max(
        axis=(1, 3)
    )  # cloud is the largest number, so one 10 m pixel is enough
    arrays["scl"] = np.array(CLASSES, np.uint8)[largest]
    return arrays


def covered(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.int64]:
    """Land cover (see `WATER` and following) at coordinates in metres from the centre."""
    parcel = np.floor(x / 310) * 7 + np.floor(y / 230) * 3
    cover: NDArray[np.int64] = np.array([MEADOW, FIELD, MEADOW, SOIL, FIELD])[parcel.astype(int) % 5]
    bank = 700 + 400 * np.sin(x / 900)
    cover[(y > bank) & (y < bank + 1100)] = FOREST
    cover[np.hypot((x + 300) / 2, y + 500) < 420] = WATER
    return cover


def metres(square: Square) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Metres east and north of 12 E, 46.43 N, of each pixel centre: a place has the same values in both tiles."""
    frame = "+proj=tmerc +lat_0=46.43 +lon_0=12 +ellps=WGS84"
    at = (np.arange(square.size) + 0.5) * 10
    east, north = np.meshgrid(square.left + at, square.top - at)
    x, y = Transformer.from_crs(square.epsg, frame, always_xy=True).transform(east, north)
    return x, y
