"""Pixels of images that leave room for shifts, and the frequencies kept of their transforms."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy import fft

from smlm_accessor._typing import FloatArray

#: Frequencies are kept up to this many times the reciprocal of the smoothing: beyond, a Gaussian
#: low pass leaves less than 0.3 %.
REACH = 3.5
_OUTLIERS = 1e-3
_MARGIN = 0.1


def field_of(positions: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Corners of the field, in which a few outliers far away do not count, both of shape (d,).

    They are the range of all but 0.1 % of the positions at either end of an axis, a tenth wider,
    and no wider than the range of all.
    """
    n = len(positions)
    skip = int(_OUTLIERS * n)
    # One contiguous axis at a time is several times faster than partition(axis=0).
    columns = [np.ascontiguousarray(column) for column in positions.T]
    ends = np.array([np.partition(c, [skip, n - 1 - skip])[[skip, n - 1 - skip]] for c in columns])
    margin = _MARGIN * (ends[:, 1] - ends[:, 0])
    lower = np.maximum(ends[:, 0] - margin, [c.min() for c in columns])
    upper = np.minimum(ends[:, 1] + margin, [c.max() for c in columns])
    return lower, upper


@dataclass(frozen=True)
class PixelGrid:
    """Two axes of square pixels, padded, and how many frequencies of the transform are kept.

    An axis without extent has one pixel and one frequency: a shift along it is never looked for.

    Positions outside the field, from ``lower`` to ``upper``, are left out. It has ``bins`` pixels
    of edge ``bin_size`` along each axis, and ``padded`` pixels in the transform, of which the
    frequencies up to ``modes`` cycles over the padded length are kept.
    """

    lower: tuple[float, float]
    upper: tuple[float, float]
    bin_size: float
    bins: tuple[int, int]
    padded: tuple[int, int]
    modes: tuple[int, int]

    @property
    def pixels(self) -> int:
        """Pixels of the padded image."""
        return self.padded[0] * self.padded[1]

    @cached_property
    def corner(self) -> FloatArray:
        """Centre of the first pixel, off the field's corner by an uncommon part of a pixel."""
        # Rounded coordinates would otherwise all sit on edges between pixels.
        empty = np.array(self.bins) == 1
        return np.array(self.lower) - np.where(empty, 0.0, 0.381966 * self.bin_size)

    @cached_property
    def wavenumbers(self) -> tuple[FloatArray, FloatArray]:
        """Angular frequencies kept: 0, 1 .. m, -m .. -1 on the first axis, 0 .. m on the last."""
        first, last = self.modes
        steps = [2 * np.pi / (n * self.bin_size) for n in self.padded]
        rows = np.concatenate([np.arange(first + 1), np.arange(-first, 0)])
        return np.asarray(steps[0] * rows), np.arange(last + 1, dtype=np.float64) * steps[1]

    @cached_property
    def weights(self) -> FloatArray:
        """Times each column counts in a sum over all frequencies, of which half are kept."""
        weights = np.full(self.modes[1] + 1, 2.0)
        weights[0] = 1.0
        return weights

    @cached_property
    def profiles(self) -> tuple[FloatArray, FloatArray]:
        """Part of each pixel that the field covers, along each axis, after linear sharing."""
        profiles = []
        for axis, n in enumerate(self.bins):
            if n == 1:
                profiles.append(np.ones(1))
                continue
            ends = (
                np.array([self.lower[axis], self.upper[axis]]) - self.corner[axis]
            ) / self.bin_size
            profiles.append(_ramp(ends[1] - np.arange(n)) - _ramp(ends[0] - np.arange(n)))
        return profiles[0], profiles[1]

    def narrow(self, smoothing: float) -> PixelGrid:
        """Keep only the frequencies that matter at this smoothing."""
        first, last = (
            min(kept, _modes(padded, self.bin_size, smoothing))
            for kept, padded in zip(self.modes, self.padded, strict=True)
        )
        return replace(self, modes=(first, last))


def _ramp(u: FloatArray) -> FloatArray:
    """Integral of the unit triangle up to ``u``."""
    u = np.clip(u, -1.0, 1.0)
    return np.where(u < 0, 0.5 * (1 + u) ** 2, 1 - 0.5 * (1 - u) ** 2)


def _modes(padded: int, bin_size: float, smoothing: float) -> int:
    nyquist = (padded - 1) // 2
    if smoothing <= 0:
        return nyquist
    return min(nyquist, int(REACH / smoothing * padded * bin_size / (2 * np.pi)))


def make_grid(
    lower: FloatArray,
    upper: FloatArray,
    *,
    bin_size: float,
    smoothing: float,
    max_shift: FloatArray,
) -> PixelGrid:
    """Lay a grid over a field, padded so that no shift up to ``max_shift`` wraps round."""
    bins, padded, modes = [], [], []
    for axis in range(2):
        extent = float(upper[axis] - lower[axis])
        n = int(np.ceil(extent / bin_size)) + 2 if extent > 0 else 1
        room = int(np.ceil((max_shift[axis] + 3 * smoothing) / bin_size)) if extent > 0 else 0
        bins.append(n)
        padded.append(fft.next_fast_len(n + room, real=axis == 1))
        modes.append(_modes(padded[-1], bin_size, smoothing))
    return PixelGrid(
        lower=(float(lower[0]), float(lower[1])),
        upper=(float(upper[0]), float(upper[1])),
        bin_size=bin_size,
        bins=(bins[0], bins[1]),
        padded=(padded[0], padded[1]),
        modes=(modes[0], modes[1]),
    )
