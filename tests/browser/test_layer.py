"""The layer tab: layers, expressions, style, cloud mask, composites."""

from __future__ import annotations

import urllib.parse
from typing import Any

import pytest

from scog.web.params.image import SceneParameters
from tests.browser.conftest import Visit
from tests.browser.responses import get, problem

pytestmark = pytest.mark.acceptance


def tile_response(visit: Visit, text: str) -> Any:
    """Context that waits for the image of a tile whose URL contains a text."""
    return visit.page.expect_response(
        lambda response: "/tiles/" in response.url and ".npy" not in response.url and text in response.url
    )


def option(name: str) -> str:
    return f"#layer-list [role=option]:has(b:text-is('{name}'))"


def test_layers_are_searched_by_words_and_bands(opened: Visit) -> None:
    page = opened.page
    page.wait_for_selector(option("EVI"))
    indices = get(f"{opened.server}/indices")["indices"]
    named = get(f"{opened.server}/bands")
    layers = [*indices, *named["presets"], *named["layers"], *named["bands"]]  # with the scene classification
    assert page.locator("#layer-list [role=option]").count() == len(layers) + 1  # custom expression
    page.fill("#layer-search", "burn")
    first = page.locator("#layer-list [role=option] b").all_inner_texts()
    assert {"NBR", "BAI"} <= set(first)
    assert len(first) < 40
    page.fill("#layer-search", "no such thing")
    assert page.inner_text("#layer-list") == "Nothing found."
    page.fill("#layer-search", "")
    assert page.locator("#layer-list [role=option][aria-selected=true] b").inner_text() == "NDVI"


@pytest.mark.parametrize("text", ["swir16", "b11", "B11"])
def test_a_band_is_selected_by_name_or_alias(visit: Visit, text: str) -> None:
    visit.open()
    page = visit.page
    page.wait_for_selector(option("EVI"))
    page.fill("#layer-search", text)
    with tile_response(visit, "bands=swir16"):
        page.keyboard.press("Enter")
    band = next(each for each in get(f"{visit.server}/bands")["bands"] if each["name"] == "swir16")
    visit.until(f"document.querySelector('#layer-title').textContent.startsWith({band['title']!r})")
    assert "bands=swir16" in visit.hash
    legend = get(f"{visit.server}/legend.json?bands=swir16")
    page.wait_for_selector(f"#ramp[aria-label='Colours from {legend['range'][0]:g} to {legend['range'][1]:g}']")


def test_the_custom_expression_is_listed_once_while_layers_load(visit: Visit) -> None:
    page = visit.page
    page.route("**/indices", lambda route: None)  # never answered
    visit.open()
    titles = page.locator("#layer-list [role=option] b")
    assert titles.all_inner_texts() == ["Custom expression"]
    page.fill("#layer-search", "custom")
    assert titles.all_inner_texts() == ["Custom expression"]
    page.fill("#layer-search", "water")
    assert page.inner_text("#layer-list") == "Nothing found."
    page.unroute_all()


def test_a_layer_is_selected_by_keyboard(visit: Visit) -> None:
    visit.open()
    page = visit.page
    page.wait_for_selector(option("EVI"))
    page.fill("#layer-search", "moisture")
    page.keyboard.press("ArrowDown")
    active = page.get_attribute("#layer-search", "aria-activedescendant")
    name = page.inner_text(f"#{active} b")
    with tile_response(visit, f"index={name.lower()}"):
        page.keyboard.press("Enter")
    visit.drawn()
    known = get(f"{visit.server}/indices/{name}")
    assert page.inner_text("#layer-about code") == known["formula"]
    assert f"index={known['name']}" in visit.hash
    with tile_response(visit, "bands=agriculture"):
        page.fill("#layer-search", "agri")
        page.keyboard.press("Enter")
    assert page.inner_text("#layer-title").startswith("Agriculture")
    with tile_response(visit, "expression="):
        page.fill("#layer-search", "ndvi")
        page.keyboard.press("Enter")
        page.click("#layer-about >> text=Edit")
    assert page.input_value("#expression") == "(nir - red) / (nir + red)"


