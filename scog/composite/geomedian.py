"""Geometric medians of band vectors, which preserve the ratios between bands."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32]

TOLERANCE = 5e-6
"""A pixel has converged if its estimated remaining distance is at most this, in the unit of the bands: a twentieth of
the resolution of stored reflectance."""
MAX_ROUNDS = 50
"""Maximum number of iterations, of two steps and an extrapolation each. Few pixels take more than 15."""
MAX_EXTRAPOLATION = 100.0
"""Maximum length of an extrapolation in steps."""
MIN_BATCH = 64
"""Minimum number of pixels per iteration. Smaller batches keep converged pixels, since copying would cost more."""


def geometric_median(values: Values) -> Values:
    """The geometric median `(band, pixel)` of values `(band, observation, pixel)`; NaN if no observation is valid.

    Observations with a NaN in any band are ignored. Weiszfeld's iteration starts from the mean, in float32 relative to
    the mean. At an observation it continues as in Vardi and Zhang (2000, doi:10.1073/pnas.97.4.1423). Successive steps
    shrink by nearly the same factor, so after two steps it extrapolates to their limit (Varadhan and Roland 2008,
    doi:10.1111/j.1467-9469.2007.00585.x). Each pixel's number of iterations, and so its result, does not depend on the
    other pixels.
    """
    valid = np.isfinite(values).all(axis=0)
    points = np.where(valid, values, np.float32(0))
    with np.errstate(invalid="ignore"):
        mean = (points.sum(axis=1, dtype=np.float64) / valid.sum(axis=0)).astype(np.float32)
    points -= mean[:, np.newaxis]
    points[:, ~valid] = 0
    invalid_distance = np.where(valid, np.float32(0), np.float32(np.inf))
    result: Values = np.zeros_like(mean)
    indices, position, active = np.arange(mean.shape[1]), np.zeros_like(mean), valid.sum(axis=0) > 1
    for _ in range(MAX_ROUNDS):
        if 2 * np.count_nonzero(active) < len(indices) > MIN_BATCH:
            result[:, indices] = position
            keep = np.flatnonzero(active) if np.count_nonzero(active) > MIN_BATCH else np.argsort(~active)[:MIN_BATCH]
            indices, points, invalid_distance, position, active = (
                indices[keep],
                points[:, :, keep],
                invalid_distance[:, keep],
                position[:, keep],
                active[keep],
            )
        if not active.any():
            break
        updated, distance = _extrapolated(points, invalid_distance, position)
        np.copyto(position, updated, where=active)
        active &= distance > TOLERANCE
    result[:, indices] = position
    result += mean
    return result


def _extrapolated(points: Values, invalid_distance: Values, position: Values) -> tuple[Values, Values]:
    """The extrapolation `(band, pixel)` of two steps, and the estimated distance to the limit `(pixel,)`."""
    first = _step(points, invalid_distance, position)
    second = _step(points, invalid_distance, first)
    step = first - position
    change_of_step = second - first - step
    with np.errstate(all="ignore"):
        length = np.sqrt(np.square(step).sum(axis=0))
        factor = length / np.sqrt(np.square(change_of_step).sum(axis=0))
        np.clip(factor, 1, MAX_EXTRAPOLATION, out=factor)
        factor[length == 0] = 1
        return position + 2 * factor * step + factor * factor * change_of_step, length * factor


def _step(points: Values, invalid_distance: Values, position: Values) -> Values:
    """One Weiszfeld step from `position` `(band, pixel)`: the mean of the observations weighted by inverse distance.

    `invalid_distance` `(observation, pixel)` is infinite for invalid observations, 0 for others.
    """
    distance = invalid_distance.copy()
    for band, coordinate in zip(points, position, strict=True):
        difference = band - coordinate
        distance += np.square(difference, out=difference)
    np.sqrt(distance, out=distance)
    with np.errstate(all="ignore"):
        weights = np.reciprocal(distance)
        updated = _weighted_mean(points, weights)
        coincident = np.flatnonzero(~np.isfinite(updated[0]))
        if coincident.size:
            updated[:, coincident] = _step_from_observation(
                points[:, :, coincident], distance[:, coincident], position[:, coincident]
            )
    return updated


def _step_from_observation(points: Values, distance: Values, position: Values) -> Values:
    """A step from pixels whose position equals one or several observations (Vardi and Zhang).

    The position does not move if the number of coincident observations is at least the pull of the others.
    """
    coincident = distance == 0
    weights = np.where(coincident, np.float32(0), np.reciprocal(distance))
    others = _weighted_mean(points, weights)
    pull = np.sqrt(np.square(others - position).sum(axis=0)) * weights.sum(axis=0)
    stay = coincident.sum(axis=0) / pull
    return np.asarray(np.where(stay < 1, (1 - stay) * others + stay * position, position), np.float32)


def _weighted_mean(points: Values, weights: Values) -> Values:
    return np.asarray(np.stack([(band * weights).sum(axis=0) for band in points]) / weights.sum(axis=0))
