"""Composites equal NumPy and SciPy over the same scenes, with clouds, gaps and nodata."""

from __future__ import annotations

import asyncio
import warnings
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from scog.composite.day_of_year import days_since_1970
from scog.composite.methods import (
    BEST,
    COMPOSITES,
    COUNT,
    GEOMEDIAN,
    MEDIAN,
    METHODS,
    MODE,
    SLOPE,
    Composite,
)
from scog.errors import DeadlineExceeded
from scog.geo.grid import Grid, tile_grid
from scog.imaging import stack
from scog.imaging.draw import ImageData
from scog.imaging.scene_reader import SceneReader
from scog.temporal.intervals import parse_interval
from tests.doubles.archives import CLOUDY, MadeScene, constant, newest_clear
from tests.doubles.composites import composite_of, weiszfeld
from tests.doubles.drawing import draw_all, draw_one, image_request, tile_over
from tests.imaging.test_draw_newest import EAST, NDVI, ORDERED, WEST, archive

__all__ = ["archive"]

DAYS = sorted({time[:10] for time, *_ in ORDERED}, reverse=True)
BANDS = ("red", "nir", "scl")
GRID = tile_over(EAST, 13, 0.1, 0.4)
ONE_BAND = [
    *(each.name for each in COMPOSITES if not each.painted and each not in (BEST, GEOMEDIAN, MODE)),
    "p10",
    "p95",
]


@dataclass
class Observed:
    """Stored numbers of bands `(day, band, y, x)` and their times, NaN where not usable; and pixels on an edge."""

    bands: NDArray[np.float64]
    when: NDArray[np.float64]
    on_edge: NDArray[np.bool_]

    @property
    def ndvi(self) -> NDArray[np.float64]:
        red, nir = self.bands[:, 0], self.bands[:, 1]
        return np.asarray((nir - red) / np.maximum(nir + red, 1))


def observed(
    scenes: list[MadeScene], grid: Grid, masked: tuple[int, ...] | None = CLOUDY, names: tuple[str, ...] = BANDS
) -> Observed:
    layers, times, on_edge = [], [], np.zeros(grid.shape, bool)
    for day in DAYS:
        bands, when = np.full((len(names), *grid.shape), np.nan), np.full(grid.shape, np.nan)
        for scene in scenes:
            if scene.time.startswith(day):
                numbers, valid, edge = newest_clear([scene], names, grid, masked)
                new = valid & np.isnan(when)
                bands[:, new] = np.stack([numbers[band] for band in names])[:, new]
                when[new] = days_since_1970(datetime.fromisoformat(scene.time.replace("Z", "+00:00")))
                on_edge |= edge
        layers.append(bands)
        times.append(when)
    return Observed(np.stack(layers), np.stack(times), on_edge)


@pytest.fixture(scope="module")
def clear(archive: tuple[Path, list[MadeScene]]) -> Observed:
    return observed(archive[1], GRID)


@pytest.fixture(scope="module")
def drawn(archive: tuple[Path, list[MadeScene]]) -> dict[str, ImageData]:
    requests = {name: image_request(NDVI, composite=METHODS[name]) for name in ONE_BAND}
    requests["mode"] = image_request("scl", "none", composite=MODE)
    requests["best"] = image_request("red; scl", composite=BEST)
    requests["geomedian"] = image_request("red * 2; nir - red", composite=GEOMEDIAN)
    drawings = draw_all(archive[0], [(GRID, request) for request in requests.values()])
    return dict(zip(requests, drawings, strict=True))


@pytest.mark.parametrize("name", ONE_BAND)
def test_composites_match_numpy(name: str, clear: Observed, drawn: dict[str, ImageData]) -> None:
    subset = np.s_[::5, ::7] if name[0] == "p" or name in ("slope", "first_doy", "max_doy") else np.s_[:, :]
    values, when = (numbers[:, *subset].reshape(len(DAYS), -1) for numbers in (clear.ndvi, clear.when))
    expected = composite_of(name, values, when)
    inside = ~clear.on_edge[subset].ravel()
    actual = drawn[name].values[:, *subset].reshape(len(expected), -1)
    valid = drawn[name].valid[subset].ravel()
    assert (valid == np.isfinite(expected[0]))[inside].all()
    assert len(np.unique(expected[0][np.isfinite(expected[0])])) > 2
    tolerance = {"rtol": 1e-5, "atol": 1e-3} if name == "slope" else {"atol": 2e-6}  # slopes reach 100 a year
    np.testing.assert_allclose(actual[:, inside], expected[:, inside], **tolerance)


