"""An asset and its file brought together: which of the file's bands, what its numbers mean, and where it lies.

Geometry is the file's, and the item's only where the file has none. Meaning is the item's, and the file's where the
item says nothing.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache

from affine import Affine

from scog.catalog.asset_bands import bands_by_description, named
from scog.catalog.assets import Asset
from scog.catalog.georeference import Georeference
from scog.cog.georeferencing import checked_crs, is_placing
from scog.cog.metadata import UNPLACED, FileBand, FileMetadata, Level
from scog.errors import AssetRefused
from scog.geo.grid import Grid

RPC = "A file with RPCs alone has to be orthorectified first (gdalwarp -rpc)."


def bound(asset: Asset, name: str, description: FileMetadata) -> tuple[Asset, FileMetadata]:
    """An asset that holds a band, with `band`, `scale` and `offset` as they are, and where its file lies.

    Raises AssetRefused where neither item nor file says which band is meant, or where the file lies.
    """
    unplaced = description.levels[0].grid.crs == UNPLACED
    if asset.scale is not None and description.count == 1 and asset.band in (None, 1) and not unplaced:
        return asset, description  # as nearly all are
    try:
        return _bound(asset, name, description)
    except AssetRefused as refused:
        refused.url = asset.url
        raise


@lru_cache(maxsize=256)
def _bound(asset: Asset, name: str, description: FileMetadata) -> tuple[Asset, FileMetadata]:
    number = _number(asset, name, description.bands)
    asset = replace(asset, band=number)
    if asset.scale is None:
        own = description.bands[number - 1]
        if not (own.scale and math.isfinite(own.scale + own.offset)):
            own = FileBand()
        asset = replace(asset, scale=own.scale, offset=own.offset)
    if description.levels[0].grid.crs == UNPLACED:
        description = _placed(description, asset.georeference)
    return asset, description


def _number(asset: Asset, name: str, bands: tuple[FileBand, ...]) -> int:
    """The place in the file of the band that is meant, 1 the first."""
    if asset.band is not None:
        if asset.band > len(bands):
            what = f"The item names band {asset.band} of the file as {name}, which has {_counted(bands)}."
            raise AssetRefused(what, reason="no-such-band")
        return asset.band
    measured = [number for number, band in enumerate(bands, start=1) if not band.alpha]
    if len(measured) == 1:
        return measured[0]
    known = bands_by_description([{"name": band.name} for band in bands])
    if (meant := named(name) or name) in known:
        return known[meant]
    raise AssetRefused(
        f"The file has {_counted(bands)}, and nothing says which of them is {name}: the item's asset has to list them "
        'in their order, as "eo:bands" or "bands": [{"name": "blue"}, {"name": "green"}, ...].',
        reason="several-bands",
    )


def _counted(bands: tuple[FileBand, ...]) -> str:
    return f"{len(bands)} band{'s' * (len(bands) > 1)} ({_listed(bands)})"


def _listed(bands: tuple[FileBand, ...]) -> str:
    """The bands by place and description: `1, 2 nir, 3 alpha`; the first few of many."""
    names = (band.name[:24] or ("alpha" if band.alpha else "") for band in bands[:8])
    told = [f"{number} {name}".strip() for number, name in enumerate(names, start=1)]
    return ", ".join((*told, *(["..."] if len(bands) > 8 else [])))


def _placed(description: FileMetadata, said: Georeference | None) -> FileMetadata:
    """A file that does not say where it lies, where its item says that it does."""
    own = description.levels[0].grid
    placed = own.transform != Affine.identity()
    lacking = "CRS" if placed else "CRS or transform"
    if said is None or said.crs is None or not (placed or said.transform):
        what = f"Neither the file nor its item says where it lies (no {lacking}; proj:code and proj:transform would)."
        raise AssetRefused(f"{what} {RPC}", reason="no-crs")
    if said.shape is not None and said.shape != own.shape:
        what = f"The item says proj:shape {list(said.shape)}, but the file has {own.height} rows, {own.width} columns."
        raise AssetRefused(what, reason="shape-mismatch")
    crs = checked_crs(said.crs)
    transform = own.transform if placed or said.transform is None else Affine(*said.transform)
    if not is_placing(transform):
        what = f"The item's proj:transform {tuple(transform)[:6]} is flat, or lies nowhere on the Earth."
        raise AssetRefused(what, reason="no-crs")
    levels = (_level(level, own, crs, transform) for level in description.levels)
    return replace(description, levels=tuple(levels))


def _level(level: Level, full: Grid, crs: str, transform: Affine) -> Level:
    grid = level.grid
    scaled = transform @ Affine.scale(full.width / grid.width, full.height / grid.height)
    return replace(level, grid=Grid(crs, scaled, grid.width, grid.height))
