"""A scene as a STAC item, with the fields of Earth Search's items that readers use."""

from __future__ import annotations

from typing import Any

GSD = {"scl": 20}
"""Ground sampling distance in metres by band; 10 by default."""


def item(scene: dict[str, Any]) -> dict[str, Any]:
    """A scene as a STAC 1.0.0 item of the collection `sentinel-2-l2a`."""
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "stac_extensions": [
            "https://stac-extensions.github.io/projection/v1.1.0/schema.json",
            "https://stac-extensions.github.io/raster/v1.1.0/schema.json",
            "https://stac-extensions.github.io/eo/v1.1.0/schema.json",
            "https://stac-extensions.github.io/grid/v1.0.0/schema.json",
        ],
        "id": scene["id"],
        "collection": "sentinel-2-l2a",
        "bbox": scene["bbox"],
        "geometry": scene["footprint"],
        "properties": {
            "datetime": scene["datetime"],
            "eo:cloud_cover": 10.0,
            "grid:code": f"MGRS-{scene['mgrs_tile']}",
            "proj:epsg": scene["epsg"],
        },
        "links": [],
        "assets": {name: asset(name, url) for name, url in scene["assets"].items()},
    }


def asset(name: str, url: str) -> dict[str, Any]:
    """The asset of a band."""
    spectral = name != "scl"
    band = {"nodata": 0, "data_type": "uint16" if spectral else "uint8", "spatial_resolution": GSD.get(name, 10)}
    return {
        "href": url,
        "type": "image/tiff; application=geotiff; profile=cloud-optimized",
        "roles": ["data"],
        "raster:bands": [band | {"scale": 0.0001, "offset": 0} if spectral else band],
    }
