"""Which frames share structures with the rest once a drift, from wherever, is taken off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple, TypeVar

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels import by_column
from smlm_accessor.kernels.density.pair_kernel import COARSE
from smlm_accessor.kernels.field.strip import in_strip
from smlm_accessor.methods.api import ChunkedLocalizations, Registered
from smlm_accessor.methods.overlap.between_times import Connection, connection
from smlm_accessor.methods.overlap.density import Density
from smlm_accessor.methods.overlap.events import WeightedLocalizations
from smlm_accessor.methods.overlap.joining import joined
from smlm_accessor.methods.overlap.jumps.placing import JumpRange, place_jumps
from smlm_accessor.methods.precision import telling_axes
from smlm_accessor.timeline import Timeline

_MOST = 100_000  # localizations: enough to see whether parts of a table share molecules
_JOINS = 4  # times that parts are laid on the largest: of slices, one after the other

T = TypeVar("T")

_EDGE = 250  # of the frames, so many windows tell where parts end


class Joined(NamedTuple):
    """How much more the sample has moved in each frame for parts to lie together.

    ``shift`` has the shape (n_frames, d); ``jumps`` are the first frames after those known so far.
    """

    shift: FloatArray
    jumps: IntArray


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
    rows : WeightedLocalizations, optional
        Along the axes, with drift.
    """

    known: Connection
    timeline: Timeline
    drift: FloatArray
    axes: IntArray
    density: Density | None = None
    rows: WeightedLocalizations | None = None

    @classmethod
    def of(
        cls,
        localizations: ChunkedLocalizations,
        drift: FloatArray,
        precision: FloatArray,
        *,
        steps_end_parts: bool = False,
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
        steps_end_parts : bool, default False
            Whether a far step of the drift ends a part, if others do not know both sides.
        """
        axes = telling_axes(localizations.positions, precision)
        use = by_column.all_finite(drift)
        if use.sum() > _MOST:
            x = localizations.positions[:, 0] - drift[:, 0]
            use = in_strip(np.where(use, x, np.nan), _MOST)
        chosen = slice(None) if use.all() else use  # all of them without a copy
        seen, drift = localizations.take(chosen), drift[chosen]
        timeline = Timeline.of(seen.frames, seen.jumps)
        columns = [np.bincount(timeline.of_rows, x) / timeline.counts for x in drift.T]
        moved = np.stack(columns, axis=1)
        if use.sum() < 2 or len(axes) < 2 or axes[1] > 1:
            everywhere = Connection(np.zeros(len(timeline.frames), dtype=np.int64))
            return cls(everywhere, timeline, moved, axes)
        of_axes = seen.positions if len(axes) == drift.shape[1] else seen.positions[:, axes]
        corrected = replace(seen.along(axes), positions=of_axes - drift[:, axes])
        del drift  # nothing that is as long as the table is held for nothing
        rows = WeightedLocalizations.of(corrected, precision[axes])
        still = np.zeros((len(timeline.frames), len(axes)))
        events = replace(
            rows.events(still, precision[axes], timeline.segment), start=moved[:, axes]
        )
        rows = replace(rows, positions=of_axes, timeline=timeline)
        del corrected
        density = Density.of(events, moved[:, axes], precision[axes], COARSE, None)
        known = connection(moved[:, axes], timeline, density, steps_end_parts=steps_end_parts)
        return cls(known, timeline, moved, axes, density, rows)

    @property
    def largest(self) -> int:
        """Number of localizations in the largest part."""
        return int(self.timeline.counts[self.known.part == 0].sum())

    def joined(self, frames: IntArray) -> Joined | None:
        """Lay parts on the largest; None if no part seems to lie anywhere on it, see `joined`."""
        if self.density is None or self.rows is None or not self.known.part.any():
            return None
        drift = self.drift[:, self.axes]
        moved = joined(self.known, drift, self.timeline, self.density)
        if moved is None:
            return None
        timeline, moved = place_jumps(
            list(self._ranges(moved)),
            *(moved, self._density_at(moved), self.rows),
        )
        shift = np.zeros_like(self.drift)
        shift[:, self.axes] = moved - drift
        at = np.searchsorted(self.timeline.frames, frames, side="right") - 1
        return Joined(shift[np.maximum(at, 0)], timeline.jumps)

    def _density_at(self, drift: FloatArray) -> Density:
        """Return the density of events less another drift."""
        assert self.density is not None
        density = self.density
        return Density.of(density.events, drift, density.precision, density.kernel, None)

    def _ranges(self, moved: FloatArray) -> Iterator[JumpRange]:
        """Yield the frames in which one part ends and the next begins, if no jump is known there.

        What is between parts was corrected by a drift between theirs, as is a little before and
        after it.
        """
        n, known = len(moved), np.searchsorted(self.timeline.frames, self.timeline.jumps)
        margin = max(n // _EDGE, 1)
        part = self.known.part
        for last, first in pairwise(np.flatnonzero(part >= 0).tolist()):
            start, stop = max(last - margin, 0), min(first + margin + 1, n)
            if part[last] == part[first] or ((known > last) & (known <= first)).any():
                continue
            before = np.broadcast_to(moved[start], (stop - start, moved.shape[1]))
            after = np.broadcast_to(moved[stop - 1], before.shape)
            yield JumpRange(start, stop, before, after)

    @property
    def ends(self) -> IntArray:
        """First frame of each run of frames of one part, or between parts."""
        return np.asarray(self.timeline.frames[1:][np.diff(self.known.part) != 0])

    def without_density(self) -> Parts:
        """Return the same without what tells how parts lie to each other: events take memory."""
        return replace(self, density=None, rows=None)

    def without_others(self, found: Registered, localizations: ChunkedLocalizations) -> Registered:
        """Return what was found with only those chunks valid that the largest part is in.

        A chunk with frames of another part, or between parts, is not: where these end is known to
        a few frames only, but at a jump. A warning names the frames.
        """
        edges = localizations.frame_edges() if found.edges is None else found.edges
        chunks = self.timeline.cut(edges)
        other = np.where(self.known.part < 0, self._sides_of_jumps(), self.known.part) != 0
        apart = chunks.mean(other.astype(np.float64)) > 0
        if not (apart.any() and found.valid.any()):
            return found
        valid, std = found.valid & ~apart, found.offset_std
        return replace(
            found,
            offset=np.where(valid[:, None], found.offset, np.nan),
            offset_std=None if std is None else np.where(valid[:, None], std, np.nan),
            valid=valid,
            **self.known.reason(self.timeline),
        )

    def _sides_of_jumps(self) -> IntArray:
        """Return the parts with what is between two of them dealt out if there is a jump in it."""
        part, sides = self.known.part, self.known.sides(self.timeline)
        between = np.flatnonzero(np.diff((part < 0).astype(np.int8), prepend=0, append=0))
        known = np.searchsorted(self.timeline.frames, self.timeline.jumps)
        for first, stop in between.reshape(-1, 2):
            if not ((known >= first) & (known <= stop)).any():
                sides[first:stop] = -1
        return sides


def with_parts_joined(
    align: Callable[[T | None, Joined | None], tuple[T, Parts]], frames: IntArray
) -> tuple[T, Parts]:
    """Align, lay parts on the largest one and align again, for as long as the largest grows.

    Parameters
    ----------
    align : callable
        Takes what it has returned, and how parts of that are joined, both None at first; returns
        what is aligned, and its parts.
    frames : ndarray
    """
    found, parts = align(None, None)
    for _ in range(_JOINS):
        moved = parts.joined(frames)
        if moved is None:
            break
        again, others = align(found, moved)
        if others.largest <= parts.largest:
            break
        found, parts = again, others
    return found, parts
