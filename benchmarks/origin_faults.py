"""Injected faults: responses that never begin, are reset, are refused, or are slow.

A hash of the seed, the file, the range and the attempt decides. Therefore the same requests fail in each run, in any
order, and each retry is a new draw.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from dataclasses import dataclass
from enum import Enum


class Outcome(Enum):
    """The injected fault of a response, or OK."""

    OK = "ok"
    STALL = "stall"
    RESET = "reset"
    REFUSE = "refuse"


@dataclass
class Faults:
    """Shares of all responses, 0 to 1: `stall` never begins, `reset` is cut off by a reset, `refuse` is a 503.

    Responses whose host and path contain `slow` are sent at `slow_rate` bytes per second; "" disables this.
    """

    stall: float = 0.0
    reset: float = 0.0
    refuse: float = 0.0
    slow: str = ""
    slow_rate: float = 2000.0
    seed: int = 0


class FaultSampler:
    """Draws the outcome of each response."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self._requests: Counter[str] = Counter()

    def reset(self) -> None:
        """Restart the sequence of draws."""
        self._requests.clear()

    def outcome(self, path: str, range_header: str | None) -> tuple[Outcome, float]:
        """The outcome of a range request, and the share of the body after which a reset occurs."""
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
        """The limit in bytes per second due to `slow`; infinite without one."""
        slow = self.faults.slow
        return self.faults.slow_rate if slow and slow in f"{host}/{path}" else math.inf
