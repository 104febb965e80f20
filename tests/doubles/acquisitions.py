"""Synthetic acquisitions as Earth Search's items, over real MGRS tiles, and small COGs for them.

Both collections have the same acquisitions, each in its own notation.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from pyproj import Transformer

from tests.doubles.archives import C1, L2A, write_cog
from tests.doubles.range_server import RangeServer

Json = dict[str, Any]


@lru_cache
def _transformer(source: int, target: int) -> Transformer:
    return Transformer.from_crs(source, target, always_xy=True)


@dataclass(frozen=True)
class MgrsTile:
    """An MGRS tile: 109.8 km a side; `left` and `top` in metres of its UTM zone."""

    name: str
    epsg: int
    left: int
    top: int

    @property
    def ring(self) -> list[list[float]]:
        """The closed ring of its corners in degrees."""
        x = np.array([0, 1, 1, 0, 0]) * 109_800 + self.left
        y = np.array([0, 0, -1, -1, 0]) * 109_800 + self.top
        lon, lat = _transformer(self.epsg, 4326).transform(x, y)
        return [[round(float(a), 6), round(float(b), 6)] for a, b in zip(lon, lat, strict=True)]

    @property
    def centre(self) -> tuple[float, float]:
        """Longitude and latitude of its centre."""
        centre = self.left + 54_900, self.top - 54_900
        lon, lat = _transformer(self.epsg, 4326).transform(*centre)
        return float(lon), float(lat)


def mgrs_tiles_around(lon: float, lat: float, columns: int, rows: int) -> list[MgrsTile]:
    """MGRS tiles of a point's UTM zone, in columns and rows around the point; row by row from the north."""
    zone = int(lon + 180) // 6 + 1
    epsg = (32600 if lat >= 0 else 32700) + zone
    x, y = _transformer(4326, epsg).transform(lon, lat)
    first_column = max(1, round(x / 100_000 - columns / 2))
    top = round(y / 100_000 + rows / 2)
    return [
        MgrsTile(_mgrs_name(zone, epsg, east, north - 1), epsg, 100_000 * east - 40, 100_000 * north)
        for north in range(top, top - rows, -1)
        for east in range(first_column, first_column + columns)
    ]


def _mgrs_name(zone: int, epsg: int, east: int, north: int) -> str:
    lat = _transformer(epsg, 4326).transform(100_000 * east + 5e4, 100_000 * north + 5e4)[1]
    band = "CDEFGHJKLMNPQRSTUVWX"[min(19, math.floor((lat + 80) / 8))]
    column = ("ABCDEFGH", "JKLMNPQR", "STUVWXYZ")[(zone - 1) % 3][(east - 1) % 8]
    row = "ABCDEFGHJKLMNPQRSTUV"[(north + (0 if zone % 2 else 5)) % 20]
    return f"{zone:02d}{band}{column}{row}"


BANDS = {
    "coastal": ("B01", 60), "blue": ("B02", 10), "green": ("B03", 10), "red": ("B04", 10), "rededge1": ("B05", 20),
    "rededge2": ("B06", 20), "rededge3": ("B07", 20), "nir": ("B08", 10), "nir08": ("B8A", 20), "nir09": ("B09", 60),
    "swir16": ("B11", 20), "swir22": ("B12", 20), "aot": ("AOT", 20), "wvp": ("WVP", 20), "scl": ("SCL", 20),
    "visual": ("TCI", 10),
}  # fmt: skip
_COG = "image/tiff; application=geotiff; profile=cloud-optimized"


def varied_cloud_cover(number: int, tile: int) -> float:
    """Cloud cover from 0 to 99 percent, unordered in time and place."""
    return float((number * 37 + tile * 11) % 100)


def acquisitions(
    tiles: Sequence[MgrsTile],
    first: date,
    passes: int,
    base: str,
    *,
    every: int = 5,
    clouds: Callable[[int, int], float] = varied_cloud_cover,
    folder: Callable[[int, MgrsTile], str] = lambda number, tile: tile.name,
    collections: Sequence[str] = (L2A, C1),
) -> list[Json]:
    """One item for each collection, MGRS tile and pass; pass `number` is `number * every` days after `first`.

    Every pass covers all tiles, the northern ones first. Files are in `folder(number, tile)` below `base`.
    """
    north = max(tile.top for tile in tiles)
    items = []
    for number in range(passes):
        taken = datetime(first.year, first.month, first.day, 10, 20, 31, tzinfo=UTC) + timedelta(days=every * number)
        taken += timedelta(seconds=number * 37 % 900)
        for index, tile in enumerate(tiles):
            sensed = taken + timedelta(seconds=(north - tile.top) / 6_700, milliseconds=104 + index)
            location = f"{base}/{folder(number, tile)}"
            items += [_item(name, tile, number, taken, sensed, clouds(number, index), location) for name in collections]
    return items


