"""Archives of every profile, served on sockets: values, indices, masks and quantities equal the encodings' oracle.

Crops on a file's own grid show each of its pixels; tiles, points, series and statistics have the same numbers.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
import shapely
from PIL import Image
from pyproj import Transformer

from scog.collections.built_in import built_in, names
from scog.collections.profiles import Profiles
from scog.geo.grid import tile_grid
from scog.settings import Settings
from tests.doubles.archives import pixel_centres
from tests.doubles.collections import BY_NAME, MADE, write_archives
from tests.doubles.collections.item import SIDE, Made, Mask2D, Values
from tests.doubles.zonal import exact_statistics
from tests.web.conftest import Served, served, tile_at

USUAL = [made for made in MADE if made.name != "naip-alpha"]
EVERY = pytest.mark.parametrize("made", USUAL, ids=[made.name for made in USUAL])
EXACT = {"rtol": 2e-6, "atol": 1e-7}
"""Tolerance of values in float32: its precision, and that of an offset of a tenth."""
INDICES: dict[str, tuple[tuple[str, ...], Callable[..., Values]]] = {
    "ndvi": (("nir", "red"), lambda n, r: (n - r) / (n + r)),
    "gndvi": (("nir", "green"), lambda n, g: (n - g) / (n + g)),
    "ndwi": (("green", "nir"), lambda g, n: (g - n) / (g + n)),
    "evi": (("nir", "red", "blue"), lambda n, r, b: 2.5 * (n - r) / (n + 6 * r - 7.5 * b + 1)),
    "savi": (("nir", "red"), lambda n, r: 1.5 * (n - r) / (n + r + 0.5)),
    "msavi": (("nir", "red"), lambda n, r: 0.5 * (2 * n + 1 - np.sqrt((2 * n + 1) ** 2 - 8 * (n - r)))),
    "osavi": (("nir", "red"), lambda n, r: (n - r) / (n + r + 0.16)),
    "mndwi": (("green", "swir16"), lambda g, s: (g - s) / (g + s)),
    "ndmi": (("nir", "swir16"), lambda n, s: (n - s) / (n + s)),
    "nbr": (("nir", "swir22"), lambda n, s: (n - s) / (n + s)),
    "ndbi": (("swir16", "nir"), lambda s, n: (s - n) / (s + n)),
    "ndsi": (("green", "swir16"), lambda g, s: (g - s) / (g + s)),
    "bsi": (("swir16", "red", "nir", "blue"), lambda s, r, n, b: ((s + r) - (n + b)) / ((s + r) + (n + b))),
}
"""Published formulas: bands, and the index of their values."""
PRESETS = {"true-color": ("red", "green", "blue"), "false-color": ("nir", "red", "green")}
ROUNDING = 1e-6
"""Relative error of a few operations in float32."""


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_archives(tmp_path_factory.mktemp("collections"))


@pytest.fixture(scope="module")
def server(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(Settings(catalog=str(archive), cache_dir=tmp_path_factory.mktemp("cache"))) as running:
        yield running


@pytest.fixture(scope="module")
def remote(server: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server whose catalogue is the STAC API of the other one, which it asks for the fields that it reads."""
    settings = Settings(
        catalog=f"{server.url}/stac", hosts=(urlsplit(server.url).netloc,), cache_dir=tmp_path_factory.mktemp("remote")
    )
    with served(settings) as running:
        yield running


def crop(server: Served, made: Made, finer: int, **query: str) -> Values:
    """The outputs `(output, y, x)` of a crop whose pixels are those of the files with pixels finer by a factor."""
    grid = made.grid(finer)
    box = ",".join(map(repr, grid.bounds))
    parameters = {"collection": made.collection, "coord_crs": grid.crs, "mask": "none"} | query
    response = server.get(f"/bbox/{box}/{grid.width}x{grid.height}.npy", params=parameters)
    assert response.status_code == 200, response.text
    assert response.headers["x-scog-used"] == made.scene, response.headers
    outputs: Values = np.load(io.BytesIO(response.content))
    assert outputs.dtype == np.float32
    return outputs


def assert_equal(found: Values, expected: Values, valid: Mask2D, **tolerance: float) -> None:
    """Each pixel is valid where it should be, and has the value of the oracle."""
    np.testing.assert_array_equal(np.isfinite(found), valid)
    assert valid.any()
    np.testing.assert_allclose(found[valid], expected[valid], **(tolerance or EXACT))


