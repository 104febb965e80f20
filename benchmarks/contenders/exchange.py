"""The conversation between the benchmark and a contender: one line of JSON in, one out.

    {"op": "start"}                        {"ok": true, "versions": {...}}
    {"op": "tile", "z": .., "out": ..}     {"wall": seconds, "cpu": seconds, "rss": bytes}
    {"op": "screen", "tiles": [..], ..}    the same, and {"first": seconds}
    {"op": "quit"}

What it takes from the request to the values in memory is timed; storing them in `out` (`.npy`) is not. `cpu` is of all
its threads, `rss` the most memory that the process held meanwhile. What a contender cannot do it says: {"error":
"unsupported"}.
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
    """What answers; those that cannot do one of these do not define it."""

    distributions: tuple[str, ...] = ()
    """Of which the versions are told."""

    tile: Callable[[Work], Values]
    """One picture of the newest scene, filled from older ones where it has no data: `(band, y, x)`."""
    median: Callable[[Work], Values]
    """The composite over time of the formula, as a rule its median; each scene masked by its own classification."""
    best: Callable[[Work], Values]
    """Its own rule for the best pixel of all scenes; the grid may be its own too."""
    series: Callable[[Plot], Values]
    """The mean NDVI of a plot in each scene, in their order, without what is masked: `(scene,)`."""

    def note(self) -> dict[str, Any]:
        """What else is worth saying of the last answer."""
        return {}

    def close(self) -> None:
        """Whatever is to be closed."""


def run(contender: Contender, extra: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] | None = None) -> None:
    """Answer until there are no more requests; `extra` are further operations, which are not timed."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # so that a library's printing cannot be taken for an answer
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
    """Draw several tiles of the same scenes in some threads; `first` is when the first of them was complete."""
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
    """Begin anew to remember how much memory this process held at most, where the system lets us."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def peak() -> int:
    """The most memory that this process held, in bytes."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.partition("VmHWM:")[2].split()[0])
