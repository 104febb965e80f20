"""Allowed hosts, retry delays and the circuit breaker."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scog.errors import AssetRefused
from scog.net.policy import BreakerState, CircuitBreaker, check_allowed, display_url, host_of, is_allowed
from scog.net.retry import retry_delay
from tests.doubles.reading import Clock

ALLOWED = (
    "example.org",
    "tiles.example.org:8443",
    "*.cdn.example.net",
    "127.0.0.1:9000",
    "[::1]:9000",
    "xn--bcher-kva.example",
)

YES = [
    "https://example.org/a.tif",
    "http://example.org/a.tif",
    "https://example.org:443/a.tif",
    "http://example.org:80/a.tif",
    "HTTPS://EXAMPLE.ORG/a.tif",
    "https://example.org:/a.tif",
    "https://example.org?at=@",
    "https://tiles.example.org:8443/a.tif",
    "https://a.cdn.example.net/a.tif",
    "https://a.b.cdn.example.net/a.tif",
    "http://127.0.0.1:9000/a.tif",
    "http://[::1]:9000/a.tif",
    "https://xn--bcher-kva.example/a.tif",
]
NO = [
    "",
    "example.org/a.tif",
    "//example.org/a.tif",
    "https:example.org/a.tif",
    "https:///example.org/a.tif",
    "file:///etc/passwd",
    "ftp://example.org/a.tif",
    "s3://example.org/a.tif",
    "/vsicurl/https://example.org/a.tif",
    "https://example.org:444/a.tif",
    "http://example.org:443/a.tif",
    "https://example.org:80/a.tif",
    "https://example.org:0/a.tif",
    "https://example.org:99999/a.tif",
    "https://example.org:x/a.tif",
    "https://example.org:٤٤٣/a.tif",
    "https://tiles.example.org/a.tif",
    "https://sub.example.org/a.tif",
    "https://evilexample.org/a.tif",
    "https://example.org.evil.com/a.tif",
    "https://example.org./a.tif",
    "https://user@example.org/a.tif",
    "https://user:secret@example.org/a.tif",
    "https://@example.org/a.tif",
    "https://evil.com@example.org/a.tif",
    "https://example.org@evil.com/a.tif",
    "https://cdn.example.net/a.tif",
    "https://evilcdn.example.net/a.tif",
    "https://a.cdn.example.net:8080/a.tif",
    "https://evil.com\\.cdn.example.net/a.tif",
    "https://evil.com%2f.cdn.example.net/a.tif",
    "https://evil.com%23.cdn.example.net/a.tif",
    "https://evil.com .cdn.example.net/a.tif",
    "https://ⓔvil.cdn.example.net/a.tif",
    "https://evil.com/.cdn.example.net",
    "https://evil.com?.cdn.example.net",
    "https://evil.com#.cdn.example.net",
    "http://127.0.0.1/a.tif",
    "http://127.1:9000/a.tif",
    "http://2130706433:9000/a.tif",
    "http://[::1]/a.tif",
    "http://[::1:9000]/a.tif",
    "http://[0:0:0:0:0:0:0:1]:9000/a.tif",
    "http://[::1%25eth0]:9000/a.tif",
    "http://[::1/a.tif",
    "https://bücher.example/a.tif",
    "https://example.org/\ud800",
]


@pytest.mark.parametrize("url", YES)
def test_allowed(url: str) -> None:
    assert is_allowed(url, ALLOWED)
    check_allowed(url, ALLOWED)


@pytest.mark.parametrize("url", NO)
def test_not_allowed(url: str) -> None:
    assert not is_allowed(url, ALLOWED)
    with pytest.raises(AssetRefused) as refused:
        check_allowed(url, ALLOWED)
    assert refused.value.reason == "host-not-allowed"
    assert "secret" not in str(refused.value)


@given(st.text(), st.lists(st.text(max_size=20)).map(tuple))
def test_an_empty_list_allows_nothing_and_any_text_is_accepted(url: str, allowed: tuple[str, ...]) -> None:
    assert not is_allowed(url, ())
    assert is_allowed(url, allowed) in (True, False)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Example.ORG/a", "example.org"),
        ("https://example.org:443", "example.org"),
        ("http://example.org:443", "example.org:443"),
        ("https://example.org:8443/a", "example.org:8443"),
        ("http://[::1]:9000/", "[::1]:9000"),
        ("http://[::1]/", "[::1]"),
        ("file:///a/b", ""),
    ],
)
def test_host_of(url: str, host: str) -> None:
    assert host_of(url) == host


def test_retry_delays_double_with_jitter() -> None:
    assert [retry_delay(attempt, None, lambda: 0.5) for attempt in (1, 2, 3)] == pytest.approx([0.1, 0.2, 0.4])
    assert retry_delay(1, None, lambda: 0.0) == pytest.approx(0.05)
    assert retry_delay(1, None, lambda: 1.0) == pytest.approx(0.15)


def test_retry_after_takes_precedence() -> None:
    assert retry_delay(1, "3") == 3.0
    assert retry_delay(2, " 0 ") == 0.0
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    assert 28 < retry_delay(1, soon) <= 30
    assert retry_delay(1, "Wed, 21 Oct 2015 07:28:00 GMT") == 0.0


@pytest.mark.parametrize(
    "nonsense",
    ["", "soon", "-1", "1e9", "²", "Mon, 01 Jan 99999999999 00:00:00 GMT", "Mon, 01 Jan 2020 00:00:00 +" + "9" * 30],
)
def test_an_invalid_retry_after_is_ignored(nonsense: str) -> None:
    assert retry_delay(1, nonsense, lambda: 0.5) == pytest.approx(0.1)


@given(st.one_of(st.text(), st.text("0123456789:, GMTonJa+-\t\x1f\xa0")))
def test_any_retry_after_text_is_accepted(text: str) -> None:
    assert retry_delay(1, text, lambda: 0.5) >= 0


def test_the_breaker_opens_after_five_faults_in_a_row_and_rests() -> None:
    clock = Clock()
    breaker = CircuitBreaker(clock=clock)
    for _ in range(4):
        breaker.record_failure()
        assert not breaker.blocks_request()
    breaker.record_failure()
    assert breaker.blocks_request()
    clock.now += 1.9
    assert breaker.blocks_request()
    assert breaker.state is BreakerState.OPEN


def opened(clock: Clock) -> CircuitBreaker:
    """A breaker that has just opened."""
    breaker = CircuitBreaker(clock=clock)
    for _ in range(5):
        breaker.record_failure()
    assert breaker.blocks_request()
    return breaker


def test_after_its_rest_one_probe_is_let_through() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 2.1
    assert breaker.state is BreakerState.HALF_OPEN
    assert [breaker.blocks_request() for _ in range(3)] == [False, True, True]
    breaker.record_success()
    assert not any(breaker.blocks_request() for _ in range(3))
    assert breaker.state is BreakerState.CLOSED


def test_a_probe_that_fails_opens_the_breaker_again() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 2.1
    for _ in range(3):
        assert not breaker.blocks_request()
        breaker.record_failure()
        clock.now += 1.9
        assert breaker.blocks_request()
        assert breaker.seconds_left == pytest.approx(0.1)
        clock.now += 0.2


def test_a_probe_without_an_outcome_lets_the_next_one_through() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 2.1
    assert not breaker.blocks_request()
    clock.now += 9.9
    assert breaker.blocks_request()
    clock.now += 0.2
    assert not breaker.blocks_request()


def test_any_success_closes_the_breaker() -> None:
    clock = Clock()
    breaker = CircuitBreaker(clock=clock)
    for _ in range(20):
        for _ in range(4):
            breaker.record_failure()
        breaker.record_success()
        assert not breaker.blocks_request()
    for _ in range(5):
        breaker.record_failure()
    breaker.record_success()
    assert not breaker.blocks_request()


def test_slow_faults_do_not_open_the_breaker() -> None:
    clock = Clock()
    breaker = CircuitBreaker(clock=clock)
    for _ in range(50):
        breaker.record_failure()
        clock.now += 2.6
        assert not breaker.blocks_request()


@pytest.mark.parametrize("url", ["https://u:p@example.org:8443/v1?key=secret", "https://example.org:8443/v1#secret"])
def test_a_place_has_no_secrets(url: str) -> None:
    assert display_url(url) == "https://example.org:8443/v1"
