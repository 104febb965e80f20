"""Masks of any type through a server: images, series and cubes equal rasterio and numpy on the same files."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pyproj import Transformer

from scog.geo.grid import Grid, tile_grid
from scog.settings import Settings
from tests.doubles.archives import C1, MadeScene, Square, constant, positions, sample, write_cog
from tests.web.conftest import Served, is_problem, served, tile_at

SQUARE = Square("32TQK", 32632, 700_000, 5_000_040, 300)
ELSEWHERE = Square("32TRK", 32632, 780_000, 5_000_040, 300)
PROFILE = """
name = "fields"
title = "Reflectance with a bit field"
collections = ["bits"]
default = "redness"
default_mask = "clouds"
[[layers]]
name = "redness"
expression = "red"
range = [0, 0.4]
[[bands]]
name = "red"
unit = "reflectance"
scale = 0.0000275
offset = -0.2
nodata = 0
[[bands]]
name = "qa_pixel"
bits = true
scale = 1
offset = 0
[mask]
band = "qa_pixel"
bits = true
invalid = ["fill"]
invalid_values = [21824]
names = { fill = 0, dilated = 1, cirrus = 2, cloud = 3, shadow = 4, snow = 5, clear = 6, water = 7 }
sets = { clouds = [1, 2, 3, 4], snow = [5], water = [7] }
"""
RNG = np.random.default_rng(8)
Mask2D = NDArray[np.bool_]


@dataclass
class FieldsScene(MadeScene):
    """A scene whose item says nothing about its bands, and with files without nodata but for red."""

    def item(self) -> dict[str, Any]:
        """The item with hrefs only."""
        item = super().item()
        for asset in item["assets"].values():
            del asset["raster:bands"]
        return item


def classified(square: Square, dtype: type, values: Any) -> NDArray[Any]:
    """Random numbers in pixels of 20 m, in blocks of 2 x 2."""
    count = square.size // 4
    return np.kron(RNG.choice(values, (count, count)), np.ones((2, 2))).astype(dtype)


def c1(name: str, square: Square, time: str, *left_out: str) -> MadeScene:
    """A scene of Collection 1. Class 8 is where the cloud probability is above 60."""
    cloud = classified(square, np.uint8, [0, 1, 39, 40, 41, 60, 61, 100])
    scl = np.where(cloud > 60, 8, classified(square, np.uint8, [0, 2, 3, 4, 5, 6, 9, 10, 11])).astype(np.uint8)
    bands = {"red": positions(square, across=True), "nir": positions(square, across=False) + 3000, "scl": scl}
    bands |= {"cloud": cloud, "snow": constant(square, 1, 20, np.uint8)}
    return MadeScene(name, square, time, {k: v for k, v in bands.items() if k not in left_out}, collection=C1)


def fields(name: str, square: Square, time: str) -> FieldsScene:
    qa = classified(square, np.uint16, [1, 64, 68, 72, 80, 96, 192, 21824, 21952, 22280, 23888, 55052, 32768])
    bands = {"red": positions(square, across=True) + 9000, "qa_pixel": qa}
    return FieldsScene(name, square, time, bands, collection="bits")


@dataclass(frozen=True)
class Made:
    """A server and its scenes by name."""

    server: Served
    folder: Path
    scenes: dict[str, MadeScene]

    def values(self, query: str, square: Square = SQUARE, zoom: int = 14) -> tuple[NDArray[np.float32], Grid, Any]:
        """Values `(y, x)` of a tile over the centre of a square, its grid, and the response's headers."""
        address = tile_at(*square.lonlat(), zoom)
        response = self.server.get(f"/tiles/{address}.npy?datetime=../..&{query}")
        assert response.status_code == 200, response.text
        z, x, y = map(int, address.split("/"))
        return np.load(io.BytesIO(response.content))[0], tile_grid(z, x, y, 256), response.headers


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    folder = tmp_path_factory.mktemp("masks")
    (folder / "fields.toml").write_text(PROFILE)
    scenes = [
        c1("probable", SQUARE, "2024-06-12T10:10:31Z"),
        c1("bare", ELSEWHERE, "2024-06-07T10:10:31Z", "cloud"),
        fields("flagged", SQUARE, "2023-06-12T10:10:31Z"),
    ]
    for scene in scenes:
        scene.write(folder)
        if "qa_pixel" in scene.files:
            corner = scene.square.crs, scene.square.left, scene.square.top
            write_cog(scene.files["qa_pixel"], scene.bands["qa_pixel"], *corner, 20, nodata=None)
    with served(Settings(catalog=str(folder), cache_dir=tmp_path_factory.mktemp("cache"))) as running:
        yield Made(running, folder, {scene.id: scene for scene in scenes})


