"""What is asked of a catalogue, and what it answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from scog.catalog.footprint import Bounds
from scog.catalog.when import Interval
from scog.net.policy import Tally


@dataclass(frozen=True)
class Query:
    """Scenes of one collection (None: the catalogue's own choice) that touch bounds, within a time, below a cover."""

    bounds: Bounds
    interval: Interval
    cloud_cover: float
    collection: str | None


@dataclass(frozen=True)
class Page:
    """Some STAC items as received, newest first; `base` is what their relative links are relative to."""

    items: Sequence[tuple[dict[str, Any], str]]


class Catalog(Protocol):
    """A source of scenes. Its methods are called from the event loop and do not block it."""

    @property
    def is_live(self) -> bool:
        """Whether new scenes keep arriving, so that the newest are counted back from today."""

    def pages(self, query: Query, tally: Tally) -> AsyncIterator[Page]:
        """Pages of items, newest first, bounded. Raises a CatalogError or InvalidInput (no such collection)."""

    async def newest(self, collection: str | None) -> datetime | None:
        """Time of the newest scene of an archive that is not live; None when it is empty."""

    async def bounds(self) -> Bounds | None:
        """What the archive covers, in degrees; None where that is the world or unknown."""

    async def close(self) -> None:
        """Let go of connections and files."""