def bands_of(made: Made, archive: Path, bands: tuple[str, ...], finer: int) -> tuple[dict[str, Values], Mask2D]:
    """Values by band on one grid, and where all are valid."""
    layers = {band: made.values(archive, band, finer) for band in bands}
    return {band: values for band, (values, _) in layers.items()}, np.logical_and.reduce(
        [valid for _, valid in layers.values()]
    )


def test_every_profile_has_an_archive() -> None:
    assert {made.profile for made in MADE} | {"stac"} == set(names())


@EVERY
def test_an_item_is_read_by_its_profile(made: Made) -> None:
    keys = ["thumbnail", *(file.key for file in made.files)]
    assert Profiles().of_item(made.collection, keys).name == made.profile


@EVERY
def test_every_asset_is_known(made: Made) -> None:
    """Nothing is left to the words of items: it is the profile that says what an asset holds."""
    profile = built_in(made.profile)
    assert profile is not None
    known = {file.key: tuple(band.name for band in profile.by_asset[file.key]) for file in made.files}
    assert known == {file.key: file.bands if made.collection != "naip" else BY_NAME["naip"].files[0].bands
                     for file in made.files}  # fmt: skip


@EVERY
def test_every_band_equals_the_encoding(server: Served, archive: Path, made: Made) -> None:
    for file in made.files:
        for band in file.bands:
            values, valid = made.values(archive, band, file.finer)
            (found,) = crop(server, made, file.finer, expression=band)
            assert_equal(found, values, valid)


@EVERY
def test_indices_equal_their_published_formulas(server: Served, archive: Path, made: Made) -> None:
    possible = {name: each for name, each in INDICES.items() if set(each[0]) <= set(made.band_names)}
    if made.collection == "naip":  # the constants of other indices mean nothing in display numbers
        possible = {name: each for name, each in possible.items() if name in ("ndvi", "gndvi", "ndwi")}
    for name, (bands, formula) in possible.items():
        values, valid = bands_of(made, archive, bands, made.finest)
        expected, error = evaluated(formula, list(values.values()))
        (found,) = crop(server, made, made.finest, index=name)
        # Where a denominator is almost 0, neither validity nor digits are those of float64.
        wild = ~(error < 0.01) & ~np.isnan(expected)
        assert wild.mean() < 0.05
        valid &= np.isfinite(expected) & ~wild
        np.testing.assert_array_equal(np.isfinite(found)[~wild], valid[~wild])
        assert (abs(found - expected) <= error + ROUNDING * (1 + abs(expected)))[valid].all(), name


def evaluated(formula: Callable[..., Values], layers: list[Values]) -> tuple[Values, Values]:
    """The values of a formula, and how much they change if its bands are rounded."""
    with np.errstate(all="ignore"):
        values = formula(*layers)
        rounded = (
            formula(*(layer + sign * ROUNDING * (layer + 0.1) for layer, sign in zip(layers, signs, strict=True)))
            for signs in product((-1, 1), repeat=len(layers))
        )
        return values, np.max([abs(each - values) for each in rounded], axis=0)


@EVERY
def test_masks_hide_their_classes_or_bits(server: Served, archive: Path, made: Made) -> None:
    for mask in made.masks:
        finer = max(made.file_of(band).finer for band in ("red", made.mask_band))
        values, valid = made.values(archive, "red", finer)
        (found,) = crop(server, made, finer, expression="red", mask=mask)
        usable = made.usable(archive, mask, finer)
        assert 0.02 < usable.mean() < 0.95
        assert_equal(found, values, valid & usable)


@EVERY
def test_the_default_mask_hides_clouds(server: Served, archive: Path, made: Made) -> None:
    if not made.masks:
        return
    grid = made.grid(made.finest)
    box = ",".join(map(repr, grid.bounds))
    query = {"collection": made.collection, "coord_crs": grid.crs, "expression": "red"}
    response = server.get(f"/bbox/{box}/{grid.width}x{grid.height}.npy", params=query)
    assert response.status_code == 200, response.text
    values, valid = made.values(archive, "red", made.finest)
    (found,) = np.load(io.BytesIO(response.content))
    assert_equal(found, values, valid & made.usable(archive, "clouds", made.finest))


@EVERY
def test_quantities_equal_their_formulas(server: Served, archive: Path, made: Made) -> None:
    for name, quantity in made.quantities.items():
        values, valid = bands_of(made, archive, quantity.bands, 1)
        expected = quantity.formula(*values.values())
        (found,) = crop(server, made, 1, index=name)
        assert_equal(found, expected, valid & np.isfinite(expected), rtol=2e-6, atol=3e-5)


