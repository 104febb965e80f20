"""Named colormaps against cmap; JSON colormaps against their definition."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from typing import Any

import cmap
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from scog.bandmath import indices
from scog.errors import InvalidInput
from scog.render.classes import MAX_CLASSES, Classes
from scog.render.colormap import SUGGESTED, color_table, names, parse_colormap
from scog.render.ramp import STEPS, Ramp, Range

UNIT: Range = (0.0, 1.0)


@pytest.mark.parametrize("name", [*SUGGESTED, "rdylgn_r", "Viridis", "matlab:hot", "tol:nightfall"])
def test_colour_tables_agree_with_cmap(name: str) -> None:
    table = color_table(name)
    stops = cmap.Colormap(name.lower()).color_stops
    positions = np.linspace(0, 1, STEPS)
    expected = [np.interp(positions, stops.stops, channel) for channel in np.asarray(stops.color_array).T]
    assert table.shape == (STEPS, 4)
    assert table.dtype == np.uint8
    assert not table.flags.writeable
    assert abs(table / 255 - np.stack(expected, axis=1)).max() < 0.51 / 255 + (0.003 if len(stops) == 256 else 0)


@pytest.mark.parametrize("name", SUGGESTED)
def test_the_suffix_r_reverses(name: str) -> None:
    assert abs(color_table(name).astype(int) - color_table(f"{name}_r")[::-1]).max() <= 2  # stops are a step apart


def test_rdylgn_runs_from_red_to_green() -> None:
    table = color_table("rdylgn").astype(int)
    assert table[0, 0] > table[0, 1] + 100
    assert table[-1, 1] > table[-1, 0] + 80


def test_every_index_has_a_colormap_that_exists() -> None:
    for index in indices.INDICES.values():
        assert color_table(index.colormap).shape == (STEPS, 4)


def test_listed_colormaps_exist() -> None:
    listed = names()
    assert list(listed) == sorted(set(listed))
    assert len(listed) > 100
    assert set(SUGGESTED) <= set(listed)
    for name in (listed[0], listed[len(listed) // 2], listed[-1]):
        assert color_table(name).shape == (STEPS, 4)
        assert color_table(f"{name}_r").shape == (STEPS, 4)


@pytest.mark.parametrize(
    "name", ["", "nosuch", "rdylgn_r_r_x", "../../etc", "a" * 65, "viridis\n", "ｖｉｒｉｄｉｓ", "_r", ":", "http://x"]
)
def test_unknown_names_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        color_table(name)
    assert refused.value.parameter == "colormap_name"
    assert refused.value.valid
    assert len(str(refused.value)) < 150


# JSON


def painted(coloring: Ramp | Classes, values: Any) -> list[list[int]]:
    """RGBA of a row of values."""
    row = np.array([[values]], np.float32)
    result: list[list[int]] = coloring.paint(row, np.ones(row.shape[1:], bool)).rgba[0].tolist()
    return result


CLEAR = [0, 0, 0, 0]
RED, GREEN, BLUE = [255, 0, 0, 255], [0, 128, 0, 255], [0, 0, 255, 128]


def test_objects_assign_colours_to_integers() -> None:
    written = {"4": "#008000", "-2": "red", "9": [0, 0, 255, 128], "10": [255, 0, 0]}
    coloring = parse_colormap(json.dumps(written), UNIT, rescaled=False)
    assert isinstance(coloring, Classes)
    assert [(entry.number, entry.name) for entry in coloring.entries] == [(-2, "-2"), (4, "4"), (9, "9"), (10, "10")]
    result = painted(coloring, [4, -2, 9, 10, 3.999, 4.001, 0, 1e9])
    assert result == [GREEN, RED, BLUE, RED, CLEAR, CLEAR, CLEAR, CLEAR]


def test_lists_assign_colours_to_half_open_intervals() -> None:
    written = [[[-1, 0.25], "red"], [[0.25, 0.5], "#008000"], [[0.75, 1], [0, 0, 255, 128]]]
    coloring = parse_colormap(json.dumps(written), UNIT, rescaled=False)
    assert isinstance(coloring, Classes)
    assert [entry.name for entry in coloring.entries] == ["-1 to 0.25", "0.25 to 0.5", "0.75 to 1"]
    just_below = float(np.nextafter(np.float32(0.25), np.float32(0)))
    result = painted(coloring, [-1, just_below, 0.25, 0.5, 0.75, 1, -1.001, 7])
    assert result == [RED, RED, GREEN, CLEAR, BLUE, CLEAR, CLEAR, CLEAR]


def test_the_later_of_overlapping_intervals_wins() -> None:
    coloring = parse_colormap('[[[0, 10], "red"], [[4, 5], "green"]]', UNIT, rescaled=False)
    assert painted(coloring, [3, 4, 4.9, 5, 9]) == [RED, GREEN, GREEN, RED, RED]


@pytest.mark.parametrize("shown", [(-0.2, 0.9), (0.0, 10000.0), (-3.0, -1.0)])
def test_256_colours_with_rescale_are_a_ramp(shown: Range) -> None:
    table = np.random.default_rng(1).integers(0, 256, (256, 4), np.uint8)
    coloring = parse_colormap(json.dumps(dict(enumerate(table.tolist()))), shown, rescaled=True)
    assert isinstance(coloring, Ramp)
    low, high = shown
    steps = np.linspace(0, 255, STEPS).round().astype(int)
    result = painted(coloring, np.linspace(low, high, STEPS))
    assert result == table[steps].tolist()
    assert painted(coloring, [low - 1, high + 1]) == [table[0].tolist(), table[255].tolist()]


@given(hnp.arrays(np.float32, 30, elements=st.floats(-0.5, 1.5, width=32)), st.sets(st.integers(0, 255), min_size=1))
def test_fewer_colours_with_rescale_match_8_bit_steps(values: NDArray[np.float32], positions: set[int]) -> None:
    if len(positions) > MAX_CLASSES:
        return
    table = {index: [index, 255 - index, 7, 255] for index in positions}
    coloring = parse_colormap(json.dumps(table), UNIT, rescaled=True)
    exact = np.clip(values.astype(float), 0, 1) * 255
    near_an_edge = (abs(exact - exact.round()) < 1e-3) & (values > 0) & (values < 1)
    for value, result, uncertain in zip(exact, painted(coloring, values), near_an_edge, strict=True):
        assert uncertain or result == table.get(int(value), CLEAR)


REFUSED = [
    "", " ", "5", "null", "true", '"viridis"', "[]", "{}", "[[]]", "[5]", "[null]", "{", "[1,", "'x'", "NaN",
    "Infinity", '{"a": "red"}', '{"1.5": "red"}', '{"": "red"}', '{"-": "red"}', '{"--1": "red"}', '{"1e3": "red"}',
    '{"1234567": "red"}', '{"１": "red"}', '{" 1": "red"}', '{"0x1": "red"}', '{"1_0": "red"}',
    '{"0": "nosuch"}', '{"0": null}', '{"0": 5}', '{"0": []}', '{"0": [1, 2]}', '{"0": [1, 2, 3, 4, 5]}',
    '{"0": [1, 2, 256]}', '{"0": [1, 2, -1]}', '{"0": [1, 2, 3.0]}', '{"0": [1, 2, true]}', '{"0": [1, 2, NaN]}',
    '{"0": "#12345"}', '{"0": {"r": 1}}', '{"0": "rgb(1,2,3)"}', '{"0": "<b>"}', '{"0": "hsl(0,100%,50%)"}',
    '[[[0, 1], "red"], [[1, 0], "red"]]', '[[[0, 0], "red"]]', '[[[0], "red"]]', '[[[0, 1, 2], "red"]]',
    '[[[0, NaN], "red"]]', '[[[0, Infinity], "red"]]', '[[[-Infinity, 0], "red"]]', '[[[0, 1e400], "red"]]',
    '[[[0, 1e31], "red"]]', '[[["0", "1"], "red"]]', '[[[false, true], "red"]]', '[[[0, 1]]]', '[[[0, 1], "red", 2]]',
    '[[0, 1], "red"]', '{"[0, 1]": "red"}', "[" * 20_000, '{"0":' * 20_000, "[" * 20_000 + "]" * 20_000,
    '{"0": ' + "[" * 20_000 + "]" * 20_000 + "}", "9" * 5000, '{"0": [' + "9" * 4000 + ", 0, 0]}",
    '[[[0, ' + "9" * 4000 + '], "red"]]', json.dumps({str(number): "red" for number in range(MAX_CLASSES + 1)}),
    json.dumps([[[number, number + 1], "red"] for number in range(MAX_CLASSES + 1)]), "\ud800", '{"0": "\ud800"}',
]  # fmt: skip


@pytest.mark.parametrize("rescaled", [False, True])
@pytest.mark.parametrize("text", REFUSED, ids=[ascii(text[:24]) for text in REFUSED])
def test_invalid_colormaps_are_refused(text: str, rescaled: bool) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_colormap(text, UNIT, rescaled)
    assert refused.value.parameter == "colormap"
    assert refused.value.valid
    assert len(str(refused.value)) < 150


def test_nesting_is_refused_at_every_depth() -> None:
    """No nesting depth may pass the JSON parser and then overflow the recursion limit elsewhere."""
    for depth in range(sys.getrecursionlimit() // 2, sys.getrecursionlimit() + 50, 3):
        for text in ('{"0": ' + "[" * depth + "]" * depth + "}", "[[[0,1]," + "[" * depth + "]" * depth + "]]"):
            with pytest.raises(InvalidInput):
                parse_colormap(text, UNIT, rescaled=False)


@pytest.mark.parametrize("text", ['{"256": "red"}', '{"-1": "red"}', '{"0": "red", "1000": "red"}'])
def test_steps_outside_0_to_255_are_refused(text: str) -> None:
    assert parse_colormap(text, UNIT, rescaled=False)
    with pytest.raises(InvalidInput, match="0 to 255"):
        parse_colormap(text, UNIT, rescaled=True)


def test_the_maximum_number_of_classes_is_accepted() -> None:
    coloring = parse_colormap(json.dumps({str(n): [n, 0, 0] for n in range(MAX_CLASSES)}), UNIT, rescaled=False)
    assert painted(coloring, range(MAX_CLASSES)) == [[number, 0, 0, 255] for number in range(MAX_CLASSES)]


@given(st.text(max_size=40) | st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("0123456789-", max_size=4), inner, max_size=4),
    max_leaves=12,
).map(json.dumps), st.booleans())  # fmt: skip
def test_any_other_text_is_refused_or_renders(text: str, rescaled: bool) -> None:
    with suppress(InvalidInput):
        assert len(painted(parse_colormap(text, UNIT, rescaled), [0, 0.5, 1, -9, 9])) == 5
