"""Checks whether the catalogue responds and its files can be read, in the order of an image request."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace

from scog.catalog.archive.archive import Archive
from scog.catalog.query import Query
from scog.catalog.scene import Scene
from scog.catalog.search import Search, Searches
from scog.catalog.search_store import SearchStore
from scog.catalog.stac_api import RemoteCatalog
from scog.cli.doctor.finding import Finding
from scog.cli.doctor.network import latency, throughput
from scog.cog.metadata import FileMetadata
from scog.collections.profile import Profile
from scog.errors import (
    AssetMissing,
    AssetRefused,
    CatalogBroken,
    CatalogError,
    CatalogUnavailable,
    InvalidInput,
    ScogError,
    SourceError,
    SourceUnavailable,
)
from scog.imaging.asset_binding import bind_asset
from scog.imaging.engine import Engine, open_engine
from scog.net.byte_range import is_local
from scog.net.policy import UpstreamStats, host_of
from scog.render.layer import layer_of
from scog.settings import Settings
from scog.temporal.intervals import Interval, rfc3339

MAX_PROBLEMS = 200
"""Maximum number of an archive's problems that are listed one by one."""
WORLD = (-180.0, -85.0, 180.0, 85.0)


async def examine(settings: Settings) -> AsyncGenerator[Finding]:
    """Run the checks in order. If a check fails, later checks that depend on it are skipped."""
    try:
        async with open_engine(settings) as engine:
            async for finding in _examine(engine):
                yield finding
    except InvalidInput as error:
        yield Finding(False, f"catalogue {', '.join(settings.catalog)}: {error}", error.valid or "")


async def _examine(engine: Engine) -> AsyncIterator[Finding]:
    """The steps of each catalogue, whose findings begin with its name if there are several."""
    for searches in engine.catalogs:
        prefix = f"{searches.name}: " if len(engine.catalogs) > 1 else ""
        async for finding in _steps(engine, searches):
            yield replace(finding, text=prefix + finding.text)
    for finding in _hosts(engine):
        yield finding


async def _steps(engine: Engine, searches: Searches) -> AsyncIterator[Finding]:
    landing = await _landing(searches)
    yield landing
    if not landing.well:
        return
    catalog = searches.catalog
    if isinstance(catalog, RemoteCatalog):
        yield (await latency(catalog.url))[1]
    if isinstance(catalog, Archive):
        for finding in await asyncio.to_thread(_archive_problems, catalog):
            yield finding
    search, finding = await _search(searches)
    yield finding
    if search is None or not finding.well:
        return
    yield _items(search)
    if not search.scenes.scenes:
        return
    scene = search.scenes.scenes[0]
    profile = await engine.profiles.of(searches, scene.collection or None)
    band = await _band(engine, profile, scene)
    yield _profile(profile, scene)
    metadata, finding = await _header(engine, scene, band)
    yield finding
    if metadata is None:
        return
    block = await _block(engine, scene, band, metadata)
    yield block
    if block.well and scene.assets[band].stated_offset is not None:
        yield await _offset(engine, scene, band)
    for finding in _notes(scene):
        yield finding
    if block.well and not is_local(scene.assets[band].url):
        async for finding in _network(engine, scene.assets[band].url):
            yield finding


async def _network(engine: Engine, url: str) -> AsyncIterator[Finding]:
    """Measure latency and throughput to the host of a file that could be read."""
    try:
        part = await engine.ranges.read(url, 0, 1, UpstreamStats())
    except SourceError as error:
        yield Finding(False, f"connection to {host_of(url)}: {error} ({error.reason})", _hint(error, url))
        return
    handshake, finding = await latency(url)
    yield finding
    async for finding in throughput(engine.ranges.read, url, part.size, handshake, engine.settings):
        yield finding


def _hosts(engine: Engine) -> list[Finding]:
    """A failed finding for each host with an open or half-open circuit breaker after the checks."""
    states = _breaker_states(engine)
    hint = "Too many consecutive requests failed. Check the network and the host; scog retries automatically."
    return [Finding(False, f"{host}: {state}", hint) for host, state in states.items() if state != "closed"]


