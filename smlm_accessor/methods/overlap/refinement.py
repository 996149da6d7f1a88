"""From the first drift to the best: windows, kernel and turns, and a look at its neighbours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.correlation.steps_between_pairs import find_step
from smlm_accessor.kernels.density.pair_kernel import COARSE
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.overlap.density import Density
from smlm_accessor.methods.overlap.events import WeightedLocalizations
from smlm_accessor.methods.overlap.first_drift import FirstDrift, with_jumps
from smlm_accessor.methods.overlap.iteration import DriftEstimate, iterate_evident
from smlm_accessor.methods.overlap.kernel_choice import best_density
from smlm_accessor.methods.overlap.prior.knots import Prior
from smlm_accessor.methods.overlap.prior.weighing import weighed
from smlm_accessor.timeline import Windows

#: That are undone: there and back, twice.
MOST_STEPS = 4
_MOST_WINDOWS = 20_000
_PER_SMOOTHING_TIME = 6  # windows: with more, the trend is hardly better


class Refined(NamedTuple):
    """An estimate, and what it was made with.

    Parameters
    ----------
    first : FirstDrift
    windows : Windows
        Of the estimate.
    density : Density
        With the kernel that was chosen.
    prior : Prior or None
        With the errors that localizations say it has.
    estimate : DriftEstimate
    frames_per_chunk : int
        Of a window; 0 if the chunks are given.
    """

    first: FirstDrift
    windows: Windows
    density: Density
    prior: Prior | None
    estimate: DriftEstimate
    frames_per_chunk: int


def refined(
    first: FirstDrift,
    localizations: ChunkedLocalizations,
    rows: WeightedLocalizations,
    precision: FloatArray,
    threads: int | None,
) -> Refined:
    """Estimate the drift from all events, with the kernel that promises most information.

    It begins anew from a drift without the step, if one is left, see `without_step`.
    """
    given = localizations.n_chunks > 1
    # A few chunks cost little, and whoever gives them may compare them.
    rounds, tolerance = (50, 1e-4) if given else (8, 0.05)
    for _ in range(1 + MOST_STEPS):
        windows, length = first.windows, 0 if given else _frames_per_window(first)
        if length:
            windows = windows.timeline.regular(length)
        density = best_density(first.events, first.drift, windows, precision, threads)
        prior = first.prior
        if prior is not None:
            prior = weighed(prior, first.drift, windows.timeline, density)
        density, estimate = iterate_evident(
            *(first.drift, windows, _from_fine_to_wide(density, first.drift, windows)),
            rounds=rounds,
            tolerance=tolerance,
            near=first.estimate,
            prior=prior,
        )
        estimate = estimate.with_slopes_as_seen(windows)
        found = Refined(first, windows, density, prior, estimate, length)
        again = without_step(estimate.drift, first, localizations, rows, precision, threads)
        if again is None:
            break
        first = again
    return found


def _from_fine_to_wide(density: Density, drift: FloatArray, windows: Windows) -> Iterator[Density]:
    """Return the density, and one for a drift that is not known to a precision everywhere."""
    yield density
    yield density.with_kernel(COARSE, drift).weighted(drift, windows)


def _frames_per_window(first: FirstDrift) -> int:
    """Return how long windows are that are short beside the time over which a trend averages."""
    frames = first.windows.timeline.frames
    extent = int(frames[-1] - frames[0]) + 1
    wanted = int(first.smoothing / _PER_SMOOTHING_TIME)
    return max(wanted, -(-extent // _MOST_WINDOWS), 1)


def without_step(
    drift: FloatArray,
    first: FirstDrift,
    localizations: ChunkedLocalizations,
    rows: WeightedLocalizations,
    precision: FloatArray,
    threads: int | None,
) -> FirstDrift | None:
    """Return the first drift anew if one steps where neighbours in time do not, None otherwise.

    Where molecules live for a short time, the density of all times may be higher with a drift that
    goes a period of the structure astray: others lie there.
    """
    told = localizations.n_chunks > 1 or localizations.start is not None or first.prior is not None
    if told or first.connection.alike:
        return None
    frames, events = first.windows.timeline.frames, first.events
    step = find_step(events.less(drift) / precision, frames[events.frame])
    if step is None:
        return None
    moved = drift + np.where((frames >= step.frame)[:, None], step.shift * precision, 0.0)
    again = with_jumps(localizations, rows, moved, rows.timeline, precision, threads)
    return again._replace(chosen=first.chosen)
