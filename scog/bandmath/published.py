"""The catalogue Awesome Spectral Indices, read from the data files of the package spyndex.

https://github.com/awesome-spectral-indices/awesome-spectral-indices. Two JSON files are read once, on first use.
spyndex itself is never imported: its code is not needed, and the import takes a third of a second.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, slots=True)
class Published:
    """One index of the catalogue.

    name       acronym, `NDVI` or `mND705`
    title      display name
    formula    in Python syntax over the catalogue's symbols: `(N - R)/(N + R)`
    symbols    bands and constants in the formula
    domain     application domain: `vegetation`, `water`, ...
    reference  URL of the publication
    """

    name: str
    title: str
    formula: str
    symbols: tuple[str, ...]
    domain: str
    reference: str


@lru_cache(maxsize=1)
def published() -> Mapping[str, Published]:
    """All indices of the catalogue by name, for any sensor. Raises ModuleNotFoundError without spyndex."""
    entries = _read("spectral-indices-dict.json")["SpectralIndices"]
    return MappingProxyType(
        {
            name: Published(
                name,
                entry["long_name"],
                entry["formula"],
                tuple(entry["bands"]),
                entry["application_domain"],
                entry["reference"],
            )
            for name, entry in entries.items()
        }
    )


@lru_cache(maxsize=1)
def constants() -> Mapping[str, float]:
    """Constants of the catalogue that have a default, with it. Raises ModuleNotFoundError without spyndex."""
    entries = _read("constants.json")
    return MappingProxyType(
        {name: float(entry["default"]) for name, entry in entries.items() if entry["default"] is not None}
    )


def _read(name: str) -> dict[str, Any]:
    package = find_spec("spyndex")  # locates the package without importing it
    if package is None or not package.submodule_search_locations:
        raise ModuleNotFoundError("the package spyndex, which contains the table of indices, is not installed")
    contents: dict[str, Any] = json.loads((Path(package.submodule_search_locations[0]) / "data" / name).read_bytes())
    return contents
