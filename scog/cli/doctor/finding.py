"""The results of `scog doctor`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Finding:
    """Result of one check. `well` is True if it passed; `hint` says what to do if it failed.

    `values` are the values in the text, by name and in SI units, for other programs.
    """

    well: bool
    text: str
    hint: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
