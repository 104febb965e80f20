"""Images, values and legends from a running server, compared with the values of the same tile."""

from __future__ import annotations

import io
import json
import time
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import httpx
import numpy as np
import pytest
from color_operations import parse_operations
from numpy.typing import NDArray
from PIL import Image
from rasterio.io import MemoryFile

from scog.bandmath import indices
from scog.geo.grid import tile_grid
from scog.render.color import parse_color
from scog.web.http.response_headers import EXPOSED_HEADERS
from tests.profiles import PRESETS, SCENE_CLASSES
from tests.web.conftest import WEST, Served, is_problem, tile_at

RGB = "bands=red,green,blue"
CLASSES = "classes=" + quote("bare:tan,0.4,sparse,0.6,dense:006400")
LAYERS = {
    "index": "",
    "ends": "rescale=0.45,0.6&belowmincolor=transparent&abovemaxcolor=magenta",
    "colormap_name": "expression=nir&rescale=0,0.5&colormap_name=viridis",
    "bands": RGB,
    "formula": RGB + "&color_formula=" + quote("gamma RGB 1.3, saturation 1.2"),
    "scl": "index=scl",
    "classes": CLASSES,
    "numbers": "index=scl&colormap=" + quote('{"4": "teal", "9": [255, 0, 0, 128]}'),
    "ranges": "colormap=" + quote('[[[0.4, 0.6], "red"], [[0.7, 1], "#00f"]]'),
    "steps": "rescale=0,1&colormap=" + quote('{"127": "red", "204": "blue", "255": "green"}'),
}
EVERY = pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)


def get_ok(server: Served, path: str, media_type: str) -> httpx.Response:
    response = server.get(path)
    assert response.status_code == 200, response.text[:300]
    assert response.headers["Content-Type"] == media_type
    return response


def values(server: Served, tile: str, query: str = "") -> NDArray[np.float32]:
    body = get_ok(server, f"/tiles/{tile}.npy?{query}", "application/x-npy").content
    decoded: NDArray[np.float32] = np.load(io.BytesIO(body), allow_pickle=False)
    assert decoded.dtype == np.float32
    return decoded


def rgba(body: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(body)) as image:
        return np.asarray(image.convert("RGBA"))


def colors(server: Served, tile: str, query: str = "", form: str = "png") -> NDArray[np.uint8]:
    return rgba(get_ok(server, f"/tiles/{tile}.{form}?{query}", f"image/{form}").content)


def legend(server: Served, query: str = "") -> dict[str, Any]:
    body: dict[str, Any] = get_ok(server, f"/legend.json?{query}", "application/json").json()
    return body


# All formats have the same tile


@EVERY
def test_image_formats_agree_with_the_values(layer: str, server: Served, west: str) -> None:
    exact = values(server, west, layer)
    valid = np.isfinite(exact).all(axis=0)
    assert valid.any()
    assert not valid.all()
    image_pixels = colors(server, west, layer)
    assert (image_pixels[~valid] == 0).all()
    if layer in (LAYERS["index"], LAYERS["colormap_name"], LAYERS["bands"], LAYERS["formula"], LAYERS["classes"]):
        assert (image_pixels[valid, 3] == 255).all()
    with Image.open(io.BytesIO(get_ok(server, f"/tiles/{west}?{layer}&format=png32", "image/png").content)) as image:
        assert image.mode == "RGBA"
        assert (np.asarray(image) == image_pixels).all()
    webp = colors(server, west, layer, "webp").astype(int)
    assert (webp[..., 3] == image_pixels[..., 3]).all()
    lossless = len(exact) == 1
    assert (webp == image_pixels).all() if lossless else abs(webp - image_pixels)[valid].mean() < 6
    jpeg = rgba(get_ok(server, f"/tiles/{west}.jpg?{layer}", "image/jpeg").content).astype(int)
    opacity = image_pixels[..., 3:] / 255
    assert abs(jpeg[..., :3] - (image_pixels[..., :3] * opacity + 255 * (1 - opacity))).mean() < 5


@EVERY
def test_a_geotiff_has_the_values_and_is_georeferenced(layer: str, server: Served, west: str) -> None:
    exact = values(server, west, layer)
    grid = tile_grid(*map(int, west.split("/")))
    response = get_ok(server, f"/tiles/{west}.tif?{layer}", "image/tiff")
    with MemoryFile(response.content) as memory, memory.open(driver="GTiff") as source:
        assert np.array_equal(source.read(), exact, equal_nan=True)
        assert source.crs.to_epsg() == 3857
        assert source.transform.almost_equals(grid.transform, 1e-9)
        assert all(np.isnan(nodata) for nodata in source.nodatavals)
        assert source.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert len(source.descriptions) == len(exact)
        assert all(source.descriptions)
        assert set(response.headers["X-Scog-Used"].split(", ")) == set(source.tags()["SCENES"].split())


