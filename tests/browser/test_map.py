"""The map: extent, go-to form, footprints; and pure functions against pyproj and NumPy."""

from __future__ import annotations

import io
import random
import urllib.request
from typing import Any

import numpy as np
import pytest
from pyproj import Transformer

from tests.browser.conftest import Visit
from tests.browser.responses import fulfill_changed

pytestmark = pytest.mark.acceptance

CENTRE = "40.2017/12.0001"


@pytest.mark.parametrize(("zoom", "requested"), [(5, set()), (17, {"15"})])
def test_no_tiles_outside_the_zoom_levels(visit: Visit, zoom: int, requested: set[str]) -> None:
    visit.page.goto(f"{visit.server}/#{zoom}/{CENTRE}")
    visit.page.wait_for_selector("#status.on" if not requested else ".pixels img.leaflet-tile-loaded")
    assert {tile.split("/")[2] for tile in visit.tiles() if ".npy" not in tile} == requested
    if not requested:
        assert visit.page.inner_text("#status span") == "Zoom in to see images"


def test_outside_the_archive_a_button_zooms_to_it(visit: Visit) -> None:
    visit.page.goto(f"{visit.server}/#12/46.5/11.35")
    visit.page.wait_for_selector("#zoom-to-extent:not([hidden])")
    assert visit.tiles() == []
    visit.page.click("#zoom-to-extent")
    visit.drawn()


def test_a_global_archive_opens_at_its_centre(visit: Visit) -> None:
    world = {"bounds": [-180, -85.0511, 180, 85.0511], "center": [11.35, 46.5, 12]}
    visit.page.route("**/tilejson.json", lambda route: fulfill_changed(route, **world))
    visit.page.goto(f"{visit.server}/")
    visit.page.wait_for_selector(".pixels img.leaflet-tile-loaded")
    assert visit.hash.startswith("#12/46.5")


def test_go_to_coordinates_and_mgrs_tiles(visit: Visit) -> None:
    visit.page.goto(f"{visit.server}/#12/46.5/11.35")
    page = visit.page
    page.wait_for_selector("#zoom-to-extent:not([hidden])")
    page.click("#go-to-button")
    assert page.evaluate("document.activeElement.id") == "go-to-text"
    page.keyboard.type("nowhere")
    page.keyboard.press("Enter")
    assert "32TPS" in page.inner_text("#go-to-error")
    page.fill("#go-to-text", "40.2N 12.0E")
    page.keyboard.press("Enter")
    visit.drawn()
    assert visit.hash.startswith("#13/40.2000")
    assert page.locator("#go-to").is_hidden()
    assert page.evaluate("document.activeElement.id") == "go-to-button"
    page.click("#go-to-button")
    page.fill("#go-to-text", "33TTE")
    page.click("#go-to button")
    assert visit.hash.startswith("#9/40.")
    page.click("#go-to-button")
    page.keyboard.press("Escape")
    assert page.locator("#go-to").is_hidden()
    page.click("#zoom-in")
    visit.until("location.hash.startsWith('#10/')")
    page.click("#full-extent")
    visit.until("location.hash.startsWith('#12/40.19')")


def test_scene_footprints(visit: Visit) -> None:
    visit.open(f"/#12/{CENTRE}?time=2022-10-05&footprints=1")
    page = visit.page
    page.wait_for_selector(".footprint", state="attached")
    assert page.locator(".footprint").count() == 2
    assert sorted(page.locator(".mgrs-tile").all_inner_texts()) == ["32TQK", "33TTE"]
    page.click("#footprints")
    assert page.locator(".footprint").count() == 0


def test_no_basemap_unless_configured(opened: Visit) -> None:
    """`tests/web/test_page.py` tests configured ones."""
    assert opened.page.locator(".leaflet-layer.base").count() == 0
    assert opened.page.locator(".land").count() > 0


