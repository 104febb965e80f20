"""Binds an asset to its file: band number, scale, offset and georeference.

The georeference is the file's; the item's serves only a file that has none. Band, scale and offset are the item's; the
file's serve only where the item gives none.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache

from affine import Affine

from scog.catalog.asset_bands import contradicts_profile
from scog.catalog.assets import Asset
from scog.catalog.proj_extension import Georeference
from scog.cog.georeferencing import checked_crs, is_valid_transform
from scog.cog.metadata import NO_CRS, FileBand, FileMetadata, Level
from scog.collections.band import REFLECTANCE
from scog.collections.band_names import band_identifier
from scog.errors import AssetRefused
from scog.geo.grid import Grid

RPC_HINT = "A file that has only RPCs must be orthorectified first (gdalwarp -rpc)."
MAX_LISTED_BANDS = 8
"""Maximum number of a file's bands that an error message lists."""


def bind_asset(asset: Asset, name: str, metadata: FileMetadata) -> tuple[Asset, FileMetadata]:
    """The asset with its `band`, `scale` and `offset` set, and its file's metadata with a georeference.

    `name` is the band's name in scog. If the file has a single band, `band` may be None. A band with a colour table has
    classes, so it is discrete.

    Raises AssetRefused if neither item nor file identifies the band, or neither gives a georeference.
    """
    has_no_crs = metadata.levels[0].grid.crs == NO_CRS
    is_single = metadata.count == 1 and asset.band in (None, 1) and not metadata.bands[0].palette
    is_described = asset.scale is not None and not asset.classes and not asset.guesses_unit
    if is_described and is_single and not has_no_crs:
        return asset, metadata  # the common case
    try:
        return _bound(asset, name, metadata)
    except AssetRefused as error:
        error.url = asset.url
        raise


@lru_cache(maxsize=256)
def _bound(asset: Asset, name: str, metadata: FileMetadata) -> tuple[Asset, FileMetadata]:
    number = _band_number(asset, name, metadata.bands)
    band = metadata.bands[number - 1]
    asset = replace(asset, band=number, unit=asset.unit or band.unit, discrete=asset.discrete or bool(band.palette))
    called = band_identifier(band.name) if band.name else band.color
    if contradicts_profile(name, called):
        asset = _noted(asset, f"{name}: the file calls band {number} {called}")
    if metadata.masked_by_alpha and any(each.alpha for each in metadata.bands[: asset.listed]):
        note = f"the file calls band {asset.listed} alpha, but it is a measurement"
        asset = _noted(replace(asset, ignores_mask=True), note)
    hidden = None if asset.ignores_nodata else _nodata_class(asset, band, metadata.nodata)
    if hidden:
        asset = _noted(asset, f"{name}: pixels of {hidden} are invalid, since item or file calls it nodata")
    if asset.scale is None:
        asset = _scaled_by_file(asset, name, band, metadata.dtype.kind in "ui")
    if asset.unit == REFLECTANCE and asset.guesses_unit and metadata.dtype.kind != "u":
        asset = _noted(asset, f"{name}: reflectance by its name, so that negative values are 0")
    if metadata.levels[0].grid.crs == NO_CRS:
        metadata = _georeferenced(metadata, asset.georeference)
    return asset, metadata


def _scaled_by_file(asset: Asset, name: str, band: FileBand, is_integer: bool) -> Asset:
    """The asset with scale and offset of its file's tags, and a note of what they are or that there are none."""
    if not (band.scale and math.isfinite(band.scale + band.offset)):
        note = f"{name}: scale {band.scale:g} and offset {band.offset:g} of the file's tags are ignored; values are as "
        return _noted(replace(asset, scale=1.0, offset=0.0), f"{note}stored")
    scaled = replace(asset, scale=band.scale, offset=band.offset)
    if (band.scale, band.offset) != (1.0, 0.0):
        note = f"{name}: scale {band.scale:g} and offset {band.offset:g} by the file's tags"
    elif asset.unit == REFLECTANCE and is_integer:
        note = f"{name}: neither item nor file has a scale; values are as stored"
    else:
        return scaled
    return _noted(scaled, note)


