"""Output of time series: documented JSON, CSV with the same values, text tables and charts."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import pytest

from scog.errors import InvalidInput
from scog.imaging.report import Report
from scog.products.areas.area_of_interest import AreaOfInterest, AreasOfInterest, parse_areas, point
from scog.products.areas.sampling_grid import sampling_grid_of
from scog.products.timeseries import output
from scog.products.timeseries.model import Row
from scog.products.timeseries.options import SeriesOptions, Table, table_of
from scog.products.timeseries.plot import chart_of, check_lines
from scog.products.timeseries.series import Series
from scog.products.timeseries.text import text_of
from scog.temporal.intervals import parse_interval
from scog.temporal.steps import parse_step
from tests.products.made_rows import row
from tests.profiles import variables_of

SQUARE = [[11.3, 46.5], [11.31, 46.5], [11.31, 46.51], [11.3, 46.5]]
PLACE = point(11.3, 46.5)
FEATURES = {
    "type": "FeatureCollection",
    "features": [
        {"type": "Feature", "id": "a b", "properties": {"crop": "wheat", "name": "North"},
         "geometry": {"type": "Polygon", "coordinates": [SQUARE]}},
        {"type": "Feature", "properties": None, "geometry": {"type": "Point", "coordinates": [11.3, 46.5]}},
    ],
}  # fmt: skip
NDVI = SeriesOptions(variables_of())
TWO = SeriesOptions(variables_of("ndvi,ndwi"), smooth=10.0)


def series(area: AreaOfInterest, rows: Sequence[Row]) -> Series:
    report = Report(skipped={"S30": "http-404"}, truncated=True)
    return Series(area, sampling_grid_of(area, 10, 4_000_000), tuple(rows), report)


ROWS = [row(0, 0.123456789, -0.5), row(10, None, None), row(20, 0.25, 0.5, valid=0.4), row(30, 1e-7, 123456.789)]
AREA = [row(0, 0.1, 0.2, area=True), row(10, None, None), row(20, 0.3, 0.4, area=True), row(30, 0.5, 0.6, area=True)]


def document(area: AreaOfInterest, rows: Sequence[Row], options: SeriesOptions) -> dict[str, Any]:
    one = series(area, rows)
    written = output.document(one, table_of(one.rows, options), options)
    again: dict[str, Any] = json.loads(json.dumps(written, allow_nan=False))
    return again


def test_json_of_a_point_is_as_documented() -> None:
    result = document(PLACE, [row(0, 0.123456789), row(10, None)], NDVI)
    assert result == {
        "geometry": {"type": "Point", "coordinates": [11.3, 46.5]},
        "band_names": ["NDVI"],
        "units": [None],
        "interval": None,
        "grid": {"crs": "EPSG:32632", "resolution": 10, "coarser": False},
        "observations": [
            {"datetime": "2024-01-01T10:20:31Z", "values": [0.1234568], "valid": 1.0, "masked": 0.0, "scenes": ["S0"],
             "reason": None},
            {"datetime": "2024-01-11T10:20:31Z", "values": [None], "valid": 0.0, "masked": 1.0, "scenes": ["S10"],
             "reason": "masked"},
        ],
        "errors": [{"scene": "S30", "reason": "http-404"}],
        "truncated": True,
        "incomplete": None,
    }  # fmt: skip


def test_polygons_have_statistics_and_a_curve_if_requested() -> None:
    (area, _) = parse_areas(FEATURES, 9, 99).areas
    result = document(area, AREA, TWO)["observations"]
    assert result[1]["values"] == result[1]["statistics"] == result[1]["smoothed"] == [None, None]
    assert AREA[0].sample.statistics is not None
    for written, expected in zip(result[0]["statistics"], AREA[0].sample.statistics, strict=True):
        assert written == pytest.approx(asdict(expected), rel=1e-6)
        assert list(written) == ["mean", "median", "std", "min", "max", "p10", "p25", "p75", "p90", "count"]
    assert result[0]["smoothed"] == pytest.approx([0.1, 0.2], abs=1e-3)
    assert "statistics" not in document(PLACE, ROWS, TWO)["observations"][0]


def test_periods_have_an_end_and_a_number_of_observations() -> None:
    options = replace(NDVI, step=parse_step("monthly"), interval=parse_interval("2024-01-01/2024-02-29"))
    result = document(PLACE, [row(0, 0.2), row(10, None), row(20, 0.4)], options)
    assert result["interval"] == "P1M"
    assert result["observations"][0] | {"scenes": []} == {
        "datetime": "2024-01-01T00:00:00Z", "end": "2024-01-31T23:59:59.999999Z", "observations": 2,
        "values": [0.3], "valid": pytest.approx(2 / 3), "masked": pytest.approx(1 / 3), "scenes": [], "reason": None,
    }  # fmt: skip
    assert result["observations"][1]["reason"] == "no-observation"


def test_features_retain_their_members_and_get_a_timeseries() -> None:
    areas = parse_areas(FEATURES, 9, 99).areas
    several = [series(areas[0], AREA), series(areas[1], ROWS)]
    result = output.collection(several, [table_of(each.rows, TWO) for each in several], TWO)
    assert result["type"] == "FeatureCollection"
    for before, after in zip(FEATURES["features"], result["features"], strict=True):
        assert isinstance(before, dict)
        written = after["properties"].pop("timeseries")
        assert len(written["observations"]) == 4
        assert "geometry" not in written
        assert after == before | {"properties": before["properties"] or {}}
    assert "timeseries" not in json.dumps(FEATURES)


@pytest.mark.parametrize("collected", [False, True])
@pytest.mark.parametrize("options", [replace(TWO, smooth=None), TWO, replace(TWO, step=parse_step("P10D"))])
def test_csv_has_the_values_of_the_json(options: SeriesOptions, collected: bool) -> None:
    areas = parse_areas(FEATURES, 9, 99) if collected else AreasOfInterest((PLACE,), is_collection=False)
    several = [series(area, AREA if not area.is_point else ROWS) for area in areas.areas]
    tables: list[Table] = [table_of(each.rows, options) for each in several]
    text = output.table_text(several, tables, options, areas)
    assert text.endswith("\r\n")
    lines = list(csv.DictReader(io.StringIO(text)))
    written = [output.document(one, table, options) for one, table in zip(several, tables, strict=True)]
    expected = [(place, each) for place, one in enumerate(written) for each in one["observations"]]
    assert len(lines) == len(expected)
    for line, (place, each) in zip(lines, expected, strict=True):
        assert None not in line
        assert line["datetime"] == each["datetime"]
        assert line["reason"] == (each["reason"] or "")
        assert line["scenes"].split() == each["scenes"]
        if collected:
            assert line["feature"] == ("a b", "1")[place]
        for number, name in enumerate(("NDVI", "NDWI")):
            assert line[name] == _cell(each["values"][number])
            if options.smooth is not None:
                assert line[f"{name}_smoothed"] == _cell(each["smoothed"][number])
            if "statistics" in each:
                statistics = each["statistics"][number] or {}
                assert line[f"{name}_p90"] == _cell(statistics.get("p90"))
        assert (line["valid"], line["masked"]) == (_cell(each["valid"]), _cell(each["masked"]))


def _cell(value: float | None) -> str:
    return "" if value is None else str(value)


# Text and charts


def test_text_table_aligns_values_and_bars() -> None:
    rows = [row(0, 0.1), row(10, None), row(20, 0.8, valid=0.5), row(30, 0.4, reason=None)]
    lines = text_of(table_of(rows, NDVI), NDVI).splitlines()
    assert lines[0].split() == ["DATE", "NDVI", "VALID", "MASKED"]
    assert [line.split()[0] for line in lines[1:]] == ["2024-01-01", "2024-01-11", "2024-01-21", "2024-01-31"]
    assert lines[2].split()[2:] == ["-", "0%", "100%", "masked"]
    assert [line.count("█") for line in lines[1:]] == [3, 0, 30, 15]
    plain = text_of(table_of(rows, NDVI), NDVI, plain=True)
    assert plain.isascii()
    assert [line.count("#") for line in plain.splitlines()[1:]] == [4, 0, 30, 15]


def test_text_tables_may_have_negative_constant_and_missing_values() -> None:
    for values in ((-0.5, -0.2), (0.3, 0.3), (0.0, 0.0)):
        rows = [row(day, value) for day, value in enumerate(values)]
        assert len(text_of(table_of(rows, NDVI), NDVI).splitlines()) == 3
    assert text_of(table_of([], NDVI), NDVI) == "DATE  NDVI    VALID  MASKED"


def test_a_chart_has_a_line_per_output_and_area() -> None:
    areas = parse_areas(FEATURES, 9, 99).areas
    several = [series(areas[0], AREA), series(areas[1], ROWS)]
    chart = chart_of(several, [table_of(each.rows, TWO) for each in several], TWO)
    assert [line.name for line in chart.lines] == ["NDVI North", "NDWI North", "NDVI 2", "NDWI 2"]
    assert chart.title == "NDVI, NDWI of 2 areas"
    assert chart.note == "6 of 8 observations"
    first = chart.lines[0]
    assert [dot.value for dot in first.dots] == [0.1, None, 0.3, 0.5]
    assert first.dots[0].spread == pytest.approx((0.02, 0.18), abs=1e-6)
    assert first.curve is not None
    assert len(first.curve) == 31, "one value per day"
    assert chart.lines[2].dots[0].spread is None


def test_charts_have_titles_notes_and_time_ranges() -> None:
    one = series(PLACE, [row(0, 0.2)])
    chart = chart_of([one], [table_of(one.rows, NDVI)], NDVI)
    assert (chart.title, chart.note) == ("NDVI at 11.3000, 46.5000", "1 of 1 observations")
    assert chart.start == chart.end
    options = replace(NDVI, interval=parse_interval("2023-01-01/2024-12-31"), step=parse_step("P1Y"))
    area = series(parse_areas(FEATURES, 9, 99).areas[0], [row(0, 0.2)])
    chart = chart_of([area], [table_of(area.rows, options)], options)
    assert chart.title.startswith("NDVI of 42.7 ha at 11.3067, 46.50")
    assert (chart.start.year, chart.end.year) == (2023, 2024)
    assert chart.note == "median of each P1Y"
    empty = series(PLACE, [])
    assert chart_of([empty], [table_of([], NDVI)], NDVI).start


def test_charts_of_too_many_lines_are_refused() -> None:
    check_lines(4, TWO)
    with pytest.raises(InvalidInput) as caught:
        check_lines(5, TWO)
    assert caught.value.parameter == "format"
