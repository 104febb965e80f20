"""Made-up acquisitions in the shape of Earth Search's items, over real squares, and small files for their pixels.

Both collections hold the same acquisitions, each in its own way of writing.
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
def _between(source: int, target: int) -> Transformer:
    return Transformer.from_crs(source, target, always_xy=True)


@dataclass(frozen=True)
class MgrsTile:
    """A square of Sentinel-2's grid: 109.8 km a side, its corner in metres of its UTM zone."""

    name: str
    epsg: int
    left: int
    top: int

    @property
    def ring(self) -> list[list[float]]:
        """Its corners in degrees, closed."""
        x = np.array([0, 1, 1, 0, 0]) * 109_800 + self.left
        y = np.array([0, 0, -1, -1, 0]) * 109_800 + self.top
        lon, lat = _between(self.epsg, 4326).transform(x, y)
        return [[round(float(a), 6), round(float(b), 6)] for a, b in zip(lon, lat, strict=True)]

    @property
    def middle(self) -> tuple[float, float]:
        """Its middle, in degrees."""
        place = self.left + 54_900, self.top - 54_900
        lon, lat = _between(self.epsg, 4326).transform(*place)
        return float(lon), float(lat)


def mgrs_tiles_around(lon: float, lat: float, columns: int, rows: int) -> list[MgrsTile]:
    """So many squares of the zone that a place lies in, the place near their middle; row by row from the north."""
    zone = int(lon + 180) // 6 + 1
    epsg = (32600 if lat >= 0 else 32700) + zone
    x, y = _between(4326, epsg).transform(lon, lat)
    first = max(1, round(x / 100_000 - columns / 2))
    top = round(y / 100_000 + rows / 2)
    return [
        MgrsTile(_name(zone, epsg, east, north - 1), epsg, 100_000 * east - 40, 100_000 * north)
        for north in range(top, top - rows, -1)
        for east in range(first, first + columns)
    ]


def _name(zone: int, epsg: int, east: int, north: int) -> str:
    lat = _between(epsg, 4326).transform(100_000 * east + 5e4, 100_000 * north + 5e4)[1]
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


def varied_cloud_cover(number: int, square: int) -> float:
    """From 0 to 99 percent, in no order."""
    return float((number * 37 + square * 11) % 100)


def acquisitions(
    squares: Sequence[MgrsTile],
    first: date,
    passes: int,
    base: str,
    *,
    every: int = 5,
    clouds: Callable[[int, int], float] = varied_cloud_cover,
    folder: Callable[[int, MgrsTile], str] = lambda number, square: square.name,
    collections: Sequence[str] = (L2A, C1),
) -> list[Json]:
    """One item for each collection, square and pass; pass `number` is at `first` plus `number` times `every` days.

    All squares are seen by every pass, the northern ones first. Files lie in `folder(number, square)` below `base`.
    """
    north = max(square.top for square in squares)
    made = []
    for number in range(passes):
        began = datetime(first.year, first.month, first.day, 10, 20, 31, tzinfo=UTC) + timedelta(days=every * number)
        began += timedelta(seconds=number * 37 % 900)
        for index, square in enumerate(squares):
            seen = began + timedelta(seconds=(north - square.top) / 6_700, milliseconds=104 + index)
            where = f"{base}/{folder(number, square)}"
            made += [_item(name, square, number, began, seen, clouds(number, index), where) for name in collections]
    return made


