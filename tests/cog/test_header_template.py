"""Header templates fit other dates of the same MGRS tile, and no other file."""

from __future__ import annotations

import numpy as np
import pytest

from scog.cog.header_template import MAX_TEMPLATES, HeaderTemplate, HeaderTemplates, template_of
from scog.cog.ifd import walk
from scog.errors import AssetBroken
from tests.doubles.rasters import KINDS, PLAIN, raster

WALKABLE = [kind for kind in KINDS if kind != "directories far away"]


def parsed_template(data: bytes, *, local: bool = False) -> HeaderTemplate:
    directories = walk(data)
    return template_of(data[: directories.needed], directories, local=local)


def moved(data: bytes, by: int) -> bytes:
    """The same header with all block offsets moved by `by` bytes."""
    other = bytearray(data)
    for directory in walk(data).images:
        if directory.offsets is not None:
            numbers = directory.offsets.read(data) + by
            other[directory.offsets.at : directory.offsets.stop] = numbers.astype(directory.offsets.dtype).tobytes()
    return bytes(other)


@pytest.mark.parametrize("name", WALKABLE)
def test_a_template_gives_the_same_metadata_as_parsing(name: str) -> None:
    data, templates = raster(name), HeaderTemplates()
    templates.add(parsed_template(data))
    other = moved(data, 1)
    template = templates.find(other, local=False)
    assert template is not None
    from_template, parsed = template.describe(other, "b"), template_of(other, walk(other)).describe(other, "b")
    assert (from_template.identity, from_template.stop, from_template.plain) == ("b", parsed.stop, parsed.plain)
    for a, b in zip(from_template.levels, parsed.levels, strict=True):
        assert (a.grid, a.block_shape) == (b.grid, b.block_shape)
        np.testing.assert_array_equal(a.offsets, b.offsets)
        np.testing.assert_array_equal(a.sizes, b.sizes)


@pytest.mark.parametrize("name", [name for name in WALKABLE if name != "sparse"])
def test_no_file_fits_the_template_of_another(name: str) -> None:
    """Except for the sparse one, which only lacks blocks."""
    templates = HeaderTemplates()
    for other in WALKABLE:
        if other not in (name, "sparse"):
            templates.add(parsed_template(raster(other)))
    assert templates.find(raster(name), local=False) is None


def test_a_truncated_or_otherwise_changed_header_fits_no_template() -> None:
    data, templates = raster("uint16"), HeaderTemplates()
    templates.add(parsed_template(data))
    needed = walk(data).needed
    assert templates.find(data[:needed], local=False) is not None
    assert templates.find(data[: needed - 1], local=False) is None
    in_tables = {
        place for one in walk(data).images for t in (one.offsets, one.sizes) if t for place in range(t.at, t.stop)
    }
    for place in set(range(needed)) - in_tables:
        changed = bytearray(data)
        changed[place] ^= 1
        assert templates.find(bytes(changed), local=False) is None, place


def test_local_files_have_separate_templates() -> None:
    data, templates = raster("uint16"), HeaderTemplates()
    templates.add(parsed_template(data, local=True))
    assert templates.find(data, local=False) is None
    assert templates.find(data, local=True) is not None


@pytest.mark.parametrize("name", sorted(PLAIN))
def test_invalid_sizes_are_refused_by_a_template_too(name: str) -> None:
    data = raster(name)
    directories = walk(data)
    sizes = directories.images[0].sizes
    assert sizes is not None
    changed = bytearray(data)
    if sizes.dtype.endswith("u2"):  # sizes of 2 bytes are always valid
        changed[sizes.at : sizes.stop] = b"\xff" * (sizes.stop - sizes.at)
        assert parsed_template(data).describe(bytes(changed), "").stop > parsed_template(data).describe(data, "").stop
        return
    changed[sizes.at : sizes.stop] = b"\xff" * (sizes.stop - sizes.at)
    with pytest.raises(AssetBroken):
        parsed_template(data).describe(bytes(changed), "")


def test_the_most_recently_used_templates_are_cached() -> None:
    templates = HeaderTemplates()
    every = [parsed_template(raster(name)) for name in WALKABLE[:3]]
    for each in every:
        templates.add(each)
    assert templates.find(raster(WALKABLE[0]), local=False) is every[0]
    for _ in range(MAX_TEMPLATES - 1):
        templates.add(parsed_template(raster(WALKABLE[3])))
    assert templates.find(raster(WALKABLE[0]), local=False) is every[0]
    assert templates.find(raster(WALKABLE[1]), local=False) is None
