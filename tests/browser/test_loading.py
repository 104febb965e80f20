"""Loading of tiles: previews, retries and the status line."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.conftest import Visit

pytestmark = pytest.mark.acceptance

IMAGES = re.compile(r"/tiles/\d+/\d+/\d+(\?(?!.*preview=).*)?$")
PREVIEWS = re.compile(r"/tiles/\d+/\d+/\d+\?.*preview=")
MAX_UNPRODUCTIVE = 6
"""Attempts for a tile without new bytes."""


def failing(status: int, **headers: str) -> Callable[[Any], None]:
    header_values = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda route: route.fulfill(
        status=status, json={"detail": "Nothing could be read within 10 s. Please retry."}, headers=header_values
    )


def changed(route: Any, **headers: str) -> None:
    """Fulfil a request with the server's response and changed headers."""
    response = route.fetch()
    header_values = {name.lower().replace("_", "-"): value for name, value in headers.items()}
    route.fulfill(response=response, headers=response.headers | header_values)


def counted(visit: Visit) -> Counter[str]:
    """Number of requests by image URL."""
    return Counter(url for url in visit.requests if IMAGES.search(url) and ".npy" not in url)


def fast_forward_until(visit: Visit, condition: str) -> None:
    """Advance the page's clock in steps of 31 s until a condition holds."""
    for _ in range(40):
        if visit.page.evaluate(condition):
            return
        visit.page.clock.fast_forward(31_000)
        visit.page.wait_for_timeout(50)
    raise AssertionError(f"never true: {condition}")


def test_retry_pauses_grow_without_progress(opened: Visit) -> None:
    pauses = "(() => { const each = new m.RetryPolicy(); return given.map(what => each.next(what)); })()"
    assert opened.run("map/retry-policy.js", pauses, [{}] * 6) == [2, 4, 8, 16, 30, None]
    assert opened.run("map/retry-policy.js", pauses, [{"bytes": 1}] * 20) == [1] * 19 + [None]
    assert opened.run("map/retry-policy.js", pauses, [{}, {}, {"bytes": 1}, {}]) == [2, 4, 1, 2]
    assert opened.run("map/retry-policy.js", pauses, [{"after": 5}, {"after": 5}, {"after": 5}]) == [5, 5, 8]
    assert opened.run("map/retry-policy.js", pauses, [{"after": 60}]) == [None]
    passing = opened.run("map/retry-policy.js", "given.filter(m.isTransient)", [0, 400, 404, 429, 500, 502, 503, 504])
    assert passing == [0, 502, 503, 504]


def test_latency_is_the_median_of_recent_tiles(opened: Visit) -> None:
    code = """(() => {
      let now = 0;
      const latency = new m.TileLatency(() => now);
      for (const each of given) { latency.begin(each); now += each; latency.end(each); }
      return [latency.isKnown, latency.isFast, latency.isSlow, latency.typical];
    })()"""
    assert opened.run("map/tile-latency.js", code, []) == [False, False, False, 0]
    assert opened.run("map/tile-latency.js", code, [300, 400, 350]) == [True, True, False, 350]
    assert opened.run("map/tile-latency.js", code, [300, 5000, 6000]) == [True, False, True, 5000]
    assert opened.run("map/tile-latency.js", code, [3000, *range(1, 50)])[3] == 3000, "cached tiles do not count"


def test_upstream_bytes_are_counted(opened: Visit) -> None:
    code = """(() => {
      let now = 0;
      const upstream = new m.UpstreamStats(() => now);
      now = 4000;
      for (const [bytes, timing, isImage] of given) {
        const headers = { "X-Scog-Upstream": `requests=1; bytes=${bytes}; searches=0`, "Server-Timing": timing };
        upstream.record(new Headers(headers), isImage);
      }
      return [upstream.bytes, upstream.rate, upstream.isSlow];
    })()"""
    reading, drawing = "mask;dur=100.5, read;dur=3000.0, encode;dur=2.0", "search;dur=3000, read;dur=10, encode;dur=2"
    assert opened.run("map/upstream-stats.js", code, []) == [0, None, False]
    assert opened.run("map/upstream-stats.js", code, [[1_000_000, reading, True]]) == [1_000_000, 2, True]
    assert opened.run("map/upstream-stats.js", code, [[400_000, reading, False]]) == [400_000, None, True]
    assert opened.run("map/upstream-stats.js", code, [[1_000_000, drawing, True]])[2] is False, "reading was fast"
    assert opened.run("map/upstream-stats.js", code, [[50_000_000, reading, True]])[1:] == [100, False], "a fast line"


