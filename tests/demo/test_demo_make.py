"""Making the archive: whole or not at all, and nobody else's files are touched. Nothing is drawn here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scog.demo import make
from scog.errors import InvalidInput


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the drawing."""

    def fill(folder: Path, progress: make.Progress) -> None:
        (folder / "sentinel-2-l2a").mkdir()
        (folder / "sentinel-2-l2a" / "collection.json").write_text("{}")
        progress(1, 1, "all")

    monkeypatch.setattr(make, "_fill", fill)


def test_it_is_made_once(tmp_path: Path):
    said = []
    folder = tmp_path / "deep" / "archive"
    assert not make.is_complete(folder)
    assert make.ensure_archive(folder, lambda *what: said.append(what))
    assert said == [(1, 1, "all")]
    assert make.is_complete(folder)
    assert not make.ensure_archive(folder)
    assert [path.name for path in folder.parent.iterdir()] == ["archive"]


def test_an_interrupted_run_starts_clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
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


def test_another_version_is_made_anew(tmp_path: Path):
    folder = tmp_path / "archive"
    make.make_archive(folder)
    marker = folder / make.MARKER
    marker.write_text(json.dumps(json.loads(marker.read_text()) | {"version": make.VERSION + 1}))
    assert not make.is_complete(folder)
    assert make.ensure_archive(folder)
    assert make.is_complete(folder)


@pytest.mark.parametrize("marker", [None, "{}", "not json", '["scog demo"]', '{"generator": "other"}'])
@pytest.mark.parametrize("name", ["archive", "archive.partial"])
def test_a_strangers_folder_is_left_alone(tmp_path: Path, marker: str | None, name: str):
    stranger = tmp_path / name
    stranger.mkdir()
    (stranger / "diary.txt").write_text("dear diary")
    if marker is not None:
        (stranger / make.MARKER).write_text(marker)
    with pytest.raises(InvalidInput, match="not a demo archive"):
        make.ensure_archive(tmp_path / "archive")
    assert (stranger / "diary.txt").read_text() == "dear diary"
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_files_a_stranger_put_into_the_archive_survive(tmp_path: Path):
    folder = tmp_path / "archive"
    make.make_archive(folder)
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(InvalidInput, match=r"notes\.txt"):
        make.make_archive(folder)
    assert (folder / "notes.txt").read_text() == "mine"
    assert make.is_complete(folder)
