"""On which pixels the scenes of a place lie: what the headers of the newest one's files say, whatever its item says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice

from scog.catalog.scene import Scene
from scog.collections.bands import BY_NAME
from scog.errors import CatalogError, SourceError
from scog.geo.bounds import DEGREES
from scog.geo.grid import Grid, transformer
from scog.geo.lattice import Lattice, lattice_of
from scog.geo.native_grid import zone, zone_of_mgrs_tile
from scog.imaging.asset_binding import bound
from scog.imaging.clip import ClipArea
from scog.imaging.engine import Engine
from scog.imaging.report import Report
from scog.imaging.request import ImageRequest
from scog.imaging.select import SearchLimits, observations
from scog.net.policy import UpstreamStats
from scog.runtime.tasks import gather_all

MOST = SearchLimits(observations=4, scenes=16)
"""Looked at until there is one whose files can be read."""
CLASSIFICATION = "scl"


def nominal_metres(bands: Iterable[str]) -> int:
    """Metres of a pixel of the finest of bands, by their names: what is assumed where no file can be read."""
    return min((BY_NAME[band].resolution for band in bands if band in BY_NAME), default=10)


async def source_lattice(
    engine: Engine, grid: Grid, request: ImageRequest, tally: UpstreamStats, outline: ClipArea | None = None
) -> Lattice | None:
    """The lattice of what would be drawn on a grid, or within an outline: that of the newest observation's files.

    The search is the one that drawing asks for, and the headers are those that it reads: both are cached. None where
    there are no scenes, or none whose files can be read; drawing will say why.
    """
    middle = transformer(grid.crs, DEGREES).transform(*grid.centre)
    report = Report(tally=tally)
    masked = request.mask.classes is not None
    with suppress(CatalogError):
        async for observation in observations(engine, grid, request, report, most=MOST):
            scenes = [scene for scene in observation.scenes if outline is None or outline.touches(scene)]
            found = await lattice_of_scenes(engine, scenes, request.expression.bands, middle, tally, masked=masked)
            if found is not None:
                return found
    return None


async def lattice_of_scenes(
    engine: Engine,
    scenes: Sequence[Scene],
    bands: Sequence[str],
    place: tuple[float, float],
    tally: UpstreamStats,
    *,
    masked: bool = False,
) -> Lattice | None:
    """The finest lattice among the bands of the first scene whose files can be read; None where there is none.

    Scenes in the UTM zone of the `place`, in degrees, come first: a field between two zones is measured in its own.
    With `masked` the header of the classification is read at the same time, since it will be needed next.
    """
    own = zone(*place)
    for scene in islice(sorted(scenes, key=lambda scene: zone_of_mgrs_tile(scene.mgrs_tile) != own), MOST.scenes):
        found = await _finest(engine, scene, bands, place, tally, masked=masked)
        if found is not None:
            return found
    return None


async def _finest(
    engine: Engine,
    scene: Scene,
    bands: Sequence[str],
    place: tuple[float, float],
    tally: UpstreamStats,
    *,
    masked: bool,
) -> Lattice | None:
    """The finest lattice among the bands of a scene; None where one of them is missing or cannot be read."""
    if not all(band in scene.assets for band in bands):
        return None
    urls = {scene.assets[band].url: band for band in reversed(bands)}

    async def of(url: str) -> Lattice:
        description = engine.blocks.known(url) or await engine.blocks.describe(url, tally)
        _, description = bound(scene.assets[urls[url]], urls[url], description)
        full, resolutions = description.levels[0].grid, description.resolutions
        return replace(lattice_of(full, *place), coarsest=max(resolutions) / resolutions[0])

    async def beside() -> None:
        mask = scene.assets.get(CLASSIFICATION)
        if masked and mask is not None and mask.url not in urls and engine.blocks.known(mask.url) is None:
            with suppress(SourceError):
                await engine.blocks.describe(mask.url, tally)

    try:
        *lattices, _ = await gather_all((*map(of, urls), beside()))
    except SourceError:
        return None
    finest: Lattice = min(lattices, key=lambda lattice: lattice.metres)
    coarsest = min(lattice.coarsest * lattice.metres for lattice in lattices)
    return replace(finest, coarsest=max(1.0, coarsest / finest.metres))
