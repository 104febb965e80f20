"""What the collections of a catalogue are: profiles, or else what their items and files say."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

import numpy as np

from scog.catalog.assets import Asset
from scog.catalog.derived_profile import derive_profile, derived_bands
from scog.catalog.query import collections_of
from scog.catalog.scene import Scene, UnusableItem, parse_item
from scog.catalog.search import Searches
from scog.cog.block_reader import BlockReader
from scog.cog.metadata import FileBand, FileMetadata
from scog.cog.validity import values_and_validity
from scog.collections.band import Band, BandClass
from scog.collections.band_names import band_identifier
from scog.collections.profile import Profile
from scog.collections.profiles import MAX_REMEMBERED
from scog.errors import CatalogError, SourceError
from scog.imaging.asset_binding import bind_asset
from scog.net.policy import UpstreamStats
from scog.runtime.singleflight import SingleFlight
from scog.runtime.tasks import gather_all

log = logging.getLogger(__name__)

LIFETIME = 86_400.0
"""Seconds for which a derived profile is used before it is derived anew."""
RETRY = 60.0
"""Seconds after which a failed derivation is repeated."""
MAX_COLLECTIONS = 16
"""Maximum number of collections of one request whose profiles are derived."""
MAX_FILES = 12
"""Maximum number of files that are read to derive the display ranges of bands."""
MAX_PIXELS = 2**20
"""Maximum number of pixels of a file's coarsest level that is read for a display range."""
PERCENTILES = (2, 98)


