"""`scog series`: tables, files and charts."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from PIL import Image

from scog import cli
from tests.doubles.series import DAYS, lonlat, polygon, scenes

PLACE = tuple(map(repr, lonlat(77.7, 158.2)))
AREA = polygon((40.3, 30.2), (170.8, 44.1), (150.2, 160.7), (60.9, 140.4))


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dates")
    for scene in scenes():
        scene.write(folder)
    return folder


@pytest.fixture
def field(tmp_path: Path) -> Path:
    path = tmp_path / "field.geojson"
    path.write_text(json.dumps(AREA))
    return path


def run(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    try:
        code = cli.main(arguments)
    except SystemExit as stopped:
        code = int(stopped.code or 0)
    captured = capfd.readouterr()
    return code, captured.out, captured.err


def test_a_point_has_a_table(archive: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capfd, "series", *PLACE, "--catalog", str(archive), "--from", DAYS[0], "--to", DAYS[-1])
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].split() == ["DATE", "NDVI", "VALID", "MASKED"]
    assert [line.split()[0] for line in lines[1:]] == list(DAYS)
    assert any("█" in line or "#" in line for line in lines)
    assert any(line.endswith("masked") for line in lines)


def test_csv_and_json_of_a_field_agree(archive: Path, field: Path, capfd: pytest.CaptureFixture[str]) -> None:
    common = ("series", "--area", str(field), "--catalog", str(archive), "--datetime", "../..", "--smooth")
    code, out, _ = run(capfd, *common, "--csv")
    assert code == 0
    lines = list(csv.DictReader(io.StringIO(out)))
    assert len(lines) == len(DAYS)
    code, out, _ = run(capfd, *common, "--json")
    observations = json.loads(out)["observations"]
    assert [line["NDVI_p90"] for line in lines] == [
        "" if each["statistics"] == [None] else str(each["statistics"][0]["p90"]) for each in observations
    ]
    assert [each["smoothed"][0] is None for each in observations] == [
        each["values"][0] is None for each in observations
    ]


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_a_chart_of_monthly_values_is_written(
    ending: str, archive: Path, field: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    chart = tmp_path / f"chart.{ending}"
    code, out, err = run(
        capfd, "series", "--area", str(field), "--catalog", str(archive), "--datetime", "2024-01-01/2024-12-31",
        "--interval", "monthly", "--aggregate", "max", "--expression", "nir; red", "--plot", str(chart),
    )  # fmt: skip
    assert code == 0
    assert len(out.splitlines()) == 13
    assert out.splitlines()[0].split()[:3] == ["DATE", "nir", "red"]
    assert f"{chart}: nir, red of" in err
    if ending == "png":
        assert Image.open(io.BytesIO(chart.read_bytes())).size == (1600, 720)
    else:
        assert chart.read_text().startswith("<svg")


def test_each_feature_of_a_collection_has_a_series(
    archive: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    features = [{"type": "Feature", "properties": {}, "geometry": AREA}] * 2
    path = tmp_path / "fields.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    common = ("series", "--area", str(path), "--catalog", str(archive), "--datetime", "../..")
    code, out, _ = run(capfd, *common)
    assert code == 0
    assert [line for line in out.splitlines() if line.startswith("Feature")] == ["Feature 1", "Feature 2"]
    _, out, _ = run(capfd, *common, "--json")
    assert json.loads(out)["features"][1]["properties"]["timeseries"]["band_names"] == ["NDVI"]


def test_coarser_pixels_and_truncation_are_noted(
    archive: Path, field: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCOG_AREA_PIXELS", "100")
    monkeypatch.setenv("SCOG_SERIES_SCENES", "2")
    code, _, err = run(capfd, "series", "--area", str(field), "--catalog", str(archive), "--datetime", "../..")
    assert code == 0
    assert "larger" in err or "pixels of" in err
    assert "older observations" in err


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        ((), "LON LAT in degrees, or --area"),
        (("11.3",), "LON LAT"),
        (("11.3", "46.5", "12"), "LON LAT"),
        (("11.3", "46.5", "--area", "FIELD"), "--area"),
        (("--area", "MISSING"), "No such file"),
        (("--area", "BAD"), "not JSON"),
        (("--area", "METRES"), "projected"),
        (("11.3", "146.5"), "not on the Earth"),
        (("11.3", "46.5", "--index", "ndvy"), "ndvi"),
        (("11.3", "46.5", "--smooth", "lowess"), "whittaker"),
        (("11.3", "46.5", "--interval", "P1H"), "P1M"),
        (("11.3", "46.5", "--interval", "P1D", "--datetime", "1900-01-01/2024-01-01"), "longer interval"),
        (("11.3", "46.5", "--min-valid", "2"), "0 to 1"),
        (("11.3", "46.5", "--plot", "chart.gif"), ".png or .svg"),
        (("11.3", "46.5", "--from", "2024-01-01", "--datetime", "2024-01-01"), "either --datetime"),
        (("11.3", "46.5", "--cloud-cover", "101"), "0 to 100"),
    ],
)
def test_invalid_series_are_refused(
    arguments: tuple[str, ...],
    fragment: str,
    archive: Path,
    field: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "bad").write_text("{")
    (tmp_path / "metres").write_text(json.dumps(AREA | {"coordinates": [[[6e5, 5e6], [7e5, 5e6], [7e5, 6e6]]]}))
    files = {"FIELD": field, "MISSING": tmp_path / "missing", "BAD": tmp_path / "bad", "METRES": tmp_path / "metres"}
    code, out, err = run(
        capfd, "series", *(str(files.get(each, each)) for each in arguments), "--catalog", str(archive)
    )
    assert code in (1, 2)
    assert out == ""
    assert fragment in err
    assert "Traceback" not in err
    assert len(err.splitlines()) == 1


def test_negative_coordinates_are_not_options(archive: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capfd, "series", "-70.5", "-33.4", "--catalog", str(archive), "--json")
    assert code == 0
    assert json.loads(out)["observations"] == []
    assert json.loads(out)["grid"]["crs"] == "EPSG:32719"
