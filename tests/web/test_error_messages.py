"""Errors name the band, file, host and setting: in problems, headers and on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from scog.cli import main
from scog.settings import Settings
from tests.web.conftest import WEST, is_problem, scenes, served, tile_at

SCENE = "S2A_32TQK_20240602_0_L2A"
QUERY = "expression=nir&mask=none&datetime=2024-06-02"


def write_changed_archive(folder: Path, change: Callable[[dict[str, dict[str, str]], Path], None]) -> None:
    """Write an archive of one scene, with its assets or files changed."""
    scenes()[1].write(folder)
    (path,) = folder.rglob("*.json")
    item = json.loads(path.read_text())
    change(item["assets"], path.parent)
    path.write_text(json.dumps(item))


def on_another_host(assets: dict[str, dict[str, str]], folder: Path) -> None:
    assets["nir"]["href"] = "https://files.example.org/a/nir.tif?sig=hidden"


def missing_file(assets: dict[str, dict[str, str]], folder: Path) -> None:
    (folder / "nir.tif").unlink()


def missing_asset(assets: dict[str, dict[str, str]], folder: Path) -> None:
    del assets["nir"]


def not_a_tiff(assets: dict[str, dict[str, str]], folder: Path) -> None:
    (folder / "nir.tif").write_bytes(b"no tiff at all" * 100)


CASES = {
    "host-not-allowed": (on_another_host, ("nir", "files.example.org/a/nir.tif", "SCOG_HOSTS")),
    "no-file": (missing_file, ("nir", "/nir.tif", "no such file", "href")),
    "no-band-nir": (missing_asset, (SCENE, "'nir'", "red", "scl")),
    "not-a-tiff": (not_a_tiff, ("nir", "/nir.tif", "not a TIFF")),
}


@pytest.mark.parametrize("reason", CASES)
def test_errors_name_band_file_host_and_setting(reason: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    change, subjects = CASES[reason]
    folder = tmp_path / "archive"
    write_changed_archive(folder, change)
    tile = tile_at(*WEST.lonlat())
    with served(Settings(catalog=str(folder), cache_dir=tmp_path / "cache")) as running:
        problem = is_problem(running.get(f"/tiles/{tile}?{QUERY}"), 404 if reason == "no-band-nir" else 502)
        series = running.get(f"/timeseries/{WEST.lonlat()[0]},{WEST.lonlat()[1]}?{QUERY.replace('&mask=none', '')}")
    (skipped,) = problem["skipped"]
    assert skipped["reason"] == reason
    code = main(["tile", *tile.split("/"), "-o", str(tmp_path / "x.png"), "--catalog", str(folder),
                 "--expression", "nir", "--mask", "none", "--datetime", "2024-06-02"])  # fmt: skip
    stderr = capfd.readouterr().err
    assert code == 1
    for message in (problem["detail"], skipped["detail"], series.json()["detail"], stderr):
        for subject in subjects:
            assert subject in message, (subject, message)
        for secret in ("hidden", "secret", str(tmp_path)):
            assert secret not in message


def test_a_header_has_the_reason_if_other_scenes_were_read(tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    for scene in scenes()[:2]:
        scene.write(folder)
    (path,) = folder.rglob("*20240612*.json")
    (path.parent / "nir.tif").unlink()
    with served(Settings(catalog=str(folder), cache_dir=tmp_path / "cache")) as running:
        headers = running.get(f"/tiles/{tile_at(*WEST.lonlat())}?expression=nir&mask=none").headers
    assert headers["X-Scog-Skipped"].endswith(";no-file")
    detail = headers["X-Scog-Detail"]
    assert detail.startswith("nir (")
    assert "/nir.tif): There is no such file in the archive." in detail
    assert str(tmp_path) not in detail
    assert len(detail) < 600
