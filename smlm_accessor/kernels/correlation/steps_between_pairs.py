"""A step in time at which pairs of events fit better by another shift than without one."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.field.strip import in_strip

_REACH = 32.0  # precisions: pairs that are farther apart are of other structures, mostly
_NEAREST = 4.0  # precisions: what is nearer is the same place
_SAME = 2.0  # precisions: places, whose differences differ by less, are one
# Parts of the movie. The shortest lag that tells has the say: molecules that live for a short time
# are soon replaced by others, which lie anywhere in the structure.
_LAGS = (1 / 64, 1 / 16, 1 / 4)
_MOST = 250_000  # pairs: they take a tenth of a second
_FIRST = 4_000  # events, whose pairs tell how many there are
_CLEAR = 4.5  # standard deviations: by chance in one of 1000 tables, of 100 cuts and places
_MEANS = 3  # of the pairs near a place, until it rests


class StepInTime(NamedTuple):
    """From ``frame`` on, positions are off by ``shift``, shape (d,)."""

    frame: int
    shift: FloatArray


class _Pairs(NamedTuple):
    """Pairs of events that are near each other, in place and in time.

    Parameters
    ----------
    before, after : ndarray, shape (p,)
        Index of the earlier and of the later event.
    difference : ndarray, shape (p, d)
    square : ndarray of int, shape (p,)
        Number of the square of the field in which the earlier event lies.
    frame : ndarray, shape (n,)
        Of the events.
    """

    before: IntArray
    after: IntArray
    difference: FloatArray
    square: IntArray
    frame: IntArray

    @classmethod
    def of(cls, positions: FloatArray, frame: IntArray, lag: float) -> _Pairs:
        """Find the pairs in a strip of the field that holds as many as may be."""
        time = (frame - frame[0]) * (_REACH / (lag * float(frame[-1] - frame[0])))

        # Events that are a lag apart are as far apart as the reach.
        tree = _tree(positions, time, in_strip(positions[:, 0], _FIRST).nonzero()[0])
        n = tree.n * _MOST / max(_number(tree), 1)
        some = in_strip(positions[:, 0], int(min(n, len(frame)))).nonzero()[0]
        tree = _tree(positions, time, some)
        if _number(tree) > 2 * _MOST:  # it is denser there
            some = some[:: int(np.ceil(np.sqrt(_number(tree) / _MOST)))]
            tree = _tree(positions, time, some)
        positions, of_strip = positions[some], frame[some]
        pair = tree.query_pairs(_REACH, output_type="ndarray")
        pair.sort(axis=1)
        before, after = pair[np.argsort(pair[:, 0])].T
        place = np.floor(positions[:, :2] / (2 * _REACH)).astype(np.int64)
        _, square = np.unique(place, axis=0, return_inverse=True)
        difference = positions[after] - positions[before]
        return cls(before, after, difference, square.ravel()[before], of_strip)

    def across(self, frame: float, lag: float) -> _Pairs:
        """Return the pairs whose later event is at a frame or after it, the other before it."""
        first, event = np.searchsorted(self.frame, [frame - lag, frame])
        rows = slice(*np.searchsorted(self.before, [first, event]))
        inside = np.flatnonzero(self.after[rows] >= event) + rows.start
        before, after, square = (of[inside] for of in (self.before, self.after, self.square))
        return _Pairs(before, after, self.difference[inside], square, self.frame)

    def near(self, shift: FloatArray) -> FloatArray:
        """Return 1 for those whose difference is a shift, 0 for others."""
        square = ((self.difference - shift) ** 2).sum(axis=1)
        return np.asarray((square < _SAME**2).astype(np.float64))

    def commonest(self) -> FloatArray | None:
        """Return the commonest difference that is not near none; None if there is none."""
        size, d = 2 * _SAME, self.difference.shape[1]
        shape, best = (int(2 * _REACH / size) + 2,) * d, 0
        shift: FloatArray | None = None
        for offset in (_REACH, _REACH + _SAME):  # a place across an edge of cells is one
            cell = ((self.difference + offset) / size).astype(int)
            numbers = np.ravel_multi_index(tuple(cell.T), shape)
            counts = np.bincount(numbers, minlength=np.prod(shape))
            middle = (np.indices(shape).reshape(d, -1) + 0.5) * size - offset
            counts[(middle**2).sum(axis=0) <= _NEAREST**2] = 0
            most = int(counts.argmax())
            if counts[most] > best:
                best, shift = int(counts[most]), np.asarray(middle[:, most], np.float64)
        for _ in range(_MEANS):
            near = None if shift is None else self.near(shift) > 0
            shift = None if near is None or not near.any() else self.difference[near].mean(axis=0)
        return shift if shift is not None and (shift**2).sum() > (_NEAREST - 1) ** 2 else None

    def clear(self, gain: FloatArray) -> float:
        """Return the sum of gains over its standard deviation, from squares of the field.

        A structure that is seen often counts once.
        """
        of_squares = np.bincount(self.square, gain)
        return float(gain.sum()) / max(float(np.sqrt(of_squares @ of_squares)), 1e-9)

    def frame_of_step(self, gain: FloatArray) -> int:
        """Return the first frame of a step: pairs across it gain most."""
        n = len(self.frame)
        begin, end = (np.bincount(event + 1, gain, n + 1) for event in (self.before, self.after))
        return int(self.frame[int(np.argmax(np.cumsum(begin - end)[:n]))])


def find_step(positions: FloatArray, frame: IntArray) -> StepInTime | None:
    """Find where a movie steps by a shift at which its parts fit better.

    Molecules lie where they lay before: most pairs of events, of those that are near in time, have
    no difference. If more of the pairs across a frame have another one, the sample moved there, or
    the drift went a period of the structure astray. Where molecules are replaced by others beside
    them, as many have the opposite difference. So the shift is the one by which pairs across a cut
    of the movie are least symmetric, and the frame that at which it gains most.

    Parameters
    ----------
    positions : ndarray, shape (n, d)
        Of events without drift, in precisions.
    frame : ndarray, shape (n,)

    Returns
    -------
    StepInTime or None
        None if nothing fits clearly better.
    """
    order = np.lexsort((positions[:, 0], frame))  # however rows come
    positions, frame = positions[order], frame[order].astype(np.int64)
    if len(frame) < 2 or frame[0] == frame[-1]:
        return None
    rest, extent = np.zeros(positions.shape[1]), float(frame[-1] - frame[0])
    for lag in _LAGS:
        pairs, highest, shift = _Pairs.of(positions, frame, lag), 0.0, None
        for cut in np.linspace(frame[0], frame[-1], round(1 / lag) + 1)[1:-1]:
            across = pairs.across(cut, lag * extent)
            commonest = across.commonest()
            if commonest is not None:
                asymmetry = across.clear(across.near(commonest) - across.near(-commonest))
                if asymmetry > highest:
                    highest, shift = asymmetry, commonest
        if shift is not None:
            step = pairs.frame_of_step(pairs.near(shift) - pairs.near(rest))
            across = pairs.across(step, lag * extent)
            there = across.near(shift)
            more = there.sum() > across.near(rest).sum()
            if more and across.clear(there - across.near(-shift)) > _CLEAR:
                return StepInTime(step, across.difference[there > 0].mean(axis=0))
    return None


def _tree(positions: FloatArray, time: FloatArray, rows: IntArray) -> cKDTree:
    return cKDTree(np.column_stack([positions[rows], time[rows]]))


def _number(tree: cKDTree) -> int:
    """Return how many pairs are in reach."""
    return int(tree.count_neighbors(tree, _REACH) - tree.n) // 2
