"""The shifts at which all pairs of images within a window agree best, and their standard errors.

With A the spectra moved back by the shifts, w the weights of the frequencies k, the sum over pairs

    Q = sum_ij sum_k w Re(conj(A_i) A_j)

is as large as it can be. The gradient of an image is ``sum_k w k Im(conj(A_i) T_i)``, where T_i is
the sum of the other images within the window; its information ``sum_k w k^2 Re(conj(A_i) T_i)``.
Newton steps of all shifts together solve the redundant system of all pairs without one
correlation of a pair.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.linalg import solveh_banded

from smlm_accessor._typing import BoolArray, FloatArray
from smlm_accessor.kernels.solvers.redundant import solve_all
from smlm_accessor.kernels.stacks.coarse import SIGNIFICANT, pair_shifts
from smlm_accessor.kernels.stacks.spectra import ModeGrid, Spectra, Weights

_ROUNDS = 12
_ENOUGH = 1e-4  # pixels: the last step; far below what images tell
_FARTHEST = 1.0  # pixels: a longer step goes where the gradient knows nothing
_NARROW = 4  # windows in a stack, from which on a banded factor is faster
_RIDGE = 1e-9  # of the information of an image: far below what holds the longest chain together
_BLOCKS = 16  # of the field along an axis
_LEAST_BLOCK = 4  # pixels: in smaller blocks, noise of neighbouring pixels would not be independent
_MOST_OWN = 0.5  # of the information in one pixel; more is never seen through a lens
_AT_A_TIME = 64  # images


class StackShifts(NamedTuple):
    """Shifts, (k, d) pixels, their standard errors, contrast and validity, (k,).

    Contrast is the information of an image over that of the median: 1 if it is as sharp as most.
    """

    shift: FloatArray
    std: FloatArray
    contrast: FloatArray
    valid: BoolArray


class _Sums(NamedTuple):
    """Gradient, (k, d), information, (k, d, d), and its standard deviation by chance, (k,)."""

    gradient: FloatArray
    information: FloatArray
    chance: FloatArray


def sums_of_others(spectra: Spectra, valid: BoolArray, window: int) -> tuple[Spectra, FloatArray]:
    """Return the sum of the other valid images at most ``window`` apart, and how many they are."""
    k = len(spectra)
    if window >= k - 1:
        total = np.tensordot(valid.astype(np.float32), spectra, axes=1)
        others = np.subtract(
            total,
            spectra,
            where=valid.reshape(-1, *[1] * (spectra.ndim - 1)),
            out=np.broadcast_to(total, spectra.shape).copy(),
        )
        return others, valid.sum() - valid.astype(float)
    others, number = np.zeros_like(spectra), np.zeros(k)
    near = np.abs(np.subtract.outer(np.arange(k), np.arange(k))) <= window
    near &= valid & ~np.eye(k, dtype=bool)
    for at in range(0, k, _AT_A_TIME):
        low, high = max(at - window, 0), min(at + _AT_A_TIME + window, k)
        rows = near[at : at + _AT_A_TIME, low:high].astype(np.float32)
        others[at : at + _AT_A_TIME] = np.tensordot(rows, spectra[low:high], axes=1)
        number[at : at + _AT_A_TIME] = rows.sum(axis=1)
    return others, number


def powers(grid: ModeGrid, spectra: Spectra, valid: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Return the power of what aligned images share, and of what they do not, by frequency.

    Noise is the median over images of their mean squared difference from the mean of all, so that
    a few images out of focus do not count.
    """
    n = int(valid.sum())
    mean = np.tensordot(valid.astype(np.float32), spectra, axes=1) / np.float32(n)
    used = np.flatnonzero(valid)
    rests = [grid.ring_means(np.square(np.abs(spectra[i] - mean))) for i in used]
    noise = grid.on_grid(np.median(rests, axis=0)) * (n / (n - 1))
    shared = grid.on_grid(grid.ring_means(np.square(np.abs(mean)))) - noise / n
    return np.maximum(shared, 0.0), noise


