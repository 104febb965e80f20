"""What goes wrong on a line, on purpose: responses that never begin, that break off, that are refused, that drip.

Whether a request suffers is decided by a hash of the seed, the file, the range and how often it was asked for: the same
requests suffer in every run, in whatever order they come, and asking again is a new draw.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from dataclasses import dataclass
from enum import Enum


class Outcome(Enum):
    """What becomes of one response."""

    OK = "good"
    STALL = "stall"
    RESET = "reset"
    REFUSE = "refuse"


@dataclass
class Faults:
    """Shares of all responses, 0 to 1: `stall` never begins, `reset` is cut off, `refuse` is a 503.

    Responses whose host and path contain the text `slow` flow at `slow_rate` bytes a second; "" is none of them.
    """

    stall: float = 0.0
    reset: float = 0.0
    refuse: float = 0.0
    slow: str = ""
    slow_rate: float = 2000.0
    seed: int = 0


class FaultSampler:
    """Draws the fate of each response."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self._requests: Counter[str] = Counter()

    def reset(self) -> None:
        """Begin the same draws again."""
        self._requests.clear()

    def outcome(self, path: str, range_header: str | None) -> tuple[Outcome, float]:
        """What becomes of a request for a range of a file, and the share of the body after which a reset comes."""
        faults = self.faults
        if not (faults.stall or faults.reset or faults.refuse):
            return Outcome.OK, 1.0
        name = f"{path} {range_header}"
        self._requests[name] += 1
        digest = hashlib.blake2b(f"{faults.seed} {name} {self._requests[name]}".encode(), digest_size=16).digest()
        draw, share = (int.from_bytes(part) / 2**64 for part in (digest[:8], digest[8:]))
        for outcome, chance in (
            (Outcome.STALL, faults.stall),
            (Outcome.RESET, faults.reset),
            (Outcome.REFUSE, faults.refuse),
        ):
            if draw < chance:
                return outcome, share
            draw -= chance
        return Outcome.OK, 1.0

    def bandwidth(self, host: str, path: str) -> float:
        """Bytes a second at most, because of `slow`."""
        slow = self.faults.slow
        return self.faults.slow_rate if slow and slow in f"{host}/{path}" else math.inf
