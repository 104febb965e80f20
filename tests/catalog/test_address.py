"""Names and locations of catalogues."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scog.catalog.address import NAME, CatalogAddress, default_collection, parse_addresses
from scog.errors import InvalidInput
from scog.settings import EARTH_SEARCH

PLANETARY_COMPUTER = "https://planetarycomputer.microsoft.com/api/stac/v1"
LOCATIONS = [
    "https://a.example/v1",
    "https://a.example/v2",
    "http://b.example:8080",
    "/data/a.example",
    "/data/x y",
    "/",
]


@pytest.mark.parametrize(
    ("text", "name", "location"),
    [
        (EARTH_SEARCH, "earth-search", EARTH_SEARCH),
        (PLANETARY_COMPUTER, "planetary-computer", PLANETARY_COMPUTER),
        (f"pc={PLANETARY_COMPUTER}", "pc", PLANETARY_COMPUTER),
        (
            "https://user:word@stac.example:8080/v1?key=a",
            "stac.example",
            "https://user:word@stac.example:8080/v1?key=a",
        ),
        ("https://stac.example/?a=b", "stac.example", "https://stac.example/?a=b"),
        ("https://[::1/v1", "catalogue", "https://[::1/v1"),
        ("/data/my archive/", "my-archive", "/data/my archive/"),
        ("mine=/data/archive", "mine", "/data/archive"),
        ("mine=https://stac.example/?a=b", "mine", "https://stac.example/?a=b"),
        ("./a=b", "a-b", "./a=b"),
        (".", Path().absolute().name, "."),
        ("/", "catalogue", "/"),
        ("/data/日本", "catalogue", "/data/日本"),
    ],
)
def test_an_address_has_a_name_and_a_location(text: str, name: str, location: str) -> None:
    [address] = parse_addresses([text])
    assert address == CatalogAddress(name, location)
    assert address.folder == (None if "://" in location else Path(location))


def test_derived_names_are_numbered_and_given_names_are_kept() -> None:
    texts = ["/a/x", "/b/x", "x-2=/c", "/d/x", "x=/e"]
    assert [each.name for each in parse_addresses(texts)] == ["x-3", "x-4", "x-2", "x-5", "x"]


@given(st.lists(st.sampled_from(LOCATIONS), min_size=1, unique=True), st.sets(st.integers(0, 5)))
def test_names_are_unique_and_in_order(locations: list[str], named: set[int]) -> None:
    texts = [f"a.example-{i}={each}" if i in named else each for i, each in enumerate(locations)]
    addresses = parse_addresses(texts)
    assert [each.location for each in addresses] == locations
    assert len({each.name for each in addresses}) == len(locations)
    assert all(NAME.fullmatch(each.name) for each in addresses)


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ([], "no location"),
        (["a="], "no location"),
        (["/a", " "], "no location"),
        (["x=/a", "x=/b"], "name 'x'"),
        (["/a", "y=/a/"], "location '/a'"),
    ],
)
def test_invalid_addresses_are_refused(texts: list[str], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        parse_addresses(texts)


def test_the_default_collection_is_of_the_first_catalogue() -> None:
    addresses = parse_addresses(["a=/a", "b=/b"])
    expected = {None: None, "x": "x", "x@a": "x", "x@c": "x@c", "@a": None, "x@a, y": "x,y"}
    assert {each: default_collection(each, addresses) for each in expected} == expected
    with pytest.raises(InvalidInput, match="not of the first catalogue, a") as error:
        default_collection("x@b", addresses)
    assert error.value.valid == "give the catalogue b first"
