"""Collections without a profile, through a server: bands, scales, masks and defaults by the words of items and files.

What is drawn is compared with the numbers written; what was guessed must be named in `X-Scog-Notes`.
"""

from __future__ import annotations

import io
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.typing import NDArray
from pyproj import Transformer

from scog.catalog.archive.archive import Archive
from scog.catalog.derived_profile import Sample
from scog.errors import InvalidInput
from scog.session import Session
from scog.settings import Settings
from tests.web.conftest import Served, served

SIDE, PIXEL, WEST, NORTH = 256, 30, 600_000, 5_100_000
CRS = "EPSG:32632"
TIFF = "image/tiff; application=geotiff"
COLOURS = {1: (0, 100, 0, 255), 2: (255, 0, 0, 255), 3: (0, 0, 255, 255)}
CLASSES = [
    {"value": 0, "name": "no_data"}, {"value": 1, "name": "clear"},
    {"value": 2, "name": "cloud_shadow"}, {"value": 3, "name": "cloud"},
]  # fmt: skip
BITS = [
    {"name": "fill", "offset": 0, "length": 1}, {"name": "cloud", "offset": 3, "length": 1},
    {"name": "cloud_confidence", "offset": 8, "length": 2},
]  # fmt: skip
QUALITY = np.arange(SIDE * SIDE).reshape(SIDE, SIDE) // SIDE % 4


def write(path: Path, numbers: NDArray[Any], **profile: Any) -> None:
    bands = numbers if numbers.ndim == 3 else numbers[np.newaxis]
    tags = {name: profile.pop(name, None) for name in ("scale", "descriptions", "colormap", "colorinterp")}
    with rasterio.open(
        path, "w", driver="GTiff", count=len(bands), height=SIDE, width=SIDE, dtype=bands.dtype, crs=CRS, tiled=True,
        transform=Affine(PIXEL, 0, WEST, 0, -PIXEL, NORTH), blockxsize=128, blockysize=128, **profile,
    ) as file:  # fmt: skip
        file.write(bands)
        if tags["scale"]:
            file.scales, file.offsets = [tags["scale"][0]] * len(bands), [tags["scale"][1]] * len(bands)
        if tags["descriptions"]:
            file.descriptions = tags["descriptions"]
        if tags["colormap"]:
            file.write_colormap(1, tags["colormap"])


