"""Hot speed of each format, preset and style over a running server's archive, as a table.

    make demo &
    .venv/bin/python -m benchmarks.formats --url http://127.0.0.1:8000

Each variant is requested for the same tiles, which are cached by then. Variants take turns, tile by tile, so that a
slow minute of the machine affects all of them. With a single client, the table shows the response time, the part that
is encoding (from Server-Timing), and the size, as medians over the tiles.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import urllib.request
from dataclasses import dataclass, field
from http.client import HTTPConnection
from time import perf_counter
from urllib.parse import urlsplit

from benchmarks.trace import walk

VARIANTS: dict[str, tuple[str, str]] = {
    "NDVI, PNG with a palette": ("", ""),
    "NDVI, PNG in RGBA": (".png32", ""),
    "NDVI, PNG in 16 bit grey": (".png16", ""),
    "NDVI, WebP": (".webp", ""),
    "NDVI, JPEG": (".jpg", ""),
    "NDVI, NPY": (".npy", ""),
    "NDVI, GeoTIFF": (".tif", ""),
    "NDVI, 512 pixels": ("@2x", ""),
    "NDVI, bilinear": ("", "?resampling=bilinear"),
    "NDVI, cubic": ("", "?resampling=cubic"),
    "NDVI, average": ("", "?resampling=average"),
    "NDVI in classes": ("", "?classes=0,0.2,0.4,0.6"),
    "NDVI, another colormap": ("", "?colormap_name=viridis&rescale=0,1"),
    "EVI": ("", "?index=evi"),
    "scene classification": ("", "?index=scl"),
    "scene classification, mode": ("", "?index=scl&resampling=mode"),
    "true colour, PNG": ("", "?bands=true-color"),
    "true colour, WebP": (".webp", "?bands=true-color"),
    "true colour, JPEG": (".jpg", "?bands=true-color"),
    "true colour, colour formula": ("", "?bands=true-color&color_formula=gamma+RGB+1.3,saturation+1.2"),
    "true colour, GeoTIFF": (".tif", "?bands=true-color"),
}


@dataclass
class Measured:
    """Measurements of one variant, one per tile: response and encoding time in milliseconds, size in bytes."""

    response_ms: list[float] = field(default_factory=list)
    encoding_ms: list[float] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)


def variants_of(url: str) -> dict[str, tuple[str, str]]:
    """VARIANTS, and all presets that the server's archive has the bands for."""
    with urllib.request.urlopen(f"{url}/bands") as response:
        presets = json.load(response)["presets"]
    preset_variants = {
        f"{each['title']}, PNG": ("", f"?bands={each['name']}") for each in presets if each["name"] != "visual"
    }
    return VARIANTS | preset_variants


def measure(url: str, tiles: list[str], variants: dict[str, tuple[str, str]]) -> dict[str, Measured]:
    """Request each tile in each variant twice, and record the second response."""
    connection = HTTPConnection(urlsplit(url).netloc)
    results = {name: Measured() for name in variants}
    for recorded in (False, True):
        for tile in tiles:
            for name, (suffix, query) in variants.items():
                since = perf_counter()
                connection.request("GET", tile + suffix + query)
                response = connection.getresponse()
                body = response.read()
                spent = 1000 * (perf_counter() - since)
                if response.status != 200:
                    raise SystemExit(f"{tile}{suffix}{query}: {response.status} {body[:300]!r}")
                if recorded:
                    encoding = re.search(r"encode;dur=([\d.]+)", response.headers["Server-Timing"] or "")
                    results[name].response_ms.append(spent)
                    results[name].encoding_ms.append(float(encoding[1]) if encoding else 0.0)
                    results[name].sizes.append(len(body))
    return results


def main() -> None:
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--tiles", type=int, default=40)
    options = parser.parse_args()
    with urllib.request.urlopen(options.url + "/tilejson.json") as response:
        west, south, east, north = json.load(response)["bounds"]
    across, down = (east - west) / 4, (north - south) / 4  # the central part of the bounds
    middle = (west + across, south + down, east - across, north - down)
    tiles = list(dict.fromkeys(walk(middle, options.tiles, range(11, 15))))
    print("| | response, ms | encoding, ms | KB |\n| --- | --- | --- | --- |")
    for name, measured in measure(options.url, tiles, variants_of(options.url)).items():
        medians = (
            statistics.median(measured.response_ms),
            statistics.median(measured.encoding_ms),
            statistics.median(measured.sizes),
        )
        print(f"| {name} | {medians[0]:.1f} | {medians[1]:.1f} | {medians[2] / 1000:.1f} |")


if __name__ == "__main__":
    main()
