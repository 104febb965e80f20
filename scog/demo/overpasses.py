"""The calendar of overpasses: day, satellite, weather and imaged part of the island.

Sentinel-2A and 2B pass on relative orbit 22 every ten days, five days apart. Days and orbit numbers are those of the
real satellites; everything else is made up.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from scog.demo.atmosphere import Sky
from scog.demo.landscape import Sun
from scog.demo.mgrs import Edge

RELATIVE_ORBIT = 22
# A day on relative orbit 22, and its absolute orbit number.
_ANCHORS = {"A": (date(2021, 6, 2), 31050), "B": (date(2021, 6, 7), 22213)}
_ORBITS_PER_CYCLE, _DAYS_PER_CYCLE = 143, 10
_OFFSET_SINCE = date(2022, 1, 25)  # processing baseline 04.00
_ALONG = (-0.233, -0.972)  # flight direction in the frame: south-south-west
_ACROSS = (0.972, -0.233)  # across track, to the east


@dataclass(frozen=True)
class Strip:
    """A datastrip: the part of an overpass that was downlinked to one station."""

    sequence: int
    started: datetime  # the `_S` time of the datastrip id
    edges: tuple[Edge, ...]  # that bound the imaged area
    delay: float  # added to the sensing time, seconds


@dataclass(frozen=True)
class Overpass:
    """One overpass of the island."""

    day: date
    satellite: str  # A or B
    sky: Sky
    snow_line: float | None  # metres above the sea; None without snow
    strips: tuple[Strip, ...]

    @property
    def orbit(self) -> int:
        """Absolute orbit number."""
        first, orbit = _ANCHORS[self.satellite]
        return orbit + (self.day - first).days // _DAYS_PER_CYCLE * _ORBITS_PER_CYCLE

    @property
    def taken(self) -> datetime:
        """Start of the datatake, UTC."""
        return _at(self.day, 10, 6, 1) if self.satellite == "A" else _at(self.day, 10, 5, 59)

    @property
    def offset_era(self) -> bool:
        """Whether the processing baseline is 04.00 or later, which adds an offset of 1000."""
        return self.day >= _OFFSET_SINCE

    @property
    def sun(self) -> Sun:
        """Position of the sun."""
        return sun_at(self.day, 10 + 19 / 60)

    @property
    def day_of_year(self) -> int:
        """1 to 366."""
        return self.day.timetuple().tm_yday


def sun_at(day: date, hour: float, lon: float = 12.0, lat: float = 40.2) -> Sun:
    """Position of the sun within half a degree; `hour` in UTC.

    Source: NOAA, General Solar Position Calculations, https://gml.noaa.gov/grad/solcalc/solareqns.PDF, without the
    third harmonic of the declination.
    """
    year = math.tau * (day.timetuple().tm_yday - 1 + (hour - 12) / 24) / 365
    equation_of_time = 229.18 * (0.000075 + 0.001868 * math.cos(year) - 0.032077 * math.sin(year)
                                 - 0.014615 * math.cos(2 * year) - 0.040849 * math.sin(2 * year))  # fmt: skip
    declination = (0.006918 - 0.399912 * math.cos(year) + 0.070257 * math.sin(year)
                   - 0.006758 * math.cos(2 * year) + 0.000907 * math.sin(2 * year))  # fmt: skip
    angle = math.radians((hour * 60 + equation_of_time + 4 * lon) / 4 - 180)
    phi = math.radians(lat)
    up = math.sin(phi) * math.sin(declination) + math.cos(phi) * math.cos(declination) * math.cos(angle)
    east = -math.cos(declination) * math.sin(angle)
    north = math.cos(phi) * math.sin(declination) - math.sin(phi) * math.cos(declination) * math.cos(angle)
    elevation = math.asin(up)
    return Sun(math.degrees(math.atan2(east, north)) % 360, math.degrees(elevation))


def _at(day: date, hour: int, minute: int, second: int) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=UTC)


def _single_strip(day: date, *edges: Edge) -> tuple[Strip, ...]:
    return (Strip(0, _at(day, 10, 12, 8) + timedelta(seconds=day.toordinal() % 89), edges, 0),)


def _two_strips(day: date) -> tuple[Strip, ...]:
    """A northern and a southern strip that overlap by a few hundred metres."""
    north = Edge(*_ALONG, 650)
    south = Edge(-_ALONG[0], -_ALONG[1], -250)
    return Strip(0, _at(day, 10, 11, 44), (north,), 0), Strip(1, _at(day, 10, 20, 3), (south,), 7)


def swath_edge(reach: float, *, imaged: str) -> Edge:
    """Edge of the swath `reach` metres east of the frame's centre; `imaged` is the imaged side, west or east."""
    sign = 1 if imaged == "west" else -1
    return Edge(sign * _ACROSS[0], sign * _ACROSS[1], sign * reach)


def _calendar() -> tuple[Overpass, ...]:
    return (
        _overpass("2021-06-02", Sky()),
        _overpass("2021-06-27", Sky(2, clouds=0.21, size=900)),
        _overpass("2021-07-17", Sky(3, haze=0.8)),
        _overpass("2021-08-11", Sky(4, clouds=0.015, size=900)),
        _overpass("2021-09-15", Sky(6, clouds=0.05, size=700), edge=swath_edge(5200, imaged="west")),
        _overpass("2021-10-10", Sky(7, clouds=0.40, size=1700, base=1500)),
        _overpass("2021-11-04", Sky(8, clouds=0.93, size=3600, base=900)),
        _overpass("2021-11-24", Sky(9, clouds=0.30, size=1600, veil=0.45)),
        _overpass("2021-12-19", Sky(10, clouds=0.02, size=800), snow=600),
        _overpass("2022-01-13", Sky(11, clouds=0.07, size=900, base=800), snow=330),
        _overpass("2022-02-17", Sky(13, clouds=0.04, size=800), split=True, snow=560),
        _overpass("2022-03-14", Sky(14, clouds=0.26, size=1100)),
        _overpass("2022-04-08", Sky(15)),
        _overpass("2022-04-23", Sky(16, veil=0.42, haze=0.5)),
        _overpass("2022-06-07", Sky(18)),
        _overpass("2022-07-27", Sky(20, haze=0.4), edge=swath_edge(-4300, imaged="east")),
        _overpass("2022-08-16", Sky(21, clouds=0.20, size=850, base=1500)),
        _overpass("2022-09-05", Sky(22, clouds=0.015, size=900)),
        _overpass("2022-09-20", Sky(23, clouds=0.66, size=3000)),
        _overpass("2022-10-05", Sky(24)),
        _overpass("2022-10-15", Sky(25, clouds=0.85, size=3300, base=1000)),
        _overpass("2022-10-25", Sky(26, clouds=0.32, size=1300, base=1200)),
    )


def _overpass(
    text: str, sky: Sky, *, edge: Edge | None = None, split: bool = False, snow: float | None = None
) -> Overpass:
    day = date.fromisoformat(text)
    satellite = "A" if (day - _ANCHORS["A"][0]).days % _DAYS_PER_CYCLE == 0 else "B"
    strips = _two_strips(day) if split else _single_strip(day, *((edge,) if edge else ()))
    return Overpass(day, satellite, sky, snow, strips)


OVERPASSES = _calendar()
