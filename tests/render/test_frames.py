"""Encoded animations, decoded by Pillow, against the rendered frames."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from PIL import Image as PILImage

from scog.render.frames import COLORS, Frame, gif, webp, webp_file
from scog.render.image import Image, palette_of
from scog.render.label import label

Pixels = NDArray[np.uint8]
SHAPE = (40, 90)


def gif_file(frames: Sequence[Frame]) -> bytes:
    return b"".join(gif(frames, 120))


def webp_whole(frames: Sequence[Frame]) -> bytes:
    return webp_file(frames, list(webp(frames, 120)))


BOTH = pytest.mark.parametrize("encode", [gif_file, webp_whole], ids=["gif", "webp"])
Encode = Callable[[Sequence[Frame]], bytes]


def decoded(body: bytes) -> Iterator[Pixels]:
    with PILImage.open(io.BytesIO(body)) as image:
        for index in range(image.n_frames):
            image.seek(index)
            image.load()
            assert image.info["duration"] == 120
            assert image.info["loop"] == 0, "for ever"
            yield np.array(image.convert("RGBA"))


def same(one: Pixels, other: Pixels) -> bool:
    """Whether two RGBA images are equal; the colour of transparent pixels is ignored."""
    shown = other[..., 3] > 0
    return bool((one[..., 3] == other[..., 3]).all() and (one[shown] == other[shown]).all())


def noise(seed: int, colors: int) -> Image:
    """A random image that uses every one of `colors` palette colours and has transparent pixels."""
    random = np.random.default_rng(seed)
    palette = np.full((colors, 4), 255, np.uint8)
    palette[:, 0], palette[:, 1] = np.arange(colors), np.arange(colors) // 2
    numbers = random.integers(0, colors + 1, SHAPE).astype(np.uint8)
    numbers.flat[:colors] = np.arange(colors)
    numbers[numbers == colors] = 255
    return Image(numbers, palette_of(palette))


@BOTH
@pytest.mark.parametrize("colors", [1, 100, COLORS])
def test_frames_with_a_palette_are_exact(encode: Encode, colors: int) -> None:
    images = [noise(seed, colors) for seed in (1, 2, 2, 3)]
    result = list(decoded(encode([Frame(image) for image in images])))
    assert len(result) == 4, "equal ones too"
    for image, pixels in zip(images, result, strict=True):
        assert same(pixels, image.rgba)


@BOTH
@pytest.mark.parametrize("colors", [2, COLORS - 2, COLORS])
def test_labels_change_no_other_pixels(encode: Encode, colors: int) -> None:
    image = noise(4, colors)
    (result,) = decoded(encode([Frame(image, "2024-06-12")]))
    written = label("2024-06-12", SHAPE)
    beside = ~(written.ink | written.outline)
    assert same(result * beside[..., np.newaxis], image.rgba * beside[..., np.newaxis])
    ink, outline = result[written.ink], result[written.outline]
    assert len(np.unique(ink, axis=0)) == len(np.unique(outline, axis=0)) == 1
    if colors <= COLORS - 2 or encode is webp_whole:
        assert (ink == 255).all()
        assert (outline == (0, 0, 0, 255)).all()
    else:
        assert ink[0, :3].sum() > outline[0, :3].sum(), "the lightest and the darkest there are"


@BOTH
def test_transparent_pixels_do_not_show_the_previous_frame(encode: Encode) -> None:
    full, empty = np.zeros(SHAPE, np.uint8), np.full(SHAPE, 255, np.uint8)
    palette = palette_of(np.array([[10, 20, 30, 255]], np.uint8))
    result = list(decoded(encode([Frame(Image(full, palette)), Frame(Image(empty, palette))])))
    assert (result[0] == (10, 20, 30, 255)).all()
    assert (result[1][..., 3] == 0).all()


@BOTH
def test_true_colour_frames_are_close_and_do_not_flicker(encode: Encode) -> None:
    down, across = np.mgrid[: SHAPE[0], : SHAPE[1]]
    still = np.stack((down * 6, across * 2, 255 - down * 3, down * 0 + 255), axis=-1).astype(np.uint8)
    moved = still.copy()
    moved[:, 60:, :3] = 200
    moved[:8, :8] = 0
    frames = [Frame(Image(pixels)) for pixels in (still, moved)]
    result = list(decoded(encode(frames)))
    for pixels, exact in zip(result, (still, moved), strict=True):
        assert (pixels[..., 3] == exact[..., 3]).all()
        assert abs(pixels.astype(int) - exact)[exact[..., 3] > 0].mean() < 5
    if encode is gif_file:
        alike = (still == moved).all(axis=-1)
        assert (result[0][alike] == result[1][alike]).all(), "unchanged pixels keep their colour"


def test_gif_alpha_is_thresholded() -> None:
    palette = palette_of(np.array([[1, 2, 3, 127], [4, 5, 6, 128]], np.uint8))
    numbers = (np.indices(SHAPE).sum(axis=0) % 2).astype(np.uint8)
    (result,) = decoded(gif_file([Frame(Image(numbers, palette))]))
    assert (result[numbers == 0, 3] == 0).all()
    assert (result[numbers == 1] == (4, 5, 6, 255)).all()


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_frames_may_have_any_size(data: st.DataObject) -> None:
    shape = data.draw(st.tuples(st.integers(1, 40), st.integers(1, 40)))
    palette = noise(5, 60).palette
    images = [Image(data.draw(arrays(np.uint8, shape)), palette) for _ in range(2)]
    for encode in (gif_file, webp_whole):
        for image, pixels in zip(images, decoded(encode([Frame(each) for each in images])), strict=True):
            assert same(pixels, image.rgba)


# Labels


@pytest.mark.parametrize("shape", [(512, 512), (300, 512), (1024, 700), (64, 64), (512, 40)])
def test_label_text_is_outlined_and_fits(shape: tuple[int, int]) -> None:
    one, other = label("2024-06-12", shape), label("2024-06-13", shape)
    assert one.ink.any()
    assert not (one.ink & one.outline).any()
    drawn = np.pad(one.ink | one.outline, 1, constant_values=True)
    for down, across in ((0, 1), (2, 1), (1, 0), (1, 2)):
        beside = drawn[down : down + shape[0], across : across + shape[1]]
        assert beside[one.ink].all(), "text has an outline"
    if shape[1] >= 64:
        assert not one.outline[:, -1].any(), "it ends within the image"
        assert (one.ink != other.ink).any()
    longest = label("2024-06-01 to 2024-06-30", shape)
    if shape[1] >= 300:
        assert not longest.outline[:, -1].any()


def test_a_label_covers_only_the_lower_left_corner() -> None:
    written = label("2024-06-01 to 2024-06-30", (512, 512))
    rows, columns = (written.ink | written.outline).nonzero()
    assert rows.min() > 512 * 0.9
    assert columns.max() < 512 * 0.7
