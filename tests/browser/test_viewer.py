from __future__ import annotations

import json
import re
import urllib.error
import urllib.parse
import urllib.request
from typing import Any
from urllib.parse import urlsplit

import pytest

from scog.look import UNKNOWN
from scog.web.parameters import SceneParameters
from tests.browser.conftest import OSM, Visit

MIDDLE = "40.2017/12.0001"
MARKUP = '<img src="x" onerror="window.harmed = 1">'


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as response:
        return json.load(response)


def problem(url: str) -> Any:
    with pytest.raises(urllib.error.HTTPError) as raised:
        get(url)
    return json.loads(raised.value.read())


def test_opens_with_ndvi_of_the_archive(opened: Visit) -> None:
    page = opened.page
    assert opened.complaints == []
    assert opened.tiles()
    assert all(re.fullmatch(r"/tiles/\d+/\d+/\d+", tile) for tile in opened.tiles())
    assert {opened.statuses[opened.server + tile] for tile in opened.tiles()} == {200}
    widths = page.eval_on_selector_all(".pixels img", "all => all.map(image => image.naturalWidth)")
    assert set(widths) == {256}
    assert page.inner_text("#layer-title").split() == ["Vegetation", "NDVI"]
    assert re.search(r"20\d\d", page.inner_text("#shown"))
    assert page.locator("#dates label").count() > 1


def test_says_that_the_demo_is_made_up(opened: Visit) -> None:
    notice = opened.page.locator("#made-up")
    assert notice.is_visible()
    assert notice.inner_text() == "Made-up acquisitions of an island that does not exist"


def test_says_nothing_like_it_of_real_data(visit: Visit) -> None:
    visit.page.route("**/tilejson.json", lambda route: with_changed(route, attribution="Contains Copernicus data"))
    visit.open()
    assert visit.page.locator("#made-up").is_hidden()


def with_changed(route: Any, **changes: Any) -> None:
    response = route.fetch()
    route.fulfill(response=response, json=response.json() | changes)


def test_asks_nobody_but_the_server_and_openstreetmap(opened: Visit) -> None:
    hosts = {urlsplit(url).netloc for url in opened.requests if url.startswith("http")}
    assert hosts == {urlsplit(opened.server).netloc, OSM}


def test_page_forbids_scripts_from_elsewhere(server: str) -> None:
    request = urllib.request.Request(f"{server}/", headers={"Accept": "text/html"})
    with urllib.request.urlopen(request, timeout=10) as response:
        policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy


def test_layer_changes_tiles_link_and_hash(visit: Visit) -> None:
    visit.open()
    with visit.page.expect_response(lambda response: "bands=true-color" in response.url) as answer:
        visit.page.click("#layers label:has(input[value=true])")
    assert answer.value.status == 200
    visit.drawn()
    assert visit.page.input_value("#xyz") == f"{visit.server}/tiles/{{z}}/{{x}}/{{y}}?bands=true-color"
    assert visit.page.locator("#legend").is_hidden()
    assert "/true/newest" in visit.hash
    visit.page.click("[data-copies=xyz]")
    assert visit.page.evaluate("navigator.clipboard.readText()") == visit.page.input_value("#xyz")
    assert get(visit.page.input_value("#tilejson"))["tiles"]


def test_click_shows_what_point_answers(visit: Visit) -> None:
    visit.open(f"/#13/{MIDDLE}/ndmi/newest")
    with visit.page.expect_response("**/point/**") as answer:
        visit.page.mouse.click(500, 320)
    lon, lat = (float(part) for part in urlsplit(answer.value.url).path.removeprefix("/point/").split(","))
    assert (lon, lat) == pytest.approx((12.0001, 40.2017), abs=1e-3)
    assert answer.value.url.endswith("?index=ndmi")
    values = get(answer.value.url)
    shown = visit.page.locator(".values data")
    assert float(shown.get_attribute("value")) == values["values"][0]
    assert shown.inner_text().replace("−", "-") == f"{values['values'][0]:.3f}"
    assert visit.page.inner_text(".values .scene") == values["scene"]
    visit.page.keyboard.press("Escape")
    visit.page.wait_for_selector(".values", state="detached")


def test_enter_asks_at_the_middle(visit: Visit) -> None:
    visit.open(f"/#13/{MIDDLE}/ndvi/newest")
    visit.page.focus("#map")
    with visit.page.expect_response("**/point/**") as answer:
        visit.page.keyboard.press("Enter")
    assert answer.value.status == 200


