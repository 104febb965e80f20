"""rio-tiler: `Reader.tile` of each file in threads, `mosaic_reader` for images of several scenes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.crs import CRS
from rio_tiler.io import Reader
from rio_tiler.models import ImageData
from rio_tiler.mosaic import mosaic_reader
from rio_tiler.tasks import multi_arrays

from benchmarks.contenders.exchange import Contender, run
from benchmarks.contenders.gdal import configure
from benchmarks.contenders.work import Plot, Values, Work, reflectance

THREADS = 32
"""Concurrent reads, which mostly wait for the network. The default is five times the cores."""


def read(url: str, work: Work) -> ImageData:
    """A tile of one file, nearest neighbour."""
    with Reader(url) as source:
        return source.tile(work.x, work.y, work.z, tilesize=256)


def numbers(url: str, plot: Plot) -> NDArray[Any]:
    """Stored numbers of one file on a plot, nearest neighbour."""
    crs = CRS.from_epsg(plot.epsg)
    with Reader(url) as source:
        if plot.side == 1:
            return source.point(*plot.middle, coord_crs=crs).array.filled(0)
        size = {"width": plot.side, "height": plot.side}
        return source.part(plot.bounds, bounds_crs=crs, dst_crs=crs, **size).array[0].filled(0)


class RioTiler(Contender):
    """Files are opened for each tile, as in its documentation; GDAL's caches persist between tiles."""

    distributions = ("rio-tiler", "rasterio", "numpy")

    def __init__(self) -> None:
        configure()
        self.pool = ThreadPoolExecutor(THREADS)

    def tile(self, work: Work) -> Values:
        """The bands of a scene are read concurrently; scenes are combined by `mosaic_reader`."""

        def scene(assets: dict[str, str]) -> ImageData:
            return multi_arrays([assets[band] for band in work.bands], read, work, threads=len(work.bands))

        assets = [each["assets"] for each in work.scenes]
        image = scene(assets[0]) if len(assets) == 1 else mosaic_reader(assets, scene, threads=THREADS)[0]
        return work.values(reflectance(image.array.filled(0)))

    def median(self, work: Work) -> Values:
        """All files of all scenes are read concurrently; its mosaic methods support neither formulas nor masks."""
        band_names = (*work.bands, "scl")
        urls = [scene["assets"][band] for scene in work.scenes for band in band_names]
        read_all = iter(self.pool.map(read, urls, [work] * len(urls)))

        def values(bands: list[Any]) -> Values:
            return work.masked(work.values([reflectance(each) for each in bands[:-1]]), bands[-1])

        scenes = [[next(read_all).array[0].filled(0) for _ in band_names] for _ in work.scenes]
        return work.composed(np.stack([values(bands) for bands in scenes]))

    def series(self, plot: Plot) -> Values:
        """All files of all scenes are read concurrently: `point`, or `part` on the plot's pixels."""
        band_names = (*plot.bands, "scl")
        urls = [scene["assets"][band] for scene in plot.scenes for band in band_names]
        read_all = iter(self.pool.map(numbers, urls, [plot] * len(urls)))
        return np.array([plot.mean(*(next(read_all) for _ in band_names)) for _ in plot.scenes], np.float32)

    def close(self) -> None:
        """Stop the threads."""
        self.pool.shutdown()


if __name__ == "__main__":
    run(RioTiler())
