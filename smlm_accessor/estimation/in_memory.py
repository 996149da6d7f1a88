"""A part of a table of dask, in memory."""

from __future__ import annotations

from typing import Any

import pandas as pd

from smlm_accessor.backends import source_of
from smlm_accessor.estimation.sampling import Sample, join_samples, sample_field, take_sample
from smlm_accessor.estimation.scan import scan, scan_of_all
from smlm_accessor.table.columns import find_columns, selection, set_columns


def sample_in_memory(table: Any, most: int, *, progress: bool = False) -> pd.DataFrame:
    """Return all localizations in some squares of the field, always the same.

    Parameters
    ----------
    table : dask DataFrame
    most : int
        Localizations; of a table that has no more, all of them.
    progress : bool
        Show a progress bar.

    Returns
    -------
    DataFrame
        With columns frame, x, y and if they are there z and uncertainties, all in the length unit
        of the table.
    """
    columns, source = find_columns(table), source_of(table)
    only = selection(columns, source.example)
    sampling = source.call(sample_field, source.reduce(scan, scan_of_all, only=only), most)
    parts = source.reduce(take_sample, join_samples, sampling, only=only)
    sample: Sample = source.result(parts, progress=progress)
    locs = sample.localizations
    values = {"frame": locs.frames, **dict(zip(locs.components, locs.positions.T, strict=True))}
    named: dict[str, Any] = {name: name for name in values}
    if locs.uncertainty is not None:
        for component, precision in zip(locs.components, locs.uncertainty.T, strict=True):
            name = f"uncertainty_{component}"
            values[name], named[name] = precision, name
    return set_columns(pd.DataFrame(values), **named, unit=locs.length_unit)
