"""File formats of one image, read back by other libraries."""

from __future__ import annotations

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from rasterio.io import MemoryFile

import scog
from scog.errors import InvalidInput
from scog.geo.grid import tile_grid
from scog.imaging.draw import ImageData
from scog.imaging.formats import FLATTENED, FORMATS, FORMATS_BY_NAME, format_of
from scog.imaging.options import StyledRequest
from scog.imaging.report import Report
from scog.render.layer import Layer, LayerOptions
from tests.doubles.archives import MadeScene, Square
from tests.profiles import image_request, layer_of, parse_item

GRID = tile_grid(12, 2170, 1450, 64)
SQUARE = Square("32TQK", 32632, 700_000, 5_000_040, 300)
OLD, NEW = (MadeScene(f"S2A_{day}", SQUARE, f"2024-06-{day}T10:10:31Z", {"red": None}) for day in ("02", "12"))  # type: ignore[dict-item]
LAYERS = {
    "index": layer_of(),
    "ends": layer_of(LayerOptions(belowmincolor="red", abovemaxcolor="transparent")),
    "bands": layer_of(LayerOptions(bands=("nir", "red", "green"))),
    "formula": layer_of(LayerOptions(bands=("agriculture",), color_formula="gamma RGB 1.3, saturation 1.2")),
    "scl": layer_of(LayerOptions(index="scl")),
    "classes": layer_of(LayerOptions(classes="bare:tan,0.2,sparse,0.5,dense:006400")),
    "ranges": layer_of(LayerOptions(colormap='[[[0, 0.5], "red"]]')),
}
EACH_LAYER = pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)


