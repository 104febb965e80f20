"""Searches by pystac-client, with GET and POST and several page sizes, match those of the oracle."""

from __future__ import annotations

from functools import cmp_to_key
from typing import Any

import pytest
from pystac_client import Client

from tests.stac.made_items import Item, newest_first
from tests.stac.searches import CASES, Case


def expected(case: Case, items: list[Item]) -> list[tuple[str, str]]:
    found = [item for item in items if case.finds(item)]
    if not case.order:
        found = newest_first(found) if "sortby" not in case.asked else found
    if "sortby" in case.asked:
        found = sorted(found, key=lambda item: (item["collection"], item["id"]))
        found.sort(key=cmp_to_key(lambda one, other: _compare(case, one, other)))
    return [(item["collection"], item["id"]) for item in found]


def _compare(case: Case, one: Item, other: Item) -> int:
    for key, falling in case.order:
        left, right = key(one), key(other)
        if left == right:
            continue
        if left is None or right is None:
            return 1 if left is None else -1
        return -1 if (left < right) != falling else 1
    return 0


@pytest.fixture(scope="module")
def client(server: str) -> Client:
    return Client.open(f"{server}/stac")


def test_the_searches_are_many_and_selective(items: list[Item]) -> None:
    assert len(CASES) >= 40
    kinds = {len(expected(case, items)) for case in CASES}
    assert {0, 1, 60} < kinds
    assert len(kinds) > 15


@pytest.mark.parametrize("size", [7, 100])
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_search_finds_the_same_in_the_same_order(
    client: Client, items: list[Item], case: Case, method: str, size: int
) -> None:
    compare(client, items, case, method, size)


@pytest.mark.acceptance
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_search_finds_the_same_item_by_item(client: Client, items: list[Item], case: Case, method: str) -> None:
    compare(client, items, case, method, size=1)


def compare(client: Client, items: list[Item], case: Case, method: str, size: int) -> None:
    asked: dict[str, Any] = dict(case.asked)
    search = client.search(method=method, limit=size, max_items=None, **asked)
    found = [(item["collection"], item["id"]) for item in search.items_as_dicts()]
    assert found == expected(case, items)
    if size == 100:
        assert search.matched() == len(expected(case, items))
