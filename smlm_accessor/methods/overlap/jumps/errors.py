"""How wrong a window may be because the frame of a jump beside it is not known."""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.time_series.change_point import change_point_probability
from smlm_accessor.methods.overlap.density import Density
from smlm_accessor.methods.overlap.events import WeightedLocalizations
from smlm_accessor.methods.overlap.jumps.going_on import odds_by_blinks
from smlm_accessor.methods.overlap.jumps.placing import LogLikelihoods, evidence_of_localization
from smlm_accessor.timeline import Windows

_LEAST = 1e-4  # probability of a frame that counts
# Frames, with localizations, on either side of a jump that are looked at: no more than one part in
# so many of all, for these are not compared with each other.
_AROUND, _ONE_IN = 400, 20


def jump_errors(
    drift: FloatArray, windows: Windows, density: Density, rows: WeightedLocalizations
) -> FloatArray:
    """Return the mean square error of windows by the frames of jumps, shape (n_windows, d).

    Between the last localization that tells that the sample has not jumped yet, and the first that
    tells that it has, there may be others which tell nothing: the jump is at any of them. If it is
    at ``c`` instead of ``k``, the localizations from one to the other are wrong by the whole jump.
    The mean drift of a window is then wrong by the jump times their share in it; its square is
    averaged over the probabilities of all ``c``.

    Parameters
    ----------
    drift : ndarray, shape (n_frames, d)
    windows : Windows
        Begin at the jumps. Jumps that are told are where they are.
    density : Density
    rows : WeightedLocalizations
        Its timeline has the jumps that are told.
    """
    timeline = windows.timeline
    result = np.zeros((len(windows), drift.shape[1]))
    around = min(_AROUND, len(timeline.frames) // _ONE_IN)
    evidence = evidence_of_localization(density, rows)
    at = np.searchsorted(timeline.frames, timeline.jumps)
    ends = np.concatenate([[0], at, [len(timeline.frames)]])
    for i, jump in enumerate(at):
        if timeline.jumps[i] in rows.timeline.jumps:
            continue
        start, stop = max(jump - around, ends[i]), min(jump + around, ends[i + 2])
        before, after = drift[start:stop].copy(), drift[start:stop].copy()
        before[jump - start :], after[: jump - start] = drift[jump - 1], drift[jump]
        here, there = LogLikelihoods.of([before, after], int(start), density, rows).in_frames
        odds = odds_by_blinks(after - before, int(start), density, rows)
        probability = change_point_probability(here - there, evidence=evidence, odds=odds)
        share = square_of_wrong_share(windows, int(jump), int(start), probability)
        result += share[:, None] * (drift[jump] - drift[jump - 1]) ** 2
    return result


def square_of_wrong_share(
    windows: Windows, jump: int, start: int, probability: FloatArray
) -> FloatArray:
    """Return the mean square of the part of each window that is on the wrong side of a jump, (k,).

    The jump was taken to be at a frame, by its index. It is at those from ``start`` on with some
    ``probability`` each.
    """
    result, timeline = np.zeros(len(windows)), windows.timeline
    for c in start + np.flatnonzero(probability > _LEAST):
        wrong = slice(min(c, jump), max(c, jump))
        counts = np.bincount(windows.of_frame[wrong], timeline.counts[wrong], len(windows))
        result += probability[c - start] * (counts / np.maximum(windows.counts, 1)) ** 2
    return result
