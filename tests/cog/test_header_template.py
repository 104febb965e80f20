"""Kinds of headers: what is known of one file says the same of another date's, and nothing of any other file."""

from __future__ import annotations

import numpy as np
import pytest

from scog.cog.header_template import MAX_TEMPLATES, HeaderTemplate, HeaderTemplates, kind_of
from scog.cog.ifd import walk
from scog.errors import AssetBroken
from tests.doubles.rasters import KINDS, PLAIN, raster

WALKABLE = [kind for kind in KINDS if kind != "directories far away"]


def kind(data: bytes, *, local: bool = False) -> HeaderTemplate:
    directories = walk(data)
    return kind_of(data[: directories.needed], directories, local=local)


def moved(data: bytes, by: int) -> bytes:
    """The same header, but that all blocks lie elsewhere."""
    other = bytearray(data)
    for directory in walk(data).found:
        if directory.offsets is not None:
            numbers = directory.offsets.read(data) + by
            other[directory.offsets.at : directory.offsets.stop] = numbers.astype(directory.offsets.dtype).tobytes()
    return bytes(other)


@pytest.mark.parametrize("name", WALKABLE)
def test_another_date_is_known_and_described_as_if_it_were_not(name: str) -> None:
    data, kinds = raster(name), HeaderTemplates()
    kinds.add(kind(data))
    other = moved(data, 1)
    found = kinds.find(other, local=False)
    assert found is not None
    known, anew = found.describe(other, "b"), kind_of(other, walk(other)).describe(other, "b")
    assert (known.identity, known.stop, known.plain) == ("b", anew.stop, anew.plain)
    for a, b in zip(known.levels, anew.levels, strict=True):
        assert (a.grid, a.block_shape) == (b.grid, b.block_shape)
        np.testing.assert_array_equal(a.offsets, b.offsets)
        np.testing.assert_array_equal(a.sizes, b.sizes)


@pytest.mark.parametrize("name", [name for name in WALKABLE if name != "sparse"])
def test_every_file_is_its_own_kind_and_no_other_s(name: str) -> None:
    """But for the sparse one, which only lacks blocks."""
    kinds = HeaderTemplates()
    for other in WALKABLE:
        if other not in (name, "sparse"):
            kinds.add(kind(raster(other)))
    assert kinds.find(raster(name), local=False) is None


def test_a_header_cut_short_or_changed_anywhere_else_is_of_no_known_kind() -> None:
    data, kinds = raster("uint16"), HeaderTemplates()
    kinds.add(kind(data))
    needed = walk(data).needed
    assert kinds.find(data[:needed], local=False) is not None
    assert kinds.find(data[: needed - 1], local=False) is None
    places = {place for one in walk(data).found for t in (one.offsets, one.sizes) if t for place in range(t.at, t.stop)}
    for place in set(range(needed)) - places:
        changed = bytearray(data)
        changed[place] ^= 1
        assert kinds.find(bytes(changed), local=False) is None, place


def test_more_is_allowed_of_local_files() -> None:
    data, kinds = raster("uint16"), HeaderTemplates()
    kinds.add(kind(data, local=True))
    assert kinds.find(data, local=False) is None
    assert kinds.find(data, local=True) is not None


@pytest.mark.parametrize("name", sorted(PLAIN))
def test_absurd_places_are_refused_of_a_known_kind_too(name: str) -> None:
    data = raster(name)
    directories = walk(data)
    sizes = directories.found[0].sizes
    assert sizes is not None
    changed = bytearray(data)
    if sizes.dtype.endswith("u2"):  # sizes of 2 bytes cannot be absurd, only larger
        changed[sizes.at : sizes.stop] = b"\xff" * (sizes.stop - sizes.at)
        assert kind(data).describe(bytes(changed), "").stop > kind(data).describe(data, "").stop
        return
    changed[sizes.at : sizes.stop] = b"\xff" * (sizes.stop - sizes.at)
    with pytest.raises(AssetBroken):
        kind(data).describe(bytes(changed), "")


def test_the_kinds_seen_last_are_kept() -> None:
    kinds = HeaderTemplates()
    every = [kind(raster(name)) for name in WALKABLE[:3]]
    for each in every:
        kinds.add(each)
    assert kinds.find(raster(WALKABLE[0]), local=False) is every[0]
    for _ in range(MAX_TEMPLATES - 1):
        kinds.add(kind(raster(WALKABLE[3])))
    assert kinds.find(raster(WALKABLE[0]), local=False) is every[0]
    assert kinds.find(raster(WALKABLE[1]), local=False) is None
