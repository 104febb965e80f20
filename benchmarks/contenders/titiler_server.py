"""TiTiler's application under uvicorn, with the GDAL settings that its documentation recommends.

    {"op": "serve", "scenes": [...], "port": 8001, "workers": 1, "kind": "ndvi"}
    {"tile": "http://127.0.0.1:8001/stac/tiles/WebMercatorQuad/{z}/{x}/{y}.png?...", "pid": 123, "ready": 1.4}
    {"op": "stop"}

Tiles come from the STAC route over the first scene: a formula over the item's bands, nearest neighbour, as an image
with a colormap (RGB: rescaled). The item is a local file, so that no request goes to a catalogue. `tile` requests the
same route as `.npy`: the same pixels before colours are applied.
"""

from __future__ import annotations

import io
import json
import sys
import urllib.request
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

import numpy as np

from benchmarks.contenders.exchange import Contender, run
from benchmarks.contenders.gdal import SETTINGS
from benchmarks.contenders.item import item
from benchmarks.contenders.server import Server
from benchmarks.contenders.work import Values, Work, reflectance

FORMULAS = {
    "ndvi": "assets=red&assets=nir&asset_as_band=true&expression=(b2-b1)/(b2%2Bb1)&rescale=-1,1&colormap_name=rdylgn",
    "evi2": "assets=red&assets=nir&asset_as_band=true&expression=2.5*(b2-b1)/(b2%2B2.4*b1%2B10000)"
    "&rescale=-1,1&colormap_name=rdylgn",
    "evi": "assets=red&assets=nir&assets=blue&asset_as_band=true"
    "&expression=2.5*(b2-b1)/(b2%2B6*b1-7.5*b3%2B10000)&rescale=-1,1&colormap_name=rdylgn",
    "rgb": "assets=red&assets=green&assets=blue&asset_as_band=true&rescale=0,3000",
}


class Titiler(Contender):
    """One server at a time."""

    distributions = ("titiler-application", "titiler-core", "rio-tiler", "rasterio", "uvicorn", "numpy")

    def __init__(self) -> None:
        self.server: Server | None = None
        self.base = ""
        self.folder = TemporaryDirectory()

    def route(self, scene: dict[str, Any], tile: str, suffix: str, query: str) -> str:
        """The URL of a tile of a scene."""
        stored = Path(self.folder.name) / f"{abs(hash(scene['assets']['red']))}.json"
        stored.write_text(json.dumps(item(scene)))
        return f"{self.base}/stac/tiles/WebMercatorQuad/{tile}.{suffix}?url={quote(str(stored))}&{query}"

    def serve(self, request: dict[str, Any]) -> dict[str, Any]:
        """Start the server. Returns the tiles' URL templates, the process id, and seconds until the first response."""
        self.stop({})
        port, workers = str(request["port"]), str(request.get("workers", 1))
        command = [sys.executable, "-m", "uvicorn", "titiler.application.main:app", "--log-level", "warning"]
        quiet = {"PYTHONWARNINGS": "ignore"}  # as its documentation recommends: it warns for each tile of such items
        self.server = Server([*command, "--port", port, "--workers", workers], SETTINGS | quiet)
        self.base = f"http://127.0.0.1:{port}"
        ready = self.server.wait_for(f"{self.base}/healthz")
        scene = request["scenes"][0]
        return {
            "tile": self.route(scene, "{z}/{x}/{y}", "png", FORMULAS[request.get("kind", "ndvi")]),
            "other": self.route(scene, "{z}/{x}/{y}", "png", FORMULAS["evi2"]),
            "pid": self.server.pid,
            "ready": ready,
        }

    def stop(self, _: dict[str, Any]) -> dict[str, Any]:
        """Stop the server."""
        if self.server:
            self.server.stop()
        self.server = None
        return {"ok": True}

    def tile(self, work: Work) -> Values:
        """The first scene's values, from the running server."""
        bands = "&".join(f"assets={band}" for band in work.bands)
        url = self.route(work.scenes[0], f"{work.z}/{work.x}/{work.y}", "npy", f"{bands}&asset_as_band=true")
        with urllib.request.urlopen(url) as response:
            *stored, mask = np.load(io.BytesIO(response.read()))
        return work.values([reflectance(np.where(mask, band, 0)) for band in stored])

    def close(self) -> None:
        """Stop the server and delete the items."""
        self.stop({})
        self.folder.cleanup()


if __name__ == "__main__":
    titiler = Titiler()
    run(titiler, {"serve": titiler.serve, "stop": titiler.stop})
