"""Reflectance spectra of land cover kinds over the year.

Reflectances are 0 to 1 in the order of `BANDS` (by wavelength); days are days of the year. The values are rounded from
typical Sentinel-2 surface reflectance around the Mediterranean.
"""

from __future__ import annotations

from enum import IntEnum, auto

import numpy as np
from numpy.typing import NDArray

from scog.demo.noise import Floats

BANDS = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11", "B12")
VARIANTS = 8  # spectra per kind, so that neighbouring fields and trees differ


class Kind(IntEnum):
    """Land cover kinds."""

    SEA = 0
    FRESH_WATER = auto()
    SURF = auto()
    BEACH = auto()
    ROCK = auto()
    SCREE = auto()
    GRASS = auto()
    SCRUB = auto()
    EVERGREEN = auto()
    DECIDUOUS = auto()
    REED = auto()
    ASPHALT = auto()
    TRACK = auto()
    TILES = auto()
    WHITE_ROOF = auto()
    GREY_ROOF = auto()
    GARDEN = auto()
    CONCRETE = auto()
    WHEAT = auto()
    RAPE = auto()
    MAIZE = auto()
    SUNFLOWER = auto()
    ALFALFA = auto()
    VINES = auto()
    OLIVES = auto()
    FALLOW = auto()


_PLAIN: dict[Kind, tuple[float, ...]] = {  # constant over the year
    Kind.SEA: (0.036, 0.033, 0.021, 0.011, 0.009, 0.007, 0.007, 0.006, 0.005, 0.005, 0.003, 0.002),
    Kind.FRESH_WATER: (0.037, 0.036, 0.038, 0.022, 0.024, 0.017, 0.016, 0.014, 0.012, 0.011, 0.006, 0.004),
    Kind.SURF: (0.245, 0.240, 0.230, 0.200, 0.180, 0.165, 0.158, 0.150, 0.130, 0.110, 0.040, 0.025),
    Kind.BEACH: (0.175, 0.205, 0.275, 0.325, 0.355, 0.368, 0.378, 0.385, 0.400, 0.405, 0.460, 0.430),
    Kind.ROCK: (0.128, 0.140, 0.163, 0.180, 0.200, 0.209, 0.217, 0.225, 0.235, 0.238, 0.270, 0.245),
    Kind.SCREE: (0.154, 0.168, 0.200, 0.225, 0.245, 0.254, 0.262, 0.270, 0.280, 0.283, 0.320, 0.290),
    Kind.ASPHALT: (0.101, 0.105, 0.112, 0.118, 0.130, 0.135, 0.140, 0.145, 0.150, 0.151, 0.170, 0.162),
    Kind.TRACK: (0.108, 0.130, 0.180, 0.225, 0.255, 0.268, 0.279, 0.290, 0.300, 0.304, 0.350, 0.320),
    Kind.TILES: (0.104, 0.118, 0.158, 0.235, 0.262, 0.270, 0.278, 0.285, 0.295, 0.297, 0.300, 0.285),
    Kind.WHITE_ROOF: (0.375, 0.385, 0.395, 0.400, 0.410, 0.417, 0.424, 0.430, 0.430, 0.428, 0.380, 0.345),
    Kind.GREY_ROOF: (0.185, 0.190, 0.195, 0.200, 0.212, 0.219, 0.225, 0.230, 0.235, 0.236, 0.240, 0.230),
    Kind.CONCRETE: (0.220, 0.232, 0.255, 0.270, 0.285, 0.292, 0.299, 0.305, 0.310, 0.311, 0.320, 0.305),
}


def _of(*bands: float) -> Floats:
    return np.array(bands, np.float32)


def _mix(a: Floats, b: Floats, share: float | np.float32) -> Floats:
    """Linear mixture of two spectra; `share` is the fraction of `b`."""
    return np.asarray(a + (b - a) * np.float32(share), np.float32)