def test_png16_spreads_the_range(server: Served, west: str) -> None:
    query = "expression=nir&rescale=0.2,0.5"
    exact = values(server, west, query)[0].astype(float)
    valid = np.isfinite(exact)
    with Image.open(io.BytesIO(get_ok(server, f"/tiles/{west}.png16?{query}", "image/png").content)) as image:
        decoded = np.asarray(image).astype(float)
    assert abs(decoded - (1 + np.clip((exact - 0.2) / 0.3, 0, 1) * 65534))[valid].max() < 0.6
    assert (decoded[~valid] == 0).all()
    for layer in (RGB, "index=scl", CLASSES):
        assert is_problem(server.get(f"/tiles/{west}.png16?{layer}"), 400)["parameter"] == "format"


def test_png_colour_types(server: Served, west: str) -> None:
    for query, mode in (("", "P"), (CLASSES, "P"), ("index=scl", "P"), (RGB, "RGBA"), ("format=png32", "RGBA")):
        with Image.open(io.BytesIO(get_ok(server, f"/tiles/{west}?{query}", "image/png").content)) as image:
            assert image.mode == mode, query
    inside = tile_at(*WEST.lonlat(0.75, 0.4), zoom=16)
    with Image.open(io.BytesIO(get_ok(server, f"/tiles/{inside}?{RGB}", "image/png").content)) as image:
        assert image.mode == "RGB"  # no invalid pixels, so no alpha


def test_jpeg_reports_flattening(server: Served, west: str) -> None:
    for name in ("jpg", "jpeg"):
        headers = get_ok(server, f"/tiles/{west}.{name}", "image/jpeg").headers
        assert headers["X-Scog-Flattened"] == "white"
        assert server.get(f"/tiles/{west}.{name}", headers={"If-None-Match": headers["ETag"]}).status_code == 304
    assert "X-Scog-Flattened" in EXPOSED_HEADERS
    for name in ("png", "webp", "npy", "tif"):
        assert "X-Scog-Flattened" not in server.get(f"/tiles/{west}.{name}").headers


# Sizes and names


@pytest.mark.parametrize("form", ["png", "webp", "jpg", "npy", "tif", "png16", "png32"])
@pytest.mark.parametrize(
    ("name", "query", "size"),
    [("{}", "", 256), ("{}@1x", "", 256), ("{}@2x", "", 512), ("{}", "tilesize=512", 512), ("{}", "tilesize=64", 64),
     ("{}@2x", "tilesize=300", 600)],
)  # fmt: skip
def test_sizes(name: str, query: str, size: int, form: str, server: Served, west: str) -> None:
    path = f"/tiles/{name.format(west)}"
    response = server.get(f"{path}.{form}?{query}")
    assert response.status_code == 200
    assert server.get(f"{path}?{query}&format={form}").content == response.content
    assert server.get(f"{path}.{form}?{query}&format={form}").content == response.content
    if form == "npy":
        assert np.load(io.BytesIO(response.content)).shape == (1, size, size)
    elif form == "tif":
        with MemoryFile(response.content) as memory, memory.open(driver="GTiff") as source:
            assert source.shape == (size, size)
            assert source.bounds == pytest.approx(bounds(west), abs=1e-6)
    else:
        with Image.open(io.BytesIO(response.content)) as image:
            assert image.size == (size, size)


def bounds(tile: str) -> tuple[float, float, float, float]:
    grid = tile_grid(*map(int, tile.split("/")))
    return (grid.transform.c, grid.transform.f - 256 * grid.transform.a,
            grid.transform.c + 256 * grid.transform.a, grid.transform.f)  # fmt: skip


