"""Default colours of composites, and combinations that are refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from scog.composite.methods import COMPOSITES, METHODS, NEWEST, Unit, parse_composite
from scog.composite.reduce import _REDUCERS
from scog.errors import InvalidInput
from scog.render.channels import Channels
from scog.render.classes import Classes
from scog.render.colormap import color_table
from scog.render.image import CLEAR
from scog.render.layer import DEFAULT_DAYS, OPEN_DAYS, LayerOptions, interval_days
from scog.render.ramp import Ramp, Range
from scog.temporal.intervals import parse_interval
from tests.profiles import BY_NAME, layer_of, parse

SAME_UNIT = [each.name for each in COMPOSITES if each.unit is Unit.LAYER and each.name not in ("newest", "mode")]


def test_each_composite_is_painted_or_reduced() -> None:
    assert {name for name, each in METHODS.items() if not each.painted} == set(_REDUCERS)
    assert len(METHODS) == len(COMPOSITES) + 99
    assert all(parse_composite(name) is each for name, each in METHODS.items())


@pytest.mark.parametrize("name", [*SAME_UNIT, "p5"])
def test_composites_in_the_layers_unit_have_its_colours(name: str) -> None:
    for options in (LayerOptions(), LayerOptions(bands=("red", "green", "blue")), LayerOptions(expression="nir / red")):
        plain, derived = layer_of(options), layer_of(replace(options, composite=METHODS[name]))
        assert derived.style.legend.json() | {"title": plain.title} == plain.style.legend.json()
        assert derived.title == f"{plain.short or plain.title}, {METHODS[name].title}"


@pytest.mark.parametrize(
    ("name", "days", "shown", "colormap"),
    [
        ("std", 90, (0, 0.2), "magma"),
        ("range", 90, (0, 0.5), "magma"),
        ("count", 90, (1, 10), "viridis"),
        ("count", 0, (1, 5), "viridis"),
        ("count", 5000, (1, 100), "viridis"),
        ("slope", 365.25, (-0.5, 0.5), "rdylgn"),
        ("slope", 3652.5, (-0.05, 0.05), "rdylgn"),
        ("first_doy", 90, (1, 366), "romao"),
        ("max_doy", 90, (1, 366), "romao"),
    ],
)
def test_other_units_have_a_default_range_and_colormap(name: str, days: float, shown: Range, colormap: str) -> None:
    derived = layer_of(LayerOptions(composite=METHODS[name], days=days))
    assert isinstance(derived.coloring, Ramp)
    assert derived.coloring.rescale == pytest.approx(shown)
    assert np.array_equal(derived.coloring.colors, color_table(colormap))
    assert derived.title == f"NDVI, {METHODS[name].title}"
    requested = layer_of(LayerOptions(composite=METHODS[name], days=days, rescale=((0, 7),), colormap_name="greys"))
    assert isinstance(requested.coloring, Ramp)
    assert requested.coloring.rescale == (0, 7)
    assert np.array_equal(requested.coloring.colors, color_table("greys"))


def test_trends_without_a_diverging_colormap_use_brbg() -> None:
    for options in (
        LayerOptions(index="bai", composite=METHODS["slope"]),
        LayerOptions(bands=("nir",), composite=METHODS["slope"]),
    ):
        coloring = layer_of(options).coloring
        assert isinstance(coloring, Ramp)
        assert np.array_equal(coloring.colors, color_table("brbg"))


def test_a_count_of_zero_is_transparent_by_default() -> None:
    def alpha(options: LayerOptions) -> list[int]:
        values = np.array([[[0, 1, 30]]], np.float32)
        return [int(pixel[3]) for pixel in layer_of(options).style.image(values, np.ones((1, 3), bool)).rgba[0]]

    count = METHODS["count"]
    assert alpha(LayerOptions(composite=count)) == [0, 255, 255]
    assert alpha(LayerOptions(composite=count, colormap_name="magma")) == [0, 255, 255]
    assert alpha(LayerOptions(composite=count, belowmincolor="extend")) == [255, 255, 255]
    assert alpha(LayerOptions(composite=count, belowmincolor="red")) == [255, 255, 255]
    assert alpha(LayerOptions(composite=count, rescale=((0, 9),))) == [255, 255, 255]
    legend = layer_of(LayerOptions(composite=count)).style.legend.json()
    assert legend["below"] == "#00000000"
    assert CLEAR[3] == 0


def test_composites_may_have_three_outputs() -> None:
    rgb = ("red", "green", "blue")
    slope = layer_of(LayerOptions(bands=rgb, composite=METHODS["slope"]))
    assert isinstance(slope.coloring, Channels)
    assert all(low == -high < 0 for low, high in slope.coloring.ranges)
    assert slope.style.outputs == (*rgb, *(f"p-value of {name}" for name in rgb))
    assert slope.style.legend.json()["outputs"] == list(rgb)
    values = np.zeros((6, 2, 2), np.float32)
    assert slope.style.image(values, np.ones((2, 2), bool)).rgba.shape == (2, 2, 4)
    for name in ("count", "first_doy"):  # one output for all three bands
        derived = layer_of(LayerOptions(bands=rgb, composite=METHODS[name]))
        assert isinstance(derived.coloring, Ramp)
        assert derived.style.outputs == (name,)


def test_composites_of_classes_have_the_colours_of_their_values() -> None:
    assert isinstance(layer_of(LayerOptions(index="scl", composite=METHODS["mode"])).coloring, Classes)
    count = layer_of(LayerOptions(index="scl", composite=METHODS["count"])).coloring
    assert isinstance(count, Ramp)
    derived = layer_of(LayerOptions(classes="0.2", composite=METHODS["slope"]))
    assert len(derived.style.outputs) == 1, "class numbers have no p-value"
    assert BY_NAME["scl"].display_range == (0, 11)


@pytest.mark.parametrize(
    ("options", "accepted"),
    [
        (LayerOptions(index="scl"), True),
        (LayerOptions(expression="(nir - red) / (nir + red) > 0.4"), True),
        (LayerOptions(expression="where(nir > red, 2, -scl) + 3 * (scl == 4)"), True),
        (LayerOptions(expression="where(nir > red, 0.5, 1)"), False),
        (LayerOptions(expression="scl / 2"), False),
        (LayerOptions(expression="nir"), False),
        (LayerOptions(), False),
        (LayerOptions(bands=("red", "green", "blue")), False),
    ],
)
def test_mode_requires_integers(options: LayerOptions, accepted: bool) -> None:
    options = replace(options, composite=METHODS["mode"])
    if accepted:
        assert layer_of(options).composite == METHODS["mode"]
    else:
        with pytest.raises(InvalidInput, match="integer values") as refusal:
            layer_of(options)
        assert refusal.value.parameter == "composite"


def test_geomedian_of_classes_is_refused() -> None:
    with pytest.raises(InvalidInput, match="geomedian"):
        layer_of(LayerOptions(index="scl", composite=METHODS["geomedian"]))


@pytest.mark.parametrize(
    ("text", "fragment"),
    [
        ("mediam", "did you mean median"),
        ("Newest", "did you mean newest"),
        ("p100", "p1 to p99"),
        ("p0", "p1 to p99"),
        ("", "newest, oldest"),
    ],
)
def test_unknown_composites_are_refused(text: str, fragment: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        parse_composite(text)
    assert refusal.value.parameter == "composite"
    assert fragment in f"{refusal.value} {refusal.value.valid}"


def test_days_of_an_interval_are_counted() -> None:
    assert interval_days(None) == DEFAULT_DAYS
    assert interval_days(parse_interval("2022-06-01/..")) == OPEN_DAYS
    assert interval_days(parse_interval("2022-06-01/2022-06-10")) == pytest.approx(10)
    assert interval_days(parse_interval("2022-06-01T10:00:00Z")) == 0
    assert layer_of().composite == NEWEST


def test_expressions_are_joined() -> None:
    both = parse("red * 2").joined(parse("nir - red; scl"))
    assert both.names == ("red * 2", "nir - red", "scl")
    assert both.bands == ("red", "nir", "scl")
    bands = {name: np.full((2,), number, np.float32) for number, name in enumerate(both.bands, start=1)}
    assert both.evaluate(bands)[0][:, 0].tolist() == [2, 1, 3]
