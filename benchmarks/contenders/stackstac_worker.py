"""stackstac with dask's threads: one `stack` of the requested bands, on the tile's grid."""

from __future__ import annotations

import dask
import numpy as np
import stackstac
from numpy.typing import NDArray
from rasterio.enums import Resampling

from benchmarks.contenders.exchange import Contender, run
from benchmarks.contenders.gdal import configure
from benchmarks.contenders.item import item
from benchmarks.contenders.work import SIDE, Values, Work, first_valid, reflectance

THREADS = 16
"""More than cores, since they wait for the network; dask's default of one per core is slower."""


class Stackstac(Contender):
    """One chunk per scene and band."""

    distributions = ("stackstac", "dask", "rasterio", "numpy")

    def __init__(self) -> None:
        configure()
        dask.config.set(scheduler="threads", num_workers=THREADS)

    def load(self, work: Work, bands: tuple[str, ...]) -> NDArray[np.float32]:
        """Stored numbers `(time, band, y, x)`, oldest first."""
        cube = stackstac.stack(
            [item(scene) for scene in work.scenes],
            assets=list(bands),
            epsg=3857,
            bounds=work.bounds,
            resolution=work.resolution,
            snap_bounds=False,
            chunksize=(1, 1, SIDE, SIDE),
            resampling=Resampling.nearest,
            dtype="float32",
            fill_value=np.float32(0),
            rescale=False,
            xy_coords=False,
        )
        return cube.compute().values[..., :SIDE, :SIDE]

    def tile(self, work: Work) -> Values:
        """The newest scene's values, filled from older ones."""
        cube = reflectance(self.load(work, work.bands))
        return first_valid([work.values(list(bands)) for bands in cube[::-1]])

    def median(self, work: Work) -> Values:
        """Computed in memory after all scenes are loaded."""
        cube = self.load(work, (*work.bands, "scl"))
        classes = cube[:, -1].astype(np.uint8)
        bands = reflectance(cube[:, :-1])
        layers = [work.masked(work.values(list(each)), scl) for each, scl in zip(bands, classes, strict=True)]
        return work.composed(np.stack(layers))


if __name__ == "__main__":
    run(Stackstac())
