"""A plus sign that was not escaped arrives as a space: put back where it can mean one thing only.

In a query string `+` stands for a space (the HTML standard's application/x-www-form-urlencoded); a plus is `%2B`.
"""

from __future__ import annotations

import keyword
import re

from scog.bandmath.operations import FUNCTIONS

_BETWEEN = re.compile(r"(?<=[\w.)])\s+(?=[\w.(])", re.ASCII)
_OFFSET = re.compile(r"([Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?) (?=\d\d:\d\d)", re.ASCII)
_EXPONENT = re.compile(r"(?<=\d[eE]) (?=\d)|(?<=\d\.[eE]) (?=\d)", re.ASCII)
_LAST_WORD, _FIRST_WORD = re.compile(r"\w+\Z", re.ASCII), re.compile(r"\w+", re.ASCII)
_LONGEST = 32
"""Characters of a word that are looked at; functions and keywords are shorter."""
WORDS = frozenset({"search", "id", "ids"})
"""Parameters whose spaces are their own."""
TEXTS = frozenset({"filter", "classes"})
"""Parameters that hold texts beside numbers: a space after `1e` may be one of theirs."""
HINT = "In an address + stands for a space: write %2B for a plus."


def with_plus(name: str, text: str) -> str:
    """The value of a parameter with the plus signs that it must have had.

    Of a formula, spaces between two operands; of a time, the one before its offset from UTC; of a number, the one in
    its exponent.
    """
    if " " not in text or name in WORDS:
        return text
    if name == "expression":
        return _BETWEEN.sub(_between, text)
    text = _OFFSET.sub(r"\1+", text)
    return text if name in TEXTS else _EXPONENT.sub("+", text)


def _between(gap: re.Match[str]) -> str:
    """What stands between two operands; spaces where one is no operand but a function's name or a word like `and`."""
    text = gap.string
    left = _LAST_WORD.search(text[max(0, gap.start() - _LONGEST) : gap.start()])
    right = _FIRST_WORD.match(text[gap.end() : gap.end() + _LONGEST])
    before, after = left[0] if left else "", right[0] if right else ""
    called = before.lower() in FUNCTIONS and text[gap.end()] == "("
    return gap[0] if called or keyword.iskeyword(before) or keyword.iskeyword(after) else "+"