def test_a_larger_tile_samples_the_same_place(server: Served, west: str) -> None:
    small, large = values(server, west, "tilesize=64"), values(server, west, "tilesize=1024")
    blocks = large.reshape(64, 16, 64, 16)
    same = np.isfinite(blocks).all(axis=(1, 3)) & (blocks.max(axis=(1, 3)) == blocks.min(axis=(1, 3)))
    assert same.mean() > 0.2
    assert np.array_equal(small[0][same], blocks[:, 8, :, 8][same])


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        (".png?format=webp", "format"),
        (".jpg?format=jpeg", "format"),
        ("@2x.npy?format=png", "format"),
        ("?format=gif", "format"),
        ("?format=", "format"),
        ("?format=" + "x" * 512, "format"),
        (".gif", "format"),
        (".html", "format"),
        ("?tilesize=1025", "tilesize"),
        ("?tilesize=16384", "tilesize"),
        ("?tilesize=63", "tilesize"),
        ("?tilesize=-256", "tilesize"),
        ("?tilesize=256.5", "tilesize"),
        ("?tilesize=nan", "tilesize"),
        ("?tilesize=" + "9" * 400, "tilesize"),
        ("@2x?tilesize=513", "tilesize"),
        ("@2x?tilesize=1024", "tilesize"),
        ("?buffer=20000", "buffer"),
        ("?buffer=-1", "buffer"),
        ("?buffer=nan", "buffer"),
        ("?buffer=inf", "buffer"),
        ("?buffer=0.3", "buffer"),
        ("?tilesize=256&tilesize=256", "tilesize"),
        ("?format=png&format=png", "format"),
    ],
)
def test_invalid_sizes_and_formats(path: str, parameter: str, server: Served, west: str) -> None:
    problem = is_problem(server.get(f"/tiles/{west}{path}"), 400)
    assert problem["parameter"] == parameter
    assert problem["valid"]


def test_a_tile_without_data_in_every_format(server: Served) -> None:
    for form in ("png", "webp", "npy", "tif", "png16", "png32", "jpg"):
        path = f"/tiles/12/100/100.{form}"
        assert server.get(path).status_code == 200
        assert server.get(f"{path}?empty=204").status_code == 204


def test_repeated_requests_return_equal_bytes(server: Served, west: str) -> None:
    for form in ("png", "webp", "jpg", "npy", "tif"):
        first, second = (server.get(f"/tiles/{west}.{form}") for _ in range(2))
        assert first.content == second.content
        assert first.headers["ETag"] == second.headers["ETag"]


# Layers


def test_the_scene_classification(server: Served, west: str) -> None:
    exact = values(server, west, "index=scl")[0]
    assert set(np.unique(exact[np.isfinite(exact)])) == {4, 9}  # with clouds: nothing is masked by default
    image_pixels = colors(server, west, "index=scl")
    for number, color in ((4, (0, 160, 0, 255)), (9, (255, 255, 255, 255))):
        assert (image_pixels[exact == number] == color).all()
    masked = values(server, west, "index=scl&mask=clouds")[0]
    assert set(np.unique(masked[np.isfinite(masked)])) == {4}
    assert (colors(server, west, "bands=scl") == image_pixels).all()


def test_classes_of_an_index(server: Served, west: str) -> None:
    plain, classes = values(server, west)[0], values(server, west, CLASSES)[0]
    expected = 1.0 + np.digitize(plain, np.array([0.4, 0.6], np.float32))
    assert np.array_equal(classes, np.where(np.isfinite(plain), expected, np.nan), equal_nan=True)
    assert len(np.unique(classes[np.isfinite(classes)])) >= 2
    lon, lat = WEST.lonlat(0.75, 0.5)
    assert server.get(f"/point/{lon},{lat}").json()["values"] == [pytest.approx(0.8)]
    assert server.get(f"/point/{lon},{lat}?{CLASSES}").json()["values"] == [3.0]


def test_presets_equal_images_of_their_bands(server: Served, west: str) -> None:
    preset = next(each for each in PRESETS if set(each.bands) == {"nir", "red", "green"})
    image_pixels = colors(server, west, f"bands={preset.name}")
    assert (image_pixels == colors(server, west, f"bands={','.join(preset.bands)}")).all()
    assert (image_pixels == colors(server, west, f"assets={preset.name.upper().replace('-', '_')}")).all()
    exact = values(server, west, f"bands={preset.name}").astype(float)
    valid = np.isfinite(exact).all(axis=0)
    for channel, (low, high) in enumerate(preset.ranges):
        expected = np.clip((exact[channel] - low) / (high - low), 0, 1) * 255
        assert abs(image_pixels[..., channel] - expected)[valid].max() <= 0.51


