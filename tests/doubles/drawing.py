"""Drawing in plain tests: an engine is opened, pictures are drawn, the engine is closed."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import morecantile

from scog.bandmath.expression import parse
from scog.composite.mask import parse_mask
from scog.geo.grid import Grid, tile_grid
from scog.imaging.draw import ImageData, ImageRequest, draw
from scog.imaging.engine import open_engine
from scog.settings import Settings
from tests.doubles.archives import Square


def image_request(formula: str, mask: str = "clouds", **more: Any) -> ImageRequest:
    """What is wanted, clouds and all: no scene is left out for its cloud cover."""
    return ImageRequest(expression=parse(formula), mask=parse_mask(mask), **{"cloud_cover": 100.0, **more})


def draw_all(folder: Path, wanted: Iterable[tuple[Grid, ImageRequest]], **settings: Any) -> list[ImageData]:
    """Pictures of an archive, one after the other by one engine."""

    async def work() -> list[ImageData]:
        with tempfile.TemporaryDirectory() as cache:
            async with open_engine(Settings(catalog=str(folder), cache_dir=Path(cache), **settings)) as engine:
                return [await draw(engine, grid, ask) for grid, ask in wanted]

    return asyncio.run(work())


def draw_one(folder: Path, grid: Grid, ask: ImageRequest, **settings: Any) -> ImageData:
    return draw_all(folder, [(grid, ask)], **settings)[0]


def tile_over(square: Square, z: int, across: float = 0.5, down: float = 0.5, size: int = 256) -> Grid:
    """The tile over a place of a square, given as fractions of its sides."""
    tile = morecantile.tms.get("WebMercatorQuad").tile(*square.lonlat(across, down), z)
    return tile_grid(tile.z, tile.x, tile.y, size)
