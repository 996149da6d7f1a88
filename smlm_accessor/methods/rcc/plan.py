"""From a rough drift of a few windows to a fine one of many segments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray
from smlm_accessor.backends import map_threads
from smlm_accessor.kernels.frames.sample import whole_frames
from smlm_accessor.kernels.time_series.window_length import longer_by, smoothed
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.rcc.pairs import Aligned, Aligner
from smlm_accessor.timeline import Windows

# Localizations that are enough to choose the smoothing, and partners of each.
_SAMPLE = 75_000
_FEW_PARTNERS = 16
_PARTNERS = 32
# Pairs that are never too many.
_PAIRS = 1e7
# Smaller smoothings that are tried without a gain: rings have little between their size and width.
_WORSE = 2
# No structure is so much smaller than the pixels of the search.
_FINEST = 2.0**-14
# Smoothings that are tried at most, if none shows anything.
_COARSEST = 10
# As sharp as this, a smoothing can be made smaller by two steps at once.
_VERY_SHARP = 60.0
# A segment is valid if its maximum is this sharp, while for chance it is three or four, and if its
# localizations overlap with this part of what is usual.
_SHARP = 5.0
_LOW = 0.4


@dataclass(frozen=True, eq=False)
class Plan:
    """What is aligned, and how.

    Parameters
    ----------
    localizations : ChunkedLocalizations
        Positions have an extent along each axis.
    smoothing : float, optional
    max_residual : float, optional
    threads : int, optional
    """

    localizations: ChunkedLocalizations
    smoothing: float | None
    max_residual: float | None
    threads: int | None

    @cached_property
    def aligner(self) -> Aligner:
        """All localizations."""
        return self._aligner(np.ones(len(self.localizations.frames), dtype=bool))

    @cached_property
    def sample(self) -> Aligner:
        """Whole frames, enough to choose the smoothing by."""
        rows = whole_frames(self.localizations.frames - self.localizations.frames[0], _SAMPLE)
        return self.aligner if rows.all() else self._aligner(rows)

    @property
    def share(self) -> float:
        """Part of the localizations that is in the sample."""
        return len(self.sample.positions) / len(self.localizations.positions)

    def _aligner(self, rows: BoolArray) -> Aligner:
        run: Callable[..., list[Any]] = partial(map_threads, threads=self.threads)
        positions, frames = self.localizations.positions, self.localizations.frames
        if not rows.all():
            positions, frames = positions[rows], frames[rows]
        return Aligner.of(positions, frames, self.localizations.jumps, self.max_residual, run)

    def sharpen(
        self, segments: Windows, drift: FloatArray, valid: BoolArray, smoothing: FloatArray
    ) -> tuple[FloatArray, Aligned]:
        """Reduce the smoothing for as long as that makes shifts more precise.

        Parameters
        ----------
        segments : Windows
        drift : ndarray, shape (k, d)
        valid : ndarray of bool, shape (k,)
        smoothing : ndarray, shape (d,)
            With which the drift was found.

        Returns
        -------
        smoothing : ndarray, shape (d,)
        aligned : Aligned
            Of a sample of the localizations.
        """
        sample = self.sample.timeline.cut(segments.edges)
        now = smoothing.copy()
        if self.smoothing is not None:
            found = self._align_sample(sample, drift, valid, now)
            now[:2] = self.smoothing
            return now, self._align_sample(sample, *_from(found, drift), now)
        now, found = self._descend(sample, drift, valid, now, slice(0, 2))
        if len(now) == 3:
            now, found = self._descend(sample, *_from(found, drift), now, slice(2, 3))
        return now, found

    def _descend(
        self,
        sample: Windows,
        drift: FloatArray,
        valid: BoolArray,
        smoothing: FloatArray,
        axes: slice,
    ) -> tuple[FloatArray, Aligned]:
        tried: list[tuple[float, FloatArray, Aligned]] = []
        start, now = drift, smoothing.copy()
        worse = 0
        while worse < _WORSE and now[axes].max() > _FINEST * smoothing[axes].max():
            variance, found = self._try(sample, drift, valid, now, axes)
            worse = worse + 1 if tried and not variance < min(v for v, _, _ in tried) else 0
            tried.append((variance, now.copy(), found))
            length = longer_by(found.drift, found.variance, found.valid)
            better = smoothed(found.drift, found.valid, length, sample.segment)
            drift = np.where(found.valid[:, None], better, drift)
            very_sharp = float((now[axes] ** 2).min()) > _VERY_SHARP**2 * variance
            now[axes] /= 4 if very_sharp else 2
        best = min(tried, key=lambda one: one[0])
        now = smoothing.copy()
        # Pixels may have been smaller than the structure.
        while best is tried[0] or best[1][axes].max() > smoothing[axes].max():
            now[axes] *= 2
            variance, found = self._try(sample, start, valid, now, axes)
            if not variance < best[0] and not (np.isinf(best[0]) and len(tried) < _COARSEST):
                break
            best = (variance, now.copy(), found)
            tried.append(best)
        return best[1], best[2]

    def _try(
        self,
        sample: Windows,
        drift: FloatArray,
        valid: BoolArray,
        smoothing: FloatArray,
        axes: slice,
    ) -> tuple[float, Aligned]:
        """Return the variance along some axes, too."""
        found = self._align_sample(sample, drift, valid, smoothing)
        if not found.valid.any():
            return np.inf, found
        return float(np.median(found.variance[found.valid][:, axes], axis=0).sum()), found

    def _align_sample(
        self, sample: Windows, drift: FloatArray, valid: BoolArray, smoothing: FloatArray
    ) -> Aligned:
        return self.sample.align(sample, drift, valid, smoothing, partners=_FEW_PARTNERS, steps=2)

    def resume(
        self,
        segments: Windows,
        drift: FloatArray,
        smoothing: FloatArray,
        valid: BoolArray | None = None,
    ) -> Aligned:
        """Align a sample of the localizations in other segments."""
        sample = self.sample.timeline.cut(segments.edges)
        valid = sample.counts > 0 if valid is None else valid
        return self._align_sample(sample, drift, valid, smoothing)

    def finish(
        self,
        segments: Windows,
        drift: FloatArray,
        valid: BoolArray,
        smoothing: FloatArray,
        still: BoolArray | None = None,
    ) -> Aligned:
        """Align all localizations; drop what contradicts the rest, and what shows too little."""
        partners = max(_PARTNERS, _PAIRS / len(self.localizations.positions))
        final = self.aligner.align(
            segments,
            drift,
            valid,
            smoothing,
            still=still,
            partners=partners,
            steps=2,
            drop=True,
        )
        usual = np.median(final.overlap[final.valid]) if final.valid.any() else 0.0
        kept = final.valid & (final.sharpness >= _SHARP) & (final.overlap >= _LOW * usual)
        if kept.sum() < 2:
            kept[:] = False
        lost = ~kept[:, None]
        final = final._replace(
            drift=np.where(lost, np.nan, final.drift),
            variance=np.where(lost, np.nan, final.variance),
            valid=kept,
        )
        factor = self.aligner.dependence(segments, final, smoothing, still, partners)
        return final._replace(variance=final.variance * factor)


def _from(found: Aligned, drift: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Return where segments are now; those that were lost stay where they were."""
    return np.where(found.valid[:, None], found.drift, drift), found.valid
