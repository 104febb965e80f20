"""Reads headers once per file: metadata is cached in memory, and the header on disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import Any, TypeVar

from scog.cog.error_cache import ErrorCache
from scog.cog.gdal_reader import GdalReader
from scog.cog.header_store import HeaderStore
from scog.cog.header_template import HeaderTemplate, HeaderTemplates, template_of
from scog.cog.ifd import ImageDirectories, NotTiff, OddPages, walk
from scog.cog.metadata import FileMetadata
from scog.errors import AssetBroken, SourceError
from scog.net.byte_range import ByteRange, is_local
from scog.net.policy import UpstreamStats
from scog.net.ranges import Ranges
from scog.runtime.byte_cache import ByteCache
from scog.runtime.singleflight import SingleFlight
from scog.runtime.tasks import gather_all

MAX_HEADER = 4_000_000
"""Maximum bytes of a header that scog parses. GDAL reads files whose directories are further from the start."""
METADATA_BYTES = 64 * 2**20
"""Maximum bytes of the metadata cached in memory."""
METADATA_SIZE = 2000
"""Estimated bytes of one file's metadata, without the location of its blocks."""
BYTES_PER_BLOCK = 16
"""Bytes of the offset and the size of a block."""
MASK_SUFFIX = ".msk"
"""Suffix of GDAL's external masks. Only used for local files: for others, the check would take a request."""
T = TypeVar("T")


class HeaderReader:
    """Reads the metadata of files. Used within one event loop. `header_bytes` is the size of the first request."""

    def __init__(
        self,
        ranges: Ranges,
        store: HeaderStore,
        cpu: Executor,
        gdal: GdalReader,
        errors: ErrorCache,
        header_bytes: int,
    ) -> None:
        self._ranges = ranges
        self._store = store
        self._cpu = cpu
        self._gdal = gdal
        self._errors = errors
        self._header_bytes = header_bytes
        self._cache: ByteCache[str, FileMetadata] = ByteCache(METADATA_BYTES)
        self._templates = HeaderTemplates()
        self._flights: SingleFlight[str, FileMetadata] = SingleFlight()

    def cached_metadata(self, url: str) -> FileMetadata | None:
        """The metadata of a file if it is in memory, else None."""
        return self._cache.get(url)

    async def read_metadata(self, url: str, tally: UpstreamStats) -> FileMetadata:
        """The metadata of a file. Raises a SourceError, which may be cached."""
        [metadata] = await self.read_all_metadata([url], tally)
        return metadata

    async def read_all_metadata(self, urls: Sequence[str], tally: UpstreamStats) -> list[FileMetadata]:
        """The metadata of each file, read concurrently. Raises a SourceError, which may be cached."""
        result: dict[str, FileMetadata] = {}
        missing: list[str] = []
        for url in dict.fromkeys(urls):
            cached = self._cache.get(url)
            if cached is not None:
                result[url] = cached
            else:
                self._errors.check(url)
                missing.append(url)
        read = await gather_all(self._flights.join(url, partial(self._load, url, tally), tally) for url in missing)
        result |= zip(missing, read, strict=True)
        return [result[url] for url in urls]

    async def forget(self, url: str, used: FileMetadata) -> None:
        """Drop the metadata `used` of a file that was replaced, unless newer metadata is cached already."""
        cached = self._cache.get(url)
        if cached is None or cached.identity == used.identity:
            self._cache.drop(url)
            await self._in_thread(self._store.drop, url)

    async def _load(self, url: str, tally: UpstreamStats) -> FileMetadata:
        """The metadata from disk or from the file. Caches it, or the error."""
        try:
            metadata = await self._load_uncached(url, tally)
        except SourceError as error:
            self._errors.remember(url, error)
            raise
        blocks = sum(level.sizes.size for level in metadata.levels if level.sizes is not None)
        self._cache.put(url, metadata, METADATA_SIZE + BYTES_PER_BLOCK * blocks)
        return metadata

    async def _load_uncached(self, url: str, tally: UpstreamStats) -> FileMetadata:
        mask_file = url + MASK_SUFFIX
        if await self._ranges.exists_locally(mask_file):
            return await self._gdal.read_metadata(url, tally, mask_file)
        if self._store.is_open:
            stored = await self._in_thread(self._from_store, url)
            if stored is not None:
                return stored
        try:
            return await self._read(url, tally)
        except AssetBroken as error:
            if error.reason not in ("not-a-tiff", "cut-off"):
                raise
            return await self._read(url, tally)  # only this response may have been broken

    async def _read(self, url: str, tally: UpstreamStats) -> FileMetadata:
        """The metadata from the file's first bytes. More bytes are read if its header is longer."""
        size: int | None = self._header_bytes
        while size is not None:
            tally.requested_bytes += size
            part = await self._ranges.read(url, 0, size, tally)
            data = bytes(part.data)
            # Not in a thread, since switching to one takes longer.
            result: HeaderTemplate | int | None = self._templates.find(data, local=is_local(url))
            if result is None:
                try:
                    result = await self._in_thread(self._parse, url, data, part.size)
                except OddPages:
                    break
            if isinstance(result, HeaderTemplate):
                return await self._metadata(url, data, part, result)
            size = max(result, 4 * size) if result <= MAX_HEADER else None
        return await self._gdal.read_metadata(url, tally)

    def _from_store(self, url: str) -> FileMetadata | None:
        """The metadata from the header on disk, or None."""
        stored = self._store.get(url)
        if stored is None:
            return None
        identity, header = stored
        try:
            template = self._templates.find(header, local=is_local(url))
            if template is None:
                directories = _directories(header)
                if directories.needed > len(header):
                    raise AssetBroken("The stored header lacks some of its directories.", reason="cut-off")
                template = self._add_template(url, header, directories)
            return template.describe(header, identity)
        except (SourceError, TypeError, OddPages):  # corrupt, or written by an older version of scog
            self._store.drop(url)
            return None

    async def _metadata(self, url: str, data: bytes, part: ByteRange, template: HeaderTemplate) -> FileMetadata:
        """The metadata of a file whose first bytes `data` contain its whole header. Stores the header on disk."""
        header = data[: template.directories.needed]
        metadata = template.describe(header, part.etag)
        if metadata.stop > part.size:
            raise AssetBroken(
                f"The file has {part.size} bytes; its last block ends at byte {metadata.stop}.", reason="cut-off"
            )
        if self._store.is_open:
            await self._in_thread(self._store.put, url, part.etag, header)
        return metadata

    def _parse(self, url: str, data: bytes, size: int) -> HeaderTemplate | int:
        """The template for the first bytes `data` of a file of `size` bytes; the header's size if `data` is too short.

        Raises AssetBroken, AssetRefused or OddPages.
        """
        template = self._templates.find(data, local=is_local(url))  # another thread may have added it meanwhile
        if template is not None:
            return template
        directories = _directories(data)
        needed = directories.needed
        if needed > len(data):
            if len(data) >= size:
                raise AssetBroken(f"The file has {size} bytes; its directories need {needed}.", reason="cut-off")
            return needed
        return self._add_template(url, data[:needed], directories)

    def _add_template(self, url: str, header: bytes, directories: ImageDirectories) -> HeaderTemplate:
        template = template_of(header, directories, local=is_local(url))
        self._templates.add(template)
        return template

    async def _in_thread(self, work: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._cpu, work, *args)


def _directories(header: bytes) -> ImageDirectories:
    """The directories of a header. Raises AssetBroken or OddPages."""
    try:
        return walk(header)
    except NotTiff as error:
        raise AssetBroken(f"The file is not a TIFF: {error}.", reason="not-a-tiff") from None
