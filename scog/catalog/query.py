"""What is asked of a catalogue, and what it answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from scog.geo.footprint import Bounds
from scog.net.policy import UpstreamStats
from scog.temporal.intervals import Interval


@dataclass(frozen=True)
class Query:
    """Scenes of one collection (None: the catalogue's own choice) that touch bounds, within a time, below a cover."""

    bounds: Bounds
    interval: Interval
    cloud_cover: float
    collection: str | None

    def __str__(self) -> str:
        return json.dumps([self.bounds, str(self.interval), self.cloud_cover, self.collection])


@dataclass(frozen=True)
class Page:
    """Some STAC items as received, newest first; not one of them has been looked at.

    `base` is what their relative links are relative to, one for each item. `cursor`, if there is one, gets the next
    page; it survives as JSON.
    """

    items: Sequence[dict[str, Any]]
    bases: Sequence[str]
    cursor: Any | None


class Catalog(Protocol):
    """A source of scenes. Its methods are called from the event loop and do not block it."""

    @property
    def is_live(self) -> bool:
        """Whether new scenes keep arriving from elsewhere: answers are then kept, for a while and on disk."""

    async def page(self, query: Query, cursor: Any | None, tally: UpstreamStats) -> Page:
        """The first page of a query, or the one that a cursor leads to.

        Raises a CatalogError, or InvalidInput where there is no such collection.
        """

    async def newest(self, collection: str | None) -> datetime | None:
        """Time of the newest scene of an archive that is not live; None when it is empty."""

    async def bounds(self) -> Bounds | None:
        """What the archive covers, in degrees; None where that is the world or unknown."""

    async def close(self) -> None:
        """Let go of connections and files."""
