"""Cache of warp maps. All bands and dates of an MGRS tile and overview level share one warp map."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

from scog.geo.grid import Grid
from scog.runtime.byte_cache import ByteCache
from scog.runtime.singleflight import SingleFlight
from scog.runtime.tasks import gather_all
from scog.warp.resample import Resampling
from scog.warp.warp import WarpMap, warp_map
from scog.warp.workbench import Workbench, pixels_to_process

CACHE_BYTES = 192 * 2**20
"""Holds the index maps of about 300 tiles at two levels, 256 KB each, or the resampling supports of 100 tiles."""
OVERHEAD = 200
"""Bytes of an entry besides its arrays."""

MapKey = tuple[Grid, Grid, Resampling]
"""Target grid, source grid and method."""


class WarpMaps:
    """Computes and caches warp maps. A map is None if the source grid does not intersect the target grid."""

    def __init__(self, workbench: Workbench) -> None:
        self._workbench = workbench
        self._cache: ByteCache[MapKey, tuple[WarpMap | None]] = ByteCache(CACHE_BYTES)
        self._computing: SingleFlight[MapKey, WarpMap | None] = SingleFlight()

    def get(self, key: MapKey) -> WarpMap | None:
        """The map of a key, computed in the calling thread if it is not cached."""
        cached = self._cache.get(key)
        return cached[0] if cached is not None else self._put(key, warp_map(*key))

    async def get_all(self, keys: Collection[MapKey]) -> dict[MapKey, WarpMap | None]:
        """The map of each key. Concurrent requests for a key share one computation."""
        maps: dict[MapKey, WarpMap | None] = {}
        slow = []
        for key in dict.fromkeys(keys):
            cached = self._cache.get(key)
            if cached is not None:
                maps[key] = cached[0]
            elif self._workbench.is_quick(_effort(key)):  # computed on the event loop
                maps[key] = await self._compute(key)
            else:
                slow.append(key)
        computed = await gather_all(self._computing.join(key, partial(self._compute, key)) for key in slow)
        return maps | dict(zip(slow, computed, strict=True))

    async def _compute(self, key: MapKey) -> WarpMap | None:
        return self._put(key, await self._workbench.run(_effort(key), warp_map, *key))

    def _put(self, key: MapKey, result: WarpMap | None) -> WarpMap | None:
        self._cache.put(key, (result,), OVERHEAD + (result.nbytes if result else 0))
        return result


def _effort(key: MapKey) -> int:
    grid, _, method = key
    return pixels_to_process(grid.shape, 2, method)