def test_color_formula_equals_color_operations(server: Served, west: str) -> None:
    exact = values(server, west, RGB).astype(float)
    valid = np.isfinite(exact).all(axis=0)
    light = np.nan_to_num(np.clip(exact / 0.3, 0, 1))
    for operation in parse_operations("gamma RGB 1.3 saturation 1.2"):
        light = np.clip(operation(light), 0, 1)
    image_pixels = colors(server, west, LAYERS["formula"])
    assert abs(np.moveaxis(image_pixels[..., :3], -1, 0) - light * 255)[:, valid].max() <= 0.52
    assert not (image_pixels == colors(server, west, RGB)).all()


# Legends


@EVERY
def test_the_legend_matches_the_image(layer: str, server: Served, west: str) -> None:
    table = legend(server, layer)
    exact, image_pixels = values(server, west, layer), colors(server, west, layer)
    valid = np.isfinite(exact).all(axis=0)
    if table["kind"] == "channels":
        for each, channel, output in zip(table["channels"], exact.astype(float), table["outputs"], strict=True):
            assert each["output"] == output
            if table["color_formula"] is None:
                low, high = each["range"]
                part = image_pixels[..., ("red", "green", "blue").index(each["color"])]
                assert abs(part - np.clip((channel - low) / (high - low), 0, 1) * 255)[valid].max() <= 0.51
        return
    checked = 0
    for value in np.unique(exact[0][valid]):
        colours = np.unique(image_pixels[valid & (exact[0] == value)], axis=0)
        assert len(colours) == 1
        assert any((colours[0] == color).all() for color in colours_of(table, float(value), layer)), (value, colours)
        checked += 1
    assert checked >= 2


def colours_of(table: dict[str, Any], value: float, layer: str) -> list[tuple[int, ...]]:
    """The colours of a value in a legend: two if it is between them."""
    if table["kind"] == "ramp":
        low, high = table["range"]
        if value < low - 1e-6 or value > high + 1e-6:
            return [parse_color(table["below" if value < low else "above"], "")]
        position = min(max((value - low) / (high - low), 0), 1) * (len(table["colors"]) - 1)
        nearest = {round(position + shift) for shift in (-1e-3, 1e-3)}
        return [parse_color(table["colors"][number], "") for number in nearest]
    color = (0, 0, 0, 0)
    for each in table["classes"]:
        low = -np.inf if each["low"] is None else np.float32(each["low"])
        high = np.inf if each["high"] is None else np.float32(each["high"])
        by_number = layer == CLASSES  # whose values are class numbers
        if value == each["value"] if by_number else value == low if low == high else low <= value < high:
            color = parse_color(each["color"], "")
    return [color]


@EVERY
def test_the_png_palette_matches_the_legend(layer: str, server: Served, west: str) -> None:
    table = legend(server, layer)
    if table["kind"] == "channels":
        return
    body = get_ok(server, f"/tiles/{west}?{layer}", "image/png").content
    with MemoryFile(body) as memory, memory.open(driver="PNG") as source:
        palette = [source.colormap(1)[number] for number in range(256)]
    listed = (
        [*table["colors"], table["below"], table["above"]]
        if table["kind"] == "ramp"
        else [each["color"] for each in table["classes"]]
    )
    assert palette[: len(listed)] == [parse_color(text, "") for text in listed]
    assert palette[255] == (0, 0, 0, 0)


@EVERY
def test_legends_are_valid_files(layer: str, server: Served) -> None:
    table = legend(server, layer)
    svg = get_ok(server, f"/legend.svg?{layer}", "image/svg+xml")
    root = ElementTree.fromstring(svg.content)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert svg.headers["X-Content-Type-Options"] == "nosniff"
    assert f"Legend: {table['title']}" == root.attrib["aria-label"]
    for scale in (1, 3):
        png = get_ok(server, f"/legend.png?{layer}&scale={scale}", "image/png")
        with Image.open(io.BytesIO(png.content)) as image:
            assert image.size == (int(root.attrib["width"]) * scale, int(root.attrib["height"]) * scale)
    for response in (svg, png):
        etag = response.headers["ETag"]
        known = server.get(str(response.url), headers={"If-None-Match": etag})
        assert (known.status_code, known.content) == (304, b"")
        assert "max-age" in response.headers["Cache-Control"]


def test_legends_accept_the_query_of_the_image(server: Served) -> None:
    assert legend(server)["title"] == indices.get("ndvi").title
    query = "datetime=2024-06-02&cloud_cover=5&mask=none&tilesize=512&format=webp&empty=204&strict=1&index=ndwi"
    assert legend(server, query) == legend(server, "index=ndwi")
    assert [each["name"] for each in legend(server, "index=scl")["classes"]] == [each.name for each in SCENE_CLASSES]
    is_problem(server.get("/legend.json?scale=9"), 400)
    is_problem(server.get("/legend.json?foo=1"), 400)
    is_problem(server.get("/legend.gif"), 404)


