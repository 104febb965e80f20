"""GeoJSON as text: parsed, or refused by the name of what it is instead."""

from __future__ import annotations

from scog.errors import InvalidInput
from scog.web.stac.values import parse_json

OTHERS = (
    (b"\x00\x00\x27\x0a", "a shapefile"),
    (b"SQLite format 3", "a GeoPackage or another SQLite file"),
    (b"PK\x03\x04", "a ZIP file, as KMZ and zipped shapefiles are"),
    (b"<", "XML, as KML, GML and GPX are"),
    (b"\x1f\x8b", "a gzip file"),
    (b"fgb\x03", "a FlatGeobuf"),
    (b"PAR1", "a Parquet file"),
)
"""How files begin that people take for GeoJSON."""
VALID = "GeoJSON in degrees: ogr2ogr -t_srs EPSG:4326 FIELDS.geojson FILE converts what GDAL knows"


def parse_geojson(data: bytes, parameter: str | None = "body") -> object:
    """What a GeoJSON document holds; a byte order mark is skipped. Raises InvalidInput that names other formats."""
    beginning = data[:64].removeprefix(b"\xef\xbb\xbf").lstrip()
    for begins, name in OTHERS:
        if data.startswith(begins) or beginning.startswith(begins):
            raise InvalidInput(f"This is {name}, not GeoJSON.", parameter=parameter, valid=VALID)
    return parse_json(data, parameter)
