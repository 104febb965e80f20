"""Searches by pystac-client, with GET and POST and several page sizes, match those of the oracle."""

from __future__ import annotations

from functools import cmp_to_key
from typing import Any

import pytest
from pystac_client import Client

from tests.stac.searches import CASES, Case
from tests.stac.synthetic_items import Item, newest_first


def expected(case: Case, items: list[Item]) -> list[tuple[str, str]]:
    matching = [item for item in items if case.matches(item)]
    if not case.order:
        matching = newest_first(matching) if "sortby" not in case.parameters else matching
    if "sortby" in case.parameters:
        matching = sorted(matching, key=lambda item: (item["collection"], item["id"]))
        matching.sort(key=cmp_to_key(lambda one, other: _compare(case, one, other)))
    return [(item["collection"], item["id"]) for item in matching]


def _compare(case: Case, one: Item, other: Item) -> int:
    for key, descending in case.order:
        left, right = key(one), key(other)
        if left == right:
            continue
        if left is None or right is None:
            return 1 if left is None else -1
        return -1 if (left < right) != descending else 1
    return 0


@pytest.fixture(scope="module")
def client(server: str) -> Client:
    return Client.open(f"{server}/stac")


def test_the_searches_are_varied_and_selective(items: list[Item]) -> None:
    assert len(CASES) >= 40
    counts = {len(expected(case, items)) for case in CASES}
    assert {0, 1, 60} < counts
    assert len(counts) > 15


@pytest.mark.parametrize("size", [7, 100])
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_searches_match_the_oracle_in_order(
    client: Client, items: list[Item], case: Case, method: str, size: int
) -> None:
    compare(client, items, case, method, size)


@pytest.mark.acceptance
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_searches_in_pages_of_one_item_match_the_oracle(
    client: Client, items: list[Item], case: Case, method: str
) -> None:
    compare(client, items, case, method, size=1)


def compare(client: Client, items: list[Item], case: Case, method: str, size: int) -> None:
    parameters: dict[str, Any] = dict(case.parameters)
    search = client.search(method=method, limit=size, max_items=None, **parameters)
    matching = [(item["collection"], item["id"]) for item in search.items_as_dicts()]
    assert matching == expected(case, items)
    if size == 100:
        assert search.matched() == len(expected(case, items))
