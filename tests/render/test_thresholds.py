"""Parsing of classes by thresholds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scog.errors import InvalidInput
from scog.render.colormap import color_table
from scog.render.thresholds import MAX_NAME, MAX_THRESHOLD_CLASSES, parse_classes

TABLE = color_table("rdylgn")


def color(place: int) -> tuple[int, ...]:
    return tuple(TABLE[place].tolist())


def test_thresholds_alone_name_their_intervals() -> None:
    first, second, third = parse_classes("0.2,0.5", TABLE).entries
    assert (first.number, first.name, first.low, first.high) == (1, "below 0.2", -math.inf, 0.2)
    assert (second.number, second.name, second.low, second.high) == (2, "0.2 to 0.5", 0.2, 0.5)
    assert (third.number, third.name, third.low, third.high) == (3, "0.5 and above", 0.5, math.inf)
    assert [first.color, second.color, third.color] == [color(0), color(126), color(252)]


def test_names_and_colours_are_assigned() -> None:
    entries = parse_classes("bare:tan, 0.2, sparse ,0.5,dense:006400", TABLE).entries
    assert [entry.name for entry in entries] == ["bare", "sparse", "dense"]
    assert [entry.color for entry in entries] == [(210, 180, 140, 255), color(126), (0, 100, 0, 255)]
    assert [entry.low for entry in entries] == [-math.inf, 0.2, 0.5]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("0.5", ["below 0.5", "0.5 and above"]),
        (",0.5,", ["below 0.5", "0.5 and above"]),
        (":red,0.5,:blue", ["below 0.5", "0.5 and above"]),
        ("a,0.5,", ["a", "0.5 and above"]),
        ("-1,+1", ["below -1", "-1 to 1", "1 and above"]),
        ("-1e-3,.5,1.", ["below -0.001", "-0.001 to 0.5", "0.5 to 1", "1 and above"]),
        ("<b>&\"',0,Wälder 森", ["<b>&\"'", "Wälder 森"]),
        ("a,1e40,b,1e99,c", ["a", "b", "c"]),
    ],
)
def test_variants_of_the_syntax_are_accepted(text: str, names: list[str]) -> None:
    classes = parse_classes(text, TABLE)
    assert [entry.name for entry in classes.entries] == names
    assert classes.entry_indices(np.array([[-3e38]], np.float32), np.ones((1, 1), bool)).tolist() == [[0]]


@pytest.mark.parametrize(
    "text",
    [
        "", ",", "a", "a,b", "a,b,c", "a,0.2", "0.2,a", "a,0.2,b,c", "0.5,0.2", "0.2,0.2", "nan", "inf", "a,nan,b",
        "a,inf,b", "a,1e400,b", "a,0x1,b", "a,1_0,b", "a,１,b", "a:nosuch,0.2,b", "a:,0.2,b", "a:red:blue,0.2,b",
        "x" * (MAX_NAME + 1) + ",0.2,b", "a\x00b,0.2,c", "a\nb,0.2,c", "a\u202eb,0.2,c", "a\ufffeb,0.2,c",
        "\ud800,0.2,c", ",".join(str(n) for n in range(1000)), ",".join(str(n) for n in range(MAX_THRESHOLD_CLASSES)),
        "a,0.2,b,0.1,c", "a;0.2;b",
    ],
    ids=lambda text: ascii(text)[:24],
)  # fmt: skip
def test_invalid_classes_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_classes(text, TABLE)
    assert refused.value.parameter in ("classes",)
    assert refused.value.valid
    assert len(str(refused.value)) < 150


def test_the_maximum_number_of_classes_is_accepted() -> None:
    entries = parse_classes(",".join(str(n) for n in range(MAX_THRESHOLD_CLASSES - 1)), TABLE).entries
    assert len(entries) == MAX_THRESHOLD_CLASSES
    assert (entries[0].color, entries[-1].color) == (color(0), color(252))


names = st.text("abc <>&\"'", max_size=8).map(str.strip)
colors = st.none() | st.tuples(*[st.integers(0, 255)] * 4)


@given(st.data(), st.lists(st.integers(-99, 99), min_size=1, max_size=9, unique=True).map(sorted))
def test_parsed_classes_match_the_text(data: st.DataObject, thresholds: list[int]) -> None:
    labels = [(data.draw(names), data.draw(colors)) for _ in range(len(thresholds) + 1)]
    written = [name + ("" if c is None else ":#" + bytes(c).hex()) for name, c in labels]
    parts = [part for pair in zip(written, [*map(str, thresholds), ""], strict=True) for part in pair][:-1]
    entries = parse_classes(",".join(parts), TABLE).entries
    assert [entry.number for entry in entries] == list(range(1, len(labels) + 1))
    for entry, (name, requested) in zip(entries, labels, strict=True):
        assert entry.name == name or not name
        assert entry.name
        assert entry.color == requested or requested is None
    assert [entry.high for entry in entries[:-1]] == [entry.low for entry in entries[1:]] == thresholds
