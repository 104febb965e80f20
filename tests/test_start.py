"""What the server loads before its first answer, seen from outside in an interpreter of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PUT_OFF = {"cql2", "dateutil", "httpx", "pystac", "pystac_client", "requests", "urllib3"}
"""Packages that take long to load, and that a server of a local archive may never need."""
STARTED = """
import asyncio, gc, json, sys
from main import app

async def start():
    async with app.router.lifespan_context(app):
        seen = {"loaded": sorted(sys.modules), "collects": gc.isenabled(), "set_aside": gc.get_freeze_count()}
        print(json.dumps(seen))

asyncio.run(start())
"""


def started(catalog: str, cache: Path) -> tuple[set[str], bool, int]:
    """The packages that a started server has loaded, whether it collects garbage, and how many objects it spares."""
    environment = os.environ | {"SCOG_CATALOG": catalog, "SCOG_CACHE_DIR": str(cache)}
    answer = subprocess.run([sys.executable, "-c", STARTED], cwd=ROOT, env=environment, check=True, capture_output=True)
    seen = json.loads(answer.stdout)
    return {name.partition(".")[0] for name in seen["loaded"]}, seen["collects"], seen["set_aside"]


def test_a_local_archive_is_served_without_what_speaks_to_catalogues(demo_archive: Path, tmp_path: Path) -> None:
    loaded, collects, set_aside = started(str(demo_archive), tmp_path)
    assert {"fastapi", "rasterio", "scog"} <= loaded
    assert not PUT_OFF & loaded
    assert collects
    assert set_aside > 100_000


def test_what_a_catalogue_needs_is_there_before_the_first_request(tmp_path: Path) -> None:
    loaded, _, _ = started("http://127.0.0.1:9/", tmp_path)
    assert {"httpx", "pystac_client"} <= loaded
