"""How far to smooth a correlation for the most precise shift, judging by the data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.correlation.correlation import Correlator
from smlm_accessor.kernels.correlation.peak_precision import PeakMatcher, PeakSignificance
from smlm_accessor.kernels.images.grid import PixelGrid, make_grid
from smlm_accessor.kernels.images.images import Spectrum, count, keep, transform

#: Pixels per smoothing length. More gain nothing; at one, the error is some 5 % larger.
PIXELS_PER_SMOOTHING = 1.5
# The field is this many times the coarsest smoothing.
_COARSEST = 16
# So is the range of shifts, this many times.
_RANGE = 4
# Finer levels look at a part of the field, this many pixels wide.
_PART = 256
# Shifts that are known from a coarser level are looked for within this many pixels.
_AROUND = 8
# Logarithm of the gain in variance that is worth pixels of half the size.
_WORTHWHILE = 0.1
# While no shift is known, images have at most this many pixels for each localization.
_SPARSEST = 64
# Halvings without a gain that are looked beyond: rings have little between their size and width.
_PATIENCE = 2
# A finer smoothing is not tried unless it is finer by this factor.
_STEP = 1.2
_LARGE = 20.0
# Of so many localizations one pair of samples says enough.
_MANY = 5000


class Prediction(NamedTuple):
    """Variance of a shift (infinite if none is significant), and shifts of all but the first."""

    variance: float
    shifts: FloatArray


def predict(
    samples: Sequence[FloatArray],
    grid: PixelGrid,
    smoothings: Sequence[float],
    *,
    max_shift: FloatArray,
    significance: PeakSignificance,
    tiles: Sequence[IntArray] | None = None,
    n_tiles: int = 1,
    run: Callable[..., Iterable[Any]] = map,
) -> list[Prediction]:
    """Predict the variance of a shift against the first sample, for each smoothing.

    Samples are images, or stacks of images if ``tiles`` tells these apart.
    None of these is smaller than the one the grid was made for. Maxima that lack the significance
    do not count. ``run`` may be a `map` that has threads.
    """

    def spectrum(i: int) -> Spectrum:
        of = None if tiles is None else tiles[i]
        return transform(count(samples[i], grid, tiles=of, n_tiles=n_tiles), grid)

    spectra = list(run(spectrum, range(len(samples))))

    def predicted(smoothing: float) -> Prediction:
        correlator = Correlator(grid.narrow(smoothing), smoothing)
        first, *others = (keep(s, correlator.grid.modes) for s in spectra)
        matcher = PeakMatcher(correlator, max_shift, significance)
        slopes = matcher.of(first)
        variances: list[float] = []
        shifts = np.full((len(others), 2), np.nan)
        for i, moving in enumerate(others):
            match = matcher.match(first, moving, slopes)
            if match is not None:
                shifts[i] = match.shift
                variances.append(float(np.nansum(match.variance)))
        return Prediction(float(np.mean(variances)) if variances else np.inf, shifts)

    return list(run(predicted, smoothings))


def choose_smoothing(
    samples: Sequence[FloatArray],
    lower: FloatArray,
    upper: FloatArray,
    *,
    max_shift: FloatArray,
    significance: PeakSignificance,
    finest: float = 0.0,
    run: Callable[..., Iterable[Any]] = map,
) -> float | None:
    """Choose the smoothing that promises the smallest variance of the shift between images.

    From a sixteenth of the field the smoothing is halved for as long as that is worth it, not below
    ``finest``. Once the shifts are known, the finer levels look at the part of the field where
    localizations of all samples are densest, so that their cost does not grow with the field.

    The ``samples``, of shape (n, 2), are a few chunks, shifted against the first. None if no sample
    has a significant shift. ``run`` may be a `map` that has threads.
    """
    # Coarser than the range of shifts, every maximum would lie at its edge.
    tried = [min(float((upper - lower).max()) / _COARSEST, float(max_shift.max()) / _RANGE)]
    gains: list[float] = []
    worth, aligned = [0.0], False
    while len(worth) - int(np.argmax(worth)) <= _PATIENCE and tried[-1] > _STEP * finest:
        coarse = tried[-1]
        fine = max(coarse / 2, finest)
        bin_size = fine / PIXELS_PER_SMOOTHING
        area = lower, upper
        if aligned:
            area = _densest(samples, lower, upper, width=_PART * bin_size)
            max_shift = np.full(2, _AROUND * bin_size)
        grid = make_grid(*area, bin_size=bin_size, smoothing=fine, max_shift=max_shift)
        if not aligned and grid.pixels > _SPARSEST * sum(len(s) for s in samples):
            break
        predicted = predict(
            samples, grid, (coarse, fine), max_shift=max_shift, significance=significance, run=run
        )
        tried.append(fine)
        gains.append(_gain(*predicted, aligned=aligned))
        worth.append(worth[-1] + gains[-1] - _WORTHWHILE)
        shifts = predicted[1].shifts
        # Pairs that are not clear would be compared with noise from here on.
        pairs = zip(samples[1:], shifts, strict=True)
        others = [s - d for s, d in pairs if np.isfinite(d).all()]
        if others:
            samples = [samples[0], *(others if len(samples[0]) < _MANY else others[:1])]
            aligned = True
    if not aligned:
        return None
    best = int(np.argmax(worth))
    around = gains[best - 1 : best + 1] if best else []
    return max(tried[best] * _vertex(*around), finest)


def _gain(before: Prediction, after: Prediction, *, aligned: bool) -> float:
    """Logarithm of the gain in variance; bounded where one of the two has no clear maximum."""
    if np.isfinite(before.variance) and np.isfinite(after.variance):
        return float(np.log(before.variance / after.variance))
    # Once the shifts are known, the lack of a maximum says that there is too little left to see.
    if aligned or np.isfinite(before.variance):
        return -_LARGE
    return _LARGE if np.isfinite(after.variance) else 0.0


def _vertex(*gains: float) -> float:
    """Factor to the best smoothing: a parabola through the gains of the halvings around it."""
    if len(gains) < 2 or max(np.abs(gains)) >= _LARGE or not gains[0] > gains[1]:
        return 1.0
    before, after = gains
    octaves = float(np.clip(-0.5 * (before + after) / (before - after), -1.0, 1.0))
    # In steps, so that rounding errors of the sums leave no trace.
    return float(2.0 ** (round(8 * octaves) / 8))


def _densest(
    samples: Sequence[FloatArray], lower: FloatArray, upper: FloatArray, *, width: float
) -> tuple[FloatArray, FloatArray]:
    """Return the part of the field, at most ``width`` wide, about where all samples are densest."""
    grid = make_grid(
        lower,
        upper,
        bin_size=max(width / 4, float((upper - lower).max()) / _PART),
        smoothing=0.0,
        max_shift=np.zeros(2),
    )
    density = np.prod([np.sqrt(count(s, grid)[0]) for s in samples], axis=0)
    pixel = np.unravel_index(int(density.argmax()), density.shape)
    middle = grid.corner + np.array(pixel) * grid.bin_size
    start = np.clip(middle - width / 2, lower, np.maximum(upper - width, lower))
    return start, np.minimum(start + width, upper)
