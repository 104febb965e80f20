"""The whole benchmark: `python -m benchmarks.run`, or `--quick` for a shorter run. Writes results to a JSON file.

make bench-peers    the peers' environments, once
make bench          everything, about 55 minutes
make bench-quick    about 12 minutes
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import report
from benchmarks.bench import OURS, Bench, scog_command
from benchmarks.data import dataset
from benchmarks.measure import Row
from benchmarks.origin_process import Origin
from benchmarks.peers import roster
from benchmarks.scenarios import composites, faults, line, origin, panning, series, starting, tiles

SCENARIOS: dict[str, Callable[[Bench], None]] = {
    "origin": origin.prove,
    "starting": starting.start_up,
    "tiles": tiles.cold_and_hot,
    "header": tiles.header_known,
    "trips": tiles.round_trips,
    "formulas": tiles.formulas,
    "mosaic": tiles.mosaic,
    "median": composites.median,
    "composites": composites.others,
    "best": composites.best,
    "series": series.series,
    "panning": panning.pan_and_zoom,
    "clients": panning.clients,
    "line": line.line,
    "faults": faults.faults,
}
FIRST_BYTE, BANDWIDTH, ROUND_TRIP = 0.030, 50e6, 0.001
"""Seconds, bytes per second, seconds: like S3 from the same region, where the first byte waits for the server."""
LOG = report.RESULTS / "contenders.log"
"""The contenders' standard error."""


def main() -> None:
    """Measure, write the results, and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer rounds and cases")
    parser.add_argument(
        "--only", default=",".join(SCENARIOS), help=f"scenarios, separated by commas: {', '.join(SCENARIOS)}"
    )
    parser.add_argument("--contenders", help="names, separated by commas; by default all that are installed")
    parser.add_argument("--cases", default="", help='cases of the scenario line, such as "5 Mbit/s 40 ms" or z13')
    parser.add_argument("--out", type=Path, help="results file; by default benchmarks/results/<time>.json")
    options = parser.parse_args()
    names = options.only.split(",")
    if unknown := set(names) - SCENARIOS.keys():
        parser.error(f"unknown scenario: {', '.join(sorted(unknown))}; valid are {', '.join(SCENARIOS)}")
    contenders = {OURS: scog_command(), **roster()}
    if options.contenders:
        contenders = {name: contenders[name] for name in options.contenders.split(",")}
    began = datetime.now(UTC)
    rows, versions, spent = _measured(names, contenders, quick=options.quick, cases=options.cases)
    about = {
        "began": f"{began:%Y-%m-%dT%H:%M:%SZ}",
        "quick": options.quick,
        "scenarios": names,
        "cores": len(os.sched_getaffinity(0)),
        "machine": platform.machine(),
        "first_byte": FIRST_BYTE,
        "bandwidth": BANDWIDTH,
        "round_trip": ROUND_TRIP,
        "versions": versions,
        "seconds": spent,
    }
    out = options.out or report.RESULTS / f"{began:%Y%m%d-%H%M%S}{'-quick' if options.quick else ''}.json"
    report.write(out, about, rows)
    print(f"\n{report.tables(about, rows)}\nresults: {out}")


def _measured(
    names: list[str], contenders: dict[str, list[str]], *, quick: bool, cases: str
) -> tuple[list[Row], dict[str, dict[str, str]], dict[str, float]]:
    """Run scenarios. Returns rows, versions by contender, and seconds by scenario."""
    spent: dict[str, float] = {}
    LOG.parent.mkdir(exist_ok=True)
    LOG.write_text("")
    data = dataset()
    with (
        tempfile.TemporaryDirectory() as folder,
        Origin(data.folder, first_byte=FIRST_BYTE, bandwidth=BANDWIDTH, round_trip=ROUND_TRIP) as server,
    ):
        bench = Bench(server, data, contenders, quick=quick, cases=cases, folder=Path(folder), log=LOG)
        try:
            for name in names:
                since = time.monotonic()
                SCENARIOS[name](bench)
                spent[name] = round(time.monotonic() - since, 1)
                print(f"-- {name}: {spent[name]:.0f} s", flush=True)
        finally:
            bench.close()
    return bench.rows, bench.versions, spent


if __name__ == "__main__":
    main()
