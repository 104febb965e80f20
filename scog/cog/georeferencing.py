"""Georeferencing of a file: its CRS, and its transform or ground control points."""

from __future__ import annotations

from functools import lru_cache

from affine import Affine
from pyproj.exceptions import ProjError
from rasterio.io import DatasetReader

from scog.cog.metadata import NO_CRS
from scog.errors import AssetRefused
from scog.geo.crs import horizontal_crs
from scog.geo.grid import transformer
from scog.geo.ground_control_points import PolynomialTransform, fit_control_points
from scog.geo.world_width import full_circle

MAX_COORDINATE = 1e12
"""Coordinates with a larger magnitude, in CRS units, are invalid."""


def georeference(dataset: DatasetReader) -> tuple[str, Affine, PolynomialTransform | None]:
    """CRS and transform of an open file, and the polynomial of its ground control points if it has any.

    The CRS is NO_CRS if the file has none. Raises AssetRefused for an unsupported CRS or an invalid transform.
    """
    transform = dataset.transform
    if not is_valid_transform(transform):
        raise AssetRefused(
            f"The file's transform {tuple(transform)[:6]} is degenerate or out of range.", reason="no-crs"
        )
    points, points_crs = dataset.gcps
    if points and points_crs is not None and transform == Affine.identity():
        crs = checked_crs(points_crs.to_wkt())
        try:
            return crs, *fit_control_points([(each.col, each.row, each.x, each.y) for each in points], full_circle(crs))
        except ValueError as error:
            raise AssetRefused(f"The file's ground control points cannot be used: {error}.", reason="no-crs") from None
    if dataset.crs is None or transform == Affine.identity():
        return NO_CRS, transform, None
    return checked_crs(dataset.crs.to_wkt()), transform, None


def is_valid_transform(transform: Affine) -> bool:
    """Whether a transform is invertible and its coefficients are within MAX_COORDINATE."""
    return bool(transform.determinant) and all(abs(number) < MAX_COORDINATE for number in tuple(transform)[:6])


@lru_cache(maxsize=256)
def checked_crs(text: str) -> str:
    """The horizontal CRS of a raster. Raises AssetRefused if PROJ cannot transform it to WGS 84."""
    try:
        crs = horizontal_crs(text)
        transformer(crs, "EPSG:4326")
    except (ValueError, ProjError) as error:
        reason = error if isinstance(error, ValueError) else "PROJ has no transformation from it to EPSG:4326"
        raise AssetRefused(f"Unsupported CRS: {reason}.", reason="no-crs") from None
    return crs
