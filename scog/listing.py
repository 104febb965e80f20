"""Scenes for people and programs to read: a table, or GeoJSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scog.catalog.footprint import Bounds
from scog.catalog.observation import Observation
from scog.catalog.scene import Scene
from scog.catalog.search import Search
from scog.catalog.when import Interval, rfc3339
from scog.engine import Engine
from scog.net.policy import Tally


async def newest_scenes(
    engine: Engine, bounds: Bounds, interval: Interval | None, cloud_cover: float, collection: str | None, limit: int
) -> tuple[list[Observation], Search]:
    """The newest scenes over bounds, at most `limit`, as observations, and the search that found them.

    Raises a CatalogError, InvalidInput where there is no such collection.
    """
    tally = Tally()
    interval = interval or await engine.searches.default_interval(collection)
    search = await engine.searches.find(bounds, interval, cloud_cover, collection, tally)
    while not search.exhausted and len(_whole(search, bounds)) < limit:
        await search.turn(tally)
    found: list[Observation] = []
    for observation in search.scenes.touching(bounds):
        scenes = observation.scenes[: limit - sum(len(each.scenes) for each in found)]
        if not scenes:
            break
        found.append(Observation(observation.time, scenes))
    return found, search


def _whole(search: Search, bounds: Bounds) -> list[Scene]:
    """The scenes of observations to which no further page can add."""
    touching = search.scenes.touching(bounds)
    return [scene for each in touching if each.time > search.horizon for scene in each.scenes]


def table(observations: Sequence[Observation]) -> str:
    """One line a scene; the time of an observation stands at its first."""
    rows = [("TIME (UTC)", "SQUARE", "CLOUD", "PLATFORM", "ID")]
    for observation in observations:
        for place, scene in enumerate(observation.scenes):
            time = f"{observation.time:%Y-%m-%d %H:%M:%S}" if place == 0 else ""
            cloud = "?" if scene.cloud_cover is None else f"{scene.cloud_cover:.0f} %"
            rows.append((time, scene.square, cloud, scene.platform, scene.id))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join(
        f"{time:<{widths[0]}}  {square:<{widths[1]}}  {cloud:>{widths[2]}}  {platform:<{widths[3]}}  {name}".rstrip()
        for time, square, cloud, platform, name in rows
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
            "square": scene.square,
            "cloud_cover": scene.cloud_cover,
        },
    }


def _geometry(scene: Scene) -> dict[str, Any]:
    """A footprint as GeoJSON, cut at the antimeridian (RFC 7946, section 3.1.9)."""
    if any(abs(lon) > 180 for ring in scene.footprint for lon, _ in ring):
        from scog.catalog.shapes import geojson_of  # shapely is loaded for the few that need it

        return geojson_of(scene.footprint)
    polygons = [[[list(corner) for corner in ring]] for ring in scene.footprint]
    if len(polygons) == 1:
        return {"type": "Polygon", "coordinates": polygons[0]}
    return {"type": "MultiPolygon", "coordinates": polygons}
