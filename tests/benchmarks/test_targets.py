"""Targets, tables and plots from hand-made rows with known results."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import report
from benchmarks.measure import Row, paired, spread
from benchmarks.speed_chart import GROUPS, speed_chart
from benchmarks.targets import Target, targets

ABOUT = {"began": "2026-01-01T00:00:00Z", "quick": True, "cores": 2, "first_byte": 0.03, "bandwidth": 50e6}
ROWS = [
    # In each round rio-tiler takes 2, 3 and 4 times as long at z8, and 1.5 times at z13.
    *(Row("cold", "z8", "scog", round_, wall=0.1 * (round_ + 1), wrong=0.0) for round_ in range(3)),
    *(Row("cold", "z8", "rio-tiler", round_, wall=0.1 * (round_ + 1) * (round_ + 2)) for round_ in range(3)),
    Row("cold", "z13", "scog", 0, wall=0.2, wrong=0.0),
    Row("cold", "z13", "rio-tiler", 0, wall=0.3, wrong=0.01),
    Row("cold", "z13", "floor", 0, wall=0.1),
    # Over open connections rio-tiler takes 1.4 times as long at z14, over new ones 2 times, over plain HTTP 1.8 times.
    *(Row("cold", "z14", contender, 0, wall=wall) for contender, wall in (("scog", 0.2), ("rio-tiler", 0.4))),
    *(Row("cold open", "z14", contender, 0, wall=wall) for contender, wall in (("scog", 0.1), ("rio-tiler", 0.14))),
    *(Row("cold plain", "z14", contender, 0, wall=wall) for contender, wall in (("scog", 0.1), ("rio-tiler", 0.18))),
    Row("cold", "z15", "scog", 0, wall=0.2, heads=1, tiles=2),
    Row("cold", "z15", "rio-tiler", 0, wall=0.0, error="it broke"),
    Row("near origin", "header known", "scog", 0, wall=0.05),
    Row("far origin", "header known", "scog", 0, wall=0.16),
    Row("clients first", "8 clients", "scog", 0, wall=3.0, requests=150, tiles=300),
    Row("clients first", "64 clients", "scog", 0, wall=4.0, requests=150, tiles=300),
    Row("trace second", "8 clients", "scog", 0, wall=3.0, tiles=300),
    Row("trace second", "8 clients", "titiler", 0, wall=20.0, tiles=100),
    Row("memory", "after", "scog", 0, rss=500_000_000),
    Row("memory", "ten more", "scog", 0, rss=550_000_000),
]  # fmt: skip


def target_of(name: str) -> Target:
    (target,) = [target for target in targets(ROWS) if target.name == name]
    return target


@given(st.lists(st.floats(0.001, 1e6), min_size=1, max_size=40))
def test_spread_equals_numpys_percentiles(values: list[float]) -> None:
    assert spread(values) == pytest.approx(tuple(np.percentile(values, [10, 50, 90])))


def test_ratios_compare_rows_of_one_round() -> None:
    assert paired(ROWS, "cold", "rio-tiler", "scog")["z8"] == pytest.approx([2, 3, 4])
    assert "z15" not in paired(ROWS, "cold", "rio-tiler", "scog")


def test_a_target_has_the_value_of_the_worst_case() -> None:
    target = target_of("cold tile z8 to z13, rio-tiler / scog")
    assert (target.value, target.case, target.met) == (pytest.approx(1.5), "z13", False)
    assert target_of("cold tile, scog / floor").value == pytest.approx(2)


def test_the_worse_of_new_and_open_connections_counts() -> None:
    target = target_of("cold tile z14 and z15, rio-tiler / scog")
    assert (target.value, target.case, target.plain) == (pytest.approx(1.4), "z14 open", pytest.approx(1.8))


@pytest.mark.parametrize(
    ("name", "value", "met"),
    [
        ("round trips of a cold tile, header known", 1.1, True),
        ("requests a tile, pan and zoom", 0.5, True),
        ("pan and zoom, second pass, TiTiler / scog", 20, False),
        ("HEAD requests", 1, False),
        ("tiles a second, 64 clients / 8", 0.75, False),
        ("memory after the trace, MB", 500, True),
        ("memory after ten more passes / before", 1.1, False),
        ("pixels unlike the exact transform, share", 0, True),
    ],
)
def test_targets_have_the_expected_values(name: str, value: float, met: bool) -> None:
    target = target_of(name)
    assert (target.value, target.met) == (pytest.approx(value), met)


def test_targets_without_measurements_are_neither_met_nor_missed() -> None:
    target = target_of("pan and zoom, first pass, TiTiler / scog")
    assert (target.value, target.met) == (None, None)
    assert all(target.met is None for target in targets([]))


def test_results_round_trip_through_files(tmp_path: Path) -> None:
    path = tmp_path / "results" / "run.json"
    report.write(path, ABOUT, ROWS)
    assert report.read(path) == (ABOUT, ROWS)
    assert "| z13 | rio-tiler | 300 | 300 to 300 | 3.33 |" in path.with_suffix(".md").read_text()
    assert "it broke" in path.with_suffix(".md").read_text()
    drawn = ElementTree.parse(path.with_name("run-zoom.svg"))
    lines = [line.attrib["points"].count(",") for line in drawn.iter() if line.tag.endswith("polyline")]
    assert sorted(lines) == [1, 3, 4]  # floor, rio-tiler, scog


def test_the_table_is_written_between_its_markers() -> None:
    document = f"before\n{report.START}\nold\n{report.END}\nafter\n"
    assert report.put_into(document, "new") == f"before\n{report.START}\nnew\n{report.END}\nafter\n"
    with pytest.raises(ValueError, match="benchmark table"):
        report.put_into("no markers", "new")


def test_the_document_and_the_chart_show_the_committed_results() -> None:
    measured = targets(report.read(report.RESULTS / "whole.json")[1])
    text = report.DOCUMENT.read_text()
    assert report.put_into(text, report.targets_table(measured)) == text
    assert report.CHART.read_text() == speed_chart(measured)


def bars(svg: str) -> dict[str, str]:
    """The value of each bar by its label, of a chart with one group."""
    texts = [each for each in ElementTree.fromstring(svg).iter() if each.tag.endswith("text")]
    pairs = [(label.text, value.text) for label, value in pairwise(texts) if label.attrib.get("text-anchor") == "end"]
    return {str(label): str(value) for label, value in pairs}


def test_the_chart_has_the_worst_ratio_of_each_peer() -> None:
    """rio-tiler takes 1.5 times as long at z13 and 1.4 times at z14; scog takes twice as long as the floor."""
    svg = speed_chart(targets([row for row in ROWS if row.scenario.startswith("cold")]))
    assert bars(svg) == {"physical floor": "0.5 ×", "scog": "1 ×", "rio-tiler": "1.4 ×"}


def test_lengths_of_bars_are_proportional_to_values() -> None:
    svg = ElementTree.fromstring(speed_chart(targets([row for row in ROWS if row.scenario.startswith("cold")])))
    widths = [float(each.attrib["width"]) for each in svg.iter() if each.tag.endswith("rect")][1:]
    assert widths == pytest.approx([widths[1] * 0.5, widths[1], widths[1] * 1.4], abs=0.1)


def test_every_bar_has_a_target() -> None:
    names = {target.name for target in targets([])}
    assert {name for labels in GROUPS.values() for shown in labels.values() for name in shown} <= names


def test_a_chart_without_measurements_is_refused() -> None:
    with pytest.raises(ValueError, match="none of the targets"):
        speed_chart(targets([]))
