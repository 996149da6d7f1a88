"""Beads in a table: where they are, and which localizations are theirs."""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.backends import constant, example, is_partitioned, map_partitions, source_of
from smlm_accessor.errors import OptionError, SmlmWarning
from smlm_accessor.estimation.request import MOST_OF_DASK
from smlm_accessor.estimation.sampling import Sampling, join_samples, sample_time, take_sample
from smlm_accessor.estimation.scan import scan, scan_of_all
from smlm_accessor.kernels.frames.order import in_order
from smlm_accessor.methods import registry
from smlm_accessor.methods.fiducial.find import Beads
from smlm_accessor.methods.fiducial.method import places_in
from smlm_accessor.methods.fiducial.paths import Paths, find_paths
from smlm_accessor.methods.fiducial.solve import choose_segments, jitter, solve
from smlm_accessor.table.columns import find_columns, selection
from smlm_accessor.table.localizations import Localizations, read_localizations
from smlm_accessor.timeline import Timeline

_START = 32  # localizations of which the height at the start is the median
_NAME = "is_fiducial"


class Looked(NamedTuple):
    """Localizations in the order of frames, about their centre, and the beads among them."""

    positions: FloatArray
    frames: IntArray
    center: FloatArray
    components: tuple[str, ...]
    paths: Paths
    beads: Beads


def find_fiducials(
    table: pd.DataFrame, *, presence: float = 0.8, radius: float | None = None
) -> pd.DataFrame:
    """Find the beads of a table; see ``table.smlm.find_fiducials``."""
    looked = _look(table, None, presence, radius)
    components = looked.components
    names = [*components, "presence", "n_localizations", "jitter", "stray", "weight", "radius"]
    if not looked.paths.n:
        columns = {n: pd.Series(dtype=np.int64 if n == "n_localizations" else float) for n in names}
        return pd.DataFrame(columns, index=pd.RangeIndex(0, name="bead"))
    values = dict(zip(components, (_starts(looked) + looked.center).T, strict=True))
    values |= _measured(looked)
    values["radius"] = np.full(looked.paths.n, looked.paths.radius)
    beads = pd.DataFrame(values)[names].sort_values(["weight", "x"], ascending=[False, True])
    beads.index = pd.RangeIndex(len(beads), name="bead")
    return beads


def is_fiducial(
    table: pd.DataFrame,
    beads: pd.DataFrame | None = None,
    *,
    presence: float = 0.8,
    radius: float | None = None,
) -> pd.Series[bool]:
    """Tell which localizations are those of beads; see ``table.smlm.is_fiducial``."""
    places: FloatArray | None = None
    if beads is not None:
        if not isinstance(beads, pd.DataFrame):
            raise OptionError(
                "beads must be a table with columns x and y, not a "
                f"{type(beads).__name__}: beads = table.smlm.find_fiducials()"
            )
        if len(beads):
            places, radius = places_in(beads, radius)
    if beads is not None and places is None:
        looked = None
    else:
        looked = _look(table, places, presence, radius)
        if places is not None:
            _warn_of_unseen(places, looked)
    step = partial(_marked, looked=None if looked is None else (looked.paths, looked.center))
    if not is_partitioned(table):
        return step(table)
    meta = step(example(table))
    lazy: pd.Series[bool] = map_partitions(
        table, _marked, meta, constant(step.keywords["looked"]), changes=()
    )
    return lazy


def _marked(part: pd.DataFrame, looked: tuple[Paths, FloatArray] | None) -> pd.Series[bool]:
    marked = np.zeros(len(part), dtype=bool)
    if looked is not None and len(part):
        paths, center = looked
        localizations = read_localizations(part)
        finite = np.flatnonzero(localizations.finite)
        xy = localizations.positions[finite, :2] - center[:2]
        marked[finite] = paths.on_path(xy, localizations.frames[finite])
    return pd.Series(marked, index=part.index, name=_NAME, dtype=bool)


