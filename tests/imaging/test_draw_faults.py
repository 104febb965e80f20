"""The files that an image reads, and images with broken or missing scenes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from scog.errors import NothingReadable
from scog.geo.grid import Grid
from scog.geo.index_map import index_map
from scog.net.byte_range import ByteRange
from scog.net.local import LocalRanges
from scog.warp import warp
from tests.doubles.archives import MadeScene, Square, constant, newest_clear, positions
from tests.doubles.drawing import draw_all, draw_one, image_request, tile_over

SQUARE = Square("32TPS", 32632, 654900, 5150000)
CLOUD, LAND = 9, 4


def scene(day: int, scl: Any = LAND, square: Square = SQUARE) -> MadeScene:
    bands = {
        "red": constant(square, 1000 + day),
        "nir": constant(square, 4000),
        "scl": constant(square, scl, 20, np.uint8) if isinstance(scl, int) else scl,
    }
    return MadeScene(f"day-{day:02}", square, f"2022-06-{day:02}T10:00:00Z", bands)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Reads of local files, as `scene/file`."""
    reads: list[str] = []
    original = LocalRanges._read

    def counted(self: LocalRanges, url: str, start: int, stop: int) -> ByteRange:
        reads.append("/".join(url.split("/")[-2:]))
        return original(self, url, start, stop)

    monkeypatch.setattr(LocalRanges, "_read", counted)
    return reads


def test_a_fully_cloudy_window_reads_no_bands(tmp_path: Path, read: list[str]) -> None:
    for each in (scene(5), scene(6, CLOUD), scene(7, CLOUD), scene(8, CLOUD)):
        each.write(tmp_path)
    drawing = draw_one(tmp_path, tile_over(SQUARE, 14), image_request("red; nir"))
    assert drawing.valid.all()
    assert {scene.id for scene in drawing.report.used} == {"day-05"}
    assert {name for name in read if not name.endswith("scl.tif")} == {"day-05/red.tif", "day-05/nir.tif"}
    assert {"day-06/scl.tif", "day-08/scl.tif"} <= set(read)


def test_reading_stops_when_every_pixel_is_valid(tmp_path: Path, read: list[str]) -> None:
    for day in range(1, 9):
        scene(day).write(tmp_path)
    drawing = draw_one(tmp_path, tile_over(SQUARE, 14), image_request("red"))
    assert drawing.valid.all()
    # The newest covers all pixels; the classification of one other scene may be read at the same time, but no band.
    assert {name for name in read if name.endswith("red.tif")} == {"day-08/red.tif"}
    assert {name for name in read if name.endswith("scl.tif")} <= {"day-08/scl.tif", "day-07/scl.tif"}


def test_without_a_mask_the_classification_is_not_read(tmp_path: Path, read: list[str]) -> None:
    scene(7, CLOUD).write(tmp_path)
    drawing = draw_one(tmp_path, tile_over(SQUARE, 14), image_request("red", "none"))
    assert drawing.valid.all()
    assert not [name for name in read if name.endswith("scl.tif")]


def test_only_visible_blocks_of_a_cloudy_scene_are_read(tmp_path: Path, read: list[str]) -> None:
    # The newest is clear only in its north-western block; 600 x 600 pixels are 3 x 3 blocks of 256.
    scl = constant(SQUARE, CLOUD, 20, np.uint8)
    scl[:100, :100] = LAND
    scene(8, scl).write(tmp_path)
    grid = tile_over(SQUARE, 14, 0.4, 0.4)
    drawing = draw_one(tmp_path, grid, image_request("red"), read_gap=0)
    assert drawing.valid.any()
    assert read.count("day-08/red.tif") == 2  # the header and one block


def test_a_repeated_image_reads_nothing(tmp_path: Path, read: list[str]) -> None:
    for each in (scene(7), scene(8, CLOUD)):
        each.write(tmp_path)
    grid = tile_over(SQUARE, 14)
    first = draw_one(tmp_path, grid, image_request("red"))
    once = len(read)
    read.clear()
    again = draw_all(tmp_path, [(grid, image_request("red"))] * 3)
    assert len(read) == once
    assert all(np.array_equal(drawing.values, first.values, equal_nan=True) for drawing in again)


def test_one_index_map_serves_all_bands_and_dates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for each in (scene(6), scene(7, CLOUD), scene(8, CLOUD)):
        each.write(tmp_path)
    sources: list[Grid] = []

    def counted(target: Grid, source: Grid) -> Any:
        sources.append(source)
        return index_map(target, source)

    monkeypatch.setattr(warp, "index_map", counted)
    draw_one(tmp_path, tile_over(SQUARE, 14), image_request("red; nir; red + nir"))
    assert len(sources) == 2  # one for the classification's 20 m, one for the bands' 10 m
    assert len(set(sources)) == 2


