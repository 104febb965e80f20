"""odc-stac with dask's threads: `odc.stac.load` straight onto the tile's grid, in chunks of one scene and band."""

from __future__ import annotations

import dask
import numpy as np
import odc.stac
import pystac
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox

from benchmarks.contenders.exchange import Contender, run
from benchmarks.contenders.gdal import configure
from benchmarks.contenders.item import item
from benchmarks.contenders.work import SIDE, Plot, Values, Work, first_valid, reflectance

THREADS = 16
"""More than cores, since they wait for the network; dask's default of one per core is slower."""


class Odc(Contender):
    """Each scene is one time step (`groupby="id"`)."""

    distributions = ("odc-stac", "odc-loader", "dask", "rasterio", "numpy")

    def __init__(self) -> None:
        configure()
        odc.stac.configure_rio(cloud_defaults=True)
        dask.config.set(scheduler="threads", num_workers=THREADS)

    def load(self, work: Work, bands: tuple[str, ...]) -> xr.Dataset:
        """Stored numbers of all scenes, `(time, y, x)` per band, newest first."""
        west, _, _, north = work.bounds
        place = Affine(work.resolution, 0, west, 0, -work.resolution, north)
        cube = odc.stac.load(
            [pystac.Item.from_dict(item(scene)) for scene in work.scenes],
            bands=bands,
            geobox=GeoBox((SIDE, SIDE), place, "EPSG:3857"),
            chunks={"time": 1, "y": SIDE, "x": SIDE},
            groupby="id",
            resampling="nearest",
        )
        return cube.sortby("time", ascending=False).compute()

    def tile(self, work: Work) -> Values:
        """The newest scene's values, filled from older ones after all are loaded."""
        cube = self.load(work, work.bands)
        bands = [reflectance(cube[band].values) for band in work.bands]
        return first_valid([work.values(list(scene)) for scene in zip(*bands, strict=True)])

    def median(self, work: Work) -> Values:
        """Computed in memory after all scenes are loaded."""
        cube = self.load(work, (*work.bands, "scl"))
        bands = [reflectance(cube[band].values) for band in work.bands]
        scenes = zip(*bands, cube["scl"].values, strict=True)
        layers = [work.masked(work.values(list(scene)), classes) for *scene, classes in scenes]
        return work.composed(np.stack(layers))

    def series(self, plot: Plot) -> Values:
        """A cube of the plot's pixels, in chunks of one scene and band."""
        place = Affine(10, 0, plot.west, 0, -10, plot.north)
        cube = odc.stac.load(
            [pystac.Item.from_dict(item(scene)) for scene in plot.scenes],
            bands=(*plot.bands, "scl"),
            geobox=GeoBox((plot.side, plot.side), place, f"EPSG:{plot.epsg}"),
            chunks={"time": 1},
            groupby="id",
            resampling="nearest",
        )
        read = cube.sortby("time", ascending=False).compute()
        scenes = zip(read["red"].values, read["nir"].values, read["scl"].values, strict=True)
        return np.array([plot.mean(*bands) for bands in scenes], np.float32)


if __name__ == "__main__":
    run(Odc())
