"""The calendar: which satellite passed when, under what sky, and how much of the island it saw.

Each of two satellites comes by on relative orbit 22 every ten days, five days after the other. The days and the
numbers of the orbits are those of the real satellites; what they are said to have seen is made up.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from scog.demo.landscape import Sun
from scog.demo.place import Edge
from scog.demo.sky import Sky

RELATIVE_ORBIT = 22
_ANCHORS = {"A": (date(2021, 6, 2), 31050), "B": (date(2021, 6, 7), 22213)}  # a day of orbit 22, its absolute orbit
_ORBITS_A_CYCLE, _DAYS_A_CYCLE = 143, 10
_OFFSET_SINCE = date(2022, 1, 25)  # processing baseline 04.00
_ALONG = (-0.233, -0.972)  # where the satellite flies, in the frame: south-south-west
_ACROSS = (0.972, -0.233)  # to its left, east


@dataclass(frozen=True)
class Strip:
    """A part of a pass that was sent down by itself."""

    sequence: int
    started: datetime  # the `_S` time of the datastrip
    edges: tuple[Edge, ...]
    delay: float  # seconds


@dataclass(frozen=True)
class Pass:
    """One flight over the island."""

    day: date
    satellite: str  # A or B
    sky: Sky
    snow_line: float | None
    strips: tuple[Strip, ...]

    @property
    def orbit(self) -> int:
        """The absolute orbit's number."""
        first, orbit = _ANCHORS[self.satellite]
        return orbit + (self.day - first).days // _DAYS_A_CYCLE * _ORBITS_A_CYCLE

    @property
    def taken(self) -> datetime:
        """When the datatake began."""
        return _at(self.day, 10, 6, 1) if self.satellite == "A" else _at(self.day, 10, 5, 59)

    @property
    def offset_era(self) -> bool:
        """True since processing baseline 04.00."""
        return self.day >= _OFFSET_SINCE

    @property
    def sun(self) -> Sun:
        """Where the sun stood over the island."""
        return sun_at(self.day, 10 + 19 / 60)

    @property
    def day_of_year(self) -> int:
        """1 to 366."""
        return self.day.timetuple().tm_yday


def sun_at(day: date, hour: float, lon: float = 12.0, lat: float = 40.2) -> Sun:
    """Azimuth and elevation within half a degree (NOAA's short formulae); the hour is UTC."""
    turn = math.tau * (day.timetuple().tm_yday - 1 + (hour - 12) / 24) / 365
    late = 229.18 * (0.000075 + 0.001868 * math.cos(turn) - 0.032077 * math.sin(turn)
                     - 0.014615 * math.cos(2 * turn) - 0.040849 * math.sin(2 * turn))  # fmt: skip
    tilt = (0.006918 - 0.399912 * math.cos(turn) + 0.070257 * math.sin(turn)
            - 0.006758 * math.cos(2 * turn) + 0.000907 * math.sin(2 * turn))  # fmt: skip
    angle = math.radians((hour * 60 + late + 4 * lon) / 4 - 180)
    phi = math.radians(lat)
    height = math.asin(math.sin(phi) * math.sin(tilt) + math.cos(phi) * math.cos(tilt) * math.cos(angle))
    east = -math.cos(tilt) * math.sin(angle)
    north = math.cos(phi) * math.sin(tilt) - math.sin(phi) * math.cos(tilt) * math.cos(angle)
    return Sun(math.degrees(math.atan2(east, north)) % 360, math.degrees(height))


def _at(day: date, hour: int, minute: int, second: int) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=UTC)


def _whole(day: date, *edges: Edge) -> tuple[Strip, ...]:
    return (Strip(0, _at(day, 10, 12, 8) + timedelta(seconds=day.toordinal() % 89), edges, 0),)


def _split(day: date) -> tuple[Strip, ...]:
    """Two strips, the northern first; they overlap by some hundred metres."""
    north = Edge(*_ALONG, 650)
    south = Edge(-_ALONG[0], -_ALONG[1], -250)
    return Strip(0, _at(day, 10, 11, 44), (north,), 0), Strip(1, _at(day, 10, 20, 3), (south,), 7)


def swath_edge(reach: float, *, seen: str) -> Edge:
    """The edge of the swath `reach` metres east of the frame's centre; `seen` is the side that was seen."""
    sign = 1 if seen == "west" else -1
    return Edge(sign * _ACROSS[0], sign * _ACROSS[1], sign * reach)


def _calendar() -> tuple[Pass, ...]:
    return (
        _pass("2021-06-02", Sky()),
        _pass("2021-06-27", Sky(2, clouds=0.21, size=900)),
        _pass("2021-07-17", Sky(3, haze=0.8)),
        _pass("2021-08-11", Sky(4, clouds=0.015, size=900)),
        _pass("2021-09-15", Sky(6, clouds=0.05, size=700), edge=swath_edge(5200, seen="west")),
        _pass("2021-10-10", Sky(7, clouds=0.40, size=1700, base=1500)),
        _pass("2021-11-04", Sky(8, clouds=0.93, size=3600, base=900)),
        _pass("2021-11-24", Sky(9, clouds=0.30, size=1600, veil=0.45)),
        _pass("2021-12-19", Sky(10, clouds=0.02, size=800), snow=600),
        _pass("2022-01-13", Sky(11, clouds=0.07, size=900, base=800), snow=330),
        _pass("2022-02-17", Sky(13, clouds=0.04, size=800), split=True, snow=560),
        _pass("2022-03-14", Sky(14, clouds=0.26, size=1100)),
        _pass("2022-04-08", Sky(15)),
        _pass("2022-04-23", Sky(16, veil=0.42, haze=0.5)),
        _pass("2022-06-07", Sky(18)),
        _pass("2022-07-27", Sky(20, haze=0.4), edge=swath_edge(-4300, seen="east")),
        _pass("2022-08-16", Sky(21, clouds=0.20, size=850, base=1500)),
        _pass("2022-09-05", Sky(22, clouds=0.015, size=900)),
        _pass("2022-09-20", Sky(23, clouds=0.66, size=3000)),
        _pass("2022-10-05", Sky(24)),
        _pass("2022-10-15", Sky(25, clouds=0.85, size=3300, base=1000)),
        _pass("2022-10-25", Sky(26, clouds=0.32, size=1300, base=1200)),
    )


def _pass(text: str, sky: Sky, *, edge: Edge | None = None, split: bool = False, snow: float | None = None) -> Pass:
    day = date.fromisoformat(text)
    satellite = "A" if (day - _ANCHORS["A"][0]).days % _DAYS_A_CYCLE == 0 else "B"
    strips = _split(day) if split else _whole(day, *((edge,) if edge else ()))
    return Pass(day, satellite, sky, snow, strips)


PASSES = _calendar()