_SOIL = _of(0.070, 0.086, 0.124, 0.165, 0.198, 0.216, 0.231, 0.240, 0.262, 0.270, 0.330, 0.290)
_RED_SOIL = _of(0.064, 0.078, 0.116, 0.190, 0.218, 0.237, 0.252, 0.262, 0.282, 0.289, 0.330, 0.280)
_PALE_SOIL = _of(0.116, 0.138, 0.188, 0.235, 0.262, 0.281, 0.296, 0.305, 0.325, 0.332, 0.385, 0.345)
_STRAW = _of(0.098, 0.122, 0.192, 0.235, 0.272, 0.296, 0.318, 0.335, 0.365, 0.372, 0.380, 0.275)
_LEAF = _of(0.022, 0.028, 0.073, 0.032, 0.108, 0.345, 0.445, 0.470, 0.490, 0.485, 0.185, 0.085)
_DARK_LEAF = _of(0.017, 0.020, 0.036, 0.022, 0.058, 0.185, 0.232, 0.245, 0.262, 0.262, 0.105, 0.052)
_TREE_LEAF = _of(0.019, 0.023, 0.055, 0.027, 0.088, 0.285, 0.363, 0.385, 0.405, 0.402, 0.155, 0.075)
_TWIGS = _of(0.043, 0.052, 0.072, 0.085, 0.110, 0.140, 0.162, 0.175, 0.195, 0.200, 0.190, 0.130)
_AUTUMN = _of(0.029, 0.036, 0.085, 0.120, 0.165, 0.235, 0.272, 0.290, 0.305, 0.304, 0.195, 0.110)
_RAPE_FLOWER = _of(0.034, 0.045, 0.170, 0.140, 0.210, 0.345, 0.412, 0.430, 0.450, 0.446, 0.180, 0.085)
_SUN_FLOWER = _of(0.026, 0.032, 0.115, 0.115, 0.175, 0.335, 0.418, 0.440, 0.460, 0.457, 0.200, 0.098)

# Fraction covered by green leaves: (day, fraction), linearly interpolated, periodic over the year.
_GREEN: dict[Kind, tuple[tuple[int, float], ...]] = {
    Kind.GRASS: ((20, 0.62), (60, 0.70), (105, 0.88), (140, 0.66), (175, 0.24), (250, 0.10), (285, 0.22), (320, 0.52)),
    Kind.SCRUB: ((20, 0.55), (120, 0.68), (200, 0.48), (255, 0.42), (320, 0.52)),
    Kind.EVERGREEN: ((20, 0.86), (140, 0.96), (240, 0.88)),
    Kind.DECIDUOUS: ((85, 0.10), (125, 0.95), (250, 0.88), (300, 0.45), (330, 0.10)),
    Kind.REED: ((80, 0.15), (140, 0.85), (260, 0.75), (330, 0.20)),
    Kind.GARDEN: ((20, 0.55), (120, 0.70), (220, 0.50), (300, 0.50)),
    Kind.WHEAT: ((20, 0.38), (60, 0.70), (115, 0.95), (140, 0.70), (162, 0.05), (180, 0.0), (315, 0.0), (350, 0.22)),
    Kind.RAPE: ((20, 0.35), (80, 0.80), (110, 0.90), (140, 0.60), (160, 0.0), (280, 0.0), (320, 0.25)),
    Kind.MAIZE: ((20, 0.12), (80, 0.25), (95, 0.0), (125, 0.0), (160, 0.30), (185, 0.93), (235, 0.90), (262, 0.45),
                 (275, 0.0), (320, 0.02)),
    Kind.SUNFLOWER: ((100, 0.0), (135, 0.35), (165, 0.90), (205, 0.60), (232, 0.05), (240, 0.0)),
    Kind.ALFALFA: ((40, 0.45), (95, 0.90), (115, 0.92), (122, 0.30), (150, 0.92), (158, 0.30), (190, 0.90), (197, 0.30),
                   (232, 0.85), (240, 0.28), (280, 0.75), (330, 0.50)),
    Kind.VINES: ((100, 0.08), (140, 0.35), (180, 0.55), (255, 0.50), (310, 0.18), (340, 0.05)),
    Kind.OLIVES: ((20, 0.42), (120, 0.48), (240, 0.34)),
    Kind.FALLOW: ((30, 0.35), (95, 0.60), (150, 0.15), (200, 0.03), (280, 0.05), (330, 0.25)),
}  # fmt: skip
_LEAVES: dict[Kind, Floats] = {
    Kind.EVERGREEN: _DARK_LEAF,
    Kind.SCRUB: _mix(_DARK_LEAF, _TREE_LEAF, 0.5),
    Kind.DECIDUOUS: _TREE_LEAF,
    Kind.GARDEN: _TREE_LEAF,
    Kind.OLIVES: _mix(_DARK_LEAF, _STRAW, 0.33),
}
_GROUNDS: dict[Kind, Floats] = {
    Kind.DECIDUOUS: _TWIGS,
    Kind.EVERGREEN: _TWIGS,
    Kind.OLIVES: _PALE_SOIL,
    Kind.GRASS: _STRAW,
    Kind.SCRUB: _mix(_PALE_SOIL, _SOIL, 0.5),
    Kind.REED: _mix(_STRAW, _TWIGS, 0.5),
    Kind.GARDEN: _PALE_SOIL,
}
_CROPS = frozenset(Kind(k) for k in range(Kind.WHEAT, Kind.FALLOW + 1))


