"""Everything that an item shows: its bands, indices, masks, quantities and default, each with the oracle's values."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np

from tests.doubles.collections.item import Made, Mask2D, Values
from tests.doubles.orthophotos import Ortho
from tests.doubles.terrain import hillshade, slope

ROUNDING = 1e-6
"""Relative error of a few operations in float32."""
INDICES: dict[str, tuple[tuple[str, ...], Callable[..., Values]]] = {
    "ndvi": (("nir", "red"), lambda n, r: (n - r) / (n + r)),
    "gndvi": (("nir", "green"), lambda n, g: (n - g) / (n + g)),
    "ndwi": (("green", "nir"), lambda g, n: (g - n) / (g + n)),
    "evi": (("nir", "red", "blue"), lambda n, r, b: 2.5 * (n - r) / (n + 6 * r - 7.5 * b + 1)),
    "savi": (("nir", "red"), lambda n, r: 1.5 * (n - r) / (n + r + 0.5)),
    "msavi": (("nir", "red"), lambda n, r: 0.5 * (2 * n + 1 - np.sqrt((2 * n + 1) ** 2 - 8 * (n - r)))),
    "osavi": (("nir", "red"), lambda n, r: (n - r) / (n + r + 0.16)),
    "mndwi": (("green", "swir16"), lambda g, s: (g - s) / (g + s)),
    "ndmi": (("nir", "swir16"), lambda n, s: (n - s) / (n + s)),
    "nbr": (("nir", "swir22"), lambda n, s: (n - s) / (n + s)),
    "ndbi": (("swir16", "nir"), lambda s, n: (s - n) / (s + n)),
    "ndsi": (("green", "swir16"), lambda g, s: (g - s) / (g + s)),
    "bsi": (("swir16", "red", "nir", "blue"), lambda s, r, n, b: ((s + r) - (n + b)) / ((s + r) + (n + b))),
}
"""Published formulas: bands, and the index of their values."""
DIMENSIONLESS = ("ndvi", "gndvi", "ndwi")
"""Indices that mean something in display numbers, where the constants of others do not."""


@dataclass(frozen=True, eq=False)
class Variable:
    """What a query shows of an item.

    query     parameters of a request
    outputs   values float64, each `(y, x)`, on the item's grid that is finer by `finer`
    valid     where all outputs have a value `(y, x)`
    error     how much a value in float32 may differ from the oracle's, per output; inf where even validity may
    decibels  whether values are averaged as power
    surface   whether values are derived from neighbours, so that there is no time series
    """

    name: str
    query: Mapping[str, str]
    finer: int
    outputs: tuple[Values, ...]
    valid: Mask2D
    error: tuple[Values, ...]
    decibels: bool = False
    surface: bool = False
    certain: Mask2D = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "certain", np.logical_and.reduce([np.isfinite(error) for error in self.error]))

    def rng(self, made: Made) -> np.random.Generator:
        """Random numbers of its own, the same in each run."""
        return np.random.default_rng(zlib.crc32(f"{made.name} {self.name}".encode()))


def indices_of(made: Made) -> dict[str, tuple[tuple[str, ...], Callable[..., Values]]]:
    """The indices that an item's bands allow."""
    possible = {name: each for name, each in INDICES.items() if set(each[0]) <= set(made.band_names)}
    if made.collection == "naip":
        return {name: each for name, each in possible.items() if name in DIMENSIONLESS}
    return possible


def evaluated(formula: Callable[..., Values], layers: list[Values]) -> tuple[Values, Values]:
    """The values of a formula, and how much they change if its bands are rounded."""
    with np.errstate(all="ignore"):
        values = formula(*layers)
        rounded = (
            formula(*(layer + sign * ROUNDING * (layer + 0.1) for layer, sign in zip(layers, signs, strict=True)))
            for signs in product((-1, 1), repeat=len(layers))
        )
        return values, np.max([abs(each - values) for each in rounded], axis=0)