def _look(table: Any, places: FloatArray | None, presence: float, radius: float | None) -> Looked:
    registry.get("fiducial").check_options({"radius": radius, "presence": presence})
    localizations = _read(table)
    rows = np.flatnonzero(localizations.finite)
    positions, frames = localizations.positions[rows], localizations.frames[rows]
    order = in_order(frames, positions)
    positions, frames = positions[order], frames[order]
    center = positions.mean(axis=0) if len(rows) else np.zeros(positions.shape[1])
    positions = positions - center
    uncertainty = localizations.uncertainty
    usual = _precision(positions, frames, None if uncertainty is None else uncertainty[rows[order]])
    paths, beads = find_paths(
        np.ascontiguousarray(positions[:, :2]),
        frames,
        usual,
        given=None if places is None else places - center[:2],
        radius=radius,
        presence=presence,
    )
    return Looked(positions, frames, center, localizations.components, paths, beads)


def _read(table: Any) -> Localizations:
    """Return all localizations; of a large table of dask, those in some of its frames."""
    if not is_partitioned(table):
        return read_localizations(table)
    source = source_of(table)
    only = selection(find_columns(table), source.example)
    sampling: Any = Sampling()
    if source.n_rows is None or source.n_rows > MOST_OF_DASK:
        found = source.reduce(scan, scan_of_all, only=only)
        sampling = source.call(_some_frames, found)
    sample = source.result(source.reduce(take_sample, join_samples, sampling, only=only))
    localizations: Localizations = sample.localizations
    return localizations


def _some_frames(found: Any) -> Sampling:
    return sample_time(found.frames, MOST_OF_DASK)


def _precision(positions: FloatArray, frames: IntArray, uncertainty: FloatArray | None) -> float:
    from smlm_accessor.kernels.neighbours.nena import precision

    if not len(frames):
        return float("nan")
    usual = precision(positions, frames, uncertainty)[:2]
    return float(np.nanmax(usual)) if np.isfinite(usual).any() else float("nan")


def _starts(looked: Looked) -> FloatArray:
    """Return where each bead is in the beginning, shape (b, d)."""
    starts = np.zeros((looked.paths.n, len(looked.components)))
    starts[:, :2] = looked.paths.start()
    for bead in range(looked.paths.n):
        first = looked.beads.row[looked.beads.bead == bead][:_START]
        starts[bead, 2:] = np.median(looked.positions[first, 2:], axis=0)
    return starts


def _measured(looked: Looked) -> dict[str, Any]:
    """Return what is known of each bead."""
    positions, beads = looked.positions, looked.beads
    b = looked.paths.n
    timeline = Timeline.of(looked.frames)
    segments, _ = choose_segments(positions, beads, timeline)
    solved = solve(positions, beads, segments)
    frame = timeline.of_rows[beads.row]
    each = [jitter(positions[beads.row, axis], frame, beads.bead, b) for axis in range(2)]
    usual = np.sqrt(np.mean(each, axis=0))
    segment = segments.of_frame[frame]
    known = np.flatnonzero(np.isfinite(solved.drift).all(axis=1))
    moved = solved.drift - solved.drift[known][:1]  # places are those of the first segment
    away = (positions[beads.row] - moved[segment] - solved.place[beads.bead])[:, :2]
    cell = segment * b + beads.bead
    count = np.bincount(cell, minlength=len(segments) * b)
    means = [
        (np.bincount(cell, x, len(segments) * b) / np.maximum(count, 1)).reshape(-1, b)
        for x in np.nan_to_num(away).T
    ]
    weight = np.zeros((len(segments), b))
    weight[known] = count.reshape(-1, b)[known]
    total = np.maximum(weight.sum(axis=0), 1)
    square = np.sum([(weight * m**2).sum(axis=0) for m in means], axis=0) / (2 * total)
    return {
        "presence": beads.presence,
        "n_localizations": np.bincount(beads.bead, minlength=b),
        "jitter": usual,
        "stray": np.sqrt(square) if b > 1 else np.full(b, np.nan),  # one alone: nothing tells
        "weight": solved.weight,
    }


def _warn_of_unseen(places: FloatArray, looked: Looked) -> None:
    starts = looked.paths.start() + looked.center[:2]
    if len(starts) == len(places):
        return
    apart = np.linalg.norm(places[:, None] - starts, axis=2).min(axis=1, initial=np.inf)
    named = ", ".join(f"({x:g}, {y:g})" for x, y in places[apart > 2 * looked.paths.radius][:5])
    warnings.warn(
        f"{len(places) - len(starts)} of {len(places)} beads are not seen in this table"
        + (f", among them that at {named}" if named else "")
        + ": none of its localizations are taken for them. Are they from this table, uncorrected?",
        SmlmWarning,
        stacklevel=4,
    )
