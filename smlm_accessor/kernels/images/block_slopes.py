"""What places of the field contribute to the slope of a correlation of images."""

from __future__ import annotations

import numpy as np
from scipy import fft

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.correlation.correlation import Correlator
from smlm_accessor.kernels.field.blocks import FieldBlocks
from smlm_accessor.kernels.images.images import Image, Spectrum, spread

_OVERSAMPLING = 1.0  # of the product of two images: what folds back stays in its place, nearly


class ImagePlaces:
    """Sums by places of the field, or by tiles where images are stacks of them.

    Parameters
    ----------
    correlator : Correlator
    blocks : FieldBlocks, optional
        Tiles if not given.
    """

    def __init__(self, correlator: Correlator, blocks: FieldBlocks | None) -> None:
        self.correlator, self.blocks = correlator, blocks
        self._shape = correlator.shape(_OVERSAMPLING)
        if blocks is not None:
            self._cuts = [self._first_pixels(axis, blocks) for axis in range(2)]

    def _first_pixels(self, axis: int, blocks: FieldBlocks) -> IntArray:
        """Return the first pixel of each place along an axis; padding belongs to the last."""
        grid = self.correlator.grid
        spacing = grid.padded[axis] * grid.bin_size / self._shape[axis]
        borders = blocks.lower[axis] + blocks.width * np.arange(blocks.shape[axis])
        pixel = np.ceil((borders - grid.corner[axis]) / spacing).astype(np.int64)
        pixel[0] = 0
        return np.asarray(np.clip(pixel, 0, self._shape[axis]))

    def slopes(self, reference: Spectrum) -> Spectrum | Image:
        """Return the slopes of a smoothed reference, for `moves`: of images in real space."""
        c = self.correlator
        rows, columns = (k.astype(np.float32) for k in c.grid.wavenumbers)
        slopes = [np.complex64(1j) * (k * c.gain) * reference for k in (rows[:, None], columns)]
        if self.blocks is None:
            return np.stack(slopes)
        return np.stack([self._image(s) for s in slopes])

    def moves(
        self, slopes: Spectrum | Image, moving: Spectrum, curvature: FloatArray
    ) -> FloatArray:
        """Return how the shift of an aligned image would change without each place.

        Parameters
        ----------
        slopes : ndarray
            From `slopes`.
        moving : ndarray of complex64, shape (n_tiles, 2 m0 + 1, m1 + 1)
        curvature : ndarray, shape (2,)
            Minus the second derivatives of the correlation.

        Returns
        -------
        ndarray, shape (n_places, 2)
        """
        grid = self.correlator.grid
        with np.errstate(divide="ignore"):
            factor = np.where(curvature > 0, -1 / curvature, 0.0)
        if self.blocks is None:
            products = (np.conj(slopes) * moving).real * grid.weights
            return np.asarray(products.sum(axis=(2, 3), dtype=float).T * factor / grid.pixels)
        image = self._image(moving)
        pixels = np.prod(self._shape) / grid.pixels
        sums = [_by_blocks(slope * image, *self._cuts).ravel() / pixels for slope in slopes]
        return np.asarray(np.stack(sums, axis=1) * factor)

    def _image(self, spectrum: Spectrum) -> Image:
        """Return the first image of a stack, its values those of the pixels of the grid."""
        grid, shape = self.correlator.grid, self._shape
        image = fft.irfft2(spread(spectrum[:1], grid.modes, shape)[0], s=shape)
        return np.asarray(image * np.float32(np.prod(shape) / grid.pixels))


def _by_blocks(image: Image, rows: IntArray, columns: IntArray) -> FloatArray:
    """Sum an image between the rows and columns at which blocks begin."""
    sums = np.concatenate([np.zeros((1, image.shape[1])), np.cumsum(image, axis=0, dtype=float)])
    bands = np.diff(sums[np.append(rows, len(image))], axis=0)
    sums = np.concatenate([np.zeros((len(bands), 1)), np.cumsum(bands, axis=1)], axis=1)
    return np.diff(sums[:, np.append(columns, image.shape[1])], axis=1)