# Broken files


def remove(path: Path) -> None:
    path.unlink()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])


def cut_in_header(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


def replace_by_html(path: Path) -> None:
    path.write_bytes(b"<html><body>Not found</body></html>" * 1000)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def break_blocks(path: Path, rows: int = 99) -> None:
    """Overwrite the full-resolution blocks of the first rows with bytes that do not decompress."""
    with rasterio.open(path) as dataset:
        height, width = -(-dataset.height // 256), -(-dataset.width // 256)
        places = [
            [int(dataset.get_tag_item(f"BLOCK_{what}_{col}_{row}", "TIFF", bidx=1)) for what in ("OFFSET", "SIZE")]
            for row in range(min(rows, height))
            for col in range(width)
        ]
    data = bytearray(path.read_bytes())
    for offset, size in places:
        data[offset : offset + size] = b"\xff" * size
    path.write_bytes(data)


BREAKS = [remove, cut, cut_in_header, replace_by_html, empty, break_blocks]


@pytest.mark.parametrize("damage", BREAKS)
@pytest.mark.parametrize("file", ["red", "scl"])
def test_a_broken_scene_is_skipped_and_named(tmp_path: Path, damage: Callable[[Path], None], file: str) -> None:
    broken, whole = scene(8).write(tmp_path), scene(7).write(tmp_path)
    damage(broken.files[file])
    grid = tile_over(SQUARE, 14)
    drawing = draw_one(tmp_path, grid, image_request("red"))
    assert list(drawing.report.skipped) == ["day-08"]
    assert drawing.report.skipped["day-08"].replace("-", "").isalnum()
    assert [used.id for used in drawing.report.used] == ["day-07"]
    numbers, valid, _ = newest_clear([whole], ("red",), grid)
    assert (drawing.valid == valid).all()
    assert np.array_equal(np.round(drawing.values[0] * 10000), numbers["red"])


@pytest.mark.parametrize("damage", BREAKS)
def test_an_image_of_broken_scenes_only_fails(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    for day in (5, 6, 7):
        damage(scene(day).write(tmp_path).files["red"])
    with pytest.raises(NothingReadable) as failed:
        draw_one(tmp_path, tile_over(SQUARE, 14), image_request("red"))
    assert sorted(name for name, _ in failed.value.skipped) == ["day-05", "day-06", "day-07"]


def test_a_band_that_no_scene_has_fails(tmp_path: Path) -> None:
    scene(7).write(tmp_path)
    with pytest.raises(NothingReadable) as failed:
        draw_one(tmp_path, tile_over(SQUARE, 14), image_request("red + swir22"))
    assert failed.value.skipped == (("day-07", "no-band-swir22"),)


def test_an_empty_image_of_readable_scenes_is_not_an_error(tmp_path: Path) -> None:
    scene(7, CLOUD).write(tmp_path)
    broken = scene(8, CLOUD).write(tmp_path)
    broken.files["scl"].unlink()
    drawing = draw_one(tmp_path, tile_over(SQUARE, 14), image_request("red"))
    assert not drawing.valid.any()
    assert list(drawing.report.skipped) == ["day-08"]


def test_a_scene_without_classification_is_drawn_and_reported(tmp_path: Path) -> None:
    each = scene(7)
    each.bands = {band: numbers for band, numbers in each.bands.items() if band != "scl"}
    each.write(tmp_path)
    drawing = draw_one(tmp_path, tile_over(SQUARE, 14), image_request("red"))
    assert drawing.valid.all()
    assert drawing.report.unmasked == {"day-07": ("scl",)}


def test_pixels_painted_before_a_scene_failed_count(tmp_path: Path) -> None:
    # The newest is clear in the north, but its red is missing. The south is read from the older one first and succeeds;
    # the north is read next and fails, because the file is broken there.
    north = constant(SQUARE, CLOUD, 20, np.uint8)
    north[:150] = LAND
    newest, older = scene(8, north).write(tmp_path), scene(7).write(tmp_path)
    newest.files["red"].unlink()
    older.bands = {**older.bands, "red": positions(SQUARE, across=False)}
    break_blocks(older.files["red"], rows=1)
    grid = tile_over(SQUARE, 14, 0.45, 0.5)
    drawing = draw_one(tmp_path, grid, image_request("red"), read_gap=0)
    assert drawing.valid.any()
    assert not drawing.valid.all()
    assert set(drawing.report.skipped) == {"day-07", "day-08"}
    assert [used.id for used in drawing.report.used] == ["day-07"]
