"""Reports: the results as JSON, tables in Markdown, plots, and the table and chart of the documents.

python -m benchmarks.report benchmarks/results/RUN.json               writes tables and plots again
python -m benchmarks.report benchmarks/results/RUN.json --documents   and docs/benchmarks.md and docs/images/speed.svg
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.bench import FLOOR, OURS
from benchmarks.measure import ROOT, Row, spread
from benchmarks.plot import Point, plot
from benchmarks.speed_chart import speed_chart
from benchmarks.targets import Target, targets, trips

RESULTS = Path(__file__).parent / "results"
DOCUMENT, CHART = ROOT / "docs/benchmarks.md", ROOT / "docs/images/speed.svg"
START, END = "<!-- benchmark table -->", "<!-- end of benchmark table -->"
SCENARIOS = (
    "origin", "cold", "cold open", "cold plain", "header known", "hot", "formulas", "mosaic", "median", "median open",
    "median plain", "median hot", "best", "trace first", "trace first plain", "trace second", "clients first",
    "clients second", "hot http", "start",
)  # fmt: skip
PLOTS: dict[str, tuple[str, str, str, Callable[[Row], float], Callable[[str], float], bool]] = {
    "zoom": ("A cold NDVI tile", "zoom", "ms", lambda row: 1000 * row.wall, lambda case: float(case[1:]), False),
    "clients": ("Pan and zoom, first pass", "clients", "tiles a second", lambda row: row.tiles / row.wall,
                lambda case: float(case.split()[0]), True),
    "dates": ("Median of NDVI, clouds masked, cold", "dates", "ms", lambda row: 1000 * row.wall,
              lambda case: float(case.split()[0]), True),
}  # fmt: skip
PLOTTED = {"zoom": "cold", "clients": "clients first", "dates": "median"}


def write(path: Path, about: Mapping[str, Any], rows: Sequence[Row]) -> None:
    """Write the results, their tables and their plots, side by side."""
    path.parent.mkdir(parents=True, exist_ok=True)
    results = {
        "about": about,
        "targets": [target.as_json() for target in targets(rows)],
        "rows": [row.as_json() for row in rows],
    }
    path.write_text(json.dumps(results, indent=1) + "\n")
    path.with_suffix(".md").write_text(tables(about, rows) + "\n")
    for name, drawn in plots(rows).items():
        path.with_name(f"{path.stem}-{name}.svg").write_text(drawn)


def read(path: Path) -> tuple[dict[str, Any], list[Row]]:
    """A run's metadata and rows."""
    results = json.loads(path.read_text())
    return results["about"], [Row(**row) for row in results["rows"]]


def tables(about: Mapping[str, Any], rows: Sequence[Row]) -> str:
    """All results as Markdown: the targets, then one table per scenario."""
    parts = [_heading(about), targets_table(targets(rows))]
    for scenario in SCENARIOS:
        selected = [row for row in rows if row.scenario == scenario]
        if selected:
            parts.append(f"## {scenario}\n\n{scenario_table(selected)}")
    round_trips = _trips_table(rows)
    for scenario in ("line", "line median", "faults"):
        selected = [row for row in rows if row.scenario == scenario and row.error is None]
        parts += [f"## {scenario}\n\n{line_table(selected)}"] if selected else []
    failed = {f"- {row.contender}, {row.scenario}, {row.case}: {row.error}" for row in rows if row.error}
    parts += [f"## round trips at z12\n\n{round_trips}"] if round_trips else []
    parts += ["## errors\n\n" + "\n".join(sorted(failed))] if failed else []
    return "\n\n".join(parts)


def _heading(about: Mapping[str, Any]) -> str:
    versions = "; ".join(
        f"{name}: {', '.join(f'{package} {version}' for package, version in packages.items())}"
        for name, packages in about.get("versions", {}).items()
    )
    return (
        f"# Benchmark of {about['began']}{' (quick)' if about['quick'] else ''}\n\n"
        f"{about['cores']} cores; origin: {1000 * about['first_byte']:g} ms to the first byte, "
        f"{about['bandwidth'] / 1e6:g} MB/s a connection, over TLS 1.3 unless it says plain. {versions}"
    )


def targets_table(measured: Iterable[Target]) -> str:
    """The targets and the measured values; a dash if not measured."""
    lines = ["| | target | aim | measured | 10 to 90 % | plain HTTP | met |", f"|{' --- |' * 7}"]
    for each in measured:
        aim = "-" if each.aim is None else f"{each.aim:g}"
        value = "-" if each.value is None else f"{_short(each.value)}{f' ({each.case})' if each.case else ''}"
        span = "-" if each.low is None or each.high is None else f"{_short(each.low)} to {_short(each.high)}"
        met = {None: "not measured", True: "yes", False: "**no**"}[each.met]
        plain = "-" if each.plain is None else _short(each.plain)
        lines.append(f"| {each.name} | {each.bound} {each.target:g} | {aim} | {value} | {span} | {plain} | {met} |")
    return "\n".join(lines)


