"""Golden images. `pytest --bless` writes new ones; review them before you commit them.

Each image also has an invariant, which holds whatever the image looks like.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from scog.geo.grid import Grid
from scog.imaging.draw import ImageData
from scog.render import encoders
from scog.render.layer import LayerOptions
from scog.temporal.intervals import parse_interval
from tests.doubles.archives import sample
from tests.doubles.drawing import draw_one, tile_over
from tests.golden import landscape
from tests.golden.landscape import CLOUDY, EAST, WEST
from tests.profiles import BY_NUMBER, image_request, layer_of, parse_mask

FOLDER = Path(__file__).parent
Rgba = NDArray[np.uint8]
RGB = ("B04", "green", "blue")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("golden")
    landscape.write(folder)
    return folder


def opaque(image: Rgba, drawing: ImageData, archive: Path, grid: Grid) -> None:
    """Opaque everywhere: where the newest scene is cloudy, the older one is drawn."""
    assert (image[..., 3] == 255).all()
    assert len(drawing.report.used) >= 2
    assert not white(image).any()


def cloud_free(image: Rgba, drawing: ImageData, archive: Path, grid: Grid) -> None:
    """Transparent exactly where the classification of the day is cloud."""
    scl = sample(archive / "sentinel-2-l2a" / f"{WEST.name}-{CLOUDY}" / "scl.tif", grid)
    clear = scl.valid & (scl.numbers != 9)
    assert 0.05 < 1 - clear.mean() < 0.9
    assert ((image[..., 3] == 255) == clear)[~scl.on_edge].all()


def cloudy(image: Rgba, drawing: ImageData, archive: Path, grid: Grid) -> None:
    """Without a mask clouds are white, and no pixel is transparent."""
    assert (image[..., 3] == 255).all()
    assert 0.05 < white(image).mean() < 0.9


def north_west_corner(image: Rgba, drawing: ImageData, archive: Path, grid: Grid) -> None:
    """The north-west corner of the MGRS tile: data in the south-east, invalid pixels along the top and the left."""
    visible = image[..., 3] == 255
    assert 0.05 < visible.mean() < 0.9
    assert visible[-1, -1]
    assert not visible[0].any()
    assert not visible[:, 0].any()
    assert (image[~visible] == 0).all()


def seamless(image: Rgba, drawing: ImageData, archive: Path, grid: Grid) -> None:
    """Two MGRS tiles of two zones without a gap: below the slanting top edges each row is one run of valid pixels."""
    assert {scene.mgrs_tile for scene in drawing.report.used} == {WEST.name, EAST.name}
    visible = (image[..., 3] == 255).astype(int)
    assert (np.count_nonzero(np.diff(visible[160:], axis=1), axis=1) == 1).all()
    assert visible.sum(axis=1).max() * grid.transform.a > 8200  # map metres: wider than either MGRS tile


def blue_water(image: Rgba, drawing: ImageData, archive: Path, grid: Grid) -> None:
    """Water has an NDWI above 0.3, land below 0: both ends of the colormap occur."""
    water = np.asarray(drawing.values[0] > 0.3)
    assert 0.02 < water.mean() < 0.5
    assert (image[water, 0] > 180).all()  # viridis ends yellow
    assert (image[drawing.values[0] < -0.4, 2] > 70).all()  # and begins violet
    assert (image[..., 3] == 255).all()


def grey(image: Rgba, drawing: ImageData, archive: Path, grid: Grid) -> None:
    """One band in greys: brighter with higher reflectance."""
    assert (image[..., 0] == image[..., 1]).all()
    assert (image[..., 0] == image[..., 2]).all()
    order = np.argsort(drawing.values[0][drawing.valid])
    assert (np.diff(image[drawing.valid][:, 0][order].astype(int)) >= 0).all()


def classified(image: Rgba, drawing: ImageData, archive: Path, grid: Grid) -> None:
    """The official colours of the scene classes, including clouds."""
    scl = sample(archive / "sentinel-2-l2a" / f"{WEST.name}-{CLOUDY}" / "scl.tif", grid)
    for number in (4, 5, 6, 9):
        visible = scl.valid & ~scl.on_edge & (scl.numbers == number)
        assert visible.any()
        assert (image[visible] == (*BY_NUMBER[number].color, 255)).all()


def three_classes(image: Rgba, drawing: ImageData, archive: Path, grid: Grid) -> None:
    """Three colours, separated at the thresholds."""
    classes = np.digitize(drawing.values[0], np.array([0.1, 0.6], np.float32))
    colors = np.array([(0, 0, 255, 255), (210, 180, 140, 255), (0, 100, 0, 255)])
    assert (image == colors[classes]).all()
    assert set(np.unique(classes)) == {0, 1, 2}


def one_piece(image: Rgba, drawing: ImageData, archive: Path, grid: Grid) -> None:
    """At a low zoom the MGRS tiles are a few pixels, in one piece."""
    visible = image[..., 3] == 255
    rows, cols = visible.any(axis=1).nonzero()[0], visible.any(axis=0).nonzero()[0]
    assert 10 < len(rows) < 60
    assert len(rows) == rows[-1] - rows[0] + 1
    assert len(cols) == cols[-1] - cols[0] + 1


def white(image: Rgba) -> NDArray[np.bool_]:
    return np.asarray((image[..., :3] > 240).all(axis=2), bool)


Check = Callable[[Rgba, ImageData, Path, Grid], None]
IMAGES: dict[str, tuple[Check, Grid, LayerOptions, dict[str, Any]]] = {
    "ndvi": (opaque, tile_over(WEST, 14, 0.5, 0.6), LayerOptions(), {}),
    "ndvi-one-day": (cloud_free, tile_over(WEST, 14, 0.5, 0.6), LayerOptions(), {"interval": parse_interval(CLOUDY)}),
    "true-colour": (opaque, tile_over(WEST, 14, 0.5, 0.6), LayerOptions(bands=RGB), {}),
    "true-colour-unmasked": (
        cloudy,
        tile_over(WEST, 14, 0.5, 0.6),
        LayerOptions(bands=RGB),
        {"mask": parse_mask("none")},
    ),
    "corner": (north_west_corner, tile_over(WEST, 13, 0.0, 0.0), LayerOptions(bands=RGB), {}),
    "seam": (seamless, tile_over(WEST, 12, 0.9, 0.5), LayerOptions(), {}),
    "ndwi-viridis": (
        blue_water,
        tile_over(WEST, 14, 0.5, 0.6),
        LayerOptions(index="ndwi", rescale=((-0.5, 0.5),), colormap_name="viridis"),
        {},
    ),
    "nir-grey": (grey, tile_over(EAST, 13, 0.6, 0.5), LayerOptions(bands=("nir",), rescale=((0.0, 0.5),)), {}),
    "scl": (classified, tile_over(WEST, 14, 0.5, 0.6), LayerOptions(index="scl"), {}),
    "ndvi-classes": (
        three_classes,
        tile_over(WEST, 14, 0.5, 0.6),
        LayerOptions(classes="water:blue,0.1,bare:tan,0.6,green:darkgreen"),
        {},
    ),
    "far": (one_piece, tile_over(WEST, 9), LayerOptions(), {}),
}


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_equals_its_golden_file(name: str, archive: Path, request: pytest.FixtureRequest) -> None:
    check, grid, layer_options, options = IMAGES[name]
    layer = layer_of(layer_options)
    asked = replace(image_request(layer.expression, layer.mask, cloud_cover=100.0), **options)
    drawing = draw_one(archive, grid, asked)
    body = encoders.png(layer.style.image(drawing.values, drawing.valid))
    image = decoded(body)
    assert ((image[..., 3] == 255) == drawing.valid).all()
    check(image, drawing, archive, grid)
    golden = FOLDER / f"{name}.png"
    if request.config.getoption("--bless") and not same_pixels(golden, image):
        golden.write_bytes(body)
    assert golden.exists(), "missing: write it with --bless and review it"
    expected = decoded(golden.read_bytes())
    different = (image != expected).any(axis=2)
    assert not different.any(), f"{np.count_nonzero(different)} pixels differ, first {np.argwhere(different)[0]}"


def test_every_golden_file_has_a_test() -> None:
    assert {path.stem for path in FOLDER.glob("*.png")} == set(IMAGES)


def same_pixels(golden: Path, image: Rgba) -> bool:
    """Whether the file exists and shows the image; how its bytes are compressed does not matter."""
    return golden.exists() and np.array_equal(decoded(golden.read_bytes()), image)


def decoded(body: bytes) -> Rgba:
    with Image.open(io.BytesIO(body)) as file:
        return np.asarray(file.convert("RGBA"))
