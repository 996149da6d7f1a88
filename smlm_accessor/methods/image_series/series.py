"""Register a series of images by cross-correlation: onto the first, the previous, or all others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeVar

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.backends import map_threads
from smlm_accessor.kernels.correlation.correlation import Correlator, cross
from smlm_accessor.kernels.correlation.peak_precision import Clarity, Match, Precision, Slopes
from smlm_accessor.kernels.field.blocks import FieldBlocks
from smlm_accessor.kernels.field.jackknife import variances
from smlm_accessor.kernels.images.images import Spectrum

_ROUNDS = 2
# What an image contributes to the variance whatever it is compared with is a difference of two
# estimates; it is at least this part of the larger one.
_LEAST_OWN = 0.1
_NOWHERE = np.full(2, np.nan)
T = TypeVar("T")


class Shifts(NamedTuple):
    """How far each image of a series lies from the first valid one.

    ``shift`` and ``variance`` have shape (k, 2), ``quality`` and ``valid`` (k,). The variance is
    what the image itself contributes: that of the difference of two shifts is the sum of theirs.
    Where ``valid`` is False the rest is NaN. ``moves``, shape (k, n_places, 2), is how the shifts
    would change without each place of the field; `jackknifed` makes variances of it.
    """

    shift: FloatArray
    variance: FloatArray
    quality: FloatArray
    valid: BoolArray
    moves: FloatArray | None = None

    def jackknifed(self) -> Shifts:
        """Return the same with variances that do not take localizations for independent.

        As it is where too few places have a say.
        """
        found = None if self.moves is None else variances(self.moves[self.valid])
        if found is None:
            return self
        variance = self.variance.copy()
        # An axis without extent has none.
        variance[self.valid] = np.where(np.isfinite(variance[self.valid]), found, np.nan)
        return self._replace(variance=variance)


def solve(
    spectra: Sequence[Spectrum],
    counts: IntArray,
    correlator: Correlator,
    *,
    target: str,
    max_shift: FloatArray,
    clarity: Clarity,
    blocks: FieldBlocks | None = None,
    threads: int | None = None,
    progress: bool = False,
) -> Shifts:
    """Return the shifts of a series of images, or stacks of images, from their transforms.

    Parameters
    ----------
    spectra : sequence of ndarray of complex64, each of shape (n_tiles, 2 m0 + 1, m1 + 1)
        From `summarize`.
    counts : ndarray of int, shape (k,)
        Localizations of each; those that have none are invalid.
    correlator : Correlator
    target : {"first", "previous", "all"}
        The first that has localizations, the one before (shifts are added up), or all others.
    max_shift : ndarray, shape (2,)
    clarity : Clarity
        What a maximum needs to count.
    blocks : FieldBlocks, optional
        See `Precision`.
    threads : int, optional
    progress : bool, default False
    """
    run = partial(map_threads, threads=threads, progress=progress, description="correlations")
    precision = Precision(correlator, blocks)
    series = _Series(spectra, counts, precision, max_shift, clarity, run)
    present = [int(i) for i in np.flatnonzero(counts > 0)]
    k = len(counts)
    out = Shifts(np.full((k, 2), np.nan), np.full((k, 2), np.nan), np.full(k, np.nan), counts < 0)
    if not present:
        return out
    register = {"first": series.on_first, "previous": series.on_previous, "all": series.on_all}
    found = register[target](present)
    moves = np.zeros((k, *found[min(found)].moves.shape)) if found else None
    for i, match in found.items():
        assert moves is not None
        moves[i] = match.moves
        out.shift[i] = match.shift - found[min(found)].shift
        out.variance[i], out.quality[i], out.valid[i] = match.variance, match.quality, True
    return out._replace(moves=moves)


class _Series:
    def __init__(
        self,
        spectra: Sequence[Spectrum],
        counts: IntArray,
        precision: Precision,
        max_shift: FloatArray,
        clarity: Clarity,
        run: Callable[..., list[Any]],
    ) -> None:
        self.spectra, self.counts, self.correlator = spectra, counts, precision.correlator
        self.precision = precision
        self.max_shift, self.clarity, self.run = max_shift, clarity, run

    def on_first(self, present: list[int]) -> dict[int, Match]:
        first, *others = present
        reference = self.spectra[first]
        slopes = self.precision.of(reference)
        found = self.each(others, partial(self.on, reference, slopes))
        # What the first contributes itself is seen from all others together.
        rest = {i: m.shift for i, m in found.items()}
        itself = self.match(self.sum(rest), reference) if rest else None
        variance = np.mean([m.variance for m in found.values()], axis=0) if rest else _NOWHERE
        itself = itself or _resting(variance)
        # What it contributes is common to all others, who move against it.
        moves = np.zeros_like(next(iter(found.values())).moves) if rest else itself.moves
        return found | {first: itself._replace(shift=np.zeros(2), moves=moves)}

    def on_previous(self, present: list[int]) -> dict[int, Match]:
        def on(before: int, i: int) -> Match | None:
            return self.match(self.spectra[before], self.spectra[i], pairs=True)

        before = dict(zip(present[1:], present[:-1], strict=True))
        steps = self.each(present[1:], lambda i: on(before[i], i))
        last = present[0]
        found = {last: _resting(pairs=0.0)}
        for i in before:
            step = steps.get(i) if before[i] == last else on(last, i)
            if step is None:
                continue
            if len(found) == 1:
                back = on(i, last) or step
                found[last] = found[last]._replace(
                    variance=own_variance(back.variance, back.pair_variance), quality=back.quality
                )
            # What is the image's own cancels in the next step; what is the pair's adds up.
            pairs = found[last].pair_variance + step.pair_variance
            own = own_variance(step.variance, step.pair_variance)
            shift, moves = found[last].shift + step.shift, found[last].moves + step.moves
            found[i] = Match(shift, own + pairs, pairs, step.quality, moves)
            last = i
        first = found[present[0]]
        return found | {present[0]: first._replace(moves=np.zeros_like(found[last].moves))}

    def on_all(self, present: list[int]) -> dict[int, Match]:
        # The set grows from the largest image, twice as large each time.
        order = sorted(present, key=lambda i: -self.counts[i])
        shifts = {order[0]: np.zeros(2)}
        total = self.spectra[order[0]]
        for size in (2**j for j in range(len(order).bit_length())):
            slopes = self.precision.of(total)
            matches = self.each(order[size : 2 * size], partial(self.on, total, slopes))
            if matches:
                located = {i: m.shift for i, m in matches.items()}
                shifts |= located
                total = total + self.sum(located)
        if len(shifts) == 1:
            return {i: _resting() for i in shifts}
        n = sum(self.counts[i] for i in shifts)
        rest = {i: 1 - self.counts[i] / n for i in shifts}
        for _ in range(_ROUNDS):
            moved = self.each(list(shifts), partial(self.moved, total, shifts))
            # The others go on without the image, which has its part in where all of them are.
            shifts = {i: s + rest[i] * moved[i] for i, s in shifts.items()}
            total = self.sum(shifts)
        slopes = self.precision.of(total)

        def last(i: int) -> Match | None:
            if i not in shifts:
                return self.on(total, slopes, i)
            aligned = self.spectra[i] * self.correlator.phase(shifts[i])
            match = self.match(total - aligned, aligned, slopes)
            if match is None:
                return None
            shift = shifts[i] + rest[i] * match.shift
            variance, moves = match.variance * rest[i] ** 2, match.moves * rest[i]
            return match._replace(shift=shift, variance=variance, moves=moves)

        return self.each(present, last)

    def each(self, images: list[int], function: Callable[[int], T | None]) -> dict[int, T]:
        """Apply to images in parallel, and leave out those for which nothing comes back."""
        results = self.run(function, images)
        return {i: r for i, r in zip(images, results, strict=True) if r is not None}

    def sum(self, shifts: dict[int, FloatArray]) -> Spectrum:
        """Sum of images, each moved back by its shift; at least one."""
        parts = (self.spectra[i] * self.correlator.phase(shifts[i]) for i in sorted(shifts))
        total = next(parts)
        for part in parts:
            total = total + part
        return total

    def on(self, reference: Spectrum, slopes: Slopes, i: int) -> Match | None:
        return self.match(reference, self.spectra[i], slopes)

    def moved(self, total: Spectrum, shifts: dict[int, FloatArray], i: int) -> FloatArray:
        """Return how far an image lies from the sum of the others."""
        aligned = self.spectra[i] * self.correlator.phase(shifts[i])
        shift = self.correlator.refine(cross(total - aligned, aligned), np.zeros(2))
        return shift if np.isfinite(shift).all() else np.zeros(2)

    def match(
        self,
        reference: Spectrum,
        moving: Spectrum,
        slopes: Slopes | None = None,
        *,
        pairs: bool = False,
    ) -> Match | None:
        return self.precision.match(
            reference,
            moving,
            max_shift=self.max_shift,
            clarity=self.clarity,
            slopes=slopes,
            pairs=pairs,
        )


def _resting(
    variance: FloatArray = _NOWHERE, quality: float = np.nan, pairs: float = np.nan
) -> Match:
    return Match(np.zeros(2), variance, np.full(2, pairs), quality, np.zeros((1, 2)))


def own_variance(variance: FloatArray, pair_variance: FloatArray) -> FloatArray:
    """Return what an image contributes to the variance whatever it is compared with."""
    own: FloatArray = np.maximum(variance - pair_variance, _LEAST_OWN * variance)
    return own
