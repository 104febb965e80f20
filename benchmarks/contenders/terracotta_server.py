"""Terracotta as a WSGI app under gunicorn, as its documents deploy it, over COGs registered in SQLite.

    {"op": "serve", "scenes": [...], "port": 8002, "workers": 2, "kind": "ndvi"}
    {"tile": "http://127.0.0.1:8002/compute/S2A.../{z}/{x}/{y}.png?...", "pid": 123, "ready": 1.4}
    {"op": "stop"}

Keys are scene and band. The first scene is registered and its metadata computed beforehand, which reads some of its
pixels. gunicorn's workers are synchronous: each answers one request at a time and reads bands in three processes; with
threads, some requests fail with 500 (a `KeyError` in its metadata store). NDVI and EVI use the route `/compute`, RGB
uses `/rgb`. Terracotta resamples twice, to a grid at its own resolution and then to the tile's, both set to nearest;
therefore many of its pixels differ from the exact transform. `tile` reads values through the same driver in this
process.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from terracotta import get_driver, update_settings
from terracotta.drivers.terracotta_driver import TerracottaDriver
from terracotta.xyz import get_tile_data

from benchmarks.contenders.exchange import Contender, run
from benchmarks.contenders.gdal import SETTINGS, configure
from benchmarks.contenders.server import Server
from benchmarks.contenders.work import KINDS, Values, Work, reflectance

NEAREST = {"RESAMPLING_METHOD": "nearest", "REPROJECTION_METHOD": "nearest"}
ROUTES = {
    "ndvi": "compute/{scene}/{{z}}/{{x}}/{{y}}.png?expression=(1.0*v2-v1)/(v2%2Bv1)&v1=red&v2=nir"
    "&stretch_range=[-1,1]&colormap=rdylgn",
    "evi": "compute/{scene}/{{z}}/{{x}}/{{y}}.png?expression=2.5*(1.0*v2-v1)/(v2%2B6.0*v1-7.5*v3%2B10000)"
    "&v1=red&v2=nir&v3=blue&stretch_range=[-1,1]&colormap=rdylgn",
    "rgb": "rgb/{scene}/{{z}}/{{x}}/{{y}}.png?r=red&g=green&b=blue&r_range=[0,3000]&g_range=[0,3000]&b_range=[0,3000]",
}
"""Formulas contain 1.0 because Terracotta computes with stored unsigned integers, which would overflow."""


class Terracotta(Contender):
    """One server at a time."""

    distributions = ("terracotta", "gunicorn", "rasterio", "numpy")

    def __init__(self) -> None:
        configure()
        update_settings(**NEAREST, USE_MULTIPROCESSING=False)  # of this process, not of the server
        self.server: Server | None = None
        self.folder = TemporaryDirectory()

    def driver(self, scene: dict[str, Any], bands: tuple[str, ...]) -> tuple[Path, TerracottaDriver]:
        """The database of a scene's bands, created at first use."""
        stored = Path(self.folder.name) / f"{abs(hash((scene['assets']['red'], bands)))}.sqlite"
        driver = get_driver(stored, provider="sqlite")
        if not stored.exists():
            driver.create(["scene", "band"])
            with driver.connect():
                for band in bands:
                    url = scene["assets"][band]
                    metadata = driver.compute_metadata(url, max_shape=(512, 512))
                    driver.insert((scene["id"], band), url, metadata=metadata)
        return stored, driver

    def serve(self, request: dict[str, Any]) -> dict[str, Any]:
        """Start the server. Returns the tiles' URL template, the process id, and seconds until the first response."""
        self.stop({})
        scene, kind = request["scenes"][0], request.get("kind", "ndvi")
        database, _ = self.driver(scene, KINDS[kind][0])
        base = f"127.0.0.1:{request['port']}"
        command = [sys.executable, "-m", "gunicorn", "--bind", base, "--workers", str(request.get("workers", 2))]
        command += ["--log-level", "warning", "terracotta.server.app:app"]
        settings = {"DRIVER_PATH": str(database), "DRIVER_PROVIDER": "sqlite", **NEAREST}
        environment = {f"TC_{name}": value for name, value in settings.items()}
        self.server = Server(command, SETTINGS | environment)
        ready = self.server.wait_for(f"http://{base}/keys")
        tile = f"http://{base}/{ROUTES[kind].format(scene=scene['id'])}"
        return {"tile": tile, "pid": self.server.pid, "ready": ready}

    def stop(self, _: dict[str, Any]) -> dict[str, Any]:
        """Stop the server."""
        if self.server:
            self.server.stop()
        self.server = None
        return {"ok": True}

    def tile(self, work: Work) -> Values:
        """The first scene's values."""
        scene = work.scenes[0]
        _, driver = self.driver(scene, work.bands)
        with driver.connect():
            place = work.x, work.y, work.z
            stored = [get_tile_data(driver, (scene["id"], band), place) for band in work.bands]
        return work.values([reflectance(band.filled(0)) for band in stored])

    def close(self) -> None:
        """Stop the server and delete its databases."""
        self.stop({})
        self.folder.cleanup()


if __name__ == "__main__":
    terracotta = Terracotta()
    run(terracotta, {"serve": terracotta.serve, "stop": terracotta.stop})
