"""The transformation between two tables from the beads that are in both."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.alignment.overlap_fit import Alignment
from smlm_accessor.alignment.tables import MOST_FOR_BEADS, TablePair
from smlm_accessor.kernels.beads.constellation import match_constellations
from smlm_accessor.kernels.beads.pairs import fewest_beads, fit_pairs
from smlm_accessor.kernels.correlation.global_shift import CLEAR
from smlm_accessor.kernels.frames.count import FrameCount
from smlm_accessor.methods.fiducial.find import BeadPaths, Beads, find_beads
from smlm_accessor.methods.fiducial.motion import CommonMotion, common_motion
from smlm_accessor.table.localizations import Localizations
from smlm_accessor.timeline import Timeline

_RUN = 32  # frames: a window in which a bead is looked for
# Sizes of a spot in localization precisions; the larger one, where the sample moves, only if
# there are too few.
_SIZES = (10.0, 25.0)
# A bead that came or left is seen in part of the frames, but long enough to be no blinking.
_PRESENCE = 0.3
# A bead scatters by no more than this part of the radius in which it is looked for, a dense
# structure by half of it ...
_COMPACT = 0.3
# ... and has no more localizations there in a frame in which it is seen; usually one.
_CROWDED = 2.0
_MOST_BEADS = 60  # that are matched, those that are seen the longest: 0.3 s
# More spots than this that are seen as often are no beads, and slow: 0.3 s for 200.
_MOST_SPOTS = 200
_FEWEST_SEEN = 3
_WINDOWS = 16  # of time, in which a bead is seen to wander
_WANDERS = 3.0  # standard deviations: a bead wanders more than by its jitter
_AGREE = 5.0  # standard deviations: so far beads and structures may lie apart


@dataclass(frozen=True)
class BeadPlaces:
    """The beads of one table.

    ``position`` (b, d), in the mean of the table, and ``variance`` (b, d), of its error: jitter
    over the number of localizations, and how far the bead wanders from the others.
    ``is_bead``, (n,), says which localizations of the table are those of beads.
    """

    position: FloatArray
    variance: FloatArray
    is_bead: BoolArray

    def __len__(self) -> int:
        return len(self.position)


@dataclass(frozen=True)
class BeadMatch:
    """What the beads of two tables say.

    ``matched`` of them are in both; ``significance``, in standard deviations, is how unlikely it is
    that chance puts so many as close to each other; ``fit`` is None if it is too likely.
    """

    reference: BeadPlaces
    moving: BeadPlaces
    matched: int
    significance: float
    fit: Alignment | None


def match_beads(
    both: TablePair,
    center: FloatArray,
    *,
    with_rotation: bool,
    with_scaling: bool,
    max_shift: float | None,
) -> BeadMatch | None:
    """Match the beads of two tables and fit the transformation; None if a table has no beads.

    Positions are less the ``center``, which is that of the moving table.
    """
    d = len(both.components)
    tables = both.reference, both.moving
    if d < 2 or any(locs.columns.when is None for locs in tables):
        return None
    lateral = float(np.max(both.precision()[:2]))
    found = []
    for locs, in_time in zip(tables, both.in_time or tables, strict=True):
        places = _beads_of(locs, in_time, center, lateral)
        if places is None:
            return None
        found.append(places)
    reference, moving = found
    terms = {"with_rotation": with_rotation, "with_scaling": with_scaling}
    match = match_constellations(
        reference.position[:, :2], moving.position[:, :2], max_shift=max_shift, **terms
    )
    significance = -float(ndtri(np.clip(match.expected, 1e-300, 0.5)))
    n = len(match.moving)
    if n < fewest_beads(**terms) or significance < CLEAR:
        return BeadMatch(reference, moving, n, significance, None)
    ours, theirs = moving.position[match.moving], reference.position[match.reference]
    variance = moving.variance[match.moving] + reference.variance[match.reference]
    fit = fit_pairs(theirs, ours, variance, **terms)
    alignment = Alignment(
        center, fit.shift, fit.angle, fit.log_scale, fit.covariance, np.nan, float(n), np.nan
    )
    return BeadMatch(reference, moving, n, significance, alignment)


def more_precise(beads: Alignment, structures: Alignment | None) -> Alignment:
    """Return the one of smaller standard error; that of the beads, if they disagree.

    No mean of both: the error of few beads is known from few, and where it is small by chance they
    would get a weight that they do not have.
    """
    if structures is None:
        return beads
    d = len(beads.shift)
    one, other = beads.std[:d], structures.std[:d]
    agree = np.abs(structures.shift - beads.shift) <= _AGREE * np.hypot(one, other)
    return structures if agree.all() and other.max() < one.max() else beads


def _beads_of(
    locs: Localizations, in_time: Localizations, center: FloatArray, lateral: float
) -> BeadPlaces | None:
    """Return the beads that are seen ``in_time``, and which localizations are theirs."""
    d = len(center)
    count = FrameCount.of(in_time.frames, in_time.positions)
    when = count.number(in_time.frames)
    some = _rows_to_look_at(when)
    at, when = np.ascontiguousarray(in_time.positions[some, :d]) - center, when[some]
    best: tuple[Beads, CommonMotion, BoolArray] | None = None
    most = 0
    for size in _SIZES:
        radius = size / 2 * lateral
        if not 0 < radius < np.inf or _crowded(at[:, :2], len(np.unique(when)), 2 * radius):
            break
        beads = find_beads(at, when, None, given=None, radius=radius, presence=_PRESENCE)
        if not len(beads.paths):
            continue
        motion = common_motion(at, beads, Timeline.of(when).evenly(_WINDOWS))
        good = _compact(beads, motion, at, when)
        if good.sum() > most:
            best, most = (beads, motion, good), int(good.sum())
        if most >= fewest_beads(with_rotation=False, with_scaling=False):
            break
    if best is None:
        return None
    beads, motion, good = best
    known = motion.valid
    drift = motion.drift[known]
    place = motion.place + (drift - drift[0]).mean(axis=0)
    order = np.argsort(-beads.presence, kind="stable")
    kept = order[good[order]][:_MOST_BEADS]
    is_bead = BeadPaths(
        beads.paths.knots, beads.paths.edges, beads.paths.position[:, good], beads.paths.radius
    ).on_path(locs.positions[:, :2] - center[:2], count.number(locs.frames))
    return BeadPlaces(place[kept], _variance(beads, motion)[kept], is_bead)


def _rows_to_look_at(frames: IntArray) -> BoolArray | slice:
    """Return the rows of every so many runs of frames; frames do not decrease."""
    if len(frames) <= MOST_FOR_BEADS:
        return slice(None)
    every = -(-len(frames) // MOST_FOR_BEADS)
    return np.asarray((Timeline.of(frames).of_rows // _RUN) % every == 0)


def _crowded(xy: FloatArray, n_frames: int, size: float) -> bool:
    """Tell whether more spots are seen as often as a bead than there are beads: a dense table."""
    cell = np.floor((xy - xy.min(axis=0)) / size).astype(np.int64)
    _, count = np.unique(cell[:, 0] * (cell[:, 1].max() + 1) + cell[:, 1], return_counts=True)
    # A bead at the corner of a cell is in four.
    often = count >= max(_PRESENCE * n_frames / 4, _FEWEST_SEEN)
    return int(often.sum()) > 4 * _MOST_SPOTS


def _compact(
    beads: Beads, motion: CommonMotion, positions: FloatArray, frames: IntArray
) -> BoolArray:
    """Return which beads are one emitter, and not a dense structure; shape (b,)."""
    jitter = np.sqrt(motion.jitter[:, :2].max(axis=1))
    good = (jitter < _COMPACT * beads.paths.radius) & np.isfinite(motion.place).all(axis=1)
    if not motion.valid.any():
        good[:] = False
    seen = np.bincount(beads.bead, minlength=len(good))
    for bead in np.flatnonzero(good):
        near = beads.paths.distance(positions[:, :2], frames, int(bead)) <= beads.paths.radius
        good[bead] = near.sum() <= _CROWDED * seen[bead]
    return np.asarray(good)


def _variance(beads: Beads, motion: CommonMotion) -> FloatArray:
    """Return the variance of the place of each bead, shape (b, d).

    ``jitter / n``, and the mean square of how far the means of windows stray from the common motion
    beyond their jitter, where that is more than chance.
    """
    n = np.bincount(beads.bead, minlength=len(motion.place))[:, None]
    windows = motion.valid
    counts = motion.counts[windows][:, :, None]
    residual = motion.means[windows] - motion.drift[windows][:, None]
    residual = residual + motion.drift[windows][0] - motion.place
    seen = (counts > 0).sum(axis=0)
    z = (residual**2 * counts / motion.jitter).sum(axis=0) / np.maximum(seen, 1)
    shot = motion.jitter * np.maximum(seen, 1) / np.maximum(counts.sum(axis=0), 1)
    wanders = z > 1 + _WANDERS * np.sqrt(2 / np.maximum(seen, 1))
    return motion.jitter / np.maximum(n, 1) + np.where(wanders, (z - 1) * shot, 0.0)