def align(
    grid: ModeGrid,
    spectra: Spectra,
    valid: BoolArray,
    present: BoolArray,
    window: int,
    normalization: str | None,
) -> StackShifts:
    """Align images whose spectra are moved back by first shifts; shifts are what remains.

    An image is valid if its information stands out from chance: one out of focus shares no fine
    structure with the others, and none at all if it is empty. Images that are not valid at first
    are searched for in the sum of the others. ``spectra`` are modified.
    """
    k, d = len(spectra), grid.d
    shift = np.zeros((k, d))
    # Images far off are looked for once the others are aligned.
    searched = ~present
    for _ in range(_ROUNDS):
        if valid.sum() < 2:
            return _none(k, d)
        weights = _weights(grid, spectra, valid, window, normalization)
        sums = _sums(grid, spectra, valid, window, weights)
        seen = np.trace(sums.information, axis1=1, axis2=2) > SIGNIFICANT * sums.chance
        lost = valid & ~seen
        valid = valid & seen
        if valid.sum() < 2:
            return _none(k, d)
        step = _step(sums, valid, window)
        shift += step
        _move(grid, spectra, step)
        if np.abs(step).max() > _ENOUGH or lost.any():
            continue
        again = ~valid & ~searched
        if not again.any():
            break
        searched |= again
        found = _search(grid, spectra, valid, again, window, weights)
        shift += found
        _move(grid, spectra, found)
        valid = valid | again
    weights = _weights(grid, spectra, valid, window, normalization)
    sums = _sums(grid, spectra, valid, window, weights)
    trace = np.trace(sums.information, axis1=1, axis2=2)
    valid = valid & (trace > SIGNIFICANT * sums.chance)
    if valid.sum() < 2:
        return _none(k, d)
    std = np.sqrt(_variances(grid, spectra, valid, window, weights, sums))
    shift[~valid] = np.nan
    std[~valid] = np.nan
    return StackShifts(shift, std, trace / np.median(trace[valid]), valid)


def _none(k: int, d: int) -> StackShifts:
    nan = np.full((k, d), np.nan)
    return StackShifts(nan, nan.copy(), np.zeros(k), np.zeros(k, dtype=bool))


def _weights(
    grid: ModeGrid, spectra: Spectra, valid: BoolArray, window: int, normalization: str | None
) -> Weights:
    images = min(int(valid.sum()), 2 * window + 1)
    weights = grid.weights(*powers(grid, spectra, valid), images, normalization)
    return np.asarray(weights / max(float(weights.max()), 1e-30))


def _sums(
    grid: ModeGrid, spectra: Spectra, valid: BoolArray, window: int, weights: Weights
) -> _Sums:
    """Return gradient and information of each image against the others."""
    k, d = len(spectra), grid.d
    others, _ = sums_of_others(spectra, valid, window)
    w = (weights * grid.multiplicity).astype(np.float32)
    waves = [np.broadcast_to(x, w.shape).ravel() for x in grid.wavenumbers]
    odd = np.stack([x * w.ravel() for x in waves], axis=1)
    even = np.stack([x * y * w.ravel() for x in waves for y in waves], axis=1)
    squared = sum(x**2 for x in waves) * w.ravel()
    gradient, information, chance = np.empty((k, d)), np.empty((k, d * d)), np.empty(k)
    for at in range(0, k, _AT_A_TIME):
        part = slice(at, at + _AT_A_TIME)
        cross = (np.conj(spectra[part]) * others[part]).reshape(-1, len(squared))
        gradient[part], information[part] = cross.imag @ odd, cross.real @ even
        chance[part] = np.sqrt((np.square(np.abs(cross)) @ squared**2) / 2)
    return _Sums(gradient, information.reshape(k, d, d), chance)


