"""Creation of the demo archive: atomic, once, and without touching other files. Drawing is replaced with a stub."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from scog.demo import make
from scog.errors import InvalidInput


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace drawing with a stub that writes one file."""

    def fill(folder: Path, progress: make.Progress) -> None:
        (folder / "sentinel-2-l2a").mkdir()
        (folder / "sentinel-2-l2a" / "collection.json").write_text("{}")
        progress(1, 1, "all")

    monkeypatch.setattr(make, "_fill", fill)


def test_the_archive_is_created_once(tmp_path: Path):
    reported = []
    folder = tmp_path / "deep" / "archive"
    assert not make.is_complete(folder)
    assert make.ensure_archive(folder, lambda *what: reported.append(what))
    assert reported == [(1, 1, "all")]
    assert make.is_complete(folder)
    assert not make.ensure_archive(folder)
    assert [path.name for path in folder.parent.iterdir()] == ["archive"]


def test_an_interrupted_run_leaves_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def interrupted(folder: Path, progress: make.Progress) -> None:
        (folder / "sentinel-2-l2a").mkdir()
        (folder / "sentinel-2-l2a" / "half a file").touch()
        raise KeyboardInterrupt

    folder = tmp_path / "archive"
    with monkeypatch.context() as patch:
        patch.setattr(make, "_fill", interrupted)
        with pytest.raises(KeyboardInterrupt):
            make.make_archive(folder)
    assert not folder.exists()
    assert not make.is_complete(tmp_path / "archive.partial")
    assert make.ensure_archive(folder)
    assert not list(tmp_path.rglob("half*"))
    assert [path.name for path in tmp_path.iterdir()] == ["archive"]


def test_another_version_is_replaced(tmp_path: Path):
    folder = tmp_path / "archive"
    make.make_archive(folder)
    marker = folder / make.MARKER
    marker.write_text(json.dumps(json.loads(marker.read_text()) | {"version": make.VERSION + 1}))
    assert not make.is_complete(folder)
    assert make.ensure_archive(folder)
    assert make.is_complete(folder)


@pytest.mark.parametrize("marker", [None, "{}", "not json", '["scog demo"]', '{"generator": "other"}'])
@pytest.mark.parametrize("name", ["archive", "archive.partial"])
def test_foreign_folders_are_not_changed(tmp_path: Path, marker: str | None, name: str):
    foreign = tmp_path / name
    foreign.mkdir()
    (foreign / "diary.txt").write_text("dear diary")
    if marker is not None:
        (foreign / make.MARKER).write_text(marker)
    with pytest.raises(InvalidInput, match="not a demo archive"):
        make.ensure_archive(tmp_path / "archive")
    assert (foreign / "diary.txt").read_text() == "dear diary"
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_foreign_files_in_the_archive_are_not_deleted(tmp_path: Path):
    folder = tmp_path / "archive"
    make.make_archive(folder)
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(InvalidInput, match=r"notes\.txt"):
        make.make_archive(folder)
    assert (folder / "notes.txt").read_text() == "mine"
    assert make.is_complete(folder)


HOLDER = """
import sys, time
from pathlib import Path
from scog.demo.lock import exclusive
with exclusive(Path(sys.argv[1]), lambda: None):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_second_process_waits_for_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    started, waits, made = threading.Event(), threading.Event(), []

    def fill(folder: Path, progress: make.Progress) -> None:
        made.append(folder)
        started.set()
        assert waits.wait(30)
        (folder / "sentinel-2-l2a").mkdir()

    def progress(done: int, total: int, what: str) -> None:
        assert "waiting" in what
        assert not make.is_complete(folder)
        waits.set()

    monkeypatch.setattr(make, "_fill", fill)
    folder = tmp_path / "archive"
    with ThreadPoolExecutor(2) as makers:
        first = makers.submit(make.ensure_archive, folder)
        assert started.wait(30)
        second = makers.submit(make.ensure_archive, folder, progress)
        assert (first.result(30), second.result(30)) == (True, False)
    assert len(made) == 1
    assert make.is_complete(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["archive"]


def test_a_killed_process_releases_the_lock(tmp_path: Path):
    folder = tmp_path / "archive"
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"

        def progress(done: int, total: int, what: str) -> None:
            reported.append(what)
            holder.kill()

        reported: list[str] = []
        assert make.ensure_archive(folder, progress)
    assert reported == ["waiting for another process", "all"]
    assert make.is_complete(folder)


@pytest.mark.parametrize("outdated", [False, True])
def test_concurrent_calls_create_the_archive_once(tmp_path: Path, outdated: bool):
    folder = tmp_path / "deep" / "archive"
    if outdated:
        make.make_archive(folder)
        (folder / make.MARKER).write_text(json.dumps({"generator": make.GENERATOR, "version": make.VERSION - 1}))
    with ThreadPoolExecutor(8) as makers:
        assert sum(makers.map(lambda _: make.ensure_archive(folder), range(8))) == 1
    assert make.is_complete(folder)
    assert [path.name for path in folder.parent.iterdir()] == ["archive"]
