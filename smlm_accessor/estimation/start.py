"""A drift to start from: of a log, of an earlier estimate, of the rows there were before."""

from __future__ import annotations

import numpy as np
import xarray as xr

from smlm_accessor._typing import IntArray
from smlm_accessor.drift.local import require_not_local
from smlm_accessor.drift.segments import jump_frames
from smlm_accessor.drift.spec import is_shift_only
from smlm_accessor.drift.times import clock_of
from smlm_accessor.errors import OptionError
from smlm_accessor.methods import registry
from smlm_accessor.methods.api import Method
from smlm_accessor.methods.chunked import KnownDrift
from smlm_accessor.models import (
    Drift,
    DriftModel,
    at_frames,
    counts_for,
    edges_for,
    for_table,
    require_drift_or_model,
    transformations_of,
)
from smlm_accessor.table.localizations import Localizations


def check_start(start: Drift | None, method: Method) -> None:
    """Raise an error unless a method can start from this drift.

    Raises
    ------
    DriftError
        If it is no drift.
    OptionError
        If it turns or stretches, or if the method cannot start from any.
    """
    if start is not None:
        require_shift("start", start, method, "takes_start", "cannot start from a drift")


def require_shift(name: str, drift: Drift, method: Method, takes: str, cannot: str) -> xr.Dataset:
    """Return the transformations of a drift that only shifts, if the method takes it.

    Raises as `check_start`. ``takes`` is the property of methods that do, ``cannot`` says that the
    others do not.
    """
    found = require_drift_or_model(drift, f"table.smlm.drift({name}=drift)")
    if not getattr(method, takes):
        able = [known for known in registry.names() if getattr(registry.get(known), takes)]
        raise OptionError(
            f"method={method.name!r} {cannot}; use method={' or '.join(able)!r}, or leave out "
            f"{name}"
        )
    require_not_local(found, f"it is no {name}")
    turns = drift.matrix_model is not None if isinstance(drift, DriftModel) else False
    if turns or not (isinstance(drift, DriftModel) or is_shift_only(found)):
        raise OptionError(
            f"{name} turns or stretches, but has to be a drift that only shifts; estimate it "
            "without with_rotation and with_scaling"
        )
    return found


def known_drift(start: Drift, frames: IntArray, table: Localizations) -> KnownDrift:
    """Return what a drift says of some frames of a table, in its components and unit.

    Parameters
    ----------
    start : Dataset or DriftModel
    frames : ndarray
        Increasing, each once.
    table : Localizations

    Raises
    ------
    OptionError
        If it says nothing of any of the frames.
    DriftError
        If the units do not convert.
    """
    counts = counts_for(start, table.columns, frames)
    offset = for_table(at_frames(start, counts, outside="nan"), start, table).offset
    known = np.isfinite(offset).all(axis=1)
    if not known.any():
        raise outside("start", start, frames, table)
    jumps = edges_for(start, table.columns, jump_frames(transformations_of(start)))
    return KnownDrift(frames[known], 0.0 - offset[known], jumps)


def outside(name: str, drift: Drift, frames: IntArray, table: Localizations) -> OptionError:
    """Return the error that a drift says nothing of any frame of a table."""
    source = transformations_of(drift)
    first, stop = int(source["frame_start"][0]), int(source["frame_stop"][-1])
    knows, has = clock_of(source).span(first, stop), table.clock.span(frames[0], frames[-1] + 1)
    return OptionError(
        f"{name} knows {knows.replace('frames', 'the frames')}, but the table has {has}; give "
        f"a drift of the same movie, or leave out {name}"
    )
