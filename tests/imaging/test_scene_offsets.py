"""Offsets of scenes: which are stated, requested or estimated, and what an estimate costs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rasterio.io import MemoryFile

from scog.catalog.assets import Asset
from scog.cog.header_store import HeaderStore
from scog.collections.reflectance_offset import SAMPLED_BANDS, SCALE, SHIFT, StatedOffset
from scog.errors import SourceError
from scog.imaging.report import Report
from scog.imaging.scene_offsets import ESTIMATED, SceneOffsets, UsedOffset
from scog.net.policy import UpstreamStats
from scog.warp.workbench import Workbench
from tests.doubles import range_server as does
from tests.doubles.archives import write_cog
from tests.doubles.range_server import RangeServer
from tests.doubles.reading import reading, run

SIZE = 1400
UNRELIABLE = StatedOffset(None, "unreliable", SHIFT)
CLEAR = StatedOffset(0.0, "flag", 0.0)


def band_file(folder: Path, dark: int, resampling: str = "nearest", size: int = SIZE) -> bytes:
    """A COG of random numbers that are up to `dark` in every second stripe of 100 m."""
    numbers = np.random.default_rng(dark).integers(2000, 4000, (size, size), np.uint16)
    numbers[:, (np.arange(size) // 10) % 2 == 0] = dark
    path = folder / "band.tif"
    write_cog(path, numbers, "EPSG:32632", 600_000, 5_100_000, 10, resampling)
    return path.read_bytes()


def put_scene(server: RangeServer, file: bytes, stated: StatedOffset | None, bands: tuple[str, ...]) -> Any:
    assets = {
        band: Asset(
            server.put(f"/{band}.tif", file), SCALE, stated.offset if stated else None, 0.0, stated_offset=stated
        )
        for band in bands
    }
    return SimpleNamespace(id="scene", assets=assets)


@asynccontextmanager
async def opened(
    server: RangeServer, assumed: float | None = None, store: HeaderStore | None = None
) -> AsyncIterator[SceneOffsets]:
    with ThreadPoolExecutor(2) as cpu:
        async with reading(server.host, store=store) as reader:
            yield SceneOffsets(reader, Workbench(cpu), assumed)


async def offset_of(offsets: SceneOffsets, scene: Any, choice: Any = None, tally: Any = None) -> UsedOffset:
    [used] = await offsets.of(scene, [next(iter(scene.assets.values()))], choice, tally or UpstreamStats())
    return used


@pytest.mark.parametrize(("dark", "offset"), [(200, 0.0), (1100, SHIFT)])
def test_an_estimate_reads_two_ranges_of_each_band_once(tmp_path: Path, dark: int, offset: float) -> None:
    file = band_file(tmp_path, dark)

    async def work() -> None:
        with RangeServer() as server:
            scene = put_scene(server, file, UNRELIABLE, (*SAMPLED_BANDS, "nir09", "scl"))
            async with opened(server, store=HeaderStore(tmp_path)) as offsets:
                tally = UpstreamStats()
                results = await asyncio.gather(*(offset_of(offsets, scene, tally=tally) for _ in range(20)))
                assert {*results} == {UsedOffset(offset, ESTIMATED, is_guess=True)}
                assert len(server.requests) <= 2 * len(SAMPLED_BANDS)
                assert {received.path for received in server.requests} == {f"/{band}.tif" for band in SAMPLED_BANDS}
                sizes = [last - first + 1 for first, last in server.ranges if last is not None]
                assert sum(sizes) <= len(SAMPLED_BANDS) * (16_384 + 2 * 175 * 175)
                assert tally.requests == len(server.requests)
                before = len(server.requests)
                await offset_of(offsets, scene)
                assert len(server.requests) == before
            async with opened(server, store=HeaderStore(tmp_path)) as offsets:  # after a restart
                assert (await offset_of(offsets, scene)).offset == offset
                assert len(server.requests) == before

    run(work())


def test_a_file_without_overviews_is_sampled_in_four_blocks(tmp_path: Path) -> None:
    file = band_file(tmp_path, 200)
    with MemoryFile(file) as memory, memory.open() as source:
        profile = source.profile | {"driver": "GTiff"}
        with MemoryFile() as plain:
            with plain.open(**profile) as target:
                target.write(source.read())
            file = plain.read()

    async def work() -> None:
        with RangeServer() as server:
            scene = put_scene(server, file, UNRELIABLE, ("red", "nir", "blue"))
            async with opened(server) as offsets:
                assert (await offset_of(offsets, scene)).offset == 0.0
                # Header, and four blocks of 256 x 256 with what lies between the blocks of a row.
                assert sum(last - first + 1 for first, last in server.ranges if last) < 3 * 0.6 * len(file)

    run(work())


def test_an_undecided_estimate_is_stored_and_falls_back_to_the_item(tmp_path: Path) -> None:
    file = band_file(tmp_path, 2500)

    async def work() -> None:
        with RangeServer() as server:
            bands = ("blue", "red", "nir")
            unreliable = put_scene(server, file, UNRELIABLE, bands)
            silent = put_scene(server, file, StatedOffset(None, "silent", 0.0), bands)
            clear = put_scene(server, file, CLEAR, bands)
            async with opened(server, store=HeaderStore(tmp_path)) as offsets:
                used = await offset_of(offsets, unreliable)
                assert used == UsedOffset(SHIFT, "pixels cannot tell; as the item states", is_guess=True)
            async with opened(server, store=HeaderStore(tmp_path)) as offsets:
                before = len(server.requests)
                used = await offset_of(offsets, silent)
                assert used == UsedOffset(0.0, "pixels cannot tell; default", is_guess=True)
                assert (await offset_of(offsets, clear, "detect")).offset == 0.0
                assert len(server.requests) == before

    run(work())


def test_stated_requested_and_assumed_offsets_read_nothing() -> None:
    async def work() -> None:
        with RangeServer() as server:
            unreliable = put_scene(server, b"", UNRELIABLE, ("red",))
            clear = put_scene(server, b"", CLEAR, ("red",))
            other = SimpleNamespace(id="other", assets={"red": Asset("http://h/a.tif", 2.0, 5.0)})
            async with opened(server, assumed=SHIFT) as offsets:
                assert await offset_of(offsets, unreliable) == UsedOffset(
                    SHIFT, "assumed by SCOG_AMBIGUOUS_OFFSET", is_guess=True
                )
                assert await offset_of(offsets, clear) == UsedOffset(0.0, "flag")
                for scene in (unreliable, clear):
                    assert await offset_of(offsets, scene, -0.05) == UsedOffset(-0.05, "requested")
                for choice in (None, -0.05, "detect"):  # of another collection
                    assert await offset_of(offsets, other, choice) == UsedOffset(5.0, "metadata")
            assert not server.requests

    run(work())


def test_bands_that_are_missing_or_broken_for_good_are_left_out(tmp_path: Path) -> None:
    file = band_file(tmp_path, 200)

    async def work() -> None:
        with RangeServer() as server:
            scene = put_scene(server, file, UNRELIABLE, SAMPLED_BANDS)
            for band in ("coastal", "green"):
                scene.assets[band] = Asset(f"{scene.assets[band].url}.absent", SCALE, None, 0.0)
            async with opened(server) as offsets:
                used = await offset_of(offsets, SimpleNamespace(id="scene", assets={"red": scene.assets["red"]}))
                assert used.is_guess
            async with opened(server) as offsets:
                assert (await offset_of(offsets, scene)).offset == 0.0

    run(work())


def test_an_unreachable_band_is_an_error_instead_of_another_guess(tmp_path: Path) -> None:
    file = band_file(tmp_path, 200)

    async def work() -> None:
        with RangeServer() as server:
            scene = put_scene(server, file, UNRELIABLE, ("red", "blue", "nir"))
            server.fail("/blue.tif", always=does.status(503))
            async with opened(server) as offsets:
                with pytest.raises(SourceError):
                    await offset_of(offsets, scene)

    run(work())


# Reports


def lines(used: list[str], guesses: Mapping[str, UsedOffset]) -> list[str]:
    scenes: list[Any] = [SimpleNamespace(id=name) for name in used]
    return Report(used=scenes, guessed_offsets=dict(guesses)).offset_lines()


def test_reports_list_scenes_where_guesses_differ() -> None:
    shifted, corrected = UsedOffset(-0.1, ESTIMATED, is_guess=True), UsedOffset(0.0, ESTIMATED, is_guess=True)
    assert lines(["A", "B"], {}) == []
    assert lines(["A", "B"], {"A": shifted, "B": shifted}) == ["-0.1 (estimated from pixels)"]
    assert lines(["A", "B"], {"A": shifted}) == ["A: -0.1 (estimated from pixels)"]
    assert lines(["A"], {"A": shifted, "B": corrected}) == ["-0.1 (estimated from pixels)"]  # B is not shown
    assert lines(["A", "B"], {"A": shifted, "B": corrected}) == [
        "A: -0.1 (estimated from pixels)", "B: 0 (estimated from pixels)",
    ]  # fmt: skip
