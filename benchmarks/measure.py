"""Measurements: contenders as processes, their CPU and memory, and statistics over rounds.

Contenders take turns within each round, so that a slow minute of the machine affects all of them. Compared are ratios
within a round: their median, and the 10th and 90th percentile.
"""

from __future__ import annotations

import json
import os
import select
import statistics
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

TIMEOUT = 180.0
"""Seconds within which a contender must answer."""
ROOT = Path(__file__).parents[1]
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Row:
    """One measurement: one contender, one round of one case of a scenario.

    Wall and CPU seconds, requests and bytes at the origin, peak memory in bytes, all for `tiles` tiles together.
    `twice` is bytes sent more than once, `connections` those opened, `resumed` TLS sessions resumed. `first` is seconds
    until the first of several tiles was complete; `failed` tiles were not drawn by the first request, and `redrawn` of
    them were drawn by a retry. `wrong` is the share of pixels that differ from the exact transform, None if not
    compared. If there is an `error`, the numbers are meaningless.
    """

    scenario: str
    case: str
    contender: str
    round: int
    wall: float = 0.0
    cpu: float = 0.0
    requests: int = 0
    heads: int = 0
    bytes: int = 0
    rss: int = 0
    tiles: int = 1
    wrong: float | None = None
    origin_cpu: float = 0.0
    twice: int = 0
    connections: int = 0
    resumed: int = 0
    first: float | None = None
    failed: int = 0
    redrawn: int = 0
    error: str | None = None

    @property
    def missing(self) -> int:
        """Number of tiles that no retry drew."""
        return self.failed - self.redrawn

    def as_json(self) -> dict[str, Any]:
        """The fields that are not None."""
        return {name: value for name, value in asdict(self).items() if value is not None}


class Spread(NamedTuple):
    """Median, and 10th and 90th percentile."""

    low: float
    median: float
    high: float


def spread(values: Iterable[float]) -> Spread:
    """10th percentile, median and 90th percentile of at least one number."""
    ordered = sorted(values)
    if len(ordered) == 1:
        return Spread(ordered[0], ordered[0], ordered[0])
    cuts = statistics.quantiles(ordered, n=10, method="inclusive")
    return Spread(cuts[0], statistics.median(ordered), cuts[8])


def paired(rows: Iterable[Row], scenario: str, above: str, below: str, field: str = "wall") -> dict[str, list[float]]:
    """Ratios of a field per tile between two contenders, one per round, by case."""
    numbers: dict[tuple[str, int], dict[str, float]] = {}
    for row in rows:
        if row.scenario == scenario and row.error is None:
            numbers.setdefault((row.case, row.round), {})[row.contender] = getattr(row, field) / row.tiles
    ratios: dict[str, list[float]] = {}
    for (case, _), by_name in numbers.items():
        if above in by_name and by_name.get(below):
            ratios.setdefault(case, []).append(by_name[above] / by_name[below])
    return ratios


# Processes


def process_tree(pid: int) -> list[int]:
    """Ids of a process and its descendants."""
    pids = [pid]
    for each in pids:
        for thread in Path(f"/proc/{each}/task").glob("*/children"):
            with suppress(OSError):
                pids += map(int, thread.read_text().split())
    return pids


def cpu_seconds(pid: int) -> float:
    """CPU seconds of a process and its descendants so far."""
    spent = 0
    for each in process_tree(pid):
        with suppress(OSError):
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
            spent += int(fields[11]) + int(fields[12])
    return spent / _TICKS


def peak_memory(pid: int) -> int:
    """Peak resident bytes of a process and its descendants, summed."""
    total = 0
    for each in process_tree(pid):
        with suppress(OSError):
            status = dict(line.split(":", 1) for line in Path(f"/proc/{each}/status").read_text().splitlines())
            total += int(status.get("VmHWM", "0 kB").split()[0]) * 1024
    return total


def memory(pid: int) -> int:
    """Resident bytes of a process and its descendants, summed."""
    total = 0
    for each in process_tree(pid):
        with suppress(OSError):
            total += int(Path(f"/proc/{each}/statm").read_text().split()[1]) * _PAGE
    return total


class Failed(Exception):
    """A contender did not answer, or answered with an error."""


class Contender:
    """A contender's process: one JSON object per line in, one out. Its standard error goes to `log`."""

    def __init__(self, name: str, command: Sequence[str], log: Path, environment: Mapping[str, str]) -> None:
        self.name = name
        with open(log, "a") as log_file:
            self._process = subprocess.Popen(
                list(command), cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log_file, text=True,
                env={**os.environ, **environment, "PYTHONPATH": str(ROOT)},
            )  # fmt: skip
        self.ended = False
        self.versions: dict[str, str] = self.request({"op": "start"}).get("versions", {})

    def request(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Send a message and return the answer. Raises Failed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()
            line = self._line()
        except OSError:
            line = ""
        if not line:
            self.ended = True
            raise Failed(f"{self.name} has exited")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise Failed(str(answer["error"]))
        return answer

    def _line(self) -> str:
        """The next line of output; kills the process on timeout."""
        assert self._process.stdout is not None
        if not select.select([self._process.stdout], [], [], TIMEOUT)[0]:
            self._process.kill()
            self.ended = True
            raise Failed(f"{self.name} did not answer within {TIMEOUT:g} s")
        return self._process.stdout.readline()

    def close(self) -> None:
        """Send `quit`; kill the process after 10 s, and terminate its descendants."""
        started = process_tree(self._process.pid)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(OSError):
            self._process.stdin.write('{"op": "quit"}\n')
            self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pid in started:
            with suppress(OSError):
                os.kill(pid, 15)
        self._process.stdout.close()
