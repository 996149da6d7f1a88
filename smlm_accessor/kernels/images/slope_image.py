"""Shift localizations to where a smoothed reference image is highest under them.

The correlation of two images is the sum, over the localizations of one, of the other smoothed. Near
its maximum it can be had that way with one large image instead of a pair of transforms for each
chunk.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from scipy import fft

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.compilation import kernel
from smlm_accessor.kernels.correlation.correlation import HIGH_PASS, LAST_STEP
from smlm_accessor.kernels.correlation.peak_precision import PeakMatch
from smlm_accessor.kernels.field.blocks import FieldBlocks
from smlm_accessor.kernels.field.jackknife import influence
from smlm_accessor.kernels.images.grid import PixelGrid, make_grid
from smlm_accessor.kernels.images.images import RIM, Image, Spectrum, count
from smlm_accessor.kernels.sorting import sorted_rows

_MAX_STEPS = 8
_LONGEST_STEP = 0.5  # smoothing lengths


def slope_grid(
    lower: FloatArray, upper: FloatArray, *, bin_size: float, smoothing: float
) -> PixelGrid:
    """Lay a grid over a field, with room for the smoothing only."""
    room = np.full(2, 2 * HIGH_PASS * smoothing)
    return make_grid(lower, upper, bin_size=bin_size, smoothing=smoothing, max_shift=room)


class SlopeImage:
    """Slope, along both axes, of the smoothed image of a reference, on a grid from `slope_grid`.

    With ``pairs``, `PeakMatch.pair_variance` is prepared, too. ``workers`` are threads; they do not
    change the result.
    """

    def __init__(
        self,
        positions: FloatArray,
        grid: PixelGrid,
        smoothing: float,
        *,
        pairs: bool = False,
        workers: int = 1,
    ) -> None:
        self.grid, self.smoothing, self._workers = grid, smoothing, workers
        rows = 2 * np.pi * fft.fftfreq(grid.padded[0], grid.bin_size).astype(np.float32)[:, None]
        columns = 2 * np.pi * fft.rfftfreq(grid.padded[1], grid.bin_size).astype(np.float32)
        spectrum = fft.rfft2(count(positions, grid)[0], s=grid.padded, workers=workers)
        self._pairs = self._pair_map(spectrum, rows, columns) if pairs else None
        # Even background has a slope at the edges of the field.
        first, last = (p / p.sum() for p in grid.profiles)
        even = self._background(_counts(grid, positions))
        down = (even * fft.fft(first, grid.padded[0])).astype(np.complex64)
        across = fft.rfft(last, grid.padded[1]).astype(np.complex64)
        for row, one in zip(spectrum, down, strict=True):  # no other array of this size
            row -= one * across
        wide = HIGH_PASS * smoothing
        band = _gaussian(smoothing, rows, columns)
        band -= _gaussian(wide, rows, columns)
        spectrum *= band
        del band
        self._slopes = self._map(np.complex64(1j) * k * spectrum for k in (rows, columns))
        field = np.einsum("i,j,ijc->c", first, last, self._slopes.reshape(*grid.bins, 2))
        self._mean: FloatArray = field.astype(np.float64)

    def match(self, positions: FloatArray, blocks: FieldBlocks | None = None) -> PeakMatch | None:
        """Find the shift of localizations, from zero to the maximum next to it (Newton's method).

        Its variance is the sum of the squared slopes under the localizations over the squared
        curvature. It has no quality; without blocks, it has no influence. None if there is no
        maximum nearby.
        """
        positions = np.ascontiguousarray(positions)
        active = np.array(self.grid.bins) > 1
        shift = np.zeros(2)
        for _ in range(_MAX_STEPS):
            slope, jacobian = self._slope_and_jacobian(positions, shift)
            jacobian = jacobian[np.ix_(active, active)]
            if not np.linalg.eigvalsh(jacobian + jacobian.T)[0] > 0:
                return None
            step = np.zeros(2)
            step[active] = -np.linalg.solve(jacobian, slope[active])
            length = float(np.abs(step).max()) / self.smoothing
            shift += step * min(1.0, _LONGEST_STEP / max(length, _LONGEST_STEP))
            if length < LAST_STEP:
                break
        else:
            return None
        squared = np.full((2, 2), np.nan)
        squared[0] = sums_under(self._slopes, self.grid, positions, shift[None]).squares[0]
        if self._pairs is not None:
            squared[1] = sums_under(self._pairs, self.grid, positions, shift[None]).total[0]
        variance = np.full((2, 2), np.nan)
        variance[:, active] = np.maximum(squared[:, active], 0.0) / np.diag(jacobian) ** 2
        of_blocks = np.zeros((0, 2)) if blocks is None else self.influence(positions, shift, blocks)
        return PeakMatch(shift, variance[0], variance[1], np.nan, of_blocks)

    def influence(
        self, positions: FloatArray, shift: FloatArray, blocks: FieldBlocks
    ) -> FloatArray:
        """Return how a shift would change without each block, shape (n_blocks, 2)."""
        positions = np.ascontiguousarray(positions)
        of, n = blocks.of(positions - shift), blocks.n
        slope = sums_by_block(self._slopes, self.grid, positions, shift, of, n)
        share = np.bincount(of, minlength=n) / len(positions)
        _, jacobian = self._slope_and_jacobian(positions, shift)
        curvature = np.diag(jacobian) * (np.array(self.grid.bins) > 1)
        return influence(slope - share[:, None] * slope.sum(axis=0), curvature)

    def _slope_and_jacobian(
        self, positions: FloatArray, shift: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return the slope under shifted localizations, and its change with the shift, (2, 2).

        The slope is the sum under the localizations, less that under evenly spread ones.
        """
        width = 0.5 * self.grid.bin_size
        steps = width * np.array([[0, 0], [1, 0], [0, 1], [-1, 0], [0, -1]])
        sums = sums_under(self._slopes, self.grid, positions, shift + steps)
        slope: FloatArray = sums.total - self._background(sums)[:, None] * self._mean
        return slope[0], (slope[1:3] - slope[3:]).T / (2 * width)

    def _background(self, sums: ImageSums) -> FloatArray:
        """Count the localizations, if all the field were as dense as its rim; for each shift."""
        wide = int((np.array(self.grid.upper) > np.array(self.grid.lower)).sum())
        return np.asarray((sums.within - sums.inner) / (1 - (1 - 2 / RIM) ** wide))

    def _map(self, spectra: Iterable[Spectrum]) -> Image:
        """Return two channels of an image, shape (n_pixels, 2)."""
        rows, columns = self.grid.bins
        out = np.empty((rows * columns, 2), dtype=np.float32)
        for channel, spectrum in enumerate(spectra):
            image = fft.irfft2(
                spectrum, s=self.grid.padded, workers=self._workers, overwrite_x=True
            )
            out[:, channel] = image[:rows, :columns].ravel()
        return out

    def _pair_map(self, spectrum: Spectrum, rows: Image, columns: Image) -> Image:
        """Sum over the reference of the squared slope that each localization makes."""
        # Of a Gaussian, in closed form; sharing among pixels, twice, has made it wider.
        s2 = self.smoothing**2 + self.grid.bin_size**2 / 3
        gaussian = _gaussian(np.sqrt(s2 / 2), rows, columns) * spectrum
        scale = np.float32(self.grid.bin_size**2 / (8 * np.pi * s2**2))
        return self._map(
            scale * (1 - np.float32(s2 / 2) * k * k) * gaussian for k in (rows, columns)
        )


def _gaussian(smoothing: float, rows: Image, columns: Image) -> Image:
    variance = np.float32(smoothing**2)
    out: Image = np.exp(-0.5 * variance * rows**2) * np.exp(-0.5 * variance * columns**2)
    return out


class ImageSums(NamedTuple):
    """Of the two channels of an image: sums and sums of squares, shape (m, 2); and counts, (m,).

    ``within`` localizations lie in the field, ``inner`` of these off its rim, at each of m shifts.
    """

    total: FloatArray
    squares: FloatArray
    within: IntArray
    inner: IntArray


def sums_under(
    image: Image, grid: PixelGrid, positions: FloatArray, shifts: FloatArray
) -> ImageSums:
    """Interpolate an image linearly under localizations less each of some shifts, and sum.

    The image has two channels, shape (n_pixels, 2), and is zero outside the field. Small shifts,
    (m, 2), at once save time: a localization needs much the same pixels at all of them.
    """
    box = np.array([grid.lower, grid.upper])
    rim = (box[1] - box[0]) / RIM
    inner = np.stack([box[0] + rim, box[1] - rim])
    out, counts = np.zeros((len(shifts), 2, 2)), np.zeros((len(shifts), 2), np.int64)
    bins = np.array(grid.bins)
    _sum(image, bins, positions, shifts, box, inner, grid.corner, grid.bin_size, out, counts)
    return ImageSums(out[:, 0], out[:, 1], counts[:, 0], counts[:, 1])


def _counts(grid: PixelGrid, positions: FloatArray) -> ImageSums:
    """Return `sums_under` an image of nothing: the counts."""
    nothing = np.zeros((grid.bins[0] * grid.bins[1], 2), np.float32)
    return sums_under(nothing, grid, positions, np.zeros((1, 2)))


@kernel
def _sum(  # type: ignore[no-untyped-def]
    image, bins, positions, shifts, box, inner, corner, size, out, counts
):
    # An axis without extent has one pixel.
    down, across = min(1, bins[0] - 1) * bins[1], min(1, bins[1] - 1)
    for i in range(len(positions)):
        for k in range(len(shifts)):
            x, y = positions[i, 0] - shifts[k, 0], positions[i, 1] - shifts[k, 1]
            if not (box[0, 0] <= x <= box[1, 0] and box[0, 1] <= y <= box[1, 1]):
                continue
            counts[k, 0] += 1
            if inner[0, 0] <= x <= inner[1, 0] and inner[0, 1] <= y <= inner[1, 1]:
                counts[k, 1] += 1
            u, v = (x - corner[0]) / size, (y - corner[1]) / size
            a, b = int(u), int(v)
            s, t = u - a, v - b
            at = a * bins[1] + b
            for c in range(2):
                low = (1 - t) * image[at, c] + t * image[at + across, c]
                high = (1 - t) * image[at + down, c] + t * image[at + down + across, c]
                value = (1 - s) * low + s * high
                out[k, 0, c] += value
                out[k, 1, c] += value * value


def sums_by_block(
    image: Image,
    grid: PixelGrid,
    positions: FloatArray,
    shift: FloatArray,
    blocks: IntArray,
    n_blocks: int,
) -> FloatArray:
    """Return the sums of an image under the localizations of each block, shape (n_blocks, 2).

    ``blocks``, shape (n,), is the block of each localization; for the rest see `sums_under`.
    """
    total = np.zeros((n_blocks, 2))
    order, ordered = sorted_rows(blocks)
    ends = np.searchsorted(ordered, np.arange(n_blocks + 1))
    for k in np.flatnonzero(np.diff(ends)):
        there = positions[order[ends[k] : ends[k + 1]]]
        total[k] = sums_under(image, grid, there, shift[None]).total[0]
    return total
