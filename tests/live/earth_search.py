"""Check that Earth Search still behaves as the code expects: `make live`, which needs the internet.

Each fact that the code relies on is checked against the real service, then ten tiles around the world are drawn.
Differences and failed requests are reported, and do not stop the other checks. It sends about 40 requests and reads
about 50 MB.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
from morecantile import tms

from scog.bandmath.indices import get
from scog.catalog.scene import UnusableItem
from scog.catalog.stac_api import PAGE_SIZE, _fields
from scog.cog.header_template import template_of
from scog.cog.ifd import walk
from scog.cog.metadata import FileMetadata
from scog.errors import ScogError
from scog.geo.grid import tile_grid
from scog.imaging.draw import draw
from scog.imaging.engine import open_engine
from scog.net.policy import host_of
from scog.settings import EARTH_SEARCH, EARTH_SEARCH_HOSTS, Settings
from tests.profiles import BANDS, C1, L2A, PROFILES, image_request, parse_item

Json = dict[str, Any]
PLACES = {
    "Po valley": (11.4, 45.1, 12),
    "Nile delta": (31.0, 30.9, 13),
    "Amazon": (-60.1, -3.2, 11),
    "Central Valley": (-120.4, 37.1, 12),
    "Punjab": (75.4, 30.9, 12),
    "Iowa": (-93.6, 42.1, 14),
    "Lake Victoria": (33.2, -0.5, 10),
    "New South Wales": (147.3, -34.1, 12),
    "Kyushu": (130.6, 32.8, 13),
    "Alps from far": (10.5, 46.5, 8),
}
"""Longitude, latitude, zoom."""
HEADER = 16_384
BLOCKS = {"red": 1024, "nir": 1024, "swir16": 1024, "nir08": 512, "scl": 512, "coastal": 256}
"""Block size in pixels at full resolution; overviews have half of it."""
OVERVIEWS = (5490, 2745, 1373, 687)


class Differs(Exception):
    """The service does not behave as the code expects."""


@dataclass
class Service:
    """The catalogue, requested directly rather than through scog."""

    url: str
    client: httpx.Client
    hosts: tuple[str, ...] = EARTH_SEARCH_HOSTS
    described: dict[str, FileMetadata] = field(default_factory=dict)

    @cached_property
    def landing(self) -> Json:
        return self._json(self.client.get(self.url))

    @cached_property
    def newest(self) -> list[Json]:
        """The newest hundred items of the older collection, with all fields."""
        features: list[Json] = self.search(limit=PAGE_SIZE)["features"]
        return features

    @cached_property
    def newest_c1(self) -> list[Json]:
        features: list[Json] = self.search(limit=PAGE_SIZE, collections=[C1])["features"]
        return features

    def search(self, **body: Any) -> Json:
        return self._json(self.client.post(f"{self.url}/search", json={"collections": [L2A], **body}))

    def following(self, page: Json) -> Json:
        link = _next(page)
        expect(link is not None, "there is no next link")
        assert link is not None
        return self._json(self.client.request(link["method"], link["href"], json=link.get("body")))

    def header(self, band: str) -> tuple[httpx.Response, str]:
        url = self.newest[0]["assets"][band]["href"]
        return self.client.get(url, headers={"Range": f"bytes=0-{HEADER - 1}"}), url

    def description(self, band: str) -> FileMetadata:
        if band not in self.described:
            answer, _ = self.header(band)
            directories = walk(answer.content)
            expect(directories.needed <= HEADER, f"{band}: the directories take {directories.needed} bytes")
            self.described[band] = template_of(answer.content, directories).describe(answer.content, "live")
        return self.described[band]

    @staticmethod
    def _json(answer: httpx.Response) -> Json:
        answer.raise_for_status()
        document: Json = answer.json()
        return document


def expect(true: bool, otherwise: str) -> None:
    if not true:
        raise Differs(otherwise)


def _next(page: Json) -> Json | None:
    return next((link for link in page["links"] if link["rel"] == "next"), None)


# The API


def landing_page(service: Service) -> str:
    name, conforms = service.landing["id"], " ".join(service.landing["conformsTo"])
    expect(name.startswith("earth-search"), f"its id is {name!r}: scog would request sorting")
    missing = [part for part in ("#query", "#fields") if f"item-search{part}" not in conforms]
    expect(not missing, f"it no longer conforms to {missing}")
    return name


def default_page(service: Service) -> str:
    count = len(service.search()["features"])
    expect(count == 10, f"{count} items")
    return "10 items"


def largest_page(service: Service) -> str:
    sizes = {PAGE_SIZE: len(json.dumps(service.newest))}
    expect(len(service.newest) == PAGE_SIZE, f"requested {PAGE_SIZE}, received {len(service.newest)} items")
    status = service.client.post(f"{service.url}/search", json={"collections": [L2A], "limit": 300}).status_code
    expect(status >= 500, f"300 items have status {status}: larger pages are possible now")
    return f"{PAGE_SIZE} items are {sizes[PAGE_SIZE] / 1e6:.1f} MB, 300 have status {status}"


def count_of_matches(service: Service) -> str:
    page = service.search(limit=1)
    expect(isinstance(page.get("numberMatched"), int), "there is no numberMatched: small searches need another request")
    return f"{page['numberMatched']:,} items"


def query_is_honoured(service: Service) -> str:
    items = service.search(limit=50, query={"eo:cloud_cover": {"lte": 5}})["features"]
    covers = [item["properties"]["eo:cloud_cover"] for item in items]
    expect(bool(covers) and max(covers) <= 5, f"up to {max(covers, default=None)} % in the response to at most 5")
    return f"at most {max(covers):.1f} %"


def filter_is_ignored(service: Service) -> str:
    criterion = {"op": "<=", "args": [{"property": "eo:cloud_cover"}, 0.5]}
    items = service.search(limit=50, **{"filter-lang": "cql2-json", "filter": criterion})["features"]
    covers = [item["properties"]["eo:cloud_cover"] for item in items]
    expect(max(covers, default=0) > 0.5, "it is honoured now")
    return f"up to {max(covers):.0f} % in the response to at most 0.5"


def basic_fields(service: Service) -> str:
    item = service.search(limit=1, fields={"include": ["properties.eo:cloud_cover"]})["features"][0]
    names = set(item["properties"])
    expect(names == {"datetime", "eo:cloud_cover"}, f"properties are {sorted(names)}")
    return "besides the included fields: " + ", ".join(sorted(set(item) - {"properties"}))


def requested_fields(service: Service) -> str:
    sizes = []
    for collection, whole in ((L2A, service.newest), (C1, service.newest_c1)):
        items = service.search(limit=20, collections=[collection], fields=_fields(PROFILES.of(collection)))["features"]
        by_id = {item["id"]: item for item in whole}
        compared = 0
        for item in items:
            expect(item.get("collection") == collection, "the collection is missing")
            if item["id"] in by_id:
                compared += 1
                selected, complete = parse_item(item), parse_item(by_id[item["id"]])
                different = [
                    name
                    for name in (
                        "time",
                        "platform",
                        "mgrs_tile",
                        "cloud_cover",
                        "footprint",
                        "orbit",
                        "acquisition_key",
                        "processed_at",
                    )
                    if getattr(selected, name) != getattr(complete, name)
                ]
                different += [
                    band.name for band in BANDS if selected.assets.get(band.name) != complete.assets.get(band.name)
                ]
                expect(not different, f"{item['id']}: {different} differ from the whole item's")
        expect(compared > 0, "no item could be compared")
        sizes.append(
            f"{len(json.dumps(items)) / len(items) / 1000:.1f} of {len(json.dumps(whole)) / len(whole) / 1000:.1f}"
        )
    return f"kB an item: {', '.join(sizes)}"


def newest_come_first(service: Service) -> str:
    times = [item["properties"]["datetime"] for item in service.newest]
    expect(times == sorted(times, reverse=True), "they are in another order")
    return f"from {times[0]} down"


def next_links(service: Service) -> str:
    first = service.search(limit=5, query={"eo:cloud_cover": {"lt": 50}})
    link = _next(first)
    expect(link is not None, "there is no next link")
    assert link is not None
    expect((link.get("method"), link.get("merge")) == ("POST", False), f"method and merge are {link}")
    body = link["body"]
    expect("next" in body and body.get("collections") == [L2A], f"the body is {body}")
    expect("query" in body and body.get("limit") == 5, f"query or limit are not in the body: {sorted(body)}")
    second = service.following(first)
    ids = [item["id"] for page in (first, second) for item in page["features"]]
    expect(len(set(ids)) == 10, "the second page repeats the first")
    return f"token {body['next']}"


def last_page(service: Service) -> str:
    day = service.newest[-1]["properties"]["datetime"][:10]
    west, south, east, north = service.newest[-1]["bbox"]
    middle = [(west + east) / 2, (south + north) / 2]
    page = service.search(
        datetime=f"{day}T00:00:00Z/{day}T23:59:59Z", intersects={"type": "Point", "coordinates": middle}
    )
    sizes = [len(page["features"])]
    while _next(page) is not None and len(sizes) < 6:
        page = service.following(page)
        sizes.append(len(page["features"]))
    expect(_next(page) is None, "the links do not end")
    return f"pages of {sizes} items" + ("" if sizes[-1] == 0 else "; the last is no longer empty")


def both_collections(service: Service) -> str:
    reprocessed = service.newest_c1[-1]
    time_, code = reprocessed["properties"]["datetime"], reprocessed["properties"]["grid:code"]
    body = {"datetime": f"{time_[:10]}T00:00:00Z/{time_[:10]}T23:59:59Z", "query": {"grid:code": {"eq": code}}}
    items = service.search(limit=20, **body)["features"]
    expect(bool(items), f"no item of {code} on {time_[:10]} in {L2A}")
    orbits = {parse_item(item).orbit for item in items}
    expect(parse_item(reprocessed).orbit in orbits, f"other orbits: {orbits}")
    return f"{reprocessed['id']} and {items[0]['id']}"


# The items


def mgrs_tiles_and_crs(service: Service) -> str:
    kinds: Counter[str] = Counter()
    for item in [*service.newest, *service.newest_c1]:
        properties = item["properties"]
        expect(str(properties.get("grid:code", "")).startswith("MGRS-"), f"{item['id']}: grid:code")
        kinds["proj:code" if "proj:code" in properties else "proj:epsg" if "proj:epsg" in properties else "?"] += 1
        expect(
            "proj:shape" in item["assets"]["red"] and "proj:transform" in item["assets"]["red"], f"{item['id']}: proj"
        )
    expect(not kinds["?"], f"{kinds['?']} items name no CRS")
    return ", ".join(f"{count} with {kind}" for kind, count in kinds.items())


def offsets(service: Service) -> str:
    counts: Counter[str] = Counter()
    for item in service.newest:
        properties = item["properties"]
        late = properties.get("s2:processing_baseline", "") >= "04.00"
        counts[
            f"{'since' if late else 'before'} 04.00: {properties.get('earthsearch:boa_offset_applied', 'absent')}"
        ] += 1
    unclear = counts["since 04.00: False"] + counts["since 04.00: absent"]
    expect(unclear < len(service.newest) / 2, f"mostly unclear: {dict(counts)}")
    offset = service.newest_c1[0]["assets"]["red"]["raster:bands"][0].get("offset")
    expect(offset == -0.1, f"{C1} writes an offset of {offset}")
    return ", ".join(f"{count} {what}" for what, count in counts.items())


def asset_keys(service: Service) -> str:
    for items in (service.newest, service.newest_c1):
        for item in items:
            missing = [band.assets[0] for band in BANDS if band.assets[0] not in item["assets"]]
            expect(not missing, f"{item['id']} has no {missing}")
    expect("preview" in service.newest_c1[0]["assets"], f"{C1} no longer has a preview")
    extra = set(service.newest[0]["assets"]) - {band.assets[0] for band in BANDS}
    return "also " + ", ".join(sorted(key for key in extra if not key.endswith("-jp2")))


def usable_items(service: Service) -> str:
    reasons: Counter[str] = Counter()
    for item in [*service.newest, *service.newest_c1]:
        try:
            scene = parse_item(item)
            expect(
                scene.acquisition_key is not None and scene.orbit is not None, f"{scene.id}: its overpass is unknown"
            )
        except UnusableItem as reason:
            reasons[str(reason)] += 1
    expect(sum(reasons.values()) <= 10, f"skipped: {dict(reasons)}")
    return f"skipped: {dict(reasons) or 'none'}"


def hosts(service: Service) -> str:
    counts: Counter[str] = Counter()
    for item in [*service.newest, *service.newest_c1]:
        counts.update({host_of(asset.url) for asset in parse_item(item).assets.values()})
    unknown = set(counts) - set(service.hosts)
    expect(not unknown, f"not allowed: {sorted(unknown)}")
    return ", ".join(sorted(counts))


# The files


def ranges(service: Service) -> str:
    answer, url = service.header("red")
    expect(answer.status_code == 206, f"a range request has status {answer.status_code}")
    expect(len(answer.content) == HEADER, f"{len(answer.content)} bytes received")
    expect(bool(answer.headers.get("ETag")), "there is no ETag")
    expect(answer.headers.get("Content-Range", "").startswith(f"bytes 0-{HEADER - 1}/"), "Content-Range")
    jp2 = service.newest[0]["assets"].get("red-jp2", {}).get("href", "")
    expect(not jp2 or jp2.startswith("s3://"), f"jp2 files are at {jp2}")
    return f"{host_of(url)}, ETag {answer.headers['ETag']}"


def headers(service: Service) -> str:
    sizes = {}
    for band in BLOCKS:
        answer, _ = service.header(band)
        sizes[band] = walk(answer.content).needed
        expect(sizes[band] <= HEADER, f"{band} takes {sizes[band]} bytes: two requests a file")
    return ", ".join(f"{band} {size}" for band, size in sizes.items())


def blocks(service: Service) -> str:
    for band, side in BLOCKS.items():
        metadata = service.description(band)
        expect(metadata.plain, f"{band} is no longer decoded by scog: GDAL reads it, slowly")
        expect(metadata.nodata == 0, f"{band}: nodata is {metadata.nodata}")
        shapes = [level.block_shape for level in metadata.levels]
        expected = [(side, side)] + [(side // 2, side // 2)] * (len(shapes) - 1)
        expect(shapes == expected, f"{band}: blocks are {shapes}, expected {expected}")
    return ", ".join(f"{band} {side}" for band, side in BLOCKS.items())


def overviews(service: Service) -> str:
    widths = tuple(level.grid.width for level in service.description("red").levels[1:])
    expect(widths == OVERVIEWS, f"{widths}")
    return ", ".join(map(str, widths))


CHECKS: dict[str, Callable[[Service], str]] = {
    "landing page": landing_page,
    "a page has 10 items by itself": default_page,
    "100 items fit a page, 300 do not": largest_page,
    "the number of matches is reported": count_of_matches,
    "`query` is honoured": query_is_honoured,
    "`filter` is ignored": filter_is_ignored,
    "`fields` wants each property named": basic_fields,
    "`fields` as scog sends them bring what it reads": requested_fields,
    "the newest come first": newest_come_first,
    "`next` links are POST searches with a token": next_links,
    "the last page": last_page,
    "both collections have the same acquisition": both_collections,
    "MGRS tiles and CRS": mgrs_tiles_and_crs,
    "offset flags": offsets,
    "asset keys are band names": asset_keys,
    "items are usable": usable_items,
    "files are on allowed hosts": hosts,
    "ranges are answered": ranges,
    "headers fit 16 KB": headers,
    "block sizes": blocks,
    "overview sizes": overviews,
}


def check(service: Service) -> Counter[str]:
    """Check each fact and print the result."""
    results: Counter[str] = Counter()
    for fact, work in CHECKS.items():
        try:
            verdict, text = "ok", work(service)
        except Differs as difference:
            verdict, text = "DIFFERS", str(difference)
        except httpx.HTTPError as fault:
            verdict, text = "no answer", f"{type(fault).__name__}: {fault}"
        except (ScogError, UnusableItem, LookupError, TypeError, ValueError) as fault:
            verdict, text = "DIFFERS", f"{type(fault).__name__}: {fault}"
        results[verdict] += 1
        print(f"{verdict:<9}  {fact}: {text}", flush=True)
    return results


async def draw_places(settings: Settings) -> Counter[str]:
    """Draw a tile of each place and print its cost."""
    results: Counter[str] = Counter()
    request = image_request(get("ndvi").expression)
    async with open_engine(settings) as engine:
        for place, (lon, lat, zoom) in PLACES.items():
            tile = tms.get("WebMercatorQuad").tile(lon, lat, zoom)
            since = time.perf_counter()
            try:
                drawing = await draw(engine, tile_grid(tile.z, tile.x, tile.y), request)
                valid, report = drawing.valid.mean(), drawing.report
                verdict = "ok" if valid > 0.2 and not report.skipped else "DIFFERS"
                text = (
                    f"{valid:.0%} valid, {len(report.used)} scenes, {report.tally.searches} searches, "
                    f"{report.tally.requests} requests, {report.tally.bytes / 1e6:.1f} MB, skipped {report.skipped}"
                )
            except ScogError as fault:
                verdict, text = "no answer", f"{type(fault).__name__}: {fault}"
            results[verdict] += 1
            print(
                f"{verdict:<9}  {place} {tile.z}/{tile.x}/{tile.y}: {time.perf_counter() - since:.2f} s, {text}",
                flush=True,
            )
    return results


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 if every check passes, else 1."""
    parser = argparse.ArgumentParser(
        prog="make live", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--catalog", default=EARTH_SEARCH, help="default: %(default)s")
    parser.add_argument("--hosts", default="", help="further hosts that files may be read from, separated by commas")
    options = parser.parse_args(arguments)
    extra_hosts = tuple(host for host in options.hosts.split(",") if host)
    with httpx.Client(timeout=30, headers={"User-Agent": "scog-live-check"}) as client:
        results = check(Service(options.catalog.rstrip("/"), client, EARTH_SEARCH_HOSTS + extra_hosts))
    with tempfile.TemporaryDirectory() as cache:
        settings = Settings(
            catalog=options.catalog, hosts=extra_hosts, cache_dir=Path(cache), tile_deadline=60, catalog_deadline=20
        )
        results += asyncio.run(draw_places(settings))
    print(", ".join(f"{count} {verdict}" for verdict, count in results.items()))
    return 0 if set(results) <= {"ok"} else 1


if __name__ == "__main__":
    sys.exit(main())
