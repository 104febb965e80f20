"""Items of HLS, by tables 6 to 9 of the HLS Product User Guide 2.0."""

from __future__ import annotations

from tests.doubles.collections.item import DAY, Encoding, Made, MadeFile, Quantity
from tests.doubles.collections.mask_rules import bits, classes, masks_of

HLS_REFLECTANCE = Encoding("int16", 0.0001, 0, -9999, True, -1900, 12_000)
HLS_CELSIUS = Encoding("int16", 0.01, 0, -9999, lowest=-4000, highest=5000)
HLS_ANGLE = Encoding("uint16", 0.01, 0, 40_000, lowest=0, highest=36_000)
HLS_QUALITY = Encoding("uint8", 1, 0, 255, lowest=0, highest=254)
HLS_MASKS = masks_of(
    classes(255),
    {"clouds": bits(1, 2, 3), "cloud": bits(1), "shadow": bits(3), "snow": bits(4), "water": bits(5)},
)
HLS_BANDS = {
    "S": {
        "B01": "coastal",
        "B02": "blue",
        "B03": "green",
        "B04": "red",
        "B05": "rededge1",
        "B06": "rededge2",
        "B07": "rededge3",
        "B08": "nir_broad",
        "B8A": "nir",
        "B09": "nir09",
        "B10": "cirrus",
        "B11": "swir16",
        "B12": "swir22",
    },
    "L": {
        "B01": "coastal",
        "B02": "blue",
        "B03": "green",
        "B04": "red",
        "B05": "nir",
        "B06": "swir16",
        "B07": "swir22",
        "B09": "cirrus",
        "B10": "lwir11",
        "B11": "lwir12",
    },
}


def _hls(name: str, letter: str, collection: str, place: int, *, tagged: bool) -> Made:
    """An item of HLS. Its items describe no encoding; files have theirs in tags, or lack them."""
    common = {"nir_broad": "nir", "nir": None if letter == "S" else "nir"}
    files = []
    for key, band in HLS_BANDS[letter].items():
        described = {"name": key} | ({} if common.get(band, band) is None else {"common_name": common.get(band, band)})
        encoding = HLS_CELSIUS if band.startswith("lwir") else HLS_REFLECTANCE
        files.append(MadeFile(key, (band,), encoding, words={"eo:bands": [described]}, tagged=tagged))
    files += [
        MadeFile(key, (key.lower(),), HLS_ANGLE, words={"eo:bands": [{"name": key}]}, tagged=tagged)
        for key in ("SZA", "SAA", "VZA", "VAA")
    ]
    files.append(MadeFile("Fmask", ("fmask",), HLS_QUALITY, words={"eo:bands": [{"name": "Fmask"}]}))
    return Made(
        name,
        collection,
        f"HLS.{letter}30.T32TPR.2024164T10203{place}.v2.0",
        f"hls-{letter.lower()}30",
        "EPSG:32632",
        (600_000 + 3000 * place, 5_000_040),
        (30, 30),
        files,
        {
            "start_datetime": f"{DAY}T10:20:30.000Z",
            "end_datetime": f"{DAY}T10:20:50.000Z",
            "platform": "sentinel-2a" if letter == "S" else "landsat-9",
            "instruments": ["msi" if letter == "S" else "oli"],
            "eo:cloud_cover": 8,
            "proj:epsg": 32632,
            "view:sun_azimuth": 151.2,
            "view:azimuth": 102.5,
            "sci:doi": f"10.5067/HLS/HLS{letter}30.002",
        },
        "fmask",
        HLS_MASKS,
        {"brightness-temperature": Quantity(("lwir11",), lambda celsius: celsius)} if letter == "L" else {},
    )


HLS: tuple[Made, ...] = (
    _hls("hls-s30", "S", "hls2-s30", 1, tagged=True),
    _hls("hls-l30", "L", "hls2-l30", 2, tagged=True),
    _hls("hls-s30-untagged", "S", "HLSS30_2.0", 3, tagged=False),
    _hls("hls-l30-untagged", "L", "HLSL30_2.0", 4, tagged=False),
)
