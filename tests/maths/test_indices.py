import numpy as np
import pytest

from scog.bands import BANDS
from scog.errors import InvalidInput
from scog.maths.indices import INDICES, Index, get


@pytest.mark.parametrize("index", INDICES.values(), ids=lambda index: index.name)
def test_every_index_is_complete(index: Index) -> None:
    assert index.expression.text == index.formula, "formulas are kept in canonical form"
    assert index.expression.outputs == 1
    assert set(index.expression.bands) <= {band.name for band in BANDS if band.spectral}
    assert index.title
    assert index.reference
    low, high = index.rescale
    assert low < high
    assert index.name == index.name.lower()


def test_the_first_indices_are_there() -> None:
    assert set(INDICES) >= {"ndvi", "ndwi", "ndmi", "evi", "savi", "nbr", "gndvi", "bsi", "mndwi", "ndre"}


def test_known_values() -> None:
    names = ("blue", "green", "red", "rededge1", "nir", "swir16", "swir22")
    reflectance = (0.04, 0.08, 0.05, 0.15, 0.45, 0.2, 0.1)
    bands = {name: np.array([value], np.float32) for name, value in zip(names, reflectance, strict=True)}
    expected = {
        "ndvi": 0.8,
        "ndwi": -0.37 / 0.53,
        "ndmi": 0.25 / 0.65,
        "evi": 2.5 * 0.4 / 1.45,
        "savi": 0.6,
        "nbr": 0.35 / 0.55,
        "gndvi": 0.37 / 0.53,
        "bsi": -0.24 / 0.74,
        "mndwi": -0.12 / 0.28,
        "ndre": 0.5,
    }
    for name, value in expected.items():
        values, valid = get(name).expression.evaluate(bands)
        assert valid.all()
        np.testing.assert_allclose(values[0], value, rtol=1e-5)


def test_names_in_any_case() -> None:
    assert get("NDVI") is get("ndvi") is INDICES["ndvi"]


def test_an_unknown_index_is_refused_with_near_names() -> None:
    with pytest.raises(InvalidInput, match=r"no index 'nvdi'; did you mean .*ndvi") as refused:
        get("nvdi")
    assert refused.value.parameter == "index"
    assert "ndvi, ndwi" in (refused.value.valid or "")
