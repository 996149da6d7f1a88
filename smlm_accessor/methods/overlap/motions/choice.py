"""Which motion the data ask for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.special import ndtr

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.chance import FALSE_ALARM
from smlm_accessor.kernels.field.jackknife import effective_number
from smlm_accessor.kernels.geometry.generators import GROUPS, generators
from smlm_accessor.kernels.geometry.smooth_field import SmoothField
from smlm_accessor.methods.overlap.density import Density
from smlm_accessor.methods.overlap.evidence import FEWEST
from smlm_accessor.methods.overlap.motions.block_sums import BlockSums, centred, windows_of
from smlm_accessor.methods.overlap.motions.flow import Flows
from smlm_accessor.methods.overlap.motions.linear import LinearMotions
from smlm_accessor.timeline import Timeline, Windows

#: A smooth field of shifts.
LOCAL = "local"
#: What ``transformation`` may be, from the least free to the freest; and the choice by the data.
TRANSFORMATIONS = ("shift", *GROUPS, LOCAL, "auto")
#: Probabilities of the terms of each order of a field by chance.
ORDERS = ("order_1", "order_2", "order_3")
#: What the data may ask for.
ALL = (*GROUPS.values(), *ORDERS)
_ENOUGH = 100_000  # events, that tell what the data ask for
# Windows over which scores are summed before they are squared; and twice as many, up to all. The
# largest variance counts: emitters err together as long as they are seen, which is not known.
_TOGETHER = 10


def asked_for(
    density: Density, drift: FloatArray, timeline: Timeline, groups: Sequence[str] = ALL
) -> dict[str, float]:
    """Return the probability of each group of parameters by chance; of orders, beyond lower ones.

    Parameters over time are estimated from every second field block, and predict by how much
    others move: ``u``, beyond ``v`` without the group. The score ``-sum(h (u - v))`` of these, with
    the gradient ``h = g + c v``, has the mean 0 if there is no such motion, and the variance of
    ``(g + c u) (u - v)``, summed over runs of windows in single blocks, from their squares. It has
    to be so large that the blocks gain, ``-sum(h (u - v) + c (u - v)^2 / 2) > 0``. Both ways; the
    larger of both probabilities counts. The terms of an order count all together, or the best of
    them alone (Bonferroni).
    """
    found = list(_both_ways(density, drift, timeline, groups))
    return {group: max(one[group] for one in found) for group in groups}


def transformation_asked_for(density: Density, drift: FloatArray, timeline: Timeline) -> str:
    """Return the least free transformation that `asked_for` tells.

    Where one way all is chance, the other way makes no difference, and is not looked at.
    """
    found = dict.fromkeys(ALL, 0.0)
    for one in _both_ways(density, drift, timeline, ALL):
        found = {group: max(found[group], one[group]) for group in ALL}
        if min(found.values()) >= FALSE_ALARM:
            break
    return least_free(found)


def _both_ways(
    density: Density, drift: FloatArray, timeline: Timeline, groups: Sequence[str]
) -> Iterator[dict[str, float]]:
    """Yield the probabilities of what one half of the field blocks tells of the other half."""
    windows = windows_of(timeline)
    sums = BlockSums.of(density, drift, windows, every=density.one_in(_ENOUGH))
    halves = sums.take(sums.even), sums.take(~sums.even)
    for fitted, others in (halves, halves[::-1]):
        yield _by_group(fitted, others, windows, groups)


def _by_group(
    fitted: BlockSums, others: BlockSums, windows: Windows, groups: Sequence[str] = ALL
) -> dict[str, float]:
    """Return the probabilities by chance of what parameters from some blocks gain in others."""
    if effective_number(others.information.sum(axis=1)) < FEWEST:
        return dict.fromkeys(groups, 1.0)
    d = fitted.middle.shape[1]
    field = SmoothField.around(np.concatenate([fitted.middle, others.middle]), len(ORDERS))
    flows = Flows.of(field, fitted)
    order = np.tile(list(map(len, field.terms)), d)
    nothing, found = np.zeros_like(others.gradient), {}
    before = nothing
    for group in groups:
        of_order = ORDERS.index(group) + 1 if group in ORDERS else 0
        motions = flows if of_order else LinearMotions(generators(group, d))
        both = motions.velocities(fitted), motions.velocities(others)
        if of_order:
            both = both[0][order == of_order], both[1][order == of_order]
        if of_order < 2:
            before = nothing
        each = [
            np.multiply.outer(_level(fitted, velocity, windows), others.centred(elsewhere))
            for velocity, elsewhere in zip(*both, strict=True)
        ]
        more = np.sum(each, axis=0)
        found[group] = _chance(others, before, more)
        if of_order:  # one of many terms may be all there is
            alone = len(each) * min(_chance(others, before, one) for one in each)
            found[group] = min(2 * min(found[group], alone), 1.0)
        before = before + more
    return found


def _level(fitted: BlockSums, velocity: FloatArray, windows: Windows) -> FloatArray:
    # Most parameters are chance, and straight lines: rates are looked for near those of one.
    return centred(fitted.trend(velocity, windows, np.zeros(len(windows)), (0.0, 0.0, 0.0))[0])


def _chance(others: BlockSums, before: FloatArray, more: FloatArray) -> float:
    """Return the probability by chance that blocks are drawn ``more`` this way than before.

    It is 1 if they do not gain by moving so far.
    """
    lost = others.curvature * more
    scores = -((others.gradient + others.curvature * before) * more).sum(axis=2)
    if not scores.sum() > (lost * more).sum() / 2:
        return 1.0
    once_moved, errors = scores - (lost * more).sum(axis=2), [1e-300]
    together = _TOGETHER
    while together < 2 * len(scores):
        runs = np.add.reduceat(once_moved, np.arange(0, len(scores), together), axis=0)
        errors.append(float(np.sqrt((runs**2).sum())))
        together *= 2
    return float(ndtr(-scores.sum() / max(errors)))


def order_of(chances: dict[str, float]) -> int:
    """Return the highest order of a field with terms which are not chance; 0 if all are."""
    return max((n for n, o in enumerate(ORDERS, start=1) if chances[o] < FALSE_ALARM), default=0)


def least_free(chances: dict[str, float]) -> str:
    """Return the least free transformation that has all parameters which are not chance."""
    if order_of(chances) > 1:
        return LOCAL
    freest = "shift"
    for name, group in GROUPS.items():
        if chances[group] < FALSE_ALARM:
            freest = name
    return freest
