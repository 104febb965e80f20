"""Files that scog decodes without GDAL: only those with supported tags."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from scog.cog.ifd import (
    BITS,
    COMPRESSION,
    FILL_ORDER,
    FORMAT,
    PHOTOMETRIC,
    PLANES,
    PREDICTOR,
    SAMPLES,
    UNREADABLE,
    Directory,
    walk,
)
from scog.cog.storage import Storage, storage_of
from tests.doubles.geotiffs import with_tag
from tests.doubles.rasters import raster

UINT16 = np.dtype(np.uint16)


def image(**tags: int) -> Directory:
    """A tiled uint16 image, DEFLATE with horizontal differencing, with other values of some tags."""
    usual = {BITS: 16, COMPRESSION: 8, PREDICTOR: 2}
    names = {
        "bits": BITS, "codec": COMPRESSION, "fill": FILL_ORDER, "format": FORMAT, "photometric": PHOTOMETRIC,
        "planes": PLANES, "predictor": PREDICTOR, "samples": SAMPLES,
    }  # fmt: skip
    all_tags = usual | {names[name]: value for name, value in tags.items()}
    storage = frozenset((tag, value) for tag, value in all_tags.items() if value != 1)
    return Directory(0, (500, 500), (128, 128), True, storage, None, None)


@pytest.mark.parametrize("codec", [8, 32946])
def test_deflate_is_supported_under_either_code(codec: int) -> None:
    assert storage_of([image(codec=codec)], b"II", UINT16) == Storage("DEFLATE", 2)
    assert storage_of([image(codec=codec, predictor=1)], b"II", UINT16) == Storage("DEFLATE", 1)


def test_uncompressed_blocks_are_supported() -> None:
    assert storage_of([image(codec=1, predictor=1)], b"II", UINT16) == Storage("NONE", 1)
    assert storage_of([image(codec=1, predictor=2)], b"II", UINT16) is None  # libtiff ignores the predictor


def test_photometric_and_planes_do_not_change_a_single_band() -> None:
    for photometric in (0, 1, 3):
        for planes in (1, 2):
            assert storage_of([image(photometric=photometric, planes=planes)], b"II", UINT16) is not None


@pytest.mark.parametrize(
    "tags",
    [
        *({"codec": codec} for codec in (2, 3, 4, 5, 6, 7, 32773, 34887, 34925, 50000, 50001, UNREADABLE)),
        *({"predictor": predictor} for predictor in (0, 3, 4, 34892, UNREADABLE)),
        *({"bits": bits} for bits in (8, 12, 15, 17, 32, UNREADABLE)),
        *({"format": form} for form in (2, 3, 4, 5, 6, UNREADABLE)),
        *({"photometric": photometric} for photometric in (2, 4, 5, 6, 8, 32803, UNREADABLE)),
        {"fill": 2}, {"samples": 2}, {"samples": 3}, {"planes": 3}, {"planes": UNREADABLE},
    ],
    ids=str,
)  # fmt: skip
def test_files_with_other_tags_are_read_by_gdal(tags: dict[str, int]) -> None:
    assert storage_of([image(**tags)], b"II", UINT16) is None


def test_files_without_uniform_tiles_are_read_by_gdal() -> None:
    plain = image()
    assert storage_of([plain], b"MM", UINT16) is None
    assert storage_of([plain, image(predictor=1)], b"II", UINT16) is None
    assert storage_of([replace(plain, tiled=False)], b"II", UINT16) is None
    assert storage_of([replace(plain, block_shape=(4096, 4096))], b"II", UINT16) is None
    assert storage_of([image(bits=32, format=3)], b"II", np.dtype(np.float32)) is None  # differences of float bits
    assert storage_of([image(bits=16, format=3, predictor=1)], b"II", np.dtype(np.float32)) is None  # half floats


def test_a_tag_of_an_unusual_type_does_not_count_as_its_default() -> None:
    """libtiff also reads a predictor that is stored as a byte."""
    data = bytearray(raster("uint16"))
    place = data.index(PREDICTOR.to_bytes(2, "little") + (3).to_bytes(2, "little"))
    data[place + 2] = 1
    first = walk(bytes(data)).images[0]
    assert dict(first.storage)[PREDICTOR] == UNREADABLE
    assert storage_of([first], b"II", UINT16) is None


def test_the_old_code_is_read_from_the_file() -> None:
    data = with_tag(raster("uint16"), COMPRESSION, 8, 32946)
    parsed = walk(data).images
    assert {dict(each.storage)[COMPRESSION] for each in parsed} == {32946}
    assert storage_of(parsed, data[:2], UINT16) == Storage("DEFLATE", 2)
