"""By how far blocks of the field have moved besides the drift, by windows of time."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy.special import fdtrc

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.kernels.windows.joint_drift import laplacian
from smlm_accessor.methods.overlap.couplings import SQUARE, CouplingSums, couplings
from smlm_accessor.methods.overlap.density import Density
from smlm_accessor.timeline import Windows

_ROUNDS, _SETTLED = 6, 0.1  # of Newton steps; standard deviations that a residual still changes
_ENOUGH = 30_000  # events that tell how much the windows of a block share
_PLACES = 2.0  # effectively, for each window of a block: with fewer, the covariance is a guess
_ROUNDING = 1e-9  # of the largest eigenvalue: a window with less shares nothing with the others


class Residuals(NamedTuple):
    """Drift that is left, by window, block and axis; its means over time and the field are 0.

    Parameters
    ----------
    value : ndarray, shape (n_windows, n_blocks, d)
    covariance : ndarray, shape (n_blocks, d, n_windows, n_windows)
        Before the mean over the field was taken off.
    of_field : ndarray, shape (n_blocks, d)
        Share of the information of the field.
    places : ndarray, shape (n_blocks,)
        Effective numbers of places that err for themselves.
    events : ndarray, shape (n_blocks,)
    agreement : ndarray, shape (n_terms,)
        Products of what both halves of the places tell, before anything is moved: of each block,
        axis and course over time.
    """

    value: FloatArray
    covariance: FloatArray
    of_field: FloatArray
    places: FloatArray
    events: IntArray
    agreement: FloatArray

    @property
    def told(self) -> BoolArray:
        """Tell which blocks are known."""
        return np.asarray(np.isfinite(self.value).all(axis=(0, 2)))

    @property
    def std(self) -> FloatArray:
        """Standard deviations of the values."""
        return _std(self.covariance) * np.sqrt(1 - self.of_field)

    def change(self, time: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return by how much the residual changes in a unit of time, and std; (n_blocks, d)."""
        since = (time - time.mean()) / ((time - time.mean()) ** 2).sum()
        variance = np.einsum("s,bdst,t->bd", since, self.covariance, since)
        return np.tensordot(since, self.value, 1), np.sqrt(variance * (1 - self.of_field))

    def chances(self) -> FloatArray:
        """Return the probability of each block by chance, corrected for their number (Bonferroni).

        That of a block is Hotelling's, for its covariance is an estimate.
        """
        n, _, d = self.value.shape
        told, freedoms = self.told, (n - 1) * d
        value = self.value[:, told].transpose(1, 2, 0)
        inverse = np.linalg.pinv(self.covariance[told], hermitian=True)
        square = np.einsum("bds,bdst,bdt->bd", value, inverse, value)
        square = (square / (1 - self.of_field[told])).sum(axis=1)
        rest = self.places[told] - (n - 1)  # the axes have covariances of their own
        found = np.full(len(told), np.nan)
        found[told] = fdtrc(freedoms, rest, square * rest / (freedoms * (self.places[told] - 1)))
        return np.asarray(np.minimum(told.sum() * found, 1.0))

    @property
    def score(self) -> float:
        """By how much halves of the places agree, in standard deviations; about 0 by chance."""
        error = float(np.sqrt((self.agreement**2).sum()))
        return float(self.agreement.sum()) / max(error, 1e-300)


def residuals(density: Density, windows: Windows, block: IntArray) -> Residuals:
    r"""Return by how far blocks of events have moved in each of some windows, by Newton steps.

    The gradient ``G`` of the windows of a block, ``sum(g)`` over their events towards those of
    other windows, has the step ``L^+ G``. The information ``L`` is that of windows which share
    pairs of events, with the same part of true pairs all over the field. The covariance is that of
    the jackknife over places ``p``, squares of the field: the sum of ``u u^T`` with
    ``u = (L - L_p)^+ G_p``. The events of a molecule or a cluster err together, whenever they are
    seen.

    Parameters
    ----------
    density : Density
    windows : Windows
    block : ndarray
        Of each event.

    References
    ----------
    Wu, Ann. Statist. 14, 1261 (1986), DOI 10.1214/aos/1176350142.
    """
    events, drift, d = density.events, density.sorted_with, len(density.precision)
    n, k = len(windows), int(block.max()) + 1
    at = windows.of_frame[events.frame]
    value, agreement = np.zeros((n, k, d)), np.zeros(0)
    for turn in range(_ROUNDS):
        moved = replace(events, positions=events.positions - value[at, block])
        now = Density.of(moved, drift, density.precision, density.kernel, density.threads)
        seen = _Places.of(now, windows, block[now.cells.order])
        information = seen.of_blocks(seen.information, k)
        if turn == 0:
            agreement = _agreement(seen, information)
        rest = information[seen.block] - seen.information
        influence = _solved(rest, seen.gradient) * density.precision[:, None]
        covariance = seen.of_blocks(influence[..., None] * influence[..., None, :], k)
        found = _solved(information, seen.of_blocks(seen.gradient, k))
        step = -(found * density.precision[:, None]).transpose(2, 0, 1)
        value = value + step
        places = seen.effective(influence, k)
        std = _std(covariance)
        near = (std < density.precision).all(axis=(0, 2))  # else a step leaves the kernel
        told = (places > _PLACES * n) & (std > 0).all(axis=(0, 2)) & near
        if (np.abs(step) < _SETTLED * std)[:, told].all():
            break
    known = np.where(told[:, None], 1 / np.maximum((std**2).sum(axis=0), 1e-300), 0.0)
    of_field = known / np.maximum(known.sum(axis=0), 1e-300)
    value = np.where(told[:, None], value - (of_field * value).sum(axis=1, keepdims=True), np.nan)
    counts = np.bincount(block, minlength=k)
    return Residuals(value, covariance, of_field, places, counts, agreement)