def _breaker_states(engine: Engine) -> dict[str, str]:
    """State of each host's circuit breaker: `closed`, `open` or `half-open`."""
    states = {host.name: host.breaker.value for host in engine.ranges.hosts}
    catalogs = [each.catalog for each in engine.catalogs if isinstance(each.catalog, RemoteCatalog)]
    return states | {host_of(catalog.url): catalog.breaker_state for catalog in catalogs}


async def _landing(searches: Searches) -> Finding:
    catalog = searches.catalog
    if not isinstance(catalog, RemoteCatalog):
        return Finding(True, f"archive {searches.source}: opened")
    since, tally = time.perf_counter(), UpstreamStats()
    try:
        page = await catalog.landing(tally)
    except CatalogError as error:
        return Finding(False, f"landing page of {catalog.url}: {error}", _hint(error))
    return Finding(True, f"landing page of {catalog.url}: {_cost(since, tally)}, {page.get('title') or page.get('id')}")


async def _search(searches: Searches) -> tuple[Search | None, Finding]:
    """Request one page of the newest scenes worldwide, with any cloud cover, without the search cache."""
    since, tally = time.perf_counter(), UpstreamStats()
    collection = searches.collection
    try:
        interval = await searches.default_interval(None)
        if not searches.catalog.is_live:
            interval = Interval(None, None)
        search = Search(Query(WORLD, interval, 100.0, collection), searches.catalog, SearchStore(None, ""))
        await search.load_page(tally)
    except CatalogError as error:
        return None, Finding(False, f"search: {error}", _hint(error))
    count = len(search.scenes.scenes) + sum(search.skipped.values())
    subject = f"search for the newest scenes{f' of {collection}' if collection else ''}"
    hint = "Set SCOG_COLLECTION to a collection of the catalogue, or increase SCOG_NEWEST_DAYS."
    return search, Finding(count > 0, f"{subject}: {_cost(since, tally)}, {count} items", hint)


def _archive_problems(archive: Archive) -> list[Finding]:
    """A failed finding for each file or item that cannot be used, wholly or in part."""
    problems = archive.problems()
    findings = [Finding(False, f"{path}: {reason}") for path, reason in problems[:MAX_PROBLEMS]]
    if len(problems) > MAX_PROBLEMS:
        findings.append(Finding(False, f"and {len(problems) - MAX_PROBLEMS} more problems of files and items"))
    return findings


def _items(search: Search) -> Finding:
    """Number of usable items of the page, and of skipped items by reason."""
    scenes = search.scenes.scenes
    reasons = ", ".join(f"{count} {reason}" for reason, count in search.skipped.most_common())
    newest = f", the newest {scenes[0].id} of {rfc3339(scenes[0].time)}" if scenes else ""
    text = f"items: {len(scenes)} usable{newest}" + (f"; skipped: {reasons}" if reasons else "")
    if search.problems:
        text += f"; such as {'; '.join(search.problems[:5])}"
    hint = "The items have no GeoTIFF assets that can be read: is this the right collection?"
    return Finding(bool(scenes), text, hint)


async def _header(engine: Engine, scene: Scene, band: str) -> tuple[FileMetadata | None, Finding]:
    """Read the header of one file."""
    url = scene.assets[band].url
    subject = f"header of {scene.id}'s {band}"
    since, tally = time.perf_counter(), UpstreamStats()
    try:
        _, metadata = bind_asset(scene.assets[band], band, await engine.blocks.read_metadata(url, tally))
    except SourceError as error:
        return None, Finding(False, f"{subject}: {error} ({error.reason})", _hint(error, url))
    height, width = metadata.levels[0].grid.shape
    cost = _cost(since, tally) if tally.requests or is_local(url) else "cached by an earlier run"
    return metadata, Finding(True, f"{subject}: {cost}, {width} x {height} pixels, {len(metadata.levels)} levels")


