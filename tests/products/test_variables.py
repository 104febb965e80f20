"""Variables of time series: indices, expressions and bands, and the names of their outputs."""

from __future__ import annotations

import pytest

from scog.bandmath import indices
from scog.errors import InvalidInput
from tests.profiles import nominal_resolution, variables_of


def test_ndvi_is_the_default() -> None:
    result = variables_of()
    assert (result.names, result.mask, result.classes) == (("NDVI",), "clouds", False)
    assert nominal_resolution(result.expression.bands) == 10
    assert result.expression == indices.get("ndvi").expression


@pytest.mark.parametrize(
    ("arguments", "names", "resolution"),
    [
        ({"index": "ndvi,ndwi"}, ("NDVI", "NDWI"), 10),
        ({"index": " NBR , ndre"}, None, 10),
        ({"index": "scl"}, ("SCL",), 20),
        ({"expression": "B08; B8A"}, ("nir", "nir08"), 10),
        ({"expression": "swir16 / swir22"}, ("swir16 / swir22",), 20),
        ({"expression": "nir09"}, ("nir09",), 60),
        ({"expression": "red;green;blue;nir"}, ("red", "green", "blue", "nir"), 10),
        ({"bands": ("swir22",)}, ("swir22",), 20),
        ({"bands": ("B04", "B03", "B02")}, ("red", "green", "blue"), 10),
    ],
)
def test_names_and_nominal_resolution(
    arguments: dict[str, object], names: tuple[str, ...] | None, resolution: int
) -> None:
    result = variables_of(**arguments)  # type: ignore[arg-type]
    assert names is None or result.names == names
    assert nominal_resolution(result.expression.bands) == resolution
    assert len(result.names) == result.expression.outputs


def test_classes_are_not_masked() -> None:
    for arguments in ({"index": "SCL"}, {"bands": ("scl",)}):
        result = variables_of(**arguments)  # type: ignore[arg-type]
        assert result.classes
        assert result.mask == "none"


@pytest.mark.parametrize(
    ("arguments", "parameter"),
    [
        ({"index": "ndvi", "expression": "nir"}, "index"),
        ({"index": "ndvi,evi,savi,ndwi,nbr"}, "index"),
        ({"index": "ndvi,NDVI"}, "index"),
        ({"index": "ndvi,scl"}, "index"),
        ({"index": "ndvi,"}, "index"),
        ({"index": "ndvy"}, "index"),
        ({"bands": ("red", "nir")}, "bands"),
        ({"expression": "nir;" * 9 + "nir"}, "expression"),
    ],
)
def test_invalid_combinations_are_refused(arguments: dict[str, object], parameter: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        variables_of(**arguments)  # type: ignore[arg-type]
    assert caught.value.parameter == parameter