def test_an_invalid_expression_shows_its_error_and_keeps_the_image(visit: Visit) -> None:
    visit.open()
    page = visit.page
    with tile_response(visit, "expression="):
        page.click(option("Custom expression"))
    visit.drawn()
    page.fill("#expression", "(nir - rde) / (nir + red)")
    page.wait_for_selector("#expression-error p")
    text = page.inner_text("#expression-error")
    expected = problem(f"{visit.server}/legend.json?expression=" + urllib.parse.quote("(nir - rde) / (nir + red)"))
    assert expected["detail"].lower() in text.lower()
    assert expected["valid"] in text
    assert page.inner_text("#expression-error mark") == "rde"
    assert page.get_attribute("#expression", "aria-invalid") == "true"
    assert page.locator(".pixels img.leaflet-tile-loaded").count()
    with tile_response(visit, "expression=nir%20%2B%201"):
        page.fill("#expression", "nir + 1")
    assert page.inner_text("#expression-error") == ""
    assert page.get_attribute("#expression", "aria-invalid") == "false"


def test_an_invalid_expression_in_a_link_shows_its_error(visit: Visit) -> None:
    visit.page.goto(f"{visit.server}/#12/40.2017/12.0001?expression=nir%2B")
    visit.page.wait_for_selector("#expression-error p")
    assert [tile for tile in visit.tiles() if "expression" in tile] == []


def test_the_legend_matches_the_server(visit: Visit) -> None:
    """The panel's legend equals `/legend.json`."""
    visit.open()
    page = visit.page
    page.wait_for_selector("#ramp")
    legend = get(f"{visit.server}/legend.json")
    assert page.get_attribute("#ramp", "aria-label") == f"Colours from {legend['range'][0]} to {legend['range'][1]}"
    drawn = page.evaluate("document.querySelector('#ramp').style.background")
    first, last = (
        tuple(int(color[place : place + 2], 16) for place in (1, 3, 5)) for color in (legend["below"], legend["above"])
    )
    assert drawn.startswith(f"linear-gradient(to right, rgb{first}")
    assert f"rgb{last}" in drawn.rsplit("rgb", 1)[1].join(["rgb", ""])
    page.wait_for_selector(option("Scene classification"))
    page.click(option("Scene classification"))
    page.wait_for_selector("#classes li")
    classes = get(f"{visit.server}/legend.json?index=scl")["classes"]
    assert page.locator("#classes li span").all_inner_texts() == [entry["name"] for entry in classes]
    assert page.is_disabled("#mask")
    page.wait_for_selector("#classes small")
    page.click(option("Geology"))
    page.wait_for_selector("#channels li")
    channels = get(f"{visit.server}/legend.json?bands=geology")["channels"]
    assert page.locator("#channels span").all_inner_texts() == [each["output"] for each in channels]


def test_rescale_by_numbers_handles_and_visible_values(visit: Visit) -> None:
    visit.open()
    page = visit.page
    page.wait_for_selector("#histogram path")
    with tile_response(visit, "rescale=0.1,0.9"):
        page.fill("#rescale input >> nth=0", "0.1")
        page.keyboard.press("Enter")
    page.wait_for_selector("[data-end='0'][aria-valuenow='0.1']")
    with tile_response(visit, "rescale="):
        page.focus("[data-end='0']")
        page.keyboard.press("Shift+ArrowRight")
    visit.until("+document.querySelector('[data-end]').ariaValueNow > 0.1")
    low = float(page.get_attribute("[data-end='0']", "aria-valuenow"))
    assert page.evaluate("document.activeElement.dataset.end") == "0"
    visit.drawn()
    box = page.locator("[data-end='1']").bounding_box()
    with tile_response(visit, "rescale="):
        page.mouse.move(box["x"] + 7, box["y"] + 10)
        page.mouse.down()
        page.mouse.move(box["x"] - 40, box["y"] + 10, steps=3)
        page.mouse.up()
    end = "+document.querySelectorAll('[data-end]')[1].ariaValueNow"
    visit.until(f"{low} < {end} && {end} < 0.9")
    page.wait_for_selector("#stretch-to-view:not([disabled])")
    with tile_response(visit, "rescale="):
        page.click("#stretch-to-view")
    values = visit.page.evaluate(
        "import('/static/layer/histogram.js').then(m => m.quantiles([...Array(101).keys()], [0.02, 0.98]))"
    )
    assert values == [2, 98]
    visit.drawn()
    with tile_response(visit, "/tiles/") as plain:
        page.click("#reset-style")
    assert "rescale" not in plain.value.url
    page.fill("#rescale input >> nth=0", "3")
    page.keyboard.press("Enter")
    assert page.get_attribute("#rescale input >> nth=0", "aria-invalid") == "true"


