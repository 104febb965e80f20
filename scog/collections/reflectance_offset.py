"""The offset from DN to reflectance of Sentinel-2: one pure rule, because the metadata is unreliable.

Reflectance = DN x 0.0001 + offset. Since processing baseline 04.00 (25 January 2022), ESA adds 1000 to every DN: the
offset is then -0.1. Earth Search subtracts it again in `sentinel-2-l2a` and records that in the flag
`earthsearch:boa_offset_applied`, yet it writes the offset -0.1 to `raster:bands` all the same.

The first row that fits decides. `?` means that the pixels decide (`estimate_offset`); if they cannot tell, the number
behind it is used.

| kind of collection | flag | baseline | offset written | offset | borne out by |
| --- | --- | --- | --- | --- | --- |
| `shifted` (Collection 1) | - | - | - | -0.1 | all reprocessed; the files' tags say so too |
| any other kind | - | < 04.00 | - | 0 | ESA added nothing; recorded items have the flag false and 0 |
| `corrected-with-flag` (`sentinel-2-l2a`) | true | - | - | 0 | #9; recorded items write -0.1 beside the flag |
| `corrected-with-flag` | false | - | -0.1 or none | ? -0.1 | true in #66, false in #66 and #71 |
| `corrected-with-flag` | false or none | - | 0 | ? 0 | flag and offset contradict each other |
| `corrected-with-flag` | none | - | -0.1 | ? -0.1 | the same offset is written with and without +1000 |
| `corrected-with-flag` | none | - | none | ? 0 | silent; the collection is meant to be corrected |
| `shifted-since-04.00` (Planetary Computer, L1C) | - | >= 04.00 | -0.1 or none | -0.1 | ESA's own numbers |
| `shifted-since-04.00` | - | >= 04.00 | 0 | ? 0 | baseline and offset contradict each other |
| `shifted-since-04.00` | - | unknown | -0.1 or 0 | as written | |
| `shifted-since-04.00` | - | unknown | none | ? -0.1 | silent; newer processors add 1000 |
| none | - | - | - | as written, else 0 | |

A baseline is unknown if it is missing, not a number, or 99.xx, which Sen2Cor writes outside ESA's ground segment
(https://github.com/senbox-org/sen2like/issues/23). Any written offset other than -0.1 and 0 counts as none, except in
the last row. #9, #66 and #71 are issues of
https://github.com/Element84/earth-search.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scog.errors import InvalidInput
from scog.suggest import quoted

OFFSET_FLAG = "earthsearch:boa_offset_applied"
BASELINE = "s2:processing_baseline"
"""Properties of an item that tell whether its DN include ESA's +1000."""
SCALE = 0.0001
SHIFT = -0.1
"""Reflectance offset of DN that include ESA's +1000."""

Kind = Literal["corrected-with-flag", "shifted", "shifted-since-04.00"]
"""How a collection stores ESA's +1000: subtracted and flagged, always included, or included since baseline 04.00."""


class StatedOffset(NamedTuple):
    """The reflectance offset that an item states.

    offset    None if the metadata is silent or contradicts itself, so that the pixels decide
    source    the metadata that decides, or why none does: `collection`, `baseline`, `flag`, `raster:bands`, `default`;
              `unreliable`, `contradiction`, `silent`
    fallback  the offset to use if the pixels cannot tell; equals `offset` if there is one
    """

    offset: float | None
    source: str
    fallback: float


def stated_offset(kind: Kind | None, applied: object, baseline: object, written: float | None) -> StatedOffset:
    """The reflectance offset of a spectral band by its metadata (see the table of this module).

    `applied` is the flag `earthsearch:boa_offset_applied`, `baseline` is `s2:processing_baseline`, such as `05.11`, and
    `written` is the band's offset in `raster:bands`; each is None if it is missing.
    """
    if kind is None:
        return _decided(0.0, "default") if written is None else _decided(written, "raster:bands")
    if kind == "shifted":
        return _decided(SHIFT, "collection")
    version = _version(baseline)
    if version is not None and version < (4,):
        return _decided(0.0, "baseline")
    if written not in (0.0, SHIFT):
        written = None
    if kind == "corrected-with-flag":
        return _stated_with_flag(applied, written)
    if version is None:
        return StatedOffset(None, "silent", SHIFT) if written is None else _decided(written, "raster:bands")
    return StatedOffset(None, "contradiction", 0.0) if written == 0 else _decided(SHIFT, "baseline")


def _stated_with_flag(applied: object, written: float | None) -> StatedOffset:
    """The stated offset of a corrected scene whose baseline is 04.00 or later, or unknown."""
    if applied is True:
        return _decided(0.0, "flag")
    if written == 0:
        return StatedOffset(None, "contradiction" if applied is False else "unreliable", 0.0)
    if written is None and applied is not False:
        return StatedOffset(None, "silent", 0.0)
    return StatedOffset(None, "unreliable", SHIFT)


def _decided(offset: float, source: str) -> StatedOffset:
    return StatedOffset(offset, source, offset)


def _version(baseline: object) -> tuple[int, ...] | None:
    """A processing baseline as numbers, such as `(5, 11)`; None if it is unknown."""
    try:
        version = tuple(int(part) for part in str(baseline).split("."))
    except ValueError:
        return None
    return None if version[0] == 99 else version


