"""Parsing of colours, against Pillow's ImageColor."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ImageColor

from scog.errors import InvalidInput
from scog.render.color import hexadecimal, parse_color

bytes_ = st.integers(0, 255)


@pytest.mark.parametrize(
    ("written", "color"),
    [
        ("#1a9850", (26, 152, 80, 255)),
        ("1a9850", (26, 152, 80, 255)),
        ("1A9850", (26, 152, 80, 255)),
        ("#1a985080", (26, 152, 80, 128)),
        ("1a985000", (26, 152, 80, 0)),
        ("f00", (255, 0, 0, 255)),
        ("#f008", (255, 0, 0, 136)),
        (" Teal ", (0, 128, 128, 255)),
        ("transparent", (0, 0, 0, 0)),
        ("Transparent", (0, 0, 0, 0)),
        ([26, 152, 80], (26, 152, 80, 255)),
        ([26, 152, 80, 7], (26, 152, 80, 7)),
    ],
)
def test_colours_are_parsed(written: Any, color: tuple[int, ...]) -> None:
    assert parse_color(written, "colormap") == color


def test_names_agree_with_pillow() -> None:
    for name in ImageColor.colormap:
        assert parse_color(name, "colormap") == ImageColor.getcolor(name, "RGBA")


@given(st.tuples(bytes_, bytes_, bytes_, bytes_))
def test_hexadecimal_round_trip(color: tuple[int, int, int, int]) -> None:
    written = hexadecimal(color)
    assert parse_color(written, "colormap") == color
    assert ImageColor.getcolor(written, "RGBA") == color
    assert len(written) == (7 if color[3] == 255 else 9)
    assert parse_color(list(color), "colormap") == color


@pytest.mark.parametrize(
    "written",
    [
        "", "#", "nosuch", "#12345", "1234567", "#gggggg", "rgb(1,2,3)", "hsl(0, 100%, 50%)", "##123456",
        "１２３４５６", "teal;", "<b>", "x" * 9999, "\ud800", None, 5, 1.5, True, [], [1, 2], [1, 2, 3, 4, 5],
        [1, 2, 256], [1, 2, -1], [1, 2, 3.0], [1, 2, True], ["1", "2", "3"], [[1, 2, 3]], (1, 2, 3), {"r": 1},
        [1, 2, 10**4000], b"teal",
    ],
    ids=lambda written: ascii(written)[:24],
)  # fmt: skip
def test_invalid_colours_are_refused(written: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_color(written, "belowmincolor")
    assert refused.value.parameter == "belowmincolor"
    assert "teal" in str(refused.value.valid)
    assert len(str(refused.value)) < 120
