"""A search query, a page of its results, and the interface of a catalogue."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from scog.catalog.derived_profile import Sample
from scog.collections.profiles import Profiles
from scog.geo.footprint import Bounds
from scog.net.policy import UpstreamStats
from scog.temporal.intervals import Interval


class OrbitState(StrEnum):
    """Direction of flight, STAC's `sat:orbit_state`. Radar sees slopes from opposite sides in the two."""

    ASCENDING = "ascending"
    DESCENDING = "descending"


@dataclass(frozen=True)
class Query:
    """A search for scenes that intersect `bounds` (degrees) and `interval`, with at most `cloud_cover` percent.

    `collection` is the id of a collection, or several separated by commas; None means all collections of an archive.
    `orbit` excludes scenes of another direction, or of unknown direction; None means all.
    """

    bounds: Bounds
    interval: Interval
    cloud_cover: float
    collection: str | None
    orbit: OrbitState | None = None

    @property
    def collections(self) -> tuple[str, ...]:
        """Ids of the collections; empty for all."""
        return collections_of(self.collection)

    def __str__(self) -> str:
        orbit = () if self.orbit is None else (self.orbit,)
        return json.dumps([self.bounds, str(self.interval), self.cloud_cover, self.collection, *orbit])


def collections_of(text: str | None) -> tuple[str, ...]:
    """Ids of collections, from one or several separated by commas; empty for None."""
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip())) if text else ()


@dataclass(frozen=True)
class Page:
    """One page of STAC items as received, newest first, not yet validated.

    `bases` has a URL for each item, against which the item's relative links are resolved. `cursor` requests the next
    page, and can be stored as JSON; None means that this is the last page.
    """

    items: Sequence[dict[str, Any]]
    bases: Sequence[str]
    cursor: Any | None


class Catalog(Protocol):
    """A source of scenes. Its methods are called from the event loop and do not block it."""

    profiles: Profiles
    """What its collections are."""

    @property
    def is_live(self) -> bool:
        """Whether new scenes keep arriving. Searches then expire, and are cached on disk."""

    def collections(self) -> Sequence[str]:
        """Ids of an archive's collections; empty for a live catalogue."""

    async def page(self, query: Query, cursor: Any | None, tally: UpstreamStats) -> Page:
        """The first page of a query, or the page of a cursor.

        Raises a CatalogError, or InvalidInput if the collection does not exist.
        """

    async def sample(self, collection: str) -> Sample:
        """The document of a collection and some of its newest items. Raises a CatalogError."""

    async def newest(self, collection: str | None) -> datetime | None:
        """Time of the newest scene of an archive; None for a live catalogue, or if there is no scene."""

    async def bounds(self) -> Bounds | None:
        """Bounds of all scenes in degrees; None for a live catalogue, or if there is no scene."""

    async def list_collections(self, tally: UpstreamStats) -> Sequence[Mapping[str, Any]]:
        """The collections: members of STAC Collections, of which all have `id`. Raises a CatalogError."""

    async def close(self) -> None:
        """Close connections and files."""