@pytest.mark.parametrize("zone", [1, 29, 32, 33, 60])
@pytest.mark.parametrize("south", [False, True])
def test_utm_equals_pyproj(opened: Visit, zone: int, south: bool) -> None:
    rng = random.Random(zone)
    places = [(rng.uniform(166_000, 834_000), rng.uniform(1_200_000, 9_300_000)) for _ in range(20)]
    to_degrees = Transformer.from_crs(f"EPSG:{(32700 if south else 32600) + zone}", "EPSG:4326", always_xy=True)
    code = "given.map(([zone, east, north]) => m.fromUtm(zone, east, north))"
    result = opened.run("map/mgrs.js", code, [[zone, east, north - 1e7 if south else north] for east, north in places])
    expected = [to_degrees.transform(east, north) for east, north in places]
    wrapped = np.asarray(result) - np.asarray(expected)
    wrapped[:, 0] = (wrapped[:, 0] + 180) % 360 - 180
    assert np.abs(wrapped).max() < 2e-8  # degrees: 2 mm


@pytest.mark.parametrize(
    ("name", "zone", "east", "north", "size"),
    [
        ("33TTE", 33, 250_000, 4_450_000, 100_000),  # in the demo archive
        ("32TPS", 32, 650_000, 5_150_000, 100_000),  # Bolzano
        ("13TDE", 13, 450_000, 4_450_000, 100_000),
        ("31UDQ 48251 11932", 31, 448_251.5, 5_411_932.5, 1),  # the Eiffel Tower
        ("4QFJ12345678", 4, 612_345, 2_356_785, 10),
    ],
)
def test_mgrs_references(opened: Visit, name: str, zone: int, east: float, north: float, size: int) -> None:
    result = opened.run("map/mgrs.js", "m.parseMgrs(given)", name)
    lon, lat = Transformer.from_crs(f"EPSG:{32600 + zone}", "EPSG:4326", always_xy=True).transform(east, north)
    assert (result["lon"], result["lat"]) == pytest.approx((lon, lat), abs=1e-6)
    assert result["size"] == size


def test_an_mgrs_tile_of_the_southern_hemisphere(opened: Visit) -> None:
    result = opened.run("map/mgrs.js", "m.parseMgrs('23KLP')")  # with São Paulo in it
    place = Transformer.from_crs("EPSG:32723", "EPSG:4326", always_xy=True).transform(350_000, 7_350_000)
    assert (result["lon"], result["lat"]) == pytest.approx(place, abs=1e-6)


@pytest.mark.parametrize("name", ["", "33", "33TT", "61TTE", "33ITE", "33TTE1", "33TAE", "0TTE", "33TTE123"])
def test_invalid_mgrs_references(opened: Visit, name: str) -> None:
    assert opened.run("map/mgrs.js", "m.parseMgrs(given)", name) is None


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("46.5, 11.35", (46.5, 11.35)),
        ("46.5 11.35", (46.5, 11.35)),
        ("-33.9;151.2", (-33.9, 151.2)),
        ("−33.9, 151.2", (-33.9, 151.2)),
        ("11.35E 46.5N", (46.5, 11.35)),
        ("46°30′N 11°21′E", (46.5, 11.35)),
        ("46° 30' 36\" S, 11° 21' 0\" W", (-46.51, -11.35)),
        ("N46.5 E11.35", (46.5, 11.35)),
        ("40.2°, 12.0°", (40.2, 12.0)),
    ],
)
def test_coordinate_notations(opened: Visit, text: str, place: tuple[float, float]) -> None:
    result = opened.run("map/coordinates.js", "m.parsePlace(given)", text)
    assert (result["lat"], result["lon"]) == pytest.approx(place)


@pytest.mark.parametrize(
    "text", ["", "46.5", "a, b", "46.5, 11.35, 3", "95, 10", "46.5N 47N", "46°70′N 11°E", "1e5, 2"]
)
def test_invalid_coordinates(opened: Visit, text: str) -> None:
    assert opened.run("map/coordinates.js", "m.parsePlace(given)", text) is None


