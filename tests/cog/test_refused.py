"""Files that scog refuses: before they take memory, and whatever their names or signatures are."""

from __future__ import annotations

import struct
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.io import MemoryFile

from scog.cog.header_template import template_of
from scog.cog.ifd import NotTiff, OddPages, walk
from scog.cog.metadata import FileMetadata
from scog.errors import AssetBroken, AssetRefused, SourceError
from scog.net.policy import UpstreamStats
from scog.runtime.memory_budget import MemoryBudget
from tests.doubles.range_server import RangeServer
from tests.doubles.rasters import CRS, TRANSFORM, encoded, raster
from tests.doubles.reading import every_block, read_level, reading, run, save

pytestmark = pytest.mark.usefixtures("transport_slowly")


def tiff(width: int = 64, height: int = 64, dtype: str = "uint16", count: int = 1, **how: Any) -> bytes:
    """A GeoTIFF whose pixels were never written."""
    profile = {"crs": CRS, "transform": TRANSFORM, "SPARSE_OK": True} | how
    with MemoryFile() as memory:
        with memory.open(driver="GTiff", width=width, height=height, count=count, dtype=dtype, **profile):
            pass
        return bytes(memory.getbuffer())


def tiled(side: int, **how: Any) -> dict[str, Any]:
    return {"tiled": True, "blockxsize": side, "blockysize": side, "compress": "DEFLATE"} | how


def opened(data: bytes, folder: Path | None = None) -> FileMetadata:
    """Describe a file and read one block, over HTTP or from a folder."""

    async def work() -> FileMetadata:
        with RangeServer() as server:
            url = server.put("/a.tif", data) if folder is None else save(folder, "a.tif", data)
            async with reading(server.host, folder=folder) as reader:
                description = await reader.describe(url, UpstreamStats())
                await reader.blocks(url, description, len(description.levels) - 1, [(0, 0)], UpstreamStats())
                return description

    return run(work())


REFUSED = {
    "block of 512 MB": (lambda: tiff(16384, 16384, **tiled(16384)), "block-too-large"),
    "strip of 512 MB": (lambda: tiff(16384, 16384, blockysize=16384, compress="DEFLATE"), "block-too-large"),
    "block of 512 MB in an overview": (lambda: _large_overview(), "block-too-large"),
    "block of many bands": (lambda: tiff(512, 512, count=500, interleave="pixel", **tiled(512)), "block-too-large"),
    "strips of 512 MB": (lambda: tiff(16384, 18000, blockysize=16384), "block-too-large"),
    "60000 x 60000 without overviews": (lambda: tiff(60_000, 60_000, **tiled(512)), "too-large"),
    "one row of 60000": (lambda: tiff(60_000, 1), "too-large"),
    "many blocks": (lambda: tiff(8_000, 8_000, **tiled(16)), "too-many-blocks"),
    "not on the Earth": (lambda: tiff(crs='LOCAL_CS["somewhere",UNIT["metre",1]]'), "no-crs"),
    "complex pixels": (lambda: tiff(dtype="complex64"), "pixel-type"),
    "complex pixels of whole numbers": (lambda: tiff(dtype="complex_int16"), "pixel-type"),
}


def _large_overview() -> bytes:
    """An image in small blocks whose overview has one large block."""
    data = bytearray(raster("uint16"))
    directories = walk(bytes(data))
    assert len(directories.images) == 3
    at = 0
    for _ in range(2):  # the second directory's tags
        at = struct.unpack_from("<I", data, at + (2 + 12 * struct.unpack_from("<H", data, at)[0] if at else 4))[0]
    for entry in range(at + 2, at + 2 + 12 * struct.unpack_from("<H", data, at)[0], 12):
        if struct.unpack_from("<H", data, entry)[0] in (322, 323):
            struct.pack_into("<HIHH", data, entry + 2, 3, 1, 16384, 0)
    return bytes(data)


