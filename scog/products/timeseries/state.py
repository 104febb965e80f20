"""State of time series in addition to the engine: cached samples and a memory budget."""

from __future__ import annotations

from collections.abc import Hashable

from scog.imaging.engine import Engine
from scog.imaging.scene_offsets import UsedOffset
from scog.products.timeseries.model import Sample
from scog.runtime.byte_cache import ByteCache
from scog.runtime.memory_budget import MemoryBudget

CachedSample = tuple[float, Sample, dict[str, UsedOffset]]
"""When a sample was cached (time.monotonic), the sample, and guessed reflectance offsets by scene id."""


class SeriesState:
    """The engine and the state that all time series of a server or session share.

    Create and use it within one event loop.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.samples: ByteCache[Hashable, CachedSample] = ByteCache(engine.settings.series_cache_mb * 1_000_000)
        """Samples by area, expression, mask, offset and scenes."""
        self.memory = MemoryBudget(engine.settings.series_memory_mb * 1_000_000)
        """Bytes of observations that are being sampled."""
