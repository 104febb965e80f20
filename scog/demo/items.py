"""STAC items in the form of Earth Search's, including their quirks. Each states that it is made up."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from scog.demo.atmosphere import SclClass
from scog.demo.cogs import LAYOUTS
from scog.demo.mgrs import WEST, MgrsTile, footprint
from scog.demo.overpasses import RELATIVE_ORBIT, Overpass, Strip

Json = dict[str, Any]


class _Band(NamedTuple):
    """Metadata of a band; titles differ between the two collections."""

    file: str
    title: str  # in sentinel-2-l2a (the western tile)
    other_title: str  # in sentinel-2-c1-l2a (the eastern tile)
    centre: float  # wavelength, micrometres
    width: float  # full width at half maximum, micrometres


_BANDS = {
    "coastal": _Band("B01", "Coastal aerosol (band 1)", "Coastal", 0.443, 0.027),
    "blue": _Band("B02", "Blue (band 2)", "Blue", 0.49, 0.098),
    "green": _Band("B03", "Green (band 3)", "Green", 0.56, 0.045),
    "red": _Band("B04", "Red (band 4)", "Red", 0.665, 0.038),
    "rededge1": _Band("B05", "Red edge 1 (band 5)", "Red Edge 1", 0.704, 0.019),
    "rededge2": _Band("B06", "Red edge 2 (band 6)", "Red Edge 2", 0.74, 0.018),
    "rededge3": _Band("B07", "Red edge 3 (band 7)", "Red Edge 3", 0.783, 0.028),
    "nir": _Band("B08", "NIR 1 (band 8)", "NIR 1", 0.842, 0.145),
    "nir08": _Band("B8A", "NIR 2 (band 8A)", "NIR 2", 0.865, 0.033),
    "nir09": _Band("B09", "NIR 3 (band 9)", "NIR 3", 0.945, 0.026),
    "swir16": _Band("B11", "SWIR 1 (band 11)", "SWIR 1.6μm", 1.61, 0.143),
    "swir22": _Band("B12", "SWIR 2 (band 12)", "SWIR 2.2μm", 2.19, 0.242),
}
_COG = "image/tiff; application=geotiff; profile=cloud-optimized"
_EXTENSIONS = ("eo/v1.1.0", "file/v2.1.0", "grid/v1.0.0", "mgrs/v1.0.0", "processing/v1.1.0", "projection/v1.1.0",
               "raster/v1.1.0", "view/v1.0.0")  # fmt: skip
_PERCENTAGES = {
    "s2:dark_features_percentage": SclClass.DARK,
    "s2:cloud_shadow_percentage": SclClass.SHADOW,
    "s2:vegetation_percentage": SclClass.VEGETATION,
    "s2:not_vegetated_percentage": SclClass.BARE,
    "s2:water_percentage": SclClass.WATER,
    "s2:unclassified_percentage": SclClass.UNCLASSIFIED,
    "s2:medium_proba_clouds_percentage": SclClass.MEDIUM_CLOUD,
    "s2:high_proba_clouds_percentage": SclClass.HIGH_CLOUD,
    "s2:thin_cirrus_percentage": SclClass.CIRRUS,
    "s2:snow_ice_percentage": SclClass.SNOW,
}
_CLOUDY = (SclClass.MEDIUM_CLOUD, SclClass.HIGH_CLOUD, SclClass.CIRRUS)
DESCRIPTION = "A made-up acquisition of Isola Scog, an island that does not exist: computed, not observed."


def stored_offset(tile: MgrsTile) -> int:
    """Offset of the stored digital numbers: DN = 10000 x reflectance + offset."""
    return 0 if tile is WEST else 1000


def item_id(overpass: Overpass, strip: Strip, tile: MgrsTile) -> str:
    """Item id in the naming scheme of the tile's collection."""
    if tile is WEST:
        return f"S2{overpass.satellite}_{tile.name}_{overpass.day:%Y%m%d}_{strip.sequence}_L2A"
    return f"S2{overpass.satellite}_T{tile.name}_{strip.started:%Y%m%dT%H%M%S}_L2A"


