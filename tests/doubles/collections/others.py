"""Items of Sentinel-1 RTC, Copernicus DEM and NAIP, and of a collection that only its own words describe."""

from __future__ import annotations

import numpy as np

from tests.doubles.collections.item import DAY, SIDE, Encoding, Made, MadeFile, Quantity, Values
from tests.doubles.collections.sentinel_2 import SCL_MASKS


def _decibels(power: Values) -> Values:
    with np.errstate(all="ignore"):
        return np.where(power > 0, 10 * np.log10(power), np.nan)


def _sentinel_1(name: str, first: str, second: str, place: int) -> Made:
    """Linear gamma naught; nodata is -32768, and a few numbers are 0, of which there are no decibels."""
    power = Encoding("float32", nodata=-32768, lowest=0.0005, highest=0.9)
    words = {"raster:bands": [{"nodata": -32768, "data_type": "float32", "spatial_resolution": 10}]}
    files = []
    for key in (first, second):
        numbers = power.make(place + len(files), 1, SIDE)
        numbers[0, :3, :5] = 0
        files.append(MadeFile(key, (key,), power, words=words, numbers=numbers))
    quantities = {f"{key}-db": Quantity((key,), _decibels) for key in (first, second)}
    if first == "vv":
        quantities["vv-vh-db"] = Quantity(("vv", "vh"), lambda vv, vh: _decibels(vv / np.where(vh == 0, np.nan, vh)))
    return Made(
        name,
        "sentinel-1-rtc",
        f"S1A_IW_GRDH_1SD{place}_20240612T052000_20240612T052025_054300_069B00_rtc",
        "sentinel-1-rtc",
        "EPSG:32632",
        (650_000 + 1000 * place, 5_000_040),
        (10, 10),
        files,
        {
            "platform": "SENTINEL-1A",
            "constellation": "Sentinel-1",
            "s1:datatake_id": "432896",
            "s1:slice_number": "4",
            "sat:absolute_orbit": 54300,
            "sat:relative_orbit": 44,
            "sat:orbit_state": "ascending",
            "sar:polarizations": [first.upper(), second.upper()],
            "sar:instrument_mode": "IW",
            "proj:epsg": 32632,
            "start_datetime": f"{DAY}T05:20:00Z",
            "end_datetime": f"{DAY}T05:20:25Z",
        },
        quantities=quantities,
    )


def _elevation(resolution: int, north: int) -> Made:
    """Float32 metres in degrees, without nodata; north of 50 degrees, pixels are wider in degrees than high."""
    height = resolution / 30 / 3600
    width = height * 1.5 if north >= 50 else height
    metres = Encoding("float32", lowest=-12, highest=4500)
    words = {
        "raster:bands": [
            {"sampling": "point", "data_type": "float32", "spatial_resolution": resolution, "unit": "meter"}
        ]
    }
    return Made(
        f"cop-dem-glo-{resolution}",
        f"cop-dem-glo-{resolution}",
        f"Copernicus_DSM_COG_{resolution // 3}_N{north}_00_E010_00_DEM",
        f"cop-dem-glo-{resolution}",
        "EPSG:4326",
        (10 - width / 2, north + 1 + height / 2),
        (width, height),
        [MadeFile("data", ("elevation",), metres, words=words)],
        {
            "datetime": "2021-04-22T00:00:00Z",
            "platform": "tandem-x",
            "gsd": resolution,
            "proj:epsg": 4326,
            "grid:code": f"CDEM-N{north}E010",
        },
        quantities={"elevation": Quantity(("elevation",), lambda metres: metres)},
    )


def _aerial(name: str, count: int, place: int, *, alpha: bool = False) -> Made:
    """Display numbers of one file with three or four bands, in NAD83, without nodata.

    Some real files call the near infrared an alpha band, as GDAL does unless it is told otherwise.
    """
    bands = ("red", "green", "blue", "nir")[:count]
    described = [{"name": band.upper() if band == "nir" else band.title(), "common_name": band} for band in bands]
    return Made(
        name,
        "naip",
        f"ky_m_37085{place:02d}_ne_16_060_20240612",
        "naip",
        "EPSG:26916",
        (600_000 + 500 * place, 4_200_000),
        (0.6, 0.6),
        [
            MadeFile(
                "image",
                bands,
                Encoding("uint8"),
                words={"eo:bands": described},
                options={} if alpha else {"ALPHA": "NO"},
            )
        ],
        {"datetime": f"{DAY}T16:00:00Z", "naip:state": "ky", "naip:year": "2024", "gsd": 0.6, "proj:epsg": 26916},
    )


def _by_its_own_words() -> Made:
    """An item of a collection without a profile: a file of several bands by STAC 1.0, one of a band by 1.1."""
    reflectance = Encoding("uint16", 0.00005, -0.05, 65535, True, 400, 20_000)
    encoded = {"scale": 0.00005, "offset": -0.05, "nodata": 65535}
    bands = ("blue", "green", "red", "nir")
    several = {
        "eo:bands": [{"name": f"band {number}", "common_name": band} for number, band in enumerate(bands, start=1)],
        "raster:bands": [encoded] * 4,
    }
    single = {
        "bands": [{"name": "SW1", "eo:common_name": "swir16"}],
        "raster:scale": 0.00005,
        "raster:offset": -0.05,
        "nodata": 65535,
    }
    classes = Encoding("uint8", nodata=0, lowest=1, highest=11)
    return Made(
        "by-its-own-words",
        "flights-of-mine",
        "flight-1",
        "stac",
        "EPSG:32633",
        (400_000, 5_100_000),
        (20, 20),
        [
            MadeFile("image", bands, reflectance, 2, several),
            MadeFile("shortwave", ("swir16",), reflectance, 1, single),
            MadeFile("scl", ("scl",), classes, 1, {"raster:bands": [{"nodata": 0}]}),
        ],
        {"proj:epsg": 32633},
        "scl",
        SCL_MASKS,
    )


OTHERS: tuple[Made, ...] = (
    _sentinel_1("sentinel-1-vv", "vv", "vh", 1),
    _sentinel_1("sentinel-1-hh", "hh", "hv", 2),
    _elevation(30, 45),
    _elevation(90, 53),
    _aerial("naip", 4, 1),
    _aerial("naip-three-bands", 3, 2),
    _aerial("naip-alpha", 4, 3, alpha=True),
    _by_its_own_words(),
)
