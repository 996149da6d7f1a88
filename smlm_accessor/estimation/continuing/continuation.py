"""Rows that come after an estimate, registered onto it, and the drift of both."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from smlm_accessor.drift import build
from smlm_accessor.drift.times import timed
from smlm_accessor.estimation.continuing.basis import Basis, chunk_length
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.overlap.following.registration import (
    NewWindows,
    joined_localizations,
    register_in_runs,
)

# Rows that were added last and are registered once more with the next: of many, the next are few.
_AGAIN = 50_000


class Continuation:
    """The drift of an estimate, and of rows that are added after it.

    Parameters
    ----------
    basis : Basis
    over_jumps : bool
        Whether rows are followed over jumps of the sample.
    """

    def __init__(self, basis: Basis, *, over_jumps: bool = True) -> None:
        self._basis, self._over_jumps = basis, over_jumps
        self._settled, self._last = basis.course, basis.last
        self._new: list[NewWindows] = []
        self._recent: NewWindows | None = None
        self._recent_rows: ChunkedLocalizations | None = None

    @property
    def added(self) -> NewWindows | None:
        """The windows of all rows that were added; None before there are any."""
        if self._recent is None:
            return None
        return NewWindows(*map(np.concatenate, zip(*self._new, self._recent, strict=True)))

    def register(self, rows: pd.DataFrame) -> None:
        """Register rows that came after; those of frames that were there do not count."""
        basis = self._basis
        if not len(rows):
            return
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
        found = register_in_runs(
            *(localizations, basis.reference, self._settled, length), over_jumps=self._over_jumps
        )
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

    def drift(self) -> xr.Dataset:
        """Return the chunks of the estimate, and those of the rows after it."""
        basis, new = self._basis, self.added
        before, count, k = basis.drift, basis.count, len(basis.course)
        if new is None:
            return timed(before)
        course = basis.course.followed_by(*new[:4])
        level, _, std = (one[k:] for one in course.smoothed())
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
