"""Legends against the colours that images are rendered with."""

from __future__ import annotations

import io
import json
import math
import re
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from scog.render.channels import Channels
from scog.render.classes import MAX_CLASSES, Class, Classes, by_thresholds
from scog.render.color import parse_color
from scog.render.colormap import color_table
from scog.render.legend import MAX_LINES, WIDTH, Legend, ticks
from scog.render.ramp import STEPS, Ramp

numbers = st.floats(-(2.0**100), 2.0**100, width=32)
SVG = "{http://www.w3.org/2000/svg}"
MARKUP = "<script>alert(1)</script> & \"'"
RAMP = Ramp((-0.2, 0.9), color_table("rdylgn"))
ENDS = Ramp((-0.2, 0.9), color_table("viridis"), (1, 2, 3, 255), (4, 5, 6, 0))
CLASSES = by_thresholds([0.2, 0.5], ["bare", MARKUP, "dense"], [(210, 180, 140, 255), (1, 2, 3, 128), (0, 100, 0, 0)])
SINGLE = Classes((Class(4, "vegetation", (0, 160, 0, 255), 4, 4), Class(6, "water", (0, 0, 255, 255), 6, 6)))
CHANNELS = Channels(((0, 0.3), (0, 0.4), (0, 0.5)), "gamma RGB 1.3")
EVERY: dict[str, Legend] = {
    "ramp": Legend("NDVI", RAMP, ("ndvi",)),
    "ends": Legend(MARKUP, ENDS, ("a",)),
    "classes": Legend("classes", CLASSES, ("a",)),
    "single": Legend("Scene classification", SINGLE, ("scl",)),
    "channels": Legend("True colour", CHANNELS, ("red", MARKUP, "blue")),
}


def rows(legend: Legend) -> list[Any]:
    """The child elements of the legend's SVG, parsed as XML."""
    return list(ElementTree.fromstring(legend.svg()))


def texts(legend: Legend) -> list[str]:
    return [str(row.text) for row in rows(legend) if row.tag == f"{SVG}text"]


def pixels(legend: Legend, scale: int = 1) -> np.ndarray:
    with Image.open(io.BytesIO(legend.png(scale))) as image:
        assert (image.format, image.mode, image.width) == ("PNG", "RGB", WIDTH * scale)
        return np.asarray(image)


@pytest.mark.parametrize("below", [None, (1, 2, 3, 4)])
@pytest.mark.parametrize("above", [None, (5, 6, 7, 0)])
def test_ramp_legend_has_the_rendered_colours(below: Any, above: Any) -> None:
    ramp = Ramp((-0.2, 0.9), color_table("viridis"), below, above)
    body = Legend("a", ramp, ("a",)).json()
    low, high = body["range"]
    assert (body["kind"], low, high, len(body["colors"])) == ("ramp", -0.2, 0.9, STEPS)
    values = np.array([[[*np.linspace(low, high, STEPS), low - 1, high + 1]]], np.float32)
    # Both ends belong to the range; linspace may round them outside in float32.
    values[0, 0, [0, STEPS - 1]] = np.float32(low), np.float32(high)
    painted = ramp.paint(values, np.ones((1, STEPS + 2), bool)).rgba[0]
    legend_colors = [parse_color(text, "") for text in (*body["colors"], body["below"], body["above"])]
    assert painted.tolist() == [list(color) for color in legend_colors]


@pytest.mark.parametrize("classes", [CLASSES, SINGLE])
def test_class_legend_has_the_rendered_colours(classes: Classes) -> None:
    body = Legend("a", classes, ("a",)).json()
    assert body["kind"] == "classes"
    for written, entry in zip(body["classes"], classes.entries, strict=True):
        low = entry.low if math.isfinite(entry.low) else entry.high - 1
        assert written["low"] == (entry.low if math.isfinite(entry.low) else None)
        assert written["high"] == (entry.high if math.isfinite(entry.high) else None)
        value = np.array([[[low]]], np.float32)
        assert classes.paint(value, np.ones((1, 1), bool)).rgba[0, 0].tolist() == [*parse_color(written["color"], "")]
        assert classes.class_numbers(value[0], np.ones((1, 1), bool)).item() == written["value"]
        assert written["name"] == entry.name


def test_channel_legend_names_the_outputs() -> None:
    body = EVERY["channels"].json()
    assert body["kind"] == "channels"
    assert body["color_formula"] == "gamma RGB 1.3"
    assert [(each["color"], each["output"], each["range"]) for each in body["channels"]] == [
        ("red", "red", [0, 0.3]), ("green", MARKUP, [0, 0.4]), ("blue", "blue", [0, 0.5]),
    ]  # fmt: skip
    assert texts(EVERY["channels"])[1] == "red, 0 to 0.3"


@pytest.mark.parametrize("name", EVERY)
def test_json_is_serializable_without_nan(name: str) -> None:
    body = EVERY[name].json()
    assert json.loads(json.dumps(body, allow_nan=False)) == body
    assert body["title"] == EVERY[name].title
    assert body["outputs"] == list(EVERY[name].outputs)


@pytest.mark.parametrize("name", EVERY)
def test_svg_escapes_markup(name: str) -> None:
    legend = EVERY[name]
    root = ElementTree.fromstring(legend.svg())
    assert root.tag == f"{SVG}svg"
    assert {element.tag for element in root.iter()} <= {f"{SVG}{tag}" for tag in ("svg", "style", "rect", "text")}
    assert not [key for element in root.iter() for key in element.attrib if key.startswith("on") or "href" in key]
    assert root.attrib["aria-label"] == f"Legend: {legend.title}"
    assert texts(legend)[0] == legend.title
    assert "<script" not in legend.svg()


