"""Which windows of time know each other, from sums over pairs of their localizations.

Curvature and responsibility are those of `shares`, by groups of cells of the field.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from scipy.special import gammainc

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.kernels.time_series.steps import runs
from smlm_accessor.kernels.windows.shares import ratio_of_sums, share_by_lag, tail

# Groups that the windows before and after share, effectively, a little earlier and later: with
# fewer molecules at a time, nothing can be told of parts.
_MANY_GROUPS = 8.0
# Of all events: what is smaller has too little to tell whether it shares anything; it stays where
# the drift goes on, and its error is large.
_SMALLEST_PART = 0.02
# Positions among which a window was placed where the drift takes a step of five precisions; steps
# that are as far in so many windows at most are jumps, and more are how the sample drifts.
_FAR, _MOST_STEPS = 80.0, 40
_BESIDE = 2  # windows over which a single step is seen: the last before it, and the first after it
#: Probability that parts which share nothing pass for parts that do.
FALSE_CONNECTION = 1e-2


def least_connection(couplings: FloatArray) -> float:
    """Return by how much less earlier and later windows know each other than if all knew all.

    For a time that divides the windows, let ``a`` and ``b`` be the couplings of both sides with
    all; if windows know each other whatever the lag, the coupling of the two sides is
    ``a * b / (a + b)``. The least ratio to it; small sides do not count.
    """
    until = np.cumsum(couplings.sum(axis=1))[:-1]
    total = couplings.sum()
    corner = np.cumsum(np.cumsum(couplings, axis=0), axis=1).diagonal()[:-1]
    both = until * (total - until) / max(total, 1e-300)
    use = np.minimum(until, total - until) > _SMALLEST_PART * total
    return float(((until - corner)[use] / both[use]).min()) if use.any() else 1.0


def part_of_nearest(couplings: FloatArray) -> float:
    """Return the part of the couplings, shape (k, k), that is between windows at most two apart.

    Examples
    --------
    >>> part_of_nearest(np.ones((3, 3))), round(part_of_nearest(np.ones((30, 30))), 2)
    (1.0, 0.16)
    """
    near = np.triu(np.tril(couplings, 2), -2)
    return float(near.sum() / max(couplings.sum(), 1e-300))


def connected_parts(
    curvature: FloatArray,
    responsibility: FloatArray,
    weight: FloatArray,
    alternatives: FloatArray,
    *,
    steps_end_parts: bool = True,
) -> IntArray:
    """Return the part that each window belongs to: 0 for the largest; -1 between parts.

    Windows before and after one belong together if more molecules are in both than chance explains,
    in as many windows on both sides as show it best, or in all of one side and in as many of the
    other: at the end of a movie little may be left that all before know. Where they do not,
    although those a little earlier and later do share many, or where the drift takes a far step, a
    segment ends and another begins. Segments that share molecules with each other are one part.
    Parts of less than a fiftieth of all events belong to the largest; but beside another part, or
    beyond a far step, to none.

    Parameters
    ----------
    curvature, responsibility : ndarray, shape (n_groups, k, k)
    weight : ndarray, shape (k,)
        Of the events in each window.
    alternatives : ndarray, shape (k,)
        At how many positions the windows before and after each could have been placed: one where
        the drift goes on.
    steps_end_parts : bool
        Whether far steps of the drift are jumps, and no errors of single windows.
    """
    k = len(weight)
    test = _Chance(curvature, responsibility, weight)
    tried = _reaches(k)
    broken = np.zeros(k, dtype=np.bool_)
    told = _told(test.groups_around())
    left = np.flatnonzero(told)
    for before, after in tried.tolist():
        p = test.of_each(np.maximum(left - before, 0), left, left + 1, left + 1 + after)
        left = left[p * alternatives[left] * len(tried) >= FALSE_CONNECTION]
    broken[left] = True
    if 2 * np.count_nonzero(broken) > np.count_nonzero(told):  # nothing is shared at most times
        broken[:] = False
    broken &= ~_long_runs(broken, k // 10)
    far = far_steps(alternatives) & steps_end_parts
    if not (broken | far).any():
        return np.zeros(k, dtype=np.int64)
    return _joined_segments(test, broken, far, alternatives, weight)


def far_steps(alternatives: FloatArray) -> BoolArray:
    """Tell over which windows the drift takes a far step; over none if that is how it drifts."""
    far = alternatives > _FAR
    return far & (np.count_nonzero(far) <= _MOST_STEPS)


def _joined_segments(
    test: _Chance, broken: BoolArray, far: BoolArray, alternatives: FloatArray, weight: FloatArray
) -> IntArray:
    """Return the parts that segments between broken or far windows make up, as above."""
    k, between = len(broken), broken | far
    begins = np.flatnonzero(~between & np.append(True, between[:-1]))
    stops = np.flatnonzero(~between & np.append(between[1:], True)) + 1
    segments = [slice(a, b) for a, b in zip(begins.tolist(), stops.tolist(), strict=True)]
    n = len(segments)
    if n < 2:
        return np.zeros(k, dtype=np.int64)
    mass = np.array([weight[s].sum() for s in segments])
    small = mass < _SMALLEST_PART * weight.sum()
    large = np.flatnonzero(~small).tolist()
    if not large:
        return np.zeros(k, dtype=np.int64)

    def chance(i: int, j: int) -> float:
        one, other = segments[i], segments[j]
        return _least_chance(test, one, other, slice(one.stop, other.start), alternatives, n)

    def chance_of_small(i: int, j: int) -> float:
        """Return that of a small segment, and of what is around, where the drift is fast, too."""
        first = segments[i - 1].stop + _BESIDE if i else 0
        stop = segments[i + 1].start - _BESIDE if i + 1 < n else k
        around = slice(min(first, segments[i].start), max(stop, segments[i].stop))
        between = slice(*sorted([segments[min(i, j)].stop, segments[max(i, j)].start]))
        ordered = (around, segments[j]) if i < j else (segments[j], around)
        wide = _least_chance(test, *ordered, between, alternatives, n)
        return min(chance(min(i, j), max(i, j)), wide)

    # Of segments that are in few places of the field, a lack of molecules would not be seen.
    silent = [test.groups(s, s) < _MANY_GROUPS for s in segments]
    label = np.arange(n)
    for i, j in combinations(large, 2):
        whole = not broken[segments[i].stop : segments[j].start].any()
        beside = j == large[large.index(i) + 1] and whole
        if (beside and (silent[i] or silent[j])) or chance(i, j) < FALSE_CONNECTION:
            label[label == label[j]] = label[i]
    sizes = np.bincount(label, mass)
    rank = np.argsort(np.argsort(-sizes, kind="stable"))
    of_segment = rank[label].astype(np.int64)
    # A small segment may have frames of two parts in it: it belongs to one, and joins none.
    for i in np.flatnonzero(small).tolist():
        found = [(chance_of_small(i, j), j) for j in large]
        best, j = min(found)
        before, after = [x for x in large if x < i], [x for x in large if x > i]
        near = of_segment[before[-1:] + after[:1]]
        goes_on = [not far[segments[x].stop : segments[i].start].any() for x in before[-1:]]
        goes_on += [not far[segments[i].stop : segments[x].start].any() for x in after[:1]]
        if best < FALSE_CONNECTION:
            of_segment[i] = of_segment[j]
        else:
            of_segment[i] = 0 if any(goes_on) and not near.any() else -1
    part = np.full(k, -1, dtype=np.int64)
    for segment, number in zip(segments, of_segment.tolist(), strict=True):
        part[segment] = number
    for i in range(n - 1):  # what is between two segments of one part is of it
        if of_segment[i] == of_segment[i + 1]:
            part[stops[i] : begins[i + 1]] = of_segment[i]
    part[: begins[0]], part[stops[-1] :] = of_segment[0], of_segment[-1]
    return part if (part != 0).any() else np.zeros(k, dtype=np.int64)


def _least_chance(
    test: _Chance, one: slice, other: slice, between: slice, alternatives: FloatArray, n: int
) -> float:
    """Return the least probability of what windows next to each other share, for all tries."""
    before, after = _reaches(len(alternatives)).T
    positions = max(float(alternatives[between].max()), 1.0) * n
    p = test.of_each(
        *(np.maximum(one.stop - before, one.start), np.full_like(before, one.stop)),
        *(np.full_like(after, other.start), np.minimum(other.start + after, other.stop)),
    )
    return float(p.min()) * len(before) * positions


def _reaches(k: int) -> IntArray:
    """Return how many windows before and after a time are compared, shape (n, 2)."""
    some = 1 << np.arange((k - 1).bit_length())
    every = np.full_like(some, k)
    return np.concatenate(
        [np.stack(both, axis=1) for both in ((some, some), (every, some), (some, every))]
    )


def _long_runs(broken: BoolArray, most: int) -> BoolArray:
    """Tell which are in runs of more than so many: there, nothing is shared at any time."""
    result = np.zeros(len(broken), dtype=np.bool_)
    for run in runs(broken):
        result[run] = len(run) > most
    return result


def _told(groups: FloatArray) -> BoolArray:
    """Tell where a lack of what is shared would be seen: there is enough on both sides."""
    m, n = max(len(groups) // 25, 1), len(groups)
    told = np.zeros(n, dtype=np.bool_)
    if n > 2 * m:
        usual = np.median(np.lib.stride_tricks.sliding_window_view(groups, m), axis=1)
        told[m : n - m] = np.minimum(usual[: n - 2 * m], usual[m + 1 :]) >= _MANY_GROUPS
    return told


class _Chance:
    """The probability that chance explains what two runs of windows share.

    The curvature over its standard error from groups has Student's t distribution. Where matches
    are few, their number counts: with ``n`` effective groups, which hold a molecule each, and
    ``c`` expected by chance, it is that of ``n`` or more by Poisson's distribution. What chance
    gives is what is left of all responsibilities when the part of true pairs is taken off.
    """

    def __init__(
        self, curvature: FloatArray, responsibility: FloatArray, weight: FloatArray
    ) -> None:
        def corner(sums: FloatArray) -> FloatArray:
            n, k, _ = sums.shape
            total = np.zeros((n, k + 1, k + 1))
            np.cumsum(sums, axis=1, out=total[:, 1:, 1:])
            return np.cumsum(total, axis=2, out=total)

        self._c, self._r = corner(curvature), corner(responsibility)
        self._w = np.concatenate([[0.0], np.cumsum(weight)])
        self._pure = max(float(share_by_lag(curvature, responsibility).max()), 1e-300)
        c, r = curvature.sum(axis=0), responsibility.sum(axis=0)
        by_chance = max(float((r - c / self._pure).sum()), 1e-6 * float(r.sum()))
        self._rate = by_chance / max(float(weight.sum()) ** 2, 1e-300)

    def of_each(
        self, first: IntArray, stop: IntArray, other_first: IntArray, other_stop: IntArray
    ) -> FloatArray:
        """Return the probabilities of several pairs of runs of windows, shape (n,)."""
        last = len(self._w) - 1
        ends = first, np.minimum(stop, last), other_first, np.minimum(other_stop, last)
        c, r = self._blocks(self._c, *ends), self._blocks(self._r, *ends)
        total = r.sum(axis=0)
        found, told = np.ones(len(first)), (total > 0) & (c.sum(axis=0) > 0)
        if not told.any():
            return found
        ratio, error, n = ratio_of_sums(c[:, told], r[:, told])
        weight = (self._w[ends[1]] - self._w[ends[0]]) * (self._w[ends[3]] - self._w[ends[2]])
        expected = self._rate * weight[told] * n / total[told]
        true = n * np.minimum(ratio / self._pure, 1.0)
        of_number = np.where(true >= 1, gammainc(np.maximum(true, 1.0), expected), 1.0)
        found[told] = np.minimum(tail(ratio, error, n), of_number)
        return found

    def groups(self, a: slice, b: slice) -> float:
        """Return how many groups two runs of windows share, effectively."""
        r = self._block(self._r, a, b)
        return float(r.sum() ** 2 / max(float((r**2).sum()), 1e-300))

    def groups_around(self) -> FloatArray:
        """Return how many groups all windows before and all after each share, shape (k,)."""
        k = self._r.shape[1] - 1
        r = self._r[:, :k, k] - np.diagonal(self._r, 1, axis1=1, axis2=2)
        return np.asarray(r.sum(axis=0) ** 2 / np.maximum((r**2).sum(axis=0), 1e-300))

    def _block(self, sums: FloatArray, a: slice, b: slice) -> FloatArray:
        last = sums.shape[1] - 1
        ends = a.start, min(a.stop, last), b.start, min(b.stop, last)
        return self._blocks(sums, *(np.array([end]) for end in ends))[:, 0]

    @staticmethod
    def _blocks(
        sums: FloatArray, a: IntArray, a_stop: IntArray, b: IntArray, b_stop: IntArray
    ) -> FloatArray:
        """Return the sums of several blocks, shape (n_groups, n)."""
        return np.asarray(
            sums[:, a_stop, b_stop] - sums[:, a, b_stop] - sums[:, a_stop, b] + sums[:, a, b]
        )
