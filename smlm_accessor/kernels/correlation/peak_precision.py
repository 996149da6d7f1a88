"""How precise the shift is at which the correlation of two images has its maximum.

With g the smoothed correlation of two points, the slope of the correlation at its maximum is a sum
of g' over pairs of one localization from each image. Its variance, that of a U-statistic, has three
parts: the sum over the localizations of one image of the squared slope that the other image makes
there; the same the other way round; and, as both contain it, less the sum of g'^2 over the pairs.
Divided by the squared curvature it is the variance of the shift. Nothing is assumed of the
structure, only that localizations are independent.
"""

from __future__ import annotations

from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.correlation.correlation import Correlator, cross
from smlm_accessor.kernels.field.blocks import FieldBlocks
from smlm_accessor.kernels.field.jackknife import influence
from smlm_accessor.kernels.images.images import (
    Image,
    Spectrum,
    keep,
    restore,
    transform_of,
    with_background,
)

# The square of a band-limited slope reaches twice as far; what folds back from there falls beyond
# the frequencies kept.
_OVERSAMPLING = 1.5
_OVERSAMPLING_BLOCKS = 1.0  # of the product of two images: what folds back stays in its block
_LEAST_OWN = 0.1  # of the variance of a shift: a difference of two estimates may be negative


class PeakSignificance(NamedTuple):
    """What a maximum needs so as not to be taken for chance.

    ``quality`` is that of a `Peak`. ``sharpness`` is the smoothing divided by the standard error of
    the shift, by the localizations of the moving image; for chance it is three or four.
    ``without_best`` is what is left of the quality without the field block that makes most of the
    height, and those around it: a long blink that lies on another molecule leaves nothing.
    """

    quality: float = -np.inf
    sharpness: float = 0.0
    without_best: float = 0.0


class PeakMatch(NamedTuple):
    """An image on a reference: shift, variance it causes, part of it peculiar to the pair.

    The variances are those of independent localizations. ``influence``, shape (n_blocks, 2), is how
    the shift would change without each field block.
    """

    shift: FloatArray
    variance: FloatArray
    pair_variance: FloatArray
    quality: float
    influence: FloatArray


class Slopes(NamedTuple):
    """Slopes of a reference: the transforms of their squares; images of them, if by blocks.

    If matches must do without their best block, that of the reference itself comes third.
    """

    squared: Spectrum
    restored: Spectrum | Image


def own_variance(variance: FloatArray, pair_variance: FloatArray) -> FloatArray:
    """Return what an image contributes to the variance whatever it is compared with.

    It is a difference of two estimates, and at least `_LEAST_OWN` of the larger one.
    """
    own: FloatArray = np.maximum(variance - pair_variance, _LEAST_OWN * variance)
    return own


def about_mean(variance: FloatArray) -> FloatArray:
    """Return the variances of a random walk about its mean, from those about its start, (k, d)."""
    shared = np.minimum(variance[:, None], variance).mean(axis=1)
    return np.asarray(variance - 2 * shared + shared.mean(axis=0))