def test_wrong_formula_is_explained_and_the_picture_stays(visit: Visit) -> None:
    visit.open()
    page = visit.page
    page.click("#layers label:has(input[value=formula])")
    visit.drawn()
    page.fill("#expression", "(nir - rde) / (nir + red)")
    page.keyboard.press("Enter")
    page.wait_for_selector("#formula-problem p")
    text = page.inner_text("#formula-problem")
    expected = problem(f"{visit.server}/tilejson.json?expression=" + urllib.parse.quote("(nir - rde) / (nir + red)"))
    assert expected["detail"].lower() in text.lower()
    assert expected["valid"] in text
    assert page.inner_text("#formula-problem mark") == "rde"
    assert page.get_attribute("#expression", "aria-invalid") == "true"
    assert page.locator(".pixels img.leaflet-tile-loaded").count()
    page.fill("#expression", "nir + 1")
    page.fill("#high", "3")
    with page.expect_response(lambda response: "expression=nir%20%2B%201&rescale=-1,3" in response.url):
        page.click("#formula button")
    assert page.inner_text("#formula-problem") == ""
    visit.drawn()
    assert page.inner_text("#ticks").split() == ["−1", "0", "3"]


def test_markup_stays_text(visit: Visit) -> None:
    page = visit.page
    page.route("**/tilejson.json", lambda route: with_changed(route, attribution=MARKUP))
    page.route(re.compile("/scenes"), lambda route: route.fulfill(json={"features": [scene_of_markup()]}))
    page.route("**/point/**", lambda route: with_changed(route, scene=MARKUP, band_names=[MARKUP]))
    page.route("**/tiles/**", lambda route: route.fulfill(status=502, json={"detail": MARKUP}))
    query = urllib.parse.urlencode({"expression": MARKUP, "rescale": MARKUP})
    page.goto(f"{visit.server}/#13/{MIDDLE}/formula/{MARKUP}?{query}")
    page.wait_for_selector("#formula-problem p")
    assert page.input_value("#expression") == MARKUP
    page.click("#layers label:has(input[value=ndwi])")
    page.wait_for_selector("#trouble:not([hidden])")
    assert page.inner_text("#trouble p") == MARKUP
    page.mouse.click(500, 320)
    page.wait_for_selector(".values .scene")
    assert page.inner_text(".values .scene") == MARKUP
    assert MARKUP in page.inner_text(".leaflet-control-attribution")
    assert page.locator("[onerror], img[src=x]").count() == 0
    assert page.evaluate("window.harmed") is None


def scene_of_markup() -> dict[str, Any]:
    return {"id": MARKUP, "properties": {"datetime": MARKUP, "observation": "2022-10-05", "cloud_cover": MARKUP}}


def test_link_restores_the_view(visit: Visit) -> None:
    query = {"expression": "nir-red", "rescale": "0,0.4", "fill": "0", "clouds": "35", "mask": "0", "opacity": "55"}
    visit.open(f"/#13/40.201700/12.000100/formula/2022-10-05?{urllib.parse.urlencode(query)}")
    page = visit.page
    tiles = set(visit.tiles())
    asked = "?expression=nir-red&datetime=2022-10-05&cloud_cover=100&mask=none&rescale=0,0.4"
    assert {tile[tile.index("?") :] for tile in tiles} == {asked}
    assert page.input_value("#expression") == "nir-red"
    assert (page.input_value("#low"), page.input_value("#high")) == ("0", "0.4")
    assert page.input_value("#opacity") == "55"
    assert not page.is_checked("#mask")
    assert page.is_checked("#dates input[value='2022-10-05']")
    written = visit.hash
    visit.requests.clear()
    visit.open(f"/{written}")
    assert visit.hash == written
    assert set(visit.tiles()) == tiles
    page.evaluate(f"location.hash = '#12/{MIDDLE}/ndwi/newest'")
    page.wait_for_selector("#layers input[value=ndwi]:checked", state="attached")
    visit.drawn()
    assert visit.tiles()[-1].endswith("?index=ndwi")


def test_date_is_filled_from_the_days_before_or_stands_alone(visit: Visit) -> None:
    visit.open()
    page = visit.page
    with page.expect_response(lambda response: "datetime=2022-07-07/2022-10-05" in response.url):
        page.click("#dates label:has(input[value='2022-10-05'])")
    with page.expect_response(lambda response: "datetime=2022-10-05&" in response.url):
        page.click("label:has(#fill)")
    assert page.is_disabled("#clouds")
    before = page.locator("#dates label").count()
    page.click("#earlier")
    page.wait_for_selector(f"#dates label:nth-child({before + 1})")


def test_failing_tiles_are_told_once_and_tried_again(visit: Visit) -> None:
    page = visit.page
    page.route("**/tiles/**", lambda route: route.fulfill(status=502, json={"detail": "No scene could be read."}))
    page.goto(f"{visit.server}/")
    page.wait_for_selector("#trouble:not([hidden])")
    page.wait_for_selector("#map[aria-busy=false]")
    assert page.inner_text("#trouble p") == "No scene could be read."
    assert page.locator("[role=alert]:visible").count() == 1
    page.unroute("**/tiles/**")
    page.click("#again")
    visit.drawn()
    assert page.locator("#trouble").is_hidden()


