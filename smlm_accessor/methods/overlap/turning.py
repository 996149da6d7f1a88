"""How the sample turns, grows and shears over time, beside its shift.

The density of events draws each event towards the others. Where the sample turns, it draws those on
one side of the field up and those on the other down: the gradient, summed over field blocks times
the velocity of each block under a motion, is the gradient of the parameter of this motion; and the
curvature times its square the information. A trend through the windows, as for the shift, is the
parameter over time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray
from smlm_accessor.kernels import by_column
from smlm_accessor.kernels.field.jackknife import effective_number
from smlm_accessor.kernels.geometry.generators import GROUPS, generators, undoing
from smlm_accessor.kernels.hashing import split_mix64
from smlm_accessor.kernels.time_series.trend import Rates, Trend, local_trend
from smlm_accessor.methods.overlap.density import Density, best_density
from smlm_accessor.methods.overlap.events import WeightedLocalizations
from smlm_accessor.methods.overlap.evidence import FALSE_ALARM, FEWEST, chance_of_sum
from smlm_accessor.methods.overlap.iteration import DriftEstimate, iterate
from smlm_accessor.methods.overlap.prior.knots import Prior
from smlm_accessor.timeline import Timeline, Windows

#: What ``transformation`` may be, from the least free to the freest; and the choice by the data.
TRANSFORMATIONS = ("shift", *GROUPS, "auto")
# Windows over which the parameters are told. A sample turns more slowly than it moves.
_WINDOWS = 200
# Field blocks along x and y, and along z: within a block the velocity differs by an eighth of that
# of the field, which takes 1 / 64 of the information.
_ACROSS, _DEEP = 8, 3
_ROUNDS, _SETTLED = 8, 0.1  # turns with the shift; standard deviations that they still change
_ENOUGH = 100_000  # events, that tell what the data ask for
_ROUNDING = 1e-3  # of the variance of the mean: no variance is less
_SEEN = 0.2  # of the usual weight: windows with less do not count


class LinearMotion(NamedTuple):
    """How the sample moves about its centre besides its drift.

    Parameters
    ----------
    generators : ndarray, shape (m, d, d)
    frames : ndarray, shape (k,)
        Mean frames of windows, and the first and the last frame.
    level, std : ndarray, shape (k, m)
        Parameters at these, and their standard deviations.
    smoothing_time : float
        Frames of which the errors are alike.
    """

    generators: FloatArray
    frames: FloatArray
    level: FloatArray
    std: FloatArray
    smoothing_time: float

    def matrices(self, frames: FloatArray) -> FloatArray:
        """Return the matrices that undo the motion at frames, shape (n, d, d)."""
        d = self.generators.shape[1]
        entries = undoing(self.level, self.generators).reshape(-1, d * d).T
        found = [np.interp(frames, self.frames, entry) for entry in entries]
        return np.stack(found, axis=1).reshape(-1, d, d)

    def std_at(self, frames: FloatArray) -> FloatArray:
        """Return the standard deviations of the parameters at frames, shape (n, m)."""
        return np.stack([np.interp(frames, self.frames, one) for one in self.std.T], axis=1)

    def undone(self, positions: FloatArray, at: FloatArray, drift: FloatArray) -> FloatArray:
        """Return positions of a sample that only drifts; drift and frame ``at`` of each."""
        frames, number = np.unique(at, return_inverse=True)
        left = positions - drift
        return np.asarray(drift + np.einsum("nij,nj->ni", self.matrices(frames)[number], left))


class Transformed(NamedTuple):
    """What was found of a sample that turns, in coordinates in which it only drifts."""

    estimate: DriftEstimate
    density: Density
    rows: WeightedLocalizations
    motion: LinearMotion


@dataclass(frozen=True)
class BlockSums:
    """Sums over the events of each window in each field block; lengths in those of the table.

    ``gradient``, ``curvature`` and ``squared`` have shape (n_windows, n_blocks, d), and ``middle``,
    the mean position of the events of a block, (n_blocks, d).
    """

    gradient: FloatArray
    curvature: FloatArray
    squared: FloatArray
    middle: FloatArray

    @classmethod
    def of(
        cls, density: Density, drift: FloatArray, windows: Windows, *, every: int = 1
    ) -> BlockSums:
        """Add up over windows and blocks at once; one in ``every`` blocks of events counts."""
        d = len(density.precision)
        positions = density.positions * density.precision
        lower, extent = by_column.lowest(positions), np.maximum(by_column.extent(positions), 1e-300)
        shape = np.array([_ACROSS, _ACROSS, _DEEP][:d])
        cell = np.minimum((positions - lower) / extent * shape, shape - 1).astype(np.int64)
        block = np.ravel_multi_index(tuple(cell.T), tuple(shape))
        _, block = np.unique(block, return_inverse=True)
        counts = np.bincount(block)
        middle = np.stack([np.bincount(block, x) / counts for x in positions.T], axis=1)
        total = density.by_group(drift, windows, block, every=every)
        gradient, curvature, squared = (total[..., a : a + d] for a in (1, 4, 7))
        scale = density.precision
        return cls(gradient / scale, curvature / scale**2, squared / scale**2, middle)

    def along(self, generator: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return gradient, curvature and squared gradient by a parameter, (n_windows, n_blocks).

        The velocity of a block is ``generator @ middle``, less its mean, so that the shift has no
        part in it.
        """
        velocity, weight = self.middle @ generator.T, np.maximum(self.curvature.sum(axis=0), 0)
        total = np.maximum(weight.sum(axis=0), 1e-300)
        velocity = velocity - (weight * velocity).sum(axis=0) / total
        return (
            (self.gradient * velocity).sum(axis=2),
            (self.curvature * velocity**2).sum(axis=2),
            (self.squared * velocity**2).sum(axis=2),
        )

    def trend(
        self,
        generator: FloatArray,
        windows: Windows,
        chosen: BoolArray,
        level: FloatArray,
        rates: Rates | None = None,
    ) -> tuple[Trend, float]:
        """Return the parameter over time, and the variance of its mean.

        From a start and the Newton steps of chosen blocks.
        """
        gradient, curvature, squared = (s[:, chosen].sum(axis=1) for s in self.along(generator))
        weight = np.maximum(self.curvature[:, chosen].sum(axis=(1, 2)), 0.0)
        if not (curvature.sum() > 0 and squared.sum() > 0):
            nothing = np.zeros(len(windows))
            return Trend(nothing, nothing, nothing + np.inf, 0.0, 0.0, 0.0, 1.0), np.inf
        total = weight.sum()
        # That of a single window is too noisy to divide by, as in `newton_steps`.
        slope = np.maximum(weight / total * curvature.sum(), 1e-300)
        step = -(1 - weight / total) * gradient / slope
        variance = squared.sum() / curvature.sum() / slope
        seen = weight > _SEEN * np.median(weight)
        trend = local_trend(
            windows.mean_frame,
            level + np.where(seen, step, 0.0),
            np.where(seen, variance, np.inf),
            rates=rates,
        )
        # Against the mean of the table, whose own error has no part in it.
        of_mean = trend.noise / (1 / variance[seen]).sum()
        left = np.maximum(trend.variance - of_mean, _ROUNDING * of_mean)
        return trend._replace(variance=left), float(of_mean)


