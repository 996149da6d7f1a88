"""Redundant cross-correlation: all pairs of segments."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.kernels import by_column
from smlm_accessor.methods.api import ChunkedLocalizations, Registered
from smlm_accessor.methods.image_series.window_shifts import search_window_shifts
from smlm_accessor.methods.overlap.parts import Joined, Parts, with_parts_joined
from smlm_accessor.methods.rcc.aligner import Aligner
from smlm_accessor.methods.rcc.chunks import Start, start_of_chunks
from smlm_accessor.methods.rcc.jumps import (
    Cut,
    cut_at_jumps,
    only_continuous,
    split_at_jumps,
    with_jump_errors,
)
from smlm_accessor.methods.rcc.pairs import Aligned
from smlm_accessor.methods.rcc.smoothing import choose_smoothing
from smlm_accessor.methods.rcc.windows import choose_length, search_windows
from smlm_accessor.methods.registry import register
from smlm_accessor.options import length
from smlm_accessor.timeline import Windows

_NO_EVIDENCE = (
    "No two parts of the movie clearly show the same structure, so there is nothing to tell drift "
    "from; longer chunks may show more, and beads can be used by method='fiducial'."
)


@register(
    "rcc",
    targets=("all",),
    chooses_chunks=True,
    checks=dict.fromkeys(("bin_size", "smoothing", "max_shift", "max_residual"), length),
)
def rcc(
    localizations: ChunkedLocalizations,
    *,
    bin_size: float | None = None,
    smoothing: float | None = None,
    max_shift: float | None = None,
    max_residual: float | None = None,
    threads: int | None = None,
    progress: bool = False,
) -> Registered:
    """Register segments by the cross-correlations of all pairs of them.

    The images of some windows of time are correlated first, each with the sum of all others, to
    find out roughly where they are. From there on the correlation of two segments is only needed
    next to its maximum, where it is a sum over close pairs of localizations, without pixels. The
    shifts of all pairs of segments are measured so, and the drift is their weighted least-squares
    solution [1]_. The smoothing is reduced for as long as that makes the drift more precise.

    If no chunks are asked for, segments are chosen: so short that what the sample moves within one
    costs as much precision as what a shorter one would lack in localizations, but long enough for
    most to be told from chance.

    Does badly when the structure turns, grows or is renewed during the movie, and when the sample
    moves farther in a segment than the precision of many localizations together.

    Parameters
    ----------
    bin_size : float, optional
        Edge of a pixel of the images in which the search begins. By default as small as leaves
        padded images of no more than 2**16 pixels.
    smoothing : float, optional
        Standard deviation in x and y of the smoothing of the final correlations. By default the
        one that promises the most precise drift, judging by the data; along z it always is.
    max_shift : float, optional
        Largest shift between windows that is looked for, along each axis. By default half the
        extent of the field in x and y, and all of it in z. Nothing wraps round.
    max_residual : float, optional
        Pairs whose shift is farther off the solution are dropped, worst first, unless segments
        would lose their connection to the rest. By default six standard deviations of that pair.

    Returns
    -------
    Registered
        ``quality`` is the smoothing divided by the standard deviation of the shift; a segment is
        invalid below 5, if its localizations lie on too few others, if most around it are invalid,
        or if it makes the drift step where no jump is. ``offset_std`` is what the segment's own
        localizations contribute, and what all pairs do: the difference of two segments has the
        variance of both. As localizations depend on each other, in blinks, it is made larger by as
        much as squares of the field show. ``chosen`` holds the frames per chunk and their number,
        jumps (the first frame after each), the smoothing, in 3D that along z, and the part of pairs
        that was dropped.

    Notes
    -----
    Each localization is compared with some 32 others: where more are near, frames are dealt out
    at random to sets that are not compared with each other. Time and memory grow as the number of
    localizations. The variance of a shift is that of a U-statistic: the squared slopes that all
    others make at each localization of the segment, divided by the squared curvature.

    A jump is at the change point of the likelihood ``sum(log(1 + f / floor))`` of localizations,
    with the density ``f`` of all others. Parts of the table that share no more structures than
    chance gives among the positions searched (see `overlap`: envelopes, as the range of z that is
    in focus, have no curvature) are laid on the largest part at the shift at which images of both
    have most in common, and aligned again. Those that still share nothing are invalid.

    References
    ----------
    .. [1] Wang et al., Opt. Express 22, 15982 (2014), https://doi.org/10.1364/OE.22.015982

    Examples
    --------
    >>> import numpy as np
    >>> from smlm_accessor.methods.api import ChunkedLocalizations
    >>> rng = np.random.default_rng(1)
    >>> clusters = rng.uniform(-500, 500, size=(50, 2))
    >>> positions = clusters[rng.integers(50, size=4000)] + rng.normal(0, 10, size=(4000, 2))
    >>> positions[2000:] += [30, -20]
    >>> frames, bounds = np.arange(4000), np.array([0, 1000, 2000, 3000, 4000])
    >>> offset = rcc(ChunkedLocalizations(positions, frames, bounds, ("x", "y"))).offset
    >>> bool(np.abs(offset[3] - offset[0] - [-30, 20]).max() < 2)
    True
    """
    if not by_column.extent(localizations.positions[:, :2]).any():
        return Registered.failed(localizations, _NO_EVIDENCE)  # images of x and y show nothing
    given = localizations.n_chunks > 1
    search = partial(
        search_window_shifts,
        bin_size=bin_size,
        max_shift=max_shift,
        threads=threads,
        progress=progress,
        finer=True,
    )
    aligner = Aligner(localizations, smoothing, max_residual, threads)
    windows, shifts = search_windows(aligner, search)
    if shifts.valid.sum() < 2:
        k = localizations.n_chunks if given else len(windows)  # not the windows of the search
        nothing = Aligned.none(k, shifts.drift.shape[1])
        return _registered(nothing, None if given else windows.edges, {})
    h, aligned = choose_smoothing(aligner, windows, shifts.drift, shifts.valid, shifts.smoothing)
    if given:
        return _of_chunks(start_of_chunks(aligner, windows, shifts, aligned, h, search))
    return _of_windows(aligner, *choose_length(aligner, windows, aligned, h), h)


def _of_chunks(start: Start) -> Registered:
    """Return what all localizations tell of the chunks that were given."""
    aligner, chunks, begin, valid, h, still = start

    def align(found: Aligned | None, joined: Joined | None) -> tuple[Aligned, Parts]:
        drift = begin
        if found is not None and joined is not None:
            drift = np.where(found.valid[:, None], found.drift, begin) + chunks.mean(joined.shift)
        found = aligner.align_all(chunks, drift, valid, h, still, chunks.timeline.jumps)
        return found, _parts(aligner, chunks, found, still)

    final, parts = with_parts_joined(align, chunks.timeline.frames)
    found = _registered(final, None, _chosen(h, final))
    return parts.without_others(found, aligner.localizations)


def _of_windows(aligner: Aligner, windows: Windows, begin: Aligned, h: FloatArray) -> Registered:
    """Return what all localizations tell of windows, which are cut at jumps."""

    def align(found: _Final | None, joined: Joined | None) -> tuple[_Final, Parts]:
        aligned = begin
        if found is not None and joined is not None:
            aligned = aligner.align_sample(windows, windows.mean(found.in_frames + joined.shift), h)
        cut = cut_at_jumps(aligner, windows, aligned, h)
        counts = cut.windows.counts
        now = aligner.align_all(cut.windows, cut.drift, counts > 0, h, cut.beside, cut.jumps)
        now = only_continuous(cut.windows, now, h, cut.jumps)
        return _Final(cut, now), _parts(aligner, cut.windows, now, cut.beside, cut.jumps)

    (cut, final), parts = with_parts_joined(align, windows.timeline.frames)
    split, final = split_at_jumps(cut.windows, final, cut.beside)
    final = with_jump_errors(split, final, cut.found)
    chosen = {
        "frames_per_chunk": float(np.median(np.diff(split.edges))),
        "n_chunks": len(split),
        "jumps": cut.jumps.tolist(),
    }
    found = _registered(final, split.edges, chosen | _chosen(h, final), cut.jumps)
    return parts.without_others(found, aligner.localizations)


class _Final(NamedTuple):
    """Windows between jumps, and what all localizations tell of them."""

    cut: Cut
    aligned: Aligned

    @property
    def in_frames(self) -> FloatArray:
        """Drift in each frame, shape (n_frames, d)."""
        windows = self.cut.windows
        return windows.shape(self.aligned.drift, self.aligned.valid, self.cut.beside)


def _parts(
    aligner: Aligner,
    windows: Windows,
    final: Aligned,
    still: BoolArray,
    jumps: IntArray | None = None,
) -> Parts:
    """Return the parts of the table that do not know of each other."""
    localizations = aligner.localizations
    drift = windows.shape(final.drift, final.valid, still)
    drift[~final.valid[windows.of_frame]] = np.nan
    jumps = localizations.jumps if jumps is None else jumps
    known = replace(localizations, jumps=jumps)
    return Parts.of(known, drift[aligner.all.frame_of], aligner.precision)


def _chosen(smoothing: FloatArray, final: Aligned) -> dict[str, Any]:
    along_z = {"smoothing_z": float(smoothing[2])} if len(smoothing) == 3 else {}
    return {"smoothing": float(smoothing[0]), "pairs_dropped": final.dropped} | along_z


def _registered(
    final: Aligned,
    edges: IntArray | None,
    chosen: dict[str, Any],
    jumps: IntArray | None = None,
) -> Registered:
    # The same localizations again have no error that they would show.
    std = np.sqrt(np.where(final.variance > 0, final.variance, np.nan))
    reason = "" if final.valid.any() else _NO_EVIDENCE
    offset = -final.drift + 0.0
    return Registered(offset, final.sharpness, final.valid, None, std, chosen, edges, reason, jumps)
