"""The protocol between the benchmark and a contender: one line of JSON in, one out.

    {"op": "start"}                        {"ok": true, "versions": {...}}
    {"op": "tile", "z": .., "out": ..}     {"wall": seconds, "cpu": seconds, "rss": bytes}
    {"op": "screen", "tiles": [..], ..}    the same, and {"first": seconds}
    {"op": "quit"}

The time from the request to the values in memory is measured, without writing them to `out` (`.npy`). `cpu` is that of
all threads, `rss` the peak memory of the process during the request. A contender that cannot do an operation answers
{"error": "unsupported"}.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np

from benchmarks.contenders.work import COMPOSITES, Plot, Values, Work

OPERATIONS = ("tile", "median", "best", "series")


class Contender:
    """Performs the operations. A contender that does not support one does not define it."""

    distributions: tuple[str, ...] = ()
    """Packages whose versions are reported."""

    tile: Callable[[Work], Values]
    """The newest scene, filled from older ones where it has no data: `(band, y, x)`."""
    median: Callable[[Work], Values]
    """The composite of the formula over time, the median by default; each scene masked by its classification."""
    best: Callable[[Work], Values]
    """The best pixel of all scenes by the contender's rule, on a grid of its choice."""
    series: Callable[[Plot], Values]
    """The mean NDVI of a plot's unmasked pixels in each scene, in the scenes' order: `(scene,)`."""

    def note(self) -> dict[str, Any]:
        """Further fields of the last answer."""
        return {}

    def close(self) -> None:
        """Release resources."""


def run(contender: Contender, extra: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] | None = None) -> None:
    """Answer requests until the end of input; `extra` are further operations, which are not timed."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # so that a library's output is not read as an answer
    try:
        for line in sys.stdin:
            request = json.loads(line)
            if request["op"] == "quit":
                break
            try:
                answer = _answer(contender, request, extra or {})
            except Exception as error:
                traceback.print_exc()
                answer = {"error": f"{type(error).__name__}: {error}"[:300]}
            print(json.dumps(answer), file=answers)
    finally:
        contender.close()


def _answer(
    contender: Contender, request: dict[str, Any], extra: dict[str, Callable[[dict[str, Any]], dict[str, Any]]]
) -> dict[str, Any]:
    operation = request["op"]
    if operation == "start":
        versions = {name: version(name) for name in contender.distributions}
        return {"ok": True, "versions": {"python": sys.version.split()[0], **versions}}
    if operation in extra:
        return extra[operation](request)
    if operation == "screen":
        return _screen(contender, request)
    work = _work(request) if operation in OPERATIONS and hasattr(contender, operation) else None
    if work is None or (isinstance(work, Work) and work.composite not in COMPOSITES):
        return {"error": "unsupported"}
    forget_peak()
    wall, cpu = perf_counter(), process_time()
    values = getattr(contender, operation)(work)
    wall, cpu = perf_counter() - wall, process_time() - cpu
    if request.get("out"):
        np.save(request["out"], np.asarray(values, np.float32))
    return {"wall": wall, "cpu": cpu, "rss": peak(), **contender.note()}


def _screen(contender: Contender, request: dict[str, Any]) -> dict[str, Any]:
    """Draw several tiles of the same scenes in threads; `first` is when the first tile was complete."""
    scenes, since, cpu = tuple(request["scenes"]), perf_counter(), process_time()

    def draw(tile: list[int]) -> float:
        contender.tile(Work(tile[0], tile[1], tile[2], request["kind"], scenes))
        return perf_counter() - since

    with ThreadPoolExecutor(request["threads"]) as pool:
        drawn = list(pool.map(draw, request["tiles"]))
    return {"wall": max(drawn), "first": min(drawn), "cpu": process_time() - cpu, "rss": peak()}


def _work(request: dict[str, Any]) -> Work | Plot:
    return Plot.of(request) if request["op"] == "series" else Work.of(request)


def forget_peak() -> None:
    """Reset the peak memory of this process, if the system permits it."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def peak() -> int:
    """Peak memory of this process in bytes."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.partition("VmHWM:")[2].split()[0])
