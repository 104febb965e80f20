"""Scenes for people and programs to read: a table, or GeoJSON."""

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
ALL = SearchLimits(observations=10**9, scenes=10**9, cover=False)
NOTHING = 1e-9
"""Degrees across a box that is a line or a place."""


@dataclass(frozen=True)
class Place:
    """Where a page of scenes ends: at this scene of this observation, in the order in which they are listed.

    With `until` the search goes on at that time, since it ended at a bound.
    """

    observation: tuple[datetime, str]
    scene: tuple[datetime, str, str]
    until: datetime | None = None

    def precedes(self, observation: Observation, scene: Scene) -> bool:
        """Whether a scene is listed after it: observations are newest first, and their scenes in order."""
        if observation.key != self.observation:
            return observation.key < self.observation
        return scene.order > self.scene


@dataclass(frozen=True)
class Listing:
    """Some scenes as observations, newest first, and where the next page begins; None where there is none."""

    observations: list[Observation]
    place: Place | None


async def list_scenes(
    engine: Engine,
    grid: Grid,
    scenes: SceneFilter,
    limit: int,
    after: Place | None = None,
) -> Listing:
    """All scenes that touch a grid, newest first, `limit` on a page.

    Raises a CatalogError, InvalidInput where there is no such collection.
    """
    interval = scenes.interval or await engine.searches.default_interval(scenes.collection)
    if after is not None and after.until is not None and (interval.end is None or after.until < interval.end):
        interval = Interval(interval.start, max(after.until, interval.start or after.until))
    found: list[tuple[Observation, Scene]] = []
    report = Report()
    async for observation in observations(engine, grid, replace(scenes, interval=interval), report, most=ALL):
        for scene in observation.scenes:
            if after is not None and not after.precedes(observation, scene):
                continue
            if len(found) == limit:
                return Listing(_together(found), _place(found))
            found.append((observation, scene))
    if not (report.truncated and found):
        return Listing(_together(found), None)
    # The search ended before the catalogue did, maybe within an observation: that is looked for once more.
    oldest = found[-1][0]
    until = max(max(scene.time for scene in oldest.scenes), oldest.time + SAME_PASS)
    return Listing(_together(found), replace(_place(found), until=until))


def _place(found: Sequence[tuple[Observation, Scene]]) -> Place:
    observation, scene = found[-1]
    return Place(observation.key, scene.order)


def _together(found: Sequence[tuple[Observation, Scene]]) -> list[Observation]:
    """Scenes with the observation that each belongs to, as observations of just these."""
    groups: dict[tuple[datetime, str], list[Scene]] = {}
    for observation, scene in found:
        groups.setdefault(observation.key, []).append(scene)
    return [Observation(time, tuple(scenes)) for (time, _), scenes in groups.items()]


def token_of(place: Place) -> str:
    """A place as text for a link."""
    times = [rfc3339(moment) if moment else None for moment in (place.observation[0], place.scene[0], place.until)]
    text = json.dumps([*times, place.observation[1], *place.scene[1:]], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def place_of(token: str) -> Place:
    """The place that `token_of` wrote. Raises InvalidInput for other texts."""
    try:
        parts = json.loads(base64.urlsafe_b64decode(token.encode("ascii") + b"=="))
        observed, taken, until, platform, mgrs_tile, name = parts
        if not all(isinstance(text, str) for text in (observed, taken, platform, mgrs_tile, name)):
            raise ValueError
        times = [None if text is None else datetime.fromisoformat(text) for text in (observed, taken, until)]
        if not all(moment is None or moment.tzinfo for moment in times) or times[0] is None or times[1] is None:
            raise ValueError
    except (ValueError, TypeError, RecursionError):
        raise InvalidInput("The token is none of a list.", parameter="token", valid="as a `next` link has it") from None
    return Place((times[0], platform), (times[1], mgrs_tile, name), times[2])


def box_grid(box: Bounds) -> Grid:
    """A grid of one pixel that shows a box in degrees, west greater than east over the antimeridian."""
    west, south, east, north = box
    across, down = max(east - west if west <= east else east - west + 360, NOTHING), max(north - south, NOTHING)
    return Grid("EPSG:4326", Affine(across, 0.0, west, 0.0, -down, south + down), 1, 1)


def table(observations: Sequence[Observation]) -> str:
    """One line a scene; the time of an observation stands at its first."""
    rows = [("TIME (UTC)", "MGRS", "CLOUD", "PLATFORM", "ID")]
    for observation in observations:
        for place, scene in enumerate(observation.scenes):
            time = f"{observation.time:%Y-%m-%d %H:%M:%S}" if place == 0 else ""
            cloud = "?" if scene.cloud_cover is None else f"{scene.cloud_cover:.0f} %"
            rows.append((time, scene.mgrs_tile, cloud, scene.platform, scene.id))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join(
        f"{time:<{widths[0]}}  {mgrs_tile:<{widths[1]}}  {cloud:>{widths[2]}}  {platform:<{widths[3]}}  {name}".rstrip()
        for time, mgrs_tile, cloud, platform, name in rows
    )


def feature_collection(observations: Sequence[Observation]) -> dict[str, Any]:
    """The scenes as GeoJSON (RFC 7946)."""
    features = [feature(scene, observation) for observation in observations for scene in observation.scenes]
    return {"type": "FeatureCollection", "features": features}


def feature(scene: Scene, observation: Observation) -> dict[str, Any]:
    """A scene as a GeoJSON feature."""
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
    """A footprint as GeoJSON, cut at the antimeridian (RFC 7946, section 3.1.9)."""
    if any(abs(lon) > 180 for ring in scene.footprint for lon, _ in ring):
        from scog.geo.geojson import geojson_of  # shapely is loaded for the few that need it

        return geojson_of(scene.footprint)
    polygons = [[[list(corner) for corner in ring]] for ring in scene.footprint]
    if len(polygons) == 1:
        return {"type": "Polygon", "coordinates": polygons[0]}
    return {"type": "MultiPolygon", "coordinates": polygons}
