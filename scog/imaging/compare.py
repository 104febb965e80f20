"""Two periods in one picture: which two drawings it is made of, and what comes of them."""

from __future__ import annotations

from dataclasses import replace

from scog.composite.change import Change, change
from scog.errors import InvalidInput
from scog.imaging.report import merged
from scog.imaging.request import Comparison, ImageData, ImageRequest
from scog.temporal.intervals import parse_interval


def parse_comparison(period: str | None, how: Change | None) -> Comparison | None:
    """The comparison with a period that is asked for, a difference unless said otherwise. Raises InvalidInput."""
    if period is None:
        if how is not None:
            what = "compare_as says how two periods are compared, and there is only one."
            raise InvalidInput(what, parameter="compare_as", valid="leave it out, or give a period to compare with")
        return None
    try:
        interval = parse_interval(period)
    except InvalidInput as fault:
        raise InvalidInput(str(fault), parameter="compare", valid=fault.valid) from None
    return Comparison(interval, how or Change.DIFFERENCE)


def periods(request: ImageRequest, comparison: Comparison) -> tuple[ImageRequest, ImageRequest]:
    """What is asked of each period by itself: the same of both, and the very same as if it stood alone."""
    pinned = None if request.pinned is None else request.pinned.compared
    first = replace(request, compare=None)
    return first, replace(first, interval=comparison.interval, pinned=pinned)


def compared(first: ImageData, second: ImageData, outputs: int, how: Change) -> ImageData:
    """One drawing of two, valid where both are; of the values that belong to the formula's outputs, not of p-values.

    It is known by the numbers of both, if both are kept.
    """
    pair = first.values[:outputs], second.values[:outputs]
    values, valid = change(*pair, first.valid & second.valid, how)
    number = (first.number, second.number) if first.number and second.number else 0
    return ImageData(values, valid, merged(first.report, second.report), number)