@pytest.mark.parametrize("kind", REFUSED)
def test_files_are_refused_before_they_take_memory(kind: str) -> None:
    make, reason = REFUSED[kind]
    data = make()
    tracemalloc.start()
    try:
        with pytest.raises(AssetRefused) as refused:
            opened(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert refused.value.reason == reason
    assert peak < 40_000_000


def test_a_degenerate_transform_is_refused() -> None:
    data = raster("uint16")
    scale = struct.pack("<3d", 10.0, 10.0, 0.0)
    assert data.count(scale) == 1
    for x, y in ((0.0, 10.0), (0.0, 0.0), (float("nan"), 10.0), (float("inf"), 10.0)):
        with pytest.raises(AssetRefused) as refused:
            opened(data.replace(scale, struct.pack("<3d", x, y, 0.0)))
        assert refused.value.reason == "no-crs"


def test_a_large_local_raster_is_opened_but_not_read_at_once(tmp_path: Path) -> None:
    description = opened(tiff(60_000, 60_000, **tiled(512)), tmp_path)
    blocks = every_block(description)

    async def work() -> None:
        with pytest.raises(AssetRefused) as refused:
            async with MemoryBudget(512_000_000).hold(len(blocks) * description.block_bytes(0)):
                raise AssertionError
        assert refused.value.reason == "too-much-memory"

    run(work())


def test_empty_blocks_share_their_memory() -> None:
    async def work() -> None:
        with RangeServer() as server:
            url = server.put("/a.tif", tiff(16_384, 16_384, **tiled(1024)))
            async with reading(server.host) as reader:
                description = await reader.describe(url, UpstreamStats())
                tracemalloc.start()
                try:
                    blocks = await reader.blocks(url, description, 0, every_block(description), UpstreamStats())
                    assert len(blocks) == 256  # of 2 MB each
                    assert tracemalloc.get_traced_memory()[1] < 20_000_000
                finally:
                    tracemalloc.stop()

    run(work())


# Other formats


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A raster on this machine that must not be served."""
    path = tmp_path / "secret.tif"
    path.write_bytes(raster("uint16"))
    return path


def disguises(secret: Path) -> dict[str, bytes]:
    vrt = f"""<VRTDataset rasterXSize="64" rasterYSize="64"><SRS>{CRS}</SRS>
        <GeoTransform>600000, 10, 0, 5100000, 0, -10</GeoTransform><VRTRasterBand dataType="UInt16" band="1">
        <SimpleSource><SourceFilename relativeToVRT="0">{secret}</SourceFilename><SourceBand>1</SourceBand>
        </SimpleSource></VRTRasterBand></VRTDataset>"""
    with MemoryFile() as memory:
        with memory.open(driver="PNG", width=8, height=8, count=1, dtype="uint8") as dataset:
            dataset.write(encoded(8, 8, "uint8"), 1)
        png = bytes(memory.getbuffer())
    return {
        "VRT": vrt.encode(),
        "VRT behind a TIFF signature": b"II*\0\x08\0\0\0" + vrt.encode(),
        "VRT behind BigTIFF's": b"II+\0\x08\0\0\0" + vrt.encode(),
        "WMS": b"<GDAL_WMS><Service name='TMS'><ServerUrl>http://127.0.0.1/</ServerUrl></Service></GDAL_WMS>",
        "path": str(secret).encode(),
        "special path": f"/vsizip/{secret}".encode(),
        "GTI": f"<GDALTileIndexDataset><IndexDataset>{secret}</IndexDataset></GDALTileIndexDataset>".encode(),
        "PNG": png,
        "page": b"<!DOCTYPE html><html></html>",
        "nothing": b"",
        "zeros": bytes(100_000),
        "signature": b"II*\0",
        "MM signature": b"MM\0*\0\0\0\x08",
    }


def test_other_formats_are_not_opened_under_any_name(secret: Path) -> None:
    for name, data in disguises(secret).items():
        for folder in (None, secret.parent):
            with pytest.raises(AssetBroken) as broken:
                opened(data, folder)
            assert broken.value.reason in ("not-a-tiff", "not-a-geotiff", "broken-header", "cut-off"), name


def test_sidecar_files_are_ignored(tmp_path: Path) -> None:
    """GDAL would take overviews and georeferencing from them."""
    (tmp_path / "a.tif.aux.xml").write_text("<PAMDataset><SRS>EPSG:4326</SRS></PAMDataset>")
    (tmp_path / "a.tfw").write_text("1\n0\n0\n-1\n0\n0\n")
    (tmp_path / "a.tif.ovr").write_bytes(raster("uint16"))
    for kind, levels in (("no overviews", 1), ("striped, uncompressed", 1)):
        description = opened(raster(kind), tmp_path)
        assert len(description.levels) == levels
        assert description.levels[0].grid.crs == CRS
        assert description.levels[0].grid.transform == TRANSFORM


# Any bytes at all


def refused_or_described(data: bytes) -> None:
    """Any bytes raise a SourceError or give metadata within the limits."""
    try:
        directories = walk(data)
        if directories.needed > len(data):
            return
        description = template_of(data, directories).describe(data, "")
    except (NotTiff, OddPages, SourceError):
        return
    for level in range(len(description.levels)):
        assert 0 < description.block_bytes(level) <= 64_000_000
        assert description.levels[level].working_bytes <= 512_000_000
        assert max(description.levels[level].grid.shape) <= 20_000
        assert np.isfinite(description.levels[level].grid.resolution)


@given(st.binary(max_size=400))
@settings(max_examples=150, deadline=None)
def test_any_bytes(data: bytes) -> None:
    for signature in (b"", b"II*\0", b"MM\0*", b"II+\0\x08\0\0\0"):
        refused_or_described(signature + data)


@pytest.mark.parametrize("kind", ["uint16", "BigTIFF", "big-endian", "mask", "three bands", "striped"])
def test_any_corrupted_header(kind: str) -> None:
    """Bytes of the directories are overwritten, in one or several places."""
    data = raster(kind)
    header = data[: walk(data).needed]
    chance = np.random.default_rng(5)
    for _ in range(120):
        damaged = bytearray(header)
        for _ in range(chance.integers(1, 4)):
            at = int(chance.integers(0, min(len(header), 1600)))
            damaged[at : at + 4] = chance.choice(
                [b"\0\0\0\0", b"\xff\xff\xff\xff", chance.bytes(4), b"\x01\0\0\0", b"\xff\xff\xff\x7f"]  # type: ignore[list-item]
            )[: len(header) - at]
        refused_or_described(bytes(damaged))


@given(st.binary(max_size=300), st.integers(0, 300))
def test_the_walk_ends_on_any_bytes(data: bytes, first: int) -> None:
    for start in (struct.pack("<2sHI", b"II", 42, first), struct.pack(">2sHHHQ", b"MM", 43, 8, 0, first)):
        try:
            found = walk(start + data)
        except (NotTiff, OddPages):
            continue
        assert found.needed >= 0


def test_directories_that_form_a_loop() -> None:
    data = bytearray(raster("no overviews"))
    at = struct.unpack_from("<I", data, 4)[0]
    end = at + 2 + 12 * struct.unpack_from("<H", data, at)[0]
    assert struct.unpack_from("<I", data, end)[0] == 0
    struct.pack_into("<I", data, end, at)
    with pytest.raises(AssetBroken) as broken:
        opened(bytes(data))
    assert broken.value.reason == "not-a-tiff"


def test_invalid_block_offsets() -> None:
    """In the header, beyond the end of the file, and larger than an int64."""
    for kind, form in (("uint16", "I"), ("BigTIFF", "Q")):
        data = raster(kind)
        described = template_of(data, walk(data)).describe(data, "")
        where = described.levels[0].offsets
        assert where is not None
        packed = struct.pack(f"<{where.size}{form}", *where.ravel().tolist())
        assert data.count(packed) == 1
        for wrong in (8, len(data) - 1, len(data) + 1000, 2**31, 2**32 - 2, 2**63 + 5, 2**64 - 1):
            if wrong >= 2 ** (8 * struct.calcsize(form)):
                continue
            bad = data.replace(packed, struct.pack(f"<{where.size}{form}", *[wrong] * where.size))

            async def work(bad: bytes = bad) -> None:
                with RangeServer() as server:
                    url = server.put("/a.tif", bad)
                    async with reading(server.host) as reader:
                        description = await reader.describe(url, UpstreamStats())
                        await read_level(reader, url, description)

            with pytest.raises(AssetBroken):
                run(work())


def test_nan_and_infinity_are_read_unchanged() -> None:
    numbers = encoded(100, 100, "float32")
    numbers[10:20, 10:20] = np.nan
    numbers[30:40, 30:40] = np.inf
    with MemoryFile() as memory:
        profile = {"crs": CRS, "transform": TRANSFORM, **tiled(64)}
        with memory.open(driver="GTiff", width=100, height=100, count=1, dtype="float32", **profile) as dataset:
            dataset.write(numbers, 1)
        data = bytes(memory.getbuffer())

    async def work() -> None:
        with RangeServer() as server:
            url = server.put("/a.tif", data)
            async with reading(server.host) as reader:
                found = await read_level(reader, url, await reader.describe(url, UpstreamStats()))
                np.testing.assert_array_equal(found, numbers)

    run(work())
