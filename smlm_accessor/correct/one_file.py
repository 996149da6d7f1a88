"""Remove the drift from the table in a file or folder: read, estimate, correct, judge, write."""

from __future__ import annotations

import inspect
import time
import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr

from smlm_accessor import models
from smlm_accessor.assess import Assessment, assess
from smlm_accessor.correct.outputs import Outputs, outputs_of, write_outputs
from smlm_accessor.correct.request import FileCorrection
from smlm_accessor.correct.table import correct
from smlm_accessor.drift import components_of
from smlm_accessor.drift.curves import spread_frames
from smlm_accessor.drift.times import counted
from smlm_accessor.errors import (
    DriftError,
    InvalidChunkWarning,
    OptionError,
    SmlmWarning,
    TableError,
)
from smlm_accessor.estimation.estimate import estimate_drift
from smlm_accessor.io import read_drift
from smlm_accessor.io.tables import require_writable
from smlm_accessor.methods import registry
from smlm_accessor.models.specs import one_each
from smlm_accessor.report import build_report
from smlm_accessor.table.columns import find_columns
from smlm_accessor.table.localizations import read_localizations

_MOST_TIMES = 100_000  # between the first and the last, at which the range of a drift is looked up


@dataclass(frozen=True)
class Corrected:
    """What was done with a file.

    Parameters
    ----------
    n_localizations : int
    times : str
        The first and the last frame, or time.
    drift_range : dict of str to float
        Largest minus smallest drift that was removed, by component.
    dataset : Dataset
        The drift of the chunks.
    verdict : Assessment or None
        None if there are too few frames to judge by.
    outputs : Outputs
        The files that were asked for.
    is_written : bool
        False if the correction made the table worse; then only the page is.
    seconds : float
    """

    n_localizations: int
    times: str
    drift_range: dict[str, float]
    dataset: xr.Dataset = field(repr=False)
    verdict: Assessment | None
    outputs: Outputs
    is_written: bool
    seconds: float


def correct_file(request: FileCorrection) -> Corrected:
    """Correct the table of a file.

    Raises `SmlmError` if the input or an option cannot be used; then nothing is written.
    """
    started = time.perf_counter()
    outputs = outputs_of(request)
    check_options(request)
    table = request.read()
    if not outputs.is_folder:
        require_writable(table, request.result)
    with request.named():
        dataset = estimated(table, request)
        drift = models.fit(dataset, offset=request.fit) if request.fit else dataset
        fixed = correct(table, drift, by=request.by, outside=request.outside)
    verdict, page = _judged(table, drift, request)
    is_worse = verdict is not None and verdict.verdict == "worse" and not request.force
    is_folder = outputs.is_folder
    if is_worse:
        outputs = outputs.page_only()
    write_outputs(outputs, fixed, dataset, drift, page, request)
    if is_folder:
        n_rows = int(dataset["n_localizations"].sum())
        own = counted(dataset)
        first, last = int(own["frame_start"][0]), int(own["frame_stop"][-1]) - 1
    else:
        frames = read_localizations(table).frames
        n_rows, first, last = len(table), int(frames.min()), int(frames.max())
    columns = find_columns(table)
    if columns.clock.is_time:
        every = spread_frames(first, last + 1, [], most=_MOST_TIMES)
    else:
        every = np.arange(first, last + 1)
    every = models.counts_for(drift, columns, every)
    curve = models.removed_drift(drift, every, by=request.by).values
    size = np.nanmax(curve, axis=0) - np.nanmin(curve, axis=0)
    sizes = dict(zip(components_of(dataset), size.tolist(), strict=True))
    seconds = time.perf_counter() - started
    times = columns.clock.bare(first, last)
    return Corrected(n_rows, times, sizes, dataset, verdict, outputs, not is_worse, seconds)


def check_options(request: FileCorrection) -> None:
    """Check what can be checked before the long work."""
    if request.drift and (given := [*request.estimate, *(["option"] if request.option else [])]):
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise OptionError(f"{flags} is for estimating, but --drift is given; leave out one")
    if request.fit and request.by:
        raise OptionError("--by is for going from chunk to chunk, --fit for a model; leave out one")
    own = inspect.signature(estimate_drift).parameters
    for name in request.option:
        if name in own:
            raise OptionError(f"--option {name}=... is --{name.replace('_', '-')} here")
    method = registry.get(request.method)
    method.check_options(dict(request.option), own)
    for name, value in request.option.items():
        if isinstance(value, str) and "str" not in str(method.arguments[name].annotation):
            raise OptionError(
                f"--option {name}={value} must be {method.arguments[name].annotation}"
            )


def estimated(table: Any, request: FileCorrection) -> xr.Dataset:
    """Return the drift of the chunks, estimated or from a file."""
    if request.drift:
        pixel_size = request.columns.get("pixel_size")
        duration = request.frame_duration
        return read_drift(request.drift, pixel_size=pixel_size, frame_duration=duration)
    if request.fit:
        one_each(request.fit, find_columns(table).components)  # before the long work
    given = {"method": request.method, **request.estimate, **request.option}
    with warnings.catch_warnings(record=True) as noted:
        warnings.simplefilter("always")
        dataset = estimate_drift(table, progress=not request.quiet, **given)
    n_valid, n_chunks = int(dataset["valid"].sum()), dataset.sizes["chunk"]
    if n_valid < 2:  # what was noted of these chunks says no more
        others = [name for name in registry.names() if name != request.method]
        why = [str(one.message) for one in noted if one.category is InvalidChunkWarning]
        reason = why[0].partition("valid=False. ")[2] if n_chunks == 1 and why else ""
        remedy = f"{reason} Or" if reason else "Use larger chunks, or"
        raise DriftError(
            f"{n_valid} of {n_chunks} chunks could be registered, which leaves no drift to correct "
            f"by. {remedy} try --method {' or '.join(others)}"
        )
    for one in noted:
        warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
    return dataset


def _judged(
    table: Any, drift: xr.Dataset | models.DriftModel, request: FileCorrection
) -> tuple[Assessment | None, str | None]:
    """Return what the correction did, and the page on it, if it is wanted.

    What they warn of has been said. Nothing is judged for nobody.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SmlmWarning)
        options: dict[str, Any] = {"by": request.by, "outside": request.outside}
        if request.report:
            title = f"Drift correction of {request.source.name}"
            built = build_report(table, drift, **options, title=title)
            return built.verdict, built.html
        if request.quiet and request.force:
            return None, None
        try:
            return assess(table, drift, **options), None
        except TableError:  # it could be corrected, so it has too few frames
            return None, None
