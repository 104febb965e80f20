"""Byte ranges of the files of a local archive, with the interface and errors of HTTP ranges."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Sequence
from concurrent.futures import Executor
from pathlib import Path
from urllib.parse import unquote, urlsplit

from scog.errors import AssetBroken, AssetMissing, AssetRefused
from scog.net.byte_range import ByteRange
from scog.net.policy import UpstreamStats


class LocalRanges:
    """Reads byte ranges of files below the folders of local archives.

    A path below one of the folders must lead to a file in the same folder, even if symbolic links lead to another.
    """

    def __init__(self, roots: Sequence[Path], executor: Executor) -> None:
        self._roots = sorted(map(os.path.realpath, roots), key=len, reverse=True)  # the innermost first
        self._executor = executor

    async def read(self, url: str, start: int, stop: int, tally: UpstreamStats) -> ByteRange:
        """Read bytes `start..stop` of a `file:` URL, fewer if the file ends before.

        Raises AssetRefused for a file outside the folder, AssetMissing or AssetBroken.
        """
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._read, url, start, stop)

    async def exists(self, url: str) -> bool:
        """Whether there is such a file. Raises AssetRefused outside the folder."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._exists, url)

    def _exists(self, url: str) -> bool:
        try:
            return os.path.isfile(self._path(url))
        except AssetMissing:
            return False

    def _path(self, url: str) -> str:
        try:
            named = unquote(urlsplit(url).path)
            path = os.path.realpath(named)
        except ValueError:  # not a valid file name
            raise AssetMissing("There is no such file in the archive.", reason="no-file") from None
        innermost = next((root for root in self._roots if _is_below(os.path.normpath(named), root)), None)
        if not any(_is_below(path, root) for root in ([innermost] if innermost else self._roots)):
            raise AssetRefused("The file is outside the archive's folder.", reason="outside-archive")
        return path

    def _read(self, url: str, start: int, stop: int) -> ByteRange:
        path = self._path(url)
        try:
            with open(path, "rb", opener=_open_nonblocking) as file:
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode):
                    raise AssetRefused("This is not a regular file.", reason="not-a-file")
                data = os.pread(file.fileno(), stop - start, start)
        except (FileNotFoundError, PermissionError, IsADirectoryError):
            raise AssetMissing("There is no such file in the archive.", reason="no-file") from None
        except OSError as error:
            raise AssetBroken(f"The file cannot be read: {error.strerror}.", reason="unreadable") from None
        return ByteRange(start, data, status.st_size, f"{status.st_mtime_ns:x}-{status.st_ino:x}/{status.st_size}")


def _is_below(path: str, root: str) -> bool:
    return path.startswith(root.rstrip(os.sep) + os.sep)


def _open_nonblocking(path: str, flags: int) -> int:
    """Open a file without following a symbolic link, and without blocking on a named pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0))