@pytest.mark.parametrize(("zoom", "asked"), [(5, set()), (17, {"16"})])
def test_asks_for_no_tile_beyond_the_zooms(visit: Visit, zoom: int, asked: set[str]) -> None:
    visit.page.goto(f"{visit.server}/#{zoom}/{MIDDLE}/ndvi/newest")
    visit.page.wait_for_selector("#status.on" if not asked else ".pixels img.leaflet-tile-loaded")
    assert {tile.split("/")[2] for tile in visit.tiles()} == asked


def test_elsewhere_it_offers_the_way_back(visit: Visit) -> None:
    visit.page.goto(f"{visit.server}/#12/46.5/11.35/ndvi/newest")
    visit.page.wait_for_selector("#there:not([hidden])")
    assert visit.tiles() == []
    visit.page.click("#there")
    visit.drawn()


def test_the_whole_world_opens_somewhere(visit: Visit) -> None:
    visit.page.route(
        "**/tilejson.json",
        lambda route: with_changed(route, bounds=[-180, -85.0511, 180, 85.0511], center=[11.35, 46.5, 12]),
    )
    visit.page.goto(f"{visit.server}/")
    visit.page.wait_for_selector(".pixels img.leaflet-tile-loaded")
    assert visit.hash.startswith("#12/46.5")


def test_a_busy_server_is_asked_again(visit: Visit) -> None:
    refused: list[str] = []

    def refuse_first(route: Any) -> None:
        if refused:
            return route.continue_()
        refused.append(route.request.url)
        return route.fulfill(status=503, json={"detail": "Too many pictures."}, headers={"Retry-After": "1"})

    visit.page.route("**/tiles/**", refuse_first)
    visit.open()
    assert visit.statuses[refused[0]] == 200
    assert visit.page.locator("#trouble").is_hidden()


def test_what_it_waits_for_is_said(visit: Visit) -> None:
    held: list[Any] = []
    visit.page.route(re.compile("/scenes"), lambda route: held.append(route))
    visit.page.route("**/tiles/**", lambda route: held.append(route))
    visit.page.goto(f"{visit.server}/")
    visit.page.wait_for_selector("#status.on.busy >> text=Searching the catalogue")
    next(route for route in held if "/scenes" in route.request.url).continue_()
    visit.page.wait_for_selector("#status.on.busy >> text=/Reading pixels · 0 of \\d+ tiles/")
    visit.page.unroute_all()  # lets go of what is held
    visit.drawn()
    visit.page.wait_for_selector("#status:not(.on)", state="attached")


def test_on_a_phone_the_controls_are_a_sheet(visit: Visit) -> None:
    visit.page.set_viewport_size({"width": 390, "height": 844})
    visit.open()
    controls = visit.page.locator("#controls")
    assert controls.is_hidden()
    visit.page.click("#fold")
    assert controls.is_visible()
    assert visit.page.get_attribute("#fold", "aria-expanded") == "true"
    assert visit.page.evaluate("document.documentElement.scrollWidth") == 390


def test_every_control_has_a_name(opened: Visit) -> None:
    names = opened.page.eval_on_selector_all(
        "button, input, textarea",
        "all => all.map(one => one.ariaLabel || one.labels?.[0]?.innerText || one.innerText || one.id + ' has none')",
    )
    assert [name for name in names if name.endswith("has none")] == []


def test_the_legend_is_the_pictures(visit: Visit) -> None:
    """What the panel shows of colours is what `/legend.json` says, and nothing for red, green and blue."""
    visit.open()
    page = visit.page
    page.wait_for_selector("#ramp:visible")
    told = get(f"{visit.server}/legend.json")
    assert page.get_attribute("#ramp", "aria-label") == f"Colours from {told['range'][0]} to {told['range'][1]}"
    assert page.evaluate("document.querySelector('#ramp').style.background").count("rgb(") == len(told["colors"])
    page.click("#layers label:has(input[value=scl])")
    page.wait_for_selector("#classes li")
    classes = get(f"{visit.server}/legend.json?index=scl")["classes"]
    assert page.locator("#classes li").all_inner_texts() == [entry["name"] for entry in classes]
    assert page.locator("#ramp").is_hidden()
    assert page.is_disabled("#mask")
    page.click("#layers label:has(input[value=false])")
    page.wait_for_selector("#legend", state="hidden")


def test_its_tables_agree_with_the_server(opened: Visit) -> None:
    tables = opened.page.evaluate("import('/static/layers.js').then(({ LAYERS, DEFAULTS }) => ({ LAYERS, DEFAULTS }))")
    assert tuple(tables["LAYERS"]["formula"]["range"]) == UNKNOWN
    assert tables["DEFAULTS"]["clouds"] == SceneParameters().cloud_cover
