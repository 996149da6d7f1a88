"""The drift that the windows of other methods begin with: the one that `overlap` begins with."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.kernels.chance import FALSE_ALARM
from smlm_accessor.kernels.field.strip import in_strip
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.coarse.tracker import Coarse
from smlm_accessor.methods.overlap.between_times import drift_of_windows
from smlm_accessor.methods.overlap.events import WeightedLocalizations
from smlm_accessor.methods.overlap.evidence import MOST, UNSURE, judged
from smlm_accessor.methods.overlap.first_drift import FEW, first_drift
from smlm_accessor.methods.overlap.iteration import NoEvidenceError
from smlm_accessor.methods.overlap.jumps.errors import jump_errors
from smlm_accessor.methods.overlap.kernel_choice import best_density
from smlm_accessor.methods.overlap.parts import Parts
from smlm_accessor.methods.overlap.refinement import MOST_STEPS, without_step
from smlm_accessor.methods.precision import telling_axes

# Localizations: a part of the field with so many begins well enough, and tells the frames of jumps.
_ENOUGH = 1_000_000


class ToldBeforehand(NamedTuple):
    """What the beginning tells of windows that are fitted to it.

    ``shared``, (k, d), is the variance of the joint drift, ``by_jumps`` the mean square error by
    the frames of jumps; ``on_structures``, (k,), is whether most localizations lie on structures,
    or may do so.
    """

    shared: FloatArray
    by_jumps: FloatArray
    on_structures: BoolArray

    def with_own(self, variance: FloatArray, precision: FloatArray) -> tuple[FloatArray, BoolArray]:
        """Return the whole variance of windows from their own, and which may be valid, shape (k,).

        Those are not that lie on nothing, or are known worse than so many precisions, but for the
        frame of a jump.
        """
        variance, told = np.maximum(variance, self.shared), np.isfinite(precision)
        told &= precision > 0
        precise = (variance < (UNSURE * precision) ** 2)[:, told].all(axis=1)
        return variance + self.by_jumps, np.asarray(precise & self.on_structures)


class Beginning(NamedTuple):
    """A drift with its jumps, the parts of the table, and what windows fitted to it cannot tell.

    Parameters
    ----------
    found : Coarse
        Short windows; those are valid that lie in the largest part.
    variance : ndarray, shape (k, d)
        Of the joint drift, which windows near in time have in common where molecules bleach: 0
        where all windows know each other.
    parts : Parts
    blink : int
        Frames that a blink may go on for.
    nothing : ndarray of bool, shape (n_frames,)
        In which localizations lie on nothing, see `lies_on_nothing`.
    smoothing : float
        Frames over which a trend through all events averages.
    """

    found: Coarse
    variance: FloatArray
    parts: Parts
    blink: int
    nothing: BoolArray
    smoothing: float

    def told_of(self, edges: IntArray, middle: FloatArray) -> ToldBeforehand:
        """Return what is told of windows with these frame edges and mean frames."""
        parts = self.parts
        windows = parts.timeline.cut(edges)
        shared = [np.interp(middle, self.found.middle, v) for v in self.variance.T]
        by_jumps = np.zeros((len(windows), self.variance.shape[1]))
        if parts.density is not None and parts.rows is not None:
            drift = parts.drift[:, parts.axes]
            by_jumps[:, parts.axes] = jump_errors(drift, windows, parts.density, parts.rows)
        nothing = windows.mean(self.nothing.astype(np.float64))
        return ToldBeforehand(np.stack(shared, axis=1), by_jumps, nothing <= MOST)


def begun_windows(
    localizations: ChunkedLocalizations, precision: FloatArray, threads: int | None
) -> Beginning | None:
    """Return the drift that windows begin with; None if there is no evidence of any.

    Where windows know only those near in time, it is the joint drift of all: each window fitted
    into the others by itself would move by chance as they do.
    """
    axes = telling_axes(localizations.positions, precision)
    if len(axes) < 2 or axes[1] > 1:
        return None
    some = localizations if len(axes) == len(precision) else localizations.along(axes)
    if len(some.frames) > _ENOUGH:
        some = some.take(in_strip(some.positions[:, 0], _ENOUGH))
    rows = WeightedLocalizations.of(some, precision[axes])
    try:
        first = first_drift(some, rows, precision[axes], threads)
    except NoEvidenceError:
        return None
    for _ in range(MOST_STEPS):
        again = without_step(first.drift, first, some, rows, precision[axes], threads)
        if again is None:
            break
        first = again
    estimate, windows = first.estimate, first.windows
    if (estimate.chance > FALSE_ALARM).any():
        return None
    density = best_density(first.events, first.drift, windows, precision[axes], threads)
    seen = judged(density, first.drift, windows.timeline, every=density.one_in(FEW))
    valid = np.asarray(windows.mean((first.connection.part != 0).astype(np.float64)) == 0)
    if not valid.any():
        return None
    level, variance = np.zeros((2, len(windows), len(precision)))
    level[:, axes] = windows.mean(first.drift)
    if not first.connection.alike:
        joint = drift_of_windows(estimate, windows, density, first.connection, seen.nothing)
        if not np.array_equal(joint.level, estimate.level):
            level[:, axes], variance[:, axes] = joint.level, joint.std**2
    level[~valid] = np.nan
    found = Coarse(
        windows.edges,
        level,
        valid,
        seen.sums.quality[seen.windows.of_frame[windows.bounds[:-1]]],
        windows.timeline.jumps,
        windows.mean_frame,
        first.chosen,
    )
    drift = np.zeros((len(windows.timeline.frames), len(precision)))
    drift[:, axes] = first.drift
    # What tells the errors of jumps takes memory.
    kept = (density, rows) if len(windows.timeline.jumps) else ()
    parts = Parts(first.connection, windows.timeline, drift, axes, *kept)
    of_all = first.events.lifetime, seen.nothing, first.smoothing
    return Beginning(found, variance, parts, *of_all)
