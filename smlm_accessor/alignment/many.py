"""Many tables onto each other: rounds, channels, tiles or sections, all pairs solved together."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import xarray as xr

from smlm_accessor._typing import BoolArray, FloatArray
from smlm_accessor.alignment.joint_overlap import JointOverlap, JointShifts
from smlm_accessor.alignment.pair_network import RoughShifts, rough_shifts
from smlm_accessor.alignment.tables import (
    ReadTable,
    common_components,
    read_tables,
    usual_precision,
)
from smlm_accessor.drift import build, static
from smlm_accessor.drift.by_table import COVARIANCE_DIM, stacked
from smlm_accessor.drift.composition import compose
from smlm_accessor.errors import InvalidChunkWarning, OptionError
from smlm_accessor.estimation.estimate import estimate_drift
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.overlap.events import WeightedLocalizations
from smlm_accessor.models.any_drift import at_frames
from smlm_accessor.models.for_table import for_table
from smlm_accessor.options import count, length, require_choice

_FEWEST = 10  # localizations of a table
_GUESSED = 1 / 2000  # of the field: a precision, where nothing tells
_NAMED = 5  # tables in a warning, at most
TRANSFORMATIONS = ("shift", "rigid", "similarity")


def align_tables(
    tables: Any,
    *,
    transformation: str = "shift",
    reference: Any = None,
    drift: str | None = None,
    max_shift: float | None = None,
    max_localizations: int = 2_000_000,
    progress: bool = False,
) -> xr.Dataset:
    """Return the shift of each table; see `smlm_accessor.align`."""
    named = _named(tables)
    names = [str(name) for name in named]
    _require_shift(transformation)
    length("max_shift", max_shift, remedy="leave it out to trust the fields as far as they overlap")
    count("max_localizations", max_localizations, least=_FEWEST)
    stays = None if reference is None else _index(named, reference)
    by_name = dict(zip(names, named.values(), strict=True))
    drifts = None
    if drift is not None:
        drifts = {
            name: estimate_drift(table, method=drift, progress=progress)
            for name, table in by_name.items()
        }
    read = read_tables(by_name, int(max_localizations), unit_of=names[0], progress=progress)
    if drifts is not None:
        read = {name: _without_drift(read[name], drifts[name]) for name in names}
    components = common_components([one.localizations for one in read.values()])
    rough, found = _solve(list(read.values()), len(components), max_shift, progress)
    if found is not None and stays is not None:
        found = found.against(stays)
    result = _dataset(
        read,
        components,
        rough,
        found,
        named,
        {
            "transformation": transformation,
            "reference": None if stays is None else names[stays],
            "drift": drift,
            "max_shift": max_shift,
            "max_localizations": int(max_localizations),
        },
    )
    _warn_of_unconnected(names, result["valid"].values.astype(bool), rough)
    labels = np.array(list(named), dtype=None if isinstance(tables, Sequence) else object)
    if drifts is None:
        return _with_covariance(result.rename(chunk="table").assign_coords(table=labels), found)
    both = [compose(drifts[name], result.isel(chunk=[k])) for k, name in enumerate(names)]
    together = stacked(both, labels)
    together.attrs = {**result.attrs, "method": f"{drift} then align"}
    together.attrs.pop(static.KEY)
    return _with_covariance(together, found)


def _named(tables: Any) -> dict[Hashable, Any]:
    """Return the tables by name, or raise `OptionError`."""
    if isinstance(tables, Mapping):
        named = dict(tables)
    elif isinstance(tables, Sequence) and not isinstance(tables, str):
        named = dict(enumerate(tables))
    else:
        raise OptionError(
            "align takes a list of tables, or a dict of them by name; for two tables, of which one "
            "stays: moving.smlm.align(reference)"
        )
    if len(named) < 2:
        raise OptionError(f"align takes two tables or more, not {len(named)}")
    if len({str(name) for name in named}) < len(named):
        raise OptionError("two tables have the same name; name them differently")
    return named


def _require_shift(transformation: str) -> None:
    require_choice("transformation", transformation, TRANSFORMATIONS)
    if transformation != "shift":
        raise OptionError(
            f"transformation={transformation!r}: many tables are aligned by shifts only as yet. "
            "Where tables are turned or scaled, put each onto one of them first, with "
            "moving.smlm.align(reference, with_rotation=True, with_scaling=True)"
        )


def _index(named: Mapping[Hashable, Any], reference: Any) -> int:
    for k, name in enumerate(named):
        if name == reference or str(name) == str(reference):
            return k
    raise OptionError(
        f"reference={reference!r} is none of the tables: {', '.join(map(repr, named))}"
    )


def _without_drift(read: ReadTable, drift: xr.Dataset) -> ReadTable:
    """Return the localizations of a table less the drift within it."""
    locs = read.localizations
    frames, index = np.unique(locs.frames, return_inverse=True)
    per_frame = for_table(at_frames(drift, frames, outside="hold"), drift, locs)
    positions = locs.positions
    if per_frame.matrix is not None:
        positions = np.einsum("nij,nj->ni", per_frame.matrix[index], positions)
    moved = replace(locs, positions=positions + per_frame.offset[index])
    return replace(read, localizations=moved.take(np.flatnonzero(moved.finite)))


def _solve(
    tables: list[ReadTable], d: int, max_shift: float | None, progress: bool
) -> tuple[RoughShifts, JointShifts | None]:
    """Return rough shifts of the tables, and those at which all overlap most; None if none do."""
    each = [one.localizations for one in tables]
    # Differences of coordinates do not depend on how far away the origin is.
    center = np.mean([one.positions.mean(axis=0)[:d] for one in each], axis=0)
    positions = [np.ascontiguousarray(one.positions[:, :d]) - center for one in each]
    precision, known = _common_precision(each, positions, d)
    rough = rough_shifts(positions, precision, max_shift=max_shift, progress=progress)
    if not np.isfinite(rough.shift).any():
        return rough, None
    events = [_events(one, at, precision) for one, at in zip(each, positions, strict=True)]
    joint = JointOverlap(
        [at for at, _ in events], [weight for _, weight in events], precision, rough.compared
    )
    return rough, joint.solve(rough.shift, rough.reach, known=known)


def _common_precision(
    tables: Sequence[Any], positions: Sequence[FloatArray], d: int
) -> tuple[FloatArray, bool]:
    """Return the usual precision of the tables, shape (d,), and whether it is known."""
    squares = np.array([usual_precision(one)[:d] ** 2 for one in tables])
    known = np.isfinite(squares) & (squares > 0)
    n = known.sum(axis=0)
    usual = np.sqrt(np.where(known, squares, 0.0).sum(axis=0) / np.maximum(n, 1))
    guess = max(float(np.ptp(p[:, :2], axis=0).max()) for p in positions) * _GUESSED
    return np.where(n > 0, usual, max(guess, 1e-300)), bool((n > 0).all())


def _events(
    locs: Any, positions: FloatArray, precision: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return where the blinks of a table are, and their weights: they see a molecule once."""
    d = positions.shape[1]
    uncertainty = None if locs.uncertainty is None else locs.uncertainty[:, :d]
    rows = WeightedLocalizations.of(
        ChunkedLocalizations(
            *(positions, locs.frames, np.array([0, len(positions)]), locs.components[:d]),
            uncertainty=uncertainty,
        ),
        precision,
    )
    if locs.columns.frame is None:
        return positions, rows.weight.astype(np.float64)
    n = len(rows.timeline.frames)
    events = rows.events(np.zeros((n, d)), precision, np.zeros(n, np.int64))
    return events.positions, events.weight.astype(np.float64)


