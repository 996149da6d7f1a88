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
from typing import NamedTuple

import numpy as np
from scipy import fft

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.correlation.correlation import Correlator, cross
from smlm_accessor.kernels.field.blocks import FieldBlocks
from smlm_accessor.kernels.images.block_slopes import ImagePlaces
from smlm_accessor.kernels.images.images import Image, Spectrum, keep, spread, with_background

# The square of a band-limited slope reaches twice as far; what folds back from there falls beyond
# the frequencies kept.
_OVERSAMPLING = 1.5


class Clarity(NamedTuple):
    """What a maximum needs so as not to be taken for chance.

    ``quality`` is that of a `Peak`. ``sharpness`` is the smoothing divided by the standard
    deviation of the shift, by the localizations of the moving image; for chance it is three or
    four.
    """

    quality: float = -np.inf
    sharpness: float = 0.0


class Match(NamedTuple):
    """An image on a reference: shift, variance it causes, part of it peculiar to the pair.

    The variances are those of independent localizations. ``moves``, shape (n_places, 2), is how the
    shift would change without each place of the field.
    """

    shift: FloatArray
    variance: FloatArray
    pair_variance: FloatArray
    quality: float
    moves: FloatArray


class Slopes(NamedTuple):
    """Of a reference: transforms of the squared slopes, and what `ImagePlaces` needs."""

    squared: Spectrum
    by_place: Spectrum | Image


class Precision:
    """Variances of the shifts that a `Correlator` finds.

    Parameters
    ----------
    correlator : Correlator
    blocks : FieldBlocks, optional
        Of the field; the tiles of a stack of images if not given.
    """

    def __init__(self, correlator: Correlator, blocks: FieldBlocks | None = None) -> None:
        self.correlator = correlator
        self.blocks = ImagePlaces(correlator, blocks)
        self.grid = correlator.grid

    def match(
        self,
        reference: Spectrum,
        moving: Spectrum,
        *,
        max_shift: FloatArray,
        clarity: Clarity,
        slopes: Slopes | None = None,
        pairs: bool = False,
    ) -> Match | None:
        """Find the shift of an image and how precise it is; None if the maximum is not clear.

        Parameters
        ----------
        reference, moving : ndarray of complex64, shape (n_tiles, 2 m0 + 1, m1 + 1)
            From `transform`.
        max_shift : ndarray, shape (2,)
        clarity : Clarity
        slopes : Slopes, optional
            Those of the reference, if they are known already.
        pairs : bool, default False
            Whether the variance of the pair is needed; else it is NaN.
        """
        c = self.correlator
        peak = c.locate(cross(reference, moving), max_shift)
        if not peak.found or peak.quality < clarity.quality:
            return None
        aligned = moving * c.phase(peak.shift)
        curvature = self.curvature(cross(reference, aligned))
        slopes = self.of(reference) if slopes is None else slopes
        variance = self.variance(slopes.squared, aligned, curvature)
        least_sharp = c.smoothing**2 / variance[c.active].max()
        if not least_sharp >= clarity.sharpness**2:
            return None
        of_pair = np.full(2, np.nan)
        if pairs:
            of_pair = self.pair_variance(reference, aligned, curvature)
        moves = self.blocks.moves(slopes.by_place, aligned, curvature)
        if pairs:
            # Of a structure that a border of two places cuts, each pulls its part to the middle.
            back = self.blocks.slopes(aligned)
            moves = (moves - self.blocks.moves(back, reference, curvature)) / 2
        return Match(peak.shift, variance, of_pair, peak.quality, moves)

    def of(self, reference: Spectrum) -> Slopes:
        """Return what `match` needs of a reference."""
        return Slopes(self.slopes(reference), self.blocks.slopes(reference))

    def slopes(self, reference: Spectrum) -> Spectrum:
        """Return the transforms of the squared slopes that a reference makes along each axis.

        Parameters
        ----------
        reference : ndarray of complex64, shape (n_tiles, 2 m0 + 1, m1 + 1)
            From `transform`.

        Returns
        -------
        ndarray of complex64, shape (2, n_tiles, 2 m0 + 1, m1 + 1)
        """
        c, modes = self.correlator, self.grid.modes
        shape = c.shape(_OVERSAMPLING)
        scale = np.float32(shape[0] * shape[1] / self.grid.pixels)
        out = np.zeros((2, *reference.shape), dtype=np.complex64)
        rows, columns = (k.astype(np.float32) for k in self.grid.wavenumbers)
        for axis, k in enumerate((rows[:, None], columns[None, :])):
            if c.active[axis]:
                slope = np.complex64(1j) * (k * c.gain) * reference
                image = fft.irfft2(spread(slope, modes, shape), s=shape, axes=(1, 2)) * scale
                out[axis] = keep(_rfft2(image * image), modes) / scale
        return out

    def curvature(self, aligned: Spectrum) -> FloatArray:
        """Minus the second derivatives, shape (2,), at no shift, from an aligned cross spectrum."""
        power = self.correlator.weighted_gain * aligned.real
        rows, columns = self.grid.wavenumbers
        first = (power.sum(axis=1, dtype=float) * rows**2).sum()
        last = (power.sum(axis=0, dtype=float) * columns**2).sum()
        return np.array([first, last]) / self.grid.pixels

    def variance(self, slopes: Spectrum, moving: Spectrum, curvature: FloatArray) -> FloatArray:
        """Variance of the shift that the localizations of one image cause, shape (2,).

        Parameters
        ----------
        slopes : ndarray, shape (2, n_tiles, 2 m0 + 1, m1 + 1)
            Of the other image, from `slopes`.
        moving : ndarray, shape (n_tiles, 2 m0 + 1, m1 + 1)
            Of this image, aligned.
        curvature : ndarray, shape (2,)

        Returns
        -------
        ndarray, shape (2,)
            NaN along an axis without extent.
        """
        moving = with_background(moving, self.grid)
        return self._of_shift([cross(moving, s) for s in slopes], curvature)

    def pair_variance(
        self, reference: Spectrum, moving: Spectrum, curvature: FloatArray
    ) -> FloatArray:
        """Part of the variance, shape (2,), that neither image has with a third one."""
        pairs = cross(with_background(reference, self.grid), with_background(moving, self.grid))
        return self._of_shift([np.conj(s) * pairs for s in self._slopes_of_a_point], curvature)

    @cached_property
    def _slopes_of_a_point(self) -> Spectrum:
        point = np.ones((1, *self.correlator.gain.shape), dtype=np.complex64)
        return self.slopes(point)[:, 0]

    def _of_shift(self, spectra: list[Spectrum], curvature: FloatArray) -> FloatArray:
        out = np.full(2, np.nan)
        for axis in np.flatnonzero(self.correlator.active & (curvature > 0)):
            columns = spectra[axis].real.sum(axis=0, dtype=float)
            power = float((columns * self.grid.weights).sum()) / self.grid.pixels
            out[axis] = max(power, 0.0) / curvature[axis] ** 2
        return out


def _rfft2(image: Image) -> Spectrum:
    return np.asarray(fft.rfft2(image, axes=(1, 2)), dtype=np.complex64)
