"""Drift estimated again, from each half of the field, and what it does to the other half."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.assess.blinks import Blinks
from smlm_accessor.assess.case import Case, Correction
from smlm_accessor.assess.overlap import CLEAR, Change, change, overlaps
from smlm_accessor.backends import track
from smlm_accessor.drift.times import clock_of
from smlm_accessor.errors import SmlmError, SmlmWarning
from smlm_accessor.estimation.estimate import estimate_drift
from smlm_accessor.methods import registry
from smlm_accessor.models import Drift, DriftModel, edges_for, fit, transformations_of
from smlm_accessor.table import attributes
from smlm_accessor.table.columns import Columns, find_columns

_FALLBACK = "overlap"
_RULES = ("chunk_size", "n_chunks", "chunks")
# Drift of a half has twice the variance of drift of the whole field. Where that is not small beside
# the drift itself, two thirds of it tell as much as the drift of the whole would: with
# signal s and noise n, p (1 - p / 2) s - p^2 n / 2 and s / 2 - n / 4 have the same sign at p = 2/3.
_PARTS = (1.0, 2 / 3)


def estimate_halves(
    table: pd.DataFrame, drift: Drift, second: BoolArray, case: Case, *, progress: bool
) -> tuple[Correction, Correction] | None:
    """Return the correction by the drift of each half of the field; None if one shows none.

    ``second``, shape (n_rows,), tells which rows are in the second half.
    """
    rows = [np.flatnonzero(second == half) for half in (False, True)]
    parts = track(rows, total=2, progress=progress, description="assess")
    first_drift, second_drift = (estimate_again(table.iloc[part], drift) for part in parts)
    if first_drift is None or second_drift is None:
        return None
    held = case.held()
    return partial(held.corrected, first_drift), partial(held.corrected, second_drift)


def held_out(blinks: Blinks, halves: tuple[Correction, Correction]) -> Change:
    """Return what the drift of each half does to the other one."""
    change_of = np.zeros_like(blinks.positions)
    for corrected, rows in zip(halves, (blinks.second, ~blinks.second), strict=True):
        at = blinks.positions[rows]
        change_of[rows] = corrected(at, blinks.frames[rows]) - at
    found: list[Change] = []
    for part in _PARTS:
        moved = blinks.positions + part * change_of
        (before, after), _ = overlaps(blinks, blinks.positions, moved, halves=True)
        first, second = (change(blinks, before, after, r) for r in (~blinks.second, blinks.second))
        found.append(first + second)
        if found[-1].score > CLEAR:
            break
    return max(found, key=lambda one: one.score)


def agreement(
    middle: dict[str, float],
    correct: Correction,
    halves: tuple[Correction, Correction],
    frames: IntArray,
    counts: IntArray,
) -> dict[str, dict[str, float]]:
    """Return how far apart the halves are, and how far a correction is off their mean.

    It is told at the ``middle`` of the sample, a coordinate by component. The root mean square over
    ``frames`` counts each as often as it has localizations.
    """
    still = np.tile(list(middle.values()), (len(frames), 1))
    given, first, second = (f(still, frames) for f in (correct, *halves))
    return {
        "halves_apart": _rms(middle, first - second, counts),
        "halves_off": _rms(middle, given - (first + second) / 2, counts),
    }


def _rms(components: Iterable[str], difference: FloatArray, counts: IntArray) -> dict[str, float]:
    difference = difference - np.average(difference, axis=0, weights=counts)
    rms = np.sqrt(np.average(difference**2, axis=0, weights=counts))
    return dict(zip(components, rms.tolist(), strict=True))


def estimate_again(table: pd.DataFrame, drift: Drift) -> Drift | None:
    """Estimate drift from a table by the method, the options and the model of another drift.

    Where that gives nothing, or the drift does not tell how it was estimated, by `overlap`. None if
    no chunk could be registered.
    """
    source = transformations_of(drift)
    method = str(source.attrs.get("method", _FALLBACK))
    attempts: list[tuple[str, dict[str, Any]]] = [(_FALLBACK, {})]
    if method in registry.names():
        attempts.insert(0, (method, _options(drift, method, find_columns(table))))
    for name, options in attempts:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SmlmWarning)
            try:
                found = estimate_drift(table, method=name, **options)
            except ValueError:  # ours are such; a half may be more than a method can digest
                continue
            if int(found["valid"].sum()) > 1:
                return _modelled(found, drift) if isinstance(drift, DriftModel) else found
    return None


def _options(drift: Drift, method: str, columns: Columns) -> dict[str, Any]:
    """Return what the drift was estimated with, frames and times as the table counts them.

    Segments that a method chose are chosen again.
    """
    source = transformations_of(drift)
    parameters = attributes.parameters(source)
    options = {
        name: parameters[name]
        for name in registry.get(method).options
        if isinstance(parameters.get(name), bool | int | float | str)
    }
    if "segments" in parameters:
        given = parameters["segments"]
        if isinstance(given, list):
            given = _as_in_table(drift, clock_of(source).counts(given), columns)
        options["segments"] = given
    target = source.attrs.get("target")
    if target in registry.get(method).targets:
        options["target"] = target
    chooses = registry.get(method).chooses_chunks
    if not chooses or any(name in parameters for name in _RULES):
        start, stop = source["frame_start"].values, source["frame_stop"].values
        options["chunks"] = _as_in_table(drift, np.append(start, stop[-1]), columns)
    return options


def _as_in_table(drift: Drift, edges: IntArray, columns: Columns) -> npt.NDArray[Any]:
    return columns.clock.values(edges_for(drift, columns, edges))


def _modelled(found: xr.Dataset, model: DriftModel) -> Drift:
    """Fit the same kinds of model, if their names say all about them."""
    kinds = json.loads(str(model.attrs["model"]))["offset"]
    try:
        return fit(found, offset=kinds)
    except SmlmError:
        return found
