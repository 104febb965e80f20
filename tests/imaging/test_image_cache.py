"""A cached image is valid exactly as long as drawing it again gives the same image."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from scog.catalog.assets import Asset
from scog.catalog.observation import Observation
from scog.catalog.scene import Scene
from scog.geo.grid import Grid, tile_grid
from scog.imaging.image_cache import MAX_AGE, ImageCache, Replayable, encoded_image
from scog.imaging.report import Report
from scog.imaging.request import ImageData, ImageRequest
from tests.doubles.drawing import image_request

TILE, OTHER_TILE = tile_grid(12, 2184, 1547), tile_grid(12, 2185, 1547)


def observation(number: int, generated: str = "2024", url: str = "https://x.example/a.tif") -> Observation:
    scene = Scene(
        id=f"S{number}", collection="c", time=datetime(2024, 6, 1, tzinfo=UTC) - timedelta(days=number), platform="a",
        mgrs_tile="32TQS", cloud_cover=1.0, footprint=(), orbit=str(number), acquisition_key=None,
        processed_at=generated, assets=MappingProxyType({"red": Asset(url, 0.0001, 0.0, 0)}),
    )  # fmt: skip
    return Observation(scene.time, (scene,))


async def listed(observations: Sequence[Observation]) -> AsyncIterator[Observation]:
    for each in observations:
        yield each


def image(report: Report | None = None) -> ImageData:
    return ImageData(np.ones((1, 256, 256), np.float32), np.ones((256, 256), bool), report or Report())


def cached_after(
    cache: ImageCache, grid: Grid, request: ImageRequest, observations: Sequence[Observation], *, used_all: bool
) -> ImageData:
    """Cache an image of the observations: of all selected ones if `used_all`, else of the first ones."""

    async def run() -> ImageData:
        selection = Replayable(listed(observations if used_all else [*observations, observation(99)]))
        assert await cache.get(grid, request, selection, Report()) is None
        read = [await anext(selection) for _ in observations]
        if used_all:
            assert await anext(selection, None) is None
        assert read == list(observations)
        return cache.put(
            grid,
            request,
            selection,
            image(Report(used=[each.scenes[0] for each in observations], unmasked={"S1": ("scl",)})),
        )

    return asyncio.run(run())


def lookup(
    cache: ImageCache, grid: Grid, request: ImageRequest, now: Sequence[Observation]
) -> tuple[ImageData | None, list[Observation]]:
    """The cached image, and on a miss the observations that remain to be read."""

    async def run() -> tuple[ImageData | None, list[Observation]]:
        selection, report = Replayable(listed(now)), Report()
        cached = await cache.get(grid, request, selection, report)
        assert cached is None or cached.report is report
        return cached, [each async for each in selection] if cached is None else []

    return asyncio.run(run())


@given(st.integers(0, 5), st.integers(0, 6), st.booleans(), st.integers(0, 6))
def test_an_entry_is_valid_while_the_same_observations_are_selected(
    count: int, now: int, used_all: bool, other: int
) -> None:
    """The observations it used come first again, and if it used all, there are no others. A miss rewinds them."""
    cache, request = ImageCache(10**9), image_request("red")
    first = cached_after(cache, TILE, request, [observation(n) for n in range(count)], used_all=used_all)
    selection = [observation(n, "2025" if n == other else "2024") for n in range(now)]
    cached, observations = lookup(cache, TILE, request, selection)
    is_same_selection = now == count if used_all else now >= count
    if is_same_selection and other >= count:
        assert cached is not None
        assert cached.values is first.values
        assert cached.valid is first.valid
        assert [scene.id for scene in cached.report.used] == [f"S{n}" for n in range(count)]
        assert cached.report.unmasked == {"S1": ("scl",)}
    else:
        assert cached is None
        assert observations == selection


def test_grid_and_request_are_the_key() -> None:
    cache, request, observations = ImageCache(10**9), image_request("red"), [observation(1)]
    cached_after(cache, TILE, request, observations, used_all=True)
    assert lookup(cache, TILE, request, observations)[0] is not None
    assert lookup(cache, OTHER_TILE, request, observations)[0] is None
    assert lookup(cache, TILE, replace(request, cloud_cover=3.0), observations)[0] is None
    assert lookup(cache, TILE, image_request("nir"), observations)[0] is None


def test_a_moved_file_invalidates_an_entry() -> None:
    cache, request = ImageCache(10**9), image_request("red")
    cached_after(cache, TILE, request, [observation(1)], used_all=True)
    assert lookup(cache, TILE, request, [observation(1, url="https://x.example/b.tif")])[0] is None


def test_partial_images_are_not_cached() -> None:
    request, observations = image_request("red"), [observation(1)]
    for report in (Report(skipped={"S1": "http-404"}), Report(incomplete="deadline")):
        cache = ImageCache(10**9)

        async def draw(cache: ImageCache = cache, report: Report = report) -> ImageData:
            selection = Replayable(listed(observations))
            await anext(selection)
            return cache.put(TILE, request, selection, image(report))

        drawn = asyncio.run(draw())
        assert lookup(cache, TILE, request, observations)[0] is None
        cache.put_encoded(drawn, "png", encoded_image(b"bytes"))
        assert cache.get_encoded(drawn, "png") is None


def test_entries_expire_after_an_hour() -> None:
    now = [0.0]
    cache, request, observations = ImageCache(10**9, clock=lambda: now[0]), image_request("red"), [observation(1)]
    cached_after(cache, TILE, request, observations, used_all=True)
    now[0] = MAX_AGE
    assert lookup(cache, TILE, request, observations)[0] is not None
    now[0] = MAX_AGE + 1
    assert lookup(cache, TILE, request, observations)[0] is None


def test_an_encoded_image_belongs_to_one_image_and_encoding() -> None:
    cache, request = ImageCache(10**9), image_request("red")
    first = cached_after(cache, TILE, request, [observation(1)], used_all=True)
    cache.put_encoded(first, "png", encoded_image(b"bytes"))
    cached, _ = lookup(cache, TILE, request, [observation(1)])
    assert cached is not None
    assert cache.get_encoded(cached, "png") == encoded_image(b"bytes")
    assert cache.get_encoded(cached, "webp") is None
    newer = cached_after(cache, TILE, replace(request, cloud_cover=1.0), [observation(1)], used_all=True)
    assert cache.get_encoded(newer, "png") is None


def test_the_cache_is_bounded_in_bytes() -> None:
    size = image().values.nbytes + image().valid.nbytes
    cache, request, observations = ImageCache(3 * size), image_request("red"), [observation(1)]
    places = [tile_grid(12, 2184 + n, 1547) for n in range(3)]
    for place in places:
        cached_after(cache, place, request, observations, used_all=True)
    assert [lookup(cache, place, request, observations)[0] is not None for place in places] == [False, True, True]


def test_cached_arrays_are_read_only() -> None:
    first = cached_after(ImageCache(10**9), TILE, image_request("red"), [observation(1)], used_all=True)
    assert not first.values.flags.writeable
    assert not first.valid.flags.writeable
