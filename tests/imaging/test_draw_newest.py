"""The newest usable pixel equals a composite by NumPy; masks, nodata and offsets."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from affine import Affine
from scipy import ndimage

from scog.geo.grid import Grid
from scog.temporal.intervals import parse_interval
from tests.doubles.archives import C1, CLOUDY, L2A, MadeScene, Square, constant, newest_clear, sample
from tests.doubles.drawing import draw_all, draw_one, image_request, tile_over
from tests.profiles import BY_NUMBER, parse_mask

WEST = Square("32TQS", 32632, 727000, 5150000, 300)
EAST = Square("33TTM", 32633, 268000, 5151000, 300)
NDVI = "(nir - red) / (nir + red)"


def patches(seed: int, square: Square, choices: list[int], pixel: int, dtype: type) -> np.ndarray:
    """Random numbers in patches of 200 m."""
    count, patch = square.size * 10 // pixel, 200 // pixel
    coarse = np.random.default_rng(seed).choice(choices, (-(-count // patch),) * 2)
    return np.kron(coarse, np.ones((patch, patch)))[:count, :count].astype(dtype)


def random_scene(seed: int, square: Square, time: str, name: str, **members: object) -> MadeScene:
    """A scene with patches of cloud, of nodata, and of numbers that no other scene has."""
    data = [0, *range(1000 + 50 * seed, 1040 + 50 * seed, 10)]
    bands = {
        "red": patches(seed, square, data, 10, np.uint16),
        "nir": patches(seed + 100, square, data, 10, np.uint16),
        "scl": patches(seed + 200, square, [0, 1, 2, 3, 4, 5, 6, 7, 8, 8, 9, 9, 10, 11], 20, np.uint8),
    }
    return MadeScene(name, square, time, bands, **members)  # type: ignore[arg-type]


# Overpasses of two satellites over two MGRS tiles, in the order in which they must be painted: newest observation
# first; within an observation by time, then MGRS tile, then id. Datastrips of one overpass are seconds apart.
ORDERED = (
    ("2022-06-10T10:20:40Z", WEST, "C_first", "sentinel-2b", 900),
    ("2022-06-10T10:20:40Z", WEST, "D_second", "sentinel-2b", 900),
    ("2022-06-10T10:20:40Z", EAST, "A_third", "sentinel-2b", 900),
    ("2022-06-10T10:20:47Z", WEST, "B_fourth", "sentinel-2b", 900),
    ("2022-06-08T10:20:31Z", EAST, "E", "sentinel-2a", 800),
    ("2022-06-08T10:20:32Z", WEST, "F", "sentinel-2a", 800),
    ("2022-06-05T10:20:39Z", WEST, "G", "sentinel-2b", 700),
    ("2022-06-03T10:20:31Z", WEST, "H", "sentinel-2a", 600),
    ("2022-06-03T10:20:33Z", EAST, "I", "sentinel-2a", 600),
)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[MadeScene]]:
    folder = tmp_path_factory.mktemp("newest")
    scenes = [
        random_scene(number, square, time, name, platform=platform, orbit=orbit, strip=f"20220610T{number:06}")
        for number, (time, square, name, platform, orbit) in enumerate(ORDERED)
    ]
    return folder, [scene.write(folder) for scene in scenes]


@pytest.mark.parametrize("z", [11, 13, 14])
@pytest.mark.parametrize("mask", ["clouds", "none", "4,5,6"])
def test_pixels_match_an_independent_composite(archive: tuple[Path, list[MadeScene]], z: int, mask: str) -> None:
    folder, scenes = archive
    grid = tile_over(EAST, z, 0.1, 0.4)
    masked = {"clouds": (0, 1, 3, 8, 9, 10), "none": None, "4,5,6": (0, 4, 5, 6)}[mask]
    numbers, valid, on_edge = newest_clear(scenes, ("red", "nir"), grid, masked)
    # For the second image some scenes are cached, for the third all.
    older, drawing, again = draw_all(
        folder,
        [
            (grid, image_request("red; nir", mask, interval=parse_interval("../2022-06-08"))),
            (grid, image_request("red; nir", mask)),
            (grid, image_request("red; nir", mask)),
        ],
    )
    assert np.array_equal(drawing.values, again.values, equal_nan=True)
    assert {scene.id for scene in drawing.report.used} == {scene.id for scene in again.report.used}
    assert older.valid.any()
    drawn = np.round(np.nan_to_num(drawing.values) * 10000).astype(int)
    assert valid.any()
    assert not ((drawing.valid != valid) & ~on_edge).any()
    for output, band in enumerate(("red", "nir")):
        assert not ((drawn[output] != numbers[band]) & valid & ~on_edge).any()
    used = {scene.id for scene in drawing.report.used}
    expected_ids = {scenes[number].id for number in np.unique((numbers["red"][valid] - 1000) // 50)}
    assert used == expected_ids


@pytest.mark.parametrize("day", ["2022-06-08", "2022-06-03/2022-06-05", "../2022-06-04"])
def test_only_scenes_of_the_interval_are_drawn(archive: tuple[Path, list[MadeScene]], day: str) -> None:
    folder, scenes = archive
    first, _, last = day.partition("/")
    begin, end = ("" if first == ".." else first), (last or first) + "T99"
    grid = tile_over(WEST, 13)
    numbers, valid, on_edge = newest_clear(
        [scene for scene in scenes if begin <= scene.time <= end], ("red", "nir"), grid
    )
    drawing = draw_one(folder, grid, image_request("red; nir", interval=parse_interval(day)))
    drawn = np.round(np.nan_to_num(drawing.values[0]) * 10000).astype(int)
    assert not (((drawing.valid != valid) | (drawn != numbers["red"] * valid)) & ~on_edge).any()


def test_masked_classes_are_never_drawn(archive: tuple[Path, list[MadeScene]]) -> None:
    folder, scenes = archive
    grid = tile_over(WEST, 13)
    one_day = parse_interval("2022-06-05")
    requests = [
        (grid, image_request("scl", str(number), interval=day)) for number in BY_NUMBER for day in (None, one_day)
    ]
    drawings = draw_all(folder, requests)
    expected_sample = sample(scenes[6].files["scl"], grid)
    for number, all_days, one in zip(BY_NUMBER, drawings[::2], drawings[1::2], strict=True):
        assert set(np.unique(all_days.values[0][all_days.valid]).astype(int)) == set(range(1, 12)) - {number}
        # An image of one scene has all other classes, and holes where the class is masked.
        assert not (
            (one.valid != (expected_sample.valid & (expected_sample.numbers != number))) & ~expected_sample.on_edge
        ).any()
        assert (one.values[0][one.valid] == expected_sample.numbers[one.valid]).all()


def test_the_report_lists_scenes_in_order_of_use(archive: tuple[Path, list[MadeScene]]) -> None:
    folder, scenes = archive
    drawing = draw_one(folder, tile_over(WEST, 13), image_request("red"))
    order = [scene.id for scene in scenes]
    first_batch = [scene.id for scene in drawing.report.used if scene.id in order[:6]]
    assert set(first_batch) == {"C_first", "D_second", "A_third", "B_fourth", "E", "F"} & set(first_batch)
    assert drawing.report.used[0].id == "C_first"
    assert not drawing.report.skipped
    assert not drawing.report.truncated


# Stored numbers and reflectance


@pytest.mark.parametrize(
    ("collection", "applied", "baseline", "offset"),
    [
        (C1, None, "05.00", -0.1),
        (C1, None, "02.00", -0.1),
        (L2A, True, "05.00", 0.0),
        (L2A, True, "03.01", 0.0),
        (L2A, False, "03.01", 0.0),
        (L2A, None, "03.00", 0.0),
    ],
)
def test_reflectance_has_the_offset_of_its_collection_and_baseline(
    tmp_path: Path, collection: str, applied: bool | None, baseline: str, offset: float
) -> None:
    bands = {
        "red": constant(WEST, 1500),
        "nir": constant(WEST, 4000),
        "scl": constant(WEST, 4, 20, np.uint8),
    }
    MadeScene("S", WEST, "2022-06-10T10:00:00Z", bands, collection, applied, baseline).write(tmp_path)
    values, ndvi = draw_all(
        tmp_path, [(tile_over(WEST, 14), image_request(formula)) for formula in ("red; nir; scl", NDVI)]
    )
    assert values.valid.any()
    red, nir, scl = values.values[:, values.valid]
    assert np.allclose(red, 0.15 + offset, atol=1e-6)
    assert np.allclose(nir, 0.4 + offset, atol=1e-6)
    assert (scl == 4).all()
    expected = (0.25) / (0.55 + 2 * offset)
    assert np.allclose(ndvi.values[0, ndvi.valid], expected, atol=1e-5)


SHADOW = (1350, 1150, 1100)
"""DN of blue, red and nir over shadow, with +1000."""


@pytest.mark.parametrize(
    ("darkest", "estimate"),
    [
        (SHADOW, "-0.1 (estimated from pixels)"),
        ((350, 150, 100), "0 (estimated from pixels)"),
        ((2500, 2500, 2500), "-0.1 (pixels cannot tell; as the item states)"),
    ],
)
@pytest.mark.parametrize("applied", [False, None])
def test_an_ambiguous_offset_is_detected_from_pixels(
    tmp_path: Path, darkest: tuple[int, int, int], estimate: str, applied: bool | None
) -> None:
    write_half_dark(tmp_path, darkest, applied)
    grid = tile_over(WEST, 14, 0.4, 0.5)
    for setting, expected in (
        ("detect", estimate),
        ("applied", "0 (assumed by SCOG_AMBIGUOUS_OFFSET)"),
        ("missing", "-0.1 (assumed by SCOG_AMBIGUOUS_OFFSET)"),
    ):
        drawing = draw_one(tmp_path, grid, image_request("nir"), ambiguous_offset=setting)
        offset = float(expected.split(" ")[0])
        assert np.allclose(drawing.values[0, drawing.valid].max(), 0.4 + offset, atol=1e-6)
        assert drawing.report.offset_lines() == [expected]


@pytest.mark.parametrize(
    ("applied", "choice", "expected"),
    [
        (False, 0.0, 0.0),
        (False, -0.1, -0.1),
        (True, -0.1, -0.1),
        (True, -0.05, -0.05),
        (True, None, 0.0),
        (True, "detect", -0.1),
        (False, "detect", -0.1),
    ],
)
def test_a_requested_offset_replaces_the_stated_and_the_assumed_one(
    tmp_path: Path, applied: bool, choice: Any, expected: float
) -> None:
    write_half_dark(tmp_path, SHADOW, applied)
    request = replace(image_request("nir; scl"), offset=choice)
    drawing = draw_one(tmp_path, tile_over(WEST, 14, 0.4, 0.5), request, ambiguous_offset="applied")
    assert np.allclose(drawing.values[0, drawing.valid].max(), 0.4 + expected, atol=1e-6)
    assert (drawing.values[1, drawing.valid] == 4).all()
    guessed = ["-0.1 (estimated from pixels)"] if choice == "detect" else []
    assert drawing.report.offset_lines() == guessed


def test_offsets_are_part_of_an_images_identity(tmp_path: Path) -> None:
    write_half_dark(tmp_path, SHADOW, applied=False)
    grid = tile_over(WEST, 14, 0.4, 0.5)
    offsets: list[Any] = [None, 0.0, -0.1, None]
    drawings = draw_all(tmp_path, [(grid, replace(image_request("nir"), offset=offset)) for offset in offsets])
    assert len({drawing.cache_id for drawing in drawings}) == 3
    assert [drawing.report.offset_lines() for drawing in drawings] == [
        ["-0.1 (estimated from pixels)"], [], [], ["-0.1 (estimated from pixels)"],
    ]  # fmt: skip


def write_half_dark(folder: Path, darkest: tuple[int, int, int], applied: bool | None) -> None:
    """A scene whose western half is dark, so that every overview has both halves."""
    bands = {"scl": constant(WEST, 4, 20, np.uint8)}
    for band, number, rest in zip(("blue", "red", "nir"), darkest, (1800, 2000, 4000), strict=True):
        bands[band] = constant(WEST, number)
        bands[band][:, 150:] = max(rest, number)
    MadeScene("S", WEST, "2022-06-10T10:00:00Z", bands, L2A, applied, "04.00").write(folder)


def test_reflectance_is_floored_at_0_and_0_over_0_is_invalid(tmp_path: Path) -> None:
    # Numbers of Collection 1: 500 means -0.05. Four quarters: positive, red below 0, both below 0, nodata.
    red, nir = constant(WEST, 2000), constant(WEST, 4000)
    red[:150, 150:], red[150:, :150], nir[150:, :150], nir[150:, 150:] = 500, 700, 500, 0
    bands = {"red": red, "nir": nir, "scl": constant(WEST, 4, 20, np.uint8)}
    MadeScene("S", WEST, "2022-06-10T10:00:00Z", bands, C1).write(tmp_path)
    grid = tile_over(WEST, 14)
    expected_sample = {band: sample(tmp_path / C1 / "S" / f"{band}.tif", grid) for band in ("red", "nir")}
    drawing = draw_one(tmp_path, grid, image_request(NDVI))
    numbers_red, numbers_nir = expected_sample["red"].numbers, expected_sample["nir"].numbers
    plain = expected_sample["red"].valid & (numbers_red == 2000) & (numbers_nir == 4000)
    dark = expected_sample["red"].valid & (numbers_red == 500)
    darker = numbers_red == 700
    nodata = numbers_nir == 0
    assert plain.any()
    assert dark.any()
    assert darker.any()
    assert np.allclose(drawing.values[0, plain], 0.2 / 0.4, atol=1e-6)
    assert (drawing.values[0, dark] == 1).all()
    assert not drawing.valid[darker].any()
    assert not drawing.valid[nodata].any()
    assert (drawing.valid == (plain | dark)).all()


def test_nodata_is_never_drawn(archive: tuple[Path, list[MadeScene]]) -> None:
    folder, _ = archive
    for formula in ("red", "nir", "min(red, nir)"):
        drawing = draw_one(folder, tile_over(WEST, 13), image_request(formula, "none"))
        assert drawing.valid.any()
        assert drawing.values[0, drawing.valid].min() > 0.09


def test_mask_dilation_is_in_metres(archive: tuple[Path, list[MadeScene]]) -> None:
    """Pixels within 45 m of a masked one are masked, also across the tile's edge. Nodata is not dilated."""
    folder, scenes = archive
    grid = tile_over(WEST, 15)
    request = image_request("red", interval=parse_interval("2022-06-05"))
    dilated = replace(request, mask=parse_mask("clouds", 45))
    plain, drawing, again = draw_all(folder, [(grid, request), (grid, dilated), (grid, dilated)])
    assert np.array_equal(drawing.values, again.values, equal_nan=True)
    assert np.array_equal(draw_one(folder, grid, dilated).values, again.values, equal_nan=True)
    a, _, left, _, e, top = tuple(grid.transform)[:6]
    wide = Grid(grid.crs, Affine(a, 0, left - 30 * a, 0, e, top - 30 * e), 316, 316)
    scl = sample(scenes[6].files["scl"], wide)
    masked = scl.valid & np.isin(scl.numbers, CLOUDY)
    metres = ndimage.distance_transform_edt(~masked)[30:-30, 30:-30] * a * math.cos(math.radians(WEST.lonlat()[1]))
    uncertain = (abs(metres - 45) < 0.2) | ndimage.binary_dilation(scl.on_edge, iterations=15)[30:-30, 30:-30]
    assert ((plain.valid & (metres > 45)) == drawing.valid)[~uncertain].all()
    assert drawing.valid.any()
    assert drawing.valid.sum() < 0.9 * plain.valid.sum()
    assert uncertain.mean() < 0.1
