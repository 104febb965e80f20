"""Decibels and surfaces in sessions and commands are those of the server."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image

import scog
from scog import cli
from scog.errors import InvalidInput
from scog.settings import Settings
from tests.doubles.quantities import DAYS, STATES, Quantities
from tests.doubles.terrain import slope
from tests.web.conftest import Served, served, tile_at

GAP = 12
"""Pixels to the left of a sheet's images."""
MAY = "2024-05-01/2024-05-31"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Quantities:
    quantities = Quantities(tmp_path_factory.mktemp("quantities"))
    quantities.write()
    return quantities


@pytest.fixture(scope="module")
def session(made: Quantities, tmp_path_factory: pytest.TempPathFactory) -> Iterator[scog.Session]:
    with scog.Session(made.folder, cache_dir=tmp_path_factory.mktemp("cache")) as session:
        yield session


@pytest.fixture(scope="module")
def server(made: Quantities, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(Settings(catalog=str(made.folder), cache_dir=tmp_path_factory.mktemp("cache"))) as running:
        yield running


def decibels(power: float) -> float:
    return float(10 * np.log10(power))


def test_a_session_shows_decibels_of_the_mean_power(made: Quantities, session: scog.Session) -> None:
    lon, lat = made.scene.lonlat(33.5, 50.5)
    power = made.power["vv"][:3, 50, 33].astype(np.float64)
    values = session.point(lon, lat, collection="radar", datetime=MAY, composite="mean").values
    assert values == {"vv-db": pytest.approx(decibels(power.mean()), abs=1e-5)}
    rows = session.series(lon, lat, collection="radar", datetime=MAY, orbit="ascending")
    assert [row.values for row in rows] == [{"vv-db": pytest.approx(decibels(power[day]), abs=1e-5)} for day in (0, 2)]
    found = session.search((lon, lat, lon + 0.001, lat + 0.001), "../..", collection="radar", orbit="descending")
    assert {scene.id for scene in found} == {f"radar-{day}" for day, state in zip(DAYS, STATES, strict=True)
                                             if state == "descending"}  # fmt: skip
    with pytest.raises(InvalidInput, match="orbit has an unknown value: 'up'"):
        session.point(lon, lat, orbit="up")


def test_a_session_shows_slopes(made: Quantities, session: scog.Session, tmp_path: Path) -> None:
    expected = np.pad(slope(made.dem), 1, constant_values=np.nan)
    lon, lat = made.dem.lonlat(130.4, 77.6)
    values = session.point(lon, lat, collection="dem", index="slope").values
    assert values == {"slope": pytest.approx(expected[77, 130], abs=2e-3)}
    image = session.image((lon - 0.005, lat - 0.005, lon + 0.005, lat + 0.005), collection="dem", index="slope")
    assert image.valid.all()
    image.save(tmp_path / "slope.tif")
    with rasterio.open(tmp_path / "slope.tif") as dataset:
        assert dataset.units == ("°",)
        assert dataset.descriptions == ("slope",)


def test_a_command_selects_orbits(made: Quantities, capfd: pytest.CaptureFixture[str]) -> None:
    row, col = np.argwhere((made.power["vv"] > 0).all(axis=0))[20]
    lon, lat = made.scene.lonlat(col + 0.5, row + 0.5)
    options = ("--catalog", str(made.folder), "--collection", "radar", "--from", "2024-05-01", "--to", "2024-06-30")
    assert cli.main(("series", repr(lon), repr(lat), *options, "--orbit", "descending", "--csv")) == 0
    rows = list(csv.DictReader(io.StringIO(capfd.readouterr().out)))
    expected = [decibels(made.power["vv"][day, row, col]) for day in (1, 3)]
    assert [float(row["vv-db"]) for row in rows] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ("collection", "layer", "options"),
    [("radar", "vv-db", ("--datetime", MAY, "--composites", "newest,mean,std")), ("dem", "hillshade", ())],
)
def test_a_sheet_shows_the_servers_images(
    made: Quantities, server: Served, tmp_path: Path, collection: str, layer: str, options: tuple[str, ...]
) -> None:
    """The image of a layer is somewhere in the sheet; that of the newest composite is the first."""
    place = made.dem.lonlat(150, 100) if collection == "dem" else made.scene.lonlat(30, 30)
    tile = tile_at(*place, 14)
    path = tmp_path / "sheet.png"
    arguments = ("--catalog", str(made.folder), "--collection", collection, "--layers", layer, "--columns", "1")
    assert cli.main(("sheet", *tile.split("/"), *arguments, *options, "-o", str(path))) == 0
    sheet = np.asarray(Image.open(path).convert("RGB"))
    query = f"collection={collection}&index={layer}&datetime={MAY}&tilesize=300"
    for composite in ("newest", "mean", "std") if options else ("newest",):
        content = server.get(f"/tiles/{tile}.png?{query}&composite={composite}").content
        expected = np.asarray(Image.open(io.BytesIO(content)).convert("RGBA"))
        shown = expected[..., 3] == 255
        assert expected[shown].std() > 10
        windows = (sheet[top : top + 300, GAP : GAP + 300] for top in range(len(sheet) - 299))
        assert any(np.array_equal(window[shown], expected[shown][:, :3]) for window in windows), composite
