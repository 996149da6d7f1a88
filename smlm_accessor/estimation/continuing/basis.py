"""An estimate of all rows there were, made ready for rows that come after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.drift.times import clock_of, counted
from smlm_accessor.estimation.checking.checked import checked
from smlm_accessor.estimation.chunking import chunked
from smlm_accessor.estimation.missing_z import has_all_z
from smlm_accessor.kernels.density.pair_kernel import SAID, PairKernel
from smlm_accessor.kernels.frames.count import FrameCount
from smlm_accessor.kernels.time_series.trend import trend_with_rates
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.overlap.following.course import Course
from smlm_accessor.methods.overlap.following.reference import Reference
from smlm_accessor.methods.registered import rates_of
from smlm_accessor.models import at_frames, chunks_with_one_error
from smlm_accessor.table.attributes import parameters
from smlm_accessor.table.localizations import read_localizations

_FEWEST = 4  # chunks
_STEADY = 20_000  # chunks: of more of them, the trend is as precise in the middle


@dataclass(frozen=True)
class Basis:
    """The estimate, and what new rows are registered onto.

    Parameters
    ----------
    drift : Dataset
        Counted, see `smlm_accessor.drift.times.counted`.
    n_rows : int
        That it was made of.
    last : int
        The last frame of these.
    reference : Reference
    course : Course
        Chunks of the estimate, whose errors are alike: each has the variance that they would have
        if they were not smoothed.
    center : ndarray, shape (d,)
        What was subtracted from coordinates.
    count : FrameCount
        How frames of the table become frames in their own unit.
    has_uncertainty : bool
        Whether uncertainties of localizations count.
    """

    drift: xr.Dataset
    n_rows: int
    last: int
    reference: Reference
    course: Course
    center: FloatArray
    count: FrameCount
    has_uncertainty: bool

    @classmethod
    def of(cls, table: pd.DataFrame, drift: xr.Dataset) -> Basis | None:
        """Make an estimate by overlap ready, None where new rows cannot be registered onto it.

        That is so if it knows few chunks; if localizations of a trace were merged, or z is missing
        in some rows or the same in all, for then other positions were compared than those of rows.
        """
        drift, rows = counted(drift), read_localizations(table)
        chosen = parameters(drift)
        d = rows.positions.shape[1]
        same = drift.sizes["component"] == len(chosen.get("precision", ())) == d
        if rows.trace is not None or "event_precision" in chosen or not same:
            return None
        if drift["valid"].values.sum() < _FEWEST or not has_all_z(table):
            return None
        ends = np.array([rows.frames.min(), rows.frames.max() + 1])
        localizations, _ = checked(chunked(rows, ends), rows.length_unit)
        own, count = localizations.counted()
        at = at_frames(drift, np.unique(localizations.frames), outside="hold").offset
        kernel = PairKernel(*(float(chosen[name]) for name in SAID))
        reference = Reference.of(own, -at, np.array(chosen["precision"]), kernel)
        assert localizations.center is not None
        return cls(
            *(drift, len(table), int(ends[1]) - 1, reference, _course(drift, count, chosen)),
            *(localizations.center, count, localizations.uncertainty is not None),
        )

    def localizations(self, table: pd.DataFrame) -> ChunkedLocalizations:
        """Return rows that come after, as the reference has them."""
        rows = read_localizations(table)
        rows = rows.take(rows.finite).sorted()
        return ChunkedLocalizations(
            rows.positions - self.center,
            self.count.number(rows.frames),
            np.array([0, len(rows.frames)]),
            rows.components,
            uncertainty=rows.uncertainty if self.has_uncertainty else None,
        )

    def std_at_end(self, frames: float, rows: float) -> float:
        """Return what the median of ``offset_std`` will be of a movie of so many frames and rows.

        The information of an event, of which a part ``f`` of the pairs is known, follows
        ``q = Q n / (n + h)`` of the number of events; two numbers, all and half of them, tell
        ``Q`` and ``h``. What the trend makes of more information of a frame, it makes with the
        rates that it has.
        """
        usual = max(self.reference.usual.quality, 1e-300)
        half = max(self.reference.usual_of_half.quality, usual / 2)  # by noise it may be less
        growth = max(rows / self.n_rows, 1.0)
        # 1 / q is a line in 1 / n, and at least that of emitters which are known.
        slope = max(1 / half - 1 / usual, 0.0)
        later = 1 / max(1 / usual - slope * (1 - 1 / growth), 1.0)
        extent = max(frames / max(self.extent, 1.0), 1.0)
        gain = max(later / usual, 1.0) * growth / extent
        now, then = self._steady(1.0, 1.0), self._steady(gain, extent)
        std = self.drift["offset_std"].values[self.drift["valid"].values]
        return float(np.sqrt(np.mean(np.median(std, axis=0) ** 2 * then / now)))

    @property
    def extent(self) -> float:
        """Frames from the first to the last, as the table counts them."""
        return float(self.last - self.drift["frame_start"].values[0] + 1)

    def _steady(self, gain: float, extent: float) -> FloatArray:
        """Return the variance of the trend in the middle, if windows have so much information.

        It is that against the mean, of a movie that lasts ``extent`` times as long.
        """
        course = self.course
        variance, n = np.median(course.variance, axis=0) / gain, len(course) * extent
        time = float(np.median(np.diff(course.time))) * np.arange(
            min(round(n), _STEADY), dtype=np.float64
        )
        flat, found = np.zeros(len(time)), []
        for rates, one in zip(course.rates, variance, strict=True):
            trend, _ = trend_with_rates(time, flat, flat + one, rates)
            found.append(float(np.median(trend.variance)) - one / n)
        return np.array(found)


def _course(drift: xr.Dataset, count: FrameCount, chosen: dict[str, Any]) -> Course:
    used = drift["valid"].values
    chunks = drift.isel(chunk=used)
    variance = chunks["offset_std"].values ** 2 * chunks_with_one_error(drift, "smoothing")
    segment = chunks["segment"].values
    times = count.number(np.round(chunks["frame"].values).astype(np.int64)).astype(np.float64)
    # Two chunks of one frame cannot be told apart.
    kept = np.append(True, np.diff(times) > 0)
    return Course(
        times[kept],
        -chunks["offset"].values[kept],
        variance[kept],
        (np.diff(segment, prepend=segment[:1]) != 0)[kept],
        tuple(rates_of(chosen, clock_of(drift), count.unit)),
    )


def chunk_length(drift: xr.Dataset, count: FrameCount) -> float:
    """Return the usual length of a chunk, in frames in their own unit."""
    lengths: IntArray = drift["frame_stop"].values - drift["frame_start"].values
    return max(float(np.median(lengths)) / count.unit, 1.0)
