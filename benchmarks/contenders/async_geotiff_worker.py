"""async-geotiff, in two variants.

By default, as its README proposes: it reads the window from the suitable overview, and rasterio reprojects the array.
With `--shared-map` it uses scog's index map (`scog.geo`, which that environment imports from this checkout): it fetches
and decodes the blocks that the map needs, and the tile is gathered from them. This measures its reads without a warp,
so that the difference to scog does not include another library's reprojection.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from affine import Affine
from async_geotiff import GeoTIFF, Overview, Window
from numpy.typing import NDArray
from rasterio.warp import Resampling, reproject, transform_bounds

from benchmarks.contenders.exchange import Contender, run
from benchmarks.contenders.stores import store_of
from benchmarks.contenders.work import SIDE, Values, Work, first_valid, reflectance
from scog.geo.grid import Grid
from scog.geo.index_map import IndexMap, index_map
from scog.geo.overview_level import choose_level, target_pixel_size

MERCATOR = "EPSG:3857"
Level = GeoTIFF | Overview
Pixels = NDArray[Any]
Read = Callable[[GeoTIFF, Grid], Awaitable[Pixels]]


@dataclass
class Files:
    """Open files, whose headers were read."""

    opened: dict[str, GeoTIFF] = field(default_factory=dict)

    async def open(self, url: str) -> GeoTIFF:
        """A file whose header is fetched once (32 KB, the default)."""
        if url not in self.opened:
            store, path = store_of(url)
            self.opened[url] = await GeoTIFF.open(path, store=store)
        return self.opened[url]


def crs(file: GeoTIFF) -> str:
    """The file's CRS as an EPSG code."""
    return f"EPSG:{file.crs.to_epsg()}"


def fitting(file: GeoTIFF, target: Grid) -> Level:
    """The coarsest level that is not coarser than the target at the file's centre."""
    levels = [file, *file.overviews]
    centre = file.transform * (file.width / 2, file.height / 2)
    extent = target_pixel_size(target, crs(file), centre)
    return levels[choose_level([abs(level.transform.a) for level in levels], extent)]


async def warped(file: GeoTIFF, target: Grid) -> Pixels:
    """The default variant: the window that the target covers, reprojected by rasterio."""
    result = np.zeros(target.shape, file.dtype)
    level = fitting(file, target)
    left, bottom, right, top = transform_bounds(MERCATOR, crs(file), *target.bounds)
    inverse = ~level.transform
    (first_col, first_row), (last_col, last_row) = inverse * (left, top), inverse * (right, bottom)
    cols = max(0, int(first_col) - 1), min(level.width, int(last_col) + 2)
    rows = max(0, int(first_row) - 1), min(level.height, int(last_row) + 2)
    if cols[0] >= cols[1] or rows[0] >= rows[1]:
        return result
    window = Window(col_off=cols[0], row_off=rows[0], width=cols[1] - cols[0], height=rows[1] - rows[0])
    source = await level.read(window=window)
    reproject(
        source.data[0],
        result,
        src_transform=source.transform,
        src_crs=crs(file),
        src_nodata=0,
        dst_transform=target.transform,
        dst_crs=MERCATOR,
        dst_nodata=0,
        resampling=Resampling.nearest,
    )
    return result


@dataclass
class Mapped:
    """The variant with scog's index map, one for all files that share a grid."""

    maps: dict[tuple[Grid, Grid], IndexMap | None] = field(default_factory=dict)

    async def __call__(self, file: GeoTIFF, target: Grid) -> Pixels:
        """Fetch the blocks that hold pixels of the target, and gather the pixels."""
        level = fitting(file, target)
        source = Grid(crs(file), level.transform, level.width, level.height)
        if (target, source) not in self.maps:
            self.maps[target, source] = index_map(target, source)
        place = self.maps[target, source]
        result = np.zeros(target.shape, file.dtype)
        if place is None:
            return result
        height, width = level.tile_height, level.tile_width
        blocks = sorted(place.blocks((height, width)))
        tiles = await level.fetch_tiles([(col, row) for row, col in blocks])
        window = place.window
        pixels = np.zeros(window.shape, file.dtype)
        for tile in tiles:
            _place(tile.array.data[0], tile.y * height - window.top, tile.x * width - window.left, pixels)
        gathered = pixels.ravel()[place.index]
        if place.inside is not None:
            gathered = np.where(place.inside, gathered, 0)
        result[place.rows, place.cols] = gathered
        return result


def _place(block: Pixels, top: int, left: int, pixels: Pixels) -> None:
    """Copy the part of a block that lies in a window; `top`, `left` is the block's corner in the window."""
    height, width = block.shape
    rows = slice(max(0, top), min(pixels.shape[0], top + height))
    cols = slice(max(0, left), min(pixels.shape[1], left + width))
    pixels[rows, cols] = block[rows.start - top : rows.stop - top, cols.start - left : cols.stop - left]


class AsyncGeotiff(Contender):
    """All files of all scenes are read concurrently in one event loop."""

    distributions = ("async-geotiff", "async-tiff", "obstore", "numpy")

    def __init__(self, read: Read) -> None:
        self.read = read
        self.files = Files()
        self.runner = asyncio.Runner()

    def pixels(self, work: Work, bands: Sequence[str]) -> list[list[Pixels]]:
        """Stored numbers `(y, x)` by scene and band."""
        west, _, _, north = work.bounds
        place = Affine(work.resolution, 0, west, 0, -work.resolution, north)
        target = Grid(MERCATOR, place, SIDE, SIDE)

        async def one(url: str) -> Pixels:
            return await self.read(await self.files.open(url), target)

        async def every() -> list[list[Pixels]]:
            urls = [scene["assets"][band] for scene in work.scenes for band in bands]
            arrays = await asyncio.gather(*(one(url) for url in urls))
            return [list(arrays[at : at + len(bands)]) for at in range(0, len(arrays), len(bands))]

        return self.runner.run(every())

    def tile(self, work: Work) -> Values:
        """The newest scene's values, filled from older ones."""
        scenes = self.pixels(work, work.bands)
        return first_valid([work.values([reflectance(band) for band in bands]) for bands in scenes])

    def median(self, work: Work) -> Values:
        """All scenes are read concurrently."""
        scenes = self.pixels(work, (*work.bands, "scl"))
        layers = [work.masked(work.values([reflectance(band) for band in bands]), scl) for *bands, scl in scenes]
        return work.composed(np.stack(layers))

    def close(self) -> None:
        """Close the event loop."""
        self.runner.close()


if __name__ == "__main__":
    run(AsyncGeotiff(Mapped() if "--shared-map" in sys.argv else warped))
