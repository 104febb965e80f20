"""Names that look like the one somebody typed."""

from __future__ import annotations

import difflib
from collections.abc import Container, Iterable

_LONGEST_QUOTE = 40
"""Characters of a caller's text that are repeated in a message, and compared with known names."""
_NEAR = 0.6
"""Share of characters that two names must have in common."""
_NAMED = 3
"""Names that are suggested at most."""


def quoted(text: str) -> str:
    """`text` in quotes for a message, shortened if it is long."""
    return repr(text if len(text) <= _LONGEST_QUOTE else text[:_LONGEST_QUOTE] + "…")


def did_you_mean(name: str, known: Iterable[str], better_known: Container[str] = ()) -> str:
    """The end of a message: `"; did you mean nir?"`, or nothing if no known name is near. Case does not matter.

    Of names that are equally near those that are `better_known` come first.
    """
    spelled = {candidate.lower(): candidate for candidate in known}
    matcher = difflib.SequenceMatcher(b=name[:_LONGEST_QUOTE].lower())
    near = []
    for candidate in spelled:
        matcher.set_seq1(candidate)
        # Cheap upper bounds first, as difflib's own search does.
        if matcher.real_quick_ratio() >= _NEAR and matcher.quick_ratio() >= _NEAR and matcher.ratio() >= _NEAR:
            near.append((matcher.ratio(), candidate in better_known, candidate))
    best = [spelled[candidate] for _, _, candidate in sorted(near, reverse=True)[:_NAMED]]
    return f"; did you mean {' or '.join(best)}?" if best else ""
