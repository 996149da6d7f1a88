"""Estimate drift: table in, Dataset of transformations out."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy.typing as npt
import pandas as pd
import xarray as xr

from smlm_accessor._typing import IntArray
from smlm_accessor.backends import HandOver, Source, Step, is_partitioned, source_of
from smlm_accessor.drift.composition import with_origin
from smlm_accessor.drift.segments import jump_frames
from smlm_accessor.errors import InvalidChunkWarning, SmlmWarning, UncertaintyWarning
from smlm_accessor.estimation.continuing.appended import appended
from smlm_accessor.estimation.counting import Counter
from smlm_accessor.estimation.missing_z import has_all_z, with_missing_z
from smlm_accessor.estimation.one_pass import estimate_in_one_pass
from smlm_accessor.estimation.reduction import estimate_by_reduction
from smlm_accessor.estimation.request import MOST, MOST_OF_DASK, TARGET_STD, Request
from smlm_accessor.estimation.runner import Estimate, register
from smlm_accessor.estimation.sampling import (
    Sampling,
    Scan,
    sample_field,
    sample_time,
    sampled,
    scanned,
)
from smlm_accessor.estimation.segments import given_jumps
from smlm_accessor.models import Drift
from smlm_accessor.table.columns import find_columns


def estimate_drift(
    table: pd.DataFrame,
    *,
    method: str = "overlap",
    chunk_size: int | None = None,
    n_chunks: int | None = None,
    frames_per_chunk: int | None = None,
    chunk_duration: float | None = None,
    chunks: npt.ArrayLike | None = None,
    target: str | None = None,
    origin: str = "first_chunk",
    max_localizations: int | None = None,
    target_std: float = TARGET_STD,
    segments: str | Sequence[float] | None = "auto",
    start: Drift | None = None,
    prior: Drift | None = None,
    progress: bool = False,
    **options: Any,
) -> xr.Dataset:
    """Register the chunks of a table onto each other.

    The parameters are those of ``table.smlm.drift``; the table may be a dask DataFrame.
    """
    if max_localizations is None:
        max_localizations = MOST_OF_DASK if is_partitioned(table) else MOST
    counter = Counter.of(find_columns(table))
    request = Request.checked(
        method,
        target,
        origin=origin,
        rule={
            "chunk_size": chunk_size,
            "n_chunks": n_chunks,
            "frames_per_chunk": frames_per_chunk,
            "chunk_duration": chunk_duration,
            "chunks": chunks,
        },
        options=options,
        max_localizations=max_localizations,
        target_std=target_std,
        progress=progress,
        counter=counter,
        segments=segments,
        start=start,
        prior=prior,
    )
    if start is not None:
        found = appended(table, request, segments)
        if found is not None:
            return found
    return with_missing_z(table, lambda part: _estimate_drift(part, request, segments))


def _estimate_drift(
    table: pd.DataFrame, request: Request, segments: str | Sequence[float] | None
) -> xr.Dataset:
    """Return the drift of a table; raise `NotPassedError` where rows of a table of dask lack z."""
    has_z = find_columns(table).z is not None
    source = source_of(table, passes=has_all_z if has_z else None)
    jumps = given_jumps(source, segments, progress=request.progress)
    if segments == "find" and not request.leaves_chunks_to_method:
        jumps = _found_by_aim(table, request)
    estimate = _estimate(source, replace(request, jumps=jumps))
    for warning in estimate.of_table:
        warnings.warn(warning, stacklevel=6)
    if estimate.warning:
        warnings.warn(estimate.warning, InvalidChunkWarning, stacklevel=6)
    if estimate.note:
        warnings.warn(estimate.note, SmlmWarning, stacklevel=6)
    return with_origin(estimate.dataset, request.origin)


def _found_by_aim(table: pd.DataFrame, request: Request) -> IntArray:
    """Return the jumps that a method finds which is fast, and chooses its chunks."""
    aim = Request.checked(
        "aim",
        None,
        origin=request.origin,
        rule={},
        options={},
        max_localizations=request.max_localizations,
        target_std=TARGET_STD,
        progress=request.progress,
        counter=request.counter,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InvalidChunkWarning)
        warnings.simplefilter("ignore", UncertaintyWarning)
        return jump_frames(_estimate_drift(table, aim, "auto"))


def _estimate(source: Source, request: Request) -> Estimate:
    """Go over the rows once, or twice where what is sampled cannot be foreseen."""
    most, n_rows = request.max_localizations, source.n_rows
    quiet = replace(request, progress=request.progress and not source.shows_progress)
    scan: Scan | None = None
    sampling: Step[Sampling] | Sampling = Sampling()  # everything
    samples_field = request.entry.reduction is None and request.entry.samples == "field"
    if samples_field and (n_rows is None or n_rows > most):
        step = estimate_in_one_pass(source, quiet)
        if step is not None:
            seen = source.result(step, progress=request.progress)
            if isinstance(seen, Estimate):
                return seen
            scan = seen
    if n_rows is None:  # how many there are decides what is done
        scan = scan or source.result(scanned(source), progress=request.progress)
        n_rows = int(scan.timeline.counts.sum())
    if n_rows > most and request.entry.reduction is not None:
        estimate = estimate_by_reduction(source, quiet, scan)
    else:
        found: Step[Scan] | Scan | None = scan
        if n_rows > most or scan is not None:
            found = scanned(source) if scan is None else scan
            choose = {"time": sample_time, "field": sample_field}[request.entry.samples]
            sampling = source.call(choose, found, most)
        sample = HandOver(sampled(source, sampling))
        estimate = source.call(register, sample, sampling, found, quiet)
    return source.result(estimate, progress=request.progress)