def test_mode_is_the_most_frequent_class(archive: tuple[Path, list[MadeScene]], drawn: dict[str, ImageData]) -> None:
    """Unmasked, and valid where bands are nodata: only the classification is read."""
    classes = []
    on_edge = np.zeros(GRID.shape, bool)
    for day in DAYS:
        scenes_of_day = [scene for scene in archive[1] if scene.time.startswith(day)]
        numbers, valid, edge = newest_clear(scenes_of_day, ("scl",), GRID, None)
        classes.append(np.where(valid, numbers["scl"], np.nan))
        on_edge |= edge
    observations = np.stack(classes)[:, ::3, ::3].reshape(len(DAYS), -1)
    expected = composite_of("mode", observations, np.zeros_like(observations))
    inside = ~on_edge[::3, ::3].ravel()
    assert np.array_equal(drawn["mode"].values[:, ::3, ::3].reshape(1, -1)[:, inside], expected[:, inside], True)


def test_best_takes_all_bands_of_the_day_with_the_highest_ndvi(clear: Observed, drawn: dict[str, ImageData]) -> None:
    best = np.where(np.isnan(clear.ndvi), -np.inf, clear.ndvi).argmax(axis=0)
    expected = np.take_along_axis(clear.bands, best[np.newaxis, np.newaxis], axis=0)[0]
    red, scl = drawn["best"].values
    inside = ~clear.on_edge
    np.testing.assert_allclose(red[inside], expected[0][inside] / 10000, atol=1e-6)
    assert np.array_equal(scl[inside], expected[2][inside], equal_nan=True)


def test_geomedian_is_computed_from_the_bands(clear: Observed, drawn: dict[str, ImageData]) -> None:
    twice_red, difference = drawn["geomedian"].values
    for row, col in zip(*(places[::197] for places in np.nonzero(~clear.on_edge)), strict=True):
        observations = clear.bands[:, :2, row, col] / 10000
        observations = observations[~np.isnan(observations).any(axis=1)]
        if not len(observations):
            assert np.isnan([twice_red[row, col], difference[row, col]]).all()
            continue
        red = twice_red[row, col] / 2
        place, truth = np.array([red, difference[row, col] + red]), weiszfeld(observations)
        actual, least = (np.sqrt(((observations - at) ** 2).sum(axis=1)).sum() for at in (place, truth))
        assert actual <= least + 1e-5


@pytest.mark.parametrize("mask", ["clouds", "none"])
def test_a_cached_composite_is_the_same(archive: tuple[Path, list[MadeScene]], mask: str) -> None:
    folder, scenes = archive
    request = image_request(NDVI, mask, composite=MEDIAN)
    subset = image_request(NDVI, mask, composite=MEDIAN, interval=parse_interval(DAYS[1]))
    part, drawing, again = draw_all(folder, [(GRID, subset), (GRID, request), (GRID, request)])
    assert part.valid.any()
    assert np.array_equal(drawing.values, again.values, equal_nan=True)
    assert again.report.tally.requests == 0
    assert {scene.id for scene in drawing.report.used} == {scene.id for scene in again.report.used}
    assert len(drawing.report.used) > 5
    if mask == "none":
        observations = observed(scenes, GRID, None, ("red", "nir"))
        check_median(drawing, observations.ndvi, observations.on_edge)


