"""Hillshade and slope against gdaldem, and against Horn's formula in double precision."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from scog.bandmath.terrain import Surface, derive
from scog.geo.grid import Grid
from scog.geo.ground_resolution import pixel_steps

GDALDEM = shutil.which("gdaldem")
UTM = "EPSG:32632"


def landscape(height: int, width: int, seed: int = 1) -> NDArray[np.float32]:
    """Rough elevations in metres, from gentle to steep."""
    y, x = np.mgrid[:height, :width]
    rough = np.random.default_rng(seed).normal(0, 1, (height, width)) * (x / width) * 20
    return np.asarray(800 + 300 * np.sin(x / 11) + 200 * np.cos(y / 9 + x / 30) + rough, np.float32)


def derived(surface: Surface, elevations: NDArray[np.float32], grid: Grid) -> NDArray[np.float32]:
    """The surface of a whole grid but its outermost pixels."""
    inner = Grid(grid.crs, grid.transform @ Affine.translation(1, 1), grid.width - 2, grid.height - 2)
    values, valid = derive(surface, elevations[np.newaxis], np.ones(elevations.shape, bool), pixel_steps(inner))
    assert valid.all()
    return values[0]


def horn(
    elevations: NDArray[np.float32], across: NDArray[np.float64], down: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Horn's gradient to east and to south by a loop over the 3 x 3 weights. `across`, `down`: metres for each row."""
    wide = elevations.astype(np.float64)
    height, width = wide.shape
    east, south = np.zeros((2, height - 2, width - 2))
    for row in range(3):
        for col in range(3):
            part = wide[row : row + height - 2, col : col + width - 2]
            east += part * (col - 1) * (1, 2, 1)[row]
            south += part * (row - 1) * (1, 2, 1)[col]
    return east / (8 * across[:, np.newaxis]), south / (8 * down[:, np.newaxis])


@pytest.mark.skipif(GDALDEM is None, reason="gdaldem is not installed: apt-get install gdal-bin")
@pytest.mark.parametrize(("surface", "tolerance"), [("slope", 3e-4), ("hillshade", 0.501)])
def test_equals_gdaldem(tmp_path: Path, surface: str, tolerance: float) -> None:
    """gdaldem's slope is single precision (2e-4 degrees off), and its hillshade is rounded to integers."""
    elevations, transform = landscape(90, 120), Affine(25, 0, 500_000, 0, -30, 5_000_000)
    profile = {"driver": "GTiff", "count": 1, "dtype": "float32", "height": 90, "width": 120}
    with rasterio.open(tmp_path / "dem.tif", "w", **profile, crs=UTM, transform=transform) as dataset:
        dataset.write(elevations, 1)
    subprocess.run([GDALDEM, surface, tmp_path / "dem.tif", tmp_path / "out.tif", "-q"], check=True)
    with rasterio.open(tmp_path / "out.tif") as dataset:
        expected = dataset.read(1)[1:-1, 1:-1].astype(np.float64)
    actual = derived(Surface(surface), elevations, Grid(UTM, transform, 120, 90))
    assert np.ptp(expected) > 40
    assert np.abs(actual - expected).max() < tolerance


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3857"])
def test_pixel_sizes_follow_the_latitude(crs: str) -> None:
    """In degrees only the width of a pixel shrinks towards the poles, in Web Mercator both of its sides."""
    elevations = landscape(60, 50)
    step = 1 / 3600 if crs == "EPSG:4326" else 60.0
    top = 65.0 if crs == "EPSG:4326" else 9_600_000.0
    grid = Grid(crs, Affine(step, 0, 11 if crs == "EPSG:4326" else 1e6, 0, -step, top), 50, 60)
    y = top - step * (np.arange(1, 59) + 0.5)
    if crs == "EPSG:4326":
        across, down = step * 111_320 * np.cos(np.radians(y)), np.full(58, step * 111_320)
    else:
        across = down = step / np.cosh(y / 6378137)
    east, south = horn(elevations, across, down)
    expected = np.degrees(np.arctan(np.hypot(east, south)))
    np.testing.assert_allclose(derived(Surface.SLOPE, elevations, grid), expected, rtol=2e-6, atol=2e-5)


@given(
    rise=st.floats(0, 80),
    facing=st.floats(0, 360),
    turn=st.sampled_from([0, 30, 90, 135, 180]),
    mirrored=st.booleans(),
)
def test_of_a_plane(rise: float, facing: float, turn: float, mirrored: bool) -> None:
    """A plane has one slope and one brightness, on grids that are rotated or whose rows run north."""
    transform = Affine.rotation(turn) @ Affine.scale(20, 30 if mirrored else -30)
    cols, rows = np.meshgrid(np.arange(6) + 0.5, np.arange(5) + 0.5)
    x, y = transform @ np.array([cols.ravel(), rows.ravel()])
    angle, tangent = np.radians(facing), np.tan(np.radians(rise))
    up = (-tangent * (np.sin(angle) * x + np.cos(angle) * y)).reshape(5, 6)
    grid = Grid(UTM, transform, 6, 5)
    slope = derived(Surface.SLOPE, np.asarray(up, np.float32), grid)
    np.testing.assert_allclose(slope, rise, atol=1e-3)
    # The cosine of the angle between the normal and the light, in the north-west at 45 degrees.
    normal = np.array([np.sin(angle) * np.sin(np.radians(rise)), np.cos(angle) * np.sin(np.radians(rise))])
    cosine = normal @ np.array([-0.5, 0.5]) + np.cos(np.radians(rise)) * np.sqrt(0.5)
    shade = derived(Surface.HILLSHADE, np.asarray(up, np.float32), grid)
    np.testing.assert_allclose(shade, 1 + 254 * max(cosine, 0), atol=0.02)


def test_pixels_beside_invalid_ones_are_invalid() -> None:
    elevations, valid = landscape(9, 9)[np.newaxis], np.ones((9, 9), bool)
    valid[4, 5] = False
    elevations[0, 4, 5] = np.nan
    for surface in Surface:
        values, shown = derive(surface, elevations, valid, pixel_steps(Grid(UTM, Affine.scale(30, -30), 7, 7)))
        expected = np.ones((7, 7), bool)
        expected[2:5, 3:6] = False
        assert np.array_equal(shown, expected)
        assert np.array_equal(np.isfinite(values[0]), expected)