def test_npy_files_equal_numpy(opened: Visit) -> None:
    with urllib.request.urlopen(f"{opened.server}/tiles/11/1092/773.npy?bands=red,nir,blue&tilesize=64") as response:
        expected = np.load(io.BytesIO(response.read()))
    code = (
        "fetch(given).then(r => r.arrayBuffer()).then(b => m.readNpy(b))"
        ".then(a => [a.shape, [...a.values].map(v => isNaN(v) ? null : v)])"
    )
    shape, values = opened.run("layer/npy.js", code, "/tiles/11/1092/773.npy?bands=red,nir,blue&tilesize=64")
    assert tuple(shape) == expected.shape
    result = np.array([np.nan if value is None else value for value in values], np.float32).reshape(shape)
    np.testing.assert_array_equal(result, expected)


def test_histogram_and_quantiles_equal_numpy(opened: Visit) -> None:
    values = np.random.default_rng(3).normal(0.3, 0.4, 500).astype(np.float32)
    given: list[Any] = [float(value) for value in values]
    counts = opened.run("layer/histogram.js", "[...m.histogram(given, -0.5, 1, 30)]", given)
    within = values[(values >= -0.5) & (values <= 1)]
    assert sum(counts) == len(within)
    np.testing.assert_allclose(counts, np.histogram(within, 30, (-0.5, 1))[0], atol=1)
    shares = opened.run("layer/histogram.js", "m.quantiles(given, [0.02, 0.5, 0.98])", given)
    np.testing.assert_allclose(shares, np.quantile(values, [0.02, 0.5, 0.98]), rtol=1e-5)
    assert opened.run("layer/histogram.js", "m.quantiles([NaN], [0.5])") is None


def test_tiles_covering_a_box(opened: Visit) -> None:
    tiles = opened.run("layer/visible-values.js", "m.tilesCovering([0, 0, 90, 66.51326044311186], 2)")
    assert [(tile["x"], tile["y"]) for tile in tiles] == [(2, 1)]
    assert tiles[0]["part"] == pytest.approx([0, 0, 1, 1], abs=1e-9)
    halves = opened.run("layer/visible-values.js", "m.tilesCovering([-45, 1, 45, 60], 2)")
    assert [(tile["x"], tile["part"][0], tile["part"][2]) for tile in halves] == [(1, 0.5, 1), (2, 0, 0.5)]


def test_dates(opened: Visit) -> None:
    run = opened.run
    assert run(
        "time/dates.js", "[m.addMonths('2022-03-31', -1), m.addMonths('2022-10-25', -12), m.addDays('2022-01-01', -1)]"
    ) == ["2022-02-28", "2021-10-25", "2021-12-31"]
    assert run("time/dates.js", "['2022-02-30', '2022-1-1', '', '2022-10-05'].map(m.isDate)") == [
        False,
        False,
        False,
        True,
    ]
    assert run(
        "time/dates.js", "['', '2022-10-05', '2022-10-05/2022-10-04', '2022-10-05/2022-10-06'].map(m.isTime)"
    ) == [
        True,
        True,
        False,
        True,
    ]


def test_the_hash_round_trips(opened: Visit) -> None:
    hash_ = (
        "#13/40.200000/12.000000?bands=swir&time=2022-01-01/2022-02-01&rescale=0,0.4&swipe=30&side=b&b.expression=nir%2Bred"
        "&b.fill=0&area=11.90000,40.10000;12.10000,40.10000;12.00000,40.30000&span=24&until=2022-05-01&footprints=1"
    )
    written = "Promise.resolve(m.readHash(given)).then(({ state, view }) => m.writeHash(state, view))"
    assert opened.run("shell/url-hash.js", written, hash_) == hash_
    invalid_hash = "#99x/1/2?time=2022-02-30&rescale=1&clouds=200&composite=<b>&area=1,2;3&at=500,1&swipe=abc&span=7"
    state = opened.run("shell/url-hash.js", "m.readHash(given)", invalid_hash)
    assert state["view"] is None
    assert (
        opened.run("shell/url-hash.js", "m.writeHash(m.readHash(given).state, {zoom: 1, lat: 2, lon: 3})", invalid_hash)
        == "#1/2.000/3.000?swipe=50"
    )
