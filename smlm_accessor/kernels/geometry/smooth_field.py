"""Shifts that differ smoothly over the field: products of Legendre polynomials of low order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations_with_replacement

import numpy as np
from numpy.polynomial.legendre import legval

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels import by_column

_AXES = "xyz"


@dataclass(frozen=True)
class SmoothField:
    """Terms of a polynomial over a rectangular field.

    The term ``"xxy"`` is ``P2(u) P1(v)``: Legendre polynomials of the position in the field, ``u =
    (x - center) / scale``, which is between -1 and 1. Outside it is held at the nearest edge. The
    mean of each term over the field is 0.

    Parameters
    ----------
    terms : tuple of str
    center, scale : ndarray, shape (d,)
        Of the field: its middle, and half its extent.

    Examples
    --------
    >>> field = SmoothField(("x", "xx"), np.zeros(2), np.array([10.0, 10.0]))
    >>> field.values(np.array([[10.0, 0.0], [5.0, 0.0], [99.0, 0.0]])).tolist()
    [[1.0, 1.0], [0.5, -0.125], [1.0, 1.0]]
    """

    terms: tuple[str, ...]
    center: FloatArray
    scale: FloatArray

    @classmethod
    def around(cls, positions: FloatArray, order: int) -> SmoothField:
        """Return the terms up to an order over the extent of positions."""
        lower, upper = by_column.lowest(positions), by_column.highest(positions)
        scale = np.maximum((upper - lower) / 2, 1e-300)
        return cls(terms_up_to(order, positions.shape[1]), (lower + upper) / 2, scale)

    @property
    def order(self) -> int:
        """Largest order of a term."""
        return max(map(len, self.terms))

    def each(self, positions: FloatArray) -> Iterator[FloatArray]:
        """Yield the values of each term at positions, (n,): one at a time, to save memory."""
        degrees = range(self.order + 1)
        powers = []
        for x, center, scale in zip(positions.T, self.center, self.scale, strict=True):
            u = np.clip((x - center) / scale, -1.0, 1.0)
            powers.append([legval(u, np.eye(self.order + 1)[n]) if n else None for n in degrees])
        for term in self.terms:
            value = np.ones(len(positions))
            for axis, of_axis in zip(_AXES, powers, strict=False):
                power = of_axis[term.count(axis)]
                value = value if power is None else value * power
            yield value

    def values(self, positions: FloatArray) -> FloatArray:
        """Return the values of the terms at positions, shape (n, n_terms)."""
        return np.stack(list(self.each(positions)), axis=1)

    def shifts(
        self, positions: FloatArray, coefficients: FloatArray, index: IntArray
    ) -> FloatArray:
        """Return the shift of each position, shape (n, d).

        ``coefficients``, (k, n_terms, d), are those of k times; ``index``, (n,), says which of
        them a position takes.
        """
        found = np.zeros_like(positions)
        for number, value in enumerate(self.each(positions)):
            for axis, of_time in enumerate(coefficients[:, number].T):
                found[:, axis] += of_time[index] * value
        return found

    def moved(self, by: FloatArray) -> SmoothField:
        """Return the same terms over a field that is elsewhere."""
        return replace(self, center=self.center + by)

    def widened(self, axes: Sequence[int] | IntArray, d: int) -> SmoothField:
        """Return the same of ``d`` axes; those not in ``axes`` play no part."""
        center, scale = np.zeros(d), np.ones(d)
        center[axes], scale[axes] = self.center, self.scale
        names = str.maketrans(dict(zip(_AXES, (_AXES[a] for a in axes), strict=False)))
        return SmoothField(tuple(t.translate(names) for t in self.terms), center, scale)


def terms_up_to(order: int, d: int) -> tuple[str, ...]:
    """Return the terms up to an order; none is of a higher order than the first along z.

    A sample is thin: a line is what can be told along z.

    Examples
    --------
    >>> terms_up_to(2, 2)
    ('x', 'y', 'xx', 'xy', 'yy')
    >>> terms_up_to(2, 3)
    ('x', 'y', 'z', 'xx', 'xy', 'xz', 'yy', 'yz')
    """
    found = [
        "".join(term)
        for n in range(1, order + 1)
        for term in combinations_with_replacement(_AXES[:d], n)
    ]
    return tuple(term for term in found if term.count("z") < 2)
