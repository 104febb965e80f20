"""Mosaics in other orders than newest first: oldest first and clearest first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scog.composite.methods import CLEAREST, OLDEST, Composite
from scog.imaging.draw import ImageData
from scog.imaging.scene_reader import SceneReader
from scog.temporal.intervals import parse_interval
from tests.doubles.archives import MadeScene, constant, newest_clear
from tests.doubles.drawing import draw_all, draw_one, image_request, tile_over
from tests.imaging.test_draw_newest import EAST, ORDERED, WEST, random_scene

COVERS = {"C_first": 40.0, "D_second": 3.5, "A_third": 40.0, "B_fourth": 70.0, "E": 3.5, "F": 20.0, "G": 40.0,
          "H": 1.0, "I": None}  # fmt: skip
BY_ORDER = {
    OLDEST: (
        "H",
        "I",
        "G",
        "E",
        "F",
        "C_first",
        "D_second",
        "A_third",
        "B_fourth",
    ),  # scenes of an overpass in the usual order
    CLEAREST: (
        "H",
        "D_second",
        "E",
        "F",
        "C_first",
        "A_third",
        "G",
        "B_fourth",
        "I",
    ),  # equal cloud cover: newest first
}


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, MadeScene]]:
    folder = tmp_path_factory.mktemp("order")
    scenes = {
        name: random_scene(number, square, time, name, platform=platform, orbit=orbit,
                           strip=f"20220610T{number:06}", cloud_cover=COVERS[name])
        for number, (time, square, name, platform, orbit) in enumerate(ORDERED)
    }  # fmt: skip
    return folder, {name: scene.write(folder) for name, scene in scenes.items()}


@pytest.mark.parametrize("composite", BY_ORDER, ids=lambda composite: composite.name)
@pytest.mark.parametrize("mask", ["clouds", "none"])
def test_each_pixel_is_of_the_first_scene_in_order(
    archive: tuple[Path, dict[str, MadeScene]], composite: Composite, mask: str
) -> None:
    folder, scenes = archive
    grid = tile_over(EAST, 13, 0.1, 0.4)
    ordered = [scenes[name] for name in BY_ORDER[composite]]
    masked = (0, 1, 3, 8, 9, 10) if mask == "clouds" else None
    numbers, valid, on_edge = newest_clear(ordered, ("red", "nir"), grid, masked)
    request = image_request("red; nir", mask, composite=composite)
    part = replace(request, interval=parse_interval("2022-06-08"))
    _, drawing, again = draw_all(folder, [(grid, part), (grid, request), (grid, request)])
    assert np.array_equal(drawing.values, again.values, equal_nan=True)
    assert not ((drawing.valid != valid) & ~on_edge).any()
    drawn = np.round(np.nan_to_num(drawing.values) * 10000).astype(int)
    for output, band in enumerate(("red", "nir")):
        assert not ((drawn[output] != numbers[band]) & valid & ~on_edge).any()


def draw_and_record(
    monkeypatch: pytest.MonkeyPatch, folder: Path, composite: Composite
) -> tuple[ImageData, list[str], list[str]]:
    """An image, the ids of scenes with classification read, and the ids of scenes with bands read."""
    read: dict[str, list[str]] = {"usable": [], "values": []}

    def recording(name: str) -> Any:
        method = getattr(SceneReader, name)

        async def recorded(self: SceneReader, scene: Any, pixels: Any = None) -> Any:
            read[name].append(scene.id)
            return await method(self, scene, pixels)

        return recorded

    for name in read:
        monkeypatch.setattr(SceneReader, name, recording(name))
    drawing = draw_one(folder, tile_over(WEST, 15), image_request("red", composite=composite))
    return drawing, read["usable"], read["values"]


def test_clearest_reads_only_visible_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of twenty dates, the clearest scene is all cloud in the tile, the next half cloudy, the third clear."""
    half = np.where(np.arange(150) // 10 % 2, 4, 9) * np.ones((150, 1))
    scl = {11: constant(WEST, 9, 20), 3: half, 17: constant(WEST, 4, 20)}
    for number in range(20):
        classes = scl.get(number, constant(WEST, 5, 20))
        cover = {11: 0.5, 3: 1.0, 17: 2.0}.get(number, 50.0 - number)
        bands = {"red": constant(WEST, 1000 + number), "scl": classes.astype(np.uint8)}
        made = MadeScene(f"S{number}", WEST, f"2022-06-{number + 1:02}T10:00:00Z", bands)
        replace(made, cloud_cover=cover).write(tmp_path)
    drawing, classified, read = draw_and_record(monkeypatch, tmp_path, CLEAREST)
    assert drawing.valid.all()
    assert set(np.unique(np.round(drawing.values * 10000))) == {1003, 1017}
    assert [scene.id for scene in drawing.report.used] == ["S3", "S17"]
    assert read == ["S3", "S17"], "bands of other scenes were read"
    assert classified[:2] == ["S11", "S3"]
    assert len(classified) == 6, "the first two scenes, then four"
