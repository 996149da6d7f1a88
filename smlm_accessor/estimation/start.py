"""A drift to start from: of a log, of an earlier estimate, of the rows there were before."""

from __future__ import annotations

import numpy as np

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

_USAGE = "table.smlm.drift(start=drift)"


def check_start(start: Drift | None, method: Method) -> None:
    """Raise an error unless a method can start from this drift.

    Raises
    ------
    DriftError
        If it is no drift.
    OptionError
        If it turns or stretches, or if the method cannot start from any.
    """
    if start is None:
        return
    found = require_drift_or_model(start, _USAGE)
    if not method.takes_start:
        able = [name for name in registry.names() if registry.get(name).takes_start]
        raise OptionError(
            f"method={method.name!r} cannot start from a drift; use method={' or '.join(able)!r}, "
            "or leave out start"
        )
    require_not_local(found, "it is no start")
    turns = start.matrix_model is not None if isinstance(start, DriftModel) else False
    if turns or not (isinstance(start, DriftModel) or is_shift_only(found)):
        raise OptionError(
            "start turns or stretches, but has to be a drift that only shifts; estimate it without "
            "with_rotation and with_scaling"
        )


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
        source = transformations_of(start)
        first, stop = int(source["frame_start"][0]), int(source["frame_stop"][-1])
        knows, has = clock_of(source).span(first, stop), table.clock.span(frames[0], frames[-1] + 1)
        raise OptionError(
            f"start knows {knows.replace('frames', 'the frames')}, but the table has {has}; give "
            "a drift of the same movie, or leave out start"
        )
    jumps = edges_for(start, table.columns, jump_frames(transformations_of(start)))
    return KnownDrift(frames[known], 0.0 - offset[known], jumps)
