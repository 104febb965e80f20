"""RGB rendering; colour formulas against color-operations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from color_operations import parse_operations
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from scog.errors import InvalidInput
from scog.render.channels import MAX_OPERATIONS, Channels, parse_color_formula
from scog.render.ramp import Range

UNIT: Range = (0.0, 1.0)
anything = st.floats(width=32, allow_nan=True, allow_infinity=True)
FORMULAS = [
    "gamma RGB 1.3",
    "gamma rgb 1.3, saturation 1.2",
    "Gamma RGB 3.5 Saturation 1.7 Sigmoidal RGB 15 0.35",
    "sigmoidal RG 6 0.5",
    "gamma b .5",
    "saturation 0",
    "sigmoidal RGB 10 0",
    "  gamma   r  2 ,",
]


@given(st.data(), st.sampled_from([None, *FORMULAS]))
def test_invalid_is_transparent_and_valid_is_opaque(data: st.DataObject, formula: str | None) -> None:
    values = data.draw(hnp.arrays(np.float32, (3, 4, 5), elements=anything))
    valid = data.draw(hnp.arrays(np.bool_, (4, 5)))
    image = Channels((UNIT, (0, 0.3), (-1, 1e-6)), formula).paint(values, valid)
    assert image.palette is None
    assert (image.rgba.shape, image.rgba.dtype) == ((4, 5, 4), np.uint8)
    assert (image.rgba[..., 3] == np.where(valid, 255, 0)).all()
    assert (image.rgba[~valid] == 0).all()


def test_each_channel_has_a_separate_range() -> None:
    values = np.array([[[0.1, -1]], [[0.1, 9]], [[0.1, 0.05]]], np.float32)
    painted = Channels(((0, 0.1), (0.1, 0.2), (0, 0.2))).paint(values, np.ones((1, 2), bool)).rgba
    assert painted.tolist() == [[[255, 0, 128, 255], [0, 255, 64, 255]]]


@given(hnp.arrays(np.float32, (3, 4, 4), elements=st.floats(-0.25, 0.5, width=32)))
def test_colours_increase_monotonically_with_values(values: NDArray[np.float32]) -> None:
    painted = Channels(((0, 0.3),) * 3).paint(values, np.ones((4, 4), bool)).rgba
    for channel in range(3):
        order = np.argsort(values[channel].ravel(), kind="stable")
        assert (np.diff(painted[..., channel].ravel()[order].astype(int)) >= 0).all()


@settings(max_examples=40)
@given(hnp.arrays(np.float32, (3, 5, 6), elements=st.floats(-0.25, 1.25, width=32)), st.sampled_from(FORMULAS))
def test_colour_formulas_agree_with_color_operations(values: NDArray[np.float32], formula: str) -> None:
    light = np.clip(values.astype(float), 0, 1)
    for operation in parse_operations(" ".join(formula.replace(",", " ").split())):
        light = np.clip(operation(light), 0, 1)
    painted = Channels((UNIT,) * 3, formula).paint(values, np.ones((5, 6), bool)).rgba
    assert abs(np.moveaxis(painted[..., :3], -1, 0) - light * 255).max() <= 0.51


def test_colour_formulas_apply_after_rescaling() -> None:
    values = np.full((3, 1, 1), 0.15, np.float32)
    painted = Channels(((0, 0.3), (0, 0.6), (0.15, 1)), "gamma RGB 2").paint(values, np.ones((1, 1), bool)).rgba
    assert painted.tolist() == [[[180, 128, 0, 255]]]  # square roots of 1/2, 1/4, 0


REFUSED = [
    "", " ", ",", "gamma", "gamma RGB", "gamma 1.3", "gamma RGB x", "gamma RGB -1", "gamma RGB 0", "gamma RGB nan",
    "gamma RGB inf", "gamma RGB 1e9", "gamma RGB 1_0", "gamma RGB 1000", "gamma XYZ 1.3", "gamma RGBR 1.3",
    "gamma RGB 1 2", "gamma RGB １", "saturation", "saturation RGB 1", "saturation -1", "sigmoidal RGB 6",
    "sigmoidal RGB 6 0.5 1", "sigmoidal RGB 5 2", "sigmoidal RGB -1 0.5", "nonsense", "gammaRGB 1.3",
    "gamma RGB 1.3; saturation 1", "gamma RGB 1.3 nonsense", "nonsense gamma RGB 1.3", "__import__('os')", "<script>",
    "gamma RGB 1.3\x00", "\ud800",
    " ".join(["saturation 1"] * (MAX_OPERATIONS + 1)), "gamma RGB 1 " * 40,
]  # fmt: skip


@pytest.mark.parametrize("formula", REFUSED, ids=[ascii(text[:24]) for text in REFUSED])
def test_invalid_colour_formulas_are_refused(formula: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_color_formula(formula)
    assert refused.value.parameter == "color_formula"
    assert "gamma RGB 1.3" in str(refused.value.valid)
    assert len(str(refused.value)) < 150


def test_the_maximum_number_of_operations() -> None:
    assert len(parse_color_formula(", ".join(["saturation 1.1"] * MAX_OPERATIONS))) == MAX_OPERATIONS


number = st.one_of(st.integers(0, 999).map(str), st.floats(0, 999).map(lambda n: f"{n:.9f}"), st.just("0.000000001"))
bands = st.sampled_from(["r", "G", "bb", "rgb", "RGB", "BG"])
operation = st.one_of(
    st.builds("gamma {} {}".format, bands, number),
    st.builds("sigmoidal {} {} {}".format, bands, number, st.floats(0, 1).map(lambda n: f"{n:.9f}") | number),
    st.builds("saturation {}".format, number),
)
GREYS = np.array([[0, 1e-7, 0.25, 0.5, 0.999, 1]] * 3, np.float32).reshape(3, 1, 6)
GREYS[2] = GREYS[2, :, ::-1]


@given(st.lists(operation, min_size=1, max_size=3).map(", ".join))
def test_accepted_formulas_render(formula: str) -> None:
    """Rendering must not warn: a warning means a non-finite value was cast to uint8."""
    try:
        channels: Any = Channels((UNIT,) * 3, formula)
        parse_color_formula(formula)
    except InvalidInput:
        return
    painted = channels.paint(GREYS, np.ones((1, 6), bool)).rgba
    assert painted.shape == (1, 6, 4)
    assert (painted[..., 3] == 255).all()
