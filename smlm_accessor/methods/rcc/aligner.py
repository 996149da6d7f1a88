"""Align windows by all localizations, or by a sample of them to choose windows and smoothing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray
from smlm_accessor.kernels.frames.sample import whole_frames
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.overlap.events import WeightedLocalizations
from smlm_accessor.methods.precision import precision_along
from smlm_accessor.methods.rcc.pairs import Aligned, PairAligner
from smlm_accessor.timeline import Timeline, Windows

# Localizations that are enough to choose the smoothing, and partners of each.
_SAMPLE = 75_000
_FEW_PARTNERS = 16
_PARTNERS = 32
# Pairs that are never too many.
_PAIRS = 1e7
# A window is valid if its maximum is this sharp, while for chance it is three or four, and if its
# localizations overlap with this part of what is usual.
_SHARP = 5.0
#: Of windows that are as sharp as this in the median, nine in ten are sharp enough.
CLEAR = 1.4 * _SHARP
_LOW = 0.4
# Part of the localizations between two jumps that is in such windows, at least. One chance maximum
# in ten or twenty is sharp: in a table that shows nothing these would be all that is valid.
_MOST = 0.5


@dataclass(frozen=True, eq=False)
class Aligner:
    """Localizations that are aligned by the redundant correlation of windows.

    Positions have an extent along each axis. ``smoothing`` and ``max_residual`` are as asked for.
    """

    localizations: ChunkedLocalizations
    smoothing: float | None
    max_residual: float | None
    threads: int | None

    @cached_property
    def precision(self) -> FloatArray:
        """Localization precision along each axis, NaN where nothing tells."""
        return precision_along(self.localizations)

    @cached_property
    def searched(self) -> ChunkedLocalizations:
        """Localizations for a search, without those of emitters that shine on and on.

        Of one of these a window would match any other emitter that was seen often.
        """
        if not (self.precision > 0).all():
            return self.localizations
        rows = WeightedLocalizations.of(self.localizations, self.precision)
        return self.localizations.take(rows.usual_part(self.precision))

    @cached_property
    def all(self) -> PairAligner:
        """All localizations."""
        return self._of(np.ones(len(self.localizations.frames), dtype=bool))

    @cached_property
    def sample(self) -> PairAligner:
        """Whole frames, enough to choose windows and smoothing by."""
        rows = whole_frames(self.localizations.frames - self.localizations.frames[0], _SAMPLE)
        return self.all if rows.all() else self._of(rows)

    @property
    def share(self) -> float:
        """Part of the localizations that is in the sample."""
        return len(self.sample.positions) / len(self.localizations.positions)

    def _of(self, rows: BoolArray) -> PairAligner:
        positions, frames = self.localizations.positions, self.localizations.frames
        if not rows.all():
            positions, frames = positions[rows], frames[rows]
        timeline = Timeline.of(frames, self.localizations.jumps)
        of_rows = timeline.of_rows.astype(np.int32)
        return PairAligner(positions, of_rows, timeline, self.max_residual, self.threads)

    def align_sample(
        self,
        windows: Windows,
        drift: FloatArray,
        smoothing: FloatArray,
        valid: BoolArray | None = None,
    ) -> Aligned:
        """Align a sample of the localizations; all windows that have some and begin somewhere."""
        sample = self.sample.timeline.cut(windows.edges)
        if valid is None:
            valid = (sample.counts > 0) & np.isfinite(drift).all(axis=1)
        return self.sample.align(sample, drift, valid, smoothing, partners=_FEW_PARTNERS)

    def align_all(
        self,
        windows: Windows,
        drift: FloatArray,
        valid: BoolArray,
        smoothing: FloatArray,
        still: BoolArray | None = None,
    ) -> Aligned:
        """Align all localizations; drop pairs that are outliers, and windows of low overlap.

        For the parameters see `PairAligner.align`. All windows between two jumps are dropped if
        most localizations there are in such that are; windows that begin nowhere do not count.
        Chunks that are given, which may be ``still``, begin with the drift of a sample: variances
        would be a hundredth too large after one step. All of them count.
        Variances are made larger by as much as a jackknife over field blocks shows.
        """
        partners = max(_PARTNERS, _PAIRS / len(self.localizations.positions))
        final = self.all.align(
            *(windows, drift, valid, smoothing),
            still=still,
            partners=partners,
            drop=True,
            fewest=1 if still is None else 2,
        )
        usual = np.median(final.overlap[final.valid]) if final.valid.any() else 0.0
        kept = final.valid & (final.sharpness >= _SHARP) & (final.overlap >= _LOW * usual)
        segment, counts = windows.segment, windows.counts
        tried = counts * valid if still is None else counts
        both = np.bincount(segment, counts * kept), np.bincount(segment, tried)
        kept &= (both[0] >= _MOST * both[1])[segment]
        final = final.only(kept if kept.sum() >= 2 else np.zeros_like(kept))
        variance = final.variance * final.inflation(windows.counts)
        return final._replace(variance=variance, influence=None)
