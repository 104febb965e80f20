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
    assert settings.catalog == (EARTH_SEARCH,) == ("https://earth-search.aws.element84.com/v1",)
    assert settings.collection is None
    assert settings.allowed_hosts == EARTH_SEARCH_HOSTS
    assert settings.threads == (os.cpu_count() or 1)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("CATALOG", "/data/archive", ("/data/archive",)),
        ("COLLECTION", "sentinel-2-c1-l2a", "sentinel-2-c1-l2a"),
        ("AMBIGUOUS_OFFSET", "missing", "missing"),
        ("AMBIGUOUS_OFFSET", "detect", "detect"),
        ("NEWEST_DAYS", "30", 30),
        ("HOSTS", "a.example", ("a.example",)),
        ("HOSTS", " A.example:8080, *.b.example,,", ("a.example:8080", "*.b.example")),
        ("HOSTS", "", ()),
        ("SAS_TOKEN_URL", "https://tokens.example.org/v1/token", "https://tokens.example.org/v1/token"),
        ("SAS_TOKEN_URL", "http://127.0.0.1:8080/token", "http://127.0.0.1:8080/token"),
        ("SAS_TOKEN_URL", "", None),
        (
            "SAS_HOSTS",
            "*.blob.core.chinacloudapi.cn, 127.0.0.1:10000",
            ("*.blob.core.chinacloudapi.cn", "127.0.0.1:10000"),
        ),
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
    ("text", "catalogs"),
    [
        ("/data/archive", ("/data/archive",)),
        ("https://stac.example/v1,/data/my archive", ("https://stac.example/v1", "/data/my archive")),
        (" a=https://stac.example/v1 , b=./c,", ("a=https://stac.example/v1", "b=./c")),
    ],
)
def test_catalogues_are_separated_by_commas(
    text: str, catalogs: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCOG_CATALOG", text)
    assert Settings().catalog == catalogs == Settings(catalog=text).catalog


def test_a_list_of_catalogues_is_not_split() -> None:
    assert Settings(catalog=("/data/a, b", "/c")).catalog == ("/data/a, b", "/c")


@pytest.mark.parametrize("text", ["", " , "])
def test_there_is_a_catalogue(text: str) -> None:
    with pytest.raises(ValidationError, match="at least one"):
        Settings(catalog=text)


def test_hosts_are_added_to_the_defaults() -> None:
    settings = Settings(hosts=("cogs.example",))
    assert settings.allowed_hosts == (*EARTH_SEARCH_HOSTS, "cogs.example")


def test_the_cache_is_in_the_users_cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert Settings().cache_dir == tmp_path / "scog"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Settings().cache_dir == tmp_path / ".cache" / "scog"


@pytest.mark.parametrize(
    "url",
    ["http://tokens.example.org/token", "tokens.example.org", "https://tokens.example.org/token?key=1", "https://a@b.c/",
     "http://127.0.0.1.example.org/", "ftp://tokens.example.org/"],
)  # fmt: skip
def test_tokens_are_requested_over_https_only(url: str) -> None:
    with pytest.raises(ValidationError, match="give an https:// URL"):
        Settings(sas_token_url=url)


def test_the_subscription_key_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCOG_SAS_SUBSCRIPTION_KEY", "my-secret-key")
    settings = Settings()
    assert settings.sas_subscription_key is not None
    assert settings.sas_subscription_key.get_secret_value() == "my-secret-key"
    assert "my-secret-key" not in f"{settings} {settings!r} {settings.model_dump_json()}"
