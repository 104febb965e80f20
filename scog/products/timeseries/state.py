"""What time series keep beside the engine: numbers that were sampled recently, and a bound on memory."""

from __future__ import annotations

from collections.abc import Hashable

from scog.imaging.engine import Engine
from scog.products.timeseries.model import Sample
from scog.runtime.byte_cache import ByteCache
from scog.runtime.memory_budget import MemoryBudget


class SeriesState:
    """The engine, with what all time series of a server or a session share. Made and used within one event loop."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.measured: ByteCache[Hashable, tuple[float, Sample]] = ByteCache(
            engine.settings.series_cache_mb * 1_000_000
        )
        """Numbers by area, formula, mask and scenes, each with its time (time.monotonic)."""
        self.memory = MemoryBudget(engine.settings.series_memory_mb * 1_000_000)
        """Bytes that observations take while they are sampled."""