class CollectionProfiles:
    """The profiles of all catalogues' collections. Used within one event loop."""

    def __init__(self, blocks: BlockReader) -> None:
        self._blocks = blocks
        self._derived_at: dict[tuple[Searches, str], float] = {}
        self._deriving: SingleFlight[tuple[Searches, str], None] = SingleFlight()

    async def of(self, searches: Searches, collection: str | None) -> Profile:
        """What a catalogue's collection is, or several separated by commas, or the default for None.

        A collection without a profile is described by its items and files, which are read once a day.
        """
        profile = searches.profile(collection)
        if not profile.open:
            return profile
        now = time.monotonic()
        names = collections_of(collection or searches.collection) or searches.catalog.collections()
        for name in names[:MAX_COLLECTIONS]:
            key = searches, name
            is_known = bool(searches.catalog.profiles.candidates(name))
            if not is_known and self._derived_at.get(key, -math.inf) + LIFETIME <= now:
                await self._deriving.join(key, partial(self._derive, searches, name))
        return searches.profile(collection)

    async def _derive(self, searches: Searches, collection: str) -> None:
        """Derive the profile of a collection. If that fails, the generic one is used for a minute."""
        catalog = searches.catalog
        if len(self._derived_at) >= MAX_REMEMBERED:
            self._derived_at.clear()
        self._derived_at[searches, collection] = time.monotonic()
        try:
            sample = await catalog.sample(collection)
        except CatalogError as error:
            log.warning("what the collection %s is could not be read: %s", collection, error)
            self._derived_at[searches, collection] -= LIFETIME - RETRY
            return
        generic = catalog.profiles.generic
        bands = derived_bands(sample, generic)
        for item, base in zip(sample.items[:1], sample.bases, strict=False):
            with suppress(UnusableItem):
                bands = await self._described_by_files(bands, parse_item(item, base, catalog.profiles), generic)
        searches.set_derived(collection, derive_profile(collection, sample, bands, generic))

    async def _described_by_files(self, bands: Sequence[Band], scene: Scene, generic: Profile) -> tuple[Band, ...]:
        """The bands with what a scene's files say of those that the item does not describe."""
        described = await gather_all(self._described_by_file(band, scene, generic) for band in bands[:MAX_FILES])
        unique = {band.name: band for each in (*described, bands[MAX_FILES:]) for band in each}
        return tuple(sorted(unique.values(), key=lambda band: (band.wavelength is None, band.wavelength or 0.0)))

    async def _described_by_file(self, band: Band, scene: Scene, generic: Profile) -> Sequence[Band]:
        """A band as its file describes it, or all bands of a file whose bands the item does not list."""
        asset = scene.assets.get(band.name)
        if asset is None:
            return [band]
        tally = UpstreamStats()
        try:
            header = await self._blocks.read_metadata(asset.url, tally)
            if asset.band is None and sum(not each.alpha for each in header.bands) > 1:
                bands = _bands_of_file(band, header, generic)
                return [await self._ranged(each, replace(asset, band=each.number), header, tally) for each in bands]
            asset, metadata = bind_asset(asset, band.name, header)
            return [await self._ranged(band, asset, metadata, tally)]
        except SourceError as error:
            log.info("the band %s of %s could not be described by its file: %s", band.name, scene.id, error)
            return [band]

    async def _ranged(self, band: Band, asset: Asset, metadata: FileMetadata, tally: UpstreamStats) -> Band:
        """A band with its file's colour table, display range and unit, where the item has none. Raises SourceError."""
        file_band = metadata.bands[(asset.band or 1) - 1]
        if file_band.palette and not band.classes:
            sources = (*band.sources, "colours by the file's table")
            return replace(band, classes=_classes(file_band), sources=sources)
        if band.has_default_range and not band.classes and not asset.discrete:
            shown, source = await self._display_range(asset, metadata, tally)
            band = replace(band, display_range=shown, sources=(*band.sources, f"range by {source}"))
        return replace(band, unit=band.unit or file_band.unit)

    async def _display_range(
        self, asset: Asset, metadata: FileMetadata, tally: UpstreamStats
    ) -> tuple[tuple[float, float], str]:
        """A display range: all numbers of 8-bit files, else percentiles of the coarsest level."""
        scale, offset = asset.scale or 1.0, asset.offset or 0.0
        if metadata.dtype == np.uint8 and (scale, offset) == (1.0, 0.0):
            return (0.0, 255.0), "the file's data type"
        coarsest = len(metadata.levels) - 1
        level = metadata.levels[coarsest]
        if level.grid.width * level.grid.height > MAX_PIXELS:
            return (0.0, 1.0), "default, since the file has no coarse overview"
        rows, cols = level.blocks
        indices = [(row, col) for row in range(rows) for col in range(cols)]
        blocks = await self._blocks.blocks(asset.url, metadata, coarsest, indices, tally, asset.band or 1)
        nodata = frozenset(each for each in (metadata.nodata, asset.nodata) if each is not None)
        data = [values_and_validity(block, nodata) for block in blocks.values()]
        numbers = np.concatenate([values[valid] for values, valid in data]).astype(np.float64)
        numbers = numbers[np.isfinite(numbers)]
        if not numbers.size:
            return (0.0, 1.0), "default, since the file has no data"
        low, high = np.percentile(numbers, PERCENTILES) * scale + offset
        return (float(low), float(high) if high > low else float(low) + 1.0), "percentiles 2 and 98 of the newest file"


def _bands_of_file(band: Band, metadata: FileMetadata, generic: Profile) -> list[Band]:
    """The bands of a file by description, colour interpretation or position; at most MAX_FILES of them."""
    bands = []
    for number, file_band in enumerate(metadata.bands[:MAX_FILES], start=1):
        if file_band.alpha:
            continue
        position = f"{band.name}_b{number}"
        name = band_identifier(file_band.name) if file_band.name else file_band.color or position
        how = "band description" if file_band.name else "colour interpretation" if file_band.color else "position"
        like = generic.by_name.get(name)
        bands.append(
            replace(
                band,
                name=name,
                title=like.title if like else file_band.name or name,
                aliases=() if name == position else (position,),
                number=number,
                wavelength=like.wavelength if like else None,
                sources=(f"named by the file's {how}",),
                has_default_range=True,
            )
        )
    return bands


def _classes(band: FileBand) -> tuple[BandClass, ...]:
    """The visible entries of a file's colour table as classes."""
    return tuple(
        BandClass(value, str(value), (red, green, blue))
        for value, (red, green, blue, alpha) in enumerate(band.palette)
        if alpha and (red, green, blue) != (0, 0, 0)
    )
