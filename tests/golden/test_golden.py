"""Pictures as they should look. `pytest --bless` writes new ones; look at them before they are kept.

Beside each picture stands what must hold for it whatever it looks like.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from scog.collections.scene_classification import BY_NUMBER
from scog.composite.mask import parse_mask
from scog.geo.grid import Grid
from scog.imaging.draw import ImageData, ImageRequest
from scog.render import encoders
from scog.render.layer import LayerOptions, layer_of
from scog.temporal.intervals import parse_interval
from tests.doubles.archives import sample
from tests.doubles.drawing import draw_one, tile_over
from tests.golden import landscape
from tests.golden.landscape import CLOUDY, EAST, WEST

HERE = Path(__file__).parent
Rgba = NDArray[np.uint8]
RGB = ("B04", "green", "blue")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("golden")
    landscape.write(folder)
    return folder


def opaque(picture: Rgba, drawing: ImageData, archive: Path, grid: Grid) -> None:
    """All is seen: where the newest is cloudy, the older one shows."""
    assert (picture[..., 3] == 255).all()
    assert len(drawing.report.used) >= 2
    assert not white(picture).any()


def cloud_free(picture: Rgba, drawing: ImageData, archive: Path, grid: Grid) -> None:
    """Transparent exactly where the one day's classification says cloud."""
    scl = sample(archive / "sentinel-2-l2a" / f"{WEST.name}-{CLOUDY}" / "scl.tif", grid)
    clear = scl.valid & (scl.numbers != 9)
    assert 0.05 < 1 - clear.mean() < 0.9
    assert ((picture[..., 3] == 255) == clear)[~scl.on_edge].all()


def cloudy(picture: Rgba, drawing: ImageData, archive: Path, grid: Grid) -> None:
    """Without a mask clouds are white, and nothing is missing."""
    assert (picture[..., 3] == 255).all()
    assert 0.05 < white(picture).mean() < 0.9


def part(picture: Rgba, drawing: ImageData, archive: Path, grid: Grid) -> None:
    """The square's north-west corner: data in the south-east, one edge down and one across."""
    seen = picture[..., 3] == 255
    assert 0.05 < seen.mean() < 0.9
    assert seen[-1, -1]
    assert not seen[0].any()
    assert not seen[:, 0].any()
    assert (picture[~seen] == 0).all()


def seamless(picture: Rgba, drawing: ImageData, archive: Path, grid: Grid) -> None:
    """Two squares of two zones, and no gap between them: below their slanting tops each row is seen in one piece."""
    assert {scene.mgrs_tile for scene in drawing.report.used} == {WEST.name, EAST.name}
    seen = (picture[..., 3] == 255).astype(int)
    assert (np.count_nonzero(np.diff(seen[160:], axis=1), axis=1) == 1).all()
    assert seen.sum(axis=1).max() * grid.transform.a > 8200  # metres of the map: wider than either square


def blue_water(picture: Rgba, drawing: ImageData, archive: Path, grid: Grid) -> None:
    """Water has an NDWI above 0.3, land below 0: the two ends of the range."""
    water = np.asarray(drawing.values[0] > 0.3)
    assert 0.02 < water.mean() < 0.5
    assert (picture[water, 0] > 180).all()  # viridis ends yellow
    assert (picture[drawing.values[0] < -0.4, 2] > 70).all()  # and begins violet
    assert (picture[..., 3] == 255).all()


def grey(picture: Rgba, drawing: ImageData, archive: Path, grid: Grid) -> None:
    """One band in greys: the more it reflects, the lighter."""
    assert (picture[..., 0] == picture[..., 1]).all()
    assert (picture[..., 0] == picture[..., 2]).all()
    order = np.argsort(drawing.values[0][drawing.valid])
    assert (np.diff(picture[drawing.valid][:, 0][order].astype(int)) >= 0).all()


