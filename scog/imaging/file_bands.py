"""Finds bands that an item does not name: by position in a file, or by what the file itself says of its bands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from scog.catalog.assets import Asset
from scog.catalog.scene import Scene
from scog.cog.metadata import FileMetadata
from scog.collections.band_names import band_identifier

MAX_FILES = 4
"""Maximum number of files of a scene whose headers are read to find a band."""
_POSITION = re.compile(r"(.+)_b([1-9]\d{0,3})", re.ASCII)


def band_by_position(scene: Scene, name: str) -> Asset | None:
    """The band of a name such as `image_b2`: band 2 of the asset `image`. None if there is no such asset."""
    match = _POSITION.fullmatch(name)
    asset = scene.assets.get(match[1]) if match else None
    return None if match is None or asset is None or asset.band is not None else replace(asset, band=int(match[2]))


def undescribed_files(scene: Scene) -> list[Asset]:
    """Assets whose bands the item does not list, at most MAX_FILES: their files may name them."""
    by_url = {asset.url: asset for asset in scene.assets.values() if asset.band is None}
    return [asset for asset in by_url.values() if not asset.rendered and not asset.discrete][:MAX_FILES]


def band_by_file(name: str, unit: str, files: Mapping[Asset, FileMetadata]) -> Asset | None:
    """The band that one of the files calls `name` in its description or colour interpretation.

    `unit` is that of bands with this name. None if no file has such a band, or several bands have the name.
    """
    for described in (_by_description, _by_color):
        found = [
            replace(asset, band=number, unit=asset.unit or unit, notes=(*asset.notes, f"{name} by the file's {how}"))
            for asset, metadata in files.items()
            for number, how in described(name, metadata)
        ]
        if found:
            return found[0] if len(found) == 1 else None
    return None


def _by_description(name: str, metadata: FileMetadata) -> Iterator[tuple[int, str]]:
    for number, band in enumerate(metadata.bands, start=1):
        if band.name and band_identifier(band.name) == name:
            yield number, "band description"


def _by_color(name: str, metadata: FileMetadata) -> Iterator[tuple[int, str]]:
    for number, band in enumerate(metadata.bands, start=1):
        if band.color == name and not band.name:
            yield number, "colour interpretation"
