"""The drift of a table that grows at its end."""

from __future__ import annotations

import warnings
from contextlib import nullcontext, suppress
from threading import Thread
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from smlm_accessor.drift.times import clock_of, counted
from smlm_accessor.errors import OptionError, SmlmError, SmlmWarning
from smlm_accessor.estimation.continuing.basis import Basis
from smlm_accessor.estimation.continuing.continuation import Continuation
from smlm_accessor.estimation.estimate import estimate_drift
from smlm_accessor.options import number
from smlm_accessor.table.columns import find_columns, selection

_FEWEST = 500  # rows, with which a first estimate is tried
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
        self._basis: Basis | None = None
        self._continuation: Continuation | None = None
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
        if not taken:
            self._register(kept)
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
        self._continuation = None
        if self._basis is not None:
            self._continuation = Continuation(self._basis)
            self._register(self.table.iloc[self._n_estimated :])
        return True

    def _register(self, rows: pd.DataFrame) -> None:
        """Register rows that came after onto those of the basis."""
        if self._continuation is not None:
            self._continuation.register(rows)
            if self._continuation.added is not None:
                self._drift = self._continuation.drift()