def classified(picture: Rgba, drawing: ImageData, archive: Path, grid: Grid) -> None:
    """The official colours of what the classification says, clouds and all."""
    scl = sample(archive / "sentinel-2-l2a" / f"{WEST.name}-{CLOUDY}" / "scl.tif", grid)
    for number in (4, 5, 6, 9):
        seen = scl.valid & ~scl.on_edge & (scl.numbers == number)
        assert seen.any()
        assert (picture[seen] == (*BY_NUMBER[number].color, 255)).all()


def three_classes(picture: Rgba, drawing: ImageData, archive: Path, grid: Grid) -> None:
    """Three colours, parted at the thresholds."""
    parted = np.digitize(drawing.values[0], np.array([0.1, 0.6], np.float32))
    colors = np.array([(0, 0, 255, 255), (210, 180, 140, 255), (0, 100, 0, 255)])
    assert (picture == colors[parted]).all()
    assert set(np.unique(parted)) == {0, 1, 2}


def small(picture: Rgba, drawing: ImageData, archive: Path, grid: Grid) -> None:
    """Far out the squares are a few pixels, in one piece."""
    seen = picture[..., 3] == 255
    rows, cols = seen.any(axis=1).nonzero()[0], seen.any(axis=0).nonzero()[0]
    assert 10 < len(rows) < 60
    assert len(rows) == rows[-1] - rows[0] + 1
    assert len(cols) == cols[-1] - cols[0] + 1


def white(picture: Rgba) -> NDArray[np.bool_]:
    return np.asarray((picture[..., :3] > 240).all(axis=2), bool)


Check = Callable[[Rgba, ImageData, Path, Grid], None]
PICTURES: dict[str, tuple[Check, Grid, LayerOptions, dict[str, Any]]] = {
    "ndvi": (opaque, tile_over(WEST, 14, 0.5, 0.6), LayerOptions(), {}),
    "ndvi-one-day": (cloud_free, tile_over(WEST, 14, 0.5, 0.6), LayerOptions(), {"interval": parse_interval(CLOUDY)}),
    "true-colour": (opaque, tile_over(WEST, 14, 0.5, 0.6), LayerOptions(bands=RGB), {}),
    "true-colour-unmasked": (
        cloudy,
        tile_over(WEST, 14, 0.5, 0.6),
        LayerOptions(bands=RGB),
        {"mask": parse_mask("none")},
    ),
    "corner": (part, tile_over(WEST, 13, 0.0, 0.0), LayerOptions(bands=RGB), {}),
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
    "far": (small, tile_over(WEST, 9), LayerOptions(), {}),
}


@pytest.mark.parametrize("name", PICTURES)
def test_picture(name: str, archive: Path, request: pytest.FixtureRequest) -> None:
    check, grid, look, asked = PICTURES[name]
    shown = layer_of(look)
    ask = ImageRequest(
        **{"expression": shown.expression, "mask": parse_mask(shown.mask), "cloud_cover": 100.0, **asked}
    )
    drawing = draw_one(archive, grid, ask)
    body = encoders.png(shown.style.image(drawing.values, drawing.valid))
    picture = decoded(body)
    assert ((picture[..., 3] == 255) == drawing.valid).all()
    check(picture, drawing, archive, grid)
    golden = HERE / f"{name}.png"
    if request.config.getoption("--bless") and not same_pixels(golden, picture):
        golden.write_bytes(body)
    assert golden.exists(), "not there yet: look at what --bless writes"
    expected = decoded(golden.read_bytes())
    different = (picture != expected).any(axis=2)
    assert not different.any(), f"{np.count_nonzero(different)} pixels differ, first {np.argwhere(different)[0]}"


def test_no_golden_picture_is_left_over() -> None:
    assert {path.stem for path in HERE.glob("*.png")} == set(PICTURES)


def same_pixels(golden: Path, picture: Rgba) -> bool:
    """Whether the file exists and shows the image; how its bytes are compressed does not matter."""
    return golden.exists() and np.array_equal(decoded(golden.read_bytes()), picture)


def decoded(body: bytes) -> Rgba:
    with Image.open(io.BytesIO(body)) as image:
        return np.asarray(image.convert("RGBA"))
