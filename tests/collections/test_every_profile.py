"""Archives of every profile, served on sockets: values, indices, masks and quantities equal the encodings' oracle.

Crops on a file's own grid show each of its pixels. `test_every_route.py` has tiles, points, series and statistics.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image

from scog.collections.built_in import built_in, names
from scog.collections.profiles import Profiles
from scog.settings import Settings
from tests.doubles.collections import BY_NAME, MADE, write_archives
from tests.doubles.collections.item import SIDE, Made, Mask2D, Values, repeated
from tests.doubles.collections.variable import index_of, indices_of
from tests.web.conftest import Served, served, tile_at

USUAL = [made for made in MADE if made.name != "naip-alpha"]
EVERY = pytest.mark.parametrize("made", USUAL, ids=[made.name for made in USUAL])
EXACT = {"rtol": 2e-6, "atol": 1e-7}
"""Tolerance of values in float32: its precision, and that of an offset of a tenth."""
PRESETS = {"true-color": ("red", "green", "blue"), "false-color": ("nir", "red", "green")}


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
    assert {made.profile for made in MADE} == set(names())


@EVERY
def test_an_item_is_read_by_its_profile(made: Made) -> None:
    keys = ["thumbnail", *(file.key for file in made.files)]
    assert Profiles().of_item(made.collection, keys).name == made.profile


@EVERY
def test_every_asset_is_known(made: Made) -> None:
    """Nothing is left to the words of items: it is the profile that says what an asset holds."""
    if made.profile == "stac":
        return
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
    for name in indices_of(made):
        index = index_of(made, archive, name)
        (found,), (expected,), (error,) = crop(server, made, made.finest, index=name), index.outputs, index.error
        expected, error, valid, certain = (
            repeated(each, made.finest) for each in (expected, error, index.valid, index.certain)
        )
        assert certain.mean() > 0.95
        np.testing.assert_array_equal(np.isfinite(found)[certain], valid[certain])
        assert (abs(found - expected) <= error)[valid & certain].all(), name


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
