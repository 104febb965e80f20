"""A small archive of many dates, its time series in synchronous tests, and an oracle by NumPy."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from pyproj import Transformer

from scog.geo.grid import Grid
from scog.imaging.engine import open_engine
from scog.imaging.request import ImageRequest
from scog.products.areas.area_of_interest import AreaOfInterest, parse_areas
from scog.products.timeseries.series import Listener, Series, sample_series
from scog.products.timeseries.state import SeriesState
from scog.settings import Settings
from scog.temporal.intervals import parse_interval
from tests import profiles
from tests.doubles.archives import C1, CLOUDY, L2A, MadeScene, Square
from tests.profiles import variables_of

SQUARE = Square("32TQK", 32632, 700_020, 5_000_040, 300)
GRID = Grid(SQUARE.crs, Affine(10, 0, SQUARE.left, 0, -10, SQUARE.top), SQUARE.size, SQUARE.size)
DAYS = ("2024-01-05", "2024-02-19", "2024-04-01", "2024-05-11", "2024-06-10", "2024-06-25", "2024-07-15", "2024-09-03")
STRIPS, OVERCAST, PARTLY_COVERED, OFFSET = DAYS[3], DAYS[4], DAYS[5], DAYS[6]
"""Dates with two datastrips, full cloud cover, partial coverage, and 1000 added to the stored numbers."""


def scenes() -> list[MadeScene]:
    """Scenes of random values and random clouds; the mean differs by date."""
    scene_list = []
    for number, day in enumerate(DAYS):
        parts = ("N", "S") if day == STRIPS else ("",)
        for part in parts:
            rng = np.random.default_rng([number, len(part), ord(part or "A")])
            level = 400 + 350 * abs(4 - number)
            red = rng.integers(level, level + 600, (SQUARE.size,) * 2).astype(np.uint16)
            nir = rng.integers(2500 - level // 2, 4500, (SQUARE.size,) * 2).astype(np.uint16)
            scl = _patches(rng, [4, 5, 5, 4, 8, 9, 3, 7])
            if day == OVERCAST:
                scl[:] = 9
            if day == OFFSET:
                red, nir = red + np.uint16(1000), nir + np.uint16(1000)
            missing = np.zeros(red.shape, bool)
            missing[{"N": slice(170, None), "S": slice(0, 130)}.get(part, slice(0, 0))] = True
            if day == PARTLY_COVERED:
                missing[:, :120] = True
            red[missing] = nir[missing] = 0
            if day == DAYS[0]:
                red[190:230, 190:230] = 0  # nodata in one band only: the classification has a class there
            scl[missing[::2, ::2]] = 0
            second = 31 if part != "S" else 38
            scene_list.append(
                MadeScene(
                    f"S2A_32TQK_{day.replace('-', '')}_{'SN'.find(part) if part else 0}_L2A",
                    SQUARE,
                    f"{day}T10:10:{second}Z",
                    {"red": red, "nir": nir, "scl": scl},
                    collection=C1 if day == OFFSET else L2A,
                    orbit=100 + number,
                    cloud_cover=100.0 if day == OVERCAST else 20.0 + number,
                )
            )
    return scene_list


def cloudy_pixels(scene_list: Sequence[MadeScene]) -> Mapping[str, NDArray[np.bool_]]:
    """By date, where the classification of any datastrip has clouds or shadows `(y, x)`."""
    cloudy: dict[str, NDArray[np.bool_]] = {}
    for scene in scene_list:
        with rasterio.open(scene.files["scl"]) as scl:
            classes = np.kron(scl.read(1), np.ones((2, 2), np.uint8))
        masked = np.isin(classes, CLOUDY) & (classes > 0)
        cloudy[scene.time[:10]] = cloudy.get(scene.time[:10], False) | masked
    return cloudy


def _patches(rng: np.random.Generator, classes: list[int]) -> NDArray[np.uint8]:
    """Classes at 20 m in patches of 200 m."""
    return np.kron(rng.choice(classes, (15, 15)), np.ones((10, 10))).astype(np.uint8)


def expected_ndvi(scene_list: Sequence[MadeScene], masked: Sequence[int] = CLOUDY) -> Mapping[str, NDArray[np.float64]]:
    """NDVI by date `(y, x)`, NaN where no usable value exists; the first usable datastrip wins."""
    ndvi: dict[str, NDArray[np.float64]] = {}
    for scene in sorted(scene_list, key=lambda scene: (scene.time, scene.id)):
        with rasterio.open(scene.files["red"]) as red, rasterio.open(scene.files["nir"]) as nir:
            numbers = [each.read(1).astype(float) for each in (red, nir)]
        with rasterio.open(scene.files["scl"]) as scl:
            classes = np.kron(scl.read(1), np.ones((2, 2), np.uint8))
        usable = (numbers[0] > 0) & (numbers[1] > 0) & (classes > 0) & ~np.isin(classes, masked)
        shift = 0.1 if scene.collection == C1 else 0.0
        low, high = (np.maximum(each * 1e-4 - shift, 0) for each in numbers)
        day = ndvi.setdefault(scene.time[:10], np.full(usable.shape, np.nan))
        new = usable & np.isnan(day)
        day[new] = ((high - low) / np.where(high + low > 0, high + low, np.nan))[new]
    return ndvi


def ring_lonlat(*points: tuple[float, float]) -> list[list[float]]:
    """Columns and rows of the MGRS tile's pixels as a closed ring in degrees."""
    to_degrees = Transformer.from_crs(SQUARE.epsg, 4326, always_xy=True)
    ring = [list(map(float, to_degrees.transform(*GRID.at(*point)))) for point in points]
    return [*ring, ring[0]]


def polygon(*points: tuple[float, float]) -> dict[str, Any]:
    """A GeoJSON polygon whose corners are columns and rows of the MGRS tile."""
    return {"type": "Polygon", "coordinates": [ring_lonlat(*points)]}


def lonlat(col: float, row: float) -> tuple[float, float]:
    """Longitude and latitude of a column and row."""
    lon, lat = ring_lonlat((col, row))[0]
    return lon, lat


def areas_of(*geometries: Mapping[str, Any]) -> list[AreaOfInterest]:
    return [parse_areas(dict(geometry), 1, 10_000).areas[0] for geometry in geometries]


def image_request(mask: str = "clouds", when: str = "../..", **options: Any) -> ImageRequest:
    defaults = {"cloud_cover": 100.0, "interval": parse_interval(when)}
    return profiles.image_request(variables_of().expression, mask, **{**defaults, **options})


async def sample_series_in(
    state: SeriesState,
    fields: Sequence[AreaOfInterest],
    index: str = "ndvi",
    listener: Listener | None = None,
    **options: Any,
) -> list[Series]:
    return await sample_series(state, fields, variables_of(index), image_request(**options), listener)


def series_of(folder: Path, fields: Sequence[AreaOfInterest], index: str = "ndvi", **options: Any) -> list[Series]:
    """Time series of an archive, computed by a new engine; `settings` are the engine's."""
    settings = options.pop("settings", {})

    async def work() -> list[Series]:
        with tempfile.TemporaryDirectory() as cache:
            async with open_engine(Settings(catalog=str(folder), cache_dir=Path(cache), **settings)) as engine:
                return await sample_series_in(SeriesState(engine), fields, index, **options)

    return asyncio.run(work())
