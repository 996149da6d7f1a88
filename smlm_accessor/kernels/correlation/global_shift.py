"""The shift of one set of localizations onto another, among all shifts, by their padded images."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import fft

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels import by_column
from smlm_accessor.kernels.correlation.correlation import HIGH_PASS, NEAR, band_pass
from smlm_accessor.kernels.correlation.resolution import PIXELS_PER_SMOOTHING
from smlm_accessor.kernels.images.images import Image, fade

#: Least significance that is not taken for chance: of unrelated tables it was below 4 in 100.
CLEAR = 5.0
_CERTAIN = 15.0  # standard deviations: no finer scale is needed
# Smoothings in the extent of both fields together: fewer would see the illumination, or a cell.
_COARSEST = 128
MOST_PIXELS = 2**24  # of a correlation
# Two pairs of straight filaments can be laid on each other by some shift: where no more parts of
# the field agree than these would make, a maximum has to be twice as high as any other.
_FEW, _TWICE = 4.5, 2.0
_MOST = 2.0  # times what parts of the field say: one bright spot is no evidence
BLOCKS = 16  # of the field along an axis, whose sum of squares a maximum is compared with
_FADE = 9.0  # smoothing lengths
_CAP = 1.5  # usual brightnesses: brighter pixels, such as beads, count no more


class GlobalShift(NamedTuple):
    """A shift that puts the moving localizations onto the others.

    ``significance`` is the geometric mean of two numbers of standard deviations. The one is by how
    much the correlation is higher than anywhere else, over chance or, if that is more, a
    coincidence of the two brightest pixels; of dense tables it is small for chance. The other is
    the sum of what blocks of the field contribute over the root of the sum of squares; it is small
    if few structures overlap: the significance is no more than twice that. If it is small, the
    maximum also has to be twice as high as any other, or else the significance is halved.
    """

    shift: FloatArray
    significance: float
    smoothing: float


def pixels_at(extent: FloatArray, smoothing: float) -> float:
    """Return the number of pixels of a padded image; ``extent`` (2,) is the sum of both fields."""
    return float(np.prod(extent * PIXELS_PER_SMOOTHING / smoothing + 2))


def find_global_shift(
    reference: FloatArray,
    moving: FloatArray,
    smoothing: float,
    max_shift: FloatArray | None = None,
) -> GlobalShift:
    """Find the shift at which two sets of localizations, of shape (n, 2), have most in common.

    Brightness is the square root of the localizations in a pixel, and hardly more than the usual
    one, so that few bright spots do not outweigh everything else.

    The correlation is smoothed with a Gaussian of standard deviation ``smoothing``. ``max_shift``,
    shape (2,), is the largest along each axis; by default all at which the fields overlap.
    """
    pixel = smoothing / PIXELS_PER_SMOOTHING
    corners = [by_column.lowest(positions) for positions in (reference, moving)]
    cells = [
        np.floor((positions - corner) / pixel).astype(np.int64)
        for positions, corner in zip((reference, moving), corners, strict=True)
    ]
    bins = [cell.max(axis=0) + 1 for cell in cells]
    room = int(np.ceil(3 * HIGH_PASS * PIXELS_PER_SMOOTHING))
    rows, columns = (bins[0] + bins[1] + room).tolist()
    shape = (fft.next_fast_len(rows), fft.next_fast_len(columns, real=True))
    images = [_brightness(c, b) for c, b in zip(cells, bins, strict=True)]
    spectra = [fft.rfft2(image, s=shape) for image in images]
    turns, half = fft.fftfreq(shape[0], pixel), fft.rfftfreq(shape[1], pixel)
    gain = band_pass(2 * np.pi * turns, 2 * np.pi * half, smoothing, smoothing).astype(np.float32)
    values = fft.irfft2(gain * spectra[0] * np.conj(spectra[1]), s=shape)
    largest = np.full(2, np.inf) if max_shift is None else max_shift
    lags, shifts = [], []  # at which the fields overlap and that are not too large, in order
    for axis in range(2):
        lag = np.arange(1 - bins[1][axis], bins[0][axis])
        shift = lag * pixel + corners[0][axis] - corners[1][axis]
        within = np.abs(shift) <= largest[axis]
        lags.append(lag[within])
        shifts.append(shift[within])
    if not (len(lags[0]) and len(lags[1])):
        return GlobalShift(np.full(2, np.nan), 0.0, smoothing)
    window = values[np.ix_(*lags)]
    best = np.unravel_index(int(window.argmax()), window.shape)
    at = np.array([s[b] for s, b in zip(shifts, best, strict=True)])
    one_pair = float(gain.sum(dtype=float) * 2 / (shape[0] * shape[1]))
    brightest = float(images[0].max()) * float(images[1].max()) * one_pair
    lead, ratio = _lead(window, best, brightest)
    filtered = fft.irfft2(gain * spectra[0], s=shape)
    spread = _spread(filtered, images[1], [int(x[b]) for x, b in zip(lags, best, strict=True)])
    significance = min(float(np.sqrt(max(lead, 0.0) * max(spread, 0.0))), _MOST * spread)
    doubtful = spread < _FEW and ratio < _TWICE
    return GlobalShift(at, significance / 2 if doubtful else significance, smoothing)


def find_shift_at_any_scale(
    reference: FloatArray,
    moving: FloatArray,
    finest: float,
    max_shift: FloatArray | None = None,
    *,
    certain: float = _CERTAIN,
) -> GlobalShift:
    """Find the shift at which two sets of localizations have most in common, at the best scale.

    What they share may be molecules or only shapes, so the smoothing is halved from coarse to
    ``finest`` until nothing is clearer than the maximum, or its significance above ``certain``.
    """
    extent = by_column.extent(reference) + by_column.extent(moving)
    smoothing = float(extent.max()) / _COARSEST
    best = find_global_shift(reference, moving, smoothing, max_shift)
    while best.significance <= certain:
        smoothing /= 2
        if smoothing < finest or pixels_at(extent, smoothing) > MOST_PIXELS:
            break
        now = find_global_shift(reference, moving, smoothing, max_shift)
        best = max(best, now, key=lambda found: found.significance)
    return best


def _spread(filtered: Image, moving: Image, lag: list[int]) -> float:
    """Return the sum of what blocks of the field contribute by the root of the sum of squares."""
    rows, columns = ((np.arange(n) + shift) % m for n, shift, m in
                     zip(moving.shape, lag, filtered.shape, strict=True))  # fmt: skip
    product = moving * filtered[np.ix_(rows, columns)]
    blocks = [np.unique(np.arange(n) * BLOCKS // n, return_index=True)[1] for n in moving.shape]
    sums = np.add.reduceat(np.add.reduceat(product, blocks[0], axis=0), blocks[1], axis=1)
    sums = sums.astype(np.float64)
    size = float(np.sqrt((sums**2).sum()))
    return float(sums.sum()) / size if size > 0 else 0.0


def _brightness(cell: IntArray, bins: IntArray) -> Image:
    n = int(bins[0] * bins[1])
    image = np.sqrt(np.bincount(cell[:, 0] * bins[1] + cell[:, 1], minlength=n))
    for _ in range(2):
        image = np.minimum(image, _CAP * (image**2).sum() / image.sum())
    return _without_edges(image.reshape(bins[0], bins[1])).astype(np.float32)


def _without_edges(image: FloatArray) -> FloatArray:
    """Subtract what the rim shows, and fade out there.

    Two cameras' edges would lie on each other at some shift, whatever is between them.
    """
    widths = [int(min(_FADE * PIXELS_PER_SMOOTHING, n / 5)) + 1 for n in image.shape]
    weight = np.outer(*(fade(n, width) for n, width in zip(image.shape, widths, strict=True)))
    rim = weight < 1
    return np.asarray((image - image[rim].mean()) * weight)


def _lead(window: Image, best: tuple[np.intp, ...], brightest: float) -> tuple[float, float]:
    """Return how far the maximum is above the runner-up, in deviations, and times as high."""
    near = [
        np.abs(np.arange(n) - b) <= min(NEAR * PIXELS_PER_SMOOTHING, n / 4)
        for n, b in zip(window.shape, best, strict=True)
    ]
    highest = float(window[best])
    inside = np.ix_(*near)
    around = window[inside]
    power = np.square(window).sum(dtype=float) - np.square(around).sum(dtype=float)
    n_far = window.size - around.size
    if n_far == 0:
        return 0.0, 1.0
    runner_up = window.copy()
    runner_up[inside] = 0.0
    deviation = float(np.hypot(np.sqrt(max(power, 0.0) / n_far), brightest))
    second = max(float(runner_up.max()), 0.0)
    lead = (highest - second) / deviation if deviation > 0 else 0.0
    return lead, highest / second if second > 0 else np.inf
