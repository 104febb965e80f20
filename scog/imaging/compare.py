"""Comparison of two periods: the request for each, and the image computed from both."""

from __future__ import annotations

from dataclasses import replace

from scog.composite.change import Change, change
from scog.errors import InvalidInput
from scog.imaging.report import merge_reports
from scog.imaging.request import Comparison, ImageData, ImageRequest
from scog.temporal.intervals import parse_interval


def parse_comparison(period: str | None, how: Change | None) -> Comparison | None:
    """The comparison with a period, a difference by default; None without a period. Raises InvalidInput."""
    if period is None:
        if how is not None:
            message = "compare_as requires a second period (compare), and there is only one."
            raise InvalidInput(message, parameter="compare_as", valid="omit compare_as, or add compare")
        return None
    try:
        interval = parse_interval(period)
    except InvalidInput as error:
        raise InvalidInput(str(error), parameter="compare", valid=error.valid) from None
    return Comparison(interval, how or Change.DIFFERENCE)


def split_periods(request: ImageRequest, comparison: Comparison) -> tuple[ImageRequest, ImageRequest]:
    """The request for each period, equal to the request without a comparison, so that both share its cached images."""
    pinned = None if request.pinned is None else request.pinned.compared
    first = replace(request, compare=None)
    return first, replace(first, interval=comparison.interval, pinned=pinned)


def compare_images(first: ImageData, second: ImageData, outputs: int, how: Change) -> ImageData:
    """The change from the second image to the first, valid where both are.

    Only the first `outputs` values are compared: those of the expression, without p-values. The result has a cache id
    if both images have one.
    """
    pair = first.values[:outputs], second.values[:outputs]
    values, valid = change(*pair, first.valid & second.valid, how)
    cache_id = (first.cache_id, second.cache_id) if first.cache_id and second.cache_id else 0
    return ImageData(values, valid, merge_reports(first.report, second.report), cache_id)
