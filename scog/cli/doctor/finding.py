"""The results of `scog doctor`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Finding:
    """Result of one check: whether it passed, what was found, and if it failed, what to do.

    `values` are the numbers in the text, by name and in SI units, for programs.
    """

    well: bool
    text: str
    hint: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
