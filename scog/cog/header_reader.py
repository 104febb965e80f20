"""The describer: headers are read once, and what they tell is kept, in memory and on disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import Any, TypeVar

from scog.cog.error_cache import ErrorCache
from scog.cog.gdal_reader import GdalReader
from scog.cog.header_store import HeaderStore
from scog.cog.header_template import HeaderTemplate, HeaderTemplates, kind_of
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
"""Largest header read to describe a file, in bytes; beyond it GDAL looks for the directories."""
DESCRIPTIONS_BYTES = 64 * 2**20
MASK_FILE = ".msk"
"""What GDAL adds to a file's name for its mask. It is looked for on the own disk; remotely it would cost a request."""
T = TypeVar("T")


class HeaderReader:
    """Describes files. Made and used within one event loop."""

    def __init__(
        self,
        ranges: Ranges,
        store: HeaderStore,
        cpu: Executor,
        gdal: GdalReader,
        faults: ErrorCache,
        header_bytes: int,
    ) -> None:
        self._ranges = ranges
        self._store = store
        self._cpu = cpu
        self._gdal = gdal
        self._faults = faults
        self._header_bytes = header_bytes
        self._descriptions: ByteCache[str, FileMetadata] = ByteCache(DESCRIPTIONS_BYTES)
        self._kinds = HeaderTemplates()
        self._describing: SingleFlight[str, FileMetadata] = SingleFlight()

    def known(self, url: str) -> FileMetadata | None:
        """The description of a file, if it is in memory."""
        return self._descriptions.get(url)

    async def describe(self, url: str, tally: UpstreamStats) -> FileMetadata:
        """What the file at `url` says of itself. Raises a SourceError, a remembered one for a while."""
        [found] = await self.describe_all([url], tally)
        return found

    async def describe_all(self, urls: Sequence[str], tally: UpstreamStats) -> list[FileMetadata]:
        """What the files say of themselves, all read at once. Raises a SourceError."""
        found: dict[str, FileMetadata] = {}
        lacking: list[str] = []
        for url in dict.fromkeys(urls):
            known = self._descriptions.get(url)
            if known is not None:
                found[url] = known
            else:
                self._faults.check(url)
                lacking.append(url)
        brought = await gather_all(
            self._describing.join(url, partial(self._describe, url, tally), tally) for url in lacking
        )
        found |= zip(lacking, brought, strict=True)
        return [found[url] for url in urls]

    async def forget(self, url: str, used: FileMetadata) -> None:
        """Let go of what is known of a file that was replaced; its old blocks are never asked for again."""
        known = self._descriptions.get(url)
        if known is None or known.identity == used.identity:  # else somebody has described the new one already
            self._descriptions.drop(url)
            await self._in_thread(self._store.drop, url)

    async def _describe(self, url: str, tally: UpstreamStats) -> FileMetadata:
        try:
            found = await self._found(url, tally)
        except SourceError as fault:
            self._faults.remember(url, fault)
            raise
        blocks = sum(level.sizes.size for level in found.levels if level.sizes is not None)
        self._descriptions.put(url, found, 2000 + 16 * blocks)
        return found

    async def _found(self, url: str, tally: UpstreamStats) -> FileMetadata:
        if await self._ranges.exists_here(url + MASK_FILE):
            return await self._gdal.describe(url, tally, url + MASK_FILE)
        if self._store.keeps:
            kept = await self._in_thread(self._restored, url)
            if kept is not None:
                return kept
        try:
            return await self._read(url, tally)
        except AssetBroken as fault:
            if fault.reason not in ("not-a-tiff", "cut-off"):
                raise
            return await self._read(url, tally)  # perhaps just this answer was broken

    async def _read(self, url: str, tally: UpstreamStats) -> FileMetadata:
        """What the file's first bytes tell, as many as it takes."""
        size: int | None = self._header_bytes
        while size is not None:
            tally.asked += size
            part = await self._ranges.read(url, 0, size, tally)
            data = bytes(part.data)
            told: HeaderTemplate | int | None = self._kinds.find(
                data, local=is_local(url)
            )  # without a thread, which takes longer to ask
            if told is None:
                try:
                    told = await self._in_thread(self._look_at, url, data, part.size)
                except OddPages:
                    break
            if isinstance(told, HeaderTemplate):
                return await self._told(url, data, part, told)
            size = max(told, 4 * size) if told <= MAX_HEADER else None
        return await self._gdal.describe(url, tally)

    def _restored(self, url: str) -> FileMetadata | None:
        """What the header kept on disk tells, if one is."""
        kept = self._store.get(url)
        if kept is None:
            return None
        identity, header = kept
        try:
            kind = self._kinds.find(header, local=is_local(url))
            if kind is None:
                directories = _walked(header)
                if directories.needed > len(header):
                    raise AssetBroken("The header lacks some of its directories.", reason="cut-off")
                kind = self._learn(url, header, directories)
            return kind.describe(header, identity)
        except (SourceError, TypeError, OddPages):  # the disk's fault, or an older scog's
            self._store.drop(url)
            return None

    async def _told(self, url: str, data: bytes, part: ByteRange, kind: HeaderTemplate) -> FileMetadata:
        """What a file's first bytes tell, which hold all of its directories."""
        header = data[: kind.directories.needed]
        description = kind.describe(header, part.etag)
        if description.stop > part.size:
            raise AssetBroken("The file ends before its blocks do.", reason="cut-off")
        if self._store.keeps:
            await self._in_thread(self._store.put, url, part.etag, header)
        return description

    def _look_at(self, url: str, data: bytes, size: int) -> HeaderTemplate | int:
        """What kind of file begins like this, or how many bytes it takes to hold all of its directories."""
        kind = self._kinds.find(data, local=is_local(url))  # which may have become known since
        if kind is not None:
            return kind
        directories = _walked(data)
        needed = directories.needed
        if needed > len(data):
            if len(data) >= size:
                raise AssetBroken("The file ends before its directories do.", reason="cut-off")
            return needed
        return self._learn(url, data[:needed], directories)

    def _learn(self, url: str, header: bytes, directories: ImageDirectories) -> HeaderTemplate:
        kind = kind_of(header, directories, local=is_local(url))
        self._kinds.add(kind)
        return kind

    async def _in_thread(self, work: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._cpu, work, *args)


def _walked(header: bytes) -> ImageDirectories:
    try:
        return walk(header)
    except NotTiff as fault:
        raise AssetBroken(f"The file is not a TIFF: {fault}.", reason="not-a-tiff") from None
