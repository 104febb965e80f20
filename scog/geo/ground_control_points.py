"""Ground control points: a raster's place by a polynomial through known places, as `gdalwarp` takes it by default.

The order is GDAL's: 1 for up to five points, 2 for more; a least-squares fit in each direction
(`GDALCreateGCPTransformer`, alg/gdal_crs.cpp). Of order 1 it is an affine transform.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray

FEWEST, FEWEST_OF_ORDER_2 = 3, 6
"""Points that a polynomial takes, and from how many on GDAL takes one of order 2."""

Floats = NDArray[np.float64]
Point = tuple[float, float, float, float]
"""Column and row in pixels from the raster's corner, x and y in CRS units."""


@dataclass(frozen=True)
class Fit:
    """Polynomials of order 1 or 2 of two variables, which are taken less `centre` and divided by `scale`.

    `coefficients` are those of 1, u, v and, in order 2, of u * u, u * v, v * v; of both results.
    """

    centre: tuple[float, float]
    scale: tuple[float, float]
    coefficients: tuple[tuple[float, ...], tuple[float, ...]]

    def __call__(self, u: Any, v: Any) -> tuple[Any, Any]:
        """Both results at one place or many."""
        u, v = (u - self.centre[0]) / self.scale[0], (v - self.centre[1]) / self.scale[1]
        first, second = self.coefficients
        terms = [1.0, u, v, u * u, u * v, v * v][: len(first)]
        return (
            sum(c * term for c, term in zip(first, terms, strict=True)),
            sum(c * term for c, term in zip(second, terms, strict=True)),
        )


@dataclass(frozen=True)
class Curve:
    """Where the pixels of a raster lie that no affine transform places.

    `to_place` and `to_pixel` are fitted each by itself, as in GDAL: one after the other they lead back nearly, and for
    what a place shows `to_pixel` counts. `zoom` is how many pixels of the raster that was fitted make one of this one,
    across and down, which is an overview of it.
    """

    to_place: Fit
    to_pixel: Fit
    zoom: tuple[float, float] = (1.0, 1.0)

    def places(self, col: Any, row: Any) -> tuple[Any, Any]:
        """x and y of columns and rows."""
        return self.to_place(col * self.zoom[0], row * self.zoom[1])

    def pixels(self, x: Any, y: Any) -> tuple[Any, Any]:
        """Columns and rows of places."""
        col, row = self.to_pixel(x, y)
        return col / self.zoom[0], row / self.zoom[1]


def placed_by(points: Sequence[Point], turn: float | None = None) -> tuple[Affine, Curve | None]:
    """The affine transform that comes nearest to ground control points, and the curve where that is not all.

    `turn` is once around the Earth in x, where x are longitudes: points on both sides of the antimeridian are put side
    by side. Raises ValueError where the points are too few, or do not say where all of the raster lies.
    """
    found = np.array(points, np.float64).reshape(-1, 4)
    if len(found) < FEWEST or not np.isfinite(found).all():
        raise ValueError(f"{len(found)} ground control points, where it takes {FEWEST}")
    pixels, places = found[:, :2], found[:, 2:]
    if turn is not None and np.ptp(places[:, 0]) > turn / 2:
        places[:, 0] = np.where(places[:, 0] < 0, places[:, 0] + turn, places[:, 0])
    transform = _affine(_fitted(places, pixels, 1))
    if len(found) < FEWEST_OF_ORDER_2:
        return transform, None
    return transform, Curve(_fitted(pixels, places, 2), _fitted(places, pixels, 2))


def _fitted(of: Floats, to: Floats, order: int) -> Fit:
    """The polynomials of one pair of variables that come nearest to another pair. Raises ValueError."""
    centre = of.mean(axis=0)
    scale = np.abs(of - centre).max(axis=0)
    if not scale.all():
        raise ValueError("the ground control points lie on one line")
    u, v = ((of - centre) / scale).T
    terms = np.stack([np.ones_like(u), u, v, u * u, u * v, v * v][: 3 if order == 1 else 6], axis=1)
    solution, _, rank, _ = np.linalg.lstsq(terms, to, rcond=1e-10)
    if rank < terms.shape[1]:
        raise ValueError(f"the ground control points do not suffice for a polynomial of order {order}")
    first, second = (tuple(map(float, column)) for column in solution.T)
    return Fit((float(centre[0]), float(centre[1])), (float(scale[0]), float(scale[1])), (first, second))


def _affine(to_pixel: Fit) -> Affine:
    """From pixels to places, of a fit of order 1 from places to pixels."""
    (c, a, b), (f, d, e) = to_pixel.coefficients
    (x, y), (wide, high) = to_pixel.centre, to_pixel.scale
    a, b, d, e = a / wide, b / high, d / wide, e / high
    inverse = Affine(a, b, c - a * x - b * y, d, e, f - d * x - e * y)
    if not inverse.determinant:
        raise ValueError("the ground control points lie on one line")
    return Affine(*tuple(~inverse)[:6])
