"""Selected points and areas: values, time series, statistics, downloads."""

from __future__ import annotations

import io
import json
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import rasterio
from PIL import Image

from tests.browser.conftest import Visit
from tests.browser.responses import get
from tests.browser.test_layer import tile_response

pytestmark = pytest.mark.acceptance

CENTRE = "40.2017/12.0001"
FIELD = [[11.98, 40.19], [12.0, 40.19], [12.0, 40.2], [11.98, 40.2], [11.98, 40.19]]


def post(url: str, body: Any) -> Any:
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode()), timeout=20) as response:
        return json.load(response)


def wait_for_chart(visit: Visit) -> None:
    """Wait until the time series is complete."""
    visit.page.wait_for_selector("#chart .dot", state="attached")
    visit.until("document.querySelector('#selection .secondary').textContent === ''")


def valid_observations(series: Any) -> list[Any]:
    return [each for each in series["observations"] if each["values"][0] is not None]


def test_a_click_shows_the_value_and_the_time_series(visit: Visit) -> None:
    visit.open(f"/#13/{CENTRE}?index=ndmi")
    page = visit.page
    with page.expect_response("**/point/**") as response:
        page.mouse.click(640, 400)
    lon, lat = (float(part) for part in urlsplit(response.value.url).path.removeprefix("/point/").split(","))
    assert (lon, lat) == pytest.approx((12.0001, 40.2017), abs=1e-3)
    assert response.value.url.endswith("?index=ndmi")
    wait_for_chart(visit)
    value = get(response.value.url)["values"][0]
    assert float(page.get_attribute("#selection-value data", "value")) == value
    assert page.inner_text("#selection-value data").replace("−", "-") == f"{round(value, 3):g}"
    series = get(f"{visit.server}/timeseries/{lon:.6f},{lat:.6f}?index=ndmi&datetime=2021-10-25/..")
    assert page.locator("#chart .dot").count() == len(valid_observations(series))
    assert page.locator("#chart .missing").count() == len(series["observations"]) - len(valid_observations(series))
    text = page.get_attribute("#chart svg", "aria-label")
    assert text.startswith(f"NDMI: {len(valid_observations(series))} values from ")
    values = [each["values"][0] for each in valid_observations(series)]
    order = page.eval_on_selector_all("#chart .dot", "all => all.map(dot => -dot.getAttribute('cy'))")
    ranks = [sorted(each).index(value) for each in (values, order) for value in each]
    assert ranks[: len(values)] == ranks[len(values) :]
    assert f"at={lon:.5f},{lat:.5f}" in visit.hash
    page.focus("#map")
    page.keyboard.press("Escape")
    assert page.locator("#selection").is_hidden()


def test_a_click_on_a_dot_selects_its_date(visit: Visit) -> None:
    visit.open(f"/#12/{CENTRE}?at=12.0,40.2")
    page = visit.page
    wait_for_chart(visit)
    box = page.locator("#chart .dot").nth(2).bounding_box()
    page.mouse.move(box["x"] + 4, box["y"] + 4)
    page.wait_for_selector("#chart .tip:not([hidden])")
    text = page.inner_text("#chart .tip")
    with tile_response(visit, "datetime="):
        page.mouse.click(box["x"] + 4, box["y"] + 4)
    assert text.startswith(page.inner_text("#shown-time"))
    assert page.locator("#chart .shown").count() == 1
    visit.drawn()
    left, right = page.eval_on_selector(
        "#timeline .chosen", "bar => [bar.getBoundingClientRect().left, bar.getBoundingClientRect().right]"
    )
    assert left <= box["x"] + 4 <= right  # chart and timeline share a scale


