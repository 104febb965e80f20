"""Which local files the items of a catalogue may name: those of its own archive's folder.

With one archive, reading refuses all files outside its folder (`scog.net.local`). With several catalogues in one
server, a file may be inside the folder of another archive.
"""

from __future__ import annotations

import posixpath
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from scog.catalog.page_parser import ParsedPage
from scog.catalog.scene import Scene
from scog.net.byte_range import is_local

OUTSIDE = "outside-archive"


def is_below(url: str, folder: Path) -> bool:
    """Whether the path of a `file:` URL is below a folder, as written: symbolic links are not followed."""
    try:
        path = posixpath.normpath(unquote(urlsplit(url).path))
    except ValueError:
        return False
    return path.startswith(f"{folder.as_posix().rstrip('/')}/")


def with_own_files(page: ParsedPage, folder: Path | None) -> ParsedPage:
    """A page without local files outside the archive's folder; without any local file if `folder` is None.

    A scene that has no other file is skipped.
    """
    scenes: list[Scene] = []
    skipped, problems = page.skipped.copy(), list(page.problems)
    for scene in page.scenes:
        own = {
            band: asset
            for band, asset in scene.assets.items()
            if not is_local(asset.url) or (folder is not None and is_below(asset.url, folder))
        }
        if len(own) == len(scene.assets):
            scenes.append(scene)
            continue
        foreign = ", ".join(scene.assets.keys() - own.keys())
        problems.append(f"{scene.id}: {foreign}: the file is outside the catalogue's archive")
        if own:
            scenes.append(replace(scene, assets=own))
        else:
            skipped[OUTSIDE] += 1
    return ParsedPage(scenes, skipped, problems)
