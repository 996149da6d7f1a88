"""Adaptive intersection maximization."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.backends import track
from smlm_accessor.methods.aim.chunks import begun_chunks
from smlm_accessor.methods.aim.dependence import dependence
from smlm_accessor.methods.aim.fit import WindowFit, is_settled, verified
from smlm_accessor.methods.aim.parts import ending_with, joined_parts, stays_near
from smlm_accessor.methods.aim.sparse_image import WindowDrift
from smlm_accessor.methods.aim.windows import best_windows
from smlm_accessor.methods.api import ChunkedLocalizations, Registered
from smlm_accessor.methods.coarse.throughout import coarse, registered_coarsely
from smlm_accessor.methods.coarse.tracker import CELL, Coarse
from smlm_accessor.methods.overlap.beginning import begun_windows
from smlm_accessor.methods.overlap.parts import Parts
from smlm_accessor.methods.precision import precision_along
from smlm_accessor.methods.registry import register
from smlm_accessor.options import length

_ROUNDS = 5
# Precisions that windows may still move by when it is done. A few chunks of the user are each a
# large part of what they are fitted into, so they have to come to rest.
_STILL = 0.2
_FEW_CHUNKS = 30
_REASON = (
    "What these localizations have in common with the others does not stand out from chance; "
    "longer chunks, or a sample that blinks at the same places again, would help."
)


def _coarsely(
    localizations: ChunkedLocalizations,
    *,
    intersect_distance: float | None = None,
    threads: int | None = None,
    **others: Any,
) -> Registered:
    sigma = _precision(localizations, intersect_distance)
    return registered_coarsely(localizations, sigma, threads=threads)


@register(
    "aim",
    targets=("all",),
    chooses_chunks=True,
    coarse=_coarsely,
    checks={"intersect_distance": length},
)
def aim(
    localizations: ChunkedLocalizations,
    *,
    intersect_distance: float | None = None,
    threads: int | None = None,
    progress: bool = False,
) -> Registered:
    """Register windows of time by maximizing their intersection with all others.

    Does badly where hardly any molecule is seen twice, and on structures that look the same at
    every shift; within a window, where drift is a straight line.

    Parameters
    ----------
    intersect_distance : float, optional
        Edge of the cells that are intersected, in x and y. By default twice the localization
        precision. Along z it is as much longer as localizations are less precise.

    Returns
    -------
    Registered
        ``quality`` is how far the number of molecules that share a cell with all others stands out
        from that at other shifts, in standard deviations of chance; where the method chooses the
        chunks it is that of `overlap`, of the short window that each begins in. ``offset_std`` is
        what the positions of the chunk's own localizations contribute; as these depend on each
        other, in blinks, it is made larger by as much as field blocks show. Where the method
        chooses the chunks, it is at least that of the joint drift, if molecules bleach, and holds
        that the frame of a jump may be another one; and chunks known worse than three precisions
        are invalid. ``chosen`` holds the precision, the distance, the choices of the coarse drift
        and, if the user gave no chunks, ``frames_per_chunk`` and jumps (the first frame after
        each).

    Notes
    -----
    As in the paper, coordinates are cut into cells, and each window is compared with the image of
    all others without itself. What differs: a cell keeps the sum of the positions within it, so
    that the last step is Newton's for the likelihood of positions under the density of the others,
    and no digits are lost to cells.

    Without chunks from the user, the start is the first drift of `overlap`, with its jumps, and
    where molecules bleach its joint drift: windows that know only those near in time would wander
    together. Windows are as long as promises the least error of the curve through them: that which
    predicts every other short window best. A short one is no shorter than a blink, or than a 32nd
    of the movie, if blinks are longer.

    A fixed length is asked for by ``frames_per_chunk``, as of any method; ``segments="find"`` then
    puts edges at jumps. The start is the coarse drift, as of `overlap`. Where it moves by less than
    0.3 precisions within chunks, root mean square, they begin at its means. Where it moves by less
    than one precision, and chunks are shorter than four of its windows, it is taken off first, less
    its mean over the localizations of a chunk. Otherwise this is done with the same curve as
    without chunks, in segments where the sample is not at rest: where the Newton steps ``s`` of
    windows from their mean have a ``sum((s - mean)**2 / variance)`` that is chance in 1 of 1,000
    only (chi-square), or where windows moved by more than a precision. Then chunks are fitted into
    all others as a whole.

    Parts of the table that share no more structures than chance gives among the positions searched
    (see `overlap`) are laid on the largest part at the shift at which images of both have most in
    common; windows end there. Those that still share nothing are invalid. Where nothing tells the
    precision along z, it is taken for twice that in x.

    References
    ----------
    Ma et al., Sci. Adv. 10, eadm7765 (2024), https://doi.org/10.1126/sciadv.adm7765

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> sites = rng.uniform(-2000, 2000, size=(100, 2))
    >>> frames = np.repeat(np.arange(500), 10)
    >>> positions = sites[rng.integers(100, size=5000)] + rng.normal(0, 5, size=(5000, 2))
    >>> positions += 0.1 * frames[:, None]
    >>> localizations = ChunkedLocalizations(positions, frames, np.array([0, 5000]), ("x", "y"))
    >>> found = aim(localizations)
    >>> bool(found.valid.all()), len(found.offset) == len(found.edges) - 1
    (True, True)
    """
    sigma = _precision(localizations, intersect_distance)
    fit = WindowFit(localizations, sigma, threads)
    estimate = _of_chunks if localizations.n_chunks > 1 else _of_windows
    registered = estimate(fit, progress)
    chosen = {"precision": sigma.tolist(), "intersect_distance": _distance(sigma)}
    return replace(registered, chosen=registered.chosen | chosen)


def _of_windows(fit: WindowFit, progress: bool) -> Registered:
    """Choose windows of time, and fit each into all others."""
    localizations, sigma = fit.localizations, fit.precision
    begun = begun_windows(localizations, sigma, fit.threads)
    if begun is None:
        return Registered.failed(localizations, _REASON)
    found = begun.found
    edges, motion = best_windows(replace(fit, blink=begun.blink), found)
    told, parts = begun.told_of(edges, motion.middle), begun.parts.without_density()
    del begun  # its events
    motion, variance = _fitted(fit, motion, _STILL * sigma, progress)
    variance, may_be = told.with_own(variance[:, : len(sigma)], sigma)
    quality = found.evidence[found.window_of(edges[:-1])]
    chosen = {
        "coarse": found.chosen,
        "frames_per_chunk": int(np.median(np.diff(edges))),
        "jumps": found.jumps.tolist(),
    }
    registered = _registered(motion, variance, quality, may_be, chosen)
    registered = replace(registered, edges=edges, jumps=found.jumps)
    return _of_one_part(registered, motion, fit, found, parts)


def _of_chunks(fit: WindowFit, progress: bool) -> Registered:
    """Fit the chunks of the user into all others."""
    localizations, sigma = fit.localizations, fit.precision
    found = coarse(localizations, sigma, threads=fit.threads)
    chosen = {"coarse": found.chosen}
    if not found.valid.any():
        return Registered.failed(localizations, _REASON, chosen)
    found, parts = joined_parts(localizations, found, sigma)
    ending = ending_with(parts, found, localizations)
    chunks, motion = begun_chunks(fit, ending)
    fit = replace(fit, localizations=chunks)
    motion, quality = verified(fit, motion)
    still = (0.0 if localizations.n_chunks < _FEW_CHUNKS else _STILL) * sigma
    motion, variance = _fitted(fit, motion, still, progress)
    every = np.ones(len(quality), dtype=np.bool_)
    registered = _registered(motion, variance[:, : len(sigma)], quality, every, chosen)
    return _of_one_part(registered, motion, fit, ending, parts, found.jumps)


def _fitted(
    fit: WindowFit, motion: WindowDrift, still: FloatArray, progress: bool
) -> tuple[WindowDrift, FloatArray]:
    """Fit windows into all others until they rest; return their variances, too, shape (k, 3)."""
    variance = np.full_like(motion.drift, np.nan)
    for _ in track(range(_ROUNDS), total=_ROUNDS, progress=progress, description="aim"):
        before, (motion, variance) = motion, fit.refit(motion)
        if is_settled(motion, before, still):
            break
    return motion, variance * dependence(fit, motion)


def _registered(
    motion: WindowDrift,
    variance: FloatArray,
    quality: FloatArray,
    told: BoolArray,
    chosen: dict[str, Any],
) -> Registered:
    """Return the drift of windows as offsets of chunks; those that are told are valid."""
    valid = motion.known & (motion.known.sum() > 1) & told
    std = np.where(valid[:, None], np.sqrt(variance), np.nan)
    return Registered(
        np.where(valid[:, None], 0.0 - motion.drift[:, : variance.shape[1]], np.nan),
        quality,
        valid,
        offset_std=np.where(std > 0, std, np.nan),
        chosen=chosen,
        reason="" if valid.all() else _REASON,
    )


def _of_one_part(
    registered: Registered,
    motion: WindowDrift,
    fit: WindowFit,
    found: Coarse,
    parts: Parts,
    jumps: IntArray | None = None,
) -> Registered:
    """Return the same without chunks of other parts than the largest, before and after the fit."""
    localizations, sigma = fit.localizations, fit.precision
    registered = parts.without_others(registered, localizations)
    if not parts.known.part.any() and stays_near(motion, found, sigma):
        return registered
    drift = motion.of_rows(localizations.frames)[:, : len(sigma)]
    known = replace(localizations, jumps=found.jumps if jumps is None else jumps)
    return Parts.of(known, drift, sigma).without_others(registered, localizations)


def _precision(localizations: ChunkedLocalizations, distance: float | None) -> FloatArray:
    """Return half of the distance, or the usual precision, along each axis."""
    if distance is not None and localizations.positions.shape[1] == 2:
        return np.full(2, distance / 2)
    sigma = precision_along(localizations)
    return sigma if distance is None else sigma * (distance / _distance(sigma))


def _distance(sigma: FloatArray) -> float:
    return float(CELL * np.sqrt(sigma[0] * sigma[1]))
