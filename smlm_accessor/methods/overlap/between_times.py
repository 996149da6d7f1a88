"""What windows of time know of each other: joint drift, its errors, parts that share nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import pi
from typing import Any

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.kernels.time_series.parabola import parabola
from smlm_accessor.kernels.time_series.steps import unforeseen_steps
from smlm_accessor.kernels.windows.couplings import (
    connected_parts,
    far_steps,
    least_connection,
    part_of_nearest,
)
from smlm_accessor.kernels.windows.joint_drift import JointDrift, joint_drift
from smlm_accessor.methods.overlap.couplings import (
    CouplingSums,
    contradiction,
    couplings,
    information_of,
)
from smlm_accessor.methods.overlap.density import Density
from smlm_accessor.methods.overlap.iteration import DriftEstimate, std_about_mean
from smlm_accessor.methods.overlap.prior.knots import Prior
from smlm_accessor.timeline import Timeline, Windows

# Windows: enough to see that some do not know others, and to solve; a little below powers of 2, for
# blocks of blocks of them; and half as many, that tell whether all know all.
_N_WINDOWS, _FEWER_WINDOWS = (125, 250, 500), 62
# Of the couplings may be between nearest windows: what molecules tell that live as long as a window
# is lost.
_MOST_NEAR = 0.7
_FEWEST = 3  # windows that have something to tell
# Pairs of events: with fewer, which windows know each other is chance. In tables of 300 frames with
# about 120 pairs, the joint drift had errors of up to 14 nm where the trend through windows had 2.
_SEEN = 250.0
# Events that are paired with others to see whether all windows know each other, for a first step,
# and for all others.
_FEW, _SOME, _MANY = 25_000, 100_000, 300_000
# Where earlier and later windows know each other this much less than all know all, errors are
# a tenth larger than those against a perfect map: the trend through windows is good enough.
_CONNECTED = 0.8
_ROUNDS = 8  # at most: far from where it comes to rest, one of 100 random worlds took six
# What windows know of each other, of what they knew a turn before: from turn to turn it changes by
# some percent. With few molecules it is uncertain what is chance; where less seems to be known all
# at once, the next step would be longer, and still less be seen.
_STILL_KNOWN = 0.9
# Standard deviations that the joint drift has moved, on average: with less, it is as good as
# before; and where all windows know each other, a parabola through what it has moved: with less,
# the turns have come to rest, which are slowest in what changes slowly, and the trend is better,
# for it has more windows and rates. Random worlds and cases at rest had up to 0.43, two that were
# not 1.7 and 2.3.
_TOLERANCE, _AWAY = 0.5, 0.8
_NOT_CONNECTED = (
    "What is seen in {} shares no more structures with the rest than chance would give, "
    "so nothing tells how they lie to each other. Their drift can be estimated by itself."
)


# Positions among which a window is placed when its sample is followed: 7 by 7 cells. Parts that
# shared nothing seemed to with 1 in 800 to 2,000 in 3 of 12 tables; true neighbours with 1e-8.
_SEARCHED = 49.0


@dataclass(frozen=True)
class Connection:
    """Which frames know of each other.

    Parameters
    ----------
    part : ndarray of int, shape (n_frames,)
        Part of the table that each frame belongs to: 0 for the largest; -1 between parts.
    alike : bool
        Whether windows know each other as well whatever the lag.
    """

    part: IntArray
    alike: bool = False

    def ranges(self, frames: IntArray) -> list[tuple[float, float]]:
        """Return first and last frame of each run of frames that are not in the largest part."""
        other = np.concatenate([[False], self.part != 0, [False]])
        first, stop = (np.flatnonzero(np.diff(other.astype(np.int8)) == s) for s in (1, -1))
        return [(frames[a], frames[b - 1]) for a, b in zip(first, stop, strict=True)]

    def reason(self, timeline: Timeline) -> dict[str, Any]:
        """Return the reason of `Registered`, and the runs of frames that it names, if any.

        These are not in the largest part.
        """
        others = self.ranges(timeline.frames)
        return {"reason": _NOT_CONNECTED, "runs": np.array(others)} if others else {}

    def spanned(self, by: BoolArray) -> Connection:
        """Return the same where something else connects these frames with each other.

        They are of the largest part, if they hold some of it.
        """
        joins = by & (self.part == 0)
        return Connection(np.where(by & joins.any(), 0, self.part))

    def sides(self, timeline: Timeline) -> IntArray:
        """Return the parts with what is between two of them dealt out: to the jump, or half."""
        sides = self.part.copy()
        between = np.concatenate([[False], sides < 0, [False]])
        edges = np.flatnonzero(np.diff(between.astype(np.int8)))
        for first, stop in edges.reshape(-1, 2):
            jumps = np.searchsorted(timeline.frames, timeline.jumps)
            inside = jumps[(jumps >= first) & (jumps <= stop)]
            middle = inside[0] if len(inside) else (first + stop) // 2
            sides[first:middle] = sides[max(first - 1, 0)]
            sides[middle:stop] = sides[min(stop, len(sides) - 1)]
        return sides


@dataclass(frozen=True)
class DriftOfWindows:
    """The drift of windows that were asked for.

    Parameters
    ----------
    level, std : ndarray, shape (n_windows, d)
    smoothing_time : float
        Frames of which the errors are alike.
    """

    level: FloatArray
    std: FloatArray
    smoothing_time: float


def connection(
    drift: FloatArray, timeline: Timeline, density: Density, *, steps_end_parts: bool = True
) -> Connection:
    r"""Return which frames know of each other.

    For pairs of windows, the responsibilities :math:`R_{st}` of events add up, and the curvatures
    :math:`C_{st}`. Their share :math:`\rho = C / R` tells true pairs from those by chance. Where
    it is the same for all pairs, the trend through the windows is what is known. Where molecules
    bleach, windows know only those near in time, and errors add up.

    The drift is the best of many positions that were searched at each time, and chance gives as
    many matches: what lies beyond a far step has to share more than that, however little it is. A
    far step of single windows may be an error of theirs, and not ``steps_end_parts``. Windows
    beside the end of a part may hold frames of another one: they are between parts, but at a jump.
    """
    windows, everywhere = timeline.evenly(_N_WINDOWS[0]), np.zeros(len(timeline.frames), np.int64)
    if len(windows) < _FEWEST:
        return Connection(everywhere)
    far = steps_end_parts and far_steps(_alternatives(drift, windows, density.precision)).any()
    seen = windows if far else timeline.evenly(_FEWER_WINDOWS)
    pairs = couplings(density, drift, seen, n_events=_FEW)
    one = least_connection(pairs.known) > _CONNECTED
    if one and not (far and _parts(pairs, drift, windows, density, steps_end_parts).any()):
        return Connection(everywhere, alike=True)
    windows = timeline.evenly(_N_WINDOWS[1])
    pairs = couplings(density, drift, windows, n_events=_MANY)
    part = _parts(pairs, drift, windows, density, steps_end_parts)
    ends = np.flatnonzero(np.diff(part)) + 1
    ends = ends[~windows.begins[ends]]
    part[ends], part[ends - 1] = -1, -1
    return Connection(part[windows.of_frame])


def drift_of_windows(
    estimate: DriftEstimate,
    windows: Windows,
    density: Density,
    known: Connection,
    nothing: BoolArray,
    prior: Prior | None = None,
    *,
    given: bool = False,
) -> DriftOfWindows:
    r"""Return the drift of windows and its error, from what windows know of each other.

    Where windows know only those near in time, the gradient :math:`\rho_{st} F_{st}`,
    antisymmetric, and the information

    .. math:: L = \operatorname{diag}(W 1) - W, \qquad W_{st} = \rho_{st}^2 R_{st} / \kappa,

    with the variance :math:`\kappa` of a gradient per responsibility, give the joint drift of all
    windows that do not lie on ``nothing``, shape (n_frames,), and its covariance. It is iterated,
    since the gradient is not linear. What is known beforehand connects parts of the table that
    share nothing. Windows that were ``given`` may be longer than what near pairs see.
    """
    timeline, drift = windows.timeline, estimate.drift
    std = std_about_mean(estimate, windows) if prior is None else estimate.std
    trend = DriftOfWindows(estimate.level, std, estimate.smoothing_time(windows))
    fine = timeline.evenly(_N_WINDOWS[0])
    if len(fine) < _FEWEST:
        return trend
    if not known.part.any():
        few = timeline.evenly(_FEWER_WINDOWS)
        pairs = couplings(density, drift, few, n_events=_SOME)
        alike = least_connection(pairs.known) > _CONNECTED
        told = pairs.responsibility.sum() >= _SEEN
        if alike and not told:
            return trend
        if alike or not told:
            every = np.ones(len(few), dtype=np.bool_)
            _, moved, error = _moved(pairs, drift, few, density, every, prior)
            if not told:  # molecules may be seen for a short time
                return replace(trend, std=np.maximum(std, _at(windows, error, few)))
            rest = np.sqrt(np.mean((parabola(moved, few.counts) / error) ** 2, axis=0)) < _AWAY
            if rest.all() and (given or contradiction(pairs, few, every) is None):
                return trend
    pairs = couplings(density, drift, fine, n_events=_SOME)
    if pairs.responsibility.sum() < _SEEN:
        return trend
    nearest = part_of_nearest(pairs.known)
    if nearest > _MOST_NEAR / 2:
        fine = timeline.evenly(_N_WINDOWS[1 if nearest < _MOST_NEAR else 2])
        pairs = couplings(density, drift, fine, n_events=_MANY)
    part = known.part if prior is None else known.spanned(prior.spanned(timeline)).part
    # What lies on nothing would make the mean of the table, and so all windows, unknown.
    main = fine.mean(((part == 0) & ~nothing).astype(np.float64)) > 0.5
    if np.count_nonzero(main) < _FEWEST:
        return trend
    drift, found, error, pairs = _turns(pairs, drift, fine, density, main, prior)
    near = contradiction(pairs, fine, main) if prior is None and not given else None
    if near is not None:
        pairs = couplings(density, drift, fine, n_events=_MANY)
        drift, found, error, _ = _turns(pairs, drift, fine, density, main, prior, near)
        pairs = couplings(density, drift, fine, n_events=_MANY)
        of_all = _turns(pairs, drift, fine, density, main, prior)
        if contradiction(of_all[-1], fine, main) is None:
            drift, found, error, _ = of_all
    # Of windows that are shorter, the trend knows the rest.
    short = len(windows) > len(fine)
    if not short:
        drift = in_frames(fine.mean(drift), slopes(drift, fine), fine)
    error = _at(windows, error, fine)
    std = np.hypot(error, std) if short else error
    extent = float(timeline.frames[-1] - timeline.frames[0]) + timeline.unit
    smoothing = max(extent / min(f.n_errors for f in found), trend.smoothing_time)
    return DriftOfWindows(windows.mean(drift), std, smoothing)


def _at(windows: Windows, error: FloatArray, known: Windows) -> FloatArray:
    """Return the errors of windows, shape (n_windows, d), from those of others."""
    columns = [np.interp(windows.mean_frame, known.mean_frame, e) for e in (error**2).T]
    return np.asarray(np.sqrt(np.stack(columns, axis=1)))


def _turns(
    pairs: CouplingSums,
    drift: FloatArray,
    windows: Windows,
    density: Density,
    main: BoolArray,
    prior: Prior | None,
    near: BoolArray | None = None,
) -> tuple[FloatArray, list[JointDrift], FloatArray, CouplingSums]:
    """Return the drift when turns have come to rest, that of windows, its error, and the pairs.

    Only pairs of windows that are ``near`` count, if told. The first turn takes the pairs given.
    """
    for turn in range(_ROUNDS):
        if turn:
            now = couplings(density, drift, windows, n_events=_MANY)
            doubtful = now.known.sum() < _STILL_KNOWN * pairs.known.sum()
            pairs = replace(pairs, moments=now.moments) if doubtful else now
        found, moved, error = _moved(pairs, drift, windows, density, main, prior, near)
        away = np.sqrt(np.mean((moved / error)[main] ** 2, axis=0))
        drift = drift + in_frames(moved, np.zeros_like(moved), windows)
        if (away < _TOLERANCE).all():
            break
    return drift, found, error, pairs


def _moved(
    pairs: CouplingSums,
    drift: FloatArray,
    windows: Windows,
    density: Density,
    main: BoolArray,
    prior: Prior | None,
    near: BoolArray | None = None,
) -> tuple[list[JointDrift], FloatArray, FloatArray]:
    """Return the joint drift along each axis, how far it moves windows, and its error, (k, d).

    Windows that are not ``main`` are not connected, and move as those beside them. What is known
    beforehand has the information ``diag(w) - w w^T / sum(w)``, ``w`` by window: a constant is
    free.
    """
    now, found = windows.mean(drift), []
    counts = np.where(main, windows.counts, 0)
    told = information_of(pairs, density.precision, main, near)
    for axis, (information, gradient) in enumerate(told):
        score = information @ now[:, axis] - gradient
        if prior is not None:
            step, variance = (one[:, axis] for one in prior.on(windows, drift))
            known = np.where(main, 1 / variance, 0.0)
            beforehand = np.diag(known) - np.outer(known, known) / max(known.sum(), 1e-300)
            information += beforehand
            score += beforehand @ (now[:, axis] + step)
        of_windows = windows.mean_frame, windows.segment, counts.astype(np.float64)
        found.append(joint_drift(information, score, *of_windows))
    level, time = np.stack([f.level for f in found], axis=1), windows.mean_frame
    # Were others left where they are, the lines from them to those beside them would lead astray.
    moved = np.stack([np.interp(time, time[main], x) for x in (level - now)[main].T], axis=1)
    moved -= np.average(moved, axis=0, weights=counts)
    return found, moved, np.sqrt(np.stack([f.variance for f in found], axis=1))


def _parts(
    pairs: CouplingSums,
    drift: FloatArray,
    windows: Windows,
    density: Density,
    steps_end_parts: bool,
) -> IntArray:
    """Return the part that each window belongs to, see `connected_parts`."""
    events = np.bincount(
        windows.of_frame[density.events.frame], density.events.weight, len(windows)
    ).astype(np.float64)
    alternatives = _alternatives(drift, windows, density.precision)
    sums = pairs.curvature, pairs.responsibility
    return connected_parts(*sums, events, alternatives, steps_end_parts=steps_end_parts)


def _alternatives(drift: FloatArray, windows: Windows, precision: FloatArray) -> FloatArray:
    """Return at how many positions each window could have been placed, shape (k,).

    Where the drift takes a step over it that is not foreseen, there were as many other positions as
    near.
    """
    distance = unforeseen_steps(windows.mean(drift / precision), windows.mean_frame)
    volume = pi * distance**2 if drift.shape[1] == 2 else 4 / 3 * pi * distance**3
    return np.asarray(np.maximum(volume, _SEARCHED))


def slopes(drift: FloatArray, windows: Windows) -> FloatArray:
    """Return by how much the drift of windows changes in a frame, shape (k, d)."""
    first, last = windows.bounds[:-1], windows.bounds[1:] - 1
    frames = np.diff(windows.timeline.frames[np.stack([first, last])], axis=0)[0]
    return np.asarray((drift[last] - drift[first]) / np.maximum(frames, 1)[:, None])


def in_frames(level: FloatArray, slope: FloatArray, windows: Windows) -> FloatArray:
    """Return lines through the levels of windows, with the slopes there at the ends of segments."""
    return np.stack(
        [windows.lines(*columns) for columns in zip(level.T, slope.T, strict=True)], axis=1
    )