def test_the_chart_grows_as_observations_arrive(visit: Visit) -> None:
    """The chart shows the first half of the events before the rest arrives."""
    visit.open(f"/#12/{CENTRE}")
    page = visit.page
    page.evaluate(
        """() => {
          const real = window.fetch;
          window.fetch = (url, options) => {
            if (!String(url).includes('timeseries/')) return real(url, options);
            const text = new TextEncoder();
            const say = (event, data) => text.encode(`event: ${event}\\ndata: ${JSON.stringify(data)}\\n\\n`);
            const one = (day, value) => ({datetime: `2022-0${day}-10T10:00:00Z`, values: [value], valid: 1});
            const body = new ReadableStream({start(control) {
              control.enqueue(say('start', {band_names: ['X'], expected: 4}));
              control.enqueue(say('observation', one(3, 0.5)));
              const late = say('observation', one(2, 0.25));
              control.enqueue(late.slice(0, 20));
              window.rest = () => {
                control.enqueue(late.slice(20));
                control.enqueue(text.encode(': still there\\n\\n'));
                control.enqueue(say('observation', one(4, null)));
                control.enqueue(say('end', {}));
                control.close();
              };
            }});
            return Promise.resolve(new Response(body));
          };
        }"""
    )
    page.mouse.click(800, 400)
    page.wait_for_selector("#selection >> text=Reading 1 of 4 dates")
    assert page.locator("#chart .dot").count() == 1
    page.evaluate("window.rest()")
    visit.until("document.querySelector('#selection .secondary').textContent === ''")
    assert page.locator("#chart .dot").count() == 2
    assert page.locator("#chart .missing").count() == 1


def test_a_failed_time_series_shows_its_error(visit: Visit) -> None:
    visit.open(f"/#12/{CENTRE}")
    visit.page.route("**/timeseries/**", lambda route: route.fulfill(status=504, json={"detail": "Too slow <b>."}))
    visit.page.mouse.click(800, 400)
    visit.page.wait_for_selector("#selection >> text=Too slow <b>.")


def test_points_and_areas_are_selected_by_keyboard(visit: Visit) -> None:
    visit.open(f"/#13/{CENTRE}")
    page = visit.page
    page.focus("#map")
    page.keyboard.press("Enter")
    wait_for_chart(visit)
    assert "at=12.00010,40.20170" in visit.hash
    page.click("#tab-analyse")
    page.focus("#draw-box")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "map"
    page.keyboard.press("Space")
    for key in ("ArrowRight", "ArrowUp"):
        page.keyboard.press(key)
        page.wait_for_timeout(500)  # the map pans; a corner in the middle of that can give an area without pixels
    page.keyboard.press("Space")
    page.wait_for_selector("#chart .spread", state="attached")
    assert "area=" in visit.hash
    page.focus("#draw-shape")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    assert page.locator("#drawing").is_hidden()
    assert "area=" in visit.hash


def test_a_drawn_polygon_has_a_time_series_and_statistics(visit: Visit) -> None:
    visit.open(f"/#13/{CENTRE}")
    page = visit.page
    page.click("#tab-analyse")
    page.click("#draw-shape")
    for x, y in ((700, 300), (900, 300)):
        page.mouse.click(x, y)
    assert page.is_disabled("#finish")
    page.mouse.click(800, 450)
    with page.expect_request(lambda request: "/timeseries?" in request.url) as request:
        page.click("#finish")
    area = json.loads(request.value.post_data)
    assert area["type"] == "Polygon"
    assert len(area["coordinates"][0]) == 4
    wait_for_chart(visit)
    series = post(f"{visit.server}/timeseries?datetime=2021-10-25/..", area)
    assert page.locator("#chart .dot").count() == len(valid_observations(series))
    assert page.locator("#chart .spread").count() == 2
    last = valid_observations(series)[-1]
    assert float(page.get_attribute("#selection-value data", "value")) == last["values"][0]
    page.wait_for_selector("#statistics-table td")
    feature = {"type": "Feature", "properties": {}, "geometry": area}
    properties = post(f"{visit.server}/statistics", feature)["properties"]
    (statistics,) = properties["statistics"].values()
    rows = dict(text.split("\t") for text in page.locator("#statistics-table tr").all_inner_texts())
    assert rows["Mean"].replace("−", "-") == f"{round(statistics['mean'], 3):g}"
    assert rows["Valid pixels"] == f"{round(statistics['valid_percent'])} %"
    assert float(rows["Area"].removesuffix(" ha")) == pytest.approx(properties["measured"]["area_ha"], abs=0.06)


def open_file(visit: Visit, tmp_path: Path, content: Any) -> None:
    file = tmp_path / "field.geojson"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    visit.page.set_input_files("#file", file)


