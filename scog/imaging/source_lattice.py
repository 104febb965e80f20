"""The pixel lattice of an area's scenes, from file headers of the newest readable scene instead of its item."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice

import numpy as np

from scog.catalog.scene import Scene
from scog.collections.profile import Profile
from scog.errors import CatalogError, SourceError
from scog.geo.bounds import DEGREES
from scog.geo.grid import Grid, transformer
from scog.geo.lattice import Lattice, lattice_of
from scog.geo.native_grid import mgrs_tile_crs, zone_crs
from scog.imaging.asset_binding import bind_asset
from scog.imaging.clip import ClipArea
from scog.imaging.engine import Engine
from scog.imaging.report import Report
from scog.imaging.request import ImageRequest
from scog.imaging.select import SearchLimits, observations
from scog.net.policy import UpstreamStats
from scog.runtime.tasks import gather_all

LIMITS = SearchLimits(observations=4, scenes=16)
"""Maximum number of observations and scenes that are tried until the files of one can be read."""

FILE_LIMITS = SearchLimits(observations=16, scenes=64)
"""Maximum number of observations and scenes whose files `file_grids` returns."""
EDGE_POINTS = 17
"""Number of points of each edge by which a grid is compared with a file."""


def nominal_resolution(profile: Profile, bands: Iterable[str]) -> float:
    """Nominal pixel size of the finest band in metres, for use if no file can be read. 10 if it is unknown."""
    resolutions = (profile.band(band).resolution for band in bands)
    return min((each for each in resolutions if each is not None), default=10)


async def source_lattice(
    engine: Engine, grid: Grid, request: ImageRequest, tally: UpstreamStats, outline: ClipArea | None = None
) -> Lattice | None:
    """The lattice of the newest readable observation that intersects a grid, and `outline` if given.

    None if there is no scene, or none can be read; drawing the image then raises the error. The search and the headers
    are cached, and drawing the image uses them too.
    """
    centre = transformer(grid.crs, DEGREES).transform(*grid.centre)
    report = Report(tally=tally)
    with suppress(CatalogError):
        async for observation in observations(engine, grid, request, report, limits=LIMITS):
            scenes = [scene for scene in observation.scenes if outline is None or outline.intersects(scene)]
            lattice = await lattice_of_scenes(
                engine, scenes, request.expression.bands, centre, tally, masked_by=request
            )
            if lattice is not None:
                return lattice
    return None


async def file_grids(engine: Engine, grid: Grid, request: ImageRequest, tally: UpstreamStats) -> list[Grid]:
    """The full-resolution grids of the scenes that intersect a grid, the newest first, in an order of all tiles.

    Of each scene, the file with the finest pixels counts. Scenes that cannot be read are left out, and those below one
    that contains the whole grid. The search and the headers are cached, and drawing the image uses them too.
    """
    centre = transformer(grid.crs, DEGREES).transform(*grid.centre)
    found: list[Grid] = []
    with suppress(CatalogError):
        async for observation in observations(engine, grid, request, Report(tally=tally), limits=FILE_LIMITS):
            files = await gather_all(
                _finest_file(engine, scene, request.expression.bands, centre, tally, request)
                for scene in observation.scenes
            )
            found += [each[1] for each in files if each is not None]
            if any(_contains(file, grid) for file in found):
                break
    return found


def _contains(file: Grid, grid: Grid) -> bool:
    """Whether the outline of a grid is within a file."""
    along = np.linspace(0, 1, EDGE_POINTS)
    zeros, ones = np.zeros(EDGE_POINTS), np.ones(EDGE_POINTS)
    x, y = grid.xy(
        np.concatenate((along, along, zeros, ones)) * grid.width,
        np.concatenate((zeros, ones, along, along)) * grid.height,
    )
    col, row = file.colrow(*transformer(grid.crs, file.crs).transform(x, y))
    return bool(((col >= 0) & (col <= file.width) & (row >= 0) & (row <= file.height)).all())


async def lattice_of_scenes(
    engine: Engine,
    scenes: Sequence[Scene],
    bands: Sequence[str],
    lonlat: tuple[float, float],
    tally: UpstreamStats,
    *,
    masked_by: ImageRequest | None = None,
) -> Lattice | None:
    """The finest lattice among the bands of the first scene whose files can be read; None if there is none.

    Scenes in the UTM zone of `lonlat` come first, so that an area near the edge of a zone is sampled in its own zone.
    The headers of the bands that the mask of the request `masked_by` needs later are read concurrently.
    """
    utm_zone = zone_crs(*lonlat)
    for scene in islice(sorted(scenes, key=lambda scene: mgrs_tile_crs(scene.mgrs_tile) != utm_zone), LIMITS.scenes):
        lattice = await _finest_lattice(engine, scene, bands, lonlat, tally, masked_by)
        if lattice is not None:
            return lattice
    return None


async def _finest_lattice(
    engine: Engine,
    scene: Scene,
    bands: Sequence[str],
    lonlat: tuple[float, float],
    tally: UpstreamStats,
    masked_by: ImageRequest | None,
) -> Lattice | None:
    """The finest lattice among the bands of a scene; None if a band is missing or cannot be read."""
    file = await _finest_file(engine, scene, bands, lonlat, tally, masked_by)
    return None if file is None else file[0]


async def _finest_file(
    engine: Engine,
    scene: Scene,
    bands: Sequence[str],
    lonlat: tuple[float, float],
    tally: UpstreamStats,
    masked_by: ImageRequest | None,
) -> tuple[Lattice, Grid] | None:
    """The finest lattice among the bands of a scene and its file's grid; None if a band is missing or unreadable."""
    await engine.band_reader.find_in_files(scene, bands, tally)
    if not all(band in scene.assets for band in bands):
        return None
    bands_by_url = {scene.assets[band].url: band for band in reversed(bands)}

    async def read_file(url: str) -> tuple[Lattice, Grid]:
        metadata = engine.blocks.cached_metadata(url) or await engine.blocks.read_metadata(url, tally)
        band = bands_by_url[url]
        _, metadata = bind_asset(scene.assets[band], band, metadata)
        full, resolutions = metadata.levels[0].grid, metadata.resolutions
        return replace(lattice_of(full, *lonlat), coarsest=max(resolutions) / resolutions[0]), full

    async def prefetch(url: str) -> None:
        with suppress(SourceError):
            await engine.blocks.read_metadata(url, tally)

    mask_bands = () if masked_by is None else masked_by.scene_mask(scene.collection).bands
    mask_urls = {scene.assets[band].url for band in mask_bands if band in scene.assets} - bands_by_url.keys()
    uncached = [url for url in mask_urls if engine.blocks.cached_metadata(url) is None]
    try:
        results = await gather_all((*map(read_file, bands_by_url), *map(prefetch, uncached)))
    except SourceError:
        return None
    files = [file for file in results if file is not None]
    finest, full = min(files, key=lambda file: file[0].metres)
    coarsest = min(lattice.coarsest * lattice.metres for lattice, _ in files)
    return replace(finest, coarsest=max(1.0, coarsest / finest.metres)), full
