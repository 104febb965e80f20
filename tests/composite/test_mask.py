"""Parsing of masks: any text is a mask or refused."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scog.errors import InvalidInput
from tests.profiles import parse_mask


@given(st.one_of(st.text(), st.text("0123456789,+-_ \t\n\x1c\x1f\x85\xa0²٣")))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    with contextlib.suppress(InvalidInput):
        classes = parse_mask(text).classes
        assert classes is None or classes <= frozenset(range(12))


@pytest.mark.parametrize("text", ["8,9", " 8, 9", "9,\x1f8", "08,9 ,8"])
def test_white_space_around_classes_is_ignored(text: str) -> None:
    assert parse_mask(text).classes == {8, 9}
