"""MGRS tiles, calendar of overpasses, and noise of the demo archive."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scog.demo import noise, overpasses
from scog.demo.mgrs import EAST, TILES, WEST, Edge, clip, densify, footprint


def test_hashes_are_stable_across_platforms():
    assert noise.hashed(np.arange(3), 7).tolist() == [11472307, 2780328791, 2089069009]
    assert noise.unit(noise.hashed(1, 2)) == pytest.approx(0.5534829)


@given(st.integers(0, 60), st.floats(20, 3000), st.integers(1, 500))
def test_noise_depends_only_on_position(start: int, size: float, seed: int):
    x, y = np.meshgrid(np.arange(100, dtype=np.float32) * 10, np.arange(100, dtype=np.float32) * -10)
    whole = noise.value_noise(x, y, size, seed)
    part = noise.value_noise(x[start:, start:], y[start:, start:], size, seed)
    assert np.array_equal(whole[start:, start:], part)
    assert np.abs(whole).max() <= 1


def test_tile_origins_are_aligned_like_real_ones():
    assert [tile.name for tile in TILES] == ["32TQK", "33TTE"]
    for tile in TILES:
        assert all(edge % 60 == 0 for edge in (tile.left, tile.top))
        left, bottom, right, top = tile.bounds
        assert (right - left, top - bottom) == (10980, 10980)


def test_tiles_overlap_around_12_degrees_east():
    west, east = footprint(WEST, ()), footprint(EAST, ())
    assert 11.98 < min(lon for lon, _ in east) < 12 < max(lon for lon, _ in west) < 12.02


def test_footprints_run_counter_clockwise_and_close():
    for tile in TILES:
        for edges in ((), (overpasses.swath_edge(100, imaged="west"),)):
            ring = footprint(tile, edges)
            assert ring[0] == ring[-1]
            assert sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(ring)) > 0


@given(st.floats(-3, 3), st.floats(-0.9, 0.9))
def test_clipping_preserves_the_inside(angle: float, reach: float):
    edge = Edge(float(np.cos(angle)), float(np.sin(angle)), reach)
    clipped = clip(densify([(-1, -1), (1, -1), (1, 1), (-1, 1)], 0.7), edge)
    assert len(clipped) >= 3
    assert all(edge.nx * x + edge.ny * y <= reach + 1e-9 for x, y in clipped)


def test_the_calendar_follows_relative_orbit_22():
    days = [overpass.day for overpass in overpasses.OVERPASSES]
    assert days == sorted(set(days))
    assert len(days) >= 20
    assert {(day - days[0]).days % 5 for day in days} == {0}
    for overpass in overpasses.OVERPASSES:
        # The relative orbit follows from the absolute one: +3 for Sentinel-2A, -26 for 2B, modulo 143.
        shift = {"A": 3, "B": -26}[overpass.satellite]
        assert (overpass.orbit + shift) % 143 == overpasses.RELATIVE_ORBIT
    assert any(overpass.offset_era for overpass in overpasses.OVERPASSES)
    assert not all(overpass.offset_era for overpass in overpasses.OVERPASSES)


def test_sun_positions_agree_with_almanac():
    noon = overpasses.sun_at(date(2021, 6, 21), 11 + 14 / 60)
    assert noon.elevation == pytest.approx(90 - 40.2 + 23.44, abs=0.2)
    assert noon.azimuth == pytest.approx(180, abs=2)
    assert overpasses.sun_at(date(2021, 12, 21), 10.3).elevation == pytest.approx(25.5, abs=0.6)
    assert sum(part**2 for part in noon.towards) == pytest.approx(1)
