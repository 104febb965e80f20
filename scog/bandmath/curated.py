"""The best-known indices, each with a display range and colormap chosen by hand.

A range spans typical values from bare or wet ground to the strongest signal; the centre of a diverging colormap is
the value where the meaning changes. Ranges are display defaults. They are not thresholds, which depend on place and
season.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

CURATED: Mapping[str, tuple[tuple[float, float], str]] = MappingProxyType(
    {
        # Vegetation: amount
        "ndvi": ((-0.2, 0.9), "rdylgn"),
        "evi": ((-0.2, 0.9), "rdylgn"),
        "evi2": ((-0.2, 0.9), "rdylgn"),
        "savi": ((-0.2, 0.8), "rdylgn"),
        "msavi": ((-0.2, 0.8), "rdylgn"),
        "osavi": ((-0.2, 0.8), "rdylgn"),
        "arvi": ((-0.2, 0.9), "rdylgn"),
        "gndvi": ((-0.2, 0.9), "rdylgn"),
        "gemi": ((0.1, 0.9), "rdylgn"),
        "nirv": ((0.0, 0.4), "ylgn"),  # near-infrared reflectance of vegetation
        # Vegetation: chlorophyll and other pigments
        "ndre": ((-0.2, 0.7), "rdylgn"),
        "cig": ((0.0, 7.0), "ylgn"),
        "cire": ((0.0, 4.0), "ylgn"),
        "mcari": ((0.0, 0.2), "ylgn"),
        "ireci": ((0.0, 1.6), "ylgn"),
        "s2rep": ((708.0, 732.0), "viridis"),  # nanometres
        "psri": ((-0.1, 0.4), "rdylgn_r"),  # increases with senescence
        "sipi": ((0.8, 2.0), "rdylgn_r"),  # 1 for healthy leaves
        # Water: in leaves, and open water
        "ndmi": ((-0.6, 0.6), "rdylbu"),
        "ndwi": ((-0.8, 0.8), "rdbu"),
        "mndwi": ((-0.8, 0.8), "rdbu"),
        "aweinsh": ((-0.3, 0.3), "rdbu"),
        "aweish": ((-0.4, 0.4), "rdbu"),
        # Snow: above 0.4
        "ndsi": ((-0.6, 0.9), "blues_r"),
        # Fire
        "nbr": ((-0.5, 0.9), "rdylgn"),
        "nbr2": ((-0.1, 0.5), "rdylgn"),
        "bai": ((0.0, 400.0), "inferno"),
        "bais2": ((0.2, 1.1), "rdylgn_r"),
        # Built and bare ground
        "ndbi": ((-0.5, 0.5), "rdylbu_r"),
        "bsi": ((-0.5, 0.5), "ylorbr"),
    }
)
"""Name to display range (values of the first and the last colour) and colormap."""

BEST_KNOWN: tuple[str, ...] = tuple(CURATED)
"""Names of the thirty best-known indices, grouped by purpose."""

UNBOUNDED: Mapping[str, tuple[tuple[float, float], str]] = MappingProxyType(
    {
        "ibi": ((-5.0, 5.0), "ylorrd"),
        "nddi": ((-5.0, 20.0), "rdylgn"),
    }
)
"""Range and colormap of two ratios, by name. No range can be derived from their values, because the divisor crosses 0
over ordinary surfaces."""
