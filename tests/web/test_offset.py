"""`offset=` and `X-Scog-Offset` on every route: tiles, points, cubes, time series, statistics; and in Python."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from scog import Session, cli
from scog.settings import Settings
from tests.doubles.archives import L2A, MadeScene, constant
from tests.web.conftest import WEST, Served, is_problem, served, tile_at

GUESS = "-0.1 (estimated from pixels)"
LON, LAT = WEST.lonlat(0.75, 0.5)
TILE = tile_at(LON, LAT)
DATES = "datetime=2024-06-01/2024-06-30"


def ambiguous(name: str, time: str, applied: bool) -> MadeScene:
    """A scene with +1000, of a baseline since 04.00. Its west is dark; at LON, LAT red is 0.2 and nir 0.3 brighter."""
    bands = {"scl": constant(WEST, 4, 20, np.uint8)}
    for band, dark, bright in (("blue", 1300, 1800), ("red", 1150, 3000), ("nir", 1100, 4000)):
        bands[band] = constant(WEST, dark)
        bands[band][:, bands[band].shape[1] // 2 :] = bright
    return MadeScene(name, WEST, time, bands, L2A, applied, "04.00")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ambiguous")
    ambiguous("FALSE", "2024-06-12T10:10:31Z", applied=False).write(folder)
    ambiguous("TRUE", "2024-06-02T10:10:31Z", applied=True).write(folder)
    return folder


@pytest.fixture(scope="module")
def server(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(Settings(catalog=str(archive), cache_dir=tmp_path_factory.mktemp("cache"))) as running:
        yield running


def brightest(response: httpx.Response) -> float:
    assert response.status_code == 200, response.text
    return float(np.nanmax(np.load(io.BytesIO(response.content), allow_pickle=False)[0]))


@pytest.mark.parametrize(
    ("query", "value", "header"),
    [
        ("", 0.3, GUESS),
        ("&offset=detect", 0.3, GUESS),
        ("&offset=applied", 0.4, None),
        ("&offset=0", 0.4, None),
        ("&offset=missing", 0.3, None),
        ("&offset=-0.1", 0.3, None),
        ("&offset=-0.25", 0.15, None),
    ],
)
def test_a_tile_has_the_requested_offset(server: Served, query: str, value: float, header: str | None) -> None:
    for _ in range(2):  # the second one is cached
        response = server.get(f"/tiles/{TILE}.npy?expression=nir&datetime=2024-06-12{query}")
        assert brightest(response) == pytest.approx(value, abs=1e-6)
        assert response.headers.get("X-Scog-Offset") == header


def test_scenes_are_listed_where_offsets_differ(server: Served) -> None:
    response = server.get(f"/tiles/{TILE}.npy?expression=nir&composite=max&{DATES}")
    assert brightest(response) == pytest.approx(0.4, abs=1e-6)  # the flag of TRUE is wrong
    assert response.headers["X-Scog-Offset"] == f"FALSE: {GUESS}"
    response = server.get(f"/tiles/{TILE}.npy?expression=nir&composite=max&offset=detect&{DATES}")
    assert brightest(response) == pytest.approx(0.3, abs=1e-6)
    assert response.headers["X-Scog-Offset"] == GUESS


def test_images_with_other_offsets_have_other_etags(server: Served) -> None:
    tags = [
        server.get(f"/tiles/{TILE}.png?index=ndvi&datetime=2024-06-12{query}").headers["ETag"]
        for query in ("", "&offset=missing", "&offset=applied", "")
    ]
    assert tags[0] == tags[1] == tags[3] != tags[2]


@pytest.mark.parametrize("text", ["look", "-1000", "nan", ""])
@pytest.mark.parametrize("route", [f"/tiles/{TILE}", f"/point/{LON},{LAT}", f"/timeseries/{LON},{LAT}"])
def test_unknown_offsets_are_refused(server: Served, route: str, text: str) -> None:
    problem = is_problem(server.get(f"{route}?offset={text}"), 400)
    assert problem["parameter"] == "offset"
    assert "missing (-0.1)" in problem["valid"]


def test_equal_offsets_give_one_cube(server: Served) -> None:
    body: dict[str, Any] = {"expression": "nir", "datetime": "2024-06-12"}

    def cube(**members: Any) -> str:
        response = server.client.post("/cubes", json=body | members)
        assert response.status_code in (200, 201), response.text
        return str(response.json()["id"])

    assert cube(offset="missing") == cube(offset=-0.1) == cube(offset="-0.10")
    assert cube(offset="applied") == cube(offset=0)
    assert len({cube(), cube(offset="detect"), cube(offset="applied"), cube(offset="missing")}) == 4
    series = server.get(f"/cubes/{cube(offset=-0.25)}/timeseries/{LON},{LAT}").json()
    assert [row["values"] for row in series["observations"]] == [[pytest.approx(0.15, abs=1e-6)]]
    tile = server.get(f"/cubes/{cube(offset=-0.25)}/tiles/{TILE}.npy")
    assert brightest(tile) == pytest.approx(0.15, abs=1e-6)


def test_time_series_have_the_requested_offset(server: Served) -> None:
    url = f"/timeseries/{LON},{LAT}?expression=nir&{DATES}"
    for _ in range(2):  # the second one is cached
        for query, values, header in (
            ("", [0.4, 0.3], f"FALSE: {GUESS}"),
            ("&offset=applied", [0.4, 0.4], None),
            ("&offset=detect", [0.3, 0.3], GUESS),
        ):
            response = server.get(url + query)
            assert response.status_code == 200, response.text
            found = [row["values"] for row in response.json()["observations"]]
            assert [value for [value] in found] == pytest.approx(values, abs=1e-6)
            assert response.headers.get("X-Scog-Offset") == header


def test_sessions_have_the_requested_offset(archive: Path) -> None:
    with Session(archive) as session:
        box = (LON - 0.01, LAT - 0.01, LON + 0.01, LAT + 0.01)
        assert session.image(box, expression="nir", datetime="2024-06-12").offsets == (GUESS,)
        assert session.image(box, expression="nir", datetime="2024-06-12", offset=0).offsets == ()
        for offset, value in ((-0.1, 0.3), ("missing", 0.3), (0, 0.4), ("detect", 0.3)):
            point = session.point(LON, LAT, expression="nir", datetime="2024-06-02", offset=offset)
            assert next(iter(point.values.values())) == pytest.approx(value, abs=1e-6)
            [row] = session.series(LON, LAT, expression="nir", datetime="2024-06-02", offset=offset)
            assert row.values is not None
            assert next(iter(row.values.values())) == pytest.approx(value, abs=1e-6)


def test_commands_take_an_offset_and_print_guesses(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ["--catalog", str(archive), "--expression", "nir", "--datetime", "2024-06-12"]
    for options, value, printed in (([], 0.3, True), (["--offset", "-0.2"], 0.2, False)):
        file = tmp_path / "tile.npy"
        z, x, y = TILE.split("/")
        cli.main(["tile", z, x, y, *common, *options, "-o", str(file)])
        assert float(np.nanmax(np.load(file)[0])) == pytest.approx(value, abs=1e-6)
        output = capsys.readouterr()
        assert (f"reflectance offset: {GUESS}" in output.out + output.err) == printed
    cli.main(["series", str(LON), str(LAT), *common, "--offset", "-0.2", "--json"])
    assert "0.2" in json.dumps(json.loads(capsys.readouterr().out))


def test_the_doctor_says_where_the_offset_is_from(archive: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["doctor", "--catalog", str(archive)])
    assert f"reflectance offset of FALSE's red: {GUESS}" in capsys.readouterr().out
