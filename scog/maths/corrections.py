"""Where scog departs from the published catalogue, and why. All names here are the catalogue's.

Its constants have one default for all indices, whatever the publication of each says. Those below are the defaults of
its coming version 1, which gives each index its own:
https://github.com/awesome-spectral-indices/awesome-spectral-indices/blob/main/src/v1/indices.py
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

CONSTANTS: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "SAVI": {"L": 0.5},  # Huete 1988: for intermediate vegetation
        "SARVI": {"L": 0.5},  # Kaufman and Tanré 1992, after Huete
        "MNLI": {"L": 0.5},  # Gong et al. 2003
        "GSAVI": {"L": 0.5},  # Sripada et al. 2006
        "IBI": {"L": 0.5},  # Xu 2008
        "SNDTI": {"L": 0.6},
        "NDPI": {"alpha": 0.74},  # Wang et al. 2017
        "sNIRvNDPI": {"alpha": 0.74},  # taken from NDPI
        "NDWIns": {"alpha": 2.0},
        "NDVI4RE": {"alpha": 0.2, "beta": 0.2},  # the 4RE family: its values of April
        "SAVI4RE": {"alpha": 0.2, "beta": 0.2},
        "RVI4RE": {"alpha": 0.3, "beta": 0.3},
        "NDTI4RE": {"gamma": 0.4},
        "SNDTI4RE": {"gamma": 0.4},
        "STI4RE": {"gamma": 0.4},
        "WCI1": {"epsilon": 1e-10},  # so says the catalogue itself, in its description of epsilon
        "WCI2": {"epsilon": 1e-10},
    }
)
"""Values of constants that an index has for itself."""

FORMULAS: Mapping[str, str] = MappingProxyType(
    {
        # Kaufman and Tanré 1992 correct red by R - gamma * (B - R). With the sign turned round, gamma = 1 leaves only
        # blue, and ARVI is BNDVI. Version 1 of the catalogue has it right.
        "ARVI": "(N - (R - gamma * (B - R))) / (N + (R - gamma * (B - R)))",
        "SARVI": "(1 + L) * (N - (R - (B - R))) / (N + (R - (B - R)) + L)",
        # Martín, Gómez and Chuvieco 2006: one over the sum of both squares, as in BAI; a parenthesis went astray.
        "BAIM": "1.0 / ((0.05 - N) ** 2.0 + (0.2 - S2) ** 2.0)",
        # Sims and Gamon 2002, https://doi.org/10.1016/S0034-4257(02)00010-X:
        # (R750 - R445) / (R705 - R445), and (R750 - R705) / (R750 + R705 - 2 R445).
        "mSR705": "(RE2 - A) / (RE1 - A)",
        "mND705": "(RE2 - RE1) / (RE2 + RE1 - 2.0 * A)",
    }
)
"""Formulas that are not what the index's own reference says."""

REFERENCES: Mapping[str, str] = MappingProxyType(
    {
        "BI": "Rikimaru, Roy and Miyatake (2002), Tropical forest cover density mapping, Tropical Ecology 43(1), 39-47",
    }
)
"""Better ones."""

NAMES: Mapping[str, str] = MappingProxyType(
    {
        "BI": "bsi",  # what nearly everybody calls them
        "NDREI": "ndre",
        # Two pairs differ in case only. The better known of each has the lower-case name, BAI (burned area) and mSR705
        # (Sims and Gamon). These are the others.
        "BaI": "BaI",
        "MSR705": "MSR705",
    }
)
"""Names in URLs, where they are not the catalogue's in lower case."""