def _noted(asset: Asset, note: str) -> Asset:
    return replace(asset, notes=tuple(dict.fromkeys((*asset.notes, note))))


def _nodata_class(asset: Asset, band: FileBand, nodata: float | None) -> str:
    """The class whose number is nodata: by its name in the item, or a colour of the file's table. Empty if none is.

    Black, grey and white in a table are backgrounds.
    """
    names = dict(asset.classes)
    for value in (nodata, asset.nodata):
        if value is None or not value.is_integer():
            continue
        number = int(value)
        if number in names:
            return f"class {number} ({names[number]})"
        # GDAL makes nodata transparent, whatever its colour.
        if not names and 0 <= number < len(band.palette) and len(set(band.palette[number][:3])) > 1:
            return f"class {number}, which has a colour,"
    return ""


def _band_number(asset: Asset, name: str, bands: tuple[FileBand, ...]) -> int:
    """The 1-based number in the file of the band called `name`."""
    if asset.band is not None:
        if asset.band > len(bands):
            message = f"By item or profile {name} is band {asset.band} of the file, but it has {_band_list(bands)}."
            raise AssetRefused(message, reason="no-such-band")
        return asset.band
    without_alpha = [number for number, band in enumerate(bands, start=1) if not band.alpha]
    if len(without_alpha) == 1:
        return without_alpha[0]
    described = [number for number, band in enumerate(bands, start=1) if band_identifier(band.name) == name]
    if len(described) == 1:
        return described[0]
    raise AssetRefused(
        f"The file has {_band_list(bands)}, and the item does not say which is {name}. List them in the item's asset, "
        'in file order, as "eo:bands" or "bands": [{"name": "blue"}, {"name": "green"}, ...].',
        reason="several-bands",
    )


def _band_list(bands: tuple[FileBand, ...]) -> str:
    """Number and list of bands, each by number and description: `3 bands (1, 2 nir, 3 alpha)`."""
    names = (band.name[:24] or ("alpha" if band.alpha else "") for band in bands[:MAX_LISTED_BANDS])
    listed = [f"{number} {name}".strip() for number, name in enumerate(names, start=1)]
    if len(bands) > MAX_LISTED_BANDS:
        listed.append("...")
    return f"{len(bands)} band{'s' * (len(bands) > 1)} ({', '.join(listed)})"


def _georeferenced(metadata: FileMetadata, georeference: Georeference | None) -> FileMetadata:
    """The metadata of a file without a CRS, with CRS and, if the file has none, transform from its item.

    Raises AssetRefused if the item's georeference is missing, invalid or for another shape.
    """
    grid = metadata.levels[0].grid
    has_transform = grid.transform != Affine.identity()
    if georeference is None or georeference.crs is None or not (has_transform or georeference.transform):
        missing = "CRS" if has_transform else "CRS or transform"
        needed = "proj:code" if has_transform else "proj:code and proj:transform"
        raise AssetRefused(f"The file has no {missing}; its item needs {needed}. {RPC_HINT}", reason="no-crs")
    if georeference.shape is not None and georeference.shape != grid.shape:
        shape = list(georeference.shape)
        message = f"The item has proj:shape {shape}, but the file has {grid.height} rows and {grid.width} columns."
        raise AssetRefused(message, reason="shape-mismatch")
    crs = checked_crs(georeference.crs)
    transform = grid.transform if has_transform or georeference.transform is None else Affine(*georeference.transform)
    if not is_valid_transform(transform):
        message = f"The item's proj:transform {tuple(transform)[:6]} is singular or has coordinates beyond the Earth."
        raise AssetRefused(message, reason="no-crs")
    levels = (_georeferenced_level(level, grid, crs, transform) for level in metadata.levels)
    return replace(metadata, levels=tuple(levels))


def _georeferenced_level(level: Level, full: Grid, crs: str, transform: Affine) -> Level:
    """An overview level on the bounds of level 0, whose grid is `full` and whose transform is `transform`."""
    grid = level.grid
    scaled = transform @ Affine.scale(full.width / grid.width, full.height / grid.height)
    return replace(level, grid=Grid(crs, scaled, grid.width, grid.height))
