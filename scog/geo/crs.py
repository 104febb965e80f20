"""Coordinate reference systems: those of EPSG that a picture can be drawn in, and those that rasters lie in."""

from __future__ import annotations

import re
from functools import lru_cache

import pyproj

from scog.errors import InvalidInput
from scog.geo.bounds import DEGREES
from scog.suggest import quoted

VALID = "a number of EPSG's, such as EPSG:3857; geographic in degrees or projected, x to the east and y to the north"
_NAME = re.compile(
    r"(?:(?:EPSG|epsg):|urn:ogc:def:crs:EPSG:[\d.]{0,8}:|https?://www\.opengis\.net/def/crs/EPSG/[\d.]{1,8}/)?"
    r"(\d{4,6})",
    re.ASCII,
)
_CRS84 = frozenset(
    {"CRS84", "OGC:CRS84", "urn:ogc:def:crs:OGC:1.3:CRS84", "http://www.opengis.net/def/crs/OGC/1.3/CRS84"}
)
"""Longitudes before latitudes, as everywhere here."""
_OUTWARD = frozenset({"east", "north"}), frozenset({"north"}), frozenset({"south"})
"""Directions of axes: the usual, and those of maps around a pole."""


def parse_crs(text: str, parameter: str) -> str:
    """The CRS of that name as `EPSG:3857`. Raises InvalidInput where there is none, or a picture cannot be in it."""
    text = text.strip()
    if text in _CRS84:
        return DEGREES
    found = _NAME.fullmatch(text)
    if found is None:
        raise InvalidInput(f"{quoted(text)} names no CRS.", parameter=parameter, valid=VALID)
    number = int(found[1])
    fault = _fault_of(number)
    if fault:
        raise InvalidInput(f"EPSG:{number} {fault}.", parameter=parameter, valid=VALID)
    return f"EPSG:{number}"


@lru_cache(maxsize=1024)
def _fault_of(number: int) -> str:
    """What is wrong with a CRS, or nothing."""
    try:
        crs = pyproj.CRS.from_epsg(number)
    except pyproj.exceptions.CRSError:
        return "is not known"
    axes = crs.axis_info
    if len(axes) != 2 or not (crs.is_projected or crs.is_geographic):
        return "is not a CRS of places on the ground"
    if crs.is_deprecated:  # GDAL would write another one into files
        return "was given up by EPSG"
    if frozenset(axis.direction for axis in axes) not in _OUTWARD:
        return "does not count to the east and to the north"
    if crs.is_geographic and axes[0].unit_name != "degree":
        return "is not in degrees"
    return ""


@lru_cache(maxsize=1024)
def is_degrees(crs: str) -> bool:
    """Whether a CRS is geographic: longitudes and latitudes."""
    return bool(pyproj.CRS.from_user_input(crs).is_geographic)


@lru_cache(maxsize=256)
def horizontal_crs(text: str) -> str:
    """The CRS of a raster's columns and rows, from WKT, PROJJSON or a name: `EPSG:32632`, or WKT.

    It is named only where EPSG's definition is the same: a CRS with a datum shift of its own (TOWGS84, as a bound CRS)
    or with another ellipsoid keeps its WKT, whatever number it resembles. Heights are left out. Raises ValueError for
    what is no CRS, and for one that does not say where on the Earth a place lies.
    """
    try:
        crs = pyproj.CRS.from_user_input(text)
    except pyproj.exceptions.CRSError:
        raise ValueError(f"{quoted(text)} is no CRS that PROJ knows") from None
    if crs.is_compound:
        crs = crs.sub_crs_list[0]
    if len(crs.axis_info) == 3 and not crs.is_bound:
        crs = crs.to_2d()
    plain = crs.source_crs if crs.is_bound and crs.source_crs is not None else crs
    if plain.is_geocentric or not (plain.is_geographic or plain.is_projected):
        raise ValueError(f"{quoted(crs.name)} is of the type {crs.type_name}, which says no place on the Earth")
    number = None if crs.is_bound else crs.to_epsg() or (4326 if crs.is_geographic else None)  # as CRS84 is
    if number is not None and crs.equals(pyproj.CRS.from_epsg(number), ignore_axis_order=True):
        return f"EPSG:{number}"
    return str(crs.to_wkt())
