"""The script of `make live`, run against a double of the service."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

from tests.doubles.acquisitions import acquisitions, mgrs_tiles_around, put_cogs
from tests.doubles.earth_search import ROOT, SEARCH, EarthSearch, edit, link_next
from tests.doubles.range_server import status, whole
from tests.live import earth_search as live

pytestmark = pytest.mark.acceptance

MGRS_TILES = mgrs_tiles_around(11.3, 46.5, 2, 2)


@pytest.fixture
def catalog(monkeypatch: pytest.MonkeyPatch) -> Iterator[EarthSearch]:
    monkeypatch.setattr(live, "PLACES", {"Alps": (11.4, 46.7, 11), "Alps from far": (11.4, 46.7, 8)})
    with EarthSearch() as server:
        for mgrs_tile in MGRS_TILES:
            put_cogs(server, f"/cogs/{mgrs_tile.name}", mgrs_tile)
        first_day: date = (datetime.now(UTC) - timedelta(days=59)).date()
        server.items = acquisitions(MGRS_TILES, first_day, 30, server.url("/cogs"), every=2)
        yield server


def run(catalog: EarthSearch, capfd: pytest.CaptureFixture[str]) -> tuple[int, dict[str, str]]:
    """Exit code, and the verdict for each fact."""
    code = live.main(["--catalog", catalog.root, "--hosts", catalog.host])
    lines = capfd.readouterr().out.splitlines()[:-1]
    return code, {line[11:].split(": ")[0]: line[:9].strip() for line in lines}


FILES = {"block sizes", "overview sizes", "headers fit 16 KB"}
"""Facts that do not hold for the double's files, which are small and not complete."""


def test_the_double_has_the_facts_that_the_code_relies_on(
    catalog: EarthSearch, capfd: pytest.CaptureFixture[str]
) -> None:
    code, verdicts = run(catalog, capfd)
    assert len(verdicts) == len(live.CHECKS) + 2
    assert {fact for fact, verdict in verdicts.items() if verdict != "ok"} == FILES
    assert code == 1


CHANGES = {
    "landing page": (ROOT, edit(lambda page: page.update(id="another-catalogue"))),
    "a page has 10 items by itself": (SEARCH, edit(lambda page: page["features"].pop())),
    "the number of matches is reported": (SEARCH, edit(lambda page: page.pop("numberMatched") and page)),
    "the newest come first": (SEARCH, edit(lambda page: page["features"].reverse())),
    "`next` links are POST searches with a token": (SEARCH, link_next(merge=True)),
    "items are usable": (
        SEARCH,
        edit(lambda page: [item.update(geometry=None, bbox=None) for item in page["features"]] and page),
    ),
    "ranges are answered": (f"/cogs/{MGRS_TILES[3].name}/B04.tif", whole),
}


@pytest.mark.parametrize("fact", CHANGES)
def test_a_difference_is_reported(
    catalog: EarthSearch, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, fact: str
) -> None:
    monkeypatch.setattr(live, "PLACES", {})
    path, fault = CHANGES[fact]
    catalog.fail(path, always=fault)
    code, verdicts = run(catalog, capfd)
    assert (code, verdicts[fact]) == (1, "DIFFERS")


def test_another_interpretation_of_fields_is_reported(catalog: EarthSearch, capfd: pytest.CaptureFixture[str]) -> None:
    catalog.exact_fields = True
    code, verdicts = run(catalog, capfd)
    assert (code, verdicts["`fields` wants each property named"]) == (1, "DIFFERS")
    assert verdicts["`fields` as scog sends them bring what it reads"] == "ok"  # valid in both interpretations


def test_a_failed_response_does_not_end_the_script(catalog: EarthSearch, capfd: pytest.CaptureFixture[str]) -> None:
    catalog.fail(SEARCH, status(503), status(503))
    code, verdicts = run(catalog, capfd)
    assert code == 1
    assert sum(verdict == "no answer" for verdict in verdicts.values()) == 2
    assert verdicts["the newest come first"] == "ok"
    assert [verdict for fact, verdict in verdicts.items() if fact.startswith("Alps")] == ["ok", "ok"]


def test_an_unreachable_service_does_not_end_the_script(
    catalog: EarthSearch, capfd: pytest.CaptureFixture[str]
) -> None:
    catalog.down()
    code, verdicts = run(catalog, capfd)
    assert code == 1
    assert set(verdicts.values()) == {"no answer"}