def item(overpass: Overpass, strip: Strip, tile: MgrsTile, counts: Mapping[int, int], sizes: Mapping[str, int]) -> Json:
    """A STAC item as JSON.

    counts  SCL class to number of pixels
    sizes   file name such as `B04` to bytes
    """
    ring = footprint(tile, strip.edges)
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": item_id(overpass, strip, tile),
        "properties": _properties(overpass, strip, tile, counts),
        "geometry": {"type": "Polygon", "coordinates": [[list(corner) for corner in ring]]},
        "bbox": list(bbox(ring)),
        "links": [
            {"rel": rel, "type": "application/json", "href": "../collection.json"} for rel in ("collection", "parent")
        ],
        "assets": _assets(overpass, tile, sizes),
        "stac_extensions": [f"https://stac-extensions.github.io/{name}/schema.json" for name in _EXTENSIONS],
        "collection": tile.collection,
    }


def _baseline(overpass: Overpass, tile: MgrsTile) -> str:
    if tile is not WEST:
        return "05.00"  # Collection 1 was reprocessed completely
    if overpass.offset_era:
        return "04.00"
    return "03.01" if overpass.day.isoformat() >= "2021-07-01" else "03.00"


def _properties(overpass: Overpass, strip: Strip, tile: MgrsTile, counts: Mapping[int, int]) -> Json:
    letter, baseline = overpass.satellite, _baseline(overpass, tile)
    sensed = _sensed(overpass, strip, tile)
    processed = _processed(overpass, tile)
    stamp, published = f"{processed:%Y%m%dT%H%M%S}", _text(processed + timedelta(hours=3, minutes=12))
    centre = "2APS" if tile is WEST else "S2RP"
    taken, started, orbit = f"{overpass.taken:%Y%m%dT%H%M%S}", f"{strip.started:%Y%m%dT%H%M%S}", f"{overpass.orbit:06d}"
    return {
        "title": f"Isola Scog (made up), {overpass.day.isoformat()}, tile {tile.name}",
        "description": DESCRIPTION,
        "scog:made_up": True,
        "datetime": _text(sensed),
        "created": published,
        "updated": published,
        "platform": f"sentinel-2{letter.lower()}",
        "constellation": "sentinel-2",
        "instruments": ["msi"],
        **_clouds_and_classes(counts),
        "proj:epsg": tile.epsg,
        "mgrs:utm_zone": tile.zone,
        "mgrs:latitude_band": tile.band,
        "mgrs:grid_square": tile.letters,
        "grid:code": f"MGRS-{tile.name}",
        "view:sun_azimuth": round(overpass.sun.azimuth, 6),
        "view:sun_elevation": round(overpass.sun.elevation, 6),
        "s2:degraded_msi_data_percentage": 0,
        "s2:saturated_defective_pixel_percentage": 0,
        "s2:product_type": "S2MSI2A",
        "s2:processing_baseline": baseline,
        "s2:product_uri": f"S2{letter}_MSIL2A_{taken}_N{baseline.replace('.', '')}_R{RELATIVE_ORBIT:03d}_"
        f"T{tile.name}_{stamp}.SAFE",
        "s2:generation_time": _text(processed),
        "s2:datatake_id": f"GS2{letter}_{taken}_{orbit}_N{baseline}",
        "s2:datatake_type": "INS-NOBS",
        "s2:datastrip_id": f"S2{letter}_OPER_MSI_L2A_DS_{centre}_{stamp}_S{started}_N{baseline}",
        "s2:reflectance_conversion_factor": round(_sun_distance_factor(overpass.day_of_year), 8),
        **_of_collection(overpass, strip, tile, f"{centre}_{stamp}_A{orbit}_T{tile.name}_N{baseline}"),
    }


def _of_collection(overpass: Overpass, strip: Strip, tile: MgrsTile, granule: str) -> Json:
    """Properties that only one of the two collections has."""
    if tile is WEST:
        return {
            "s2:granule_id": f"S2{overpass.satellite}_OPER_MSI_L2A_TL_{granule}",
            "s2:sequence": str(strip.sequence),
            # Since baseline 04.00 the offset is already removed from these numbers, yet `raster:bands` states it.
            "earthsearch:boa_offset_applied": overpass.offset_era,
            "processing:software": {"scog demo": "1"},
        }
    left, bottom, right, top = bbox(footprint(tile, strip.edges))
    return {
        "s2:tile_id": f"S2{overpass.satellite}_OPER_MSI_L2A_TL_{granule}",
        "proj:centroid": {"lat": round((bottom + top) / 2, 5), "lon": round((left + right) / 2, 5)},
        "view:azimuth": 288.4 if overpass.satellite == "A" else 288.9,
        "view:incidence_angle": 8.6 if overpass.satellite == "A" else 8.4,
        "processing:software": {"scog demo": "1"},
    }


