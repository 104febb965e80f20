"""Composites of all observations, against numpy over the same scenes; clouds, gaps, and places nobody saw."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from affine import Affine

from scog.catalog.when import parse_interval
from scog.errors import DeadlineExceeded
from scog.pixels.reduce import Composite
from scog.space.grid import Grid, tile_grid
from scog.view import View
from tests.doubles.archives import MadeScene, newest_clear
from tests.doubles.drawing import ask_for, draw_all, draw_one, tile_over
from tests.draw.test_draw_newest import EAST, NDVI, ORDERED, WEST, archive

__all__ = ["archive"]

DAYS = sorted({time[:10] for time, *_ in ORDERED}, reverse=True)
REDUCERS: dict[Composite, Callable[..., Any]] = {
    Composite.MEDIAN: np.nanmedian, Composite.MEAN: np.nanmean, Composite.MIN: np.nanmin, Composite.MAX: np.nanmax,
}  # fmt: skip


def observed(scenes: list[MadeScene], grid: Grid, masked: tuple[int, ...] | None) -> tuple[np.ndarray, np.ndarray]:
    """NDVI of each day, NaN where its scenes show nothing, and where a pixel lies on an edge."""
    layers, on_edge = [], np.zeros(grid.shape, bool)
    for day in DAYS:
        numbers, valid, edge = newest_clear([s for s in scenes if s.time.startswith(day)], ("red", "nir"), grid, masked)
        red, nir = (numbers[band].astype(float) for band in ("red", "nir"))
        layers.append(np.where(valid, (nir - red) / np.maximum(nir + red, 1), np.nan))
        on_edge |= edge
    return np.stack(layers), on_edge


@pytest.mark.parametrize("composite", REDUCERS)
@pytest.mark.parametrize("mask", ["clouds", "none"])
def test_each_pixel_is_what_numpy_makes_of_the_days(
    archive: tuple[Path, list[MadeScene]], composite: Composite, mask: str
) -> None:
    folder, scenes = archive
    grid = tile_over(EAST, 13, 0.1, 0.4)
    days, on_edge = observed(scenes, grid, (0, 1, 3, 8, 9, 10) if mask == "clouds" else None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # pixels that nobody saw
        expected = REDUCERS[composite](days, axis=0)
    ask = ask_for(NDVI, mask, composite=composite)
    some = ask_for(NDVI, mask, composite=composite, interval=parse_interval(DAYS[1]))
    part, drawing, again = draw_all(folder, [(grid, some), (grid, ask), (grid, ask)])
    assert part.valid.any()
    assert np.array_equal(drawing.values, again.values, equal_nan=True), "from memory it is the same"
    assert again.report.tally.requests == 0
    assert (drawing.valid == np.isfinite(expected))[~on_edge].all()
    np.testing.assert_allclose(drawing.values[0][~on_edge], expected[~on_edge], atol=2e-6)
    assert {scene.id for scene in drawing.report.used} == {scene.id for scene in again.report.used}
    assert len(drawing.report.used) > 5


@pytest.mark.parametrize("z", [12, 14])
def test_tiles_of_a_median_meet(archive: tuple[Path, list[MadeScene]], z: int) -> None:
    folder, _ = archive
    ask = ask_for(NDVI, composite=Composite.MEDIAN)
    corner = tile_over(WEST, z, 0.4, 0.4)
    whole = draw_one(folder, Grid(corner.crs, corner.transform, 512, 512), ask)
    for down in (0, 1):
        for across in (0, 1):
            pixel, _, left, _, _, top = tuple(corner.transform)[:6]
            moved = Affine(pixel, 0, left + 256 * across * pixel, 0, -pixel, top - 256 * down * pixel)
            part = draw_one(folder, Grid(corner.crs, moved, 256, 256), ask)
            rows, cols = slice(256 * down, 256 * (down + 1)), slice(256 * across, 256 * (across + 1))
            assert np.array_equal(part.values, whole.values[:, rows, cols], equal_nan=True)


def test_a_broken_scene_is_left_out_and_named(archive: tuple[Path, list[MadeScene]], tmp_path: Path) -> None:
    _, scenes = archive
    copies = [replace(scene, files={}).write(tmp_path) for scene in scenes]
    broken = next(scene for scene in copies if scene.id == "G")
    broken.files["nir"].write_bytes(b"not a TIFF")
    grid = tile_over(WEST, 13)
    drawing = draw_one(tmp_path, grid, ask_for(NDVI, composite=Composite.MEDIAN))
    assert drawing.report.skipped == {"G": "not-a-tiff"}
    days, on_edge = observed([scene for scene in scenes if scene.id != "G"], grid, (0, 1, 3, 8, 9, 10))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        expected = np.nanmedian(days, axis=0)
    np.testing.assert_allclose(drawing.values[0][~on_edge], expected[~on_edge], atol=2e-6)


def test_where_nothing_was_seen_nothing_is_drawn(archive: tuple[Path, list[MadeScene]]) -> None:
    drawing = draw_one(archive[0], tile_grid(13, 10, 10), ask_for(NDVI, composite=Composite.MEDIAN))
    assert not drawing.valid.any()
    assert np.isnan(drawing.values).all()


def hanging(monkeypatch: pytest.MonkeyPatch, scenes: set[str]) -> None:
    """Reading the bands of these scenes never ends."""
    read = View.values

    async def values(self: View, scene: Any, wanted: Any = None) -> Any:
        if scene.id in scenes:
            await asyncio.Event().wait()
        return await read(self, scene, wanted)

    monkeypatch.setattr(View, "values", values)


def test_at_the_deadline_it_is_made_of_what_has_come(
    archive: tuple[Path, list[MadeScene]], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, scenes = archive
    grid = tile_over(WEST, 13)
    hanging(monkeypatch, {"G"})
    drawing = draw_one(folder, grid, ask_for(NDVI, composite=Composite.MEDIAN), tile_deadline=3)
    assert drawing.report.incomplete == "deadline"
    assert drawing.report.skipped == {"G": "deadline"}
    days, on_edge = observed([scene for scene in scenes if scene.id != "G"], grid, (0, 1, 3, 8, 9, 10))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        expected = np.nanmedian(days, axis=0)
    np.testing.assert_allclose(drawing.values[0][~on_edge], expected[~on_edge], atol=2e-6)


def test_where_nothing_came_in_time_that_is_an_error(
    archive: tuple[Path, list[MadeScene]], monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging(monkeypatch, {scene.id for scene in archive[1]})
    with pytest.raises(DeadlineExceeded):
        draw_one(archive[0], tile_over(WEST, 13), ask_for(NDVI, composite=Composite.MEDIAN), tile_deadline=1)