class PeakMatcher:
    """Finds the shifts of images with a `Correlator`, and their variances.

    The influence on a shift is told by ``blocks``, or by the tiles of a stack of images; if not
    asked for ``by_block``, it is 0.
    """

    def __init__(
        self,
        correlator: Correlator,
        max_shift: FloatArray,
        significance: PeakSignificance,
        blocks: FieldBlocks | None = None,
        *,
        by_block: bool = True,
    ) -> None:
        self.correlator, self.grid = correlator, correlator.grid
        self.max_shift, self.significance = max_shift, significance
        self._shape = correlator.shape(_OVERSAMPLING_BLOCKS)
        self._by_block, self._cuts, self._block_shape = by_block, None, (1, -1)
        if blocks is not None:
            self._block_shape = blocks.shape
            self._cuts = [self._first_pixels(axis, blocks) for axis in range(2)]

    def match(
        self,
        reference: Spectrum,
        moving: Spectrum,
        slopes: Slopes | None = None,
        *,
        pairs: bool = False,
    ) -> PeakMatch | None:
        """Find the shift of an image and its variance; None if the maximum is not significant.

        The images are those of `transform`. ``slopes`` are those of the reference, if they are
        known already. The variance of the pair is NaN unless ``pairs`` asks for it.
        """
        c = self.correlator
        peak = c.locate(cross(reference, moving), self.max_shift, self.significance.quality)
        if not peak.found:
            return None
        aligned = moving * c.phase(peak.shift)
        curvature = self.curvature(cross(reference, aligned))
        slopes = self.of(reference) if slopes is None else slopes
        variance = self.variance(slopes.squared, aligned, curvature)
        least_sharp = c.smoothing**2 / variance[c.active].max()
        if not least_sharp >= self.significance.sharpness**2:
            return None
        by_block = self._by_blocks(slopes.restored, aligned)
        if len(by_block) > 2:
            left = peak.quality * _part_without_best(by_block[2].reshape(self._block_shape))
            if left < self.significance.without_best:
                return None
        of_blocks = influence(by_block[:2].T, curvature)
        of_pair = np.full(2, np.nan)
        if pairs:
            of_pair = self.pair_variance(reference, aligned, curvature)
            # Of a structure that a border of two blocks cuts, each draws its part to the middle.
            back = self._by_blocks(self._restored(self.correlator.slopes(aligned)), reference)
            of_blocks = (of_blocks - influence(back.T, curvature)) / 2
        return PeakMatch(peak.shift, variance, of_pair, peak.quality, of_blocks)

    def locate(
        self, reference: Spectrum, moving: Spectrum, slopes: Slopes | None = None
    ) -> FloatArray | None:
        """Find the shift of an image as `match` does, which takes longer to tell its variance."""
        if max(self.significance.sharpness, self.significance.without_best) > 0:
            match = self.match(reference, moving, slopes)
            return match and match.shift
        product = cross(reference, moving)
        peak = self.correlator.locate(product, self.max_shift, self.significance.quality)
        return peak.shift if peak.found else None

    def of(self, reference: Spectrum) -> Slopes:
        """Return what `match` needs of a reference."""
        slopes = self.correlator.slopes(reference)
        squared = self.squared(slopes)
        if self.significance.without_best:
            slopes = np.concatenate([slopes, (self.correlator.gain * reference)[None]])
        return Slopes(squared, self._restored(slopes))

    def squared(self, slopes: Spectrum) -> Spectrum:
        """Return the transforms of the squares of slopes (from `Correlator.slopes`)."""
        shape = self.correlator.shape(_OVERSAMPLING)
        scale = np.float32(shape[0] * shape[1] / self.grid.pixels)
        out = np.zeros_like(slopes)
        for axis in np.flatnonzero(self.correlator.active):
            image = restore(slopes[axis], self.grid, shape)
            image *= image
            out[axis] = keep(transform_of(image, shape, out.shape[-1]), self.grid.modes)
        out /= scale
        return out

    def curvature(self, aligned: Spectrum) -> FloatArray:
        """Minus the second derivatives, shape (2,), at no shift, from an aligned cross spectrum."""
        power = self.correlator.weighted_gain * aligned.real
        rows, columns = self.grid.wavenumbers
        first = (power.sum(axis=1, dtype=float) * rows**2).sum()
        last = (power.sum(axis=0, dtype=float) * columns**2).sum()
        return np.array([first, last]) / self.grid.pixels

    def variance(self, squared: Spectrum, moving: Spectrum, curvature: FloatArray) -> FloatArray:
        """Variance of the shift that the localizations of one image cause, shape (2,).

        It is the squared slope of the other image (from `squared`), summed over the
        localizations of this one, which is aligned, over the squared curvature. NaN along an axis
        without extent.
        """
        moving = with_background(moving, self.grid)
        return self._of_shift([cross(moving, s) for s in squared], curvature)

    def pair_variance(
        self, reference: Spectrum, moving: Spectrum, curvature: FloatArray
    ) -> FloatArray:
        """Part of the variance, shape (2,), that neither image has with a third one."""
        pairs = cross(with_background(reference, self.grid), with_background(moving, self.grid))
        return self._of_shift([np.conj(s) * pairs for s in self._slopes_of_a_point], curvature)

    @cached_property
    def _slopes_of_a_point(self) -> Spectrum:
        point = np.ones((1, *self.correlator.gain.shape), dtype=np.complex64)
        return self.squared(self.correlator.slopes(point))[:, 0]

    def _of_shift(self, spectra: list[Spectrum], curvature: FloatArray) -> FloatArray:
        out = np.full(2, np.nan)
        for axis in np.flatnonzero(self.correlator.active & (curvature > 0)):
            columns = spectra[axis].real.sum(axis=0, dtype=float)
            power = float((columns * self.grid.weights).sum()) / self.grid.pixels
            out[axis] = max(power, 0.0) / curvature[axis] ** 2
        return out

    def _first_pixels(self, axis: int, blocks: FieldBlocks) -> IntArray:
        """Return the first pixel of each block along an axis; padding belongs to the last."""
        spacing = self.grid.padded[axis] * self.grid.bin_size / self._shape[axis]
        borders = blocks.lower[axis] + blocks.width * np.arange(blocks.shape[axis])
        pixel = np.ceil((borders - self.grid.corner[axis]) / spacing).astype(np.int64)
        pixel[0] = 0
        return np.asarray(np.clip(pixel, 0, self._shape[axis]))

    def _restored(self, spectra: Spectrum) -> Spectrum | Image:
        """Return the first images of stacks in real space; the transforms if without blocks."""
        if self._cuts is None:
            return spectra
        return np.stack([restore(s[:1], self.grid, self._shape)[0] for s in spectra])

    def _by_blocks(self, images: Spectrum | Image, moving: Spectrum) -> FloatArray:
        """Sum images over the localizations of an aligned one, for each block or tile, (k, n)."""
        if not self._by_block:
            return np.zeros((len(images), 1))
        if self._cuts is None:
            products = (np.conj(images) * moving).real * self.grid.weights
            return np.asarray(products.sum(axis=(2, 3), dtype=float) / self.grid.pixels)
        (image,) = self._restored(moving[None])
        sums = np.stack([_sum_blocks(one * image, *self._cuts).ravel() for one in images])
        return sums / (np.prod(self._shape) / self.grid.pixels)


def _part_without_best(heights: FloatArray) -> float:
    """Return the part of a height that is not in the highest block, nor in those around it.

    ``heights`` are those of the blocks, shape (rows, columns).
    """
    over = np.maximum(heights, 0.0)
    row, column = np.unravel_index(int(over.argmax()), over.shape)
    best = over[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
    return 1.0 - float(best.sum()) / max(float(over.sum()), 1e-300)


def _sum_blocks(image: Image, rows: IntArray, columns: IntArray) -> FloatArray:
    """Sum an image between the rows and columns at which blocks begin."""
    ends = np.append(rows, len(image))
    bands = np.stack([image[a:b].sum(axis=0, dtype=float) for a, b in pairwise(ends)])
    sums = np.concatenate([np.zeros((len(bands), 1)), np.cumsum(bands, axis=1)], axis=1)
    return np.diff(sums[:, np.append(columns, image.shape[1])], axis=1)
