"""Ground control points: georeferencing by a polynomial fitted to points, as `gdalwarp` does by default.

The order is GDAL's: 1 for up to five points, 2 for more; a least-squares fit for each direction
(`GDALCreateGCPTransformer`, alg/gdal_crs.cpp). A polynomial of order 1 is an affine transform.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray

MIN_POINTS = 3
"""Minimum number of points for a polynomial."""
MIN_POINTS_OF_ORDER_2 = 6
"""Minimum number of points for a polynomial of order 2, as in GDAL."""

Floats = NDArray[np.float64]
Point = tuple[float, float, float, float]
"""Column and row in pixels from the raster's corner, x and y in CRS units."""


@dataclass(frozen=True)
class PolynomialPair:
    """Two polynomials of order 1 or 2 in two variables, which are shifted by `centre` and divided by `scale` first.

    `coefficients` are those of 1, u, v and, for order 2, of u * u, u * v, v * v; one tuple per polynomial.
    """

    centre: tuple[float, float]
    scale: tuple[float, float]
    coefficients: tuple[tuple[float, ...], tuple[float, ...]]

    def __call__(self, u: Any, v: Any) -> tuple[Any, Any]:
        """Values of both polynomials at one point or many."""
        u, v = (u - self.centre[0]) / self.scale[0], (v - self.centre[1]) / self.scale[1]
        first, second = self.coefficients
        terms = [1.0, u, v, u * u, u * v, v * v][: len(first)]
        return (
            sum(c * term for c, term in zip(first, terms, strict=True)),
            sum(c * term for c, term in zip(second, terms, strict=True)),
        )


@dataclass(frozen=True)
class PolynomialTransform:
    """Pixel positions of a raster that no affine transform describes.

    `to_crs` (pixels to CRS units) and `to_pixel` (CRS units to pixels) are fitted separately, as in GDAL: they are only
    approximately inverse, and `to_pixel` decides which pixel a point shows. `zoom` is the number of pixels of the
    fitted raster per pixel of this one, in x and y, if this one is an overview of it.
    """

    to_crs: PolynomialPair
    to_pixel: PolynomialPair
    zoom: tuple[float, float] = (1.0, 1.0)

    def xy(self, col: Any, row: Any) -> tuple[Any, Any]:
        """x and y of columns and rows."""
        return self.to_crs(col * self.zoom[0], row * self.zoom[1])

    def colrow(self, x: Any, y: Any) -> tuple[Any, Any]:
        """Columns and rows of x and y."""
        col, row = self.to_pixel(x, y)
        return col / self.zoom[0], row / self.zoom[1]


def fit_control_points(points: Sequence[Point], turn: float | None = None) -> tuple[Affine, PolynomialTransform | None]:
    """The affine transform that fits ground control points best, and the curve if there are enough points for order 2.

    `turn` is the length of a full turn around the Earth in x, for CRSs in degrees: points on both sides of the
    antimeridian are then brought together. Raises ValueError if there are too few points, or if they do not determine
    the polynomial.
    """
    values = np.array(points, np.float64).reshape(-1, 4)
    if len(values) < MIN_POINTS or not np.isfinite(values).all():
        raise ValueError(f"{len(values)} ground control points, where at least {MIN_POINTS} finite ones are needed")
    colrow, coordinates = values[:, :2], values[:, 2:]
    if turn is not None and np.ptp(coordinates[:, 0]) > turn / 2:
        coordinates[:, 0] = np.where(coordinates[:, 0] < 0, coordinates[:, 0] + turn, coordinates[:, 0])
    transform = _affine_of(_fit(coordinates, colrow, 1))
    if len(values) < MIN_POINTS_OF_ORDER_2:
        return transform, None
    return transform, PolynomialTransform(_fit(colrow, coordinates, 2), _fit(coordinates, colrow, 2))


def _fit(inputs: Floats, outputs: Floats, order: int) -> PolynomialPair:
    """Least-squares polynomials from one pair of variables `(point, 2)` to another.

    Raises ValueError if the points do not determine them.
    """
    centre = inputs.mean(axis=0)
    scale = np.abs(inputs - centre).max(axis=0)
    if not scale.all():
        raise ValueError("the ground control points are on one line")
    u, v = ((inputs - centre) / scale).T
    terms = np.stack([np.ones_like(u), u, v, u * u, u * v, v * v][: 3 if order == 1 else 6], axis=1)
    solution, _, rank, _ = np.linalg.lstsq(terms, outputs, rcond=1e-10)
    if rank < terms.shape[1]:
        raise ValueError(f"the ground control points do not determine a polynomial of order {order}")
    first, second = (tuple(map(float, column)) for column in solution.T)
    return PolynomialPair((float(centre[0]), float(centre[1])), (float(scale[0]), float(scale[1])), (first, second))


def _affine_of(to_pixel: PolynomialPair) -> Affine:
    """The affine transform from pixels to CRS units, the inverse of a fit of order 1 from CRS units to pixels."""
    (c, a, b), (f, d, e) = to_pixel.coefficients
    (x, y), (x_scale, y_scale) = to_pixel.centre, to_pixel.scale
    a, b, d, e = a / x_scale, b / y_scale, d / x_scale, e / y_scale
    inverse = Affine(a, b, c - a * x - b * y, d, e, f - d * x - e * y)
    if not inverse.determinant:
        raise ValueError("the ground control points are on one line")
    return Affine(*tuple(~inverse)[:6])
