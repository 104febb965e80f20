"""Faults of a server: each changes the response that would have been sent.

server.fail("/a.tif", status(503), reset_after(100))  # the first request, the second; the third succeeds
server.fail_any(always=by_chance(7, (0.05, status(503)), (0.01, hang)))
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Answer:
    """A response: the first `sent` bytes of `body` (None: all), in chunks of `step` bytes every `pause` seconds.

    `before` the headers and `after` the body: "" continue, or "hang", "close" or "reset" the connection. `meanwhile` is
    called after the last byte, before `after`.
    """

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    before: str = ""
    after: str = ""
    sent: int | None = None
    step: int | None = None
    pause: float = 0.0
    meanwhile: Callable[[], object] | None = None


Fault = Callable[[Answer], Answer]


def status(code: int, **headers: str) -> Fault:
    """Another status, with headers such as `Retry_After="1"`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda answer: Answer(code, named, b"<Error>no</Error>")


def hang(answer: Answer) -> Answer:
    """No response at all."""
    return replace(answer, before="hang")


def reset(answer: Answer) -> Answer:
    """The connection is reset before the headers."""
    return replace(answer, before="reset")


def hang_after(sent: int) -> Fault:
    """No data after `sent` bytes of the body."""
    return lambda answer: replace(answer, sent=sent, after="hang")


def cut_after(sent: int) -> Fault:
    """The connection is closed after `sent` bytes of the body."""
    return lambda answer: replace(answer, sent=sent, after="close")


def reset_after(sent: int) -> Fault:
    """The connection is reset after `sent` bytes of the body."""
    return lambda answer: replace(answer, sent=sent, after="reset")


def drip(step: int, pause: float) -> Fault:
    """The body in chunks of `step` bytes, every `pause` seconds."""
    return lambda answer: replace(answer, step=step, pause=pause)


def late(pause: float) -> Fault:
    """The body `pause` seconds after the headers."""
    return lambda answer: replace(answer, pause=pause)


def short(missing: int) -> Fault:
    """A range that is shorter than requested, with consistent headers."""

    def fault(answer: Answer) -> Answer:
        match = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", answer.headers["Content-Range"])
        assert match is not None
        content_range = f"bytes {match[1]}-{int(match[2]) - missing}/{match[3]}"
        headers = answer.headers | {"Content-Range": content_range}
        return replace(answer, headers=headers, body=answer.body[:-missing])

    return fault


def short_body(missing: int) -> Fault:
    """A body shorter than its Content-Range; Content-Length is correct."""
    return body(lambda data: data[: max(0, len(data) - missing)])


def shifted(by: int) -> Fault:
    """The right number of bytes with a Content-Range shifted by `by` bytes."""

    def fault(answer: Answer) -> Answer:
        match = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", answer.headers["Content-Range"])
        assert match is not None
        content_range = f"bytes {int(match[1]) + by}-{int(match[2]) + by}/{match[3]}"
        return replace(answer, headers=answer.headers | {"Content-Range": content_range})

    return fault


def weak(answer: Answer) -> Answer:
    """A weak ETag (RFC 9110 section 8.8.1)."""
    return replace(answer, headers=answer.headers | {"ETag": f"W/{answer.headers['ETag']}"})


def header(**headers: str) -> Fault:
    """Replace headers; an empty value removes one. The body stays."""

    def fault(answer: Answer) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return replace(answer, headers={k: v for k, v in (answer.headers | named).items() if v})

    return fault


def body(change: Callable[[bytes], bytes]) -> Fault:
    """Another body, with the correct Content-Length."""
    return lambda answer: replace(answer, body=change(answer.body))


def flip(position: int) -> Fault:
    """One corrupt byte in the body."""
    return body(lambda data: data[:position] + bytes([data[position] ^ 0x55]) + data[position + 1 :])


def html(answer: Answer) -> Answer:
    """A captive portal's response to any request."""
    return Answer(200, {"Content-Type": "text/html"}, b"<!DOCTYPE html><html><body>Please log in</body></html>")


def html_as_range(answer: Answer) -> Answer:
    """A web page instead of the bytes, with the headers of the requested range."""
    page = b"<!DOCTYPE html><html><body>Please log in</body></html>"
    return replace(answer, body=(page * (len(answer.body) // len(page) + 1))[: len(answer.body)])


def whole(answer: Answer) -> Answer:
    """200 with a body, from a server without range requests."""
    return Answer(200, {"ETag": answer.headers["ETag"]}, answer.body)


def redirect(to: str) -> Fault:
    """302 to another URL."""
    return lambda answer: Answer(302, {"Location": to})


def garbage(answer: Answer) -> Answer:
    """Valid headers and, some time later, invalid chunked encoding."""
    headers = answer.headers | {"Transfer-Encoding": "chunked", "Content-Length": ""}
    return replace(answer, headers=headers, body=b"no chunk\r\n" + answer.body, pause=0.05)


# Combined


def meanwhile(fault: Fault, happens: Callable[[], object]) -> Fault:
    """Call `happens` after the last byte sent, for example to replace the file."""
    return lambda answer: replace(fault(answer), meanwhile=happens)


class ByChance:
    """Faults for a share of the requests: determined by a seed, the requested bytes, and the number of such requests.

    The order of concurrent requests does not matter, so that a test meets the same faults in every run.
    """

    def __init__(self, seed: int, *shares: tuple[float, Fault]) -> None:
        self._seed = seed
        self._requests: Counter[str] = Counter()
        self._shares = shares
        self.met = [0] * len(shares)
        """Number of requests that met each fault."""

    def __call__(self, answer: Answer) -> Answer:
        requested = f"{answer.headers.get('ETag')} {answer.headers.get('Content-Range')}"
        self._requests[requested] += 1
        number_drawn = random.Random(f"{self._seed} {requested} {self._requests[requested]}").random()
        for number, (share, fault) in enumerate(self._shares):
            if number_drawn < share:
                self.met[number] += 1
                return fault(answer)
            number_drawn -= share
        return answer


def by_chance(seed: int, *shares: tuple[float, Fault]) -> ByChance:
    """For example, 5 % errors and 1 % hangs: `by_chance(7, (0.05, status(503)), (0.01, hang))`."""
    return ByChance(seed, *shares)