# Requested offsets

DETECT: Literal["detect"] = "detect"
OffsetChoice = float | Literal["detect"]
"""A requested offset: a number in reflectance, or the estimate from the pixels."""
VALID_CHOICE = "detect, applied (0), missing (-0.1), or a number from -1 to 1 such as -0.1"


def parse_offset(text: str | float) -> OffsetChoice:
    """The requested offset: `detect`, `applied` (0), `missing` (-0.1), or a number. Raises InvalidInput."""
    choices: Mapping[object, OffsetChoice] = {"detect": DETECT, "applied": 0.0, "missing": SHIFT}
    if isinstance(text, str) and text in choices:
        return choices[text]
    try:
        number = math.nan if isinstance(text, bool) else float(text) + 0.0  # -0.0 becomes 0.0
    except OverflowError:  # an integer that may be too long to be printed
        raise InvalidInput("The offset is beyond 1e308.", parameter="offset", valid=VALID_CHOICE) from None
    except (TypeError, ValueError):
        number = math.nan
    if not -1 <= number <= 1:
        raise InvalidInput(f"Unknown offset {quoted(str(text))}.", parameter="offset", valid=VALID_CHOICE)
    return number


def offset_text(offset: OffsetChoice) -> str:
    """A requested offset as the shortest text that `parse_offset` reads: `detect`, `0`, `-0.1`."""
    return offset if isinstance(offset, str) else repr(offset).removesuffix(".0")


# Estimates from pixels

BLUE_BANDS = ("coastal", "blue")
"""Bands in which deserts are dark, and in which atmospheric correction makes dark surfaces negative."""
INFRARED_BANDS = ("nir", "nir08", "swir16", "swir22")
"""Bands in which water and shadow are dark. In swir, dense vegetation and snow are dark too."""
LONG_BANDS = ("red", "rededge1", "rededge2", "rededge3", *INFRARED_BANDS)
SAMPLED_BANDS = (*BLUE_BANDS, "green", *LONG_BANDS)
"""Bands that an estimate uses. Absorption by water vapour makes `nir09` too noisy."""
MIN_PIXELS = 500
"""Valid pixels that a band must have to count. With fewer, single pixels would decide."""
_SHARE_BELOW, _SHARE_AT_LEAST = 0.005, 0.002
"""Quantiles of darkness: to be dark, and not to be. They differ by more than 0.1 % of the pixels, so that fewer pixels
than that never turn one answer into the other, whatever they are."""


def estimate_offset(samples: Mapping[str, NDArray[Any]]) -> float | None:
    """Reflectance offset estimated from a scene's pixels: 0, -0.1, or None if they cannot tell.

    `samples` has DN of any shape by band, best of all `SAMPLED_BANDS`, from coarse overviews; 0 is nodata.

    It looks at the darkest surfaces (of each band, the quantile of 0.5 % of the pixels).

    - Numbers below 800 (-0.02 with +1000) from green to swir exclude +1000: this is water, shadow, vegetation, or snow
      in swir.
    - Atmospheric correction may make blue negative, but over dark surfaces only. Numbers below 850 in blue exclude
      +1000 if all longer bands are brighter by 400 or more, as over rock and sand, or if they are below 500.
    - If almost no number is below 900 (850 in the infrared), although red and an infrared band are dark (up to 1300 and
      1600), or nir is (up to 1200), +1000 is included: without it, the darkest surface would be a uniform grey.

    Of scenes that are bright everywhere, such as closed clouds or sand without rock, it cannot tell.
    """
    dark, darkest = {}, {}
    for band in SAMPLED_BANDS:
        numbers = samples.get(band)
        valid = None if numbers is None else numbers[numbers > 0]
        if valid is not None and valid.size >= MIN_PIXELS:
            ranks = [int(valid.size * share) for share in (_SHARE_AT_LEAST, _SHARE_BELOW)]
            darkest[band], dark[band] = (float(number) for number in np.partition(valid, ranks)[ranks])
    if _excludes_shift(dark):
        return 0.0
    is_bright = all(number >= (850 if band in INFRARED_BANDS else 900) for band, number in darkest.items())
    return SHIFT if is_bright and _shows_shift(dark) else None


def _excludes_shift(dark: Mapping[str, float]) -> bool:
    """Whether the darkest numbers of the bands are too low to include +1000."""
    blue = min((dark[band] for band in BLUE_BANDS if band in dark), default=math.inf)
    long = [dark[band] for band in LONG_BANDS if band in dark]
    if min((*long, dark.get("green", math.inf))) < 800 or blue < 500:
        return True
    return bool(long) and blue < 850 and min(long) >= blue + 400


def _shows_shift(dark: Mapping[str, float]) -> bool:
    """Whether a scene without very dark numbers has surfaces that are dark if +1000 is taken off.

    Blue must be among the bands, since sand is dark in blue alone.
    """
    if "red" not in dark or not any(band in dark for band in BLUE_BANDS):
        return False
    nir = min((dark[band] for band in ("nir", "nir08") if band in dark), default=math.inf)
    infrared = min((dark[band] for band in INFRARED_BANDS if band in dark), default=math.inf)
    return nir <= 1200 or (dark["red"] <= 1300 and infrared <= 1600)
