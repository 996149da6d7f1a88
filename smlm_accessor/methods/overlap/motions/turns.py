"""The shift and the other parameters of a motion, in turns."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from smlm_accessor.kernels.geometry.smooth_field import SmoothField, terms_up_to
from smlm_accessor.kernels.time_series.trend import Rates, Trend
from smlm_accessor.methods.overlap.density import Density, best_density
from smlm_accessor.methods.overlap.events import WeightedLocalizations
from smlm_accessor.methods.overlap.iteration import DriftEstimate, iterate
from smlm_accessor.methods.overlap.motions.block_sums import BlockSums, centred, windows_of
from smlm_accessor.methods.overlap.motions.choice import LOCAL, asked_for, least_free, order_of
from smlm_accessor.methods.overlap.motions.flow import Flow, Flows
from smlm_accessor.methods.overlap.motions.linear import LinearMotion, LinearMotions
from smlm_accessor.timeline import Windows

_ROUNDS, _SETTLED = 8, 0.1  # turns with the shift; standard deviations that they still change

Motion = LinearMotion | Flow
Motions = LinearMotions | Flows


class Moved(NamedTuple):
    """What was found of a sample that moves, in coordinates in which it only drifts.

    There is no motion of one that only drifts in those of the table, too.
    """

    estimate: DriftEstimate
    density: Density
    rows: WeightedLocalizations
    motion: Motion | None


def with_transformation(
    transformation: str,
    estimate: DriftEstimate,
    windows: Windows,
    density: Density,
    rows: WeightedLocalizations,
) -> tuple[Moved, dict[str, Any]]:
    """Return what a sample does, as far as a transformation allows for it, and what was chosen."""
    at_rest = Moved(estimate, density, rows, None)
    chances = {}
    if transformation in ("auto", LOCAL):
        chances = asked_for(density, estimate.drift, windows.timeline)
    chosen = least_free(chances) if transformation == "auto" else transformation
    said: dict[str, Any] = {"transformation": chosen}
    if chances:
        said["transformation_chance"] = chances
    if chosen == "shift":
        return at_rest, said
    if chosen == LOCAL:
        found, said["field_order"] = _flowing(at_rest, windows, order_of(chances))
    else:
        found = _with_motions(at_rest, windows, LinearMotions.of(chosen, len(density.precision)))
    if found.motion is not None:
        said["pose_smoothing_frames"] = found.motion.smoothing_time
    return found, said


def _flowing(at_rest: Moved, windows: Windows, order: int) -> tuple[Moved, int]:
    """Return what a smooth field of an order gives, or of higher ones for as long as they are left.

    A far motion hides those of higher orders.
    """
    estimate, density = at_rest.estimate, at_rest.density
    field = SmoothField.around(density.positions * density.precision, max(order, 1))
    sums = BlockSums.of(density, estimate.drift, windows_of(windows.timeline))
    found, highest = at_rest, 0
    while order > highest:
        highest = order
        field = replace(field, terms=terms_up_to(order, len(density.precision)))
        found = _with_motions(at_rest, windows, Flows.of(field, sums))
        left = asked_for(found.density, found.estimate.drift, windows.timeline)
        order = order_of(left)
    return found, highest


def _with_motions(at_rest: Moved, windows: Windows, motions: Motions) -> Moved:
    """Let the shift and the other parameters take turns until nothing changes.

    Each round takes off what was found, so that steps are small, however far the sample moved.
    """
    estimate, density, rows, _ = at_rest
    events, timeline = density.events, windows.timeline
    at = timeline.frames.astype(np.float64)
    own = windows_of(timeline)
    level = np.zeros((len(own), motions.n_parameters))
    rates: list[Rates | None] = [None] * motions.n_parameters
    for _ in range(_ROUNDS):
        sums = BlockSums.of(density, estimate.drift, own)
        velocities = motions.velocities(sums)
        found = [
            sums.trend(velocity, own, start, near)
            for velocity, start, near in zip(velocities, level.T, rates, strict=True)
        ]
        trends = [trend for trend, _ in found]
        rates = [t.rates for t in trends]
        before, level = level, np.stack([centred(t) for t in trends], axis=1)
        std = np.stack([np.sqrt(t.variance) for t in trends], axis=1)
        motion = _motion(motions, own, trends, [of_mean for _, of_mean in found])
        left = (estimate.drift - events.start)[events.frame]
        moved = replace(events, positions=motion.undone(events.positions, at[events.frame], left))
        density = best_density(moved, estimate.drift, windows, density.precision, density.threads)
        estimate = iterate(
            estimate.drift, windows, density, rounds=3, tolerance=0.05, near=estimate
        )
        if (np.std(level - before, axis=0) < _SETTLED * np.median(std, axis=0)).all():
            break
    turned = motion.undone(rows.positions, at[rows.frame], estimate.drift[rows.frame])
    return Moved(estimate, density, replace(rows, positions=turned), motion)


def _motion(
    motions: Motions, windows: Windows, trends: list[Trend], of_mean: list[float]
) -> Motion:
    """Return the motion between the first and the last frame, where the trends go on straight."""
    frames, at = windows.timeline.frames, windows.mean_frame
    level, std = [], []
    for trend in trends:
        middle = centred(trend)
        first = middle[0] + trend.slope[0] * (frames[0] - at[0])
        last = middle[-1] + trend.slope[-1] * (frames[-1] - at[-1])
        level.append(np.concatenate([[first], middle, [last]]))
        std.append(np.sqrt(trend.variance[[0, *range(len(at)), -1]]))
    knots = np.concatenate([frames[:1], at, frames[-1:]]).astype(np.float64)
    # A run of frames of this part of all has, by itself, the variance of the trend.
    part = [m / (m + np.median(t.variance)) for m, t in zip(of_mean, trends, strict=True)]
    smoothing = float(np.max(part)) * float(frames[-1] - frames[0] + 1)
    return motions.motion(knots, np.stack(level, axis=1), np.stack(std, axis=1), smoothing)