def test_a_geojson_file_is_opened_or_dropped(visit: Visit, tmp_path: Path) -> None:
    visit.open()
    page = visit.page
    page.click("#tab-analyse")
    feature = {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [FIELD]}}
    open_file(visit, tmp_path, {"type": "FeatureCollection", "features": [feature]})
    wait_for_chart(visit)
    assert "area=11.98000,40.19000;12.00000,40.19000" in visit.hash
    assert visit.hash.startswith("#15/")  # zoomed to the area
    visit.drawn()
    dropped = json.dumps({**feature["geometry"], "coordinates": [[[lon + 0.01, lat] for lon, lat in FIELD]]})
    page.evaluate(
        """text => {
          const data = new DataTransfer();
          data.items.add(new File([text], 'a.json'));
          document.dispatchEvent(new DragEvent('dragover', {dataTransfer: data, bubbles: true, cancelable: true}));
          window.dropShown = !document.querySelector('#drop-hint').hidden;
          document.dispatchEvent(new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true}));
        }""",
        dropped,
    )
    assert page.evaluate("window.dropShown")
    visit.until("location.hash.includes('area=11.99000,40.19000')")
    assert page.locator("#drop-hint").is_hidden()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("<b>nothing</b>", "This file is not valid GeoJSON."),
        ({"type": "Point", "coordinates": [12, 40]}, "The file contains no Polygon or MultiPolygon."),
        (
            {"type": "Polygon", "coordinates": [[[700000, 5000000]] * 4]},
            "Coordinates must be longitude and latitude in degrees (WGS 84).",
        ),
        ({"type": "Polygon", "coordinates": "x"}, "Coordinates must be longitude and latitude in degrees (WGS 84)."),
        ([1, None, {"features": 3}], "The file contains no Polygon or MultiPolygon."),
    ],
)
def test_invalid_areas_are_rejected(opened: Visit, content: Any, message: str) -> None:
    text = content if isinstance(content, str) else json.dumps(content)
    code = "Promise.resolve().then(() => m.parseArea(given)).then(() => 'fine', error => error.message)"
    assert opened.run("analyse/geojson.js", code, text) == message


def is_csv(data: bytes) -> None:
    assert data.startswith(b"datetime,")
    assert data.count(b"\n") > 5


def is_png(data: bytes) -> None:
    assert Image.open(io.BytesIO(data)).format == "PNG"


def is_geotiff(data: bytes) -> None:
    with rasterio.MemoryFile(data) as memory, memory.open() as written:
        assert written.count == 1
        assert written.bounds.left == pytest.approx(11.98, abs=0.001)
        assert written.bounds.top == pytest.approx(40.2, abs=0.001)


def is_animation(data: bytes) -> None:
    image = Image.open(io.BytesIO(data))
    assert image.format == "WEBP"
    assert image.n_frames > 2


DOWNLOADS: dict[str, Callable[[bytes], None]] = {
    "png": is_png,
    "tif": is_geotiff,
    "csv": is_csv,
    "chart": is_png,
    "animation": is_animation,
}


def test_downloads(visit: Visit) -> None:
    corners = ";".join(f"{lon},{lat}" for lon, lat in FIELD[:-1])
    visit.open(f"/#14/40.195/11.99?area={corners}&span=3")
    page = visit.page
    page.click("#tab-analyse")
    wait_for_chart(visit)
    for kind, check in DOWNLOADS.items():
        with page.expect_download() as download:
            page.click(f"[data-download={kind}]")
        check(Path(download.value.path()).read_bytes())
        assert download.value.suggested_filename.startswith("ndvi-newest.")
    page.click("#selection [aria-label='Close the time series']")
    assert page.is_disabled("[data-download=csv]")
    for kind in ("png", "tif"):
        with page.expect_download() as download:
            page.click(f"[data-download={kind}]")
        assert Path(download.value.path()).stat().st_size > 1000
    page.route("**/bbox/**", lambda route: route.fulfill(status=400, json={"detail": "Too <large>", "valid": "less"}))
    page.click("[data-download=tif]")
    page.wait_for_selector("#download-status >> text=Too <large> Valid: less.")