def asked_for(density: Density, drift: FloatArray, timeline: Timeline) -> dict[str, float]:
    """Return the probability of each group of parameters by chance.

    A parameter is estimated from every second field block, and what it gains in the others,
    ``sum(g p - c p^2 / 2)``, is compared with its scatter over these (Student's t), both ways. The
    larger of both probabilities counts: both halves see the same noise.
    """
    windows = _windows(timeline)
    sums = BlockSums.of(density, drift, windows, every=density.one_in(_ENOUGH))
    half = split_mix64(np.arange(len(sums.middle))) % np.uint64(2) == 0
    found = {}
    for group in GROUPS.values():
        by_half = []
        for used in (half, ~half):
            gain = np.zeros(len(half))
            for generator in generators(group, len(density.precision)):
                trend, _ = sums.trend(generator, windows, used, np.zeros(len(windows)))
                level = _centred(trend)
                gradient, curvature, _ = sums.along(generator)
                gain += -level @ gradient - level**2 @ curvature / 2
            weight = np.maximum(sums.curvature.sum(axis=(0, 2)), 0.0)[~used]
            few = not weight.any() or effective_number(weight) < FEWEST
            by_half.append(1.0 if few else float(chance_of_sum(weight, gain[~used, None])[0]))
        found[group] = max(by_half)
    return found


