"""The drift that the kernel is chosen with: coarse drift, jumps, and what is known beforehand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.chance import FALSE_ALARM
from smlm_accessor.kernels.density.pair_kernel import COARSE, FINE, WIDER
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.coarse.throughout import coarse
from smlm_accessor.methods.overlap.between_times import Connection, connection
from smlm_accessor.methods.overlap.density import Density
from smlm_accessor.methods.overlap.events import CorrectedEvents, WeightedLocalizations
from smlm_accessor.methods.overlap.iteration import (
    DriftEstimate,
    NoEvidenceError,
    iterate,
    iterate_evident,
)
from smlm_accessor.methods.overlap.joining import joined
from smlm_accessor.methods.overlap.jumps.excursions import without_excursions
from smlm_accessor.methods.overlap.jumps.lost_runs import with_lost_runs
from smlm_accessor.methods.overlap.jumps.periods import find_slip
from smlm_accessor.methods.overlap.jumps.placing import jump_ranges, place_jumps
from smlm_accessor.methods.overlap.prior.candidates import starts_of
from smlm_accessor.methods.overlap.prior.knots import Prior
from smlm_accessor.methods.overlap.prior.weighing import weighed
from smlm_accessor.timeline import Timeline, Windows

#: Windows at first.
WINDOWS = 2000
_ENOUGH = 1_500_000  # events: the first drift of so many is good enough to choose the kernel
#: Events that tell whether a drift is right.
FEW = 100_000
_MOST_SLIPS = 6  # there and back, three times
_SEARCHES = 3  # for jumps: those that are found uncover others, and move some
_RUNS = 2  # searches for runs of frames that lie on nothing
_JOINS = 2  # of parts: a wrong one is not tried more often


class FirstDrift(NamedTuple):
    """A drift, and what was made with it.

    Parameters
    ----------
    drift : ndarray, shape (n_frames, d)
    estimate : DriftEstimate
        From a part of the events if there are many.
    windows : Windows
        Of the estimate, between the jumps that were found.
    smoothing : float
        Frames over which a trend through all events averages.
    events : CorrectedEvents
    connection : Connection
        Which parts of the movie share molecules.
    chosen : dict
        What the coarse drift chose.
    prior : Prior or None
        What is known beforehand, with the errors that localizations say it has.
    """

    drift: FloatArray
    estimate: DriftEstimate
    windows: Windows
    smoothing: float
    events: CorrectedEvents
    connection: Connection
    chosen: dict[str, Any]
    prior: Prior | None = None

    @property
    def positions(self) -> FloatArray:
        """Positions of the events without the drift, shape (n, d)."""
        return self.events.less(self.drift)


def first_drift(
    localizations: ChunkedLocalizations,
    rows: WeightedLocalizations,
    precision: FloatArray,
    threads: int | None,
) -> FirstDrift:
    """Return a drift that is right but for what a better kernel tells.

    Where a drift is known to start from, it is taken. The frames before and after it are searched,
    together with as many localizations beside them whose drift is known: these tell the constant.
    What is known beforehand with its errors is one more candidate, and counts from then on.

    Raises
    ------
    NoEvidenceError
        If nothing is known, and nothing can be followed.
    """
    prior = Prior.of(localizations.prior, rows.timeline)
    if prior is not None and localizations.n_chunks > 1:
        prior = prior.near_localizations(chunks_of(localizations, rows.timeline))
    if localizations.start is None and prior is not None:
        return _beside(prior, localizations, rows, precision, threads)
    if localizations.start is None:
        found = coarse(localizations, precision, threads=threads)
        if found.valid.sum() < 2:
            raise NoEvidenceError
        drift = found.in_frames(rows.timeline).drift
        first = with_jumps(localizations, rows, drift, rows.timeline, precision, threads)
        for _ in range(_MOST_SLIPS):
            where, frame = first.positions / precision, first.events.frame.astype(np.int64)
            slip = find_slip(where, frame, lasting=first.connection.alike)
            if slip is None:
                break
            drift = first.drift.copy()
            drift[slip.frame :, :2] += slip.shift * precision[:2]
            first = with_jumps(localizations, rows, drift, rows.timeline, precision, threads)
        return first._replace(chosen=found.chosen)
    timeline, drift, chosen = _continued(localizations, rows, precision, threads)
    first = with_jumps(
        localizations, rows, drift, timeline, precision, threads, known=True, prior=prior
    )
    return first._replace(chosen=chosen)


def _beside(
    prior: Prior,
    localizations: ChunkedLocalizations,
    rows: WeightedLocalizations,
    precision: FloatArray,
    threads: int | None,
) -> FirstDrift:
    """Return the first drift from the better start that localizations have evidence of."""
    if localizations.prior is None or not (precision[:2] > 0).all():
        raise NoEvidenceError
    found = coarse(localizations, precision, threads=threads)
    jumps = np.union1d(rows.timeline.jumps, localizations.prior.jumps).astype(np.int64)
    timeline = rows.timeline.with_jumps(jumps)
    starts = starts_of(localizations, found, prior, rows.timeline, precision, threads)
    for drift in starts:
        windows, density = _seen_with(drift, localizations, rows, timeline, precision, threads)
        every = density.one_in(FEW)
        with suppress(NoEvidenceError):
            own = iterate(drift, windows, density, rounds=3, tolerance=0.3, every=every)
            if (own.chance <= FALSE_ALARM).all():
                prior = weighed(prior, own.drift, timeline, density)
    for drift in starts:
        with suppress(NoEvidenceError):
            first = with_jumps(
                *(localizations, rows, drift, timeline, precision, threads), prior=prior
            )
            if (first.estimate.chance <= FALSE_ALARM).all():
                return first._replace(chosen=found.chosen)
    raise NoEvidenceError


def chunks_of(localizations: ChunkedLocalizations, timeline: Timeline) -> Windows:
    """Return the chunks whose drift is told, see `told_chunks`."""
    edges = localizations.frame_edges()[:-1][told_chunks(localizations)]
    return timeline.beginning(timeline.frames[np.searchsorted(timeline.frames, edges)])


def told_chunks(localizations: ChunkedLocalizations) -> IntArray:
    """Return the chunks that have localizations, or of which something is known beforehand."""
    told, prior = localizations.counts > 0, localizations.prior
    if prior is not None:
        frames = prior.frames[(prior.variance < np.inf).all(axis=1)]
        ends = localizations.frames[[0, -1]]
        frames = frames[(frames >= ends[0]) & (frames <= ends[1])]
        inside = np.diff(np.searchsorted(frames, localizations.frame_edges())) > 0
        told = told | inside
    return np.flatnonzero(told)


def with_jumps(
    localizations: ChunkedLocalizations,
    rows: WeightedLocalizations,
    drift: FloatArray,
    timeline: Timeline,
    precision: FloatArray,
    threads: int | None,
    *,
    known: bool = False,
    prior: Prior | None = None,
) -> FirstDrift:
    """Improve a drift with the kernel for one that is known to about one precision.

    One that is known, and that a part of the events does not contradict, stays.
    """
    given = localizations.n_chunks > 1
    searches, joins, runs = (0 if given else _SEARCHES), _JOINS, _RUNS
    while True:
        windows, density = _seen_with(drift, localizations, rows, timeline, precision, threads)
        if known:
            every = density.one_in(FEW)
            estimate = iterate(
                drift, windows, density, rounds=1, tolerance=0, every=every, prior=prior
            )
            known = estimate.agrees_with(drift)
            estimate = replace(estimate, drift=drift)
        if not known:
            every = density.one_in(_ENOUGH)
            options = {"rounds": 3, "tolerance": 0.3, "every": every, "prior": prior}
            drift, density = _gathered(drift, windows, density, **options)
            tried = _from_wide_to_fine(density, drift)
            density, estimate = iterate_evident(drift, windows, tried, **options)
        if searches:
            searches -= 1
            ranges = jump_ranges(estimate, windows, rows.timeline)
            placed, drift = place_jumps(ranges, estimate.drift, density, rows)
            placed, drift = without_excursions(placed, drift, density, rows)
            if not np.array_equal(placed.jumps, timeline.jumps):
                timeline = placed
                continue
        if runs and not (given or known):
            runs -= 1
            moved = with_lost_runs(timeline, estimate.drift, density, rows)
            if moved is not None:
                timeline, drift = moved
                searches, known = 0, False
                continue
        connected = connection(estimate.drift, timeline, density)
        together = joined(connected, estimate.drift, timeline, density) if joins else None
        if together is None:
            break
        drift, joins, known = together, joins - 1, False
        searches = 0 if given else max(searches, 1)
    # With more events it averages over less: of a random walk, over one by the root of how many.
    smoothing = estimate.smoothing_time(windows) / (np.sqrt(every) if known else 1.0)
    return FirstDrift(
        *(estimate.drift, estimate, windows, smoothing, density.events, connected), {}, prior
    )


def _gathered(
    drift: FloatArray, windows: Windows, density: Density, **options: Any
) -> tuple[FloatArray, Density]:
    """Return the drift when no wider kernel promises more information, and its density.

    Where events lie farther off than the kernel of the density reaches, it sees little of them, and
    there is no way back: they are drawn nearer by wider ones first. The options are of `iterate`.
    """
    for kernel in WIDER:
        wide = density.with_kernel(kernel, drift)
        if not wide.information(drift, windows) > density.information(drift, windows):
            break
        with suppress(NoEvidenceError):
            drift = iterate(drift, windows, wide, **options).drift
            density = wide.with_kernel(COARSE, drift)
    return drift, density


def _from_wide_to_fine(density: Density, drift: FloatArray) -> Iterator[Density]:
    """Return the density, and one that sees structures which its kernel is too wide for."""
    yield density
    yield density.with_kernel(FINE[0], drift)


def _seen_with(
    drift: FloatArray,
    localizations: ChunkedLocalizations,
    rows: WeightedLocalizations,
    timeline: Timeline,
    precision: FloatArray,
    threads: int | None,
) -> tuple[Windows, Density]:
    """Return windows of all frames, and the density of events that were found with a drift."""
    if localizations.n_chunks > 1:
        windows = chunks_of(localizations, timeline)
        segment = windows.of_frame
    else:
        windows, segment = timeline.regularly(WINDOWS), timeline.segment
    events = rows.events(drift, precision, segment, threads=threads)
    return windows, Density.of(events, drift, precision, COARSE, threads)


def _continued(
    localizations: ChunkedLocalizations,
    rows: WeightedLocalizations,
    precision: FloatArray,
    threads: int | None,
) -> tuple[Timeline, FloatArray, dict[str, Any]]:
    """Return the drift that is known, and that of the frames before and after it.

    Returns
    -------
    timeline : Timeline
        With the jumps that are known or found.
    drift : ndarray, shape (n_frames, d)
    chosen : dict
        What the coarse drift chose before and after.
    """
    known, frames, timeline = localizations.start, localizations.frames, rows.timeline
    assert known is not None
    drift, jumps = known.at(timeline.frames), [timeline.jumps, known.jumps]
    first, last = np.searchsorted(frames, known.frames[[0, -1]] + np.array([0, 1])).tolist()
    chosen: dict[str, Any] = {}
    for name, part, begin, end in (
        ("before", slice(0, 2 * first), 0, first),
        ("after", slice(max(2 * last - len(frames), 0), len(frames)), last, len(frames)),
    ):
        if begin == end:
            continue
        some = replace(localizations.take(part), start=None, prior=None)
        some = replace(some, bounds=np.array([0, len(some.frames)]))
        at = np.searchsorted(timeline.frames, np.unique(some.frames))
        unknown = np.isnan(drift[at, 0])
        try:
            found = first_drift(some, WeightedLocalizations.of(some, precision), precision, threads)
        except NoEvidenceError:  # it is held
            inside = np.clip(timeline.frames[at], known.frames[0], known.frames[-1])
            drift[at[unknown]] = known.at(inside)[unknown]
            continue
        beside = np.nanmedian(drift[at] - found.drift, axis=0)
        drift[at[unknown]] = (found.drift + beside)[unknown]
        jumps.append(found.windows.timeline.jumps)
        chosen[name] = found.chosen
    every = np.unique(np.concatenate(jumps)).astype(np.int64)
    inside = (every > timeline.frames[0]) & (every <= timeline.frames[-1])
    return timeline.with_jumps(every[inside]), drift, chosen