def test_progress_texts(opened: Visit) -> None:
    progress_text = "m.progressText(given)"
    quick = {"bytes": 8_500_000, "rate": 90, "isSlow": False}
    some = {"waiting": 3, "requested": 15, "problems": [], "upstream": quick}
    assert opened.run("shell/messages.js", progress_text, some) == "Reading pixels · 12 of 15 tiles · 8.5 MB"
    slow = some | {"upstream": {"bytes": 12_300_000, "rate": 2.13, "isSlow": True}}
    assert (
        opened.run("shell/messages.js", progress_text, slow)
        == "Waiting for the satellite archive: 2.1 Mbit/s · 12 of 15 tiles · 12 MB"
    )
    first = some | {"upstream": {"bytes": 400_000, "rate": None, "isSlow": True}}
    assert (
        opened.run("shell/messages.js", progress_text, first)
        == "Waiting for the satellite archive · 12 of 15 tiles · 0.4 MB"
    )
    none = some | {"upstream": {"bytes": 0, "rate": None, "isSlow": False}}
    assert opened.run("shell/messages.js", progress_text, none) == "Reading pixels · 12 of 15 tiles"
    again = none | {"problems": [{"message": "Nothing could be read within 10 s. 0 of 3 scenes were read."}]}
    assert (
        opened.run("shell/messages.js", progress_text, again)
        == "Nothing could be read within 10 s. Retrying · 12 of 15 tiles"
    )


def test_failed_tiles_are_retried(visit: Visit) -> None:
    upstream = "requests=3; bytes=2000000; searches=0"
    failed_urls: set[str] = set()

    def first_fails(route: Any) -> None:
        if route.request.url in failed_urls:
            return route.continue_()
        failed_urls.add(route.request.url)
        return failing(504, Retry_After="1", X_Scog_Upstream=upstream)(route)

    visit.page.route(IMAGES, first_fails)
    visit.page.route(PREVIEWS, failing(502))  # on a busy machine, previews may be complete images
    visit.page.goto(f"{visit.server}/")
    visit.page.wait_for_selector("#status >> text=/within 10 s. Retrying · \\d+ of \\d+ tiles · \\d+ MB/")
    visit.drawn()
    assert visit.page.locator("#error").is_hidden()
    assert set(counted(visit).values()) == {2}


def test_incomplete_tiles_are_shown_and_retried(visit: Visit) -> None:
    requests_by_url: Counter[str] = Counter()

    def first_is_partial(route: Any) -> None:
        requests_by_url[route.request.url] += 1
        if requests_by_url[route.request.url] == 1:
            return changed(route, Retry_After="1", X_Scog_Incomplete="deadline", Cache_Control="public, max-age=30")
        return route.continue_()

    visit.page.add_init_script(
        "window.how = []; const plain = fetch;"
        "window.fetch = (url, more) => (how.push(`${url} ${more?.cache}`), plain(url, more));"
    )
    visit.page.route(IMAGES, first_is_partial)
    visit.page.route(PREVIEWS, failing(502))
    visit.page.goto(f"{visit.server}/")
    visit.page.wait_for_selector(".pixels img.leaflet-tile-loaded")
    assert visit.page.get_attribute("#map", "aria-busy") == "true"
    visit.drawn()
    assert set(counted(visit).values()) == {2}
    cache_modes = Counter(
        each.split(" ")[1] for each in visit.page.evaluate("how") if IMAGES.search("/" + each.split(" ")[0])
    )
    assert cache_modes["no-cache"] == len(requests_by_url), "browsers cache incomplete tiles too"


@pytest.mark.acceptance
def test_retries_end(visit: Visit) -> None:
    page = visit.page
    page.clock.install()
    page.route("**/tiles/**", failing(502))
    page.goto(f"{visit.server}/")
    page.wait_for_selector("#status >> text=Retrying")
    assert page.locator("#error").is_hidden()
    fast_forward_until(visit, "!document.querySelector('#error').hidden")
    fast_forward_until(visit, "document.querySelector('#map').getAttribute('aria-busy') === 'false'")
    assert page.inner_text("#error p") == "Nothing could be read within 10 s. Please retry."
    assert set(counted(visit).values()) == {MAX_UNPRODUCTIVE}


