"""`scog search` and `scog doctor` with a local STAC API."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from scog import cli
from scog.net.policy import BreakerState
from tests.doubles.acquisitions import acquisitions, mgrs_tiles_around, put_cogs
from tests.doubles.archives import MadeScene, Square, constant
from tests.doubles.earth_search import ROOT, SEARCH, EarthSearch, edit
from tests.doubles.item_folder import SIDE, write_file, write_item
from tests.doubles.range_server import Fault, hang, html, reset, status

pytestmark = pytest.mark.usefixtures("transport_slowly")

SQUARES = mgrs_tiles_around(-69.0, -33.5, 2, 1)
"""MGRS tiles in the western and southern hemispheres."""
BOX = "-70.5,-34.5,-67,-32.5"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EarthSearch]:
    with EarthSearch() as server:
        for square in SQUARES:
            put_cogs(server, f"/cogs/{square.name}", square)
            red = f"/cogs/{square.name}/B04.tif"
            server.put(red, server.data(red) + bytes(6_000_000))  # large enough to measure the throughput
        server.items = acquisitions(SQUARES, date(2024, 1, 1), 80, server.url("/cogs"))
        for name, value in {"CATALOG": server.root, "HOSTS": server.host, "CACHE_DIR": tmp_path, "RETRIES": 0}.items():
            monkeypatch.setenv(f"SCOG_{name}", str(value))
        monkeypatch.setenv("SCOG_CATALOG_DEADLINE", "2")
        monkeypatch.setenv("SCOG_NEWEST_DAYS", "3660")
        yield server


def scog(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    try:
        code = cli.main(arguments)
    except SystemExit as end:
        code = int(end.code or 0)
    captured = capfd.readouterr()
    return code, captured.out, captured.err


# search


def test_search_lists_the_newest_scenes_as_a_table(world: EarthSearch, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = scog(capfd, "search", "--bbox", BOX, "--limit", "4")
    assert code == 0, err
    header, *lines = out.splitlines()
    assert header.split() == ["TIME", "(UTC)", "MGRS", "CLOUD", "PLATFORM", "ID"]
    assert [line.split()[-1] for line in lines] == [
        f"S2{letter}_{square.name}_{day}_0_L2A"
        for letter, day in (("B", "20250130"), ("A", "20250125"))
        for square in SQUARES
    ]
    assert [line.startswith("2025-01-") for line in lines] == [True, False, True, False]  # once per observation
    assert "4 scenes of 2 observations" in err
    assert "--limit" in err


def test_search_lists_scenes_as_geojson(world: EarthSearch, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = scog(capfd, "search", f"--bbox={BOX}", "--format", "json", "--datetime", "2024-01-01/2024-01-20")
    collection = json.loads(out)
    assert code == 0
    assert collection["type"] == "FeatureCollection"
    assert len(collection["features"]) == 8
    first = collection["features"][0]
    assert first["id"] == f"S2A_{SQUARES[0].name}_20240116_0_L2A"
    assert first["geometry"]["coordinates"][0][0] == SQUARES[0].ring[0]
    assert first["properties"]["mgrs_tile"] == SQUARES[0].name


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (["--limit", "150"], 150),
        (["--limit", "1000"], 160),
        (["--limit", "1000", "--cloud-cover", "10"], None),
        (["--collection", "sentinel-2-c1-l2a", "--limit", "1000"], 160),
        (["--collection", "nix"], 0),
        (["--datetime", "2030-01-01"], 0),
    ],
)
def test_options_limit_the_scenes_of_a_search(
    world: EarthSearch, capfd: pytest.CaptureFixture[str], options: list[str], count: int | None
) -> None:
    code, out, err = scog(capfd, "search", "--bbox", BOX, "--format", "json", *options)
    assert code == 0, err
    features = json.loads(out)["features"]
    if count is None:
        clear = [item for item in world.items if item["properties"]["eo:cloud_cover"] <= 10]
        count = len(clear) // 2
        assert all(feature["properties"]["cloud_cover"] <= 10 for feature in features)
    assert len(features) == count
    times = [feature["properties"]["observation"] for feature in features]
    assert times == sorted(times, reverse=True)


@pytest.mark.parametrize(
    "options",
    [
        ["--bbox", "1,2,3"],
        ["--bbox", "10,60,15,50"],
        ["--bbox", BOX, "--limit", "0"],
        ["--bbox", BOX, "--limit", "1001"],
        ["--bbox", BOX, "--cloud-cover", "101"],
        ["--bbox", BOX, "--datetime", "soon"],
        ["--bbox", BOX, "--format", "xml"],
        [],
    ],
)
def test_invalid_options_are_refused(world: EarthSearch, capfd: pytest.CaptureFixture[str], options: list[str]) -> None:
    code, out, err = scog(capfd, "search", *options)
    assert (code, out) == (2, "")
    assert err
    assert world.catalog_requests == []


def test_an_unreachable_catalogue_is_reported(world: EarthSearch, capfd: pytest.CaptureFixture[str]) -> None:
    world.down()
    code, out, err = scog(capfd, "search", "--bbox", BOX)
    assert (code, out) == (1, "")
    assert "cannot be reached" in err


def test_an_archive_can_be_searched(demo_archive: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = scog(
        capfd, "search", "--catalog", str(demo_archive), "--bbox=-180,-85,180,85", "--datetime", "../.."
    )
    assert code == 0, err
    assert len(out.splitlines()) == 21


# doctor


def test_doctor_passes(world: EarthSearch, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = scog(capfd, "doctor")
    assert code == 0, out
    lines = out.splitlines()
    assert [line[:4] for line in lines] == ["ok  "] * 12
    landing, to_catalogue, search, items, collection, header, block, offset, to_pixels, throughput, expect, fitting = (
        lines
    )
    assert "1 requests" in landing
    assert "A double of Earth Search" in landing
    assert f"connection to {world.host}: connected in" in to_catalogue
    assert "no proxy" in to_catalogue
    assert "100 items" in search
    assert "sentinel-2-l2a" in search
    assert "100 usable" in items
    assert f"S2B_{SQUARES[0].name}_20250130_0_L2A" in items
    assert "collection sentinel-2-l2a: by scog/sentinel-2-l2a.toml: coastal, blue" in collection
    assert "1098 x 1098 pixels, 5 levels" in header
    assert "1 requests" in block
    assert offset.endswith("red: 0 (flag)")
    assert f"connection to {world.host}: connected in" in to_pixels
    assert re.search(r"throughput: .+ Mbit/s by one connection, .+ Mbit/s by 8 \(4\.0 MB read\)", throughput)
    assert re.search(r"15 NDVI tiles in about [\d.]+ s at zoom 11 \(8\.5 MB\), [\d.]+ s at zoom 13", expect)
    assert fitting.startswith("ok    settings: SCOG_")
    assert {request.path for request in world.requests} == {f"/cogs/{SQUARES[0].name}/B04.tif"}
    tls = world.url("").startswith("https")  # latency is measured once more, to see whether sessions resume
    # Header and block; size, latency, one connection and eight.
    assert len(world.requests) == 2 + 1 + 1 + tls + 1 + 8
    assert world.bytes < 5_000_000  # including those of the catalogue
    assert [request.path for request in world.catalog_requests] == [ROOT, *[ROOT] * (1 + tls), SEARCH]


def test_doctor_reports_as_json(world: EarthSearch, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = scog(capfd, "doctor", "--format", "json")
    findings = json.loads(out)
    assert code == 0
    assert [finding["well"] for finding in findings] == [True] * 12
    values = {name: value for finding in findings for name, value in finding["values"].items()}
    assert values["connections"] == 8
    assert values["many"] > 0
    assert values["screenful_z13"] > values["screenful_z11"] > 0
    assert values["proxy"] is None


def test_an_open_breaker_is_reported(
    world: EarthSearch, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scog.net.policy.CircuitBreaker.blocks_request", lambda breaker: True)
    monkeypatch.setattr("scog.net.policy.CircuitBreaker.state", BreakerState.OPEN)
    code, out, _ = scog(capfd, "doctor")
    assert code == 1
    assert f"FAIL  {world.host}: open" in out


def test_unusable_items_are_counted_with_their_reasons(world: EarthSearch, capfd: pytest.CaptureFixture[str]) -> None:
    def spoil(page: dict) -> None:  # type: ignore[type-arg]
        for place, item in enumerate(page["features"][:7]):
            item |= {"geometry": None, "bbox": None} if place < 5 else {"assets": {}}

    world.fail(SEARCH, edit(spoil))
    code, out, _ = scog(capfd, "doctor")
    assert code == 0
    assert "93 usable" in out
    assert "skipped: 5 no-geometry, 2 no-raster-assets; such as " in out
    assert ": no-geometry (geometry: missing); " in out


def test_problems_of_an_archive_are_listed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    square = Square("32TQK", 32632, 700_000, 5_000_040, 64)
    bands = {"red": constant(square, 1000), "scl": constant(square, 4, 20, np.uint8)}
    MadeScene("sound", square, "2022-06-10T10:00:00Z", bands).write(tmp_path)
    code, out, _ = scog(capfd, "doctor", "--catalog", str(tmp_path))
    assert code == 0, out
    odd = MadeScene("odd", square, "2022-06-11T10:00:00Z", bands).item()
    odd["assets"] |= {"nir": None, "red": odd["assets"]["red"] | {"href": "./sound/red.tif"}}
    odd["properties"]["eo:cloud_cover"] = "few"
    (tmp_path / "sentinel-2-l2a" / "odd.json").write_text(json.dumps(odd))
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "bare.json").write_text(json.dumps(odd | {"geometry": None}))
    code, out, _ = scog(capfd, "doctor", "--catalog", str(tmp_path))
    assert code == 1
    assert "FAIL  broken.json: skipped: invalid JSON: " in out
    assert "FAIL  bare.json: skipped: no-geometry: geometry: missing" in out
    assert "FAIL  sentinel-2-l2a/odd.json: eo:cloud_cover: 'few' is not between 0 and 100" in out
    assert "asset nir: null; skipped" in out
    assert "items: 2 usable" in out


@pytest.mark.parametrize(
    ("path", "fault", "fails", "hint"),
    [
        (ROOT, reset, "landing page", "Check the network"),
        (ROOT, html, "landing page", "SCOG_CATALOG"),
        (ROOT, hang, "landing page", "Check the network"),
        (SEARCH, status(503), "search", "Check the network"),
        (SEARCH, html, "search", "SCOG_CATALOG"),
        (SEARCH, edit(lambda page: page.update(features=[], links=[])), "search for", "SCOG_COLLECTION"),
        (SEARCH, edit(lambda page: page.update(features=[1, 2, 3])), "items: 0 usable", "right collection"),
        (f"/cogs/{SQUARES[0].name}/B04.tif", status(404), "header of", "not public"),
        (f"/cogs/{SQUARES[0].name}/B04.tif", status(503), "header of", "SCOG_READ_STALL"),
        (f"/cogs/{SQUARES[0].name}/B04.tif", html, "header of", "differs from its item's description"),
    ],
)
def test_failures_have_a_hint(
    world: EarthSearch, capfd: pytest.CaptureFixture[str], path: str, fault: Fault, fails: str, hint: str
) -> None:
    world.fail(path, always=fault)
    code, out, _ = scog(capfd, "doctor")
    assert code == 1
    *passed, failed, advice = out.splitlines()
    assert all(line.startswith("ok  ") for line in passed)
    assert failed.startswith(f"FAIL  {fails}")
    assert advice.startswith("      ")
    assert hint in advice


def test_a_block_that_cannot_be_read_fails(world: EarthSearch, capfd: pytest.CaptureFixture[str]) -> None:
    path = f"/cogs/{SQUARES[0].name}/B04.tif"
    world.fail(path, lambda answer: answer, always=status(503))
    code, out, _ = scog(capfd, "doctor")
    assert code == 1
    assert "ok    header of" in out
    assert "FAIL  one block of red" in out


def test_a_host_that_is_not_allowed_is_named(
    world: EarthSearch, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SCOG_HOSTS")
    code, out, _ = scog(capfd, "doctor")
    assert code == 1
    assert "host-not-allowed" in out
    assert f"SCOG_HOSTS={world.host}" in out
    assert world.requests == []


def test_a_missing_folder_fails(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = scog(capfd, "doctor", "--catalog", "/nowhere/at/all")
    assert code == 1
    assert out.startswith("FAIL  catalogue /nowhere/at/all")


def test_doctor_passes_for_an_archive(demo_archive: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = scog(capfd, "doctor", "--catalog", str(demo_archive))
    assert code == 0, out
    assert "usable" in out
    assert "one block of red" in out


def test_a_file_without_band_descriptions_fails(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write_file(tmp_path, "image", np.ones((4, SIDE, SIDE), np.uint16))
    write_item(tmp_path, {"red": {"file": "image"}})
    code, out, _ = scog(capfd, "doctor", "--catalog", str(tmp_path))
    assert code == 1
    assert "The file has 4 bands (1, 2, 3, 4), and the item does not say which is red" in out
    assert "(several-bands)" in out
    assert "cog.md explains how" in out
