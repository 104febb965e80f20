"""Suggestions for mistyped names in error messages."""

from __future__ import annotations

import difflib
from collections.abc import Container, Iterable

_MAX_CHARACTERS = 40
"""Maximum number of characters of a caller's text that are quoted, and compared with known names."""
_MIN_SIMILARITY = 0.6
"""Minimum `difflib.SequenceMatcher.ratio` of a suggestion."""
_MAX_SUGGESTIONS = 3


def quoted(text: str) -> str:
    """`text` in quotes for a message, truncated if it is long."""
    return repr(text if len(text) <= _MAX_CHARACTERS else text[:_MAX_CHARACTERS] + "…")


def did_you_mean(name: str, known: Iterable[str], better_known: Container[str] = ()) -> str:
    """End of an error message such as `"; did you mean nir?"`, or an empty string if no known name is similar.

    Case does not matter. Of equally similar names, those in `better_known` come first.
    """
    spelled = {candidate.lower(): candidate for candidate in known}
    matcher = difflib.SequenceMatcher(b=name[:_MAX_CHARACTERS].lower())
    matches = []
    for candidate in spelled:
        matcher.set_seq1(candidate)
        # Cheap upper bounds first, as in difflib.get_close_matches.
        if (
            matcher.real_quick_ratio() >= _MIN_SIMILARITY
            and matcher.quick_ratio() >= _MIN_SIMILARITY
            and matcher.ratio() >= _MIN_SIMILARITY
        ):
            matches.append((matcher.ratio(), candidate in better_known, candidate))
    best = [spelled[candidate] for _, _, candidate in sorted(matches, reverse=True)[:_MAX_SUGGESTIONS]]
    return f"; did you mean {' or '.join(best)}?" if best else ""
