"""Comparison of two periods: style, refusals and merged reports."""

from __future__ import annotations

from datetime import UTC, datetime
from types import MappingProxyType

import numpy as np
import pytest

from scog.catalog.scene import Scene
from scog.composite.change import Change
from scog.composite.methods import METHODS
from scog.errors import InvalidInput
from scog.imaging.compare import compare_images, parse_comparison, split_periods
from scog.imaging.report import Report, merge_reports
from scog.imaging.request import ImageData
from scog.net.policy import UpstreamStats
from scog.render.colormap import color_table
from scog.render.layer import LayerOptions
from scog.render.ramp import Ramp, Range
from scog.temporal.intervals import parse_interval
from tests.doubles.drawing import image_request
from tests.profiles import layer_of

DIFFERENCE, RATIO = Change.DIFFERENCE, Change.RATIO
RGB = ("red", "green", "blue")


@pytest.mark.parametrize(
    ("options", "title", "shown", "colormap"),
    [
        (LayerOptions(change=DIFFERENCE), "NDVI, change", (-0.5, 0.5), "rdylgn"),
        (LayerOptions(change=RATIO), "NDVI, ratio", (0, 2), "rdylgn"),
        (LayerOptions(index="nbr", change=DIFFERENCE), "NBR, change", (-0.6, 0.6), "rdylgn"),
        (LayerOptions(index="mndwi", change=DIFFERENCE), "MNDWI, change", (-0.8, 0.8), "rdbu"),
        (LayerOptions(index="s2rep", change=DIFFERENCE), None, (-10, 10), "brbg"),
        (LayerOptions(composite=METHODS["max_doy"], change=DIFFERENCE), None, (-150, 150), "brbg"),
        (LayerOptions(index="nirv", change=DIFFERENCE), "NIRV, change", (-0.2, 0.2), "brbg"),
        (LayerOptions(expression="nir - red", change=DIFFERENCE), "nir - red, change", (-1, 1), "brbg"),
        (LayerOptions(composite=METHODS["median"], change=DIFFERENCE), "NDVI, median, change", (-0.5, 0.5), "rdylgn"),
        (LayerOptions(composite=METHODS["count"], change=DIFFERENCE), "NDVI, clear observations, change", (-4, 4),
        "brbg"),
        (LayerOptions(composite=METHODS["slope"], days=365.25, change=DIFFERENCE), "NDVI, trend per year, change",
        (-0.5, 0.5),
         "rdylgn"),
        (LayerOptions(composite=METHODS["count"], bands=RGB, change=RATIO), None, (0, 2), "brbg"),
        (LayerOptions(composite=METHODS["count"], index="scl", change=DIFFERENCE), None, (-4, 4), "brbg"),
        (LayerOptions(expression="scl == 6", change=DIFFERENCE), None, (-1, 1), "brbg"),
        (LayerOptions(rescale=((-1, 3),), colormap_name="magma", change=DIFFERENCE), "NDVI, change", (-1, 3), "magma"),
    ],
)  # fmt: skip
def test_colours_are_centred_on_no_change(
    options: LayerOptions, title: str | None, shown: Range | None, colormap: str | None
) -> None:
    layer = layer_of(options)
    assert isinstance(layer.coloring, Ramp)
    assert title is None or layer.title == title
    assert shown is None or layer.coloring.rescale == pytest.approx(shown)
    assert colormap is None or np.array_equal(layer.coloring.colors, color_table(colormap))
    if not options.rescale:
        assert options.change is not None
        assert sum(layer.coloring.rescale) / 2 == pytest.approx({DIFFERENCE: 0, RATIO: 1}[options.change])
    assert len(layer.style.outputs) == 1
    assert layer.style.outputs[0].startswith(("change of ", "ratio of "))


def test_thresholds_make_classes_of_the_change() -> None:
    layer = layer_of(LayerOptions(classes="less:red,-0.1,same:white,0.1,more:green", change=DIFFERENCE))
    values = np.array([[[-0.3, 0.0, 0.3]]], np.float32)
    assert layer.style.values(values, np.ones((1, 3), bool)).tolist() == [[[1, 2, 3]]]


