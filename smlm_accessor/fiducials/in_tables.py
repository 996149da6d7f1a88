"""Beads in a table: where they are, and which localizations are theirs."""

from __future__ import annotations

import warnings
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.backends import constant, example, is_partitioned, map_partitions, source_of
from smlm_accessor.errors import OptionError, SmlmWarning
from smlm_accessor.estimation.request import MOST_OF_DASK
from smlm_accessor.estimation.sampling import sample_at_most, sample_time
from smlm_accessor.kernels.frames.count import FrameCount, time_unit
from smlm_accessor.methods import registry
from smlm_accessor.methods.fiducial.find import BeadPaths, Beads
from smlm_accessor.methods.fiducial.method import places_in
from smlm_accessor.methods.fiducial.motion import choose_windows, common_motion, stray
from smlm_accessor.methods.fiducial.traced import beads_of
from smlm_accessor.table.localizations import Localizations, read_localizations
from smlm_accessor.timeline import Timeline

_START = 32  # localizations of which the height at the start is the median
_NAME = "is_fiducial"


class _Paths(NamedTuple):
    """The paths of beads about a centre, by numbers of frames."""

    paths: BeadPaths
    center: FloatArray
    numbering: FrameCount


class Looked(NamedTuple):
    """Localizations in the order of frames, about their centre, and the beads among them.

    Frames are numbered in their own unit of time, if that is not 1.
    """

    positions: FloatArray
    frames: IntArray
    center: FloatArray
    components: tuple[str, ...]
    beads: Beads
    numbering: FrameCount

    @property
    def paths(self) -> _Paths:
        """Where the beads are."""
        return _Paths(self.beads.paths, self.center, self.numbering)


def find_fiducials(
    table: pd.DataFrame, *, presence: float = 0.8, radius: float | None = None
) -> pd.DataFrame:
    """Find the beads of a table; see ``table.smlm.find_fiducials``."""
    looked = _look(table, None, presence, radius)
    components = looked.components
    names = [*components, "presence", "n_localizations", "jitter", "stray", "weight", "radius"]
    if not len(looked.beads.paths):
        columns = {n: pd.Series(dtype=np.int64 if n == "n_localizations" else float) for n in names}
        return pd.DataFrame(columns, index=pd.RangeIndex(0, name="bead"))
    values: dict[str, Any] = dict(zip(components, (_starts(looked) + looked.center).T, strict=True))
    windows, _ = choose_windows(looked.positions, looked.beads, Timeline.of(looked.frames))
    motion = common_motion(looked.positions, looked.beads, windows)
    n = len(looked.beads.paths)
    values |= {
        "presence": looked.beads.presence,
        "n_localizations": np.bincount(looked.beads.bead, minlength=n),
        "jitter": np.sqrt(motion.jitter[:, :2].mean(axis=1)),
        "stray": stray(motion),
        "weight": motion.weight,
        "radius": np.full(n, looked.beads.paths.radius),
    }
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
    step = partial(_marked, looked=None if looked is None else looked.paths)
    if not is_partitioned(table):
        return step(table)
    meta = step(example(table))
    lazy: pd.Series[bool] = map_partitions(
        table, _marked, meta, constant(step.keywords["looked"]), changes=()
    )
    return lazy


def _marked(part: pd.DataFrame, looked: _Paths | None) -> pd.Series[bool]:
    marked = np.zeros(len(part), dtype=bool)
    if looked is not None and len(part):
        paths, center, count = looked
        localizations = read_localizations(part)
        finite = np.flatnonzero(localizations.finite)
        xy = localizations.positions[finite, :2] - center[:2]
        marked[finite] = paths.on_path(xy, count.number(localizations.frames[finite]))
    return pd.Series(marked, index=part.index, name=_NAME, dtype=bool)


def _look(table: Any, places: FloatArray | None, presence: float, radius: float | None) -> Looked:
    registry.get("fiducial").check_options({"radius": radius, "presence": presence})
    localizations = _read(table)
    localizations = localizations.take(localizations.finite).sorted()
    positions, frames = localizations.positions, localizations.frames
    center = positions.mean(axis=0) if len(frames) else np.zeros(positions.shape[1])
    positions = positions - center
    count = FrameCount(1, np.zeros(1, np.int64), np.zeros(1, np.int64))
    if len(frames) and time_unit(frames, positions)[0] != 1:
        count = FrameCount.of(frames, positions)
    frames = count.number(frames)
    beads = beads_of(
        replace(localizations, positions=positions, frames=frames),
        given=None if places is None else places - center[:2],
        radius=radius,
        presence=presence,
    )
    return Looked(positions, frames, center, localizations.components, beads, count)


def _read(table: Any) -> Localizations:
    """Return all localizations; of a large table of dask, those in some of its frames."""
    if not is_partitioned(table):
        return read_localizations(table)
    source = source_of(table)
    return source.result(sample_at_most(source, MOST_OF_DASK, sample_time)).localizations


def _starts(looked: Looked) -> FloatArray:
    """Return where each bead is in the beginning, shape (b, d)."""
    beads = looked.beads
    starts = np.zeros((len(beads.paths), len(looked.components)))
    starts[:, :2] = beads.paths.start()
    for bead in range(len(beads.paths)):
        first = beads.row[beads.bead == bead][:_START]
        starts[bead, 2:] = np.median(looked.positions[first, 2:], axis=0)
    return starts


def _warn_of_unseen(places: FloatArray, looked: Looked) -> None:
    starts = looked.beads.paths.start() + looked.center[:2]
    if len(starts) == len(places):
        return
    apart = np.linalg.norm(places[:, None] - starts, axis=2).min(axis=1, initial=np.inf)
    named = ", ".join(
        f"({x:g}, {y:g})" for x, y in places[apart > 2 * looked.beads.paths.radius][:5]
    )
    warnings.warn(
        f"{len(places) - len(starts)} of {len(places)} beads are not seen in this table"
        + (f", among them that at {named}" if named else "")
        + ": none of its localizations are taken for them. Are they from this table, uncorrected?",
        SmlmWarning,
        stacklevel=4,
    )
