"""Cubes of collections without a profile: an id means the same image, also when the collection's words change."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest

from scog.collections.built_in import GENERIC, built_in
from scog.cubes.cubes import Cube
from scog.cubes.definition import Definition
from scog.errors import CatalogUnavailable
from scog.settings import Settings
from tests.web.conftest import Served, is_problem, served
from tests.web.test_unknown_collections import (
    BITS,
    CLASSES,
    CRS,
    MIDDLE,
    NORTH,
    PIXEL,
    SIDE,
    WEST,
    Made,
)

Json = dict[str, Any]
EXTENT = SIDE * PIXEL
BOX = f"{WEST},{NORTH - EXTENT},{WEST + EXTENT},{NORTH}"
AROUND = [MIDDLE[0] - 0.1, MIDDLE[1] - 0.1, MIDDLE[0] + 0.1, MIDDLE[1] + 0.1]
QUALITY = np.arange(SIDE * SIDE).reshape(SIDE, SIDE) // (16 * SIDE) % 4
GRADIENT = np.add.outer(np.arange(SIDE), np.arange(SIDE))
NUMBERS = {"classes": CLASSES, "others": [{**each, "value": 3 - each["value"]} for each in CLASSES]}
COLORS = ("ff0000", "00ff00", "0000ff", "ffff00")
WARM = {"warm": {"title": "Warm", "assets": ["height"], "rescale": [[0, 300]], "colormap_name": "magma"}}


class Archive(Made):
    """Collections whose words can be written anew, in another sense, for the same files."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        scaled: Json = {"raster:bands": [{"scale": 1e-4}]}
        self.reflectance = {
            key: {"href": self.file(key, GRADIENT * factor + 500), **scaled} for key, factor in (("red", 2), ("nir", 9))
        }
        self.quality = self.file("quality", QUALITY, "uint8")
        self.bits = self.file("bits", np.where(QUALITY == 3, 8, 1 << 8))
        self.height = self.file("height", GRADIENT, "float32")

    def describe(self, *, changed: bool) -> None:
        names = NUMBERS["others" if changed else "classes"]
        colors = COLORS[::-1] if changed else COLORS
        listed = [each | {"color_hint": color} for each, color in zip(names, colors, strict=True)]
        classes = {"href": self.quality, "classification:classes": listed}
        self.item("classes", self.reflectance | {"quality": classes})
        offset = 8 if changed else 3
        fields = [field | {"offset": offset if field["name"] == "cloud" else 20} for field in BITS[:2]]
        self.item("bits", self.reflectance | {"qa": {"href": self.bits, "classification:bitfields": fields}})
        renders = {"renders": {"cold": WARM["warm"] | {"rescale": [[-9, 9]]}} if changed else WARM}
        self.item("rendered", {"height": {"href": self.height}}, **renders)
        self.item("map", {"map": classes})
        self.item("heights", {"height": {"href": self.height, "raster:bands": [{"unit": "m"}]}})
        extra = {"ndvi": {"href": self.height}} if changed else {}
        self.item("growing", self.reflectance | extra)


BODIES: list[Json] = [
    {"collection": "classes"},
    {"collection": "classes", "mask": "shadow"},
    {"collection": "classes", "mask": [3, 1], "mask_dilate": 90},
    {"collection": "classes", "bands": ["red"]},
    {"collection": "classes", "expression": "nir - red", "composite": "count"},
    {"collection": "classes", "mask": "clouds,red > 0.1", "mask_dilate": 90},
    {"collection": "classes", "index": "quality"},
    {"collection": "classes", "bands": "quality", "colormap_name": "viridis"},
    {"collection": "bits"},
    {"collection": "bits", "index": "nir", "mask": "cloud", "mask_dilate": 60},
    {"collection": "rendered"},
    {"collection": "rendered", "index": "WARM", "rescale": [0, 100]},
    {"collection": "rendered", "index": "warm", "colormap_name": "viridis"},
    {"collection": "rendered", "index": "warm", "classes": "low,100,high"},
    {"collection": "rendered", "index": "warm", "composite": "std"},
    {"collection": "rendered", "index": "warm", "composite": "count"},
    {"collection": "rendered", "index": "warm", "belowmincolor": "red", "abovemaxcolor": "blue"},
    {"collection": "map"},
    {"collection": "map", "composite": "mode"},
    {"collection": "map", "rescale": [0, 2]},
    {"collection": "heights"},
    {"collection": "heights", "index": "height"},
    {"collection": "growing", "index": "NDVI"},
]


def with_area(body: Json) -> Json:
    return {**body, "bbox": AROUND, "scenes": "pinned"}


def query(body: Mapping[str, Any]) -> str:
    def text(value: Any) -> str:
        return ",".join(map(str, value)) if isinstance(value, list) else str(value)

    return "&".join(f"{name}={text(value)}".replace(">", "%3E") for name, value in body.items())