async def _block(engine: Engine, scene: Scene, band: str, metadata: FileMetadata) -> Finding:
    """Read the block at the centre of the full-resolution level."""
    url = scene.assets[band].url
    since, tally = time.perf_counter(), UpstreamStats()
    level = metadata.levels[0]
    centre = level.grid.height // 2 // level.block_shape[0], level.grid.width // 2 // level.block_shape[1]
    try:
        blocks = await engine.blocks.blocks(url, metadata, 0, [centre], tally)
    except SourceError as error:
        return Finding(False, f"one block of {band}: {error} ({error.reason})", _hint(error, url))
    rows, columns = blocks[centre].shape
    cost = _cost(since, tally) if tally.requests or is_local(url) else "a sparse block, stored without data"
    return Finding(True, f"one block of {band}, {columns} x {rows} pixels: {cost}")


def _profile(profile: Profile, scene: Scene) -> Finding:
    """What scog believes of the scene's collection and from where, and which of its bands the scene does not have."""
    bands = [f"{band.name} ({'; '.join(band.sources)})" if band.sources else band.name for band in profile.bands]
    text = f"collection {scene.collection or '(none)'}: by {profile.source}: {', '.join(bands)}"
    missing = [] if profile.open else [band.name for band in profile.bands if band.name not in scene.assets]
    if missing:
        text += f"; {scene.id} has no {', '.join(missing)}"
    hint = "docs/guide/collections.md explains how to describe the bands of a collection."
    return Finding(len(missing) < len(bands), text, hint)


async def _band(engine: Engine, profile: Profile, scene: Scene) -> str:
    """The band to read: one of the default layer that the scene has, else its first."""
    bands = layer_of(profile).expression.bands
    await engine.band_reader.find_in_files(scene, bands, UpstreamStats())
    return next((band for band in ("red", *bands) if band in scene.assets), next(iter(scene.assets)))


def _notes(scene: Scene) -> list[Finding]:
    """What was guessed about the bands of a scene, or contradicts itself."""
    notes = dict.fromkeys(note for asset in scene.assets.values() for note in asset.notes)
    return [Finding(True, f"{scene.id}: {note}") for note in (*scene.remarks, *notes)]


async def _offset(engine: Engine, scene: Scene, band: str) -> Finding:
    """The reflectance offset of the scene, and how it was determined."""
    url = scene.assets[band].url
    subject, since, tally = f"reflectance offset of {scene.id}'s {band}", time.perf_counter(), UpstreamStats()
    try:
        [used] = await engine.band_reader.offsets.of(scene, [scene.assets[band]], None, tally)
    except SourceError as error:
        return Finding(False, f"{subject}: {error} ({error.reason})", _hint(error, url))
    return Finding(True, f"{subject}: {used}" + (f", {_cost(since, tally)}" if tally.requests else ""))


def _cost(since: float, tally: UpstreamStats) -> str:
    """Duration, requests and bytes as text."""
    duration = f"{time.perf_counter() - since:.2f} s"
    return duration + (f", {tally.requests} requests, {tally.bytes / 1000:.1f} kB" if tally.requests else "")


def _hint(error: ScogError, url: str = "") -> str:
    """What to do about an error."""
    match error:
        case CatalogUnavailable():
            return "Check the network, HTTPS_PROXY and whether the service is up; then try again."
        case CatalogBroken():
            return "Check in a browser that SCOG_CATALOG is the landing page of a STAC API."
        case AssetRefused(reason="host-not-allowed"):
            return f"If you trust this host, allow it: SCOG_HOSTS={host_of(url)}"
        case AssetRefused(reason="several-bands" | "no-such-band" | "shape-mismatch" | "no-crs"):
            return "cog.md explains how an item describes the bands and the georeference of a file."
        case AssetMissing():
            return "The file was deleted or is not public. Try a newer scene; requester-pays files cannot be read."
        case SourceUnavailable(reason="token-service"):
            return "Check the network, SCOG_SAS_TOKEN_URL and SCOG_SAS_SUBSCRIPTION_KEY; then try again."
        case SourceUnavailable():
            return "Check the network. A connection that often stalls may need a longer SCOG_READ_STALL (seconds)."
        case _:
            return "The file differs from its item's description; other scenes may be readable."