def _step(sums: _Sums, valid: BoolArray, window: int) -> FloatArray:
    """Return the Newton step of all shifts together."""
    step = np.zeros_like(sums.gradient)
    alone = np.linalg.solve(sums.information[valid], sums.gradient[valid][..., None])[..., 0]
    alone = np.clip(alone, -_FARTHEST, _FARTHEST)
    for axis in range(step.shape[1]):
        pairs = _pair_information(sums.information[:, axis, axis], valid, window)
        pairs = pairs[np.ix_(valid, valid)]
        right = alone[:, axis] * pairs.sum(axis=1)
        step[valid, axis] = _solved(pairs, right, window)
    return step


def _solved(pairs: FloatArray, right: FloatArray, window: int) -> FloatArray:
    """Return the shifts of the redundant system, of mean 0."""
    if window > len(pairs) // _NARROW:
        return np.asarray(solve_all(right[None], pairs).shift[:, 0])
    # A long chain, along which conjugate gradients creep: a banded Cholesky factor.
    bands = np.zeros((window + 1, len(pairs)))
    for lag in range(1, window + 1):
        bands[lag, : len(pairs) - lag] = -np.diagonal(pairs, lag)
    degree = pairs.sum(axis=1)
    bands[0] = degree + _RIDGE * degree.mean()
    found = solveh_banded(bands, right - right.mean(), lower=True)
    return np.asarray(found - found.mean())


def _pair_information(information: FloatArray, valid: BoolArray, window: int) -> FloatArray:
    """Return the information of pairs, (k, k): of images of which all see the same structure."""
    k = len(valid)
    near = np.abs(np.subtract.outer(np.arange(k), np.arange(k))) <= window
    near &= valid & valid[:, None] & ~np.eye(k, dtype=bool)
    own = np.maximum(information, 0.0) / np.maximum(near.sum(axis=1), 1)
    return np.where(near, np.sqrt(np.multiply.outer(own, own)), 0.0)


def _move(grid: ModeGrid, spectra: Spectra, step: FloatArray) -> None:
    for at in range(0, len(spectra), _AT_A_TIME):
        spectra[at : at + _AT_A_TIME] *= grid.phases(step[at : at + _AT_A_TIME])


def _search(
    grid: ModeGrid,
    spectra: Spectra,
    valid: BoolArray,
    again: BoolArray,
    window: int,
    weights: Weights,
) -> FloatArray:
    """Return the shifts of images that were not valid, from all shifts there are."""
    others, _ = sums_of_others(spectra, valid, window)
    found = np.zeros((len(spectra), grid.d))
    found[again] = pair_shifts(grid, spectra[again], others[again], weights)[0]
    return found


