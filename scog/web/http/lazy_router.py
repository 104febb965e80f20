"""Routes that are put together when they are first wanted: most servers draw maps, and start a quarter sooner so."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from fastapi import APIRouter
from starlette.types import Receive, Scope, Send


class LazyRouter:
    """A router that is made when it is needed, once. As an ASGI app it waits for that, then answers as the router."""

    def __init__(self, make: Callable[[], APIRouter]) -> None:
        self._make = make
        self._made: APIRouter | None = None
        self._lock = threading.Lock()

    def router(self) -> APIRouter:
        """The router. Any thread may ask; it takes a fifth of a second the first time."""
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the router."""
        router = self._made
        if router is None:
            router = await asyncio.to_thread(self.router)
        await router(scope, receive, send)
