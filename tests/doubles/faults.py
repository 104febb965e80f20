"""Faults of a server: each changes the answer that would have been given.

server.fail("/a.tif", status(503), reset_after(100))  # the first request, the second; the third is well again
server.fail_any(always=by_chance(7, (0.05, status(503)), (0.01, hang)))
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Answer:
    """What is sent: all of `body`, but no more than `sent` bytes of it, `step` bytes every `pause` seconds.

    What happens `before` the headers and `after` the body: "" go on, "hang", "close" or "reset" the connection.
    `meanwhile` is called once what is sent has been sent, before what happens `after` it.
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
    """Never a word."""
    return replace(answer, before="hang")


def reset(answer: Answer) -> Answer:
    """The connection is reset before the headers."""
    return replace(answer, before="reset")


def hang_after(sent: int) -> Fault:
    """Nothing after so many bytes of the body."""
    return lambda answer: replace(answer, sent=sent, after="hang")


def cut_after(sent: int) -> Fault:
    """The connection ends after so many bytes of the body."""
    return lambda answer: replace(answer, sent=sent, after="close")


def reset_after(sent: int) -> Fault:
    """The connection is reset after so many bytes of the body."""
    return lambda answer: replace(answer, sent=sent, after="reset")


def drip(step: int, pause: float) -> Fault:
    """A few bytes at a time."""
    return lambda answer: replace(answer, step=step, pause=pause)


def late(pause: float) -> Fault:
    """The body comes some time after the headers."""
    return lambda answer: replace(answer, pause=pause)


def short(missing: int) -> Fault:
    """Fewer bytes than asked for, and the headers say so."""

    def fault(answer: Answer) -> Answer:
        found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", answer.headers["Content-Range"])
        assert found is not None
        content_range = f"bytes {found[1]}-{int(found[2]) - missing}/{found[3]}"
        headers = answer.headers | {"Content-Range": content_range}
        return replace(answer, headers=headers, body=answer.body[:-missing])

    return fault


def short_body(missing: int) -> Fault:
    """Fewer bytes than Content-Range says; Content-Length tells how many there are."""
    return body(lambda data: data[: max(0, len(data) - missing)])


def shifted(by: int) -> Fault:
    """As many bytes under a Content-Range so many bytes further on."""

    def fault(answer: Answer) -> Answer:
        found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", answer.headers["Content-Range"])
        assert found is not None
        content_range = f"bytes {int(found[1]) + by}-{int(found[2]) + by}/{found[3]}"
        return replace(answer, headers=answer.headers | {"Content-Range": content_range})

    return fault


def weak(answer: Answer) -> Answer:
    """The ETag is weak: it does not promise the same bytes."""
    return replace(answer, headers=answer.headers | {"ETag": f"W/{answer.headers['ETag']}"})


def header(**headers: str) -> Fault:
    """Lying headers; an empty value takes one away. The body stays."""

    def fault(answer: Answer) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return replace(answer, headers={k: v for k, v in (answer.headers | named).items() if v})

    return fault


def body(change: Callable[[bytes], bytes]) -> Fault:
    """Another body; its length is announced rightly."""
    return lambda answer: replace(answer, body=change(answer.body))


def flip(position: int) -> Fault:
    """One byte of the body is wrong."""
    return body(lambda data: data[:position] + bytes([data[position] ^ 0x55]) + data[position + 1 :])


def html(answer: Answer) -> Answer:
    """What a captive portal says to everything."""
    return Answer(200, {"Content-Type": "text/html"}, b"<!DOCTYPE html><html><body>Please log in</body></html>")


def html_as_range(answer: Answer) -> Answer:
    """A page in place of the bytes, with the headers of the range asked for."""
    page = b"<!DOCTYPE html><html><body>Please log in</body></html>"
    return replace(answer, body=(page * (len(answer.body) // len(page) + 1))[: len(answer.body)])


def whole(answer: Answer) -> Answer:
    """200 and a body, as of a server that knows no ranges."""
    return Answer(200, {"ETag": answer.headers["ETag"]}, answer.body)


def redirect(to: str) -> Fault:
    """302 to another place."""
    return lambda answer: Answer(302, {"Location": to})


def garbage(answer: Answer) -> Answer:
    """A body in chunks that break the protocol, some time after good headers."""
    headers = answer.headers | {"Transfer-Encoding": "chunked", "Content-Length": ""}
    return replace(answer, headers=headers, body=b"no chunk\r\n" + answer.body, pause=0.05)


# Combined


def meanwhile(fault: Fault, happens: Callable[[], object]) -> Fault:
    """Something happens once what the fault lets through has been sent, such as the file being replaced."""
    return lambda answer: replace(fault(answer), meanwhile=happens)


class ByChance:
    """Faults that a share of the requests meets; which ones follows from a seed and the order of requests."""

    def __init__(self, seed: int, *shares: tuple[float, Fault]) -> None:
        self._random = random.Random(seed)
        self._shares = shares
        self.met = [0] * len(shares)
        """How many requests have met each fault."""

    def __call__(self, answer: Answer) -> Answer:
        drawn = self._random.random()
        for number, (share, fault) in enumerate(self._shares):
            if drawn < share:
                self.met[number] += 1
                return fault(answer)
            drawn -= share
        return answer


def by_chance(seed: int, *shares: tuple[float, Fault]) -> ByChance:
    """Of all requests 5 % fail and 1 % hang: `by_chance(7, (0.05, status(503)), (0.01, hang))`."""
    return ByChance(seed, *shares)
