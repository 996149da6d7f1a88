"""Let a sample drift: move and turn the localizations of a table, frame by frame."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from functools import partial
from typing import Any, Literal, Unpack, overload

import numpy as np
import pandas as pd
import xarray as xr

from smlm_accessor.backends import constant, example, is_partitioned, map_partitions, source_of
from smlm_accessor.drift import build, offset_from_about
from smlm_accessor.drift.times import TIME_UNIT, timed
from smlm_accessor.options import PerComponent, Seed
from smlm_accessor.simulate.drift_curve import Curve, SteadyTerms, Step, Term
from smlm_accessor.simulate.motion import (
    Motion,
    MovieExtent,
    MovieMotion,
    extent_of,
    extent_of_all,
    extent_of_part,
)
from smlm_accessor.table import history
from smlm_accessor.table.clock import SECONDS
from smlm_accessor.table.columns import Columns, find_columns, selection
from smlm_accessor.table.localizations import (
    known_range,
    read_localizations,
    write_positions,
)
from smlm_accessor.timeline import Timeline


class DriftTerms(SteadyTerms, total=False):
    """Options of `simulate_drift` but for ``return_drift``."""

    diffusion_constant: PerComponent | None
    rotation: float | None
    scale: float | None
    rotation_center: Sequence[float] | None
    seed: Seed


@overload
def simulate_drift(
    table: pd.DataFrame, *, return_drift: Literal[False] = ..., **terms: Unpack[DriftTerms]
) -> pd.DataFrame: ...


@overload
def simulate_drift(
    table: pd.DataFrame, *, return_drift: Literal[True], **terms: Unpack[DriftTerms]
) -> tuple[pd.DataFrame, xr.Dataset]: ...


@overload
def simulate_drift(
    table: pd.DataFrame, *, return_drift: bool, **terms: Unpack[DriftTerms]
) -> pd.DataFrame | tuple[pd.DataFrame, xr.Dataset]: ...


def simulate_drift(
    table: pd.DataFrame,
    *,
    velocity: PerComponent | None = None,
    diffusion_constant: PerComponent | None = None,
    sinusoid: Term | Sequence[Term] | None = None,
    settling: Term | Sequence[Term] | None = None,
    step: Step | Sequence[Step] | None = None,
    curve: Curve | None = None,
    rotation: float | None = None,
    scale: float | None = None,
    rotation_center: Sequence[float] | None = None,
    seed: Seed = None,
    return_drift: bool = False,
) -> pd.DataFrame | tuple[pd.DataFrame, xr.Dataset]:
    """Add drift to localizations, as if the sample had moved; see ``table.smlm.simulate_drift``."""
    columns = find_columns(table)
    terms: SteadyTerms = {
        "velocity": velocity,
        "sinusoid": sinusoid,
        "settling": settling,
        "step": step,
        "curve": curve if curve is None or callable(curve) else np.asarray(curve),
    }
    others: dict[str, Any] = {
        "diffusion_constant": diffusion_constant,
        "rotation": rotation,
        "scale": scale,
        "rotation_center": rotation_center,
        "seed": seed,
    }
    motion = Motion(columns.components, terms, **others, clock=columns.clock)
    given = {name: value for name, value in {**terms, **others}.items() if value is not None}
    if is_partitioned(table):
        moved: pd.DataFrame = _move_partitions(table, motion.repeatable(), given, return_drift)
        return moved
    locs = read_localizations(table)
    extent = extent_of(locs)
    moving = motion.in_movie(extent, all_frames=return_drift or extent.n_frames <= extent.n_rows)
    result = write_positions(table, locs.columns, moving.moved(locs))
    if rotation is not None or scale is not None:
        given["rotation_center"] = moving.center
    result.attrs = history.record(table.attrs, "simulate_drift", **given)
    if not return_drift:
        return result
    timeline = Timeline.of(locs.frames[locs.finite])
    return result, _truth(moving, timeline, locs.columns, given)


def _move_partitions(table: Any, motion: Motion, given: dict[str, Any], return_drift: bool) -> Any:
    """Return a dask DataFrame whose partitions are moved when it is computed."""
    empty = read_localizations(example(table))
    still = motion.in_movie(extent_of(empty), all_frames=True)  # wrong terms are errors here
    meta = write_positions(example(table), empty.columns, still.moved(empty))
    meta.attrs = history.record(meta.attrs, "simulate_drift", **given)
    source = source_of(table)
    only = selection(source.example)
    known = known_range(source, empty.columns)
    enough = not (motion.needs_positions or return_drift)  # which keeps the middle of the field
    if enough and known is not None and source.n_rows is not None:
        extent: Any = MovieExtent(*known, None, None, source.n_rows)
    else:
        extent = source.reduce(extent_of_part, extent_of_all, only=only)
    in_movie = partial(motion.in_movie, all_frames=return_drift)
    if return_drift:
        from smlm_accessor.estimation.sampling import timeline_of  # brings a compiler

        timeline = source.reduce(timeline_of, Timeline.joined, only=only)
        extent, counted = source.result(source.call(lambda *both: both, extent, timeline))
        moving: Any = in_movie(extent)
        drift = _truth(moving, counted, empty.columns, given)
        moving = constant(moving)
    else:
        moving = source.call(in_movie, extent)
    changes = empty.columns.moving
    step = partial(_moved_part, attrs=meta.attrs)
    moved = map_partitions(table, step, meta, moving, changes=changes)
    return (moved, drift) if return_drift else moved


def _moved_part(
    part: pd.DataFrame, moving: MovieMotion, *, attrs: Mapping[Hashable, Any]
) -> pd.DataFrame:
    locs = read_localizations(part)
    result = write_positions(part, locs.columns, moving.moved(locs))
    result.attrs = dict(attrs)
    return result


def _truth(
    moving: MovieMotion, counted: Timeline, columns: Columns, parameters: dict[str, Any]
) -> xr.Dataset:
    """Return the transformations that undo the drift, one for each frame, or for each time."""
    if columns.clock.is_time:
        frames, n_localizations = counted.frames, counted.counts
        shift, stop = moving.shift(frames), np.append(frames[1:], frames[-1:] + 1)
    else:
        assert moving.in_each is not None
        shift, first = moving.in_each, moving.first
        frames = np.arange(first, first + len(shift))
        stop = frames + 1
        n_localizations = np.zeros(len(shift), dtype=np.int64)
        n_localizations[counted.frames - first] = counted.counts
    matrix = moving.matrices(frames)
    truth = build(
        matrix=matrix,
        offset=offset_from_about(matrix, 0.0 - shift, moving.center),
        components=columns.components,
        frame=frames,
        frame_start=frames,
        frame_stop=stop,
        n_localizations=n_localizations,
        center=moving.center,
        attrs={
            "method": "simulate_drift",
            "origin": "first_frame",
            "length_unit": columns.length_unit,
            TIME_UNIT: SECONDS.unit if columns.clock.is_time else None,
            "parameters": parameters,
        },
    )
    return timed(truth)