C1_QUERY, BITS_QUERY = f"collection={C1}&bands=red", "collection=bits&bands=red"
REFLECTANCE: dict[str, Callable[[Any], Any]] = {
    "probable": lambda number: np.maximum(np.float32(0.0001) * number.astype(np.float32) - np.float32(0.1), 0),
    "flagged": lambda number: np.maximum(np.float32(0.0000275) * number.astype(np.float32) - np.float32(0.2), 0),
}


def check(made: Made, scene_id: str, query: str, usable: Callable[..., Mask2D], *mask_bands: str) -> None:
    """Compare a tile with the files: red where `usable` of the mask's bands and the grid, NaN elsewhere."""
    values, grid, headers = made.values(query)
    scene = made.scenes[scene_id]
    red = sample(scene.files["red"], grid)
    others = [sample(scene.files[band], grid) for band in mask_bands]
    certain = ~np.logical_or.reduce([red.on_edge, *(other.on_edge for other in others)])
    expected_valid = red.valid & usable(*(other.numbers.astype(np.int64) for other in others))
    assert certain.mean() > 0.99
    assert 0.02 < expected_valid.mean() < 0.98
    np.testing.assert_array_equal(np.isfinite(values)[certain], expected_valid[certain])
    shown = certain & expected_valid
    np.testing.assert_allclose(values[shown], REFLECTANCE[scene_id](red.numbers[shown]), atol=1e-6)
    assert "X-Scog-Unmasked" not in headers


# Probabilities and classes