def bbox(ring: tuple[tuple[float, float], ...]) -> tuple[float, float, float, float]:
    """West, south, east, north of a ring in degrees."""
    lons, lats = zip(*ring, strict=True)
    return min(lons), min(lats), max(lons), max(lats)


def _sensed(overpass: Overpass, strip: Strip, tile: MgrsTile) -> datetime:
    base = datetime(overpass.day.year, overpass.day.month, overpass.day.day, 10, 19, 31, 276000, tzinfo=UTC)
    drift = overpass.day.toordinal() * 37 % 9000 / 1000  # sensing times differ between days, as real ones do
    east = 0 if tile is WEST else -3.4
    return base + timedelta(seconds=drift + east + strip.delay)


def _processed(overpass: Overpass, tile: MgrsTile) -> datetime:
    if tile is WEST:
        return overpass.taken + timedelta(hours=3, minutes=41, seconds=overpass.day.toordinal() % 3600)
    reprocessed = datetime(2023, 5, 20, 4, 0, 0, tzinfo=UTC)
    return reprocessed + timedelta(hours=(overpass.day - date(2021, 1, 1)).days % 200, minutes=overpass.day.day)


def _clouds_and_classes(counts: Mapping[int, int]) -> Json:
    total = sum(counts.values())
    valid = max(1, total - counts.get(SclClass.NODATA, 0))
    percent = {name: round(100 * counts.get(number, 0) / valid, 6) for name, number in _PERCENTAGES.items()}
    cloudy = sum(counts.get(number, 0) for number in _CLOUDY)
    return {
        "eo:cloud_cover": round(100 * cloudy / valid, 6),
        "s2:nodata_pixel_percentage": round(100 * counts.get(SclClass.NODATA, 0) / total, 6),
        **percent,
    }


def _assets(overpass: Overpass, tile: MgrsTile, sizes: Mapping[str, int]) -> Json:
    assets = {key: _asset(key, overpass, tile) for key in (*_BANDS, "scl")}
    if tile is not WEST:
        for asset in assets.values():
            asset["file:size"] = sizes[asset["href"][2:-4]]
    return assets


def _asset(key: str, overpass: Overpass, tile: MgrsTile) -> Json:
    band = _BANDS.get(key)
    file, title = (band.file, _title(band, tile)) if band else ("SCL", "Scene classification map (SCL)")
    layout = LAYOUTS[file]
    raster: Json = {"nodata": 0, "data_type": "uint16" if band else "uint8"}
    raster["spatial_resolution"] = layout.pixel
    asset: Json = {"href": f"./{file}.tif", "type": _COG, "title": title}
    if band:
        asset["title"] = f"{title} - {layout.pixel}m"
        asset["eo:bands"] = [_eo_band(key, band, tile)]
        offset = -0.1 if tile is not WEST or overpass.offset_era else 0
        raster |= {"bits_per_sample": 15} if tile is WEST else {}
        raster |= {"scale": 0.0001, "offset": offset}
    if band or tile is not WEST:
        asset["gsd"] = layout.pixel
    asset["proj:shape"] = list(layout.shape)
    asset["proj:transform"] = [layout.pixel, 0, tile.left, 0, -layout.pixel, tile.top]
    asset["raster:bands"] = [raster]
    # In sentinel-2-l2a the scene classification has the role reflectance too.
    asset["roles"] = ["data", "reflectance"] if band or tile is WEST else ["data"]
    return asset


def _title(band: _Band, tile: MgrsTile) -> str:
    return band.title if tile is WEST else band.other_title


def _eo_band(key: str, band: _Band, tile: MgrsTile) -> Json:
    common = "rededge" if key.startswith("rededge") else key
    eo_band: Json = {"name": key if tile is WEST else band.file, "common_name": common}
    if tile is WEST:
        eo_band["description"] = band.title
    return eo_band | {"center_wavelength": band.centre, "full_width_half_max": band.width}


def _sun_distance_factor(day: int) -> float:
    return float((1 + 0.0167 * math.cos(math.tau * (day - 3) / 365.25)) ** 2)


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
