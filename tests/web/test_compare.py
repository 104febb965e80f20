"""Comparisons of two periods from a running server: values come from two tiles, each drawn and cached separately."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray

import scog.imaging.draw
from scog.imaging.mosaic import Mosaic
from scog.settings import Settings
from scog.web.http.responses import COMPLETE, IMMUTABLE, PARTIAL
from tests.doubles.range_server import status
from tests.web.conftest import WEST, RemoteServer, Served, is_problem, served

OLD, NEW = "S2A_32TQK_20240602_0_L2A", "S2A_32TQK_20240612_0_L2A"
EAST_SCENE = "S2B_T32TQL_20240607T101031_L2A"
FIRST, SECOND = "2024-06-12", "2024-06-02"
"""The first date is half cloudy."""
LON, LAT = WEST.lonlat()
BOX = [LON - 0.012, LAT - 0.007, LON + 0.009, LAT + 0.011]


def values(server: Served, path: str) -> NDArray[np.float32]:
    response = server.get(path)
    assert response.status_code == 200, response.text[:300]
    array: NDArray[np.float32] = np.load(io.BytesIO(response.content), allow_pickle=False)
    return array


# P-values of trends are left out. A count below clouds is 0, and a ratio to 0 is invalid.
@pytest.mark.parametrize(
    "query",
    ["", "bands=nir&mask=none", "expression=" + quote("nir/red - 5"), "composite=max&mask_dilate=100",
     "composite=slope", "composite=count", "composite=count&bands=red,green,blue"],
)  # fmt: skip
def test_values_equal_numpy_on_both_tiles(query: str, server: Served, west: str) -> None:
    tile = f"/tiles/{west}.npy?{query}{'&' if query else ''}"
    for first, second in ((FIRST, SECOND), (SECOND, FIRST), ("2024-05-01/2024-06-30", SECOND)):
        one, other = (values(server, f"{tile}datetime={quote(period)}")[:1] for period in (first, second))
        with np.errstate(all="ignore"):
            difference, ratio = one - other, one / other
        ratio[~np.isfinite(ratio)] = np.nan
        comparison = f"{tile}datetime={quote(first)}&compare={quote(second)}"
        np.testing.assert_array_equal(values(server, comparison), difference)
        np.testing.assert_array_equal(values(server, f"{comparison}&compare_as=difference"), difference)
        np.testing.assert_array_equal(values(server, f"{comparison}&compare_as=ratio"), ratio)
    if not query:
        assert 0.2 < np.isnan(values(server, f"{tile}datetime={FIRST}&compare={SECOND}")).mean() < 1, "clouds"


def test_geotiff_tags_list_the_scenes_of_each_period(server: Served, west: str) -> None:
    response = server.get(f"/tiles/{west}.tif?datetime={FIRST}&compare={SECOND}&compare_as=ratio")
    assert response.headers["X-Scog-Used"] == f"{NEW}, {OLD}"
    with rasterio.open(io.BytesIO(response.content)) as file:
        tags = file.tags()
        assert file.descriptions == ("ratio of (nir - red) / (nir + red)",)
    assert (tags["SCENES"], tags["COMPARED_WITH_SCENES"], tags["COMPARED_AS"]) == (f"{OLD} {NEW}", OLD, "ratio")


def test_legends_and_layer_names_name_the_change(server: Served, west: str) -> None:
    for query, shown, title in (
        (f"compare={SECOND}", [-0.5, 0.5], "NDVI, change"),
        (f"compare={SECOND}&compare_as=ratio", [0, 2], "NDVI, ratio"),
    ):
        legend = server.get(f"/legend.json?{query}").json()
        assert (legend["title"], legend["range"]) == (title, shown)
        assert title in server.get(f"/legend.svg?{query}").text
        assert server.get(f"/legend.png?{query}").status_code == 200
        document = server.get(f"/tilejson.json?{query}").json()
        assert document["name"] == f"scog: {title}"
        assert document["tiles"][0].endswith(query)
    point = server.get(f"/point/{LON},{LAT}?mask=none&datetime={FIRST}&compare={SECOND}").json()
    assert point["values"] == pytest.approx([0.8 - 0.5], abs=0.01)
    assert (point["scene"], point["datetime"]) == (None, None), "there are two scenes"


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("compare=yesterday", "compare"),
        ("compare=2024-06-12/2024-06-02", "compare"),
        ("compare=", "compare"),
        (f"compare={SECOND}&compare={FIRST}", "compare"),
        (f"compare={SECOND}&compare_as=quotient", "compare_as"),
        ("compare_as=ratio", "compare_as"),
        (f"compare={SECOND}&bands=red,green,blue", "compare"),
        (f"compare={SECOND}&bands=true-color", "compare"),
        (f"compare={SECOND}&index=scl", "compare"),
    ],
)
def test_invalid_combinations_are_rejected(query: str, parameter: str, server: Served, west: str) -> None:
    for path in (f"/tiles/{west}", f"/tiles/{west}.npy", "/legend.json", "/tilejson.json", f"/point/{LON},{LAT}"):
        problem = is_problem(server.get(f"{path}?{query}"), 400)
        assert problem["parameter"] == parameter
        assert problem["valid"]
    if query.count("compare=") < 2:
        body = dict(part.split("=") for part in query.split("&"))
        assert is_problem(server.client.post("/cubes", json=body), 400)["parameter"] == parameter


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The periods that are drawn rather than taken from the cache."""
    periods: list[str] = []

    class Counted(Mosaic):
        async def read(self, observations: object) -> None:
            periods.append(str(self._scene_reader._request.interval)[:10])
            await super().read(observations)  # type: ignore[arg-type]

    monkeypatch.setattr(scog.imaging.draw, "Mosaic", Counted)
    return periods