def _std(covariance: FloatArray) -> FloatArray:
    """Return standard deviations, shape (n_windows, n_blocks, d)."""
    return np.sqrt(np.diagonal(covariance, axis1=2, axis2=3).transpose(2, 0, 1))


def effective_places(density: Density, windows: Windows) -> float:
    """Return the effective number of places in the whole field."""
    seen = _Places.of(density, windows, np.zeros(len(density.positions), dtype=np.int64))
    return float(seen.effective(_solved(seen.information.sum(axis=0), seen.gradient), 1)[0])


class _Places(NamedTuple):
    """What squares of the field tell, as far as each is in one block; in precisions.

    Parameters
    ----------
    gradient : ndarray, shape (n_places, d, n_windows)
    information : ndarray, shape (n_places, d, n_windows, n_windows)
    block : ndarray, shape (n_places,)
    even : ndarray, shape (n_places,)
        Half the squares: like one colour of a chessboard.
    """

    gradient: FloatArray
    information: FloatArray
    block: IntArray
    even: BoolArray

    @classmethod
    def of(cls, density: Density, windows: Windows, block: IntArray) -> _Places:
        """Add up over places; ``block`` is that of each event in the order of cells."""
        d, n = len(density.precision), len(windows)
        index = np.floor(density.positions / SQUARE).astype(np.int64)
        index -= index.min(axis=0)
        key = np.ravel_multi_index((block, *index.T), (block.max() + 1, *(index.max(axis=0) + 1)))
        _, first, place = np.unique(key, return_index=True, return_inverse=True)
        drift, at = density.sorted_with, windows.of_frame[density.frame]
        of_each = density.of_each(drift, windows)[:, 1 : 1 + d]
        row, size = place * n + at, len(first) * n
        gradient = [np.bincount(row, g, size).reshape(-1, n) for g in of_each.T]
        pairs = couplings(density, drift, windows, n_events=_ENOUGH, group=place)
        information = _information(pairs)
        even = index[first].sum(axis=1) % 2 == 0
        return cls(np.stack(gradient, axis=1), information, block[first], even)

    def of_blocks(self, values: FloatArray, k: int, use: BoolArray | None = None) -> FloatArray:
        """Return sums over the places of each block, or over those which count."""
        found = np.zeros((k, *values.shape[1:]))
        counted = slice(None) if use is None else use
        np.add.at(found, self.block[counted], values[counted])
        return found

    def effective(self, influence: FloatArray, k: int) -> FloatArray:
        """Return the effective number of places in each block, by squared influences (Kish)."""
        squares = (influence**2).sum(axis=(1, 2))
        total, fourth = (np.bincount(self.block, squares**p, k) for p in (1, 2))
        return np.asarray(total**2 / np.maximum(fourth, 1e-300))


def _information(pairs: CouplingSums) -> FloatArray:
    """Return the information matrices of windows, shape (n_groups, d, n, n)."""
    responsibility = pairs.responsibility.sum(axis=0)
    curvature = pairs.curvature.sum(axis=0)
    share = np.maximum(curvature, 0.0) / np.maximum(responsibility, 1e-300)
    scale = pairs.total_curvature / max(float(curvature.sum()), 1e-300)
    return laplacian(share * pairs.responsibility)[:, None] * scale[:, None, None]


def _solved(information: FloatArray, gradient: FloatArray) -> FloatArray:
    """Return ``L^+ g`` of information matrices, whose rows add up to 0; both (..., n[, n])."""
    # Windows that share nothing are not moved against others.
    inverse = np.linalg.pinv(information, rcond=_ROUNDING, hermitian=True)
    return np.asarray((inverse @ gradient[..., None])[..., 0])


def _agreement(seen: _Places, information: FloatArray) -> FloatArray:
    """Return the products of the gradients of both halves of the places, whitened.

    What is common to the field is taken off each.
    """
    values, vectors = np.linalg.eigh(information)
    least = _ROUNDING * values[..., -1:]
    root = np.where(values > least, 1 / np.sqrt(np.maximum(values, 1e-300)), 0.0)
    of_halves = []
    for half in (seen.even, ~seen.even):
        gradient = seen.of_blocks(seen.gradient, len(information), half)
        common = _solved(information.sum(axis=0), gradient.sum(axis=0))
        beside = gradient - np.einsum("bdst,dt->bds", information, common)
        of_halves.append(root * np.einsum("bdst,bds->bdt", vectors, beside))
    return np.asarray((of_halves[0] * of_halves[1]).ravel())