def drawn(server: Served, url: str, more: str = "") -> tuple[np.ndarray, bytes]:
    """The values, and the image."""
    url = f"{url}/{BOX}/{SIDE}x{SIDE}"
    more = f"coord_crs={CRS}&dst_crs={CRS}{more}"
    values, image = (server.get(f"{url}.{kind}?{more}") for kind in ("npy", "png"))
    assert (values.status_code, image.status_code) == (200, 200), values.text
    return np.load(io.BytesIO(values.content)), image.content


def cube_image(server: Served, name: str) -> tuple[np.ndarray, bytes]:
    return drawn(server, f"/cubes/{name}/bbox")


def post(server: Served, body: Json) -> Json:
    response = server.client.post("/cubes", json=body)
    assert response.status_code in (200, 201), response.text
    stored: Json = response.json()
    return stored


@pytest.fixture(scope="module")
def restarted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[list[Json], list[Any], Served]]:
    """Cubes, their images, and a server that was started after the collections' words have changed."""
    archive = Archive(tmp_path_factory.mktemp("derived"))
    settings = Settings(catalog=str(archive.folder), cache_dir=tmp_path_factory.mktemp("cache"))
    archive.describe(changed=False)
    cubes, images = [], []
    with served(settings) as server:
        for body in BODIES:
            cubes.append(post(server, with_area(body)))
            images.append((cube_image(server, cubes[-1]["id"]), drawn(server, "/bbox", f"&{query(body)}")))
            assert post(server, cubes[-1]["definition"])["id"] == cubes[-1]["id"]
    archive.describe(changed=True)
    with served(settings) as server:
        yield cubes, images, server


@pytest.mark.parametrize("place", range(len(BODIES)), ids=[query(body) for body in BODIES])
def test_a_cube_is_what_it_was(place: int, restarted: tuple[list[Json], list[Any], Served]) -> None:
    cubes, images, server = restarted
    (values, image), (of_tile, tile_image) = images[place]
    assert np.isfinite(values).any(), "an empty image would not change"
    np.testing.assert_array_equal(values, of_tile)
    assert image == tile_image
    later, later_image = cube_image(server, cubes[place]["id"])
    np.testing.assert_array_equal(later, values)
    assert later_image == image


def test_the_words_have_changed(restarted: tuple[list[Json], list[Any], Served]) -> None:
    """Else the test above could not fail."""
    _, images, server = restarted
    for place, body in enumerate(BODIES[:3]):
        values, _ = drawn(server, "/bbox", f"&{query(body)}")
        assert not np.array_equal(values, images[place][0][0], equal_nan=True)
    assert server.get("/legend.json?collection=rendered&index=warm").status_code == 400


def test_definitions_have_no_names_of_the_collection(restarted: tuple[list[Json], list[Any], Served]) -> None:
    definitions = [cube["definition"] for cube in restarted[0]]
    by_query = {query(body): each for body, each in zip(BODIES, definitions, strict=True)}
    assert by_query["collection=classes"]["mask"] == "0 / (quality != 0),quality == 2,quality == 3"
    assert by_query["collection=bits"]["mask"] == "0 / (1 - bit(qa, 20)),bit(qa, 3)"
    warm = by_query["collection=rendered"]
    assert (warm["bands"], warm["rescale"], warm["colormap_name"]) == (["height"], [[0, 300]], "magma")
    assert warm["mask"] == "none"
    assert by_query["collection=map"]["colormap"] == {str(n): f"#{color}" for n, color in enumerate(COLORS)}
    assert by_query["collection=heights"] == by_query["collection=heights&index=height"]


def test_classes_keep_their_names_in_legends(restarted: tuple[list[Json], list[Any], Served]) -> None:
    cubes, _, server = restarted
    cube = cubes[[query(body) for body in BODIES].index("collection=map")]
    legend = server.get(f"/cubes/{cube['id']}/legend.json").json()
    assert [each["name"] for each in legend["classes"]] == ["cloud", "cloud_shadow", "clear", "no_data"]


def test_a_mask_by_numbers_is_not_drawn_without_what_they_mean() -> None:
    generic = built_in(GENERIC)
    assert generic is not None
    for mask in ("3", "clouds"):
        with pytest.raises(CatalogUnavailable, match="mask"):
            Cube("x", Definition({"mask": mask}), None, None, generic).styled_request()
    assert Cube("x", Definition({"mask": "qa == 3"}), None, None, generic).styled_request().request.mask.expressions


def test_no_cube_is_created_before_the_collection_could_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A guess would decide its image forever."""

    async def fail(*arguments: object) -> NoReturn:
        raise CatalogUnavailable("the catalogue is down")

    archive = Archive(tmp_path)
    archive.describe(changed=False)
    monkeypatch.setattr("scog.catalog.archive.archive.Archive.sample", fail)
    with served(Settings(catalog=str(archive.folder), cache_dir=tmp_path / "cache")) as server:
        response = server.client.post("/cubes", json={"collection": "bits"})
        assert "what bits is could not be read" in is_problem(response, 503)["detail"]
