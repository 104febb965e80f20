"""exactextract as the oracle of pixel coverage and of weighted statistics."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from exactextract import exact_extract
from exactextract.raster import NumPyRasterSource
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from scog.geo.grid import Grid

OPERATIONS = {
    "mean": ("mean", "mean"), "median": ("median", "median"), "std": ("stdev", "stdev"), "min": ("min", "min"),
    "max": ("max", "max"), "p10": ("quantile(q=0.1)", "quantile_10"), "p25": ("quantile(q=0.25)", "quantile_25"),
    "p75": ("quantile(q=0.75)", "quantile_75"), "p90": ("quantile(q=0.9)", "quantile_90"), "count": ("count", "count"),
}  # fmt: skip
"""By statistic: exactextract's operation, and its name in the result."""


def coverage(grid: Grid, polygons: BaseGeometry) -> NDArray[np.float64]:
    """The share of each pixel inside polygons in the grid's CRS `(y, x)`."""
    (result,) = _extract(np.zeros(grid.shape), grid, polygons, ["cell_id", "coverage"])
    shares = np.zeros(grid.height * grid.width)
    shares[np.asarray(result["cell_id"], int)] = result["coverage"]
    return shares.reshape(grid.shape)


def zonal(values: NDArray[Any], grid: Grid, polygons: BaseGeometry) -> dict[str, float]:
    """Statistics of values on a grid, where NaN is invalid."""
    (result,) = _extract(values, grid, polygons, [operation for operation, _ in OPERATIONS.values()])
    return {name: float(result[result_name]) for name, (_, result_name) in OPERATIONS.items()}


def exact_statistics(
    values: NDArray[Any], grid: Grid, polygons: BaseGeometry, operations: list[str]
) -> dict[str, float]:
    """Results of exactextract's operations on values on a grid, by exactextract's names."""
    (result,) = _extract(values, grid, polygons, operations)
    return {name: float(value) for name, value in result.items()}


def _extract(values: NDArray[Any], grid: Grid, polygons: BaseGeometry, operations: list[str]) -> list[Any]:
    west, south, east, north = grid.bounds
    source = NumPyRasterSource(values, xmin=west, ymin=south, xmax=east, ymax=north, nodata=np.nan)
    feature = {"type": "Feature", "properties": {}, "geometry": shapely.geometry.mapping(polygons)}
    return [each["properties"] for each in exact_extract(source, feature, operations)]
