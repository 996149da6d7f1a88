"""From the localizations that were taken of a table to the Dataset of transformations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.backends import HandOver
from smlm_accessor.drift import build as build_transformations
from smlm_accessor.drift import offset_from_about
from smlm_accessor.drift.local import with_local
from smlm_accessor.drift.poses import with_std
from smlm_accessor.drift.segments import segment_numbers
from smlm_accessor.drift.times import FRAME_DURATION, TIME_UNIT, clock_of
from smlm_accessor.errors import OptionError, SmlmWarning
from smlm_accessor.estimation.checking.checked import checked
from smlm_accessor.estimation.chunking import chunked, without_small_chunks
from smlm_accessor.estimation.chunks import chunk_edges
from smlm_accessor.estimation.counting import resolution
from smlm_accessor.estimation.mean_frames import at_mean_frames
from smlm_accessor.estimation.prior import prior_drift
from smlm_accessor.estimation.request import Request
from smlm_accessor.estimation.sampling import Sample, Sampling, Scan
from smlm_accessor.estimation.segments import require_one_movie
from smlm_accessor.estimation.start import known_drift
from smlm_accessor.methods.api import ChunkedLocalizations, Reduced, Registered
from smlm_accessor.table.clock import SECONDS, Clock
from smlm_accessor.table.units import unit_factor
from smlm_accessor.timeline import Timeline

_NAMED = 5  # chunks, and runs of frames, in a warning, at most
_BRIDGED = "Corrections and models bridge such chunks; larger chunks may avoid them."


@dataclass(frozen=True)
class Estimate:
    """The drift, and what to warn of: of chunks, and of the table; empty if nothing.

    The ``note`` is what the user has to know of a result that is valid.
    """

    dataset: xr.Dataset
    warning: str
    of_table: Sequence[SmlmWarning] = ()
    note: str = ""


def register(
    parcel: HandOver[Sample], sampling: Sampling, scan: Scan | None, request: Request
) -> Estimate:
    """Register the chunks of a sample; of a growing one, until drift is precise.

    The ``scan`` of all rows is not needed if all were taken.
    """
    sample = parcel.take()
    if request.expects_one_movie:
        require_one_movie(sample.runs if scan is None else scan.runs, request.counter.clock)
    if sampling.takes_all:
        finite = sample.localizations.finite
        timeline = Timeline.of(sample.localizations.frames[finite], n_rows=len(finite))
    else:
        assert scan is not None
        timeline = scan.timeline
    edges, chosen = cut_into_chunks(timeline, request)
    columns = sample.localizations.columns
    goal = unit_factor("nm", columns.length_unit, columns.pixel_size)
    n_squares, *larger = sampling.sizes()
    drift_at = None
    if sampling.squares is not None and request.begins_coarsely:
        some = chunked(sample.first(n_squares, sampling), edges, request.jumps)
        drift_at = _coarse_drift(checked(some, columns.length_unit)[0], request)
        del some
    while True:
        rows = sample.first(n_squares, sampling, drift_at)
        # The first sample tells how the sample moves, and what crosses the edges of squares.
        crosses = sampling.squares is not None and drift_at is None
        if not larger and not crosses:
            del sample  # the method needs the memory
        localizations, of_table = checked(chunked(rows, edges, request.jumps), columns.length_unit)
        if request.start is not None:
            known = known_drift(request.start, np.unique(localizations.frames), rows)
            localizations = replace(localizations, start=known)
        if request.prior is not None:
            beforehand = prior_drift(request.prior, np.unique(localizations.frames), rows)
            localizations = replace(localizations, prior=beforehand)
        del rows
        registered = run(without_small_chunks(localizations), request)
        std = _typical_std(registered)
        precise = goal is not None and std is not None and std <= request.target_std * goal
        enough = registered.offset_std is None or (precise and registered.valid.all())
        if crosses and registered.matrix is None:
            drift_at = partial(_drift_at, registered, localizations.frame_edges())
        elif enough or not larger:
            break
        if not enough and larger:
            n_squares, *larger = larger
    if not sampling.takes_all:
        record = {
            "max_localizations": request.max_localizations,
            "target_std": request.target_std,
            **sampling.record(len(localizations.frames), n_squares, columns.clock),
        }
        chosen = {**chosen, "sample": record if std is None else {**record, "offset_std": std}}
    length_unit = columns.length_unit
    found = build(registered, localizations, edges, timeline, chosen, length_unit, request)
    coarse = resolution(timeline.frames) if columns.clock.is_time else None
    if coarse is not None:
        of_table.append(SmlmWarning(_of_times(coarse)))
    return replace(found, of_table=of_table)


def _coarse_drift(
    localizations: ChunkedLocalizations, request: Request
) -> Callable[[IntArray], FloatArray]:
    """Return about how a sample moves, as a function of frames."""
    localizations = without_small_chunks(localizations)
    registered = run(localizations, request, coarsely=True)
    return partial(_drift_at, registered, localizations.frame_edges())


def _of_times(step: float) -> str:
    return (
        f"Times are in single precision (float32), which tells them to within {step:.2g} s only, "
        "not much less than they are apart: blinks and drift cannot be told as well. Read them "
        "as float64, or subtract the first time before they are stored."
    )


def _drift_at(registered: Registered, edges: IntArray, frames: IntArray) -> FloatArray:
    """Return the drift at frames, shape (n, d), from the middle of a valid chunk to the next."""
    edges = edges if registered.edges is None else registered.edges
    middle = (edges[:-1] + edges[1:] - 1)[registered.valid] / 2
    drift = -registered.offset[registered.valid]
    if not len(middle):
        return np.zeros((len(frames), drift.shape[1]))
    return np.stack([np.interp(frames, middle, values) for values in drift.T], axis=1)


def cut_into_chunks(timeline: Timeline, request: Request) -> tuple[IntArray, dict[str, Any]]:
    """Return the edges of the chunks of all frames, and the rule that was used."""
    timeline.require_enough(request.counter.clock)
    if request.leaves_chunks_to_method:
        return np.array([timeline.frames[0], timeline.stop]), {}
    clock = request.counter.clock
    edges = chunk_edges(timeline, **request.counted_rule, jumps=request.jumps, clock=clock)
    if len(edges) < 3:
        raise OptionError(
            f"These chunks leave a single one, of {int(timeline.counts.sum())} localizations in "
            f"{len(timeline.frames)} {clock.name}s; ask for smaller chunks, for example n_chunks=10"
        )
    return edges, request.rule or {"n_chunks": len(edges) - 1}


def build(
    registered: Registered,
    localizations: ChunkedLocalizations,
    edges: IntArray,
    counted: Timeline | tuple[IntArray, FloatArray],
    chosen: dict[str, Any],
    length_unit: str | None,
    request: Request,
) -> Estimate:
    """Return the Dataset for coordinates as they are in the table.

    ``counted`` are all frames, or how many localizations each chunk has and their mean frame.
    """
    if registered.edges is not None:
        assert isinstance(counted, Timeline)
        # A sample may lack the first and the last frames.
        edges = registered.edges.copy()
        edges[0] = min(edges[0], counted.frames[0])
        edges[-1] = max(edges[-1], counted.stop)
    segment = segment_numbers(edges[:-1], _jumps(registered, request, edges[0]))
    if isinstance(counted, Timeline):
        chunks = counted.cut(edges)
        counts, mean = chunks.counts, chunks.mean_frame
        registered = at_mean_frames(registered, localizations, chunks, segment)
    else:
        counts, mean = counted
    if registered.edges is None:
        registered = _without_outliers(registered, counts)
    assert localizations.center is not None
    counter = request.counter
    dataset = build_transformations(
        **_about_origin(registered, localizations.center),
        offset_std=registered.offset_std,
        n_localizations=counts,
        valid=registered.valid,
        quality=registered.quality,
        frame=mean,
        frame_start=edges[:-1],
        frame_stop=edges[1:],
        components=localizations.components,
        center=localizations.center,
        segment=segment,
        attrs={
            "method": request.method,
            "target": request.target,
            "length_unit": length_unit,
            TIME_UNIT: SECONDS.unit if counter.clock.is_time else None,
            FRAME_DURATION: counter.frame_duration,
            "parameters": {
                **chosen,
                **request.parameters(),
                **counter.record(registered.chosen),
            },
        },
    )
    dataset = with_std(dataset, registered.pose_std)
    if registered.field is not None:
        assert registered.local is not None
        field = registered.field.moved(localizations.center)
        dataset = with_local(dataset, field, registered.local, registered.local_std)
    return Estimate(dataset, _warning(dataset, registered), note=registered.note)


def _jumps(registered: Registered, request: Request, first: float) -> IntArray:
    """Return the frames with which segments begin, given or found."""
    if request.is_continuous:
        return np.empty(0, dtype=np.int64)
    known = [j for j in (request.jumps, registered.jumps) if j is not None]
    jumps = np.unique(np.concatenate([np.empty(0, dtype=np.int64), *known]))
    return np.asarray(jumps[jumps > first])


def run(
    localizations: ChunkedLocalizations,
    request: Request,
    reduced: Reduced[Any, Any] | None = None,
    *,
    coarsely: bool = False,
) -> Registered:
    """Let the method register the chunks."""
    given = {"target": request.target, "progress": request.progress, **request.options}
    return request.entry.run(localizations, reduced, coarsely=coarsely, **given)


def _typical_std(registered: Registered) -> float | None:
    """Return the median standard deviation of the offsets, None if the method gives none."""
    if registered.offset_std is None or not np.isfinite(registered.offset_std).any():
        return None
    return float(np.nanmedian(registered.offset_std))


def _about_origin(registered: Registered, center: FloatArray) -> dict[str, FloatArray]:
    """Return matrix and offset for coordinates as they are in the table."""
    k, d = registered.offset.shape
    matrix = registered.matrix
    if matrix is None:
        matrix = np.broadcast_to(np.eye(d), (k, d, d))
    offset = offset_from_about(matrix, registered.offset, center)
    return {"matrix": matrix, "offset": offset}


def _without_outliers(registered: Registered, counts: IntArray) -> Registered:
    """Call a chunk invalid that lies far off its neighbours: it was matched wrongly."""
    from smlm_accessor.kernels.time_series.outliers import isolated

    alone = isolated(registered.offset, counts)
    if not alone.any():
        return registered
    offset = np.where(alone[:, None], np.nan, registered.offset)
    std = registered.offset_std
    return replace(
        registered,
        offset=offset,
        offset_std=None if std is None else np.where(alone[:, None], np.nan, std),
        valid=registered.valid & ~alone,
    )


def _reason(registered: Registered, clock: Clock) -> str:
    """Return why chunks are not valid, with the runs of frames, or times, that are named."""
    runs = registered.runs
    if runs is None:
        return registered.reason or _BRIDGED
    named = ", ".join(clock.bare(*run) for run in runs[:_NAMED].tolist())
    more = f" and {len(runs) - _NAMED} more" if len(runs) > _NAMED else ""
    return registered.reason.format(f"{'the frames ' * (not clock.is_time)}{named}{more}")


def _warning(dataset: xr.Dataset, registered: Registered) -> str:
    invalid = np.flatnonzero(~dataset["valid"].values)
    if not len(invalid):
        return ""
    start, stop = dataset["frame_start"].values[invalid], dataset["frame_stop"].values[invalid]
    n = dataset["n_localizations"].values[invalid]
    clock = clock_of(dataset)
    named = [
        f"chunk {k} ({clock.span(a, b)}, {m} localizations)"
        for k, a, b, m in zip(invalid, start, stop, n, strict=True)
    ]
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    return (
        f"Could not register {', '.join(named[:_NAMED])}{more}: NaN there, and valid=False. "
        f"{_reason(registered, clock)}"
    )
