"""Where the correlation of two images has its maximum, between the pixels, and how clear it is."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import fft

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.kernels.images.grid import PixelGrid
from smlm_accessor.kernels.images.images import Image, Spectrum, image_of, spread

#: The Gaussian that is subtracted is this many times wider. Measured: it takes out uneven
#: background under a fixed illumination, and loses nothing of clusters, rings and cells.
HIGH_PASS = 3.0
#: Two maxima closer than this many smoothing lengths are one.
NEAR = 5.0
# Samples of the correlation per frequency: at the sample next to a maximum Newton's method
# converges.
_OVERSAMPLING = 1.35
_MAX_STEPS = 30
#: The last step of Newton's method, in samples or smoothing lengths. Each squares the error of the
#: one before, so what is left is far smaller.
LAST_STEP = 1e-4


class Peak(NamedTuple):
    """The global maximum of a correlation.

    ``shift`` has shape (2,). ``quality`` is the height above the runner-up, in standard deviations
    of the correlation. ``found`` is False if the maximum is at the edge of the range searched.
    """

    shift: FloatArray
    quality: float
    found: bool


def cross(reference: Spectrum, moving: Spectrum) -> Spectrum:
    """Cross power spectrum of two stacks of images, summed over the images."""
    products: Spectrum = np.conj(reference) * moving
    return products[0] if len(products) == 1 else np.asarray(products.sum(axis=0))


def band_pass(rows: FloatArray, columns: FloatArray, smoothing: float, wide: float) -> FloatArray:
    """Return the gain of a Gaussian less one that is `HIGH_PASS` times as wide as ``wide``.

    ``rows`` and ``columns`` are the angular frequencies along the two axes.
    """
    low, high = (
        np.multiply.outer(*(np.exp(-0.5 * (width * k) ** 2) for k in (rows, columns)))
        for width in (smoothing, HIGH_PASS * wide)
    )
    low -= high
    return low


class Correlator:
    """Correlations on one grid at one smoothing, 0 for none.

    The correlation of two images is smoothed with a Gaussian of standard deviation ``smoothing``,
    less one three times wider. A shift ``d`` says that the second is the first one moved by ``+d``.
    """

    def __init__(self, grid: PixelGrid, smoothing: float) -> None:
        self.grid = grid
        self.smoothing = smoothing
        gain = band_pass(*grid.wavenumbers, smoothing, max(smoothing, grid.bin_size))
        self.gain: Image = gain.astype(np.float32)
        self.weighted_gain: Image = (gain * grid.weights).astype(np.float32)
        self.active: BoolArray = np.array(grid.modes) > 0
        # By which a wave is multiplied in its derivatives.
        self._powers = [np.stack([np.ones_like(k), 1j * k, -(k**2)]) for k in grid.wavenumbers]

    def phase(self, shift: FloatArray) -> Spectrum:
        """Return the factor of a transform that moves its image back by ``shift``, shape (2,)."""
        rows, columns = (
            np.exp(1j * k * s).astype(np.complex64)
            for k, s in zip(self.grid.wavenumbers, shift, strict=True)
        )
        out: Spectrum = rows[:, None] * columns
        return out

    def slopes(self, spectra: Spectrum) -> Spectrum:
        """Return the transforms of the smoothed images' slopes along each axis, shape (2, ...)."""
        rows, columns = (k.astype(np.float32) for k in self.grid.wavenumbers)
        axes = (rows[:, None], columns[None, :])
        return np.stack([np.complex64(1j) * (k * self.gain) * spectra for k in axes])

    def shape(self, oversampling: float) -> tuple[int, int]:
        """Return the smallest good shape that samples the frequencies kept so finely."""
        rows, columns = (int(np.ceil(2 * oversampling * m)) + 1 for m in self.grid.modes)
        return fft.next_fast_len(rows), fft.next_fast_len(columns, real=True)

    def locate(
        self, cross: Spectrum, max_shift: FloatArray, least_quality: float = -np.inf
    ) -> Peak:
        """Find the global maximum among the shifts up to ``max_shift``, shape (2,).

        One below the least quality is not found.
        """
        shape = self.shape(_OVERSAMPLING)
        values = image_of(spread((self.gain * cross)[None], self.grid.modes, shape)[0], shape)
        spacing = self._spacing(shape)
        lags = [fft.fftfreq(n, 1 / n) * s for n, s in zip(shape, spacing, strict=True)]
        within = [np.flatnonzero(np.abs(x) <= m) for x, m in zip(lags, max_shift, strict=True)]
        window = values[np.ix_(*within)]
        best = np.unravel_index(int(window.argmax()), window.shape)
        start = np.array([x[w[b]] for x, w, b in zip(lags, within, best, strict=True)])
        quality = self._quality(values, window, lags, within, start)
        if quality < least_quality:
            return Peak(start, quality, found=False)
        del values, window
        shift = self.refine(cross, start)
        at_edge = self.active & (np.maximum(np.abs(start) + spacing, np.abs(shift)) > max_shift)
        found = bool(np.isfinite(shift).all()) and not at_edge.any()
        return Peak(shift, quality, found)

    def refine(self, cross: Spectrum, start: FloatArray) -> FloatArray:
        """Climb from ``start`` to a maximum of the interpolant; NaN if there is none."""
        product = self.weighted_gain * cross
        shift = start.astype(np.float64)
        if not self.active.any():
            return shift
        longest = float(self._spacing(self.shape(_OVERSAMPLING))[self.active].max())
        for _ in range(_MAX_STEPS):
            step = _ascent(self._derivatives(product, shift), self.active)
            if step is None:
                return np.full(2, np.nan)
            length = float(np.abs(step).max())
            shift += step * (longest / max(length, longest))
            if length < LAST_STEP * longest:
                break
        return shift

    def _derivatives(self, product: Spectrum, shift: FloatArray) -> FloatArray:
        """Return the derivatives at ``shift``: [i, j] is the i-th and j-th along the two axes."""
        bases = [
            powers * np.exp(powers[1] * s) for powers, s in zip(self._powers, shift, strict=True)
        ]
        # Not a matrix product: its threads would get into those of the caller's way.
        inner = np.einsum("ij,bj->bi", product, bases[1].astype(np.complex64))
        out: FloatArray = np.einsum("ai,bi->ab", bases[0], inner).real
        return out

    def _spacing(self, shape: tuple[int, int]) -> FloatArray:
        return np.asarray(np.array(self.grid.padded) * self.grid.bin_size / np.array(shape))

    def _quality(
        self,
        values: Image,
        window: Image,
        lags: list[FloatArray],
        within: list[IntArray],
        peak: FloatArray,
    ) -> float:
        near = []
        for lag, at in zip(lags, peak, strict=True):
            period = len(lag) * (lag[1] - lag[0]) if len(lag) > 1 else 1.0
            distance = np.abs((lag - at + period / 2) % period - period / 2)
            near.append(distance <= min(NEAR * max(self.smoothing, self.grid.bin_size), period / 4))
        inside = np.ix_(*(n[w] for n, w in zip(near, within, strict=True)))
        highest = float(window[inside].max())
        window[inside] = 0.0
        runner_up = max(float(window.max()), 0.0)
        around = values[np.ix_(*near)]
        np.square(values, out=values)  # they are not needed any more
        power = values.sum(dtype=float) - np.square(around).sum(dtype=float)
        # Where few pairs overlap, a single chance pair is many standard deviations.
        one_pair = float(self.weighted_gain.sum(dtype=float)) / values.size
        deviation = np.sqrt(max(power, 0.0) / max(values.size - around.size, 1) + one_pair**2)
        return float((highest - runner_up) / deviation) if deviation > 0 else 0.0


def _ascent(derivatives: FloatArray, active: BoolArray) -> FloatArray | None:
    """Newton step to the maximum along the active axes; None where the surface is no cap."""
    gradient = np.array([derivatives[1, 0], derivatives[0, 1]])
    (h00, h01), h11 = derivatives[[2, 1], [0, 1]], derivatives[0, 2]
    if not active.all():
        axis = int(active.argmax())
        curvature = (h00, h11)[axis]
        return np.asarray(-gradient * active / curvature) if curvature < 0 else None
    determinant = h00 * h11 - h01 * h01
    if not (h00 < 0 and determinant > 0):
        return None
    g0, g1 = gradient
    return np.asarray(np.array([h01 * g1 - h11 * g0, h01 * g0 - h00 * g1]) / determinant)