def _variances(
    grid: ModeGrid,
    spectra: Spectra,
    valid: BoolArray,
    window: int,
    weights: Weights,
    sums: _Sums,
) -> FloatArray:
    """Return the variance of each shift, (k, d).

    A shift is a sum over the field, of the influence u of each pixel (the slope of the sum of the
    others, over the information) times what the image differs from it, r. With s^2 the mean square
    of r at each pixel over all images, each scaled to its own noise, the variance is
    ``sum(u^2 s^2)``, of bright and of dim pixels. Where sums of u r over blocks of the field
    scatter by more, pixels are not independent, and all variances grow by as much. Pairs within a
    window are a chain: what the noise of both images of a pair adds to the gradient of the pair
    adds up along it.
    """
    others, number = sums_of_others(spectra, valid, window)
    runs = [slice(at, at + _AT_A_TIME) for at in range(0, len(spectra), _AT_A_TIME)]
    level, scatter = np.zeros(len(spectra)), np.zeros(grid.kept)
    for run in runs:
        squared = np.square(_rests(grid, spectra[run], others[run], weights))
        level[run] = squared.mean(axis=tuple(range(1, grid.d + 1)))
        each = np.where(valid[run] & (level[run] > 0), 1 / np.maximum(level[run], 1e-30), 0)
        scatter += np.tensordot(each, squared, axes=1) / valid.sum()
    of_pixels, of_blocks = np.full((2, len(spectra), grid.d), np.nan)
    n_blocks = [min(_BLOCKS, max(m // _LEAST_BLOCK, 1)) for m in grid.kept]
    back = np.zeros_like(sums.information)
    back[valid] = np.linalg.inv(sums.information[valid]) * np.prod(grid.kept)
    for run in runs:
        rest = _rests(grid, spectra[run], others[run], weights)
        slopes = [
            grid.restore((1j * weights * k * others[run]).astype(np.complex64))
            for k in grid.wavenumbers
        ]
        for axis in range(grid.d):
            influence = sum(
                back[run, axis, i].astype(np.float32)[(..., *[None] * grid.d)] * slope
                for i, slope in enumerate(slopes)
            )
            squared = np.square(influence).reshape(len(rest), -1)
            # The shift is fitted to the pixels that it depends on: there, r is less than the noise.
            own = np.square(squared).sum(axis=1) / np.maximum(squared.sum(axis=1) ** 2, 1e-30)
            noise = squared @ scatter.ravel() * level[run]
            of_pixels[run, axis] = noise / (1 - np.minimum(own, _MOST_OWN))
            of_blocks[run, axis] = np.square(_block_sums(influence * rest, n_blocks)).sum(axis=1)
    growth = np.mean(of_blocks[valid] / of_pixels[valid], axis=0)
    out: FloatArray = of_pixels * np.maximum(growth, 1.0)
    of_pairs = _noise_of_pairs(grid, spectra, valid, weights)
    for axis in range(grid.d):
        out[:, axis] += _along_the_chain(
            sums.information[:, axis, axis], of_pairs[axis], number, valid, window
        )
    return out


def _rests(
    grid: ModeGrid, spectra: Spectra, others: Spectra, weights: Weights
) -> npt.NDArray[np.float32]:
    """Return what images differ from the sum of the others, which is scaled to each."""
    axes = tuple(range(1, grid.d + 1))
    power = (np.square(np.abs(others)) * weights).sum(axis=axes)
    like = (np.real(np.conj(others) * spectra) * weights).sum(axis=axes)
    like = np.divide(like, power, out=np.zeros_like(like), where=power > 0)
    return grid.restore(spectra - like.astype(np.float32)[(..., *[None] * grid.d)] * others)


def _block_sums(images: npt.NDArray[Any], n_blocks: list[int]) -> FloatArray:
    """Return the sums over blocks, shape (k, blocks)."""
    for axis, n in enumerate(n_blocks):
        edges = np.arange(n) * images.shape[axis + 1] // n
        images = np.add.reduceat(images, edges, axis=axis + 1, dtype=np.float64)
    return images.reshape(len(images), -1)


def _noise_of_pairs(
    grid: ModeGrid, spectra: Spectra, valid: BoolArray, weights: Weights
) -> list[float]:
    """Return the variance that noise of both images gives the gradient of a pair, of each axis."""
    _, noise = powers(grid, spectra, valid)
    w = grid.multiplicity * np.square(weights * noise)
    return [float((w * k**2).sum()) for k in grid.wavenumbers]


def _along_the_chain(
    information: FloatArray, of_pair: float, number: FloatArray, valid: BoolArray, window: int
) -> FloatArray:
    """Return what noise of pairs adds to the variance beyond that of each image alone."""
    k = len(valid)
    extra = np.zeros(k)
    if window >= k - 1:  # all with all: nothing adds up
        return extra
    pairs = _pair_information(information, valid, window)[np.ix_(valid, valid)]
    degree = pairs.sum(axis=1)
    usual, n = float(degree.mean()), len(pairs)
    laplacian = np.diag(degree + _RIDGE * usual) - pairs
    inverse = np.linalg.inv(laplacian + usual / n) - 1 / (n * usual)  # of what has a mean of 0
    noise = np.where(pairs > 0, -of_pair, 0.0)
    noise -= np.diag(noise.sum(axis=1))
    total = ((inverse @ noise) * inverse).sum(axis=1)
    alone = number[valid] * of_pair / np.square(pairs.sum(axis=1))
    extra[valid] = np.maximum(total - alone, 0.0)
    return extra
