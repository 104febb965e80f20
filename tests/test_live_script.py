"""The script of `make live`, as far as a double of the service can answer it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

from tests.doubles.acquisitions import acquisitions, mgrs_tiles_around, put_cogs
from tests.doubles.earth_search import ROOT, SEARCH, EarthSearch, edit, link_next
from tests.doubles.range_server import status, whole
from tests.live import earth_search as live

pytestmark = pytest.mark.acceptance

SQUARES = mgrs_tiles_around(11.3, 46.5, 2, 2)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[EarthSearch]:
    monkeypatch.setattr(live, "PLACES", {"Alps": (11.4, 46.7, 11), "Alps from far": (11.4, 46.7, 8)})
    with EarthSearch() as server:
        for square in SQUARES:
            put_cogs(server, f"/cogs/{square.name}", square)
        began: date = (datetime.now(UTC) - timedelta(days=59)).date()
        server.items = acquisitions(SQUARES, began, 30, server.url("/cogs"), every=2)
        yield server


def run(world: EarthSearch, capfd: pytest.CaptureFixture[str]) -> tuple[int, dict[str, str]]:
    """Exit code, and the verdict on each fact."""
    code = live.main(["--catalog", world.root, "--hosts", world.host])
    lines = capfd.readouterr().out.splitlines()[:-1]
    return code, {line[11:].split(": ")[0]: line[:9].strip() for line in lines}


FILES = {"block sizes", "overview sizes", "headers fit 16 KB"}
"""What the double's small files cannot have: they are not all there, and smaller."""


def test_the_double_is_what_the_code_takes_the_service_for(
    world: EarthSearch, capfd: pytest.CaptureFixture[str]
) -> None:
    code, verdicts = run(world, capfd)
    assert len(verdicts) == len(live.CHECKS) + 2
    assert {fact for fact, verdict in verdicts.items() if verdict != "ok"} == FILES
    assert code == 1


CHANGES = {
    "landing page": (ROOT, edit(lambda page: page.update(id="somebody-else"))),
    "a page has 10 items by itself": (SEARCH, edit(lambda page: page["features"].pop())),
    "the number of matches is told": (SEARCH, edit(lambda page: page.pop("numberMatched") and page)),
    "the newest come first": (SEARCH, edit(lambda page: page["features"].reverse())),
    "`next` links are POST searches with a token": (SEARCH, link_next(merge=True)),
    "items are usable": (
        SEARCH,
        edit(lambda page: [item.update(geometry=None, bbox=None) for item in page["features"]] and page),
    ),
    "ranges are answered": (f"/cogs/{SQUARES[3].name}/B04.tif", whole),
}


@pytest.mark.parametrize("fact", CHANGES)
def test_what_differs_is_found(
    world: EarthSearch, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, fact: str
) -> None:
    monkeypatch.setattr(live, "PLACES", {})
    path, fault = CHANGES[fact]
    world.fail(path, always=fault)
    code, verdicts = run(world, capfd)
    assert (code, verdicts[fact]) == (1, "DIFFERS")


def test_fields_that_are_read_in_another_way_are_found(world: EarthSearch, capfd: pytest.CaptureFixture[str]) -> None:
    world.exact_fields = True
    code, verdicts = run(world, capfd)
    assert (code, verdicts["`fields` wants each property named"]) == (1, "DIFFERS")
    assert verdicts["`fields` as scog sends them bring what it reads"] == "ok"  # it works either way


def test_one_answer_that_fails_does_not_end_it(world: EarthSearch, capfd: pytest.CaptureFixture[str]) -> None:
    world.fail(SEARCH, status(503), status(503))
    code, verdicts = run(world, capfd)
    assert code == 1
    assert sum(verdict == "no answer" for verdict in verdicts.values()) == 2
    assert verdicts["the newest come first"] == "ok"
    assert [verdict for fact, verdict in verdicts.items() if fact.startswith("Alps")] == ["ok", "ok"]


def test_a_service_that_is_away_ends_it_neither(world: EarthSearch, capfd: pytest.CaptureFixture[str]) -> None:
    world.down()
    code, verdicts = run(world, capfd)
    assert code == 1
    assert set(verdicts.values()) == {"no answer"}