def _dataset(
    read: Mapping[str, ReadTable],
    components: tuple[str, ...],
    rough: RoughShifts,
    found: JointShifts | None,
    labels: Mapping[Hashable, Any],
    chosen: dict[str, Any],
) -> xr.Dataset:
    tables = list(read.values())
    k, d = len(tables), len(components)
    shift, std = np.full((k, d), np.nan), np.full((k, d), np.nan)
    used, left_out = np.zeros((k, k), dtype=bool), rough.left_out
    if found is not None:
        shift, std, used = found.shift, found.std, found.used
        left_out = left_out | found.left_out
        chosen |= {"kernel_width": found.width, "n_blocks": found.n_blocks}
    chosen |= {
        "n_compared": int(rough.compared.sum()) // 2,
        "n_pairs": int(used.sum()) // 2,
        "left_out": _pairs(left_out, list(labels)),
        "sampled": any(one.in_time is not None for one in tables),
    }
    center = np.mean([one.localizations.positions.mean(axis=0)[:d] for one in tables], axis=0)
    return build(
        offset=shift,
        offset_std=std,
        components=components,
        frame=[one.mean_frame for one in tables],
        frame_start=[int(one.timeline.frames[0]) for one in tables],
        frame_stop=[int(one.timeline.frames[-1]) + 1 for one in tables],
        n_localizations=[int(one.timeline.counts.sum()) for one in tables],
        valid=np.isfinite(shift).all(axis=1),
        quality=np.where(used, rough.significance, 0.0).max(axis=1),
        center=center,
        attrs={
            "method": "align",
            "target": "all" if chosen["reference"] is None else "reference",
            static.KEY: 1,
            "length_unit": tables[0].localizations.length_unit,
            "parameters": chosen,
        },
    )


def _pairs(some: BoolArray, names: Sequence[Hashable]) -> list[list[Hashable]]:
    return [[names[i], names[j]] for i, j in combinations(range(len(names)), 2) if some[i, j]]


def _with_covariance(result: xr.Dataset, found: JointShifts | None) -> xr.Dataset:
    """Return the Dataset with the joint covariance of the shifts between tables."""
    k, d = result.sizes["table"], result.sizes["component"]
    covariance = np.full((d, k, k), np.nan) if found is None else found.covariance
    both = xr.DataArray(
        covariance,
        dims=("component", "table", COVARIANCE_DIM),
        coords={COVARIANCE_DIM: result["table"].values},
        attrs={"long_name": "covariance of the shifts of two tables"},
    )
    return result.assign(covariance=both)


def _warn_of_unconnected(names: Sequence[str], valid: BoolArray, rough: RoughShifts) -> None:
    lost = [name for name, good in zip(names, valid, strict=True) if not good]
    if not lost:
        return
    more = f" and {len(lost) - _NAMED} more" if len(lost) > _NAMED else ""
    said = ", ".join(lost[:_NAMED]) + more
    tried = "" if rough.compared.any() else " No two fields overlap: give max_shift."
    warnings.warn(
        f"Nothing connects these tables with the others: {said}. They share no more structures "
        "with them than chance would give, or their fields do not overlap. Their offset is NaN, "
        f"and valid=False. Check that they show the same sample, in the same unit.{tried}",
        InvalidChunkWarning,
        stacklevel=4,
    )
