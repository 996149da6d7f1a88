"""Redundant cross-correlation: all pairs of segments."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.errors import OptionError
from smlm_accessor.kernels import by_column
from smlm_accessor.methods.api import ChunkedLocalizations, Registered
from smlm_accessor.methods.image_series.window_shifts import search_window_shifts
from smlm_accessor.methods.overlap.beginning import begun_windows
from smlm_accessor.methods.overlap.evidence import UNSURE
from smlm_accessor.methods.overlap.parts import Joined, Parts, with_parts_joined
from smlm_accessor.methods.precision import precision_along
from smlm_accessor.methods.rcc.aligner import Aligner
from smlm_accessor.methods.rcc.chunks import Start, start_of_chunks
from smlm_accessor.methods.rcc.pairs import Aligned
from smlm_accessor.methods.rcc.smoothing import choose_smoothing
from smlm_accessor.methods.rcc.windows import best_windows, search_windows
from smlm_accessor.methods.registry import register
from smlm_accessor.options import length
from smlm_accessor.timeline import Windows

# Precisions, from where the best smoothing is looked for: twice how far localizations of a molecule
# are from each other, one standard deviation.
_SMOOTHING = 2 * 2**0.5
_OF_CHUNKS = (
    "{}={!r} is of the search for the shifts of given chunks by images: give chunks, too, by "
    "frames_per_chunk for example, or leave it out"
)
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

    Where segments are is known roughly at first. From there on the correlation of two segments is
    only needed next to its maximum, where it is a sum over close pairs of localizations, without
    pixels. The shifts of all pairs of segments are measured so, and the drift is their weighted
    least-squares solution [1]_. The smoothing is reduced for as long as that makes the drift more
    precise.

    If no chunks are asked for, segments begin with the first drift of `overlap`, and end at its
    jumps. They are so short that what the sample moves within one costs as much precision as what
    a shorter one would lack in localizations, but long enough for most to be told from chance.
    Chunks that are given are searched: images of them, or of some windows of time if there are
    many, are correlated, each with the sum of all others.

    Does badly when the structure turns, grows or is renewed during the movie, and when the sample
    moves farther in a segment than the precision of many localizations together.

    Parameters
    ----------
    bin_size : float, optional
        Edge of a pixel of the images in which the search for given chunks begins. By default as
        small as leaves padded images of no more than 2**16 pixels. Without chunks it is an error.
    smoothing : float, optional
        Standard deviation in x and y of the smoothing of the final correlations. By default the
        one that promises the most precise drift, judging by the data; along z it always is.
    max_shift : float, optional
        Largest shift of given chunks that is looked for, along each axis. By default half the
        extent of the field in x and y, and all of it in z. Nothing wraps round. Without chunks it
        is an error.
    max_residual : float, optional
        Pairs whose shift is farther off the solution are dropped, worst first, unless segments
        would lose their connection to the rest. By default six standard deviations of that pair.

    Returns
    -------
    Registered
        ``quality`` is the smoothing divided by the standard deviation of the shift; a segment is
        invalid below 5, if its localizations lie on too few others, or if most between the same
        jumps are invalid. ``offset_std`` is what the segment's own localizations contribute, and
        what all pairs do: the difference of two segments has the variance of both. As localizations
        depend on each other, in blinks, it is made larger by as much as squares of the field show.
        Where the method chooses the segments, ``offset_std`` is at least that of the joint drift,
        if molecules bleach, and holds that the frame of a jump may be another one; and segments
        known worse than three precisions, farther than that from the first drift, or of which most
        lies on nothing, are invalid.
        ``chosen`` holds the smoothing, in 3D that along z, the part of pairs that was dropped and,
        if the user gave no chunks, the frames per chunk and their number, jumps (the first frame
        after each) and the choices of the coarse drift.

    Notes
    -----
    Each localization is compared with some 32 others: where more are near, frames are dealt out
    at random to sets that are not compared with each other. Time and memory grow as the number of
    localizations. The variance of a shift is that of a U-statistic: the squared slopes that all
    others make at each localization of the segment, divided by the squared curvature.

    Parts of the table that share no more structures than chance gives among the positions searched
    (see `overlap`: envelopes, as the range of z that is in focus, have no curvature) are laid on
    the largest part at the shift at which images of both have most in common. Those that still
    share nothing are invalid.

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
    if localizations.n_chunks == 1:
        for name, value in {"bin_size": bin_size, "max_shift": max_shift}.items():
            if value is not None:
                raise OptionError(_OF_CHUNKS.format(name, value))
        return _of_windows(localizations, smoothing, max_residual, threads)
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
        return Registered.failed(localizations, _NO_EVIDENCE)
    h, aligned = choose_smoothing(aligner, windows, shifts.drift, shifts.valid, shifts.smoothing)
    return _of_chunks(start_of_chunks(aligner, windows, shifts, aligned, h, search))


def _of_chunks(start: Start) -> Registered:
    """Return what all localizations tell of the chunks that were given."""
    aligner, chunks, begin, valid, h, still = start

    def align(found: Aligned | None, joined: Joined | None) -> tuple[Aligned, Parts]:
        drift = begin
        if found is not None and joined is not None:
            drift = np.where(found.valid[:, None], found.drift, begin) + chunks.mean(joined.shift)
        found = aligner.align_all(chunks, drift, valid, h, still)
        return found, _parts(aligner, chunks, found, still)

    final, parts = with_parts_joined(align, chunks.timeline.frames)
    found = _registered(final, None, _chosen(h, final))
    return parts.without_others(found, aligner.localizations)


def _of_windows(
    localizations: ChunkedLocalizations,
    smoothing: float | None,
    max_residual: float | None,
    threads: int | None,
) -> Registered:
    """Choose windows of time between jumps, and align all of them."""
    sigma = precision_along(localizations)
    begun = begun_windows(localizations, sigma, threads)
    if begun is None:
        return Registered.failed(localizations, _NO_EVIDENCE)
    first = begun.found
    known = replace(localizations, jumps=first.jumps)
    aligner = Aligner(known, smoothing, max_residual, threads)
    timeline = aligner.all.timeline
    start = np.where(first.is_lost(timeline)[:, None], np.nan, first.in_frames(timeline).drift)
    windows, h = best_windows(aligner, start, _SMOOTHING * sigma, begun.smoothing)
    told, parts = begun.told_of(windows.edges, windows.mean_frame), begun.parts.without_density()
    del begun  # its events
    drift = windows.mean(start)
    final = aligner.align_all(windows, drift, by_column.all_finite(drift), h)
    variance, may_be = told.with_own(final.variance, sigma)
    moved = final.drift - drift
    moved -= np.median(moved[final.valid], axis=0) if final.valid.any() else 0.0
    may_be &= (np.abs(moved) < UNSURE * sigma).all(axis=1)
    final = final._replace(variance=variance).only(final.valid & may_be)
    chosen = {
        "coarse": first.chosen,
        "frames_per_chunk": float(np.median(np.diff(windows.edges))),
        "n_chunks": len(windows),
        "jumps": first.jumps.tolist(),
    }
    found = _registered(final, windows.edges, chosen | _chosen(h, final), first.jumps)
    return parts.without_others(found, localizations)


def _parts(aligner: Aligner, chunks: Windows, final: Aligned, still: BoolArray) -> Parts:
    """Return the parts of the table that do not know of each other."""
    drift = chunks.shape(final.drift, final.valid, still)
    drift[~final.valid[chunks.of_frame]] = np.nan
    return Parts.of(aligner.localizations, drift[aligner.all.frame_of], aligner.precision)


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
