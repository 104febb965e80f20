"""The band names that a formula may use, and what they mean in a collection."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from scog.errors import InvalidInput
from scog.suggest import did_you_mean, quoted

MAX_NAME = 64
"""Maximum length of a band's name in formulas."""
RESERVED = frozenset({"where", "min", "max", "clip", "bit", "abs", "sqrt", "log", "exp"})
"""Names of the functions of formulas."""


@dataclass(frozen=True, eq=False)
class BandNames:
    """Names of bands in the formulas of one or several collections.

    canonical_names  canonical name by accepted name in lower case
    suggestions      names that an error message may suggest
    valid            the valid names as text, for an error's `valid`
    discrete         canonical names of bands that hold integers: classes or bit fields
    ambiguous        accepted names in lower case that mean different bands, with an explanation
    open             whether other names are accepted as they are, because items name their own bands
    """

    canonical_names: Mapping[str, str] = field(default_factory=dict)
    suggestions: tuple[str, ...] = ()
    valid: str = "names of bands"
    discrete: frozenset[str] = frozenset()
    ambiguous: Mapping[str, str] = field(default_factory=dict)
    open: bool = False

    def find(self, name: str) -> str | None:
        """Canonical name of a band from its name or an alias in any case; None if unknown or ambiguous."""
        lower = name.lower()
        if lower in self.ambiguous:
            return None
        return self.canonical_names.get(lower) or (lower if self.open and band_identifier(lower) == lower else None)

    def problem(self, name: str) -> str:
        """Why `find` knows no such band, with similar names."""
        explanation = self.ambiguous.get(name.lower())
        if explanation is not None:
            return f"{quoted(name)} is ambiguous: {explanation}"
        return f"there is no band {quoted(name)}{did_you_mean(name, self.suggestions)}"

    def canonical(self, name: str) -> str:
        """Canonical name of a band. Raises InvalidInput if there is none; the message suggests similar names."""
        found = self.find(name)
        if found is None:
            raise InvalidInput(self.problem(name), parameter="bands", valid=self.valid)
        return found


ANY_NAMES = BandNames(open=True)
"""Accepts every name as it is."""


def band_identifier(name: str) -> str:
    """A name as formulas can write it: lower case, other characters than letters, digits and `_` replaced by `_`.

    It never starts with a digit, is never empty or a word that formulas reserve, and has at most MAX_NAME characters.
    """
    identifier = re.sub(r"\W", "_", name.strip()[:MAX_NAME].lower(), flags=re.ASCII)
    if identifier in RESERVED or keyword.iskeyword(identifier):
        return f"{identifier}_"
    return f"_{identifier}"[:MAX_NAME] if identifier[:1].isdecimal() or not identifier else identifier