CLEAR = {2, 4, 5, 6, 11}
C1_MASKS: dict[str, tuple[Callable[..., Mask2D], tuple[str, ...]]] = {
    "cloud > 40": (lambda cloud: cloud <= 40, ("cloud",)),
    "cloud%20>%2040": (lambda cloud: cloud <= 40, ("cloud",)),
    "cloud == 0": (lambda cloud: cloud != 0, ("cloud",)),
    "clouds": (lambda scl: np.isin(scl, [*CLEAR]), ("scl",)),
    "clouds,snow": (lambda scl: np.isin(scl, [*CLEAR - {11}]), ("scl",)),
    "water": (lambda scl: ~np.isin(scl, [0, 6]), ("scl",)),
    "3,cirrus": (lambda scl: ~np.isin(scl, [0, 3, 10]), ("scl",)),
    "clouds,cloud>40": (lambda scl, cloud: np.isin(scl, [*CLEAR]) & (cloud <= 40), ("scl", "cloud")),
    "scl == 3": (lambda scl: ~np.isin(scl, [0, 3]), ("scl",)),
    "where(scl == 6, cloud > 0, scl == 9)": (
        lambda scl, cloud: (scl != 0) & ~np.where(scl == 6, cloud > 0, scl == 9), ("scl", "cloud"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("composite", ["newest", "median"])
@pytest.mark.parametrize("mask", C1_MASKS)
def test_masks_of_sentinel_2(made: Made, mask: str, composite: str) -> None:
    usable, bands = C1_MASKS[mask]
    check(made, "probable", f"{C1_QUERY}&mask={mask}&composite={composite}", usable, *bands)


def test_the_default_mask_is_the_collections(made: Made) -> None:
    check(made, "probable", C1_QUERY, C1_MASKS["clouds"][0], "scl")
    check(made, "flagged", BITS_QUERY, BITS_MASKS["clouds"][0], "qa_pixel")


def test_an_expression_sees_reflectance(made: Made) -> None:
    """Band math and masks share one idea of a value, floor and requested offset included."""
    red_of = REFLECTANCE["probable"]
    check(made, "probable", f"{C1_QUERY}&mask=red > 0.015", lambda red: red_of(red) <= np.float32(0.015), "red")
    values, _, _ = made.values(f"{C1_QUERY}&mask=red > 0.115&offset=0")
    assert np.nanmax(values) <= 0.115
    assert np.nanmin(values) >= 0.1


@pytest.mark.parametrize("resampling", ["bilinear", "average", "mode", "cubic"])
@pytest.mark.parametrize("composite", ["newest", "median"])
def test_masks_are_nearest_with_any_resampling(made: Made, resampling: str, composite: str) -> None:
    for mask in ("cloud > 40", "clouds", "red > 0.015"):
        query = f"{C1_QUERY}&composite={composite}&mask={mask}"
        nearest, _, _ = made.values(query)
        resampled, _, _ = made.values(f"{query}&resampling={resampling}")
        np.testing.assert_array_equal(np.isfinite(resampled), np.isfinite(nearest))
        assert np.nanmax(np.abs(resampled - nearest)) > 0


@pytest.mark.parametrize("resampling", ["bilinear", "mode"])
@pytest.mark.parametrize("mask", ["cloud > 40", "clouds", "red > 0.015"])
def test_masks_are_nearest_if_nothing_is_in_memory(made: Made, mask: str, resampling: str, tmp_path: Path) -> None:
    """The mask's bands are then read together with the others if their method is the same."""
    query = f"{C1_QUERY}&composite=median&mask={mask}"
    nearest, _, _ = made.values(query)
    with served(Settings(catalog=str(made.folder), cache_dir=tmp_path)) as fresh:
        resampled, _, _ = replace(made, server=fresh).values(f"{query}&resampling={resampling}")
    np.testing.assert_array_equal(np.isfinite(resampled), np.isfinite(nearest))


# Bits


def set_bits(*bits: int) -> Callable[[Any], Mask2D]:
    """Usable pixels: no data is bit 0 and the value 21824."""
    wanted = sum(1 << bit for bit in bits)
    return lambda qa: ((qa & 1) == 0) & (qa != 21824) & ((qa & wanted) == 0)


BITS_MASKS: dict[str, tuple[Callable[..., Mask2D], tuple[str, ...]]] = {
    "clouds": (set_bits(1, 2, 3, 4), ("qa_pixel",)),
    "1,2,3,4": (set_bits(1, 2, 3, 4), ("qa_pixel",)),
    "snow,cirrus": (set_bits(5, 2), ("qa_pixel",)),
    "water,7": (set_bits(7), ("qa_pixel",)),
    "bit(qa_pixel, 3)": (lambda qa: (qa & 8) == 0, ("qa_pixel",)),
    "bit(qa_pixel,15)": (lambda qa: (qa & 32768) == 0, ("qa_pixel",)),
    "clouds,bit(qa_pixel, 15)": (
        lambda qa, again: set_bits(1, 2, 3, 4)(qa) & ((again & 32768) == 0), ("qa_pixel", "qa_pixel"),
    ),
    "qa_pixel > 30000": (lambda qa: qa <= 30000, ("qa_pixel",)),
}  # fmt: skip


@pytest.mark.parametrize("composite", ["newest", "median"])
@pytest.mark.parametrize("mask", BITS_MASKS)
def test_masks_of_bit_fields(made: Made, mask: str, composite: str) -> None:
    usable, bands = BITS_MASKS[mask]
    check(made, "flagged", f"{BITS_QUERY}&mask={mask}&composite={composite}", usable, *bands)


def test_equal_masks_are_one_image(made: Made) -> None:
    for query, spellings in {
        C1_QUERY: ["clouds", "0,1,3,8,9,10", "10, 9,8,3,1,0,8"], BITS_QUERY: ["clouds", "4,3,2,1", "1,2,3,cloud,shadow"]
    }.items():  # fmt: skip
        etags = {made.values(f"{query}&mask={spelling}")[2]["ETag"] for spelling in spellings}
        assert len(etags) == 1
        _, _, headers = made.values(f"{query}&mask={spellings[-1]}")
        assert headers["X-Scog-Upstream"].startswith("requests=0;")


# Several collections


def test_each_scene_is_masked_by_its_own_collection(made: Made) -> None:
    """The older scene shows where the newer one is masked."""
    for mask in ("clouds", "snow"):
        joint, _, headers = made.values(f"collection={C1},bits&bands=red&mask={mask}")
        newer, _, _ = made.values(f"{C1_QUERY}&mask={mask}")
        older, _, _ = made.values(f"{BITS_QUERY}&mask={mask}")
        np.testing.assert_array_equal(joint, np.where(np.isfinite(newer), newer, older))
        assert np.isfinite(newer).any()
        assert (np.isfinite(older) & ~np.isfinite(newer)).any()
        assert "X-Scog-Unmasked" not in headers


def test_a_set_of_one_collection_is_reported_for_the_other(made: Made) -> None:
    joint, _, headers = made.values(f"collection={C1},bits&bands=red&mask=dilated,clouds")
    newer, _, _ = made.values(f"{C1_QUERY}&mask=clouds")
    older, _, _ = made.values(f"{BITS_QUERY}&mask=clouds")
    np.testing.assert_array_equal(joint, np.where(np.isfinite(newer), newer, older))
    assert headers["X-Scog-Unmasked"] == "probable;no-dilated"


def test_numbers_of_classes_and_bits_are_not_mixed(made: Made) -> None:
    problem = is_problem(made.server.get(f"/tiles/14/0/0.npy?collection={C1},bits&bands=red&mask=3"), 400)
    assert problem["parameter"] == "mask"
    assert "a class of scl or a bit of qa_pixel" in problem["detail"]


# Missing bands


def test_a_scene_without_the_bands_of_an_expression_is_used_and_named(made: Made) -> None:
    unmasked, _, _ = made.values(f"{C1_QUERY}&mask=none", ELSEWHERE)
    values, _, headers = made.values(f"{C1_QUERY}&mask=cloud > 40", ELSEWHERE)
    np.testing.assert_array_equal(values, unmasked)
    assert headers["X-Scog-Unmasked"] == "bare;no-cloud"
    clear, _, _ = made.values(f"{C1_QUERY}&mask=clouds", ELSEWHERE)
    values, _, headers = made.values(f"{C1_QUERY}&mask=clouds, cloud > 40", ELSEWHERE)
    np.testing.assert_array_equal(values, clear)
    assert np.isnan(clear).any()
    assert headers["X-Scog-Unmasked"] == "bare;no-cloud"


# Dilation


@pytest.mark.parametrize("composite", ["newest", "median"])
def test_any_mask_can_be_dilated(made: Made, composite: str) -> None:
    """Class 8 is where the probability is above 60, on the same pixels."""
    query = f"{C1_QUERY}&composite={composite}&mask_dilate=30"
    by_class, _, _ = made.values(f"{query}&mask=8")
    by_value, _, _ = made.values(f"{query}&mask=cloud > 60")
    undilated, grid, _ = made.values(f"{C1_QUERY}&mask=8")
    scl = sample(made.scenes["probable"].files["scl"], grid)
    known = scl.valid & ~scl.on_edge
    np.testing.assert_array_equal(by_class[known], by_value[known])
    assert np.isfinite(by_class).sum() < 0.7 * np.isfinite(undilated).sum()
    fill = f"{BITS_QUERY}&mask=fill"
    dilated_fill, _, _ = made.values(f"{fill}&mask_dilate=30")
    np.testing.assert_array_equal(dilated_fill, made.values(fill)[0])


# Series and cubes


def test_series_at_pixel_centres_equal_the_files(made: Made) -> None:
    scene = made.scenes["flagged"]
    to_degrees = Transformer.from_crs(SQUARE.epsg, 4326, always_xy=True)
    seen = set()
    for index in range(6, 140, 6):
        col, row = 2 * index + 1, 290 - 2 * index
        lon, lat = to_degrees.transform(SQUARE.left + 10 * col + 5, SQUARE.top - 10 * row - 5)
        qa, red = int(scene.bands["qa_pixel"][row // 2, col // 2]), int(scene.bands["red"][row, col])
        response = made.server.get(
            f"/timeseries/{lon:.7f},{lat:.7f}?{BITS_QUERY}&datetime=../..&mask=clouds,bit(qa_pixel, 15)"
        )
        assert response.status_code == 200, response.text
        (entry,) = response.json()["observations"]
        is_known = qa & 1 == 0 and qa != 21824
        is_masked = qa >> 15 & 1 or (is_known and qa & 0b11110)
        seen.add((bool(is_known), bool(is_masked)))
        if is_known and not is_masked:
            assert entry["values"] == [pytest.approx(red * 0.0000275 - 0.2, abs=1e-4)]
        else:
            assert entry["values"] == [None]
            assert entry["reason"] == ("masked" if is_masked else "no-data")
    assert len(seen) > 2


def test_cubes_keep_the_canonical_mask(made: Made) -> None:
    body = {
        "collection": C1,
        "bands": "red",
        "datetime": "../..",
        "mask": " cloud>40.0,10,9,8,3,1,0",
        "mask_dilate": 20,
    }
    created = made.server.client.post("/cubes", json=body)
    assert created.status_code == 201, created.text
    cube = created.json()
    again = made.server.client.post("/cubes", json=body | {"mask": "clouds,cloud > 40"})
    assert again.json()["id"] == cube["id"]
    address = tile_at(*SQUARE.lonlat(), 14)
    tile = made.server.get(f"/cubes/{cube['id']}/tiles/{address}.npy")
    assert tile.status_code == 200, tile.text
    expected, _, _ = made.values(f"{C1_QUERY}&mask=clouds,cloud > 40&mask_dilate=20")
    np.testing.assert_array_equal(np.load(io.BytesIO(tile.content))[0], expected)


# Errors


@pytest.mark.parametrize(
    ("query", "text"),
    [
        (f"{C1_QUERY}&mask=cluods", "did you mean clouds or cloud?"),
        (f"{C1_QUERY}&mask=12", "There is no class '12' in scl."),
        (f"{BITS_QUERY}&mask=8", "There is no bit '8' in qa_pixel."),
        (f"{BITS_QUERY}&mask=cirrus_high", "no set, class or bit 'cirrus_high'"),
        (f"{C1_QUERY}&mask=clouds,clowd > 40", "there is no band 'clowd'; did you mean cloud"),
        (f"{C1_QUERY}&mask=cloud > 40; 1", "2 outputs"),
        (f"{C1_QUERY}&mask=none&mask_dilate=10", "no effect"),
    ],
)
def test_errors(made: Made, query: str, text: str) -> None:
    problem = is_problem(made.server.get(f"/tiles/14/8000/8000.npy?{query}"), 400)
    assert problem["parameter"].startswith("mask")
    assert text in problem["detail"]
    assert problem["valid"]


def test_an_unescaped_plus_in_a_mask_is_restored(made: Made) -> None:
    escaped, _, _ = made.values(f"{C1_QUERY}&mask=clouds,nir%2Bred > 0.3")
    unescaped, _, _ = made.values(f"{C1_QUERY}&mask=clouds,nir+red > 0.3")
    np.testing.assert_array_equal(unescaped, escaped)
