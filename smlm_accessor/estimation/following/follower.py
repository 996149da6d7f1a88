"""The drift of a table that grows at its end."""

from __future__ import annotations

import warnings
from contextlib import nullcontext, suppress
from threading import Thread
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from smlm_accessor.drift import build
from smlm_accessor.drift.times import clock_of, counted, timed
from smlm_accessor.errors import OptionError, SmlmError, SmlmWarning
from smlm_accessor.estimation.estimate import estimate_drift
from smlm_accessor.estimation.following.basis import Basis, chunk_length
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.overlap.following.course import Course
from smlm_accessor.methods.overlap.following.registration import (
    NewWindows,
    joined_localizations,
    register_new,
)
from smlm_accessor.options import number
from smlm_accessor.table.columns import find_columns, selection

_FEWEST = 500  # rows, with which a first estimate is tried
# Rows of an update that are registered once more with the next: of many, the next are few.
_AGAIN = 50_000
_OTHERS = {"method", "start", "prior", "transformation", "segments", "max_localizations"}
_RULES = {"chunk_size", "n_chunks", "frames_per_chunk", "chunk_duration", "chunks"}


class Follower:
    """The drift of a movie while it is recorded: rows are added at its end.

    All rows are estimated anew (`overlap`) whenever there are ``growth`` times as many as at the
    last time. Rows that come in between are registered onto these: as long as they are few beside
    them, the map of all others hardly changes.

    Parameters
    ----------
    growth : float
        Rows over those of the last estimate at which all are estimated anew, above 1. With 1.5,
        all these estimates together take three times as long as the last one.
    wait : bool
        Whether an update waits for such an estimate. If not, it goes on in a thread, and the first
        update after it has ended takes it over: then results depend on when that is.
    **options
        Of ``table.smlm.drift(method="overlap")``, such as ``precision``, ``origin`` or ``threads``.

    Examples
    --------
    >>> import smlm_accessor
    >>> still = smlm_accessor.simulate_origami(n_structures=40, n_frames=3000, seed=1)
    >>> table = still.smlm.simulate_drift(velocity=(0.01, 0.005))
    >>> follower = smlm_accessor.follow()
    >>> for part in (table[table.frame < 2400], table[table.frame >= 2400]):
    ...     drift = follower.update(part)
    >>> bool((follower.correct(table).smlm.rmse(still) < 1).all()), follower.n_waiting > 0
    (True, True)
    >>> follower.std_at_end(6000) < follower.std
    True
    """

    def __init__(self, *, growth: float = 1.5, wait: bool = True, **options: Any) -> None:
        number("growth", growth, above=1.0)
        unknown = sorted((_OTHERS | _RULES) & set(options))
        if unknown:
            raise OptionError(
                f"a movie cannot be followed with {', '.join(unknown)}; estimate the drift of all "
                "rows at the end with it: table.smlm.drift(...)"
            )
        self._growth, self._wait, self._options = float(growth), bool(wait), options
        self._thread: Thread | None = None
        self._made: tuple[xr.Dataset, Basis | None] | None = None
        self._tables: list[pd.DataFrame] = []
        self._n_rows = self._tried = self._n_estimated = 0
        self._last: int | None = None
        self._basis: Basis | None = None
        self._settled: Course | None = None
        self._new: list[NewWindows] = []
        self._recent: NewWindows | None = None
        self._recent_rows: ChunkedLocalizations | None = None
        self._drift: xr.Dataset | None = None

    @property
    def n_rows(self) -> int:
        """Rows that were added."""
        return self._n_rows

    @property
    def n_waiting(self) -> int:
        """Rows that were added since all were estimated."""
        return self._n_rows - self._n_estimated

    @property
    def table(self) -> pd.DataFrame:
        """All rows, the columns that are used."""
        if not self._tables:
            raise OptionError("no rows were added yet: follower.update(rows)")
        if len(self._tables) > 1:
            joined = pd.concat(self._tables)
            joined.attrs = self._tables[0].attrs
            self._tables = [joined]
        return self._tables[0]

    @property
    def drift(self) -> xr.Dataset:
        """The drift so far, as that of ``table.smlm.drift``."""
        if self._drift is None:
            raise OptionError(
                f"the drift of {self._n_rows} rows cannot be told yet; go on with update(rows), or "
                "see what drift() of all rows says: follower.finish()"
            )
        return self._drift

    @property
    def std(self) -> float:
        """Median of ``offset_std`` of the drift so far."""
        drift = self.drift
        std = drift["offset_std"].values[drift["valid"].values]
        return float(np.sqrt(np.mean(np.median(std, axis=0) ** 2)))

    def update(self, rows: pd.DataFrame) -> xr.Dataset | None:
        """Add rows, and return the drift so far; None while nothing can be told yet.

        Parameters
        ----------
        rows : DataFrame
            With the columns of those before, and later in time. Rows that come too late, of frames
            that were there, count when all are estimated anew.

        Returns
        -------
        Dataset or None
            ``offset_std`` of the last chunks is larger: nothing is known yet of what comes after.
            Chunks that lie on nothing are not ``valid``.
        """
        columns = find_columns(rows)
        if self._tables and find_columns(self._tables[0]).positions != columns.positions:
            raise OptionError(
                "these rows have other columns than those before; give tables of the same kind"
            )
        chosen = selection(rows)
        kept = rows[list(chosen.labels)]
        kept.attrs = dict(chosen.attrs)
        if len(kept):
            self._tables.append(kept)
            self._n_rows += len(kept)
        taken = self._taken_over()
        if self._thread is None and self._n_rows >= max(self._growth * self._tried, _FEWEST):
            self._tried = self._n_rows
            if self._wait:
                self._estimate(self.table)
                taken = self._taken_over()
            else:
                self._thread = Thread(target=self._estimate, args=(self.table,), daemon=True)
                self._thread.start()
        if self._basis is not None and not taken:
            self._register(kept, self._basis)
        return self._drift

    def finish(self) -> xr.Dataset:
        """Estimate the drift of all rows once more, which is that of ``table.smlm.drift()``."""
        self._drift = estimate_drift(self.table, **self._options)
        return self._drift

    def correct(self, rows: pd.DataFrame | None = None) -> pd.DataFrame:
        """Return rows, or all that were added, corrected by the drift so far."""
        table = self.table if rows is None else rows
        fixed: pd.DataFrame = table.smlm.correct(self.drift, outside="hold")
        return fixed

    def std_at_end(self, n_frames: float, *, n_rows: float | None = None) -> float:
        """Return the median of ``offset_std`` that is expected at the end.

        Parameters
        ----------
        n_frames : float
            Of the whole movie; of a table with times, its seconds.
        n_rows : float, optional
            Localizations of the whole movie. By default as many for each frame as until now; say
            less if molecules bleach.

        Notes
        -----
        More localizations make the map of all others denser, and each tells more: its information
        follows ``Q n / (n + h)``, of which ``Q`` and ``h`` are told by the density of all and of
        every second event. More information for each frame makes the trend precise by as much as
        its rates allow. Where molecules are seen for a short time only, it stays as it is.
        """
        if self._basis is None:
            return float("nan")
        basis, clock = self._basis, find_columns(self.table).clock
        frames = n_frames * clock.per_unit
        seen = float(frames) / max(basis.extent, 1.0) * basis.n_rows
        return basis.std_at_end(float(frames), seen if n_rows is None else n_rows)

    def __repr__(self) -> str:
        if self._drift is None:
            return f"<Follower: {self._n_rows:,} rows, no drift yet>"
        unit, drift = self._drift.attrs.get("length_unit") or "", counted(self._drift)
        ends = drift["frame_start"].values[0], drift["frame_stop"].values[-1]
        span = clock_of(drift).span(*map(int, ends), thousands=True)
        return (
            f"<Follower: {self._n_rows:,} rows, {span}, drift known to {self.std:.2g} {unit}, "
            f"{self.n_waiting:,} rows since all were estimated>"
        )

    def _estimate(self, table: pd.DataFrame) -> None:
        """Estimate rows anew; warnings are those of the estimate at the end."""
        self._made = None
        with suppress(SmlmError):  # too few rows, as yet
            with warnings.catch_warnings() if self._wait else nullcontext():
                if self._wait:
                    warnings.simplefilter("ignore", SmlmWarning)
                drift = estimate_drift(table, **self._options)
            if drift["valid"].any():
                self._made = drift, Basis.of(table, drift)

    def _taken_over(self) -> bool:
        """Take over an estimate that has ended, register the rows after it, and tell if so."""
        if self._thread is not None and self._thread.is_alive():
            return False
        self._thread, made, self._made = None, self._made, None
        if made is None:
            return False
        self._drift, self._basis = made
        self._n_estimated = self._tried
        self._new, self._recent, self._recent_rows = [], None, None
        if self._basis is not None:
            self._settled, self._last = self._basis.course, self._basis.last
            after = self.table.iloc[self._n_estimated :]
            after.attrs = self.table.attrs
            self._register(after, self._basis)
        return True

    def _register(self, rows: pd.DataFrame, basis: Basis) -> None:
        """Register rows that came after onto those of the basis."""
        if not len(rows):
            return
        assert self._settled is not None
        assert self._last is not None
        localizations = basis.localizations(rows)
        first = int(basis.count.number(np.array([self._last + 1]))[0])
        later = int(np.searchsorted(localizations.frames, first))
        localizations = localizations.take(slice(later, None))
        if not len(localizations.frames):
            return
        # A jump near the end of the rows before may show with these only.
        if self._recent_rows is not None:
            localizations = joined_localizations(self._recent_rows, localizations)
        length = chunk_length(basis.drift, basis.count)
        found = register_new(localizations, basis.reference, self._settled, length)
        settled = max(int(np.searchsorted(found.first, first, side="right")) - 1, 0)
        if len(localizations.frames) > _AGAIN:
            settled = len(found.first)
        old, self._recent = found.cut(settled)
        self._settled = self._settled.followed_by(*old[:4])
        self._new.append(old)
        begin = [*found.first, localizations.frames[-1] + 1][settled]
        recent = localizations.take(localizations.frames >= begin)
        self._recent_rows = recent if len(recent.frames) else None
        self._last = int(basis.count.frame(localizations.frames[-1:] + 1)[0]) - 1
        self._drift = self._joined(basis)

    def _joined(self, basis: Basis) -> xr.Dataset:
        """Return the chunks of the estimate, and those of the rows after it."""
        assert self._settled is not None
        assert self._recent is not None
        assert self._last is not None
        before, count, k = basis.drift, basis.count, len(basis.course)
        course = self._settled.followed_by(*self._recent[:4])
        level, _, std = (one[k:] for one in course.smoothed())
        new = NewWindows(*map(np.concatenate, zip(*self._new, self._recent, strict=True)))
        whole = np.floor(new.time).astype(np.int64)
        first = count.frame(new.first)
        valid = np.asarray(np.isfinite(new.variance).all(axis=1))
        jumps = np.cumsum(new.free)
        ends = before["frame_stop"].values.copy()
        ends[-1] = min(ends[-1], first[0])

        def both(name: str, values: npt.ArrayLike) -> npt.NDArray[Any]:
            return np.concatenate([before[name].values, values])

        joined = build(
            offset=both("offset", np.where(valid[:, None], -level, np.nan)),
            offset_std=both("offset_std", np.where(valid[:, None], std, np.nan)),
            components=before["component"].values.tolist(),
            frame=both("frame", count.frame(whole) + (new.time - whole) * count.unit),
            frame_start=both("frame_start", first),
            frame_stop=np.concatenate([ends, first[1:], [self._last + 1]]),
            n_localizations=both("n_localizations", new.counts),
            valid=both("valid", valid),
            quality=both("quality", new.quality),
            center=before["center"].values,
            segment=both("segment", before["segment"].values[-1] + jumps),
            attrs={str(name): value for name, value in before.attrs.items()},
        )
        return timed(joined)
