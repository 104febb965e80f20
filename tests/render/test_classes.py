"""Classification of values, against numpy.digitize and a per-value oracle."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from scog.render.classes import MAX_CLASSES, Class, Classes, by_thresholds
from scog.render.image import TRANSPARENT
from tests.profiles import BY_NUMBER, CLOUDS, SCENE_CLASSES

finite = st.floats(-1e6, 1e6, width=32)
thresholds = st.lists(finite, min_size=1, max_size=20, unique=True).map(sorted)
BLACK = (0, 0, 0, 255)


def classes_between(edges: list[float]) -> Classes:
    count = len(edges) + 1
    return by_thresholds(edges, [str(n) for n in range(count)], [(n, 0, 0, 255) for n in range(count)])


@given(st.data(), thresholds)
def test_thresholds_agree_with_numpy_digitize(data: st.DataObject, edges: list[float]) -> None:
    values = data.draw(hnp.arrays(np.float32, (4, 5), elements=finite | st.sampled_from(edges)))
    valid = data.draw(hnp.arrays(np.bool_, (4, 5)))
    classes = classes_between(edges)
    expected = np.digitize(values, np.array(edges, np.float32))
    places = classes.entry_indices(values, valid)
    assert (places == np.where(valid, expected, TRANSPARENT)).all()
    assert np.array_equal(classes.class_numbers(values, valid), np.where(valid, expected + 1.0, np.nan), equal_nan=True)
    painted = classes.paint(values[np.newaxis], valid).rgba
    assert (painted[valid, 0] == expected[valid]).all()
    assert (painted[..., 3] == np.where(valid, 255, 0)).all()


ends = st.sampled_from([-math.inf, -1e40, -2.0, -1.0, 0.0, 0.1, 0.5, 1.0, 3.0, 1e40, math.inf])
entries = st.lists(
    st.tuples(ends, ends).map(sorted).filter(lambda pair: pair[0] < pair[1] or abs(pair[0]) < 10),
    min_size=1, max_size=8,
).map(lambda pairs: tuple(Class(7 * n, str(n), (n, 1, 2, 255), *pair) for n, pair in enumerate(pairs)))  # fmt: skip


@given(entries)
def test_the_last_matching_class_wins(entries: tuple[Class, ...]) -> None:
    edges = np.array([-3e38, -2, -1, 0, 0.1, 0.5, 1, 3, 3e38, 0.3, -0.7], np.float32)
    values = np.concatenate((edges, np.nextafter(edges, -np.float32(9)), np.nextafter(edges, np.float32(9))))
    places = Classes(entries).entry_indices(values[np.newaxis], np.ones((1, len(values)), bool))[0]
    for value, place in zip(values, places, strict=True):
        matching = [number for number, each in enumerate(entries) if contains(each, value)]
        assert place == (matching[-1] if matching else TRANSPARENT)


def contains(each: Class, value: np.float32) -> bool:
    with np.errstate(over="ignore"):
        low, high = np.array([each.low, each.high]).astype(np.float32)
    return bool(low == value if each.low == each.high else low <= value < high)


def test_unclassified_values_are_transparent() -> None:
    classes = Classes((Class(3, "a", (1, 2, 3, 255), 0, 1), Class(9, "b", (4, 5, 6, 255), 5, 5)))
    values = np.array([[0, 0.5, 1, 5, 5.001, -1, np.nan, np.inf, -np.inf]], np.float32)
    valid = np.ones(values.shape, bool)
    none = TRANSPARENT
    assert classes.entry_indices(values, valid).tolist() == [[0, 0, none, 1, none, none, none, none, none]]
    result = classes.class_numbers(values, valid)[0]
    assert np.array_equal(result, [3, 3, np.nan, 9, *[np.nan] * 5], equal_nan=True)
    painted = classes.paint(values[np.newaxis], valid).rgba[0]
    assert painted[:5].tolist() == [[1, 2, 3, 255]] * 2 + [[0] * 4] + [[4, 5, 6, 255], [0] * 4]


@given(hnp.arrays(np.float32, (8, 8), elements=st.integers(0, 255).map(float)), hnp.arrays(np.bool_, (8, 8)))
def test_the_scene_classification_has_its_colours(values: NDArray[np.float32], valid: NDArray[np.bool_]) -> None:
    classes = Classes(tuple(Class(c.value, c.name, (*c.color, 255), c.value, c.value) for c in SCENE_CLASSES))
    table = np.zeros((256, 4), np.uint8)
    for each in SCENE_CLASSES:
        table[each.value] = (*each.color, 255)
    expected = table[values.astype(int)]
    expected[~valid] = 0
    assert (classes.paint(values[np.newaxis], valid).rgba == expected).all()


def test_the_table_of_scene_classes_is_complete_and_unique() -> None:
    assert [each.value for each in SCENE_CLASSES] == list(range(12))
    assert list(BY_NUMBER) == list(range(12))
    assert len({each.name for each in SCENE_CLASSES}) == len({each.color for each in SCENE_CLASSES}) == 12
    assert {BY_NUMBER[number].name for number in CLOUDS} == {
        "no data", "saturated or defective", "cloud shadow", "cloud, medium probability", "cloud, high probability",
        "thin cirrus",
    }  # fmt: skip
    # The colours of ESA's SCL images (SNAP, sen2cor).
    assert {each.value: each.color for each in SCENE_CLASSES if each.value in (4, 5, 6, 9, 11)} == {
        4: (0, 160, 0), 5: (255, 230, 90), 6: (0, 0, 255), 9: (255, 255, 255), 11: (255, 150, 255),
    }  # fmt: skip


def test_the_maximum_number_of_classes_fits_the_palette() -> None:
    entries = tuple(Class(n, str(n), (n, n, n, 255), n, n) for n in range(MAX_CLASSES))
    classes = Classes(entries)
    values = np.arange(MAX_CLASSES, dtype=np.float32).reshape(1, 1, -1)
    painted = classes.paint(values, np.ones((1, MAX_CLASSES), bool))
    assert painted.rgba[0, :, 0].tolist() == list(range(MAX_CLASSES))
    assert painted.palette is not None
    assert (painted.palette[TRANSPARENT] == 0).all()


@pytest.mark.parametrize("value", [16_777_217, 999_999])
def test_class_values_beyond_float32_precision_match(value: int) -> None:
    classes = Classes((Class(value, "x", BLACK, value, value),))
    assert classes.entry_indices(np.array([[value]], np.float32), np.ones((1, 1), bool)).tolist() == [[0]]