def _item(
    collection: str, square: MgrsTile, number: int, began: datetime, seen: datetime, clouds: float, where: str
) -> Json:
    letter = "ABC"[number % 3]
    start, day = f"{began:%Y%m%dT%H%M%S}", f"{began:%Y%m%d}"
    made, orbit = began + timedelta(hours=4), 40_000 + 72 * number
    ring = square.ring
    lons, lats = zip(*ring, strict=True)
    old = collection == L2A
    item_id = f"S2{letter}_{square.name}_{day}_0_L2A" if old else f"S2{letter}_T{square.name}_{start}_L2A"
    tail = f"{made:%Y%m%dT%H%M%S}_A{orbit:06d}_T{square.name}_N05.10"
    properties = {
        "created": f"{made:%Y-%m-%dT%H:%M:%S}.619Z",
        "updated": f"{made:%Y-%m-%dT%H:%M:%S}.619Z",
        "datetime": f"{seen:%Y-%m-%dT%H:%M:%S}.{seen.microsecond // 1000:03d}000Z",
        "platform": f"sentinel-2{letter.lower()}",
        "constellation": "sentinel-2",
        "instruments": ["msi"],
        "eo:cloud_cover": clouds,
        **({"proj:epsg": square.epsg} if old else {"proj:code": f"EPSG:{square.epsg}"}),
        "mgrs:utm_zone": int(square.name[:2]),
        "mgrs:latitude_band": square.name[2],
        "mgrs:grid_square": square.name[3:],
        "grid:code": f"MGRS-{square.name}",
        "view:sun_azimuth": 150.1,
        "view:sun_elevation": 51.5,
        "s2:tile_id": f"S2{letter}_OPER_MSI_L2A_TL_2APS_{tail}",
        "s2:nodata_pixel_percentage": 0,
        "s2:product_type": "S2MSI2A",
        "s2:processing_baseline": "05.10",
        "s2:product_uri": f"S2{letter}_MSIL2A_{start}_N0510_R065_T{square.name}_{made:%Y%m%dT%H%M%S}.SAFE",
        "s2:generation_time": f"{made:%Y-%m-%dT%H:%M:%S}.000000Z",
        "s2:datatake_id": f"GS2{letter}_{start}_{orbit:06d}_N05.10",
        "s2:datatake_type": "INS-NOBS",
        "s2:datastrip_id": f"S2{letter}_OPER_MSI_L2A_DS_2APS_{made:%Y%m%dT%H%M%S}_S{start}_N05.10",
    }
    if old:
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
        "assets": _assets(square, where, old),
        "collection": collection,
    }


@lru_cache(maxsize=4096)
def _assets(square: MgrsTile, where: str, old: bool) -> Json:
    """The same object for all items whose files lie in one place: not to be changed."""
    assets: Json = {}
    for key, (file, pixel) in BANDS.items():
        spectral = file[0] == "B"
        dtype = "uint8" if key in ("scl", "visual") else "uint16"
        raster: Json = {"nodata": 0, "data_type": dtype, "spatial_resolution": pixel}
        if spectral:
            raster |= {"scale": 0.0001, "offset": -0.1}  # with the flag that says otherwise, as in the real ones
        asset = {
            "href": f"{where}/{file}.tif",
            "type": _COG,
            "title": f"{key} - {pixel}m",
            "gsd": pixel,
            "proj:shape": [109_800 // pixel] * 2,
            "proj:transform": [pixel, 0, square.left, 0, -pixel, square.top],
            "raster:bands": [raster] * (3 if key == "visual" else 1),
            "roles": ["visual"] if key == "visual" else ["data", "reflectance"] if spectral else ["data"],
        }
        if spectral:
            asset["eo:bands"] = [{"name": key if old else file, "common_name": key}]
        assets[key] = asset if old else asset | {"file:size": 57_369_733}
        if old:
            jp2 = f"s3://sentinel-s2-l2a/tiles/{square.name}/R{pixel}m/{file}.jp2"
            assets[f"{key}-jp2"] = {**asset, "href": jp2, "type": "image/jp2"}
    assets["thumbnail"] = {"href": f"{where}/preview.jpg", "type": "image/jpeg", "roles": ["thumbnail"]}
    assets["granule_metadata"] = {"href": f"{where}/metadata.xml", "type": "application/xml", "roles": ["metadata"]}
    if not old:
        assets["preview"] = {"href": f"{where}/L2A_PVI.tif", "type": _COG, "roles": ["overview"]}
    return assets


# Pixels


def put_cogs(
    server: RangeServer, path: str, square: MgrsTile, *, red: int = 1000, nir: int = 4000, scl: int = 4
) -> None:
    """Serve small files at `path` for a whole square: the same number everywhere, 100 m a pixel."""
    server.put(f"{path}/B04.tif", cog(square, red, "uint16"))
    server.put(f"{path}/B08.tif", cog(square, nir, "uint16"))
    server.put(f"{path}/SCL.tif", cog(square, scl, "uint8"))


@lru_cache(maxsize=256)
def cog(square: MgrsTile, number: int, dtype: str) -> bytes:
    """A file of one number over a square, with overviews down to 69 pixels."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "made.tif"
        write_cog(file, np.full((1098, 1098), number, dtype), f"EPSG:{square.epsg}", square.left, square.top, 100)
        return file.read_bytes()
