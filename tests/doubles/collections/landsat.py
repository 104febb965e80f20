"""Items of Landsat, by the Landsat 4-7 and 8-9 Collection 2 Level 2 Science Product Guides (LSDS-1618, LSDS-1619)."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.doubles.collections.item import DAY, SIDE, Encoding, Made, MadeFile, Numbers, Quantity
from tests.doubles.collections.mask_rules import bits, masks_of

LANDSAT_REFLECTANCE = Encoding("uint16", 0.0000275, -0.2, 0, True, 5000, 43_636)
LANDSAT_KELVIN = Encoding("uint16", 0.00341802, 149.0, 0, lowest=30_000, highest=55_000)
LANDSAT_MASKS = masks_of(
    bits(0),
    {
        "clouds": bits(1, 2, 3, 4),
        "cloud": bits(3),
        "shadow": bits(4),
        "snow": bits(5),
        "water": bits(7),
        "cirrus": bits(2),
    },
)


def _landsat_quality(seed: int) -> Numbers:
    """Every combination of the lower eight bits without fill, with random confidences; a tenth of fill."""
    rng = np.random.default_rng(seed)
    quality = rng.permuted(np.arange(SIDE * SIDE, dtype=np.uint16) % 128 * 2 + rng.integers(0, 256, SIDE * SIDE) * 256)
    quality[rng.random(SIDE * SIDE) < 0.1] = 1
    return quality.astype(np.uint16).reshape(1, SIDE, SIDE)


def _landsat(name: str, number: int, place: int) -> Made:
    tm = number < 8
    scene = f"LT0{number}_L2SP_193028_20240612_02_T1" if tm else f"LC0{number}_L2SP_193028_20240612_02_T1"
    keys = (
        ("blue", "green", "red", "nir08", "swir16", "swir22")
        if tm
        else ("coastal", "blue", "green", "red", "nir08", "swir16", "swir22")
    )

    def described(encoding: Encoding, **words: Any) -> dict[str, Any]:
        raster = {
            "nodata": encoding.nodata,
            "data_type": encoding.dtype,
            "scale": encoding.scale,
            "spatial_resolution": 30,
        }
        if encoding.offset:
            raster["offset"] = encoding.offset
        return {"raster:bands": [raster], **words}

    files = [
        MadeFile(
            key,
            ("nir" if key == "nir08" else key,),
            LANDSAT_REFLECTANCE,
            words=described(LANDSAT_REFLECTANCE, **{"eo:bands": [{"common_name": key}]}),
        )
        for key in keys
    ]
    thermal = "lwir" if tm else "lwir11"
    files.append(
        MadeFile(
            thermal,
            ("lwir11",),
            LANDSAT_KELVIN,
            words=described(LANDSAT_KELVIN, **{"eo:bands": [{"common_name": thermal}]}),
        )
    )
    signed = {"lowest": -200, "highest": 20_000, "nodata": -9999}
    auxiliary = {
        "atran": Encoding("int16", 0.0001, **signed),
        "emis": Encoding("int16", 0.0001, **signed),
        "emsd": Encoding("int16", 0.0001, **signed),
        "cdist": Encoding("int16", 0.01, **signed),
        "drad": Encoding("int16", 0.001, **signed),
        "urad": Encoding("int16", 0.001, **signed),
        "trad": Encoding("int16", 0.001, **signed),
        "qa": Encoding("int16", 0.01, **signed),
    }
    if tm:
        auxiliary["atmos_opacity"] = Encoding("int16", 0.001, **signed)
    files += [
        MadeFile(key, ("st_qa" if key == "qa" else key,), encoding, words=described(encoding))
        for key, encoding in auxiliary.items()
    ]
    quality = {"raster:bands": [{"unit": "bit index", "nodata": 1, "data_type": "uint16", "spatial_resolution": 30}]}
    files.append(
        MadeFile("qa_pixel", ("qa_pixel",), Encoding("uint16", nodata=1), 1, quality, numbers=_landsat_quality(number))
    )
    saturated = {"raster:bands": [{"unit": "bit index", "data_type": "uint16"}]}
    files.append(MadeFile("qa_radsat", ("qa_radsat",), Encoding("uint16", highest=4095), 1, saturated))
    if tm:
        files.append(MadeFile("cloud_qa", ("cloud_qa",), Encoding("uint8"), 1, saturated))
    else:
        aerosol = {"raster:bands": [{"unit": "bit index", "nodata": 1, "data_type": "uint8"}]}
        files.append(MadeFile("qa_aerosol", ("qa_aerosol",), Encoding("uint8", nodata=1, lowest=2), 1, aerosol))
    return Made(
        name,
        "landsat-c2-l2",
        scene,
        "landsat-c2-l2",
        "EPSG:32632",
        (500_025 + 3000 * place, 5_000_025),
        (30, 30),
        files,
        {
            "platform": f"landsat-{number}",
            "instruments": ["tm"] if tm else ["oli", "tirs"],
            "gsd": 30,
            "created": f"{DAY}T18:00:00Z",
            "eo:cloud_cover": 21.12,
            "landsat:cloud_cover_land": 23.54,
            "landsat:wrs_type": "2",
            "landsat:wrs_path": "193",
            "landsat:wrs_row": "028",
            "landsat:correction": "L2SP",
            "landsat:collection_category": "T1",
            "landsat:collection_number": "02",
            "landsat:scene_id": f"L{'T' if tm else 'C'}{number}1930282024164LGN00",
            "sci:doi": "10.5066/P9OGBGM6",
            "proj:epsg": 32632,
        },
        "qa_pixel",
        LANDSAT_MASKS,
        {"surface-temperature": Quantity(("lwir11",), lambda kelvin: kelvin - 273.15)},
    )


LANDSAT: tuple[Made, ...] = (
    _landsat("landsat-9", 9, 1),
    _landsat("landsat-5", 5, 2),
)
