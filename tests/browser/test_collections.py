"""The choice of a collection, and what the viewer offers of each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import PHONE, Visit, serving, visiting
from tests.browser.responses import get
from tests.browser.test_accessibility import violations
from tests.browser.test_layer import option, tile_response
from tests.doubles.archives import C1, L2A
from tests.doubles.several_collections import DEM, LANDSAT, PLACE, RADAR, write_archive

pytestmark = pytest.mark.acceptance

LON, LAT = PLACE.lonlat()
VIEW = f"/#13/{LAT:.4f}/{LON:.4f}"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("several")
    write_archive(folder)
    return folder


@pytest.fixture(scope="module")
def several(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a server with four collections, of which Sentinel-2 is the default."""
    with serving(str(archive), tmp_path_factory.mktemp("server"), collection=L2A) as url:
        yield url


@pytest.fixture
def seen(chromium: Any, several: str) -> Iterator[Visit]:
    """A new page of that server."""
    with visiting(chromium, several) as visit:
        yield visit


def choose(visit: Visit, text: str) -> None:
    """Choose the collection that a search finds, by keyboard."""
    page = visit.page
    page.wait_for_selector("#collection:visible")
    page.focus("#collection")
    page.keyboard.press("Enter")
    page.keyboard.type(text)
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "collection"


def title_is(visit: Visit, title: str) -> None:
    visit.until(f"document.querySelector('#layer-title').firstChild.textContent === {title!r}")


def shown(visit: Visit) -> list[str]:
    """Titles of all listed layers."""
    return list(visit.page.locator("#layer-list [role=option] span b").all_inner_texts())


def collections_of(urls: list[str]) -> set[str | None]:
    """The values of `collection` in URLs; None for those without."""
    return {found[1] if (found := re.search(r"[?&]collection=([^&]*)", url)) else None for url in urls}


def test_a_collection_changes_tiles_legend_layers_and_hash(seen: Visit) -> None:
    seen.open()
    page = seen.page
    seen.until("document.querySelector('#collection-name').textContent === 'Sentinel-2 Level-2A'")
    assert collections_of(seen.tiles()) == {None}
    assert "collection" not in seen.hash
    page.click("#collection")
    listed = get(f"{seen.server}/collections")["collections"]
    titles = [each["title"] for each in listed]
    assert len(titles) == 4
    assert page.locator("#collection-list [role=option] b").all_inner_texts() == titles
    page.keyboard.press("Escape")
    page.wait_for_selector("#histogram path")  # the last requests of the first image
    seen.requests.clear()
    choose(seen, DEM)
    title_is(seen, "Hillshade")
    seen.drawn()
    assert f"collection={DEM}" in seen.hash
    about = [url for url in seen.requests if re.search("/(tiles|legend.json|bands|indices|tilejson.json)", url)]
    assert collections_of(about) == {DEM}
    assert shown(seen) == ["Custom expression", "Elevation", "Hillshade", "Slope", "Elevation"]
    legend = get(f"{seen.server}/legend.json?collection={DEM}")
    assert page.get_attribute("#ramp", "aria-label") == "Colours from {:g} to {:g}".format(*legend["range"])
    attribution = get(f"{seen.server}/tilejson.json?collection={DEM}")["attribution"]
    seen.until("!document.querySelector('.leaflet-control-attribution').textContent.includes('Sentinel')")
    assert attribution in page.inner_text(".leaflet-control-attribution")
    choose(seen, L2A)
    title_is(seen, "NDVI")
    seen.drawn()
    assert "collection" not in seen.hash


def test_a_layer_is_kept_if_the_other_collection_has_it(seen: Visit) -> None:
    seen.open(f"{VIEW}?index=dvi&rescale=0,0.4")
    choose(seen, LANDSAT)
    title_is(seen, "DVI")
    seen.drawn()
    assert f"collection={LANDSAT}" in seen.hash
    assert "index=dvi" in seen.hash
    assert "rescale" not in seen.hash
    choose(seen, RADAR)
    title_is(seen, "VV backscatter")
    assert "index" not in seen.hash
    choose(seen, L2A)
    title_is(seen, "NDVI")


@pytest.mark.parametrize(("text", "is_kept"), [("nir / red", True), ("rededge1 / red", False)])
def test_an_expression_is_kept_if_the_other_collection_has_its_bands(seen: Visit, text: str, is_kept: bool) -> None:
    seen.open(f"{VIEW}?expression={text.replace(' ', '+')}")
    choose(seen, LANDSAT)
    title_is(seen, "Custom expression" if is_kept else "NDVI")
    assert ("expression=" in seen.hash) == is_kept


def test_the_hash_restores_the_collection(seen: Visit) -> None:
    seen.open(f"{VIEW}?collection={LANDSAT}&index=surface-temperature")
    title_is(seen, "Surface temperature")
    assert collections_of(seen.tiles()) == {LANDSAT}
    written = seen.hash
    assert f"collection={LANDSAT}" in written
    seen.page.evaluate(f"location.hash = '{VIEW[1:]}?collection={DEM}&index=slope'")
    title_is(seen, "Slope")
    seen.drawn()
    seen.page.evaluate(f"location.hash = {written!r}")
    title_is(seen, "Surface temperature")
    seen.drawn()
    assert seen.hash == written
    assert seen.page.inner_text("#collection-name") == "Landsat 4 to 9, Collection 2 Level-2"