@EVERY
def test_presets_show_their_bands(server: Served, archive: Path, made: Made) -> None:
    presets = {name: bands for name, bands in PRESETS.items() if set(bands) <= set(made.band_names)}
    for name, bands in presets.items():
        layers = [made.values(archive, band, made.finest) for band in bands]
        valid = np.logical_and.reduce([valid for _, valid in layers])
        found = crop(server, made, made.finest, bands=name)
        for output, (values, _) in zip(found, layers, strict=True):
            assert_equal(output, values, valid)
    assert presets or "red" not in made.band_names
    if made.name == "sentinel-1-vv":
        (vv, vv_valid), (vh, vh_valid) = (made.values(archive, band, 1) for band in ("vv", "vh"))
        with np.errstate(all="ignore"):
            expected = [10 * np.log10(power) for power in (vv, vh, vv / vh)]
        valid = np.logical_and.reduce([vv_valid, vh_valid, *map(np.isfinite, expected)])
        for output, decibels in zip(crop(server, made, 1, bands="dual-pol"), expected, strict=True):
            assert_equal(output, decibels, valid, rtol=2e-6, atol=1e-5)


@EVERY
def test_a_remote_catalogue_gives_the_same(remote: Served, archive: Path, made: Made) -> None:
    """Its searches ask for some fields only, and for cloud cover only where items have it."""
    for file in (made.files[0], made.files[-1]):
        band = file.bands[0]
        (found,) = crop(remote, made, file.finer, expression=band, datetime="../..")
        assert_equal(found, *made.values(archive, band, file.finer))


@EVERY
def test_a_tile_shows_the_nearest_pixels(server: Served, archive: Path, made: Made) -> None:
    band = made.files[0].bands[0]
    finer = made.files[0].finer
    grid = made.grid(finer)
    lon, lat = made.lonlat(grid, grid.width / 2, grid.height / 2)
    zoom = 20 if made.collection == "naip" else 14
    address = tile_at(lon, lat, zoom)
    query = {"collection": made.collection, "expression": band, "mask": "none"}
    response = server.get(f"/tiles/{address}.npy", params=query)
    assert response.status_code == 200, response.text
    (found,) = np.load(io.BytesIO(response.content))
    expected, valid, on_edge = nearest(made, archive, band, address)
    assert (valid & ~on_edge).mean() > 0.05
    assert_equal(np.where(on_edge, np.nan, found), expected, valid & ~on_edge)


def nearest(made: Made, archive: Path, band: str, address: str) -> tuple[Values, Mask2D, Mask2D]:
    """Values of the nearest pixels on a tile's grid, where they are valid, and where a centre is on an edge."""
    zoom, x, y = map(int, address.split("/"))
    tile = tile_grid(zoom, x, y, 256)
    grid = made.grid(made.file_of(band).finer)
    columns, rows = ~grid.transform @ np.stack(pixel_centres(tile, grid.crs))
    inside = (columns >= 0) & (columns < grid.width) & (rows >= 0) & (rows < grid.height)
    on_edge = (abs(columns - np.round(columns)) < 1e-6) | (abs(rows - np.round(rows)) < 1e-6)
    values, valid = made.values(archive, band, made.file_of(band).finer)
    col, row = (np.where(inside, each, 0).astype(int) for each in (columns, rows))
    return values[row, col], valid[row, col] & inside, on_edge


@EVERY
def test_points_and_series_of_points_are_pixels(server: Served, archive: Path, made: Made) -> None:
    band = made.files[0].bands[0]
    finer = made.files[0].finer
    values, valid = made.values(archive, band, finer)
    grid = made.grid(finer)
    query = {"collection": made.collection, "expression": band, "mask": "none", "datetime": "../.."}
    for row, col in ((3, 5), (20, 41), (50, 9), (33, 33)):
        lon, lat = made.lonlat(grid, col + 0.5, row + 0.5)
        point = server.get(f"/point/{lon},{lat}", params=query)
        assert point.status_code == 200, point.text
        (value,) = point.json()["values"]
        series = server.get(f"/timeseries/{lon},{lat}", params=query)
        assert series.status_code == 200, series.text
        if valid[row, col]:
            assert value == pytest.approx(values[row, col], rel=2e-6, abs=1e-6)
            (observation,) = series.json()["observations"]
            assert observation["values"] == [pytest.approx(values[row, col], rel=2e-6, abs=1e-6)]
        else:
            assert value is None