def test_changing_one_period_draws_only_that_period(archive: Path, tmp_path: Path, west: str, drawn: list[str]) -> None:
    with served(Settings(catalog=str(archive), cache_dir=tmp_path)) as server:

        def drawn_for(query: str) -> list[str]:
            drawn.clear()
            assert server.get(f"/tiles/{west}?{query}").status_code == 200
            return sorted(drawn)

        assert drawn_for(f"datetime={FIRST}&compare={SECOND}") == [SECOND, FIRST]
        assert drawn_for(f"datetime={FIRST}&compare={SECOND}&compare_as=ratio") == []
        assert drawn_for(f"datetime={FIRST}&compare=2024-06-01") == ["2024-06-01"]
        assert drawn_for(f"datetime={SECOND}") == [], "the same image without a comparison"
        assert drawn_for("datetime=2024-06-02/2024-06-11&compare=2024-06-12") == [SECOND]
        again = server.get(f"/tiles/{west}?datetime={FIRST}&compare={SECOND}")
        assert "encode" not in again.headers["Server-Timing"], "the encoded image is cached too"
        other = server.get(f"/tiles/{west}?datetime={SECOND}&compare={FIRST}")
        assert other.content != again.content


def test_scenes_missing_from_the_second_period_are_reported(
    remote_server: Callable[..., RemoteServer], west: str
) -> None:
    running = remote_server(retries=0)
    period = "2024-06-01/2024-06-30"
    running.origin.fail(f"/{OLD}/nir.tif", always=status(404))
    tile = f"/tiles/{west}?datetime={FIRST}&compare={quote(period)}&composite=max"
    partial = running.served.get(tile)
    assert partial.headers["X-Scog-Skipped"] == f"{OLD};http-404"
    assert partial.headers["X-Scog-Used"].split(", ") == [NEW, EAST_SCENE]
    assert partial.headers["Cache-Control"] == PARTIAL
    is_problem(running.served.get(f"{tile}&strict=true"), 502)
    problem = is_problem(running.served.get(f"/tiles/{west}?datetime={FIRST}&compare={SECOND}"), 502)
    (skipped,) = problem["skipped"]
    assert (skipped["scene"], skipped["reason"]) == (OLD, "http-404")
    assert "nir.tif" in skipped["detail"]


# Cubes


@pytest.fixture
def growing(archive: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of the archive that the test may change."""
    for item in archive.glob("*/*/*.json"):
        copied_folder = tmp_path / "growing" / item.parent.relative_to(archive)
        copied_folder.mkdir(parents=True)
        for file in item.parent.iterdir():
            (copied_folder / file.name).write_bytes(file.read_bytes())
    return tmp_path / "growing"


def test_cubes_pin_both_periods(growing: Path, tmp_path: Path, west: str) -> None:
    body = {"bbox": BOX, "datetime": FIRST, "compare": SECOND, "mask": "none"}
    settings = Settings(catalog=str(growing), cache_dir=tmp_path / "cache", cube_scenes=2)
    with served(settings) as before:
        live, pinned = (
            before.client.post("/cubes", json=body | {"scenes": each}).json() for each in ("live", "pinned")
        )
        definition = live["definition"]
        assert definition["compare"] == "2024-06-02T00:00:00Z/2024-06-02T23:59:59.999999Z"
        assert (definition["compare_as"], definition["rescale"]) == ("difference", [[-0.5, 0.5]])
        assert before.client.post("/cubes", json=definition).json()["id"] == live["id"]
        other = before.client.post("/cubes", json=body | {"compare_as": "ratio"}).json()
        assert len({live["id"], pinned["id"], other["id"]}) == 3
        assert [scene["id"] for scene in pinned["scenes"]] == [NEW]
        assert [scene["id"] for scene in pinned["compared"]["scenes"]] == [OLD]
        tiles = [before.get(f"/cubes/{cube['id']}/tiles/{west}.npy") for cube in (live, pinned)]
        assert tiles[0].content == tiles[1].content
        assert [tile.headers["Cache-Control"] for tile in tiles] == [COMPLETE, IMMUTABLE]
        plain = values(before, f"/tiles/{west}.npy?datetime={FIRST}&compare={SECOND}&mask=none")
        array = np.load(io.BytesIO(tiles[0].content))
        np.testing.assert_array_equal(array[~np.isnan(array)], plain[~np.isnan(array)])
        assert 0 < np.isnan(array).mean() < 1
        legend = before.get(f"/cubes/{pinned['id']}/legend.json").json()
        assert legend["title"] == "NDVI, change"
        for cube in (live, pinned):
            listed = before.get(f"/cubes/{cube['id']}/scenes").json()["features"]
            assert [feature["id"] for feature in listed] == [NEW, OLD]
    for name in (OLD, NEW):
        (growing / "sentinel-2-l2a" / name / f"{name}.json").unlink()  # its files stay
    with served(settings) as after:
        again = after.get(f"/cubes/{pinned['id']}/tiles/{west}.npy")
        assert again.content == tiles[1].content
        assert "searches=0" in again.headers["X-Scog-Upstream"]
        stored = after.get(f"/cubes/{pinned['id']}").json()
        assert json.dumps(stored["compared"]) == json.dumps(pinned["compared"])
