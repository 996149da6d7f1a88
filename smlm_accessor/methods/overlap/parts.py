"""Which frames share structures with the rest once a drift, from wherever, is taken off."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.methods.api import ChunkedLocalizations, Registered
from smlm_accessor.methods.overlap.between_times import Connection, connection, joined
from smlm_accessor.methods.overlap.density import COARSE, Density
from smlm_accessor.methods.overlap.events import WeightedLocalizations
from smlm_accessor.timeline import Timeline

_MOST = 100_000  # localizations: enough to see whether parts of a table share molecules
#: Times that parts are laid on the largest: of slices, one after the other.
JOINS = 4


@dataclass(frozen=True)
class Parts:
    """Parts of a table that do not know of each other.

    Parameters
    ----------
    known : Connection
    timeline : Timeline
        Frames of the localizations whose drift is known.
    drift : ndarray, shape (n_frames, d)
        Mean of the localizations of each frame.
    axes : ndarray of int
        Along which there is something to tell.
    density : Density, optional
        Along the axes; None where there is nothing to tell.
    """

    known: Connection
    timeline: Timeline
    drift: FloatArray
    axes: IntArray
    density: Density | None

    @classmethod
    def of(
        cls, localizations: ChunkedLocalizations, drift: FloatArray, precision: FloatArray
    ) -> Parts:
        """Tell which frames know of each other, see `connection`.

        Parameters
        ----------
        localizations : ChunkedLocalizations
            In the order of frames; their jumps are known.
        drift : ndarray, shape (n, d)
            Of each localization; those of which it is NaN do not count.
        precision : ndarray, shape (d,)
            NaN or 0 along axes that tell nothing.
        """
        told = np.isfinite(precision) & (precision > 0)
        axes = np.flatnonzero(told & (np.ptp(localizations.positions, axis=0) > 0))
        use = np.asarray(np.isfinite(drift).all(axis=1))
        if use.sum() > _MOST:  # a strip of the field, with all events of the molecules in it
            x = localizations.positions[:, 0] - drift[:, 0]
            half = 50 * _MOST / use.sum()
            low, high = np.percentile(x[use], [50 - half, 50 + half])
            use &= (x >= low) & (x <= high)
        seen, drift = localizations.take(use), drift[use]
        timeline = Timeline.of(seen.frames, seen.jumps)
        columns = [np.bincount(timeline.of_rows, x) / timeline.counts for x in drift.T]
        moved = np.stack(columns, axis=1)
        if use.sum() < 2 or len(axes) < 2 or axes[1] > 1:
            everywhere = Connection(np.zeros(len(timeline.frames), dtype=np.int64))
            return cls(everywhere, timeline, moved, axes, None)
        corrected = replace(seen.along(axes), positions=seen.positions[:, axes] - drift[:, axes])
        rows = WeightedLocalizations.of(corrected, precision[axes])
        still = np.zeros((len(timeline.frames), len(axes)))
        events = replace(
            rows.events(still, precision[axes], timeline.segment), start=moved[:, axes]
        )
        density = Density.of(events, moved[:, axes], precision[axes], COARSE, None)
        return cls(connection(moved[:, axes], timeline, density), timeline, moved, axes, density)

    @property
    def largest(self) -> int:
        """Number of localizations in the largest part."""
        return int(self.timeline.counts[self.known.part == 0].sum())

    def shift(self, frames: IntArray) -> FloatArray | None:
        """Return how much more the sample has moved in each frame for parts to lie together.

        None if no part seems to lie anywhere on the largest, see `joined`. Shape (n_frames, d).
        """
        if self.density is None or not self.known.part.any():
            return None
        drift = self.drift[:, self.axes]
        moved = joined(self.known, drift, self.timeline, self.density)
        if moved is None:
            return None
        shift = np.zeros_like(self.drift)
        shift[:, self.axes] = moved - drift
        at = np.searchsorted(self.timeline.frames, frames, side="right") - 1
        return np.asarray(shift[np.maximum(at, 0)])

    def without_others(self, found: Registered, localizations: ChunkedLocalizations) -> Registered:
        """Return what was found with only those chunks valid that the largest part is in.

        A warning names the frames of the others.
        """
        edges = localizations.frame_edges() if found.edges is None else found.edges
        chunks = self.timeline.cut(edges)
        apart = chunks.mean((self.known.part != 0).astype(np.float64)) >= 0.5
        if not (apart & found.valid).any():
            return found
        valid, std = found.valid & ~apart, found.offset_std
        return replace(
            found,
            offset=np.where(valid[:, None], found.offset, np.nan),
            offset_std=None if std is None else np.where(valid[:, None], std, np.nan),
            valid=valid,
            reason=self.known.reason(self.timeline),
        )