@EVERY
def test_statistics_equal_exactextract(server: Served, archive: Path, made: Made) -> None:
    band = made.files[0].bands[0]
    finer = made.files[0].finer
    values, valid = made.values(archive, band, finer)
    grid = made.grid(finer)
    geometry = made.polygon((0.1, 0.2), (0.9, 0.1), (0.7, 0.9), (0.2, 0.7))
    to_grid = Transformer.from_crs(4326, grid.crs, always_xy=True)
    dense = shapely.segmentize(shapely.geometry.shape(geometry), 0.00005)
    polygon = shapely.transform(dense, lambda points: np.stack(to_grid.transform(*points.T), axis=1))
    expected = exact_statistics(
        np.where(valid, values, np.nan).astype(np.float32), grid, polygon, ["mean", "count", "stdev", "min", "max"]
    )
    query = {"collection": made.collection, "expression": band, "mask": "none", "datetime": "../.."}
    response = server.client.post("/statistics", params=query, json=geometry)
    assert response.status_code == 200, response.text
    (result,) = response.json()["properties"]["statistics"].values()
    assert result["mean"] == pytest.approx(expected["mean"], rel=1e-5)
    assert result["count"] == pytest.approx(expected["count"], rel=1e-4)
    assert result["std"] == pytest.approx(expected["stdev"], rel=1e-4)
    assert result["min"] == pytest.approx(expected["min"], rel=1e-5, abs=1e-6)
    assert result["max"] == pytest.approx(expected["max"], rel=1e-5)
    series = server.client.post("/timeseries", params=query, json=geometry)
    assert series.status_code == 200, series.text
    (row,) = series.json()["observations"]
    assert row["values"][0] == pytest.approx(expected["mean"], rel=1e-5)


@EVERY
def test_a_collection_is_drawn_without_further_parameters(server: Served, made: Made) -> None:
    grid = made.grid(1)
    lon, lat = made.lonlat(grid, grid.width / 2, grid.height / 2)
    zoom = 20 if made.collection == "naip" else 14
    response = server.get(f"/tiles/{tile_at(lon, lat, zoom)}", params={"collection": made.collection})
    if made.name == "sentinel-1-hh":  # the default is VV, which scenes over ice do not have
        assert "vv" in response.text or response.headers.get("x-scog-skipped"), response.text
        return
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "image/png"
    image = np.asarray(Image.open(io.BytesIO(response.content)).convert("RGBA"))
    opaque = image[..., 3] > 0
    assert opaque.mean() > 0.02
    assert len(np.unique(image[opaque], axis=0)) > 8


def test_older_aerial_images_have_no_near_infrared(server: Served) -> None:
    made = BY_NAME["naip-three-bands"]
    grid = made.grid(1)
    box = ",".join(map(repr, grid.bounds))
    query = {"collection": "naip", "coord_crs": grid.crs, "index": "ndvi"}
    response = server.get(f"/bbox/{box}/{grid.width}x{grid.height}.npy", params=query)
    assert "nir" in response.text + str(response.headers)
    assert response.status_code != 200 or not np.isfinite(np.load(io.BytesIO(response.content))).any()


def test_a_near_infrared_that_its_file_calls_alpha_is_a_value(server: Served, archive: Path) -> None:
    """As in https://github.com/microsoft/PlanetaryComputer/issues/82: where it is 0, other bands are values too."""
    made = BY_NAME["naip-alpha"]
    for band in ("red", "nir"):
        (found,) = crop(server, made, 1, expression=band)
        assert_equal(found, *made.values(archive, band, 1))


def test_both_hls_answer_as_one_collection(server: Served, archive: Path) -> None:
    """Each scene is read by the profile of its own collection: the near infrared of one is B8A, of the other B05."""
    for name in ("hls-s30", "hls-l30"):
        made = BY_NAME[name]
        grid = made.grid(1)
        box = ",".join(map(repr, grid.bounds))
        query = {"collection": "hls2-s30,hls2-l30", "coord_crs": grid.crs, "expression": "nir", "mask": "none"}
        response = server.get(f"/bbox/{box}/{SIDE}x{SIDE}.npy", params=query)
        assert response.status_code == 200, response.text
        (found,) = np.load(io.BytesIO(response.content))
        assert_equal(found, *made.values(archive, "nir", 1))
        refused = server.get(f"/bbox/{box}/{SIDE}x{SIDE}.npy", params=query | {"expression": "B05"})
        assert refused.status_code == 400
        assert "ambiguous" in refused.json()["detail"]