@pytest.mark.parametrize("name", ["classes", "single"])
def test_every_class_has_a_line(name: str) -> None:
    legend = EVERY[name]
    assert isinstance(legend.coloring, Classes)
    assert texts(legend)[1:] == [entry.name for entry in legend.coloring.entries]


@pytest.mark.parametrize("scale", [1, 2, 4])
@pytest.mark.parametrize("name", EVERY)
def test_png_and_svg_are_the_same_size(name: str, scale: int) -> None:
    root = ElementTree.fromstring(EVERY[name].svg())
    assert pixels(EVERY[name], scale).shape == (int(root.attrib["height"]) * scale, WIDTH * scale, 3)
    for row in root.iter(f"{SVG}rect"):
        x, y, width, height = (float(row.attrib[key]) for key in ("x", "y", "width", "height"))
        assert 0 <= x <= x + width <= WIDTH
        assert 0 <= y <= y + height <= int(root.attrib["height"])


def test_colour_bar_has_the_colours_in_order() -> None:
    drawn = pixels(EVERY["ramp"], 4)
    middle = drawn[38 * 4]  # through the bar
    bar = middle[10 * 4 : -10 * 4]
    at = (np.arange(len(bar)) + 0.5) / len(bar) * STEPS
    expected = RAMP.colors[at.astype(int), :3].astype(int)
    neighbours = [RAMP.colors[np.clip(at.astype(int) + step, 0, STEPS - 1), :3].astype(int) for step in (-1, 1)]
    near = np.min([abs(bar - each).max(axis=1) for each in (expected, *neighbours)], axis=0)
    assert (near == 0).all()
    assert (middle[: 10 * 4 - 2] == 255).all()
    assert (bar[0] == RAMP.colors[0, :3]).all()
    assert (bar[-1] == RAMP.colors[-1, :3]).all()


def test_below_and_above_colours_are_separate_boxes() -> None:
    middle = pixels(EVERY["ends"], 1)[38]
    assert (middle[12:24] == (1, 2, 3)).all()
    assert (middle[26:30] == 255).all()
    assert abs(middle[31].astype(int) - ENDS.colors[0, :3]).max() <= 3
    assert (middle[-24:-12] == 255).all()  # transparent, on white


def test_class_swatches_have_their_colours() -> None:
    drawn = pixels(EVERY["classes"])
    swatches = [drawn[30 + 20 * line + 8, 17].tolist() for line in range(3)]
    assert swatches[0] == [210, 180, 140]
    assert np.allclose(swatches[1], 255 + (np.array([1, 2, 3]) - 255) * 128 / 255, atol=1)
    assert swatches[2] == [255, 255, 255]


def test_long_class_lists_are_truncated() -> None:
    classes = Classes(tuple(Class(n, f"class {n}", (0, 0, 0, 255), n, n) for n in range(MAX_CLASSES)))
    legend = Legend("many", classes, ("a",))
    assert len(legend.json()["classes"]) == MAX_CLASSES
    assert texts(legend)[1:] == [*(f"class {n}" for n in range(MAX_LINES)), f"and {MAX_CLASSES - MAX_LINES} more"]
    assert pixels(legend).shape[0] < 1500


def test_long_texts_are_truncated() -> None:
    result = texts(Legend("t" * 999, by_thresholds([0], ["n" * 64, "森" * 64], [(0, 0, 0, 255)] * 2), ("a",)))
    assert all(len(text) <= 45 and text.endswith("…") for text in result)


@given(numbers, numbers)
def test_ticks_are_few_round_values_within_the_range(low: float, high: float) -> None:
    if not low < high:
        return
    result = ticks(low, high)
    assert result == sorted(result)
    slack = 1e-6 * (high - low) + 1e-15 * max(abs(low), abs(high))
    assert all(low - slack <= value <= high + slack for value in result)
    assert len(result) <= 9
    if high - low > 1e-6 * max(abs(low), abs(high)):
        assert len(result) >= 3
        steps = np.diff(result)
        assert np.allclose(steps, steps[0], rtol=1e-6)
        digits = f"{steps[0]:.3e}".split("e")[0]
        assert digits in ("1.000", "2.000", "2.500", "5.000")


@pytest.mark.parametrize(
    ("shown", "labels"),
    [
        ((-0.2, 0.9), ["-0.2", "0", "0.2", "0.4", "0.6", "0.8"]),
        ((0, 0.3), ["0", "0.05", "0.1", "0.15", "0.2", "0.25", "0.3"]),
        ((-1, 1), ["-1", "-0.5", "0", "0.5", "1"]),
        ((0, 10000), ["0", "2000", "4000", "6000", "8000", "10000"]),
    ],
)
def test_tick_labels_have_the_necessary_digits(shown: tuple[float, float], labels: list[str]) -> None:
    assert texts(Legend("a", Ramp(shown, RAMP.colors), ("a",)))[1:] == labels


@settings(max_examples=30)
@given(numbers, numbers)
def test_any_range_renders(low: float, high: float) -> None:
    if low < high:
        legend = Legend("a", Ramp((low, high), RAMP.colors), ("a",))
        result = [row for row in rows(legend) if row.tag == f"{SVG}text"][1:]
        assert result
        assert not re.search("nan|inf", legend.svg())
        middles = [float(row.attrib["x"]) for row in result]
        assert all(10 <= x <= WIDTH - 10 for x in middles)
        assert middles == sorted(middles)