@pytest.mark.parametrize("status", [400, 404, 429, 500])
def test_permanent_failures_are_not_retried(visit: Visit, status: int) -> None:
    visit.page.route("**/tiles/**", failing(status, Retry_After="1"))
    visit.page.goto(f"{visit.server}/")
    visit.page.wait_for_selector("#error:not([hidden])")
    visit.page.wait_for_selector("#map[aria-busy=false]")
    visit.page.wait_for_timeout(1500)
    assert set(counted(visit).values()) == {1}


@pytest.mark.acceptance
def test_tiles_out_of_view_are_not_retried(visit: Visit) -> None:
    page = visit.page
    page.clock.install()
    page.route(re.compile("/tiles/"), lambda route: None if "ndwi" in route.request.url else failing(503)(route))
    page.goto(f"{visit.server}/")
    page.wait_for_selector("#status >> text=Retrying")
    page.evaluate("location.hash = location.hash.split('?')[0] + '?index=ndwi'")
    page.wait_for_selector("#layer-title >> text=NDWI")
    before = sum(counted(visit).values())
    for _ in range(3):
        page.clock.fast_forward(31_000)
        page.wait_for_timeout(100)
    after = [url for url in list(counted(visit).elements()) if "ndwi" not in url]
    assert len(after) <= before
    page.unroute_all()


def test_slow_tiles_show_previews(visit: Visit) -> None:
    page = visit.page
    pending: list[Any] = []
    page.route(IMAGES, lambda route: pending.append(route))
    page.route(PREVIEWS, lambda route: changed(route, X_Scog_Preview="ratio=8", X_Scog_Upstream="requests=1; bytes=9"))
    page.goto(f"{visit.server}/")
    visit.until("document.querySelectorAll('.pixels img').length > 4")
    visit.until("[...document.querySelectorAll('.pixels img')].every(each => each.naturalWidth === 256)")
    assert page.get_attribute("#map", "aria-busy") == "true"
    assert "0 of" in page.inner_text("#status span")
    assert 0 < len(pending) <= 4, "previews need connections"
    shown = page.eval_on_selector_all(".pixels img", "all => all.map(each => each.src)")
    page.unroute(IMAGES)
    for route in pending:
        route.continue_()
    visit.drawn()
    after = page.eval_on_selector_all(".pixels img", "all => all.map(each => each.src)")
    assert not set(shown) & set(after), "each preview was replaced"
    assert set(counted(visit).values()) == {1}
    previewed = [url for url in visit.requests if PREVIEWS.search(url)]
    assert len(previewed) == len(set(previewed))


def test_previews_continue_while_there_are_more_observations(visit: Visit) -> None:
    page = visit.page
    pending: list[Any] = []

    def preview(route: Any) -> None:
        number = int(route.request.url.split("preview=")[1])
        changed(route, X_Scog_Preview=f"ratio=8; observations={number}" if number < 3 else "ratio=8")

    page.route(IMAGES, lambda route: pending.append(route))
    page.route(PREVIEWS, preview)
    page.goto(f"{visit.server}/")
    visit.until("document.querySelectorAll('.pixels img.leaflet-tile-loaded').length > 4")
    tiles = page.locator(".pixels img").count()
    page.wait_for_timeout(1000)
    numbers = Counter(url.split("preview=")[1] for url in visit.requests if PREVIEWS.search(url))
    assert numbers == {"1": tiles, "3": tiles}
    page.unroute_all()


def test_a_complete_preview_replaces_the_image(visit: Visit) -> None:
    page = visit.page
    page.route(IMAGES, lambda route: None)  # never answered
    page.goto(f"{visit.server}/")
    visit.drawn()
    assert page.locator("#error").is_hidden()
    page.unroute_all()


def test_failed_previews_show_no_error(visit: Visit) -> None:
    page = visit.page
    pending: list[Any] = []
    page.route(IMAGES, lambda route: pending.append(route))
    page.route(PREVIEWS, failing(502))
    page.goto(f"{visit.server}/")
    visit.until("performance.getEntriesByType('resource').some(each => each.name.includes('preview='))")
    page.unroute(IMAGES)
    for route in pending:
        route.continue_()
    visit.drawn()
    assert page.locator("#error").is_hidden()
