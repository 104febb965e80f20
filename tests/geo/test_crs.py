"""CRSs by name: those that images and rasters may have."""

from __future__ import annotations

import pyproj
import pytest
import rasterio.crs
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj.database import get_codes
from pyproj.enums import PJType

from scog.errors import InvalidInput
from scog.geo.crs import horizontal_crs, is_degrees, parse_crs


@pytest.mark.parametrize(
    ("text", "crs"),
    [
        ("EPSG:3857", "EPSG:3857"), ("epsg:32632", "EPSG:32632"), ("3035", "EPSG:3035"), (" EPSG:4326 ", "EPSG:4326"),
        ("urn:ogc:def:crs:EPSG::2056", "EPSG:2056"), ("urn:ogc:def:crs:EPSG:9.9:2056", "EPSG:2056"),
        ("http://www.opengis.net/def/crs/EPSG/0/3995", "EPSG:3995"), ("OGC:CRS84", "EPSG:4326"), ("CRS84", "EPSG:4326"),
        ("EPSG:3031", "EPSG:3031"), ("EPSG:102100", None), ("ESRI:102100", None), ("EPSG:0", None), ("", None),
        ("EPSG:-4326", None), ("EPSG:４３２６", None), ("EPSG:4326.0", None), ("+proj=merc", None), ("WGS84", None),
        ('GEOGCS["WGS 84"]', None), ("EPSG:3857+5703", None), ("EPSG:4326;EPSG:3857", None), ("9" * 400, None),
        ("EPSG:4978", None),  # geocentric
        ("EPSG:4979", None),  # three axes
        ("EPSG:5703", None),  # vertical
        ("EPSG:7405", None),  # compound with heights
        ("EPSG:2053", None),  # axes to the west and south
        ("EPSG:4807", None),  # grads from Paris
        ("EPSG:2036", None),  # deprecated
    ],
)  # fmt: skip
def test_accepted_and_refused_names(text: str, crs: str | None) -> None:
    if crs is not None:
        assert parse_crs(text, "dst_crs") == crs
        return
    with pytest.raises(InvalidInput) as caught:
        parse_crs(text, "dst_crs")
    assert caught.value.parameter == "dst_crs"
    assert caught.value.valid
    assert len(str(caught.value)) < 200


CODES = sorted(
    {int(code) for kind in (PJType.PROJECTED_CRS, PJType.GEOGRAPHIC_2D_CRS) for code in get_codes("EPSG", kind)}
)


@settings(deadline=None)
@given(st.sampled_from(CODES))
def test_accepted_crss_can_be_written_to_files(code: int) -> None:
    try:
        crs = parse_crs(str(code), "dst_crs")
    except InvalidInput:
        return
    assert rasterio.crs.CRS.from_string(crs).to_epsg() == code
    assert is_degrees(crs) == pyproj.CRS(crs).is_geographic


def test_most_epsg_codes_are_accepted() -> None:
    some = CODES[::25]
    accepted = 0
    for code in some:
        try:
            parse_crs(str(code), "dst_crs")
        except InvalidInput:
            continue
        accepted += 1
    assert accepted > 0.95 * len(some)


@pytest.mark.parametrize(
    ("text", "crs"),
    [
        ("EPSG:32632", "EPSG:32632"), ("EPSG:7415", "EPSG:28992"), ("EPSG:4979", "EPSG:4326"),
        ("ESRI:102100", "EPSG:3857"),
        ("EPSG:4326+5773", "EPSG:4326"), ("OGC:CRS84", "EPSG:4326"), ("+proj=utm +zone=32 +datum=WGS84", "EPSG:32632"),
    ],
)  # fmt: skip
def test_a_raster_has_a_horizontal_crs(text: str, crs: str) -> None:
    assert horizontal_crs(text) == crs
    assert horizontal_crs(pyproj.CRS(text).to_wkt()) == crs


@pytest.mark.parametrize("text", ["EPSG:5703", "EPSG:4978", "EPSG:32767", "", "nonsense", "{}", 'LOCAL_CS["here"]'])
def test_non_horizontal_crss_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"cannot read the CRS|has the type"):
        horizontal_crs(text)


@settings(deadline=None)
@given(st.sampled_from(CODES), st.sampled_from(["WKT1_GDAL", "WKT2_2019"]), st.booleans())
def test_the_horizontal_crs_equals_the_given_one(code: int, version: str, shifted: bool) -> None:
    """The returned CRS equals the given one as PROJ compares them, except for the axis order."""
    source_crs = pyproj.CRS.from_epsg(code)
    if shifted:
        towgs84 = pyproj.crs.coordinate_operation.ToWGS84Transformation(source_crs.geodetic_crs, 50, -60, 70)
        source_crs = pyproj.crs.BoundCRS(source_crs, "EPSG:4326", towgs84)
    try:
        text = source_crs.to_wkt(version)
    except pyproj.exceptions.CRSError:  # some have no WKT 1 form
        return
    result = horizontal_crs(text)
    assert pyproj.CRS(result).equals(pyproj.CRS(text), ignore_axis_order=True)
    assert not (shifted and result.startswith("EPSG:"))
