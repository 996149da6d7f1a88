"""The same beads in two tables: found by where they lie to each other, with the chance of error.

A transformation that one pair of beads suggests (with rotation, two pairs) is looked at by how many
other beads of the moving table it puts on beads of the reference, and how closely. Under the null
hypothesis these are independent, and

    expected = hypotheses * counts * P(Binomial(others, p) >= matched)

is the expected number of matches as good as this (the number of false alarms of Moisan & Stival,
Int. J. Comput. Vis. 57, 201 (2004)). ``p`` is the probability that a bead lies as close to one of
the reference as the worst of those that match: from the density of beads in the field, or near the
match where that is higher. The match of least ``expected`` needs no tolerance to be chosen.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree
from scipy.special import bdtrc

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.geometry.similarity import fit_matrix

# Scales that are looked at: between 1 / 1.2 and 1.2. Objectives differ by less.
_MOST_SCALE = 1.2
# Hypotheses about rotation that are looked at: 0.1 ms each. Beads far from each other come first.
_MOST_TURNED = 20_000
_ROUNDS = 5  # of fitting the matched beads and matching again
_SMALLEST = 1e-7  # of the field, is a distance: rounding is no evidence


class Constellation(NamedTuple):
    """Row ``reference[i]`` and row ``moving[i]`` are the same bead.

    ``expected`` is the expected number of false matches as good as this.
    """

    reference: IntArray
    moving: IntArray
    expected: float


class Similarity(NamedTuple):
    """``position @ matrix.T + shift``, in the plane."""

    matrix: FloatArray
    shift: FloatArray


def match_constellations(
    reference: FloatArray,
    moving: FloatArray,
    *,
    with_rotation: bool = False,
    with_scaling: bool = False,
    max_shift: float | None = None,
) -> Constellation:
    """Return the match of two sets of beads, (n, 2) and (m, 2), that chance explains least.

    ``max_shift`` is along each axis, of the origin of the moving beads.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> beads = rng.uniform(0, 20_000, (5, 2))
    >>> first, second = beads[:4], beads[[4, 3, 2, 1]] + [1200, -80]
    >>> found = match_constellations(first, second)
    >>> found.reference.tolist(), found.moving.tolist(), found.expected < 1e-6
    ([3, 2, 1], [1, 2, 3], True)
    """
    nothing = np.zeros(0, dtype=np.int64)
    best = Constellation(nothing, nothing, np.inf)
    if min(len(reference), len(moving)) < 2:
        return best
    judge = _Judge(reference, moving)
    terms = {"with_rotation": with_rotation, "with_scaling": with_scaling}

    def better(hypothesis: Similarity, n_fixed: int, n_tests: float, away: float = 0.0) -> None:
        nonlocal best
        if max_shift is not None and np.abs(hypothesis.shift).max() > max_shift:
            return
        found = judge.match(hypothesis, n_fixed, n_tests, away)
        best = min(best, found, key=lambda match: match.expected)

    n, m = len(reference), len(moving)
    for i, j in np.ndindex(m, n):
        better(Similarity(np.eye(2), reference[j] - moving[i]), 1, n * m)
    n_tests = float(n * m)
    if with_rotation:
        turned, n_tests = _turned(reference, moving, with_scaling=with_scaling)
        for hypothesis, away in turned:
            better(hypothesis, 2, n_tests, away)
    # The mean of all that match is closer to each than what one pair of beads says.
    n_fixed = 2 if with_rotation else 1
    for _ in range(_ROUNDS):
        if len(best.moving) < 3:
            break
        before = best
        better(_fitted(reference[best.reference], moving[best.moving], **terms), n_fixed, n_tests)
        if not best.expected < before.expected:
            break
    return best


class _Judge:
    """How many beads of two sets a transformation puts on each other, and what chance would."""

    def __init__(self, reference: FloatArray, moving: FloatArray) -> None:
        self.reference, self.moving = reference, moving
        n = len(reference)
        self.tree = cKDTree(reference)
        # The field from the extent of n beads in it: (n - 1) / (n + 1) of it, in the mean.
        field = np.ptp(reference, axis=0) * (n + 1) / (n - 1)
        self.field = np.maximum(field, field.max() * _SMALLEST)

    def match(
        self, hypothesis: Similarity, n_fixed: int, n_tests: float, away: float
    ) -> Constellation:
        """Return the beads that match, of which ``n_fixed`` made the hypothesis.

        ``away`` is how far from each other it leaves these.
        """
        n, m = len(self.reference), len(self.moving)
        at = self.moving @ hypothesis.matrix.T + hypothesis.shift
        nearest: tuple[FloatArray, IntArray]
        nearest = self.tree.query(at, k=min(3, n), p=np.inf)  # type: ignore[assignment]
        near, which = nearest
        order = np.argsort(near[:, 0], kind="stable")
        # A bead of the reference is that of the moving one nearest to it.
        order = order[np.sort(np.unique(which[order, 0], return_index=True)[1])]
        distance = np.maximum(near[order, 0], max(away, float(self.field.max()) * _SMALLEST))
        # For each number of beads that match, the probability that one lies as close by chance.
        p = n * np.prod(np.minimum(2 * distance[:, None] / self.field, 1.0), axis=1)
        for k in range(1, near.shape[1]):  # k others lie that close to where it is
            around = np.cumsum(k / np.maximum(near[order, k], distance) ** 2)
            p = np.maximum(p, distance**2 * around / np.arange(1, len(order) + 1))
        count = np.arange(n_fixed + 1, len(order) + 1)
        if not len(count):
            return Constellation(order[:0], order[:0], np.inf)
        chance = bdtrc(count - n_fixed - 1, m - n_fixed, np.minimum(p[n_fixed:], 1.0))
        expected = n_tests * len(count) * chance
        least = int(np.argmin(expected))
        matched = order[: count[least]]
        return Constellation(which[matched, 0], matched, float(expected[least]))


def _turned(
    reference: FloatArray, moving: FloatArray, *, with_scaling: bool
) -> tuple[list[tuple[Similarity, float]], float]:
    """Return the transformations that put two beads onto two others, and how many there are.

    With each, how far it leaves them from each other: without scaling, half of what their distances
    differ by.
    """
    first, second = np.triu_indices(len(moving), 1)
    one, other = np.nonzero(~np.eye(len(reference), dtype=bool))
    # As complex numbers, a rotation with scaling is a factor.
    ours, theirs = (p[:, 0] + 1j * p[:, 1] for p in (moving, reference))
    side, target = ours[second] - ours[first], theirs[other] - theirs[one]
    length = np.abs(side)[:, None]
    away = np.abs(np.abs(target) - length) / 2
    lever = np.minimum(length, np.abs(target))
    usable = (lever > 0) & (np.maximum(length, np.abs(target)) <= _MOST_SCALE * lever)
    rows, columns = np.nonzero(usable)
    # The angle is best known from beads far apart; without scaling, at distances that are alike.
    lever, away = lever[rows, columns], away[rows, columns]
    order = np.argsort(-lever if with_scaling else away / lever, kind="stable")[:_MOST_TURNED]
    found = []
    for i, j, apart in zip(rows[order], columns[order], away[order], strict=True):
        factor = target[j] / side[i]
        if not with_scaling:
            factor /= np.abs(factor)
        matrix = np.array([[factor.real, -factor.imag], [factor.imag, factor.real]])
        middle = (reference[one[j]] + reference[other[j]]) / 2
        shift = middle - matrix @ (moving[first[i]] + moving[second[i]]) / 2
        found.append((Similarity(matrix, shift), 0.0 if with_scaling else float(apart)))
    return found, float(len(first) * len(one))


def _fitted(
    reference: FloatArray, moving: FloatArray, *, with_rotation: bool, with_scaling: bool
) -> Similarity:
    """Return the least-squares transformation of beads that match."""
    target, source = reference.mean(axis=0), moving.mean(axis=0)
    t, s = reference - target, moving - source
    matrix = fit_matrix(t.T @ s, s.T @ s, with_rotation=with_rotation, with_scaling=with_scaling)
    if not np.isfinite(matrix).all():
        matrix = np.eye(2)
    return Similarity(matrix, target - matrix @ source)
