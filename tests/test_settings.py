"""Settings: read from the environment, validated, immutable."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from scog.settings import EARTH_SEARCH, EARTH_SEARCH_HOSTS, Settings


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove all SCOG_ variables from the environment."""
    for name in list(os.environ):
        if name.upper().startswith("SCOG_"):
            monkeypatch.delenv(name)


def test_earth_search_is_the_default() -> None:
    settings = Settings()
    assert settings.catalog == EARTH_SEARCH == "https://earth-search.aws.element84.com/v1"
    assert settings.catalog_folder is None
    assert settings.collection is None
    assert settings.default_collection == "sentinel-2-l2a"
    assert settings.allowed_hosts == EARTH_SEARCH_HOSTS
    assert settings.threads == (os.cpu_count() or 1)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("CATALOG", "/data/archive", "/data/archive"),
        ("COLLECTION", "sentinel-2-c1-l2a", "sentinel-2-c1-l2a"),
        ("AMBIGUOUS_OFFSET", "missing", "missing"),
        ("AMBIGUOUS_OFFSET", "detect", "detect"),
        ("NEWEST_DAYS", "30", 30),
        ("HOSTS", "a.example", ("a.example",)),
        ("HOSTS", " A.example:8080, *.b.example,,", ("a.example:8080", "*.b.example")),
        ("HOSTS", "", ()),
        ("PUBLIC_URL", "https://maps.example.org", "https://maps.example.org"),
        ("CACHE_DIR", "/var/cache/scog", Path("/var/cache/scog")),
        ("TILE_DEADLINE", "2.5", 2.5),
        ("RETRIES", "0", 0),
        ("WAITING", "1", 1),
        ("THREADS", "3", 3),
        ("READ_GAP", "0", 0),
    ],
)
def test_the_environment_is_read(name: str, text: str, value: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"SCOG_{name}", text)
    assert getattr(Settings(), name.lower()) == value


def test_the_environment_is_read_when_settings_are_created(monkeypatch: pytest.MonkeyPatch) -> None:
    before = Settings()
    monkeypatch.setenv("SCOG_WAITING", "7")
    assert Settings().waiting == 7
    assert before.waiting == 256
    assert Settings(waiting=8).waiting == 8, "arguments take precedence over the environment"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("NEWEST_DAYS", "0"),
        ("NEWEST_DAYS", "4000"),
        ("TILE_DEADLINE", "0"),
        ("TILE_DEADLINE", "-1"),
        ("CATALOG_DEADLINE", "0"),
        ("READ_STALL", "nope"),
        ("RETRIES", "-1"),
        ("RETRIES", "6"),
        ("READS_PER_HOST", "0"),
        ("WAITING", "0"),
        ("BLOCK_CACHE_MB", "0"),
        ("READ_MEMORY_MB", "15"),
        ("READ_GAP", "-1"),
        ("HEADER_BYTES", "1023"),
        ("THREADS", "0"),
        ("THREADS", ""),
        ("AMBIGUOUS_OFFSET", "maybe"),
        ("AMBIGUOUS_OFFSET", "look"),
        ("CUBES", "0"),
        ("CUBE_BYTES", "10"),
        ("CUBE_SCENES", "1001"),
    ],
)
def test_invalid_values_are_rejected_with_the_name(name: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"SCOG_{name}", text)
    with pytest.raises(ValidationError) as raised:
        Settings()
    assert [error["loc"] for error in raised.value.errors()] == [(name.lower(),)]


def test_other_variables_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCOG_TEST_DATA", "/somewhere")
    monkeypatch.setenv("CATALOG", "/elsewhere")
    assert Settings() == Settings(catalog=EARTH_SEARCH)


def test_settings_are_immutable() -> None:
    settings = Settings()
    for name in Settings.model_fields:
        with pytest.raises(ValidationError, match="frozen"):
            setattr(settings, name, getattr(settings, name))


@pytest.mark.parametrize(
    ("catalog", "folder"),
    [
        ("https://stac.example/v1", None),
        ("http://127.0.0.1:8080", None),
        ("/data/archive", Path("/data/archive")),
        ("demo-archive", Path("demo-archive")),
        ("./a:b", Path("./a:b")),
    ],
)
def test_a_catalogue_is_a_url_or_a_folder(catalog: str, folder: Path | None) -> None:
    assert Settings(catalog=catalog).catalog_folder == folder


def test_hosts_are_added_to_the_defaults() -> None:
    settings = Settings(hosts=("cogs.example",))
    assert settings.allowed_hosts == (*EARTH_SEARCH_HOSTS, "cogs.example")


def test_the_cache_is_in_the_users_cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert Settings().cache_dir == tmp_path / "scog"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Settings().cache_dir == tmp_path / ".cache" / "scog"
