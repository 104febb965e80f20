"""Layers of requests' options, and options that are refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from scog.bandmath import indices
from scog.collections.presets import Preset
from scog.errors import InvalidInput
from scog.render.channels import Channels
from scog.render.classes import Classes
from scog.render.colormap import color_table
from scog.render.layer import DEFAULT_RANGE, Layer, LayerOptions
from scog.render.ramp import Ramp, Range
from tests.profiles import BANDS, BY_NAME, PRESETS, SCENE_CLASSES, layer_of

RGB = ("red", "green", "blue")
NDVI = indices.get("ndvi")


def ramp_of(layer: Layer) -> Ramp:
    assert isinstance(layer.coloring, Ramp)
    return layer.coloring


@pytest.mark.parametrize(
    ("options", "formula", "shown", "colormap"),
    [
        (LayerOptions(), NDVI.formula, NDVI.rescale, NDVI.colormap),
        (LayerOptions(index="NDVI"), NDVI.formula, NDVI.rescale, NDVI.colormap),
        (
            LayerOptions(index="ndwi"),
            indices.get("ndwi").formula,
            indices.get("ndwi").rescale,
            indices.get("ndwi").colormap,
        ),
        (LayerOptions(expression="B08 / B04"), "nir / red", DEFAULT_RANGE, "viridis"),
        (LayerOptions(expression="B08 / B04", rescale=((0, 5),)), "nir / red", (0, 5), "viridis"),
        (LayerOptions(bands=("B08",)), "nir", BY_NAME["nir"].display_range, "greys_r"),
        (LayerOptions(bands=("wvp",)), "wvp", BY_NAME["wvp"].display_range, "greys_r"),
        (LayerOptions(colormap_name="magma", rescale=((0, 1),)), NDVI.formula, (0, 1), "magma"),
        (LayerOptions(colormap_name="magma"), NDVI.formula, NDVI.rescale, "magma"),
        (LayerOptions(index="scl", rescale=((0, 5),)), "scl", (0, 5), "viridis"),
        (LayerOptions(index="scl", colormap_name="magma"), "scl", BY_NAME["scl"].display_range, "magma"),
    ],
)
def test_one_output_is_a_ramp(options: LayerOptions, formula: str, shown: Range, colormap: str) -> None:
    layer = layer_of(options)
    assert layer.expression.text == formula
    ramp = ramp_of(layer)
    assert ramp.rescale == shown
    assert (ramp.colors == color_table(colormap)).all()
    assert (ramp.below, ramp.above) == (None, None)
    assert not layer.classified
    assert layer.mask == ("none" if formula == "scl" else "clouds")


@pytest.mark.parametrize(
    ("options", "formula", "ranges"),
    [
        (LayerOptions(bands=("red", "B03", "b2")), "red; green; blue", ((0, 0.3),) * 3),
        (LayerOptions(bands=("nir", "red", "red")), "nir; red; red", ((0, 0.5), (0, 0.3), (0, 0.3))),
        (LayerOptions(bands=RGB, rescale=((0, 1),)), "red; green; blue", ((0, 1),) * 3),
        (LayerOptions(expression="red;green;nir"), "red; green; nir", ((0, 0.3), (0, 0.3), (0, 0.5))),
        (LayerOptions(expression="red;green;nir-red"), "red; green; nir - red", ((0, 0.3), (0, 0.3), DEFAULT_RANGE)),
        (LayerOptions(expression="red;green;blue", rescale=((0, 1), (0, 2), (0, 3))), "red; green; blue",
         ((0, 1), (0, 2), (0, 3))),
    ],
)  # fmt: skip
def test_three_outputs_are_channels(options: LayerOptions, formula: str, ranges: tuple[Range, ...]) -> None:
    layer = layer_of(options)
    assert layer.expression.text == formula
    assert layer.coloring == Channels(ranges)  # type: ignore[arg-type]
    assert layer.mask == "clouds"


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_a_preset_has_one_stretch_for_all_images(preset: Preset) -> None:
    layer = layer_of(LayerOptions(bands=(preset.name,)))
    assert layer.title == preset.title
    assert layer.expression.names == preset.bands
    assert layer.coloring == Channels(tuple(BY_NAME[band].display_range for band in preset.bands))  # type: ignore[arg-type]
    grey = np.full((3, 2, 2), 0.1, np.float32)
    mixed = np.stack([np.array([[0.1, 0.2], [0.3, 0.4]], np.float32)] * 3)
    valid = np.ones((2, 2), bool)
    # The colour of a value does not depend on its neighbours.
    assert (layer.style.image(grey, valid).rgba[0, 0] == layer.style.image(mixed, valid).rgba[0, 0]).all()


@pytest.mark.parametrize(
    "options",
    [LayerOptions(index="scl"), LayerOptions(index="SCL"), LayerOptions(bands=("scl",)), LayerOptions(bands=("SCL",))],
)
def test_the_scene_classification_has_official_colours_and_no_mask(options: LayerOptions) -> None:
    layer = layer_of(options)
    assert (layer.expression.text, layer.mask, layer.classified) == ("scl", "none", False)
    numbers = np.arange(14, dtype=np.float32).reshape(1, 2, 7)
    painted = layer.style.image(numbers, np.ones((2, 7), bool)).rgba.reshape(-1, 4)
    assert painted[:12].tolist() == [[*each.color, 255] for each in SCENE_CLASSES]
    assert (painted[12:] == 0).all()
    assert layer.style.values(numbers, np.ones((2, 7), bool)) is numbers
    legend = layer.style.legend.json()
    assert [(each["value"], each["name"]) for each in legend["classes"]] == [(c.value, c.name) for c in SCENE_CLASSES]


@given(hnp.arrays(np.float32, (1, 4, 4), elements=st.floats(-1, 1, width=32)), hnp.arrays(np.bool_, (4, 4)))
def test_output_values_of_classes_are_class_numbers(values: NDArray[np.float32], valid: NDArray[np.bool_]) -> None:
    layer = layer_of(LayerOptions(classes="bare:tan,0.25,green:teal"))
    assert layer.classified
    expected = np.where(valid, np.where(values >= 0.25, 2.0, 1.0), np.nan)
    result = layer.style.values(values, valid)
    assert result.dtype == np.float32
    assert np.array_equal(result, expected, equal_nan=True)
    painted = layer.style.image(values, valid).rgba
    for number, color in ((1, (210, 180, 140, 255)), (2, (0, 128, 128, 255))):
        assert (painted[result[0] == number] == color).all()
    assert (painted[~valid] == 0).all()


@pytest.mark.parametrize(
    ("options", "colors"),
    [(LayerOptions(), NDVI.colormap), (LayerOptions(colormap_name="magma"), "magma"), (LayerOptions(bands=("nir",)),
    "greys_r"),
     (LayerOptions(index="scl"), "viridis")],
)  # fmt: skip
def test_classes_without_colours_use_those_of_the_layer(options: LayerOptions, colors: str) -> None:
    layer = layer_of(LayerOptions(**{**vars(options), "classes": "0.2,0.5"}))
    assert isinstance(layer.coloring, Classes)
    table = color_table(colors)
    assert [list(entry.color) for entry in layer.coloring.entries] == table[[0, 126, 252]].tolist()
    assert layer.mask == layer_of(options).mask


def test_colours_outside_the_range_can_be_set() -> None:
    ramp = ramp_of(layer_of(LayerOptions(belowmincolor="transparent", abovemaxcolor="#ff000080")))
    assert (ramp.below, ramp.above) == ((0, 0, 0, 0), (255, 0, 0, 128))
    assert ramp.rescale == NDVI.rescale
    plain = ramp_of(layer_of(LayerOptions(belowmincolor="extend", abovemaxcolor="extend")))
    assert (plain.below, plain.above) == (None, None)
    assert (plain.palette == ramp_of(layer_of()).palette).all()


def test_a_custom_colormap_is_applied() -> None:
    values = np.array([[[0.0, 0.1, 0.5, 1.0]]], np.float32)
    valid = np.ones((1, 4), bool)
    numbers = layer_of(LayerOptions(colormap='{"0": "red", "1": "blue"}')).style.image(values, valid).rgba[0]
    assert numbers.tolist() == [[255, 0, 0, 255], [0] * 4, [0] * 4, [0, 0, 255, 255]]
    steps = (
        layer_of(LayerOptions(colormap='{"0": "red", "255": "blue"}', rescale=((0.1, 0.5),)))
        .style.image(values, valid)
        .rgba[0]
    )
    assert steps.tolist() == [[255, 0, 0, 255]] * 2 + [[0, 0, 255, 255]] * 2
    layer = layer_of(LayerOptions(index="scl", colormap='[[[4, 6], "red"]]'))
    assert isinstance(layer.coloring, Classes)
    assert not layer.classified  # the values are still those of the index


def test_a_custom_ramp_accepts_colours_outside_the_range() -> None:
    table = "{" + ",".join(f'"{n}": [{n}, 0, 0]' for n in range(256)) + "}"
    ramp = ramp_of(layer_of(LayerOptions(colormap=table, rescale=((0, 1),), abovemaxcolor="lime")))
    assert (ramp.rescale, ramp.above) == ((0, 1), (0, 255, 0, 255))
    assert ramp.colors[[0, -1], 0].tolist() == [0, 255]


def test_a_color_formula_is_applied() -> None:
    coloring = layer_of(LayerOptions(bands=RGB, color_formula="gamma RGB 2")).coloring
    assert coloring == Channels(((0, 0.3),) * 3, "gamma RGB 2")


THREE = LayerOptions(bands=RGB)
REFUSED: list[tuple[LayerOptions, str]] = [
    (LayerOptions(index="ndvi", bands=("red",)), "index"),
    (LayerOptions(index="ndvi", expression="red"), "index"),
    (LayerOptions(expression="nir", bands=("red",)), "index"),
    (LayerOptions(index="nosuch"), "index"),
    (LayerOptions(index=""), "index"),
    (LayerOptions(expression=""), "expression"),
    (LayerOptions(expression="red; green"), "expression"),
    (LayerOptions(expression="red; green; blue; nir"), "expression"),
    (LayerOptions(expression="red +"), "expression"),
    (LayerOptions(bands=("red", "green")), "bands"),
    (LayerOptions(bands=("red", "green", "blue", "nir")), "bands"),
    (LayerOptions(bands=("pink",)), "bands"),
    (LayerOptions(bands=("",)), "bands"),
    (LayerOptions(bands=("agriculture", "red", "green")), "bands"),
    (LayerOptions(rescale=((0, 1), (0, 1))), "rescale"),
    (LayerOptions(bands=RGB, rescale=((0, 1), (0, 1))), "rescale"),
    (LayerOptions(rescale=((1, 1),)), "rescale"),
    (LayerOptions(rescale=((2, 1),)), "rescale"),
    (LayerOptions(rescale=((float("nan"), 1),)), "rescale"),
    (LayerOptions(rescale=((0, float("inf")),)), "rescale"),
    (LayerOptions(rescale=((0, 1e300),)), "rescale"),
    (LayerOptions(rescale=((0, 5e-324),)), "rescale"),
    (LayerOptions(rescale=((1, 1 + 1e-12),)), "rescale"),
    (LayerOptions(bands=RGB, rescale=((0, 1), (0, 1), (1, 0))), "rescale"),
    (LayerOptions(colormap_name="nosuch"), "colormap_name"),
    (LayerOptions(colormap_name=""), "colormap_name"),
    (LayerOptions(colormap=""), "colormap"),
    (LayerOptions(colormap='{"0": "red"}', colormap_name="viridis"), "colormap_name"),
    (LayerOptions(classes=""), "classes"),
    (LayerOptions(classes="0.2", rescale=((0, 1),)), "rescale"),
    (LayerOptions(classes="0.2", colormap='{"0": "red"}'), "colormap"),
    (LayerOptions(classes="0.2", belowmincolor="red"), "belowmincolor"),
    (LayerOptions(classes="0.2", abovemaxcolor="red"), "abovemaxcolor"),
    (LayerOptions(classes="0.2", colormap_name="nosuch"), "colormap_name"),
    (LayerOptions(colormap='{"0": "red"}', belowmincolor="red"), "belowmincolor"),
    (LayerOptions(index="scl", abovemaxcolor="red"), "abovemaxcolor"),
    (LayerOptions(belowmincolor="nosuch"), "belowmincolor"),
    (LayerOptions(abovemaxcolor=""), "abovemaxcolor"),
    (LayerOptions(color_formula="gamma RGB 1.3"), "color_formula"),
    (LayerOptions(color_formula=""), "color_formula"),
    (LayerOptions(bands=RGB, color_formula="nonsense"), "color_formula"),
    (LayerOptions(bands=RGB, color_formula=""), "color_formula"),
    *((LayerOptions(bands=RGB, **{name: text}), name) for name in ("colormap_name", "colormap", "classes",
    "belowmincolor")
      for text in ("viridis", "")),
]  # fmt: skip


@pytest.mark.parametrize(("options", "parameter"), REFUSED, ids=[name for _, name in REFUSED])
def test_invalid_options_are_refused(options: LayerOptions, parameter: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        layer_of(options)
    assert refused.value.parameter == parameter
    assert refused.value.valid


def test_similar_names_are_suggested() -> None:
    with pytest.raises(InvalidInput, match="agriculture"):
        layer_of(LayerOptions(bands=("agricultur",)))
    with pytest.raises(InvalidInput, match="did you mean nir"):
        layer_of(LayerOptions(bands=("nirr",)))


@pytest.mark.parametrize(
    "options",
    [LayerOptions(), THREE, LayerOptions(index="scl"), LayerOptions(classes="0.2"), LayerOptions(bands=("nir",))],
)
def test_valid_pixels_are_opaque_and_invalid_ones_transparent(options: LayerOptions) -> None:
    layer = layer_of(options)
    for valid, alpha in ((True, 255), (False, 0)):
        values = np.full((layer.expression.outputs, 4, 4), 4 if valid else np.nan, np.float32)
        assert (layer.style.image(values, np.full((4, 4), valid)).rgba[..., 3] == alpha).all()


def test_every_band_is_a_layer() -> None:
    for band in BANDS:
        layer = layer_of(LayerOptions(bands=(band.name,)))
        assert layer.title
        assert layer.style.legend.json()["title"] == layer.title