def test_a_colormap_is_selected_from_previews(visit: Visit) -> None:
    visit.open()
    page = visit.page
    page.click("#colormap")
    ramp = "#colormap-list [role=option]:has-text('viridis') .ramp[style]"
    page.wait_for_selector(ramp)
    table = get(f"{visit.server}/colorMaps/viridis")
    style = page.evaluate('document.querySelector("#colormap-list [role=option] .ramp[style]").style.background')
    assert style.startswith(f"linear-gradient(to right, rgb({', '.join(map(str, table['0'][:3]))})")
    with tile_response(visit, "colormap_name=viridis"):
        page.fill("#colormap-search", "viridis")
        page.keyboard.press("Enter")
    with tile_response(visit, "colormap_name=viridis_r"):
        page.check("#reverse")
    page.focus("#colormap-search")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    assert page.locator("#colormaps").is_hidden()
    assert page.evaluate("document.activeElement.id") == "colormap"


def test_clouds_composite_and_reset(visit: Visit) -> None:
    visit.open()
    page = visit.page
    visit.until("document.querySelector('#composite').options.length > 5")
    with tile_response(visit, "composite=median"):
        page.select_option("#composite", "median")
    snippets = get(f"{visit.server}/composites")["composites"]
    about = next(each["description"] for each in snippets if each["name"] == "median")
    assert page.inner_text("#composite-about") == about
    with tile_response(visit, "mask_dilate=100"):
        set_slider(page, "#dilate", 100)
    with tile_response(visit, "cloud_cover=20"):
        set_slider(page, "#clouds", 20)
    with tile_response(visit, "mask=none"):
        page.click("label:has(#mask)")
    assert page.is_disabled("#dilate")
    visit.drawn()  # all tiles have been requested
    before = len(visit.tiles())
    set_slider(page, "#opacity", 40)
    visit.drawn()
    visit.until("[...document.querySelectorAll('.pixels')].every(layer => getComputedStyle(layer).opacity === '0.4')")
    assert len([tile for tile in visit.tiles()[before:] if ".npy" not in tile]) == 0
    page.click("#reset")
    page.wait_for_selector("#mask:checked", state="attached")
    assert "?" not in visit.hash
    assert page.input_value("#composite") == "newest"


def set_slider(page: Any, name: str, value: int) -> None:
    page.eval_on_selector(
        name,
        """(slider, value) => {
          slider.value = value;
          for (const kind of ['input', 'change']) slider.dispatchEvent(new Event(kind, {bubbles: true}));
        }""",
        value,
    )


def test_exported_urls_match_the_image(visit: Visit) -> None:
    visit.open(
        "/#12/40.2017/12.0001?bands=true-color&time=2022-04-01/2022-08-20&composite=median&rescale=0,0.2;0,0.2;0,0.3"
    )
    page = visit.page
    page.click("#tab-export")
    visit.until("document.querySelector('#xyz').value")
    query = (
        "?bands=true-color&datetime=2022-04-01/2022-08-20&composite=median&rescale=0,0.2&rescale=0,0.2&rescale=0,0.3"
    )
    assert page.input_value("#xyz") == f"{visit.server}/tiles/{{z}}/{{x}}/{{y}}{query}"
    assert get(page.input_value("#tilejson"))["tiles"]
    assert page.input_value("#page-link") == page.evaluate("location.href")
    page.click("[data-copies=xyz]")
    assert page.evaluate("navigator.clipboard.readText()") == page.input_value("#xyz")


def test_defaults_equal_the_servers(opened: Visit) -> None:
    assert opened.run("layer/image-request.js", "m.DEFAULT_IMAGE.clouds") == SceneParameters().cloud_cover


@pytest.mark.parametrize(
    ("part", "query"),
    [
        ({}, ""),
        ({"name": "evi", "time": "2022-10-05"}, "?index=evi&datetime=2022-07-07/2022-10-05"),
        ({"name": "scl", "mask": False, "dilate": 20}, "?index=scl"),
        ({"kind": "expression", "name": "a+b;c", "dilate": 20}, "?expression=a%2Bb%3Bc&mask_dilate=20"),
        (
            {"time": "2022-01-01/2022-02-01", "clouds": 10, "fill": False},
            "?datetime=2022-01-01/2022-02-01&cloud_cover=10",
        ),
    ],
)
def test_queries_omit_defaults(opened: Visit, part: dict[str, Any], query: str) -> None:
    assert opened.run("layer/image-request.js", "m.tileQuery({...m.DEFAULT_IMAGE, ...given})", part) == query