def least_free(chances: dict[str, float]) -> str:
    """Return the least free transformation that has all parameters which are not chance."""
    freest = "shift"
    for name, group in GROUPS.items():
        if chances[group] < FALSE_ALARM:
            freest = name
    return freest


def with_motion(
    estimate: DriftEstimate,
    windows: Windows,
    density: Density,
    rows: WeightedLocalizations,
    transformation: str,
    prior: Prior | None = None,
) -> Transformed:
    """Let the shift and the other parameters take turns until nothing changes.

    Each round takes off what was found, so that steps are small, however far the sample turned.
    """
    events, timeline = density.events, windows.timeline
    at = timeline.frames.astype(np.float64)
    names = list(GROUPS)[: list(GROUPS).index(transformation) + 1]
    parts = [generators(GROUPS[name], len(density.precision)) for name in names]
    each = np.concatenate(parts)
    own = _windows(timeline)
    level = np.zeros((len(own), len(each)))
    rates: list[Rates | None] = [None] * len(each)
    for _ in range(_ROUNDS):
        sums = BlockSums.of(density, estimate.drift, own)
        everywhere = np.ones(len(sums.middle), dtype=np.bool_)
        found = [
            sums.trend(g, own, everywhere, start, near)
            for g, start, near in zip(each, level.T, rates, strict=True)
        ]
        trends = [trend for trend, _ in found]
        rates = [t.rates for t in trends]
        before, level = level, np.stack([_centred(t) for t in trends], axis=1)
        std = np.stack([np.sqrt(t.variance) for t in trends], axis=1)
        motion = _motion(each, own, trends, [of_mean for _, of_mean in found])
        left = (estimate.drift - events.start)[events.frame]
        moved = replace(events, positions=motion.undone(events.positions, at[events.frame], left))
        density = best_density(moved, estimate.drift, windows, density.precision, density.threads)
        estimate = iterate(
            estimate.drift, windows, density, rounds=3, tolerance=0.05, near=estimate, prior=prior
        )
        if (np.std(level - before, axis=0) < _SETTLED * np.median(std, axis=0)).all():
            break
    turned = motion.undone(rows.positions, at[rows.frame], estimate.drift[rows.frame])
    return Transformed(estimate, density, replace(rows, positions=turned), motion)


def _motion(
    generators: FloatArray, windows: Windows, trends: list[Trend], of_mean: list[float]
) -> LinearMotion:
    """Return the motion between the first and the last frame, where the trends go on straight."""
    frames, at = windows.timeline.frames, windows.mean_frame
    level, std = [], []
    for trend in trends:
        centred = _centred(trend)
        first = centred[0] + trend.slope[0] * (frames[0] - at[0])
        last = centred[-1] + trend.slope[-1] * (frames[-1] - at[-1])
        level.append(np.concatenate([[first], centred, [last]]))
        std.append(np.sqrt(trend.variance[[0, *range(len(at)), -1]]))
    knots = np.concatenate([frames[:1], at, frames[-1:]]).astype(np.float64)
    # A run of frames of this part of all has, by itself, the variance of the trend.
    part = [m / (m + np.median(t.variance)) for m, t in zip(of_mean, trends, strict=True)]
    smoothing = float(np.max(part)) * float(frames[-1] - frames[0] + 1)
    both = np.stack(level, axis=1), np.stack(std, axis=1)
    return LinearMotion(generators, knots, *both, smoothing)


def _windows(timeline: Timeline) -> Windows:
    extent = int(timeline.frames[-1] - timeline.frames[0]) + 1
    return replace(timeline, jumps=timeline.jumps[:0]).regular(-(-extent // _WINDOWS))


def _centred(trend: Trend) -> FloatArray:
    """Return the level less its mean: how the sample lies as a whole is not known."""
    return np.asarray(trend.level - trend.level.mean())