def scenario_table(rows: Sequence[Row]) -> str:
    """One line per case and contender: medians over the rounds."""
    lines = [
        "| case | | ms a tile | 10 to 90 % | tiles/s | CPU ms | requests | MB | memory MB | wrong pixels |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row.error is None:
            groups.setdefault((row.case, row.contender), []).append(row)
    order = {case: number for number, case in enumerate(dict.fromkeys(row.case for row in rows))}
    for (case, name), group in sorted(groups.items(), key=lambda each: (order[each[0][0]], _median(each[1], "wall"))):
        wall = spread(1000 * row.wall / row.tiles for row in group)
        wrong = [row.wrong for row in group if row.wrong is not None]
        cells = [
            case,
            f"**{name}**" if name == OURS else name,
            _short(wall.median),
            f"{_short(wall.low)} to {_short(wall.high)}",
            _short(1000 / wall.median),
            _short(1000 * _median(group, "cpu")),
            _short(_median(group, "requests")),
            _short(_median(group, "bytes") / 1e6),
            "-" if not any(row.rss for row in group) else f"{max(row.rss for row in group) / 1e6:.0f}",
            "-" if not wrong else f"{100 * max(wrong):.2g} %",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def line_table(rows: Sequence[Row]) -> str:
    """One line per case and contender: seconds until the first and the last tile, bytes, requests, failures."""
    lines = [
        "| case | | first tile s | last tile s | / floor | MB | MB twice | requests | connections | failed | redrawn |",
        f"|{' --- |' * 11}",
    ]
    floors = {(row.case, row.round): row.wall for row in rows if row.contender == FLOOR}
    order = {case: number for number, case in enumerate(dict.fromkeys(row.case for row in rows))}
    for row in sorted(rows, key=lambda row: (order[row.case], row.round, row.wall)):
        floor = floors.get((row.case, row.round))
        cells = [
            row.case,
            f"**{row.contender}**" if row.contender == OURS else row.contender,
            "-" if row.first is None or row.missing == row.tiles else _short(row.first),
            f"never, {row.missing} missing" if row.missing else _short(row.wall),
            "-" if not floor or row.missing else _short(row.wall / floor),
            f"{row.bytes / 1e6:.1f}",
            f"{row.twice / 1e6:.1f}",
            str(row.requests),
            str(row.connections),
            f"{row.failed} of {row.tiles}",
            str(row.redrawn) if row.failed else "-",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _trips_table(rows: Sequence[Row]) -> str:
    names = dict.fromkeys(row.contender for row in rows if row.scenario == "near origin")
    lines = ["| | cold | header known |", "| --- | --- | --- |"]
    for name in names:
        by_case = [trips(rows, name, case) for case in ("cold", "header known")]
        if all(by_case):
            lines.append(f"| {name} | {' | '.join(f'{spread(each).median:.1f}' for each in by_case)} |")
    return "\n".join(lines) if len(lines) > 2 else ""


def plots(rows: Sequence[Row]) -> dict[str, str]:
    """SVG plots by name, if measured: time against zoom, clients and dates."""
    svgs = {}
    for name, (title, x_name, y_name, value, place, log_x) in PLOTS.items():
        groups: dict[str, dict[float, list[float]]] = {}
        for row in rows:
            if row.scenario == PLOTTED[name] and row.error is None and row.case != "20 z13":
                groups.setdefault(row.contender, {}).setdefault(place(row.case), []).append(value(row))
        lines = {
            contender: [Point(x, spread(ys)) for x, ys in sorted(by_x.items())] for contender, by_x in groups.items()
        }
        if lines:
            svgs[name] = plot(title, x_name, y_name, lines, log_x=log_x)
    return svgs


def put_into(text: str, table: str) -> str:
    """The document with the table between its markers. Raises ValueError if there are no markers."""
    before, start, rest = text.partition(START)
    _, end, after = rest.partition(END)
    if not start or not end:
        raise ValueError(f"the document has no {START} ... {END}")
    return f"{before}{START}\n{table}\n{END}{after}"


def _median(rows: Sequence[Row], field: str) -> float:
    return spread(getattr(row, field) / row.tiles for row in rows).median


def _short(value: float) -> str:
    """The number with three significant digits, or as an integer from 100."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def main() -> None:
    """Write the tables and plots of a run again."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument(
        "--documents", action="store_true", help="write the table of targets into docs/benchmarks.md, and the chart"
    )
    options = parser.parse_args()
    about, rows = read(options.results)
    write(options.results, about, rows)
    if options.documents:
        DOCUMENT.write_text(put_into(DOCUMENT.read_text(), targets_table(targets(rows))))
        CHART.write_text(speed_chart(targets(rows)))
    print(tables(about, rows))


if __name__ == "__main__":
    main()
