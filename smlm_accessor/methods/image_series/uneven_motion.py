"""Motion within chunks: the mean shift of each over its parts.

The image of a chunk in which the sample moves has its maximum where the sample was longest, which
need not be near its mean: after a jump within the chunk, it is off by up to half of the jump.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.backends import map_threads
from smlm_accessor.kernels.correlation.peak_precision import PeakMatcher
from smlm_accessor.kernels.field.jackknife import variances
from smlm_accessor.methods.image_series.means_of_parts import Means
from smlm_accessor.methods.image_series.parts_of_chunks import (
    PARTS,
    Part,
    PartSearch,
    edges_of_parts,
)
from smlm_accessor.methods.image_series.registration import Shifts
from smlm_accessor.methods.image_series.spectra import SpectrumOfRows

# Pixels of the images of the first parts of all chunks, at most, for the time that they take.
_ALL_PIXELS = 2**24
# Parts of a chunk that are halved: so a jump is found to a 2**8th of a part.
_HALVED = 8


def with_means_of_parts(
    shifts: Shifts,
    image: SpectrumOfRows,
    bounds: IntArray,
    matcher: PeakMatcher,
    *,
    used: BoolArray,
    segment: IntArray,
    missing: Callable[[IntArray, FloatArray], BoolArray] | None = None,
    threads: int | None = None,
    progress: bool = False,
) -> tuple[Shifts, BoolArray]:
    """Return shifts that are nearer to the means over parts where the sample moves.

    Where it does, parts are halved until what it moves within them matters less than the
    other error of the mean. What is left of that adds to the variances. A chunk that is not valid,
    for the motion has torn its maximum apart, is valid by its parts. Also returned is in which
    chunks that is so, or the mean is elsewhere by more than their own error.

    A part that is not seen by itself may be elsewhere, and nobody knows where: a chunk is not valid
    of which such a part is ``missing`` where the rest is, if a function is given that tells this
    from the edges of parts and the shifts of chunks.

    ``bounds`` are those of the rows of chunks, of which some are ``used``; between those of another
    ``segment`` the sample is known to jump. Influences on matches are those of the same field
    blocks as on the shifts.
    """
    chunks = np.flatnonzero(used).tolist()
    n = PARTS
    while n * len(chunks) * matcher.grid.pixels * image.n_tiles > _ALL_PIXELS:
        n //= 2
    parts: list[Part] = []
    if n > 1 and shifts.valid.sum() > 1:
        search = PartSearch.begin(image, bounds, shifts.shift, matcher)
        each = partial(map_threads, threads=threads)
        look = partial(search.parts, n=n)
        parts = [*chain(*each(look, chunks, progress=progress, description="parts"))]
    if sum(shifts.valid[list({part.chunk for part in parts})]) < 2:
        return shifts, np.zeros(len(used), dtype=np.bool_)
    means, whole = Means.over(parts, segment), set[int]()
    for _ in range(_HALVED):
        worst = means.worst(np.array([part.start not in whole for part in parts]))
        if not worst:
            break
        halves = dict(zip(worst, each(search.halves, [parts[i] for i in worst]), strict=True))
        whole |= {parts[i].start for i, found in halves.items() if len(found) < 2}
        parts = [*chain(*(halves.get(i, [part]) for i, part in enumerate(parts)))]
        means = Means.over(parts, segment)
    found, uneven = _with_means(shifts, means, matcher.correlator.smoothing)
    lost = _lost(parts, edges_of_parts(bounds), shifts.shift, missing)
    return found.without(lost), uneven & ~lost


def _with_means(shifts: Shifts, means: Means, smoothing: float) -> tuple[Shifts, BoolArray]:
    assert shifts.influence is not None
    shift, variance, influence = (x.copy() for x in (*shifts[:2], shifts.influence))
    quality, valid = shifts.quality.copy(), shifts.valid.copy()
    known, moves = valid[means.of], np.any(means.spread, axis=1)
    unseen = means.unseen_of_chunks
    # A motion that is narrower than the smoothing tears no maximum apart.
    new = ~known & np.any(means.spread > smoothing**2, axis=1)
    of, torn = means.of[known], means.of[new]
    away, at_rest = shift[of] - means.shift[known], ~moves[known]
    # What all chunks have in common says nothing: it is seen best of those at rest.
    common = np.median(away[at_rest] if at_rest.any() else away, axis=0)
    away -= common
    independent = means.variance[known] + variance[of]
    error = variances(influence[of] - means.influence[known], independent)
    weight = _weights(away, error, means.spread[known])
    off = weight * away
    uneven = np.zeros(len(valid), dtype=np.bool_)
    uneven[of] = (off**2 > variance[of]).any(axis=1)
    # Where nearly all of a chunk rests at the maximum, it stays there: the jump is at its end.
    places = means.shift.copy()
    places[known] = shift[of] - common
    rests = means.rest_at(places)[known][:, None]
    shift[of] -= np.where(rests, 0.0, off)
    variance[of] += weight * error + np.where(rests, off**2, 0.0)
    influence[of] += np.where(rests, 0.0, weight)[:, None] * (
        means.influence[known] - influence[of]
    )
    shift[torn], variance[torn] = means.shift[new] + common, means.variance[new]
    influence[torn], quality[torn] = means.influence[new], means.quality[new]
    valid[torn] = uneven[torn] = True
    variance[means.of] += unseen
    return Shifts(shift, variance, quality, valid, influence).from_first(), uneven


def _lost(
    parts: Sequence[Part],
    edges: IntArray,
    shift: FloatArray,
    missing: Callable[[IntArray, FloatArray], BoolArray] | None,
) -> BoolArray:
    """Tell of which chunks something is missing that was not seen by itself."""
    together = np.zeros((len(edges), edges.shape[1] - 1), dtype=np.bool_)
    for part in parts:
        inside = (edges[part.chunk, :-1] >= part.start) & (edges[part.chunk, 1:] <= part.stop)
        together[part.chunk] |= inside & (inside.sum() > 1)
    if missing is None or not together.any():
        return np.zeros(len(edges), dtype=np.bool_)
    return np.asarray((missing(edges, shift) & together).any(axis=1))


def _weights(away: FloatArray, error: FloatArray, spread: FloatArray) -> FloatArray:
    """Return how much the means over parts count beside the maxima; all shapes (k, d).

    Maxima that are ``away`` from the means, with a variance of ``error``, are truly so by a part of
    the variance of where the sample was, the ``spread``: the same part in all chunks (a normal
    prior, whose variance all chunks together tell).
    """
    moves = np.any(spread, axis=1)
    squares = max(float(np.nansum((away**2 - error)[moves])), 0.0)
    prior = spread * (squares / max(float(spread.sum()), 1e-300))
    return np.divide(prior, prior + error, out=np.zeros_like(prior), where=prior > 0)
