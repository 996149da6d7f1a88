"""Fourier ring correlation: down to which length two images of the same sample agree."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from scipy import fft

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.kernels.hashing import split_mix64
from smlm_accessor.kernels.images.images import Image, fade

#: Correlation at which the resolution is read off.
THRESHOLD = 1 / 7
_BLOCKS = 200  # of time, at least, where there are as many frames
_EDGE = 8  # the window falls to zero over one part in so many at each side
_SMOOTH = 32  # rings are averaged over one part in so many of their number


def time_halves(frames: IntArray) -> BoolArray:
    """Split localizations into random halves, by blocks of time.

    Of every two successive blocks one belongs to each half, so that both halves cover all frames; a
    blink is in one of them, unless a block ends during it. Returns whether each localization is in
    the second half, shape (n,). Neither chance nor the order of rows matters.
    """
    if not len(frames):
        return np.zeros(0, dtype=np.bool_)
    since = frames - frames.min()
    block = since // max(int(since.max() + 1) // _BLOCKS, 1)
    swapped = (split_mix64(block // 2) & np.uint64(1)).astype(np.int64)
    return np.asarray((block + swapped) % 2 == 1)


def fourier_ring_correlation(
    pairs: Iterable[tuple[FloatArray | IntArray, FloatArray | IntArray]], m: int
) -> FloatArray:
    """Correlate pairs of images ring by ring of their Fourier transforms.

    The correlation of a ring is that of [1]_: ``sum(F1 conj(F2)) / sqrt(sum |F1|^2 sum |F2|^2)``.
    Several parts of the field, each a pair of images of shape (m, m), add to the same sums. Towards
    its edges each image, of counts per pixel, fades out. Transforms have single precision. Ring
    ``k`` of the ``m // 2`` rings is at ``k / m`` cycles per pixel; it is NaN where there is
    nothing.

    References
    ----------
    .. [1] Nieuwenhuizen et al., Nat. Methods 10, 557 (2013), https://doi.org/10.1038/nmeth.2448

    Examples
    --------
    >>> image = np.random.default_rng(1).poisson(1.0, (64, 64)).astype(float)
    >>> fourier_ring_correlation([(image, image)], 64)[[1, 20]].round(3)
    array([1., 1.])
    """
    window = np.outer(*[fade(m, m / _EDGE)] * 2).astype(np.float32)
    ring = np.rint(m * np.hypot(fft.fftfreq(m)[:, None], fft.rfftfreq(m)[None, :])).astype(int)
    # Half of the transform is kept; all but its edges stand for two frequencies.
    weight = np.full(ring.shape, 2.0)
    weight[:, 0] = 1.0
    if m % 2 == 0:
        weight[:, -1] = 1.0
    # Real and imaginary parts beside each other, as in memory: they have equal parts in each sum.
    ring, weight = np.repeat(ring, 2), np.repeat(weight, 2)
    products, product = np.zeros((3, len(ring)), np.float32), np.empty(len(ring), np.float32)
    for pair in pairs:
        f, g = (_transformed(image, window) for image in pair)
        for total, one, other in zip(products, (f, f, g), (g, f, g), strict=True):
            total += np.multiply(one, other, out=product)
    sums = [np.bincount(ring, weight * one)[: m // 2] for one in products]
    size = np.sqrt(sums[1] * sums[2])
    correlation = np.full(m // 2, np.nan)
    np.divide(sums[0], size, out=correlation, where=size > 0)
    return correlation


def _transformed(image: FloatArray | IntArray, window: Image) -> Image:
    """Return the transform of an image less its mean, times a window: real and imaginary parts."""
    faded = image.astype(np.float32)
    faded -= faded.mean()
    faded *= window
    transform: Image = fft.rfft2(faded).view(np.float32).ravel()
    return transform


def resolution(correlation: FloatArray, *, threshold: float = THRESHOLD) -> float:
    """Return the length, in pixels, down to which the correlation is above a threshold.

    It is at least 2, and NaN if even the widest rings do not agree. The correlation is that of
    `fourier_ring_correlation`.
    """
    n = len(correlation)
    if n < 2:
        return np.nan
    smooth = smoothed(correlation)
    below = smooth < threshold
    if below[0]:
        return np.nan
    if not below.any():
        return 2.0
    k = int(np.argmax(below))
    part = (smooth[k - 1] - threshold) / (smooth[k - 1] - smooth[k])
    return float(2 * n / (k + part))


def smoothed(correlation: FloatArray) -> FloatArray:
    """Average over neighbouring rings, as the resolution is read off; the first ring left out."""
    width = max(len(correlation) // _SMOOTH, 1) | 1
    padded = np.pad(np.nan_to_num(correlation[1:]), width // 2, mode="edge")
    return np.convolve(padded, np.full(width, 1 / width), mode="valid")
