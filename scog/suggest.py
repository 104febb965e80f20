"""Names that look like the one somebody typed."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_LONGEST_QUOTE = 40
"""Characters of a caller's text that are repeated in a message, and compared with known names."""


def quoted(text: str) -> str:
    """`text` in quotes for a message, shortened if it is long."""
    return repr(text if len(text) <= _LONGEST_QUOTE else text[:_LONGEST_QUOTE] + "…")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of a message: `"; did you mean nir?"`, or nothing if no known name is near. Case does not matter."""
    spelled = {candidate.lower(): candidate for candidate in known}
    near = difflib.get_close_matches(name[:_LONGEST_QUOTE].lower(), spelled, n=3)
    return f"; did you mean {' or '.join(spelled[match] for match in near)}?" if near else ""
