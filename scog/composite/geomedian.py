"""Geometric medians: of vectors of bands the one that is nearest to all, so that bands keep their proportion."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32]

TOLERANCE = 5e-6
"""Of what is left to go, in the unit of the bands: a twentieth of what reflectance is stored to."""
MAX_ROUNDS = 50
"""Of two steps each and a leap. Hardly a pixel takes more than 15."""
LONGEST_LEAP = 100.0
"""As many times as long as a step."""
CROWD = 64
"""Pixels that are worked on even if some of them are done, rather than copied to be fewer."""


def geometric_median(values: Values) -> Values:
    """The geometric median `(band, pixel)` of values `(band, observation, pixel)`; NaN where there is no observation.

    An observation that lacks a band counts as none. By Weiszfeld's iteration from the mean, in float32 about the mean;
    where it comes to stand on an observation it goes on as Vardi and Zhang (2000, doi:10.1073/pnas.97.4.1423) do.
    Steps become shorter by nearly the same share each, so after two it leaps to where they lead (Varadhan and Roland
    2008, doi:10.1111/j.1467-9469.2007.00585.x). A pixel takes as many as it needs itself, whichever others it is
    worked on with.
    """
    valid = np.isfinite(values).all(axis=0)
    points = np.where(valid, values, np.float32(0))
    with np.errstate(invalid="ignore"):
        mean = (points.sum(axis=1, dtype=np.float64) / valid.sum(axis=0)).astype(np.float32)
    points -= mean[:, np.newaxis]
    points[:, ~valid] = 0
    far = np.where(valid, np.float32(0), np.float32(np.inf))
    found: Values = np.zeros_like(mean)
    left, at, going = np.arange(mean.shape[1]), np.zeros_like(mean), valid.sum(axis=0) > 1
    for _ in range(MAX_ROUNDS):
        if 2 * np.count_nonzero(going) < len(left) > CROWD:
            found[:, left] = at
            keep = np.flatnonzero(going) if np.count_nonzero(going) > CROWD else np.argsort(~going)[:CROWD]
            left, points, far, at, going = left[keep], points[:, :, keep], far[:, keep], at[:, keep], going[keep]
        if not going.any():
            break
        after, left_to_go = _leap(points, far, at)
        np.copyto(at, after, where=going)
        going &= left_to_go > TOLERANCE
    found[:, left] = at
    found += mean
    return found


def _leap(points: Values, far: Values, at: Values) -> tuple[Values, Values]:
    """The place `(band, pixel)` that the next steps lead to, and how far it was there `(pixel)`."""
    first = _step(points, far, at)
    second = _step(points, far, first)
    step = first - at
    shorter = second - first - step
    with np.errstate(all="ignore"):
        length = np.sqrt(np.square(step).sum(axis=0))
        leap = length / np.sqrt(np.square(shorter).sum(axis=0))
        np.clip(leap, 1, LONGEST_LEAP, out=leap)
        leap[length == 0] = 1
        return at + 2 * leap * step + leap * leap * shorter, length * leap


def _step(points: Values, far: Values, at: Values) -> Values:
    """The next place `(band, pixel)`: the mean of the observations, each weighed by its nearness.

    `far` is infinite where there is no observation, 0 elsewhere.
    """
    distance = far.copy()
    for band, place in zip(points, at, strict=True):
        away = band - place
        distance += np.square(away, out=away)
    np.sqrt(distance, out=distance)
    with np.errstate(all="ignore"):
        weights = np.reciprocal(distance)
        after = _weighed(points, weights)
        standing = np.flatnonzero(~np.isfinite(after[0]))
        if standing.size:
            after[:, standing] = _step_off(points[:, :, standing], distance[:, standing], at[:, standing])
    return after


def _step_off(points: Values, distance: Values, at: Values) -> Values:
    """The same from places where an observation is, or several: away if the others pull more strongly than these."""
    here = distance == 0
    weights = np.where(here, np.float32(0), np.reciprocal(distance))
    others = _weighed(points, weights)
    pull = np.sqrt(np.square(others - at).sum(axis=0)) * weights.sum(axis=0)
    stay = here.sum(axis=0) / pull
    return np.asarray(np.where(stay < 1, (1 - stay) * others + stay * at, at), np.float32)


def _weighed(points: Values, weights: Values) -> Values:
    return np.asarray(np.stack([(band * weights).sum(axis=0) for band in points]) / weights.sum(axis=0))
