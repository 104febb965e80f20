"""Commands and sessions of several catalogues."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import scog
from scog import cli
from scog.errors import InvalidInput
from tests.doubles.archives import L2A, MadeScene, Square, constant

SQUARE = Square("32TQK", 32632, 700_000, 5_000_040, 300)
LON, LAT = SQUARE.lonlat()
BOX = (LON - 0.005, LAT - 0.005, LON + 0.005, LAT + 0.005)


def write(folder: Path, collection: str, red: int) -> None:
    bands = {"red": constant(SQUARE, red), "nir": constant(SQUARE, 4000), "scl": constant(SQUARE, 4, 20, np.uint8)}
    MadeScene(f"scene-{folder.name}", SQUARE, "2024-06-12T10:10:31Z", bands, collection).write(folder)


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    monkeypatch.setenv("SCOG_CACHE_DIR", str(tmp_path / "cache"))
    first, second = tmp_path / "alps", tmp_path / "plains"
    write(first, L2A, 1000)
    write(second, L2A, 2000)
    return first, second


def run(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = cli.main(arguments)
    captured = capfd.readouterr()
    return code, captured.out, captured.err


def test_a_command_takes_several_catalogues(
    folders: tuple[Path, Path], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = map(str, folders)
    options = ["search", "--bbox", ",".join(map(str, BOX))]
    catalogs = ["--catalog", first, "--catalog", f"low={second}"]
    for collection, found in ((f"{L2A}@alps", "scene-alps"), (f"{L2A}@low", "scene-plains")):
        code, out, err = run(capfd, *options, *catalogs, "--collection", collection)
        assert code == 0, err
        assert found in out
    code, _, err = run(capfd, *options, *catalogs, "--collection", L2A)
    assert code != 0
    assert f"{L2A}@alps or {L2A}@low" in err
    monkeypatch.setenv("SCOG_CATALOG", f"low={second}, {first}")
    code, out, _ = run(capfd, *options)
    assert (code, "scene-plains" in out, "scene-alps" in out) == (0, True, False)


def test_doctor_examines_each_catalogue(folders: tuple[Path, Path], capfd: pytest.CaptureFixture[str]) -> None:
    first, second = map(str, folders)
    code, out, err = run(capfd, "doctor", "--catalog", first, "--catalog", second)
    assert code == 0, out + err
    for name in ("alps", "plains"):
        lines = [line for line in out.splitlines() if line.startswith(f"ok    {name}: ")]
        assert any("archive" in line for line in lines)
        assert any(f"newest scene-{name}" in line for line in lines)
        assert any("one block of red" in line for line in lines)
    code, out, _ = run(capfd, "doctor", "--format", "json", "--catalog", first)
    assert not any(finding["text"].startswith("alps: ") for finding in json.loads(out))


def test_a_server_says_what_it_serves(folders: tuple[Path, Path]) -> None:
    command = [sys.executable, "-m", "scog", "serve", "--port", "0"]
    options = ["--catalog", str(folders[0]), "--catalog", f"low={folders[1]}"]
    process = subprocess.Popen([*command, *options], stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        assert process.stderr.readline().endswith(f"{folders[0]} as alps\n")
        assert process.stderr.readline().endswith(f"{folders[1]} as low\n")
        assert re.match(r"Open http://127\.0\.0\.1:\d+/", process.stderr.readline())
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    repeated = subprocess.run([*command, *options, "--catalog", "low=/x"], capture_output=True, text=True, timeout=60)
    assert (repeated.returncode, "name 'low'" in repeated.stderr) == (2, True), repeated.stderr


def test_a_session_of_several_catalogues(folders: tuple[Path, Path]) -> None:
    with scog.Session(catalog=[folders[0], f"low={folders[1]}"]) as session:
        for collection, ndvi in ((None, 0.6), (f"{L2A}@alps", 0.6), (f"{L2A}@low", 1 / 3)):
            options = {} if collection is None else {"collection": collection}
            [value] = session.point(LON, LAT, **options).values.values()
            assert value == pytest.approx(ndvi, abs=1e-6)
            [row] = session.series(LON, LAT, collection=collection)
            assert row.values is not None
            assert list(row.values.values()) == pytest.approx([ndvi], abs=1e-6)
            [found] = session.search(BOX, collection=collection)
            assert found.id == ("scene-plains" if collection == f"{L2A}@low" else "scene-alps")
        with pytest.raises(InvalidInput, match="Several catalogues") as error:
            session.image(BOX, collection=L2A)
        assert error.value.valid == f"{L2A}@alps or {L2A}@low"
    with pytest.raises(InvalidInput, match="does not exist"):
        scog.Session(catalog=[folders[0], folders[0] / "nothing"])
    with pytest.raises(InvalidInput, match="catalog"):
        scog.Session(catalog=[])