def check_median(drawing: ImageData, ndvi: NDArray[np.float64], on_edge: NDArray[np.bool_]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # pixels without observations
        expected = np.nanmedian(ndvi, axis=0)
    np.testing.assert_allclose(drawing.values[0][~on_edge], expected[~on_edge], atol=2e-6)


def test_a_broken_scene_is_skipped_and_reported(archive: tuple[Path, list[MadeScene]], tmp_path: Path) -> None:
    _, scenes = archive
    copies = [replace(scene, files={}).write(tmp_path) for scene in scenes]
    broken = next(scene for scene in copies if scene.id == "G")
    broken.files["nir"].write_bytes(b"not a TIFF")
    grid = tile_over(WEST, 13)
    drawing = draw_one(tmp_path, grid, image_request(NDVI, composite=MEDIAN))
    assert drawing.report.skipped == {"G": "not-a-tiff"}
    observations = observed([scene for scene in scenes if scene.id != "G"], grid)
    check_median(drawing, observations.ndvi, observations.on_edge)


def test_composites_without_scenes_are_invalid(archive: tuple[Path, list[MadeScene]]) -> None:
    requests = [image_request(NDVI, composite=each) for each in (MEDIAN, SLOPE, GEOMEDIAN, BEST)]
    for drawing in draw_all(archive[0], [(tile_grid(13, 10, 10), request) for request in requests]):
        assert not drawing.valid.any()
        assert np.isnan(drawing.values).all()


def test_a_count_is_valid_everywhere(archive: tuple[Path, list[MadeScene]]) -> None:
    request = image_request("red; nir; scl", composite=COUNT)
    inside, outside = draw_all(archive[0], [(GRID, request), (tile_grid(13, 10, 10), request)])
    assert inside.valid.all()
    assert {0, 1, 2} <= set(np.unique(inside.values))
    assert inside.values.shape == outside.values.shape == (1, 256, 256)
    assert outside.valid.all()
    assert not outside.values.any()


def hanging(monkeypatch: pytest.MonkeyPatch, scenes: set[str]) -> None:
    """Make reads of these scenes hang."""
    read = SceneReader.usable_and_values

    async def usable_and_values(self: SceneReader, scene: Any) -> Any:
        if scene.id in scenes:
            await asyncio.Event().wait()
        return await read(self, scene)

    monkeypatch.setattr(SceneReader, "usable_and_values", usable_and_values)


def test_at_the_deadline_the_composite_has_the_scenes_read_so_far(
    archive: tuple[Path, list[MadeScene]], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, scenes = archive
    grid = tile_over(WEST, 13)
    hanging(monkeypatch, {"G"})
    drawing = draw_one(folder, grid, image_request(NDVI, composite=MEDIAN), tile_deadline=3)
    assert drawing.report.incomplete == "deadline"
    assert drawing.report.skipped == {"G": "deadline"}
    observations = observed([scene for scene in scenes if scene.id != "G"], grid)
    check_median(drawing, observations.ndvi, observations.on_edge)


def test_a_deadline_before_any_scene_is_read_is_an_error(
    archive: tuple[Path, list[MadeScene]], monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging(monkeypatch, {scene.id for scene in archive[1]})
    with pytest.raises(DeadlineExceeded):
        draw_one(archive[0], tile_over(WEST, 13), image_request(NDVI, composite=MEDIAN), tile_deadline=1)


@pytest.mark.parametrize("composite", [MEDIAN, SLOPE, COUNT, GEOMEDIAN], ids=lambda composite: composite.name)
def test_large_stacks_are_processed_in_strips(
    archive: tuple[Path, list[MadeScene]], composite: Composite, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = image_request(NDVI, composite=composite)
    whole = draw_one(archive[0], GRID, request)
    monkeypatch.setattr(stack, "MAX_STACK_BYTES", 4 * 256 * 5 * 60)
    parts = draw_one(archive[0], GRID, request)
    assert np.array_equal(parts.values, whole.values, equal_nan=True)
    assert np.array_equal(parts.valid, whole.valid)
    assert {scene.id for scene in parts.report.used} == {scene.id for scene in whole.report.used}
    assert len(parts.report.used) == len(whole.report.used)


def test_an_overpass_at_new_year_is_one_observation_of_two_days(tmp_path: Path) -> None:
    """One observation, in which each pixel has the day of its scene."""
    times = ("2022-12-31T23:59:30Z", "2022-12-31T23:59:50Z", "2023-01-01T00:00:10Z", "2023-01-01T00:00:30Z")
    for number, time in enumerate(times):
        red = np.zeros((300, 300), np.uint16)
        red[:, number::4] = 1000
        bands = {"red": red, "scl": constant(WEST, 4, 20, np.uint8)}
        MadeScene(f"S{number}", WEST, time, bands, orbit=77, strip=f"20221231T23590{number}").write(tmp_path)
    drawing = draw_one(tmp_path, tile_over(WEST, 15), image_request("red", composite=METHODS["first_doy"]))
    assert drawing.valid.all()
    assert set(np.unique(drawing.values)) == {1, 365}
    assert 0.3 < (drawing.values == 1).mean() < 0.7
    count = draw_one(tmp_path, tile_over(WEST, 15), image_request("red", composite=COUNT))
    assert (count.values == 1).all(), "one observation"
