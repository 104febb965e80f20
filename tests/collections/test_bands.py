import pytest

from scog.errors import InvalidInput
from tests.profiles import BANDS, BY_NAME, IN_ASSET, canonical


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("red", "red"),
        ("RED", "red"),
        ("B04", "red"),
        ("b04", "red"),
        ("B4", "red"),
        ("B01", "coastal"),
        ("B02", "blue"),
        ("B03", "green"),
        ("B05", "rededge1"),
        ("B06", "rededge2"),
        ("B07", "rededge3"),
        ("B08", "nir"),
        ("B8", "nir"),
        ("B8A", "nir08"),
        ("b8a", "nir08"),
        ("B09", "nir09"),
        ("B11", "swir16"),
        ("b12", "swir22"),
        ("SCL", "scl"),
        ("Aot", "aot"),
        ("WVP", "wvp"),
        ("visual_red", "visual_red"),
        ("TCI_G", "visual_green"),
    ],
)
def test_a_band_has_one_canonical_name(name: str, expected: str) -> None:
    assert canonical(name) == expected


@pytest.mark.parametrize(
    ("name", "fragment"),
    [("nirr", "did you mean nir"), ("B10", "B12 or B11"), ("swir", "swir16"), ("", "no band ''"), ("x" * 9999, "…")],
)
def test_an_unknown_band_is_refused_with_similar_names(name: str, fragment: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        canonical(name)
    assert fragment in str(refused.value)
    assert len(str(refused.value)) < 200
    assert refused.value.parameter == "bands"
    assert all(band.name in (refused.value.valid or "") for band in BANDS if band.file is None)


def test_names_are_unique() -> None:
    spellings = [name.lower() for band in BANDS for name in {band.name, *(a.lower() for a in band.aliases)}]
    assert len(spellings) == len(set(spellings))
    assert list(BY_NAME) == [canonical(band.name) for band in BANDS]
    assert all(canonical(alias) == band.name for band in BANDS for alias in band.aliases)


def test_derived_products_have_no_wavelength() -> None:
    made = ["aot", "wvp", "scl", "visual_red", "visual_green", "visual_blue"]
    assert [band.name for band in BANDS if not band.spectral] == made
    wavelengths = [band.wavelength for band in BANDS if band.wavelength is not None]
    assert wavelengths == sorted(wavelengths)
    assert {band.resolution for band in BANDS} == {10, 20, 60}


def test_every_band_has_a_display_range() -> None:
    for band in BANDS:
        low, high = band.display_range
        assert low == 0 < high
        assert not band.spectral or high <= 0.5


def test_bands_of_one_asset_have_distinct_numbers() -> None:
    assert [band for bands in IN_ASSET.values() for band in bands] == list(BANDS)
    for asset, bands in IN_ASSET.items():
        assert [band.asset for band in bands] == [asset] * len(bands)
        assert [band.number for band in bands] == list(range(1, len(bands) + 1))
    assert [band.name for band in IN_ASSET["visual"]] == ["visual_red", "visual_green", "visual_blue"]
    assert IN_ASSET["red"] == (BY_NAME["red"],)
