"""Items of Sentinel-2: value = number x 0.0001, minus 0.1 if ESA's +1000 is inside; 0 is nodata."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.doubles.collections.item import DAY, Encoding, Made, MadeFile
from tests.doubles.collections.mask_rules import classes, masks_of

S2_BANDS = {
    "coastal": ("B01", 1),
    "blue": ("B02", 6),
    "green": ("B03", 6),
    "red": ("B04", 6),
    "rededge1": ("B05", 3),
    "rededge2": ("B06", 3),
    "rededge3": ("B07", 3),
    "nir": ("B08", 6),
    "nir08": ("B8A", 3),
    "nir09": ("B09", 1),
    "cirrus": ("B10", 1),
    "swir16": ("B11", 3),
    "swir22": ("B12", 3),
}
"""By canonical name: ESA's name, and how much finer than 60 m its pixels are."""
SCL_MASKS = masks_of(
    classes(0),
    {
        "clouds": classes(0, 1, 3, 8, 9, 10),
        "cloud": classes(8, 9),
        "shadow": classes(3),
        "snow": classes(11),
        "water": classes(6),
        "cirrus": classes(10),
        "3,6": classes(3, 6),
    },
)


def _sentinel_2(
    name: str,
    collection: str,
    profile: str,
    place: int,
    *,
    shifted: bool,
    codes: bool,
    properties: Mapping[str, Any],
    written: float | None = None,
    level_1: bool = False,
    probabilities: bool = False,
) -> Made:
    """An item of Sentinel-2. `written` is the offset in raster:bands; without one, there are no raster:bands."""
    words = (
        {}
        if written is None
        else {"raster:bands": [{"nodata": 0, "data_type": "uint16", "scale": 0.0001, "offset": written}]}
    )
    # With +1000, the darkest surfaces are bright numbers; without, they are dark ones.
    spectral = Encoding("uint16", 0.0001, -0.1 if shifted else 0, 0, True, 901 if shifted else 1, 9000)
    files = [
        MadeFile(code if codes else band, (band,), spectral, finer, words, tagged=probabilities)
        for band, (code, finer) in S2_BANDS.items()
        if level_1 or band != "cirrus"
    ]
    rgb = ("visual_red", "visual_green", "visual_blue")
    files.append(MadeFile("visual", rgb, Encoding("uint8", nodata=0, lowest=1), 6))
    if not level_1:
        files.append(
            MadeFile("SCL" if codes else "scl", ("scl",), Encoding("uint8", nodata=0, lowest=1, highest=11), 3)
        )
        thousandths = {"raster:bands": [{"nodata": 0, "scale": 0.001, "offset": 0}]}
        for band, highest in (("aot", 900), ("wvp", 6000)):
            encoding = Encoding("uint16", 0.001, 0, 0, lowest=1, highest=highest)
            files.append(MadeFile(band.upper() if codes else band, (band,), encoding, 3, thousandths))
    if probabilities:
        percent = Encoding("uint8", lowest=0, highest=100)
        files += [MadeFile(key, (key,), percent, 3, {"raster:bands": [{"nodata": 0}]}) for key in ("cloud", "snow")]
    return Made(
        name,
        collection,
        f"S2A_32TQK_{place:03d}_{name}",
        profile,
        "EPSG:32632",
        (300_000 + 6000 * place, 5_100_000),
        (60, 60),
        files,
        {
            "platform": "sentinel-2a",
            "constellation": "sentinel-2",
            "instruments": ["msi"],
            "eo:cloud_cover": 12.5,
            "grid:code": "MGRS-32TQK",
            "created": f"{DAY}T18:00:00Z",
            **properties,
        },
        "" if level_1 else "scl",
        {} if level_1 else SCL_MASKS,
    )


def _datatake(baseline: str, second: int) -> dict[str, Any]:
    return {
        "s2:processing_baseline": baseline,
        "s2:datatake_id": f"GS2A_20240612T102031_046869_N{baseline}",
        "s2:datastrip_id": f"S2A_OPER_MSI_L2A_DS_2APS_20240612T150000_S20240612T1020{second:02d}_N{baseline}",
        "s2:generation_time": f"{DAY}T15:00:00Z",
    }