def drawing(layer: Layer, holes: bool = True) -> ImageData:
    """A smooth image with a hole in its middle; classes for the scene classification."""
    ramp = np.linspace(-0.5, 1.2, 64 * 64, dtype=np.float32).reshape(64, 64)
    values = np.stack([ramp / (1 + band) for band in range(layer.expression.outputs)])
    if layer.expression.text == "scl":
        values = np.repeat(np.arange(64, dtype=np.float32) // 4 % 12, 64).reshape(1, 64, 64)
    valid = np.ones((64, 64), bool)
    if holes:
        valid[20:40, 24:56] = False
    values[:, ~valid] = np.nan
    report = Report()
    report.used.extend(parse_item(made.item()) for made in (NEW, OLD))
    return ImageData(values, valid, report)


def encoded(name: str, layer: Layer, drawn: ImageData) -> bytes:
    request = image_request(layer.expression, layer.mask, composite=layer.composite)
    return format_of(name, layer.style).encode(drawn, GRID, StyledRequest(request, layer.style))


def rgba(body: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(body)) as image:
        return np.asarray(image.convert("RGBA"))


@EACH_LAYER
def test_images_have_the_colours_of_the_style(layer: Layer) -> None:
    drawn = drawing(layer)
    expected = layer.style.image(drawn.values, drawn.valid).rgba
    for name in ("png", "png32"):
        assert (rgba(encoded(name, layer, drawn)) == expected).all()
    numbers = rgba(encoded("webp", layer, drawn)).astype(int)
    if layer.expression.outputs == 1:
        assert (numbers == expected).all()
    else:
        assert (numbers[..., 3] == expected[..., 3]).all()
        assert abs(numbers - expected)[drawn.valid].mean() < 6
    flat = rgba(encoded("jpg", layer, drawn))[..., :3].astype(int)
    assert abs(flat[24:32, 32:48] - 255).max() < 8
    expected_rgb = np.where(expected[..., 3:] == 255, expected[..., :3], 255)
    assert abs(flat - expected_rgb).mean() < 8


@EACH_LAYER
def test_values_are_those_of_the_image_or_its_classes(layer: Layer) -> None:
    drawn = drawing(layer)
    expected = drawn.values
    if layer is LAYERS["classes"]:
        classes = 1 + np.digitize(drawn.values, np.array([0.2, 0.5], np.float32))
        expected = np.where(drawn.valid, classes, np.nan).astype(np.float32)
    numbers = np.load(io.BytesIO(encoded("npy", layer, drawn)), allow_pickle=False)
    assert np.array_equal(numbers, expected, equal_nan=True)
    with MemoryFile(encoded("tif", layer, drawn)) as memory, memory.open(driver="GTiff") as source:
        assert np.array_equal(source.read(), expected, equal_nan=True)
        assert source.crs.to_epsg() == 3857
        assert source.transform.almost_equals(GRID.transform, 1e-9)
        assert source.descriptions == layer.expression.names


def test_geotiff_tags_list_scenes_in_order() -> None:
    layer = LAYERS["index"]
    with MemoryFile(encoded("tif", layer, drawing(layer))) as memory, memory.open(driver="GTiff") as source:
        tags = source.tags()
    assert tags["SCENES"] == "S2A_02 S2A_12"
    assert (tags["FIRST_DATETIME"], tags["LAST_DATETIME"]) == ("2024-06-02T10:10:31Z", "2024-06-12T10:10:31Z")
    assert tags["TIFFTAG_SOFTWARE"] == f"scog {scog.__version__}"
    empty = ImageData(np.full((1, 64, 64), np.nan, np.float32), np.zeros((64, 64), bool), Report())
    with MemoryFile(encoded("tif", layer, empty)) as memory, memory.open(driver="GTiff") as source:
        assert source.tags().keys() & {"FIRST_DATETIME", "LAST_DATETIME"} == set()
        assert np.isnan(source.read()).all()


@pytest.mark.parametrize("name", ["index", "ends"])
def test_png16_spreads_the_range_over_16_bits(name: str) -> None:
    layer = LAYERS[name]
    drawn = drawing(layer)
    with Image.open(io.BytesIO(encoded("png16", layer, drawn))) as image:
        numbers = np.asarray(image).astype(float)
    low, high = layer.style.legend.json()["range"]
    exact = 1 + np.clip((drawn.values[0].astype(float) - low) / (high - low), 0, 1) * 65534
    assert abs(numbers - exact)[drawn.valid].max() < 0.51 + 65534 * 2e-7
    assert (numbers[~drawn.valid] == 0).all()


@pytest.mark.parametrize("name", ["bands", "formula", "scl", "classes", "ranges"])
def test_png16_requires_a_range(name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        format_of("png16", LAYERS[name].style)
    assert refused.value.parameter == "format"
    assert "tif" in str(refused.value.valid)


@EACH_LAYER
def test_every_format_encodes_an_empty_image(layer: Layer) -> None:
    outputs = layer.expression.outputs
    drawn = ImageData(np.full((outputs, 64, 64), np.nan, np.float32), np.zeros((64, 64), bool), Report())
    for name in ("png", "png32", "webp"):
        assert not rgba(encoded(name, layer, drawn))[..., 3].any()
    assert rgba(encoded("jpg", layer, drawn)).min() == 255
    assert np.isnan(np.load(io.BytesIO(encoded("npy", layer, drawn)))).all()


def test_a_fully_valid_image_has_no_alpha_band() -> None:
    layer = LAYERS["bands"]
    with Image.open(io.BytesIO(encoded("png", layer, drawing(layer, holes=False)))) as image:
        assert image.mode == "RGB"


def test_format_names() -> None:
    assert {name for each in FORMATS for name in each.names} == set(FORMATS_BY_NAME)
    assert FORMATS_BY_NAME["jpg"] is FORMATS_BY_NAME["jpeg"]
    assert FORMATS_BY_NAME["tif"] is FORMATS_BY_NAME["tiff"]
    assert [each.names[0] for each in FORMATS if each.opaque] == ["jpg"]
    assert FLATTENED == "white"


@pytest.mark.parametrize("name", ["", "gif", "PNG", "pngg", "png8", "x" * 999, "<b>"])
def test_unknown_formats_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        format_of(name, LAYERS["index"])
    assert refused.value.parameter == "format"
    assert "webp" in str(refused.value.valid)
    assert len(str(refused.value)) < 120