MARKUP = "<script>alert(1)</script>&\"'"


def test_markup_in_legends_is_escaped(server: Served) -> None:
    query = "classes=" + quote(f"{MARKUP}:red,0.2,b")
    response = get_ok(server, f"/legend.svg?{query}", "image/svg+xml")
    assert b"<script" not in response.content
    assert MARKUP in [element.text for element in ElementTree.fromstring(response.content).iter()]
    assert legend(server, query)["classes"][0]["name"] == MARKUP
    comparison = "expression=" + quote("nir / red")
    assert legend(server, comparison)["title"] == "nir / red"
    for path in ("svg", "png", "json"):
        problem = is_problem(server.get(f"/legend.{path}?index={quote(MARKUP)}"), 400)
        assert problem["parameter"] == "index"


# Invalid requests

TABLE_254 = json.dumps([[[n, n + 1], "red"] for n in range(254)], separators=(",", ":"))
HOSTILE: list[tuple[str, str]] = [
    *(("colormap", text) for text in (
        "", "5", "null", "[]", "{}", "NaN", "Infinity", "{", "[[[0,NaN],\"red\"]]", "[[[0,Infinity],\"red\"]]",
        "[[[0,1e400],\"red\"]]", '{"0":NaN}', '{"0":"<script>"}', '{"<b>":"red"}', MARKUP, "[" * 4000,
        "[" * 4000 + "]" * 4000, '{"0":' * 1600, "9" * 8000, '{"0":[0,0,' + "9" * 4000 + "]}", "[" * 20_000,
        '{"0":"\ud7ff"}', '{"0":"red","0":"nosuch"}',
    )),
    *(("classes", text) for text in (
        "", ",", "a", "nan", "inf,nan", "1,0", ",".join(map(str, range(1000))), ",".join(map(str, range(100))), MARKUP,
        "a,1e400,b", "x" * 65 + ",0.2,b", "a\x00,0.2,b", "a\u202e,0.2,b", "a:<b>,0.2,b", "9" * 500,
    )),
    *(("belowmincolor", text) for text in ("", "nosuch", MARKUP, "#12345", "rgb(1,2,3)", "x" * 513)),
    *(("abovemaxcolor", text) for text in ("", "nosuch")),
    *(("color_formula", text) for text in ("gamma RGB 1.3", "")),
    *(("rescale", text) for text in ("nan,1", "0,inf", "1e400,2", "1,0", "0,1e-323", "1,1.0000000001")),
    *((f"{RGB}&color_formula", text) for text in (
        "", "nonsense", "gamma", "gamma RGB -1", "gamma RGB nan", "gamma RGB 1e9", "saturation 1 " * 9, MARKUP,
        "sigmoidal RGB 5 2", "__import__('os')", "gamma RGB 1.3;rm",
    )),
    *((f"{RGB}&{name}", text) for name in ("colormap_name", "colormap", "classes", "belowmincolor")
      for text in ("viridis", "")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text"), HOSTILE, ids=[f"{name}={text[:20]!a}" for name, text in HOSTILE])
def test_invalid_styles(name: str, text: str, server: Served, west: str) -> None:
    for route in (f"/tiles/{west}", "/legend.svg", "/legend.json"):
        since = time.perf_counter()
        response = server.get(f"{route}?{name}={quote(text)}")
        spent = time.perf_counter() - since
        if len(quote(text)) > 16_000:
            is_problem(response, 414)
            continue
        problem = is_problem(response, 400)
        assert problem["parameter"] == name.rpartition("&")[2]
        assert problem["valid"]
        assert spent < 0.5


def test_the_largest_colormap_is_drawn_in_time(server: Served, west: str) -> None:
    query = "index=scl&colormap=" + quote(TABLE_254)
    for path in (f"/tiles/{west}?tilesize=1024&{query}", f"/legend.png?scale=4&{query}", f"/legend.svg?{query}"):
        since = time.perf_counter()
        assert server.get(path).status_code == 200
        assert time.perf_counter() - since < 2


def test_the_slowest_colour_formula_is_drawn_in_time(server: Served, west: str) -> None:
    query = f"{RGB}&color_formula=" + quote(" ".join(["saturation 1.1"] * 8))
    since = time.perf_counter()
    assert server.get(f"/tiles/{west}?tilesize=1024&{query}").status_code == 200
    assert time.perf_counter() - since < 5
