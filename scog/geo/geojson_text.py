"""Parsing of JSON and GeoJSON documents. Errors name other common formats."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from scog.errors import InvalidInput

OTHER_FORMATS = (
    (b"\x00\x00\x27\x0a", "a shapefile"),
    (b"SQLite format 3", "a GeoPackage or another SQLite file"),
    (b"PK\x03\x04", "a ZIP file, as KMZ and zipped shapefiles are"),
    (b"<", "XML, as KML, GML and GPX are"),
    (b"\x1f\x8b", "a gzip file"),
    (b"fgb\x03", "a FlatGeobuf"),
    (b"PAR1", "a Parquet file"),
)
"""First bytes and names of other formats that users may mistake for GeoJSON."""
VALID = "GeoJSON in degrees: ogr2ogr -t_srs EPSG:4326 FIELDS.geojson FILE converts any format that GDAL reads"


def parse_geojson(data: bytes, parameter: str | None = "body") -> object:
    """The parsed JSON of a GeoJSON document, without byte order mark. Raises InvalidInput; it names other formats."""
    beginning = data[:64].removeprefix(b"\xef\xbb\xbf").lstrip()
    for signature, name in OTHER_FORMATS:
        if data.startswith(signature) or beginning.startswith(signature):
            raise InvalidInput(f"This is {name}, not GeoJSON.", parameter=parameter, valid=VALID)
    return parse_json(data, parameter)


def parse_json(text: str | bytes, parameter: str | None = None) -> Any:
    """Parsed JSON as RFC 8259 defines it: no NaN or Infinity, valid Unicode, limited nesting. Raises InvalidInput."""
    try:
        value = json.loads(text, parse_constant=_reject_constant)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        message = "The text is not JSON, or is nested too deeply."
        raise InvalidInput(message, parameter=parameter, valid="JSON (RFC 8259)") from None
    return value


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(name)
