"""A drift of the first rows of a table, continued through the rows that were added since."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from smlm_accessor.backends import is_partitioned
from smlm_accessor.drift.composition import with_origin
from smlm_accessor.drift.times import clock_of, counted
from smlm_accessor.estimation.continuing.basis import Basis
from smlm_accessor.estimation.continuing.continuation import Continuation
from smlm_accessor.estimation.request import Request
from smlm_accessor.table.attributes import parameters, to_json
from smlm_accessor.table.localizations import read_localizations

# Rows that are added, over those of the estimate: with more, the map of all others changes.
_MOST = 0.5
_ESTIMATED = "n_estimated"  # rows of the estimate, in the parameters of a drift that is continued


def appended(table: pd.DataFrame, request: Request, segments: object) -> xr.Dataset | None:
    """Return the drift of a table from that of its first rows, None unless it is clear.

    It is if the start is an estimate, all valid, by overlap of just these rows with the same
    options, whose positions it still fits; if less than half as many came after; and if these lie
    on the structures all the time, without a jump.
    """
    start = request.start
    plain = request.method == "overlap" and request.leaves_chunks_to_method and segments == "auto"
    if not plain or not isinstance(start, xr.Dataset) or set(request.options) - {"threads"}:
        return None
    large = is_partitioned(table) or len(table) > request.max_localizations
    chosen = parameters(start)
    known = "kernel_spread" in chosen and chosen.get("transformation") == "shift"
    if large or request.prior is not None or not known or not start["valid"].values.all():
        return None
    rows = read_localizations(table)
    drift = counted(start)
    same_unit = start.attrs.get("length_unit") == rows.length_unit
    if not same_unit or clock_of(drift) != rows.clock or not rows.finite.all():
        return None
    stop = int(drift["frame_stop"].values[-1])
    before = rows.frames < stop
    edges = np.append(drift["frame_start"].values, stop)
    counts = np.histogram(rows.frames[before], edges)[0]
    if not np.array_equal(counts, drift["n_localizations"].values):
        return None
    n_before = int(before.sum())
    n_estimated = int(chosen.get(_ESTIMATED, n_before))
    if n_before == len(table) or len(table) - n_estimated > _MOST * n_estimated:
        return None
    basis = Basis.of(table[before], start)
    if basis is None or not basis.reference.is_right():
        return None
    continuation = Continuation(basis, over_jumps=False)
    continuation.register(table[~before])
    added = continuation.added
    if added is None or not np.isfinite(added.variance).all():
        return None
    found = continuation.drift()
    found.attrs["parameters"] = to_json({**chosen, **request.parameters(), _ESTIMATED: n_estimated})
    return with_origin(found, request.origin)