def _item(
    collection: str, tile: MgrsTile, number: int, taken: datetime, sensed: datetime, clouds: float, location: str
) -> Json:
    letter = "ABC"[number % 3]
    start, day = f"{taken:%Y%m%dT%H%M%S}", f"{taken:%Y%m%d}"
    processed, orbit = taken + timedelta(hours=4), 40_000 + 72 * number
    ring = tile.ring
    lons, lats = zip(*ring, strict=True)
    is_l2a = collection == L2A
    item_id = f"S2{letter}_{tile.name}_{day}_0_L2A" if is_l2a else f"S2{letter}_T{tile.name}_{start}_L2A"
    tail = f"{processed:%Y%m%dT%H%M%S}_A{orbit:06d}_T{tile.name}_N05.10"
    properties = {
        "created": f"{processed:%Y-%m-%dT%H:%M:%S}.619Z",
        "updated": f"{processed:%Y-%m-%dT%H:%M:%S}.619Z",
        "datetime": f"{sensed:%Y-%m-%dT%H:%M:%S}.{sensed.microsecond // 1000:03d}000Z",
        "platform": f"sentinel-2{letter.lower()}",
        "constellation": "sentinel-2",
        "instruments": ["msi"],
        "eo:cloud_cover": clouds,
        **({"proj:epsg": tile.epsg} if is_l2a else {"proj:code": f"EPSG:{tile.epsg}"}),
        "mgrs:utm_zone": int(tile.name[:2]),
        "mgrs:latitude_band": tile.name[2],
        "mgrs:grid_square": tile.name[3:],
        "grid:code": f"MGRS-{tile.name}",
        "view:sun_azimuth": 150.1,
        "view:sun_elevation": 51.5,
        "s2:tile_id": f"S2{letter}_OPER_MSI_L2A_TL_2APS_{tail}",
        "s2:nodata_pixel_percentage": 0,
        "s2:product_type": "S2MSI2A",
        "s2:processing_baseline": "05.10",
        "s2:product_uri": f"S2{letter}_MSIL2A_{start}_N0510_R065_T{tile.name}_{processed:%Y%m%dT%H%M%S}.SAFE",
        "s2:generation_time": f"{processed:%Y-%m-%dT%H:%M:%S}.000000Z",
        "s2:datatake_id": f"GS2{letter}_{start}_{orbit:06d}_N05.10",
        "s2:datatake_type": "INS-NOBS",
        "s2:datastrip_id": f"S2{letter}_OPER_MSI_L2A_DS_2APS_{processed:%Y%m%dT%H%M%S}_S{start}_N05.10",
    }
    if is_l2a:
        properties |= {"s2:sequence": "0", "earthsearch:boa_offset_applied": True}
    else:
        properties |= {"storage:platform": "AWS", "storage:region": "us-west-2", "storage:requester_pays": False}
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "stac_extensions": ["https://stac-extensions.github.io/eo/v1.1.0/schema.json"],
        "id": item_id,
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bbox": [min(lons), min(lats), max(lons), max(lats)],
        "properties": properties,
        "links": [{"rel": "license", "href": "https://example.org/licence"}],
        "assets": _assets(tile, location, is_l2a),
        "collection": collection,
    }


@lru_cache(maxsize=4096)
def _assets(tile: MgrsTile, location: str, is_l2a: bool) -> Json:
    """Assets of an item. Items with the same files share the object: do not change it."""
    assets: Json = {}
    for key, (file, pixel) in BANDS.items():
        spectral = file[0] == "B"
        dtype = "uint8" if key in ("scl", "visual") else "uint16"
        raster: Json = {"nodata": 0, "data_type": dtype, "spatial_resolution": pixel}
        if spectral:
            raster |= {"scale": 0.0001, "offset": -0.1}  # contradicts `boa_offset_applied`, as in real items
        asset = {
            "href": f"{location}/{file}.tif",
            "type": _COG,
            "title": f"{key} - {pixel}m",
            "gsd": pixel,
            "proj:shape": [109_800 // pixel] * 2,
            "proj:transform": [pixel, 0, tile.left, 0, -pixel, tile.top],
            "raster:bands": [raster] * (3 if key == "visual" else 1),
            "roles": ["visual"] if key == "visual" else ["data", "reflectance"] if spectral else ["data"],
        }
        if spectral:
            asset["eo:bands"] = [{"name": key if is_l2a else file, "common_name": key}]
        assets[key] = asset if is_l2a else asset | {"file:size": 57_369_733}
        if is_l2a:
            jp2 = f"s3://sentinel-s2-l2a/tiles/{tile.name}/R{pixel}m/{file}.jp2"
            assets[f"{key}-jp2"] = {**asset, "href": jp2, "type": "image/jp2"}
    assets["thumbnail"] = {"href": f"{location}/preview.jpg", "type": "image/jpeg", "roles": ["thumbnail"]}
    assets["granule_metadata"] = {"href": f"{location}/metadata.xml", "type": "application/xml", "roles": ["metadata"]}
    if not is_l2a:
        assets["preview"] = {"href": f"{location}/L2A_PVI.tif", "type": _COG, "roles": ["overview"]}
    return assets


# Pixels


def put_cogs(server: RangeServer, path: str, tile: MgrsTile, *, red: int = 1000, nir: int = 4000, scl: int = 4) -> None:
    """Serve small files below `path` that cover an MGRS tile: one value each, pixels of 100 m."""
    server.put(f"{path}/B04.tif", cog(tile, red, "uint16"))
    server.put(f"{path}/B08.tif", cog(tile, nir, "uint16"))
    server.put(f"{path}/SCL.tif", cog(tile, scl, "uint8"))


@lru_cache(maxsize=256)
def cog(tile: MgrsTile, number: int, dtype: str) -> bytes:
    """A COG of one value over an MGRS tile, with overviews down to 69 pixels."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "made.tif"
        write_cog(file, np.full((1098, 1098), number, dtype), f"EPSG:{tile.epsg}", tile.left, tile.top, 100)
        return file.read_bytes()
