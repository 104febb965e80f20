"""Reflectance spectra and backscatter of typical surfaces, used to derive display ranges of indices.

Surface reflectances from 0 to 1, rounded from typical Sentinel-2 values, and C-band backscatter as of Sentinel-1; not
measurements of any place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import combinations
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

BANDS = (
    *("coastal", "blue", "green", "red", "rededge1", "rededge2", "rededge3", "nir", "nir08", "nir09"),
    *("swir16", "swir22"),
)
"""Bands of the spectra."""

Spectra = Mapping[str, NDArray[np.float32]]
"""Band name to reflectances, float32 `(surface,)`."""

_SURFACES: Mapping[str, Sequence[tuple[float, ...]]] = MappingProxyType(
    {
        "vegetation": (
            (0.060, 0.075, 0.115, 0.130, 0.170, 0.220, 0.250, 0.270, 0.290, 0.295, 0.290, 0.200),  # dry grass
            (0.030, 0.040, 0.085, 0.060, 0.125, 0.280, 0.350, 0.370, 0.390, 0.390, 0.220, 0.120),  # meadow
            (0.022, 0.030, 0.070, 0.030, 0.100, 0.350, 0.450, 0.480, 0.500, 0.490, 0.190, 0.090),  # dense crop
            (0.018, 0.022, 0.050, 0.025, 0.080, 0.270, 0.350, 0.370, 0.390, 0.390, 0.150, 0.070),  # broad-leaved forest
            (0.015, 0.018, 0.033, 0.020, 0.050, 0.150, 0.190, 0.205, 0.220, 0.220, 0.090, 0.045),  # conifers
        ),
        "water": (
            (0.030, 0.025, 0.015, 0.008, 0.006, 0.005, 0.005, 0.004, 0.004, 0.004, 0.002, 0.001),  # deep and clear
            (0.040, 0.042, 0.060, 0.030, 0.038, 0.020, 0.019, 0.017, 0.014, 0.012, 0.006, 0.004),  # a lake with algae
            (0.060, 0.075, 0.100, 0.085, 0.070, 0.040, 0.038, 0.030, 0.025, 0.020, 0.008, 0.005),  # muddy river
        ),
        "soil": (
            (0.045, 0.055, 0.080, 0.105, 0.120, 0.135, 0.145, 0.155, 0.170, 0.175, 0.210, 0.170),  # wet
            (0.100, 0.125, 0.175, 0.235, 0.260, 0.280, 0.295, 0.305, 0.320, 0.325, 0.390, 0.340),  # dry
            (0.180, 0.210, 0.280, 0.340, 0.370, 0.380, 0.390, 0.400, 0.410, 0.415, 0.470, 0.430),  # sand
        ),
        "urban": (
            (0.090, 0.100, 0.110, 0.120, 0.130, 0.135, 0.140, 0.145, 0.150, 0.150, 0.170, 0.160),  # asphalt
            (0.180, 0.200, 0.225, 0.240, 0.255, 0.260, 0.268, 0.275, 0.280, 0.280, 0.290, 0.275),  # roofs and concrete
            (0.090, 0.100, 0.125, 0.130, 0.160, 0.200, 0.220, 0.235, 0.250, 0.250, 0.230, 0.180),  # suburb
        ),
        "burn": (
            (0.035, 0.040, 0.050, 0.058, 0.062, 0.068, 0.072, 0.078, 0.090, 0.095, 0.160, 0.170),  # charred
            (0.050, 0.060, 0.075, 0.090, 0.100, 0.120, 0.130, 0.140, 0.155, 0.160, 0.220, 0.200),  # half burnt
        ),
        "snow": (
            (0.600, 0.620, 0.630, 0.620, 0.600, 0.580, 0.560, 0.530, 0.500, 0.460, 0.060, 0.050),  # old
            (0.900, 0.920, 0.930, 0.930, 0.920, 0.910, 0.900, 0.880, 0.860, 0.800, 0.100, 0.080),  # fresh
        ),
        "clouds": (
            (0.280, 0.270, 0.270, 0.260, 0.290, 0.360, 0.400, 0.420, 0.430, 0.380, 0.270, 0.200),  # thin, over trees
            (0.550, 0.530, 0.520, 0.530, 0.540, 0.550, 0.560, 0.570, 0.570, 0.500, 0.400, 0.320),  # thick
        ),
    }
)
"""Domain to spectra, with a reflectance for each of BANDS."""

RADAR = "radar"
"""The domain of indices of backscatter."""
_POLARISATIONS = ("vv", "vh", "hh", "hv")
_VEGETATED: Sequence[tuple[float, ...]] = (
    (-6.5, -12.5, -6.0, -12.0),  # dense forest
    (-8.0, -14.5, -7.5, -14.0),  # open forest
    (-9.5, -16.0, -9.0, -16.0),  # tall crops
    (-11.5, -18.5, -11.0, -18.5),  # grass
)
_OTHER: Sequence[tuple[float, ...]] = (
    (-14.5, -23.5, -14.0, -24.0),  # dry, smooth soil
    (-9.5, -19.5, -9.0, -20.0),  # wet, rough soil
    (-3.0, -11.0, -2.0, -11.5),  # town
    (-16.0, -26.0, -18.0, -27.0),  # water with waves
    (-22.0, -29.0, -24.0, -29.0),  # calm water
)
"""Backscatter gamma0 in decibels, in the order of `_POLARISATIONS`."""

_GROUND = ("vegetation", "water", "soil", "urban", "burn")
"""Surfaces of most images; clouds are masked, and snow is rare."""
_FRACTIONS = (0.25, 0.5, 0.75)


@lru_cache(maxsize=8)
def surfaces_of(domain: str) -> Spectra:
    """Spectra of the surfaces of a domain; for radar, of vegetation."""
    if domain == RADAR:
        return _backscatter(_VEGETATED)
    return _spectra(_SURFACES[domain])


@lru_cache(maxsize=8)
def other_surfaces(domain: str) -> Spectra:
    """Spectra of the ground surfaces of all other domains; for radar, of those without vegetation."""
    if domain == RADAR:
        return _backscatter(_OTHER)
    return _spectra([row for kind in _GROUND if kind != domain for row in _SURFACES[kind]])


@lru_cache(maxsize=8)
def mixtures(domain: str) -> Spectra:
    """Spectra of all ground surfaces and the domain's, pure and as linear mixtures of each pair in 3 fractions."""
    if domain == RADAR:
        return _backscatter([*_VEGETATED, *_OTHER], mixed=True)
    kinds = dict.fromkeys((*_GROUND, domain))
    pure = [row for kind in kinds for row in _SURFACES[kind]]
    return _spectra(pure + _mixed(pure))


def _mixed(pure: Sequence[tuple[float, ...]]) -> list[tuple[float, ...]]:
    """Linear mixtures of each pair in 3 fractions."""
    return [
        tuple(fraction * one + (1 - fraction) * other for one, other in zip(one_row, other_row, strict=True))
        for one_row, other_row in combinations(pure, 2)
        for fraction in _FRACTIONS
    ]


def _backscatter(decibels: Sequence[tuple[float, ...]], *, mixed: bool = False) -> Spectra:
    """Linear power by polarisation, which mixes linearly."""
    pure = [tuple(10 ** (each / 10) for each in row) for row in decibels]
    return _by_name(_POLARISATIONS, pure + _mixed(pure) if mixed else pure)


def _spectra(rows: Sequence[tuple[float, ...]]) -> Spectra:
    return _by_name(BANDS, rows)


def _by_name(names: Sequence[str], rows: Sequence[tuple[float, ...]]) -> Spectra:
    table = np.array(rows, np.float32)
    table.flags.writeable = False
    return MappingProxyType(dict(zip(names, table.T, strict=True)))