def variables(made: Made, archive: Path) -> dict[str, Callable[[], Variable]]:
    """All variables of an item by name. Each is computed when it is called."""
    found: dict[str, Callable[[], Variable]] = {}
    for band in made.band_names:
        found[band] = partial(_band, made, archive, band, band, {"expression": band, "mask": "none"})
    for index in indices_of(made):
        found[index] = partial(index_of, made, archive, index)
    for mask in made.masks:
        name = f"mask-{mask}"
        found[name] = partial(_band, made, archive, "red", name, {"expression": "red", "mask": mask}, mask)
    if made.masks:
        name = "mask-by-default"
        found[name] = partial(_band, made, archive, "red", name, {"expression": "red"}, "clouds")
    for name in made.quantities:
        found[f"quantity-{name}"] = partial(_quantity, made, archive, name)
    if "elevation" in made.band_names:
        found["hillshade"] = partial(_surface, made, archive, "hillshade")
        found["slope"] = partial(_surface, made, archive, "slope")
    if made.profile != "sentinel-1-rtc" or "vv" in made.band_names:  # scenes over ice lack the default
        found["default"] = partial(_default, made, archive)
    return found


def _default(made: Made, archive: Path) -> Variable:
    """What is shown without any parameter."""
    if "elevation" in made.band_names:
        return _surface(made, archive, "hillshade", name="default", query={})
    if made.profile == "sentinel-1-rtc":
        return _quantity(made, archive, "vv-db", name="default", query={})
    if made.profile in ("naip", "sentinel-2-l1c"):
        bands = [_band(made, archive, band, band, {}) for band in ("red", "green", "blue")]
        valid = np.logical_and.reduce([band.valid for band in bands])
        outputs, errors = tuple(band.outputs[0] for band in bands), tuple(band.error[0] for band in bands)
        return Variable("default", {}, bands[0].finer, outputs, valid, errors)
    return index_of(made, archive, "ndvi", {}, name="default", mask="clouds")


def _band(
    made: Made, archive: Path, band: str, name: str, query: Mapping[str, str], mask: str | None = None
) -> Variable:
    finer = made.file_of(band).finer
    values, valid = made.values(archive, band, finer)
    if mask is not None:
        valid = valid & made.usable(archive, mask, finer)
    return Variable(name, query, finer, (values,), valid, (ROUNDING * abs(values) + 1e-7,))


def index_of(
    made: Made,
    archive: Path,
    index: str,
    query: Mapping[str, str] | None = None,
    *,
    name: str = "",
    mask: str | None = None,
) -> Variable:
    """An index, on the grid of the finest of its bands."""
    query = {"index": index, "mask": "none"} if query is None else query
    bands, formula = INDICES[index]
    finer = max(made.file_of(band).finer for band in bands)
    layers = [made.values(archive, band, finer) for band in bands]
    values, error = evaluated(formula, [values for values, _ in layers])
    valid = np.logical_and.reduce([valid for _, valid in layers]) & np.isfinite(values)
    if mask is not None:
        valid = valid & made.usable(archive, mask, finer)
    # Where a denominator is almost 0, neither validity nor digits are those of float64.
    is_wild = ~(error < 0.01) & ~np.isnan(values)
    is_exact = ~is_wild & np.isfinite(values)
    error = np.where(is_wild, np.inf, np.where(is_exact, error + ROUNDING * (1 + abs(values)), 0))
    return Variable(name or index, query, finer, (values,), valid, (error,))


def _quantity(
    made: Made, archive: Path, quantity: str, *, name: str = "", query: Mapping[str, str] | None = None
) -> Variable:
    bands, formula = made.quantities[quantity].bands, made.quantities[quantity].formula
    layers = [made.values(archive, band, 1) for band in bands]
    values = formula(*(values for values, _ in layers))
    valid = np.logical_and.reduce([valid for _, valid in layers]) & np.isfinite(values)
    query = {"index": quantity, "mask": "none"} if query is None else query
    error = np.where(valid, 2e-6 * abs(values), 0) + 3e-5
    return Variable(
        name or f"quantity-{quantity}", query, 1, (values,), valid, (error,), decibels=quantity.endswith("-db")
    )


def _surface(
    made: Made, archive: Path, surface: str, *, name: str = "", query: Mapping[str, str] | None = None
) -> Variable:
    """A surface of elevations. The outermost pixels lack neighbours."""
    elevations, _ = made.values(archive, "elevation", 1)
    derive, error = {"hillshade": (hillshade, 2e-2), "slope": (slope, 2e-3)}[surface]
    values = np.pad(derive(Ortho(made.crs, made.grid(1).transform, elevations)), 1, constant_values=np.nan)
    query = {"index": surface, "mask": "none"} if query is None else query
    return Variable(
        name or surface, query, 1, (values,), np.isfinite(values), (np.full(values.shape, error),), surface=True
    )
