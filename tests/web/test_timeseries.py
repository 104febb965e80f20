"""Time series from a running server: formats, errors and disconnects."""

from __future__ import annotations

import csv
import io
import json
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from scog.products.areas.area_of_interest import point
from scog.products.timeseries.options import SeriesOptions, table_of
from scog.products.timeseries.output import document
from scog.settings import Settings
from scog.web.http.responses import IMMUTABLE, PARTIAL
from tests.doubles.range_server import RangeServer, status
from tests.doubles.series import DAYS, OVERCAST, areas_of, lonlat, polygon, scenes, series_of
from tests.profiles import variables_of
from tests.web.conftest import RemoteServer, Served, is_problem, served

ALL = "datetime=../.."
MANY = 200
LON, LAT = lonlat(77.7, 158.2)
PLACE = f"/timeseries/{LON},{LAT}"
AREA = polygon((40.3, 30.2), (170.8, 44.1), (150.2, 160.7), (60.9, 140.4))
FEATURES = {
    "type": "FeatureCollection",
    "features": [
        {"type": "Feature", "id": 7, "properties": {"name": "<b>A</b>"}, "geometry": AREA},
        {"type": "Feature", "properties": {}, "geometry": {"type": "Point", "coordinates": [LON, LAT]}},
    ],
}


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of many dates, whose files `remote_server` serves too."""
    folder = tmp_path_factory.mktemp("dates")
    for scene in scenes():
        scene.write(folder)
    return folder


@pytest.fixture(scope="module")
def dates(archive: Path) -> Iterator[Served]:
    with served(Settings(catalog=str(archive))) as running:
        yield running


def post(running: Served, path: str, body: object, **options: Any) -> httpx.Response:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return running.client.post(path, content=data, **options)


def events_of(text: str) -> list[tuple[str, dict[str, Any]]]:
    """Names and data of server-sent events."""
    events = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if fields:
            events.append((fields["event"], json.loads(fields["data"])))
    return events


# Formats


def test_series_of_a_point(dates: Served, archive: Path) -> None:
    response = dates.get(f"{PLACE}?{ALL}")
    assert response.status_code == 200
    (series,) = series_of(archive, [point(LON, LAT)])
    options = SeriesOptions(variables_of())
    assert response.json() == json.loads(json.dumps(document(series, table_of(series.rows, options), options)))
    observations = response.json()["observations"]
    assert [each["datetime"][:10] for each in observations] == list(DAYS)
    assert {tuple(each) for each in observations} == {("datetime", "values", "valid", "masked", "scenes", "reason")}
    assert response.headers["Vary"].startswith("Accept")
    assert response.headers["X-Scog-Scenes"].startswith("used=")
    again = dates.get(f"{PLACE}?{ALL}", headers={"If-None-Match": response.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    head = dates.client.head(f"{PLACE}?{ALL}")
    assert (head.status_code, head.content) == (200, b"")


def test_the_newest_value_equals_that_of_the_point_route(dates: Served) -> None:
    for place in ((150.5, 20.5), (77.7, 158.2), (290.1, 290.9)):
        lon, lat = lonlat(*place)
        values = [each["values"][0] for each in dates.get(f"/timeseries/{lon},{lat}?{ALL}").json()["observations"]]
        known = [value for value in values if value is not None]
        newest = dates.get(f"/point/{lon},{lat}?{ALL}&cloud_cover=100").json()["values"]
        assert newest == pytest.approx([known[-1]], rel=1e-6)


def test_series_of_areas(dates: Served, archive: Path) -> None:
    response = post(dates, f"/timeseries?{ALL}&smooth=whittaker", AREA)
    assert response.status_code == 200
    (series,) = series_of(archive, areas_of(AREA))
    options = SeriesOptions(variables_of(), smooth=1000.0)
    assert response.json() == json.loads(json.dumps(document(series, table_of(series.rows, options), options)))
    feature = {"type": "Feature", "properties": {"a": 1}, "geometry": AREA}
    assert post(dates, f"/timeseries?{ALL}&smooth=whittaker", feature).json() == response.json()
    assert "ETag" not in response.headers


def test_series_of_a_feature_collection(dates: Served) -> None:
    response = post(dates, f"/timeseries?{ALL}", FEATURES).json()
    area, place = (feature["properties"].pop("timeseries") for feature in response["features"])
    assert response == FEATURES
    assert area == {
        name: value for name, value in post(dates, f"/timeseries?{ALL}", AREA).json().items() if name != "geometry"
    }
    assert place["observations"] == dates.get(f"{PLACE}?{ALL}").json()["observations"]


def test_tables(dates: Served) -> None:
    response = dates.get(f"{PLACE}?{ALL}&format=csv&index=ndvi,dvi")
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert response.headers["Content-Disposition"] == 'attachment; filename="ndvi-dvi.csv"'
    lines = list(csv.DictReader(io.StringIO(response.text)))
    assert [line["datetime"][:10] for line in lines] == list(DAYS)
    assert list(lines[0]) == ["datetime", "NDVI", "DVI", "valid", "masked", "scenes", "reason"]
    both = post(dates, f"/timeseries?{ALL}&format=csv", FEATURES)
    assert [line["feature"] for line in csv.DictReader(io.StringIO(both.text))] == ["7"] * 8 + ["1"] * 8
    odd = dates.get(f"{PLACE}?{ALL}&format=csv&expression=nir/red")
    assert odd.headers["Content-Disposition"] == 'attachment; filename="nir---red.csv"'


def test_charts(dates: Served) -> None:
    for scale in (1, 2):
        response = post(dates, f"/timeseries?{ALL}&format=png&scale={scale}&smooth=whittaker", AREA)
        assert response.headers["Content-Type"] == "image/png"
        chart = Image.open(io.BytesIO(response.content))
        assert chart.size == (800 * scale, 360 * scale)
    svg = post(dates, f"/timeseries?{ALL}&format=svg", FEATURES)
    assert svg.headers["Content-Type"].startswith("image/svg+xml")
    assert svg.headers["X-Content-Type-Options"] == "nosniff"
    assert "&lt;b&gt;A&lt;/b&gt;" in svg.text
    assert "<b>" not in svg.text


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("text/csv", "text/csv"), ("image/svg+xml, */*", "image/svg+xml"), ("image/png,image/*;q=0.8", "image/png"),
        ("text/html,*/*;q=0.8", "application/json"), ("application/json, text/csv", "application/json"),
        ("text/event-stream", "text/event-stream"), ("", "application/json"),
    ],
)  # fmt: skip
def test_formats_by_accept_header(accept: str, form: str, dates: Served) -> None:
    response = dates.get(f"{PLACE}?{ALL}", headers={"Accept": accept})
    assert response.headers["Content-Type"].partition(";")[0] == form
    assert dates.get(f"{PLACE}?{ALL}&format=json", headers={"Accept": accept}).json()


def test_intervals(dates: Served) -> None:
    single = {each["datetime"][:7]: each for each in dates.get(f"{PLACE}?{ALL}").json()["observations"]}
    response = dates.get(f"{PLACE}?datetime=2024-01-01/2024-12-31&interval=monthly&aggregate=max").json()
    assert response["interval"] == "P1M"
    months = response["observations"]
    assert [each["datetime"] for each in months] == [f"2024-{month:02}-01T00:00:00Z" for month in range(1, 13)]
    for each in months:
        alone = single.get(each["datetime"][:7])
        if alone is None:
            assert (each["reason"], each["observations"]) == ("no-observation", 0)
        elif each["datetime"][:7] != "2024-06":
            assert (each["values"], each["reason"]) == (alone["values"], alone["reason"])


# Events


@pytest.mark.parametrize("smooth", ["", "&smooth=whittaker:10"])
def test_events_have_the_same_values(smooth: str, dates: Served) -> None:
    series_json = dates.get(f"{PLACE}?{ALL}{smooth}").json()
    with dates.client.stream("GET", f"{PLACE}?{ALL}{smooth}", headers={"Accept": "text/event-stream"}) as response:
        assert response.headers["Cache-Control"] == "no-store"
        assert "Content-Length" not in response.headers
        events = events_of("".join(response.iter_text()))
    assert [name for name, _ in events if name != "progress"] == ["start", *["observation"] * len(DAYS), "end"]
    start, end = events[0][1], events[-1][1]
    assert start == {name: series_json[name] for name in ("geometry", "band_names", "units", "interval", "grid")} | {
        "expected": len(DAYS)
    }
    observed = sorted((data for name, data in events if name == "observation"), key=lambda each: each["datetime"])
    curve = [each.pop("smoothed") for each in series_json["observations"]] if smooth else None
    assert observed == series_json["observations"]
    assert {name: end[name] for name in ("errors", "truncated", "incomplete")} == {
        name: series_json[name] for name in ("errors", "truncated", "incomplete")
    }
    assert [each["smoothed"] for each in end.get("smoothed", [])] == (curve or [])


def test_events_of_collections_and_intervals(dates: Served) -> None:
    response = post(dates, "/timeseries?datetime=2024-01-01/2024-12-31&interval=P1Y&format=sse", FEATURES)
    events = events_of(response.text)
    assert sorted(data["feature"] for name, data in events if name == "start") == [0, 1]
    assert {data["feature"] for name, data in events if name == "progress" and data["done"] == len(DAYS)} == {0, 1}
    series_json = post(dates, "/timeseries?datetime=2024-01-01/2024-12-31&interval=P1Y", FEATURES).json()
    for name, data in events:
        if name == "observation":
            place = data.pop("feature")
            assert [data] == series_json["features"][place]["properties"]["timeseries"]["observations"]
    assert [name for name, _ in events].count("observation") == 2
    assert len(events[-1][1]["features"]) == 2


def test_events_arrive_as_observations_are_read(remote_server: Callable[..., RemoteServer]) -> None:
    running = remote_server(series_at_once=1)
    running.origin.latency = 0.05
    received: list[tuple[float, str]] = []
    since = time.perf_counter()
    with running.served.client.stream("GET", f"{PLACE}?{ALL}&format=sse") as response:
        for line in response.iter_lines():
            if line.startswith("data") and '"values"' in line:
                received.append((time.perf_counter() - since, json.loads(line[6:])["datetime"][:10]))
    assert [day for _, day in received] == list(reversed(DAYS))
    assert received[-1][0] - received[0][0] > 0.3, "the first event arrives long before the last read"


def test_headers_are_read_ahead(remote_server: Callable[..., RemoteServer]) -> None:
    """Observations are sampled one at a time. Only the first waits for headers, and each header is read once."""
    running = remote_server(series_at_once=1)
    running.origin.latency = 0.05
    assert running.served.get(f"{PLACE}?{ALL}").status_code == 200
    days = {scene.id: scene.time[:10] for scene in scenes()}
    requested = [(days[request.path.split("/")[1]], request.range == (0, 16383)) for request in running.origin.requests]
    for after, before in pairwise(DAYS):
        last_pixels = max(
            (place for place, each in enumerate(requested) if each == (before, False)), default=len(requested)
        )
        assert requested.index((after, True)) < last_pixels
    headers = [request.path for request in running.origin.requests if request.range == (0, 16383)]
    assert len(set(headers)) == len(headers) >= 3 * len(DAYS)


def test_errors_before_the_first_event_are_problems(dates: Served) -> None:
    is_problem(dates.get(f"{PLACE}?index=ndvy&format=sse"), 400)
    is_problem(post(dates, "/timeseries?format=sse", {"type": "Line"}), 400)


def test_later_errors_are_events(remote_server: Callable[..., RemoteServer]) -> None:
    running = remote_server()
    _break(running, "nir", status(404))
    is_problem(running.served.get(f"{PLACE}?datetime={DAYS[0]}"), 502)
    events = events_of(running.served.get(f"{PLACE}?datetime={DAYS[0]}&format=sse").text)
    assert [name for name, _ in events] == ["start", "observation", "error"]
    assert events[-1][1]["status"] == 502
    assert events[-1][1]["skipped"][0]["reason"] == "http-404"


# Failures and limits


def _break(running: RemoteServer, band: str, fault: Any, day: str = "") -> None:
    for scene in scenes():
        if scene.time.startswith(day):
            running.origin.fail(f"/{scene.id}/{band}.tif", always=fault)


def test_unreadable_scenes_are_reported(remote_server: Callable[..., RemoteServer]) -> None:
    running = remote_server(retries=0)
    _break(running, "red", status(404), DAYS[0])
    _break(running, "scl", status(500), DAYS[-1])
    response = post(running.served, f"/timeseries?{ALL}", AREA)
    assert response.status_code == 200
    series_json = response.json()
    first, last = series_json["observations"][0], series_json["observations"][-1]
    assert (first["values"], first["reason"]) == ([None], "http-404")
    assert (last["values"], last["reason"]) == ([None], "http-500")
    assert sorted(each["reason"] for each in series_json["errors"]) == ["http-404", "http-500"]
    assert sum(each["values"] != [None] for each in series_json["observations"]) >= 5
    assert response.headers["Cache-Control"] == PARTIAL
    assert "http-404" in response.headers["X-Scog-Skipped"]


def test_requests_for_too_much_are_rejected(archive: Path) -> None:
    with served(Settings(catalog=str(archive), series_scenes=3, area_pixels=100)) as running:
        response = post(running, f"/timeseries?{ALL}", AREA)
        assert response.json()["truncated"] is True
        assert response.headers["X-Scog-Truncated"] == "true"
        assert [each["datetime"][:10] for each in response.json()["observations"]] == list(DAYS[-3:])
        assert response.json()["grid"]["coarser"] is True


def test_concurrent_series_are_limited(remote_server: Callable[..., RemoteServer]) -> None:
    running = remote_server(series=1)
    running.origin.latency = 0.3
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(running.served.get, f"{PLACE}?{ALL}")
        time.sleep(0.15)
        for form in ("json", "sse"):
            is_problem(running.served.get(f"{PLACE}?{ALL}&format={form}"), 503)
        assert waiting.result(20).status_code == 200
    assert running.served.get(f"{PLACE}?{ALL}").status_code == 200


def test_repeated_series_come_from_the_cache(remote_server: Callable[..., RemoteServer]) -> None:
    running = remote_server()
    running.origin.latency = 0.03

    def timed(path: str) -> tuple[float, httpx.Response]:
        since = time.perf_counter()
        response = running.served.get(path)
        return time.perf_counter() - since, response

    cold, first = timed(f"{PLACE}?{ALL}")
    running.origin.forget_requests()
    again = min(timed(f"{PLACE}?{ALL}")[0] for _ in range(5))
    assert running.origin.requests == []
    assert again < cold / 15, (cold, again)
    assert running.served.get(f"{PLACE}?{ALL}").json() == first.json()
    assert running.served.get(f"{PLACE}?{ALL}").headers["X-Scog-Upstream"].startswith("requests=0; bytes=0")


@pytest.fixture(scope="module")
def hundreds(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, RangeServer]]:
    """Two hundred dates with the files of one scene, on a slow server."""
    (item_path,) = archive.glob(f"*/*{DAYS[0].replace('-', '')}*/*.json")
    item = json.loads(item_path.read_bytes())
    folder = tmp_path_factory.mktemp("hundreds")
    with RangeServer(latency=0.1) as origin:
        for number in range(MANY):
            moment = datetime(2020, 1, 3, 10, 10, 31, tzinfo=UTC) + timedelta(days=5 * number)
            name = f"S2A_32TQK_{moment:%Y%m%d}_0_L2A"
            for band, asset in item["assets"].items():
                asset["href"] = origin.put(f"/{name}/{band}.tif", (item_path.parent / f"{band}.tif").read_bytes())
            when = f"{moment:%Y-%m-%dT%H:%M:%SZ}"
            properties = {"datetime": when, "s2:datatake_id": f"GS2A_{moment:%Y%m%dT%H%M%S}_{number:06d}_N05.00",
                    "s2:datastrip_id": f"S2A_OPER_S{moment:%Y%m%dT%H%M%S}_N05.00"}  # fmt: skip
            there = folder / "sentinel-2-l2a" / name
            there.mkdir(parents=True)
            (there / f"{name}.json").write_text(
                json.dumps(item | {"id": name, "properties": item["properties"] | properties})
            )
        yield folder, origin


@pytest.mark.parametrize("form", ["sse", "json"])
def test_a_disconnect_stops_reading(form: str, hundreds: tuple[Path, RangeServer], tmp_path: Path) -> None:
    folder, origin = hundreds
    origin.forget_requests()
    with served(Settings(catalog=str(folder), hosts=(origin.host,), cache_dir=tmp_path)) as running:
        host, port = running.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as client:
            client.sendall(f"GET {PLACE}?{ALL}&format={form} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            while len(origin.requests) < 100:
                time.sleep(0.01)
            if form == "sse":
                assert client.recv(65536).startswith(b"HTTP/1.1 200")
        time.sleep(0.3)
        before = len(origin.requests)
        assert before < 2 * MANY, "the disconnect was during the reads: at least a header and a block per date"
        time.sleep(0.8)
        assert len(origin.requests) == before, "no requests after the disconnect"
        since = time.perf_counter()
        assert running.get("/healthz").status_code == 200
        assert time.perf_counter() - since < 0.5


# Errors


@pytest.mark.parametrize(
    "query",
    [
        "interval=P1H", "interval=", "interval=P1D&datetime=1900-01-01/2024-12-31", "interval=P1M&index=scl",
        "interval=P1M&interval=P1M", "smooth=", "smooth=whittaker:0", "smooth=whittaker:nan", "smooth=whittaker:1e400",
        "smooth=lowess", "smooth=whittaker&index=scl", "smooth=whittaker&smooth=whittaker", "aggregate=mode",
        "aggregate=", "format=gif", "format=", "scale=0", "scale=5", "scale=nan", "min_valid=-1", "min_valid=1.1",
        "min_valid=nan", "index=ndvi,evi,savi,ndwi,nbr", "index=ndvi,ndvi", "index=ndvi,scl", "index=ndvi&index=evi",
        "index=" + "ndvi," * 200, "expression=" + "-" * 5000 + "nir",
        "expression=" + "(" * 500 + "nir" + ")" * 500, "expression=nir;nir;nir;nir;nir", "expression=__import__('os')",
        "expression=9**9**9**9", "bands=red,nir", "bands=red&index=ndvi", "mask=99", "mask_dilate=-1",
        "mask_dilate=1e9", "cloud_cover=101", "cloud_cover=nan", "datetime=yesterday",
        "datetime=2024-12-31/2024-01-01", "composite=median", "rescale=0,1", "step=P1M", "x=1", "resampling=nearest",
    ],
)  # fmt: skip
def test_invalid_queries(query: str, dates: Served) -> None:
    since = time.perf_counter()
    problem = is_problem(dates.get(f"{PLACE}?{query}"), 400)
    assert time.perf_counter() - since < 1
    assert "parameter" in problem
    is_problem(post(dates, f"/timeseries?{query}", AREA), 400)


@pytest.mark.parametrize(
    "place",
    ["181,0", "0,91", "nan,0", "1e400,0", "1_2,3", "１,2", "11", "11,46,3", "a,b", ",", "9" * 400 + ",1", "inf,inf"],
)
def test_places_that_do_not_exist(place: str, dates: Served) -> None:
    is_problem(dates.get(f"/timeseries/{place}"), 404)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[" * 20_000, b"null", b"7", b'"Point"', b"[]", b"{}", b'{"type":"Polygon"}', b'{"type":7}',
        b'{"type":"Point","coordinates":[NaN,0]}', b'{"type":"Point","coordinates":[1e999,0]}',
        b'{"type":"Point","coordinates":' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"type":"FeatureCollection","features":[]}', b"\xff\xfe{}", b'{"type":"Point","coordinates":["<b>",1]}',
        json.dumps({"type": "FeatureCollection", "features": [FEATURES["features"][1]] * 101}).encode(),
        json.dumps(polygon((0, 0), (30000, 0), (30000, 30000), (0, 30000))).encode(),
    ],
    ids=range(18),
)  # fmt: skip
def test_invalid_bodies(body: bytes, dates: Served) -> None:
    since = time.perf_counter()
    is_problem(post(dates, f"/timeseries?{ALL}", body), 400)
    assert time.perf_counter() - since < 2


def test_long_bodies_are_rejected(archive: Path) -> None:
    with served(Settings(catalog=str(archive), area_bytes=2000)) as running:
        is_problem(post(running, "/timeseries", b" " * 2001), 413)
        assert post(running, f"/timeseries?{ALL}", AREA).status_code == 200


def test_charts_with_too_many_lines_are_rejected(dates: Served) -> None:
    several = FEATURES | {"features": [FEATURES["features"][1]] * 9}
    assert is_problem(post(dates, f"/timeseries?{ALL}&format=png", several), 400)["parameter"] == "format"


def test_ten_years_of_a_large_area(dates: Served) -> None:
    since = time.perf_counter()
    everywhere = polygon((-7000, -7000), (7000, -7000), (7000, 7000), (-7000, 7000))
    response = post(dates, "/timeseries?datetime=2014-01-01/2024-12-31&interval=P1M", everywhere)
    assert response.status_code == 200
    assert time.perf_counter() - since < 10
    assert response.json()["grid"]["coarser"] is True


# Cubes


def create_cube(running: Served, **definition: Any) -> str:
    response = running.client.post("/cubes", json=definition)
    assert response.status_code in (200, 201), response.text
    return f"/cubes/{response.json()['id']}"


def test_series_of_a_cube_use_its_variables_period_and_scenes(archive: Path, tmp_path: Path) -> None:
    with served(Settings(catalog=str(archive), cache_dir=tmp_path)) as running:
        period = "2024-02-01/2024-07-31"
        box = {"type": "Polygon", "coordinates": [polygon((0, 0), (200, 0), (200, 300), (0, 300))["coordinates"][0]]}
        common = {"datetime": period, "index": "dvi", "cloud_cover": 100, "mask": "8,9", "composite": "median"}
        same_query = f"datetime={period}&index=dvi&mask=8,9"
        for pinned in ("live", "pinned"):
            cube = create_cube(running, area=box, scenes=pinned, **common)
            place = running.get(f"{cube}{PLACE}")
            assert place.json() == running.get(f"{PLACE}?{same_query}").json()
            assert place.json()["band_names"] == ["DVI"]
            assert place.headers["Cache-Control"].startswith("public")
            assert (place.headers["Cache-Control"] == IMMUTABLE) == (pinned == "pinned")
            area = post(running, f"{cube}/timeseries?interval=P1Y", AREA)
            assert area.json() == post(running, f"/timeseries?{same_query}&interval=P1Y", AREA).json()
            assert running.get(f"{cube}{PLACE}?format=csv").headers["Content-Type"].startswith("text/csv")
            lon, lat = lonlat(250.5, 100.5)
            assert is_problem(running.get(f"{cube}/timeseries/{lon},{lat}"), 400)["parameter"] == "geometry"
            for query in ("index=ndvi", "datetime=2024-01-01", "mask=none", "x=1"):
                is_problem(running.get(f"{cube}{PLACE}?{query}"), 400)


def test_series_of_a_cube_are_clipped_to_its_area(archive: Path, tmp_path: Path) -> None:
    with served(Settings(catalog=str(archive), cache_dir=tmp_path)) as running:
        left = polygon((100, 100), (120, 100), (120, 200), (100, 200))
        both = polygon((100, 100), (140, 100), (140, 200), (100, 200))
        cube = create_cube(running, area=left, datetime=f"{DAYS[0]}/{DAYS[-1]}", cloud_cover=100)
        inner = post(running, f"/timeseries?{ALL}", left).json()["observations"]
        limited = post(running, f"{cube}/timeseries", both).json()["observations"]
        assert OVERCAST in [each["datetime"][:10] for each in limited if each["values"] == [None]]
        for one, other in zip(inner, limited, strict=True):
            assert one["valid"] == pytest.approx(other["valid"], abs=0.02)
            if one["valid"] > 0.1:
                assert one["values"] == pytest.approx(other["values"], abs=0.01)


def test_series_of_a_comparing_cube_are_of_its_first_period(archive: Path, tmp_path: Path) -> None:
    with served(Settings(catalog=str(archive), cache_dir=tmp_path)) as running:
        cube = create_cube(running, datetime=DAYS[0], compare=DAYS[-1], cloud_cover=100)
        assert [each["datetime"][:10] for each in running.get(f"{cube}{PLACE}").json()["observations"]] == [DAYS[0]]


def test_openapi_describes_series(dates: Served) -> None:
    paths = dates.get("/openapi.json").json()["paths"]
    for prefix in ("", "/cubes/{id}"):
        place = paths[f"{prefix}/timeseries/{{lon}},{{lat}}"]["get"]
        assert "text/event-stream" in place["responses"]["200"]["content"]
        assert paths[f"{prefix}/timeseries"]["post"]["requestBody"]["required"]
    names = {each["name"] for each in paths["/timeseries/{lon},{lat}"]["get"]["parameters"]}
    assert {"interval", "aggregate", "smooth", "min_valid", "format", "cloud_cover", "datetime"} <= names