class Made:
    """An archive with one collection for each way to describe bands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def file(self, name: str, numbers: NDArray[Any] | int, dtype: str = "uint16", **profile: Any) -> str:
        filled = np.full((SIDE, SIDE), numbers, dtype) if isinstance(numbers, int) else numbers.astype(dtype)
        write(self.folder / f"{name}.tif", filled, **profile)
        return f"./{name}.tif"

    def item(self, collection: str, assets: Mapping[str, Any], **properties: Any) -> None:
        degrees = Transformer.from_crs(CRS, "EPSG:4326", always_xy=True)
        extent = SIDE * PIXEL
        ring = [
            degrees.transform(WEST + x * extent, NORTH - y * extent)
            for x, y in [(0, 1), (1, 1), (1, 0), (0, 0), (0, 1)]
        ]
        lons, lats = zip(*ring, strict=True)
        document = {
            "type": "Feature", "stac_version": "1.0.0", "id": f"{collection}-1", "collection": collection, "links": [],
            "geometry": {"type": "Polygon", "coordinates": [ring]},
            "bbox": [min(lons), min(lats), max(lons), max(lats)],
            "properties": {"datetime": "2024-06-01T10:00:00Z"} | properties,
            "assets": {key: {"type": TIFF} | asset for key, asset in assets.items()},
        }  # fmt: skip
        (self.folder / f"{collection}.json").write_text(json.dumps(document))

    def write(self) -> None:
        bands = {key: self.file(f"ls-{key}", numbers) for key, numbers in (("B4", 9000), ("B5", 20000), ("B8", 9500))}
        common = {"B4": "red", "B5": "nir08", "B8": "pan"}
        self.item("codes", {
            key: {"href": href, "eo:bands": [{"name": key, "common_name": common[key]}],
                  "raster:bands": [{"scale": 2.75e-5, "offset": -0.2}]}
            for key, href in bands.items()
        })  # fmt: skip
        self.item("tags", {key: {"href": self.file(f"tags-{key}", numbers, scale=(1e-4, -0.1))}
                           for key, numbers in (("red", 1500), ("nir", 4000))})  # fmt: skip
        self.item("raw", {key: {"href": self.file(f"raw-{key}", numbers)}
                          for key, numbers in (("red", 500), ("nir", 3000))})  # fmt: skip
        signed = {
            "red": {"href": self.file("signed-red", -200, "int16")},
            "nir": {"href": self.file("signed-nir", 3000)},
        }
        self.item("signed", signed)
        self.item("scaled", {"red": signed["red"] | {"raster:bands": [{"scale": 0.01, "offset": 0}]}})
        ratio = {"href": self.file("ratio", np.full((SIDE, SIDE), -0.2), "float32")}
        self.item("float", {"red": ratio})
        self.item(
            "stated", {"red": ratio | {"eo:bands": [{"common_name": "red"}], "raster:bands": [{"unit": "reflectance"}]}}
        )
        several = np.stack([np.full((SIDE, SIDE), number) for number in (300, 400, 500, 3000)])
        described = self.file("described", several, descriptions=("blue", "green", "red", "nir"))
        self.item("described", {"image": {"href": described}})
        self.item("undescribed", {"image": {"href": self.file("undescribed", several, photometric="MINISBLACK")}})
        self.item("photo", {"image": {"href": self.file("photo", several[:3] // 2, "uint8", photometric="RGB")}})
        self.item("palette", {"map": {"href": self.file("palette", QUALITY, "uint8", colormap=COLOURS)}})
        measured = {key: {"href": self.file(f"q-{key}", numbers), "raster:bands": [{"scale": 1e-4}]}
                    for key, numbers in (("red", 500), ("nir", 3000))}  # fmt: skip
        quality = {"href": self.file("classes", QUALITY, "uint8"), "classification:classes": CLASSES}
        self.item("classes", measured | {"quality": quality})
        hidden = {"href": self.file("hidden", QUALITY, "uint8", nodata=1)}
        self.item("hidden", measured | {"quality": quality | hidden})
        self.item("nodata", measured | {"quality": quality | {"href": self.file("nodata", QUALITY, "uint8", nodata=0)}})
        colours = {"href": self.file("hidden-palette", QUALITY, "uint8", colormap=COLOURS, nodata=2)}
        self.item("hidden-palette", {"map": colours})
        bits = {"href": self.file("bits", np.where(QUALITY == 3, 8, 1 << 8)), "classification:bitfields": BITS}
        self.item("bits", measured | {"qa": bits})
        elevation = np.add.outer(np.arange(SIDE), np.arange(SIDE))
        heights = {"href": self.file("heights", elevation, "float32"), "raster:bands": [{"unit": "m"}]}
        self.item("heights", {"height": heights})
        rendered = {"renders": {"warm": {"title": "Warm", "assets": ["height"], "rescale": [[0, 300]],
                                         "colormap_name": "magma"}}}  # fmt: skip
        self.item("rendered", {"height": heights}, **rendered)
        self.item("described-twice", {
            "nir": {"href": self.file("twice-a", 500), "eo:bands": [{"common_name": "red"}]},
            "red": {"href": self.file("twice-b", 3000), "eo:bands": [{"common_name": "nir"}]},
        })  # fmt: skip
        self.item("precomputed", measured | {
            key: {"href": self.file(f"computed-{key}", number), "raster:bands": [{"scale": 1}]}
            for key, number in (("ndvi", 77), ("GNDVI", 78))
        })  # fmt: skip
        several = np.stack([np.full((SIDE, SIDE), 4), np.full((SIDE, SIDE), 9)])
        scl = self.file("scl", several, "uint8", descriptions=("scl", "distance"))
        self.item("masked", measured | {"image": {"href": scl}})
        self.item("profiled", {"image": {"href": described}})
        (self.folder / "profiled.toml").write_text(PROFILE)


PROFILE = """
name = "profiled"
attribution = "Surveyors"
default = "swapped"

[[bands]]
name = "red"
asset = "image"
number = 1
unit = "reflectance"
scale = 0.001

