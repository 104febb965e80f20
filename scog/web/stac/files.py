"""`/stac/files/...`: the files that the archive's items refer to, in ranges, and no others."""

from __future__ import annotations

import os
import stat

from fastapi.responses import FileResponse, Response

from scog.catalog.archive.archive import Archive
from scog.errors import OutOfRange

MEDIA_TYPES = {".tif": "image/tiff", ".tiff": "image/tiff", ".jp2": "image/jp2", ".xml": "application/xml"}
HEADERS = {"Cache-Control": "public, max-age=3600", "X-Content-Type-Options": "nosniff"}


def find_file(archive: Archive, path: str) -> tuple[str, os.stat_result]:
    """The real path of an asset's file. Raises OutOfRange unless it is a regular file below the archive's folder.

    A path counts only as items refer to it, so that no other way of writing it leads anywhere.
    """
    missing = OutOfRange("There is no such file among the archive's assets.", parameter="path", valid="an asset's href")
    if not archive.select("SELECT 1 FROM files WHERE path = ? LIMIT 1", (path,)):
        raise missing
    real = os.path.realpath(archive.folder / path)
    if not real.startswith(str(archive.folder) + os.sep):
        raise missing
    try:
        status = os.stat(real, follow_symlinks=False)
    except (OSError, ValueError):
        raise missing from None
    if not stat.S_ISREG(status.st_mode) or not os.access(real, os.R_OK):
        raise missing
    return real, status


def file_response(real: str, status: os.stat_result) -> Response:
    """The file; Starlette answers ranges, and conditions on them."""
    media = MEDIA_TYPES.get(os.path.splitext(real)[1].lower(), "application/octet-stream")
    return FileResponse(real, media_type=media, headers=HEADERS, stat_result=status)
