"""Whether events lie on those of other times, or seem to by chance."""

from __future__ import annotations

import numpy as np
from scipy.special import stdtr

from smlm_accessor._typing import BoolArray, FloatArray
from smlm_accessor.kernels.chance import FALSE_ALARM
from smlm_accessor.kernels.field.jackknife import effective_number
from smlm_accessor.kernels.time_series.steps import runs
from smlm_accessor.methods.overlap.density import OverlapSums

#: Precisions: what is known worse is not valid.
UNSURE = 3.0
#: Blocks of the field, or windows, effectively, that can be tested.
FEWEST = 8.0


def chance(sums: OverlapSums) -> FloatArray:
    """Return the probability of so much curvature by chance, for each component, shape (d,).

    Without structure, the curvature of the density at an event is 0 on average. Let ``C`` be the
    curvature in a block of the field and ``W`` the weight of its events. The sum of ``C``, over its
    standard error from the residuals ``C - W * sum(C) / sum(W)``, has Student's t distribution. The
    same holds for windows in time instead of blocks of the field, with an error that is larger by
    the root of two, for a pair of events adds to two windows. Structure that differs over the
    field, or fades with time, makes one of both tests too cautious, so the smaller probability
    counts, twice. Where neither is possible, since the user asked for a few chunks of a small
    field, the sign of the sum decides.

    The border of a field that is full of background is structure, too.
    """
    tests = [
        (sums.block_events, sums.block_curvature, 1.0),
        (sums.events, sums.curvature, 2.0),
    ]
    found = [
        chance_of_sum(events, curvature, factor)
        for events, curvature, factor in tests
        if effective_number(events) >= FEWEST
    ]
    if not found:
        return np.where(sums.curvature.sum(axis=0) > 0, 0.0, 1.0)
    return np.asarray(np.minimum(len(found) * np.min(found, axis=0), 1.0))


def lies_on_nothing(quality: FloatArray, events: FloatArray, seen: BoolArray) -> BoolArray:
    """Tell which windows are in a run of some that were not seen, and lie on nothing together.

    Their information ``quality * events``, summed, is no more than chance makes it, and less than
    the usual quality would make it: both by Student's t, with the standard error from the windows,
    and from events that lie on something or not. Nothing is left of the sample, or it went
    elsewhere.
    """
    result, information = np.zeros(len(seen), dtype=np.bool_), quality * events
    usual = float(np.median(quality))
    for run in runs(~seen):
        n = effective_number(events[run])
        if n <= 1:
            continue
        total, expected = information[run].sum(), usual * events[run].sum()
        square = np.maximum(information[run] ** 2, usual**2 * events[run])
        error = max(np.sqrt(n / (n - 1) * square.sum()), 1e-300)
        more, less = stdtr(n - 1, -total / error), stdtr(n - 1, (total - expected) / error)
        result[run] = more > FALSE_ALARM and less < FALSE_ALARM
    return result


def chance_of_sum(weight: FloatArray, values: FloatArray, factor: float = 1.0) -> FloatArray:
    """Return the probability, for each column, that a sum as large is chance, shape (d,).

    ``values``, shape (n, d), are those of blocks of some ``weight``. The variance of their sum is
    that of their residuals, times ``factor``.
    """
    n, total = effective_number(weight), values.sum(axis=0)
    residuals = values - weight[:, None] * (total / weight.sum())
    error = np.sqrt(factor * n / (n - 1) * (residuals**2).sum(axis=0))
    return np.asarray(stdtr(n - 1, -total / np.maximum(error, 1e-300)))