def test_an_unknown_collection_in_a_link_shows_the_servers_error(seen: Visit) -> None:
    seen.page.goto(f"{seen.server}{VIEW}?collection=nowhere")
    seen.page.wait_for_selector("#error >> text=nowhere")
    assert seen.tiles() == []
    seen.page.evaluate(f"location.hash = '{VIEW[1:]}'")
    seen.drawn()
    title_is(seen, "NDVI")


def test_what_does_not_change_over_time_has_no_timeline(seen: Visit) -> None:
    seen.open(f"{VIEW}?collection={DEM}&index=elevation&time=2024-06-12&composite=median&dilate=60&clouds=20")
    page = seen.page
    title_is(seen, "Elevation")
    assert {tile.partition("?")[2] for tile in seen.tiles() if ".npy" not in tile} == {
        f"collection={DEM}&index=elevation"
    }
    assert [url for url in seen.requests if "/scenes" in url and DEM in url] == []
    for hidden in ("#timeline", "#previous", "#span", "#time-controls", "#cloud-controls"):
        assert page.locator(hidden).is_hidden(), hidden
    assert page.inner_text("#shown-time") == "Does not change over time"
    page.focus("#map")
    page.keyboard.press("Enter")
    page.wait_for_selector("#selection-value data")
    lon, lat = (float(each) for each in re.search(r"at=([\d.]+),([\d.]+)", seen.hash).groups())
    value = get(f"{seen.server}/point/{lon},{lat}?collection={DEM}&index=elevation")
    shown_value = page.inner_text("#selection-value data")
    assert shown_value.endswith(" m")
    assert float(shown_value.removesuffix(" m")) == pytest.approx(value["values"][0], abs=0.5)
    assert page.locator("#chart").is_hidden()
    assert [url for url in seen.requests if "/timeseries" in url] == []
    page.click("#tab-analyse")
    assert page.locator("[data-download=tif]").is_visible()
    for kind in ("csv", "chart", "animation"):
        assert page.locator(f"[data-download={kind}]").is_hidden(), kind
    page.click("#tab-layer")
    choose(seen, L2A)
    page.wait_for_selector("#timeline .day")
    assert page.locator("#time-controls").is_visible()


def test_masks_cloud_cover_and_periods_are_the_collections(seen: Visit) -> None:
    seen.open(f"{VIEW}?time=2024-06-12")
    page = seen.page
    seen.until("document.querySelector('#collection-name').textContent")
    for collection, datetime in ((L2A, "2024-03-14/2024-06-12"), (LANDSAT, "2024-02-13/2024-06-12")):
        seen.requests.clear()
        if collection != L2A:
            choose(seen, collection)
            seen.until(f"location.hash.includes('{collection}')")
            seen.drawn()
            assert any(f"datetime={datetime}" in tile for tile in seen.tiles())
        described = get(f"{seen.server}/bands?collection={collection}")
        mask = next(each for each in described["mask"]["sets"] if each["name"] == described["mask"]["default"])
        assert page.inner_text("#mask-name") == "Mask clouds"
        assert page.inner_text("#mask-about") == "; ".join(mask["masks"])
        assert page.inner_text("#fill-name") == f"Fill gaps from the previous {described['period_days']} days"
        assert page.locator("#clouds").is_visible()
    choose(seen, RADAR)
    title_is(seen, "VV backscatter")
    seen.drawn()
    assert page.locator("#cloud-controls").is_hidden()
    assert page.locator("#time-controls").is_visible()
    assert page.locator("#timeline-key").is_hidden()
    page.wait_for_selector("#timeline .day")
    bar = page.locator("#timeline .day").last.bounding_box()
    page.mouse.move(bar["x"] + 2, bar["y"] + 8)
    page.wait_for_selector("#timeline .tip:not([hidden])")
    assert page.inner_text("#timeline .tip") == "13 Jun 2024"


def test_units_are_in_legend_point_chart_and_statistics(seen: Visit) -> None:
    seen.open(f"{VIEW}?collection={RADAR}&at={LON:.5f},{LAT:.5f}")
    page = seen.page
    title_is(seen, "VV backscatter")
    page.wait_for_selector("#chart .dot >> nth=1")
    assert page.locator("#ticks .end").last.inner_text() == "0 dB"
    assert re.fullmatch(r"−?[\d.]+ dB", page.inner_text("#selection-value data"))
    assert page.locator("#chart text").first.text_content().endswith(" dB")
    assert page.get_attribute("#chart svg", "aria-label").count(" dB, ") == 1
    with tile_response(seen, "bands=dual-pol"):
        page.fill("#layer-search", "dual VV")
        page.keyboard.press("Enter")
    page.wait_for_selector("#channels small >> text=/ to .* dB$/")


