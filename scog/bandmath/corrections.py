"""Corrections to Awesome Spectral Indices, each with its reason. All names are the catalogue's.

The catalogue has one default per constant for all indices, even where the publication of an index differs. The values
below are those of its upcoming version 1, which has defaults per index:
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
        "sNIRvNDPI": {"alpha": 0.74},  # as in NDPI
        "NDWIns": {"alpha": 2.0},
        "NDVI4RE": {"alpha": 0.2, "beta": 0.2},  # 4RE family: the published values for April
        "SAVI4RE": {"alpha": 0.2, "beta": 0.2},
        "RVI4RE": {"alpha": 0.3, "beta": 0.3},
        "NDTI4RE": {"gamma": 0.4},
        "SNDTI4RE": {"gamma": 0.4},
        "STI4RE": {"gamma": 0.4},
        "WCI1": {"epsilon": 1e-10},  # from the catalogue's own description of epsilon
        "WCI2": {"epsilon": 1e-10},
    }
)
"""Index to the values of its constants that differ from the catalogue's defaults."""

FORMULAS: Mapping[str, str] = MappingProxyType(
    {
        # Kaufman and Tanré 1992 correct red by R - gamma * (B - R). The catalogue has the opposite sign: with gamma = 1
        # only blue remains, and ARVI equals BNDVI. Version 1 of the catalogue is correct.
        "ARVI": "(N - (R - gamma * (B - R))) / (N + (R - gamma * (B - R)))",
        "SARVI": "(1 + L) * (N - (R - (B - R))) / (N + (R - (B - R)) + L)",
        # Martín, Gómez and Chuvieco 2006: the reciprocal of the sum of both squares, as in BAI; the catalogue misplaces
        # a parenthesis.
        "BAIM": "1.0 / ((0.05 - N) ** 2.0 + (0.2 - S2) ** 2.0)",
        # Sims and Gamon 2002, https://doi.org/10.1016/S0034-4257(02)00010-X:
        # (R750 - R445) / (R705 - R445), and (R750 - R705) / (R750 + R705 - 2 R445).
        "mSR705": "(RE2 - A) / (RE1 - A)",
        "mND705": "(RE2 - RE1) / (RE2 + RE1 - 2.0 * A)",
    }
)
"""Index to its formula according to its reference, where the catalogue's formula differs."""

REFERENCES: Mapping[str, str] = MappingProxyType(
    {
        "BI": "Rikimaru, Roy and Miyatake (2002), Tropical forest cover density mapping, Tropical Ecology 43(1), 39-47",
    }
)
"""Index to a better reference than the catalogue's."""

NAMES: Mapping[str, str] = MappingProxyType(
    {
        "BI": "bsi",  # the common names
        "NDREI": "ndre",
        # Two pairs of names differ only in case. The better-known index of each, BAI (burned area) and mSR705 (Sims and
        # Gamon), has the lower-case name; the other one keeps its spelling.
        "BaI": "BaI",
        "MSR705": "MSR705",
    }
)
"""Index to its name in URLs, where that is not the catalogue's name in lower case."""
