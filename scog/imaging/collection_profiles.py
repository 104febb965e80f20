"""What the collections of a catalogue are: profiles, or else what their items and files say."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scog.catalog.assets import Asset
from scog.catalog.derived_profile import Sample, derive_profile, derived_bands
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
from scog.imaging.profile_check import drawable
from scog.net.policy import UpstreamStats
from scog.runtime.tasks import gather_all, stop_all

log = logging.getLogger(__name__)

LIFETIME = 86_400.0
"""Seconds for which a derived profile is used before it is derived anew, while it still serves."""
WITHOUT_DOCUMENT = 3600.0
"""Lifetime of a profile without the collection's document, which the catalogue may have failed to send."""
RETRY = 60.0
"""Seconds after which a failed derivation is repeated."""
DEADLINE = 5.0
"""Seconds for a derivation, including the wait for others."""
FILES_DEADLINE = 4.5
"""Seconds after which a derivation does without the files that have not arrived."""
AT_ONCE = 2
"""Maximum number of concurrent derivations: names that no collection has must not occupy the catalogue."""
MAX_COLLECTIONS = 16
"""Maximum number of collections of one request whose profiles are derived."""
MAX_FILES = 12
"""Maximum number of files that are read to derive the display ranges of bands."""
MAX_PIXELS = 2**20
"""Maximum number of pixels of a file's coarsest level that is read for a display range."""
PERCENTILES = (2, 98)
Key = tuple[Searches, str]


