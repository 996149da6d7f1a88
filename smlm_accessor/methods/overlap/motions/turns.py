"""The shift and the other parameters of a motion, in turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.chance import FALSE_ALARM
from smlm_accessor.kernels.density.pair_kernel import COARSE
from smlm_accessor.kernels.geometry.generators import GROUPS
from smlm_accessor.kernels.geometry.smooth_field import SmoothField
from smlm_accessor.kernels.time_series.trend import Rates, Trend
from smlm_accessor.methods.overlap.density import Density
from smlm_accessor.methods.overlap.events import WeightedLocalizations
from smlm_accessor.methods.overlap.iteration import DriftEstimate, iterate
from smlm_accessor.methods.overlap.kernel_choice import best_density
from smlm_accessor.methods.overlap.motions.block_sums import BlockSums, centred, windows_of
from smlm_accessor.methods.overlap.motions.choice import (
    ALL,
    LOCAL,
    ORDERS,
    asked_for,
    least_free,
    order_of,
)
from smlm_accessor.methods.overlap.motions.flow import Flow, Flows
from smlm_accessor.methods.overlap.motions.linear import LinearMotion, LinearMotions
from smlm_accessor.methods.overlap.prior.knots import Prior
from smlm_accessor.timeline import Windows

_ROUNDS, _SETTLED = 8, 0.1  # turns with the shift; standard deviations that they still change
# Squared precisions, by which kernels are wider for parts of the field that went far: those of 10
# precisions find 20 mrad in 20 um, 280 nm at the corners, if positions are precise to 10 nm.
_WIDE = (100.0, 9.0)
_NOT_FOLLOWED = (
    "The sample turns, grows or flows by more than could be followed over the whole field: "
    "drift.smlm.field_map(table) shows where. Correct parts of the field, or of the time, by "
    "themselves."
)

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
    prior: Prior | None = None,
) -> tuple[Moved, dict[str, Any], str]:
    """Return what a sample does, as far as a transformation allows for it; what was chosen; a note.

    A far motion looks like ones that are freer: of these, the data are asked again once it is
    taken off.
    """
    at_rest = Moved(estimate, density, rows, None)
    chances = {}
    if transformation in ("auto", LOCAL):
        near, far = _left(at_rest, windows), _left(at_rest, windows, _WIDE[0])
        chances = {group: min(2 * min(near[group], far[group]), 1.0) for group in near}
    chosen = transformation
    if chosen == "auto":
        chosen = least_free(chances)
        linear = least_free(chances | dict.fromkeys(ORDERS, 1.0))
        if chosen == LOCAL and linear != "shift":
            moved, is_whole = _followed(at_rest, windows, linear, prior)
            if least_free(_left(moved, windows)) == "shift":
                return moved, _said(linear, chances, moved), "" if is_whole else _NOT_FOLLOWED
    if chosen == "shift":
        return at_rest, _said(chosen, chances, at_rest), ""
    if chosen != LOCAL:
        moved, is_whole = _followed(at_rest, windows, chosen, prior)
        return moved, _said(chosen, chances, moved), "" if is_whole else _NOT_FOLLOWED
    moved, is_whole, order = at_rest, True, 0
    asked = [n for n, name in enumerate(ORDERS, start=1) if chances[name] < FALSE_ALARM]
    wanted = min(asked, default=0)
    while wanted > order:
        order = wanted
        moved, is_whole = _followed(at_rest, windows, LOCAL, prior, order)
        wanted = order_of(_left(moved, windows))
    said = {**_said(chosen, chances, moved), "field_order": order}
    return moved, said, "" if is_whole else _NOT_FOLLOWED


def _said(chosen: str, chances: dict[str, float], moved: Moved) -> dict[str, Any]:
    """Return what the user is told of the choice."""
    said: dict[str, Any] = {"transformation": chosen}
    if chances:
        said["transformation_chance"] = chances
    if moved.motion is not None:
        said["pose_smoothing_frames"] = moved.motion.smoothing_time
    return said


def _left(
    moved: Moved, windows: Windows, spread: float | None = None, groups: Sequence[str] = ALL
) -> dict[str, float]:
    """Return the probabilities by chance of what is left of a motion, as a kernel sees it."""
    drift, density = moved.estimate.drift, moved.density
    seen = density if spread is None else _wide(density, drift, spread)
    return asked_for(seen, drift, windows.timeline, groups)


def _followed(
    at_rest: Moved, windows: Windows, transformation: str, prior: Prior | None, order: int = 1
) -> tuple[Moved, bool]:
    """Return what a sample does, and whether none of it is left.

    What is left is seen by a wide kernel. If there is some, the motion is found anew with wide
    kernels first, as parts of the field that went far lie on nothing that a narrow one sees.
    """
    estimate, density = at_rest.estimate, at_rest.density
    d = len(density.precision)
    motions: Motions
    if transformation == LOCAL:
        sums = BlockSums.of(density, estimate.drift, windows_of(windows.timeline))
        field = SmoothField.around(density.positions * density.precision, order)
        motions, groups = Flows.of(field, sums), ORDERS[:order]
    else:
        motions = LinearMotions.of(transformation, d)
        groups = tuple(GROUPS.values())[: list(GROUPS).index(transformation) + 1]
    for spreads in ((), _WIDE):
        moved = _with_motions(at_rest, windows, motions, prior, spreads)
        left = _left(moved, windows, _WIDE[0], groups)
        if min(left.values()) >= FALSE_ALARM:
            return moved, True
    return moved, False


def _wide(density: Density, drift: FloatArray, spread: float) -> Density:
    """Return the density of the same events with a kernel that is so much wider."""
    return density.with_kernel(COARSE._replace(spread=spread), drift)


def _with_motions(
    at_rest: Moved,
    windows: Windows,
    motions: Motions,
    prior: Prior | None,
    spreads: tuple[float, ...] = (),
) -> Moved:
    """Let the shift and the other parameters take turns until nothing changes.

    Each round takes off what was found, so that steps are small, however far the sample moved. That
    is done with a kernel of each of the ``spreads`` first, and with the best one at last.
    """
    estimate, density, rows, _ = at_rest
    events, timeline = density.events, windows.timeline
    at = timeline.frames.astype(np.float64)
    own = windows_of(timeline)
    level = np.zeros((len(own), motions.n_parameters))
    rates: list[Rates | None] = [None] * motions.n_parameters
    for spread in (*spreads, None):
        if spread is not None:
            density = _wide(density, estimate.drift, spread)
        for _ in range(_ROUNDS):
            sums = BlockSums.of(density, estimate.drift, own)
            found = [
                sums.trend(velocity, own, start, near)
                for velocity, start, near in zip(
                    motions.velocities(sums), level.T, rates, strict=True
                )
            ]
            trends = [trend for trend, _ in found]
            rates = [t.rates for t in trends]
            before, level = level, np.stack([centred(t) for t in trends], axis=1)
            std = np.stack([np.sqrt(t.variance) for t in trends], axis=1)
            motion = _motion(motions, own, trends, [of_mean for _, of_mean in found])
            left = (estimate.drift - events.start)[events.frame]
            undone = motion.undone(events.positions, at[events.frame], left)
            moved = replace(density, events=replace(events, positions=undone))
            density = (
                _wide(moved, estimate.drift, spread)
                if spread is not None
                else best_density(
                    moved.events, estimate.drift, windows, density.precision, density.threads
                )
            )
            estimate = iterate(
                *(estimate.drift, windows, density),
                rounds=3,
                tolerance=0.05,
                near=estimate,
                prior=prior,
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
