from __future__ import annotations

import re
import urllib.parse
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import scog.web
from tests.browser.conftest import Visit
from tests.browser.responses import fulfill_changed

CENTRE = "40.2017/12.0001"
MARKUP = '<img src="x" onerror="window.harmed = 1">'


def test_the_first_image_is_ndvi_of_the_archive(opened: Visit) -> None:
    page = opened.page
    assert opened.tiles()
    images = [tile for tile in opened.tiles() if ".npy" not in tile]
    assert all(re.fullmatch(r"/tiles/\d+/\d+/\d+", tile) for tile in images)
    # Tiles of values for the histogram may be pending, without a status.
    requested = [opened.server + tile for tile in opened.tiles()]
    assert {opened.statuses[url] for url in requested if url in opened.statuses} == {200}
    widths = page.eval_on_selector_all(".pixels img", "all => all.map(image => image.naturalWidth)")
    assert set(widths) == {256}
    assert page.inner_text("#layer-title").split("\n")[0] == "NDVI"
    assert re.fullmatch(r"Newest: .* 20\d\d", page.inner_text("#shown-time"))
    assert page.locator("#timeline .day").count() > 10


@pytest.mark.acceptance
def test_the_demo_shows_a_notice(opened: Visit) -> None:
    notice = opened.page.locator("#demo-notice")
    assert notice.is_visible()
    assert notice.inner_text() == "Synthetic demo data of a fictional island"
    opened.page.wait_for_selector(".leaflet-control-attribution >> text=Coasts: Natural Earth")


@pytest.mark.acceptance
def test_real_data_shows_no_demo_notice(visit: Visit) -> None:
    visit.page.route("**/tilejson.json", lambda route: fulfill_changed(route, attribution="Contains Copernicus data"))
    visit.open()
    assert visit.page.locator("#demo-notice").is_hidden()


@pytest.mark.acceptance
def test_the_content_security_policy_forbids_other_hosts(server: str) -> None:
    request = urllib.request.Request(f"{server}/", headers={"Accept": "text/html"})
    with urllib.request.urlopen(request, timeout=10) as response:
        policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "http" not in policy


def test_all_modules_are_preloaded_and_used(opened: Visit) -> None:
    """Each module is preloaded rather than discovered through imports, and none is unused."""
    static = Path(scog.web.__file__).parent / "static"
    modules = {path.relative_to(static).as_posix() for path in static.rglob("*.js")}
    requested = {url.removeprefix(f"{opened.server}/static/") for url in opened.requests if url.endswith(".js")}
    assert requested - {"leaflet/leaflet.js"} == modules


@pytest.mark.acceptance
def test_markup_stays_text(visit: Visit) -> None:
    page = visit.page
    page.route("**/tilejson.json", lambda route: fulfill_changed(route, attribution=MARKUP))
    page.route(re.compile("/scenes"), lambda route: route.fulfill(json={"features": [scene_with_markup()]}))
    page.route("**/tiles/**", lambda route: route.fulfill(status=400, json={"detail": MARKUP}))
    page.route("**/indices", lambda route: route.fulfill(json={"indices": [index_with_markup()]}))
    query = urllib.parse.urlencode({"expression": MARKUP, "rescale": MARKUP, "footprints": 1, "time": MARKUP})
    page.goto(f"{visit.server}/#13/{CENTRE}?{query}")
    page.wait_for_selector("#expression-error p")
    assert page.input_value("#expression") == MARKUP
    page.wait_for_selector("#layer-list [role=option]:has-text('onerror')")
    page.click("#layer-list [role=option]:has-text('onerror')")
    page.wait_for_selector("#error:not([hidden])")
    assert MARKUP in page.inner_text("#layer-about")
    page.click("#layer-list [role=option]:has-text('False colour (urban)')")
    page.click("#tab-export")
    page.wait_for_selector("#snippet:not(:empty)")
    assert MARKUP in page.inner_text(".leaflet-control-attribution")
    assert page.locator("[onerror], img[src=x]").count() == 0
    assert page.evaluate("window.harmed") is None


def scene_with_markup() -> dict[str, Any]:
    box = [[[11.9, 40.1], [12.1, 40.1], [12.1, 40.3], [11.9, 40.3], [11.9, 40.1]]]
    properties = {"datetime": MARKUP, "observation": "2022-10-05", "cloud_cover": MARKUP, "mgrs_tile": MARKUP}
    geometry = {"type": "Polygon", "coordinates": box}
    return {"type": "Feature", "id": MARKUP, "geometry": geometry, "properties": properties}


def index_with_markup() -> dict[str, Any]:
    words = dict.fromkeys(("name", "title", "domain", "formula", "reference", "colormap"), MARKUP)
    return words | {"aliases": [MARKUP], "bands": [MARKUP], "rescale": [0, 1]}


def requested_tiles(visit: Visit) -> set[str]:
    """Tiles of which an image or a preview was requested: a complete preview replaces the request of the image."""
    urls = (url.removeprefix(visit.server) for url in visit.requests if "/tiles/" in url and ".npy" not in url)
    return {re.sub(r"[?&]preview=\d+$", "", url) for url in urls}


