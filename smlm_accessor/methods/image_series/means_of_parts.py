"""What parts say of chunks: mean shifts, where the sample was, and what they do not tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import chdtrc

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.kernels.chance import FALSE_ALARM, highest_by_chance
from smlm_accessor.kernels.field.jackknife import inflation
from smlm_accessor.methods.image_series.parts_of_chunks import PARTS, Part

# A chunk lies at a place if no more of it lies elsewhere than a jump hides in one of the parts.
_ALL_BUT = 0.5 / PARTS


class Means(NamedTuple):
    """The means over parts, of the chunks ``of``, shape (k,); for four others see `Shifts`.

    The quality is the least of the parts. ``spread``, shape (k, d), is the variance of where the
    sample was, 0 if parts are no farther apart than by chance (chi-square).

    Of parts, ``at``, shape (n,), is the place of their chunk in ``of``; ``share``, shape (n, 1),
    how much of the chunk they are; ``place`` and ``noise``, shape (n, d), their shift and its
    variance; and ``unseen`` the variance that what the sample moves within each adds to the mean.
    """

    of: IntArray
    shift: FloatArray
    variance: FloatArray
    quality: FloatArray
    influence: FloatArray
    spread: FloatArray
    at: IntArray
    share: FloatArray
    place: FloatArray
    noise: FloatArray
    unseen: FloatArray

    @classmethod
    def over(cls, parts: Sequence[Part], segment: IntArray) -> Means:
        """Return the means over parts, which are in the order of time.

        ``segment`` numbers those of all chunks between which the sample is known to jump.
        """
        of, at = np.unique([part.chunk for part in parts], return_inverse=True)
        sizes = np.array([part.stop - part.start for part in parts])
        counts = np.bincount(at, sizes)
        share = (sizes / counts[at])[:, None]
        place, noise = (np.stack([part.match[i] for part in parts]) for i in range(2))
        of_blocks = np.stack([part.match.influence for part in parts])
        influence = _of_chunks(share[..., None] * of_blocks, at)
        mean, variance = (_of_chunks(x, at) for x in (share * place, share**2 * noise))
        dependence = inflation(influence, variance, counts)
        noise *= dependence
        quality = np.full(len(of), np.inf)
        np.minimum.at(quality, at, [part.match.quality for part in parts])
        square = (place - mean[at]) ** 2
        freedom = np.maximum(np.bincount(at) - 1, 1)[:, None]
        tiny = np.finfo(np.float64).tiny  # the same localizations again have no noise
        by_chance = chdtrc(freedom, _of_chunks(square / np.maximum(noise, tiny), at))
        moves = np.any(by_chance < FALSE_ALARM / by_chance.size, axis=1)
        excess = np.nan_to_num(_of_chunks(share * (square - noise), at))  # not along a flat axis
        spread = np.maximum(excess, 0.0) * moves[:, None]
        # Anywhere within what it moves.
        unseen = (share * _steps(place, noise, segment[of[at]])) ** 2 / 12
        of_chunks = of, mean, variance * dependence, quality, influence, spread
        return cls(*of_chunks, at, share, place, noise, unseen)

    def rest_at(self, shift: FloatArray) -> BoolArray:
        """Tell which chunks lie at a shift, (k, d), with parts of nearly all localizations."""
        away = np.abs(self.place - shift[self.at])
        there = ~(away > highest_by_chance(2 * away.size) * np.sqrt(self.noise)).any(axis=1)
        return np.bincount(self.at, self.share[:, 0] * there) > 1 - _ALL_BUT

    @property
    def unseen_of_chunks(self) -> FloatArray:
        """The variance by what the sample moves within parts, shape (k, d)."""
        return _of_chunks(self.unseen, self.at)

    def worst(self, left: BoolArray) -> list[int]:
        """Return, of each chunk, the part of which most is unseen, among those that are left.

        There is none of chunks whose other error is larger.
        """
        matters = (self.unseen_of_chunks > self.variance).any(axis=1)
        found = []
        for place in np.flatnonzero(matters).tolist():
            mine = np.flatnonzero((self.at == place) & left)
            least = np.maximum(self.variance[place], np.finfo(np.float64).tiny)
            amount = np.nan_to_num(self.unseen[mine] / least).max(axis=1)
            if amount.max(initial=0.0) > 0:
                found.append(int(mine[amount.argmax()]))
        return found


def _of_chunks(values: FloatArray, at: IntArray) -> FloatArray:
    """Sum over the parts of each chunk."""
    out = np.zeros((int(at.max()) + 1, *values.shape[1:]))
    np.add.at(out, at, values)
    return out


def _steps(shift: FloatArray, variance: FloatArray, segment: IntArray) -> FloatArray:
    """Return what the sample moves in each part, 0 where that is not clear; shape (n, d).

    It is half of what the parts before and after are apart; at the ends of segments, all of it.
    """
    here = np.arange(len(shift))
    after, before = (np.clip(here + step, 0, here[-1]) for step in (1, -1))
    after, before = (np.where(segment[at] == segment, at, here) for at in (after, before))
    apart = np.maximum(after - before, 1)[:, None]
    steps = (shift[after] - shift[before]) / apart
    std = np.sqrt(variance[after] + variance[before]) / apart
    return np.where(np.abs(steps) > highest_by_chance(2 * steps.size) * std, steps, 0.0)
