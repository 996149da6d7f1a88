"""Choose segments, or take those that are given, and align them."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.time_series.window_length import FEWEST, MOST, longer_by, smoothed
from smlm_accessor.methods.image_series.chance import erratic
from smlm_accessor.methods.image_series.search import Found, search
from smlm_accessor.methods.rcc.jumps import cut_at_jumps, rescued, with_edges
from smlm_accessor.methods.rcc.pairs import Aligned
from smlm_accessor.methods.rcc.plan import Plan
from smlm_accessor.timeline import Timeline, Windows

#: Windows of the search, and localizations of each at least.
WINDOWS = 48
PER_WINDOW = 100
# More chunks than this are not searched one by one.
_MANY = 96
_ROUNDS = 6
_SIMILAR = (0.75, 1.25)
# Chunks that should be shorter by this factor are looked at in so many parts.
_SHORTER = 0.7
_PARTS = 4
# The same localizations once more, where nothing is left to be found out.
_EXACT = 1e-6
# The median of their squared moves, in variances, has to be larger; that of chance is 0.45.
_MOVED = 1.5
# Of the parts, so many have to be clear by themselves.
_CLEAR = 0.8
# Localizations of a segment, in the mean, at least.
_PER_SEGMENT = 12


class Result(NamedTuple):
    """Windows, what they are aligned by, and what was chosen."""

    segments: Windows
    aligned: Aligned
    chosen: dict[str, Any]
    jumps: IntArray | None = None


def choose_segments(plan: Plan, options: dict[str, Any]) -> Result:
    """Choose segments from the data, and align them."""
    timeline, n = plan.aligner.timeline, len(plan.localizations.positions)
    segments, found = _windows(plan, timeline, _n_windows(n), options)
    if found.valid.sum() < 2:
        return Result(segments, nothing(len(segments), len(found.smoothing)), {})
    length = longer_by(found.drift, found.variance, found.valid)
    found = found._replace(drift=smoothed(found.drift, found.valid, length, segments.segment))
    drift = bridged(segments, found, segments)
    h, aligned = plan.sharpen(segments, drift, found.valid, found.smoothing)
    refined = False
    for _ in range(_ROUNDS):
        factor = longer_by(aligned.drift, aligned.variance, aligned.valid, plan.share)
        # What was made too short by chance is made longer, but not back and forth.
        last = refined and factor > 1
        k = round(len(segments) / (np.sqrt(factor) if last else factor))
        k = int(np.clip(k, FEWEST, min(MOST, n / _PER_SEGMENT)))
        if _SIMILAR[0] < k / len(segments) < _SIMILAR[1]:
            break
        refined = refined or k > len(segments)
        others = timeline.evenly(k)
        drift = bridged(segments, aligned, others)
        segments = others
        aligned = rescued(plan, segments, plan.resume(segments, drift, h), h)
        if last:
            break
    segments, drift, beside, jumps = cut_at_jumps(plan, segments, aligned, h)
    final = plan.finish(segments, drift, segments.counts > 0, h, beside)
    segments, final = with_edges(segments, final, beside)
    chosen = {
        "frames_per_chunk": float(np.median(np.diff(segments.edges))),
        "n_chunks": len(segments),
        "jumps": jumps.tolist(),
        **_chosen(h, final),
    }
    return Result(segments, final, chosen, jumps)


def in_given_chunks(plan: Plan, options: dict[str, Any]) -> Result:
    """Align chunks that the user has chosen."""
    timeline, localizations = plan.aligner.timeline, plan.localizations
    segments = timeline.cut(localizations.frame_edges())
    windows, found = segments, None
    if len(segments) <= _MANY:
        found = _search(plan, segments, options)
    if found is None or _by_chance(found, plan):
        n = min(_n_windows(len(localizations.positions)), len(segments))
        windows, found = _windows(plan, timeline, n, options)
    if found.valid.sum() < 2:
        return Result(segments, nothing(len(segments), len(found.smoothing)), {})
    drift = bridged(windows, found, windows)
    h, aligned = plan.sharpen(windows, drift, found.valid, found.smoothing)
    valid = found.valid
    if windows is not segments:
        drift = bridged(windows, aligned, segments)
        valid = segments.counts > 0
        aligned = plan.resume(segments, drift, h)
    drift = np.where(aligned.valid[:, None], aligned.drift, drift)
    aligned = aligned._replace(drift=drift, valid=valid)
    still = np.zeros(len(segments), dtype=bool)
    if _moves(aligned, plan, float(found.smoothing[0])):
        before = plan.localizations
        plan, drift, h = _without_motion(plan, segments, aligned, h, options)
        still[:] = plan.localizations is not before
    final = plan.finish(segments, drift, valid, h, still)
    return Result(segments, final, _chosen(h, final))


def _moves(aligned: Aligned, plan: Plan, smoothing: float) -> bool:
    """Tell whether chunks are so long that the curve through them does not say how they move."""
    std = np.sqrt(np.nanmedian(aligned.variance[aligned.valid]))
    if not std > _EXACT * smoothing:
        return False
    few = int(aligned.valid.sum()) < FEWEST
    return few or longer_by(aligned.drift, aligned.variance, aligned.valid, plan.share) < _SHORTER


def _without_motion(
    plan: Plan,
    chunks: Windows,
    aligned: Aligned,
    smoothing: FloatArray,
    options: dict[str, Any],
) -> tuple[Plan, FloatArray, FloatArray]:
    """Take the motion within chunks out of the positions, as seen in parts of them.

    Returns
    -------
    plan : Plan
        In which chunks stand still.
    drift : ndarray, shape (k, d)
        Their mean drift.
    smoothing : ndarray, shape (d,)
    """
    k, n = len(chunks), len(plan.localizations.positions)
    n_parts = max(_PARTS, min(WINDOWS, n // PER_WINDOW) // k)
    edges = [np.linspace(a, b, n_parts, endpoint=False) for a, b in pairwise(chunks.edges)]
    edges.append(chunks.edges[-1:].astype(np.float64))
    parts = plan.aligner.timeline.cut(np.unique(np.round(np.concatenate(edges)).astype(np.int64)))
    of_chunk = np.searchsorted(chunks.edges, parts.edges[:-1], side="right") - 1
    valid, before = aligned.valid[of_chunk], smoothing
    start, found = bridged(chunks, aligned, parts), None
    if n_parts > _PARTS:
        found = _search(plan, parts, options)
        found = found._replace(valid=found.valid & valid)
    if found is not None and found.valid.sum() >= _CLEAR * valid.sum():
        start = bridged(parts, found, parts)
        smoothing, seen = plan.sharpen(parts, start, valid, found.smoothing)
    else:
        seen = plan.resume(parts, start, smoothing, valid)
    seen = rescued(plan, parts, seen, smoothing)
    curve = parts.curve(seen.drift, seen.valid)
    drift = chunks.mean(curve)
    moved = (seen.drift - drift[of_chunk])[seen.valid] ** 2 / seen.variance[seen.valid]
    if not np.median(moved) > _MOVED:
        return plan, aligned.drift, before
    within = (curve - drift[chunks.of_frame])[plan.aligner.frame_of]
    localizations = replace(plan.localizations, positions=plan.localizations.positions - within)
    return replace(plan, localizations=localizations), drift, smoothing


def bridged(segments: Windows, found: Aligned | Found, onto: Windows) -> FloatArray:
    """Return the drift of other segments, from the curve through those that are valid."""
    if onto is not segments:
        return onto.mean(segments.curve(found.drift, found.valid))
    drift = segments.mean(segments.curve(found.drift, found.valid))
    return np.where(found.valid[:, None], found.drift, drift)


def nothing(k: int, d: int) -> Aligned:
    """Return that nothing is known of any segment."""
    nan, zero = np.full((k, d), np.nan), np.zeros(k)
    return Aligned(nan, nan, zero, zero, np.zeros(k, dtype=bool), 0.0)


def _n_windows(n: int) -> int:
    return int(np.clip(n / PER_WINDOW, FEWEST, WINDOWS))


def _search(plan: Plan, windows: Windows, options: dict[str, Any]) -> Found:
    bounds = np.searchsorted(plan.localizations.frames, windows.edges)
    localizations = replace(plan.localizations, bounds=bounds, edges=windows.edges)
    return search(localizations, threads=plan.threads, **options)


def _windows(
    plan: Plan, timeline: Timeline, n: int, options: dict[str, Any]
) -> tuple[Windows, Found]:
    """Return windows and where they lie; with longer ones if that seems to be chance."""
    while True:
        windows = timeline.evenly(n)
        found = _search(plan, windows, options)
        if not _by_chance(found, plan):
            return windows, found
        if n < 2 * FEWEST:
            return windows, found._replace(valid=np.zeros(len(windows), dtype=bool))
        n //= 2


def _by_chance(found: Found, plan: Plan) -> bool:
    extent = float(np.ptp(plan.localizations.positions[:, :2], axis=0).max())
    return erratic(found.drift, found.valid, float(found.smoothing[0]), extent)


def _chosen(smoothing: FloatArray, final: Aligned) -> dict[str, Any]:
    chosen = {"smoothing": float(smoothing[0]), "pairs_dropped": final.dropped}
    if len(smoothing) == 3:
        chosen["smoothing_z"] = float(smoothing[2])
    return chosen
