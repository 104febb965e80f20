"""The map over a line of 5 Mbit/s to the archive: what is visible after 1, 2, 4, 8 and 16 seconds.

`SCOG_STRIP=folder pytest -m acceptance tests/browser/test_slow_line.py` leaves the screenshots there.
"""

from __future__ import annotations

import io
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from benchmarks.data import classes, numbers
from benchmarks.data import write_cog as write_full_cog
from tests.browser.conftest import Visit, serving, visiting
from tests.browser.responses import get
from tests.doubles.archives import MadeScene, Square
from tests.doubles.earth_search import EarthSearch
from tests.doubles.relay import Relay

pytestmark = pytest.mark.acceptance

RATE, LATENCY = 625_000, 0.04
SIDE = 5490
"""Pixels a side: a quarter of a real scene, whose blocks have as many bytes."""
PLACE = Square("32TQS", 32632, 699_960, 5_200_020, SIDE)
AGES = (3, 8, 13)
"""Ages of the acquisitions in days."""
COG = "image/tiff; application=geotiff; profile=cloud-optimized"
MOMENTS = (1, 2, 4, 8, 16)
CENTRE = {"x": 440, "y": 120, "width": 720, "height": 440}
"""The part of the map right of the panel and above the timeline."""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Bands whose blocks compress as land does, and clouds over a fifth of each acquisition."""
    folder = tmp_path_factory.mktemp("scene")
    made = {}
    for band, mean in (("red", 700), ("nir", 3000)):
        rng = np.random.default_rng([7, mean])
        write_full_cog(folder / f"{band}.tif", numbers(rng, mean, SIDE), PLACE, pixel=10, block=1024)  # type: ignore[arg-type]
        made[band] = (folder / f"{band}.tif").read_bytes()
    for age in AGES:
        scl = classes(np.random.default_rng(age), 2, SIDE // 2)
        write_full_cog(folder / "scl.tif", scl, PLACE, pixel=20, block=512)  # type: ignore[arg-type]
        made[f"scl-{age}"] = (folder / "scl.tif").read_bytes()
    return made


@pytest.fixture
def line(files: dict[str, bytes]) -> Iterator[Relay]:
    """A relay of limited rate to a catalogue of three acquisitions and their files."""
    with EarthSearch() as origin, Relay(origin.port, rate=RATE, latency=LATENCY) as link:
        origin.port = link.port  # item links point to the relay
        items = []
        for age in AGES:
            time_of = datetime.now(UTC) - timedelta(days=age)
            scene = MadeScene(f"S2A_32TQS_{time_of:%Y%m%d}_0_L2A", PLACE, f"{time_of:%Y-%m-%d}T10:10:31Z", {})
            item = scene.item()
            ring = np.array(PLACE.ring())
            item["bbox"] = [*ring.min(axis=0).tolist(), *ring.max(axis=0).tolist()]
            for band in ("red", "nir", "scl"):
                name = f"/{scene.id}/{band}.tif"
                origin.put(name, files[f"scl-{age}" if band == "scl" else band])
                band_metadata = {"nodata": 0} if band == "scl" else {"nodata": 0, "scale": 0.0001, "offset": 0}
                item["assets"][band] = {
                    "href": f"http://{link.host}{name}",
                    "type": COG,
                    "raster:bands": [band_metadata],
                }
            items.append(item)
        origin.items = items
        yield link


def screenshot(visit: Visit) -> NDArray[np.int16]:
    return np.asarray(Image.open(io.BytesIO(visit.page.screenshot(animations="allow"))).convert("RGB"), np.int16)


@dataclass
class Strip:
    """Screenshots and status texts by seconds since the first tile request."""

    shown: dict[int, NDArray[np.int16]] = field(default_factory=dict)
    status: dict[int, str] = field(default_factory=dict)

    def share(self, moment: int) -> float:
        """Share of the map's centre that is coloured; sea, land and graticule are grey."""
        rows = slice(CENTRE["y"], CENTRE["y"] + CENTRE["height"])
        cols = slice(CENTRE["x"], CENTRE["x"] + CENTRE["width"])
        centre = self.shown[moment][rows, cols]
        return float((np.ptp(centre, axis=-1) > 40).mean())


def film(visit: Visit, address: str, folder: Path, name: str) -> Strip:
    """Open the map and take a screenshot at each moment."""
    page = visit.page
    requested: list[float] = []
    page.on("request", lambda request: requested.append(time.monotonic()) if "/tiles/" in request.url else None)
    page.goto(visit.server + address, wait_until="commit")
    page.wait_for_selector(".pixels", state="attached")
    strip = Strip()
    folder.mkdir(parents=True, exist_ok=True)
    for moment in MOMENTS:
        page.wait_for_timeout(max(0, 1000 * (requested[0] + moment - time.monotonic())))
        strip.shown[moment] = screenshot(visit)
        strip.status[moment] = page.inner_text("#status span")
        Image.fromarray(strip.shown[moment].astype(np.uint8)).save(folder / f"{name}-{moment:02}s.png")
    return strip


@pytest.mark.parametrize("zoom", [11, 13])
def test_an_image_is_visible_within_four_seconds(chromium: Any, line: Relay, tmp_path: Path, zoom: int) -> None:
    lon, lat = PLACE.lonlat()
    folder = Path(os.environ.get("SCOG_STRIP") or tmp_path / "strip")
    settings = {"hosts": line.host}
    with serving(f"http://{line.host}/v1", tmp_path, **settings) as server, visiting(chromium, server) as visit:
        get(f"{server}/tilejson.json")  # warms the server up
        strip = film(visit, f"/#{zoom}/{lat:.5f}/{lon:.5f}?index=ndvi", folder, f"z{zoom}")
        print(zoom, {moment: (round(strip.share(moment), 2), strip.status[moment]) for moment in MOMENTS})
        assert strip.share(4) > 0.5  # on a quiet machine after 2 s; the strip shows it
        assert any("preview=1" in url for url in visit.requests)
        assert re.match(r"Waiting for the satellite archive.* · \d+ of \d+ tiles · \d.* MB", strip.status[8])
