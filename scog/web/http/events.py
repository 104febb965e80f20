"""Server-sent events: what is known of an answer while it is made, for as long as somebody listens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from starlette.types import Message, Receive, Scope, Send

from scog.errors import ScogError
from scog.web.http.problems import problem_of
from scog.web.http.responses import Admission, ClientGone

MEDIA_TYPE = "text/event-stream"
PAUSE = 10.0
"""Seconds without an event after which a line without meaning is sent, lest somebody on the way closes."""

Tell = Callable[[str, dict[str, Any]], None]
"""Sends an event with a name and JSON."""


class Events(Response):
    """Events of some work, in its order. An error before the first one is a problem like any other; a later one ends
    the answer with an `error` event that holds the problem.
    """

    media_type = MEDIA_TYPE

    def __init__(self, admission: Admission, work: Callable[[Tell], Coroutine[Any, Any, None]]) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"}, media_type=MEDIA_TYPE)
        del self.headers["Content-Length"]
        self._admission = admission
        self._work = work

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send what there is until the work has ended or the client is gone."""
        try:
            await self._admission.run(Request(scope, receive), self._send(send))
        except ClientGone:
            return

    async def _send(self, send: Send) -> None:
        events: asyncio.Queue[bytes | None] = asyncio.Queue()
        begun = False

        def tell(name: str, data: dict[str, Any]) -> None:
            events.put_nowait(_written(name, data))

        async def work() -> None:
            try:
                await self._work(tell)
            finally:
                events.put_nowait(None)

        task = asyncio.ensure_future(work())
        try:
            while True:
                try:
                    async with asyncio.timeout(PAUSE if begun else None):  # wait_for may lose that it is cancelled
                        event = await events.get()
                except TimeoutError:
                    event = b":\n\n"
                if event is None:
                    break
                if not begun:
                    begun = True
                    await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                await send(_body(event))
            try:
                await task
            except ScogError as fault:
                if not begun:
                    raise
                await send(_body(_written("error", json.loads(bytes(problem_of(fault).body)))))
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait({task})


def _body(event: bytes) -> Message:
    return {"type": "http.response.body", "body": event, "more_body": True}


def _written(name: str, data: dict[str, Any]) -> bytes:
    """An event as the HTML standard has it; JSON has no line breaks of its own."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return f"event: {name}\ndata: {text}\n\n".encode()
