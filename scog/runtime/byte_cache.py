"""A least-recently-used cache bounded in bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class ByteCache(Generic[K, V]):
    """A least-recently-used cache of at most `capacity` bytes. Thread-safe."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.bytes = 0
        """Bytes of all values."""
        self._entries: OrderedDict[K, tuple[V, int]] = OrderedDict()
        """Keys to values and their sizes, least recently used first."""
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: K) -> bool:
        return key in self._entries

    def get(self, key: K) -> V | None:
        """The value of a key; None if it is not cached. It becomes the most recently used value."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            self._entries.move_to_end(key)
            return entry[0]

    def put(self, key: K, value: V, size: int) -> None:
        """Store a value of `size` bytes, unless it is larger than the whole cache."""
        with self._lock:
            self._drop(key)
            if size > self.capacity:
                return
            self._entries[key] = (value, size)
            self.bytes += size
            while self.bytes > self.capacity:
                _, (_, freed) = self._entries.popitem(last=False)
                self.bytes -= freed

    def drop(self, key: K) -> None:
        """Remove a key if it is cached."""
        with self._lock:
            self._drop(key)

    def _drop(self, key: K) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.bytes -= entry[1]
