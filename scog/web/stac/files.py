"""`/stac/files/...`: the files that the archive's items refer to, and no others. Range requests are supported."""

from __future__ import annotations

import os
import stat

from fastapi.responses import FileResponse, Response

from scog.catalog.archive.archive import Archive
from scog.errors import OutOfRange
from scog.suggest import quoted

MEDIA_TYPES = {".tif": "image/tiff", ".tiff": "image/tiff", ".jp2": "image/jp2", ".xml": "application/xml"}
HEADERS = {"Cache-Control": "public, max-age=3600", "X-Content-Type-Options": "nosniff"}


def find_file(archive: Archive, path: str) -> tuple[str, os.stat_result]:
    """The real path of an asset's file, and its status. Raises OutOfRange unless it is a file in the archive's folder.

    Paths are compared with the `href` of assets as strings, so no other spelling of a path is accepted.
    """
    missing = OutOfRange(
        f"No asset has the file {quoted(path)}.", parameter="path", valid="the path of an asset's href"
    )
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
    """The file. Starlette handles range requests and conditional requests."""
    media_type = MEDIA_TYPES.get(os.path.splitext(real)[1].lower(), "application/octet-stream")
    return FileResponse(real, media_type=media_type, headers=HEADERS, stat_result=status)
