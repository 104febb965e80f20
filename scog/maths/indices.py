"""Named formulas with their source, and the look that shows them best.

Formulas follow https://github.com/awesome-spectral-indices/awesome-spectral-indices where it has the index.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from scog.errors import InvalidInput
from scog.maths.expression import Expression, parse
from scog.suggest import did_you_mean, quoted


@dataclass(frozen=True, slots=True)
class Index:
    """A named, cited expression.

    name       as in a URL, lower case
    title      for people
    formula    over canonical band names
    reference  URL of the publication, or its citation
    rescale    values shown by the first and the last colour
    colormap   as TiTiler names it
    """

    name: str
    title: str
    formula: str
    reference: str
    rescale: tuple[float, float]
    colormap: str

    @property
    def expression(self) -> Expression:
        """The formula, parsed."""
        return parse(self.formula)


_ALL = (
    Index(
        "ndvi",
        "Normalized Difference Vegetation Index",
        "(nir - red) / (nir + red)",
        "https://ntrs.nasa.gov/citations/19740022614",
        (-0.2, 0.9),
        "rdylgn",
    ),
    Index(
        "ndwi",
        "Normalized Difference Water Index",
        "(green - nir) / (green + nir)",
        "https://doi.org/10.1080/01431169608948714",
        (-0.8, 0.8),
        "rdbu",
    ),
    Index(
        "ndmi",
        "Normalized Difference Moisture Index",
        "(nir - swir16) / (nir + swir16)",
        "https://doi.org/10.1016/S0034-4257(01)00318-2",
        (-0.6, 0.6),
        "rdylbu",
    ),
    Index(
        "evi",
        "Enhanced Vegetation Index",
        "2.5 * (nir - red) / (nir + 6 * red - 7.5 * blue + 1)",
        "https://doi.org/10.1016/S0034-4257(96)00112-5",
        (-0.2, 0.9),
        "rdylgn",
    ),
    Index(
        "savi",
        "Soil-Adjusted Vegetation Index (L = 0.5)",
        "1.5 * (nir - red) / (nir + red + 0.5)",
        "https://doi.org/10.1016/0034-4257(88)90106-X",
        (-0.2, 0.8),
        "rdylgn",
    ),
    Index(
        "nbr",
        "Normalized Burn Ratio",
        "(nir - swir22) / (nir + swir22)",
        "https://doi.org/10.3133/ofr0211",
        (-0.5, 0.9),
        "rdylgn",
    ),
    Index(
        "gndvi",
        "Green Normalized Difference Vegetation Index",
        "(nir - green) / (nir + green)",
        "https://doi.org/10.1016/S0034-4257(96)00072-7",
        (-0.2, 0.9),
        "rdylgn",
    ),
    Index(
        "bsi",
        "Bare Soil Index",
        "(swir16 + red - (nir + blue)) / (swir16 + red + (nir + blue))",
        "Rikimaru, Roy and Miyatake (2002), Tropical forest cover density mapping, Tropical Ecology 43(1), 39-47",
        (-0.5, 0.5),
        "ylorbr",
    ),
    Index(
        "mndwi",
        "Modified Normalized Difference Water Index",
        "(green - swir16) / (green + swir16)",
        "https://doi.org/10.1080/01431160600589179",
        (-0.8, 0.8),
        "rdbu",
    ),
    Index(
        "ndre",
        "Normalized Difference Red Edge Index",
        "(nir - rededge1) / (nir + rededge1)",
        "https://doi.org/10.1016/1011-1344(93)06963-4",
        (-0.2, 0.7),
        "rdylgn",
    ),
)

INDICES: Mapping[str, Index] = MappingProxyType({index.name: index for index in _ALL})
"""Name to index."""


def get(name: str) -> Index:
    """The index of that name, in any case.

    Raises InvalidInput for a name that is not in the table, with those that come near.
    """
    try:
        return INDICES[name.lower()]
    except KeyError:
        message = f"there is no index {quoted(name)}{did_you_mean(name, INDICES)}"
        raise InvalidInput(message, parameter="index", valid=f"one of {', '.join(INDICES)}") from None
