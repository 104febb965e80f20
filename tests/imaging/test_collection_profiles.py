"""Profiles that are derived while requests wait: who waits for what, and what a failure means."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import wraps
from typing import Any, ParamSpec, cast

import pytest

from scog.catalog.derived_profile import Sample
from scog.catalog.query import Catalog
from scog.catalog.search import Searches
from scog.catalog.search_store import SearchStore
from scog.cog.block_reader import BlockReader
from scog.collections.profiles import Profiles
from scog.composite.mask import Mask
from scog.errors import CatalogUnavailable
from scog.imaging import collection_profiles
from scog.imaging.collection_profiles import CollectionProfiles
from scog.imaging.report import Report

ITEM = {
    "assets": {
        key: {"href": f"{key}.tif", "type": "image/tiff", "eo:bands": [{"name": key, "common_name": common}]}
        for key, common in (("B4", "red"), ("B5", "nir"))
    },
    "properties": {},
}


P = ParamSpec("P")


def in_loop(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """A test that runs in an event loop of its own."""

    @wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


class Sampled:
    """A catalogue whose collections are described by `sample`, which counts as a request."""

    is_live = True

    def __init__(self, sample: Callable[[str], Awaitable[Sample]]) -> None:
        self.profiles = Profiles("x")
        self.sampled: list[str] = []
        self.at_once = self.most_at_once = 0
        self._sample = sample

    def collections(self) -> Sequence[str]:
        return ()

    async def list_collections(self, tally: object) -> Sequence[dict[str, Any]]:
        return [{"id": "known"}]

    async def sample(self, collection: str) -> Sample:
        self.sampled.append(collection)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return await self._sample(collection)
        finally:
            self.at_once -= 1


async def slow(_: str) -> Sample:
    await asyncio.sleep(0.05)
    return Sample({"id": "c"}, [ITEM], [""])


def opened(sample: Callable[[str], Awaitable[Sample]]) -> tuple[Sampled, Searches, CollectionProfiles]:
    catalog = Sampled(sample)
    searches = Searches(cast(Catalog, catalog), SearchStore(None, "x"), None, 90)
    return catalog, searches, CollectionProfiles(cast(BlockReader, None))  # an item without time has no scene to read


@in_loop
async def test_requests_that_arrive_during_a_derivation_wait_for_it() -> None:
    catalog, searches, profiles = opened(slow)

    async def after(seconds: float) -> str:
        await asyncio.sleep(seconds)
        return (await profiles.of(searches, "c")).source

    found = await asyncio.gather(*map(after, (0.0, 0.01, 0.02, 0.04, 0.1)))
    assert set(found) == {"the items' own words"}
    assert catalog.sampled == ["c"]


@in_loop
async def test_a_cancelled_request_neither_stops_nor_falsifies_a_derivation() -> None:
    catalog, searches, profiles = opened(slow)
    first = asyncio.ensure_future(profiles.of(searches, "c"))
    await asyncio.sleep(0.01)
    second = asyncio.ensure_future(profiles.of(searches, "c"))
    await asyncio.sleep(0.01)
    first.cancel()
    assert (await second).source == (await profiles.of(searches, "c")).source == "the items' own words"
    assert first.cancelled()
    assert catalog.sampled == ["c"]


@pytest.mark.parametrize("error", [CatalogUnavailable("down"), OverflowError("a number of the item"), TimeoutError()])
@in_loop
async def test_after_any_failure_the_profile_is_provisional_and_soon_derived_again(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails = True

    async def failing(name: str) -> Sample:
        if fails:
            raise error
        return await slow(name)

    monkeypatch.setattr(collection_profiles, "RETRY", 0.05)
    catalog, searches, profiles = opened(failing)
    provisional = await profiles.of(searches, "c")
    assert "what c is could not be read" in provisional.provisional
    assert (await profiles.of(searches, "c,d")).provisional, "also as one of several"
    assert catalog.sampled == ["c", "d"], "a failure is not repeated at once"
    report = Report()
    report.note_profile(provisional, Mask("none"))
    assert report.partial, "so that caches keep the image for seconds"
    assert report.note_lines() == [provisional.provisional]
    fails = False
    await asyncio.sleep(0.06)
    assert not (await profiles.of(searches, "c")).provisional


@in_loop
async def test_an_expired_profile_is_used_while_it_is_derived_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collection_profiles, "WITHOUT_DOCUMENT", 0.0)
    monkeypatch.setattr(collection_profiles, "LIFETIME", 0.0)
    hangs = asyncio.Event()
    samples = 0

    async def hanging(name: str) -> Sample:
        nonlocal samples
        samples += 1
        if samples > 1:
            await hangs.wait()
            raise CatalogUnavailable("down")
        return await slow(name)

    _, searches, profiles = opened(hanging)
    first = await profiles.of(searches, "c")
    async with asyncio.timeout(0.5):
        assert await profiles.of(searches, "c") is first
        await asyncio.sleep(0.01)
        assert samples == 2
    hangs.set()
    await asyncio.sleep(0.01)
    assert await profiles.of(searches, "c") is first, "a failed refresh keeps what is known"
    await profiles.close()


@in_loop
async def test_derivations_are_few_at_once_and_end_at_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collection_profiles, "DEADLINE", 0.2)

    async def hanging(_: str) -> Sample:
        await asyncio.sleep(60)
        raise AssertionError

    catalog, searches, profiles = opened(hanging)
    async with asyncio.timeout(1):
        assert (await profiles.of(searches, ",".join(f"n{number}" for number in range(16)))).provisional
    assert catalog.most_at_once == collection_profiles.AT_ONCE


@in_loop
async def test_a_name_that_the_catalogue_does_not_list_is_not_asked_for() -> None:
    catalog, searches, profiles = opened(slow)
    await searches.collections.documents()
    assert "lists no collection" in (await profiles.of(searches, "invented")).provisional
    assert not (await profiles.of(searches, "known")).provisional
    assert catalog.sampled == ["known"]


@in_loop
async def test_a_collection_without_items_is_soon_derived_again() -> None:
    async def empty(_: str) -> Sample:
        return Sample({"id": "c"}, [], [])

    _, searches, profiles = opened(empty)
    assert "no items" in (await profiles.of(searches, "c")).provisional
