"""SAS tokens in URLs and JSON: found, removed and kept apart."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scog.errors import AssetRefused
from scog.net.sas import (
    Container,
    SasToken,
    container_of,
    expiry_of,
    is_for_container,
    may_have_tokens,
    parse_time,
    split_token,
    without_tokens,
)
from tests.doubles.azure import make_token

BLOB = "https://account.blob.core.windows.net/container/a/b.tif"
SIGNATURE = "Zm9v%2BYmFy%3D"
TOKEN = f"st=2026-05-01T00%3A00%3A00Z&se=2026-05-01T01%3A00%3A00Z&sp=rl&sv=2024-05-04&sr=c&skoid=i&sig={SIGNATURE}"


@pytest.mark.parametrize(
    ("text", "expected", "token"),
    [
        (BLOB, BLOB, ""),
        (f"{BLOB}?{TOKEN}", BLOB, TOKEN),
        (f"{BLOB}?versionid=7&{TOKEN}&snapshot=2", f"{BLOB}?versionid=7&snapshot=2", TOKEN),
        (f"{BLOB}?{TOKEN}#part", f"{BLOB}#part", TOKEN),
        (f"./b.tif?{TOKEN}", "./b.tif", TOKEN),
        (f"/vsicurl/{BLOB}?{TOKEN}", f"/vsicurl/{BLOB}", TOKEN),
        (TOKEN, "", TOKEN),
        (f"?{TOKEN}", "", TOKEN),
        (f"see {BLOB}?{TOKEN} and more", f"see {BLOB}?{TOKEN.replace(SIGNATURE, '')} and more", ""),
        ("https://other.example/a.tif?sig=3&key=4", "https://other.example/a.tif?sig=3&key=4", ""),
        (f"{BLOB}?X-Amz-Signature=3", f"{BLOB}?X-Amz-Signature=3", ""),
        ("", "", ""),
        ("sig=", "sig=", ""),
    ],
)
def test_a_token_is_split_off(text: str, expected: str, token: str) -> None:
    assert split_token(text) == (expected, token)


def test_an_item_loses_all_tokens() -> None:
    item: dict[str, Any] = {
        "id": "x", "bbox": [1, 2.5, None, True],
        "assets": {
            "red": {"href": f"{BLOB}?{TOKEN}", "alternate": {"other": {"href": f"{BLOB}2?{TOKEN}"}}},
            "table": {"href": "abfs://c/t", "table:storage_options": {"account_name": "account", "credential": TOKEN}},
        },
        "links": [{"rel": "preview", "href": f"{BLOB}3?{TOKEN}"}],
        "properties": {"description": f"<VRTDataset><x>{BLOB}?{TOKEN}</x> </VRTDataset>"},
    }  # fmt: skip
    text = json.dumps(item)
    assert may_have_tokens(text)
    assert may_have_tokens(text.encode())
    offered: list[tuple[str, str]] = []
    clean = without_tokens(item, lambda url, token: offered.append((url, token)))
    assert SIGNATURE not in json.dumps(clean)
    assert clean["assets"]["red"]["href"] == BLOB
    assert clean["bbox"] == item["bbox"]
    assert offered == [(BLOB, TOKEN), (f"{BLOB}2", TOKEN), (f"{BLOB}3", TOKEN)]
    assert without_tokens(clean) == clean
    assert not may_have_tokens(json.dumps({"design": "signature"}))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from([f"{BLOB}?{TOKEN}", TOKEN, BLOB]),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
        max_leaves=20,
    )
)
def test_only_tokens_are_removed(value: Any) -> None:
    clean = without_tokens(value)
    assert SIGNATURE not in json.dumps(clean)
    if SIGNATURE not in json.dumps(value):
        assert clean == value


@given(st.text(st.characters(codec="ascii", exclude_categories=["C", "Z"], exclude_characters="?#&")), st.binary())
def test_a_signed_url_is_the_url_and_its_token(path: str, signature: bytes) -> None:
    url, token = f"{BLOB}/{quote(path)}", f"sv=2024&sig={quote(signature.hex(), safe='')}"
    assert split_token(f"{url}?{token}") == (url, token)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (BLOB, Container("account.blob.core.windows.net", "account", "container")),
        ("https://acc.blob.core.windows.net/$web/x", Container("acc.blob.core.windows.net", "acc", "$web")),
        ("https://127.0.0.1:10000/devstore/one/a.tif", Container("127.0.0.1:10000", "devstore", "one")),
        ("http://localhost:10000/devstore/one/a.tif", Container("localhost:10000", "devstore", "one")),
        ("http://[::1]:10000/devstore/one/a.tif", Container("[::1]:10000", "devstore", "one")),
    ],
)
def test_the_container_of_a_blob(url: str, expected: Container) -> None:
    assert container_of(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "http://account.blob.core.windows.net/container/a.tif",
        "http://10.0.0.1/account/container/a.tif",
        "http://127.0.0.1.example.org/container/a.tif",
        "https://account.blob.core.windows.net/",
        "https://account.blob.core.windows.net",
        "https://account.blob.core.windows.net/ab/a.tif",
        "https://account.blob.core.windows.net/a--b/a.tif",
        "https://account.blob.core.windows.net/UPPER/a.tif",
        "https://account.blob.core.windows.net/one/../two/a.tif",
        "https://account.blob.core.windows.net/one/%2E%2e%2ftwo/a.tif",
        "https://a_b.blob.core.windows.net/container/a.tif",
        "https://127.0.0.1/account",
    ],
)
def test_other_urls_have_no_container(url: str) -> None:
    with pytest.raises(AssetRefused) as caught:
        container_of(url)
    assert caught.value.reason == "not-signable"


def test_a_token_states_its_expiry_and_scope() -> None:
    moment = datetime(2026, 5, 1, 12, tzinfo=UTC)
    assert expiry_of(make_token("a/b", moment)) == moment
    assert expiry_of("sv=1&sig=2") is None
    assert expiry_of("sv=1&se=soon&sig=2") is None
    assert is_for_container(make_token("a/b", moment))
    assert is_for_container("ss=b&srt=co&sig=1")
    assert not is_for_container(make_token("a/b", moment, resource="b"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-05-01T12:00:00Z", datetime(2026, 5, 1, 12, tzinfo=UTC)),
        ("2026-05-01T12:00:00.1234567Z", datetime(2026, 5, 1, 12, 0, 0, 123456, tzinfo=UTC)),
        ("2026-05-01T14:00:00+02:00", datetime(2026, 5, 1, 12, tzinfo=UTC)),
        ("2026-05-01T12:00:00", datetime(2026, 5, 1, 12, tzinfo=UTC)),
        ("2026-05-01", datetime(2026, 5, 1, tzinfo=UTC)),
        ("soon", None),
        (17, None),
        (None, None),
    ],
)
def test_times(text: object, expected: datetime | None) -> None:
    assert parse_time(text) == expected


@given(st.floats(0.001, 1e6))
def test_the_margins_of_a_token_fit_its_lifetime(lifetime: float) -> None:
    token = SasToken.living("sv=1&sig=secret", 100.0, lifetime)
    assert 100.0 < token.renew_at <= token.valid_until <= token.expires
    assert "secret" not in repr(token)
