"""Pan and zoom over a running server's archive: tiles per second, in several passes.

    make demo &
    .venv/bin/python -m benchmarks.trace --url http://127.0.0.1:8000

The walk is always the same: from the centre of the server's bounds by one tile in a random direction, sometimes zooming
in or out. Upstream requests and bytes are exact, from the response headers. Times depend on the machine's load, and the
clients use CPU too.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
import statistics
import time

import aiohttp
import morecantile

TMS = morecantile.tms.get("WebMercatorQuad")


def walk(bounds: tuple[float, float, float, float], steps: int, zooms: range, seed: int = 1) -> list[str]:
    """URL paths of `steps` tiles, all within the bounds."""
    rng = random.Random(seed)
    west, south, east, north = bounds
    lon, lat, zoom = (west + east) / 2, (south + north) / 2, 12
    paths = []
    while len(paths) < steps:
        tile = TMS.tile(lon, lat, zoom)
        paths.append(f"/tiles/{tile.z}/{tile.x}/{tile.y}")
        zoom = min(max(zoom + rng.choice((0, 0, 0, 1, -1)), zooms.start), zooms.stop - 1)
        side = 360 / 2**zoom
        lon = min(max(lon + rng.choice((-1, 0, 1)) * side, west + 1e-6), east - 1e-6)
        lat = min(max(lat + rng.choice((-1, 0, 1)) * side * 0.7, south + 1e-6), north - 1e-6)
    return paths


async def run(url: str, paths: list[str], clients: int, query: str) -> None:
    """Request all paths with `clients` clients, and print a summary."""
    left = list(reversed(paths))
    times: list[float] = []
    sizes: list[int] = []
    upstream = [0, 0]

    async def client(session: aiohttp.ClientSession) -> None:
        while left:
            path = left.pop()
            since = time.perf_counter()
            async with session.get(url + path + query) as response:
                sizes.append(len(await response.read()))
                response.raise_for_status()
            times.append(time.perf_counter() - since)
            for place, number in enumerate(
                re.findall(r"(?:requests|bytes)=(\d+)", response.headers["X-Scog-Upstream"])
            ):
                upstream[place] += int(number)

    since = time.perf_counter()
    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(client(session) for _ in range(clients)))
    spent = time.perf_counter() - since
    quantiles = statistics.quantiles(times, n=20)
    print(
        f"{len(paths)} tiles, {clients} clients: {len(paths) / spent:6.1f} tiles/s, "
        f"median {1000 * quantiles[9]:.1f} ms, "
        f"95th {1000 * quantiles[18]:.1f} ms, {sum(sizes) / len(sizes) / 1000:.1f} KB a tile; "
        f"upstream {upstream[0]} requests, {upstream[1] / 1e6:.2f} MB"
    )


async def main() -> None:
    """Run the passes over the same walk."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--tiles", type=int, default=300)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--query", default="", help="such as ?bands=red,green,blue")
    options = parser.parse_args()
    async with aiohttp.ClientSession() as session, session.get(options.url + "/tilejson.json") as response:
        bounds = (await response.json())["bounds"]
    paths = walk(tuple(bounds), options.tiles, range(10, 16))
    for _ in range(options.passes):
        await run(options.url, paths, options.clients, options.query)


if __name__ == "__main__":
    asyncio.run(main())
