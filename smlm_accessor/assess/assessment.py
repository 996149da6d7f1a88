"""Did a correction help? Table and drift in, verdict out."""

from __future__ import annotations

import warnings
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.assess.blinks import REACH, Blinks, find_blinks, in_some_blocks, thinned
from smlm_accessor.assess.case import Case, Correction, before_and_after, read_judged
from smlm_accessor.assess.evidence import CLEAR_ODDS, evidence
from smlm_accessor.assess.field_halves import FieldHalves, make_field_halves
from smlm_accessor.assess.halves import agreement, estimate_halves, held_out
from smlm_accessor.assess.near import corrections_near
from smlm_accessor.assess.overlap import CLEAR, Change, change, overlaps
from smlm_accessor.assess.parts import frames_apart
from smlm_accessor.assess.result import Assessment, Verdict
from smlm_accessor.assess.sharpness import ring_correlation
from smlm_accessor.assess.turning import CorrectedBlinks, transformation_left
from smlm_accessor.backends import at_once
from smlm_accessor.drift import is_shift_only
from smlm_accessor.drift.segments import jump_frames
from smlm_accessor.drift.times import clock_of
from smlm_accessor.errors import AlreadyCorrectedWarning
from smlm_accessor.estimation.checking.checked import checked
from smlm_accessor.estimation.chunking import chunked
from smlm_accessor.kernels import by_column
from smlm_accessor.kernels.density.pair_kernel import COARSE, FINE, SAID, PairKernel
from smlm_accessor.kernels.frames.count import FrameCount
from smlm_accessor.kernels.neighbours.nena import ENOUGH_TO_CHECK, neighbour_precision, with_axial
from smlm_accessor.kernels.neighbours.nena import precision as usual_precision
from smlm_accessor.kernels.time_series.trend import Rates
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.registered import rates_of
from smlm_accessor.methods.traces import Observations, observations
from smlm_accessor.models import Drift, DriftModel, require_drift_or_model
from smlm_accessor.table import attributes, history
from smlm_accessor.table.columns import set_columns
from smlm_accessor.table.localizations import Localizations, read_localizations
from smlm_accessor.timeline import Timeline

_MATTERS = 0.02  # relative change of the overlap: a drift error of a quarter of the precision
_CERTAIN = ("improved", "worse")  # verdicts of some blinks that more of them would not change
_LEAST_BLOCK = 4.0  # reaches of the kernel: few pairs of blinks lie in two field blocks