def table(day: int) -> Floats:
    """Reflectance of all kinds and variants on a day, float32 `(band, kind * VARIANTS)`."""
    rows = [_spectrum(kind, variant, day) for kind in Kind for variant in range(VARIANTS)]
    return np.asarray(np.stack(rows, axis=1), np.float32)


def _spectrum(kind: Kind, variant: int, day: int) -> Floats:
    """Reflectance of one variant of a kind on a day, `(band,)`."""
    tone = np.float32(0.88 + 0.24 * ((variant * 5) % VARIANTS) / (VARIANTS - 1))
    if kind in _PLAIN:
        same = kind in (Kind.SEA, Kind.FRESH_WATER)
        return np.asarray(_PLAIN[kind], np.float32) * (np.float32(1) if same else tone)
    own_day = (day + (variant - 3.5) * (3.5 if kind in _CROPS else 1.5)) % 365  # variants differ in phase
    green = np.float32(_interpolate(_GREEN[kind], own_day))
    ground = _ground(kind, variant, own_day)
    leaf = _LEAVES.get(kind, _LEAF) * (np.float32(0.9) + np.float32(0.2) * np.float32((variant * 3) % 8) / 7)
    if kind is Kind.DECIDUOUS:
        leaf = _mix(leaf, _AUTUMN, _gaussian(own_day, 303, 26))
    if kind is Kind.RAPE:
        leaf = _mix(leaf, _RAPE_FLOWER, 0.9 * _gaussian(own_day, 104, 15))
    if kind is Kind.SUNFLOWER:
        leaf = _mix(leaf, _SUN_FLOWER, 0.7 * _gaussian(own_day, 184, 13))
    return np.asarray(_mix(ground, leaf, green), np.float32)


def _ground(kind: Kind, variant: int, day: float) -> Floats:
    """Spectrum of the ground between leaves: soil, or straw between harvest and ploughing."""
    if kind in _GROUNDS:
        return _GROUNDS[kind]
    soil = (_SOIL, _RED_SOIL, _SOIL, _PALE_SOIL)[variant % 4] * np.float32(0.9 + 0.05 * (variant // 2))
    ripe = {Kind.WHEAT: (150, 265), Kind.RAPE: (150, 225), Kind.SUNFLOWER: (215, 262), Kind.MAIZE: (255, 300)}
    if kind in ripe and ripe[kind][0] <= day <= ripe[kind][1]:
        return _mix(soil, _STRAW, 0.8)
    return soil


def _interpolate(corners: tuple[tuple[int, float], ...], day: float) -> float:
    days, shares = zip(*corners, strict=True)
    return float(np.interp(day, days, shares, period=365))


def _gaussian(day: float, peak: float, width: float) -> float:
    return float(np.exp(-(((day - peak) / width) ** 2)))


# Attenuation of light on the way down and up, per metre of depth.
_ATTENUATION = (0.065, 0.075, 0.115, 0.34, 0.60, 2.0, 1.9, 2.4, 4.0, 7.0, 9.0, 12.0)


def shallow_water(bottom: NDArray[np.float32], depth: Floats, band: int) -> Floats:
    """Reflectance `(y, x)` of clear sea of a depth in metres over a bottom: attenuation increases with wavelength."""
    deep = np.float32(_PLAIN[Kind.SEA][band])
    return np.asarray(deep + (bottom - deep) * np.exp(-np.float32(_ATTENUATION[band]) * depth), np.float32)
