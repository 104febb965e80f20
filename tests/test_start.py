"""Packages that the server loads before the first response, observed in a new interpreter."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
LAZY = {"cql2", "dateutil", "httpx", "pystac", "pystac_client", "requests", "urllib3"}
"""Packages that load slowly and that a server of a local archive does not need at start."""
START_SERVER = """
import asyncio, gc, json, sys
from main import app

async def start():
    async with app.router.lifespan_context(app):
        state = {"loaded": sorted(sys.modules), "collects": gc.isenabled(), "frozen": gc.get_freeze_count()}
        print(json.dumps(state))

asyncio.run(start())
"""


def start_server(catalog: str, cache: Path) -> tuple[set[str], bool, int]:
    """Packages loaded by a started server, whether it collects garbage, and the number of frozen objects."""
    environment = os.environ | {"SCOG_CATALOG": catalog, "SCOG_CACHE_DIR": str(cache)}
    process = subprocess.run(
        [sys.executable, "-c", START_SERVER], cwd=ROOT, env=environment, check=True, capture_output=True
    )
    state = json.loads(process.stdout)
    return {name.partition(".")[0] for name in state["loaded"]}, state["collects"], state["frozen"]


def test_a_local_archive_is_served_without_loading_catalogue_clients(demo_archive: Path, tmp_path: Path) -> None:
    loaded, collects, frozen = start_server(str(demo_archive), tmp_path)
    assert {"fastapi", "rasterio", "scog"} <= loaded
    assert not LAZY & loaded
    assert collects
    assert frozen > 100_000


def test_catalogue_clients_are_loaded_before_the_first_request(tmp_path: Path) -> None:
    loaded, _, _ = start_server("http://127.0.0.1:9/", tmp_path)
    assert {"httpx", "pystac_client"} <= loaded
