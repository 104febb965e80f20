"""Binding assets to files: the band that is read, its scale and offset, and its georeference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyproj
import pytest
import rasterio.crs
from affine import Affine
from numpy.typing import NDArray
from rasterio.control import GroundControlPoint
from rasterio.enums import ColorInterp, Resampling
from rasterio.io import MemoryFile
from rasterio.rpc import RPC
from rasterio.transform import GCPTransformer

from scog.catalog.assets import Asset
from scog.catalog.proj_extension import Georeference
from scog.cog.metadata import FileMetadata
from scog.errors import AssetRefused
from scog.geo.grid import Grid, tile_grid
from scog.imaging.asset_binding import bind_asset
from scog.imaging.band_reader import BandData, BandRequest
from scog.net.policy import UpstreamStats
from tests.doubles.range_server import RangeServer
from tests.doubles.rasters import CRS, TRANSFORM, encoded
from tests.doubles.reading import run
from tests.imaging.test_band_reader import layers_of, scene

pytestmark = pytest.mark.usefixtures("transport_slowly")

HEIGHT, WIDTH = 200, 300
WHOLE = Grid(CRS, TRANSFORM, WIDTH, HEIGHT)
BANDS = np.stack([encoded(HEIGHT, WIDTH, "uint16", band) for band in (1, 2, 3, 4)])


def tiff(numbers: NDArray[Any] = BANDS, *, overviews: bool = False, **options: Any) -> bytes:
    """A GeoTIFF. `options` are creation options, and descriptions, scales, offsets, colorinterp and gcps."""
    dataset_options = {
        name: options.pop(name)
        for name in ("descriptions", "scales", "offsets", "colorinterp", "gcps")
        if name in options
    }
    tiled = {"tiled": True, "blockxsize": 64, "blockysize": 64, "compress": "DEFLATE"}
    profile = {"crs": CRS, "transform": TRANSFORM, "dtype": numbers.dtype.name, **tiled} | options
    count, height, width = numbers.shape
    with MemoryFile() as memory:
        with memory.open(driver="GTiff", count=count, height=height, width=width, **profile) as dataset:
            for name, value in dataset_options.items():
                setattr(dataset, name, value)
            dataset.write(numbers)
        if overviews:
            with rasterio.open(memory.name, "r+") as dataset:
                dataset.build_overviews([2, 4], Resampling.nearest)
        return bytes(memory.getbuffer())


def read(data: bytes, where: Grid = WHOLE, name: str = "red", **asset: Any) -> BandData:
    """A layer of a file; the cached layer must be equal."""

    async def work() -> BandData:
        with RangeServer() as server:
            one = scene(**{name: Asset(server.put("/a.tif", data), **asset)})
            async with layers_of(server) as layers:
                request = BandRequest(one, [name], where)
                result = await layers.compute(request, lambda layers: layers[name], UpstreamStats())
                cached = layers.cached(request)
                assert cached is not None
                np.testing.assert_array_equal(cached[name].values(), result.values())
                np.testing.assert_array_equal(cached[name].valid, result.valid)
                return result

    return run(work())


def refused(data: bytes, **asset: Any) -> AssetRefused:
    with pytest.raises(AssetRefused) as caught:
        read(data, **asset)
    return caught.value


def described(data: bytes) -> FileMetadata:
    async def work() -> FileMetadata:
        with RangeServer() as server:
            async with layers_of(server) as layers:
                return await layers._reader.read_metadata(server.put("/a.tif", data), UpstreamStats())

    return run(work())


# Band


@pytest.mark.parametrize("interleave", ["pixel", "band"])
def test_the_item_selects_the_band(interleave: str) -> None:
    data = tiff(interleave=interleave)
    for number in (1, 2, 3, 4):
        np.testing.assert_array_equal(read(data, band=number).numbers, BANDS[number - 1])


def test_a_single_band_needs_no_name_and_alpha_does_not_count() -> None:
    np.testing.assert_array_equal(read(tiff(BANDS[:1])).numbers, BANDS[0])
    opaque = np.stack([BANDS[0], np.full_like(BANDS[0], 65535)])
    both = tiff(opaque, colorinterp=(ColorInterp.gray, ColorInterp.alpha))
    np.testing.assert_array_equal(read(both).numbers, BANDS[0])


def test_band_descriptions_in_the_file_are_used_if_the_item_has_none() -> None:
    data = tiff(descriptions=("Blue", "green", " RED ", "nir"))
    for name, number in (("blue", 0), ("green", 1), ("red", 2), ("nir", 3)):
        np.testing.assert_array_equal(read(data, name=name).numbers, BANDS[number])
    np.testing.assert_array_equal(read(data, name="red", band=1).numbers, BANDS[0])  # the item takes precedence


@pytest.mark.parametrize(
    "descriptions", [(None,) * 4, ("a", "b", "c", "d"), ("red", "red", "b", "c"), ("B2", "B3", "B4", "B8")]
)
def test_an_ambiguous_band_is_refused(descriptions: tuple[str | None, ...]) -> None:
    error = refused(tiff(descriptions=descriptions))
    assert error.reason == "several-bands"
    listed = ", ".join(f"{number} {name or ''}".strip() for number, name in enumerate(descriptions, start=1))
    assert f"The file has 4 bands ({listed}), and the item does not say which is red" in str(error)
    assert '"eo:bands" or "bands"' in str(error)


def test_a_band_number_beyond_the_file_is_refused() -> None:
    error = refused(tiff(BANDS[:2]), band=3)
    assert (error.reason, str(error)) == (
        "no-such-band",
        "By item or profile red is band 3 of the file, but it has 2 bands (1, 2).",
    )
    assert refused(tiff(BANDS[:1]), band=2).reason == "no-such-band"


# Scale and offset


def test_scale_and_offset_of_the_item_take_precedence_over_tags_of_the_band() -> None:
    data = tiff(scales=(0.5, 2.0, 1.0, 0.1), offsets=(0.0, -10.0, 3.0, 0.0))
    for number, (scale, offset) in enumerate([(0.5, 0.0), (2.0, -10.0), (1.0, 3.0), (0.1, 0.0)], start=1):
        tagged, overridden = read(data, band=number, scale=None), read(data, band=number, scale=7.0, offset=1.0)
        assert (tagged.scale, tagged.offset) == (scale, offset)
        assert (overridden.scale, overridden.offset) == (7.0, 1.0)
        expected = BANDS[number - 1].astype(np.float32) * np.float32(scale) + np.float32(offset)
        np.testing.assert_array_equal(tagged.values(), expected)
    single = tiff(BANDS[:1], scales=(0.25,), offsets=(5.0,))
    assert (read(single, scale=None).scale, read(single, scale=None).offset) == (0.25, 5.0)
    assert (read(tiff(BANDS[:1]), scale=None).scale, read(tiff(BANDS[:1]), scale=None).offset) == (1.0, 0.0)


@pytest.mark.parametrize(("scale", "offset"), [(0.0, 0.0), (float("nan"), 0.0), (1.0, float("inf"))])
def test_invalid_scale_and_offset_tags_are_ignored(scale: float, offset: float) -> None:
    result = read(tiff(BANDS[:1], scales=(scale,), offsets=(offset,)), scale=None)
    assert (result.scale, result.offset) == (1.0, 0.0)


@pytest.mark.parametrize(("scale", "offset"), [(0.0, 7.0), (float("nan"), 7.0), (0.5, float("inf"))])
def test_invalid_tags_are_noted(scale: float, offset: float) -> None:
    """Neither of scale and offset counts if one is invalid."""

    async def work() -> Asset:
        with RangeServer() as server:
            url = server.put("/a.tif", tiff(BANDS[:1], scales=(scale,), offsets=(offset,)))
            async with layers_of(server) as layers:
                header = await layers._reader.read_metadata(url, UpstreamStats())
                return bind_asset(Asset(url, scale=None), "red", header)[0]

    bound = run(work())
    assert (bound.scale, bound.offset) == (1.0, 0.0)
    tags = f"scale {scale:g} and offset {offset:g} of the file's tags are ignored"
    assert bound.notes == (f"red: {tags}; values are as stored",)


# Georeference


def unplaced(**options: Any) -> bytes:
    return tiff(BANDS[:1], **{"crs": None, "transform": None, **options})


TEN = tuple(TRANSFORM)[:6]


@pytest.mark.parametrize(
    "crs", [CRS, pyproj.CRS(CRS).to_wkt(), pyproj.CRS(CRS).to_json()], ids=["code", "wkt2", "projjson"]
)
@pytest.mark.parametrize("file", [{}, {"transform": TRANSFORM}], ids=["no georeference", "a transform"])
@pytest.mark.parametrize("shape", [None, (HEIGHT, WIDTH)])
def test_the_item_georeferences_a_file_that_has_none(crs: str, file: Any, shape: Any) -> None:
    result = read(unplaced(**file), georeference=Georeference(crs, TEN, shape))
    np.testing.assert_array_equal(result.numbers, BANDS[0])
    assert result.valid.all()


def test_the_item_georeferences_overviews_too() -> None:
    coarse = Grid(CRS, TRANSFORM @ Affine.scale(4), WIDTH // 4, HEIGHT // 4)
    placed, expected = (
        read(data, coarse, georeference=Georeference(CRS, TEN, None))
        for data in (unplaced(overviews=True), tiff(BANDS[:1], overviews=True))
    )
    np.testing.assert_array_equal(placed.numbers, expected.numbers)
    assert placed.valid.all()


def test_the_files_georeference_takes_precedence() -> None:
    other = Georeference("EPSG:3857", (1.0, 0.0, 0.0, 0.0, -1.0, 0.0), (7, 7))
    np.testing.assert_array_equal(read(tiff(BANDS[:1]), georeference=other).numbers, BANDS[0])
    moved = Georeference(CRS, (1.0, 0.0, 0.0, 0.0, -1.0, 0.0), (HEIGHT, WIDTH))
    np.testing.assert_array_equal(read(unplaced(transform=TRANSFORM), georeference=moved).numbers, BANDS[0])


@pytest.mark.parametrize(
    ("georeference", "reason", "fragment"),
    [
        (None, "no-crs", "no CRS or transform; its item needs proj:code and proj:transform"),
        (Georeference(None, TEN, None), "no-crs", "no CRS or transform"),
        (Georeference(CRS, None, None), "no-crs", "no CRS or transform"),
        (
            Georeference(CRS, TEN, (10, 20)),
            "shape-mismatch",
            "proj:shape [10, 20], but the file has 200 rows and 300 columns",
        ),
        (Georeference("EPSG:32767", TEN, None), "no-crs", "PROJ cannot read the CRS 'EPSG:32767'"),
        (Georeference("EPSG:5703", TEN, None), "no-crs", "Vertical CRS"),
        (Georeference("EPSG:4978", TEN, None), "no-crs", "Geocentric CRS"),
        (Georeference(CRS, (0.0, 0.0, 0.0, 0.0, -1.0, 0.0), None), "no-crs", "is singular"),
    ],
)
def test_invalid_georeferences_are_refused(georeference: Georeference | None, reason: str, fragment: str) -> None:
    error = refused(unplaced(), georeference=georeference)
    assert error.reason == reason
    assert fragment in str(error)


def test_a_local_crs_is_refused() -> None:
    error = refused(tiff(BANDS[:1], crs='LOCAL_CS["the quarry",UNIT["metre",1]]'))
    assert error.reason == "no-crs"
    assert "'the quarry' has the type Engineering CRS" in str(error)


# Ground control points


def control_points(count: int, noise: float, crs: str = CRS) -> list[GroundControlPoint]:
    rng = np.random.default_rng(count)
    if count == 4:
        places = [(0.0, 0.0), (0.0, WIDTH), (HEIGHT, 0.0), (HEIGHT, WIDTH)]
    else:
        places = list(zip(rng.uniform(0, HEIGHT, count), rng.uniform(0, WIDTH, count), strict=True))
    points = []
    for row, col in places:
        x = 600_000 + 10 * col + noise * (col * row / 100 + rng.normal())
        y = 5_100_000 - 10 * row + noise * ((col / 20) ** 2 + rng.normal())
        if crs != CRS:
            x, y = pyproj.Transformer.from_crs(CRS, crs, always_xy=True).transform(x, y)
        points.append(GroundControlPoint(row, col, x, y))
    return points


def exact(points: list[GroundControlPoint], crs: str, where: Grid) -> tuple[NDArray[Any], NDArray[Any]]:
    """Column and row of each pixel of a grid by the transformer that `gdalwarp` chooses."""
    x, y = where.transform @ np.meshgrid(np.arange(where.width) + 0.5, np.arange(where.height) + 0.5)
    x, y = pyproj.Transformer.from_crs(where.crs, crs, always_xy=True).transform(x, y)
    with GCPTransformer(points) as transformer:
        row, col = transformer.rowcol(x.ravel(), y.ravel(), op=lambda number: number)
    return np.reshape(col, where.shape), np.reshape(row, where.shape)


@pytest.mark.parametrize("crs", [CRS, "EPSG:4326"])
@pytest.mark.parametrize("noise", [0.0, 3.0])
@pytest.mark.parametrize("count", [3, 4, 5, 6, 9, 10, 40])
def test_ground_control_points_match_gdalwarp(count: int, noise: float, crs: str) -> None:
    points = control_points(count, noise, crs)
    data = unplaced(gcps=(points, rasterio.crs.CRS.from_user_input(crs)), overviews=True)
    lon, lat = pyproj.Transformer.from_crs(CRS, "EPSG:4326", always_xy=True).transform(601_500, 5_099_000)
    tiles = [WHOLE, tile_grid(14, int((lon + 180) / 360 * 2**14), tile_row(lat, 14))]
    for where in tiles:
        col, row = exact(points, crs, where)
        inside = (col >= 0) & (col < WIDTH) & (row >= 0) & (row < HEIGHT)
        uncertain = (abs(col - np.round(col)) < 1e-5) | (abs(row - np.round(row)) < 1e-5)
        result = read(data, where)
        assert (result.valid == inside)[~uncertain].all()
        certain = inside & ~uncertain
        expected = BANDS[0][row[certain].astype(int), col[certain].astype(int)]
        np.testing.assert_array_equal(result.numbers[certain], expected)
        assert certain.sum() > 1000 or noise == 0


def tile_row(lat: float, zoom: int) -> int:
    return int((1 - np.arcsinh(np.tan(np.radians(lat))) / np.pi) / 2 * 2**zoom)


def test_ground_control_points_may_be_on_both_sides_of_the_antimeridian() -> None:
    points = [GroundControlPoint(row, col, ((179 + col / 100) + 180) % 360 - 180, 10 - row / 100)
              for row in (0, 200) for col in (0, 150, 300)][:5]  # fmt: skip
    data = unplaced(gcps=(points, rasterio.crs.CRS.from_epsg(4326)))
    for west in (179.0, -181.0):
        result = read(data, Grid("EPSG:4326", Affine(0.01, 0, west, 0, -0.01, 10), WIDTH, HEIGHT))
        assert result.valid[1:-1, 1:-1].all()
        np.testing.assert_array_equal(result.numbers[1:-1, 1:-1], BANDS[0][1:-1, 1:-1])


def test_a_polynomial_transform_draws_the_file_only_once() -> None:
    """Far from the file, a polynomial of order 2 maps into the file again."""
    points = control_points(10, 3.0)
    data = unplaced(gcps=(points, rasterio.crs.CRS.from_user_input(CRS)))
    far = Grid(CRS, Affine(2000, 0, 100_000, 0, -2000, 5_400_000), 500, 300)
    row, col = np.nonzero(read(data, far).valid)
    assert set(row) <= {149, 150, 151}
    assert set(col) <= {249, 250, 251, 252}


@pytest.mark.parametrize(
    "points",
    [
        [GroundControlPoint(0, 0, 6e5, 5.1e6), GroundControlPoint(100, 100, 6.01e5, 5.09e6)],
        [GroundControlPoint(k, k, 6e5 + 10 * k, 5.1e6 - 10 * k) for k in (0, 50, 100, 150)],
        [GroundControlPoint(r, c, 6e5 + 10 * c, 5.1e6 - 10 * r) for r in (0, 100) for c in (0, 100, 200)],
    ],
    ids=["two", "on a line", "six in two rows"],
)
def test_insufficient_ground_control_points_are_refused(points: list[GroundControlPoint]) -> None:
    error = refused(unplaced(gcps=(points, rasterio.crs.CRS.from_user_input(CRS))))
    assert error.reason == "no-crs"
    assert "ground control points" in str(error)


# CRS of the file

CUSTOM_CRS = {
    "ED50": "+proj=utm +zone=32 +ellps=intl +towgs84=-87,-98,-121,0,0,0,0 +units=m",
    "DHDN without shift": "+proj=tmerc +lat_0=0 +lon_0=9 +k=1 +x_0=3500000 +y_0=0 +ellps=bessel +towgs84=0,0,0,0,0,0,0",
    "only an ellipsoid": "+proj=utm +zone=32 +ellps=intl +units=m",
    "a sphere": "+proj=laea +lat_0=45 +lon_0=9 +R=6371228 +units=m",
    "feet": "+proj=utm +zone=32 +datum=WGS84 +units=us-ft",
}


@pytest.mark.parametrize("name", CUSTOM_CRS)
def test_a_crs_without_epsg_code_is_used_unchanged(name: str) -> None:
    crs = rasterio.crs.CRS.from_user_input(CUSTOM_CRS[name])
    source_crs = pyproj.CRS.from_wkt(crs.to_wkt())
    x, y = pyproj.Transformer.from_crs("EPSG:4326", source_crs, always_xy=True).transform(9.5, 46.2)
    unit = source_crs.axis_info[0].unit_conversion_factor if not source_crs.is_bound else 1.0
    transform = Affine(10 / unit, 0, x - 1000 / unit, 0, -10 / unit, y + 1000 / unit)
    data = tiff(BANDS[:1], crs=crs, transform=transform)
    assert not described(data).levels[0].grid.crs.startswith("EPSG:")
    where = tile_grid(14, int((9.5 + 180) / 360 * 2**14), tile_row(46.2, 14))
    px, py = where.transform @ np.meshgrid(np.arange(256) + 0.5, np.arange(256) + 0.5)
    col, row = ~transform @ pyproj.Transformer.from_crs("EPSG:3857", source_crs, always_xy=True).transform(px, py)
    inside = (col >= 0) & (col < WIDTH) & (row >= 0) & (row < HEIGHT)
    uncertain = (abs(col - np.round(col)) < 1e-5) | (abs(row - np.round(row)) < 1e-5)
    result = read(data, where)
    assert (result.valid == inside)[~uncertain].all()
    certain = inside & ~uncertain
    assert certain.sum() > 10_000
    np.testing.assert_array_equal(result.numbers[certain], BANDS[0][row[certain].astype(int), col[certain].astype(int)])


@pytest.mark.parametrize("number", [4326, 3857, 32632, 32733, 2056, 31467, 27700, 25832, 3035, 5514, 3413, 2229])
def test_a_crs_of_epsg_is_identified_by_its_code(number: int) -> None:
    data = tiff(BANDS[:1], crs=f"EPSG:{number}")
    assert described(data).levels[0].grid.crs == f"EPSG:{number}"


def test_rpcs_are_refused() -> None:
    with MemoryFile() as memory:
        with memory.open(driver="GTiff", count=1, height=64, width=64, dtype="uint8") as dataset:
            dataset.rpcs = RPC(0, 1, 45, 1, [1.0, *[0.0] * 19], [0.0, 1.0, *[0.0] * 18], 32, 32, 9, 1,
                               [1.0, *[0.0] * 19], [0.0, 0.0, 1.0, *[0.0] * 17], 32, 32)  # fmt: skip
        data = bytes(memory.getbuffer())
    error = refused(data)
    assert error.reason == "no-crs"
    assert "RPCs" in str(error)
    assert "gdalwarp -rpc" in str(error)
