"""Start-up: importing scog and starting its server, beside importing their dependencies."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from http.client import HTTPConnection
from pathlib import Path

from benchmarks.bench import OURS, Bench
from benchmarks.data import write_archive
from benchmarks.measure import ROOT, Row
from benchmarks.scenarios.panning import free_port

IMPORTS = {"numpy": "import numpy", OURS: "import scog", "fastapi + rasterio": "import fastapi, rasterio"}


def start_up(bench: Bench) -> None:
    """Imports in new interpreters, and the server from start to first response.

    All modules are compiled to bytecode beforehand by an unmeasured run, as pip does at installation.
    """
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as compiled:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": compiled}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        archive = write_archive(Path(folder), bench.fresh(bench.data.dates[:1]))
        for statement in IMPORTS.values():
            subprocess.run([sys.executable, "-c", statement], cwd=ROOT, env=environment, check=True)
        _server(archive, environment)
        for round_ in range(3 if bench.quick else 9):
            for name, statement in IMPORTS.items():
                since = time.perf_counter()
                subprocess.run([sys.executable, "-c", statement], cwd=ROOT, env=environment, check=True)
                bench.record(Row("start", "import", name, round_, wall=time.perf_counter() - since))
            bench.record(Row("start", "server", OURS, round_, wall=_server(archive, environment)))


def _server(archive: Path, environment: Mapping[str, str]) -> float:
    """Seconds until a new server responds."""
    port = free_port()
    environment = {**environment, "SCOG_CATALOG": str(archive)}
    since = time.perf_counter()
    command = [sys.executable, "-m", "uvicorn", "main:app", "--port", str(port), "--log-level", "warning"]
    server = subprocess.Popen(command, cwd=ROOT, env=environment)
    try:
        while time.perf_counter() - since < 60:
            try:
                connection = HTTPConnection("127.0.0.1", port, timeout=5)
                connection.request("GET", "/healthz")
                if connection.getresponse().status == 200:
                    return time.perf_counter() - since
            except OSError:
                time.sleep(0.005)
        raise RuntimeError("the server did not start")
    finally:
        server.terminate()
        server.wait()
