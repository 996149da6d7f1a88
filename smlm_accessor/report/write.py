"""A page on a correction: table and drift in, one HTML file out."""

from __future__ import annotations

import warnings
from datetime import datetime
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from smlm_accessor.assess import MOST_OF_DASK, Assessment, assess
from smlm_accessor.assess.field_map import field_map
from smlm_accessor.backends import example, is_partitioned
from smlm_accessor.drift import build, components_of
from smlm_accessor.drift.between_chunks import BY, OUTSIDE
from smlm_accessor.drift.times import FRAME_DURATION, TIME_UNIT
from smlm_accessor.errors import DriftError, OptionError, SmlmWarning, TableError
from smlm_accessor.estimation.missing_z import as_judged
from smlm_accessor.estimation.sampling import sample_in_memory
from smlm_accessor.io.staging import require_free, staged
from smlm_accessor.models import Drift, require_drift_or_model
from smlm_accessor.options import require_choice
from smlm_accessor.report.page import PageFacts, page
from smlm_accessor.report.views import corrected_sample, extent_of, make_pairs
from smlm_accessor.table import history
from smlm_accessor.table.columns import find_columns

_TITLE = "Drift correction"


class Built(NamedTuple):
    """A page, the verdict it shows, and what was warned of on the way."""

    html: str
    verdict: Assessment | None
    warnings: list[Warning]


def write_report(
    table: pd.DataFrame,
    drift: Drift,
    path: str | PathLike[str],
    *,
    by: str | None = None,
    outside: str | None = None,
    title: str | None = None,
    overwrite: bool = False,
    progress: bool = False,
) -> Assessment | None:
    """Write a page on the correction of a table by a drift; see ``drift.smlm.report``."""
    file = Path(path)
    require_free([file], overwrite=overwrite)
    built = build_report(table, drift, by=by, outside=outside, title=title, progress=progress)
    for warning in built.warnings:
        warnings.warn(warning, stacklevel=3)
    with staged(file) as (part,):
        part.write_text(built.html, encoding="utf-8")
    return built.verdict


def build_report(
    table: Any,
    drift: Drift,
    *,
    by: str | None = None,
    outside: str | None = None,
    title: str | None = None,
    progress: bool = False,
) -> Built:
    """Return the page; see `write_report`."""
    source = require_drift_or_model(drift, 'drift.smlm.report(table, "report.html")', by=by)
    if by is not None:
        require_choice("by", by, BY)
    if outside is not None:
        require_choice("outside", outside, OUTSIDE)
    if title is not None and not isinstance(title, str):
        raise OptionError(f"title={title!r} must be a text")
    table = as_judged(table, source)
    extent = extent_of(table, progress=progress)
    part = (
        sample_in_memory(table, MOST_OF_DASK, progress=progress) if is_partitioned(table) else table
    )
    notes: list[str] = []
    found: Assessment | None = None
    is_usable = bool(source["valid"].any())
    corrected_by = drift if is_usable else _nothing(source)
    with warnings.catch_warnings(record=True) as noted:
        warnings.simplefilter("always", SmlmWarning)
        sample = corrected_sample(part, corrected_by, by, outside)
        # What was warned of once is meant from here on.
        outside_known = outside or "hold"
        try:
            found = assess(part, drift, by=by, outside=outside_known, progress=progress)
        except TableError as error:  # too few frames; that the table can be read is known by now
            notes.append(str(error))
        field = None
        if is_usable and found:
            try:
                field = field_map(part, drift, by=by, outside=outside_known)
            except DriftError as error:
                notes.append(f"There is no map of the field. {error}")
    told = {str(warning.message): warning.message for warning in noted}
    warned = [warning for warning in told.values() if isinstance(warning, Warning)]
    notes += [str(warning) for warning in warned if isinstance(warning, SmlmWarning)]
    if not is_usable:
        notes.append("No chunk of this drift is valid: nothing is corrected.")

    precision = found.precision if found and np.isfinite(found.precision) else None
    pairs = make_pairs(
        table,
        corrected_by,
        extent,
        sample,
        precision,
        whole=not is_partitioned(table),
        by=by if is_usable else None,
        outside=outside_known,
        progress=progress,
    )
    facts = PageFacts(
        title=title or _TITLE,
        when=datetime.now().astimezone(),
        extent=extent,
        precision=precision,
        unit=find_columns(example(table)).length_unit,
        clock=find_columns(example(table)).clock,
        steps=history.steps(example(table).attrs),
        notes=notes,
    )
    html = page(facts, drift, found, pairs, by=by, outside=outside, field=field)
    return Built(html, found, warned)


def _nothing(source: xr.Dataset) -> xr.Dataset:
    """Return a drift that moves nothing, over the same frames."""
    axes = components_of(source)
    start, stop = int(source["frame_start"][0]), int(source["frame_stop"][-1])
    return build(
        offset=np.zeros((1, len(axes))),
        components=axes,
        frame=[(start + stop - 1) / 2],
        frame_start=[start],
        frame_stop=[stop],
        attrs={name: source.attrs.get(name) for name in ("length_unit", TIME_UNIT, FRAME_DURATION)},
    )
