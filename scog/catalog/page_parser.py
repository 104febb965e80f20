"""Parses a page of STAC items into the scenes that match a query, and counts the items that are skipped."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

from scog.catalog.query import Page, Query
from scog.catalog.scene import Scene, UnusableItem, parse_item
from scog.collections.profiles import Profiles


class ParsedPage(NamedTuple):
    """Result of parsing a page: its scenes, the number of skipped items by reason, and the items' problems as text."""

    scenes: list[Scene]
    skipped: Counter[str]
    problems: list[str]


def parse_page(page: Page, query: Query, profiles: Profiles) -> ParsedPage:
    """The scenes of a page that match the query. Invalid items are skipped."""
    scenes: list[Scene] = []
    skipped: Counter[str] = Counter()
    problems: list[str] = []
    for item, base in zip(page.items, page.bases, strict=True):
        try:
            scene = parse_item(item, base, profiles)
        except UnusableItem as reason:
            skipped[str(reason)] += 1
            problems.append(f"{_id_of(item)}: {reason}{f' ({reason.detail})' if reason.detail else ''}")
            continue
        problems += [f"{_id_of(item)}: {remark}" for remark in scene.remarks[:1]]
        mismatch = _mismatch(scene, query, profiles)
        if mismatch is None:
            scenes.append(scene)
        else:
            skipped[mismatch] += 1
    return ParsedPage(scenes, skipped, problems)


def _mismatch(scene: Scene, query: Query, profiles: Profiles) -> str | None:
    """Why a scene does not match the query, or None. Checked here because some catalogues ignore filters."""
    is_cloudy = scene.cloud_cover is not None and scene.cloud_cover > query.cloud_cover
    if is_cloudy and profiles.of(scene.collection).cloud_filter:
        return "cloud-cover"
    if not query.interval.overlaps(scene.start, scene.end):
        return "other-time"
    if query.collection is not None and scene.collection not in query.collections:
        return "other-collection"
    if query.orbit is not None and scene.orbit_state != query.orbit:
        return "other-orbit"
    return None


def _id_of(item: Any) -> str:
    """The item's id for messages. The item may be any JSON value."""
    return str(item.get("id"))[:80] if isinstance(item, dict) else "an item"
