"""What a collection can mask: the band of its classes or bits, and the named sets of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, eq=False)
class MaskSource:
    """Where the mask of a scene comes from.

    band     canonical name of the band that holds class numbers or bits
    bits     whether values are bit fields; numbers are then bit positions from 0, the least significant
    names    number of each class or bit by name
    invalid  classes, or bits, of pixels without data, which are never used
    invalid_values  whole values of pixels without data, such as 255 of a bit field
    sets     numbers by name of a set, such as `clouds`
    guessed  whether the sets are guessed from the names of classes or bits
    """

    band: str
    bits: bool = False
    names: Mapping[str, int] = field(default_factory=dict)
    invalid: frozenset[int] = frozenset()
    invalid_values: frozenset[int] = frozenset()
    sets: Mapping[str, frozenset[int]] = field(default_factory=dict)
    guessed: bool = False

    def numbers_of(self, name: str) -> frozenset[int] | None:
        """Numbers of a set, class or bit by name; None if there is none."""
        if name in self.sets:
            return self.sets[name]
        return frozenset({self.names[name]}) if name in self.names else None
