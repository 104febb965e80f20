"""JSON and GeoJSON as text: parsed, or refused by the name of what it is instead."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from scog.errors import InvalidInput

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


def parse_json(text: str | bytes, parameter: str | None = None) -> Any:
    """JSON as RFC 8259 has it: no NaN, nothing nested without end, no text that is not Unicode. Raises InvalidInput."""
    try:
        value = json.loads(text, parse_constant=_no_number)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        raise InvalidInput("This is not JSON, or nested too deep.", parameter=parameter, valid="JSON") from None
    return value


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)