def assess(
    table: pd.DataFrame,
    drift: Drift,
    *,
    by: str | None = None,
    outside: str | None = None,
    progress: bool = False,
) -> Assessment:
    """Say whether correcting a table by a drift improves it; see ``drift.smlm.assess``."""
    source = require_drift_or_model(drift, "drift.smlm.assess(table)", by=by)
    table, localizations, timeline = read_judged(table, source, progress=progress)
    _warn_if_corrected(table, source)
    found: dict[str, Any] = {
        "n_localizations": int(timeline.counts.sum()),
        "length_unit": localizations.length_unit,
        "time_unit": localizations.clock.unit,
    }
    if not source["valid"].values.any():
        return Assessment("no evidence", "no chunk of this drift is valid", **found)
    ordered = chunked(localizations, np.array([timeline.frames[0], timeline.stop]))
    ordered, _ = checked(ordered, None)
    observed = observations(ordered)
    precision = localization_precision(observed.localizations)
    if precision is None:
        return Assessment("no evidence", "no molecule is seen again and again", **found)
    of_rows = precision if observed.precision is None else observed.precision
    found["precision"] = float(of_rows[:2].mean())
    case, seen = Case(localizations, by, outside), Timeline.of(observed.localizations.frames)
    frames = np.union1d(timeline.frames, observed.frame(seen.frames))
    correct, held_correct = case.by_frame(drift, frames)
    at, moved = before_and_after(correct, observed)
    if not by_column.all_finite(moved).any():
        return Assessment(
            "no evidence", "no localization lies in the frames of this drift", **found
        )
    versions = at, moved
    if observed.precision is not None:  # localizations, not their traces
        versions = before_and_after(correct, Observations(ordered, ()))
    where, finite = localizations.positions, localizations.finite
    where = where if finite.all() else where[finite]  # all of them without a copy
    field = make_field_halves(where, _LEAST_BLOCK * REACH * float(precision[0]))
    jumps = jump_frames(source)

    # Do blinks lie better on those of other times?
    (blinks, corrected, direct, log_odds), sharpness, merged, (apart, alike) = at_once(
        [
            partial(_change_of_blinks, observed, precision, field, correct, jumps),
            partial(_sharpness, versions, ordered.frames, of_rows, observed.counts[0]),
            partial(CorrectedBlinks.of, observed, moved, of_rows, jumps),
            partial(frames_apart, observed, at, moved, of_rows),
        ]
    )
    found |= sharpness
    found |= {"n_blinks": len(corrected), "gain": direct.gain, "score": direct.score}
    found["log10_odds"] = log_odds / np.log(10)

    # Do they with drift from blinks of the other half of the field? Or of the sample, which moves
    # through the field, where it is known how.
    known = log_odds > CLEAR_ODDS
    left = partial(transformation_left, merged, of_rows)
    if known:
        blinks = replace(blinks, second=field.of(corrected)[1])
    if known and _is_of_overlap(drift):
        _, second = field.of(merged.positions)
        given = held_correct, observed, merged, of_rows, second
        windows = source.sizes["chunk"], _kernels_of(source)
        rates = _rates_of(source, observed)
        near = partial(corrections_near, *given, *windows, alike=alike, rates=rates)
        halves, found["transformation"] = at_once([near, left])
    else:
        if observed.precision is not None:  # not a trace in both of them
            table = _table_of(observed, localizations)
            localizations = read_localizations(table)
        where = localizations.positions
        if known:
            where = case.held().corrected(drift, where, localizations.frames)
        _, second = field.of(np.nan_to_num(where))
        halves = estimate_halves(table, drift, second, case, progress=progress)
        found["transformation"] = left()
    held = None
    if halves is not None:
        held = held_out(blinks, halves)
        found |= {"held_out_gain": held.gain, "held_out_score": held.score}
        assert ordered.center is not None
        middle = dict(zip(ordered.components, ordered.center.tolist(), strict=True))
        found |= agreement(middle, held_correct, halves, timeline.frames, timeline.counts)
    verdict, reason = judge(direct, log_odds, held)
    if verdict == "worse":
        reason += _motion_within_chunks(source)
    clock = case.localizations.clock
    found["apart"] = [tuple(clock.values(ends).tolist()) for ends in apart]
    return Assessment(verdict, reason, **found)


def _change_of_blinks(
    observed: Observations,
    precision: FloatArray,
    field: FieldHalves,
    correct: Correction,
    jumps: IntArray,
) -> tuple[Blinks, FloatArray, Change, float]:
    """Return what `_change_of_some` does, of all blinks."""
    blinks = find_blinks(observed, precision, field)
    return _change_of_some(*thinned(blinks, correct(blinks.positions, blinks.frames)), jumps)


def _change_of_some(
    blinks: Blinks, corrected: FloatArray, jumps: IntArray
) -> tuple[Blinks, FloatArray, Change, float]:
    """Return blinks that tell a verdict, all if need be, and what happened to them.

    The last is the logarithm of the odds that this is no chance.
    """
    use = in_some_blocks(blinks)
    for chosen in (use, np.ones_like(use)):
        some, there = blinks.some(chosen), corrected[chosen]
        (before, after), weights = overlaps(some, some.positions, there)
        direct = change(some, before, after)
        log_odds = evidence(some, there, jumps, (before, after), weights)
        if chosen.all() or judge(direct, log_odds, None)[0] in _CERTAIN:
            break
    return some, there, direct, log_odds


