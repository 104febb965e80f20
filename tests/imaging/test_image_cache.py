"""Cached images are valid exactly as long as drawing them again would give the same."""

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

HERE, THERE = tile_grid(12, 2184, 1547), tile_grid(12, 2185, 1547)


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
    cache: ImageCache, grid: Grid, request: ImageRequest, seen: Sequence[Observation], *, all_of_them: bool
) -> ImageData:
    """Cache an image of the observations, which are all of those selected or the first ones."""

    async def run() -> ImageData:
        found = Replayable(listed(seen if all_of_them else [*seen, observation(99)]))
        assert await cache.get(grid, request, found, Report()) is None
        read = [await anext(found) for _ in seen]
        if all_of_them:
            assert await anext(found, None) is None
        assert read == list(seen)
        return cache.put(grid, request, found, image(Report(used=[each.scenes[0] for each in seen], unmasked=["S1"])))

    return asyncio.run(run())


def lookup(
    cache: ImageCache, grid: Grid, request: ImageRequest, now: Sequence[Observation]
) -> tuple[ImageData | None, list[Observation]]:
    """The cached image, and on a miss the observations that remain to be read."""

    async def run() -> tuple[ImageData | None, list[Observation]]:
        found, report = Replayable(listed(now)), Report()
        cached = await cache.get(grid, request, found, report)
        assert cached is None or cached.report is report
        return cached, [each async for each in found] if cached is None else []

    return asyncio.run(run())


@given(st.integers(0, 5), st.integers(0, 6), st.booleans(), st.integers(0, 6))
def test_an_entry_is_valid_while_the_same_observations_are_selected(
    count: int, now: int, all_of_them: bool, other: int
) -> None:
    """They are the same first ones, and no more if the image used all. Otherwise the selection is rewound."""
    cache, request = ImageCache(10**9), image_request("red")
    first = cached_after(cache, HERE, request, [observation(n) for n in range(count)], all_of_them=all_of_them)
    found = [observation(n, "2025" if n == other else "2024") for n in range(now)]
    cached, seen = lookup(cache, HERE, request, found)
    same = now == count if all_of_them else now >= count
    if same and other >= count:
        assert cached is not None
        assert cached.values is first.values
        assert cached.valid is first.valid
        assert [scene.id for scene in cached.report.used] == [f"S{n}" for n in range(count)]
        assert cached.report.unmasked == ["S1"]
    else:
        assert cached is None
        assert seen == found


def test_grid_and_request_are_the_key() -> None:
    cache, request, seen = ImageCache(10**9), image_request("red"), [observation(1)]
    cached_after(cache, HERE, request, seen, all_of_them=True)
    assert lookup(cache, HERE, request, seen)[0] is not None
    assert lookup(cache, THERE, request, seen)[0] is None
    assert lookup(cache, HERE, replace(request, cloud_cover=3.0), seen)[0] is None
    assert lookup(cache, HERE, image_request("nir"), seen)[0] is None


def test_a_moved_file_invalidates_an_entry() -> None:
    cache, request = ImageCache(10**9), image_request("red")
    cached_after(cache, HERE, request, [observation(1)], all_of_them=True)
    assert lookup(cache, HERE, request, [observation(1, url="https://x.example/b.tif")])[0] is None


def test_partial_images_are_not_cached() -> None:
    request, seen = image_request("red"), [observation(1)]
    for report in (Report(skipped={"S1": "http-404"}), Report(incomplete="deadline")):
        cache = ImageCache(10**9)

        async def draw(cache: ImageCache = cache, report: Report = report) -> ImageData:
            found = Replayable(listed(seen))
            await anext(found)
            return cache.put(HERE, request, found, image(report))

        drawn = asyncio.run(draw())
        assert lookup(cache, HERE, request, seen)[0] is None
        cache.put_encoded(drawn, "png", encoded_image(b"bytes"))
        assert cache.get_encoded(drawn, "png") is None


def test_entries_expire_after_an_hour() -> None:
    now = [0.0]
    cache, request, seen = ImageCache(10**9, clock=lambda: now[0]), image_request("red"), [observation(1)]
    cached_after(cache, HERE, request, seen, all_of_them=True)
    now[0] = MAX_AGE
    assert lookup(cache, HERE, request, seen)[0] is not None
    now[0] = MAX_AGE + 1
    assert lookup(cache, HERE, request, seen)[0] is None


def test_an_encoded_image_belongs_to_one_image_and_encoding() -> None:
    cache, request = ImageCache(10**9), image_request("red")
    first = cached_after(cache, HERE, request, [observation(1)], all_of_them=True)
    cache.put_encoded(first, "png", encoded_image(b"bytes"))
    cached, _ = lookup(cache, HERE, request, [observation(1)])
    assert cached is not None
    assert cache.get_encoded(cached, "png") == encoded_image(b"bytes")
    assert cache.get_encoded(cached, "webp") is None
    newer = cached_after(cache, HERE, replace(request, cloud_cover=1.0), [observation(1)], all_of_them=True)
    assert cache.get_encoded(newer, "png") is None


def test_bounded_in_bytes() -> None:
    size = image().values.nbytes + image().valid.nbytes
    cache, request, seen = ImageCache(3 * size), image_request("red"), [observation(1)]
    places = [tile_grid(12, 2184 + n, 1547) for n in range(3)]
    for place in places:
        cached_after(cache, place, request, seen, all_of_them=True)
    assert [lookup(cache, place, request, seen)[0] is not None for place in places] == [False, True, True]


def test_cached_arrays_are_read_only() -> None:
    first = cached_after(ImageCache(10**9), HERE, image_request("red"), [observation(1)], all_of_them=True)
    assert not first.values.flags.writeable
    assert not first.valid.flags.writeable
