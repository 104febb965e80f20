"""Coordinate reference systems: EPSG codes that images may use, and the CRS of rasters."""

from __future__ import annotations

import re
from functools import lru_cache

import pyproj

from scog.errors import InvalidInput
from scog.geo.bounds import DEGREES
from scog.suggest import quoted

VALID = "an EPSG code such as EPSG:3857, of a geographic CRS in degrees or a projected CRS with axes east and north"
_NAME = re.compile(
    r"(?:(?:EPSG|epsg):|urn:ogc:def:crs:EPSG:[\d.]{0,8}:|https?://www\.opengis\.net/def/crs/EPSG/[\d.]{1,8}/)?"
    r"(\d{4,6})",
    re.ASCII,
)
_CRS84 = frozenset(
    {"CRS84", "OGC:CRS84", "urn:ogc:def:crs:OGC:1.3:CRS84", "http://www.opengis.net/def/crs/OGC/1.3/CRS84"}
)
"""Names of CRS84, in which longitude comes first."""
_OUTWARD = frozenset({"east", "north"}), frozenset({"north"}), frozenset({"south"})
"""Valid axis directions: the usual ones, and those of polar projections."""


def parse_crs(text: str, parameter: str) -> str:
    """A CRS as `EPSG:3857`, from a code, URN or URL. Raises InvalidInput if it is unknown or no CRS for images."""
    text = text.strip()
    if text in _CRS84:
        return DEGREES
    match = _NAME.fullmatch(text)
    if match is None:
        raise InvalidInput(f"{quoted(text)} is not a CRS.", parameter=parameter, valid=VALID)
    number = int(match[1])
    problem = _problem_with(number)
    if problem:
        raise InvalidInput(f"EPSG:{number} {problem}.", parameter=parameter, valid=VALID)
    return f"EPSG:{number}"


@lru_cache(maxsize=1024)
def _problem_with(number: int) -> str:
    """Why a CRS cannot be an image's CRS, as a predicate such as `is not known`; empty if it can."""
    try:
        crs = pyproj.CRS.from_epsg(number)
    except pyproj.exceptions.CRSError:
        return "is not a known CRS"
    axes = crs.axis_info
    if len(axes) != 2 or not (crs.is_projected or crs.is_geographic):
        return "is not a horizontal CRS"
    if crs.is_deprecated:  # GDAL would write another CRS to files
        return "is deprecated"
    if frozenset(axis.direction for axis in axes) not in _OUTWARD:
        return "does not have axes that point east and north"
    if crs.is_geographic and axes[0].unit_name != "degree":
        return "is not in degrees"
    return ""


@lru_cache(maxsize=1024)
def is_degrees(crs: str) -> bool:
    """Whether a CRS is geographic: longitude and latitude."""
    return bool(pyproj.CRS.from_user_input(crs).is_geographic)


@lru_cache(maxsize=256)
def horizontal_crs(text: str) -> str:
    """The CRS of a raster from WKT, PROJJSON or a name: as `EPSG:32632`, or else as WKT.

    A code is returned only if EPSG's definition is equal. A CRS with a datum shift (TOWGS84, a bound CRS) or with
    another ellipsoid keeps its WKT, even if EPSG has a similar one. The vertical part is dropped. Raises ValueError if
    the text is not a CRS, or not one with horizontal coordinates.
    """
    try:
        crs = pyproj.CRS.from_user_input(text)
    except pyproj.exceptions.CRSError:
        raise ValueError(f"PROJ cannot read the CRS {quoted(text)}") from None
    if crs.is_compound:
        crs = crs.sub_crs_list[0]
    if len(crs.axis_info) == 3 and not crs.is_bound:
        crs = crs.to_2d()
    plain = crs.source_crs if crs.is_bound and crs.source_crs is not None else crs
    if plain.is_geocentric or not (plain.is_geographic or plain.is_projected):
        raise ValueError(f"the CRS {quoted(crs.name)} has the type {crs.type_name}, not geographic or projected")
    number = None if crs.is_bound else crs.to_epsg() or (4326 if crs.is_geographic else None)  # as CRS84 is
    if number is not None and crs.equals(pyproj.CRS.from_epsg(number), ignore_axis_order=True):
        return f"EPSG:{number}"
    return str(crs.to_wkt())
