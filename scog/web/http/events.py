"""Server-sent events: results are sent while they are computed, until the client disconnects."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from starlette.types import Message, Receive, Scope, Send

from scog.errors import ScogError
from scog.web.http.problems import problem_of
from scog.web.http.responses import Admission, ClientDisconnected

MEDIA_TYPE = "text/event-stream"
KEEPALIVE_INTERVAL = 10.0
"""A comment line is sent after this many seconds without an event, so that no proxy closes the connection."""

SendEvent = Callable[[str, dict[str, Any]], None]
"""Sends an event with a name and a JSON object."""


class EventStream(Response):
    """The events of a coroutine, in order.

    An error before the first event becomes a problem response, as on other routes. A later one ends the stream with an
    `error` event that contains the problem.
    """

    media_type = MEDIA_TYPE

    def __init__(self, admission: Admission, produce: Callable[[SendEvent], Coroutine[Any, Any, None]]) -> None:
        """`produce` sends the events with the function that it is called with."""
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"}, media_type=MEDIA_TYPE)
        del self.headers["Content-Length"]
        self._admission = admission
        self._produce = produce

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events until there are no more or the client has disconnected."""
        try:
            await self._admission.run(Request(scope, receive), self._send(send))
        except ClientDisconnected:
            return

    async def _send(self, send: Send) -> None:
        events: asyncio.Queue[bytes | None] = asyncio.Queue()
        started = False

        def send_event(name: str, data: dict[str, Any]) -> None:
            events.put_nowait(_encoded(name, data))

        async def produce() -> None:
            try:
                await self._produce(send_event)
            finally:
                events.put_nowait(None)

        task = asyncio.ensure_future(produce())
        try:
            while True:
                try:
                    # asyncio.wait_for may swallow a cancellation
                    async with asyncio.timeout(KEEPALIVE_INTERVAL if started else None):
                        event = await events.get()
                except TimeoutError:
                    event = b":\n\n"
                if event is None:
                    break
                if not started:
                    started = True
                    await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                await send(_body(event))
            try:
                await task
            except ScogError as error:
                if not started:
                    raise
                await send(_body(_encoded("error", json.loads(bytes(problem_of(error).body)))))
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait({task})


def _body(event: bytes) -> Message:
    return {"type": "http.response.body", "body": event, "more_body": True}


def _encoded(name: str, data: dict[str, Any]) -> bytes:
    """An event in the format of the HTML standard (section 9.2). One `data` line suffices: JSON escapes line breaks."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return f"event: {name}\ndata: {text}\n\n".encode()
