"""Restores unescaped plus signs in query strings. They arrive as spaces, where a space would be meaningless.

In a query string `+` encodes a space (application/x-www-form-urlencoded in the URL standard); a plus sign is `%2B`.
"""

from __future__ import annotations

import keyword
import re

from scog.bandmath.operations import FUNCTIONS
from scog.composite.mask import mask_parts

_OPERAND_GAP = re.compile(r"(?<=[\w.)])\s+(?=[\w.(])", re.ASCII)
_OFFSET = re.compile(r"([Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?) (?=\d\d:\d\d)", re.ASCII)
_EXPONENT = re.compile(r"(?<=\d[eE]) (?=\d)|(?<=\d\.[eE]) (?=\d)", re.ASCII)
_LAST_WORD, _FIRST_WORD = re.compile(r"\w+\Z", re.ASCII), re.compile(r"\w+", re.ASCII)
_WORDS = re.compile(r"[\w\s]*", re.ASCII)
_MAX_WORD = 32
"""Number of characters of a word that are compared. Functions and keywords are shorter."""
UNCHANGED = frozenset({"search", "id", "ids"})
"""Parameters with meaningful spaces."""
TEXTS = frozenset({"filter", "classes"})
"""Parameters with text beside numbers: a space after `1e` may be meaningful."""
HINT = "In a query string, + means a space; write %2B for a plus sign."


def restore_plus(name: str, text: str) -> str:
    """The value of a parameter with its plus signs restored.

    Spaces become plus signs between two operands of an expression, before the UTC offset of a time, and in the exponent
    of a number.
    """
    if " " not in text or name in UNCHANGED:
        return text
    if name == "expression":
        return _OPERAND_GAP.sub(_restored, text)
    if name == "mask":
        return _restored_in_mask(text)
    text = _OFFSET.sub(r"\1+", text)
    return text if name in TEXTS else _EXPONENT.sub("+", text)


def _restored_in_mask(text: str) -> str:
    """A mask with the plus signs of its expressions restored. Names of classes may contain spaces."""
    restored, end = "", 0
    for start, part in mask_parts(text):
        restored += text[end:start] + (part if _WORDS.fullmatch(part) else _OPERAND_GAP.sub(_restored, part))
        end = start + len(part)
    return restored + text[end:]


def _restored(gap: re.Match[str]) -> str:
    """`+` for a gap between two operands; the gap itself beside a keyword such as `and` or a function's name."""
    text = gap.string
    left = _LAST_WORD.search(text[max(0, gap.start() - _MAX_WORD) : gap.start()])
    right = _FIRST_WORD.match(text[gap.end() : gap.end() + _MAX_WORD])
    before, after = left[0] if left else "", right[0] if right else ""
    is_call = before.lower() in FUNCTIONS and text[gap.end()] == "("
    return gap[0] if is_call or keyword.iskeyword(before) or keyword.iskeyword(after) else "+"
