"""`scog crop` and `scog stats`: files, output and refusals."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from PIL import Image

from tests.cli.test_commands import environment, run
from tests.doubles.archives import MadeScene, Square, constant, positions

SQUARE = Square("32TQK", 32632, 700_000, 5_000_040, 300)
LON, LAT = SQUARE.lonlat()
BOX = f"{LON - 0.008:.4f},{LAT - 0.007:.4f},{LON + 0.009:.4f},{LAT + 0.006:.4f}"
OUTLINE = [[LON, LAT + 0.009], [LON - 0.011, LAT - 0.009], [LON + 0.012, LAT + 0.004], [LON, LAT + 0.009]]
FIELD = {
    "type": "Feature",
    "id": "f7",
    "properties": {"name": "north field"},
    "geometry": {"type": "Polygon", "coordinates": [OUTLINE]},
}


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    scl = constant(SQUARE, 4, 20, np.uint8)
    scl[:, 75:] = 5
    bands = {"red": positions(SQUARE, across=True), "nir": constant(SQUARE, 3000), "green": constant(SQUARE, 900)}
    MadeScene("S2A_32TQK_20240602_0_L2A", SQUARE, "2024-06-02T10:10:31Z", bands | {"scl": scl}).write(folder)
    return folder


@pytest.fixture
def area(tmp_path: Path) -> Path:
    return written(tmp_path, FIELD)


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("SCOG_"):
            monkeypatch.delenv(name)


def written(folder: Path, document: Any, name: str = "area.geojson") -> Path:
    path = folder / name
    path.write_text(json.dumps(document))
    return path


# Crop


def test_a_geotiff_has_the_pixels_of_the_scene(
    archive: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "box.tif"
    code, out, err = run(
        capfd, "crop", "--bbox", BOX, "-o", str(output), "--expression", "red", "--catalog", str(archive)
    )
    assert (code, out) == (0, "")
    with rasterio.open(output) as source:
        assert source.crs.to_epsg() == 32632
        assert source.res == (10, 10)
        left = round((source.transform.c - SQUARE.left) / 10)
        assert np.array_equal(np.round(source.read(1)[0] * 10_000), 1000 + left + np.arange(source.width))
        size = f"{source.width} x {source.height} pixels of EPSG:32632"
    assert err == f"{output}: {size}, 100 % valid, 1 scenes used, 0 skipped\n"


@pytest.mark.parametrize("ending", ["png", "webp", "jpg", "npy", "tif"])
def test_a_polygon_is_cropped_in_every_format(
    ending: str, archive: Path, area: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / f"field.{ending}"
    size = ("--max-size", "120", "--dst-crs", "EPSG:3857")
    code, _, err = run(capfd, "crop", "--area", str(area), "-o", str(output), *size, "--catalog", str(archive))
    assert code == 0, err
    if ending in ("png", "webp"):
        with Image.open(output) as image:
            assert max(image.size) == 120
            alpha = np.array(image.convert("RGBA"))[..., 3]
            assert 0.2 < (alpha > 0).mean() < 0.6
    elif ending == "npy":
        values = np.load(output)
        assert max(values.shape) == 120
        assert 0.2 < np.isfinite(values).mean() < 0.6
    elif ending == "tif":
        with rasterio.open(output) as source:
            assert source.crs.to_epsg() == 3857


def test_image_options_are_applied(archive: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "box.tif"
    for options, names in (
        (["--bands", "red,nir,green"], ("red", "nir", "green")),
        (["--index", "ndvi", "--composite", "median"], ("(nir - red) / (nir + red)",)),
        (["--compare", "2024-06-02", "--datetime", "2024-06-02"], ("change of (nir - red) / (nir + red)",)),
        (["--resolution", "50", "--resampling", "average", "--expression", "nir"], ("nir",)),
        (["--coord-crs", "EPSG:4326", "--dst-crs", "4326", "--max-size", "50", "--mask", "4"], None),
    ):
        arguments = ("crop", "--bbox", BOX, "-o", str(output), "--catalog", str(archive), *options)
        code, _, err = run(capfd, *arguments)
        assert code == 0, err
        with rasterio.open(output) as source:
            assert names is None or source.descriptions == names
    metric = f"{SQUARE.left + 100},{SQUARE.top - 500},{SQUARE.left + 400},{SQUARE.top - 300}"
    arguments = ("crop", "--bbox", metric, "--coord-crs", "EPSG:32632", "-o", str(output), "--catalog", str(archive))
    assert run(capfd, *arguments)[0] == 0
    with rasterio.open(output) as source:
        assert source.shape == (20, 30)


@pytest.mark.parametrize(
    ("options", "fragment"),
    [
        (["--bbox", BOX, "-o", "t"], "png"),
        (["--bbox", BOX, "-o", "t.exe"], "png"),
        (["--bbox", "1,2,3", "-o", "t.png"], "11.2,46.4,11.5,46.6"),
        (["--bbox", "1,2,3,x", "-o", "t.png"], "four numbers"),
        (["--bbox", "3,4,1,2", "-o", "t.png"], "degrees"),
        (["--bbox", BOX, "-o", "t.png", "--resolution", "0.005"], "0.01 to 100000"),
        (["--bbox", BOX, "-o", "t.png", "--resolution", "nan"], "0.01 to 100000"),
        (["--bbox", BOX, "-o", "t.png", "--resolution", "0.1"], "up to 16000 pixels a side"),
        (["--bbox", BOX, "-o", "t.png", "--max-size", "0"], "1 or more"),
        (["--bbox", BOX, "-o", "t.png", "--max-size", "5", "--resolution", "5"], "one of"),
        (["--bbox", BOX, "-o", "t.png", "--dst-crs", "mars"], "EPSG"),
        (["--bbox", BOX, "-o", "t.png", "--coord-crs", "mars"], "EPSG"),
        (["--bbox", BOX, "-o", "t.png", "--index", "nix"], "nix"),
        (["--area", "point.geojson", "-o", "t.png"], "no area"),
        (["--area", "bad.geojson", "-o", "t.png"], "JSON"),
    ],
)
def test_invalid_crops_are_refused(
    options: list[str],
    fragment: str,
    archive: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, {"type": "Point", "coordinates": [1, 2]}, "point.geojson")
    (tmp_path / "bad.geojson").write_text("{")
    code, _, err = run(capfd, "crop", *options, "--catalog", str(archive))
    assert (code, err.count("\n")) == (2, 1), err
    assert err.startswith("scog: ")
    assert fragment in err
    assert not list(tmp_path.glob("t.*"))


def test_a_missing_file_is_an_error(archive: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for command in (("crop", "--area", "nowhere.geojson", "-o", "t.png"), ("stats", "nowhere.geojson")):
        code, _, err = run(capfd, *command, "--catalog", str(archive))
        assert (code, err.count("\n")) == (1, 1)
        assert "nowhere.geojson" in err


def test_missing_and_conflicting_options_are_refused(capfd: pytest.CaptureFixture[str]) -> None:
    for command in (("crop", "-o", "t.png"), ("crop", "--bbox", BOX), ("crop", "--bbox", BOX, "--area", "x", "-o", "t"),
                    ("stats",), ("stats", "x", "--json", "--csv")):  # fmt: skip
        code, _, err = run(capfd, *command)
        assert code == 2
        assert err.startswith("usage: scog")


# Stats


def test_statistics_are_a_table(archive: Path, area: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capfd, "stats", str(area), "--expression", "nir", "--catalog", str(archive))
    assert (code, err) == (0, "")
    head, line = out.splitlines()
    assert head.split() == ["area", "layer", "mean", "std", "min", "median", "max", "hectares", "valid"]
    cells = line.split()
    assert cells[:3] == ["1", "nir", "0.3"]
    assert cells[4:7] == ["0.3", "0.3", "0.3"]
    assert cells[-2:] == ["100.0", "%"]


def test_classes_have_separate_lines(archive: Path, area: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capfd, "stats", str(area), "--index", "scl", "--catalog", str(archive))
    assert code == 0
    lines = {line.split("  ")[-1].strip(): line for line in out.splitlines()[2:]}
    assert len(lines) == 2
    assert any("vegetation" in line for line in lines.values())
    assert any("not vegetated" in line for line in lines.values())
    assert sum(float(line.split(" ha")[0].split()[-1]) for line in lines.values()) == pytest.approx(
        float(out.splitlines()[1].split()[-3]), abs=0.02
    )


def test_several_polygons_have_a_table_csv_and_json(
    archive: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    several = {"type": "FeatureCollection", "features": [FIELD, {**FIELD, "id": 8, "properties": {}},
                                                         {**FIELD, "properties": None, "id": None}]}  # fmt: skip
    path = written(tmp_path, several)
    arguments = ("stats", str(path), "--percentiles", "5,50", "--catalog", str(archive))
    _, table, _ = run(capfd, *arguments)
    assert [line[:11].strip() for line in table.splitlines()] == ["area", "north field", "8", "3"]
    code, out, err = run(capfd, *arguments, "--json")
    assert (code, err) == (0, "")
    features = json.loads(out)["features"]
    assert [feature["id"] for feature in features] == ["f7", 8, None]
    statistics = features[0]["properties"]["statistics"]["NDVI"]
    assert {"percentile_5", "percentile_50", "mean", "histogram"} <= set(statistics)
    code, out, err = run(capfd, *arguments, "--csv", "--classes", "low:tan,0.4,high")
    assert (code, err) == (0, "")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["feature"] for row in rows] == ["f7", "8", ""]
    for row in rows:
        assert float(row["NDVI_mean"]) == pytest.approx(statistics["mean"])
        assert float(row["NDVI_percentile_5"]) == pytest.approx(statistics["percentile_5"])
        assert float(row["low_ha"]) + float(row["high_ha"]) == pytest.approx(float(row["area_ha"]), rel=1e-6)


@pytest.mark.parametrize(
    ("document", "options", "fragment"),
    [
        (FIELD, ["--percentiles", "x"], "such as 2,50,98"),
        (FIELD, ["--percentiles", "101"], "0 to 100"),
        (FIELD, ["--index", "nix"], "nix"),
        (FIELD, ["--cloud-cover", "101"], "0 to 100"),
        ({"type": "Point", "coordinates": [1, 2]}, [], "/point"),
        ({"type": "Polygon", "coordinates": []}, [], "geometry"),
        ([], [], "GeoJSON"),
    ],
)
def test_invalid_statistics_are_refused(
    document: Any, options: list[str], fragment: str, archive: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capfd, "stats", str(written(tmp_path, document)), *options, "--catalog", str(archive))
    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert fragment in err


@pytest.mark.parametrize("command", ["crop", "stats"])
def test_help_lists_the_options(command: str, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capfd, command, "--help")
    assert (code, err) == (0, "")
    assert out.startswith(f"usage: scog {command}")
    assert ("--rescale" in out) == (command == "crop")


def test_progress_is_shown_on_a_terminal(archive: Path, area: Path) -> None:
    """Runs on a pseudo-terminal; in a log, progress is not shown."""
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "scog.cli", "stats", str(area), "--catalog", str(archive)]
    ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=follower, env=environment(), timeout=30, check=False)
    os.close(follower)
    shown = os.read(leader, 65536).decode()
    os.close(leader)
    assert ended.returncode == 0
    assert b"hectares" in ended.stdout
    assert f"\rReading [{'#' * 30}] 1/1 parts\r\n" in shown
