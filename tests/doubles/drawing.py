"""Draws images in synchronous tests: opens an engine, draws, and closes it."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import morecantile

from scog.geo.grid import Grid, tile_grid
from scog.imaging.draw import ImageData, ImageRequest, draw
from scog.imaging.engine import open_engine
from scog.settings import Settings
from tests import profiles
from tests.doubles.archives import Square
from tests.profiles import parse


def image_request(formula: str, mask: str = "clouds", **options: Any) -> ImageRequest:
    """A request for scenes of any cloud cover."""
    return profiles.image_request(parse(formula), mask, **{"cloud_cover": 100.0, **options})


def draw_all(folder: Path, requests: Iterable[tuple[Grid, ImageRequest]], **settings: Any) -> list[ImageData]:
    """Images of an archive, drawn one after the other by one engine."""

    async def work() -> list[ImageData]:
        with tempfile.TemporaryDirectory() as cache:
            async with open_engine(Settings(catalog=str(folder), cache_dir=Path(cache), **settings)) as engine:
                return [await draw(engine, grid, request) for grid, request in requests]

    return asyncio.run(work())


def draw_one(folder: Path, grid: Grid, request: ImageRequest, **settings: Any) -> ImageData:
    return draw_all(folder, [(grid, request)], **settings)[0]


def tile_over(square: Square, z: int, across: float = 0.5, down: float = 0.5, size: int = 256) -> Grid:
    """The web-mercator tile over a point of an MGRS tile, given as fractions of its sides."""
    tile = morecantile.tms.get("WebMercatorQuad").tile(*square.lonlat(across, down), z)
    return tile_grid(tile.z, tile.x, tile.y, size)