SENTINEL_2: tuple[Made, ...] = (
    _sentinel_2(
        "l2a-flagged",
        "sentinel-2-l2a",
        "sentinel-2-l2a",
        1,
        shifted=False,
        codes=False,
        written=-0.1,
        properties={**_datatake("05.10", 1), "earthsearch:boa_offset_applied": True},
    ),
    _sentinel_2(
        "l2a-old",
        "sentinel-2-l2a",
        "sentinel-2-l2a",
        2,
        shifted=False,
        codes=False,
        written=0.0,
        properties={**_datatake("03.01", 2), "earthsearch:boa_offset_applied": False},
    ),
    _sentinel_2(
        "c1",
        "sentinel-2-c1-l2a",
        "sentinel-2-c1-l2a",
        3,
        shifted=True,
        codes=False,
        written=-0.1,
        probabilities=True,
        properties=_datatake("05.10", 3),
    ),
    _sentinel_2(
        "cogs",
        "sentinel-s2-l2a-cogs",
        "sentinel-s2-l2a-cogs",
        4,
        shifted=False,
        codes=True,
        properties={"sentinel:product_id": "S2A_MSIL2A", "sentinel:sequence": "0"},
    ),
    _sentinel_2(
        "planetary-computer-new",
        "sentinel-2-l2a",
        "sentinel-2-l2a-planetary-computer",
        5,
        shifted=True,
        codes=True,
        properties={**_datatake("05.10", 4), "s2:mgrs_tile": "32TQK"},
    ),
    _sentinel_2(
        "planetary-computer-old",
        "sentinel-2-l2a",
        "sentinel-2-l2a-planetary-computer",
        6,
        shifted=False,
        codes=True,
        properties={**_datatake("03.01", 5), "s2:mgrs_tile": "32TQK"},
    ),
    _sentinel_2(
        "l1c-new",
        "sentinel-2-l1c",
        "sentinel-2-l1c",
        7,
        shifted=True,
        codes=False,
        level_1=True,
        written=-0.1,
        properties=_datatake("05.10", 6),
    ),
    _sentinel_2(
        "l1c-old",
        "sentinel-2-l1c",
        "sentinel-2-l1c",
        8,
        shifted=False,
        codes=True,
        level_1=True,
        properties=_datatake("02.07", 7),
    ),
)
"""On both sides of each rule of the reflectance offset."""
RULES: tuple[Made, ...] = (
    _sentinel_2(
        "l2a-flagged-since-04",
        "sentinel-2-l2a",
        "sentinel-2-l2a",
        11,
        shifted=False,
        codes=False,
        written=-0.1,
        properties={**_datatake("04.00", 11), "earthsearch:boa_offset_applied": True},
    ),
    _sentinel_2(
        "l2a-flag-false-shifted",
        "sentinel-2-l2a",
        "sentinel-2-l2a",
        12,
        shifted=True,
        codes=False,
        written=-0.1,
        properties={**_datatake("04.00", 12), "earthsearch:boa_offset_applied": False},
    ),
    _sentinel_2(
        "l2a-flag-false-corrected",
        "sentinel-2-l2a",
        "sentinel-2-l2a",
        13,
        shifted=False,
        codes=False,
        written=-0.1,
        properties={**_datatake("05.10", 13), "earthsearch:boa_offset_applied": False},
    ),
    _sentinel_2(
        "l2a-flag-true-before-04",
        "sentinel-2-l2a",
        "sentinel-2-l2a",
        14,
        shifted=False,
        codes=False,
        written=0.0,
        properties={**_datatake("03.00", 14), "earthsearch:boa_offset_applied": True},
    ),
    _sentinel_2(
        "l2a-without-flag",
        "sentinel-2-l2a",
        "sentinel-2-l2a",
        15,
        shifted=False,
        codes=False,
        properties=_datatake("05.10", 15),
    ),
    _sentinel_2(
        "planetary-computer-04",
        "sentinel-2-l2a",
        "sentinel-2-l2a-planetary-computer",
        16,
        shifted=True,
        codes=True,
        properties={**_datatake("04.00", 16), "s2:mgrs_tile": "32TQK"},
    ),
    _sentinel_2(
        "planetary-computer-03",
        "sentinel-2-l2a",
        "sentinel-2-l2a-planetary-computer",
        17,
        shifted=False,
        codes=True,
        properties={**_datatake("03.99", 17), "s2:mgrs_tile": "32TQK"},
    ),
    _sentinel_2(
        "l1c-04",
        "sentinel-2-l1c",
        "sentinel-2-l1c",
        18,
        shifted=True,
        codes=False,
        level_1=True,
        written=-0.1,
        properties=_datatake("04.00", 18),
    ),
)
"""More combinations of baseline, flag and written offset. In two of them, the pixels decide."""
