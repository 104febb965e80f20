"""A catalogue on a slow or distant connection: the read timeout ends a search, not its duration; hedges."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

import pytest

from scog.catalog.query import Query
from scog.catalog.stac_api import RemoteCatalog
from scog.errors import CatalogUnavailable
from scog.net.policy import UpstreamStats
from scog.temporal.intervals import parse_interval
from tests.doubles.acquisitions import acquisitions, mgrs_tiles_around
from tests.doubles.archives import L2A
from tests.doubles.earth_search import ROOT, SEARCH, EarthSearch, drip_headers
from tests.doubles.range_server import Fault, drip, hang, hang_after, status
from tests.profiles import PROFILES

ITEMS = acquisitions(mgrs_tiles_around(11.3, 46.5, 2, 2), date(2024, 1, 1), 4, "https://files.example.org")
QUERY = Query((-180.0, -85.0, 180.0, 85.0), parse_interval("../.."), 100.0, L2A)

Work = Callable[[RemoteCatalog], Awaitable[Any]]


def using(server: EarthSearch, work: Work, *, deadline: float = 10.0, **more: Any) -> Any:
    """Run `work` with a catalogue that has its landing page in the cache."""
    fixed: dict[str, Any] = {"hosts": (), "retries": 0, "hedge_after": 0.1, "read_timeout": 0.5, **more}

    async def whole() -> Any:
        catalog = RemoteCatalog(server.root, PROFILES, deadline=deadline, **fixed)
        try:
            async with asyncio.timeout(20):
                await catalog.landing(UpstreamStats())
                return await work(catalog)
        finally:
            await catalog.close()

    return asyncio.run(whole())


async def search(catalog: RemoteCatalog, tally: UpstreamStats | None = None) -> int:
    """Number of items on the first page."""
    return len((await catalog.page(QUERY, None, tally or UpstreamStats())).items)


async def outcome(catalog: RemoteCatalog) -> str:
    try:
        await search(catalog)
    except CatalogUnavailable as error:
        return str(error)
    return "success"


@pytest.mark.parametrize("fault", [hang, hang_after(100), hang_after(20_000), drip_headers])
def test_a_search_that_hangs_once_is_hedged(fault: Fault) -> None:
    async def work(catalog: RemoteCatalog) -> None:
        tally = UpstreamStats()
        assert await search(catalog, tally) == 16
        assert tally.requests == 2

    with EarthSearch(ITEMS) as server:
        server.fail(SEARCH, fault)
        using(server, work)
        assert len(server.searches) == 2


@pytest.mark.parametrize("path", [ROOT, SEARCH])
@pytest.mark.parametrize("fault", [hang, hang_after(100), drip(1, 0.01), drip_headers])
def test_the_read_timeout_ends_a_search_long_before_its_deadline(path: str, fault: Fault) -> None:
    async def work(catalog: RemoteCatalog) -> str:
        server.fail(path, always=fault)
        if path == SEARCH:
            return await outcome(catalog)
        with pytest.raises(CatalogUnavailable) as raised:
            await catalog.landing(UpstreamStats())
        return str(raised.value)

    with EarthSearch(ITEMS) as server:
        since = time.monotonic()
        message = using(server, work)
        assert time.monotonic() - since < 5.0
        assert message.startswith(
            f"The catalogue {server.url(path)} did not answer in time: no data arrived for 0.5 s."
        )
        assert sum(request.path == path for request in server.catalog_requests) == 2 + (path == ROOT)


def test_a_slow_response_succeeds() -> None:
    with EarthSearch(ITEMS) as server:
        server.fail(SEARCH, always=drip(8192, 0.05))  # 16 items, 0.2 MB: longer than the read timeout
        since = time.monotonic()
        assert using(server, search) == 16
        assert time.monotonic() - since > 0.5
        assert len(server.searches) == 1


def test_the_deadline_ends_a_search_and_reports_its_progress() -> None:
    with EarthSearch(ITEMS) as server:
        server.fail(SEARCH, always=drip(8192, 0.1))
        message = using(server, outcome, deadline=1.0)
    assert "did not answer in time: 0.0" in message
    assert "MB of its response had arrived" in message
    assert "SCOG_CATALOG_DEADLINE" in message


def test_a_catalogue_that_is_always_late_is_not_hedged() -> None:
    async def work(catalog: RemoteCatalog) -> list[int]:
        counts = []
        for _ in range(4):
            before = len(server.searches)
            await search(catalog)
            counts.append(len(server.searches) - before)
        return counts

    with EarthSearch(ITEMS, latency=0.2) as server:
        assert using(server, work, read_timeout=3.0) == [2, 1, 1, 1]


# The circuit breaker


def test_timeouts_while_bytes_flow_do_not_open_the_breaker() -> None:
    async def work(catalog: RemoteCatalog) -> None:
        server.fail(SEARCH, always=drip(8192, 0.1))
        for _ in range(7):
            assert "had arrived" in await outcome(catalog)
        server.fail(SEARCH)
        assert await outcome(catalog) == "success"

    with EarthSearch(ITEMS) as server:
        using(server, work, deadline=0.4)


def test_waiting_for_a_thread_does_not_open_the_breaker() -> None:
    async def work(catalog: RemoteCatalog) -> None:
        outcomes = await asyncio.gather(*(outcome(catalog) for _ in range(80)))
        assert "success" in outcomes
        assert any("too many searches wait" in each for each in outcomes)
        assert await outcome(catalog) == "success"

    with EarthSearch(ITEMS, latency=1.0) as server:  # at most 48 of 80 are sent
        using(server, work, deadline=3.0, hedge_after=10.0, read_timeout=20.0)


@pytest.mark.parametrize(("read_timeout", "opens"), [(0.4, True), (20.0, False)])
def test_a_deadline_below_the_read_timeout_does_not_open_the_breaker(read_timeout: float, opens: bool) -> None:
    async def work(catalog: RemoteCatalog) -> str:
        server.fail(SEARCH, always=hang)
        for _ in range(5):
            await outcome(catalog)
        return await outcome(catalog)

    with EarthSearch(ITEMS) as server:
        message = using(server, work, deadline=0.3, read_timeout=read_timeout, hedge_after=10.0)
    assert ("paused" in message) is opens


@pytest.mark.parametrize("fault", [hang, status(503)])
def test_read_timeouts_and_errors_open_the_breaker(fault: Fault) -> None:
    async def work(catalog: RemoteCatalog) -> str:
        server.fail(SEARCH, always=fault)
        for _ in range(5):
            await outcome(catalog)
        return await outcome(catalog)

    with EarthSearch(ITEMS) as server:
        assert "paused" in using(server, work, read_timeout=0.1, hedge_after=0.05)


# Cancellation


def test_cancellation_ends_the_request_and_frees_its_thread() -> None:
    async def work(catalog: RemoteCatalog) -> None:
        server.fail(SEARCH, *[drip(5000, 0.2)] * 32)
        for _ in range(2):  # there are 16 threads
            searches = [asyncio.ensure_future(search(catalog)) for _ in range(16)]
            await asyncio.sleep(0.2)
            for task in searches:
                task.cancel()
            await asyncio.gather(*searches, return_exceptions=True)
        server.fail(SEARCH)
        since = time.monotonic()
        assert await search(catalog) == 16
        assert time.monotonic() - since < 2.0

    with EarthSearch(ITEMS) as server:
        using(server, work)