@pytest.mark.parametrize(
    "options", [LayerOptions(bands=RGB), LayerOptions(expression="red; nir; scl"), LayerOptions(index="scl"),
    LayerOptions(bands=("scl",)),
             LayerOptions(expression="scl"), LayerOptions(index="scl", composite=METHODS["mode"])],
)  # fmt: skip
def test_layers_that_cannot_be_compared_are_refused(options: LayerOptions) -> None:
    for how in Change:
        with pytest.raises(InvalidInput) as refused:
            layer_of(LayerOptions(**{**vars(options), "change": how}))
        assert refused.value.parameter == "compare"
        assert refused.value.valid


def test_comparisons_are_parsed_or_refused() -> None:
    assert parse_comparison(None, None) is None
    comparison = parse_comparison("2024-06-02", None)
    assert comparison is not None
    assert (comparison.interval, comparison.how) == (parse_interval("2024-06-02"), DIFFERENCE)
    for period, how, parameter in ((None, RATIO, "compare_as"), ("yesterday", RATIO, "compare"), ("", None, "compare")):
        with pytest.raises(InvalidInput) as refused:
            parse_comparison(period, how)
        assert refused.value.parameter == parameter


def test_a_comparison_is_split_into_two_requests() -> None:
    first, second = parse_interval("2024-06-12"), parse_interval("2024-06-02")
    comparison = parse_comparison("2024-06-02", RATIO)
    assert comparison is not None
    options = {"composite": METHODS["median"], "collection": "c"}
    both = split_periods(image_request("nir", interval=first, compare=comparison, **options), comparison)
    assert both == (image_request("nir", interval=first, **options), image_request("nir", interval=second, **options))


def scene(name: str) -> Scene:
    return Scene(
        id=name, collection="c", time=datetime(2024, 6, 1, tzinfo=UTC), platform="a", mgrs_tile="32TQS",
        cloud_cover=1.0, footprint=(), orbit=None, acquisition_key=None, processed_at="", assets=MappingProxyType({}),
    )  # fmt: skip


def test_reports_merge() -> None:
    a, b, c = map(scene, "abc")
    one = Report(
        [a, b],
        {"x": "http-404"},
        unmasked={"a": ("scl",)},
        tally=UpstreamStats(1, 20, 0),
        seconds={"read": 1.0, "mask": 2.0},
    )
    unmasked = {"a": ("scl",), "c": ("cloud", "snow")}
    two = Report([scene("b"), c], {"y": "timeout"}, unmasked=unmasked, truncated=True, stale=5.0,
                 incomplete="deadline", tally=UpstreamStats(2, 30, 1), seconds={"read": 3.0})  # fmt: skip
    merged = merge_reports(one, two)
    assert (merged.used, [each.id for each in merged.second_period]) == ([a, b, c], ["b", "c"])
    assert merged.skipped == {"x": "http-404", "y": "timeout"}
    assert merged.unmasked == unmasked
    assert (merged.truncated, merged.stale, merged.incomplete) == (True, 5.0, "deadline")
    assert merged.tally == UpstreamStats(3, 50, 1)
    assert merged.seconds == {"read": 3.0, "mask": 2.0}
    for whole in (Report([a]), Report([b])):
        assert not merge_reports(whole, Report()).partial
        for partial in (one, two):
            assert merge_reports(whole, partial).partial
            assert merge_reports(partial, whole).partial


def test_p_values_are_dropped_and_the_cache_id_identifies_both_images() -> None:
    values, valid = np.ones((2, 1, 3), np.float32), np.ones((1, 3), bool)

    def drawing(number: int) -> ImageData:
        return ImageData(values, valid, Report(), number)

    merged = compare_images(drawing(1), drawing(2), 1, DIFFERENCE)
    assert merged.values.shape == (1, 1, 3)
    assert merged.cache_id
    for one, other in ((2, 1), (1, 3), (3, 2)):
        assert merged.cache_id != compare_images(drawing(one), drawing(other), 1, DIFFERENCE).cache_id
    assert not compare_images(drawing(1), drawing(0), 1, DIFFERENCE).cache_id
    assert not compare_images(drawing(0), drawing(2), 1, DIFFERENCE).cache_id
