"""The timeline: steps, ranges, playback; and the swipe between two images."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.browser.conftest import Visit
from tests.browser.responses import get
from tests.browser.test_layer import option, tile_response

pytestmark = pytest.mark.acceptance


def dates(visit: Visit) -> list[str]:
    """Acquisition dates of the archive, ascending."""
    features = get(f"{visit.server}/scenes?bbox=11.8,40.1,12.2,40.3&datetime=../..&cloud_cover=100")["features"]
    return sorted({feature["properties"]["observation"][:10] for feature in features})


def test_the_timeline_shows_each_acquisition(opened: Visit) -> None:
    page = opened.page
    within = [date for date in dates(opened) if date >= "2021-10-25"]
    opened.until(f"document.querySelectorAll('#timeline .day').length === {len(within)}")
    clearness = page.eval_on_selector_all(
        "#timeline .day", "all => all.map(bar => bar.style.getPropertyValue('--clear-part'))"
    )
    assert len(set(clearness)) > 5
    heights = page.eval_on_selector_all(
        "#timeline .day",
        "all => all.map(bar => [parseFloat(bar.style.getPropertyValue('--clear-part')), +bar.getAttribute('height')])",
    )
    assert [pair[0] for pair in sorted(heights, key=lambda pair: pair[1])] == sorted(pair[0] for pair in heights)


def test_steps_by_keys_and_buttons(visit: Visit) -> None:
    visit.open()
    page = visit.page
    visit.until("document.querySelectorAll('#timeline .day').length > 10")
    all_dates = dates(visit)
    page.focus("#timeline")
    with tile_response(visit, f"datetime=2022-07-27/{all_dates[-1]}"):
        page.keyboard.press("ArrowLeft")
    assert page.inner_text("#shown-time") == "25 Oct 2022"
    with tile_response(visit, "/2022-10-05"):  # the 15th is too cloudy
        page.keyboard.press("ArrowLeft")
    assert page.get_attribute("#timeline", "aria-valuetext").startswith("5 Oct 2022, ")
    with tile_response(visit, "/2022-10-25"):
        page.click("#next")
    assert page.is_disabled("#next")
    page.click("label:has(#fill)")
    with tile_response(visit, "datetime=2022-10-15&cloud_cover=100"):
        page.click("#previous")
    assert page.is_disabled("#clouds")
    page.focus("#timeline")
    with tile_response(visit, "datetime=2022-10-05/2022-10-15"):
        page.keyboard.press("Shift+ArrowLeft")
    visit.drawn()
    with tile_response(visit, "/tiles/") as newest:
        page.keyboard.press("Escape")
    assert "datetime" not in newest.value.url
    assert page.locator("#newest").is_hidden()


def test_a_click_selects_a_date_and_a_drag_a_range(visit: Visit) -> None:
    visit.open()
    page = visit.page
    visit.until("document.querySelectorAll('#timeline .day').length > 10")
    line = page.locator("#timeline").bounding_box()
    bar = page.locator("#timeline .day").nth(4).bounding_box()
    page.mouse.move(bar["x"] + 2, bar["y"] + 8)
    page.wait_for_selector("#timeline .tip:not([hidden])")
    assert re.fullmatch(r"\d+ \w+ 20\d\d · \d+ % cloud cover", page.inner_text("#timeline .tip"))
    with tile_response(visit, "datetime="):
        page.mouse.click(bar["x"] + 2, bar["y"] + 8)
    assert page.inner_text("#shown-time") in page.inner_text("#timeline .tip")
    visit.drawn()
    with tile_response(visit, "datetime=") as response:
        page.mouse.move(line["x"] + 200, line["y"] + 20)
        page.mouse.down()
        page.mouse.move(line["x"] + 420, line["y"] + 20, steps=4)
        page.mouse.up()
    first, last = re.search(r"datetime=([\d-]+)/([\d-]+)", response.value.url).groups()
    assert "2021-12" < first < "2022-02"
    assert "2022-03" < last < "2022-05"
    assert (page.input_value("#from"), page.input_value("#to")) == (first, last)
    with tile_response(visit, f"datetime={first}/2022-06-30"):
        page.fill("#to", "2022-06-30")
        page.dispatch_event("#to", "change")


def test_playback(visit: Visit) -> None:
    visit.open("/#12/40.2017/12.0001?span=3")
    page = visit.page
    visit.until("document.querySelectorAll('#timeline .day').length > 3")
    page.click("#play")
    page.wait_for_selector("#play[aria-pressed=true]")
    shown_times = {page.inner_text("#shown-time")}
    for _ in range(2):
        before = page.inner_text("#shown-time")
        visit.until(f"document.querySelector('#shown-time').textContent !== '{before}'")
        shown_times.add(page.inner_text("#shown-time"))
    assert len(shown_times) == 3
    page.click("#play")
    page.wait_for_selector("#play[aria-pressed=false]")


def test_the_timeline_moves_to_earlier_dates(visit: Visit) -> None:
    visit.open()
    page = visit.page
    with page.expect_response(lambda response: "datetime=2021-04-25/2022-04-25" in response.url):
        page.click("#older")
    with page.expect_response(lambda response: "datetime=2022-01-25/2022-04-25" in response.url):
        page.select_option("#span", "3")
    assert "until=2022-04-25" in visit.hash
    page.click("#newest")
    assert "until" not in visit.hash


def test_swipe_between_two_layers(visit: Visit) -> None:
    visit.open()
    page = visit.page
    with tile_response(visit, "bands=true-color"):
        page.click("#swipe")
    visit.drawn()
    left, right = (image_at(visit, x) for x in (790, 840))
    assert "true-color" not in left
    assert "true-color" in right
    page.focus("#divider")
    page.keyboard.press("Home")
    assert page.get_attribute("#divider", "aria-valuenow") == "5"
    assert "true-color" in image_at(visit, 420)
    page.keyboard.press("ArrowRight")
    box = page.locator("#divider").bounding_box()
    page.mouse.move(box["x"] + 16, box["y"] + 500)
    page.mouse.down()
    page.mouse.move(1000, 500, steps=4)
    page.mouse.up()
    assert int(page.get_attribute("#divider", "aria-valuenow")) == 70
    page.keyboard.press("ArrowLeft")
    assert page.get_attribute("#divider", "aria-valuenow") == "68"
    page.mouse.move(760, 620)
    page.mouse.down()
    page.mouse.move(700, 560, steps=3)  # panning the map does not move the divider
    page.mouse.up()
    visit.drawn()
    assert "true-color" not in image_at(visit, 950)
    page.click("[data-side='0']")
    page.wait_for_selector("#layer-title >> text=NDVI")
    with tile_response(visit, "index=ndwi"):
        page.fill("#layer-search", "ndwi")
        page.keyboard.press("Enter")
    written_hash = visit.hash
    assert "index=ndwi" in written_hash
    assert "b.bands=true-color" in written_hash
    visit.open(f"/{written_hash}")
    assert visit.hash == written_hash
    page.click("#swipe")
    assert page.locator("#divider").is_hidden()
    assert "swipe" not in visit.hash


def image_at(visit: Visit, x: int, y: int = 380) -> str:
    """The label of the image that is visible at a screen position."""
    place = visit.page.evaluate(
        """([x, y]) => {
          const stack = [...document.querySelectorAll('.side')].filter(pane => {
            const clip = getComputedStyle(pane).clipPath;
            if (clip === 'none') return true;
            const [left, , right] = [...clip.matchAll(/([-\\d.]+)px ([-\\d.]+)px/g)].map(part => parseFloat(part[1]));
            const origin = pane.getBoundingClientRect().left;
            return origin + left <= x && x < origin + right;
          });
          return stack.map(pane => pane.classList[1]);
        }""",
        [x, y],
    )
    assert len(place) == 1
    sides = {"leaflet-first-pane": 0, "leaflet-second-pane": 1}
    return str(visit.page.inner_text(f"[data-side='{sides[place[0]]}']")).replace("True colour", "true-color")


def test_swipe_between_two_dates(visit: Visit) -> None:
    visit.open()
    page = visit.page
    page.click("#swipe")
    visit.drawn()
    page.wait_for_selector(option("NDVI"))
    page.fill("#layer-search", "ndvi")
    page.keyboard.press("Enter")
    page.focus("#timeline")
    with tile_response(visit, "datetime="):
        page.keyboard.press("Home")
    labels: list[Any] = page.locator("#sides button").all_inner_texts()
    assert labels[0].split("\n")[:2] == ["NDVI", "Newest"]
    assert labels[1].split("\n")[0] == "NDVI"
    assert re.search(r"20\d\d", labels[1])