class CollectionProfiles:
    """The profiles of all catalogues' collections. Used within one event loop.

    A request waits for the first derivation of its collection, and for the next one after a failure. A profile that
    has expired is used while it is derived anew in the background.
    """

    def __init__(self, blocks: BlockReader) -> None:
        self._blocks = blocks
        self._expires_at: dict[Key, float] = {}
        self._running: dict[Key, asyncio.Task[None]] = {}
        """Derivations. They end at their own deadline, whatever becomes of the requests that wait for them."""
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def close(self) -> None:
        """Cancel all derivations and wait until they have ended."""
        await stop_all(list(self._running.values()))

    async def of(self, searches: Searches, collection: str | None) -> Profile:
        """What a catalogue's collection is, or several separated by commas, or the default for None.

        A collection without a profile is described by its items and files, which are read once a day. If that fails,
        the profile is provisional for a minute.
        """
        profile = searches.profile(collection)
        if not profile.open:
            return profile
        names = collections_of(collection or searches.collection) or searches.catalog.collections()
        tasks = (self._awaited(searches, name) for name in names[:MAX_COLLECTIONS])
        await gather_all(asyncio.shield(task) for task in tasks if task is not None)
        return searches.profile(collection)

    def _awaited(self, searches: Searches, collection: str) -> asyncio.Task[None] | None:
        """The derivation that a request must wait for; None if there is none."""
        profiles = searches.catalog.profiles
        if profiles.candidates(collection):
            return None
        key = searches, collection
        known = profiles.derived(collection)
        task = self._running.get(key)
        if task is None and (known is None or self._expires_at.get(key, -math.inf) <= time.monotonic()):
            if (known is None or known.provisional) and searches.collections.lacks(collection):
                note = f"the catalogue lists no collection {collection[:40]}"
                self._set(key, replace(profiles.generic, provisional=note), RETRY)
                return None
            task = self._running[key] = asyncio.ensure_future(self._derive(searches, collection))
            task.add_done_callback(lambda _: self._running.pop(key, None))
        return task if known is None or known.provisional else None

    async def _derive(self, searches: Searches, collection: str) -> None:
        """Derive the profile of a collection. If that fails, the last one is used for a minute, or the generic one."""
        profiles, lifetime = searches.catalog.profiles, RETRY
        try:
            async with asyncio.timeout(DEADLINE):
                ends_at = asyncio.get_running_loop().time() + FILES_DEADLINE
                async with self._slots:
                    profile, lifetime = await self._derived(searches, collection, ends_at)
        except Exception as error:  # of any kind: items may say anything, and must not make requests fail
            reason = f"it took more than {DEADLINE:g} s" if isinstance(error, TimeoutError) else error
            cause = None if isinstance(error, CatalogError | TimeoutError) else error
            log.warning("what the collection %s is could not be read: %s", collection, reason, exc_info=cause)
            known = profiles.derived(collection)
            note = f"what {collection[:40]} is could not be read; its bands are named by their own words only"
            profile = replace(profiles.generic, provisional=f"{note}, and without scl nothing is masked")
            if known is not None and not known.provisional:
                profile = known
        self._set((searches, collection), profile, lifetime)

    def _set(self, key: Key, profile: Profile, lifetime: float) -> None:
        searches, collection = key
        searches.set_derived(collection, profile)
        self._expires_at.pop(key, None)
        if len(self._expires_at) >= MAX_REMEMBERED:
            del self._expires_at[next(iter(self._expires_at))]
        self._expires_at[key] = time.monotonic() + lifetime

    async def _derived(self, searches: Searches, collection: str, ends_at: float) -> tuple[Profile, float]:
        """The profile of a collection, and for how many seconds it may be used. Raises a CatalogError.

        Files that do not arrive until `ends_at`, by the event loop's clock, make it provisional.
        """
        catalog = searches.catalog
        sample = await catalog.sample(collection)
        generic = catalog.profiles.generic
        bands = await asyncio.to_thread(derived_bands, sample, generic)
        late: list[str] = []
        for item, base in zip(sample.items[:1], sample.bases, strict=False):
            with suppress(UnusableItem):
                scene = await asyncio.to_thread(parse_item, item, base, catalog.profiles)
                bands = await self._described_by_files(bands, scene, generic, ends_at, late)
        profile = await asyncio.to_thread(_drawable_profile, collection, sample, bands, generic)
        if late:
            note = f"files of {collection[:40]} that tell its bands and display ranges did not arrive in time"
            return replace(profile, provisional=note), RETRY
        if not sample.items:  # the first ones may tell of a mask
            return replace(profile, provisional=f"the catalogue has no items of {collection[:40]}"), RETRY
        return profile, LIFETIME if sample.document else WITHOUT_DOCUMENT

    async def _described_by_files(
        self, bands: Sequence[Band], scene: Scene, generic: Profile, ends_at: float, late: list[str]
    ) -> tuple[Band, ...]:
        """The bands with what a scene's files say of those that the item does not describe.

        Bands whose files do not arrive until `ends_at` are added to `late`.
        """

        async def described_by(band: Band) -> Sequence[Band]:
            try:
                async with asyncio.timeout_at(ends_at):
                    return await self._described_by_file(band, scene, generic)
            except TimeoutError:
                late.append(band.name)
                return [band]

        described = await gather_all(described_by(band) for band in bands[:MAX_FILES])
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
        ends = await asyncio.to_thread(_percentiles, list(blocks.values()), nodata)
        if ends is None:
            return (0.0, 1.0), "default, since the file has no data"
        low, high = sorted(end * scale + offset for end in ends)
        return (low, high if high > low else low + 1.0), "percentiles 2 and 98 of the newest file"


def _drawable_profile(collection: str, sample: Sample, bands: tuple[Band, ...], generic: Profile) -> Profile:
    return drawable(derive_profile(collection, sample, bands, generic))


def _percentiles(blocks: Sequence[NDArray[Any]], nodata: frozenset[float]) -> tuple[float, float] | None:
    """The PERCENTILES of the valid numbers of blocks; None if there are none."""
    data = [values_and_validity(block, nodata) for block in blocks]
    numbers = np.concatenate([values[valid] for values, valid in data]).astype(np.float64)
    numbers = numbers[np.isfinite(numbers)]
    if not numbers.size:
        return None
    low, high = np.percentile(numbers, PERCENTILES)
    return float(low), float(high)


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
    """The visible entries of a file's colour table as classes.

    TIFF's tables have an entry for every number. Those after the last colour are black because they are unused.
    """
    colored = [value for value, color in enumerate(band.palette) if color[3] and color[:3] != (0, 0, 0)]
    return tuple(
        BandClass(value, str(value), (red, green, blue))
        for value, (red, green, blue, alpha) in enumerate(band.palette[: max(colored, default=0) + 1])
        if alpha
    )