def test_link_restores_the_view(visit: Visit) -> None:
    query = {"expression": "nir-red", "rescale": "0,0.4", "time": "2022-10-05", "fill": "0", "mask": "0"}
    style = {"opacity": "55", "composite": "median", "colormap": "magma", "span": "6"}
    visit.open(f"/#13/40.201700/12.000100?{urllib.parse.urlencode(query | style)}")
    page = visit.page
    tiles = requested_tiles(visit)
    requested = (
        "?expression=nir-red&datetime=2022-10-05&cloud_cover=100&mask=none&composite=median"
        "&rescale=0,0.4&colormap_name=magma"
    )
    assert {tile[tile.index("?") :] for tile in tiles} == {requested}
    assert page.input_value("#expression") == "nir-red"
    assert page.input_value("#opacity") == "55"
    assert page.input_value("#composite") == "median"
    assert page.input_value("#span") == "6"
    assert not page.is_checked("#mask")
    written_hash = visit.hash
    visit.requests.clear()
    visit.open(f"/{written_hash}")
    assert visit.hash == written_hash
    assert requested_tiles(visit) == tiles
    page.evaluate(f"location.hash = '#12/{CENTRE}?index=ndwi'")
    page.wait_for_selector("#layer-title >> text=NDWI")
    visit.drawn()
    assert any(tile.endswith("?index=ndwi") for tile in visit.tiles())


@pytest.mark.acceptance
def test_failed_tiles_show_one_error_and_can_be_retried(visit: Visit) -> None:
    page = visit.page
    page.route("**/tiles/**", lambda route: route.fulfill(status=500, json={"detail": "No scene could be read."}))
    page.goto(f"{visit.server}/")
    page.wait_for_selector("#error:not([hidden])")
    page.wait_for_selector("#map[aria-busy=false]")
    assert page.inner_text("#error p") == "No scene could be read."
    assert page.locator("#error:visible").count() == 1
    page.unroute("**/tiles/**")
    page.click("#retry")
    visit.drawn()
    assert page.locator("#error").is_hidden()


@pytest.mark.acceptance
@pytest.mark.parametrize("resource", ["tilejson.json", "scenes?*"])
def test_a_failed_catalogue_shows_an_error_and_can_be_retried(visit: Visit, resource: str) -> None:
    page = visit.page
    address = f"**/{resource}"
    page.route(address, lambda route: route.fulfill(status=504, json={"detail": "The catalogue does not answer."}))
    page.goto(f"{visit.server}/")
    page.wait_for_selector("#error >> text=The catalogue does not answer.")
    page.unroute(address)
    page.click("#retry")
    visit.drawn()
    page.wait_for_selector("#timeline .day", state="attached")
    assert page.locator("#error").is_hidden()


@pytest.mark.acceptance
def test_requests_to_a_busy_server_are_retried(visit: Visit) -> None:
    rejected: list[str] = []

    def refuse_first(route: Any) -> None:
        if rejected:
            return route.continue_()
        rejected.append(route.request.url)
        return route.fulfill(status=503, json={"detail": "Too many images."}, headers={"Retry-After": "1"})

    visit.page.route("**/tiles/**", refuse_first)
    visit.open()
    assert visit.statuses[rejected[0]] == 200
    assert visit.page.locator("#error").is_hidden()


@pytest.mark.acceptance
def test_the_status_line_names_pending_work(visit: Visit) -> None:
    pending: list[Any] = []
    visit.page.route(re.compile("/scenes"), lambda route: pending.append(route))
    visit.page.route("**/tiles/**", lambda route: pending.append(route))
    visit.page.goto(f"{visit.server}/")
    visit.page.wait_for_selector("#status.on.busy >> text=/Reading pixels · 0 of \\d+ tiles/")
    visit.page.unroute("**/tiles/**")
    for route in pending:
        if "/tiles/" in route.request.url:
            route.continue_()
    visit.page.wait_for_selector("#status.on.busy >> text=Searching the catalogue")
    visit.page.unroute_all()  # releases held requests
    visit.drawn()
    visit.page.wait_for_selector("#status:not(.on)", state="attached")


def test_the_reason_for_missing_scenes_is_in_the_tooltip(visit: Visit) -> None:
    why = "nir (files.example.org/a.tif): Pixels may not be read from there. Add it to SCOG_HOSTS."

    PlaywrightError = pytest.importorskip("playwright.sync_api").Error

    def with_why(route: Any) -> None:
        headers = {"X-Scog-Skipped": "S2A_x;host-not-allowed", "X-Scog-Detail": why}
        with suppress(PlaywrightError):  # of a tile that the page has given up
            answer = route.fetch()
            route.fulfill(response=answer, headers=answer.headers | headers)

    visit.page.route("**/tiles/**", with_why)
    visit.open()
    visit.until("document.getElementById('shown-time').textContent.includes('1 scene could not be read')")
    assert visit.page.locator("#shown-time").get_attribute("title") == why
    visit.page.unroute_all(behavior="ignoreErrors")