[[layers]]
name = "swapped"
expression = "1 - red"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = Made(tmp_path_factory.mktemp("unknown"))
    made.write()
    return made.folder


@pytest.fixture(scope="module")
def server(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(Settings(catalog=str(folder), cache_dir=tmp_path_factory.mktemp("cache"))) as running:
        yield running


MIDDLE = Transformer.from_crs(CRS, "EPSG:4326", always_xy=True).transform(
    WEST + SIDE * PIXEL / 2, NORTH - SIDE * PIXEL / 2
)


def values(server: Served, query: str) -> tuple[list[float], str]:
    """Values at the middle, and the notes."""
    response = server.get(f"/point/{MIDDLE[0]},{MIDDLE[1]}?{query}")
    assert response.status_code == 200, response.text
    return response.json()["values"], response.headers.get("X-Scog-Notes", "")


RED, NIR = 9000 * 2.75e-5 - 0.2, 20000 * 2.75e-5 - 0.2
EXPECTED = {
    "collection=codes&index=ndvi": ([(NIR - RED) / (NIR + RED)], "nir is nir08"),
    "collection=codes&bands=B8": ([9500 * 2.75e-5 - 0.2], ""),
    "collection=tags&index=ndvi": ([(0.3 - 0.05) / (0.3 + 0.05)], "red: scale 0.0001 and offset -0.1 by the file"),
    "collection=raw&bands=red": ([500], "red: neither item nor file has a scale"),
    "collection=signed&bands=red": ([0], "red: reflectance by its name, so that negative values are 0"),
    "collection=scaled&bands=red": ([0], "red: reflectance by its name, so that negative values are 0"),
    "collection=float&bands=red": ([0], "red: reflectance by its name, so that negative values are 0"),
    "collection=stated&bands=red": ([0], ""),
    "collection=described&index=ndvi": ([2500 / 3500], "nir by the file's band description"),
    "collection=described&bands=image_b4": ([3000], ""),
    "collection=undescribed&bands=image_b4": ([3000], ""),
    "collection=undescribed&expression=image_b4-image_b1": ([2700], ""),
    "collection=photo&bands=red,green,blue": ([150, 200, 250], "red by the file's colour interpretation"),
    "collection=described-twice&index=ndvi": ([2500 / 3500], "neither item nor file has a scale"),
    "collection=heights&bands=height": ([256], ""),
    "collection=precomputed&index=ndvi": ([2500 / 3500], "by the key"),
    "collection=precomputed&index=NDVI": ([2500 / 3500], "by the key"),
    "collection=precomputed&bands=NDVI": ([77], ""),
    "collection=precomputed&index=gndvi": ([78], ""),
    "collection=precomputed&index=Gndvi": ([78], ""),
    "collection=masked&index=ndvi": ([2500 / 3500], "scl by the file's band description"),
    "collection=heights&offset=-0.1": ([256], "offset has no effect"),
    "collection=profiled&offset=applied": ([1 - 300 * 0.001], "offset has no effect"),
    "collection=profiled": ([1 - 300 * 0.001], "red: the file calls band 1 blue"),
    "collection=profiled&bands=red": ([300 * 0.001], "red: the file calls band 1 blue"),
    "collection=palette&bands=map": ([0], ""),
}  # fmt: skip


@pytest.mark.parametrize("query", EXPECTED)
def test_values_are_those_of_the_right_band(server: Served, query: str) -> None:
    expected, note = EXPECTED[query]
    found, notes = values(server, query)
    np.testing.assert_allclose(np.float32(found), np.float32(expected), rtol=3e-6)
    assert note in notes
    assert bool(note) == bool(notes), "nothing is noted without need"


def test_products_note_the_same(server: Served) -> None:
    """Of the mask's bands too, and that the offset has no effect."""
    query = "collection=masked&index=ndvi&offset=missing"
    series = server.get(f"/timeseries/{MIDDLE[0]},{MIDDLE[1]}?{query}")
    west, south, east, north = (*(each - 0.01 for each in MIDDLE), *(each + 0.01 for each in MIDDLE))
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    area = {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
    statistics = server.client.post(f"/statistics?{query}", json=area)
    for response in (series, statistics):
        assert response.status_code == 200, response.text
        assert "scl by the file's band description" in response.headers["X-Scog-Notes"]
        assert "offset has no effect" in response.headers["X-Scog-Notes"]


@pytest.mark.parametrize(
    ("query", "missing"),
    [
        ("collection=codes&index=gndvi", "green"),
        ("collection=codes&bands=B9", "b9"),
        ("collection=undescribed&index=ndvi", "nir"),
        ("collection=photo&index=ndvi", "nir"),
        ("collection=described&bands=image_b5", "image_b5"),
    ],
)
def test_what_no_word_identifies_is_refused(server: Served, query: str, missing: str) -> None:
    response = server.get(f"/point/{MIDDLE[0]},{MIDDLE[1]}?{query}")
    assert response.status_code in (400, 404)
    assert missing in response.json()["detail"]


def test_a_closed_profile_refuses_other_names(server: Served) -> None:
    response = server.get(f"/point/{MIDDLE[0]},{MIDDLE[1]}?collection=profiled&bands=nir")
    assert response.status_code == 400
    assert "red" in response.json()["valid"]


@pytest.mark.parametrize(("collection", "clouds"), [("classes", {2, 3}), ("bits", {3})])
def test_masks_are_those_of_the_classification(server: Served, collection: str, clouds: set[int]) -> None:
    box = f"{WEST},{NORTH - SIDE * PIXEL},{WEST + SIDE * PIXEL},{NORTH}"
    query = f"collection={collection}&index=ndvi&coord_crs={CRS}&dst_crs={CRS}"
    response = server.get(f"/bbox/{box}/{SIDE}x{SIDE}.npy?{query}")
    assert response.status_code == 200, response.text
    (found,) = np.load(io.BytesIO(response.content))
    invalid = {0} if collection == "classes" else set()
    np.testing.assert_array_equal(np.isnan(found), np.isin(QUALITY, [*clouds, *invalid]))


@pytest.mark.parametrize("resampling", ["nearest", "bilinear", "cubic", "average"])
def test_numbers_of_a_file_with_a_colour_table_are_never_averaged(server: Served, resampling: str) -> None:
    """Neither in an image as fine as the file nor in one between two of its pixels."""
    box = f"{WEST},{NORTH - SIDE * PIXEL},{WEST + SIDE * PIXEL},{NORTH}"
    for side in (300, 100):
        query = f"collection=palette&bands=map&coord_crs={CRS}&dst_crs={CRS}&resampling={resampling}"
        response = server.get(f"/bbox/{box}/{side}x{side}.npy?{query}")
        assert response.status_code == 200, response.text
        assert set(np.unique(np.load(io.BytesIO(response.content)))) == {0, 1, 2, 3}


@pytest.mark.parametrize(
    ("query", "note"),
    [
        ("collection=hidden&index=ndvi", "quality: pixels of class 1 (clear) are invalid, since item or file calls it"),
        ("collection=hidden&bands=quality", "quality: pixels of class 1 (clear) are invalid"),
        ("collection=hidden-palette&bands=map", "map: pixels of class 2, which has a colour, are invalid"),
        ("collection=nodata&index=ndvi", ""),
    ],
)
@pytest.mark.parametrize("options", ["", "&resampling=bilinear", "&mask_dilate=1"])
def test_a_class_that_is_nodata_is_noted(server: Served, query: str, note: str, options: str) -> None:
    """Also if nothing is shown for it; a class whose name means missing data is none."""
    if "mask" in options and "index" not in query:
        return
    box = f"{WEST},{NORTH - SIDE * PIXEL},{WEST + SIDE * PIXEL},{NORTH}"
    for _ in range(2):
        response = server.get(f"/bbox/{box}/{SIDE}x{SIDE}.npy?{query}&coord_crs={CRS}&dst_crs={CRS}{options}")
        assert response.status_code == 200, response.text
        notes = response.headers.get("X-Scog-Notes", "")
        assert notes.count("invalid") == bool(note)
        assert note in notes


def profile(server: Served, collection: str) -> dict[str, Any]:
    response = server.get(f"/collections/{collection}")
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()["profile"]
    return found


def test_collections_tell_what_is_believed_and_from_where(server: Served) -> None:
    red, nir, _ = profile(server, "codes")["bands"]
    assert (red["name"], red["aliases"], red["rescale"]) == ("red", ["b4"], [0.0, 0.3])
    assert red["sources"][0] == "named by its common name"
    assert (nir["name"], nir["aliases"]) == ("nir08", ["b5", "nir"])
    (palette,) = profile(server, "palette")["bands"]
    colors = ["#000000", "#006400", "#ff0000", "#0000ff"]  # black is what the file draws for 0, and unused after 3
    assert {each["value"]: each["color"] for each in palette["classes"]} == dict(enumerate(colors))
    assert profile(server, "photo")["bands"][0]["rescale"] == [0, 255]
    (height,) = profile(server, "heights")["bands"]
    low, high = np.percentile(np.add.outer(np.arange(SIDE), np.arange(SIDE)), (2, 98))
    assert (height["unit"], height["rescale"]) == ("m", [pytest.approx(low), pytest.approx(high)])
    assert "percentiles" in height["sources"][1]
    assert profile(server, "classes")["mask"]["sets"] == {"clouds": [2, 3], "shadow": [2]}
    assert profile(server, "bits")["mask"]["sets"] == {"clouds": [3]}
    assert profile(server, "profiled")["source"].endswith("profiled.toml")
    assert profile(server, "profiled")["attribution"] == "Surveyors"


@pytest.mark.parametrize(
    ("collection", "default"),
    [
        ("codes", "ndvi"), ("tags", "ndvi"), ("described", "true-color"), ("photo", "true-color"), ("palette", "map"),
        ("classes", "ndvi"), ("heights", "height"), ("rendered", "warm"), ("undescribed", "image_b1"),
    ],
)  # fmt: skip
def test_each_draws_without_parameters(server: Served, collection: str, default: str) -> None:
    assert profile(server, collection)["default"] == default
    box = f"{WEST},{NORTH - SIDE * PIXEL},{WEST + SIDE * PIXEL},{NORTH}"
    response = server.get(f"/bbox/{box}/100x100.png?collection={collection}&coord_crs={CRS}&dst_crs={CRS}")
    assert response.status_code == 200, response.text
    assert response.headers["X-Scog-Scenes"] == "used=1; skipped=0"


def test_only_indices_of_its_bands_are_listed(server: Served) -> None:
    listed = {each["name"] for each in server.get("/indices?collection=codes").json()["indices"]}
    assert {"ndvi", "savi"} <= listed
    assert not listed & {"gndvi", "ndwi", "nbr", "ndre"}
    assert server.get("/indices?collection=heights").json()["indices"] == []


def test_a_broken_profile_is_an_error_at_the_start(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "archive"
    shutil.copytree(folder, copy)
    (copy / "profiled.toml").write_text(PROFILE.replace("1 - red", "1 - rde"))
    with pytest.raises(InvalidInput, match=r"profiled\.toml.*there is no band 'rde'"):
        Session(str(copy), cache_dir=tmp_path / "cache")


def test_what_follows_from_a_failed_derivation_is_noted_and_cached_for_seconds(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def failing(self: Archive, collection: str) -> Sample:
        raise OverflowError("of any kind")

    point = f"/point/{MIDDLE[0]},{MIDDLE[1]}?collection=classes&bands=red"
    derived = (point, "/legend.json?collection=classes&bands=red", "/bands?collection=classes",
               "/indices?collection=classes")  # fmt: skip
    with monkeypatch.context() as patched, served(Settings(catalog=str(folder), cache_dir=tmp_path / "a")) as server:
        patched.setattr(Archive, "sample", failing)
        responses = [server.get(path) for path in derived]
        assert "what classes is could not be read" in responses[0].headers["X-Scog-Notes"]
        assert responses[0].headers["Retry-After"] == "60"
        ages = [re.findall(r"max-age=(\d+)", each.headers.get("Cache-Control", "")) for each in responses]
        assert ages == [["30"]] * 4
    with served(Settings(catalog=str(folder), cache_dir=tmp_path / "b")) as server:
        assert server.get(point).headers["X-Scog-Notes"] == "masked by classes 2, 3 of quality, by their names"