def test_two_collections_are_compared(seen: Visit) -> None:
    seen.open(f"{VIEW}?collection={RADAR}&swipe=50&b.collection={DEM}")
    page = seen.page
    title_is(seen, "VV backscatter")
    assert collections_of(seen.tiles()) == {RADAR, DEM}
    labels = page.locator("#sides button").all_inner_texts()
    assert labels[1].split("\n") == ["Hillshade", "Copernicus DEM GLO-30"]
    page.click("[data-side='1']")
    title_is(seen, "Hillshade")
    assert page.locator("#timeline").is_hidden()
    assert page.inner_text("#collection-name") == "Copernicus DEM GLO-30"
    choose(seen, L2A)
    seen.until("!location.hash.includes('b.collection')")
    seen.drawn()
    assert f"collection={RADAR}" in seen.hash
    page.click("[data-side='0']")
    title_is(seen, "VV backscatter")


def test_the_swipe_starts_with_layers_of_the_collection(seen: Visit) -> None:
    seen.open(f"{VIEW}?collection={DEM}")
    with tile_response(seen, f"collection={DEM}&index=elevation"):
        seen.page.click("#swipe")
    seen.drawn()


def test_exported_urls_name_the_collection_once(seen: Visit) -> None:
    seen.open(f"{VIEW}?collection={DEM}&index=slope")
    page = seen.page
    page.click("#tab-export")
    seen.until("document.querySelector('#xyz').value")
    query = f"?collection={DEM}&index=slope"
    assert page.input_value("#xyz") == f"{seen.server}/tiles/{{z}}/{{x}}/{{y}}{query}"
    assert page.input_value("#tilejson") == f"{seen.server}/tilejson.json{query}"
    assert get(page.input_value("#tilejson"))["name"] == "scog: Slope"
    for client in page.locator("#client option").all_inner_texts():
        page.select_option("#client", client)
        assert page.locator("#snippet").inner_text().count(f"collection={DEM}") >= 1, client


def test_reset_keeps_the_collection(seen: Visit) -> None:
    seen.open(f"{VIEW}?collection={LANDSAT}&index=surface-temperature&opacity=50")
    seen.page.click("#reset")
    title_is(seen, "NDVI")
    assert seen.hash.endswith(f"?collection={LANDSAT}")


def test_all_collections_of_an_archive_without_default(visit: Visit) -> None:
    visit.open()
    page = visit.page
    visit.until("document.querySelector('#collection-name').textContent === 'All collections'")
    page.click("#collection")
    listed = get(f"{visit.server}/collections")["collections"]
    names = page.locator("#collection-list [role=option] b").all_inner_texts()
    assert names == ["All collections", *(each["title"] for each in listed)]
    page.keyboard.press("Escape")
    with tile_response(visit, f"collection={C1}"):
        choose(visit, C1)
    visit.drawn()
    title_is(visit, "NDVI")
    choose(visit, "all")
    visit.until("!location.hash.includes('collection')")
    visit.drawn()


def test_collections_of_several_catalogues_are_grouped(
    chromium: Any, archive: Path, demo_archive: Path, tmp_path: Path
) -> None:
    with serving([f"demo={demo_archive}", f"mine={archive}"], tmp_path) as url, visiting(chromium, url) as visit:
        visit.open()
        page = visit.page
        page.wait_for_selector("#collection:visible")
        page.click("#collection")
        assert page.locator("#collection-list [role=group] p").all_inner_texts() == ["demo", "mine"]
        page.keyboard.press("Escape")
        choose(visit, f"{L2A} mine")
        visit.until(f"location.hash.includes('collection={L2A}@mine')")
        visit.drawn()  # the map has moved there
        assert collections_of(visit.tiles()) == {None, f"{L2A}@mine"}
        assert page.locator("#demo-notice").is_hidden()


def test_a_server_of_one_collection_has_no_choice(chromium: Any, archive: Path, tmp_path: Path) -> None:
    with serving(str(archive / L2A), tmp_path) as url, visiting(chromium, url) as visit:
        visit.open()
        visit.page.wait_for_selector(option("EVI"))
        visit.until("performance.getEntriesByType('resource').some(({name}) => name.endsWith('/collections'))")
        assert len(get(f"{url}/collections")["collections"]) == 1
        assert visit.page.locator("#collection-controls").is_hidden()
        assert collections_of(visit.requests) == {None}
        for path in ("tilejson.json", "bands", "indices", "collections", "composites"):
            assert visit.requests.count(f"{url}/{path}") == 1, path


@pytest.mark.parametrize("size", [None, PHONE])
def test_axe_finds_nothing(chromium: Any, several: str, size: dict[str, int] | None) -> None:
    with visiting(chromium, several, **({"viewport": size, "has_touch": True} if size else {})) as visit:
        page = visit.page
        visit.open()
        if size:
            page.click("#fold")
        page.wait_for_selector("#collection:visible")
        page.click("#collection")
        found = {"choice": violations(page)}
        page.fill("#collection-search", "no such thing")
        found["nothing"] = violations(page)
        page.keyboard.press("Escape")  # clears the search
        page.keyboard.press("Escape")
        choose(visit, DEM)
        title_is(visit, "Hillshade")
        found["static"] = violations(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert {name: each for name, each in found.items() if each} == {}
