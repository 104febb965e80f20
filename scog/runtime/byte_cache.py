"""Memory that is bounded by bytes: what was used longest ago goes first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class ByteCache(Generic[K, V]):
    """A least-recently-used cache of at most `capacity` bytes, for any thread."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.bytes = 0
        self._kept: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def __contains__(self, key: K) -> bool:
        return key in self._kept

    def get(self, key: K) -> V | None:
        """The value, now the most recently used; None when it is not kept."""
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                return None
            self._kept.move_to_end(key)
            return found[0]

    def put(self, key: K, value: V, size: int) -> None:
        """Keep `value`, weighing `size` bytes. What is heavier than the whole cache is not kept."""
        with self._lock:
            self._drop(key)
            if size > self.capacity:
                return
            self._kept[key] = (value, size)
            self.bytes += size
            while self.bytes > self.capacity:
                _, (_, freed) = self._kept.popitem(last=False)
                self.bytes -= freed

    def drop(self, key: K) -> None:
        """Forget a key, kept or not."""
        with self._lock:
            self._drop(key)

    def _drop(self, key: K) -> None:
        found = self._kept.pop(key, None)
        if found is not None:
            self.bytes -= found[1]
