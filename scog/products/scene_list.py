"""Lists of scenes, page by page, as GeoJSON or as a text table."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from affine import Affine

from scog.catalog.observation import SAME_PASS, Observation
from scog.catalog.scene import Scene
from scog.errors import InvalidInput
from scog.geo.footprint import Bounds
from scog.geo.grid import Grid
from scog.imaging.engine import Engine
from scog.imaging.report import Report
from scog.imaging.request import SceneFilter
from scog.imaging.select import SearchLimits, observations
from scog.temporal.intervals import Interval, rfc3339

MAX_LISTED = 10_000
"""Maximum number of scenes on one page."""
NO_LIMITS = SearchLimits(observations=10**9, scenes=10**9, cover=False)
MIN_EXTENT = 1e-9
"""Width and height in degrees of the grid of a bounding box that is a line or a point."""


@dataclass(frozen=True)
class PageEnd:
    """The last scene of a page, after which the next page begins.

    observation  key of the scene's observation: time and platform
    scene        sort key of the scene: time, MGRS tile and id
    until        end of the time range of the next page's search; None if the search of this page was not truncated
    """

    observation: tuple[datetime, str]
    scene: tuple[datetime, str, str]
    until: datetime | None = None

    def precedes(self, observation: Observation, scene: Scene) -> bool:
        """Whether a scene is listed after this page: observations are newest first, their scenes in order."""
        if observation.key != self.observation:
            return observation.key < self.observation
        return scene.sort_key > self.scene


@dataclass(frozen=True)
class Listing:
    """A page of scenes, grouped by observation, newest first.

    page_end  the last scene if there may be another page, else None
    """

    observations: list[Observation]
    page_end: PageEnd | None


async def list_scenes(
    engine: Engine,
    grid: Grid,
    scenes: SceneFilter,
    limit: int,
    after: PageEnd | None = None,
) -> Listing:
    """A page of the scenes that intersect a grid: the newest `limit` scenes, or those that follow `after`.

    Raises CatalogError, or InvalidInput if the collection does not exist or several catalogues have it.
    """
    interval = scenes.interval
    if interval is None:
        member, collection = await engine.catalogs.of(scenes.collection)
        interval = await member.default_interval(collection)
    if after is not None and after.until is not None and (interval.end is None or after.until < interval.end):
        interval = Interval(interval.start, max(after.until, interval.start or after.until))
    page: list[tuple[Observation, Scene]] = []
    report = Report()
    async for observation in observations(engine, grid, replace(scenes, interval=interval), report, limits=NO_LIMITS):
        for scene in observation.scenes:
            if after is not None and not after.precedes(observation, scene):
                continue
            if len(page) == limit:
                return Listing(_grouped(page), _last(page))
            page.append((observation, scene))
    if not (report.truncated and page):
        return Listing(_grouped(page), None)
    # The search was truncated, perhaps within an observation: the next page searches that observation again.
    oldest = page[-1][0]
    until = max(max(scene.time for scene in oldest.scenes), oldest.time + SAME_PASS)
    return Listing(_grouped(page), replace(_last(page), until=until))


def _last(page: Sequence[tuple[Observation, Scene]]) -> PageEnd:
    """The last scene of a page."""
    observation, scene = page[-1]
    return PageEnd(observation.key, scene.sort_key)


def _grouped(page: Sequence[tuple[Observation, Scene]]) -> list[Observation]:
    """The scenes of a page as observations of only these scenes."""
    groups: dict[tuple[datetime, str], list[Scene]] = {}
    for observation, scene in page:
        groups.setdefault(observation.key, []).append(scene)
    return [Observation(time, tuple(scenes)) for (time, _), scenes in groups.items()]


def page_token(page_end: PageEnd) -> str:
    """The token of a page's last scene, for the link to the next page."""
    times = [rfc3339(time) if time else None for time in (page_end.observation[0], page_end.scene[0], page_end.until)]
    text = json.dumps([*times, page_end.observation[1], *page_end.scene[1:]], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def parse_page_token(token: str) -> PageEnd:
    """The last scene of a page from a token of `page_token`. Raises InvalidInput for other texts."""
    try:
        parts = json.loads(base64.urlsafe_b64decode(token.encode("ascii") + b"=="))
        observation_time, scene_time, until, platform, mgrs_tile, scene_id = parts
        if not all(isinstance(text, str) for text in (observation_time, scene_time, platform, mgrs_tile, scene_id)):
            raise ValueError
        texts = observation_time, scene_time, until
        times = [None if text is None else datetime.fromisoformat(text) for text in texts]
        if not all(time is None or time.tzinfo for time in times) or times[0] is None or times[1] is None:
            raise ValueError
    except (ValueError, TypeError, RecursionError):
        message = "The token is not one of a list of scenes."
        raise InvalidInput(message, parameter="token", valid="the token of a `next` link") from None
    return PageEnd((times[0], platform), (times[1], mgrs_tile, scene_id), times[2])


def box_grid(box: Bounds) -> Grid:
    """A grid of one pixel that covers a bounding box in degrees. If west > east, the box crosses the antimeridian."""
    west, south, east, north = box
    width = max(east - west if west <= east else east - west + 360, MIN_EXTENT)
    height = max(north - south, MIN_EXTENT)
    return Grid("EPSG:4326", Affine(width, 0.0, west, 0.0, -height, south + height), 1, 1)


def table(observations: Sequence[Observation]) -> str:
    """Text with a header and one line per scene. The first line of an observation has its time."""
    rows = [("TIME (UTC)", "MGRS", "CLOUD", "PLATFORM", "ID")]
    for observation in observations:
        for index, scene in enumerate(observation.scenes):
            time = f"{observation.time:%Y-%m-%d %H:%M:%S}" if index == 0 else ""
            cloud = "?" if scene.cloud_cover is None else f"{scene.cloud_cover:.0f} %"
            rows.append((time, scene.mgrs_tile, cloud, scene.platform, scene.id))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join(
        f"{time:<{widths[0]}}  {tile:<{widths[1]}}  {cloud:>{widths[2]}}  {platform:<{widths[3]}}  {scene_id}".rstrip()
        for time, tile, cloud, platform, scene_id in rows
    )


def feature_collection(observations: Sequence[Observation]) -> dict[str, Any]:
    """The scenes as a GeoJSON FeatureCollection (RFC 7946)."""
    features = [feature(scene, observation) for observation in observations for scene in observation.scenes]
    return {"type": "FeatureCollection", "features": features}


def feature(scene: Scene, observation: Observation) -> dict[str, Any]:
    """A scene of an observation as a GeoJSON Feature."""
    return {
        "type": "Feature",
        "id": scene.id,
        "geometry": _geometry(scene),
        "properties": {
            "datetime": rfc3339(scene.time),
            **({"start_datetime": rfc3339(scene.start), "end_datetime": rfc3339(scene.end)} if scene.span else {}),
            "observation": rfc3339(observation.time),
            "collection": scene.collection,
            "platform": scene.platform,
            "mgrs_tile": scene.mgrs_tile,
            "cloud_cover": scene.cloud_cover,
        },
    }


def _geometry(scene: Scene) -> dict[str, Any]:
    """A footprint as a GeoJSON geometry, cut at the antimeridian (RFC 7946 section 3.1.9)."""
    if any(abs(lon) > 180 for ring in scene.footprint for lon, _ in ring):
        from scog.geo.geojson import footprint_geojson  # loads shapely, which few footprints need

        return footprint_geojson(scene.footprint)
    polygons = [[[list(vertex) for vertex in ring]] for ring in scene.footprint]
    if len(polygons) == 1:
        return {"type": "Polygon", "coordinates": polygons[0]}
    return {"type": "MultiPolygon", "coordinates": polygons}