def judge(direct: Change, log_odds: float, held: Change | None) -> tuple[Verdict, str]:
    """Return verdict and reason.

    The statistic is the change ``D`` of the log-density of blinks, summed over them, over its
    standard deviation, as a normal deviate: the score. Without any effect it is standard normal; it
    is significant beyond +-3. The gain is ``exp(D / S) - 1``, with the sensitivity ``S``: the
    relative change of the density that blinks of other times predict.

    Whatever a drift was estimated from, it is worse if the score is below -3 and the gain below
    -2 %. A score above 3 proves something only if drift was not estimated from the same blinks. So
    the gain must be above what chance could bring (`evidence`), by odds as small as those of a
    score of 3; or the score with drift from the other half of the field is above 3, too, which
    shows smaller drifts.
    """
    if direct.score < -CLEAR and direct.gain < -_MATTERS:
        return "worse", "blinks lie less well on those of other times"
    if log_odds > CLEAR_ODDS:
        return "improved", "blinks lie better on those of other times than chance could bring"
    if direct.score <= CLEAR:
        return "no evidence", "blinks lie no better on those of other times"
    if held is None:
        return "no evidence", "halves of the field do not show drift each"
    if held.score <= CLEAR:
        return "no evidence", "drift from the other half of the field does not help"
    return "improved", "blinks lie better on those of other times, in halves of the field, too"


def _motion_within_chunks(source: xr.Dataset) -> str:
    """Return what to do about chunks within which the sample moves, as `cc` counts them."""
    said = attributes.parameters(source)
    moving = max(said.get(f"n_moving_chunks{axis}", 0) for axis in ("", "_z"))
    if not moving:
        return ""
    return (
        f"; within {moving} of {source.sizes['chunk']} chunks the sample moves: more chunks would "
        "follow it, or method='overlap'"
    )


def _is_of_overlap(drift: Drift) -> bool:
    """Tell whether a drift only shifts, as `overlap` found it: no model, and no other method."""
    if isinstance(drift, DriftModel):
        return False
    return drift.attrs.get("method") == "overlap" and is_shift_only(drift)


def _kernels_of(source: xr.Dataset) -> tuple[PairKernel, ...]:
    """Return the kernel with which `overlap` found a drift, all if it does not say."""
    said = attributes.parameters(source)
    known = tuple(said.get(name) for name in SAID)
    return tuple(k for k in (*FINE, COARSE) if k == known) or FINE


def _rates_of(source: xr.Dataset, observed: Observations) -> list[Rates] | None:
    """Return the rates of the trend along each axis, as `overlap` found them, if it says so."""
    rates = rates_of(attributes.parameters(source), clock_of(source), observed.unit)
    return rates if len(rates) == len(observed.localizations.components) else None


def _warn_if_corrected(table: pd.DataFrame, source: xr.Dataset) -> None:
    if history.times_corrected(table.attrs) > 0 and not source.attrs.get("inverse"):
        warnings.warn(
            "This table has been corrected before (see table.attrs['smlm_history']); assess a "
            "drift with the table that it is meant for.",
            AlreadyCorrectedWarning,
            stacklevel=4,
        )


def localization_precision(localizations: ChunkedLocalizations) -> FloatArray | None:
    """Return the localization precision along each axis; None if nothing tells."""
    found = usual_precision(
        localizations.positions, localizations.frames, localizations.uncertainty
    )
    return with_axial(found) if (found[:2] > 0).all() else None


def _table_of(observed: Observations, whole: Localizations) -> pd.DataFrame:
    """Return the events as a table of localizations."""
    events = observed.localizations
    positions = events.positions if events.center is None else events.positions + events.center
    values = dict(zip(events.components, positions.T, strict=True))
    clock, duration = whole.clock, whole.columns.frame_duration
    columns: dict[str, Any] = {name: name for name in (clock.name, *values)}
    table = pd.DataFrame({clock.name: clock.values(observed.frame(events.frames)), **values})
    return set_columns(table, **columns, unit=whole.length_unit, frame_duration=duration)


def _sharpness(
    versions: tuple[FloatArray, FloatArray],
    frames: IntArray,
    precision: FloatArray,
    count: FrameCount,
) -> dict[str, Any]:
    """Return measures of the image, by positions before and after."""
    seen = by_column.all_finite(versions[1])
    if not seen.all():
        versions, frames = (versions[0][seen], versions[1][seen]), frames[seen]
    # As counted in their own unit: halves of the movie must not depend on how time is counted.
    numbers = count.number(frames)
    curves, frc = ring_correlation(versions, numbers, float(precision[:2].mean()))
    few = ENOUGH_TO_CHECK
    nena = [float(neighbour_precision(v, numbers, most=few)[:2].mean()) for v in versions]
    return {
        "frc": curves,
        "frc_before": frc[0],
        "frc_after": frc[1],
        "nena_before": nena[0],
        "nena_after": nena[1],
    }
